//! One account, and one parent with its children.
use super::*;
use Meter::{Calls, Fuel, Memory, MicroUsd, TokensIn, WallTime};

fn granted(list: &[(Meter, u64)]) -> Account {
    let amounts = list.iter().fold(Amounts::zero(), |amounts, (meter, n)| amounts.with(*meter, *n));
    Account::new(amounts)
}

fn asked(list: &[(Meter, u64)]) -> Amounts {
    granted(list).granted
}

#[test]
fn a_charge_is_taken_whole_or_not_at_all() {
    let mut account = granted(&[(Calls, 10), (TokensIn, 100)]);
    account.charge(&[(Calls, 1), (TokensIn, 60)]).unwrap();
    let before = account.clone();
    let refused = account.charge(&[(Calls, 1), (TokensIn, 41)]).unwrap_err();
    assert_eq!(refused, Exhausted { meter: TokensIn, asked: 41, left: 40, granted: 100 });
    assert_eq!(
        refused.to_string(),
        "not enough tokens-in: 41 asked for, 40 of 100 left; ask for less, or grant more"
    );
    assert_eq!(account, before);
    account.charge(&[(Calls, 9), (TokensIn, 40)]).unwrap();
    assert_eq!((account.left(Calls), account.used(TokensIn)), (0, 100));
}

#[test]
fn a_meter_that_stands_twice_is_added_up() {
    let mut account = granted(&[(Calls, 10)]);
    assert_eq!(account.charge(&[(Calls, 6), (Calls, 6)]).unwrap_err().asked, 12);
    assert_eq!(account.charge(&[(Calls, u64::MAX), (Calls, u64::MAX)]).unwrap_err().asked, u64::MAX);
    account.charge(&[(Calls, 5), (Calls, 5)]).unwrap();
    assert_eq!(account.used(Calls), 10);
}

#[test]
fn no_limit_still_counts_use() {
    let mut account = Account::new(Amounts::unlimited());
    account.charge(&[(MicroUsd, 5)]).unwrap();
    assert_eq!((account.used(MicroUsd), account.left(MicroUsd)), (5, MAX));
    account.charge(&[(MicroUsd, u64::MAX)]).unwrap();
    account.charge(&[(MicroUsd, u64::MAX)]).unwrap();
    assert_eq!((account.used(MicroUsd), account.left(MicroUsd)), (MAX, MAX));
}

#[test]
fn a_reservation_is_given_back_for_what_was_used() {
    let mut account = granted(&[(TokensIn, 100)]);
    account.reserve(&[(TokensIn, 80)]).unwrap();
    assert_eq!((account.left(TokensIn), account.used(TokensIn)), (20, 0));
    assert!(account.reserve(&[(TokensIn, 21)]).is_err());
    assert!(account.settle(&[(TokensIn, 80)], &[(TokensIn, 30)]).is_empty());
    assert_eq!((account.left(TokensIn), account.used(TokensIn)), (70, 30));
}

#[test]
fn use_beyond_the_reservation_is_charged_as_far_as_the_grant_goes() {
    let mut account = granted(&[(TokensIn, 100)]);
    account.reserve(&[(TokensIn, 80)]).unwrap();
    assert!(account.settle(&[(TokensIn, 80)], &[(TokensIn, 90)]).is_empty());
    account.reserve(&[(TokensIn, 5)]).unwrap();
    assert_eq!(account.settle(&[(TokensIn, 5)], &[(TokensIn, 25)]), [(TokensIn, 15)]);
    assert_eq!((account.left(TokensIn), account.used(TokensIn)), (0, 100));
}

#[test]
fn a_measured_total_replaces_own_use_only() {
    let mut account = granted(&[(Fuel, 100)]);
    let mut child = account.open_child(&asked(&[(Fuel, 40)])).unwrap();
    child.charge(&[(Fuel, 10)]).unwrap();
    account.close_child(&child);
    assert_eq!(account.set_used(Fuel, 50), 0);
    assert_eq!((account.own(Fuel), account.used(Fuel), account.left(Fuel)), (50, 60, 40));
    assert_eq!(account.set_used(Fuel, 120), 30);
    assert_eq!((account.used(Fuel), account.left(Fuel)), (100, 0));
    assert_eq!(account.set_used(Fuel, 20), 0);
    assert_eq!((account.used(Fuel), account.left(Fuel)), (30, 70));
}

#[test]
fn a_childs_budget_is_moved_and_its_rest_comes_back() {
    let mut parent = granted(&[(Calls, 100), (Memory, 64), (WallTime, 500)]);
    assert_eq!(parent.set_used(WallTime, 100), 0);
    let mut child = parent.open_child(&asked(&[(Calls, 60), (Memory, 16), (WallTime, 450)])).unwrap();
    assert_eq!((parent.left(Calls), parent.left(Memory), parent.left(WallTime)), (40, 48, 400));
    assert_eq!((child.granted(Calls), child.granted(Memory), child.granted(WallTime)), (60, 16, 400));

    child.charge(&[(Calls, 25), (Memory, 9)]).unwrap();
    assert_eq!(child.set_used(WallTime, 300), 0);
    parent.close_child(&child);
    assert_eq!((parent.used(Calls), parent.left(Calls)), (25, 75));
    assert_eq!((parent.used(Memory), parent.left(Memory)), (0, 64));
    assert_eq!((parent.used(WallTime), parent.left(WallTime)), (100, 400));
}

#[test]
fn a_child_that_asks_too_much_moves_nothing() {
    let mut parent = granted(&[(Fuel, 100), (Calls, 10)]);
    let before = parent.clone();
    let refused = parent.open_child(&asked(&[(Fuel, 50), (Calls, 11)])).unwrap_err();
    assert_eq!(refused, Exhausted { meter: Calls, asked: 11, left: 10, granted: 10 });
    assert_eq!(parent, before);
}

#[test]
fn no_limit_asked_is_all_that_is_left() {
    let mut parent = Account::new(Amounts::unlimited().with(Fuel, 100));
    parent.charge(&[(Fuel, 30)]).unwrap();
    let mut child = parent.open_child(&Amounts::unlimited().with(Calls, 5)).unwrap();
    assert_eq!((child.granted(Fuel), parent.left(Fuel)), (70, 0));
    assert_eq!((child.granted(MicroUsd), parent.moved(MicroUsd)), (MAX, 0));
    assert_eq!((child.granted(WallTime), child.granted(Memory)), (MAX, MAX));
    assert_eq!((child.granted(Calls), parent.moved(Calls), parent.left(Calls)), (5, 0, MAX));

    child.charge(&[(MicroUsd, 7), (Fuel, 1), (Calls, 5)]).unwrap();
    parent.close_child(&child);
    assert_eq!((parent.used(MicroUsd), parent.used(Fuel), parent.used(Calls)), (7, 31, 5));
    assert_eq!(parent.left(Fuel), 69);
}

#[test]
fn what_a_child_had_reserved_stays_charged() {
    let mut parent = granted(&[(TokensIn, 100)]);
    let mut child = parent.open_child(&asked(&[(TokensIn, 50)])).unwrap();
    child.reserve(&[(TokensIn, 20)]).unwrap();
    parent.close_child(&child);
    assert_eq!((parent.used(TokensIn), parent.left(TokensIn)), (20, 80));
}

#[test]
fn an_account_keeps_its_value_in_json() {
    let mut account = Account::new(crate::default_root());
    account.charge(&[(Calls, 3), (MicroUsd, 9)]).unwrap();
    account.reserve(&[(TokensIn, 40)]).unwrap();
    account.open_child(&crate::default_child()).unwrap();
    let text = serde_json::to_string(&account).unwrap();
    assert_eq!(serde_json::from_str::<Account>(&text).unwrap(), account);
}

#[test]
fn a_damaged_account_has_nothing_left_and_does_not_panic() {
    // Absent meters are at their maximum: here everything is used that was never granted.
    let text = r#"{"granted":{"calls":1},"own":{},"ended":{},"reserved":{},"moved":{}}"#;
    let mut account: Account = serde_json::from_str(text).unwrap();
    assert_eq!((account.left(Calls), account.used(Calls)), (0, MAX));
    assert!(account.charge(&[(Calls, 1)]).is_err());
    assert_eq!(account.set_used(Calls, 5), 5);
    let child = account.clone();
    account.close_child(&child);
    assert_eq!(account.left(Calls), 0);
}

#[test]
fn most_of_a_meter_is_noticed_and_more_can_be_granted() {
    let mut account = Account::new(Amounts::unlimited().with(Meter::TokensIn, 100).with(Meter::Memory, 10));
    account.charge(&[(Meter::TokensIn, 79)]).unwrap();
    assert!(!account.reached(Meter::TokensIn, 80));
    account.reserve(&[(Meter::TokensIn, 1)]).unwrap();
    assert!(account.reached(Meter::TokensIn, 80));
    account.fund(Meter::TokensIn, 50).unwrap();
    assert!(!account.reached(Meter::TokensIn, 80) && account.left(Meter::TokensIn) == 70);
    assert!(account.fund(Meter::TokensIn, MAX).is_err() && account.left(Meter::TokensIn) == 70);
    // Without a limit there is nothing to reach, and memory is no consumable.
    assert!(!account.reached(Meter::Fuel, 0) && !account.reached(Meter::Memory, 0));
}

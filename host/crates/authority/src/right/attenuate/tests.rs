use proptest::prelude::*;

use super::*;
use crate::{Decision, Labels};

/// `verb object use delegate unless`, with `-` for nothing.
fn right(text: &str) -> Right {
    let words: Vec<&str> = text.split(' ').collect();
    let half = |word: &str| match word {
        "allow" => Use::Allow,
        "ask" => Use::Ask,
        _ => Use::No,
    };
    let unless = words.get(4).map(|list| Labels::new(list.split(',')).unwrap()).unwrap_or_default();
    let (verb, object) = (words[0].parse().unwrap(), words[1].parse().unwrap());
    Right { verb, object, using: half(words[2]), delegate: half(words[3]), unless, until: None, depth: None }
}

fn set(rights: &[&str]) -> Rights {
    Rights::new(rights.iter().map(|text| right(text))).unwrap()
}

fn asked(list: &[(Verb, &str)]) -> Vec<(Verb, Pattern)> {
    list.iter().map(|(verb, object)| (*verb, object.parse().unwrap())).collect()
}

#[test]
fn a_coordinator_equips_a_writer_without_being_one() {
    let parent = set(&["write site - allow", "read notes - allow", "spawn writer allow -"]);
    let needs = set(&["write site allow -", "infer default allow -", "log * allow -", "send parent allow -"]);
    let child = Rights::attenuate(&needs, &parent, None).unwrap();
    assert_eq!(child, set(&["write site allow -", "log * allow -", "send parent allow -"]));
    assert_eq!(parent.decide(Verb::Write, "site", &Labels::default()), Decision::Deny);
}

#[test]
fn the_narrower_object_is_taken_and_labels_are_united() {
    let parent = set(&["publish a.b.* - allow secret", "put * - allow"]);
    let needs = set(&["publish a.* allow - personal", "put report allow -", "send * allow -"]);
    let child = Rights::attenuate(&needs, &parent, None).unwrap();
    assert_eq!(
        child,
        set(&["publish a.b.* allow - personal,secret", "put report allow -", "send parent allow -"])
    );
}

#[test]
fn what_the_parent_must_ask_for_so_must_the_child() {
    let parent = set(&["write site - ask"]);
    let child = Rights::attenuate(&set(&["write site allow allow"]), &parent, None).unwrap();
    assert_eq!(child, set(&["write site ask ask"]));
    // A child that only hands it on does not lose the question for its own children.
    let middle = Rights::attenuate(&set(&["write site - allow"]), &parent, None).unwrap();
    let last = Rights::attenuate(&set(&["write site allow -"]), &middle, None).unwrap();
    assert_eq!(last, set(&["write site ask -"]));
    let needs = set(&["write site ask -"]);
    let child = Rights::attenuate(&needs, &set(&["write site allow allow"]), None).unwrap();
    assert_eq!(child, needs);
}

#[test]
fn use_alone_is_not_handed_on() {
    let child = Rights::attenuate(&set(&["write site allow -"]), &set(&["write * allow -"]), None).unwrap();
    assert!(child.is_empty());
}

#[test]
fn asking_narrows_and_never_widens() {
    let parent = set(&["write * - allow", "read notes - allow"]);
    let needs = set(&["write site.* allow -", "read notes allow -", "log * allow -", "send parent allow -"]);
    let one = asked(&[(Verb::Write, "site.a"), (Verb::Write, "other")]);
    let child = Rights::attenuate(&needs, &parent, Some(&one)).unwrap();
    assert_eq!(child, set(&["write site.a allow -", "log * allow -"]));
    let none = Rights::attenuate(&needs, &parent, Some(&[])).unwrap();
    assert_eq!(none, set(&["log * allow -"]));
}

#[test]
fn asking_for_what_the_parent_may_not_hand_on_names_it() {
    let parent = set(&["write site - allow", "read notes allow -"]);
    for (verb, object) in
        [(Verb::Read, "notes"), (Verb::Write, "*"), (Verb::Send, "*"), (Verb::Infer, "default")]
    {
        let list = asked(&[(Verb::Write, "site"), (Verb::Log, "*"), (Verb::Send, "parent"), (verb, object)]);
        let error = Rights::attenuate(&parent, &parent, Some(&list)).unwrap_err();
        assert_eq!((error.verb, error.object.as_str(), error.reason), (verb, object, Reason::NotHeld));
    }
    let many: Vec<_> = (0..65).map(|_| (Verb::Write, "site".parse().unwrap())).collect();
    let error = Rights::attenuate(&parent, &parent, Some(&many)).unwrap_err();
    assert_eq!(error.reason, Reason::TooMany);
}

#[test]
fn too_many_pieces_are_refused_not_dropped() {
    let unless = |n: usize| Labels::new([format!("l{n}")]).unwrap();
    let many = |using: Use, delegate: Use| {
        let object: Pattern = "site".parse().unwrap();
        let one = |n| Right {
            verb: Verb::Write,
            object: object.clone(),
            using,
            delegate,
            unless: unless(n),
            until: None,
            depth: None,
        };
        Rights::new((0..16).map(one)).unwrap()
    };
    let error = Rights::attenuate(&many(Use::Allow, Use::No), &many(Use::No, Use::Allow), None).unwrap_err();
    assert_eq!((error.verb, error.reason), (Verb::Write, Reason::TooMany));
}

prop_compose! {
    fn any_right()(
        verb in prop::sample::select(vec![Verb::Write, Verb::Send, Verb::Log]),
        object in prop::sample::select(vec!["*", "a", "a.*", "a.b", "a.b.*", "parent", "c"]),
        using in prop::sample::select(vec![Use::No, Use::Ask, Use::Allow]),
        delegate in prop::sample::select(vec![Use::No, Use::Ask, Use::Allow]),
        unless in prop::sample::subsequence(vec!["personal", "secret"], 0..=2),
        until in prop::option::weighted(0.3, 1..4_u64),
        depth in prop::option::weighted(0.3, 0..3_u8),
    ) -> Right {
        let unless = Labels::new(unless).unwrap();
        Right { verb, object: object.parse().unwrap(), using, delegate, unless, until, depth }
    }
}

fn any_rights() -> impl Strategy<Value = Rights> {
    prop::collection::vec(any_right(), 0..6).prop_map(|rights| Rights::new(rights).unwrap())
}

/// How strongly `verb name` may be had under `carried` from rights that may be handed on.
fn delegable(rights: &Rights, verb: Verb, name: &str, carried: &Labels) -> Use {
    let held = rights.iter().filter(|r| r.verb == verb && r.object.covers(name) && r.depth != Some(0));
    let free = held.filter(|r| !r.unless.intersects(carried));
    free.map(|r| r.delegate).max().unwrap_or(Use::No)
}

fn strength(decision: Decision) -> Use {
    match decision {
        Decision::Allow => Use::Allow,
        Decision::Ask => Use::Ask,
        Decision::Deny => Use::No,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn a_child_is_never_wider_than_any_of_the_three(
        needs in any_rights(),
        parent in any_rights(),
        list in prop::option::of(prop::collection::vec(any_right(), 0..4)),
        labels in prop::sample::subsequence(vec!["personal", "secret"], 0..=2),
        now in 0..5_u64,
    ) {
        let list: Option<Vec<_>> = list.map(|list| list.into_iter().map(|r| (r.verb, r.object)).collect());
        let carried = Labels::new(labels).unwrap();
        let child = match Rights::attenuate(&needs, &parent, list.as_deref()) {
            Ok(child) => child,
            Err(error) => {
                prop_assert_eq!(error.reason, Reason::NotHeld);
                prop_assert!(!parent.delegates(error.verb, &error.object));
                return Ok(());
            }
        };
        // Whatever the time: each of the three as it is then.
        let (child, needs, parent) = (child.at(now), needs.at(now), parent.at(now));
        for verb in [Verb::Write, Verb::Send, Verb::Log] {
            for name in ["a", "a.b", "a.b.c", "a.x", "parent", "c", "z"] {
                let got = strength(child.decide(verb, name, &carried));
                let need = strength(needs.decide(verb, name, &carried));
                let tie = verb == Verb::Log || (verb == Verb::Send && name == "parent");
                prop_assert!(got <= need, "{verb} {name}: wider than needed");
                prop_assert!(tie || got <= delegable(&parent, verb, name, &carried), "{verb} {name}: wider than held");
                let wanted = list.as_ref().is_none_or(|list| list.iter().any(|(v, o)| *v == verb && o.covers(name)));
                prop_assert!(wanted || verb == Verb::Log || got == Use::No, "{verb} {name}: not asked for");
                let hand = delegable(&child, verb, name, &carried);
                prop_assert!(hand <= delegable(&needs, verb, name, &carried), "{verb} {name}: hands on more than needed");
                prop_assert!(tie || hand <= delegable(&parent, verb, name, &carried), "{verb} {name}: hands on more than held");
            }
        }
    }

    #[test]
    fn a_label_is_never_lost(needs in any_rights(), parent in any_rights()) {
        let child = Rights::attenuate(&needs, &parent, None).unwrap();
        for right in &child {
            let mut sources = needs.iter().filter(|need| need.verb == right.verb);
            let inherits = |from: &Right| from.object.covers_pattern(&right.object)
                && from.unless.iter().all(|label| right.unless.contains(label));
            prop_assert!(sources.any(&inherits));
            let mut held = parent.iter().filter(|held| held.verb == right.verb);
            prop_assert!(Rights::free(right.verb, &right.object) || held.any(inherits));
        }
    }

    #[test]
    fn nothing_is_lost_that_all_three_give(needs in any_rights(), parent in any_rights(), now in 0..5_u64) {
        let child = Rights::attenuate(&needs, &parent, None).unwrap().at(now);
        let (needs, parent) = (needs.at(now), parent.at(now));
        let none = Labels::default();
        for name in ["a", "a.b", "a.b.c", "c", "z"] {
            let expected = strength(needs.decide(Verb::Write, name, &none)).min(delegable(&parent, Verb::Write, name, &none));
            prop_assert_eq!(strength(child.decide(Verb::Write, name, &none)), expected);
        }
    }

    #[test]
    fn what_is_taken_back_is_gone_and_nothing_is_added(
        rights in any_rights(),
        verb in prop::sample::select(vec![Verb::Write, Verb::Send]),
        object in prop::sample::select(vec!["*", "a", "a.*", "a.b", "c"]),
    ) {
        let object: Pattern = object.parse().unwrap();
        let left = rights.without(verb, &object);
        prop_assert!(left.iter().all(|right| rights.iter().any(|held| held == right)));
        for name in ["a", "a.b", "a.b.c", "c", "z"] {
            if object.covers(name) {
                prop_assert_eq!(left.decide(verb, name, &Labels::default()), Decision::Deny);
                prop_assert!(!left.delegates(verb, &name.parse().unwrap()));
            }
        }
        let others = |set: &Rights| set.iter().filter(|right| right.verb != verb).cloned().collect::<Vec<_>>();
        prop_assert_eq!(others(&left), others(&rights));
    }
}

/// Every right of a small world.
fn world() -> Vec<Right> {
    let mut all = Vec::new();
    for object in ["a", "a.*", "*"] {
        for halves in 0..4 {
            for unless in [&[][..], &["p"]] {
                for until in [None, Some(1)] {
                    for depth in [None, Some(0), Some(1)] {
                        let half = |bit: u32| if halves & bit == 0 { Use::No } else { Use::Allow };
                        let unless = Labels::new(unless.iter().copied()).unwrap();
                        let object = object.parse().unwrap();
                        let (using, delegate) = (half(1), half(2));
                        all.push(Right { verb: Verb::Write, object, using, delegate, unless, until, depth });
                    }
                }
            }
        }
    }
    all
}

/// Small scopes, all of them: a child of every need, of every parent, asked for every pattern or for all, holds exactly what all
/// of them give, under every label, at every time; and what a child's child gets is one step nearer to its depth.
#[test]
fn in_a_small_world_a_child_holds_exactly_what_all_give() {
    let world = world();
    let none =
        |list: Option<&str>| list.map(|object| vec![(Verb::Write, object.parse::<Pattern>().unwrap())]);
    let mut cases = 0_u32;
    for need in &world {
        for held in &world {
            let (needs, parent) =
                (Rights::new([need.clone()]).unwrap(), Rights::new([held.clone()]).unwrap());
            for wanted in [None, Some("a"), Some("a.*"), Some("*")] {
                let list = none(wanted);
                let child = Rights::attenuate(&needs, &parent, list.as_deref());
                let handed = held.delegate == Use::Allow && held.depth != Some(0);
                let whole = wanted.is_none_or(|object| held.object.covers_pattern(&object.parse().unwrap()));
                let Ok(child) = child else {
                    assert!(!(handed && whole), "{need:?} {held:?} {wanted:?}");
                    continue;
                };
                assert!(wanted.is_none() || (handed && whole), "{need:?} {held:?} {wanted:?}");
                let asked = |name: &str| list.as_ref().is_none_or(|list| list[0].1.covers(name));
                for (name, carried, now) in moments() {
                    let free = |right: &Right| {
                        right.object.covers(name)
                            && !right.unless.intersects(&carried)
                            && right.until.is_none_or(|until| now < until)
                    };
                    let reach = handed && free(need) && free(held) && asked(name);
                    let got = child.at(now).decide(Verb::Write, name, &carried) == Decision::Allow;
                    assert_eq!(got, reach && need.using == Use::Allow, "{need:?} {held:?} {wanted:?} {name}");
                    let hands = delegable(&child.at(now), Verb::Write, name, &carried) == Use::Allow;
                    let on = reach
                        && need.delegate == Use::Allow
                        && need.depth != Some(0)
                        && held.depth != Some(1);
                    assert_eq!(hands, on, "{need:?} {held:?} {wanted:?} {name}");
                    cases += 1;
                }
            }
        }
    }
    assert!(cases > 300_000, "{cases}");
}

fn moments() -> Vec<(&'static str, Labels, u64)> {
    let mut all = Vec::new();
    for name in ["a", "a.b", "c"] {
        for labels in [&[][..], &["p"]] {
            all.extend([0, 1].map(|now| (name, Labels::new(labels.iter().copied()).unwrap(), now)));
        }
    }
    all
}

#![allow(clippy::unwrap_used)]

use super::*;

fn right(verb: Verb, object: &str, using: Use, delegate: Use, unless: &[&str]) -> Right {
    let unless = Labels::new(unless.iter().copied()).unwrap();
    Right { verb, object: object.parse().unwrap(), using, delegate, unless }
}

fn set(rights: impl IntoIterator<Item = Right>) -> Rights {
    Rights::new(rights).unwrap()
}

#[test]
fn decides_by_the_strongest_right_that_matches() {
    let rights = set([
        right(Verb::Write, "*", Use::Ask, Use::No, &[]),
        right(Verb::Write, "site", Use::Allow, Use::No, &["personal"]),
        right(Verb::Read, "notes", Use::No, Use::Allow, &[]),
    ]);
    let none = Labels::default();
    let personal = Labels::new(["personal"]).unwrap();
    assert_eq!(rights.decide(Verb::Write, "site", &none), Decision::Allow);
    assert_eq!(rights.decide(Verb::Write, "site", &personal), Decision::Ask);
    assert_eq!(rights.decide(Verb::Write, "other", &none), Decision::Ask);
    assert_eq!(rights.decide(Verb::Read, "notes", &none), Decision::Deny);
    assert_eq!(rights.decide(Verb::Infer, "site", &none), Decision::Deny);
    assert!(rights.any(Verb::Write) && !rights.any(Verb::Read));
    assert!(rights.delegates(Verb::Read, &"notes".parse().unwrap()));
    assert!(!rights.delegates(Verb::Write, &"site".parse().unwrap()));
}

#[test]
fn holds_nothing_by_default() {
    for verb in Verb::ALL {
        assert_eq!(Rights::default().decide(verb, "x", &Labels::default()), Decision::Deny);
    }
}

#[test]
fn a_pattern_needs_one_right_that_covers_it() {
    let rights = set([right(Verb::Subscribe, "a.*", Use::Allow, Use::No, &["secret"])]);
    let (none, secret) = (Labels::default(), Labels::new(["secret"]).unwrap());
    let decide =
        |text: &str, carried| rights.decide_pattern(Verb::Subscribe, &text.parse().unwrap(), carried);
    assert_eq!(decide("a.b.*", &none), Decision::Allow);
    assert_eq!(decide("a.b", &none), Decision::Allow);
    assert_eq!(decide("a.*", &secret), Decision::Deny);
    assert_eq!(decide("*", &none), Decision::Deny);
}

#[test]
fn has_one_compact_encoding() {
    let full = right(Verb::Write, "site", Use::Ask, Use::Allow, &["b", "a"]);
    let plain = right(Verb::Read, "notes", Use::Allow, Use::No, &[]);
    let text = r#"[{"verb":"read","object":"notes","use":"allow"},{"verb":"write","object":"site","use":"ask","delegate":"allow","unless":["a","b"]}]"#;
    let rights = set([full.clone(), plain.clone()]);
    assert_eq!(serde_json::to_string(&rights).unwrap(), text);
    assert_eq!(serde_json::from_str::<Rights>(text).unwrap(), set([plain, full]));
    assert!(serde_json::from_str::<Rights>(r#"[{"verb":"read","object":"x","uze":"allow"}]"#).is_err());
    // A right without a half is nothing, not everything.
    assert!(serde_json::from_str::<Rights>(r#"[{"verb":"read","object":"x"}]"#).unwrap().is_empty());
}

#[test]
fn joins_halves_but_keeps_what_differs() {
    let used = right(Verb::Write, "site", Use::Allow, Use::No, &[]);
    let handed = right(Verb::Write, "site", Use::No, Use::Allow, &[]);
    assert_eq!(
        set([used.clone(), handed.clone()]),
        set([right(Verb::Write, "site", Use::Allow, Use::Allow, &[])])
    );
    let labelled = Right { unless: Labels::new(["personal"]).unwrap(), ..handed.clone() };
    assert_eq!(set([used, labelled]).len(), 2);
    let ask = right(Verb::Write, "site", Use::Ask, Use::Ask, &[]);
    assert_eq!(set([ask, handed]), set([right(Verb::Write, "site", Use::Ask, Use::Allow, &[])]));
}

#[test]
fn is_bounded() {
    let many = |count: usize, name: &str| {
        let rights = (0..count).map(|n| right(Verb::Send, &format!("{name}{n}"), Use::Allow, Use::No, &[]));
        Rights::new(rights)
    };
    assert!(many(64, "p").is_ok());
    assert_eq!(many(65, "p"), Err(RightsError::TooMany(65)));
    assert!(matches!(many(64, &"x".repeat(200)), Err(RightsError::TooLong(_))));
    let (a, b) = (Labels::new((0..16).map(|n| n.to_string())).unwrap(), Labels::new(["x"]).unwrap());
    let wide = Right { unless: a.union(&b), ..right(Verb::Send, "a", Use::Allow, Use::No, &[]) };
    assert_eq!(Rights::new([wide]), Err(RightsError::TooManyLabels(17)));
}

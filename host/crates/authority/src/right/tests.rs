use super::*;

fn right(verb: Verb, object: &str, using: Use, delegate: Use, unless: &[&str]) -> Right {
    let unless = Labels::new(unless.iter().copied()).unwrap();
    Right { verb, object: object.parse().unwrap(), using, delegate, unless, until: None, depth: None }
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

/// The bytes that a set takes in an entry.
fn written(rights: &Rights) -> usize {
    serde_json::to_string(rights).unwrap().len()
}

/// As many different rights over names of 256 quotes, whose JSON is twice as long.
fn quoted(count: usize, unless: &[&str]) -> impl Iterator<Item = Right> {
    (0..count).map(move |n| {
        let name = format!("{n:02}{}", "\"".repeat(254));
        right(Verb::Put, &name, Use::Allow, Use::Allow, unless)
    })
}

/// Sixteen labels of 64 bytes, all quotes but the last two.
fn long_labels() -> Vec<String> {
    (0..Labels::LIMIT).map(|n| format!("{}{n:02}", "\"".repeat(Labels::BYTES - 2))).collect()
}

#[test]
fn the_bound_is_of_the_json() {
    assert!(matches!(Rights::new(quoted(31, &[])), Err(RightsError::TooLong(bytes)) if bytes > 17_000));
    let most = (0..=31).rev().find_map(|count| Rights::new(quoted(count, &[])).ok()).unwrap();
    assert!(most.len() > 15 && written(&most) <= Rights::BYTES, "{} {}", most.len(), written(&most));
    let more = written(&Rights::new(quoted(1, &[])).unwrap()) - 1;
    assert!(written(&most) + more > Rights::BYTES, "one more would have fitted");

    let labels = long_labels();
    let unless: Vec<&str> = labels.iter().map(String::as_str).collect();
    let labelled = |count: usize| {
        Rights::new((0..count).map(|n| right(Verb::Send, &format!("p{n}"), Use::Allow, Use::No, &unless)))
    };
    assert!(labelled(5).is_ok_and(|rights| written(&rights) <= Rights::BYTES && written(&rights) > 10_000));
    assert!(matches!(labelled(6), Err(RightsError::TooLong(_))));

    // The structure counts too: what fits to the byte, and what does not.
    for length in 100..=256 {
        let set = Rights::new(
            (0..64).map(|n| right(Verb::Send, &format!("{n:0length$}"), Use::Allow, Use::Allow, &[])),
        );
        match set {
            Ok(set) => assert!(written(&set) <= Rights::BYTES),
            Err(RightsError::TooLong(bytes)) => assert!(bytes > Rights::BYTES),
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn a_childs_set_is_bounded_too() {
    let labels = long_labels();
    let unless: Vec<&str> = labels.iter().map(String::as_str).collect();
    let needs = set([right(Verb::Put, "*", Use::Allow, Use::Allow, &unless)]);
    for count in 1..=16 {
        // Each of the parent's names with all labels of the need: longer than either.
        let parent = Rights::new(quoted(count, &unless[..1])).unwrap();
        match Rights::attenuate(&needs, &parent, None) {
            Ok(child) => assert!(count <= 4 && written(&child) <= Rights::BYTES),
            Err(error) => assert!(count > 4 && error.reason == Reason::TooMany, "{count}: {error}"),
        }
    }
}

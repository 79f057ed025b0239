use ledger::Meter;

use super::*;
use crate::{Decision, Manifest, Verb};

const TEAM: &str = r#"
[package]
name = "docs-merge"
version = "0.1.0"
component = "coordinator.wasm"
[needs]
spawn = ["writer"]
tool = ["search"]
[needs.delegate]
read = ["notes", "site"]
write = ["site"]
infer = ["default"]
[budget]
fuel = "20G"
tokens-in = "40k"
[children.writer]
component = "writer.wasm"
[children.writer.needs]
write = [{ object = "site", unless = ["personal"] }]
infer = ["default"]
[children.writer.budget]
fuel = "2G"
"#;

fn subject(manifest: Option<&str>) -> Subject {
    Subject {
        name: "agent".to_owned(),
        component: Digest::of(b"root"),
        manifest: manifest
            .map(|text| (Manifest::parse(text, "agent.toml").unwrap(), Digest::of(text.as_bytes()))),
        children: BTreeMap::from([("writer".to_owned(), Digest::of(b"writer"))]),
        signer: None,
    }
}

fn mount(path: &str, mode: Mode, labels: &[&str]) -> Place {
    Place { path: path.to_owned(), mode, labels: Labels::new(labels.iter().copied()).unwrap() }
}

fn model() -> ModelPlace {
    ModelPlace { driver: "scripted".to_owned(), model: "m".to_owned(), source: "answers.toml".to_owned() }
}

fn full() -> Offer {
    Offer {
        mounts: BTreeMap::from([
            ("notes".to_owned(), mount("/n", Mode::Ro, &["personal"])),
            ("site".to_owned(), mount("/s", Mode::Rw, &[])),
            ("extra".to_owned(), mount("/e", Mode::Rw, &[])),
        ]),
        models: BTreeMap::from([("default".to_owned(), model())]),
        allow: vec![(Verb::Tool, "*".parse().unwrap())],
        narrow: Vec::new(),
        budget: vec![(Meter::TokensIn, 7)],
        weights: Vec::new(),
        windows: BTreeMap::new(),
    }
}

fn allows(rights: &Rights, verb: Verb, object: &str) -> bool {
    rights.decide(verb, object, &Labels::default()) == Decision::Allow
}

#[test]
fn needs_that_are_offered_are_granted_and_no_more() {
    let Effective { grant, missing, unused, .. } = Grant::effective(&subject(Some(TEAM)), full()).unwrap();
    assert!(missing.is_empty() && unused.is_empty());
    let root = &grant.root.rights;
    assert!(allows(root, Verb::Spawn, "writer") && allows(root, Verb::Log, "info"));
    assert!(allows(root, Verb::Tool, "search") && !allows(root, Verb::Tool, "other"));
    assert!(!allows(root, Verb::Write, "site") && root.delegates(Verb::Write, &"site".parse().unwrap()));
    assert!(!allows(root, Verb::Read, "extra"), "offered, but not needed");
    let writer = Rights::attenuate(&grant.children["writer"].rights, root, None).unwrap();
    assert!(allows(&writer, Verb::Write, "site") && allows(&writer, Verb::Log, "info"));
    assert_eq!(writer.decide(Verb::Write, "site", &grant.mounts["notes"].labels), Decision::Deny);
    assert!(!allows(&writer, Verb::Read, "notes"));
}

#[test]
fn budgets_are_laid_over_each_other() {
    let grant = Grant::effective(&subject(Some(TEAM)), full()).unwrap().grant;
    let expected = ledger::default_root().with(Meter::Fuel, 20_000_000_000).with(Meter::TokensIn, 7);
    assert_eq!(grant.root.budget, expected);
    assert_eq!(grant.children["writer"].budget, ledger::default_child().with(Meter::Fuel, 2_000_000_000));
}

#[test]
fn what_is_missing_comes_with_the_flag_that_offers_it() {
    let all = Grant::effective(&subject(Some(TEAM)), Offer::default()).unwrap();
    let flags: BTreeSet<&str> = all.missing.iter().map(|missing| missing.flag.as_str()).collect();
    let expected = ["--allow tool=search", "--model default=…", "--mount notes=DIR", "--mount site=DIR:rw"];
    assert_eq!(flags.into_iter().collect::<Vec<_>>(), expected);
    assert_eq!(all.missing.len(), 5, "{:?}", all.missing);
    for verb in [Verb::Read, Verb::Write, Verb::Infer, Verb::Tool] {
        assert!(!all.grant.root.rights.iter().any(|right| right.verb == verb), "{verb} was granted");
    }

    let mut offer = full();
    offer.mounts.get_mut("site").unwrap().mode = Mode::Ro;
    let partly = Grant::effective(&subject(Some(TEAM)), offer).unwrap();
    assert_eq!(partly.missing.len(), 1);
    let missing = &partly.missing[0];
    assert_eq!(
        (missing.verb, missing.object.as_str(), missing.flag.as_str()),
        (Verb::Write, "site", "--mount site=/s:rw")
    );
}

#[test]
fn a_wide_need_gets_exactly_what_is_offered() {
    let text = TEAM.replace("tool = [\"search\"]", "read = [\"*\"]\ntool = [\"web.*\"]");
    let mut offer = full();
    offer.allow = vec![(Verb::Tool, "web.get".parse().unwrap()), (Verb::Tool, "shell".parse().unwrap())];
    let effective = Grant::effective(&subject(Some(&text)), offer).unwrap();
    let rights = &effective.grant.root.rights;
    for name in ["notes", "site", "extra"] {
        assert!(allows(rights, Verb::Read, name));
    }
    assert!(!allows(rights, Verb::Read, "other"));
    assert!(allows(rights, Verb::Tool, "web.get") && !allows(rights, Verb::Tool, "web.put"));
    assert_eq!(effective.unused, [(Verb::Tool, "shell".parse().unwrap())]);
    let none = Grant::effective(&subject(Some(&text)), Offer::default()).unwrap();
    assert!(none.missing.iter().any(|missing| missing.flag == "--mount NAME=DIR"));
}

#[test]
fn a_flag_is_safe_to_copy_to_a_shell() {
    let text = TEAM.replace("tool = [\"search\"]", "tool = [\"x;rm -rf 'y' z\"]");
    let missing = Grant::effective(&subject(Some(&text)), Offer::default()).unwrap().missing;
    let flag = &missing.iter().find(|missing| missing.verb == Verb::Tool).unwrap().flag;
    assert_eq!(flag, r"--allow 'tool=x;rm -rf '\''y'\'' z'");
}

#[test]
fn without_a_manifest_only_what_is_offered_and_the_log() {
    let bare = Grant::effective(&subject(None), Offer::default()).unwrap().grant;
    assert_eq!(bare.root.rights, Rights::new([crate::Right::allow(Verb::Log, Pattern::all())]).unwrap());
    assert_eq!((bare.package.as_str(), bare.version, bare.children.len()), ("agent", None, 0));
    assert_eq!(bare.root.budget, ledger::default_root());

    let grant = Grant::effective(&subject(None), full()).unwrap().grant;
    let rights = &grant.root.rights;
    for (verb, object) in
        [(Verb::Read, "notes"), (Verb::Write, "site"), (Verb::Infer, "default"), (Verb::Tool, "x")]
    {
        assert!(allows(rights, verb, object), "{verb} {object}");
    }
    assert!(!allows(rights, Verb::Write, "notes") && !allows(rights, Verb::Spawn, "writer"));

    let allow = |verb, object: &str| {
        let offer = Offer { allow: vec![(verb, object.parse().unwrap())], ..full() };
        Grant::effective(&subject(None), offer)
    };
    assert!(allow(Verb::Publish, "progress.*").is_ok());
    let error = allow(Verb::Write, "notes").unwrap_err().to_string();
    assert_eq!(error, "--allow write=notes: nothing is there; offer it with --mount notes=/n:rw");
    assert!(allow(Verb::Infer, "other").is_err());
}

#[test]
fn reserved_and_malformed_offers_are_refused() {
    for name in ["scratch", "$x", "a*", "*", "", "a\nb", &"x".repeat(129)] {
        let mounts = BTreeMap::from([(name.to_owned(), mount("/x", Mode::Ro, &[]))]);
        let error = Grant::effective(&subject(None), Offer { mounts, ..Offer::default() }).unwrap_err();
        assert!(matches!(error, GrantError::Name { what: "mount", .. }), "{name:?}: {error}");
    }
    let models = BTreeMap::from([("m".to_owned(), ModelPlace { source: String::new(), ..model() })]);
    let error = Grant::effective(&subject(None), Offer { models, ..Offer::default() }).unwrap_err();
    assert!(matches!(error, GrantError::Text { field: "source", .. }), "{error}");
    let mut subject = subject(Some(TEAM));
    subject.children.clear();
    assert_eq!(Grant::effective(&subject, full()), Err(GrantError::NoComponent("writer".to_owned())));
}

#[test]
fn is_bounded() {
    let many = |count: usize, mode| {
        let mounts = (0..count).map(|n| (format!("m{n}"), mount("/x", mode, &[])));
        Grant::effective(&subject(None), Offer { mounts: mounts.collect(), ..Offer::default() })
    };
    assert!(many(63, Mode::Ro).is_ok());
    assert!(matches!(many(63, Mode::Rw), Err(GrantError::Rights { .. })));
    let labels = |count: usize| {
        let mounts = (0..count).map(|n| (format!("m{n}"), mount("/x", Mode::Ro, &[&format!("l{n}")])));
        Grant::effective(&subject(None), Offer { mounts: mounts.collect(), ..Offer::default() })
    };
    assert!(labels(16).is_ok());
    assert_eq!(labels(17), Err(GrantError::Labels(17)));
}

#[test]
fn has_one_encoding() {
    let grant = Grant::effective(&subject(None), Offer { budget: vec![(Meter::Fuel, u64::MAX)], ..full() })
        .unwrap()
        .grant;
    let bytes = grant.encode();
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(
        text.starts_with(r#"{"v":1,"package":"agent","signed":false,"root":{"component":"sha256:"#),
        "{text}"
    );
    assert!(text.contains(r#""mounts":{"extra":{"path":"/e","mode":"rw","labels":[]},"#), "{text}");
    assert!(!text.contains("null"), "{text}");
    assert_eq!(grant.digest(), Digest::of(&bytes));
    assert_eq!(Grant::decode(&bytes).unwrap(), grant);

    let team = Grant::effective(&subject(Some(TEAM)), full()).unwrap().grant;
    assert_eq!(Grant::decode(&team.encode()).unwrap(), team);

    for bad in [
        format!(" {text}"),
        text.replace("\"v\":1", "\"v\":2"),
        text.replace("\"v\":1", "\"v\":1,\"w\":1"),
        text.replace("\"extra\"", "\"scratch\""),
        String::new(),
    ] {
        assert!(Grant::decode(bad.as_bytes()).is_err(), "{bad}");
    }
    assert_eq!(Grant::decode(&vec![b' '; GRANT_LIMIT + 1]), Err(GrantError::TooLong(GRANT_LIMIT + 1)));
}

#[test]
fn weights_are_the_members_and_a_grant_without_them_is_as_before() {
    let plain = Grant::effective(&subject(Some(TEAM)), full()).unwrap().grant;
    assert!(!String::from_utf8(plain.encode()).unwrap().contains("weights"));
    assert_eq!((plain.weight(""), plain.weight("writer")), (WEIGHT, WEIGHT));
    let weighed = |weights: &[(&str, u16)]| {
        let weights = weights.iter().map(|(member, weight)| ((*member).to_owned(), *weight)).collect();
        Grant::effective(&subject(Some(TEAM)), Offer { weights, ..full() }).map(|made| made.grant)
    };
    let grant = weighed(&[("root", 1), ("writer", 5), ("writer", 1_000)]).unwrap();
    assert_eq!((grant.weight(""), grant.weight("writer")), (1, 1_000));
    assert_eq!(Grant::decode(&grant.encode()).unwrap(), grant);
    let says = |weights: &[(&str, u16)], words: &str| {
        let error = weighed(weights).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    says(&[("reader", 5)], "--weight reader=5: there is no such member; there is root, writer");
    says(&[("writer", 0)], "a weight is 1 to 1000");
    says(&[("root", 1_001)], "--weight root=1001");
}

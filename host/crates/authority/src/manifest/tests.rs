use proptest::prelude::*;

use super::*;
use crate::{Decision, Labels, Use, Verb};

const TEAM: &str = r#"
[package]
name = "docs-merge"
version = "0.1.0"
description = "Merges notes into one page."
component = "coordinator.wasm"

[needs]
spawn = ["synthesizer", "writer"]
send = ["synthesizer", "writer"]
publish = ["progress.*"]
write = [{ object = "drafts", unless = ["personal"] }, "other"]

[needs.delegate]
read = ["notes"]
write = ["site", "other"]
infer = ["default"]

[budget]
tokens-in = "40k"
fuel = "10G"
calls = 500

[children.synthesizer]
component = "agents/synthesizer.wasm"
description = "Writes the page."
[children.synthesizer.needs]
read = ["notes"]
infer = ["default"]
send = ["parent"]
[children.synthesizer.budget]
fuel = "2G"

[children.writer]
component = "writer.wasm"
[children.writer.needs]
write = ["site"]
send = ["parent"]
log = ["*"]
"#;

fn parse(text: &str) -> Result<Manifest, ManifestError> {
    Manifest::parse(text, "agent.toml")
}

/// The error of the team's manifest with a text replaced, and the text at its place.
fn error_with(old: &str, new: &str) -> (String, String) {
    assert!(TEAM.contains(old), "{old}");
    let text = TEAM.replacen(old, new, 1);
    let error = parse(&text).unwrap_err();
    let at = text[error.offset..error.offset + error.len].to_owned();
    (error.to_string(), at)
}

#[test]
fn reads_a_whole_team() {
    let manifest = parse(TEAM).unwrap();
    assert_eq!(manifest.package.name, "docs-merge");
    assert_eq!(manifest.package.component, "coordinator.wasm");
    assert_eq!(
        manifest.budget,
        [(Meter::Fuel, 10_000_000_000), (Meter::TokensIn, 40_000), (Meter::Calls, 500)]
    );
    let child = &manifest.children["synthesizer"];
    assert_eq!(child.component, "agents/synthesizer.wasm");
    assert_eq!(child.budget, [(Meter::Fuel, 2_000_000_000)]);
    assert_eq!(manifest.children["writer"].description, "");

    let (none, personal) = (Labels::default(), Labels::new(["personal"]).unwrap());
    let needs = &manifest.needs;
    assert_eq!(needs.decide(Verb::Write, "drafts", &none), Decision::Allow);
    assert_eq!(needs.decide(Verb::Write, "drafts", &personal), Decision::Deny);
    assert_eq!(needs.decide(Verb::Write, "site", &none), Decision::Deny);
    assert!(needs.delegates(Verb::Write, &"site".parse().unwrap()));
    let both = needs.iter().find(|right| right.object.as_str() == "other").unwrap();
    assert_eq!((both.using, both.delegate), (Use::Allow, Use::Allow));

    let writer = Rights::attenuate(&manifest.children["writer"].needs, needs, None).unwrap();
    assert_eq!(writer, manifest.children["writer"].needs);
}

#[test]
fn the_smallest_manifest_needs_nothing() {
    let text = "[package]\nname = 'a'\nversion = '1.0.0'\ncomponent = 'a.wasm'\n";
    let manifest = parse(text).unwrap();
    assert!(manifest.needs.is_empty() && manifest.children.is_empty() && manifest.budget.is_empty());
}

#[test]
fn an_unknown_key_is_shown_where_it_stands() {
    let (error, at) = error_with("write = [{", "wrte = [{");
    assert_eq!(error, r#"agent.toml:12:1: unknown key "wrte"; did you mean "write"?"#);
    assert_eq!(at, "wrte");
    let cases = [
        ("[budget]", "[budgets]", r#"unknown key "budgets"; did you mean "budget"?"#),
        ("tokens-in =", "token-in =", r#"unknown key "token-in"; did you mean "tokens-in"?"#),
        ("version =", "versoin =", r#"unknown key "versoin"; did you mean "version"?"#),
        ("[needs.delegate]", "[needs.delegates]", r#"unknown key "delegates"; did you mean "delegate"?"#),
        ("infer = [", "delegate = [", r#"unknown key "delegate"; send, publish,"#),
        ("unless", "unles", r#"unknown key "unles"; did you mean "unless"?"#),
        ("[children.writer.needs]", "[children.writer.wants]", r#"unknown key "wants"; component,"#),
        ("[needs]", "['x\\u001b[2J']\n[needs]", r#"unknown key "x\\u001b[2J""#),
        ("[needs]", "[\"x\\u001b[2J\"]\n[needs]", r#"unknown key "x\u{1b}[2J""#),
    ];
    for (old, new, message) in cases {
        let (error, _) = error_with(old, new);
        assert!(error.contains(message), "{new}: {error}");
    }
}

#[test]
fn a_malformed_value_is_shown_where_it_stands() {
    let cases = [
        ("\"docs-merge\"", "\"Docs\"", "package.name must be 1 to 64 of a-z, 0-9 and `-`", "\"Docs\""),
        ("\"0.1.0\"", "\"0.1\"", "package.version must be three numbers", "\"0.1\""),
        ("\"0.1.0\"", "\"0.01.0\"", "package.version must be three numbers", "\"0.01.0\""),
        ("\"0.1.0\"", "1", "package.version must be a string, not an integer", "1"),
        ("\"coordinator.wasm\"", "\"../x.wasm\"", "inside its folder", "\"../x.wasm\""),
        ("\"coordinator.wasm\"", "\"/x.wasm\"", "inside its folder", "\"/x.wasm\""),
        ("\"coordinator.wasm\"", "'C:\\x'", "inside its folder", "'C:\\x'"),
        ("notes into", "notes\\ninto", "package.description holds a control character", ""),
        ("[\"progress.*\"]", "\"progress.*\"", "needs.publish must be a list", "\"progress.*\""),
        ("\"progress.*\"", "7", "needs.publish must be a list of names or tables", "7"),
        ("\"progress.*\"", "\"progress*\"", "`*` stands alone or as the last segment", "\"progress*\""),
        ("\"progress.*\"", "\"$exit\"", "names that begin with `$`", "\"$exit\""),
        ("\"progress.*\"", "{ unless = ['x'] }", "needs.publish has no \"object\"", ""),
        ("[\"personal\"]", "[\"\"]", "is no label", "[\"\"]"),
        ("\"other\"]", "\"scratch\"]", "every process has its own mount `scratch`", "\"scratch\""),
        ("\"10G\"", "\"10 parsecs\"", "budget.fuel: ", "\"10 parsecs\""),
        ("500", "-5", "budget.calls must be an amount", "-5"),
        ("500", "1.5", "not a float", "1.5"),
        ("500", "9007199254740992", "budget.calls is over 9007199254740991", "9007199254740992"),
        ("[children.writer]", "[children.Writer]", "a child's label is", "Writer"),
        ("[children.writer]", "[children.parent]", "\"parent\" is a name of the host's own", "parent"),
        ("[children.writer]", "[children.kernel]", "\"kernel\" is a name of the host's own", "kernel"),
        ("component = \"writer.wasm\"", "", "children.writer has no \"component\"", "writer"),
    ];
    for (old, new, message, place) in cases {
        let (error, at) = error_with(old, new);
        assert!(error.contains(message), "{new}: {error}");
        assert!(place.is_empty() || at == place, "{new}: {at}");
    }
    let (error, at) = error_with("calls = 500", "fuel = 1");
    assert!(error.starts_with("agent.toml:22:1: duplicate key"), "{error}");
    assert_eq!(at, "fuel");
    assert!(parse("").unwrap_err().to_string().contains("the section [package] is missing"));
}

#[test]
fn a_spawn_must_name_a_child() {
    let (error, at) =
        error_with("spawn = [\"synthesizer\", \"writer\"]", "spawn = [\"synthesizer\", \"riter\"]");
    assert_eq!(error, r#"agent.toml:9:25: spawn "riter": no such child; did you mean "writer"?"#);
    assert_eq!(at, "\"riter\"");
    let (error, _) = error_with("\"writer\"]\nsend", "\"writer\", \"x.*\"]\nsend");
    assert!(error.contains(r#"spawn "x.*": no such child"#), "{error}");
}

#[test]
fn a_child_that_nobody_may_spawn_is_an_error() {
    let (error, at) = error_with("spawn = [\"synthesizer\", \"writer\"]", "spawn = [\"synthesizer\"]");
    assert!(
        error.ends_with(r#"children.writer: nobody may spawn it; add to [needs]: spawn = ["writer"]"#),
        "{error}"
    );
    assert_eq!(at, "writer");
}

#[test]
fn a_childs_need_must_be_one_that_a_parent_may_hand_on() {
    let (error, at) = error_with("write = [\"site\", \"other\"]\n", "");
    assert_eq!(
        error,
        "agent.toml:36:10: children.writer needs write \"site\", which no parent may hand on; \
         add to [needs.delegate]: write = [\"site\"]"
    );
    assert_eq!(at, "\"site\"");
    // What the root may only use, it may not hand on; nor more than its pattern.
    for need in ["write = ['drafts']", "publish = ['progress.x']", "put = ['*']", "send = ['synthesizer']"] {
        let text = TEAM.replace("write = [\"site\"]\nsend = [\"parent\"]", need);
        let error = parse(&text).unwrap_err().to_string();
        assert!(error.contains("which no parent may hand on"), "{need}: {error}");
    }
}

#[test]
fn a_child_may_be_equipped_by_another_child() {
    let team = |delegate: &str| {
        format!(
            "[package]\nname='a'\nversion='1.0.0'\ncomponent='a.wasm'\n[needs]\nspawn=['lead']\n\
             [needs.delegate]\nspawn=['worker']\nread=['notes']\n\
             [children.lead]\ncomponent='l.wasm'\n[children.lead.needs]\nspawn=['worker']\n{delegate}\
             [children.worker]\ncomponent='w.wasm'\n[children.worker.needs]\nread=['notes']\n"
        )
    };
    assert!(parse(&team("[children.lead.needs.delegate]\nread=['notes']\n")).is_ok());
    // The root may hand it on, but it is not the root that spawns the worker.
    let error = parse(&team("")).unwrap_err();
    assert_eq!(error.help.as_deref(), Some("add to [children.lead.needs.delegate]: read = [\"notes\"]"));
}

#[test]
fn is_bounded() {
    let error = parse(&"#".repeat(MANIFEST_LIMIT + 1)).unwrap_err();
    assert!(error.message.contains("at most 262144 are allowed"), "{error}");
    let names: Vec<String> = (0..65).map(|n| format!("'p{n}'")).collect();
    let text = TEAM.replace("\"progress.*\"", &names.join(","));
    assert!(parse(&text).unwrap_err().message.contains("at most 64 are allowed"));
    let names: Vec<String> = (0..50_000).map(|_| "''".to_owned()).collect();
    assert!(parse(&TEAM.replace("\"progress.*\"", &names.join(","))).is_err());
    let children: String = (0..65).map(|n| format!("[children.c{n}]\ncomponent='x'\n")).collect();
    assert!(parse(&format!("{TEAM}{children}")).unwrap_err().message.contains("more than 64 children"));
    assert!(parse(&format!("x={}{}", "[".repeat(100_000), "]".repeat(100_000))).is_err());
    assert!(parse(&"x.".repeat(100_000)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn no_text_panics_and_every_error_has_a_place(
        at in 0..TEAM.len(),
        cut in 0usize..12,
        put in "[\\[\\]{}=\"'.,\\n\\x00-\\x20a-zü*$0-9]{0,8}",
    ) {
        let end = (at + cut).min(TEAM.len());
        let text = format!("{}{put}{}", &TEAM[..at], &TEAM[end..]);
        if let Err(error) = parse(&text) {
            prop_assert!(text.get(error.offset..error.offset + error.len).is_some(), "{error:?}");
            prop_assert!(error.line >= 1 && error.column >= 1);
            prop_assert!(!error.to_string().contains(|c: char| c.is_control()), "{error:?}");
        }
    }
}

//! Where models are configured: tables, the variables, and what `docs/models.md` says of both.

use serde_json::json;

use super::forms::{good, says};
use super::{KEY, configured, generate, table};
use crate::support::server::{Asked, Server};
use crate::support::{Place, Ran, Started, guest};

/// Runs the probe, or a command, with variables.
fn with(place: &Place, variables: &[(&str, &str)], words: &[&str]) -> Ran {
    let mut command = place.command(words);
    command.envs(variables.iter().copied());
    Started::new(command, json!([generate("default", "hi")]).to_string().as_bytes()).wait()
}

/// The variables are `default`'s when somebody asks for it and no flag says otherwise.
#[test]
fn the_variables_name_the_model_default() {
    let server = Server::new(|asked: &Asked, _| good("anthropic", asked));
    let (url, place) = (format!("{}/v1", server.url()), Place::new());
    let variables = [
        ("AOS_LLM_BACKEND", "anthropic"),
        ("AOS_LLM_BASE_URL", url.as_str()),
        ("AOS_LLM_MODEL", "m"),
        ("AOS_LLM_API_KEY", KEY),
    ];
    let team = place.team(
        "[package]\nname = \"team\"\nversion = \"0.1.0\"\ncomponent = \"probe.wasm\"\n[needs]\ninfer = [\"default\"]\n",
    );
    let (team, probe) = (team.to_str().unwrap().to_owned(), guest("probe").to_str().unwrap().to_owned());
    with(&place, &variables, &["run", &team, "--input", "-"]).expect(0).answers("héllo");
    with(&place, &variables, &["run", &probe, "--input", "-", "--allow", "infer=default"])
        .expect(0)
        .answers("héllo");
    assert_eq!(server.asked().len(), 2);
    assert!(
        server.asked().iter().all(|asked| asked.path == "/v1/messages" && asked.header("x-api-key") == KEY)
    );
    // An agent without a manifest that nobody allowed to ask a model may not.
    with(&place, &variables, &["run", &probe, "--input", "-"]).expect(0).answers("denied");
    place.aos(&["audit", "verify"]).expect(0);
    place.aos(&["replay", "r1"]).expect(0).answers("identical");
    with(&place, &variables, &["model", "check", "default"]).expect(0).answers("ok   AOS_LLM_MODEL (m at ");
    with(&place, &variables, &["model", "list"]).expect(0).answers("default (AOS_LLM_…)");
    let wrong = |name: &str, value: &str, words: &str| {
        let mut changed = variables.to_vec();
        changed.retain(|(own, _)| *own != name);
        changed.push((name, value));
        with(&place, &changed, &["run", &team, "--input", "-"]).expect(2).says(words);
    };
    wrong("AOS_LLM_MODEL", "", "AOS_LLM_MODEL is not set");
    wrong("AOS_LLM_BACKEND", "oracle", "openai, anthropic or gemini");
    wrong("AOS_LLM_BASE_URL", "localhost", "AOS_LLM_BASE_URL: ");
    wrong("AOS_LLM_BASE_URL", "http://models.example/v1", "travel unencrypted");
    with(&place, &[], &["run", &team, "--input", "-"]).expect(3).says("--model default=MODEL@URL");
}

/// A flag is before the variables, and another file is as good as the usual one.
#[test]
fn flags_come_first() {
    let (one, two) = (Server::new(|_: &Asked, _| says("one")), Server::new(|_: &Asked, _| says("two")));
    let place = configured(&table("a", &one.url(), ""));
    place.file("etc/own.toml", table("a", &two.url(), ""));
    let (probe, address) =
        (guest("probe").to_str().unwrap().to_owned(), format!("default=m@{}/v1", one.url()));
    let run = |flags: &[&str]| {
        with(&place, &[("AOS_LLM_MODEL", "x")], &[&["run", &probe, "--input", "-"], flags].concat())
    };
    run(&["--model", &address]).expect(0).answers("one");
    run(&["--model", "default=a"]).expect(0).answers("one");
    run(&["--model", "default=a", "--models", "etc/own.toml"]).expect(0).answers("two");
    run(&["--model", "default=a", "--models", "etc/none.toml"]).expect(2).says("there is no model \"a\"");
    run(&["--model", "default=a", "--model", &address]).expect(2).says("twice");
    let source = place.entries(Some("r3"));
    assert_eq!(source.first().map(|entry| entry.kind().to_owned()).as_deref(), Some("run"));
}

/// Every table and every command of the reference works as it stands there, against a server on the port that it names.
#[test]
fn the_reference_is_true() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/models.md")).unwrap();
    let server = Server::new(|asked: &Asked, _| match asked.header("x-api-key").is_empty() {
        true => good("openai", asked),
        false => good("anthropic", asked),
    });
    let here = |text: &str| text.replace("http://localhost:8080", &server.url());
    let blocks = |kind: &str| -> Vec<String> {
        let fenced = text.split("\n```").filter_map(|part| part.strip_prefix(kind)?.strip_prefix('\n'));
        fenced.map(here).collect()
    };
    let tables = blocks("toml");
    assert_eq!(tables.len(), 2, "models.toml and prices.toml");
    let place = configured(&tables[0]);
    place.file("config/aos-host/prices.toml", &tables[1]);
    place.file("agent.wasm", std::fs::read(guest("probe")).unwrap());
    let mut ran = 0;
    for line in blocks("sh").iter().flat_map(|block| block.lines()).filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(" # ").next().unwrap_or(line).split_whitespace().collect();
        let (set, words): (Vec<&str>, Vec<&str>) =
            words.iter().partition(|word| word.starts_with("AOS_LLM_"));
        let variables: Vec<(&str, &str)> = set.iter().filter_map(|word| word.split_once('=')).collect();
        let mut words = words.strip_prefix(&["aos-host"]).unwrap_or_else(|| panic!("{line}")).to_vec();
        if words[0] == "run" {
            words.extend(["--input", "-"]);
        }
        let all = [&variables[..], &[("ANTHROPIC_API_KEY", KEY)]].concat();
        with(&place, &all, &words).expect(0);
        ran += 1;
    }
    assert!(ran >= 6, "{ran} commands");
}

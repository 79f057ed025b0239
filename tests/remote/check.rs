//! `model list` and `model check`: what, where, and what mends it.

use serde_json::{Value, json};

use super::forms::good;
use super::{KEY, configured, table};
use crate::support::server::{Asked, Reply, Server, nobody};
use crate::support::{Place, Ran};

#[track_caller]
fn check(place: &Place, words: &[&str], code: i32) -> Ran {
    place.aos(&[&["model", "check"], words].concat()).expect(code)
}

#[test]
fn a_good_model_answers_whole_and_streamed() {
    let server = Server::new(|asked: &Asked, _| good("openai", asked));
    let place = configured(
        &(table("a", &server.url(), "fallback = [\"b\"]") + &table("b", &server.url(), "streaming = false")),
    );
    let checked = check(&place, &["a"], 0);
    checked.answers(&format!("ok   a (m-a at {}/v1): answers whole and streamed", server.url()));
    checked.answers("ok   b (m-b at ").answers("\"héllo\" (11 tokens in, 5 out)");
    checked.answers("note: no price of m-a: add to ");
    assert_eq!(server.asked().len(), 3);
    let address = format!("m@{}/v1", server.url());
    check(&place, &[&address], 0).answers("ok   default (m at ");
    let json = check(&place, &["a", "--json"], 0);
    let line: Value = serde_json::from_str(json.stdout.lines().next().unwrap()).unwrap();
    assert_eq!((&line["kind"], &line["ok"]), (&json!("check"), &json!(true)));
    assert!(!place.path("state/log.db").exists(), "a check is no run");
}

#[test]
fn each_failure_says_what_where_and_what_mends_it() {
    let hasty =
        "attempts = 1\nfirst-byte = \"100ms\"\nbetween = \"100ms\"\ntimeout = \"200ms\"\nstreaming = false";
    let page = || Reply::new(200, "text/html", "<html>welcome</html>");
    let status = |code| Reply::json(code, &json!({"error": {"message": "because\u{1b}[1m"}}));
    let failures: [(Reply, &str, &str); 8] = [
        (Reply::nothing(), "said nothing for 200", "`timeout` in models.toml"),
        (page(), "cannot be understood", "not in its provider's form"),
        (Reply::json(200, &json!({})), "is empty", "`provider`"),
        (status(401), "does not accept the host's key", "key-env"),
        (status(404), "does not have this model", "ends as the server wants it"),
        (status(429), "busy or failing", "try again later; it says: because [1m"),
        (status(500), "busy or failing (HTTP 500)", "try again later"),
        (status(302).with("location", "http://x/"), "sends elsewhere", "set `url` to where it leads"),
    ];
    for (reply, what, mends) in failures {
        let server = Server::new(move |_: &Asked, _| reply.clone());
        let checked = check(&configured(&table("a", &server.url(), hasty)), &["a"], 1);
        checked
            .answers(&format!("fail a (m-a at {}/v1): the model", server.url()))
            .answers(what)
            .answers(mends);
        assert!(!checked.stdout.contains('\u{1b}'), "{checked}");
    }
    let checked = check(&configured(&table("a", &nobody(), hasty)), &["a"], 1);
    checked.answers("cannot be reached").answers("check that it runs");
    // One that answers whole, but does not stream.
    let server = Server::new(|asked: &Asked, _| match asked.body["stream"] == true {
        true => Reply::json(200, &json!({"choices": []})),
        false => good("openai", asked),
    });
    let checked = check(&configured(&table("a", &server.url(), "attempts = 1")), &["a"], 1);
    checked.answers("does not stream").answers("streaming = false");
}

#[test]
fn what_is_not_configured() {
    let place = Place::new();
    place
        .aos(&["model", "list"])
        .expect(0)
        .answers("no models: ")
        .answers("models.toml")
        .answers("AOS_LLM_MODEL");
    check(&place, &["fast"], 2)
        .says("there is no model \"fast\" in ")
        .says("write a table [model.fast] there");
    check(&place, &["a b"], 2).says("LABEL=MODEL@http");
    let place = configured(&(table("a", "http://localhost:1", "") + &table("b", "http://localhost:1", "")));
    check(&place, &["fast"], 2).says("it has a, b");
    place.file("own.toml", "[model.own]\nmodel = \"m\"\nslot = 1\n");
    check(&place, &["own", "--models", "own.toml"], 2).says("own.toml:3:1: unknown field `slot`");
}

#[test]
fn the_list_shows_each_model_and_no_key() {
    let place = configured(
        &(table("a", "http://localhost:1", "key-file = \"key\"\nfallback = [\"b\"]")
            + "[model.b]\nprovider = \"anthropic\"\nmodel = \"n\"\nkey-env = \"NOT_SET\"\n"),
    );
    place.file(
        "config/aos-host/prices.toml",
        "[price.m-a]\nin = 250000\nout = 1500000\n[price.n]\nin = 1\nout = 1\n",
    );
    let listed = place.aos(&["model", "list"]).expect(0);
    listed
        .answers("m-a · http://localhost:1/v1 · key in ")
        .answers("then b")
        .answers("n · anthropic · key in NOT_SET");
    listed.answers("cannot be asked: model b: its key is not there: NOT_SET is not set");
    assert!(!listed.stdout.contains(KEY), "{listed}");
    place.file("config/aos-host/models.toml", table("a", "http://localhost:1", ""));
    let listed = place.aos(&["model", "list"]).expect(0);
    listed.answers("$0.25 in, $1.50 out per million tokens");
}

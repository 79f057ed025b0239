//! Prices: a gap under a budget of money is refused before anything starts, and the operator is told what closes it.

use serde_json::json;

use super::forms::good;
use super::{ask, configured, generate, table};
use crate::support::server::{Asked, Server};
use crate::support::{Place, guest};

#[track_caller]
fn refused(place: &Place, flags: &[&str], words: &[&str]) {
    let ran = place.aos(&[&["run", guest("probe").to_str().unwrap(), "[]"], flags].concat()).expect(2);
    for word in words {
        ran.says(word);
    }
    assert!(!place.path("state/log.db").exists(), "{ran}");
}

#[test]
fn a_gap_is_named_with_the_line_that_closes_it() {
    let tables =
        table("a", "http://localhost:1", "fallback = [\"b\"]") + &table("b", "http://localhost:1", "");
    let place = configured(&tables);
    let file = place.path("config/aos-host/prices.toml");
    let where_it_goes =
        format!("add to {} the table [price.\"m-a\"] with in = … and out = …", file.display());
    let flags = ["--model", "x=a", "--budget", "micro-usd=$1"];
    refused(
        &place,
        &flags,
        &["model x: the price of \"m-a\" is not known", &where_it_goes, "micro-usd=unlimited"],
    );
    place.file("config/aos-host/prices.toml", "[price.m-a]\nin = 1\nout = 1\n");
    refused(&place, &flags, &["the price of \"m-b\" is not known"]);
    refused(
        &place,
        &["--model", "x=qwen3:8b@http://localhost:1/v1", "--budget", "micro-usd=1"],
        &["[price.\"qwen3:8b\"]"],
    );
    place.file("config/aos-host/prices.toml", "[price.m-a]\nin = 1\nout = 1\n[price.m-b]\nin = 0\n");
    refused(&place, &flags, &["prices.toml:4:1: missing field `out`"]);
    place.file("config/aos-host/prices.toml", "[price.m-a]\nin = 1\nout = 1\n[price.m-b]\nin = 0\nout = 0\n");
    ask(&place, &["a"], &["--budget", "micro-usd=$1"], &[]).expect(0);
}

/// Without a budget of money there is nothing to refuse: what is not known costs 0.
#[test]
fn a_gap_without_a_budget_of_money() {
    let server = Server::new(|asked: &Asked, _| good("openai", asked));
    let place = configured(&table("a", &server.url(), ""));
    let results = ask(&place, &["a"], &[], &[generate("a", "hi")]).results();
    assert_eq!(results[0]["ok"]["usage"], json!({"tokens_in": 11, "tokens_out": 5, "micro_usd": 0}));
}

/// A team in which a child has a budget of money, and its parent none.
#[test]
fn a_gap_under_a_childs_budget() {
    let place = configured(&table("a", "http://localhost:1", ""));
    let team = place.team(
        "[package]\nname = \"team\"\nversion = \"0.1.0\"\ncomponent = \"probe.wasm\"\n[needs]\nspawn = [\"probe\"]\n\
         [needs.delegate]\ninfer = [\"a\"]\n[children.probe]\ncomponent = \"probe.wasm\"\n[children.probe.needs]\n\
         infer = [\"a\"]\n[children.probe.budget]\nmicro-usd = 500\n",
    );
    let words = ["run", team.to_str().unwrap(), "[]", "--model", "a=a"];
    place.aos(&words).expect(2).says("the price of \"m-a\" is not known");
}

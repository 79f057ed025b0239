//! Slots before models behind HTTP: a server is never asked by more than its table says, each model of a chain has a line of its
//! own, and whoever comes back later keeps no slot meanwhile.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::{ask, members, spawn};
use crate::remote::forms::{says, streams};
use crate::remote::{prompt, table};
use crate::support::server::{Asked, Reply, Server};
use crate::support::{Place, Run};
use crate::syscalls::team::eventually;

/// How long a server waits for others to ask it at the same time.
const COMPANY: Duration = Duration::from_secs(5);

/// Who is being answered now, and how many were at most.
#[derive(Default)]
struct Guests {
    now: Mutex<usize>,
    came: Condvar,
    most: AtomicUsize,
}

impl Guests {
    /// Answers one who asks, as soon as so many are there together, or else after a while.
    fn answer(&self, together: usize, asked: &Asked) -> Reply {
        let mut now = self.now.lock().unwrap();
        *now += 1;
        self.most.fetch_max(*now, Ordering::SeqCst);
        self.came.notify_all();
        while self.most.load(Ordering::SeqCst) < together {
            let (guard, waited) = self.came.wait_timeout(now, COMPANY).unwrap();
            now = guard;
            if waited.timed_out() {
                break;
            }
        }
        drop(now);
        // Long enough for whoever should not be here to come.
        std::thread::sleep(Duration::from_millis(150));
        *self.now.lock().unwrap() -= 1;
        if asked.body["stream"] == true { streams(&["lit", "tle"]) } else { says("little") }
    }
}

/// A server that counts who is there at once, and answers when so many are.
fn crowded(together: usize) -> (Server, Arc<Guests>) {
    let guests = Arc::new(Guests::default());
    let counted = guests.clone();
    (Server::new(move |asked: &Asked, _| counted.answer(together, asked)), guests)
}

/// Runs a team of probes whose `default` is the table `a` of these.
fn run(place: &Place, tables: &str, script: &Value) -> Run {
    place.file("config/aos-host/models.toml", tables);
    place.probes(&members(), &["--model", "default=a"], script).expect(0)
}

/// Four children that ask at once, whole and streamed.
fn four() -> Value {
    let stream = json!([
        {"op": "stream", "prompt": "x", "max_tokens": 9, "as": "g"},
        {"op": "next", "on": "g"}, {"op": "next", "on": "g"}, {"op": "next", "on": "g"},
    ]);
    let whole = json!([ask("x")]);
    let names = ["one", "two", "three", "four"];
    let born = names
        .iter()
        .enumerate()
        .map(|(at, name)| spawn("modest", name, if at % 2 == 0 { &whole } else { &stream }));
    Value::Array(born.chain(names.iter().map(|name| json!({"op": "wait", "on": name}))).collect())
}

/// The lines of `inspect --json` of a kind.
fn shown(place: &Place, kind: &str) -> Vec<Value> {
    let lines = place.aos(&["inspect", "--json"]).expect(0).stdout;
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["kind"] == kind).collect()
}

#[test]
fn a_server_is_asked_by_as_many_as_it_has_slots() {
    for slots in [1, 2] {
        let place = Place::new();
        let (server, guests) = crowded(slots);
        run(&place, &table("a", &server.url(), &format!("slots = {slots}")), &four());
        assert_eq!((guests.most.load(Ordering::SeqCst), server.asked().len()), (slots, 4));
        // Each question with who answered it, what it took, and how long it waited for its slot.
        let asked = shown(&place, "inference");
        assert_eq!(asked.len(), 4);
        for one in &asked {
            assert_eq!(
                (&one["by"], &one["tokens_in"], &one["tokens_out"]),
                (&json!("m-a"), &json!(11), &json!(5))
            );
            assert!(one["waited"].as_u64() <= one["took"].as_u64() && one["waited"].is_u64(), "{one}");
        }
        let waited: Vec<u64> = asked.iter().map(|one| one["waited"].as_u64().unwrap()).collect();
        // The last one waited for the answers before it.
        assert!(waited.iter().max() > Some(&0), "{waited:?}");
        assert_eq!(shown(&place, "model")[0]["waited"], waited.iter().sum::<u64>());
        let text = place.aos(&["inspect"]).expect(0);
        text.answers("default (m-a)  11 + 5 tokens").answers(", waited ");
        place.aos(&["report", "-o", "-"]).expect(0).answers("<th class=\"number\">Waited</th>");
    }
}

/// The first model has one slot and cannot answer; the one that stands in has two, which are both used, and no third.
#[test]
fn each_model_of_a_chain_has_slots_of_its_own() {
    let place = Place::new();
    let refuses = Server::new(|_: &Asked, _| Reply::json(401, &json!({})));
    let (stands_in, guests) = crowded(2);
    let tables = table("a", &refuses.url(), "slots = 1\nfallback = [\"b\"]")
        + &table("b", &stands_in.url(), "slots = 2");
    run(&place, &tables, &four());
    assert_eq!((refuses.asked().len(), stands_in.asked().len()), (4, 4));
    assert_eq!(guests.most.load(Ordering::SeqCst), 2);
    assert!(shown(&place, "inference").iter().all(|one| one["by"] == "m-b"));
}

/// While one is told to come back later, another has the only slot.
#[test]
fn whoever_comes_back_later_gives_back_the_slot() {
    eventually(|patience| {
        let place = Place::new();
        let later = (4 * patience).to_string();
        let server = Server::new(move |asked: &Asked, number| match prompt(&asked.body).as_str() {
            "first" if number == 0 => Reply::json(429, &json!({})).with("retry-after-ms", &later),
            _ => says("little"),
        });
        let script = json!([
            spawn("modest", "one", &json!([ask("first")])),
            {"op": "receive", "timeout_ms": patience},
            spawn("modest", "two", &json!([ask("second")])),
            {"op": "wait", "on": "one"}, {"op": "wait", "on": "two"},
        ]);
        run(&place, &table("a", &server.url(), "slots = 1"), &script);
        let order: Vec<String> = server.asked().iter().map(|asked| prompt(&asked.body)).collect();
        // What the pause was made of is no waiting for a slot.
        let waited = |at: usize| shown(&place, "inference")[at]["waited"].as_u64().unwrap();
        (order == ["first", "second", "first"]).then(|| assert!(waited(0) < 4 * patience))
    });
}

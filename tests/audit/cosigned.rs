//! A host's log and witnesses of it: asked over HTTP or by files, and what a verifier makes of what they said.

use std::fs;
use std::path::Path;

use audit::{Kind, Note, SignerKey};

use super::logged;
use super::witness::Running;
use super::{script, witness};
use crate::support::Place;

/// What asks a witness.
fn ask<'a>(url: &'a str, key: &'a str) -> [&'a str; 6] {
    ["audit", "witness", "--to", url, "--witness", key]
}

/// Copies a state directory; nobody writes it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn two_logs_are_seen_by_one_witness() {
    let (one, other, third) = (Place::new(), Place::new(), Place::new());
    let keys = [logged(&one, 40), logged(&other, 300)];
    let running = Running::start(&third, &[&keys[0], &keys[1]]);
    let (url, witness) = (running.url(), running.key.to_string());
    for (place, key) in [(&one, &keys[0]), (&other, &keys[1])] {
        let verify = ["audit", "verify", "--key", key, "--witness", &witness];
        place.aos(&verify).expect(4).answers("no checkpoint was seen by 1 of these witnesses");
        let size = place.entries(None).len();
        let said = format!("cosigned · #1–{size} · {} · 20", running.key.name());
        place.aos(&ask(&url, &witness)).expect(0).answers(&said);
        place.aos(&ask(&url, &witness)).expect(0).answers(&said);
        place.aos(&verify).expect(0).answers(&format!("1 witness saw #1–{size}"));
        // It goes on: what was seen stays so, and the witness sees the rest.
        logged(place, 30);
        place.aos(&verify).expect(0).answers(&format!("1 witness saw #1–{size}"));
        place.aos(&ask(&url, &witness)).expect(0);
        let size = place.entries(None).len();
        place.aos(&verify).expect(0).answers(&format!("1 witness saw #1–{size}"));
        // A stranger sees it too, with code of ours and without.
        let file = place.path("all.aos");
        place.aos(&["audit", "export", "-o", file.to_str().unwrap(), "--bodies"]).expect(0);
        let ran =
            third.aos(&["audit", "verify", file.to_str().unwrap(), "--key", key, "--witness", &witness]);
        ran.expect(0).answers("1 witness");
        script::check(&file, key, &[&witness]).expect(0).answers(running.key.name());
        // What came after it takes nothing from the runs before.
        logged(place, 5);
        place.aos(&["audit", "export", "r1", "-o", file.to_str().unwrap()]).expect(0);
        script::check(&file, key, &[&witness]).expect(0).answers(&format!(" of {size} "));
        place
            .aos(&["audit", "verify", "r1", "--key", key, "--witness", &witness])
            .expect(0)
            .answers("1 witness");
        place.aos(&["audit", "verify", "r3", "--key", key, "--witness", &witness]).expect(4);
    }
}

#[test]
fn a_quorum_is_counted_in_witnesses() {
    let (place, [first, second]) = (Place::new(), [Place::new(), Place::new()]);
    let key = logged(&place, 20);
    let running = [Running::start(&first, &[&key]), Running::start(&second, &[&key])];
    let witnesses = running.each_ref().map(|running| running.key.to_string());
    let stranger = SignerKey::new("w.example", Kind::Witness, &[7; 32]).unwrap().public().to_string();
    place.aos(&ask(&running[0].url(), &witnesses[0])).expect(0);
    let all = [
        "audit",
        "verify",
        "--key",
        &key,
        "--witness",
        &witnesses[0],
        "--witness",
        &witnesses[1],
        "--witness",
        &stranger,
    ];
    let quorum = |n| [&all[..], &["--quorum", n]].concat();
    place.aos(&quorum("1")).expect(0).answers("1 witness saw");
    place.aos(&quorum("2")).expect(4).answers("no checkpoint was seen by 2 of these witnesses");
    place.aos(&ask(&running[1].url(), &witnesses[1])).expect(0);
    place.aos(&quorum("2")).expect(0).answers("2 witnesses saw");
    place.aos(&all).expect(4);
    place.aos(&quorum("4")).expect(2);
    // An answer of a key that nobody trusts is not kept.
    let size = place.entries(None).len();
    let before = place.text(&format!("state/cosigned/{size}"));
    place.aos(&ask(&running[0].url(), &stranger)).expect(4).says("none of the");
    assert_eq!(place.text(&format!("state/cosigned/{size}")), before);
    assert_eq!(Note::parse(before.as_bytes()).unwrap().signatures().len(), 3);
}

#[test]
fn a_forked_log_and_a_rolled_back_one_are_refused() {
    let (place, third) = (Place::new(), Place::new());
    let key = logged(&place, 20);
    let running = Running::start(&third, &[&key]);
    let (url, witness) = (running.url(), running.key.to_string());
    copy(&place.path("state"), &place.path("earlier"));
    logged(&place, 20);
    place.aos(&ask(&url, &witness)).expect(0);
    let seen = place.entries(None).len();
    fs::rename(place.path("state"), place.path("true")).unwrap();
    fs::rename(place.path("earlier"), place.path("state")).unwrap();
    let ran = place.aos(&ask(&url, &witness)).expect(4);
    ran.says(&format!("the witness saw #1–{seen}")).says("the log was rolled back, or goes on elsewhere");
    // It is written again, with the same key, and signed: for its owner's key alone all is well.
    while place.entries(None).len() <= seen {
        logged(&place, 15);
    }
    place.aos(&["audit", "verify", "--key", &key]).expect(0).answers("audit ok");
    let ran = place.aos(&ask(&url, &witness)).expect(4);
    ran.says("the log does not continue what the witness saw").says("it was forked");
    // What the witness said of the true one is no help to the other.
    copy(&place.path("true/cosigned"), &place.path("state/cosigned"));
    let verify = ["audit", "verify", "--key", &key, "--witness", &witness];
    place.aos(&verify).expect(4).answers("FAILED");
}

#[test]
fn files_go_to_a_witness_and_come_back() {
    let (place, third) = (Place::new(), Place::new());
    let key = logged(&place, 20);
    let running = Running::start(&third, &[&key]);
    let witness = running.key.to_string();
    let to = place.path("submission").to_str().unwrap().to_owned();
    for from in ["line", "note"] {
        place.aos(&["audit", "witness", "--to", &to]).expect(0).says("have a witness sign it");
        let submission = fs::read(&to).unwrap();
        let (status, _, answer) = running.post(&submission);
        assert_eq!(status, 200, "{answer}");
        let whole = String::from_utf8(submission).unwrap().split_once("\n\n").unwrap().1.to_owned() + &answer;
        let file = place.file("answer", if from == "line" { answer } else { whole });
        let take = ["audit", "witness", "--from", file.to_str().unwrap(), "--witness", &witness];
        place.aos(&take).expect(0).answers("cosigned · #1–");
        place
            .aos(&["audit", "verify", "--key", &key, "--witness", &witness])
            .expect(0)
            .answers("1 witness saw");
        logged(&place, 5);
    }
    let take = |text: &str| {
        let file = place.file("answer", text);
        place.aos(&["audit", "witness", "--from", file.to_str().unwrap(), "--witness", &witness])
    };
    take("").expect(4);
    take("\u{2014} w AAAAAQE=\n").expect(4).says("none of the");
    let other = super::sample::Log::new(3).note(3).to_string();
    take(&other).expect(4).says("not a checkpoint of this log");
}

#[test]
fn what_witnesses_said_is_not_believed_when_it_was_changed() {
    let (place, third) = (Place::new(), Place::new());
    let key = logged(&place, 20);
    let running = Running::start(&third, &[&key]);
    let witness = running.key.to_string();
    place.aos(&ask(&running.url(), &witness)).expect(0);
    let file = place.path(&format!("state/cosigned/{}", place.entries(None).len()));
    let verify = ["audit", "verify", "--key", &key, "--witness", &witness];
    let good = fs::read_to_string(&file).unwrap();
    let other = super::sample::Log::new(3).note(3).to_string();
    let cut = good.trim_end().rsplit_once('\n').unwrap().0.to_owned() + "\n";
    for bad in
        [String::new(), other, cut.clone(), good.replace("1", "2"), good.replacen("\n\u{2014}", "\n-", 1)]
    {
        fs::write(&file, &bad).unwrap();
        place.aos(&verify).expect(4).answers("FAILED");
        // A host works on: it is not its own word.
        place.aos(&["run", crate::support::guest("probe").to_str().unwrap(), "[]"]).expect(0);
    }
    fs::write(&file, &good).unwrap();
    place.aos(&verify).expect(0);
    fs::rename(&file, place.path("state/cosigned/99999")).unwrap();
    place.aos(&["audit", "verify"]).expect(4).answers("witnesses saw a checkpoint of #1–99999");
}

#[test]
fn who_cannot_be_asked_is_named() {
    let place = Place::new();
    let key = SignerKey::new("w.example", Kind::Witness, &[7; 32]).unwrap().public().to_string();
    place.aos(&ask("http://127.0.0.1:1", &key)).expect(2).says("there is no log here yet");
    let log = logged(&place, 3);
    place.aos(&ask(&crate::support::server::nobody(), &key)).expect(1).says("the witness cannot be asked");
    place.aos(&["audit", "witness", "--to", "http://127.0.0.1:1"]).expect(2).says("--witness is missing");
    place.aos(&["audit", "witness"]).expect(2);
    place.aos(&ask("http://127.0.0.1:1", &log)).expect(2).says("a log's key");
    let other = witness::Running::start(&place, &[&super::sample::keys()[0].to_string()]);
    place.aos(&ask(&other.url(), &key)).expect(1).says("refuses (404)").says("aos-host audit key");
    let server = crate::support::server::Server::new(|_, _| {
        crate::support::server::Reply::new(200, "text/plain", vec![b'x'; 1 << 20])
    });
    place.aos(&ask(&server.url(), &key)).expect(1).says("its answer is too long");
}

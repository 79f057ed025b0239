//! Files that are no exports, proofs or checkpoints: said plainly, by exit code 4, and never a panic.

use super::{keep, logged};
use crate::support::Place;

#[test]
fn what_is_malformed_is_refused() {
    let place = Place::new();
    let key = logged(&place, 40);
    let text = |words: &[&str]| place.aos(&[&["audit"], words].concat()).expect(0).stdout;
    let export = text(&["export", "--form", "aos", "--bodies"]);
    let proof = text(&["prove", "9"]);
    let note = text(&["checkpoint"]);
    let size = note.lines().nth(1).unwrap().to_owned();
    let sized = |with: &str| note.replacen(&format!("\n{size}\n"), &format!("\n{with}\n"), 1);
    let hash = "A".repeat(43) + "=\n";
    let file = |contents: &[u8]| place.file("bad", contents).to_str().unwrap().to_owned();
    let mut tried = 0;
    for (good, bad) in [
        (&export, String::new()),
        (&export, export[..export.len() / 2].to_owned()),
        (&export, export.replace("\nend\n", "\n")),
        (&export, format!("{export}more\n")),
        (&export, export.replace('\n', "\r\n")),
        (&export, export.replacen("entries 1 ", "entries 9223372036854775807 ", 1)),
        (&export, export.replacen("entries 1 ", "entries 0 ", 1)),
        (&export, export.replacen("entries 1 ", "entries 01 ", 1)),
        (&export, export.replacen("hashes 0\n", &format!("hashes 1\n{hash}"), 1)),
        (&export, export.replacen("hashes 0\n", "hashes 99999999999999999999\n", 1)),
        (&export, export.replacen(&format!("\n{size}\n"), "\n9223372036854775807\n", 1)),
        (&export, export.replacen("\n+ ", "\n+ - ", 1)),
        (&export, export.replacen("aos-host/", "aos-host\u{7}", 1)),
        (&proof, proof[..proof.len() / 2].to_owned()),
        (&proof, proof.replacen("index 8\n", &format!("index 8\n{hash}"), 1)),
        (&proof, proof.replacen("index 8\n", "index 9223372036854775807\n", 1)),
        (&proof, proof.replacen("index 8\n", "index 18446744073709551615\n", 1)),
        (&proof, proof.replacen("index 8\n", "index 08\n", 1)),
        (&proof, proof.replacen("extra ", "extra !", 1)),
        (
            &proof,
            proof.lines().filter(|line| !line.starts_with("extra")).map(|line| format!("{line}\n")).collect(),
        ),
        (&proof, format!("{proof}{}", "\u{2014} x AAAAAAA=\n".repeat(100))),
        (&proof, proof.replacen("tlog-proof@v1", "tlog-proof@v2", 1)),
    ] {
        assert_ne!(good, &bad, "nothing was changed");
        let bad = file(bad.as_bytes());
        let ran = place.aos(&["audit", "verify", &bad, "--key", &key]).expect(4);
        assert!(ran.stdout.starts_with("FAILED ") && ran.stdout.lines().count() == 1, "{ran}");
        tried += 1;
    }
    assert_eq!(tried, 22);
    let bytes = file(&[0xff; 300]);
    place.aos(&["audit", "verify", &bytes, "--key", &key]).expect(4);
    place.aos(&["audit", "verify", place.path("").to_str().unwrap()]).expect(2);
    // A checkpoint to be compared with.
    for bad in [
        String::new(),
        note.replacen('\n', "\n\u{1b}", 1),
        sized(&format!("0{size}")),
        sized("-1"),
        sized("9223372036854775808"),
        format!("{note}{note}"),
    ] {
        let bad = file(bad.as_bytes());
        for words in [&["verify", "--checkpoint", &bad][..], &["consistency", &bad]] {
            let ran = place.aos(&[&["audit"], words].concat()).expect(4);
            assert!(!ran.stderr.contains('\u{1b}') && !ran.stdout.contains('\u{1b}'), "{ran}");
        }
    }
    for (bad, what) in [
        (sized("9223372036854775807"), "was rolled back: it ends at #"),
        (sized("0"), "is of no entries"),
        (sized("1"), "its signature is not valid"),
    ] {
        let bad = file(bad.as_bytes());
        place.aos(&["audit", "verify", "--checkpoint", &bad]).expect(4).answers(what);
    }
    // The same signature twice is one.
    let kept = keep(&place, "kept.note");
    let signature = note.lines().last().unwrap();
    let twice = file(format!("{note}{signature}\n").as_bytes());
    for good in [kept, twice] {
        place.aos(&["audit", "verify", "--checkpoint", &good, "--key", &key]).expect(0).answers("audit ok");
    }
}

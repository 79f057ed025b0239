use super::*;
use crate::key::SignerKey;
use crate::proof;
use crate::proof::tests::Memory;
use crate::range::surroundings;
use proptest::prelude::*;

const SALT: &[u8] = &[3; 16];

fn line(seq: u64) -> String {
    let digest = Digest::salted(SALT, format!("body {seq}").as_bytes());
    let size = format!("body {seq}").len();
    match seq % 3 {
        0 => format!(r#"{{"v":1,"seq":{seq},"body":{{"size":{size},"digest":"{digest}"}}}}"#),
        _ => format!(r#"{{"v":1,"seq":{seq}}}"#),
    }
}

fn key() -> SignerKey {
    SignerKey::new("log.example", Kind::Author, &[1; 32]).unwrap()
}

/// Entries `first` to `last` of a log of `size`, every second one by its hash alone when `thin`.
fn export(first: u64, last: u64, size: u64, thin: bool) -> String {
    let log = Memory::of((1..=size).map(|seq| leaf_hash(line(seq).as_bytes())).collect());
    let root = proof::root(&log, size).unwrap();
    let checkpoint = Checkpoint { origin: "log.example".into(), size, root, extensions: vec![] };
    let mut note = Note::new(checkpoint.to_string()).unwrap();
    note.sign(&key(), 0);
    note.sign(&SignerKey::new("w.example", Kind::Witness, &[2; 32]).unwrap(), 77);
    let hashes = surroundings(&log, &(first - 1..last), size).unwrap().unwrap();
    let mut text = head((first, last), &hashes, &note);
    for seq in first..=last {
        let (own, data) = (line(seq), format!("body {seq}"));
        let body = (seq % 3 == 0).then_some((Some(SALT), data.as_bytes()));
        let there = !thin || seq % 2 == 0;
        text += &entry(&log.leaf(seq - 1), there.then_some(&own), body.filter(|_| there));
    }
    text + end()
}

fn check(text: &str, keys: &[VerifierKey]) -> Result<Shown, ExportError> {
    let mut checker = Checker::new(keys);
    let lines = text.strip_suffix('\n').unwrap_or(text);
    lines.split('\n').try_for_each(|line| checker.take(line.as_bytes()))?;
    checker.finish()
}

#[test]
fn a_sound_one_shows_what_it_has() {
    let keys = [key().public().clone()];
    let shown = check(&export(5, 40, 300, false), &keys).unwrap();
    assert_eq!((shown.entries, shown.present, shown.bodies, shown.committed), ((5, 40), 36, 12, 12));
    assert_eq!(shown.signers, [("log.example".to_owned(), 0)]);
    assert_eq!(shown.checkpoint.size, 300);
    let thin = check(&export(1, 300, 300, true), &keys).unwrap();
    assert_eq!((thin.present, thin.bodies), (150, 50));
    // A witness's key shows when it was seen; an unknown one shows nothing.
    let witness = SignerKey::new("w.example", Kind::Witness, &[2; 32]).unwrap().public().clone();
    let shown = check(&export(1, 1, 1, false), &[keys[0].clone(), witness]).unwrap();
    assert_eq!(shown.signers[1], ("w.example".to_owned(), 77));
    assert!(check(&export(1, 1, 1, false), &[]).unwrap().signers.is_empty());
}

#[test]
fn what_is_not_signed_by_the_known_log_is_refused() {
    let text = export(1, 3, 3, false);
    let other = SignerKey::new("log.example", Kind::Author, &[9; 32]).unwrap();
    assert!(matches!(check(&text, &[other.public().clone()]), Err(ExportError::Signature(_))));
    let elsewhere = SignerKey::new("other.example", Kind::Author, &[1; 32]).unwrap();
    assert!(matches!(check(&text, &[elsewhere.public().clone()]), Err(ExportError::Signature(_))));
}

#[test]
fn a_changed_entry_is_named() {
    let text = export(1, 9, 9, false);
    let keys = [key().public().clone()];
    let changed = text.replace(r#""seq":7"#, r#""seq":8"#);
    assert!(matches!(check(&changed, &keys), Err(ExportError::Entry { seq: 7, .. })));
    let body = STANDARD.encode("body 6");
    let changed = text.replace(&body, &STANDARD.encode("body 7"));
    assert!(matches!(check(&changed, &keys), Err(ExportError::Entry { seq: 6, .. })));
    // A line that was changed together with its hash: only the root tells.
    let (old, new) = (line(4), line(4).replace("\"v\":1", "\"v\":2"));
    let hash = |line: &str| STANDARD.encode(leaf_hash(line.as_bytes()));
    let changed = text.replace(&old, &new).replace(&hash(&old), &hash(&new));
    assert_eq!(check(&changed, &keys), Err(ExportError::Root(1, 9)));
}

#[test]
fn lines_that_are_missing_doubled_or_swapped_are_seen() {
    let text = export(1, 9, 12, false);
    let keys = [key().public().clone()];
    let lines: Vec<&str> = text.lines().collect();
    for at in 0..lines.len() {
        let mut fewer = lines.clone();
        fewer.remove(at);
        // Without its body an entry is still what it was: bodies can be erased.
        let erased = lines[at].starts_with('+');
        assert_eq!(check(&fewer.join("\n"), &keys).is_ok(), erased, "{}", lines[at]);
        let mut more = lines.clone();
        more.insert(at, lines[at]);
        assert!(check(&more.join("\n"), &keys).is_err(), "{}", lines[at]);
        // Signatures have no order.
        let signatures = |at: usize| lines.get(at).is_some_and(|line| line.starts_with('\u{2014}'));
        if at + 1 < lines.len() && !(signatures(at) && signatures(at + 1)) {
            let mut other = lines.clone();
            other.swap(at, at + 1);
            assert!(check(&other.join("\n"), &keys).is_err(), "{}", lines[at]);
        }
    }
    assert!(check("", &[]).is_err());
}

proptest! {
    #[test]
    fn every_changed_byte_is_noticed(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let mut bytes = export(3, 9, 12, false).into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let keys = [key().public().clone()];
        let changed = String::from_utf8(bytes);
        // A byte of a signature of a key that nobody asked for proves nothing, and disproves nothing.
        let witness = changed.as_ref().is_ok_and(|text| {
            let plain = export(3, 9, 12, false);
            let differs = plain.lines().zip(text.lines()).find(|(was, is)| was != is);
            differs.is_some_and(|(was, _)| was.contains("w.example"))
        });
        prop_assert!(witness || changed.is_err() || check(&changed.unwrap(), &keys).is_err());
    }
}

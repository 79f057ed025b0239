//! Proofs, exports and static logs: made from a log, checked without it.

use std::fs;
use std::path::Path;

use audit::{Checkpoint, Note, ProofFile, Submission, VerifierKey, leaf_hash, proof};

use super::{keep, logged};
use crate::support::{Place, guest};

/// A place that never saw the log: the verifier's.
fn stranger() -> Place {
    Place::new()
}

#[test]
fn a_proof_needs_nothing_else() {
    let place = Place::new();
    let key = logged(&place, 300);
    let entries = place.aos(&["audit", "export"]).expect(0).stdout;
    let entries: Vec<&str> = entries.lines().collect();
    let stranger = stranger();
    for seq in [1, 2, 88, 256, 257, entries.len()] {
        let file = stranger.path("entry.tlog-proof").to_str().unwrap().to_owned();
        place
            .aos(&["audit", "prove", &seq.to_string(), "-o", &file])
            .expect(0)
            .says(&format!("proof of #{seq}"));
        let ran = stranger.aos(&["audit", "verify", &file, "--key", &key]).expect(0);
        let size = entries.len();
        assert_eq!(
            ran.stdout,
            format!("audit ok · #{seq} · in the checkpoint of #1–{size}\n{}\n", entries[seq - 1])
        );
        assert_eq!(ran.stderr, "");
        // The same by the formats alone.
        let read = ProofFile::parse(&fs::read(&file).unwrap()).unwrap();
        let checkpoint: Checkpoint = read.note.text().parse().unwrap();
        let verifier: VerifierKey = key.parse().unwrap();
        assert_eq!(read.note.verify([&verifier]).unwrap().len(), 1);
        let leaf = leaf_hash(read.extra.as_deref().unwrap());
        proof::verify_inclusion(&leaf, read.index, checkpoint.size, &read.hashes, &checkpoint.root).unwrap();
    }
    let ran = place.aos(&["audit", "prove", "88"]).expect(0);
    assert!(ran.stdout.starts_with("c2sp.org/tlog-proof@v1\nextra "), "{ran}");
    let file = stranger.file("88", &ran.stdout);
    let file = file.to_str().unwrap();
    stranger.aos(&["audit", "verify", file]).expect(0).says("note: without --key");
    let other = logged(&stranger, 3);
    stranger
        .aos(&["audit", "verify", file, "--key", &other])
        .expect(4)
        .answers("FAILED its checkpoint: none of the");
    stranger.file("88", ran.stdout.replacen("index 87", "index 86", 1));
    stranger.aos(&["audit", "verify", file, "--key", &key]).expect(4).answers("FAILED #87: the proof");
    place.aos(&["audit", "prove", "9999"]).expect(2).says("there is no #9999");
    place.aos(&["audit", "prove", "0"]).expect(2);
}

#[test]
fn an_export_convinces_a_stranger() {
    let place = Place::new();
    logged(&place, 30);
    let key = logged(&place, 300);
    let stranger = stranger();
    let file = stranger.path("r2.aos").to_str().unwrap().to_owned();
    place.aos(&["audit", "export", "r2", "-o", &file, "--bodies"]).expect(0).says("entries in ");
    let r2 = place.entries(Some("r2"));
    let (from, to) = (r2[0].seq(), r2[r2.len() - 1].seq());
    let ran = stranger.aos(&["audit", "verify", &file, "--key", &key]).expect(0);
    let bodies = r2.iter().filter(|entry| entry.body()["digest"].is_string()).count();
    assert_eq!(
        ran.stdout,
        format!(
            "audit ok · {} entries of #{from}–{to} · in the checkpoint of #1–{to} · bodies {bodies}/{bodies}\n",
            r2.len()
        )
    );
    assert_eq!(ran.stderr, "");
    stranger.aos(&["audit", "verify", &file]).expect(0).says("not who made it");
    // Without the bodies, and of everything.
    place.aos(&["audit", "export", "-o", &file]).expect(0);
    stranger.aos(&["audit", "verify", &file, "--key", &key]).expect(0).answers(&format!("of #1–{to} "));
    stranger.aos(&["audit", "verify", &file, "--key", &key, "--json"]).expect(0).answers("\"ok\":true");
    // What a line says is looked at: not only what a file is called.
    let text = fs::read_to_string(&file).unwrap().replacen("\"fuel\":", "\"fuel\":1", 1);
    fs::write(&file, text).unwrap();
    stranger
        .aos(&["audit", "verify", &file, "--key", &key])
        .expect(4)
        .answers("FAILED #1: it is not the line of its leaf hash");
    let kept = keep(&place, "kept.note");
    place.aos(&["audit", "export", "r1", "-o", &file]).expect(0);
    stranger.aos(&["audit", "verify", &file, "--checkpoint", &kept]).expect(0);
    let other = stranger.file("other", "no export\n");
    stranger.aos(&["audit", "verify", other.to_str().unwrap()]).expect(4).answers("is neither an export");
    place.aos(&["audit", "export", "--bodies"]).expect(2).says("--form aos");
    place.aos(&["audit", "export", "r1", "--form", "tiles", "-o", &file]).expect(2).says("whole log");
    place.aos(&["audit", "export", "--form", "tiles"]).expect(2).says("-o DIR");
}

#[test]
fn entries_of_other_runs_are_hashes_only() {
    let place = Place::new();
    let probe = guest("probe").to_str().unwrap().to_owned();
    let script = serde_json::json!([{"op": "log", "text": "first"}, {"op": "receive", "timeout_ms": 3_000}]);
    let first = place.start(&["run", &probe, "--input", "-"], script.to_string().as_bytes());
    while !place.path("state/log.db").exists() || !place.aos(&["audit", "export"]).stdout.contains("\"wait\"")
    {
    }
    place.aos(&["run", &probe, r#"[{"op":"log","text":"secret of r2"}]"#]).expect(0);
    first.wait().expect(0);
    let key = super::key(&place);
    let file = place.path("r1.aos").to_str().unwrap().to_owned();
    place.aos(&["audit", "export", "r1", "-o", &file, "--bodies"]).expect(0);
    let r2 = place.entries(Some("r2")).len();
    let ran = stranger().aos(&["audit", "verify", &file, "--key", &key]).expect(0);
    ran.says(&format!("note: of {r2} entries between only the hash is there"));
    assert!(!place.text("r1.aos").contains("\"run\":2"), "what r2 did is not in r1's export");
}

#[test]
fn consistency_is_proved_and_forks_are_seen() {
    let place = Place::new();
    logged(&place, 30);
    let old = keep(&place, "old.note");
    let size = place.entries(None).len();
    logged(&place, 300);
    let all = place.entries(None).len();
    let file = place.path("proof").to_str().unwrap().to_owned();
    let ran = place.aos(&["audit", "consistency", &old, "-o", &file]).expect(0);
    assert_eq!(ran.stdout, format!("consistent · #1–{size} is what #1–{all} begins with\n"));
    place.aos(&["audit", "consistency", "64"]).expect(0).answers("consistent · #1–64 is what");
    place.aos(&["audit", "consistency", "9999"]).expect(4).says("#9999 is not in the newest checkpoint");
    let read = Submission::parse(&fs::read(&file).unwrap()).unwrap();
    let head = |note: &Note| {
        let checkpoint: Checkpoint = note.text().parse().unwrap();
        (checkpoint.size, checkpoint.root)
    };
    let (old_size, old_root) = head(&Note::parse(&fs::read(&old).unwrap()).unwrap());
    let (new_size, new_root) = head(&read.note);
    assert_eq!((old_size, new_size, read.old), (size as u64, all as u64, size as u64));
    proof::verify_consistency((old_size, &old_root), (new_size, &new_root), &read.hashes).unwrap();
    // Another log is another log.
    let other = Place::new();
    logged(&other, 30);
    other.aos(&["audit", "consistency", &old]).expect(4).says("it is of another log");
    place.aos(&["audit", "consistency", "missing.note"]).expect(2).says("missing.note");
}

/// Reads a static log as a client does that knows the formats and nothing else.
#[test]
fn a_static_log_is_read_by_its_formats() {
    let place = Place::new();
    let key: VerifierKey = logged(&place, 600).parse().unwrap();
    let folder = place.path("static");
    place.aos(&["audit", "export", "--form", "tiles", "-o", folder.to_str().unwrap()]).expect(0);
    let note = Note::parse(&fs::read(folder.join("checkpoint")).unwrap()).unwrap();
    let checkpoint: Checkpoint = note.text().parse().unwrap();
    assert_eq!(note.verify([&key]).unwrap().len(), 1);
    struct Folder<'a>(&'a Path);
    impl proof::Tiles for Folder<'_> {
        type Error = std::io::Error;
        fn tile(&self, level: u8, index: u64, width: usize) -> Result<Vec<audit::Hash>, std::io::Error> {
            let bytes = fs::read(self.0.join(audit::bundle::tile_path(level, index, width)))?;
            assert_eq!(bytes.len(), 32 * width);
            Ok(bytes.as_chunks::<32>().0.to_vec())
        }
    }
    let size = checkpoint.size;
    assert_eq!(proof::root(&Folder(&folder), size).unwrap(), checkpoint.root);
    let exported = place.aos(&["audit", "export"]).expect(0).stdout;
    let mut lines = exported.lines();
    for index in 0..=(size - 1) / 256 {
        let width = (size - index * 256).min(256) as usize;
        let bundle = fs::read(folder.join(audit::bundle::entries_path(index, width))).unwrap();
        for entry in audit::bundle::entries(&bundle) {
            assert_eq!(entry.unwrap(), lines.next().unwrap().as_bytes());
        }
    }
    assert_eq!(lines.next(), None);
    let again = place.aos(&["audit", "export", "--form", "tiles", "-o", folder.to_str().unwrap()]);
    again.expect(2).says("is there already");
}

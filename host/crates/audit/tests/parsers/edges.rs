//! Single bad inputs: too long, cut off, not canonical, of another log, signed twice or by strangers, with control
//! characters, with hashes too many, at the edge of 63 bits.

use audit::export::{Checker, ExportError, LINE_BYTES};
use audit::note::{NOTE_BYTES, SIGNATURES, Signature};
use audit::proof::{PROOF_SIZE, ProofError, verify_consistency, verify_inclusion};
use audit::proof_file::PROOF_FILE_BYTES;
use audit::range::RangeRoot;
use audit::submission::SUBMISSION_BYTES;
use audit::{
    Checkpoint, Hash, Kind, Note, NoteError, ProofFile, SignerKey, Submission, Tree, VerifierKey, empty_root,
};

use crate::sample::{Log, keys, log_key};

fn check(text: &str, keys: &[VerifierKey]) -> Result<(), ExportError> {
    let mut checker = Checker::new(keys);
    text.lines().try_for_each(|line| checker.take(line.as_bytes()))?;
    checker.finish().map(drop)
}

#[test]
fn what_is_too_long_is_refused_before_it_is_read() {
    assert_eq!(Note::parse(&vec![b'\n'; NOTE_BYTES + 1]), Err(NoteError::Long));
    assert!(ProofFile::parse(&vec![b'\n'; PROOF_FILE_BYTES + 1]).is_err());
    assert!(Submission::parse(&vec![b'\n'; SUBMISSION_BYTES + 1]).is_err());
    assert!("k".repeat(10_000).parse::<VerifierKey>().is_err());
    let mut checker = Checker::new(&[]);
    assert!(checker.take(&vec![b'x'; LINE_BYTES + 1]).is_err());
    let note = Log::new(3).note(3);
    let mut many = note.to_string();
    for id in 0..SIGNATURES as u32 {
        many += &Signature { name: "stranger".into(), id, bytes: vec![1; 64] }.line();
    }
    assert_eq!(Note::parse(many.as_bytes()), Err(NoteError::Long));
}

#[test]
fn every_beginning_of_a_text_is_refused() {
    let log = Log::new(30);
    let (note, proof, submission) = (log.note(30), log.proof_file(7), log.submission(11));
    let export = log.export(3, 29);
    let verified = |bytes: &[u8]| Note::parse(bytes).is_ok_and(|note| note.verify(&keys()).is_ok());
    // A note without its last line is a note: a signature can be left out, and what is left still holds.
    let one_less = note.to_string().trim_end().rfind('\n').unwrap() + 1;
    for at in 0..note.to_string().len() {
        assert_eq!(verified(&note.to_string().as_bytes()[..at]), at == one_less, "{at}");
    }
    let without_witness = |text: &str| text.trim_end().rfind('\n').unwrap() + 1;
    let (proof, submission) = (proof.to_string(), submission.to_string());
    for at in 0..proof.len() {
        assert_eq!(ProofFile::parse(&proof.as_bytes()[..at]).is_ok(), at == without_witness(&proof), "{at}");
    }
    for at in 0..submission.len() {
        let read = Submission::parse(&submission.as_bytes()[..at]);
        assert_eq!(read.is_ok(), at == without_witness(&submission), "{at}");
    }
    for at in (0..export.len() - 1).filter(|at| export.is_char_boundary(*at)) {
        assert!(check(&export[..at], &keys()).is_err(), "{at}");
    }
    assert_eq!(check(&export, &keys()), Ok(()));
}

#[test]
fn a_checkpoint_of_another_log_is_refused() {
    let text = Log::new(9).export(1, 9);
    let [log, _] = keys();
    // The right key, but the log says that it is another one: signed by it nonetheless.
    let checkpoint =
        Checkpoint { origin: "other.example".into(), size: 9, root: Log::new(9).root(9), extensions: vec![] };
    let mut note = Note::new(checkpoint.to_string()).unwrap();
    note.sign(&log_key(), 0);
    let foreign = {
        let (before, rest) = text.split_once("checkpoint ").unwrap();
        let (_, entries) = rest.rsplit_once("\u{2014} ").unwrap();
        let (_, entries) = entries.split_once('\n').unwrap();
        format!("{before}checkpoint {}\n{note}{entries}", note.to_string().lines().count())
    };
    assert!(matches!(check(&foreign, std::slice::from_ref(&log)), Err(ExportError::Signature(_))));
    assert_eq!(check(&foreign, &[]), Ok(()), "it agrees with itself");
    // A stranger's key.
    let stranger = SignerKey::new("log.example", Kind::Author, &[5; 32]).unwrap();
    assert!(matches!(check(&text, &[stranger.public().clone()]), Err(ExportError::Signature(_))));
}

#[test]
fn signatures_of_strangers_and_doubled_ones_say_nothing() {
    let [log, witness] = keys();
    let mut note = Log::new(9).note(9);
    let stranger = SignerKey::new("stranger", Kind::Author, &[5; 32]).unwrap();
    note.sign(&stranger, 0);
    let doubled = note.to_string() + &note.signatures()[1].line() + &note.signatures()[0].line();
    let doubled = Note::parse(doubled.as_bytes()).unwrap();
    assert_eq!(doubled.verify([&log, &witness]).unwrap().len(), 2);
    assert_eq!(doubled.verify([&log, &log]).unwrap().len(), 1, "a key that is named twice counts once");
    // The second signature of a known key is another one, and not valid.
    let mut forged = note.signatures()[0].clone();
    forged.bytes[40] ^= 1;
    let forged = Note::parse((note.to_string() + &forged.line()).as_bytes()).unwrap();
    assert!(matches!(forged.verify([&log]), Err(NoteError::Invalid(_))));
}

#[test]
fn control_characters_are_refused_wherever_they_are() {
    let log = Log::new(9);
    let (note, proof, submission) = (log.note(9), log.proof_file(7), log.submission(4));
    for control in (0_u8..0x20).filter(|control| *control != b'\n') {
        let (note, control) = (note.to_string(), char::from(control));
        for at in (0..note.len()).filter(|at| note.is_char_boundary(*at)) {
            let mut bad = note.clone();
            bad.insert(at, control);
            assert!(Note::parse(bad.as_bytes()).is_err(), "{control:?} at {at}");
        }
        for text in [proof.to_string(), submission.to_string()] {
            for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
                let mut bad = text.clone();
                bad.insert(at, control);
                assert!(ProofFile::parse(bad.as_bytes()).is_err());
                assert!(Submission::parse(bad.as_bytes()).is_err());
            }
        }
        let name = format!("log{control}example");
        assert!(SignerKey::new(&name, Kind::Author, &[1; 32]).is_err());
    }
}

#[test]
fn a_proof_with_hashes_too_many_or_too_few_proves_nothing() {
    let log = Log::new(300);
    let (root, old) = (log.root(300), log.root(57));
    let (proof, submission) = (log.proof_file(201), log.submission(57));
    let leaf = log.leaf(201);
    let included = |hashes: &[Hash]| verify_inclusion(&leaf, 200, 300, hashes, &root);
    let follows = |hashes: &[Hash]| verify_consistency((57, &old), (300, &root), hashes);
    type Check<'a> = &'a dyn Fn(&[Hash]) -> Result<(), ProofError>;
    let checks: [(&[Hash], Check); 2] = [(&proof.hashes, &included), (&submission.hashes, &follows)];
    for (hashes, check) in checks {
        assert_eq!(check(hashes), Ok(()));
        for extra in [[0; 32], root, leaf] {
            for at in 0..=hashes.len() {
                let more = [&hashes[..at], &[extra], &hashes[at..]].concat();
                assert!(check(&more).is_err(), "one more at {at}");
            }
        }
        for at in 0..hashes.len() {
            let fewer = [&hashes[..at], &hashes[at + 1..]].concat();
            assert!(check(&fewer).is_err(), "one less at {at}");
        }
    }
    let mut beside = audit::range::surroundings(&log, &(4..9), 300).unwrap().unwrap();
    beside.push([0; 32]);
    assert!(RangeRoot::new(4..9, 300, &beside).is_err());
}

#[test]
fn sizes_at_the_edge_of_63_bits_are_counted() {
    let root = [9; 32];
    for size in [PROOF_SIZE - 1, PROOF_SIZE, PROOF_SIZE + 1, u64::MAX - 1, u64::MAX] {
        for hashes in [0, 1, 62, 63, 64, 65] {
            let hashes = vec![[7; 32]; hashes];
            for at in [0, 1, (1 << 62) - 1, 1 << 62, size - 1, size] {
                assert!(verify_inclusion(&root, at, size, &hashes, &root).is_err());
                let same = at == size && at <= PROOF_SIZE && hashes.is_empty();
                let empty = at == 0;
                let holds = verify_consistency((at, &root), (size, &root), &hashes).is_ok();
                assert_eq!(holds, same && !empty, "{at} of {size}");
            }
            assert!(RangeRoot::new(0..size, size, &hashes).is_err() || hashes.is_empty());
            assert!(RangeRoot::new(size - 1..size, size, &hashes).is_err() || size <= PROOF_SIZE);
            assert!(Tree::resume(size, vec![hashes]).is_err());
        }
        let text = format!("log\n{size}\n{}\n", "A".repeat(43) + "=");
        assert_eq!(text.parse::<Checkpoint>().is_ok(), size <= PROOF_SIZE, "{size}");
        let export = format!("aos-export@v1\nentries 1 {size}\nhashes 0\n");
        let header = check(&export, &[]);
        assert!(header.is_err(), "{header:?}");
    }
    assert_eq!(verify_consistency((0, &empty_root()), (PROOF_SIZE, &root), &[]), Ok(()));
}

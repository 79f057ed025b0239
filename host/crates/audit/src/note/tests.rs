use super::*;
use crate::key::{KEY_BYTES, KeyError, Kind};
use proptest::prelude::*;

/// The key and the note of Go's `golang.org/x/mod/sumdb/note`, as its documentation has them.
const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const LESS: &str = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n\n\
                    — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

fn author(name: &str, seed: u8) -> SignerKey {
    SignerKey::new(name, Kind::Author, &[seed; 32]).unwrap()
}

fn note(text: &str) -> Note {
    Note::new(text.to_owned()).unwrap()
}

#[test]
fn a_note_that_others_signed_is_read() {
    let key: VerifierKey = PETER.parse().unwrap();
    assert_eq!((key.name(), key.id(), key.to_string().as_str()), ("PeterNeumann", 0xc74f_20a3, PETER));
    let read = Note::parse(LESS.as_bytes()).unwrap();
    assert_eq!(read.to_string(), LESS);
    assert_eq!(read.verify([&key]).unwrap().len(), 1);
    let changed = LESS.replace("problem,", "problem;");
    let refused = Note::parse(changed.as_bytes()).unwrap();
    assert_eq!(refused.verify([&key]), Err(NoteError::Invalid("PeterNeumann".into())));
}

#[test]
fn keys_are_written_and_read_in_one_form() {
    let key = author("example.org/log", 1);
    let secret = key.secret();
    assert_eq!(SignerKey::parse(&secret).unwrap().public(), key.public());
    assert!(!format!("{key:?}").contains(&secret["PRIVATE+KEY+".len()..]), "it shows itself");
    let written = key.public().to_string();
    assert_eq!(written.parse::<VerifierKey>().as_ref(), Ok(key.public()));
    let parse = |text: &str| text.parse::<VerifierKey>();
    assert_eq!(parse(&written.replace("log", "lag")), Err(KeyError::Id));
    assert_eq!(parse("a+b"), Err(KeyError::Form));
    assert_eq!(parse("a b+00000000+AAAA"), Err(KeyError::Name));
    assert_eq!(parse(&format!("x+00000000+{}", STANDARD.encode([9; 33]))), Err(KeyError::Kind(9)));
    assert_eq!(parse(&"x".repeat(KEY_BYTES + 1)), Err(KeyError::Long));
    // The neutral point: everybody can sign for it.
    let weak = [&[1, 1][..], &[0; 31]].concat();
    assert_eq!(parse(&format!("x+00000000+{}", STANDARD.encode(weak))), Err(KeyError::Point));
}

#[test]
fn a_cosignature_says_when() {
    let witness = SignerKey::new("w.example/1", Kind::Witness, &[3; 32]).unwrap();
    let mut signed = note("origin\n1\nroot\n");
    signed.sign(&author("origin", 1), 0);
    signed.sign(&witness, 1_679_315_147);
    let verified = Note::parse(signed.to_string().as_bytes()).unwrap();
    let verified = verified.verify([witness.public()]).unwrap();
    assert_eq!(verified[0].time, 1_679_315_147);
    // The same bytes under another time are no signature.
    let mut moved = signed.clone();
    moved.signatures[1].bytes[7] ^= 1;
    assert_eq!(moved.verify([witness.public()]), Err(NoteError::Invalid("w.example/1".into())));
    // An author's signature does not pass for a witness's, though the key's bytes are the same.
    let twin = SignerKey::new("w.example/1", Kind::Author, &[3; 32]).unwrap();
    assert_ne!(twin.public().id(), witness.public().id());
}

#[test]
fn unknown_and_doubled_signatures_count_for_nothing() {
    let (known, other) = (author("known", 1), author("other", 2));
    let mut signed = note("text\n");
    signed.sign(&other, 0);
    assert_eq!(signed.verify([known.public()]), Err(NoteError::Unknown(1)));
    signed.sign(&known, 0);
    signed.sign(&known, 0);
    assert_eq!(signed.signatures().len(), 2);
    let doubled = signed.to_string() + &signed.signatures()[1].line();
    let doubled = Note::parse(doubled.as_bytes()).unwrap();
    assert_eq!(doubled.verify([known.public()]).unwrap().len(), 1);
    // A known key's name and id on a signature that is not its own refuse the whole note.
    let mut forged = doubled.clone();
    forged.signatures[2].bytes[0] ^= 1;
    assert_eq!(forged.verify([known.public()]), Err(NoteError::Invalid("known".into())));
}

#[test]
fn what_is_no_note_is_refused() {
    let parse = |text: &str| Note::parse(text.as_bytes());
    let line = Signature { name: "k".into(), id: 1, bytes: vec![1] }.line();
    assert!(parse(&format!("t\n\n{line}")).is_ok());
    assert!(parse(&format!("t\n\nmore\n\n{line}")).is_ok(), "a text may have blank lines");
    for bad in [
        String::new(),
        "t\n".into(),
        format!("t\n{line}"),
        format!("t\n\n{}", line.trim_end()),
        format!("t\n\n{line}\n"),
        format!("t\n\n{line}x\n"),
        format!("t\tab\n\n{line}"),
        format!("t\r\n\n{line}"),
        "t\n\n— k\n".into(),
        "t\n\n— k AAAAAA==\n".into(),
        "t\n\n— k+ AAAAAQE=\n".into(),
        "t\n\n- k AAAAAQE=\n".into(),
        "t\n\n— k AAAAAQF=\n".into(),
        "t\n\n— k AAAAAQE\n".into(),
        "t\n\n— k  AAAAAQE=\n".into(),
    ] {
        assert!(parse(&bad).is_err(), "{bad:?}");
    }
    assert!(Note::parse(b"\xff\n\n").is_err());
    assert_eq!(parse(&format!("t\n\n{}", line.repeat(SIGNATURES + 1))), Err(NoteError::Long));
    assert_eq!(parse(&format!("{}\n\n{line}", "t".repeat(NOTE_BYTES))), Err(NoteError::Long));
    assert!(Note::new("no end".into()).is_err());
    assert!(Note::new("a\u{1b}[31m\n".into()).is_err());
}

proptest! {
    #[test]
    fn whatever_is_read_is_written_the_same(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert_eq!(note.to_string().into_bytes(), bytes);
        }
    }

    #[test]
    fn a_changed_byte_is_noticed(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let key: VerifierKey = PETER.parse().unwrap();
        let mut bytes = LESS.as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let verified = Note::parse(&bytes).map(|note| note.verify([&key]).is_ok());
        prop_assert_ne!(verified, Ok(true));
    }
}

//! Keys, notes and checkpoints.

use audit::{Checkpoint, Note, SignerKey, VerifierKey};
use proptest::prelude::*;

use crate::mutation::{arbitrary, cases, changed, changes};
use crate::sample::{Log, keys, log_key};

fn reads_a_key(bytes: &[u8]) -> Result<(), TestCaseError> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Ok(()) };
    if let Ok(key) = text.parse::<VerifierKey>() {
        prop_assert_eq!(key.to_string(), text);
    }
    if let Ok(key) = SignerKey::parse(text) {
        prop_assert_eq!(key.secret(), text);
    }
    Ok(())
}

/// Reads a note; when it verifies, it says what the log signed.
fn reads_a_note(bytes: &[u8], signed: &Note) -> Result<(), TestCaseError> {
    let Ok(note) = Note::parse(bytes) else { return Ok(()) };
    prop_assert_eq!(note.to_string().into_bytes(), bytes);
    let [log, witness] = keys();
    for key in [&log, &witness] {
        if let Ok(verified) = note.verify([key]) {
            prop_assert_eq!(verified.len(), 1, "a key counts once");
            prop_assert_eq!(note.text(), signed.text(), "{}", key.name());
        }
    }
    reads_a_checkpoint(note.text())
}

fn reads_a_checkpoint(text: &str) -> Result<(), TestCaseError> {
    if let Ok(checkpoint) = text.parse::<Checkpoint>() {
        prop_assert_eq!(checkpoint.to_string(), text);
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_changed_public_key_is_itself_or_refused(changes in changes()) {
        let key = log_key().public().to_string();
        let bytes = changed(&key, &changes);
        reads_a_key(&bytes)?;
        // The id binds the name to the key: no other key comes out of a slip.
        if let Ok(other) = String::from_utf8_lossy(&bytes).parse::<VerifierKey>() {
            prop_assert_eq!(other.to_string(), key);
        }
    }

    #[test]
    fn a_changed_private_key_is_itself_or_refused(changes in changes()) {
        reads_a_key(&changed(&log_key().secret(), &changes))?;
    }

    #[test]
    fn any_bytes_as_a_key(bytes in arbitrary()) {
        reads_a_key(&bytes)?;
        reads_a_key(&[b"PRIVATE+KEY+", &bytes[..]].concat())?;
    }

    #[test]
    fn a_changed_note_says_what_was_signed_or_nothing(changes in changes()) {
        let note = Log::new(5).note(5);
        reads_a_note(&changed(&note.to_string(), &changes), &note)?;
    }

    #[test]
    fn any_bytes_as_a_note(bytes in arbitrary()) {
        let note = Log::new(5).note(5);
        reads_a_note(&bytes, &note)?;
        let signatures = note.to_string();
        let signatures = signatures.split_once("\n\n").unwrap().1;
        reads_a_note(&[&bytes[..], b"\n\n", signatures.as_bytes()].concat(), &note)?;
        reads_a_note(&[note.text().as_bytes(), b"\n", &bytes[..]].concat(), &note)?;
    }

    #[test]
    fn a_changed_checkpoint_has_one_form(changes in changes()) {
        let text = Log::new(5).note(5).text().to_owned() + "extension\n";
        if let Ok(text) = String::from_utf8(changed(&text, &changes)) {
            reads_a_checkpoint(&text)?;
        }
    }

    #[test]
    fn any_text_as_a_checkpoint(bytes in arbitrary()) {
        reads_a_checkpoint(&String::from_utf8_lossy(&bytes))?;
    }
}

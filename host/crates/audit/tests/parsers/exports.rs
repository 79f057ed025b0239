//! Exports: whatever is changed in one, what still verifies shows the log's own entries and bodies.

use audit::VerifierKey;
use audit::export::{Checker, ExportError, Shown};
use proptest::prelude::*;

use crate::mutation::{arbitrary, cases, changed, changes};
use crate::sample::{Log, keys, line};

const SIZE: u64 = 40;
const FIRST: u64 = 5;
const LAST: u64 = 33;

/// Checks one, and keeps on after an error: then nothing may be shown any more.
fn check(bytes: &[u8], keys: &[VerifierKey]) -> Result<Shown, ExportError> {
    let mut checker = Checker::new(keys);
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let mut wrong = None;
    for line in bytes.split(|byte| *byte == b'\n') {
        let took = checker.take(line);
        match &wrong {
            Some(error) => assert_eq!(took.as_ref(), Err(error), "the first error stays"),
            None => wrong = took.err(),
        }
    }
    let shown = checker.finish();
    assert!(wrong.is_none() || shown.is_err(), "what is wrong shows nothing");
    shown
}

/// What verifies under the keys is the log's.
fn shows_the_log(bytes: &[u8]) -> Result<(), TestCaseError> {
    // Without keys it may show anything, but not panic.
    let _agrees_with_itself = check(bytes, &[]);
    let Ok(shown) = check(bytes, &keys()) else { return Ok(()) };
    let log = Log::new(SIZE);
    prop_assert_eq!(shown.checkpoint.root, log.root(SIZE));
    prop_assert!(shown.signers.iter().any(|(name, _)| name == "log.example"));
    let (first, last) = shown.entries;
    let text = std::str::from_utf8(bytes).unwrap();
    let entries = text.lines().filter_map(|line| line.split_once(" {")).count() as u64;
    prop_assert_eq!(entries, shown.present);
    for seq in first..=last {
        let own = format!(" {}", line(seq));
        prop_assert!(text.contains(&own) || !text.contains(&format!("\"seq\":{seq},")), "#{}", seq);
    }
    Ok(())
}

#[test]
fn the_sample_holds() {
    let shown = check(Log::new(SIZE).export(FIRST, LAST).as_bytes(), &keys()).unwrap();
    assert_eq!((shown.entries, shown.checkpoint.size), ((FIRST, LAST), SIZE));
    assert_eq!((shown.present, shown.bodies, shown.committed), (23, 8, 8));
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_changed_export_shows_the_log_or_nothing(changes in changes()) {
        shows_the_log(&changed(&Log::new(SIZE).export(FIRST, LAST), &changes))?;
    }

    #[test]
    fn any_bytes_as_an_export(bytes in arbitrary()) {
        shows_the_log(&bytes)?;
        shows_the_log(&[b"aos-export@v1\nentries 1 1\n", &bytes[..]].concat())?;
        let export = Log::new(SIZE).export(FIRST, LAST);
        let (head, _) = export.split_once("\nend").unwrap();
        shows_the_log(&[head.as_bytes(), b"\n", &bytes[..]].concat())?;
    }
}

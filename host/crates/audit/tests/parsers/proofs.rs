//! Proof files and submissions: read, and checked as their readers check them.

use audit::proof::{verify_consistency, verify_inclusion};
use audit::{Checkpoint, ProofFile, Submission, leaf_hash};
use proptest::prelude::*;

use crate::mutation::{arbitrary, cases, changed, changes};
use crate::sample::{Log, keys, line};

const SIZE: u64 = 300;
const SEQ: u64 = 201;
const OLD: u64 = 57;

/// Reads a proof file; when it holds under the log's key, it is about an entry that the log has.
fn reads_a_proof(bytes: &[u8]) -> Result<(), TestCaseError> {
    let Ok(proof) = ProofFile::parse(bytes) else { return Ok(()) };
    prop_assert_eq!(proof.to_string().into_bytes(), bytes);
    let [key, _] = keys();
    let Ok(checkpoint) = proof.note.text().parse::<Checkpoint>() else { return Ok(()) };
    let Some(entry) = &proof.extra else { return Ok(()) };
    let leaf = leaf_hash(entry);
    let included = verify_inclusion(&leaf, proof.index, checkpoint.size, &proof.hashes, &checkpoint.root);
    if included.is_ok() && proof.note.verify([&key]).is_ok() {
        prop_assert_eq!(entry, &line(proof.index + 1).into_bytes());
    }
    Ok(())
}

/// Reads a submission; when it holds under the log's key, it is the log's own.
fn reads_a_submission(bytes: &[u8], log: &Log) -> Result<(), TestCaseError> {
    let Ok(submission) = Submission::parse(bytes) else { return Ok(()) };
    prop_assert_eq!(submission.to_string().into_bytes(), bytes);
    let [key, _] = keys();
    let Ok(checkpoint) = submission.note.text().parse::<Checkpoint>() else { return Ok(()) };
    let root = log.root(OLD);
    let new = (checkpoint.size, &checkpoint.root);
    let follows = verify_consistency((submission.old, &root), new, &submission.hashes);
    if follows.is_ok() && submission.note.verify([&key]).is_ok() {
        prop_assert_eq!((submission.old, checkpoint.size), (OLD, SIZE));
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_changed_proof_proves_what_is_so_or_nothing(changes in changes()) {
        let proof = Log::new(SIZE).proof_file(SEQ).to_string();
        reads_a_proof(proof.as_bytes())?;
        reads_a_proof(&changed(&proof, &changes))?;
    }

    #[test]
    fn any_bytes_as_a_proof(bytes in arbitrary()) {
        reads_a_proof(&bytes)?;
        reads_a_proof(&[b"c2sp.org/tlog-proof@v1\n", &bytes[..]].concat())?;
    }

    #[test]
    fn a_changed_submission_is_the_logs_or_refused(changes in changes()) {
        let log = Log::new(SIZE);
        let submission = log.submission(OLD).to_string();
        reads_a_submission(submission.as_bytes(), &log)?;
        reads_a_submission(&changed(&submission, &changes), &log)?;
    }

    #[test]
    fn any_bytes_as_a_submission(bytes in arbitrary()) {
        let log = Log::new(SIZE);
        reads_a_submission(&bytes, &log)?;
        reads_a_submission(&[b"old 0\n", &bytes[..]].concat(), &log)?;
    }
}

//! Checkpoints: the note text that says how large a log is and what its root is (C2SP tlog-checkpoint).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Hash;
use crate::proof::PROOF_SIZE;

/// An origin: bytes.
pub const ORIGIN_BYTES: usize = 255;
/// Extension lines.
const EXTENSIONS: usize = 16;

/// A log's tree head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// Its leaves.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// Further lines, which mean nothing here.
    pub extensions: Vec<String>,
}

/// Why a text is no checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a checkpoint: {0}")]
pub struct CheckpointError(&'static str);

/// A number of at most 63 bits in the one form that the formats allow.
pub fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok().filter(|number| *number <= PROOF_SIZE)?;
    (number.to_string() == text).then_some(number)
}

/// A hash as a line of base 64.
pub(crate) fn hash(text: &str) -> Option<Hash> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Checkpoint, CheckpointError> {
        let lines = text.strip_suffix('\n').ok_or(CheckpointError("its last line has no end"))?;
        let mut lines = lines.split('\n');
        let mut line = |what| lines.next().filter(|line| !line.is_empty()).ok_or(CheckpointError(what));
        let origin = line("it has no origin")?;
        let size = line("it has no size")?;
        let root = line("it has no root")?;
        if origin.len() > ORIGIN_BYTES {
            return Err(CheckpointError("its origin is longer than 255 bytes"));
        }
        let size = decimal(size).ok_or(CheckpointError("its size is no number of at most 63 bits"))?;
        let root = hash(root).ok_or(CheckpointError("its root is not 32 bytes in base 64"))?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if extensions.len() > EXTENSIONS || extensions.iter().any(String::is_empty) {
            return Err(CheckpointError("its further lines are too many, or empty"));
        }
        Ok(Checkpoint { origin: origin.to_owned(), size, root, extensions })
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, STANDARD.encode(self.root))?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of tlog-checkpoint.
    const EXAMPLE: &str =
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn the_example_is_read_and_written() {
        let read: Checkpoint = EXAMPLE.parse().unwrap();
        assert_eq!((read.origin.as_str(), read.size), ("example.com/behind-the-sofa", 20_852_163));
        assert_eq!(read.to_string(), EXAMPLE);
        let more = format!("{EXAMPLE}one\ntwo\n");
        assert_eq!(more.parse::<Checkpoint>().unwrap().to_string(), more);
    }

    #[test]
    fn every_other_form_is_refused() {
        let size = |text: &str| EXAMPLE.replace("20852163", text);
        for bad in [
            String::new(),
            EXAMPLE.trim_end().into(),
            format!("\n{EXAMPLE}"),
            format!("{EXAMPLE}\n"),
            size("020852163"),
            size("+5"),
            size("-5"),
            size(""),
            size("9223372036854775808"),
            size("18446744073709551616"),
            size("1 "),
            EXAMPLE.replace("CsU", "Cs"),
            EXAMPLE.replace("q2I=", "q2J="),
            EXAMPLE.replace("q2I=", "q2I"),
            EXAMPLE.replace("example", &"e".repeat(ORIGIN_BYTES)),
            format!("{EXAMPLE}{}", "x\n".repeat(EXTENSIONS + 1)),
        ] {
            assert!(bad.parse::<Checkpoint>().is_err(), "{bad:?}");
        }
        assert!(size("0").parse::<Checkpoint>().is_ok());
        assert_eq!(size("9223372036854775807").parse::<Checkpoint>().unwrap().size, PROOF_SIZE);
    }
}

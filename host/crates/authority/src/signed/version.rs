//! A package's version: three numbers, which can be compared.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `x.y.z`, each from 0 to 2³² − 1. Written, and serialised, without leading zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(pub [u32; 3]);

/// Why a text is no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a version is three numbers, such as 0.1.0; {0:?} is not")]
pub struct VersionError(String);

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Version, VersionError> {
        let number = |part: &str| part.parse().ok().filter(|number: &u32| number.to_string() == part);
        let numbers: Option<Vec<u32>> = text.split('.').take(4).map(number).collect();
        let numbers = numbers.and_then(|numbers| <[u32; 3]>::try_from(numbers).ok());
        numbers.map(Version).ok_or_else(|| VersionError(text.chars().take(64).collect()))
    }
}

impl TryFrom<String> for Version {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Version, VersionError> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> String {
        version.to_string()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let version = |text: &str| text.parse::<Version>().unwrap();
        assert!(version("0.10.0") > version("0.9.9"));
        assert!(version("1.0.0") > version("0.4294967295.0"));
        assert_eq!(version("1.2.3").to_string(), "1.2.3");
        for bad in ["", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.-3", "1.2.+3", "1.2.4294967296", "1.2.x"] {
            assert!(bad.parse::<Version>().is_err(), "{bad}");
        }
    }
}

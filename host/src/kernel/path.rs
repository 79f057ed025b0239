//! Relative paths, as guests may write them.

use std::fmt;

use crate::kernel::ports::MountError;

/// The length of a path, in bytes.
pub const PATH_LIMIT: usize = 1_024;
/// The length of a segment, in bytes; what the usual file systems hold.
pub const SEGMENT_LIMIT: usize = 255;
/// Segments in a path.
pub const DEPTH_LIMIT: usize = 32;

/// How the names of the host's unfinished files begin.
pub const PREFIX: &str = ".aos-";
/// How they end.
pub const SUFFIX: &str = ".tmp";

/// A path within a mount: segments joined by `/`, none of them empty, `.` or `..`, without backslashes and
/// control characters. The empty path is the mount itself.
///
/// It promises nothing about what is there: a segment may be a symbolic link.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelPath(String);

impl RelPath {
    /// Checks a path.
    ///
    /// # Errors
    /// `Invalid`, naming the rule that the path breaks.
    pub fn parse(text: &str) -> Result<RelPath, MountError> {
        if text.len() > PATH_LIMIT {
            return Err(invalid(format!("the path is {} bytes long; the limit is {PATH_LIMIT}", text.len())));
        }
        if text.is_empty() {
            return Ok(RelPath(String::new()));
        }
        if text.starts_with('/') {
            return Err(invalid(format!("{text:?} is absolute: a path is relative to its mount")));
        }
        if text.split('/').count() > DEPTH_LIMIT {
            return Err(invalid(format!("the path is deeper than {DEPTH_LIMIT} segments")));
        }
        for segment in text.split('/') {
            if let Some(fault) = fault(segment) {
                return Err(invalid(format!("{text:?} {fault}")));
            }
        }
        Ok(RelPath(text.to_owned()))
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the mount itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The folder that holds it; empty for the mount's own entries and for the mount.
    pub fn parent(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(parent, _)| parent)
    }

    /// Its last segment; empty for the mount.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a path can have this segment. What is on disk under another name cannot be reached.
pub fn is_segment(name: &str) -> bool {
    fault(name).is_none()
}

/// Whether a name is one of the host's unfinished files, which guests do not see; a crash may leave one behind.
pub fn is_temporary(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

fn fault(segment: &str) -> Option<String> {
    Some(match segment {
        "" => "has an empty segment: remove the doubled or trailing `/`".to_owned(),
        "." | ".." => format!("has a `{segment}` segment: write the path without it"),
        _ if segment.len() > SEGMENT_LIMIT => {
            format!("has a segment of {} bytes; the limit is {SEGMENT_LIMIT}", segment.len())
        }
        _ if segment.contains('\\') => "has a backslash: segments are separated by `/`".to_owned(),
        _ if segment.chars().any(char::is_control) => "has a control character".to_owned(),
        _ if is_temporary(segment) => "is a name that the host keeps for unfinished writes".to_owned(),
        _ => return None,
    })
}

fn invalid(text: String) -> MountError {
    MountError::Invalid(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(path: &str, words: &str) {
        match RelPath::parse(path) {
            Err(MountError::Invalid(text)) => assert!(text.contains(words), "{path:?}: {text}"),
            other => panic!("{path:?}: {other:?}"),
        }
    }

    #[test]
    fn plain_paths_are_taken_as_they_are() {
        for path in ["a", "a/b.txt", "…/ü/日本", "...", ".hidden", "a b", ".aos-x", "-", "~"] {
            assert_eq!(RelPath::parse(path).unwrap().as_str(), path);
        }
        let path = RelPath::parse("a/b/c").unwrap();
        assert_eq!((path.parent(), path.name(), path.is_root()), ("a/b", "c", false));
        let path = RelPath::parse("a").unwrap();
        assert_eq!((path.parent(), path.name()), ("", "a"));
        assert!(RelPath::parse("").unwrap().is_root());
    }

    #[test]
    fn each_rule_has_its_own_message() {
        says("/etc/passwd", "absolute");
        says("/", "absolute");
        for path in ["..", "a/../b", "a/.."] {
            says(path, "`..` segment");
        }
        for path in [".", "./a", "a/./b"] {
            says(path, "`.` segment");
        }
        for path in ["a/", "a//b"] {
            says(path, "empty segment");
        }
        for path in ["a\\b", "..\\b"] {
            says(path, "backslash");
        }
        for path in ["a\0b", "a\nb", "a\u{7f}", "a\u{85}"] {
            says(path, "control character");
        }
        says("a/.aos-1.tmp", "unfinished");
        assert!(!is_segment(""));
    }

    #[test]
    fn limits_hold_to_the_byte() {
        assert!(RelPath::parse(&"a".repeat(255)).is_ok());
        says(&"a".repeat(256), "256 bytes");
        let deep = vec!["abc"; 32].join("/");
        assert!(RelPath::parse(&deep).is_ok());
        says(&format!("{deep}/a"), "deeper than 32");
        let long = [&"a".repeat(255), &"b".repeat(255), &"c".repeat(255), &"d".repeat(255), "e"].join("/");
        assert_eq!(long.len(), 1_025);
        says(&long, "1025 bytes");
        assert!(RelPath::parse(&long[1..]).is_ok());
        says(&"a".repeat(10 << 20), "10485760 bytes");
    }
}

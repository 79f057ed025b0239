//! Colours of a terminal, for what this program says itself; what agents say comes in escaped.

/// Whether to use them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paint(pub bool);

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.0 && !text.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// A heading.
    pub fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    /// Of less weight.
    pub fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    /// Good.
    pub fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    /// To be looked at.
    pub fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    /// Bad.
    pub fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    /// A process's end, by how it ended.
    pub fn exit(self, word: &str, padded: &str) -> String {
        match word {
            "ok" => self.green(padded),
            "running" | "unfinished" => self.yellow(padded),
            _ => self.red(padded),
        }
    }
}

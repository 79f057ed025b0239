//! TOML tables and values that know their place in the text.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::ManifestError;
use super::error::did_you_mean;

/// The text of a manifest and its file's name.
pub struct Source<'a> {
    /// The whole text.
    pub text: &'a str,
    /// For errors.
    pub file: &'a str,
}

/// A table.
pub struct Table<'a> {
    source: &'a Source<'a>,
    entries: &'a DeTable<'a>,
    span: Range<usize>,
    /// Its dotted name, as in its header; empty for the root.
    name: String,
}

/// A key and what stands for it, or an element of a list (with the list's key).
pub struct Value<'a> {
    source: &'a Source<'a>,
    value: &'a Spanned<DeValue<'a>>,
    /// The dotted name of the table that it is in.
    parent: String,
    /// Its key.
    pub key: &'a str,
    key_span: Range<usize>,
}

impl<'a> Table<'a> {
    /// The whole document.
    pub fn root(source: &'a Source<'a>, tree: &'a Spanned<DeTable<'a>>) -> Self {
        Self { source, entries: tree.get_ref(), span: 0..0, name: String::new() }
    }

    /// Every key with its value, as they stand in the text, so that the first error is the uppermost.
    pub fn values(&self) -> impl Iterator<Item = Value<'a>> {
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        entries.into_iter().map(|entry| self.value(entry))
    }

    /// The value of a key, if it is there.
    pub fn get(&self, key: &str) -> Option<Value<'a>> {
        let entry = self.entries.iter().find(|(own, _)| own.get_ref() == key)?;
        Some(self.value(entry))
    }

    fn value(&self, (key, value): (&'a Spanned<DeString<'a>>, &'a Spanned<DeValue<'a>>)) -> Value<'a> {
        let parent = self.name.clone();
        Value { source: self.source, value, parent, key: key.get_ref(), key_span: key.span() }
    }

    /// The value of a key that must be there.
    pub fn required(&self, key: &str) -> Result<Value<'a>, ManifestError> {
        self.get(key).ok_or_else(|| match self.name.as_str() {
            "" => self.source.error(self.span.clone(), format!("the section [{key}] is missing"), None),
            name => self.source.error(self.span.clone(), format!("{name} has no {key:?}"), None),
        })
    }

    /// Refuses keys other than these.
    pub fn known(&self, keys: &[&str]) -> Result<(), ManifestError> {
        match self.values().find(|value| !keys.contains(&value.key)) {
            Some(value) => Err(value.unknown(keys)),
            None => Ok(()),
        }
    }
}

impl<'a> Value<'a> {
    /// Its dotted name, with its table's.
    pub fn name(&self) -> String {
        match self.parent.as_str() {
            "" => self.key.escape_debug().to_string(),
            parent => format!("{parent}.{}", self.key.escape_debug()),
        }
    }

    /// Where the value stands.
    pub fn span(&self) -> Range<usize> {
        self.value.span()
    }

    /// Where its key stands.
    pub fn key_span(&self) -> Range<usize> {
        self.key_span.clone()
    }

    /// It is a table.
    pub fn table(&self) -> Result<Table<'a>, ManifestError> {
        match self.value.get_ref() {
            DeValue::Table(entries) => {
                Ok(Table { source: self.source, entries, span: self.key_span.clone(), name: self.name() })
            }
            _ => Err(self.wrong("a table")),
        }
    }

    /// It is a table, not a string or anything else.
    pub fn is_table(&self) -> bool {
        matches!(self.value.get_ref(), DeValue::Table(_))
    }

    /// It is a string.
    pub fn text(&self) -> Result<&'a str, ManifestError> {
        match self.value.get_ref() {
            DeValue::String(text) => Ok(text),
            _ => Err(self.wrong("a string")),
        }
    }

    /// It is an integer that is not negative.
    pub fn integer(&self) -> Option<u64> {
        match self.value.get_ref() {
            DeValue::Integer(digits) => u64::from_str_radix(digits.as_str(), digits.radix()).ok(),
            _ => None,
        }
    }

    /// It is `true` or `false`.
    pub fn boolean(&self) -> Result<bool, ManifestError> {
        match self.value.get_ref() {
            DeValue::Boolean(value) => Ok(*value),
            _ => Err(self.wrong("true or false")),
        }
    }

    /// It is a list.
    pub fn list(&self) -> Result<Vec<Value<'a>>, ManifestError> {
        let DeValue::Array(items) = self.value.get_ref() else {
            return Err(self.wrong("a list, such as [\"a\", \"b\"]"));
        };
        let item = |value| Value {
            source: self.source,
            value,
            parent: self.parent.clone(),
            key: self.key,
            key_span: self.key_span.clone(),
        };
        Ok(items.iter().map(item).collect())
    }

    /// An error at the value.
    pub fn error(&self, message: impl Into<String>) -> ManifestError {
        self.source.error(self.span(), message, None)
    }

    /// An error at the key.
    pub fn key_error(&self, message: impl Into<String>) -> ManifestError {
        self.source.error(self.key_span.clone(), message, None)
    }

    /// That it is not what it should be.
    pub fn wrong(&self, expected: &str) -> ManifestError {
        let found = match self.value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.error(format!("{} must be {expected}, not {found}", self.name()))
    }

    /// That its key is none of these.
    pub fn unknown(&self, keys: &[&str]) -> ManifestError {
        let help = did_you_mean(self.key, keys.iter().copied())
            .unwrap_or_else(|| format!("{} may stand here", keys.join(", ")));
        self.source.error(self.key_span.clone(), format!("unknown key {:?}", self.key), Some(help))
    }
}

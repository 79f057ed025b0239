//! What models cost: `prices.toml`.
//!
//! ```toml
//! [price."qwen3:8b"]        # the model's name at the backend
//! in = 0                    # micro-USD per million tokens of the prompt
//! out = 0                   # of the answer
//! cached = 0                # of what the backend had of the prompt already; absent: as `in`
//! ```

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::file::{self, FileError, Text};
use super::script::NUMBER_LIMIT;
use crate::kernel::ports::Price;

/// The size of a price table, in bytes.
pub const PRICES_LIMIT: u64 = 1 << 20;

/// Prices by model. A file that is not there has none.
#[derive(Clone, Debug, Default)]
pub struct Prices {
    path: PathBuf,
    table: BTreeMap<String, Price>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPrices {
    #[serde(default)]
    price: BTreeMap<String, Spanned<RawPrice>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPrice {
    r#in: u64,
    out: u64,
    cached: Option<u64>,
}

impl Prices {
    /// Reads a table.
    ///
    /// # Errors
    /// When it is there and cannot be read, or is no price table; with line and column.
    pub fn load(path: &Path) -> Result<Prices, FileError> {
        match file::read("price table", path, PRICES_LIMIT) {
            Ok(text) => Prices::parse(&text, path),
            Err(FileError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => {
                Ok(Prices { path: path.to_owned(), table: BTreeMap::new() })
            }
            Err(error) => Err(error),
        }
    }

    fn parse(text: &str, path: &Path) -> Result<Prices, FileError> {
        let name = path.display().to_string();
        let text = Text { what: "price table", name: &name, text };
        let raw: RawPrices = text.parse(PRICES_LIMIT)?;
        let mut table = BTreeMap::new();
        for (model, raw) in raw.price {
            let RawPrice { r#in: input, out: output, cached } = raw.get_ref();
            let price = Price { input: *input, output: *output, cached: cached.unwrap_or(*input) };
            if price.input.max(price.output).max(price.cached) > NUMBER_LIMIT {
                let message = format!("a price of {model:?} is above {NUMBER_LIMIT} micro-USD");
                return Err(text.wrong(Some(raw.span()), &message));
            }
            table.insert(model, price);
        }
        Ok(Prices { path: path.to_owned(), table })
    }

    /// A model's price, if it is known.
    pub fn of(&self, model: &str) -> Option<Price> {
        self.table.get(model).copied()
    }

    /// What would close a gap: the file, and the lines to add.
    pub fn missing(&self, model: &str) -> String {
        let (key, path) = (toml::Value::String(model.to_owned()), self.path.display());
        format!(
            "add to {path} the table [price.{key}] with in = … and out = … (micro-USD per million tokens; 0 and 0 when it costs nothing)"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(text: &str, at: &str, words: &str) {
        let error = Prices::parse(text, Path::new("p.toml")).unwrap_err().to_string();
        assert!(error.starts_with(&format!("p.toml:{at}: ")) && error.contains(words), "{error}");
    }

    #[test]
    fn prices_are_read_and_gaps_are_named() {
        let text = "[price.\"a/b:c\"]\nin = 3\nout = 4\ncached = 1\n[price.d]\nin = 5\nout = 6\n";
        let prices = Prices::parse(text, Path::new("p.toml")).unwrap();
        assert_eq!(prices.of("a/b:c"), Some(Price { input: 3, output: 4, cached: 1 }));
        assert_eq!(prices.of("d"), Some(Price { input: 5, output: 6, cached: 5 }));
        assert_eq!(prices.of("e"), None);
        assert!(
            prices.missing("x\"y").starts_with("add to p.toml the table [price.'x\"y']"),
            "{}",
            prices.missing("x\"y")
        );
    }

    #[test]
    fn mistakes_are_told_where_they_are() {
        says("[price.a]\nin = 1\n", "1:1", "missing field `out`");
        says("[price.a]\nin = 1\nout = 1\nper = 'day'", "4:1", "unknown field `per`");
        says("[price.a]\nin = -1\nout = 1", "2:6", "invalid value");
        says("[price.a]\nin = 0.5\nout = 1", "2:6", "invalid type");
        says("[price.a]\nin = 9007199254740992\nout = 1", "1:1", "above");
        says("[prices.a]", "1:2", "unknown field `prices`");
    }

    #[test]
    fn no_file_is_no_price_and_an_unreadable_one_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Prices::load(&dir.path().join("none.toml")).unwrap().of("a"), None);
        assert!(Prices::load(dir.path()).is_err());
    }
}

//! Where models are: `models.toml`.
//!
//! ```toml
//! [model.fast]                          # the name that `--model default=fast` means
//! provider = "openai"                   # the form of its questions: openai (and all that speak it), anthropic, gemini
//! url = "http://localhost:8080/v1"      # absent: the provider's own
//! model = "qwen3:8b"                    # its name there
//! key-env = "FAST_KEY"                  # the environment variable with its key; or `key-file`, readable by its owner alone
//! context = 32768                       # tokens of prompt and answer; 0: not known
//! tools = true                          # whether it takes tools,
//! streaming = true                      # streams,
//! json = true                           # and can be held to JSON
//! first-byte = "2min"                   # how long a stream may take to begin,
//! between = "1min"                      # may pause,
//! timeout = "10min"                     # and how long an attempt may take
//! attempts = 3                          # how often it is asked while it says that it is busy
//! backoff = "500ms"                     # before the second attempt; twice as long before each further one
//! fallback = ["other"]                  # who is asked when it cannot answer, in this order
//! slots = 4                             # questions at a time, those of its fallbacks among them; absent: any number
//! policy = "fair"                       # who comes first: fifo, priority or fair
//! tokens-per-minute = 90000             # tokens of prompts and answers, at their worst case until an answer has ended
//! requests-per-minute = 60
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ledger::{Meter, parse_amount};
use serde::Deserialize;
use toml::Spanned;

use super::file::{self, FileError, Text};
use super::remote::Wire;
use super::slots::Share;

/// The size of `models.toml`, in bytes.
pub const MODELS_LIMIT: u64 = 1 << 20;
/// Tables in it.
pub const TABLES_LIMIT: usize = 256;
/// Models that a fallback names.
pub const FALLBACK_LIMIT: usize = 8;
/// A table's name and a model's name at its backend, in bytes.
pub const NAME_LIMIT: usize = 128;
/// The longest time that can be set.
const TIME_LIMIT: Duration = Duration::from_secs(3_600);
/// The most attempts.
const ATTEMPTS_LIMIT: u32 = 10;

/// The tables of `models.toml`.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// By name.
    pub tables: BTreeMap<String, Table>,
}

/// One model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// How it is spoken to.
    pub provider: Wire,
    /// Where it is; absent: where the provider has it.
    pub url: Option<String>,
    /// Its name there.
    pub model: String,
    /// Where its key is; absent: it needs none.
    pub key: Option<KeyPlace>,
    /// Tokens of prompt and answer together; 0 when not known.
    pub context: u32,
    /// Whether it takes tools.
    pub tools: bool,
    /// Whether it streams.
    pub streaming: bool,
    /// Whether it can be held to JSON.
    pub json: bool,
    /// How long it is waited for.
    pub patience: Patience,
    /// Who is asked instead, by the name of their tables; their own fallbacks are not.
    pub fallback: Vec<String>,
    /// How it is shared; absent: everybody may ask at once.
    pub share: Option<Share>,
}

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// In an environment variable.
    Env(String),
    /// In a file.
    File(PathBuf),
}

/// How long a model is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Until a stream begins.
    pub first: Duration,
    /// Between two pieces of an answer.
    pub between: Duration,
    /// A whole attempt.
    pub whole: Duration,
    /// Attempts, of which all but the last were told to come back later.
    pub attempts: u32,
    /// Before the second attempt.
    pub backoff: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            first: Duration::from_secs(120),
            between: Duration::from_secs(60),
            whole: Duration::from_secs(600),
            attempts: 3,
            backoff: Duration::from_millis(500),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTables {
    #[serde(default)]
    model: BTreeMap<Spanned<String>, RawTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawTable {
    #[serde(default)]
    provider: Wire,
    url: Option<Spanned<String>>,
    model: Spanned<String>,
    key_env: Option<Spanned<String>>,
    key_file: Option<Spanned<PathBuf>>,
    #[serde(default)]
    context: u32,
    #[serde(default = "yes")]
    tools: bool,
    #[serde(default = "yes")]
    streaming: bool,
    #[serde(default = "yes")]
    json: bool,
    first_byte: Option<Spanned<String>>,
    between: Option<Spanned<String>>,
    timeout: Option<Spanned<String>>,
    attempts: Option<Spanned<u32>>,
    backoff: Option<Spanned<String>>,
    #[serde(default)]
    fallback: Vec<Spanned<String>>,
    slots: Option<u64>,
    tokens_per_minute: Option<u64>,
    requests_per_minute: Option<u64>,
    policy: Option<String>,
}

fn yes() -> bool {
    true
}

impl Tables {
    /// Reads `models.toml`.
    ///
    /// # Errors
    /// When it cannot be read or is wrong, with line and column.
    pub fn load(path: &Path) -> Result<Tables, FileError> {
        Tables::parse(&file::read("table of models", path, MODELS_LIMIT)?, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Tables, FileError> {
        let name = path.display().to_string();
        let text = Text { what: "table of models", name: &name, text };
        let raw: RawTables = text.parse(MODELS_LIMIT)?;
        if raw.model.len() > TABLES_LIMIT {
            return Err(text.wrong(None, &format!("there are more than {TABLES_LIMIT} models")));
        }
        let names: Vec<String> = raw.model.keys().map(|name| name.get_ref().clone()).collect();
        let checked = raw.model.into_iter().map(|(name, table)| {
            let reader =
                Reader { text: &text, folder: path.parent().unwrap_or(Path::new(".")), names: &names };
            Ok((name.get_ref().clone(), reader.table(&name, table)?))
        });
        Ok(Tables { tables: checked.collect::<Result<_, FileError>>()? })
    }
}

struct Reader<'a> {
    text: &'a Text<'a>,
    folder: &'a Path,
    names: &'a [String],
}

impl Reader<'_> {
    fn table(&self, name: &Spanned<String>, raw: RawTable) -> Result<Table, FileError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.get_ref().is_empty()
            || name.get_ref().len() > NAME_LIMIT
            || !name.get_ref().chars().all(plain)
        {
            return Err(self.wrong(name, "a name of a model is 1 to 128 letters, digits, `-`, `_` and `.`"));
        }
        let model = raw.model.get_ref();
        if model.is_empty() || model.len() > NAME_LIMIT || model.chars().any(char::is_control) {
            return Err(self.wrong(&raw.model, "`model` is 1 to 128 bytes on one line"));
        }
        let url = match &raw.url {
            Some(url) => {
                raw.provider.address(Some(url.get_ref())).map_err(|message| self.wrong(url, &message))?;
                Some(url.get_ref().clone())
            }
            None => None,
        };
        let key = match (raw.key_env, raw.key_file) {
            (Some(name), None) => Some(KeyPlace::Env(self.variable(&name)?)),
            (None, Some(path)) => Some(KeyPlace::File(self.folder.join(path.get_ref()))),
            (Some(_), Some(path)) => {
                return Err(self.wrong(&path, "a key is in one place: remove `key-env` or `key-file`"));
            }
            (None, None) => None,
        };
        let patience =
            self.patience(&[&raw.first_byte, &raw.between, &raw.timeout, &raw.backoff], raw.attempts)?;
        let (tokens, requests) = (raw.tokens_per_minute, raw.requests_per_minute);
        let share = Share::new(raw.slots, raw.policy.as_deref(), tokens, requests)
            .map_err(|message| self.wrong(name, &message))?;
        Ok(Table {
            provider: raw.provider,
            url,
            model: raw.model.into_inner(),
            key,
            context: raw.context,
            tools: raw.tools,
            streaming: raw.streaming,
            json: raw.json,
            patience,
            fallback: self.fallback(name.get_ref(), raw.fallback)?,
            share,
        })
    }

    fn wrong<T>(&self, at: &Spanned<T>, message: &str) -> FileError {
        self.text.wrong(Some(at.span()), message)
    }

    fn variable(&self, name: &Spanned<String>) -> Result<String, FileError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        match name.get_ref().is_empty() || !name.get_ref().chars().all(plain) {
            // A key that was put here by mistake is not repeated.
            true => {
                Err(self.wrong(name, "`key-env` is the name of an environment variable, not the key itself"))
            }
            false => Ok(name.get_ref().clone()),
        }
    }

    /// The times, in the order first byte, between, whole, backoff.
    fn patience(
        &self,
        times: &[&Option<Spanned<String>>; 4],
        attempts: Option<Spanned<u32>>,
    ) -> Result<Patience, FileError> {
        let usual = Patience::default();
        let time = |at: usize, usual: Duration| times[at].as_ref().map_or(Ok(usual), |text| self.time(text));
        let attempts = match attempts {
            Some(n) if !(1..=ATTEMPTS_LIMIT).contains(n.get_ref()) => {
                return Err(self.wrong(&n, &format!("`attempts` is 1 to {ATTEMPTS_LIMIT}")));
            }
            Some(n) => n.into_inner(),
            None => usual.attempts,
        };
        Ok(Patience {
            first: time(0, usual.first)?,
            between: time(1, usual.between)?,
            whole: time(2, usual.whole)?,
            backoff: time(3, usual.backoff)?,
            attempts,
        })
    }

    fn time(&self, text: &Spanned<String>) -> Result<Duration, FileError> {
        let ms = parse_amount(Meter::WallTime, text.get_ref());
        let time = ms.map(Duration::from_millis).map_err(|error| self.wrong(text, &error.to_string()))?;
        match time.is_zero() || time > TIME_LIMIT {
            true => Err(self.wrong(text, "a time is 1ms to 1h")),
            false => Ok(time),
        }
    }

    fn fallback(&self, own: &str, names: Vec<Spanned<String>>) -> Result<Vec<String>, FileError> {
        if let Some(over) = names.get(FALLBACK_LIMIT) {
            return Err(self.wrong(over, &format!("at most {FALLBACK_LIMIT} models stand in")));
        }
        let mut checked: Vec<String> = Vec::new();
        for name in names {
            let text = name.get_ref();
            if text == own || checked.contains(text) {
                return Err(self.wrong(&name, &format!("{text:?} is in the chain already")));
            }
            if !self.names.contains(text) {
                return Err(self.wrong(&name, &format!("there is no table [model.{text}] in this file")));
            }
            checked.push(name.into_inner());
        }
        Ok(checked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Tables, FileError> {
        Tables::parse(text, Path::new("etc/m.toml"))
    }

    #[track_caller]
    fn says(text: &str, at: &str, words: &str) {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.starts_with(&format!("etc/m.toml:{at}: ")) && error.contains(words), "{error}");
    }

    #[test]
    fn a_table_is_read_whole_and_has_defaults() {
        let text = "[model.a]\nprovider = 'anthropic'\nmodel = 'm'\nkey-file = 'k'\ntools = false\ntimeout = '3s'\n\
                    attempts = 1\nfallback = ['b']\nslots = 4\n[model.b]\nmodel = 'n'\nurl = 'http://localhost:1/v1'\n";
        let tables = parse(text).unwrap().tables;
        let a = &tables["a"];
        assert_eq!((a.provider, a.model.as_str(), a.tools, a.json), (Wire::Anthropic, "m", false, true));
        assert_eq!(a.key, Some(KeyPlace::File("etc/k".into())));
        assert_eq!((a.patience.whole, a.patience.attempts), (Duration::from_secs(3), 1));
        assert_eq!(
            (a.fallback.as_slice(), a.share.map(|share| share.slots)),
            (&["b".to_owned()][..], Some(4))
        );
        let b = &tables["b"];
        assert_eq!(
            (b.provider, b.patience, b.url.as_deref()),
            (Wire::Openai, Patience::default(), Some("http://localhost:1/v1"))
        );
    }

    #[test]
    fn mistakes_are_told_where_they_are() {
        says("[model.a]\nmodle = 'm'", "2:1", "unknown field `modle`");
        says("[model.a]\nurl = 'http://x/v1'", "1:1", "missing field `model`");
        says("[model.a]\nmodel = ''", "2:9", "`model` is");
        says("[model.'a b']\nmodel = 'm'", "1:8", "a name of a model");
        says("[model.a]\nmodel = 'm'\nprovider = 'oracle'", "3:12", "unknown variant `oracle`");
        says("[model.a]\nmodel = 'm'\nurl = 'localhost'", "3:7", "http");
        says("[model.a]\nmodel = 'm'\nurl = 'https://me:secret@x/v1'", "3:7", "key");
        says("[model.a]\nmodel = 'm'\nkey-env = 'K'\nkey-file = 'f'", "4:12", "one place");
        says("[model.a]\nmodel = 'm'\ntimeout = 'soon'", "3:11", "soon");
        says("[model.a]\nmodel = 'm'\ntimeout = '2h'", "3:11", "1ms to 1h");
        says("[model.a]\nmodel = 'm'\nslots = 0", "1:8", "`slots` is 1 to 4096");
        says("[model.a]\nmodel = 'm'\nattempts = 0", "3:12", "1 to 10");
        says("[model.a]\nmodel = 'm'\nfallback = ['a']", "3:13", "already");
        says("[model.a]\nmodel = 'm'\nfallback = ['b']", "3:13", "[model.b]");
    }

    #[test]
    fn a_key_in_the_wrong_place_is_not_repeated() {
        let error = parse("[model.a]\nmodel = 'm'\nkey-env = 'sk-secret'").unwrap_err().to_string();
        assert!(error.contains("not the key itself") && !error.contains("sk-secret"), "{error}");
    }
}

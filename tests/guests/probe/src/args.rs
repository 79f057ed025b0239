//! The keys of one step, taken one by one; what is left over in the end is a mistake.

use aos_guest::Failure;
use aos_guest::bindings::aos::host::types::Meter;
use serde_json::{Map, Value};

use crate::hex;

/// What a step says.
pub struct Args {
    op: String,
    rest: Map<String, Value>,
}

impl Args {
    /// The keys of a step.
    pub fn new(step: Value) -> Result<Args, Failure> {
        let Value::Object(mut rest) = step else {
            return Err(format!("a step is an object, not {step}").into());
        };
        match rest.remove("op") {
            Some(Value::String(op)) => Ok(Args { op, rest }),
            _ => Err("a step has an `op`, a text".into()),
        }
    }

    /// Its op.
    pub fn op(&self) -> &str {
        &self.op
    }

    /// Takes a value of any kind.
    pub fn take(&mut self, key: &str) -> Option<Value> {
        self.rest.remove(key).filter(|value| !value.is_null())
    }

    fn want<T>(
        &mut self,
        key: &str,
        what: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, Failure> {
        let Some(value) = self.take(key) else { return Ok(None) };
        read(&value).map(Some).ok_or_else(|| self.wrong(key, what))
    }

    /// A failure that names the op and the key.
    pub fn wrong(&self, key: &str, what: &str) -> Failure {
        Failure::new(format!("{}: `{key}` is {what}", self.op))
    }

    /// An optional text.
    pub fn maybe_text(&mut self, key: &str) -> Result<Option<String>, Failure> {
        self.want(key, "a text", |value| value.as_str().map(str::to_owned))
    }

    /// A text.
    pub fn text(&mut self, key: &str) -> Result<String, Failure> {
        self.maybe_text(key)?.ok_or_else(|| self.wrong(key, "needed: a text"))
    }

    /// An optional number; the interface decides what is too large.
    pub fn maybe_number(&mut self, key: &str) -> Result<Option<u64>, Failure> {
        self.want(key, "a number from 0", Value::as_u64)
    }

    /// A number.
    pub fn number(&mut self, key: &str) -> Result<u64, Failure> {
        self.maybe_number(key)?.ok_or_else(|| self.wrong(key, "needed: a number from 0"))
    }

    /// A number of at most 32 bits, or what it is when absent.
    pub fn short(&mut self, key: &str, absent: u32) -> Result<u32, Failure> {
        let number = self.want(key, "a number of 32 bits", |value| value.as_u64()?.try_into().ok())?;
        Ok(number.unwrap_or(absent))
    }

    /// Whether a key is there and true.
    pub fn flag(&mut self, key: &str) -> Result<bool, Failure> {
        Ok(self.want(key, "true or false", Value::as_bool)?.unwrap_or(false))
    }

    /// A list of values; empty when absent.
    pub fn list(&mut self, key: &str) -> Result<Vec<Value>, Failure> {
        Ok(self.want(key, "a list", |value| value.as_array().cloned())?.unwrap_or_default())
    }

    /// A list of texts; empty when absent.
    pub fn texts(&mut self, key: &str) -> Result<Vec<String>, Failure> {
        let texts =
            |value: &Value| value.as_array()?.iter().map(|text| Some(text.as_str()?.to_owned())).collect();
        Ok(self.want(key, "a list of texts", texts)?.unwrap_or_default())
    }

    /// An object's members; empty when absent.
    pub fn object(&mut self, key: &str) -> Result<Map<String, Value>, Failure> {
        Ok(self.want(key, "an object", |value| value.as_object().cloned())?.unwrap_or_default())
    }

    /// A body: `body`, `hex` or `size`; empty when there is none of them.
    pub fn body(&mut self) -> Result<Vec<u8>, Failure> {
        if let Some(size) = self.maybe_number("size")? {
            return filled(size).ok_or_else(|| self.wrong("size", "more than this agent can hold"));
        }
        match self.maybe_text("hex")? {
            Some(digits) => {
                hex::read(&digits).ok_or_else(|| self.wrong("hex", "an even number of hex digits"))
            }
            None => Ok(self.maybe_text("body")?.unwrap_or_default().into_bytes()),
        }
    }

    /// A text `key`, or `huge_KEY`: so many bytes of `x`.
    pub fn text_or_huge(&mut self, key: &str) -> Result<String, Failure> {
        let huge = format!("huge_{key}");
        match self.maybe_number(&huge)? {
            Some(size) => {
                let bytes = filled(size).ok_or_else(|| self.wrong(&huge, "more than this agent can hold"))?;
                Ok(bytes.into_iter().map(char::from).collect())
            }
            None => self.text(key),
        }
    }

    /// Fails when a key was not taken.
    pub fn done(self) -> Result<(), Failure> {
        match self.rest.keys().next() {
            Some(key) => Err(self.wrong(key, "no key of this op")),
            None => Ok(()),
        }
    }
}

/// So many bytes of `x`; absent when there is no memory for them.
fn filled(size: u64) -> Option<Vec<u8>> {
    let size = usize::try_from(size).ok()?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(size).ok()?;
    bytes.resize(size, b'x');
    Some(bytes)
}

/// A meter by its name.
pub fn meter(name: &str) -> Result<Meter, Failure> {
    const ALL: [Meter; 10] = [
        Meter::Fuel,
        Meter::Memory,
        Meter::WallTime,
        Meter::TokensIn,
        Meter::TokensOut,
        Meter::MicroUsd,
        Meter::BytesStored,
        Meter::BytesSent,
        Meter::Calls,
        Meter::Children,
    ];
    let found = ALL.into_iter().find(|meter| meter.name() == name);
    found.ok_or_else(|| Failure::new(format!("there is no meter {name:?}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn bodies_are_texts_digits_or_sizes() {
        let body = |step| Args::new(step).unwrap().body();
        assert_eq!(body(json!({"op": "send", "body": "hi"})), Ok(b"hi".to_vec()));
        assert_eq!(body(json!({"op": "send", "hex": "ff00"})), Ok(vec![255, 0]));
        assert_eq!(body(json!({"op": "send", "size": 3})), Ok(b"xxx".to_vec()));
        assert_eq!(body(json!({"op": "send"})), Ok(Vec::new()));
        assert!(body(json!({"op": "send", "hex": "f"})).is_err());
    }

    #[test]
    fn slips_are_named() {
        let mut args = Args::new(json!({"op": "send", "too": "a", "limit": "b", "huge_path": 2})).unwrap();
        assert_eq!(args.text("to").unwrap_err().message, "send: `to` is needed: a text");
        assert_eq!(args.short("limit", 0).unwrap_err().message, "send: `limit` is a number of 32 bits");
        assert_eq!(args.text_or_huge("path").unwrap(), "xx");
        assert_eq!(args.done().unwrap_err().message, "send: `too` is no key of this op");
        assert!(Args::new(json!("send")).is_err());
        assert!(Args::new(json!({"to": "a"})).is_err());
        assert!(meter("tokens-in").is_ok() && meter("tokens").is_err());
    }
}

//! The entry point: how a plain function becomes an agent.

use crate::error::Failure;

/// Makes a function the agent's `run`.
///
/// It takes one argument that is [`FromInput`] and answers `Result<impl IntoOutput, Failure>`. Use it
/// once in a crate of type `cdylib`, built for `wasm32-wasip2`.
///
/// ```no_run
/// use aos_guest::{agent, Failure, Json};
///
/// agent!(sum);
///
/// fn sum(Json(numbers): Json<Vec<u64>>) -> Result<Json<u64>, Failure> {
///     Ok(Json(numbers.iter().sum()))
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! agent {
    ($run:path) => {
        const _: () = {
            struct Agent;

            impl $crate::bindings::Guest for Agent {
                fn run(
                    input: ::std::vec::Vec<u8>,
                ) -> ::std::result::Result<::std::vec::Vec<u8>, $crate::bindings::Failure> {
                    $crate::call($run, input).map_err(::std::convert::Into::into)
                }
            }

    $crate::bindings::export!(Agent with_types_in $crate::bindings);
        };
    };
}

/// Calls an agent's function as the host does. For tests of an agent without a host.
///
/// ```
/// # use aos_guest::{call, Failure};
/// fn hello(input: String) -> Result<String, Failure> {
///     Ok(format!("Hello, {input}"))
/// }
/// assert_eq!(call(hello, b"you".to_vec()), Ok(b"Hello, you".to_vec()));
/// ```
pub fn call<I: FromInput, O: IntoOutput>(
    run: impl FnOnce(I) -> Result<O, Failure>,
    input: Vec<u8>,
) -> Result<Vec<u8>, Failure> {
    run(I::from_input(input)?)?.into_output()
}

/// What an agent can take as its input.
pub trait FromInput: Sized {
    /// Reads the input; the failure says what is wrong with it.
    fn from_input(input: Vec<u8>) -> Result<Self, Failure>;
}

/// What an agent can answer as its output.
pub trait IntoOutput {
    /// Writes the output.
    fn into_output(self) -> Result<Vec<u8>, Failure>;
}

/// A JSON text as an input or an output.
#[cfg(feature = "json")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl FromInput for Vec<u8> {
    fn from_input(input: Vec<u8>) -> Result<Self, Failure> {
        Ok(input)
    }
}

impl FromInput for String {
    fn from_input(input: Vec<u8>) -> Result<Self, Failure> {
        String::from_utf8(input)
            .map_err(|error| Failure::new(format!("the input is not UTF-8: {}", error.utf8_error())))
    }
}

#[cfg(feature = "json")]
impl<T: serde::de::DeserializeOwned> FromInput for Json<T> {
    fn from_input(input: Vec<u8>) -> Result<Self, Failure> {
        serde_json::from_slice(&input)
            .map(Json)
            .map_err(|error| Failure::new(format!("the input is not the JSON expected: {error}")))
    }
}

impl IntoOutput for Vec<u8> {
    fn into_output(self) -> Result<Vec<u8>, Failure> {
        Ok(self)
    }
}

impl IntoOutput for String {
    fn into_output(self) -> Result<Vec<u8>, Failure> {
        Ok(self.into_bytes())
    }
}

impl IntoOutput for &'static str {
    fn into_output(self) -> Result<Vec<u8>, Failure> {
        Ok(self.as_bytes().to_vec())
    }
}

impl IntoOutput for () {
    fn into_output(self) -> Result<Vec<u8>, Failure> {
        Ok(Vec::new())
    }
}

#[cfg(feature = "json")]
impl<T: serde::Serialize> IntoOutput for Json<T> {
    fn into_output(self) -> Result<Vec<u8>, Failure> {
        Ok(serde_json::to_vec(&self.0)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_and_outputs_of_every_kind() {
        assert_eq!(call(|input: Vec<u8>| Ok(input), vec![0xff]), Ok(vec![0xff]));
        assert_eq!(call(|_: String| Ok("done"), b"x".to_vec()), Ok(b"done".to_vec()));
        assert_eq!(call(|_: String| Ok(()), Vec::new()), Ok(Vec::new()));
        let told = call(|input: String| Ok(input), vec![b'a', 0xff]);
        assert_eq!(told.map_err(|f| f.message.contains("not UTF-8")), Err(true));
    }

    #[cfg(feature = "json")]
    #[test]
    fn json_in_and_out() {
        let sum = |Json(numbers): Json<Vec<u64>>| Ok(Json(numbers.iter().sum::<u64>()));
        assert_eq!(call(sum, b"[1,2]".to_vec()), Ok(b"3".to_vec()));
        assert!(
            call(sum, b"[1,".to_vec()).is_err_and(|f| f.message.starts_with("the input is not the JSON"))
        );
    }
}

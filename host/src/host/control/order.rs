//! A run that is handed over: what was typed in one directory is carried out by a process in another.

use std::path::{Path, PathBuf};

use authority::{Narrowing, Pattern, Verb};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::super::models::ModelSource;
use super::super::prepare::Request;
use crate::kernel::call::RunId;

/// A run that is handed over, with all paths absolute.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// What to run.
    pub request: Request,
    /// Its input, in base 64.
    pub input: String,
}

/// A run that was opened for another terminal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opened {
    /// Its number.
    pub run: RunId,
    /// Allowed, but asked for by nobody.
    pub unused: Vec<(Verb, Pattern)>,
    /// Narrowed, but held by nobody.
    pub idle: Vec<Narrowing>,
}

/// How the paths of a request were typed, so that a refusal can be told in the words of its terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spelling(Vec<(String, String)>);

impl Order {
    /// Packs a request whose paths are absolute.
    pub fn new(request: Request) -> Order {
        let input = STANDARD.encode(&request.input);
        Order { request, input }
    }

    /// Unpacks it; none when the input is no base 64.
    pub fn request(self) -> Option<Request> {
        let input: Bytes = STANDARD.decode(self.input).ok()?.into();
        Some(Request { input, ..self.request })
    }
}

impl Spelling {
    /// Makes a request's relative paths absolute, so that it means the same in every process.
    ///
    /// # Errors
    /// When there is no current directory.
    pub fn of(request: &mut Request) -> std::io::Result<Spelling> {
        let mut spelling = Spelling::default();
        spelling.settle(&mut request.target)?;
        for mount in &mut request.mounts {
            spelling.settle(&mut mount.path)?;
        }
        if let Some(tables) = &mut request.models_file {
            spelling.settle(tables)?;
        }
        for model in &mut request.models {
            match &mut model.source {
                ModelSource::Script(script) => spelling.settle(script)?,
                ModelSource::Address { .. } | ModelSource::Table(_) | ModelSource::Variables => {}
            }
        }
        // A path may begin with another one.
        spelling.0.sort_by_key(|(long, _)| std::cmp::Reverse(long.len()));
        Ok(spelling)
    }

    fn settle(&mut self, path: &mut PathBuf) -> std::io::Result<()> {
        let typed = std::mem::take(path);
        *path = absolute(&typed)?;
        if *path != typed {
            self.0.push((path.to_string_lossy().into_owned(), typed.to_string_lossy().into_owned()));
        }
        Ok(())
    }

    /// A host's text with its paths as they were typed.
    pub fn typed(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (long, typed)| text.replace(long.as_str(), typed))
    }
}

/// An empty path is a mistake that the owner names, like any other.
fn absolute(path: &Path) -> std::io::Result<PathBuf> {
    if path.as_os_str().is_empty() { Ok(PathBuf::new()) } else { std::path::absolute(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_made_absolute_and_told_as_they_were_typed() {
        let target = PathBuf::from("./team/agent.toml");
        let mut request = Request { target, input: Bytes::from_static(b"\0hi"), ..Request::default() };
        let spelling = Spelling::of(&mut request).unwrap();
        let order = Order::new(request);
        assert!(order.request.target.is_absolute());
        let told = format!("{}: it is not a file", order.request.target.display());
        assert_eq!(spelling.typed(&told), "./team/agent.toml: it is not a file");
        assert_eq!(order.request().unwrap().input, &b"\0hi"[..]);
    }

    #[test]
    fn what_is_absolute_stays() {
        let mut request = Request { target: "/a.wasm".into(), ..Request::default() };
        let spelling = Spelling::of(&mut request).unwrap();
        let order = Order::new(request);
        assert_eq!((order.request.target.to_str(), spelling), (Some("/a.wasm"), Spelling::default()));
        assert!(Order { input: "?".into(), ..order }.request().is_none());
    }
}

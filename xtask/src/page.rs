//! `docs/verify.html`: the verifier of exports as one page that works offline.
//!
//! The page is kept in the checkout, so that a stranger has it without building anything; a test compares it with the build of
//! the present sources. The same sources give the same bytes in every checkout: paths of the machine are cut off, and what
//! compiles is the compiler alone, without a wrapper around it.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::error::Error;
use crate::setup;
use crate::step::Steps;
use crate::workspace::{Workspace, must};

const CRATE: &str = "verify-web";
const TEMPLATE: &str = "host/crates/verify-web/page.html";
const PAGE: &str = "docs/verify.html";

/// The verb: makes the page anew in the checkout.
pub fn run(workspace: &Workspace) -> Result<ExitCode, Error> {
    let mut steps = Steps::new(2);
    steps.run("checking the tools", || setup::build(workspace))?;
    let built = build(workspace, &mut steps)?;
    let page = workspace.root().join(PAGE);
    fs::copy(&built, &page).map_err(|error| Error::on("writing", &page, &error))?;
    println!("{}", page.display());
    Ok(ExitCode::SUCCESS)
}

/// Builds the page into the target directory, as one step, and answers where it is.
pub fn build(workspace: &Workspace, steps: &mut Steps) -> Result<PathBuf, Error> {
    steps.run("building the page that verifies exports, the first time about half a minute", || {
        let mut cargo = workspace.cargo();
        cargo.args(["build", "--profile", "guest", "--target", setup::PAGE_TARGET, "--package", CRATE]);
        cargo.env_remove("RUSTC_WORKSPACE_WRAPPER").env_remove("RUSTC_WRAPPER").env_remove("RUSTFLAGS");
        // What is built incrementally is cut into other units, and is other bytes.
        cargo.env("CARGO_INCREMENTAL", "0");
        if let Some(home) = cargo_home() {
            cargo.env("CARGO_ENCODED_RUSTFLAGS", format!("--remap-path-prefix={}=/cargo", home.display()));
        }
        must(&mut cargo, "see the compiler's message above")?;
        let wasm = workspace.target(&format!("{}/guest/verify_web.wasm", setup::PAGE_TARGET));
        let wasm = fs::read(&wasm).map_err(|error| Error::on("reading", &wasm, &error))?;
        let template = workspace.root().join(TEMPLATE);
        let text = fs::read_to_string(&template).map_err(|error| Error::on("reading", &template, &error))?;
        let text = text.replace("@COMPILER@", &setup::compiler(workspace)?).replace("@WASM@", &base64(&wasm));
        let page = workspace.target("verify.html");
        fs::write(&page, text).map_err(|error| Error::on("writing", &page, &error))?;
        Ok(page)
    })
}

/// Where cargo keeps the sources of dependencies, whose paths are in panic messages.
fn cargo_home() -> Option<PathBuf> {
    let set = env::var_os("CARGO_HOME").filter(|set| !set.is_empty()).map(PathBuf::from);
    set.or_else(|| Some(env::home_dir()?.join(".cargo")))
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let number = (0..3).fold(0, |number, at| number << 8 | u32::from(*three.get(at).unwrap_or(&0)));
        for at in 0..4 {
            let letter = LETTERS[(number >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= three.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_64_is_that_of_the_standard() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("\u{fb}\u{ff}", "w7vDvw=="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}

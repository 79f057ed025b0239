//! What the sandbox's tests share.
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::compile;

/// A command that does nothing.
pub(crate) const COMMAND: &str = r#"(component
    (core module $m (func (export "run") (result i32) i32.const 0))
    (core instance $i (instantiate $m))
    (func $run (result (result)) (canon lift (core func $i "run")))
    (instance $r (export "run" (func $run)))
    (export "wasi:cli/run@0.2.0" (instance $r)))"#;

/// A directory of one test, removed by the system with the rest of the temporary files.
pub(crate) fn scratch() -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("aos-sandbox-{}-{number}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// A program that is the compiling child: this test binary, started at [`as_child`].
pub(crate) fn child_exe(dir: &Path) -> PathBuf {
    let path = dir.join("child");
    let tests = std::env::current_exe().unwrap();
    let script = format!(
        "#!/bin/sh\nexport AOS_TEST_INPUT=\"$2\" AOS_TEST_OUTPUT=\"$3\"\n\
         exec '{}' --exact sandbox::testing::as_child --ignored --nocapture\n",
        tests.display()
    );
    install(&path, &script);
    path
}

/// Writes a program. Another process opens it for writing: a thread that starts a child at that moment would pass
/// an open file on, and an open file cannot be executed.
pub(crate) fn install(path: &Path, script: &str) {
    let source = path.with_extension("source");
    std::fs::write(&source, script).unwrap();
    let copied = std::process::Command::new("install").args(["-m", "700"]).args([&source, path]).status();
    assert!(copied.unwrap().success());
}

/// Not a test: what [`child_exe`] runs.
#[test]
#[ignore = "started by the tests of compile and cache"]
fn as_child() {
    let path = |name| PathBuf::from(std::env::var_os(name).unwrap());
    // The verdict is on standard output; the exit status says no more.
    let _ = compile::child(&path("AOS_TEST_INPUT"), &path("AOS_TEST_OUTPUT"));
}

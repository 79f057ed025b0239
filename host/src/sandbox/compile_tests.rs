use super::*;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Instant;

use crate::sandbox::testing::{COMMAND, child_exe, install, scratch};

fn script(dir: &Path, body: &str) -> PathBuf {
    let path = dir.join("exe");
    install(&path, &format!("#!/bin/sh\n{body}\n"));
    path
}

/// What the parent makes of a child that does this.
fn after(body: &str) -> Result<(), CompileError> {
    let dir = scratch();
    let exe = script(&dir, body);
    compile(&exe, &dir.join("in"), &dir.join("out"))
}

#[test]
fn a_component_is_compiled_by_the_child() {
    let dir = scratch();
    let (input, output) = (dir.join("in"), dir.join("out"));
    std::fs::write(&input, wat::parse_str(COMMAND).unwrap()).unwrap();
    compile(&child_exe(&dir), &input, &output).unwrap();
    let written = std::fs::metadata(&output).unwrap();
    assert_eq!(written.permissions().mode() & 0o777, 0o600);
    assert_eq!(component::kind(&std::fs::read(&output).unwrap()), Kind::MachineCode);
}

#[test]
fn the_child_s_verdict_arrives_as_it_was() {
    let dir = scratch();
    let exe = child_exe(&dir);
    let input = dir.join("in");
    for (text, expected) in [
        (
            r#"(component (import "wasi:http/types@0.2.0" (instance)))"#,
            CompileError::Import(ImportError::Interface("wasi:http/types@0.2.0".to_owned())),
        ),
        ("(module)", CompileError::Module),
    ] {
        std::fs::write(&input, wat::parse_str(text).unwrap()).unwrap();
        assert_eq!(compile(&exe, &input, &dir.join("out")), Err(expected));
        assert!(!dir.join("out").exists());
    }
    let missing = compile(&exe, &dir.join("nowhere"), &dir.join("out")).unwrap_err();
    assert!(!missing.is_verdict() && missing.to_string().contains("nowhere"), "{missing}");
}

#[test]
fn a_child_that_breaks_a_limit_is_too_costly() {
    for body in ["kill -XCPU $$", "kill -ABRT $$", "kill -SEGV $$", "exit 101"] {
        let error = after(body).unwrap_err();
        assert!(matches!(error, CompileError::TooCostly { .. }), "{body}: {error}");
        assert!(error.is_verdict());
    }
}

#[test]
fn what_is_not_the_component_s_fault_is_no_verdict() {
    for body in ["kill -KILL $$", "exit 7", "echo; echo 'aos-compile: {'; exit 1"] {
        let error = after(body).unwrap_err();
        assert!(matches!(error, CompileError::Host(_)), "{body}: {error}");
    }
    let missing = compile(Path::new("/nowhere/aos"), Path::new("a"), Path::new("b"));
    assert!(matches!(missing, Err(CompileError::Host(_))));
}

#[test]
fn a_child_that_hangs_is_killed() {
    let dir = scratch();
    let exe = script(&dir, "exec sleep 60");
    let mut child = Command::new(exe).stdout(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    assert_eq!(listen(&mut child, Duration::from_millis(50)), None);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn malformed_files_are_refused() {
    let whole = wat::parse_str(COMMAND).unwrap();
    for length in (8..whole.len()).step_by(7) {
        // Cut between sections it is a component that exports nothing.
        let error = translate(&whole[..length]).unwrap_err();
        assert!(matches!(error, CompileError::Invalid(_) | CompileError::Import(_)), "{length}: {error}");
    }
    for place in 8..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x55;
        // It may still be valid; it must not panic.
        let _ = translate(&bytes);
    }
    assert_eq!(translate(b""), Err(CompileError::NotWasm));
    assert_eq!(translate(b"\0asm"), Err(CompileError::Truncated));
    assert_eq!(translate(b"\x7fELF machine"), Err(CompileError::MachineCode));
    let typed = wat::parse_str(r#"(module (@custom "component-type:x" "y"))"#).unwrap();
    assert!(matches!(translate(&typed), Err(CompileError::NotEncodable(_))));
    let large = vec![0; COMPONENT_BYTES as usize + 1];
    assert!(matches!(translate(&large), Err(CompileError::TooLarge { .. })));
}

/// A core module as wit-bindgen makes them: its types are in a custom section.
#[test]
fn a_module_with_types_is_made_a_component() {
    let decoded = wit_component::decode(&wat::parse_str(COMMAND).unwrap()).unwrap();
    let wit_component::DecodedWasm::Component(resolve, world) = decoded else {
        panic!("a component is a component");
    };
    let utf8 = wit_component::StringEncoding::UTF8;
    let types = wit_component::metadata::encode(&resolve, world, utf8, None).unwrap();
    let mut module = wat::parse_str(
        r#"(module (memory (export "memory") 1)
            (func (export "wasi:cli/run@0.2.0#run") (result i32) i32.const 0))"#,
    )
    .unwrap();
    let name = b"component-type:test";
    let size = 1 + name.len() + types.len();
    assert!((128..16_384).contains(&size));
    module.extend_from_slice(&[0, size as u8 | 0x80, (size >> 7) as u8, name.len() as u8]);
    module.extend_from_slice(name);
    module.extend_from_slice(&types);
    assert_eq!(component::kind(&module), Kind::TypedModule);
    assert_eq!(component::kind(&translate(&module).unwrap()), Kind::MachineCode);
}

#[test]
fn errors_survive_json() {
    for error in [
        CompileError::NotWasm,
        CompileError::TooLarge { bytes: 1, limit: 2 },
        CompileError::Invalid("a\nb".to_owned()),
        CompileError::Import(ImportError::EntryType),
        CompileError::Import(ImportError::Version {
            package: "aos:host".to_owned(),
            needs: "0.2.0".to_owned(),
            offers: "0.1.0".to_owned(),
        }),
    ] {
        let line = serde_json::to_string(&error).unwrap();
        assert!(!line.contains('\n'));
        assert_eq!(serde_json::from_str::<CompileError>(&line).unwrap(), error);
    }
    assert_eq!(cut("a\u{1b}[31m\n"), "a\\u{1b}[31m\\n");
}

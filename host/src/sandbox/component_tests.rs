use super::*;
use crate::sandbox::engine::compiler;

const RUN: &str = r#"
    (core module $m (memory (export "memory") 1)
        (func (export "run") (param i32 i32) (result i32) unreachable)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
    (core instance $i (instantiate $m))
    (type $meter (enum "fuel" "memory"))
    (export $m2 "meter" (type $meter))
    (type $error (variant (case "denied") (case "exhausted" $m2)))
    (export $e2 "error" (type $error))
    (type $failure (record (field "message" string) (field "cause" (option $e2))))
    (export $f2 "failure" (type $failure))
    (func $run (param "input" (list u8)) (result (result (list u8) (error $f2)))
        (canon lift (core func $i "run") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
    (export "run" (func $run))"#;

fn shape(text: &str) -> Result<Shape, ImportError> {
    let engine = compiler().unwrap();
    let bytes = wat::parse_str(text).unwrap();
    let component = Component::from_binary(&engine, &bytes).unwrap();
    check(&component, &engine)
}

fn importing(import: &str) -> Result<Shape, ImportError> {
    shape(&format!("(component {import} {RUN})"))
}

fn empty(name: &str) -> String {
    format!(r#"(import "{name}" (instance))"#)
}

#[test]
fn an_agent_is_one() {
    assert_eq!(importing(""), Ok(Shape::Agent));
    assert_eq!(importing(&empty("aos:host/log@0.1.0")), Ok(Shape::Agent));
    assert_eq!(importing(&empty("aos:host/log@0.1.9")), Ok(Shape::Agent));
    assert_eq!(importing(&empty("wasi:io/poll@0.2.6")), Ok(Shape::Agent));
    assert_eq!(
        importing(r#"(import "aos:host/ipc@0.1.0" (instance (export "receive" (func))))"#),
        Ok(Shape::Agent)
    );
}

#[test]
fn imports_outside_the_list_are_named() {
    for name in [
        "wasi:http/outgoing-handler@0.2.0",
        "wasi:clocks/timezone@0.2.0",
        "wasi:cli/run@0.2.0",
        "aos:host/kernel@0.1.0",
        "aos:host/log",
        "my:own/thing@1.0.0",
        "log",
    ] {
        let error = importing(&empty(name)).unwrap_err();
        assert_eq!(error, ImportError::Interface(name.to_owned()));
        assert!(error.to_string().contains(name));
    }
    let bare = importing(r#"(import "send" (func))"#).unwrap_err();
    assert_eq!(bare, ImportError::Interface("send".to_owned()));
    let module = importing(r#"(import "aos:host/log@0.1.0" (func))"#).unwrap_err();
    assert_eq!(module, ImportError::Interface("aos:host/log@0.1.0".to_owned()));
}

#[test]
fn unknown_functions_are_named() {
    let error = importing(r#"(import "aos:host/ipc@0.1.0" (instance (export "shout" (func))))"#).unwrap_err();
    assert!(error.to_string().contains("aos:host/ipc@0.1.0/shout"), "{error}");
    let error = importing(r#"(import "wasi:io/poll@0.2.0" (instance (export "leap" (func))))"#).unwrap_err();
    assert!(error.to_string().contains("wasi:io/poll@0.2.0/leap"), "{error}");
}

#[test]
fn other_versions_say_what_to_do() {
    let newer = r#"(import "aos:host/ipc@0.1.4" (instance (export "shout" (func))))"#;
    for (import, needs) in [
        (empty("aos:host/log@0.2.0"), "0.2.0"),
        (empty("aos:host/vault@0.3.0"), "0.3.0"),
        (empty("aos:host/vault@0.1.2"), "0.1.2"),
        (newer.to_owned(), "0.1.4"),
    ] {
        assert_eq!(
            importing(&import).unwrap_err().to_string(),
            format!(
                "it needs aos:host {needs}; this host offers 0.1.0: build it against 0.1.0 or update the host"
            )
        );
    }
    let wasi = importing(&empty("wasi:io/poll@0.3.0")).unwrap_err();
    assert!(wasi.to_string().contains("wasi:io 0.3.0"), "{wasi}");
}

#[test]
fn without_an_entry_the_exports_are_listed() {
    let none = shape("(component)").unwrap_err();
    assert_eq!(
        none.to_string(),
        "it exports nothing to run (it has no exports); an agent exports `run`, see wit/world.wit"
    );
    let many: String =
        (0..9).map(|n| format!(r#"(instance $i{n}) (export "x{n}" (instance $i{n}))"#)).collect();
    let error = shape(&format!("(component {many})")).unwrap_err().to_string();
    assert!(error.contains("`x0`, `x1`") && error.contains("and 3 more"), "{error}");
    let wrong = r#"(component (core module $m (func (export "run")))
        (core instance $i (instantiate $m))
        (func $run (canon lift (core func $i "run"))) (export "run" (func $run)))"#;
    assert_eq!(shape(wrong), Err(ImportError::EntryType));
}

#[test]
fn a_command_is_one() {
    let command = |version: &str| {
        format!(
            r#"(component (core module $m (func (export "run") (result i32) i32.const 0))
            (core instance $i (instantiate $m))
            (func $run (result (result)) (canon lift (core func $i "run")))
            (instance $r (export "run" (func $run)))
            (export "wasi:cli/run@{version}" (instance $r)))"#
        )
    };
    assert_eq!(shape(&command("0.2.3")), Ok(Shape::Command));
    assert!(shape(&command("0.3.0")).is_err());
}

#[test]
fn kinds_by_their_first_bytes() {
    let module = wat::parse_str("(module)").unwrap();
    let typed = wat::parse_str(r#"(module (func) (@custom "component-type:agent" "x"))"#).unwrap();
    let component = wat::parse_str("(component)").unwrap();
    assert_eq!(kind(&module), Kind::Module);
    assert_eq!(kind(&typed), Kind::TypedModule);
    assert_eq!(kind(&component), Kind::Component);
    assert_eq!(kind(&component[..6]), Kind::Truncated);
    assert_eq!(kind(b"\0asm\x09\0\0\0"), Kind::Unknown);
    assert_eq!(kind(b"\x7fELF\x02\x01"), Kind::MachineCode);
    assert_eq!(kind(b"  (component)"), Kind::Text);
    assert_eq!(kind(b""), Kind::Other);
    assert_eq!(kind(b"hello"), Kind::Other);
    let compiled = compiler().unwrap().precompile_component(&component).unwrap();
    assert_eq!(kind(&compiled), Kind::MachineCode);
}

#[test]
fn any_bytes_have_a_kind() {
    let typed = wat::parse_str(r#"(module (func) (@custom "component-type:agent" "x"))"#).unwrap();
    for length in 0..typed.len() {
        kind(&typed[..length]);
        for byte in [0, 0x7f, 0x80, 0xff] {
            let mut bytes = typed.clone();
            bytes[length] = byte;
            kind(&bytes);
        }
    }
    assert_eq!(kind(b"\0asm\x01\0\0\0\0\xff\xff\xff\xff\xff\x01"), Kind::Module);
}

use audit::{Kind, SignerKey, VerifierKey};

use super::*;

const MANIFEST: &str = "[package]\nname = \"team\"\nversion = \"1.2.0\"\ncomponent = \"lead.wasm\"\n\
                        [needs]\nspawn = [\"writer\"]\n\
                        [children.writer]\ncomponent = \"parts/writer.wasm\"\n";

fn key(seed: u8) -> VerifierKey {
    SignerKey::new("acme", Kind::Author, &[seed; 32]).unwrap().public().clone()
}

fn statement() -> Statement {
    Statement {
        v: 1,
        publisher: "acme".into(),
        key: fingerprint(&key(1)),
        name: "team".into(),
        version: "1.2.0".parse().unwrap(),
        wit: "aos:host@0.1.0".into(),
        manifest: Digest::of(MANIFEST.as_bytes()),
        components: BTreeMap::from([
            ("lead.wasm".to_owned(), Digest::of(b"lead")),
            ("parts/writer.wasm".to_owned(), Digest::of(b"writer")),
        ]),
    }
}

fn read(payload: Vec<u8>) -> Result<Statement, StatementError> {
    Statement::read(&Opened { payload, key: key(1) })
}

fn fits(statement: &Statement, manifest: &str) -> Result<(), StatementError> {
    statement.fits(&Manifest::parse(manifest, "agent.toml").unwrap(), "aos:host@0.1.0")
}

#[test]
fn it_binds_bytes_before_they_are_looked_at() {
    let statement = statement();
    assert_eq!(read(statement.encode()), Ok(statement.clone()));
    assert_eq!(statement.binds_manifest(MANIFEST.as_bytes()), Ok(()));
    assert!(statement.binds_manifest(b"").is_err());
    assert_eq!(statement.binds_component("lead.wasm", b"lead"), Ok(()));
    let error = statement.binds_component("lead.wasm", b"writer").unwrap_err().to_string();
    assert!(error.starts_with("it is not the component that was signed"), "{error}");
    assert_eq!(
        statement.binds_component("parts/lead.wasm", b"lead"),
        Err(StatementError::Unsigned("parts/lead.wasm".into()))
    );
}

#[test]
fn it_says_what_the_manifest_says() {
    let good = statement();
    assert_eq!(fits(&good, MANIFEST), Ok(()));
    let field = |error: StatementError| matches!(error, StatementError::Field { .. });
    assert!(field(fits(&good, &MANIFEST.replace("\"team\"", "\"meat\"")).unwrap_err()));
    assert!(field(fits(&good, &MANIFEST.replace("1.2.0", "1.2.1")).unwrap_err()));
    assert_eq!(
        fits(&good, &MANIFEST.replace("parts/writer", "writer")),
        Err(StatementError::Unsigned("writer.wasm".into()))
    );
    assert_eq!(
        fits(&good, &MANIFEST.replace("parts/writer", "lead")),
        Err(StatementError::Unused("parts/writer.wasm".into()))
    );
    let other = Statement { wit: "aos:host@0.2.0".into(), ..good };
    assert!(matches!(fits(&other, MANIFEST), Err(StatementError::World { .. })));
}

#[test]
fn what_is_out_of_its_limits_is_refused() {
    let good = statement;
    let refused = |statement: Statement| read(statement.encode()).is_err();
    assert!(refused(Statement { v: 2, ..good() }));
    assert!(refused(Statement { key: fingerprint(&key(2)), ..good() }), "another key");
    assert!(refused(Statement { publisher: "a\u{1b}[2J".into(), ..good() }));
    assert!(refused(Statement { publisher: String::new(), ..good() }));
    assert!(refused(Statement { name: "Team".into(), ..good() }));
    assert!(refused(Statement { wit: "a".repeat(129), ..good() }));
    assert!(refused(Statement { components: BTreeMap::new(), ..good() }));
    let many = |n: usize| (0..n).map(|n| (format!("{n}.wasm"), Digest::of(b""))).collect();
    assert!(!refused(Statement { components: many(65), ..good() }));
    assert!(refused(Statement { components: many(66), ..good() }));
    let out = BTreeMap::from([("../x.wasm".to_owned(), Digest::of(b""))]);
    assert!(refused(Statement { components: out, ..good() }));
    let text = String::from_utf8(good().encode()).unwrap();
    for (from, to) in [
        ("\"1.2.0\"", "1.2"),
        ("\"1.2.0\"", "\"1.2\""),
        ("{\"v\":1,", "{\"v\":1,\"v\":1,"),
        ("{\"v\":1,", "{ \"v\":1,"),
        ("\"name\"", "\"more\":0,\"name\""),
        ("\"lead.wasm\":", "\"lead.wasm\":\"sha256:0\",\"lead.wasm\":"),
    ] {
        assert!(text.contains(from) && read(text.replacen(from, to, 1).into_bytes()).is_err(), "{from}");
    }
}

#[test]
fn the_largest_statement_fits() {
    let path = |n: usize| format!("{n:02}{}.wasm", "/long".repeat(150));
    let components = (0..65).map(|n| (path(n), Digest::of(b""))).collect();
    let largest = Statement { components, ..statement() };
    assert_eq!(largest.check(), Ok(()));
    assert!(largest.encode().len() <= Document::Package.payload_limit(), "{}", largest.encode().len());
}

use audit::{Kind, SignerKey};

use super::*;
use crate::{Member, Rights, Signer};

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

fn read(bytes: &[u8]) -> Result<RevocationList, TrustError> {
    let key = SignerKey::new("operator", Kind::Author, &[1; 32]).unwrap().public().clone();
    RevocationList::read(&Opened { payload: bytes.to_vec(), key })
}

fn grant() -> Grant {
    let member = |component: &str| Member {
        component: digest(component),
        manifest: Some(digest("manifest")),
        rights: Rights::default(),
        budget: ledger::Amounts::zero(),
    };
    Grant {
        v: 1,
        package: "hello".into(),
        version: Some("1.0.0".into()),
        signed: true,
        root: member("root"),
        children: BTreeMap::from([("writer".to_owned(), member("writer"))]),
        mounts: BTreeMap::new(),
        models: BTreeMap::new(),
        weights: BTreeMap::new(),
        windows: BTreeMap::new(),
        signer: Some(Signer { publisher: "acme".into(), key: digest("key"), statement: digest("statement") }),
        standing: Some(digest("standing")),
    }
}

#[test]
fn whatever_a_run_stands_on_can_be_revoked() {
    for (key, of, what) in [
        (true, "key", "key"),
        (false, "statement", "statement"),
        (false, "standing", "standing grant"),
        (false, "manifest", "manifest"),
        (false, "root", "component"),
        (false, "writer", "component"),
    ] {
        let mut list = RevocationList::default();
        assert_eq!(list.revoke(key, digest(of), Mark { at: 5, now: false }), Ok(true));
        let found = list.under(&grant()).next().unwrap();
        assert_eq!((found.what, found.digest), (what, digest(of)));
        assert_eq!((list.ends(&grant()), list.ends_some()), (None, false), "only with `now`");
        assert_eq!(list.revoke(key, digest(of), Mark { at: 6, now: true }), Ok(true));
        assert_eq!(list.ends(&grant()).map(|found| (found.what, found.mark.at)), Some((what, 6)));
        assert_eq!(
            list.revoke(key, digest(of), Mark { at: 7, now: false }),
            Ok(false),
            "it only gets stricter"
        );
        assert_eq!(list.serial, 2);
        assert_eq!(read(&list.encode()), Ok(list));
    }
    let mut other = RevocationList::default();
    other.revoke(true, digest("root"), Mark { at: 5, now: true }).unwrap();
    assert_eq!(other.ends(&grant()), None, "a digest is no key");
    other.revoke(false, digest("key"), Mark { at: 5, now: true }).unwrap();
    assert_eq!(other.ends(&grant()).map(|found| found.what), Some("key"), "by its fingerprint alone");
}

#[test]
fn a_list_has_one_text_and_a_limit() {
    let mut list = RevocationList::default();
    list.revoke(true, digest("key"), Mark { at: 5, now: false }).unwrap();
    let text = String::from_utf8(list.encode()).unwrap();
    let expected = r#"{"v":1,"serial":1,"keys":{"KEY":{"at":5,"now":false}},"digests":{}}"#;
    assert_eq!(text, expected.replace("KEY", &digest("key").to_string()));
    for (from, to) in [
        ("\"v\":1", "\"v\":0"),
        ("\"at\":5", "\"at\":5e0"),
        ("\"at\":5", "\"at\":-5"),
        ("\"now\":false", "\"now\":false,\"now\":false"),
        ("sha256:", "sha512:"),
        ("{}", "[]"),
        ("{}", "{ }"),
    ] {
        assert!(text.contains(from) && read(text.replacen(from, to, 1).as_bytes()).is_err(), "{from}");
    }
    let twice =
        text.replace("\"keys\":{", &format!("\"keys\":{{\"{}\":{{\"at\":5,\"now\":false}},", digest("key")));
    assert!(read(twice.as_bytes()).is_err(), "a key twice");
    for n in 1..REVOKED_LIMIT {
        list.revoke(true, Digest::of(&n.to_le_bytes()), Mark { at: u64::MAX, now: false }).unwrap();
        list.revoke(false, Digest::of(&n.to_le_bytes()), Mark { at: u64::MAX, now: false }).unwrap();
    }
    assert!(matches!(
        list.revoke(true, digest("more"), Mark { at: 5, now: true }),
        Err(TrustError::Full { .. })
    ));
    assert_eq!(list.revoke(true, digest("key"), Mark { at: 6, now: true }), Ok(true), "it has its place");
    assert!(list.encode().len() <= Document::Revocations.payload_limit(), "{}", list.encode().len());
    assert_eq!(read(&list.encode()), Ok(list));
}

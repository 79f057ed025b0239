use audit::{Kind, SignerKey};
use proptest::prelude::*;

use super::*;
use crate::signed::{Mark, RevocationList, Revoked};

const DAY: u64 = super::super::day::DAY_MS;

fn key(seed: u8) -> VerifierKey {
    SignerKey::new("acme", Kind::Author, &[seed; 32]).unwrap().public().clone()
}

fn pinned(name: &str, seed: u8, packages: &[&str], until: Option<u64>) -> Pinned {
    let packages = packages.iter().map(|package| (*package).to_owned());
    Pinned::new(name, key(seed), Role::Publisher, packages, until).unwrap()
}

fn list() -> TrustList {
    let mut list = TrustList::default();
    list.pin(pinned("acme", 1, &[], None)).unwrap();
    list.pin(pinned("one", 2, &["docs-merge", "hello"], Some(10 * DAY))).unwrap();
    list.pin(Pinned::new("boss", key(3), Role::Operator, [], None).unwrap()).unwrap();
    list
}

fn read(list: &TrustList) -> Result<TrustList, TrustError> {
    TrustList::read(&Opened { payload: list.encode(), key: key(9) })
}

#[test]
fn a_list_has_one_text() {
    let mut list = list();
    list.raise(&fingerprint(&key(1)), "hello", "1.2.3".parse().unwrap()).unwrap();
    list.require(7);
    assert_eq!(read(&list), Ok(list.clone()));
    let text = String::from_utf8(list.encode()).unwrap();
    let first = format!(
        r#"{{"v":1,"serial":5,"keys":[{{"name":"acme","key":"{}","role":"publisher","packages":["*"]}},"#,
        key(1)
    );
    assert!(text.starts_with(&first), "{text}");
    let refused =
        |text: String| TrustList::read(&Opened { payload: text.into_bytes(), key: key(9) }).is_err();
    for (from, to) in [
        ("\"v\":1", "\"v\":2"),
        ("\"serial\":5", "\"serial\":5.0"),
        ("\"serial\":5", "\"serial\":99999999999999999999999"),
        ("\"serial\":5", "\"serial\":5,\"serial\":5"),
        ("\"serial\":5", "\"more\":5"),
        ("[\"*\"]", "[\"*\",\"*\"]"),
        ("[\"*\"]", "[\"*\",\"hello\"]"),
        ("[\"*\"]", "[]"),
        ("[\"docs-merge\",\"hello\"]", "[\"hello\",\"docs-merge\"]"),
        ("\"name\":\"one\"", "\"name\":\"acme\""),
        ("\"name\":\"one\"", "\"name\":\"operator\""),
        ("\"1.2.3\"", "\"1.2.03\""),
        ("/hello\"", "/\""),
        ("\"role\":\"operator\"", "\"role\":\"owner\""),
    ] {
        assert!(text.contains(from), "{from}");
        assert!(refused(text.replacen(from, to, 1)), "{from} to {to}");
    }
    assert!(refused(text.replace(&key(2).to_string(), &key(1).to_string())), "one key under two names");
    assert!(refused("[".repeat(10_000)));
}

#[test]
fn each_distrust_has_its_reason_and_its_line() {
    let (list, mut revoked) = (list(), RevocationList::default());
    let (acme, one, boss) = (fingerprint(&key(1)), fingerprint(&key(2)), fingerprint(&key(3)));
    let ask = |revoked: &RevocationList, role, key: &Digest, package: &str, now| {
        list.admit(revoked, role, key, package, now).map(|pinned| pinned.name().to_owned())
    };
    let publisher = |key: &Digest, package: &str, now| {
        let error = ask(&RevocationList::default(), Role::Publisher, key, package, now).unwrap_err();
        (error.to_string(), error.help().unwrap())
    };
    assert_eq!(ask(&revoked, Role::Publisher, &acme, "anything", 0), Ok("acme".into()));
    assert_eq!(ask(&revoked, Role::Publisher, &one, "hello", 10 * DAY - 1), Ok("one".into()));
    assert_eq!(ask(&revoked, Role::Operator, &boss, "hello", 0), Ok("boss".into()));
    let stranger = fingerprint(&key(4));
    let (message, help) = publisher(&stranger, "hello", 0);
    assert!(
        message.contains(&stranger.to_string()) && help.contains("trust add NAME KEY"),
        "{message} {help}"
    );
    let (message, help) = publisher(&one, "hello", 10 * DAY);
    assert!(message.contains("until 1970-01-11") && help.contains("--until DATE"), "{message} {help}");
    let (message, help) = publisher(&one, "other", 0);
    assert!(message.contains("for docs-merge,hello, not for other"), "{message}");
    assert!(help.contains(&format!("trust add one {} --packages docs-merge,hello,other", key(2))), "{help}");
    let (message, _) = publisher(&boss, "hello", 0);
    assert!(message.contains("a key of operator"), "{message}");
    assert!(ask(&revoked, Role::Operator, &acme, "hello", 0).is_err());
    revoked.revoke(true, acme, Mark { at: DAY, now: false }).unwrap();
    let error = ask(&revoked, Role::Publisher, &acme, "hello", 0).unwrap_err();
    assert!(matches!(error, Distrust::Revoked(Revoked { what: "key", .. })));
    assert!(error.to_string().ends_with("was revoked on 1970-01-02"), "{error}");
}

#[test]
fn floors_only_rise() {
    let mut list = list();
    let acme = fingerprint(&key(1));
    let version = |text: &str| text.parse::<Version>().unwrap();
    let admit = |list: &TrustList, text| list.admit_version(&acme, "hello", version(text));
    assert_eq!(admit(&list, "0.0.1"), Ok(()));
    assert_eq!(list.raise(&acme, "hello", version("1.10.0")), Ok(true));
    assert_eq!(list.raise(&acme, "hello", version("1.9.0")), Ok(false));
    assert_eq!(list.raise(&acme, "hello", version("1.10.0")), Ok(false));
    assert_eq!(admit(&list, "1.10.0"), Ok(()));
    let error = admit(&list, "1.9.0").unwrap_err();
    assert_eq!(error.to_string(), "hello 1.9.0 is older than 1.10.0, which was started here");
    assert!(error.help().unwrap().contains("--older"));
    assert_eq!(list.admit_version(&fingerprint(&key(2)), "hello", version("0.1.0")), Ok(()), "another key's");
    // With another key in its place, and when it was forgotten and comes back.
    list.replace("acme", &key(7)).unwrap();
    assert!(list.admit_version(&fingerprint(&key(7)), "hello", version("1.9.0")).is_err());
    assert!(list.unpin("acme") && !list.unpin("acme"));
    list.pin(pinned("again", 7, &[], None)).unwrap();
    assert!(list.admit_version(&fingerprint(&key(7)), "hello", version("1.9.0")).is_err());
    assert_eq!(read(&list), Ok(list));
}

#[test]
fn names_and_keys_are_pinned_once() {
    let mut list = list();
    assert_eq!(list.pin(pinned("acme", 5, &[], None)), Err(TrustError::NameTaken("acme".into())));
    assert_eq!(list.pin(pinned("other", 1, &[], None)), Err(TrustError::KeyTaken("acme".into())));
    assert_eq!(list.replace("acme", &key(2)), Err(TrustError::KeyTaken("one".into())));
    assert_eq!(list.replace("nobody", &key(5)), Err(TrustError::Absent("nobody".into())));
    for bad in ["", "operator", "Acme", "a b", "../a", &"a".repeat(65)] {
        assert!(Pinned::new(bad, key(1), Role::Publisher, [], None).is_err(), "{bad}");
    }
    let witness = SignerKey::new("w", Kind::Witness, &[1; 32]).unwrap().public().clone();
    assert!(matches!(Pinned::new("w", witness, Role::Publisher, [], None), Err(TrustError::Key(_))));
}

#[test]
fn a_list_is_bounded_and_floors_of_forgotten_keys_make_room() {
    let mut list = TrustList::default();
    let (old, new) = (fingerprint(&key(1)), fingerprint(&key(2)));
    list.pin(pinned("old", 1, &[], None)).unwrap();
    list.pin(pinned("new", 2, &[], None)).unwrap();
    let version = "1.0.0".parse().unwrap();
    for n in 0..FLOORS_LIMIT {
        list.raise(&old, &format!("p{n}"), version).unwrap();
    }
    assert!(matches!(list.raise(&new, "hello", version), Err(TrustError::Full { .. })));
    assert_eq!(list.raise(&old, "p1", "2.0.0".parse().unwrap()), Ok(true), "it has its place");
    list.unpin("old");
    assert_eq!(list.raise(&new, "hello", version), Ok(true));
    assert_eq!(list.floors.len(), 1);
    for n in 0..KEYS_LIMIT - 1 {
        let seed = Digest::of(&n.to_le_bytes()).0;
        let key = SignerKey::new("k", Kind::Author, &seed).unwrap().public().clone();
        list.pin(Pinned::new(&format!("k{n}"), key, Role::Publisher, [], None).unwrap()).unwrap();
    }
    assert_eq!(
        list.pin(pinned("more", 3, &[], None)),
        Err(TrustError::Full { what: "keys", limit: KEYS_LIMIT })
    );
    assert!(list.encode().len() <= Document::Trust.payload_limit());
    assert_eq!(read(&list), Ok(list));
}

proptest! {
    #[test]
    fn no_flipped_bit_of_a_signed_list_is_taken(bit in any::<prop::sample::Index>()) {
        let own = SignerKey::new("operator", Kind::Author, &[9; 32]).unwrap();
        let envelope = crate::signed::seal(Document::Trust, &list().encode(), &own);
        let mut flipped = envelope.clone();
        let bit = bit.index(envelope.len() * 8);
        flipped[bit / 8] ^= 1 << (bit % 8);
        let known = |wanted: &Digest| (fingerprint(own.public()) == *wanted).then(|| own.public().clone());
        prop_assert!(crate::signed::open(Document::Trust, &flipped, known).is_err());
    }

    #[test]
    fn no_payload_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let opened = Opened { payload: bytes, key: key(9) };
        prop_assert!(TrustList::read(&opened).is_err());
    }
}

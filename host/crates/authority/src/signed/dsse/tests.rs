use proptest::prelude::*;

use super::*;

fn key(name: &str, seed: u8) -> SignerKey {
    SignerKey::new(name, Kind::Author, &[seed; 32]).unwrap()
}

fn known(key: &SignerKey) -> impl Fn(&Digest) -> Option<VerifierKey> {
    let key = key.public().clone();
    move |wanted| (fingerprint(&key) == *wanted).then(|| key.clone())
}

fn text(envelope: &[u8]) -> String {
    String::from_utf8(envelope.to_vec()).unwrap()
}

#[test]
fn what_is_sealed_opens() {
    let acme = key("acme", 1);
    let envelope = seal(Document::Package, b"{\"v\":1}", &acme);
    let keyid = fingerprint(acme.public());
    let start = "{\"payload\":\"eyJ2IjoxfQ==\",\"payloadType\":\"application/vnd.aos.package.v1+json\",\
                 \"signatures\":[{\"keyid\":\"sha256:";
    assert!(text(&envelope).starts_with(start), "{}", text(&envelope));
    assert!(text(&envelope).ends_with("\"}]}\n"));
    let opened = open(Document::Package, &envelope, known(&acme)).unwrap();
    assert_eq!(opened.payload, b"{\"v\":1}");
    assert_eq!(&opened.key, acme.public());
    assert_eq!(opened.digest(), Digest::of(b"{\"v\":1}"));
    assert_eq!(claimed(Document::Package, &envelope), Ok(keyid));
}

/// As DSSE's own example: `DSSEv1 29 http://example.com/HelloWorld 11 hello world`.
#[test]
fn the_signed_bytes_are_those_of_dsse() {
    let expected = "DSSEv1 33 application/vnd.aos.trust.v1+json 11 hello world";
    assert_eq!(text(&pae(Document::Trust, b"hello world")), expected);
}

#[test]
fn a_signature_over_one_kind_is_none_over_another() {
    let acme = key("acme", 1);
    for signed in Document::ALL {
        let envelope = seal(signed, b"{}", &acme);
        for expected in Document::ALL.into_iter().filter(|other| *other != signed) {
            let error = open(expected, &envelope, known(&acme)).unwrap_err();
            assert_eq!(error, EnvelopeError::Kind { signed, expected });
            let relabelled = text(&envelope).replace(signed.payload_type(), expected.payload_type());
            let error = open(expected, relabelled.as_bytes(), known(&acme)).unwrap_err();
            assert_eq!(error, EnvelopeError::Invalid);
        }
    }
    let envelope = text(&seal(Document::Trust, b"{}", &acme)).replace("vnd.aos.trust.v1", "vnd.in-toto");
    let error = open(Document::Trust, envelope.as_bytes(), known(&acme)).unwrap_err().to_string();
    assert_eq!(error, "it is signed as \"application/vnd.in-toto+json\", not as a trust list");
}

#[test]
fn a_key_is_known_by_all_of_it() {
    let (acme, other) = (key("acme", 1), key("acme", 2));
    let envelope = seal(Document::Package, b"{}", &acme);
    let unknown = EnvelopeError::UnknownKey(fingerprint(acme.public()));
    assert_eq!(open(Document::Package, &envelope, known(&other)).unwrap_err(), unknown);
    // Whatever the caller answers: the key has to have the fingerprint.
    let any = |_: &Digest| Some(other.public().clone());
    assert_eq!(open(Document::Package, &envelope, any).unwrap_err(), unknown);
    let witness = SignerKey::new("acme", Kind::Witness, &[1; 32]).unwrap();
    let envelope = seal(Document::Package, b"{}", &witness);
    assert_eq!(open(Document::Package, &envelope, known(&witness)).unwrap_err(), unknown);
    // The same key under another name is the same key.
    let renamed = key("acme-2", 1);
    let envelope = seal(Document::Package, b"{}", &acme);
    assert_eq!(open(Document::Package, &envelope, known(&renamed)).unwrap().key, *renamed.public());
}

#[test]
fn there_is_one_encoding_and_one_signature() {
    let acme = key("acme", 1);
    let good = text(&seal(Document::Package, b"{\"v\":1}", &acme));
    let refused = |bad: &str| open(Document::Package, bad.as_bytes(), known(&acme)).unwrap_err();
    let line = good.trim_end();
    let (start, signatures) = line.split_once("\"signatures\":[").unwrap();
    let signature = signatures.strip_suffix("]}").unwrap();
    for bad in [
        String::new(),
        "\n".into(),
        line.into(),
        format!("{good}\n"),
        format!(" {good}"),
        good.replace("\":\"", "\": \""),
        good.replacen("{", "{\"extra\":1,", 1),
        good.replacen("{\"payload\":", "{\"payload\":\"\",\"payload\":", 1),
        good.replace("payloadType", "payload\\u0054ype"),
        "[".repeat(100_000) + "\n",
        "{\"payload\":1.5,\"payloadType\":\"\",\"signatures\":[]}\n".into(),
    ] {
        assert!(matches!(refused(&bad), EnvelopeError::Form(_)), "{bad:.80}");
    }
    assert_eq!(refused(&format!("{start}\"signatures\":[]}}\n")), EnvelopeError::Signatures(0));
    let two = format!("{start}\"signatures\":[{signature},{signature}]}}\n");
    assert_eq!(refused(&two), EnvelopeError::Signatures(2));
    // The last bits of a group count for nothing in the decoded bytes: they have to be 0.
    assert_eq!(refused(&good.replace("fQ==", "fR==")), EnvelopeError::Base64("payload"));
    assert_eq!(refused(&good.replace("fQ==", "fQ")), EnvelopeError::Base64("payload"));
    assert_eq!(refused(&good.replace("==\"}]}", "\"}]}")), EnvelopeError::Base64("signature"));
}

#[test]
fn an_envelope_is_bounded() {
    let acme = key("acme", 1);
    let largest = vec![b'x'; Document::Rotation.payload_limit()];
    let envelope = seal(Document::Rotation, &largest, &acme);
    assert_eq!(open(Document::Rotation, &envelope, known(&acme)).unwrap().payload, largest);
    let envelope = seal(Document::Rotation, &vec![b'x'; 2 * largest.len()], &acme);
    let error = open(Document::Rotation, &envelope, known(&acme)).unwrap_err();
    assert!(matches!(error, EnvelopeError::Form(EncodingError::TooLong { .. })), "{error}");
}

#[test]
fn every_flipped_bit_is_found() {
    let acme = key("acme", 1);
    let envelope = seal(Document::Trust, b"{\"v\":1,\"serial\":7}", &acme);
    for bit in 0..envelope.len() * 8 {
        let mut flipped = envelope.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(open(Document::Trust, &flipped, known(&acme)).is_err(), "bit {bit}");
    }
}

proptest! {
    #[test]
    fn any_bytes_open_again_and_no_bit_of_them_may_differ(
        payload in proptest::collection::vec(any::<u8>(), 0..200),
        seed in any::<u8>(),
        bit in any::<prop::sample::Index>(),
    ) {
        let acme = key("acme", seed);
        let envelope = seal(Document::Grant, &payload, &acme);
        prop_assert_eq!(open(Document::Grant, &envelope, known(&acme)).unwrap().payload, payload);
        let bit = bit.index(envelope.len() * 8);
        let mut flipped = envelope;
        flipped[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(open(Document::Grant, &flipped, known(&acme)).is_err());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let acme = key("acme", 1);
        prop_assert!(open(Document::Package, &bytes, known(&acme)).is_err());
    }
}

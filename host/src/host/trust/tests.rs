use std::fs;
use std::os::unix::fs::MetadataExt;

use audit::Kind;
use authority::signed::{Mark, Pinned, Role};

use super::*;

fn key(seed: u8) -> VerifierKey {
    SignerKey::new("acme", Kind::Author, &[seed; 32]).unwrap().public().clone()
}

fn pin(config: &Path, name: &str, seed: u8) {
    let pinned = Pinned::new(name, key(seed), Role::Publisher, [], None).unwrap();
    Lists::change(config, |lists| lists.trust.pin(pinned).map_err(|error| refused(&error))).unwrap();
}

fn revoke(config: &Path, digest: Digest) {
    let mark = Mark { at: 5, now: false };
    Lists::change(config, |lists| lists.revoked.revoke(false, digest, mark).map_err(|error| refused(&error)))
        .unwrap();
}

fn why(config: &Path) -> String {
    let error = Lists::load(config).unwrap_err();
    assert_eq!(error.kind(), super::super::error::Kind::NotAuthorised, "{error}");
    error.to_string()
}

#[test]
fn lists_are_read_as_they_were_written() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config");
    assert_eq!(Lists::load(&config).unwrap(), Lists::default());
    pin(&config, "acme", 1);
    assert!(!config.join(REVOKED).exists(), "nothing was revoked");
    revoke(&config, Digest::of(b"x"));
    let lists = Lists::load(&config).unwrap();
    assert!(lists.trust.by_name("acme").is_some() && lists.revoked.digest("x", Digest::of(b"x")).is_some());
    assert_eq!((lists.revoked.serial, lists.trust.revocations()), (1, 1));
    for name in [TRUST, REVOKED, LOCK] {
        assert_eq!(fs::metadata(config.join(name)).unwrap().mode() & 0o777, 0o600, "{name}");
    }
    let kept = fs::read(config.join(TRUST)).unwrap();
    let refused: Result<(), _> = Lists::change(&config, |lists| {
        lists.trust.unpin("acme");
        Err(HostError::Engine("no".into()))
    });
    assert!(refused.is_err());
    assert_eq!(fs::read(config.join(TRUST)).unwrap(), kept, "a change that is refused changes nothing");
}

#[test]
fn no_flipped_bit_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    pin(dir.path(), "acme", 1);
    revoke(dir.path(), Digest::of(b"x"));
    for name in [TRUST, REVOKED] {
        let path = dir.path().join(name);
        let good = fs::read(&path).unwrap();
        for bit in (0..good.len() * 8).step_by(7) {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &bad).unwrap();
            assert!(why(dir.path()).contains(name), "bit {bit}");
        }
        fs::write(&path, good).unwrap();
    }
    assert!(Lists::load(dir.path()).is_ok());
}

#[test]
fn what_is_missing_or_older_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (trust, revoked) = (dir.path().join(TRUST), dir.path().join(REVOKED));
    revoke(dir.path(), Digest::of(b"x"));
    let first = fs::read(&revoked).unwrap();
    revoke(dir.path(), Digest::of(b"y"));
    let second = fs::read(&revoked).unwrap();
    fs::write(&revoked, &first).unwrap();
    assert!(why(dir.path()).contains("its serial is 1, the last was 2"));
    fs::remove_file(&revoked).unwrap();
    assert!(why(dir.path()).contains("is missing: it had the serial 2"));
    fs::write(&revoked, &second).unwrap();
    let kept = fs::read(&trust).unwrap();
    fs::remove_file(&trust).unwrap();
    assert!(why(dir.path()).contains("trust.dsse is missing"));
    fs::write(&trust, &second).unwrap();
    assert!(why(dir.path()).contains("it is signed as a revocation list, not as a trust list"));
    fs::write(&trust, vec![b'x'; 4 << 20]).unwrap();
    assert!(why(dir.path()).contains("larger than"));
    fs::write(&trust, &kept).unwrap();
    assert!(Lists::load(dir.path()).is_ok());
    fs::remove_file(dir.path().join("host.key")).unwrap();
    assert!(why(dir.path()).contains("host.key"));
    HostKey::own(dir.path()).unwrap();
    assert!(why(dir.path()).contains("which is not known here"), "another key's");
}

#[test]
fn changes_at_a_time_are_all_made() {
    let dir = tempfile::tempdir().unwrap();
    HostKey::own(dir.path()).unwrap();
    std::thread::scope(|scope| {
        for seed in 1..=8 {
            let config = dir.path();
            scope.spawn(move || pin(config, &format!("k{seed}"), seed));
        }
    });
    let lists = Lists::load(dir.path()).unwrap();
    assert_eq!((lists.trust.keys().len(), lists.trust.serial()), (8, 8));
}

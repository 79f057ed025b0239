//! A campaign against a log and what was taken from it: whatever is changed, a verifier with the log's key and its last
//! checkpoint says so. What is derived from the entries is rewritten along where a forger would do so.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rusqlite::params;

use super::forgery::{Forged, Log};
use super::{database, keep, logged};
use crate::support::Place;

/// Single bytes that are changed in a test run; AOS_SOAK=1 makes a campaign of it.
const BYTES: usize = 500;
const CAMPAIGN: usize = 20_000;
/// Verifiers at a time.
const THREADS: usize = 3;

/// What a single byte is changed in: a table and its column, or a file, and how many of a hundred changes go there.
const TARGETS: [(&str, Target, usize); 8] = [
    ("entries", Target::Rows("chunk", "first", "lines"), 30),
    ("bodies", Target::Rows("body", "seq", "data"), 15),
    ("salts", Target::Rows("body", "seq", "salt"), 5),
    ("tiles", Target::Rows("tile", "idx", "hashes"), 15),
    ("partial tiles", Target::Rows("edge", "level", "hashes"), 5),
    ("checkpoints", Target::Rows("checkpoint", "size", "note"), 10),
    ("an export", Target::File("all.aos"), 15),
    ("a proof", Target::File("entry.tlog-proof"), 5),
];

#[derive(Clone, Copy)]
enum Target {
    /// Of a table: its key and a column.
    Rows(&'static str, &'static str, &'static str),
    File(&'static str),
}

/// What is attacked, and what the verifier has of it.
struct Scene {
    place: Place,
    key: String,
    kept: String,
    /// The log before its last run.
    older: Vec<u8>,
    whole: Vec<u8>,
}

impl Scene {
    fn new() -> Scene {
        let place = Place::new();
        logged(&place, 200);
        let older = fs::read(place.path("state/log.db")).unwrap();
        let key = logged(&place, 320);
        let kept = keep(&place, "last.note");
        let all = place.path("all.aos").to_str().unwrap().to_owned();
        place.aos(&["audit", "export", "-o", &all, "--bodies"]).expect(0);
        let proof = place.path("entry.tlog-proof").to_str().unwrap().to_owned();
        place.aos(&["audit", "prove", "300", "-o", &proof]).expect(0);
        let whole = fs::read(place.path("state/log.db")).unwrap();
        assert!(!place.path("state/log.db-wal").exists());
        Scene { place, key, kept, older, whole }
    }

    /// A state directory of this copy of the log; the tamperer's.
    fn state(&self, name: &str, log: &[u8]) -> PathBuf {
        let folder = self.place.folder(name);
        for old in ["log.db-wal", "log.db-shm"] {
            let _none = fs::remove_file(folder.join(old));
        }
        fs::write(folder.join("log.db"), log).unwrap();
        folder
    }

    /// Whether the verifier sees it.
    #[track_caller]
    fn sees(&self, words: &[&str], what: &str) -> bool {
        let pinned = ["audit", "verify", "--key", &self.key];
        let ran = self.place.aos(&[&pinned, words].concat());
        assert!(!ran.stderr.contains("panicked"), "{what}: {ran}");
        assert!(ran.code == 4 || ran.code == 0, "{what}: {ran}");
        if ran.code == 0 {
            println!("{what} is not seen: {ran}");
        }
        ran.code == 4
    }

    /// Whether the verifier sees what became of a state directory.
    #[track_caller]
    fn sees_state(&self, folder: &std::path::Path, what: &str) -> bool {
        self.sees(&["--checkpoint", &self.kept, "--state", folder.to_str().unwrap()], what)
    }
}

/// Numbers that are spread, and the same in every run (SplitMix64, Steele et al. 2014).
fn spread(n: usize) -> u64 {
    let mut z = (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Which target the `n`th byte is of.
fn target(n: usize) -> (&'static str, Target) {
    let mut share = n % 100;
    for (name, target, part) in TARGETS {
        match share.checked_sub(part) {
            None => return (name, target),
            Some(rest) => share = rest,
        }
    }
    unreachable!("the parts are a hundred")
}

/// Changes one byte; answers where.
fn flip(bytes: &mut [u8], n: usize) -> usize {
    let at = (spread(n) % bytes.len() as u64) as usize;
    bytes[at] ^= (1 + spread(n + 1_000_000) % 255) as u8;
    at
}

fn byte(scene: &Scene, n: usize, worker: usize) -> (&'static str, bool) {
    let (name, target) = target(n);
    let (table, id, column) = match target {
        Target::Rows(table, id, column) => (table, id, column),
        Target::File(file) => {
            let mut bytes = fs::read(scene.place.path(file)).unwrap();
            let at = flip(&mut bytes, n);
            let changed = scene.place.file(&format!("{worker}/{file}"), bytes);
            return (name, scene.sees(&[changed.to_str().unwrap()], &format!("byte {at} of {name}")));
        }
    };
    let folder = scene.state(&format!("tampered-{worker}"), &scene.whole);
    let db = rusqlite::Connection::open(folder.join("log.db")).unwrap();
    let rows: i64 = db
        .query_row(&format!("SELECT count(*) FROM {table} WHERE length({column}) > 0"), [], |row| row.get(0))
        .unwrap();
    let row = (spread(n + 2_000_000) % rows.unsigned_abs()) as i64;
    let sql = format!(
        "SELECT {id}, {column} FROM {table} WHERE length({column}) > 0 ORDER BY {id} LIMIT 1 OFFSET ?1"
    );
    let found = db.query_row(&sql, [row], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)));
    let (number, mut bytes) = found.unwrap();
    let at = flip(&mut bytes, n);
    let sql = format!("UPDATE {table} SET {column} = ?2 WHERE {id} = ?1");
    assert_eq!(db.execute(&sql, params![number, bytes]).unwrap(), 1);
    drop(db);
    (name, scene.sees_state(&folder, &format!("byte {at} of row {row} of {name}")))
}

#[test]
fn whatever_is_changed_is_seen() {
    let scene = Scene::new();
    assert!(!scene.sees_state(&scene.place.path("state"), "nothing"), "the log as it is verifies");
    let bytes = if std::env::var_os("AOS_SOAK").is_some() { CAMPAIGN } else { BYTES };
    let table = Mutex::new(BTreeMap::<&str, (usize, usize)>::new());
    let count = |name: &'static str, seen: bool| {
        let mut table = table.lock().unwrap();
        let (tried, found) = table.entry(name).or_default();
        (*tried, *found) = (*tried + 1, *found + usize::from(seen));
    };
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for worker in 0..THREADS {
            let (scene, next, count) = (&scene, &next, &count);
            scope.spawn(move || {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= bytes {
                        return;
                    }
                    let (name, seen) = byte(scene, n, worker);
                    count(name, seen);
                }
            });
        }
    });
    for (name, seen) in forgeries(&scene) {
        count(name, seen);
    }
    let table = table.into_inner().unwrap();
    println!("{:<46} {:>6} {:>6}", "changed", "tried", "found");
    for (name, (tried, found)) in &table {
        println!("{name:<46} {tried:>6} {found:>6}");
    }
    assert!(table.values().all(|(tried, found)| tried == found), "something was not seen");
    assert!(table.len() >= 20, "{} kinds", table.len());
}

/// Changes of whole entries, each with and without what follows from them; and of the log as a whole.
fn forgeries(scene: &Scene) -> Vec<(&'static str, bool)> {
    let log = Log::read(&database(&scene.place));
    let mut seen = Vec::new();
    let mut forge = |name: &'static str, forged: Forged| {
        let folder = scene.state("forged", &scene.whole);
        forged.write(&folder.join("log.db"));
        seen.push((name, scene.sees_state(&folder, name)));
    };
    let middle = log.lines.len() / 2;
    for at in [0, 1, 255, 256, middle, log.lines.len() - 1] {
        let without = |lines: &mut Vec<Vec<u8>>| drop(lines.remove(at));
        forge("an entry deleted", log.forged(without));
        forge("an entry deleted, the rest rewritten", log.forged(without).rewritten());
        forge("an entry deleted, the rest renumbered", log.forged(without).renumbered().rewritten());
        let doubled = |lines: &mut Vec<Vec<u8>>| lines.insert(at, lines[at].clone());
        forge("an entry doubled", log.forged(doubled));
        forge("an entry doubled, the rest renumbered", log.forged(doubled).renumbered().rewritten());
        let other = (at + 7) % log.lines.len();
        let swapped = |lines: &mut Vec<Vec<u8>>| lines.swap(at, other);
        forge("two entries swapped", log.forged(swapped));
        forge("two entries swapped, the rest rewritten", log.forged(swapped).renumbered().rewritten());
        let new = |lines: &mut Vec<Vec<u8>>| {
            let line =
                String::from_utf8(lines[middle].clone()).unwrap().replacen("\"fuel\":", "\"fuel\":1", 1);
            lines.insert(at, line.into_bytes());
        };
        forge("an entry inserted", log.forged(new));
        forge("an entry inserted, the rest renumbered", log.forged(new).renumbered().rewritten());
    }
    for left in [0, 1, 100, 256, middle, log.lines.len() - 1] {
        let cut = |lines: &mut Vec<Vec<u8>>| lines.truncate(left);
        forge("the tail cut off", log.forged(cut));
        forge("the tail cut off, the rest rewritten", log.forged(cut).rewritten());
        forge(
            "the tail and its checkpoints cut off",
            log.forged(cut).rewritten().without_checkpoints_beyond(left),
        );
    }
    let edited = |lines: &mut Vec<Vec<u8>>| {
        let at = lines.iter().rposition(|line| line.windows(7).any(|part| part == b"\"exit\":")).unwrap();
        let text = String::from_utf8(lines[at].clone()).unwrap();
        lines[at] = text.replacen("\"fuel\":", "\"fuel\":1", 1).into_bytes();
    };
    forge("an outcome edited", log.forged(edited));
    forge("an outcome edited, the rest rewritten", log.forged(edited).rewritten());
    forge("an outcome edited, signed with another key", log.forged(edited).rewritten().signed(&[9; 32]));
    forge("all signed again with another key", log.forged(|_| {}).rewritten().signed(&[9; 32]));
    forge("all checkpoints deleted", log.forged(|_| {}).without_checkpoints_beyond(0));
    forge(
        "the newest checkpoint deleted",
        log.forged(|_| {}).without_checkpoints_beyond(log.lines.len() - 1),
    );
    forge("another origin", log.forged(|_| {}).of_origin("aos-host/00000000000000000000000000000000"));
    let rolled = scene.state("rolled-back", &scene.older);
    seen.push(("an older database beside the last checkpoint", scene.sees_state(&rolled, "rolled back")));
    // The owner's own key can sign another history: what was kept of this one tells.
    let seed = seed(scene);
    let folder = scene.state("forged", &scene.whole);
    log.forged(edited).rewritten().signed(&seed).write(&folder.join("log.db"));
    seen.push(("an outcome edited, signed by the owner", scene.sees_state(&folder, "the owner's fork")));
    let state = folder.to_str().unwrap();
    assert!(
        !scene.sees(&["--state", state], "a fork"),
        "without what was kept, the owner's own key is believed"
    );
    seen
}

/// The host's secret, which a dishonest owner has.
fn seed(scene: &Scene) -> [u8; 32] {
    use base64::Engine as _;
    let text = scene.place.text("config/aos-host/host.key");
    let code = text.trim_end().rsplit(' ').next().unwrap();
    base64::engine::general_purpose::STANDARD.decode(code).unwrap().try_into().unwrap()
}

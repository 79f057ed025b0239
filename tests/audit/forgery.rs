//! Logs as a forger would leave them: entries changed, and as much of the rest as he likes made to follow.

use std::collections::BTreeMap;
use std::path::Path;

use audit::{Checkpoint, Kind, Note, SignerKey, Tree, leaf_hash};
use rusqlite::{Connection, params};

/// A log's lines.
pub struct Log {
    pub lines: Vec<Vec<u8>>,
}

/// What becomes of a log.
pub struct Forged {
    lines: Vec<Vec<u8>>,
    /// Tiles, head and runs follow from the lines.
    follows: bool,
    /// Checkpoints of more entries are deleted.
    checkpoints: Option<usize>,
    /// The checkpoints are made again with this key.
    seed: Option<[u8; 32]>,
    origin: Option<&'static str>,
}

impl Log {
    /// Reads the lines from the database itself.
    pub fn read(db: &Connection) -> Log {
        let mut query = db.prepare("SELECT lines FROM chunk ORDER BY first").unwrap();
        let chunks = query.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
        let lines =
            |chunk: Vec<u8>| chunk.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
        Log { lines: chunks.flat_map(|chunk| lines(chunk.unwrap())).collect() }
    }

    /// This log with other lines.
    pub fn forged(&self, change: impl Fn(&mut Vec<Vec<u8>>)) -> Forged {
        let mut lines = self.lines.clone();
        change(&mut lines);
        Forged { lines, follows: false, checkpoints: None, seed: None, origin: None }
    }
}

impl Forged {
    /// With the entries' numbers in order.
    pub fn renumbered(mut self) -> Forged {
        for (at, line) in self.lines.iter_mut().enumerate() {
            let text = String::from_utf8(std::mem::take(line)).unwrap();
            let (before, rest) = text.split_once("\"seq\":").unwrap();
            let (_, after) = rest.split_once(',').unwrap();
            *line = format!("{before}\"seq\":{},{after}", at + 1).into_bytes();
        }
        self
    }

    /// With tiles, head and runs that follow from the lines.
    pub fn rewritten(self) -> Forged {
        Forged { follows: true, ..self }
    }

    /// Without the checkpoints of more than so many entries.
    pub fn without_checkpoints_beyond(self, entries: usize) -> Forged {
        Forged { checkpoints: Some(entries), ..self }
    }

    /// With checkpoints of the same sizes by another key.
    pub fn signed(self, seed: &[u8; 32]) -> Forged {
        Forged { seed: Some(*seed), ..self }
    }

    /// With another name.
    pub fn of_origin(self, origin: &'static str) -> Forged {
        Forged { origin: Some(origin), ..self }
    }

    /// Makes it the log of a database.
    pub fn write(self, path: &Path) {
        let db = Connection::open(path).unwrap();
        db.execute_batch("BEGIN; DELETE FROM chunk").unwrap();
        for (at, lines) in self.lines.chunks(256).enumerate() {
            let first = at as i64 * 256 + 1;
            db.execute("INSERT INTO chunk VALUES (?1, ?2)", params![first, lines.join(&b'\n')]).unwrap();
        }
        if self.follows {
            self.derive(&db);
        }
        if let Some(entries) = self.checkpoints {
            db.execute("DELETE FROM checkpoint WHERE size > ?1", [entries as i64]).unwrap();
        }
        if let Some(seed) = self.seed {
            self.sign(&db, &seed);
        }
        if let Some(origin) = self.origin {
            db.execute("UPDATE meta SET value = ?1 WHERE key = 'origin'", [origin]).unwrap();
        }
        db.execute_batch("COMMIT").unwrap();
    }

    fn derive(&self, db: &Connection) {
        db.execute_batch("DELETE FROM tile; DELETE FROM edge; DELETE FROM run").unwrap();
        let mut tree = Tree::new();
        let mut runs = BTreeMap::<i64, (i64, i64, i64)>::new();
        for (at, line) in self.lines.iter().enumerate() {
            for tile in tree.push(leaf_hash(line)) {
                let row = params![tile.level, tile.index as i64, tile.bytes()];
                db.execute("INSERT INTO tile VALUES (?1, ?2, ?3)", row).unwrap();
            }
            let entry: serde_json::Value = serde_json::from_slice(line).unwrap();
            let seq = at as i64 + 1;
            let run = runs.entry(entry["run"].as_i64().unwrap()).or_insert((seq, seq, 0));
            (run.1, run.2) = (seq, run.2 + 1);
        }
        for (run, (first, last, entries)) in runs {
            db.execute("INSERT INTO run VALUES (?1, ?2, ?3, ?4)", [run, first, last, entries]).unwrap();
        }
        let head = params![tree.size() as i64, &tree.root()[..]];
        db.execute("UPDATE head SET size = ?1, root = ?2", head).unwrap();
        db.execute("DELETE FROM body WHERE seq > ?1", [tree.size() as i64]).unwrap();
    }

    fn sign(&self, db: &Connection, seed: &[u8; 32]) {
        let origin: String =
            db.query_row("SELECT value FROM meta WHERE key = 'origin'", [], |row| row.get(0)).unwrap();
        let key = SignerKey::new(&origin, Kind::Author, seed).unwrap();
        let mut query = db.prepare("SELECT size FROM checkpoint").unwrap();
        let sizes: Vec<i64> = query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        for size in sizes {
            let mut tree = Tree::new();
            self.lines.iter().take(size as usize).for_each(|line| drop(tree.push(leaf_hash(line))));
            let (origin, root) = (origin.clone(), tree.root());
            let checkpoint = Checkpoint { origin, size: tree.size(), root, extensions: Vec::new() };
            let mut note = Note::new(checkpoint.to_string()).unwrap();
            note.sign(&key, 0);
            let note = note.to_string();
            let row = params![size, note.as_bytes()];
            db.execute("UPDATE checkpoint SET note = ?2 WHERE size = ?1", row).unwrap();
        }
    }
}

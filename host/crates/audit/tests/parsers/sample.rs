//! A small log and the texts that it hands out.

use std::convert::Infallible;

use ::audit::export;
use ::audit::proof::{self, Tiles};
use ::audit::range::surroundings;
use ::audit::{
    Checkpoint, Digest, Hash, Kind, Note, ProofFile, SignerKey, Submission, TILE_WIDTH, Tree, VerifierKey,
    leaf_hash,
};

/// What the bodies' digests are salted with.
pub const SALT: &[u8] = &[3; 16];

/// The tiles of a log, in memory.
pub struct Log {
    leaves: Vec<Hash>,
    above: Vec<Vec<Hash>>,
}

impl Tiles for Log {
    type Error = Infallible;

    fn tile(&self, level: u8, index: u64, width: usize) -> Result<Vec<Hash>, Infallible> {
        let hashes = if level == 0 { &self.leaves } else { &self.above[usize::from(level) - 1] };
        Ok(hashes[index as usize * TILE_WIDTH..][..width].to_vec())
    }
}

/// An entry's line; every third one commits to a body.
pub fn line(seq: u64) -> String {
    let body = body(seq);
    let digest = Digest::salted(SALT, body.as_bytes());
    match seq % 3 {
        0 => format!(r#"{{"v":1,"seq":{seq},"body":{{"size":{},"digest":"{digest}"}}}}"#, body.len()),
        _ => format!(r#"{{"v":1,"seq":{seq}}}"#),
    }
}

/// An entry's body.
pub fn body(seq: u64) -> String {
    format!("body {seq}")
}

impl Log {
    /// Of so many entries.
    pub fn new(size: u64) -> Log {
        let leaves: Vec<Hash> = (1..=size).map(|seq| leaf_hash(line(seq).as_bytes())).collect();
        let mut tree = Tree::new();
        let mut above: Vec<Vec<Hash>> = Vec::new();
        for leaf in &leaves {
            for tile in tree.push(*leaf) {
                let level = usize::from(tile.level);
                above.resize_with(above.len().max(level + 1), Vec::new);
                let mut full = Tree::new();
                tile.hashes.iter().for_each(|hash| drop(full.push(*hash)));
                above[level].push(full.root());
            }
        }
        Log { leaves, above }
    }

    /// Its entries.
    pub fn size(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// The leaf of the entry `seq`.
    pub fn leaf(&self, seq: u64) -> Hash {
        self.leaves[seq as usize - 1]
    }

    /// The root over the first entries.
    pub fn root(&self, size: u64) -> Hash {
        proof::root(self, size).unwrap()
    }

    /// The checkpoint over its first entries, signed by the log and by a witness.
    pub fn note(&self, size: u64) -> Note {
        let origin = log_key().public().name().to_owned();
        let checkpoint = Checkpoint { origin, size, root: self.root(size), extensions: vec![] };
        let mut note = Note::new(checkpoint.to_string()).unwrap();
        note.sign(&log_key(), 0);
        note.sign(&witness_key(), 77);
        note
    }

    /// The proof of an entry, with its line.
    pub fn proof_file(&self, seq: u64) -> ProofFile {
        ProofFile {
            extra: Some(line(seq).into_bytes()),
            index: seq - 1,
            hashes: proof::inclusion(self, seq - 1, self.size()).unwrap().unwrap(),
            note: self.note(self.size()),
        }
    }

    /// What a witness that saw `old` entries is sent.
    pub fn submission(&self, old: u64) -> Submission {
        let hashes = proof::consistency(self, old, self.size()).unwrap().unwrap();
        Submission { old, hashes, note: self.note(self.size()) }
    }

    /// An export of the entries `first` to `last`.
    pub fn export(&self, first: u64, last: u64) -> String {
        let hashes = surroundings(self, &(first - 1..last), self.size()).unwrap().unwrap();
        let mut text = export::head((first, last), &hashes, &self.note(self.size()));
        for seq in first..=last {
            let (line, body) = (line(seq), body(seq));
            let body = (seq % 3 == 0).then_some((Some(SALT), body.as_bytes()));
            // Of every fifth entry the hash alone.
            let there = seq % 5 != 0;
            text += &export::entry(&self.leaf(seq), there.then_some(line.as_str()), body.filter(|_| there));
        }
        text + export::end()
    }
}

/// The log's key.
pub fn log_key() -> SignerKey {
    SignerKey::new("log.example", Kind::Author, &[1; 32]).unwrap()
}

/// A witness's key.
pub fn witness_key() -> SignerKey {
    SignerKey::new("w.example/1", Kind::Witness, &[2; 32]).unwrap()
}

/// What a verifier brings.
pub fn keys() -> [VerifierKey; 2] {
    [log_key().public().clone(), witness_key().public().clone()]
}

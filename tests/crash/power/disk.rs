//! What a disk may hold after the power fails: all that was synced, and of the rest anything, down to single sectors.

use std::collections::BTreeMap;
use std::fmt;

/// The unit in which a write may be on the disk in part: bytes. SQLite counts on no less (`SQLITE_IOCAP_POWERSAFE_OVERWRITE`).
const SECTOR: usize = 512;

/// Something that was done to a file of a folder.
#[derive(Clone)]
pub enum Op {
    /// Bytes were written.
    Write {
        /// The file's name.
        file: String,
        /// Where.
        at: usize,
        /// What.
        bytes: Vec<u8>,
    },
    /// It was made shorter.
    Truncate {
        /// The file's name.
        file: String,
        /// To so many bytes.
        size: usize,
    },
    /// It was synced.
    Sync {
        /// The file's name.
        file: String,
        /// And the folder with it: which files are there and which are not.
        folder: bool,
        /// What was to be synced by one that fails may never be on the disk, whatever later ones say.
        fails: bool,
    },
    /// The operation that is next, or was to be, failed.
    Failed,
    /// It was removed.
    Delete {
        /// The file's name.
        file: String,
        /// Whether the folder was synced.
        synced: bool,
    },
    /// Everything through this entry was said to be on the disk.
    Told(u64),
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Write { file, at, bytes } => write!(f, "{file}[{at}+{}]", bytes.len()),
            Op::Truncate { file, size } => write!(f, "truncate {file} to {size}"),
            Op::Sync { file, folder, fails } => {
                let (folder, fails) =
                    (if *folder { " and folder" } else { "" }, if *fails { " fails" } else { "" });
                write!(f, "sync {file}{folder}{fails}")
            }
            Op::Failed => f.write_str("FAILED:"),
            Op::Delete { file, synced } => {
                write!(f, "delete {file}{}", if *synced { " and sync folder" } else { "" })
            }
            Op::Told(seq) => write!(f, "told #{seq}"),
        }
    }
}

/// How much is left of what was not synced.
#[derive(Clone, Copy, Debug)]
pub enum Left {
    /// Nothing.
    Nothing,
    /// All of it, as after the end of the program alone.
    All,
    /// Some of it, from this seed; where a file was made longer and the bytes are not there, is something else.
    Some(u64),
}

/// A folder's files on a disk.
#[derive(Clone, Default)]
pub struct Disk(BTreeMap<String, Medium>);

/// A file on a disk.
#[derive(Clone, Default)]
struct Medium {
    /// What is surely there; none: no file.
    kept: Option<Vec<u8>>,
    /// What was done since, in order.
    loose: Vec<Loose>,
}

#[derive(Clone)]
struct Loose {
    change: Change,
    state: State,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// It is not synced.
    Fresh,
    /// A sync of it failed: no later one says anything of it.
    Lost,
    /// It was synced, and lies on something that was lost.
    Sure,
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
    Delete,
}

impl Disk {
    /// Does something to it.
    pub fn take(&mut self, op: &Op) {
        let (file, change) = match op {
            Op::Write { file, at, bytes } => (file, Change::Write(*at, bytes.clone())),
            Op::Truncate { file, size } => (file, Change::Truncate(*size)),
            Op::Delete { file, synced: true } => {
                self.0.remove(file);
                return;
            }
            Op::Delete { file, synced: false } => (file, Change::Delete),
            Op::Sync { file, folder, fails } => {
                if *folder && !fails {
                    self.0.values_mut().for_each(Medium::remove);
                }
                return self.0.entry(file.clone()).or_default().sync(*fails);
            }
            Op::Told(_) | Op::Failed => return,
        };
        self.0.entry(file.clone()).or_default().loose.push(Loose { change, state: State::Fresh });
    }

    /// The files that it may hold if the power fails now.
    pub fn after(&self, left: Left) -> BTreeMap<String, Vec<u8>> {
        let mut chance = Chance(match left {
            Left::Some(seed) => seed,
            Left::Nothing | Left::All => 0,
        });
        let files = self.0.iter().map(|(name, medium)| (name.clone(), medium.after(left, &mut chance)));
        files.filter_map(|(name, bytes)| Some((name, bytes?))).collect()
    }

    /// How many changes are not synced.
    pub fn loose(&self) -> usize {
        let unsure = |medium: &Medium| medium.loose.iter().filter(|loose| loose.state != State::Sure).count();
        self.0.values().map(unsure).sum()
    }
}

impl Medium {
    /// If it was removed, that is sure now; another of its name may have come after it.
    fn remove(&mut self) {
        let removed = self.loose.iter().rposition(|loose| matches!(loose.change, Change::Delete));
        if let Some(at) = removed {
            self.loose.drain(..=at);
            self.kept = None;
        }
    }

    fn sync(&mut self, fails: bool) {
        let state = if fails { State::Lost } else { State::Sure };
        self.loose
            .iter_mut()
            .filter(|loose| loose.state == State::Fresh)
            .for_each(|loose| loose.state = state);
        let lost = self.loose.iter().position(|loose| loose.state == State::Lost).unwrap_or(self.loose.len());
        self.loose.drain(..lost).for_each(|loose| loose.change.apply(&mut self.kept));
    }

    fn after(&self, left: Left, chance: &mut Chance) -> Option<Vec<u8>> {
        let mut bytes = self.kept.clone();
        for Loose { change, state } in &self.loose {
            match left {
                _ if *state == State::Sure => change.apply(&mut bytes),
                Left::Nothing => {}
                Left::All => change.apply(&mut bytes),
                Left::Some(_) => change.apply_some(&mut bytes, chance),
            }
        }
        bytes
    }
}

impl Change {
    fn apply(&self, file: &mut Option<Vec<u8>>) {
        match self {
            Change::Write(at, bytes) => {
                let file = file.get_or_insert_default();
                file.resize(file.len().max(at + bytes.len()), 0);
                file[*at..at + bytes.len()].copy_from_slice(bytes);
            }
            Change::Truncate(size) => file.get_or_insert_default().truncate(*size),
            Change::Delete => *file = None,
        }
    }

    /// Whole, in part, or not at all.
    fn apply_some(&self, file: &mut Option<Vec<u8>>, chance: &mut Chance) {
        match (self, chance.one_of(4)) {
            (_, 0) => {}
            (Change::Write(at, bytes), 1) => {
                let end = at + bytes.len();
                let old = file.get_or_insert_default();
                let rest = if chance.one_of(2) == 0 { 0 } else { 0xa5 };
                old.resize(old.len().max(end), rest);
                let mut from = *at;
                while from < end {
                    let to = ((from / SECTOR + 1) * SECTOR).min(end);
                    if chance.one_of(2) == 0 {
                        old[from..to].copy_from_slice(&bytes[from - at..to - at]);
                    }
                    from = to;
                }
            }
            _ => self.apply(file),
        }
    }
}

/// Numbers that look like chance and follow from a seed (SplitMix64: Steele, Lea and Flood, OOPSLA 2014).
struct Chance(u64);

impl Chance {
    fn one_of(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

#[test]
fn what_was_synced_stays_and_the_rest_may_go() {
    let write = |at: usize, bytes: &[u8]| Op::Write { file: "f".into(), at, bytes: bytes.to_vec() };
    let sync = |fails| Op::Sync { file: "f".into(), folder: false, fails };
    let mut disk = Disk::default();
    let left = |disk: &Disk, left| disk.after(left).remove("f");
    disk.take(&write(0, b"one"));
    assert_eq!((left(&disk, Left::Nothing), left(&disk, Left::All)), (None, Some(b"one".to_vec())));
    disk.take(&sync(false));
    disk.take(&write(2, b"x two"));
    assert_eq!(left(&disk, Left::Nothing).unwrap(), b"one");
    assert_eq!(left(&disk, Left::All).unwrap(), b"onx two");
    disk.take(&sync(true));
    disk.take(&sync(false));
    assert_eq!(left(&disk, Left::Nothing).unwrap(), b"one", "a later sync does not bring back what was lost");
    disk.take(&write(3, b"!"));
    disk.take(&sync(false));
    assert_eq!(left(&disk, Left::Nothing).unwrap(), b"one!");
    assert_eq!(left(&disk, Left::All).unwrap(), b"onx!two", "what came later lies on what was lost");
    disk.take(&Op::Delete { file: "f".into(), synced: false });
    assert_eq!((left(&disk, Left::Nothing).unwrap(), left(&disk, Left::All)), (b"one!".to_vec(), None));
    disk.take(&Op::Sync { file: "g".into(), folder: true, fails: false });
    assert_eq!(left(&disk, Left::Nothing), None);
    disk.take(&write(0, &[7; 2 * SECTOR]));
    let seen: std::collections::BTreeSet<_> = (0..64).map(|seed| left(&disk, Left::Some(seed))).collect();
    assert!(seen.len() > 4, "whole, torn at a sector, filled with something else, and not at all");
}

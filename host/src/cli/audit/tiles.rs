//! A static log: a folder of files that any client of such logs reads over HTTP (C2SP tlog-tiles), and that any web server
//! can serve.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use audit::bundle::{CHECKPOINT, add_entry, entries_path, tile_path};
use audit::proof::Tiles;
use audit::{Checkpoint, TILE_WIDTH, Tree, leaf_hash, partial_len};

use super::checkpoint::newest;
use crate::cli::failure::{Code, Failure};
use crate::cli::written::beside;
use crate::journal::Reader;

/// Writes the log as far as its newest checkpoint; answers how many entries that is. The folder must not be there yet: it
/// is given its name when it is whole.
///
/// # Errors
/// When there is no checkpoint, or the folder cannot be written.
pub fn tiles(reader: &Reader, folder: &Path) -> Result<u64, Failure> {
    let cannot = |error: io::Error| Failure::file("write", folder, &error);
    if folder.exists() {
        return Err(Failure::usage(format!("{} is there already", folder.display()))
            .help("name another folder, or move this one away"));
    }
    let (signed, checkpoint) = newest(reader)?;
    let unfinished = beside(folder).map_err(cannot)?;
    let whole = hashes(reader, checkpoint.size, &unfinished)
        .and_then(|()| entries(reader, &checkpoint, &unfinished))
        .and_then(|()| file(&unfinished, CHECKPOINT, signed.to_string().as_bytes()).map_err(cannot))
        .and_then(|()| fs::rename(&unfinished, folder).map_err(cannot));
    if whole.is_err() {
        // There is nothing to do about what cannot be removed.
        let _stays = fs::remove_dir_all(&unfinished);
    }
    whole.map(|()| checkpoint.size)
}

fn file(folder: &Path, path: &str, bytes: &[u8]) -> io::Result<()> {
    let path = folder.join(path);
    if let Some(above) = path.parent() {
        fs::create_dir_all(above)?;
    }
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The tiles of hashes, partial ones too.
fn hashes(reader: &Reader, size: u64, folder: &Path) -> Result<(), Failure> {
    let mut above = size;
    for level in 0_u8.. {
        if above == 0 {
            break;
        }
        let (full, partial) = (above / TILE_WIDTH as u64, partial_len(size, level));
        let last = (partial > 0).then_some((full, partial));
        for (index, width) in (0..full).map(|index| (index, TILE_WIDTH)).chain(last) {
            let tile = reader.store().tile(level, index, width)?.concat();
            let path = tile_path(level, index, width);
            file(folder, &path, &tile).map_err(|error| Failure::file("write", &folder.join(path), &error))?;
        }
        above = full;
    }
    Ok(())
}

/// The bundles of entries. What is handed out holds.
fn entries(reader: &Reader, checkpoint: &Checkpoint, folder: &Path) -> Result<(), Failure> {
    let (size, mut bundle, mut tree) = (checkpoint.size, Vec::new(), Tree::new());
    reader.lines(1, size, |seq, line| {
        tree.push(leaf_hash(line));
        add_entry(&mut bundle, line).map_err(|length| {
            Failure::new(Code::NotVerified, format!("#{seq} has {length} bytes, more than any entry"))
        })?;
        let width = ((seq - 1) % TILE_WIDTH as u64) as usize + 1;
        if width == TILE_WIDTH || seq == size {
            let path = entries_path((seq - 1) / TILE_WIDTH as u64, width);
            let written = file(folder, &path, &bundle);
            written.map_err(|error| Failure::file("write", &folder.join(path), &error))?;
            bundle.clear();
        }
        Ok::<(), Failure>(())
    })?;
    match tree.root() == checkpoint.root {
        true => Ok(()),
        false => {
            Err(Failure::new(Code::NotVerified, "the entries do not give the root of the newest checkpoint")
                .help("see aos-host audit verify"))
        }
    }
}

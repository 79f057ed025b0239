//! Where a static log's files are, and how its entries lie in them (C2SP tlog-tiles).

use crate::tile::TILE_WIDTH;

/// Where the checkpoint is.
pub const CHECKPOINT: &str = "checkpoint";

/// The path of a tile of hashes, `tile/L/N[.p/W]`; a full tile is [`TILE_WIDTH`] wide.
pub fn tile_path(level: u8, index: u64, width: usize) -> String {
    format!("tile/{level}/{}", place(index, width))
}

/// The path of a bundle of entries, `tile/entries/N[.p/W]`.
pub fn entries_path(index: u64, width: usize) -> String {
    format!("tile/entries/{}", place(index, width))
}

/// Groups of three digits, all but the last behind an `x`: `x001/x234/067`.
fn place(index: u64, width: usize) -> String {
    let mut path = format!("{:03}", index % 1_000);
    let mut rest = index / 1_000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1_000);
        rest /= 1_000;
    }
    if width < TILE_WIDTH { format!("{path}.p/{width}") } else { path }
}

/// Adds an entry to a bundle: its length in two bytes, the high one first, then itself.
///
/// # Errors
/// When it has more than 65,535 bytes: then nothing is added.
pub fn add_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), usize> {
    let length = u16::try_from(entry.len()).map_err(|_| entry.len())?;
    bundle.extend(length.to_be_bytes());
    bundle.extend(entry);
    Ok(())
}

/// The entries of a bundle; the last answer is none when the bundle is cut off.
pub fn entries(bundle: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    let mut rest = Some(bundle);
    std::iter::from_fn(move || {
        let bytes = rest.filter(|bytes| !bytes.is_empty())?;
        let entry = bytes
            .split_first_chunk::<2>()
            .and_then(|(length, bytes)| bytes.split_at_checked(usize::from(u16::from_be_bytes(*length))));
        rest = entry.map(|(_, rest)| rest);
        Some(entry.map(|(entry, _)| entry))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_format() {
        assert_eq!(tile_path(0, 1_234_067, 256), "tile/0/x001/x234/067");
        assert_eq!(tile_path(2, 0, 1), "tile/2/000.p/1");
        assert_eq!(entries_path(273, 112), "tile/entries/273.p/112");
        assert_eq!(entries_path(1_000, 256), "tile/entries/x001/000");
    }

    #[test]
    fn entries_come_back_and_a_cut_is_seen() {
        let mut bundle = Vec::new();
        for entry in [&b"one"[..], b"", &[7; 65_535]] {
            add_entry(&mut bundle, entry).unwrap();
        }
        assert_eq!(add_entry(&mut bundle, &[0; 65_536]), Err(65_536));
        let read: Vec<_> = entries(&bundle).collect();
        assert_eq!(read, [Some(&b"one"[..]), Some(b""), Some(&[7; 65_535])]);
        assert_eq!(entries(&bundle[..4]).collect::<Vec<_>>(), [None]);
        assert_eq!(entries(&bundle[..1]).collect::<Vec<_>>(), [None]);
        assert_eq!(entries(&[]).count(), 0);
    }
}

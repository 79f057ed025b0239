//! wasi:random: every source draws from the process's seed.

use sha2::{Digest as _, Sha256};
use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

use super::{Guest, define, versioned};

/// Random bytes that one call may draw.
const DRAW_BYTES: u64 = 64 << 10;

/// The three sources; each has a sequence of its own.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    Secure,
    Insecure,
    Seed,
}

impl Source {
    fn domain(self) -> &'static [u8] {
        match self {
            Self::Secure => b"random",
            Self::Insecure => b"insecure",
            Self::Seed => b"insecure-seed",
        }
    }
}

/// SHA-256 in counter mode: block n of a source is SHA-256(seed ‖ domain ‖ n as 8 bytes little-endian), n from 0.
/// A draw begins with a fresh block and drops what is left of its last. This is part of what replay pins
/// (`random sha256-counter-1`): a library's generator may change with its version.
#[derive(Clone)]
pub(super) struct Generator {
    seed: [u8; 32],
    drawn: [u64; 3],
}

impl std::fmt::Debug for Generator {
    /// Without the seed: it would tell a reader all that the guest draws.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generator").field("drawn", &self.drawn).finish_non_exhaustive()
    }
}

impl Generator {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self { seed, drawn: [0; 3] }
    }

    pub(super) fn bytes(&mut self, source: Source, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length.next_multiple_of(32));
        while bytes.len() < length {
            bytes.extend_from_slice(&self.block(source));
        }
        bytes.truncate(length);
        bytes
    }

    pub(super) fn number(&mut self, source: Source) -> u64 {
        let block = self.block(source);
        block[..8].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    fn block(&mut self, source: Source) -> [u8; 32] {
        let counter = &mut self.drawn[source as usize];
        let block = Sha256::new()
            .chain_update(self.seed)
            .chain_update(source.domain())
            .chain_update(counter.to_le_bytes())
            .finalize()
            .into();
        *counter = counter.wrapping_add(1);
        block
    }
}

pub(super) fn link<T: Guest>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    for (name, bytes, number, source) in [
        ("random", "get-random-bytes", "get-random-u64", Source::Secure),
        ("insecure", "get-insecure-random-bytes", "get-insecure-random-u64", Source::Insecure),
    ] {
        let mut random = linker.instance(&versioned(&format!("wasi:random/{name}")))?;
        random.func_wrap_async(bytes, move |store: StoreContextMut<'_, T>, (length,): (u64,)| {
            Box::new(async move { Ok((draw(store, source, length).await?,)) })
        })?;
        define(&mut random, number, 8, move |mut store, ()| {
            Ok((store.data_mut().wasi().random.number(source),))
        })?;
    }
    let mut seed = linker.instance(&versioned("wasi:random/insecure-seed"))?;
    define(&mut seed, "insecure-seed", 16, |mut store, ()| {
        let random = &mut store.data_mut().wasi().random;
        Ok(((random.number(Source::Seed), random.number(Source::Seed)),))
    })
}

async fn draw<T: Guest>(
    mut store: StoreContextMut<'_, T>,
    source: Source,
    length: u64,
) -> wasmtime::Result<Vec<u8>> {
    if length > DRAW_BYTES {
        wasmtime::bail!("{length} random bytes in one call: draw at most {DRAW_BYTES} at a time");
    }
    T::charge(&mut store, length).await?;
    Ok(store.data_mut().wasi().random.bytes(source, length as usize))
}

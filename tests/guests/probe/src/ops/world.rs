//! What a guest can do without `aos:host`: compute, crash, and reach for the world through WASI.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::hint::black_box;
use std::io::{self, Write};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aos_guest::Failure;
use serde_json::{Value, json};

use crate::args::Args;
use crate::script::Outcome;
use crate::state::State;

/// - `spin` never ends; `spin_for`: `n` rounds; `recurse`: `n` deep, for ever when absent;
/// - `panic`: `message`; `trap`; `grow`: `bytes`, answers whether memory grew;
/// - `sleep`: `ms`; `clock` answers both clocks; `random` answers two numbers; `print`, `eprint`: `text`;
/// - `env` answers the numbers of arguments and variables; `open`: `path`; `connect`: `to`.
pub fn step(state: &mut State, op: &str, args: &mut Args) -> Result<Outcome, Failure> {
    let value = match op {
        "spin" => spin(),
        "spin_for" => json!(spin_for(args.number("n")?)),
        "recurse" => json!(recurse(args.maybe_number("n")?.unwrap_or(u64::MAX))),
        "panic" => panic!("{}", args.maybe_text("message")?.unwrap_or_else(|| "as asked".into())),
        "trap" => trap(),
        "grow" => grow(args.number("bytes")?),
        "sleep" => {
            std::thread::sleep(Duration::from_millis(args.number("ms")?));
            Value::Null
        }
        "clock" => clock(state),
        "random" => json!([draw(), draw()]),
        "print" => write(&mut io::stdout(), &args.text_or_huge("text")?),
        "eprint" => write(&mut io::stderr(), &args.text_or_huge("text")?),
        "env" => json!({"arguments": std::env::args().count(), "variables": std::env::vars().count()}),
        "open" => attempt(std::fs::read(args.text("path")?).map(|bytes| bytes.len())),
        "connect" => attempt(std::net::TcpStream::connect(args.text("to")?).map(|_| 0)),
        _ => return Err(Failure::new(format!("there is no op {op:?}"))),
    };
    Ok(Ok(value))
}

fn spin() -> ! {
    loop {
        black_box(());
    }
}

fn spin_for(n: u64) -> u64 {
    (0..n).fold(0, |sum, _| black_box(sum + 1))
}

/// Uses the stack as deep as it is told. What comes after the inner call keeps it from becoming a loop.
fn recurse(n: u64) -> u64 {
    let frame = black_box([n; 8]);
    if n == 0 { 0 } else { recurse(n - 1) + black_box(frame)[0].min(1) }
}

#[cfg(target_arch = "wasm32")]
fn trap() -> ! {
    core::arch::wasm32::unreachable()
}

#[cfg(not(target_arch = "wasm32"))]
fn trap() -> ! {
    std::process::abort()
}

/// Grows the memory itself, past the allocator: nothing is written to the new pages.
#[cfg(target_arch = "wasm32")]
fn grow(bytes: u64) -> Value {
    const PAGE: u64 = 65_536;
    let pages = usize::try_from(bytes.div_ceil(PAGE)).unwrap_or(usize::MAX);
    json!({"grown": core::arch::wasm32::memory_grow::<0>(pages) != usize::MAX})
}

#[cfg(not(target_arch = "wasm32"))]
fn grow(_: u64) -> Value {
    json!({"grown": false})
}

/// Both clocks: milliseconds since 1970, and nanoseconds since the script's first reading.
fn clock(state: &mut State) -> Value {
    let now = Instant::now();
    let since = now.duration_since(*state.start.get_or_insert(now));
    let system = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    json!({"system_ms": system as u64, "monotonic_ns": since.as_nanos() as u64, "monotonic": format!("{now:?}")})
}

/// Sixteen hex digits that the seed of a new hash map decides.
fn draw() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

fn write(stream: &mut dyn Write, text: &str) -> Value {
    let written = stream.write_all(text.as_bytes()).and_then(|()| stream.write_all(b"\n"));
    attempt(written.and_then(|()| stream.flush()).map(|()| text.len() + 1))
}

/// What WASI let happen: how many bytes, or the kind of the refusal (the texts differ from host to host).
fn attempt(done: io::Result<usize>) -> Value {
    match done {
        Ok(bytes) => json!({"bytes": bytes}),
        Err(error) => json!({"refused": format!("{:?}", error.kind())}),
    }
}

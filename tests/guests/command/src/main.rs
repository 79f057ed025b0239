//! A plain WASI command, which knows nothing of `aos:host`: what it prints shows its world.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

fn main() {
    println!("arguments {}", std::env::args().count());
    println!("variables {}", std::env::vars().count());
    let (system, start) = (system(), Instant::now());
    std::thread::sleep(Duration::from_millis(20));
    println!("slept {} ms", start.elapsed().as_millis());
    println!("clock moved {} ms", self::system().saturating_sub(system));
    println!("clock {system}");
    println!("random {:016x} {:016x}", draw(), draw());
    eprintln!("to standard error");
    println!("done");
}

/// Milliseconds since 1970; 0 when the clock is before that.
fn system() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis())
}

/// A number that the seed of a new hash map decides.
fn draw() -> u64 {
    RandomState::new().build_hasher().finish()
}

use super::*;
use std::process::Command;
use std::sync::OnceLock;

use wasmtime::component::Component;
use wasmtime::{Engine, Store};

use crate::sandbox::component::{Shape, check};
use crate::sandbox::engine::{self, Pool};
use crate::sandbox::testing::scratch;

/// A host whose timers take no time.
struct Host {
    wasi: Virtual,
    printed: Vec<(Stream, String)>,
    slept: Vec<u64>,
    calls: u64,
    bytes: u64,
}

impl Guest for Host {
    fn wasi(&mut self) -> &mut Virtual {
        &mut self.wasi
    }

    async fn sleep(mut store: StoreContextMut<'_, Self>, until_ms: u64) -> wasmtime::Result<()> {
        store.data_mut().slept.push(until_ms);
        tokio::task::yield_now().await;
        // A kernel entry may come late.
        store.data_mut().wasi.saw(until_ms + 1);
        Ok(())
    }

    async fn print(
        mut store: StoreContextMut<'_, Self>,
        stream: Stream,
        bytes: Vec<u8>,
    ) -> wasmtime::Result<()> {
        assert!(bytes.len() <= PRINT_BYTES);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        store.data_mut().printed.push((stream, text));
        Ok(())
    }

    async fn charge(store: &mut StoreContextMut<'_, Self>, bytes: u64) -> wasmtime::Result<()> {
        store.data_mut().calls += 1;
        store.data_mut().bytes += bytes;
        // As the process does it: setting fuel starts wasmtime's own interval anew.
        let left = store.get_fuel()?.saturating_sub(bytes);
        store.set_fuel(left)?;
        if store.data().calls.is_multiple_of(TURN) {
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

/// Calls after which it lets others run.
const TURN: u64 = 8;

const START: u64 = 1_700_000_000_123;

fn host(seed: u8) -> Host {
    Host { wasi: Virtual::new([seed; 32], START), printed: Vec::new(), slept: Vec::new(), calls: 0, bytes: 0 }
}

fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let pool = Pool { processes: 16, memory: 16 << 20 };
        engine::runtime(pool).unwrap()
    })
}

/// A store for a run with so much fuel.
fn store(seed: u8, fuel: u64) -> Store<Host> {
    let mut store = Store::new(engine(), host(seed));
    store.set_fuel(fuel).unwrap();
    store.fuel_async_yield_interval(Some(engine::FUEL_YIELD)).unwrap();
    store
}

/// Runs a command to its end.
fn run(component: &Component, seed: u8) -> (Host, wasmtime::Result<Result<(), ()>>) {
    let mut store = store(seed, 1_000_000_000);
    let result = alone().block_on(execute(component, &mut store));
    (store.into_data(), result)
}

/// One thread for all tasks.
fn alone() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

async fn execute(component: &Component, store: &mut Store<Host>) -> wasmtime::Result<Result<(), ()>> {
    let mut linker = Linker::new(engine());
    link(&mut linker)?;
    let instance = linker.instantiate_pre(component)?.instantiate_async(&mut *store).await?;
    let ty = component.component_type();
    let mut names = ty.exports(engine()).map(|(name, _)| name);
    let name = names.find(|name| name.starts_with("wasi:cli/run@")).unwrap();
    let exports = instance.get_export_index(&mut *store, None, name).unwrap();
    let index = instance.get_export_index(&mut *store, Some(&exports), "run").unwrap();
    let function = instance.get_typed_func::<(), (Result<(), ()>,)>(&mut *store, index)?;
    Ok(function.call_async(&mut *store, ()).await?.0)
}

const GUEST: &str = r#"
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io::{Read, Write};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

fn main() {
    let start = Instant::now();
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    println!("wall {}", wall.as_millis());
    std::thread::sleep(Duration::from_millis(5));
    println!("slept {}", start.elapsed().as_millis());
    std::thread::sleep(Duration::from_micros(10));
    println!("slept {}", start.elapsed().as_millis());
    println!("random {:x}", RandomState::new().hash_one(1));
    println!("args {} vars {}", std::env::args().count(), std::env::vars().count());
    let mut input = String::new();
    println!("stdin {:?}", std::io::stdin().read_to_string(&mut input).ok());
    println!("file {}", std::fs::read("/etc/passwd").is_err());
    println!("cwd file {}", std::fs::write("x", "y").is_err());
    println!("tcp {}", std::net::TcpStream::connect("127.0.0.1:80").is_err());
    println!("udp {}", std::net::UdpSocket::bind("127.0.0.1:0").is_err());
    println!("dns {}", std::net::ToSocketAddrs::to_socket_addrs("example.com:80").is_err());
    eprintln!("one {} line", "whole");
    print!("{}", "long ".repeat(2000));
    std::io::stdout().flush().unwrap();
    print!("\nno end");
    std::io::stdout().flush().unwrap();
    if start.elapsed().as_millis() > 1 { std::process::exit(3) }
}
"#;

/// The guest above, built for wasm32-wasip2 once.
fn guest() -> &'static Component {
    static COMPONENT: OnceLock<Component> = OnceLock::new();
    COMPONENT.get_or_init(|| {
        let dir = scratch();
        let source = dir.join("guest.rs");
        std::fs::write(&source, GUEST).unwrap();
        let wasm = dir.join("guest.wasm");
        let built = Command::new("rustc")
            .args(["--edition=2021", "--target=wasm32-wasip2", "-Copt-level=s", "-o"])
            .args([&wasm, &source])
            .output()
            .expect("rustc with `rustup target add wasm32-wasip2`");
        let said = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "{said}");
        Component::new(engine(), std::fs::read(&wasm).unwrap()).unwrap()
    })
}

#[test]
fn a_std_guest_finds_a_virtual_world() {
    let component = guest();
    assert_eq!(check(component, engine()), Ok(Shape::Command));
    let (mut host, result) = run(component, 7);
    assert_eq!(result.unwrap_err().downcast_ref::<Exit>(), Some(&Exit(false)));
    let out: String = host
        .printed
        .iter()
        .filter(|(stream, _)| *stream == Stream::Out)
        .map(|(_, text)| text.as_str())
        .collect();
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(lines[0], format!("wall {START}"));
    // Five and the late tick; ten microseconds are a millisecond, and late again.
    assert_eq!((lines[1], lines[2]), ("slept 6", "slept 8"));
    assert_eq!(host.slept, [START + 5, START + 7]);
    assert_eq!(
        lines[4..11],
        ["args 0 vars 0", "stdin Some(0)", "file true", "cwd file true", "tcp true", "udp true", "dns true"]
    );
    assert_eq!(lines[11], "long ".repeat(2_000));
    assert_eq!(lines.len(), 12);
    assert_eq!(host.wasi.leftover(Stream::Out), b"no end");
    assert_eq!(host.wasi.leftover(Stream::Err), b"");
    let err: Vec<_> = host.printed.iter().filter(|(s, _)| *s == Stream::Err).collect();
    assert_eq!(err, [&(Stream::Err, "one whole line\n".to_owned())]);
    assert!(host.calls > 20 && host.bytes > 10_000);
}

#[test]
fn the_same_seed_is_the_same_run() {
    let component = guest();
    let (first, _) = run(component, 1);
    let (second, _) = run(component, 1);
    let (other, _) = run(component, 2);
    assert_eq!(first.printed, second.printed);
    assert_eq!((first.calls, first.bytes), (second.calls, second.bytes));
    assert_ne!(first.printed, other.printed);
}

#[test]
fn every_offered_wasi_function_is_linked() {
    // Dynamic linking asks for names only where the signature is not needed: import them all as bare functions
    // of no arguments, and see which names the linker does not know.
    let mut linker = Linker::<Host>::new(engine());
    link(&mut linker).unwrap();
    for (interface, function) in crate::sandbox::imports::wasi() {
        let text = format!(r#"(component (import "{interface}@0.2.0" (instance (export "probe" (func)))))"#);
        let component = Component::new(engine(), wat::parse_str(text).unwrap()).unwrap();
        let unknown = format!("{:#}", linker.instantiate_pre(&component).err().unwrap());
        assert!(unknown.contains("probe"), "{interface}: {unknown}");
        // Defining it again must fail: it is there.
        let again = linker.instance(&versioned(interface)).unwrap().func_new(function, |_, _, _, _| Ok(()));
        assert!(again.is_err(), "{interface}/{function} is not linked");
    }
}

#[test]
fn random_blocks_are_the_documented_ones() {
    use sha2::{Digest as _, Sha256};
    let mut generator = random::Generator::new([9; 32]);
    let mut expected = Vec::new();
    for counter in 0..3u64 {
        let mut input = vec![9; 32];
        input.extend_from_slice(b"random");
        input.extend_from_slice(&counter.to_le_bytes());
        expected.extend_from_slice(&Sha256::digest(&input));
    }
    assert_eq!(generator.bytes(random::Source::Secure, 40), expected[..40]);
    let next = u64::from_le_bytes(expected[64..72].try_into().unwrap());
    assert_eq!(generator.number(random::Source::Secure), next);
    assert!(generator.bytes(random::Source::Insecure, 0).is_empty());
    assert!(!format!("{generator:?}").contains("9, 9"));
}

#[test]
fn the_clock_begins_above_zero_and_never_goes_back() {
    let mut state = Virtual::new([0; 32], 1_000);
    assert_eq!(state.monotonic(), 1_000_000);
    state.saw(900);
    assert_eq!(state.now_ms(), 1_000);
    assert_eq!(state.after(0), 1_000);
    assert_eq!(state.after(1), 1_001);
    assert_eq!(state.after(2_000_001), 1_003);
    let until = state.at(state.monotonic() + 1);
    assert_eq!(until, 1_001);
    assert!(state.reached(state.at(state.monotonic())));
    assert!(state.reached(state.at(0)));
    state.saw(until);
    assert_eq!(state.monotonic(), 2_000_000);
    assert_eq!(state.after(u64::MAX), (u64::MAX).div_ceil(1_000_000) + 1_001);
    state.saw(u64::MAX);
    assert!(state.monotonic() > 0 && state.after(5) < 1 << 53);
}

#[test]
fn handles_are_capped_and_never_panic() {
    let mut state = Virtual::new([0; 32], 0);
    for index in 0..HANDLES as u32 {
        assert_eq!(state.open(state::Handle::Pollable(0)).unwrap(), index);
    }
    assert!(state.open(state::Handle::Input).is_err());
    state.close(7).unwrap();
    assert!(state.close(7).is_err() && state.handle(7).is_err());
    assert!(state.close(u32::MAX).is_err() && state.deadline(u32::MAX).is_err());
    assert_eq!(state.open(state::Handle::Network).unwrap(), 7);
    assert!(state.deadline(7).is_err());
}

/// A command whose `run` executes `body` with WASI's pollables and random bytes at hand.
fn calling(body: &str) -> Component {
    let text = format!(
        r#"(component
        (import "wasi:io/poll@0.2.0" (instance $poll
            (export "pollable" (type $p (sub resource)))
            (export "[method]pollable.block" (func (param "self" (borrow $p))))
            (export "poll" (func (param "in" (list (borrow $p))) (result (list u32))))))
        (alias export $poll "pollable" (type $pollable))
        (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
            (alias outer 1 $pollable (type $p))
            (export "subscribe-duration" (func (param "when" u64) (result (own $p))))))
        (import "wasi:random/random@0.2.0" (instance $random
            (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
        (core module $memory (memory (export "memory") 2)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024))
        (core instance $mem (instantiate $memory))
        (core func $block (canon lower (func $poll "[method]pollable.block")))
        (core func $wait (canon lower (func $poll "poll")
            (memory (core memory $mem "memory")) (realloc (core func $mem "realloc"))))
        (core func $after (canon lower (func $clock "subscribe-duration")))
        (core func $drop (canon resource.drop $pollable))
        (core func $draw (canon lower (func $random "get-random-bytes")
            (memory (core memory $mem "memory")) (realloc (core func $mem "realloc"))))
        (core module $main
            (import "w" "memory" (memory 1))
            (import "w" "block" (func $block (param i32)))
            (import "w" "poll" (func $poll (param i32 i32 i32)))
            (import "w" "after" (func $after (param i64) (result i32)))
            (import "w" "drop" (func $drop (param i32)))
            (import "w" "draw" (func $draw (param i64 i32)))
            (func (export "run") (result i32) (local $i i32) (local $j i32)
                {body}
                i32.const 0))
        (core instance $i (instantiate $main (with "w" (instance
            (export "memory" (memory $mem "memory"))
            (export "block" (func $block)) (export "poll" (func $wait))
            (export "after" (func $after)) (export "drop" (func $drop))
            (export "draw" (func $draw))))))
        (func $run (result (result)) (canon lift (core func $i "run")))
        (instance $r (export "run" (func $run)))
        (export "wasi:cli/run@0.2.0" (instance $r)))"#
    );
    Component::new(engine(), wat::parse_str(text).unwrap()).unwrap()
}

fn command(body: &str) -> wasmtime::Result<()> {
    let (_, result) = run(&calling(body), 0);
    result.map(|status| assert_eq!(status, Ok(())))
}

fn trap(body: &str) -> String {
    format!("{:#}", command(body).unwrap_err())
}

#[test]
fn polling_waits_for_the_earliest() {
    // Pollables at 5 s and 2 ms: the list [0] and its indices [1]; then both.
    command(
        "(local.set $i (call $after (i64.const 5000000000)))
         (local.set $j (call $after (i64.const 2000000)))
         (i32.store (i32.const 0) (local.get $i)) (i32.store (i32.const 4) (local.get $j))
         (call $poll (i32.const 0) (i32.const 2) (i32.const 16))
         (if (i32.ne (i32.load (i32.const 20)) (i32.const 1)) (then unreachable))
         (if (i32.ne (i32.load (i32.load (i32.const 16))) (i32.const 1)) (then unreachable))
         (call $block (local.get $i))
         (call $poll (i32.const 0) (i32.const 2) (i32.const 16))
         (if (i32.ne (i32.load (i32.const 20)) (i32.const 2)) (then unreachable))
         (call $drop (local.get $i)) (call $drop (local.get $j))",
    )
    .unwrap();
}

#[test]
fn misuse_ends_the_guest() {
    let empty = trap("(call $poll (i32.const 0) (i32.const 0) (i32.const 16))");
    assert!(empty.contains("name 1 to"), "{empty}");
    let flood = trap("(loop (drop (call $after (i64.const 0))) (br 0))");
    assert!(flood.contains("WASI handles are open"), "{flood}");
    let draw = trap("(call $draw (i64.const -1) (i32.const 16))");
    assert!(draw.contains("draw at most"), "{draw}");
    assert!(command("(call $draw (i64.const 60000) (i32.const 16))").is_ok());
    let forged = trap("(call $block (i32.const 77))");
    assert!(forged.contains("handle"), "{forged}");
    let dropped = trap(
        "(local.set $i (call $after (i64.const 0))) (call $drop (local.get $i)) (call $block (local.get $i))",
    );
    assert!(dropped.contains("handle"), "{dropped}");
    let long = trap(
        "(local.set $i (call $after (i64.const 0)))
         (loop (i32.store (local.get $j) (local.get $i))
            (local.set $j (i32.add (local.get $j) (i32.const 4)))
            (br_if 0 (i32.lt_u (local.get $j) (i32.const 8000))))
         (call $poll (i32.const 0) (i32.const 2000) (i32.const 16))",
    );
    assert!(long.contains("poll of 2000"), "{long}");
}

#[test]
fn a_guest_that_only_calls_wasi_lets_others_run() {
    let component = calling("(loop (call $draw (i64.const 32) (i32.const 16)) (br 0))");
    // The fuel ends a guest that lets nobody else in: then the test fails and does not hang.
    let mut store = store(0, 20_000_000);
    alone().block_on(async {
        let turns = tokio::spawn(async {
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
        });
        tokio::select! {
            biased;
            done = turns => done.unwrap(),
            ended = execute(&component, &mut store) => panic!("the other task never ran: {ended:?}"),
        }
    });
    let calls = store.data().calls;
    assert!((TURN..100 * TURN).contains(&calls), "{calls} calls in 50 turns");
    assert!(store.get_fuel().unwrap() > 10_000_000);
}

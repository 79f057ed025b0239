//! The wasmtime engines: one configuration for compiling and for running.
//!
//! What decides semantics is fixed here and named by [`semantics`], so that an entry made on one machine can be
//! replayed on another. wasmtime 48; see `wasmtime::Config` for each option.

use std::hash::{Hash, Hasher};

use sha2::{Digest as _, Sha256};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, OperatorCost, OptLevel, PoolingAllocationConfig};

/// Fuel after which a running guest yields to the others: about 0.1 ms of work. Part of [`semantics`].
pub const FUEL_YIELD: u64 = 100_000;
/// Fuel for each 64 KiB page that `memory.grow` asks for. Growing is bounded by the quota already; 1 keeps a guest
/// that probes with `memory.grow -1` below the default budget (2³² pages cost 4.3 G).
pub const GROW_FUEL: u8 = 1;
/// Stack of wasm frames, in bytes: wasmtime's default, on which toolchains are tested.
const WASM_STACK: usize = 512 << 10;
/// Stack of a fiber, in bytes. The half that wasm cannot use is for the host functions that run on top of it.
const FIBER_STACK: usize = 1 << 20;
/// Frames that a trap's backtrace names.
const BACKTRACE_FRAMES: std::num::NonZeroUsize = std::num::NonZeroUsize::new(16).unwrap();

/// Core instances of one component. CPython's has 14, and more with native packages.
pub const CORE_INSTANCES: u32 = 32;
/// Memories of one component.
pub const MEMORIES: u32 = 2;
/// Tables of one component.
pub const TABLES: u32 = 8;
/// Elements of one table.
pub const TABLE_ELEMENTS: usize = 20_000;
/// wasmtime's own records of a component's instances, in bytes: four times its default, for language runtimes.
const INSTANCE_BYTES: usize = 4 << 20;
/// Address space for memories: 110 TiB of the 128 TiB that a process has on x86-64, in slots of 4 GiB and a guard.
const MEMORY_SLOTS: u32 = 27_000;
/// Slots that were used and are kept for the next instance of the same component.
const WARM_SLOTS: u32 = 64;
/// The largest memory that a 32-bit guest can address, in bytes.
const ADDRESSABLE: usize = 1 << 32;
/// A wasm page, in bytes.
const PAGE: usize = 64 << 10;

/// How much is set aside for processes. Only address space: pages are taken when they are touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Processes that live at one time.
    pub processes: u32,
    /// The largest memory grant among them, in bytes.
    pub memory: usize,
}

/// What compiling and running must agree on.
///
/// Fails when this build of wasmtime does not know the machine.
pub fn config() -> wasmtime::Result<Config> {
    let mut config = Config::new();
    // A fixed target, without the features of the CPU at hand: the code that runs is the same on every machine.
    config.target(TARGET)?;
    config.cranelift_nan_canonicalization(true);
    config.relaxed_simd_deterministic(true);
    config.cranelift_opt_level(OptLevel::Speed);
    config.consume_fuel(true);
    config.operator_cost(cost());
    // Threads, GC, exceptions and component async are compiled out of wasmtime. What is left of the proposals
    // beyond WebAssembly 3.0 is off by name, so that an update cannot switch it on.
    config.concurrency_support(false);
    config.wasm_memory64(false);
    config.wasm_custom_page_sizes(false);
    config.wasm_wide_arithmetic(false);
    config.wasm_stack_switching(false);
    config.wasm_shared_everything_threads(false);
    config.wasm_component_model_map(false);
    config.wasm_component_model_fixed_length_lists(false);
    config.max_wasm_stack(WASM_STACK);
    config.async_stack_size(FIBER_STACK);
    // Copy-on-write images cost two mappings more for each agent; the kernel allows 65,530 in all.
    config.memory_init_cow(false);
    // Traps name functions; offsets and native unwind tables would only make the code larger.
    config.wasm_backtrace_max_frames(Some(BACKTRACE_FRAMES));
    config.generate_address_map(false);
    config.native_unwind_info(false);
    Ok(config)
}

/// The engine that runs guests, on pooled memories, tables and stacks.
///
/// Fails when the address space does not suffice for the pool.
pub fn runtime(pool: Pool) -> wasmtime::Result<Engine> {
    let mut config = config()?;
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(allocation(pool)));
    Engine::new(&config)
}

/// The engine that compiles; its code loads in [`runtime`]'s.
pub fn compiler() -> wasmtime::Result<Engine> {
    Engine::new(&config()?)
}

/// What decides how a guest behaves, as one line: entries pin it. A security update of wasmtime does not change it.
pub fn semantics() -> String {
    format!(
        "wasmtime 48; nan canonical; relaxed-simd deterministic; wasm 3.0 without threads gc memory64 exceptions; \
         component-async off; stack {WASM_STACK}; tables {TABLE_ELEMENTS}; fuel yield {FUEL_YIELD}; \
         operators wasmtime-48 grow-page {GROW_FUEL}; random sha256-counter-1"
    )
}

/// SHA-256 over what makes compiled code loadable by `engine`, for cache keys.
pub fn compatibility(engine: &Engine) -> [u8; 32] {
    let mut state = Fingerprint(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut state);
    state.0.finalize().into()
}

#[cfg(target_arch = "x86_64")]
const TARGET: &str = "x86_64-unknown-linux-gnu";
#[cfg(target_arch = "aarch64")]
const TARGET: &str = "aarch64-unknown-linux-gnu";

/// wasmtime 48's default costs (1 for nearly every operator, 1 for each byte or element of bulk operations), and
/// growing is not free.
fn cost() -> OperatorCost {
    let mut cost = OperatorCost::new();
    cost.variable.memory_grow_per_page = GROW_FUEL;
    cost
}

fn allocation(pool: Pool) -> PoolingAllocationConfig {
    let processes = pool.processes.max(1);
    let memory = pool.memory.clamp(PAGE, ADDRESSABLE).next_multiple_of(PAGE);
    let mut config = PoolingAllocationConfig::new();
    config.total_component_instances(processes);
    config.total_core_instances(processes.saturating_mul(CORE_INSTANCES));
    config.total_memories(processes.saturating_mul(MEMORIES).min(MEMORY_SLOTS));
    config.total_tables(processes.saturating_mul(TABLES));
    config.total_stacks(processes);
    config.max_core_instances_per_component(CORE_INSTANCES);
    config.max_memories_per_component(MEMORIES);
    config.max_memories_per_module(MEMORIES);
    config.max_tables_per_component(TABLES);
    config.max_tables_per_module(TABLES);
    config.max_component_instance_size(INSTANCE_BYTES);
    config.max_core_instance_size(INSTANCE_BYTES);
    config.table_elements(TABLE_ELEMENTS);
    config.max_memory_size(memory);
    // Kept pages would be zeroed by touching them, and count for the next, perhaps idle, agent of the slot.
    config.linear_memory_keep_resident(0);
    config.table_keep_resident(0);
    config.max_unused_warm_slots(WARM_SLOTS);
    config
}

/// Feeds a `Hash` to SHA-256, whose result is the same in every process.
struct Fingerprint(Sha256);

impl Hasher for Fingerprint {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let hash: [u8; 32] = self.0.clone().finalize().into();
        u64::from_le_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime::component::Component;
    use wasmtime::{Instance, Module, Store};

    const POOL: Pool = Pool { processes: 4, memory: 1 << 20 };

    #[test]
    fn compiling_and_running_agree() {
        let (compiler, runtime) = (compiler().unwrap(), runtime(POOL).unwrap());
        assert_eq!(compatibility(&compiler), compatibility(&runtime));
        let large = Pool { processes: 64, memory: 64 << 20 };
        assert_eq!(compatibility(&compiler), compatibility(&super::runtime(large).unwrap()));
        let mut other = config().unwrap();
        other.cranelift_nan_canonicalization(false);
        assert_ne!(compatibility(&compiler), compatibility(&Engine::new(&other).unwrap()));
    }

    #[test]
    fn ten_thousand_processes_fit() {
        let pool = Pool { processes: 10_000, memory: 64 << 20 };
        runtime(pool).unwrap();
    }

    #[test]
    fn proposals_are_off() {
        let engine = compiler().unwrap();
        for (proposal, text) in [
            ("threads", "(module (memory 1 1 shared))"),
            ("memory64", "(module (memory i64 1))"),
            ("gc", "(module (type (struct (field i32))))"),
            ("exceptions", "(module (tag))"),
            ("page sizes", "(module (memory 1 (pagesize 1)))"),
        ] {
            let bytes = wat::parse_str(text).unwrap();
            assert!(Module::new(&engine, bytes).is_err(), "{proposal} is on");
        }
        let future = "(component (type (future u8)))";
        assert!(Component::new(&engine, wat::parse_str(future).unwrap()).is_err());
    }

    /// Runs a function of no arguments and answers its result and the fuel it took.
    fn run(body: &str) -> (wasmtime::Result<i32>, u64) {
        let engine = compiler().unwrap();
        let text = format!(r#"(module (memory 1 2) (func (export "f") (result i32) {body}))"#);
        let module = Module::new(&engine, wat::parse_str(text).unwrap()).unwrap();
        let mut store = Store::new(&engine, ());
        let budget = 10_000_000_000;
        store.set_fuel(budget).unwrap();
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let function = instance.get_typed_func::<(), i32>(&mut store, "f").unwrap();
        let result = function.call(&mut store, ());
        (result, budget - store.get_fuel().unwrap())
    }

    #[test]
    fn growing_is_charged_and_fits_the_default_budget() {
        let (none, base) = run("i32.const 0 memory.grow");
        let (one, more) = run("i32.const 1 memory.grow");
        assert_eq!((none.unwrap(), one.unwrap()), (1, 1));
        assert_eq!(more, base + u64::from(GROW_FUEL));
        let (all, most) = run("i32.const -1 memory.grow");
        assert_eq!(all.unwrap(), -1);
        assert!(most > 4_000_000_000);
    }

    #[test]
    fn nans_are_canonical() {
        // 0/0 has its sign set on x86-64; its canonical form has not.
        let (nan, _) = run("f32.const 0 f32.const 0 f32.div i32.reinterpret_f32");
        assert_eq!(nan.unwrap(), 0x7fc0_0000);
        let (ceiling, _) = run("f64.const 1.5 f64.ceil i32.trunc_f64_s");
        assert_eq!(ceiling.unwrap(), 2);
    }

    #[test]
    fn semantics_name_what_is_fixed() {
        let text = semantics();
        assert!(text.contains("wasmtime 48") && text.contains("fuel yield 100000"));
        assert!(text.is_ascii() && text.len() < 512, "{text}");
    }
}

//! One byte quota for all memories and tables of a process.

use wasmtime::ResourceLimiter;

use super::engine::{CORE_INSTANCES, MEMORIES, TABLES};

/// What a table element counts, in bytes: the size of a pool's slot for one.
pub const ELEMENT_BYTES: u64 = 16;

/// The machine, not a limit, kept a memory or table from growing; found by `is` in the error that ended the guest. A
/// recording has nothing of it, so it is no trap: the process is killed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the host could not grow the guest's memory: {0}")]
pub struct HostFailed(String);

/// The memory of one process. `Store::limiter` wants it in the store's data.
///
/// Over the quota `memory.grow` and `table.grow` answer −1, and instantiation fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    limit: u64,
    bytes: u64,
    peak: u64,
    /// What the last allowed growth added: taken back if wasmtime then fails to grow.
    pending: u64,
    refused: bool,
}

impl Quota {
    /// A quota of so many bytes.
    pub fn new(limit: u64) -> Self {
        Self { limit, bytes: 0, peak: 0, pending: 0, refused: false }
    }

    /// Changes the limit, when memory was moved to a child or came back. What is held stays.
    pub fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
    }

    /// What is held now, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The most that was held at one time, in bytes.
    pub fn peak(&self) -> u64 {
        self.peak
    }

    /// Whether a growth was refused since the start. If the guest then ends in a trap, memory was why.
    pub fn refused(&self) -> bool {
        self.refused
    }

    fn grow(&mut self, current: usize, desired: usize, maximum: Option<usize>, unit: u64) -> bool {
        self.pending = 0;
        // Beyond its own maximum the guest gets −1 whatever the quota says.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return false;
        }
        let more = (desired.saturating_sub(current) as u64).saturating_mul(unit);
        match self.bytes.checked_add(more) {
            Some(total) if total <= self.limit => {
                self.bytes = total;
                self.pending = more;
                self.peak = self.peak.max(total);
                true
            }
            _ => {
                self.refused = true;
                false
            }
        }
    }

    /// Takes an allowed growth back. −1 would tell the guest that it is out of memory when it is the host that failed.
    ///
    /// wasmtime reports a failure directly after the growth it is about: the two calls that report one without it
    /// need custom page sizes or 64-bit tables, which the engine does not have.
    fn undo(&mut self, error: &wasmtime::Error) -> wasmtime::Result<()> {
        let allowed = std::mem::take(&mut self.pending);
        self.bytes = self.bytes.saturating_sub(allowed);
        match allowed > 0 && host_failure(error) {
            true => Err(HostFailed(error.root_cause().to_string()).into()),
            false => Ok(()),
        }
    }
}

impl ResourceLimiter for Quota {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.grow(current, desired, maximum, 1))
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.undo(&error)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.grow(current, desired, maximum, ELEMENT_BYTES))
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.undo(&error)
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES as usize
    }

    fn tables(&self) -> usize {
        TABLES as usize
    }

    fn memories(&self) -> usize {
        MEMORIES as usize
    }
}

/// Whether an error is the machine's (no memory, no mapping left) and not a limit's.
fn host_failure(error: &wasmtime::Error) -> bool {
    error.is::<std::io::Error>() || error.is::<rustix::io::Errno>() || error.is::<wasmtime::OutOfMemory>()
}

#[cfg(test)]
mod tests {
    use super::super::engine::{Pool, compiler, runtime};
    use super::*;
    use wasmtime::{Engine, Instance, Module, Store};

    const PAGE: u64 = 64 << 10;

    fn start(engine: &Engine, limit: u64, text: &str) -> (Store<Quota>, wasmtime::Result<Instance>) {
        let module = Module::new(engine, wat::parse_str(text).unwrap()).unwrap();
        let mut store = Store::new(engine, Quota::new(limit));
        store.limiter(|quota| quota);
        store.set_fuel(100_000_000_000).unwrap();
        let instance = Instance::new(&mut store, &module, &[]);
        (store, instance)
    }

    fn call(store: &mut Store<Quota>, instance: &Instance, name: &str, pages: i32) -> i32 {
        instance.get_typed_func::<i32, i32>(&mut *store, name).unwrap().call(&mut *store, pages).unwrap()
    }

    const TWO: &str = r#"(module
        (memory $a 1) (memory $b 1) (table $t 0 funcref)
        (func (export "a") (param i32) (result i32) local.get 0 memory.grow $a)
        (func (export "b") (param i32) (result i32) local.get 0 memory.grow $b)
        (func (export "t") (param i32) (result i32) ref.null func local.get 0 table.grow $t))"#;

    #[test]
    fn one_quota_for_all() {
        let engine = compiler().unwrap();
        let (mut store, instance) = start(&engine, 4 * PAGE, TWO);
        let instance = instance.unwrap();
        assert_eq!(store.data().bytes(), 2 * PAGE);
        assert_eq!(call(&mut store, &instance, "a", 1), 1);
        assert_eq!(call(&mut store, &instance, "b", 2), -1);
        assert!(store.data().refused());
        let elements = (PAGE / ELEMENT_BYTES) as i32;
        assert_eq!(call(&mut store, &instance, "t", elements + 1), -1);
        assert_eq!(call(&mut store, &instance, "t", elements), 0);
        assert_eq!(store.data().bytes(), 4 * PAGE);
        assert_eq!(store.data().peak(), 4 * PAGE);
        assert_eq!(call(&mut store, &instance, "a", 1), -1);
        assert_eq!(call(&mut store, &instance, "t", -1), -1);
        assert_eq!(call(&mut store, &instance, "a", -1), -1);
    }

    #[test]
    fn failed_growth_is_given_back() {
        // The pool's slots end before the quota does, so wasmtime fails after the quota agreed.
        let pool = Pool { processes: 1, memory: 2 * PAGE as usize };
        let engine = runtime(pool).unwrap();
        let (mut store, instance) = start(&engine, 1_000 * PAGE, TWO);
        let instance = instance.unwrap();
        for _ in 0..8 {
            assert_eq!(call(&mut store, &instance, "a", 100), -1);
            assert_eq!(call(&mut store, &instance, "t", 30_000), -1);
            assert_eq!(store.data().bytes(), 2 * PAGE);
        }
        assert!(!store.data().refused());
        assert_eq!(call(&mut store, &instance, "a", 1), 1);
        assert_eq!(call(&mut store, &instance, "b", 1), 1);
        assert_eq!(store.data().bytes(), 4 * PAGE);
        assert_eq!(call(&mut store, &instance, "a", 1), -1);
        assert_eq!(store.data().bytes(), 4 * PAGE);
    }

    #[test]
    fn only_the_machine_failing_ends_the_guest() {
        let machine: [fn() -> wasmtime::Error; 2] = [
            || rustix::io::Errno::NOMEM.into(),
            || std::io::Error::from(std::io::ErrorKind::OutOfMemory).into(),
        ];
        let mut quota = Quota::new(4 * PAGE);
        for error in machine {
            assert!(quota.memory_growing(0, 65_536, None).unwrap());
            assert!(quota.memory_grow_failed(error()).unwrap_err().is::<HostFailed>());
            assert!(quota.table_growing(0, 4, None).unwrap());
            assert!(quota.table_grow_failed(error()).unwrap_err().is::<HostFailed>());
            // The quota had said no: the guest has its answer.
            assert!(!quota.memory_growing(0, 1 << 20, None).unwrap());
            assert!(quota.memory_grow_failed(error()).is_ok());
        }
        assert!(quota.memory_growing(0, 65_536, None).unwrap());
        assert!(quota.memory_grow_failed(wasmtime::Error::msg("maximum size exceeded")).is_ok());
        assert_eq!(quota.bytes(), 0);
    }

    /// A machine that has no memory left, where the pool says that its slots end.
    struct Broken(Quota);

    impl ResourceLimiter for Broken {
        fn memory_growing(&mut self, now: usize, then: usize, most: Option<usize>) -> wasmtime::Result<bool> {
            self.0.memory_growing(now, then, most)
        }

        fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
            self.0.memory_grow_failed(wasmtime::Error::from(rustix::io::Errno::NOMEM).context("mprotect"))
        }

        fn table_growing(&mut self, now: usize, then: usize, most: Option<usize>) -> wasmtime::Result<bool> {
            self.0.table_growing(now, then, most)
        }
    }

    #[test]
    fn a_host_failure_is_found_in_what_ended_the_guest() {
        let engine = runtime(Pool { processes: 1, memory: 2 * PAGE as usize }).unwrap();
        let module = Module::new(&engine, wat::parse_str(TWO).unwrap()).unwrap();
        let mut store = Store::new(&engine, Broken(Quota::new(1_000 * PAGE)));
        store.limiter(|broken| broken);
        store.set_fuel(100_000_000_000).unwrap();
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let grow = instance.get_typed_func::<i32, i32>(&mut store, "a").unwrap();
        let error = grow.call(&mut store, 100).unwrap_err();
        assert!(error.is::<HostFailed>() && !error.is::<wasmtime::Trap>(), "{error:#}");
        assert_eq!(store.data().0.bytes(), 2 * PAGE);
        assert!(!store.data().0.refused());
    }

    #[test]
    fn its_own_maximum_is_no_refusal() {
        let engine = compiler().unwrap();
        let text = r#"(module (memory 1 2)
            (func (export "a") (param i32) (result i32) local.get 0 memory.grow))"#;
        let (mut store, instance) = start(&engine, 100 * PAGE, text);
        let instance = instance.unwrap();
        for _ in 0..8 {
            assert_eq!(call(&mut store, &instance, "a", 5), -1);
        }
        assert_eq!(store.data().bytes(), PAGE);
        assert!(!store.data().refused());
    }

    #[test]
    fn too_much_at_the_start_fails() {
        let engine = compiler().unwrap();
        for (what, text) in [
            ("memory", "(module (memory 5))"),
            ("table", "(module (table 20000 funcref))"),
            ("memories", "(module (memory 0) (memory 0) (memory 0))"),
        ] {
            let (_, instance) = start(&engine, 4 * PAGE, text);
            assert!(instance.is_err(), "{what}");
        }
        let (store, _) = start(&engine, 4 * PAGE, "(module (memory 5))");
        assert!(store.data().refused());
    }

    #[test]
    fn instances_are_counted() {
        let engine = compiler().unwrap();
        let module = Module::new(&engine, wat::parse_str("(module)").unwrap()).unwrap();
        let mut store = Store::new(&engine, Quota::new(PAGE));
        store.limiter(|quota| quota);
        for _ in 0..CORE_INSTANCES {
            Instance::new(&mut store, &module, &[]).unwrap();
        }
        assert!(Instance::new(&mut store, &module, &[]).is_err());
    }
}

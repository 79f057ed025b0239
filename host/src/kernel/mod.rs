//! The kernel: what a system call may do, what it costs, what is recorded of it, and what it does.
//!
//! - [`call`], [`answer`], [`entry`]: the words. A closed set of calls, answers and events.
//! - [`state`] and its fold in `apply`: everything the kernel knows, from the entries alone.
//! - `decide` with `ipc`, `lease`, `mount`, `overlay`, `artifact`, `infer`, `children`: pure decisions.
//! - [`gate`]: the one way in. `effect`, `draw`: the ways out, by permit.
//! - [`trial`], [`evidence`]: a past run under another grant; the least grant that it needed.
//! - [`tape`]: the same answers from the entries, for replay. [`resume`]: from the entries first, and then live.
//! - [`ports`]: what `host` wires in.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use authority::Grant;
use bytes::Bytes;
use ledger::{Amounts, Meter};
use tokio::sync::{Notify, SemaphorePermit};

pub mod answer;
mod apply;
mod artifact;
pub mod bound;
pub mod call;
pub mod caps;
mod children;
pub mod cost;
mod decide;
mod draw;
mod due;
pub mod effect;
pub mod entry;
pub mod evidence;
pub mod gate;
pub mod glance;
mod infer;
mod ipc;
mod lease;
pub mod live;
pub mod mount;
pub mod need;
pub mod operator;
pub mod overlay;
pub mod path;
pub mod ports;
pub mod request;
pub mod resume;
pub mod state;
pub mod tape;
pub mod trial;

use answer::Exit;
use call::{Call, Key, RunId};
use caps::Caps;
use entry::{Birth, Entry, Event, Opening};
use live::{Carried, Control, Live, Over};
use resume::Resumed;
use state::{Inconsistent, Limits, Stage, State};

use crate::journal::{Journal, Stopped};

pub use effect::{Model, Outside};
pub use mount::SCRATCH;

/// Why the kernel does nothing more for a process.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Halt {
    /// The log cannot be written.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The kernel contradicts itself.
    #[error("the kernel is wrong: {0}")]
    Broken(#[from] Inconsistent),
    /// The process or its run has ended.
    #[error("the process has ended")]
    Ended,
    /// All runs together may not spend so much.
    #[error(transparent)]
    Over(#[from] caps::Over),
}

/// What it takes to start a process.
pub struct Launch {
    /// Who.
    pub key: Key,
    /// As recorded.
    pub birth: Birth,
    /// Its input.
    pub input: Bytes,
    /// When it starts.
    pub now: u64,
    /// What it is held to.
    pub limits: Limits,
    /// How it is ended.
    pub control: Arc<Control>,
    /// Who starts it: its run's sandbox.
    pub by: Arc<dyn Start>,
    /// What it did before its run was cut off; absent for a new process.
    pub resumed: Option<Box<Resumed>>,
}

/// A body on its way in, with its share of what all guests may have in flight.
#[derive(Debug)]
pub struct Lifted {
    /// The bytes; none when the body is over the verb's limit, and was dropped.
    pub bytes: Option<Bytes>,
    /// How many there were.
    pub size: u64,
    /// Given back once the call has begun.
    pub in_flight: Option<SemaphorePermit<'static>>,
}

/// Starts processes: the sandbox, as the kernel sees it.
pub trait Start: Send + Sync {
    /// Starts one and returns at once; its end is told by [`Kernel::exit`].
    fn start(&self, kernel: Arc<Kernel>, launch: Launch);
}

/// What to open a run with.
pub struct NewRun {
    /// What decides it.
    pub grant: Grant,
    /// What its first entry says.
    pub opening: Opening,
    /// What it reaches.
    pub outside: Outside,
    /// The root's input.
    pub input: Bytes,
    /// What starts its processes.
    pub start: Arc<dyn Start>,
}

/// The kernel of one state directory.
pub struct Kernel {
    live: Mutex<Live>,
    journal: Arc<Journal<Entry>>,
    changed: Notify,
    timer: Arc<Notify>,
}

/// The wall clock: milliseconds since 1970, as of the system's last tick (1 to 10 ms ago). It is read for every call,
/// and reading the exact time would cost a tenth of one.
fn clock() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000 + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000
}

/// What a process's random numbers follow from.
fn seed() -> String {
    let seed: [u8; 32] = rand::random();
    seed.iter().map(|b| format!("{b:02x}")).collect()
}

impl Kernel {
    /// A kernel over a journal, going on from `state`. With `check`, it folds every written line into a second state
    /// and stops at the first difference.
    pub fn new(journal: Arc<Journal<Entry>>, state: State, caps: Caps, check: bool) -> Arc<Kernel> {
        let timer = Arc::new(Notify::new());
        let live = Live {
            shadow: check.then(|| state.clone()),
            state,
            caps,
            journal: journal.clone(),
            waits: Default::default(),
            rulings: Default::default(),
            refusals: Default::default(),
            due: Default::default(),
            expiries: Default::default(),
            outside: Default::default(),
            starts: Default::default(),
            controls: Default::default(),
            chunks: Default::default(),
            ends: Default::default(),
            wakes: Vec::new(),
            broken: None,
            timer: timer.clone(),
        };
        Arc::new(Kernel { live: Mutex::new(live), journal, changed: Notify::new(), timer })
    }

    pub(in crate::kernel) fn lock(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(|poisoned| {
            let mut live = poisoned.into_inner();
            let seq = live.state.seq;
            live.broken
                .get_or_insert_with(|| Inconsistent { seq, what: "a panic under the kernel's lock".into() });
            live
        })
    }

    /// The journal under it.
    pub fn journal(&self) -> &Arc<Journal<Entry>> {
        &self.journal
    }

    /// Opens a run, starts its root and answers the root's key.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn open(self: &Arc<Self>, new: NewRun) -> Result<Key, Halt> {
        self.journal.room().await?;
        let launch = self.lock().open(new)?;
        let key = launch.key;
        launch.by.clone().start(self.clone(), launch);
        Ok(key)
    }

    /// Records how a process ended: after its children, which are ended with it, and after what it began outside.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn exit(
        self: &Arc<Self>,
        key: Key,
        fuel: u64,
        exit: Exit,
        output: Option<Bytes>,
    ) -> Result<u64, Halt> {
        self.journal.room().await?;
        self.lock().end_children(key);
        loop {
            let changed = self.changed.notified();
            if let Some(seq) = self.lock().exit(key, fuel, &exit, &output)? {
                self.changed.notify_waiters();
                return Ok(seq);
            }
            changed.await;
        }
    }

    /// Waits until a run's root has ended, and the run with it.
    ///
    /// # Errors
    /// When its run is not open, or the log cannot be written.
    pub async fn ended(&self, key: Key) -> Result<Over, Halt> {
        loop {
            let changed = self.changed.notified();
            {
                let live = self.lock();
                if let Some(over) = live.ends.get(&key) {
                    return Ok(*over);
                }
                if let Some(broken) = &live.broken {
                    return Err(broken.clone().into());
                }
            }
            self.journal.alive()?;
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep(Duration::from_millis(200)) => {}
            }
        }
    }

    /// Fires what kernel time brings, for ever. One task of the host's runs it.
    pub async fn timers(self: Arc<Self>) {
        loop {
            let next = {
                let mut live = self.lock();
                let now = live.now();
                if live.fire(now).is_err() {
                    return;
                }
                live.due.first().map(|(at, ..)| at.saturating_sub(clock()))
            };
            match next {
                Some(ms) => tokio::select! {
                    () = tokio::time::sleep(Duration::from_millis(ms.max(1))) => {}
                    () = self.timer.notified() => {}
                },
                None => self.timer.notified().await,
            }
        }
    }
}

impl Live {
    fn open(&mut self, new: NewRun) -> Result<Launch, Halt> {
        let (now, run) = (self.now(), self.state.last_run + 1);
        self.caps.take(run, &new.grant.root.budget, now)?;
        let bytes = new.grant.encode();
        let grant = Carried::Bare(bytes.clone().into(), audit::Digest::of(&bytes));
        let root = new.grant.root;
        let name = new.opening.label.clone();
        self.append(now, Key { run, pid: 0 }, 0, Event::Run(Box::new(new.opening)), Some(grant))?;
        self.outside.insert(run, new.outside);
        self.starts.insert(run, new.start);
        let birth = Birth {
            name,
            member: String::new(),
            parent: None,
            component: root.component,
            rights: root.rights,
            budget: root.budget,
            seed: seed(),
            input: self.state.seq + 1,
        };
        let key = Key { run, pid: 1 };
        Ok(self.launch(now, key, birth, new.input.clone(), Some(Carried::Salted(new.input)))?)
    }

    /// Records a birth.
    fn launch(
        &mut self,
        now: u64,
        key: Key,
        birth: Birth,
        input: Bytes,
        body: Option<Carried>,
    ) -> Result<Launch, Inconsistent> {
        self.append(now, key, 0, Event::Start(Box::new(birth.clone())), body)?;
        let control = Arc::new(Control::default());
        self.controls.insert(key, control.clone());
        let limits = self.state.proc(key).map_or(Limits { fuel: 0, memory: 0 }, |me| me.limits());
        let by = self.starts.get(&key.run).cloned();
        let by =
            by.ok_or_else(|| Inconsistent { seq: self.state.seq, what: "its run is not open".into() })?;
        Ok(Launch { key, birth, input, now, limits, control, by, resumed: None })
    }

    /// Ends a process's children. It makes no more: its guest has ended.
    fn end_children(&mut self, key: Key) {
        let Some(me) = self.state.proc(key) else { return };
        for pid in &me.children {
            if let Some(control) = self.controls.get(&Key { run: key.run, pid: *pid }) {
                control.end(Exit::Killed);
            }
        }
    }

    /// Records an exit, unless something has to end first.
    fn exit(
        &mut self,
        key: Key,
        fuel: u64,
        exit: &Exit,
        output: &Option<Bytes>,
    ) -> Result<Option<u64>, Inconsistent> {
        let now = self.now();
        self.flush(key, now)?;
        let Some(me) = self.state.proc(key) else { return Ok(Some(self.state.seq)) };
        let at_work = me.pending.as_ref().is_some_and(|p| {
            p.stage == Stage::Acts && !matches!(p.call, Call::Generate(_) | Call::Stream(_))
        });
        if at_work || !me.children.is_empty() {
            return Ok(None);
        }
        let body = output.clone().filter(|_| *exit == Exit::Returned).map(Carried::Salted);
        let seq = self.append(now, key, fuel, Event::Exit(Box::new(exit.clone())), body)?;
        self.waits.remove(&key);
        self.rulings.remove(&key);
        self.controls.remove(&key);
        self.chunks.retain(|(owner, _), _| *owner != key);
        self.settle(now)?;
        if key.pid == 1 {
            self.close(key.run, now, seq)?;
        }
        Ok(Some(seq))
    }

    /// Ends a run whose root has ended with entry `exit`.
    fn close(&mut self, run: RunId, now: u64, exit: u64) -> Result<(), Inconsistent> {
        if !self.caps.is_empty() {
            // A run that was cut off before its root was born used nothing, and has no bill.
            let root = self.state.proc(Key { run, pid: 1 }).map(|root| &root.account);
            let used = |root: &ledger::Account| {
                Meter::ALL.iter().fold(Amounts::zero(), |all, meter| all.with(*meter, root.used(*meter)))
            };
            let used = root.map(used);
            if let Some(used) = used {
                self.append(now, Key { run, pid: 0 }, 0, Event::Bill { used }, None)?;
            }
            self.caps.give_back(run, used.unwrap_or(Amounts::zero()), now);
        }
        let end = self.append(now, Key { run, pid: 0 }, 0, Event::End, None)?;
        self.outside.remove(&run);
        self.starts.remove(&run);
        self.ends.insert(Key { run, pid: 1 }, Over { exit, end });
        Ok(())
    }
}

/// Reads what a run's number is written as: `r3` or `3`.
pub fn parse_run(text: &str) -> Option<RunId> {
    text.strip_prefix('r').unwrap_or(text).parse().ok().filter(|run| *run > 0)
}

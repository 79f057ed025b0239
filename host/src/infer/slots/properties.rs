//! Over random histories: what the queue keeps under every policy, and what `fair` promises.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::policy::{Process, Ticket};
use super::queue::{Next, Queue, WAITING};
use super::share::{Kind, Share};

/// The largest question of a history, in tokens.
const LARGEST: u64 = 1_000;
/// Processes of a history, and their weights.
const WEIGHTS: [u16; 5] = [1, 50, 100, 100, 1_000];

#[derive(Clone, Debug)]
enum Step {
    /// A process asks for so many tokens.
    Join(usize, u64),
    /// One of those who are served ends, after a part of what it asked for; nobody may know how much.
    End(usize, Option<u64>),
    /// One of those who wait gives up.
    Quit(usize),
    /// Time passes, in milliseconds.
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..WEIGHTS.len(), 1..=LARGEST).prop_map(|(who, bound)| Step::Join(who, bound)),
        3 => (any::<usize>(), prop::option::weighted(0.9, 0..=100_u64)).prop_map(|(n, part)| Step::End(n, part)),
        1 => any::<usize>().prop_map(Step::Quit),
        1 => (0..5_000_u64).prop_map(Step::Pass),
    ]
}

fn share(policy: Kind) -> impl Strategy<Value = Share> {
    (1..6_usize).prop_map(move |slots| Share {
        slots,
        policy,
        tokens_per_minute: None,
        requests_per_minute: None,
    })
}

/// What a process was served while another one waits: questions that are over, and those that are not.
type Served = BTreeMap<Process, BTreeMap<Ticket, u64>>;

/// A queue and an independent account of what it did.
struct History {
    queue: Queue,
    slots: usize,
    now: u64,
    bounds: BTreeMap<Ticket, (Process, u64)>,
    waiting: BTreeSet<Ticket>,
    serving: BTreeSet<Ticket>,
    /// Of each process that waits: what others were served meanwhile.
    meanwhile: BTreeMap<Process, Served>,
}

fn process(who: usize) -> Process {
    (1 + who as u32 % 2, who as u32)
}

fn weight(process: Process) -> u64 {
    u64::from(WEIGHTS[process.1 as usize])
}

impl History {
    fn new(share: &Share) -> History {
        History {
            queue: Queue::new(share),
            slots: share.slots,
            now: 0,
            bounds: BTreeMap::new(),
            waiting: BTreeSet::new(),
            serving: BTreeSet::new(),
            meanwhile: BTreeMap::new(),
        }
    }

    fn waits(&self, process: Process) -> bool {
        self.waiting.iter().any(|ticket| self.bounds[ticket].0 == process)
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Join(who, bound) => {
                let me = process(who);
                if !self.waits(me) {
                    self.meanwhile.insert(me, Served::new());
                }
                let ticket = self.queue.join(me, WEIGHTS[who], bound).unwrap();
                self.bounds.insert(ticket, (me, bound));
                self.waiting.insert(ticket);
            }
            Step::End(n, part) => {
                let Some(ticket) = nth(&self.serving, n) else { return };
                let (me, bound) = self.bounds[&ticket];
                let used = part.map(|part| bound * part / 100);
                self.queue.leave(ticket, used);
                self.serving.remove(&ticket);
                let took = used.unwrap_or(bound).max(1);
                for served in self.meanwhile.values_mut() {
                    served.entry(me).or_default().entry(ticket).and_modify(|tokens| *tokens = took);
                }
            }
            Step::Quit(n) => {
                let Some(ticket) = nth(&self.waiting, n) else { return };
                self.queue.leave(ticket, None);
                self.waiting.remove(&ticket);
                let me = self.bounds[&ticket].0;
                if !self.waits(me) {
                    self.meanwhile.remove(&me);
                }
            }
            Step::Pass(ms) => self.now += ms,
        }
    }

    /// Serves whoever can be; `seen` is told each, and its worst case, before it counts.
    fn advance(&mut self, mut seen: impl FnMut(&History, Process)) {
        while let Next::Serve(ticket) = self.queue.next(self.now) {
            assert!(self.waiting.remove(&ticket), "only one who waits is served, once");
            let (me, bound) = self.bounds[&ticket];
            seen(self, me);
            self.serving.insert(ticket);
            for served in self.meanwhile.values_mut() {
                served.entry(me).or_default().insert(ticket, bound);
            }
            match self.waits(me) {
                true => self.meanwhile.insert(me, Served::new()),
                false => self.meanwhile.remove(&me),
            };
        }
    }

    /// What must hold after every step.
    fn check(&self) {
        let (waiting, serving) = self.queue.sizes();
        assert_eq!((waiting, serving), (self.waiting.len(), self.serving.len()), "no place is lost or made");
        assert!(serving <= self.slots);
        let mut order = self.queue.order();
        let mut expected: Vec<Process> = self.waiting.iter().map(|ticket| self.bounds[ticket].0).collect();
        order.sort_unstable();
        expected.sort_unstable();
        assert_eq!(order, expected, "everybody who waits has a place in the line");
    }
}

fn nth(all: &BTreeSet<Ticket>, n: usize) -> Option<Ticket> {
    all.iter().nth(n.checked_rem(all.len())?).copied()
}

fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::ALL.map(|(_, kind)| kind).to_vec())
}

proptest! {
    /// Under every policy: bounded, work-conserving, nothing leaks, and everybody is served in the end.
    #[test]
    fn slots_are_never_idle_leaked_or_too_many(
        share in kind().prop_flat_map(share),
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let mut history = History::new(&share);
        for step in &steps {
            history.step(step);
            history.advance(|_, _| {});
            history.check();
            prop_assert!(history.waiting.is_empty() || history.serving.len() == share.slots);
        }
        while !history.serving.is_empty() {
            history.step(&Step::End(0, Some(50)));
            history.advance(|_, _| {});
        }
        prop_assert_eq!(history.queue.sizes(), (0, 0));
    }

    /// `fair`: however long W waits, P gets no more meanwhile than a bound that knows nothing of how long that is.
    #[test]
    fn nobody_starves(share in share(Kind::Fair), steps in prop::collection::vec(step(), 0..400)) {
        let mut history = History::new(&share);
        for step in &steps {
            history.step(step);
            history.advance(|history, served| {
                let questions = history.slots as u64 + WEIGHTS.len() as u64;
                for (waiter, meanwhile) in history.meanwhile.iter().filter(|(waiter, _)| **waiter != served) {
                    let tokens: u64 = meanwhile.get(&served).map_or(0, |all| all.values().sum());
                    let bound = questions * LARGEST * (weight(served).div_ceil(weight(*waiter)) + 1);
                    assert!(tokens <= bound, "{served:?} got {tokens} > {bound} while {waiter:?} waited");
                }
            });
        }
    }

    /// Rates hold over any stretch of time, beyond the minute's worth that may be used at once.
    #[test]
    fn rates_hold(steps in prop::collection::vec(step(), 0..120), kind in kind()) {
        let share = Share { slots: 4, policy: kind, tokens_per_minute: Some(6_000), requests_per_minute: Some(30) };
        let mut history = History::new(&share);
        let mut served: Vec<(u64, u64)> = Vec::new();
        for step in &steps {
            // Each takes what it asked for, so that nothing comes back.
            let whole = match step {
                Step::End(n, _) => Step::End(*n, None),
                other => other.clone(),
            };
            history.step(&whole);
            let before = history.serving.clone();
            history.advance(|_, _| {});
            history.check();
            let new = history.serving.difference(&before).map(|ticket| (history.now, history.bounds[ticket].1));
            served.extend(new);
        }
        for (at, (from, _)) in served.iter().enumerate() {
            let (mut tokens, mut requests) = (0, 0);
            for (now, bound) in &served[at..] {
                tokens += bound;
                requests += 1;
                let passed = now - from;
                prop_assert!(tokens <= 6_000 + passed * 6_000 / 60_000, "{tokens} in {passed} ms");
                prop_assert!(requests <= 30 + passed * 30 / 60_000, "{requests} in {passed} ms");
            }
        }
    }
}

#[test]
fn a_line_is_bounded() {
    let share = Share { slots: 1, policy: Kind::Fair, tokens_per_minute: None, requests_per_minute: None };
    let mut queue = Queue::new(&share);
    for n in 0..WAITING {
        queue.join((1, n as u32), 1, 1).unwrap();
    }
    assert!(queue.join((2, 1), 1, 1).is_err());
    queue.leave(1, None);
    assert!(queue.join((2, 1), 1, 1).is_ok());
}

#[test]
fn the_policies_differ_as_they_should() {
    let order = |kind: Kind| {
        let share = Share { slots: 1, policy: kind, tokens_per_minute: None, requests_per_minute: None };
        let mut queue = Queue::new(&share);
        let mut served = Vec::new();
        // 1 asks three times for much, then 2 for little, then 3, who weighs more.
        for (who, weight, bound) in [(1, 100, 900), (1, 100, 900), (1, 100, 900), (2, 100, 10), (3, 200, 10)]
        {
            queue.join((1, who), weight, bound).unwrap();
            if let Next::Serve(ticket) = queue.next(0) {
                served.push(ticket);
            }
        }
        while let Some(ticket) = served.last().copied().filter(|_| queue.sizes().1 > 0) {
            queue.leave(ticket, None);
            if let Next::Serve(next) = queue.next(0) {
                served.push(next);
            }
        }
        served
    };
    assert_eq!(order(Kind::Fifo), [1, 2, 3, 4, 5]);
    assert_eq!(order(Kind::Priority), [1, 5, 2, 3, 4]);
    assert_eq!(order(Kind::Fair), [1, 4, 5, 2, 3]);
}

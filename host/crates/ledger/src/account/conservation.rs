//! Over random histories of a whole tree: nothing is spent beyond a grant, nothing gets lost.
use proptest::prelude::*;

use super::*;

/// One step of a history. A process is chosen by a number, modulo those that live.
#[derive(Debug, Clone)]
enum Step {
    Open(usize, Amounts),
    Charge(usize, Meter, u64),
    SetUsed(usize, u64),
    Reserve(usize, Meter, u64),
    /// Settles the process's oldest reservation with this use.
    Settle(usize, u64),
    /// Closes the process, when it is no root and has no living children.
    Close(usize),
    /// Grants the root more.
    Fund(Meter, u64),
    /// Writes a process's account down and reads it again.
    Crash(usize),
}

struct Process {
    account: Account,
    parent: usize,
    /// Reservations not yet settled.
    open: Vec<(Meter, u64)>,
    alive: bool,
}

struct Tree {
    processes: Vec<Process>,
    /// What was spent in the whole tree by an independent count, without open reservations.
    spent: Amounts,
}

impl Tree {
    fn new(granted: Amounts) -> Tree {
        let root = Process { account: Account::new(granted), parent: 0, open: Vec::new(), alive: true };
        Tree { processes: vec![root], spent: Amounts::zero() }
    }

    fn living(&self) -> impl DoubleEndedIterator<Item = usize> + '_ {
        (0..self.processes.len()).filter(|pid| self.processes[*pid].alive)
    }

    fn chosen(&self, n: usize) -> usize {
        let living: Vec<usize> = self.living().collect();
        living[n % living.len()]
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Open(n, asked) => {
                let parent = self.chosen(n);
                if let Ok(account) = self.processes[parent].account.open_child(&asked) {
                    self.processes.push(Process { account, parent, open: Vec::new(), alive: true });
                }
            }
            Step::Charge(n, meter, amount) => {
                let pid = self.chosen(n);
                if self.processes[pid].account.charge(&[(meter, amount)]).is_ok() {
                    self.spent[meter] += amount;
                }
            }
            Step::SetUsed(n, total) => {
                let pid = self.chosen(n);
                let account = &mut self.processes[pid].account;
                self.spent[Meter::Fuel] -= account.own(Meter::Fuel);
                let uncovered = account.set_used(Meter::Fuel, total);
                self.spent[Meter::Fuel] += total - uncovered;
            }
            Step::Reserve(n, meter, amount) => {
                let pid = self.chosen(n);
                let process = &mut self.processes[pid];
                if process.account.reserve(&[(meter, amount)]).is_ok() {
                    process.open.push((meter, amount));
                }
            }
            Step::Settle(n, used) => {
                let pid = self.chosen(n);
                let process = &mut self.processes[pid];
                if !process.open.is_empty() {
                    let (meter, amount) = process.open.remove(0);
                    let uncovered = process.account.settle(&[(meter, amount)], &[(meter, used)]);
                    self.spent[meter] += used - Amounts::sum(&uncovered)[meter];
                }
            }
            Step::Close(n) => self.close(self.chosen(n)),
            Step::Fund(meter, more) => {
                let root = &mut self.processes[0].account;
                let (granted, left) = (root.granted(meter), root.left(meter));
                if root.fund(meter, more).is_ok() && granted < MAX {
                    assert_eq!((root.granted(meter), root.left(meter)), (granted + more, left + more));
                } else {
                    assert_eq!((root.granted(meter), root.left(meter)), (granted, left));
                }
            }
            Step::Crash(n) => {
                let pid = self.chosen(n);
                let written = serde_json::to_string(&self.processes[pid].account).unwrap();
                self.processes[pid].account = serde_json::from_str(&written).unwrap();
            }
        }
    }

    fn close(&mut self, pid: usize) {
        if pid == 0 || self.living().any(|child| child != 0 && self.processes[child].parent == pid) {
            return;
        }
        self.processes[pid].alive = false;
        // Nobody will settle these any more, so they stand.
        for (meter, amount) in std::mem::take(&mut self.processes[pid].open) {
            self.spent[meter] += amount;
        }
        let child = self.processes[pid].account.clone();
        let parent = self.processes[pid].parent;
        self.processes[parent].account.close_child(&child);
    }

    /// What must hold after every step.
    fn check(&self) -> Result<(), TestCaseError> {
        for meter in Meter::ALL {
            let granted = self.processes[0].account.granted(meter);
            let (mut spread, mut used) = (0, 0);
            for pid in self.living() {
                let account = &self.processes[pid].account;
                let gone = account.used(meter) + account.reserved(meter) + account.moved(meter);
                prop_assert!(gone <= account.granted(meter), "{} of process {}", meter, pid);
                used += account.used(meter);
                if granted < MAX {
                    spread += account.left(meter) + account.used(meter) + account.reserved(meter);
                }
            }
            if meter.kind() == Kind::Consumable {
                prop_assert_eq!(used, self.spent[meter], "use of {}", meter);
                prop_assert!(granted >= MAX || spread == granted, "{} {} is {}", meter, granted, spread);
            }
        }
        Ok(())
    }
}

fn any_meter() -> impl Strategy<Value = Meter> {
    proptest::sample::select(Meter::ALL.to_vec())
}

fn amounts(most: u64) -> impl Strategy<Value = Amounts> {
    let amount = prop_oneof![6 => 0..=most, 1 => Just(MAX)];
    proptest::array::uniform10(amount).prop_map(|list| {
        Meter::ALL.into_iter().zip(list).fold(Amounts::zero(), |all, (meter, n)| all.with(meter, n))
    })
}

fn step() -> impl Strategy<Value = Step> {
    let pid = 0usize..64;
    prop_oneof![
        3 => (pid.clone(), amounts(60)).prop_map(|(pid, asked)| Step::Open(pid, asked)),
        4 => (pid.clone(), any_meter(), 0u64..80).prop_map(|(pid, meter, n)| Step::Charge(pid, meter, n)),
        1 => (pid.clone(), 0u64..400).prop_map(|(pid, total)| Step::SetUsed(pid, total)),
        2 => (pid.clone(), any_meter(), 0u64..80).prop_map(|(pid, meter, n)| Step::Reserve(pid, meter, n)),
        2 => (pid.clone(), 0u64..120).prop_map(|(pid, used)| Step::Settle(pid, used)),
        2 => pid.clone().prop_map(Step::Close),
        1 => (any_meter(), prop_oneof![4 => 0..200_u64, 1 => Just(MAX)]).prop_map(|(meter, n)| Step::Fund(meter, n)),
        1 => pid.prop_map(Step::Crash),
    ]
}

proptest! {
    #[test]
    fn a_tree_conserves_its_grant(
        granted in amounts(1_000),
        steps in proptest::collection::vec(step(), 1..120),
    ) {
        let mut tree = Tree::new(granted);
        for step in steps {
            tree.take(step);
            tree.check()?;
        }
        // Children come after their parents, so from the last to the first each is a leaf.
        for pid in tree.living().rev().collect::<Vec<_>>() {
            tree.close(pid);
            tree.check()?;
        }
        let root = &tree.processes[0].account;
        prop_assert!(Meter::ALL.into_iter().all(|meter| root.moved(meter) == 0));
        for meter in Meter::ALL.into_iter().filter(|meter| meter.kind() == Kind::Consumable) {
            prop_assert_eq!(root.used(meter), tree.spent[meter]);
        }
    }
}

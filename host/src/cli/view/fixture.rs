//! Logs for the tests of the views: entries that follow from each other, folded as they are made.
use std::collections::BTreeMap;

use audit::Digest;
use authority::{Grant, Labels, Member, Mode, Pattern, Place, Right, Rights, Use, Verb};
use bytes::Bytes;

use super::fold::Fold;
use super::refusal::Refusal;
use crate::kernel::answer::{Answer, Error, Exit};
use crate::kernel::call::{Call, Pid};
use crate::kernel::entry::{Birth, Blob, Entry, Event, Opening};

/// What one process of a fixture is charged, in fuel: its number in thousands.
const FUEL: u64 = 1_000;

fn member(rights: Vec<Right>, budget: ledger::Amounts, manifest: bool) -> Member {
    let digest = Digest::of(b"component");
    Member {
        component: digest,
        manifest: manifest.then_some(digest),
        rights: Rights::new(rights).unwrap(),
        budget,
    }
}

fn right(verb: Verb, object: &str, using: Use, delegate: Use) -> Right {
    let object: Pattern = object.parse().unwrap();
    Right { using, delegate, ..Right::allow(verb, object) }
}

/// A component without a manifest and without flags.
pub fn alone() -> Grant {
    Grant {
        v: 1,
        package: "hello".into(),
        version: None,
        signed: false,
        root: member(vec![Right::allow(Verb::Log, Pattern::all())], ledger::default_root(), false),
        children: BTreeMap::new(),
        mounts: BTreeMap::new(),
        models: BTreeMap::new(),
        weights: BTreeMap::new(),
        windows: BTreeMap::new(),
        signer: None,
        standing: None,
    }
}

/// A coordinator that hands on `read notes` and `write site`, and a writer that uses `write site`.
pub fn team() -> Grant {
    let log = Right::allow(Verb::Log, Pattern::all());
    let root = vec![
        log.clone(),
        right(Verb::Spawn, "writer", Use::Allow, Use::No),
        right(Verb::Send, "writer", Use::Allow, Use::No),
        right(Verb::Read, "notes", Use::No, Use::Allow),
        right(Verb::Write, "site", Use::No, Use::Allow),
    ];
    let writer =
        member(vec![log, right(Verb::Write, "site", Use::Allow, Use::No)], ledger::default_child(), true);
    let place = |path: &str, mode| Place { path: path.into(), mode, labels: Labels::default() };
    Grant {
        package: "docs-merge".into(),
        root: member(root, ledger::default_root(), true),
        children: BTreeMap::from([("writer".into(), writer)]),
        mounts: BTreeMap::from([
            ("notes".into(), place("in", Mode::Ro)),
            ("site".into(), place("out", Mode::Rw)),
        ]),
        ..alone()
    }
}

/// A whole file's read.
pub fn read(mount: &str, path: &str) -> Call {
    Call::Read { mount: mount.into(), path: path.into(), range: None }
}

/// A run's log, from its first entry.
pub struct Log {
    /// The view.
    pub fold: Fold,
    grant: Grant,
    seq: u64,
}

impl Log {
    /// Run 1 under a grant.
    pub fn new(grant: Grant) -> Log {
        let mut log = Log { fold: Fold::new(1), grant, seq: 0 };
        let label = log.grant.package.clone();
        let opening =
            Opening { label, host: "0".into(), semantics: "s".into(), wit: "w".into(), names: None };
        let bytes = Bytes::from(log.grant.encode());
        let blob = Blob { size: bytes.len() as u64, digest: Some(Digest::of(&bytes)) };
        log.add(0, Event::Run(Box::new(opening)), Some(blob), Some(&bytes));
        log
    }

    fn add(&mut self, pid: Pid, event: Event, body: Option<Blob>, grant: Option<&Bytes>) -> Option<Refusal> {
        self.seq += 1;
        let fuel = if matches!(event, Event::Start(_)) { 0 } else { u64::from(pid) * FUEL };
        let entry = Entry { v: 1, seq: self.seq, t: 1_000 + self.seq, run: 1, pid, fuel, event, body };
        let mut line = Vec::new();
        entry.write(&mut line).unwrap();
        self.fold.take(&Entry::parse(&line).unwrap(), grant).unwrap()
    }

    fn start(&mut self, pid: Pid, name: &str, member: &str, parent: Option<Pid>, held: Member) {
        let birth = Birth {
            name: name.into(),
            member: member.into(),
            parent,
            component: held.component,
            rights: held.rights,
            budget: if parent.is_some_and(|parent| parent > 1) {
                held.budget.with(ledger::Meter::Fuel, FUEL)
            } else {
                held.budget
            },
            seed: "00".into(),
            input: self.seq + 1,
        };
        self.add(pid, Event::Start(Box::new(birth)), None, None);
    }

    /// Starts process 1.
    pub fn start_root(&mut self, name: &str) {
        self.start(1, name, "", None, self.grant.root.clone());
    }

    /// Starts a child of process 1, as the writer of the team.
    pub fn start_child(&mut self, pid: Pid, name: &str) {
        self.start(pid, name, "writer", Some(1), self.grant.children["writer"].clone());
    }

    /// Starts a child of process 1 with so little that there can be many.
    pub fn start_small(&mut self, pid: Pid, name: &str) {
        let budget = ledger::Amounts::zero()
            .with(ledger::Meter::Fuel, 1_000 * FUEL)
            .with(ledger::Meter::Calls, 1_000)
            .with(ledger::Meter::BytesStored, 1 << 20)
            .with(ledger::Meter::BytesSent, 1 << 20);
        let held = Member { budget, ..self.grant.children["writer"].clone() };
        self.start(pid, name, "writer", Some(1), held);
    }

    /// Starts a child of another process, with nothing to spend but fuel.
    pub fn start_grandchild(&mut self, pid: Pid, parent: Pid, name: &str) {
        let held = Member { budget: ledger::Amounts::zero(), ..self.grant.children["writer"].clone() };
        self.start(pid, name, "writer", Some(parent), held);
    }

    /// A call that succeeded at once, with a body of so many bytes.
    pub fn did(&mut self, pid: Pid, call: Call, answer: Answer, size: u64) {
        let blob = Blob { size, digest: Some(Digest::of(b"body")) };
        self.add(
            pid,
            Event::Call { call, out: Ok(answer), repeat: None, base: Default::default() },
            Some(blob),
            None,
        );
    }

    /// A call with an effect outside, that carried so many bytes.
    pub fn acted(&mut self, pid: Pid, call: Call, answer: Answer, size: u64) {
        let blob = Blob { size, digest: Some(Digest::of(b"body")) };
        self.add(pid, Event::Intent { call, previous: None, reserve: Vec::new() }, Some(blob), None);
        self.add(pid, Event::Outcome { of: self.seq, out: Ok(answer) }, None, None);
    }

    /// A call that waits for the kernel.
    pub fn wait(&mut self, pid: Pid, call: Call) {
        self.add(pid, Event::Wait { call, until: None }, None, None);
    }

    /// A refused call.
    pub fn refused(&mut self, pid: Pid, call: Call, error: Error) -> Refusal {
        self.add(
            pid,
            Event::Call { call, out: Err(error), repeat: None, base: Default::default() },
            None,
            None,
        )
        .unwrap()
    }

    /// A process's end.
    pub fn exit(&mut self, pid: Pid, exit: Exit) {
        self.add(pid, Event::Exit(Box::new(exit)), None, None);
    }

    /// The run's end.
    pub fn end(&mut self) {
        self.add(0, Event::End, None, None);
    }
}

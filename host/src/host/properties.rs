//! What holds whatever processes, the operator and time do, in any order: a kernel over a real log, without guests. After each step
//! every entry was folded a second time ([`Kernel::new`]'s check), so a crash anywhere would find the same state; at the end the
//! whole log is folded once more.

use std::collections::BTreeMap;
use std::sync::Arc;

use audit::{Digest, Kind, SignerKey};
use authority::{Grant, Member, Pattern, Right, Rights, Use, Verb};
use bytes::Bytes;
use ledger::{Amounts, MAX, Meter};
use proptest::prelude::*;

use crate::infer::scripted::Scripted;
use crate::journal::{Journal, Reader, Store};
use crate::kernel::answer::Exit;
use crate::kernel::call::{Call, Key, Level, Pid, Question, Restart, Spec};
use crate::kernel::caps::Caps;
use crate::kernel::entry::{Entry, Event, Opening, Taken};
use crate::kernel::ports::{Driver, Format, Part, Request, Role, Turn};
use crate::kernel::state::{Run, State};
use crate::kernel::{Kernel, Launch, Lifted, Model, NewRun, Outside, Start};

/// Starts nothing: what guests would do is done by the test.
struct Nobody;

impl Start for Nobody {
    fn start(&self, _: Arc<Kernel>, _: Launch) {}
}

#[derive(Clone, Debug)]
enum Step {
    /// A child with these parts of the parent's budget, handed one right or all.
    Spawn { by: u32, bytes: u64, calls: u64, children: u64, tokens: u64, asked: Option<bool> },
    /// Bytes to a topic.
    Publish { by: u32, bytes: usize },
    /// A model is asked: set aside, then settled.
    Ask { by: u32, tokens: u32 },
    /// A log line, which anybody may write.
    Log { by: u32 },
    /// A right, or all, is taken.
    Revoke { from: u32, what: u8 },
    /// It ends, with all that it spawned.
    Exit { of: u32 },
}

fn step() -> impl Strategy<Value = Step> {
    let by = 0..6_u32;
    prop_oneof![
        4 => (by.clone(), 0..600_u64, 0..30_u64, 0..3_u64, 0..40_u64, prop::option::of(any::<bool>())).prop_map(
            |(by, bytes, calls, children, tokens, asked)| Step::Spawn { by, bytes, calls, children, tokens, asked }
        ),
        4 => (by.clone(), 0..50_usize).prop_map(|(by, bytes)| Step::Publish { by, bytes }),
        2 => (by.clone(), 0..60_u32).prop_map(|(by, tokens)| Step::Ask { by, tokens }),
        1 => by.clone().prop_map(|by| Step::Log { by }),
        2 => (by.clone(), 0..4_u8).prop_map(|(from, what)| Step::Revoke { from, what }),
        2 => by.prop_map(|of| Step::Exit { of }),
    ]
}

fn both(verb: Verb, object: &str) -> Right {
    Right { delegate: Use::Allow, ..Right::allow(verb, object.parse().unwrap()) }
}

fn grant() -> Grant {
    let rights = || {
        let reach = Right { depth: Some(2), ..both(Verb::Publish, "t") };
        let rights = [
            reach,
            both(Verb::Spawn, "*"),
            both(Verb::Infer, "default"),
            Right::allow(Verb::Log, Pattern::all()),
        ];
        Rights::new(rights).unwrap()
    };
    let member = |budget| Member {
        component: Digest::of(b"c"),
        manifest: Some(Digest::of(b"m")),
        rights: rights(),
        budget,
    };
    let root = Amounts::unlimited()
        .with(Meter::BytesSent, 1_500)
        .with(Meter::Calls, 60)
        .with(Meter::Children, 5)
        .with(Meter::TokensIn, 5_000)
        .with(Meter::TokensOut, 120);
    let place = authority::ModelPlace { driver: "scripted".into(), model: "m".into(), source: "s".into() };
    Grant {
        v: 1,
        package: "p".into(),
        version: Some("1.0.0".into()),
        signed: false,
        root: member(root),
        children: BTreeMap::from([("a".to_owned(), member(ledger::default_child()))]),
        mounts: BTreeMap::new(),
        models: BTreeMap::from([("default".to_owned(), place)]),
        weights: BTreeMap::new(),
        windows: BTreeMap::new(),
        signer: None,
        standing: None,
    }
}

fn lifted(bytes: Vec<u8>) -> Option<Lifted> {
    let size = bytes.len() as u64;
    Some(Lifted { bytes: Some(bytes.into()), size, in_flight: None })
}

/// What must hold of a run at any time.
fn check(run: &Run) {
    for me in &run.procs {
        for meter in Meter::ALL.into_iter().filter(|meter| me.account.granted(*meter) < MAX) {
            let account = &me.account;
            let gone = account.used(meter) + account.reserved(meter) + account.moved(meter);
            assert!(
                gone <= account.granted(meter),
                "/{} {meter}: {gone} of {}",
                me.pid,
                account.granted(meter)
            );
            let living = me.children.iter().filter_map(|child| run.proc(*child));
            let moved: u64 = living.map(|child| child.account.granted(meter)).sum();
            if meter.kind() == ledger::Kind::Consumable {
                assert_eq!(
                    account.moved(meter),
                    moved,
                    "/{} {meter}: what was moved is what its children have",
                    me.pid
                );
            }
        }
        let Some(parent) = me.parent.and_then(|parent| run.proc(parent)).filter(|_| me.exit.is_none()) else {
            continue;
        };
        for right in me.rights.iter().filter(|right| !Rights::free(right.verb, &right.object)) {
            assert!(
                parent.rights.delegates(right.verb, &right.object),
                "/{} holds {right:?} beyond its parent",
                me.pid
            );
        }
    }
}

/// The living process that a number stands for.
fn one(run: &Run, n: u32) -> Option<Pid> {
    let living: Vec<Pid> = run.procs.iter().filter(|me| me.exit.is_none()).map(|me| me.pid).collect();
    living.get(n as usize % living.len().max(1)).copied()
}

async fn end(kernel: &Arc<Kernel>, run: &Run, key: Key) {
    // Children first, as the sandbox does.
    let mut all: Vec<Pid> = run.descent(key.pid).map(|me| me.pid).collect();
    all.reverse();
    for pid in all {
        kernel.exit(Key { run: key.run, pid }, 0, Exit::Killed, None).await.unwrap();
    }
}

async fn perform(kernel: &Arc<Kernel>, run: &Run, number: u32, step: Step) {
    let who = |n: u32| one(run, n).map(|pid| Key { run: number, pid });
    match step {
        Step::Spawn { by, bytes, calls, children, tokens, asked } => {
            let Some(key) = who(by) else { return };
            let budget = vec![
                (Meter::BytesSent, bytes),
                (Meter::Calls, calls),
                (Meter::Children, children),
                (Meter::TokensOut, tokens),
                (Meter::TokensIn, 20 * tokens),
            ];
            let capabilities = asked.map(|all| {
                let verbs = if all { &["publish", "spawn", "infer"][..] } else { &["publish"] };
                let object = |verb: &str| {
                    if verb == "publish" {
                        "t"
                    } else if verb == "infer" {
                        "default"
                    } else {
                        "*"
                    }
                };
                verbs.iter().map(|verb| ((*verb).to_owned(), object(verb).to_owned())).collect()
            });
            let name = Some(format!("n{}", run.procs.len()));
            let spec =
                Spec { holds: 0, component: "a".into(), name, budget, capabilities, restart: Restart::Never };
            kernel.call(key, 0, Call::Spawn(Box::new(spec)), lifted(Vec::new())).await.unwrap();
        }
        Step::Publish { by, bytes } => {
            let Some(key) = who(by) else { return };
            kernel
                .call(key, 0, Call::Publish { topic: "t".into() }, lifted(vec![b'x'; bytes]))
                .await
                .unwrap();
        }
        Step::Ask { by, tokens } => {
            let Some(key) = who(by) else { return };
            let turn = Turn { role: Role::User, parts: vec![Part::Text("x".into())] };
            let (tools, parameters, format) = (Vec::new(), Vec::new(), Format::Text);
            let request = Request { turns: vec![turn], tools, format, max_tokens: tokens, parameters };
            let question = Question {
                model: "default".into(),
                max_tokens: tokens,
                bound: 10,
                tools: false,
                json: false,
                fault: None,
            };
            let body = serde_json::to_vec(&request).unwrap();
            kernel.call(key, 0, Call::Generate(question), lifted(body)).await.unwrap();
        }
        Step::Log { by } => {
            let Some(key) = who(by) else { return };
            kernel.call(key, 0, Call::Log { level: Level::Info }, lifted(b"x".to_vec())).await.unwrap();
        }
        Step::Revoke { from, what } => {
            let Some(key) = who(from) else { return };
            let right = |verb, object: &str| Taken::Right { verb, object: object.parse().unwrap() };
            let what = match what {
                0 => right(Verb::Publish, "*"),
                1 => right(Verb::Spawn, "a"),
                2 => right(Verb::Infer, "default"),
                _ => Taken::All,
            };
            kernel.revoke(key, what, None).await.unwrap();
        }
        // The root stays to the end.
        Step::Exit { of } => {
            let Some(key) = who(of).filter(|key| key.pid != 1) else { return };
            end(kernel, run, key).await;
        }
    }
}

/// A run's life; what it was before its end.
async fn lives(steps: Vec<Step>, dir: &std::path::Path) -> Run {
    let key = SignerKey::new("properties", Kind::Author, &[7; 32]).unwrap();
    let journal: Arc<Journal<Entry>> = Arc::new(Journal::start(Store::open(dir).unwrap(), key).unwrap());
    let kernel = Kernel::new(journal, State::default(), Caps::default(), true);
    let script = "[[answer]]\ntext = \"yes\"\ntokens-in = 3\ntokens-out = 2\n";
    let driver: Arc<dyn Driver> = Arc::new(Scripted::parse(script, "s").unwrap());
    let traits = driver.traits("m");
    let models = BTreeMap::from([("default".to_owned(), Model { driver, name: "m".into(), traits })]);
    let outside = Outside { models, ..Outside::default() };
    let (label, host, semantics, wit) = ("p".into(), "0".into(), "s".into(), "w".into());
    let opening = Opening { label, host, semantics, wit, names: None };
    let new = NewRun { grant: grant(), opening, outside, input: Bytes::new(), start: Arc::new(Nobody) };
    let root = kernel.open(new).await.unwrap();
    for step in steps {
        let run = kernel.run(root.run).unwrap();
        perform(&kernel, &run, root.run, step).await;
        check(&kernel.run(root.run).unwrap());
    }
    let before = kernel.run(root.run).unwrap();
    kernel.on_disk().await.unwrap();
    // A host that is killed here finds this.
    let mut found = State::default();
    let reader = Reader::open(dir).unwrap();
    let (size, _) = reader.head().unwrap();
    reader
        .lines(1, size, |seq, line| {
            let entry = Entry::parse(line).unwrap();
            let grant =
                matches!(entry.event, Event::Run(_)).then(|| reader.body(seq).unwrap().unwrap().data.into());
            found.apply(&entry, grant.as_ref(), &mut Vec::new()).unwrap();
            Ok::<_, crate::journal::StoreError>(())
        })
        .unwrap();
    // Refusals that are still counted are no entry yet: they charge their place in `calls` later.
    assert_eq!(found.runs[&root.run].procs.len(), before.procs.len());
    check(&found.runs[&root.run]);
    end(&kernel, &before, root).await;
    kernel.on_disk().await.unwrap();
    kernel.journal().close();
    before
}

fn lived(steps: Vec<Step>) -> Run {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(lives(steps, dir.path()))
}

/// The steps do what they say.
#[test]
fn a_life_has_children_costs_and_losses() {
    let spawn = |by| {
        let part = if by == 0 { 3 } else { 1 };
        let (bytes, calls, children, tokens) = (300 * part, 10 * part, part, 20 * part);
        Step::Spawn { by, bytes, calls, children, tokens, asked: None }
    };
    let run = lived(vec![
        spawn(0),
        spawn(1),
        Step::Publish { by: 2, bytes: 20 },
        Step::Ask { by: 1, tokens: 10 },
        Step::Revoke { from: 1, what: 0 },
        Step::Publish { by: 2, bytes: 20 },
        Step::Publish { by: 0, bytes: 20 },
    ]);
    let used = |pid: usize, meter| run.procs[pid - 1].account.used(meter);
    assert_eq!(run.procs.len(), 3);
    assert_eq!((used(1, Meter::BytesSent), used(3, Meter::BytesSent)), (20, 20), "the second was refused");
    assert_eq!((used(2, Meter::TokensOut), used(2, Meter::TokensIn)), (2, 3));
    let may = |pid: usize| run.procs[pid - 1].may(Verb::Publish, "t");
    assert_eq!([may(1), may(2), may(3)], [true, false, false]);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if std::env::var_os("AOS_SOAK").is_some() { 2_000 } else { 200 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn whatever_happens_nothing_grows(steps in prop::collection::vec(step(), 1..60)) {
        lived(steps);
    }
}

//! Attacks with instructions and memory: everything is metered, wherever it runs.

use serde_json::json;

use super::forge::Agent;
use super::siege::{Attack, By, Ends, Siege};
use crate::support::Place;

const LOOP: &str = "(loop $l (br $l))";

fn forged(number: u32, name: &'static str, agent: Agent<'_>, ends: Ends) -> Attack {
    Attack { number, name, by: By::Component(agent.forge()), needs: &[], budget: &[], ends }
}

fn scripted(number: u32, name: &'static str, script: serde_json::Value, ends: Ends) -> Attack {
    Attack { number, name, by: By::Script(script), needs: &[], budget: &[], ends }
}

/// Grows two memories in turn until neither grows, and traps when together they hold more than the 64 pages granted.
const TWO_MEMORIES: &str = "(local $held i32)
  (loop $more
    (br_if $more (i32.or
      (i32.ne (memory.grow 0 (i32.const 1)) (i32.const -1)) (i32.ne (memory.grow $second (i32.const 1)) (i32.const -1)))))
  (if (i32.gt_u (i32.add (memory.size 0) (memory.size $second)) (i32.const 64)) (then unreachable))";

/// Asks for all table elements that there are, in steps that one can pay for.
const TABLE: &str =
    "(if (i32.ne (table.grow $t (ref.null func) (i32.const 1000000)) (i32.const -1)) (then unreachable))";

#[test]
fn instructions_and_memory_are_metered_wherever_they_run() {
    let fuel = || Ends::Exhausted("fuel");
    let attacks = [
        scripted(1, "infinite-loop", json!([{"op": "spin"}]), fuel()),
        forged(
            2,
            "loop-at-the-start",
            Agent { items: &format!("(func $s {LOOP}) (start $s)"), ..Agent::default() },
            fuel(),
        ),
        forged(
            2,
            "loop-in-realloc",
            Agent { realloc: &format!("{LOOP} (unreachable)"), ..Agent::default() },
            fuel(),
        ),
        forged(2, "loop-in-post-return", Agent { after: LOOP, ..Agent::default() }, fuel()),
        forged(
            3,
            "bulk-memory",
            Agent {
                pages: "48",
                run: "(loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 3000000)) (br $l))",
                ..Agent::default()
            },
            fuel(),
        ),
        forged(
            3,
            "bulk-copy",
            Agent {
                pages: "48",
                run: "(loop $l (memory.copy (i32.const 1) (i32.const 0) (i32.const 3000000)) (br $l))",
                ..Agent::default()
            },
            fuel(),
        ),
        forged(
            3,
            "bulk-table",
            Agent {
                items: "(table $t 20000 funcref)",
                run: "(loop $l (table.fill $t (i32.const 0) (ref.null func) (i32.const 20000)) (br $l))",
                ..Agent::default()
            },
            fuel(),
        ),
        scripted(4, "deep-recursion", json!([{"op": "recurse"}]), Ends::Trapped("call stack exhausted")),
        scripted(
            5,
            "memory-to-the-maximum",
            json!([{"op": "grow", "bytes": 4_000_000_000_u64}, {"op": "grow", "bytes": 8 << 20}, {"op": "grow", "bytes": 65536}]),
            Ends::Answers(|answers| {
                [0, 1].into_iter().all(|at| answers[at]["ok"]["grown"] == false)
                    && answers[2]["ok"]["grown"] == true
            }),
        ),
        forged(
            6,
            "many-memories",
            Agent { items: "(memory $second 0)", run: TWO_MEMORIES, ..Agent::default() },
            Ends::Returned,
        ),
        forged(
            7,
            "table-to-the-maximum",
            Agent { items: "(table $t 0 funcref)", run: TABLE, ..Agent::default() },
            Ends::Returned,
        ),
        forged(
            7,
            "table-of-all-32-bits",
            Agent {
                items: "(table $t 0 funcref)",
                run: "(drop (table.grow $t (ref.null func) (i32.const -1)))",
                ..Agent::default()
            },
            fuel(),
        ),
    ];
    Siege::lay(&Place::new(), &[], &attacks);
}

#[test]
fn a_loop_that_fuel_does_not_end_is_ended_by_time() {
    let mut attack =
        scripted(1, "endless-with-much-fuel", json!([{"op": "spin"}]), Ends::Exhausted("wall-time"));
    attack.budget = &["fuel = \"90G\"", "wall-time = \"300ms\""];
    let mut sleeper =
        scripted(1, "sleeps-for-ever", json!([{"op": "receive"}]), Ends::Exhausted("wall-time"));
    sleeper.budget = &["wall-time = \"100ms\""];
    Siege::lay(&Place::new(), &[], &[attack, sleeper]);
}

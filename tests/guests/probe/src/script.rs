//! The steps of a script, one after another.

use aos_guest::{Error, Failure};
use serde_json::{Value, json};

use crate::args::Args;
use crate::ops;
use crate::show;
use crate::state::State;

/// What a step answered: a value or an error of the interface.
pub type Outcome = Result<Value, Error>;

/// How a script goes on.
enum Flow {
    /// With the next step.
    On(Value),
    /// It ends with this output, or with this failure, word for word.
    End(Result<Vec<u8>, Failure>),
}

/// Runs a script and answers its output.
pub fn run(input: &[u8]) -> Result<Vec<u8>, Failure> {
    let steps: Vec<Value> = serde_json::from_slice(input)
        .map_err(|error| Failure::new(format!("the input is no JSON array of steps: {error}")))?;
    match all(&mut State::default(), &steps, false)? {
        Flow::On(results) => Ok(serde_json::to_vec(&results)?),
        Flow::End(end) => end,
    }
}

/// Runs steps; with `stop` only up to the first that is answered with an error.
fn all(state: &mut State, steps: &[Value], stop: bool) -> Result<Flow, Failure> {
    let mut results = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let at =
            |failure: Failure| Failure { message: format!("step {number}: {}", failure.message), ..failure };
        match one(state, step.clone()).map_err(at)? {
            Flow::On(result) => {
                let failed = result.get("err").is_some();
                results.push(result);
                if failed && stop {
                    break;
                }
            }
            done => return Ok(done),
        }
    }
    Ok(Flow::On(Value::Array(results)))
}

/// Runs one step. Every op takes `must`; `return` takes a body, `fail` a `message`.
fn one(state: &mut State, step: Value) -> Result<Flow, Failure> {
    let mut args = Args::new(step)?;
    let must = args.flag("must")?;
    match args.op() {
        "return" => return Ok(Flow::End(Ok(args.body()?))),
        "fail" => return Ok(Flow::End(Err(Failure::new(args.text_or_huge("message")?)))),
        "repeat" => return repeat(state, args),
        _ => {}
    }
    let op = args.op().to_owned();
    let outcome = step_of(state, &op, &mut args)?;
    args.done()?;
    match &outcome {
        Err(error) if must => Err(Failure::of(&op, error.clone())),
        _ => Ok(Flow::On(show::outcome(&outcome))),
    }
}

/// `repeat`: `n`, `steps`, `until_err`. Answers how often it ran and what the last round answered.
fn repeat(state: &mut State, mut args: Args) -> Result<Flow, Failure> {
    let (n, steps, until_err) = (args.number("n")?, args.list("steps")?, args.flag("until_err")?);
    args.done()?;
    let (mut times, mut last) = (0, json!([]));
    while times < n {
        match all(state, &steps, until_err)? {
            Flow::On(results) => last = results,
            done => return Ok(done),
        }
        times += 1;
        let failed = last.as_array().is_some_and(|all| all.iter().any(|one| one.get("err").is_some()));
        if until_err && failed {
            break;
        }
    }
    Ok(Flow::On(json!({"ok": {"times": times, "last": last}})))
}

fn step_of(state: &mut State, op: &str, args: &mut Args) -> Result<Outcome, Failure> {
    match op {
        "send" => ops::ipc::send(args),
        "receive" => ops::ipc::receive(args),
        "publish" => ops::ipc::publish(args),
        "subscribe" => ops::ipc::subscribe(state, args),
        "close" => ops::ipc::close(state, args),
        "acquire" => ops::lease::acquire(state, args),
        "token" => ops::lease::token(state, args),
        "renew" => ops::lease::renew(state, args),
        "release" => ops::lease::release(state, args),
        "read" => ops::mount::read(args),
        "write" => ops::mount::write(state, args),
        "append" => ops::mount::append(args),
        "list" => ops::mount::list(args),
        "stat" => ops::mount::stat(args),
        "remove" => ops::mount::remove(state, args),
        "rename" => ops::mount::rename(state, args),
        "put" => ops::artifact::put(args),
        "get" => ops::artifact::get(args),
        "artifacts" => ops::artifact::artifacts(args),
        "models" => ops::infer::models(),
        "generate" => ops::infer::generate(args),
        "stream" => ops::infer::stream(state, args),
        "next" => ops::infer::next(state, args),
        "cancel" => ops::infer::cancel(state, args),
        "whoami" => ops::process::whoami(),
        "spawn" => ops::process::spawn(state, args),
        "continue_as_new" => ops::process::continue_as_new(args),
        "restored" => ops::process::restored(),
        "held" => ops::process::held(state, args),
        "budget" => ops::process::budget(),
        "pid" => ops::process::pid(state, args),
        "wait" => ops::process::wait(state, args),
        "signal" => ops::process::signal(state, args),
        "tools" => ops::plain::tools(),
        "call" => ops::plain::call(args),
        "log" => ops::plain::log(args),
        "labels" => ops::plain::labels(),
        "declassify" => ops::plain::declassify(args),
        "drop" => Ok(Ok(json!(state.drop(args)?))),
        _ => ops::world::step(state, op, args),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn text(steps: Value) -> Result<String, Failure> {
        run(steps.to_string().as_bytes()).map(|output| String::from_utf8(output).unwrap())
    }

    #[test]
    fn a_script_answers_each_step() {
        let steps = json!([{"op": "spin_for", "n": 3}, {"op": "repeat", "n": 2, "steps": [{"op": "spin_for", "n": 1}]}]);
        assert_eq!(text(steps).unwrap(), r#"[{"ok":3},{"ok":{"last":[{"ok":1}],"times":2}}]"#);
        assert_eq!(text(json!([])).unwrap(), "[]");
    }

    #[test]
    fn a_script_can_return_or_fail_early() {
        assert_eq!(text(json!([{"op": "return", "body": "hi"}, {"op": "trap"}])).unwrap(), "hi");
        let nested = json!([{"op": "repeat", "n": 9, "steps": [{"op": "return", "size": 3}]}]);
        assert_eq!(text(nested).unwrap(), "xxx");
        assert_eq!(text(json!([{"op": "fail", "message": "no"}])).unwrap_err().message, "no");
    }

    #[test]
    fn slips_fail_the_agent_and_say_where() {
        let told = |steps| text(steps).unwrap_err().message;
        assert_eq!(
            told(json!([{"op": "spin_for", "n": 1}, {"op": "sned"}])),
            "step 1: there is no op \"sned\""
        );
        assert_eq!(
            told(json!([{"op": "spin_for", "n": 1, "m": 1}])),
            "step 0: spin_for: `m` is no key of this op"
        );
        assert_eq!(told(json!([{"op": "token", "on": "x"}])), "step 0: token: there is no such handle \"x\"");
        assert!(told(json!({})).starts_with("the input is no JSON array of steps"));
    }
}

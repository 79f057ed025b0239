//! `aos:host/process`.

use aos_guest::Failure;
use aos_guest::bindings::aos::host::process::{self as wit, Amount, Capability, Exit, Restart, Signal, Spec};
use serde_json::{Value, json};

use crate::args::{self, Args};
use crate::script::Outcome;
use crate::show;
use crate::state::{Handle, State};

/// Nothing. Answers pid, parent and name.
pub fn whoami() -> Result<Outcome, Failure> {
    let me = wit::whoami();
    Ok(Ok(json!({"pid": me.pid, "parent": me.parent, "name": me.name})))
}

/// `component`, `name`, `input` (a text, or a script as JSON) or a body, `budget` ({meter: amount}), `capabilities`
/// ([[verb, object], …]), `restart`, `as`. Answers the pid.
pub fn spawn(state: &mut State, args: &mut Args) -> Result<Outcome, Failure> {
    let handle = args.maybe_text("as")?;
    let spec = Spec {
        component: args.text("component")?,
        name: args.maybe_text("name")?,
        input: match args.take("input") {
            None => args.body()?,
            Some(Value::String(text)) => text.into_bytes(),
            Some(script) => serde_json::to_vec(&script)?,
        },
        budget: budgeted(args)?,
        capabilities: capabilities(args)?,
        restart: match args.maybe_text("restart")?.as_deref() {
            None | Some("never") => Restart::Never,
            Some("on-failure") => Restart::OnFailure,
            Some("always") => Restart::Always,
            Some(_) => return Err(args.wrong("restart", "never, on-failure or always")),
        },
    };
    let pid = wit::spawn(&spec).map(|child| {
        let pid = child.pid();
        state.keep(handle, Handle::Child(child));
        pid
    });
    Ok(pid.map(|pid| json!(pid)).map_err(Into::into))
}

fn budgeted(args: &mut Args) -> Result<Vec<Amount>, Failure> {
    let amount = |(name, amount): (String, Value)| {
        let amount =
            amount.as_u64().ok_or_else(|| Failure::new(format!("spawn: {name} is a number from 0")))?;
        Ok(Amount { meter: args::meter(&name)?, amount })
    };
    args.object("budget")?.into_iter().map(amount).collect()
}

fn capabilities(args: &mut Args) -> Result<Option<Vec<Capability>>, Failure> {
    let Some(value) = args.take("capabilities") else { return Ok(None) };
    let one = |pair: &Value| {
        Some(Capability { verb: pair[0].as_str()?.to_owned(), object: pair[1].as_str()?.to_owned() })
    };
    let all = value.as_array().and_then(|all| all.iter().map(one).collect::<Option<Vec<_>>>());
    all.map(Some).ok_or_else(|| args.wrong("capabilities", "a list of [verb, object]"))
}

/// A body. It answers only when it fails.
pub fn continue_as_new(args: &mut Args) -> Result<Outcome, Failure> {
    Ok(wit::continue_as_new(&args.body()?).map(|()| Value::Null).map_err(Into::into))
}

/// Nothing. Answers the state, or null.
pub fn restored() -> Result<Outcome, Failure> {
    Ok(Ok(json!(wit::restored().map(|state| show::bytes(&state)))))
}

/// `as`: keeps what is held as `AS-lease-0`, `AS-subscription-0`, `AS-child-0` and so on. Answers the leases' tokens, how
/// many subscriptions there are, and the children's pids.
pub fn held(state: &mut State, args: &mut Args) -> Result<Outcome, Failure> {
    let name = args.maybe_text("as")?.unwrap_or_else(|| "held".into());
    let held = wit::held();
    let tokens: Vec<u64> = held.leases.iter().map(|lease| lease.token()).collect();
    let pids: Vec<u64> = held.children.iter().map(|child| child.pid()).collect();
    let subscriptions = held.subscriptions.len();
    for (n, lease) in held.leases.into_iter().enumerate() {
        state.keep(Some(format!("{name}-lease-{n}")), Handle::Lease(lease));
    }
    for (n, subscription) in held.subscriptions.into_iter().enumerate() {
        state.keep(Some(format!("{name}-subscription-{n}")), Handle::Subscription(subscription));
    }
    for (n, child) in held.children.into_iter().enumerate() {
        state.keep(Some(format!("{name}-child-{n}")), Handle::Child(child));
    }
    Ok(Ok(json!({"leases": tokens, "subscriptions": subscriptions, "children": pids})))
}

/// Nothing. Answers {meter: {left, granted}}.
pub fn budget() -> Result<Outcome, Failure> {
    let one = |one: wit::Allowance| {
        (one.meter.name().to_owned(), json!({"left": one.left, "granted": one.granted}))
    };
    Ok(Ok(Value::Object(wit::budget().into_iter().map(one).collect())))
}

/// `on` a child. Answers its pid.
pub fn pid(state: &State, args: &mut Args) -> Result<Outcome, Failure> {
    Ok(Ok(json!(state.child(args)?.pid())))
}

/// `on` a child, `timeout_ms`. Answers how it ended ({"returned": …}), or null.
pub fn wait(state: &State, args: &mut Args) -> Result<Outcome, Failure> {
    let timeout = args.maybe_number("timeout_ms")?;
    let exit = state.child(args)?.wait(timeout);
    Ok(exit.map(|exit| json!(exit.map(ended))).map_err(Into::into))
}

fn ended(exit: Exit) -> Value {
    match exit {
        Exit::Returned(output) => json!({"returned": show::bytes(&output)}),
        Exit::Failed(failure) => json!({"failed": show::failure(failure)}),
        Exit::Trapped(why) => json!({"trapped": why}),
        Exit::Exhausted(meter) => json!({"exhausted": meter.name()}),
        Exit::Killed => json!({"killed": null}),
    }
}

/// `on` a child, `signal`.
pub fn signal(state: &State, args: &mut Args) -> Result<Outcome, Failure> {
    let signal = match args.text("signal")?.as_str() {
        "pause" => Signal::Pause,
        "resume" => Signal::Resume,
        "stop" => Signal::Stop,
        "kill" => Signal::Kill,
        _ => return Err(args.wrong("signal", "pause, resume, stop or kill")),
    };
    Ok(state.child(args)?.signal(signal).map(|()| Value::Null).map_err(Into::into))
}

//! `aos:host/ipc`.

use aos_guest::Failure;
use aos_guest::bindings::aos::host::ipc::{self as wit, Message, Priority, SendOptions};
use serde_json::{Value, json};

use crate::args::Args;
use crate::script::Outcome;
use crate::show;
use crate::state::{Handle, State};

/// `to` (or `huge_to`), a body, `priority`, `in_reply_to`, `wait_ms`. Answers the id.
pub fn send(args: &mut Args) -> Result<Outcome, Failure> {
    let priority = match args.maybe_text("priority")?.as_deref() {
        Some("low") => Priority::Low,
        None | Some("normal") => Priority::Normal,
        Some("high") => Priority::High,
        Some(_) => return Err(args.wrong("priority", "low, normal or high")),
    };
    let (in_reply_to, wait_ms) = (args.maybe_number("in_reply_to")?, args.maybe_number("wait_ms")?);
    let (to, body) = (args.text_or_huge("to")?, args.body()?);
    let id = wit::send(&to, &body, SendOptions { priority, in_reply_to, wait_ms });
    Ok(id.map(|id| json!(id)).map_err(Into::into))
}

/// `timeout_ms`. Answers the message, or null.
pub fn receive(args: &mut Args) -> Result<Outcome, Failure> {
    let message = wit::receive(args.maybe_number("timeout_ms")?);
    Ok(message.map(|message| json!(message.map(shown))).map_err(Into::into))
}

fn shown(message: Message) -> Value {
    let priority = match message.priority {
        Priority::Low => "low",
        Priority::Normal => "normal",
        Priority::High => "high",
    };
    json!({
        "id": message.id,
        "sender": message.sender,
        "sender_name": message.sender_name,
        "topic": message.topic,
        "in_reply_to": message.in_reply_to,
        "priority": priority,
        "labels": message.labels,
        "body": show::bytes(&message.body),
    })
}

/// `topic` (or `huge_topic`), a body. Answers how many subscribers there were.
pub fn publish(args: &mut Args) -> Result<Outcome, Failure> {
    let (topic, body) = (args.text_or_huge("topic")?, args.body()?);
    Ok(wit::publish(&topic, &body).map(|count| json!(count)).map_err(Into::into))
}

/// `pattern` (or `huge_pattern`), `as`.
pub fn subscribe(state: &mut State, args: &mut Args) -> Result<Outcome, Failure> {
    let name = args.maybe_text("as")?;
    let pattern = args.text_or_huge("pattern")?;
    let kept =
        wit::subscribe(&pattern).map(|subscription| state.keep(name, Handle::Subscription(subscription)));
    Ok(kept.map(|()| Value::Null).map_err(Into::into))
}

/// `on` a subscription.
pub fn close(state: &State, args: &mut Args) -> Result<Outcome, Failure> {
    state.subscription(args)?.close();
    Ok(Ok(Value::Null))
}

//! Work for measurements: `VERB COUNT`, done with as little of its own as possible.

use aos_guest::bindings::aos::host::{ipc, lease, process};
use aos_guest::{Failure, agent};

agent!(load);

fn load(input: String) -> Result<String, Failure> {
    let (verb, count) = input.split_once(' ').unwrap_or((&input, "0"));
    let count: u32 = count.parse().map_err(|_| "the count is not a number")?;
    match verb {
        "null" => (0..count).for_each(|_| drop(process::restored())),
        "send" => send(count)?,
        "emit" => emit("s0", count)?,
        "topics" => topics(count)?,
        "round" => round(count)?,
        "spawn" => spawn(count)?,
        "crowd" => crowd(count)?,
        "mesh" => mesh(count)?,
        "pair" => pair(count)?,
        "echo" => echo()?,
        "first" => drop(process::restored()),
        // Waits for ever without taking messages.
        "hold" => drop(lease::acquire("stage", 1_000, None).map_err(failure)?),
        _ => return Err(format!("no such verb: {verb}").into()),
    }
    Ok(count.to_string())
}

fn failure(error: aos_guest::bindings::aos::host::types::Error) -> Failure {
    format!("{error:?}").into()
}

fn child(component: &str, name: Option<String>, input: &str) -> Result<process::Child, Failure> {
    let spec = process::Spec {
        component: component.into(),
        name,
        input: input.into(),
        budget: Vec::new(),
        capabilities: None,
        restart: process::Restart::Never,
    };
    process::spawn(&spec).map_err(failure)
}

fn options() -> ipc::SendOptions {
    ipc::SendOptions { priority: ipc::Priority::Normal, in_reply_to: None, wait_ms: None }
}

/// 64-byte messages to children that do not take them, 1,000 to each.
fn send(count: u32) -> Result<(), Failure> {
    let _stage = lease::acquire("stage", 86_400_000, None).map_err(failure)?;
    let sinks = count.div_ceil(1_000);
    for sink in 0..sinks {
        child("load", Some(format!("s{sink}")), "hold 0")?;
    }
    (0..sinks).try_for_each(|sink| emit(&format!("s{sink}"), 1_000))
}

/// 64-byte messages to one process.
fn emit(to: &str, count: u32) -> Result<(), Failure> {
    for _ in 0..count {
        ipc::send(to, &[7; 64], options()).map_err(failure)?;
    }
    Ok(())
}

/// Events that nobody hears, each under a name of its own.
fn topics(count: u32) -> Result<(), Failure> {
    for at in 0..count {
        ipc::publish(&format!("t.{at}"), &[7; 64]).map_err(failure)?;
    }
    Ok(())
}

/// 64-byte messages to and from one child, one at a time.
fn round(count: u32) -> Result<(), Failure> {
    child("load", Some("echo".into()), "echo 0")?;
    for _ in 0..count {
        ipc::send("echo", &[7; 64], options()).map_err(failure)?;
        ipc::receive(None).map_err(failure)?;
    }
    Ok(())
}

fn echo() -> Result<(), Failure> {
    loop {
        let message = ipc::receive(None).map_err(failure)?.ok_or("nothing came")?;
        ipc::send("parent", &message.body, options()).map_err(failure)?;
    }
}

/// Pairs of children that send 64-byte messages to and fro; ends when it is told to.
fn mesh(count: u32) -> Result<(), Failure> {
    for pair in 0..count / 2 {
        child("load", Some(format!("e{pair}")), &format!("pair {pair}"))?;
        child("load", Some(format!("a{pair}")), &format!("pair {pair}"))?;
    }
    ipc::receive(None).map_err(failure)?;
    Ok(())
}

/// One of a pair.
fn pair(pair: u32) -> Result<(), Failure> {
    let waits = process::whoami().name.starts_with('e');
    let other = if waits { format!("a{pair}") } else { format!("e{pair}") };
    // The other one is spawned second: it says when it is there.
    if !waits {
        ipc::send(&other, &[7; 64], options()).map_err(failure)?;
    }
    loop {
        ipc::receive(None).map_err(failure)?;
        ipc::send(&other, &[7; 64], options()).map_err(failure)?;
    }
}

/// Children that make one call and end, one after the other.
fn spawn(count: u32) -> Result<(), Failure> {
    for _ in 0..count {
        child("load", None, "first 0")?.wait(None).map_err(failure)?;
    }
    Ok(())
}

/// Children that wait; ends when it is told to.
fn crowd(count: u32) -> Result<(), Failure> {
    for at in 0..count {
        child("idle", Some(format!("c{at}")), "")?;
    }
    ipc::receive(None).map_err(failure)?;
    Ok(())
}

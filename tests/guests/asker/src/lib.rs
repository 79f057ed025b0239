//! Agents that ask a model, as a plan says it.
//!
//! The root's input has a line for each child: its label in the team, its name, and its own input. A child's input is what it
//! waits before it begins, how many questions it asks, and a question's tokens in and out at most: four numbers, the first in
//! milliseconds.

use aos_guest::bindings::aos::host::infer::{self, Format, Part, Request, Role, Turn};
use aos_guest::bindings::aos::host::{ipc, process};
use aos_guest::{Failure, agent};

agent!(asker);

fn asker(input: String) -> Result<String, Failure> {
    let numbers: Option<Vec<u32>> = input.split(' ').map(|word| word.parse().ok()).collect();
    match numbers.as_deref() {
        Some([wait, questions, tokens_in, tokens_out]) => {
            ask(*wait, *questions, *tokens_in, *tokens_out).map(|()| String::new())
        }
        _ => lead(&input),
    }
}

fn failure(error: aos_guest::bindings::aos::host::types::Error) -> Failure {
    format!("{error:?}").into()
}

/// Spawns a child for each line and waits until all have ended well.
fn lead(plan: &str) -> Result<String, Failure> {
    for line in plan.lines() {
        let mut words = line.splitn(3, ' ');
        let mut word = || words.next().ok_or("a line has a label, a name and four numbers");
        let spec = process::Spec {
            component: word()?.into(),
            name: Some(word()?.into()),
            input: word()?.into(),
            budget: Vec::new(),
            capabilities: None,
            restart: process::Restart::Never,
        };
        process::spawn(&spec).map_err(failure)?;
    }
    for _ in plan.lines() {
        let end = ipc::receive(None).map_err(failure)?.ok_or("nothing came")?;
        let said = String::from_utf8_lossy(&end.body);
        if !said.contains("returned") {
            return Err(format!("a child did not end well: {said}").into());
        }
    }
    Ok(String::new())
}

fn ask(wait: u32, questions: u32, tokens_in: u32, tokens_out: u32) -> Result<(), Failure> {
    if wait > 0 {
        // Nobody sends it anything: it wakes when the time is over.
        ipc::receive(Some(wait.into())).map_err(failure)?;
    }
    let text = "x".repeat(tokens_in as usize);
    let request = Request {
        model: None,
        turns: vec![Turn { role: Role::User, parts: vec![Part::Text(text)] }],
        tools: Vec::new(),
        format: Format::Text,
        max_tokens: tokens_out,
        parameters: Vec::new(),
    };
    for _ in 0..questions {
        infer::generate(&request).map_err(failure)?;
    }
    Ok(())
}

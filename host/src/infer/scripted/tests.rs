use std::time::{Duration, Instant};

use super::*;
use crate::kernel::ports::{Format, Request, Role};

fn asked(role: Role, parts: Vec<Part>) -> Ask {
    let request = Request {
        turns: vec![Turn { role, parts }],
        tools: Vec::new(),
        format: Format::Text,
        max_tokens: 1_000,
        parameters: Vec::new(),
    };
    Ask {
        model: "m".into(),
        process: "writer".into(),
        turn: 0,
        request: Arc::new(request),
        caller: Default::default(),
        waited: Default::default(),
    }
}

fn ask(text: &str) -> Ask {
    asked(Role::User, vec![Part::Text(text.into())])
}

fn limited(text: &str, max_tokens: u32) -> Ask {
    let mut ask = ask(text);
    Arc::make_mut(&mut ask.request).max_tokens = max_tokens;
    ask
}

fn script(text: &str) -> Scripted {
    Scripted::parse(text, "test").unwrap()
}

async fn said(script: &Scripted, ask: Ask) -> String {
    let answer = script.generate(ask).await.unwrap();
    let texts = answer.parts.iter().map(|part| match part {
        Part::Text(text) => text.clone(),
        other => panic!("{other:?}"),
    });
    texts.collect()
}

async fn chunks(script: &Scripted, ask: Ask) -> Vec<Chunk> {
    let mut receiver = script.stream(ask).await.unwrap();
    let mut chunks = Vec::new();
    while let Some(chunk) = receiver.recv().await {
        chunks.push(chunk.unwrap());
    }
    chunks
}

fn text(text: &str) -> Chunk {
    Chunk::Text(text.into())
}

#[tokio::test]
async fn the_first_answer_whose_conditions_all_hold_is_given() {
    let script = script(
        "[[answer]]\nmodel = 'other'\ntext = 'by model'\n\
         [[answer]]\nprocess = 'reader'\ntext = 'by process'\n\
         [[answer]]\nrole = 'tool'\ncontains = '42'\ntext = 'by role'\n\
         [[answer]]\nturn = 3\ntext = 'by turn'\n\
         [[answer]]\ncontains = 'merge'\nmatches = '(?i)^MERGE \\d+$'\ntext = 'by both'\n\
         [[answer]]\ncontains = 'merge'\ntext = 'by substring'\n\
         [[answer]]\ntext = 'otherwise'",
    );
    let other = Ask { model: "other".into(), ..ask("") };
    assert_eq!(said(&script, other).await, "by model");
    let reader = Ask { process: "reader".into(), ..ask("merge 1") };
    assert_eq!(said(&script, reader).await, "by process");
    let output = Part::ToolOutput { id: "1".into(), output: "is 42".into(), failed: false };
    assert_eq!(said(&script, asked(Role::Tool, vec![output])).await, "by role");
    assert_eq!(said(&script, Ask { turn: 3, ..ask("merge") }).await, "by turn");
    assert_eq!(said(&script, ask("merge 17")).await, "by both");
    assert_eq!(said(&script, ask("please merge 17")).await, "by substring");
    assert_eq!(said(&script, ask("42")).await, "otherwise");
}

#[tokio::test]
async fn no_answer_is_a_fault_that_shows_the_question() {
    let script = script("[[answer]]\nturn = 7\ntext = 'x'");
    let fault = script.generate(ask(&"ü\n".repeat(40))).await.unwrap_err();
    let shown = "ü\\n".repeat(30);
    let says = format!("the script has no answer for process \"writer\", model \"m\", turn 0: \"{shown}…\"");
    assert_eq!(fault, Fault { detail: says, ..Fault::default() });
    let fault = script.stream(Ask { process: "p".repeat(9_000), ..ask("short") }).await.unwrap_err();
    assert_eq!(fault.detail.len(), 512);
}

#[tokio::test]
async fn json_tool_calls_finish_and_usage_are_as_written() {
    let script = script(
        "[[answer]]\nturn = 0\njson = '{\"a\":1}'\nfinish = 'filtered'\ntokens-in = 12\ntokens-out = 3\n\
         [[answer]]\nturn = 1\ntext = 'Look'\nno-usage = true\n\
         tool-calls = [{ id = '1', name = 'search', input = '{\"q\":\"x\"}' }]\n\
         [[answer]]\ntool-calls = [{ id = '1', name = 'f', input = '1' }]",
    );
    let answer = script.generate(ask("hi")).await.unwrap();
    assert_eq!(answer.parts, [Part::Text("{\"a\":1}".into())]);
    assert_eq!(answer.finish, Finish::Filtered);
    assert_eq!(answer.usage, Some(Usage { tokens_in: 12, tokens_out: 3, cached: 0 }));
    let answer = script.generate(Ask { turn: 1, ..ask("hi") }).await.unwrap();
    let call = Part::ToolCall { id: "1".into(), name: "search".into(), input: "{\"q\":\"x\"}".into() };
    assert_eq!(answer.parts, [Part::Text("Look".into()), call]);
    assert_eq!((answer.finish, answer.usage), (Finish::ToolCalls, None));
    let answer = script.generate(Ask { turn: 2, ..ask("hello") }).await.unwrap();
    assert_eq!(answer.parts.len(), 1);
    assert_eq!(answer.usage, Some(Usage { tokens_in: 2, tokens_out: 1, cached: 0 }));
}

#[tokio::test]
async fn a_template_is_filled_once() {
    let script = script("[[answer]]\ntemplate = '<h1 {}>{prompt}</h1> {process}{pro} {prompt}'");
    assert_eq!(said(&script, ask("{process}")).await, "<h1 {}>{process}</h1> writer{pro} {process}");
}

#[tokio::test]
async fn a_template_cannot_grow_without_bound() {
    let script = script(&format!("[[answer]]\ntemplate = '{}'", "{prompt}".repeat(5)));
    let fault = script.generate(ask(&"x".repeat(1 << 20))).await.unwrap_err();
    assert!(fault.detail.contains("4194304 bytes") && !fault.retryable, "{fault}");
}

#[tokio::test]
async fn a_stream_has_the_chunks_of_the_script() {
    let script = script(
        "[[answer]]\nchunks = ['He', '', 'llo']\ntool-calls = [{ id = '1', name = 'f', input = '1' }]",
    );
    let call = Chunk::ToolCall { id: "1".into(), name: "f".into(), input: "1".into() };
    let end = Chunk::End {
        finish: Finish::ToolCalls,
        usage: Some(Usage { tokens_in: 1, tokens_out: 2, cached: 0 }),
        by: None,
    };
    assert_eq!(chunks(&script, ask("hi")).await, [text("He"), text(""), text("llo"), call, end]);
    let answer = script.generate(ask("hi")).await.unwrap();
    assert_eq!(answer.parts[0], Part::Text("Hello".into()));
}

#[tokio::test]
async fn a_stream_without_chunks_is_cut_between_characters() {
    let words = "Zwölf Boxkämpfer jagen Viktor über den großen Sylter Deich";
    let script = script(&format!("[[answer]]\ntext = '{words}'"));
    let mut chunks = chunks(&script, ask("")).await;
    assert!(matches!(chunks.pop(), Some(Chunk::End { finish: Finish::Stop, .. })));
    let pieces = chunks.into_iter().map(|chunk| match chunk {
        Chunk::Text(text) => text,
        other => panic!("{other:?}"),
    });
    let pieces: Vec<String> = pieces.collect();
    assert_eq!(pieces.concat(), words);
    assert!(pieces.iter().rev().skip(1).all(|piece| piece.chars().count() == 16), "{pieces:?}");
}

#[tokio::test]
async fn max_tokens_cuts_between_characters() {
    let script = script(
        "[[answer]]\ncontains = 'text'\ntext = 'abcüdef'\n\
         [[answer]]\ncontains = 'chunks'\nchunks = ['ab', 'cdef', 'gh']\n\
         [[answer]]\ntext = 'abc'\ntool-calls = [\
         { id = '1', name = 'f', input = '\"34567\"' }, { id = '2', name = 'f', input = '1' }]",
    );
    let cut = script.generate(limited("text", 1)).await.unwrap();
    assert_eq!((cut.parts, cut.finish), (vec![Part::Text("abc".into())], Finish::Length));
    assert_eq!(cut.usage.unwrap().tokens_out, 1);
    let whole = script.generate(limited("text", 2)).await.unwrap();
    assert_eq!((whole.parts, whole.finish), (vec![Part::Text("abcüdef".into())], Finish::Stop));
    let end = Chunk::End {
        finish: Finish::Length,
        usage: Some(Usage { tokens_in: 2, tokens_out: 1, cached: 0 }),
        by: None,
    };
    assert_eq!(chunks(&script, limited("chunks", 1)).await, [text("ab"), text("cd"), end]);
    let cut = script.generate(limited("call", 2)).await.unwrap();
    assert_eq!((cut.parts, cut.finish), (vec![Part::Text("abc".into())], Finish::Length));
    let whole = script.generate(limited("call", 4)).await.unwrap();
    assert_eq!((whole.parts.len(), whole.finish), (3, Finish::ToolCalls));
}

#[tokio::test]
async fn faults_and_latency_are_as_written() {
    let script = script(
        "[[answer]]\nlatency-ms = 30\nfail = { detail = 'overloaded', retryable = true, retry-after-ms = 50 }",
    );
    let fault =
        Fault { detail: "overloaded".into(), retryable: true, retry_after_ms: Some(50), ..Fault::default() };
    let begun = Instant::now();
    assert_eq!(script.generate(ask("")).await.unwrap_err(), fault);
    assert!(begun.elapsed() >= Duration::from_millis(30));
    assert_eq!(script.stream(ask("")).await.unwrap_err(), fault);
    assert!(begun.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn a_stream_breaks_off_without_an_end() {
    let script = script(
        "[[answer]]\nturn = 0\nchunks = ['a', 'b', 'c']\nbreak-after = 2\n\
         [[answer]]\ntext = 'a'\nbreak-after = 9",
    );
    assert_eq!(chunks(&script, ask("")).await, [text("a"), text("b")]);
    assert_eq!(chunks(&script, Ask { turn: 1, ..ask("") }).await, [text("a")]);
    assert_eq!(said(&script, ask("")).await, "abc");
}

#[tokio::test]
async fn a_model_that_does_not_stream_says_so() {
    let script = script("[model]\nstreaming = false\n[[answer]]\ntext = 'x'");
    assert!(!script.traits("m").streaming);
    assert!(script.stream(ask("")).await.unwrap_err().detail.contains("does not stream"));
    assert_eq!(script.name(), "scripted");
}

#[tokio::test]
async fn an_answer_nobody_listens_to_ends() {
    let script = script(&format!("[[answer]]\ntext = '{}'", "x".repeat(10_000)));
    let mut receiver = script.stream(limited("", 100_000)).await.unwrap();
    assert_eq!(receiver.recv().await.unwrap().unwrap(), text(&"x".repeat(16)));
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    assert_eq!(tasks(), 1);
    drop(receiver);
    tokio::task::yield_now().await;
    assert_eq!(tasks(), 0);
}

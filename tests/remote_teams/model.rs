//! A model of a few rules. It computes every answer from the prompt, in words of its own, and wraps it the way small models
//! do: a sentence before it, a code fence around it, now and then an answer that is of no use.

use serde_json::{Value, json};

use crate::support::server::{Asked, Reply};

/// What it answers to a question, in OpenAI's form; the number counts the questions from 0.
pub fn answer(asked: &Asked, number: usize) -> Reply {
    let turns = turns(&asked.body);
    let text = match turns.first() {
        Some((role, task)) if role == "system" => said(task, &turns[1..], number),
        _ => "What shall I do?".to_owned(),
    };
    let message = json!({"role": "assistant", "content": text});
    Reply::json(
        200,
        &json!({
            "id": format!("chatcmpl-{number}"), "object": "chat.completion", "created": 0, "model": asked.body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 300, "completion_tokens": text.len() / 4, "total_tokens": 300 + text.len() / 4},
        }),
    )
}

/// The roles and texts of a question.
fn turns(body: &Value) -> Vec<(String, String)> {
    let text = |turn: &Value, key: &str| turn[key].as_str().unwrap_or_default().to_owned();
    let turns = body["messages"].as_array().into_iter().flatten();
    turns.map(|turn| (text(turn, "role"), text(turn, "content"))).collect()
}

fn said(task: &str, turns: &[(String, String)], number: usize) -> String {
    let first = turns.first().map_or("", |(_, text)| text);
    let last = turns.last().map_or("", |(_, text)| text);
    let documents = documents(first);
    if task.contains("one web page") {
        match number {
            0 => "<!doctype html>\n<html><body><h1>Wiki".to_owned(),
            _ => fenced("html", &html(&documents)),
        }
    } else if task.contains("list the facts") {
        match last.contains("cannot use that answer") || number > 0 {
            true => facts(&documents, number),
            false => "Of course! The note speaks for itself.".to_owned(),
        }
    } else if task.contains("page in Markdown") {
        match turns {
            [_] => format!("Here is your page.\n\n{}", page(&documents)),
            [_, (_, before), ..] => fenced("markdown", &without(before, last)),
            [] => String::new(),
        }
    } else {
        fenced("json", &review(&documents))
    }
}

/// The texts between `=== begin NAME ===` and `=== end NAME ===`.
fn documents(prompt: &str) -> Vec<(String, String)> {
    let parts = prompt.split("=== begin ").skip(1);
    parts
        .filter_map(|part| {
            let (name, rest) = part.split_once(" ===\n")?;
            let text = rest.split(&format!("\n=== end {name}")).next()?;
            Some((name.to_owned(), text.to_owned()))
        })
        .collect()
}

fn fenced(language: &str, text: &str) -> String {
    format!(
        "Certainly! I had a close look at it:\n\n```{language}\n{text}\n```\n\nLet me know if you need more."
    )
}

fn html(documents: &[(String, String)]) -> String {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    let sections =
        documents.iter().map(|(name, text)| format!("<h2>{name}</h2>\n<pre>{}</pre>\n", escaped(text)));
    format!(
        "<!DOCTYPE html>\n<html>\n<body>\n<h1>All notes</h1>\n{}</body>\n</html>",
        sections.collect::<String>()
    )
}

/// A fact of each line, in one of the ways in which models write lists, and one that the note does not say.
fn facts(documents: &[(String, String)], number: usize) -> String {
    let lines = documents.iter().flat_map(|(_, text)| text.lines()).filter(|line| !line.trim().is_empty());
    let items = lines.enumerate().map(|(at, line)| {
        let topic = if line.contains(|c: char| c.is_ascii_digit()) { "Numbers" } else { "other" };
        match number % 3 {
            0 => format!("- {}: {line}\n", topic.to_lowercase()),
            1 => format!("* **{topic}**: {line}\n"),
            _ => format!("{}. {topic}: {line}\n", at + 1),
        }
    });
    fenced("", &format!("{}- numbers: It weighs 987654 kg.\n", items.collect::<String>()))
}

/// Everything that the notes say, also where they contradict each other.
fn page(documents: &[(String, String)]) -> String {
    let section = |(name, text): &(String, String)| {
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        let items: String = lines.map(|line| format!("- {}\n", line.trim_start_matches("- "))).collect();
        format!("\n## From {name}\n\n{items}")
    };
    format!("# What the notes say\n{}", documents.iter().map(section).collect::<String>())
}

/// A page without the lines that a complaint quotes.
fn without(page: &str, complaint: &str) -> String {
    let quotes: Vec<&str> = complaint.lines().filter_map(|line| line.split('"').nth(1)).collect();
    let lines = page.lines().filter(|line| !quotes.iter().any(|quote| line.contains(quote)));
    lines.collect::<Vec<_>>().join("\n")
}

/// Two different numbers of beds are one too many; and an objection to what the page does not say.
fn review(documents: &[(String, String)]) -> String {
    let words: Vec<&str> = documents.iter().flat_map(|(_, text)| text.split_whitespace()).collect();
    let beds: Vec<&str> = words.windows(2).filter(|pair| pair[1] == "beds").map(|pair| pair[0]).collect();
    let mut problems = vec![json!({"quote": "the swimming pool", "problem": "Is it heated?"})];
    if beds.iter().any(|number| *number != beds[0]) {
        let problem = format!("Elsewhere it says {} beds.", beds[1]);
        problems.push(json!({"quote": format!("{} beds", beds[0]), "problem": problem}));
    }
    json!({ "problems": problems }).to_string()
}

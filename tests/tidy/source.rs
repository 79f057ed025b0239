//! Rust source without its comments and without what its strings and characters say, line for line as long as before.

/// Blanks comments and literals; line numbers stay.
pub fn code(text: &str) -> String {
    let bytes: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = literal(&bytes, at);
        if end == at {
            out.push(bytes[at]);
            at += 1;
        } else {
            out.extend(bytes[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// Source up to its test module, which by custom is the last thing in a file; only for rules that tests may break.
pub fn without_tests(code: &str) -> &str {
    code.find("#[cfg(test)]\nmod ").map_or(code, |at| &code[..at])
}

/// Each line that holds `word` as a word of its own, counted from 1.
pub fn lines_with<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.lines().enumerate().filter_map(move |(index, line)| {
        line.match_indices(word)
            .any(|(at, _)| {
                let open = !line[..at].ends_with(part) || !word.starts_with(part);
                let shut = !line[at + word.len()..].starts_with(part) || !word.ends_with(part);
                open && shut
            })
            .then_some(index + 1)
    })
}

/// Where the comment or literal that begins at `at` ends; `at` itself when none does.
fn literal(text: &[char], at: usize) -> usize {
    let rest = &text[at..];
    match rest {
        ['/', '/', ..] => at + rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
        ['/', '*', ..] => at + block(rest),
        ['"', ..] => at + quoted(rest, '"'),
        ['r', '"' | '#', ..] if !ends_word(text, at) => at + raw(rest),
        ['\'', '\\', ..] => at + quoted(rest, '\''),
        ['\'', _, '\'', ..] => at + 3,
        _ => at,
    }
}

/// Whether the character before belongs to a name, so that an `r` here ends that name (`br"…"` is caught by its quote,
/// which is right unless it holds quotes itself).
fn ends_word(text: &[char], at: usize) -> bool {
    at > 0 && (text[at - 1].is_alphanumeric() || text[at - 1] == '_') && text[at - 1] != 'b'
}

fn block(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted(rest: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// `r"…"`, `r#"…"#`; a raw name (`r#type`) is no literal.
fn raw(rest: &[char]) -> usize {
    let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return 0;
    }
    let body = 2 + hashes;
    let ends =
        |at: &usize| rest[*at] == '"' && rest[at + 1..].iter().take_while(|c| **c == '#').count() >= hashes;
    (body..rest.len()).find(ends).map_or(rest.len(), |at| at + 1 + hashes)
}

#[test]
fn literals_and_comments_are_blank_and_code_is_not() {
    let text = "a /* x /* y */ */ b // c\n\"un\\\"safe\" d r#\"e \" f\"# g '\\'' 'h' &'static i r#type";
    let words: Vec<String> = code(text).split_whitespace().map(str::to_owned).collect();
    assert_eq!(words, ["a", "b", "d", "g", "&'static", "i", "r#type"]);
    assert_eq!(code(text).lines().count(), text.lines().count());
}

#[test]
fn a_word_is_not_part_of_another() {
    assert_eq!(lines_with("unsafe_code\n unsafe {", "unsafe").collect::<Vec<_>>(), [2]);
    assert_eq!(lines_with("eprintln!()\nprintln!()", "println!").collect::<Vec<_>>(), [2]);
}

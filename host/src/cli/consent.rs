//! What a package asks for, put to the operator on a terminal before anything of it runs: where its labels are, and whether it
//! may have them, once or always. What its publisher wrote is shown harmless, and what was typed before is no answer.

use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::Path;

use authority::{Missing, Mode, Pattern, Verb};
use rustix::termios::{QueueSelector, tcflush, tcgetpgrp};

use super::args::RunArgs;
use super::flags;
use super::out::{draw, note};
use super::view::escape::visible;
use super::view::wanted;
use crate::host::consent::{Consent, Where};
use crate::host::{MountFlag, Request};

/// Bytes of an answer.
const ANSWER: usize = 4_096;
/// Unclear answers to one question, after which it is a no.
const TRIES: usize = 16;

/// What the operator answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// For this run.
    Once,
    /// As long as it asks for no more.
    Always,
    /// No.
    No,
}

/// A terminal with a person at it.
pub struct Terminal(File);

impl Terminal {
    /// The terminal of this command, when it can be asked: nothing else reads from it, and it is in the foreground.
    pub fn open(args: &RunArgs) -> Option<Terminal> {
        let people = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        let read = args.input.as_ref().is_some_and(|file| file.as_os_str() == "-");
        let terminal = File::open("/dev/tty").ok().filter(|_| people && !read && !args.format.json)?;
        let ours = tcgetpgrp(&terminal).is_ok_and(|group| group == rustix::process::getpgrp());
        ours.then_some(Terminal(terminal))
    }

    /// Shows a question and waits for a line; none at the end of the input.
    fn line(&self, question: &str) -> Option<String> {
        tcflush(&self.0, QueueSelector::IFlush).ok()?;
        draw(question);
        let mut line = vec![0; ANSWER];
        // The terminal gives whole lines.
        let read = (&self.0).read(&mut line).ok().filter(|read| *read > 0)?;
        Some(String::from_utf8_lossy(&line[..read]).trim().to_owned())
    }
}

/// Asks where what is missing is, and then for consent. What was answered is in the request; an answer of no leaves it as it was.
pub fn ask(terminal: &Terminal, consent: &Consent, request: &mut Request) -> Answer {
    let mut filled = request.clone();
    let mut consent = consent.clone();
    let here = std::env::current_dir().unwrap_or_default();
    note(&wanted::title(&consent));
    if !places(terminal, &mut consent, &mut filled) {
        return Answer::No;
    }
    wanted::lines(&consent, &here).iter().for_each(|line| note(line));
    let answer = decided(terminal);
    if answer != Answer::No {
        *request = Request { consent: Some(consent.asked), ..filled };
    }
    answer
}

fn decided(terminal: &Terminal) -> Answer {
    for _ in 0..TRIES {
        let Some(line) = terminal.line("[o]nce  [a]lways, unless it asks more  [N]o: ") else { break };
        match line.to_ascii_lowercase().as_str() {
            "o" | "once" => return Answer::Once,
            "a" | "always" => return Answer::Always,
            "" | "n" | "no" => return Answer::No,
            _ => note("  answer o, a or n"),
        }
    }
    Answer::No
}

/// Has the operator say where each missing label is; false when one stays without a place.
fn places(terminal: &Terminal, consent: &mut Consent, request: &mut Request) -> bool {
    let mut seen: Vec<(bool, Pattern)> = Vec::new();
    for Missing { verb, object, .. } in consent.missing.clone() {
        let model = verb == Verb::Infer;
        if seen.contains(&(model, object.clone())) {
            continue;
        }
        let placed = match verb {
            Verb::Read | Verb::Write => directory(terminal, consent, request, &object),
            Verb::Infer => self::model(terminal, consent, request, &object),
            verb => {
                request.allow.push((verb, object));
                continue;
            }
        };
        if !placed {
            return false;
        }
        seen.push((model, object));
    }
    true
}

fn directory(terminal: &Terminal, consent: &mut Consent, request: &mut Request, label: &Pattern) -> bool {
    let about = |want: &&crate::host::consent::Want| want.object == *label;
    let writes = consent.wants.iter().filter(about).any(|want| want.verb == Verb::Write);
    let shown = visible(label.as_str());
    let near = Path::new(".").join(label.as_str());
    let proposed = (label.is_name() && near.is_dir()).then(|| format!("./{}", label.as_str()));
    let offered = proposed.as_ref().map(|path| format!(" [{}]", visible(path))).unwrap_or_default();
    let what = if writes { "it may write" } else { "it may read" };
    for _ in 0..TRIES {
        let Some(line) = terminal.line(&format!("  {shown}: which directory {what}?{offered} ")) else {
            break;
        };
        let path = if line.is_empty() { proposed.clone().unwrap_or_default() } else { line };
        if path.is_empty() {
            break;
        }
        let Ok(mut flag) = flags::mount(&format!("{}={path}", label.as_str())) else {
            note("  write DIR, DIR:rw or DIR:overlay");
            continue;
        };
        let said = path.ends_with(":ro") || path.ends_with(":rw") || path.ends_with(":overlay");
        if writes && !said {
            // What is written waits for the operator, unless it is said otherwise.
            flag.mode = Mode::Overlay;
        }
        match std::fs::canonicalize(&flag.path) {
            Ok(real) if real.is_dir() && (!writes || flag.mode != Mode::Ro) => {
                place(
                    consent,
                    label,
                    &Where::Directory { path: real.to_string_lossy().into_owned(), mode: flag.mode },
                );
                request.mounts.retain(|mount| mount.label != flag.label);
                request.mounts.push(MountFlag { path: real, ..flag });
                return true;
            }
            Ok(real) if real.is_dir() => note("  it is to be written: leave out :ro"),
            Ok(_) => note("  it is not a directory"),
            Err(error) => note(&format!("  {}: {error}", visible(&path))),
        }
    }
    false
}

fn model(terminal: &Terminal, consent: &mut Consent, request: &mut Request, label: &Pattern) -> bool {
    let question =
        format!("  {}: which model may it ask? (NAME, MODEL@URL or scripted:FILE) ", visible(label.as_str()));
    for _ in 0..TRIES {
        let Some(line) = terminal.line(&question).filter(|line| !line.is_empty()) else { break };
        match flags::model(&format!("{}={line}", label.as_str())) {
            Ok(flag) => {
                let (model, source) = match line.rsplit_once('@') {
                    Some((model, url)) => (model.to_owned(), url.to_owned()),
                    None => (line.clone(), String::new()),
                };
                place(consent, label, &Where::Model { model, source });
                request.models.push(flag);
                return true;
            }
            Err(error) => note(&format!("  {}", visible(&error))),
        }
    }
    false
}

fn place(consent: &mut Consent, label: &Pattern, place: &Where) {
    let model = matches!(place, Where::Model { .. });
    let same = |verb| if model { verb == Verb::Infer } else { matches!(verb, Verb::Read | Verb::Write) };
    consent
        .wants
        .iter_mut()
        .filter(|want| want.object == *label && same(want.verb))
        .for_each(|want| want.place = Some(place.clone()));
}

//! `aos-host run`: from a file and flags to a result.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use authority::{Narrow, Narrowing, Pattern};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::args::RunArgs;
use super::command::Typed;
use super::consent::{Answer, Terminal, ask};
use super::failure::{Code, Failure};
use super::follow::Follower;
use super::host_options;
use super::live::{PATIENCE, PERIOD};
use super::out::{Out, note};
use super::place::{Begun, Interrupts, NotBegun, Place, Wanted, begin};
use super::prompt::Prompt;
use super::view::ending::{code, summary};
use super::view::escape::{visible, visible_lines};
use super::view::run::RunView;
use crate::host::consent::Consent;
use crate::host::standing::{self, Given};
use crate::host::{Dirs, HostError, Request};
use crate::kernel::answer::Exit;
use crate::limits::BODY_BYTES;

/// What `run --json` answers.
#[derive(Serialize)]
struct Answered<'a> {
    #[serde(flatten)]
    view: &'a RunView,
    exit: &'a Exit,
    output: Option<String>,
    encoding: &'static str,
}

/// Runs an agent or a team to its end, in this process or in the host that has the state directory.
///
/// # Errors
/// When it cannot be started or the log cannot be written; how the run itself ended is in the code.
pub fn run(dirs: &Dirs, args: RunArgs, out: &mut Out) -> Result<Code, Failure> {
    let typed = Typed::now();
    let options = host_options(&args.host)?;
    let input = match &args.input {
        Some(file) => read_input(file)?,
        None => args.words.join(" ").into_bytes().into(),
    };
    let shows = Shows { json: args.format.json, quiet: args.quiet, typed };
    let terminal = Terminal::open(&args);
    let mut request = Request { input, older: args.older, ..args.offer.request(args.target) };
    let mut begun = begin(dirs, &options, Wanted::Run(Box::new(request.clone())));
    // Asked once: what it asks for now is what was shown, or it does not begin.
    if let (Some(terminal), Err(NotBegun::Host(HostError::Refused(consent)))) = (&terminal, &begun) {
        match ask(terminal, consent, &mut request) {
            Answer::No => {}
            Answer::Once => begun = begin(dirs, &options, Wanted::Run(Box::new(request))),
            Answer::Always => {
                let given = standing::give(dirs, &standing::make(dirs, &request, &Given::default())?)?;
                note(&format!("note: from now on under the standing grant {}", given.grant.name));
                begun = begin(dirs, &options, Wanted::Run(Box::new(request)));
            }
        }
    }
    let begun = begun.map_err(|not| not_begun(not, &shows.typed))?;
    let Begun { place, mut interrupts, unused, idle } = begun;
    for (verb, object) in &unused {
        note(&format!(
            "note: --allow {verb}={object}: the manifest does not ask for it, so it is not granted"
        ));
    }
    // What ends with all the rest is not missed where it is not held.
    let named = |narrowing: &&Narrowing| {
        narrowing.object != Pattern::all() || !matches!(narrowing.how, Narrow::Until(_))
    };
    for Narrowing { verb, object, .. } in idle.iter().filter(named) {
        note(&format!("note: {verb}={object} narrows nothing: no member of the team holds it"));
    }
    let follower = Follower::open(dirs, place.running().run, shows.quiet, shows.typed.clone());
    let shown = follower.and_then(|follower| followed(follower, &place, &mut interrupts, &shows, out));
    place.leave(interrupts);
    shown
}

/// How a run is shown.
pub(super) struct Shows {
    /// The result as JSON.
    pub json: bool,
    /// Nothing but the result and what went wrong.
    pub quiet: bool,
    /// The command.
    pub typed: Typed,
}

/// Shows a run to its end, and its result.
///
/// # Errors
/// When the log cannot be read or written.
pub(super) fn followed(
    mut follower: Follower,
    place: &Place,
    interrupts: &mut Interrupts,
    shows: &Shows,
    out: &mut Out,
) -> Result<Code, Failure> {
    let exit = place.block_on(follow(place, interrupts, &mut follower, shows))?;
    result(&follower, exit, shows, out)
}

fn result(follower: &Follower, exit_entry: u64, shows: &Shows, out: &mut Out) -> Result<Code, Failure> {
    let view = follower.view();
    let exit = view.process(1).and_then(|root| root.exit.clone());
    let exit = exit.ok_or_else(|| Failure::new(Code::Internal, "the run's end is not in its log"))?;
    let output = follower.body(exit_entry)?.unwrap_or_default();
    if shows.json {
        let (output, encoding) = encoded(&output);
        out.json(
            "run",
            &Answered { view, exit: &exit, output: (exit == Exit::Returned).then_some(output), encoding },
        )?;
    } else {
        show(&output, out)?;
    }
    out.finish()?;
    let code = code(&exit);
    if let Some(grant) = follower.grant().filter(|_| !shows.quiet || code != Code::Ok) {
        summary(view, grant, &exit, &shows.typed).iter().for_each(|line| note(line));
    }
    Ok(code)
}

/// Shows the run's entries as they become durable, until its last one is; asks what it asks.
async fn follow(
    place: &Place,
    interrupts: &mut Interrupts,
    follower: &mut Follower,
    shows: &Shows,
) -> Result<u64, Failure> {
    let mut prompt = Prompt::new(shows.typed.state());
    let ended = place.ended();
    tokio::pin!(ended);
    let mut seen = 0;
    let mut drawing = interval_at(Instant::now() + PATIENCE, PERIOD);
    drawing.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            over = &mut ended => {
                let over = over?;
                prompt.clear();
                follower.to(over.end)?;
                follower.conceal();
                return Ok(over.exit);
            }
            durable = place.durable_after(seen) => {
                seen = durable?;
                prompt.clear();
                follower.to(seen)?;
                prompt.show(follower)?;
            }
            ruling = prompt.answer() => {
                // Another terminal may have been faster.
                if let Err(error) = place.rule(ruling).await {
                    Failure::from(error).show();
                }
            }
            _ = drawing.tick(), if follower.is_live() => follower.draw(),
            () = interrupts.next() => {
                prompt.clear();
                follower.note("interrupted: ending the run");
                place.end().await?;
            }
        }
    }
}

/// Reads the input; one byte too many is enough to refuse it.
fn read_input(file: &Path) -> Result<Bytes, Failure> {
    let mut input = Vec::new();
    let limit = BODY_BYTES + 1;
    let read = match file.as_os_str() == "-" {
        true => io::stdin().lock().take(limit).read_to_end(&mut input),
        false => File::open(file).and_then(|from| from.take(limit).read_to_end(&mut input)),
    };
    read.map_err(|error| Failure::file("read the input from", file, &error))?;
    if input.len() as u64 > BODY_BYTES {
        let message = format!("the input from {} is longer than {BODY_BYTES} bytes", file.display());
        return Err(Failure::usage(message).help("put it into a mount, and let the agent read it there"));
    }
    Ok(input.into())
}

/// Writes the result: as it is, but shown harmless to a person, and with a line break at the end of a text.
fn show(output: &[u8], out: &mut Out) -> Result<(), Failure> {
    if output.is_empty() {
        return Ok(());
    }
    match out.is_terminal() {
        true => out.bytes(visible_lines(output).as_bytes())?,
        false => out.bytes(output)?,
    }
    let text = out.is_terminal() || std::str::from_utf8(output).is_ok();
    if text && !output.ends_with(b"\n") { out.bytes(b"\n") } else { Ok(()) }
}

/// Bytes in JSON: a text as it is, anything else in base64.
fn encoded(output: &[u8]) -> (String, &'static str) {
    match std::str::from_utf8(output) {
        Ok(text) => (text.to_owned(), "utf-8"),
        Err(_) => (STANDARD.encode(output), "base64"),
    }
}

/// Why a run did not begin.
pub(super) fn not_begun(not: NotBegun, typed: &Typed) -> Failure {
    match not {
        NotBegun::Host(error) => refused(error, typed),
        NotBegun::Here(failure) => failure,
    }
}

/// A refusal names each flag that is missing, and the whole command with them.
pub(super) fn refused(error: HostError, typed: &Typed) -> Failure {
    match error {
        HostError::Refused(consent) => Failure::laid_out(Code::NotAuthorised, refusal(&consent, typed)),
        other => other.into(),
    }
}

pub(super) fn refusal(consent: &Consent, typed: &Typed) -> String {
    let package = visible(&consent.package);
    let mut text = String::new();
    if let Some(short) = &consent.short {
        let grant = visible(&short.grant);
        text.push_str(&format!("{package} asks for more than the standing grant {grant} covers:"));
        short.more.iter().for_each(|more| text.push_str(&format!("\n  + {}", visible(&more.to_string()))));
        text.push_str(&format!("\nto consent to that: {}", typed.granting()));
    }
    if consent.missing.is_empty() {
        return text;
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(&format!("{package} needs what is not granted:"));
    let mut flags: Vec<String> = Vec::new();
    for need in &consent.missing {
        // A publisher's words: shown harmless, in the command too.
        let flag = visible(&need.flag).replace("=…", "=MODEL@URL");
        text.push_str(&format!(
            "\n  {:<24} {flag}",
            format!("{} {}", need.verb, visible(need.object.as_str()))
        ));
        if !flags.contains(&flag) {
            flags.push(flag);
        }
    }
    text.push_str(&format!("\nto grant it for one run:\n  {}", typed.with(&flags)));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use authority::{Missing, Verb};

    fn consent(missing: Vec<Missing>) -> Consent {
        Consent {
            package: "docs-merge".into(),
            version: None,
            signer: None,
            description: String::new(),
            team: false,
            wants: Vec::new(),
            budget: Vec::new(),
            missing,
            short: None,
            asked: audit::Digest::of(b""),
        }
    }

    #[test]
    fn a_refusal_can_be_pasted() {
        let missing = |verb, object: &str, flag: &str| Missing {
            verb,
            object: object.parse().unwrap(),
            flag: flag.into(),
        };
        let missing = [
            missing(Verb::Read, "site", "--mount site=DIR:rw"),
            missing(Verb::Write, "site", "--mount site=DIR:rw"),
            missing(Verb::Infer, "default", "--model default=…"),
        ];
        let typed = Typed::new(["run", "agent.toml"].map(str::to_owned));
        let consent = consent(missing.into());
        assert_eq!(
            refusal(&consent, &typed),
            "docs-merge needs what is not granted:\n\
             \x20 read site                --mount site=DIR:rw\n\
             \x20 write site               --mount site=DIR:rw\n\
             \x20 infer default            --model default=MODEL@URL\n\
             to grant it for one run:\n\
             \x20 aos-host run --mount site=DIR:rw --model default=MODEL@URL agent.toml"
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_encoded() {
        assert_eq!(encoded(b"hi"), ("hi".to_owned(), "utf-8"));
        assert_eq!(encoded(b"\xff"), ("/w==".to_owned(), "base64"));
    }

    #[test]
    fn too_long_an_input_is_refused_before_anything_runs() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("input");
        std::fs::write(&file, vec![0; BODY_BYTES as usize]).unwrap();
        assert_eq!(read_input(&file).unwrap().len() as u64, BODY_BYTES);
        std::fs::write(&file, vec![0; BODY_BYTES as usize + 1]).unwrap();
        assert_eq!(read_input(&file).unwrap_err().code, Code::Usage);
        assert_eq!(read_input(&dir.path().join("none")).unwrap_err().code, Code::Usage);
    }
}

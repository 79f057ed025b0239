//! `aos-host ps`: what lives on the host that has the state directory, and what the operator is asked.

use std::time::{SystemTime, UNIX_EPOCH};

use ledger::show;
use serde::Serialize;

use super::args::Format;
use super::command::Typed;
use super::failure::{Code, Failure, unreadable};
use super::out::Out;
use super::view::living::{Row, age, since, state, table};
use super::view::question;
use super::view::time::rfc3339;
use crate::host::control::client::{Owner, Unanswered};
use crate::host::control::frame::{Ask, Reply};
use crate::host::ruling::Question;
use crate::host::{Dirs, HostError};
use crate::journal::Reader;
use crate::kernel::call::{Call, Pid, RunId};
use crate::kernel::entry::Entry;
use crate::kernel::glance::{Glance, Living};
use crate::kernel::state::Stage;

/// The first line of `ps --json`.
#[derive(Serialize)]
struct About {
    running: bool,
    /// The entry as of which the rest is true.
    entry: Option<u64>,
    time: Option<u64>,
    runs: usize,
    processes: usize,
    questions: usize,
}

/// A question of `ps --json`.
#[derive(Serialize)]
struct Asked<'a> {
    run: RunId,
    entry: u64,
    pid: Pid,
    process: &'a str,
    call: &'a Call,
    size: Option<u64>,
    leaf: String,
    since: u64,
}

/// A process of `ps --json`.
#[derive(Serialize)]
struct Process<'a> {
    #[serde(flatten)]
    living: &'a Living,
    state: &'static str,
    call: Option<&'a Call>,
    since: u64,
}

/// Shows what lives, questions first.
///
/// # Errors
/// When the host does not answer, or the log cannot be read.
pub fn ps(dirs: &Dirs, format: Format, out: &mut Out) -> Result<Code, Failure> {
    let answer = Owner::find(&dirs.state).and_then(|mut owner| owner.ask(Ask::Glance));
    let glance = match answer {
        Ok(Reply::Glance(glance)) => glance,
        Ok(other) => return Err(HostError::from(other).into()),
        Err(Unanswered::Nobody | Unanswered::Gone) => return nobody(format, out),
        Err(error) => return Err(HostError::from(error).into()),
    };
    let reader = Reader::open(&dirs.state)?;
    let rows: Vec<Row<'_>> =
        glance.processes.iter().map(|living| row(&reader, living)).collect::<Result<_, _>>()?;
    let questions = questions(&reader, &glance)?;
    match format.json {
        true => json(&glance, &rows, &questions, out)?,
        false => text((&reader, &glance), &rows, &questions, out)?,
    }
    Ok(Code::Ok)
}

fn nobody(format: Format, out: &mut Out) -> Result<Code, Failure> {
    if format.json {
        let about = About { running: false, entry: None, time: None, runs: 0, processes: 0, questions: 0 };
        out.json("host", &about)?;
    } else {
        out.line("no host is running")?;
    }
    Ok(Code::Ok)
}

/// A process with what it waits in, from that call's entry.
fn row<'a>(reader: &Reader, living: &'a Living) -> Result<Row<'a>, Failure> {
    let Some(waits) = &living.waits else { return Ok(Row { living, call: None }) };
    let mut call = None;
    reader.lines(waits.seq, waits.seq, |seq, line| {
        let entry = Entry::parse(line).map_err(|error| unreadable(seq, &error))?;
        call = question::call(&entry).map(|call| (call.clone(), entry.t));
        Ok::<_, Failure>(())
    })?;
    Ok(Row { living, call })
}

fn questions<'a>(reader: &Reader, glance: &'a Glance) -> Result<Vec<(Question, &'a Living)>, Failure> {
    let asking = glance.processes.iter().filter_map(|living| {
        living.waits.as_ref().filter(|waits| waits.stage == Stage::Asks).map(|waits| (living, waits.seq))
    });
    asking.map(|(living, seq)| Ok((Question::read(reader, living.run, seq)?, living))).collect()
}

fn json(
    glance: &Glance,
    rows: &[Row<'_>],
    questions: &[(Question, &Living)],
    out: &mut Out,
) -> Result<(), Failure> {
    let about = About {
        running: true,
        entry: Some(glance.seq),
        time: Some(glance.time),
        runs: runs(glance),
        processes: rows.len() + glance.more,
        questions: questions.len(),
    };
    out.json("host", &about)?;
    for (asked, living) in questions {
        let entry = &asked.entry;
        let Some(call) = question::call(entry) else { continue };
        let size = entry.body.map(|body| body.size);
        let (run, pid, process, leaf) = (entry.run, entry.pid, living.name.as_str(), asked.leaf.to_string());
        out.json(
            "question",
            &Asked { run, entry: entry.seq, pid, process, call, size, leaf, since: entry.t },
        )?;
    }
    glance.windows.iter().try_for_each(|back| out.json("window", back))?;
    glance.caps.iter().try_for_each(|cap| out.json("cap", cap))?;
    for row in rows {
        let call = row.call.as_ref().map(|(call, _)| call);
        out.json(
            "process",
            &Process { living: row.living, state: state(row.living), call, since: since(row) },
        )?;
    }
    Ok(())
}

fn text(
    (reader, glance): (&Reader, &Glance),
    rows: &[Row<'_>],
    questions: &[(Question, &Living)],
    out: &mut Out,
) -> Result<(), Failure> {
    let state = Typed::now().state();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis() as u64);
    for (asked, living) in questions {
        let (run, seq) = (asked.entry.run, asked.entry.seq);
        let body = reader.body(seq)?.map(|body| body.data);
        let lines = question::lines(asked, &living.name, body.as_deref());
        lines.iter().try_for_each(|line| out.line(line))?;
        out.line(&format!("  for {}", age(now.saturating_sub(asked.entry.t))))?;
        out.line(&question::commands(run, seq, &state))?;
        out.line("")?;
    }
    for cap in &glance.caps {
        let (taken, of) = (show(cap.meter, cap.taken), show(cap.meter, cap.cap));
        out.line(&format!("all runs: {taken} of {of} {} taken, until {}", cap.meter, rfc3339(cap.until)))?;
    }
    for back in &glance.windows {
        let (left, of) = (show(back.meter, back.left), show(back.meter, back.granted));
        out.line(&format!(
            "r{}: {left} of {of} {} left, more at {}",
            back.run,
            back.meter,
            rfc3339(back.at)
        ))?;
    }
    if rows.is_empty() {
        return out.line("nothing runs; the host waits for runs");
    }
    table(rows, now).iter().try_for_each(|line| out.line(line))?;
    if glance.more > 0 {
        out.line(&format!("and {} more processes", ledger::grouped(glance.more as u64)))?;
    }
    Ok(())
}

fn runs(glance: &Glance) -> usize {
    let mut runs: Vec<RunId> = glance.processes.iter().map(|living| living.run).collect();
    runs.dedup();
    runs.len()
}

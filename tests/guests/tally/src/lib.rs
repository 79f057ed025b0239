//! A team whose result does not depend on when it is cut off and resumed: a lead hands out numbers, writes, asks and waits;
//! two workers add up what they get. Each number must be counted exactly once.

use std::time::Duration;

use aos_guest::infer::Prompt;
use aos_guest::mount::{Condition, Mount};
use aos_guest::process::Child;
use aos_guest::{Error, Failure, agent, ipc, lease, log};

agent!(tally);

/// How long a lease is held at most; no test takes so long.
const HELD: Duration = Duration::from_secs(600);

fn tally(input: String) -> Result<String, Failure> {
    match input.split_once(' ') {
        Some(("lead", rounds)) => lead(rounds.parse().map_err(|_| Failure::new("lead N"))?),
        _ => work(),
    }
}

fn lead(rounds: u64) -> Result<String, Failure> {
    let site = Mount::open("site")?;
    let workers = ["w0", "w1"].map(|name| Child::spawn("worker").name(name).input("work").start());
    let _own = ipc::subscribe("done")?;
    let (mut asked, mut streamed) = (0, 0);
    for n in 0..rounds {
        ipc::send(if n % 2 == 0 { "w0" } else { "w1" }, n.to_string())?;
        Mount::scratch().write(&format!("n{}", n % 5), n.to_string())?;
        match n % 5 {
            0 => {
                let stage = lease::acquire("stage", HELD)?;
                let fence = Condition::Fence(stage.token());
                site.write_if(&format!("f{}", n % 3), format!("{n}").repeat(2_000), fence)?;
                stage.release()?;
            }
            1 => asked += answer(&Prompt::new().user(&n.to_string()).max_tokens(64))?.len(),
            2 => streamed += stream(&Prompt::new().user(&n.to_string()).max_tokens(64))?.len(),
            3 => std::thread::sleep(Duration::from_millis(1)),
            _ => log::info(&format!("round {n}"))?,
        }
        if n % 20 == 19 {
            site.rename(&format!("f{}", n % 3), "moved")?;
            site.remove("moved")?;
        }
    }
    let kept: u64 = Mount::scratch().list("")?.iter().map(|entry| entry.size).sum();
    let mut results = vec![format!("asked {asked}, streamed {streamed}, kept {kept}")];
    for (name, worker) in ["w0", "w1"].into_iter().zip(workers) {
        ipc::send(name, "end")?;
        results.push(String::from_utf8_lossy(&worker?.wait()?.output()?).into_owned());
    }
    let events = std::iter::from_fn(|| ipc::receive_timeout(Duration::ZERO).ok().flatten());
    results.push(format!("{} events", events.filter(|event| event.topic.as_deref() == Some("done")).count()));
    Ok(results.join("; "))
}

/// Asks until it is answered: what came of a question that was cut off, nobody knows.
fn answer(prompt: &Prompt) -> Result<String, Error> {
    loop {
        match prompt.ask() {
            Err(Error::UnknownOutcome) => {}
            answered => return Ok(answered?.text()),
        }
    }
}

fn stream(prompt: &Prompt) -> Result<String, Error> {
    loop {
        match prompt.stream().and_then(aos_guest::infer::Stream::text) {
            Err(Error::UnknownOutcome | Error::Unavailable(_)) => {}
            answered => return Ok(answered?.0),
        }
    }
}

/// Adds numbers up, in a file of its own, until the end.
fn work() -> Result<String, Failure> {
    let own = Mount::scratch();
    own.write("sum", "0")?;
    let mut count = 0;
    loop {
        let message = ipc::receive()?;
        let Ok(n) = message.text()?.parse::<u64>() else { break };
        let before: u64 = own.read_text("sum")?.parse().map_err(|_| Failure::new("its sum is no number"))?;
        own.write("sum", (before + n).to_string())?;
        count += 1;
        if n % 10 < 2 {
            lease::acquire("stage", HELD)?.release()?;
            ipc::publish("done", n.to_string())?;
        }
    }
    Ok(format!("{count} numbers, {} in all", own.read_text("sum")?))
}

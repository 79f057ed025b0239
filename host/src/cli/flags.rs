//! The values of `run`'s flags.

use authority::signed::day::DAY_MS;
use authority::{Labels, Mode, Narrow, Narrowing, Pattern, Verb, WEIGHT_LIMIT};
use ledger::{Meter, Period, comes_back, parse_amount, parse_rate};

use super::view::time;
use crate::host::trust::now;
use crate::host::{ModelFlag, ModelSource, MountFlag};
use crate::infer::config::NAME_LIMIT;
use crate::infer::remote::Wire;
use crate::kernel::call::{Key, RunId};

/// `LABEL=DIR[:ro|:rw|:overlay][,label=CATEGORY]…`
///
/// # Errors
/// What is wrong with it.
pub fn mount(text: &str) -> Result<MountFlag, String> {
    let (label, mut rest) =
        text.split_once('=').ok_or("write LABEL=DIR, LABEL=DIR:ro, LABEL=DIR:rw or LABEL=DIR:overlay")?;
    let labels = labels(&mut rest)?;
    let (path, mode) = match rest.rsplit_once(':') {
        Some((path, "ro")) => (path, Mode::Ro),
        Some((path, "rw")) => (path, Mode::Rw),
        Some((path, "overlay")) => (path, Mode::Overlay),
        _ => (rest, Mode::Ro),
    };
    if label.is_empty() || path.is_empty() {
        return Err("the label and the directory must not be empty: write LABEL=DIR".into());
    }
    Ok(MountFlag { label: label.into(), path: path.into(), mode, labels })
}

/// Takes `,label=CATEGORY`, as often as it is there, from the end of a value.
fn labels(rest: &mut &str) -> Result<Labels, String> {
    let mut categories = Vec::new();
    while let Some((before, category)) = rest.rsplit_once(",label=") {
        categories.push(category);
        *rest = before;
    }
    Labels::new(categories).map_err(|error| error.to_string())
}

/// `VERB=OBJECT` of a call that waits for the operator.
///
/// # Errors
/// What is wrong with it.
pub fn ask(text: &str) -> Result<Narrowing, String> {
    let (verb, object) = allow(text)?;
    Ok(Narrowing { verb, object, how: Narrow::Ask })
}

/// `VERB=OBJECT,label=CATEGORY[,label=CATEGORY]…`
///
/// # Errors
/// What is wrong with it.
pub fn unless(mut text: &str) -> Result<Narrowing, String> {
    let labels = labels(&mut text)?;
    if labels.is_empty() {
        return Err("name a category: infer=default,label=personal".into());
    }
    let (verb, object) = allow(text)?;
    Ok(Narrowing { verb, object, how: Narrow::Unless(labels) })
}

/// What ends at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ends(pub Vec<Narrowing>);

/// `VERB=OBJECT,WHEN`, or `WHEN` for all that reaches outside
///
/// # Errors
/// What is wrong with it.
pub fn ends(text: &str) -> Result<Ends, String> {
    let (right, when) = text.rsplit_once(',').map_or((None, text), |(right, when)| (Some(right), when));
    let at = until(when)?.after(now());
    if at > ledger::MAX {
        return Err("that is too far away".into());
    }
    let ends = |verb, object| Narrowing { verb, object, how: Narrow::Until(at) };
    let narrowings = match right.map(allow).transpose()? {
        Some((verb, object)) => vec![ends(verb, object)],
        None => {
            let outside = Verb::ALL.into_iter().filter(|verb| !verb.inside());
            outside.map(|verb| ends(verb, Pattern::all())).collect()
        }
    };
    Ok(Ends(narrowings))
}

/// `VERB=OBJECT,N`
///
/// # Errors
/// What is wrong with it.
pub fn depth(text: &str) -> Result<Narrowing, String> {
    let form = "write VERB=OBJECT,N: write=site,1";
    let (right, depth) = text.rsplit_once(',').ok_or(form)?;
    let (verb, object) = allow(right)?;
    let depth = depth.parse().map_err(|_| form.to_owned())?;
    Ok(Narrowing { verb, object, how: Narrow::Depth(depth) })
}

/// `LABEL=scripted:FILE`, `LABEL=MODEL@URL` or `LABEL=NAME`
///
/// # Errors
/// What is wrong with it.
pub fn model(text: &str) -> Result<ModelFlag, String> {
    let (label, place) = text.split_once('=').ok_or(format!("write {MODEL_FORMS}"))?;
    if label.is_empty() {
        return Err(format!("the label must not be empty: write {MODEL_FORMS}"));
    }
    Ok(ModelFlag { label: label.into(), source: model_source(place)? })
}

/// What can be given as a model.
const MODEL_FORMS: &str = "LABEL=scripted:FILE, LABEL=MODEL@http://HOST:PORT/v1, or LABEL=NAME of a table [model.NAME] in models.toml";

/// `scripted:FILE`, `MODEL@URL`, or the name of a table
///
/// # Errors
/// What is wrong with it.
pub fn model_source(place: &str) -> Result<ModelSource, String> {
    if let Some(file) = place.strip_prefix("scripted:") {
        return match file {
            "" => Err(format!("it names no file: write {MODEL_FORMS}")),
            file => Ok(ModelSource::Script(file.into())),
        };
    }
    if let Some((model, url)) = place.rsplit_once("@http").map(|(model, rest)| (model, format!("http{rest}")))
    {
        Wire::Openai.address(Some(&url))?;
        return match model.is_empty() || model.len() > NAME_LIMIT || model.chars().any(char::is_control) {
            true => Err(format!("the model's name is 1 to {NAME_LIMIT} bytes on one line: MODEL@{url}")),
            false => Ok(ModelSource::Address { model: model.into(), url }),
        };
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match place.is_empty() || !place.chars().all(plain) {
        true => Err(format!("{place:?} is none of {MODEL_FORMS}")),
        false => Ok(ModelSource::Table(place.into())),
    }
}

/// `VERB=OBJECT`
///
/// # Errors
/// What is wrong with it.
pub fn allow(text: &str) -> Result<(Verb, Pattern), String> {
    let (verb, object) = text.split_once('=').ok_or("write VERB=OBJECT: send=writer, publish=progress.*")?;
    let verb = verb.parse::<Verb>().map_err(|error| error.to_string())?;
    Ok((verb, object.parse::<Pattern>().map_err(|error| error.to_string())?))
}

/// A part of a budget, and how often it comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Of what.
    pub meter: Meter,
    /// How much.
    pub amount: u64,
    /// Absent: once.
    pub period: Option<Period>,
}

/// `METER=AMOUNT` or `METER=AMOUNT/h`
///
/// # Errors
/// What is wrong with it.
pub fn budget(text: &str) -> Result<Rate, String> {
    let form = "write METER=AMOUNT: fuel=2G, tokens-in=20k, tokens-out=40k/h";
    let (meter, amount) = text.split_once('=').ok_or(form)?;
    let meter = meter.parse::<Meter>().map_err(|error| error.to_string())?;
    let (amount, period) = parse_rate(meter, amount).map_err(|error| error.to_string())?;
    Ok(Rate { meter, amount, period })
}

/// `METER=AMOUNT`
///
/// # Errors
/// What is wrong with it.
pub fn amount(text: &str) -> Result<(Meter, u64), String> {
    let Rate { meter, amount, period } = budget(text)?;
    match period {
        None if amount > 0 && amount < ledger::MAX && comes_back(meter) || meter == Meter::Fuel => {
            Ok((meter, amount))
        }
        None => Err(format!("{meter} cannot be added to, or not so much: add tokens-in=20k, fuel=1G")),
        Some(_) => Err("what is added is added once: leave out the period".into()),
    }
}

/// `MEMBER=N`; the root agent is `root`
///
/// # Errors
/// What is wrong with it.
pub fn weight(text: &str) -> Result<(String, u16), String> {
    let parsed = text.split_once('=').and_then(|(member, n)| Some((member, n.parse::<u16>().ok()?)));
    match parsed {
        Some((member, n)) if !member.is_empty() && (1..=WEIGHT_LIMIT).contains(&n) => Ok((member.into(), n)),
        _ => Err(format!("write MEMBER=N with N from 1 to {WEIGHT_LIMIT}: writer=200, root=50")),
    }
}

/// `64MiB`
///
/// # Errors
/// What is wrong with it.
pub fn bytes(text: &str) -> Result<u64, String> {
    parse_amount(Meter::BytesStored, text).map_err(|error| error.to_string())
}

/// `r3` or `3`
///
/// # Errors
/// What is wrong with it.
pub fn run(text: &str) -> Result<RunId, String> {
    crate::kernel::parse_run(text).ok_or_else(|| "a run is written r1, r2, …".into())
}

/// `r3` or `r3/2`
///
/// # Errors
/// What is wrong with it.
pub fn process(text: &str) -> Result<Key, String> {
    let (run, pid) = text.split_once('/').unwrap_or((text, "1"));
    let pid = pid.parse().ok().filter(|pid| *pid > 0);
    crate::kernel::parse_run(run)
        .zip(pid)
        .map(|(run, pid)| Key { run, pid })
        .ok_or_else(|| "a process is written r1/2; a run's root, r1".into())
}

/// `r3#12`
///
/// # Errors
/// What is wrong with it.
pub fn question(text: &str) -> Result<(RunId, u64), String> {
    let form = "a question is written r1#12: the run, and the entry that asks; `aos-host ps` lists them";
    let (run, seq) = text.split_once('#').ok_or(form)?;
    let seq = seq.parse().ok().filter(|seq| *seq > 0);
    crate::kernel::parse_run(run).zip(seq).ok_or_else(|| form.into())
}

/// How long something counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Until a time: milliseconds since 1970.
    At(u64),
    /// For so many milliseconds.
    For(u64),
}

impl Until {
    /// The time that it is, seen from `now`: milliseconds since 1970.
    pub fn after(self, now: u64) -> u64 {
        match self {
            Until::At(at) => at,
            Until::For(length) => now.saturating_add(length),
        }
    }
}

/// `2027-01-31`, which is that day's end, `2027-01-31T12:00:00Z`, `30d` or `12h`
///
/// # Errors
/// What is wrong with it.
pub fn until(text: &str) -> Result<Until, String> {
    if let Some(at) = time::parse(text) {
        let whole = if text.contains('T') { 0 } else { DAY_MS };
        return Ok(Until::At(at + whole));
    }
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u64>().ok());
    let length = match days {
        Some(days) => days.checked_mul(DAY_MS),
        None => parse_amount(Meter::WallTime, text).ok(),
    };
    length
        .filter(|length| *length > 0)
        .map(Until::For)
        .ok_or_else(|| "write a day, such as 2027-01-31, or how long: 90d, 12h".into())
}

/// `[MEMBER=]FILE`
///
/// # Errors
/// What is wrong with it.
pub fn changed(text: &str) -> Result<(String, std::path::PathBuf), String> {
    let (member, file) = text.split_once('=').unwrap_or(("", text));
    if file.is_empty() {
        Err("write FILE for the root, or MEMBER=FILE".into())
    } else {
        Ok((member.into(), file.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts() {
        let plain = mount("docs=notes").unwrap();
        assert_eq!(
            (plain.label.as_str(), plain.path.to_str(), plain.mode),
            ("docs", Some("notes"), Mode::Ro)
        );
        assert!(plain.labels.is_empty());
        let full = mount("docs=a:b,c:rw,label=personal,label=secret").unwrap();
        assert_eq!((full.path.to_str(), full.mode), (Some("a:b,c"), Mode::Rw));
        assert_eq!(full.labels.iter().collect::<Vec<_>>(), ["personal", "secret"]);
        assert_eq!(mount("docs=C:ro").unwrap().path.to_str(), Some("C"));
        assert_eq!(mount("site=out:overlay").unwrap().mode, Mode::Overlay);
        for bad in ["docs", "=d", "docs=", "docs=:rw", "docs=d,label="] {
            assert!(mount(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn models() {
        let source = |text: &str| model(text).unwrap().source;
        assert_eq!(model("default=x").unwrap().label, "default");
        assert_eq!(source("default=scripted:a=b:c.toml"), ModelSource::Script("a=b:c.toml".into()));
        let address = |model: &str, url: &str| ModelSource::Address { model: model.into(), url: url.into() };
        assert_eq!(source("d=qwen3:8b@http://localhost:1/v1"), address("qwen3:8b", "http://localhost:1/v1"));
        assert_eq!(source("d=org/m@1=x@https://h/v1"), address("org/m@1=x", "https://h/v1"));
        assert_eq!(source("d=fast.2"), ModelSource::Table("fast.2".into()));
        for bad in ["default", "default=", "default=scripted:", "=scripted:f", "default=x:y", "default=a b"] {
            assert!(model(bad).unwrap_err().contains("LABEL=scripted:FILE"), "{bad}");
        }
        assert!(model("d=m@http://me:pw@h/v1").unwrap_err().contains("key-env"));
        assert!(model("d=@http://h/v1").unwrap_err().contains("name"));
    }

    #[test]
    fn ends() {
        assert_eq!(until("1970-01-02"), Ok(Until::At(2 * DAY_MS)), "through that day");
        assert_eq!(until("1970-01-02T00:00:01Z"), Ok(Until::At(DAY_MS + 1_000)));
        assert_eq!(until("90d").unwrap().after(5), 90 * DAY_MS + 5);
        assert_eq!(until("12h"), Ok(Until::For(DAY_MS / 2)));
        for bad in ["", "0d", "d", "-1d", "2027-02-30", "soon", "99999999999999999999d", "1x"] {
            assert!(until(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn capabilities_budgets_and_runs() {
        assert_eq!(allow("send=a.*").unwrap(), (Verb::Send, "a.*".parse().unwrap()));
        assert!(allow("write").is_err() && allow("fly=a").is_err() && allow("send=$exit").is_err());
        let unless = unless("infer=*,label=b,label=a").unwrap();
        assert_eq!(unless.how, Narrow::Unless(Labels::new(["a", "b"]).unwrap()));
        assert!(super::unless("infer=*").is_err() && ask("infer").is_err());
        assert_eq!(ask("write=site").unwrap().how, Narrow::Ask);
        let rate = |meter, amount, period| Rate { meter, amount, period };
        assert_eq!(budget("fuel=2G").unwrap(), rate(Meter::Fuel, 2_000_000_000, None));
        assert_eq!(budget("calls=2k/h").unwrap(), rate(Meter::Calls, 2_000, Some(Period::Hour)));
        assert_eq!(amount("tokens-in=20k").unwrap(), (Meter::TokensIn, 20_000));
        assert!(amount("tokens-in=20k/h").is_err() && amount("memory=1MiB").is_err());
        assert!(budget("fuel").is_err() && budget("time=1").is_err() && budget("fuel=1GiB").is_err());
        assert_eq!(weight("writer=200").unwrap(), ("writer".into(), 200));
        assert!(
            ["writer", "writer=0", "writer=1001", "=1", "writer=x"].iter().all(|bad| weight(bad).is_err())
        );
        assert_eq!((run("r3"), run("3")), (Ok(3), Ok(3)));
        assert!(run("r0").is_err() && run("x").is_err());
        assert_eq!((process("r3/2"), process("3")), (Ok(Key { run: 3, pid: 2 }), Ok(Key { run: 3, pid: 1 })));
        assert_eq!(question("r3#12"), Ok((3, 12)));
        for bad in ["r3/0", "r3/", "/1", "r3/x", "r3/1/1"] {
            assert!(process(bad).is_err(), "{bad}");
        }
        for bad in ["r3", "r3#", "r3#0", "#3", "r3#x", "r3#1#2", "r3#-1"] {
            assert!(question(bad).is_err(), "{bad}");
        }
        assert_eq!(bytes("1MiB"), Ok(1 << 20));
        assert_eq!(changed("a.wasm").unwrap(), (String::new(), "a.wasm".into()));
        assert_eq!(changed("writer=a.wasm").unwrap(), ("writer".into(), "a.wasm".into()));
    }
}

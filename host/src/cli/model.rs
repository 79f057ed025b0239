//! `aos-host model`: which models there are, and whether they answer.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use authority::ModelPlace;
use clap::{Args, Subcommand};
use ledger::{Meter, show};
use serde::Serialize;

use super::args::Format;
use super::failure::{Code, Failure};
use super::flags;
use super::out::Out;
use super::view::escape::visible;
use crate::host::models::{Opened, named_by_variables};
use crate::host::{Catalogue, Dirs, ModelSource};
use crate::infer::config::KeyPlace;
use crate::infer::remote::{Answered, Backend};
use crate::infer::slots::Lines;
use crate::kernel::ports::{Fault, Price};

/// What can be done with models.
#[derive(Debug, Subcommand)]
pub enum ModelVerb {
    /// List the models that are configured
    #[command(after_help = "Example:\n  aos-host model list")]
    List(ModelArgs),
    /// Ask a model, and those that stand in for it, for one word each; this may cost a few tokens
    #[command(
        after_help = "Examples:\n  aos-host model check fast\n  aos-host model check qwen3@http://localhost:8080/v1"
    )]
    Check {
        /// A table of models.toml, an address as for `run --model`, or `default` for what AOS_LLM_… say
        #[arg(value_name = "LABEL", value_parser = flags::model_source)]
        model: ModelSource,
        /// Which tables, and how it is written
        #[command(flatten)]
        args: ModelArgs,
    },
}

/// Which models, and how they are shown.
#[derive(Debug, Args)]
pub struct ModelArgs {
    /// Tables of models [default: models.toml in the configuration directory]
    #[arg(long = "models", value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// How it is written
    #[command(flatten)]
    pub format: Format,
}

/// One line of `model list`.
#[derive(Serialize)]
struct Listed {
    name: String,
    provider: &'static str,
    model: String,
    /// Absent: the provider's own.
    url: Option<String>,
    /// Where its key is; never the key.
    key: Option<String>,
    price: Option<Price>,
    fallback: Vec<String>,
    /// What keeps it from being asked.
    wrong: Option<String>,
}

/// One line of `model check`.
#[derive(Serialize)]
struct Checked {
    model: String,
    ok: bool,
    found: String,
    remedy: Option<String>,
}

/// Lists models or asks one.
///
/// # Errors
/// When the configuration is wrong or the answer cannot be written.
pub fn model(dirs: &Dirs, verb: &ModelVerb, out: &mut Out) -> Result<Code, Failure> {
    match verb {
        ModelVerb::List(args) => list(dirs, args, out),
        ModelVerb::Check { model, args } => check(dirs, model, args, out),
    }
}

fn list(dirs: &Dirs, args: &ModelArgs, out: &mut Out) -> Result<Code, Failure> {
    let catalogue = Catalogue::new(dirs, args.file.as_deref())?;
    let mut lines = Vec::new();
    for (name, table) in catalogue.tables()? {
        let place = catalogue.place(&ModelSource::Table(name.clone()))?;
        let (price, wrong) = state(dirs, &name, &place);
        let key = table.key.map(|key| match key {
            KeyPlace::Env(name) => name,
            KeyPlace::File(path) => path.display().to_string(),
        });
        let (provider, model, url, fallback) =
            (table.provider.name(), table.model, table.url, table.fallback);
        lines.push(Listed { name, provider, model, url, key, price, fallback, wrong });
    }
    if named_by_variables() {
        let place = catalogue.place(&ModelSource::Variables);
        let (price, wrong) = match &place {
            Ok(place) => state(dirs, "default", place),
            Err(error) => (None, Some(error.to_string())),
        };
        let model = place.map(|place| place.model).unwrap_or_default();
        let (name, key) = ("default (AOS_LLM_…)".to_owned(), Some("AOS_LLM_API_KEY".to_owned()));
        lines.push(Listed {
            name,
            provider: "AOS_LLM",
            model,
            url: None,
            key,
            price,
            fallback: Vec::new(),
            wrong,
        });
    }
    for line in &lines {
        match args.format.json {
            true => out.json("model", line)?,
            false => out.line(&visible(&sentence(line)))?,
        }
    }
    if lines.is_empty() && !args.format.json {
        let path = catalogue.path().display().to_string();
        out.line(&format!(
            "no models: {} is not there or empty, and AOS_LLM_MODEL is not set",
            visible(&path)
        ))?;
    }
    Ok(Code::Ok)
}

/// What a model costs, and what keeps it from being asked.
fn state(dirs: &Dirs, name: &str, place: &ModelPlace) -> (Option<Price>, Option<String>) {
    match Catalogue::open(name, place, dirs, &Lines::default()) {
        Ok(opened) => (opened.model.traits.price, None),
        Err(error) => (None, Some(error.to_string())),
    }
}

fn sentence(line: &Listed) -> String {
    let mut text =
        format!("{:<16} {} · {}", line.name, line.model, line.url.as_deref().unwrap_or(line.provider));
    if let Some(key) = &line.key {
        text.push_str(&format!(" · key in {key}"));
    }
    text.push_str(&match line.price {
        Some(price) => format!(" · {} in, {} out per million tokens", usd(price.input), usd(price.output)),
        None => " · no price".to_owned(),
    });
    if !line.fallback.is_empty() {
        text.push_str(&format!(" · then {}", line.fallback.join(", ")));
    }
    if let Some(wrong) = &line.wrong {
        text.push_str(&format!(" · cannot be asked: {wrong}"));
    }
    text
}

fn usd(micro: u64) -> String {
    show(Meter::MicroUsd, micro)
}

fn check(dirs: &Dirs, source: &ModelSource, args: &ModelArgs, out: &mut Out) -> Result<Code, Failure> {
    let catalogue = Catalogue::new(dirs, args.file.as_deref())?;
    let tables = catalogue.tables()?;
    let source = match source {
        // The label that the variables are for, unless a table has that name.
        ModelSource::Table(name)
            if name == "default" && !tables.contains_key(name) && named_by_variables() =>
        {
            &ModelSource::Variables
        }
        source => source,
    };
    let label = match source {
        ModelSource::Table(name) => name.as_str(),
        ModelSource::Script(_) | ModelSource::Address { .. } | ModelSource::Variables => "default",
    };
    let Opened { remote, gaps, .. } =
        Catalogue::open(label, &catalogue.place(source)?, dirs, &Lines::default())?;
    let mut checked = Vec::new();
    match remote {
        None => checked.push(Checked {
            model: label.to_owned(),
            ok: true,
            found: "its script can be read".to_owned(),
            remedy: None,
        }),
        Some(remote) => {
            let runtime = crate::host::runtime(Some(1))?;
            for backend in remote.chain() {
                let begun = Instant::now();
                let answered = runtime.block_on(backend.probe());
                checked.push(line(backend, answered, begun.elapsed()));
            }
        }
    }
    for line in &checked {
        if args.format.json {
            out.json("check", line)?;
            continue;
        }
        let mark = if line.ok { "ok  " } else { "fail" };
        out.line(&format!("{mark} {}: {}", visible(&line.model), visible(&line.found)))?;
        if let Some(remedy) = &line.remedy {
            out.line(&format!("     {}", visible(remedy)))?;
        }
    }
    for gap in gaps.iter().filter(|_| !args.format.json) {
        out.line(&format!("note: no price of {}: {}", visible(&gap.model), visible(&gap.help)))?;
    }
    Ok(if checked.iter().all(|line| line.ok) { Code::Ok } else { Code::Failed })
}

fn line(backend: &Backend, answered: Result<Answered, Fault>, took: Duration) -> Checked {
    let model = backend.place();
    let took = show(Meter::WallTime, u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    match answered {
        Ok(Answered { text, usage, streamed }) => {
            let tokens = match usage {
                Some(usage) => format!("{} tokens in, {} out", usage.tokens_in, usage.tokens_out),
                None => "it reports no tokens, so reservations will stand".to_owned(),
            };
            let how = if streamed { "whole and streamed" } else { "whole" };
            Checked {
                model,
                ok: true,
                found: format!("answers {how} in {took}: {text:?} ({tokens})"),
                remedy: None,
            }
        }
        Err(Fault { detail, remedy, .. }) => Checked { model, ok: false, found: detail, remedy },
    }
}

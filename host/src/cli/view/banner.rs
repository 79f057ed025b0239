//! The first line of a run: who it is, what it may do, what limits it.

use authority::{Grant, Right, Use, Verb};
use ledger::{MAX, Meter, show};

use super::escape::visible;
use super::run::RunView;

/// Objects of one verb that are named; further ones are counted.
const OBJECTS: usize = 4;

/// The line, from the run's first entries: `r1 hello (unsigned) may: scratch, log · limits 10 G fuel, 64 MiB, 5 min`.
pub fn banner(view: &RunView, grant: &Grant) -> String {
    let signed = match &grant.signer {
        Some(signer) => format!(" (signed by {})", visible(&signer.publisher)),
        None => " (unsigned)".to_owned(),
    };
    let mut line = format!("r{} {}{signed} may: {}", view.run, visible(&view.label), rights(grant));
    let hands = grouped(grant, |right| right.delegate != Use::No && right.using == Use::No);
    if !hands.is_empty() {
        line.push_str(&format!(" · hands on: {}", hands.join(", ")));
    }
    line.push_str(&format!(" · limits {}", limits(grant)));
    line
}

fn rights(grant: &Grant) -> String {
    let mut all = vec!["scratch".to_owned()];
    all.extend(grouped(grant, |right| right.using != Use::No));
    all.join(", ")
}

/// The root's rights of one kind, a verb at a time; `log` alone for every level.
fn grouped(grant: &Grant, wanted: impl Fn(&Right) -> bool) -> Vec<String> {
    let of = |verb: Verb| {
        let rights = grant.root.rights.iter().filter(|right| right.verb == verb && wanted(right));
        let objects: Vec<String> = rights.map(|right| object(right, grant)).collect();
        let more = objects.len().saturating_sub(OBJECTS);
        let mut text = objects[..objects.len() - more].join(" ");
        if more > 0 {
            text.push_str(&format!(" and {more} more"));
        }
        (!objects.is_empty()).then(|| format!("{verb} {text}").trim_end().to_owned())
    };
    let log = grant.root.rights.iter().any(|right| right.verb == Verb::Log && wanted(right));
    let others = Verb::ALL.into_iter().filter(|verb| *verb != Verb::Log).filter_map(of);
    others.chain(log.then(|| "log".to_owned())).collect()
}

fn object(right: &Right, grant: &Grant) -> String {
    let mut text = visible(right.object.as_str());
    if !right.unless.is_empty() {
        let unless: Vec<String> = right.unless.iter().map(visible).collect();
        text.push_str(&format!(" (unless {})", unless.join(", ")));
    }
    if let (Verb::Infer, Some(model)) = (right.verb, grant.models.get(right.object.as_str())) {
        text.push_str(&format!(" ({})", visible(&model.driver)));
    }
    text
}

fn limits(grant: &Grant) -> String {
    let budget = &grant.root.budget;
    let infers = |right: &Right| right.verb == Verb::Infer;
    let tokens = !grant.models.is_empty() && grant.root.rights.iter().any(infers);
    let mut limits = Vec::new();
    for meter in Meter::ALL {
        let amount = budget.get(meter);
        let shown = match meter {
            Meter::Fuel => format!("{} fuel", show(meter, amount)),
            Meter::Memory => show(meter, amount),
            Meter::WallTime if amount >= MAX => "any time".to_owned(),
            Meter::WallTime => show(meter, amount),
            Meter::TokensIn | Meter::TokensOut if tokens => format!("{} {meter}", show(meter, amount)),
            Meter::MicroUsd if tokens && amount < MAX => show(meter, amount),
            Meter::Children if !grant.children.is_empty() => format!("{} {meter}", show(meter, amount)),
            Meter::TokensIn | Meter::TokensOut | Meter::MicroUsd | Meter::Children => continue,
            Meter::BytesStored | Meter::BytesSent | Meter::Calls => continue,
        };
        limits.push(shown);
    }
    limits.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn an_agent_alone() {
        let mut log = fixture::Log::new(fixture::alone());
        log.start_root("hello");
        let grant = fixture::alone();
        assert_eq!(
            banner(log.fold.view(), &grant),
            "r1 hello (unsigned) may: scratch, log · limits 10 G fuel, 64 MiB, 5 min"
        );
    }

    #[test]
    fn a_team_and_what_it_hands_on() {
        let grant = fixture::team();
        let view = RunView { run: 2, label: "docs-merge".into(), ..RunView::default() };
        assert_eq!(
            banner(&view, &grant),
            "r2 docs-merge (unsigned) may: scratch, send writer, spawn writer, log · hands on: read notes, write site \
             · limits 10 G fuel, 64 MiB, 5 min, 16 children"
        );
    }
}

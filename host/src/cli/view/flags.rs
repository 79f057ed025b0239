//! A grant as the flags of `run` that give it.

use authority::{Grant, Labels, Mode, ModelPlace, Pattern, Right, Use, Verb};

use super::escape::shell_word;

/// The flags, each with its value, fit for a shell. `granted` is the wider grant that the run had: what its manifest holds back
/// for some members only cannot be said by a flag, and needs none.
pub fn of(least: &Grant, granted: &Grant) -> Vec<String> {
    let mut flags: Vec<String> = Vec::new();
    for (label, place) in &least.mounts {
        let mode = if place.mode == Mode::Ro { String::new() } else { format!(":{}", place.mode.as_str()) };
        flags.push(flag("--mount", &format!("{label}={}{mode}{}", place.path, categories(&place.labels))));
    }
    flags.extend(
        least
            .models
            .iter()
            .filter_map(|(label, place)| Some(flag("--model", &format!("{label}={}", model(place)?)))),
    );
    let members = || least.children.values().chain([&least.root]);
    for right in members().flat_map(|member| member.rights.iter()) {
        let allowed = flag("--allow", &format!("{}={}", right.verb, right.object.as_str()));
        if by_flag(right.verb, granted) && !flags.contains(&allowed) {
            flags.push(allowed);
        }
    }
    for right in members().flat_map(|member| member.rights.iter()) {
        for narrowed in narrowed(right, granted) {
            if !flags.contains(&narrowed) {
                flags.push(narrowed);
            }
        }
    }
    flags
}

fn flag(name: &str, value: &str) -> String {
    format!("{name} {}", shell_word(value))
}

fn categories(labels: &Labels) -> String {
    labels.iter().map(|label| format!(",label={label}")).collect()
}

/// Whether `--allow` gives a right: with a manifest, only what reaches outside; mounts and models give their own.
fn by_flag(verb: Verb, granted: &Grant) -> bool {
    match verb {
        Verb::Read | Verb::Write | Verb::Infer | Verb::Log => false,
        Verb::Tool | Verb::Declassify => true,
        Verb::Send | Verb::Publish | Verb::Subscribe | Verb::Lease | Verb::Put | Verb::Get | Verb::Spawn => {
            granted.root.manifest.is_none()
        }
    }
}

/// `--ask` and `--unless` of a right. A flag narrows every member's: it is said only where every member's was narrowed.
fn narrowed(right: &Right, granted: &Grant) -> Vec<String> {
    let all = || {
        let members = granted.children.values().chain([&granted.root]);
        members.flat_map(|member| member.rights.iter()).filter(|other| meets(other, right))
    };
    let value = format!("{}={}", right.verb, right.object.as_str());
    let mut flags = Vec::new();
    if right.using == Use::Ask && all().all(|other| other.using != Use::Allow && other.delegate != Use::Allow)
    {
        flags.push(flag("--ask", &value));
    }
    let shared = right.unless.iter().filter(|label| all().all(|other| other.unless.contains(label)));
    if let Ok(shared) = Labels::new(shared)
        && !shared.is_empty()
    {
        flags.push(flag("--unless", &format!("{value}{}", categories(&shared))));
    }
    flags
}

fn meets(one: &Right, other: &Right) -> bool {
    let meet: Option<&Pattern> = one.object.meet(&other.object);
    one.verb == other.verb && meet.is_some()
}

/// A model as `--model` names it; none for what the environment names.
pub fn model(place: &ModelPlace) -> Option<String> {
    if place.driver == "scripted" {
        return Some(format!("scripted:{}", place.source));
    }
    match place.source.rsplit_once('#') {
        Some((_, table)) => Some(table.to_owned()),
        None if place.source.starts_with("http") => Some(format!("{}@{}", place.model, place.source)),
        None => None,
    }
}

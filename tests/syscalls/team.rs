//! Manifests of teams of probes.

/// A package `team` whose root is the probe: the lines of its `[needs]` (and sections after them), and of each child's
/// table `[children.LABEL]` what follows its component, the probe too.
pub fn team(needs: &str, children: &[(&str, &str)]) -> String {
    let mut text = format!(
        "[package]\nname = \"team\"\nversion = \"0.1.0\"\ncomponent = \"probe.wasm\"\n[needs]\n{needs}\n"
    );
    for (label, rest) in children {
        text.push_str(&format!("[children.{label}]\ncomponent = \"probe.wasm\"\n{rest}\n"));
    }
    text
}

/// Tries again with more patience while an attempt answers nothing, for what only the machine's pace brings about.
#[track_caller]
pub fn eventually<T>(attempt: impl Fn(u64) -> Option<T>) -> T {
    let found = [50, 500, 5_000].into_iter().find_map(attempt);
    found.expect("it did not come about, not even within 5 seconds")
}

//! The table of `docs/security.md`: each of the forty attacks is there, and the test that is said to show it is one.

use crate::tidy::tree::root;

/// Attacks.
const ATTACKS: usize = 40;

#[test]
fn every_attack_has_its_test() {
    let text = std::fs::read_to_string(root().join("docs/security.md")).unwrap();
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("| ") && line[2..].starts_with(|c: char| c.is_ascii_digit()))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let numbers: Vec<usize> = rows.iter().map(|row| row[0].parse().unwrap()).collect();
    assert_eq!(numbers, (1..=ATTACKS).collect::<Vec<_>>(), "each attack once, in order");
    for row in rows {
        let [number, _, happens, shown] = row.as_slice() else { panic!("{row:?} has four columns") };
        if *shown == "–" {
            assert!(happens.starts_with("waits for"), "{number} says what it waits for");
            continue;
        }
        let path = shown.trim_matches('`');
        let (module, test) = path.rsplit_once("::").unwrap();
        let file = match module.strip_prefix("host::") {
            Some(of_host) => format!("host/src/{}.rs", of_host.replace("::", "/")),
            None => format!("tests/{}.rs", module.replace("::", "/")),
        };
        let source =
            std::fs::read_to_string(root().join(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let declared = source.contains(&format!("#[test]\nfn {test}()"));
        assert!(declared, "{number}: there is no test {test} in {file}");
        let own = module.starts_with("redteam::");
        let rows = [format!("({number}, "), format!(" {number},\n"), format!("| {number} |")];
        assert!(!own || rows.iter().any(|row| source.contains(row)), "{number} is no row of {file}");
    }
}

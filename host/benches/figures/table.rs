//! The table, and its lines of JSON.

/// What was measured, in one unit, smallest first.
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn new(mut samples: Vec<f64>) -> Samples {
        samples.sort_by(f64::total_cmp);
        Samples(samples)
    }

    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let last = self.0.len().saturating_sub(1);
        self.0.get(last * percent / 100).copied().unwrap_or(f64::NAN)
    }
}

/// Figures as they are measured.
pub(crate) struct Table {
    json: bool,
}

impl Table {
    pub(crate) fn new(json: bool) -> Table {
        if !json {
            println!("{:<44} {:>11} {:>9} {:>7} {:>11} {:>7}", "", "p50", "bare", "ratio", "p99", "n");
        }
        Table { json }
    }

    /// One figure: the median is its value.
    pub(crate) fn row(&mut self, name: &str, unit: &str, samples: &Samples, bare: Option<f64>) {
        let (p50, p99, n) = (samples.percentile(50), samples.percentile(99), samples.0.len());
        let ratio = bare.map(|bare| p50 / bare);
        if self.json {
            let line = serde_json::json!({
                "name": name, "value": p50, "unit": unit, "bare": bare, "ratio": ratio, "p50": p50, "p99": p99, "n": n,
            });
            println!("{line}");
            return;
        }
        let number = |n: Option<f64>| n.map_or("–".to_owned(), short);
        println!(
            "{name:<44} {:>11} {:>9} {:>7} {:>11} {n:>7}",
            format!("{} {unit}", short(p50)),
            number(bare),
            ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.1} ×")),
            short(p99),
        );
    }

    /// A remark below a figure.
    pub(crate) fn note(&self, text: &str) {
        if !self.json {
            println!("  {text}");
        }
    }

    pub(crate) fn finish(&self) {
        self.note("");
        self.note(
            "bare: the same component on the same engine with host functions that do nothing, in this run",
        );
    }
}

/// Three digits or so.
fn short(n: f64) -> String {
    match n.abs() {
        n if n >= 100.0 => format!("{n:.0}"),
        n if n >= 10.0 => format!("{n:.1}"),
        _ => format!("{n:.2}"),
    }
}

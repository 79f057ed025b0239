//! The figures as a picture: one SVG file, four panels.

use std::fmt::Write;

use super::measure::percentile;
use super::workload::Arrivals;
use super::{Cell, Order};

/// The picture, in pixels.
const WIDTH: f64 = 1_080.0;
const HEIGHT: f64 = 800.0;
/// Each order's colour (Okabe and Ito's palette, which the colour-blind can tell apart), as in [`Order::ALL`].
const COLOURS: [&str; 5] = ["#0072b2", "#cc79a7", "#009e73", "#e69f00", "#d55e00"];
/// Points of a curve.
const POINTS: usize = 200;
/// The shortest wait that is drawn, in seconds.
const SHORTEST: f64 = 0.05;

/// A scale from values to pixels.
#[derive(Clone, Copy)]
struct Scale {
    from: (f64, f64),
    to: (f64, f64),
    logarithmic: bool,
}

impl Scale {
    fn at(&self, value: f64) -> f64 {
        let of = |v: f64| if self.logarithmic { v.max(1e-9).log10() } else { v };
        let part = (of(value) - of(self.from.0)) / (of(self.from.1) - of(self.from.0));
        self.to.0 + part.clamp(0.0, 1.0) * (self.to.1 - self.to.0)
    }
}

/// One panel: its place, its scales, and what has been drawn in it.
struct Panel {
    svg: String,
    x: Scale,
    y: Scale,
}

impl Panel {
    fn new(number: usize, title: &str, x: (f64, f64, bool), y: (f64, f64, bool)) -> Panel {
        let left = 70.0 + (number % 2) as f64 * 530.0;
        let top = 130.0 + (number / 2) as f64 * 335.0;
        let scale =
            |(low, high, logarithmic): (f64, f64, bool), to| Scale { from: (low, high), to, logarithmic };
        let svg = format!("<text x='{left}' y='{}' class='title'>{title}</text>\n", top - 16.0);
        Panel { svg, x: scale(x, (left, left + 440.0)), y: scale(y, (top + 245.0, top)) }
    }

    fn ticks(&mut self, xs: &[(f64, String)], ys: &[(f64, String)], label: &str) {
        let (left, right, bottom) = (self.x.to.0, self.x.to.1, self.y.to.0);
        for (value, text) in ys {
            let y = self.y.at(*value);
            let _ = writeln!(
                self.svg,
                "<line x1='{left}' y1='{y:.1}' x2='{right}' y2='{y:.1}' class='grid'/>\
                 <text x='{:.1}' y='{:.1}' class='tick' text-anchor='end'>{text}</text>",
                left - 8.0,
                y + 4.0
            );
        }
        for (value, text) in xs {
            let x = self.x.at(*value);
            let _ = writeln!(
                self.svg,
                "<line x1='{x:.1}' y1='{bottom}' x2='{x:.1}' y2='{:.1}' class='axis'/>\
                 <text x='{x:.1}' y='{:.1}' class='tick' text-anchor='middle'>{text}</text>",
                bottom + 5.0,
                bottom + 19.0
            );
        }
        let _ = writeln!(
            self.svg,
            "<line x1='{left}' y1='{bottom}' x2='{right}' y2='{bottom}' class='axis'/>\
             <text x='{right}' y='{:.1}' class='tick' text-anchor='end'>{label}</text>",
            bottom + 36.0
        );
    }

    fn line(&mut self, points: &[(f64, f64)], order: usize, dots: bool) {
        let at = |(x, y): &(f64, f64)| format!("{:.1},{:.1}", self.x.at(*x), self.y.at(*y));
        let path: Vec<String> = points.iter().map(at).collect();
        let (colour, dash) = (COLOURS[order], if order >= 3 { " stroke-dasharray='6 4'" } else { "" });
        let _ = writeln!(
            self.svg,
            "<polyline points='{}' fill='none' stroke='{colour}' stroke-width='2.5' stroke-linejoin='round'{dash}/>",
            path.join(" ")
        );
        for (x, y) in points.iter().filter(|_| dots) {
            let _ = writeln!(
                self.svg,
                "<circle cx='{:.1}' cy='{:.1}' r='4' fill='{colour}'/>",
                self.x.at(*x),
                self.y.at(*y)
            );
        }
    }
}

/// Draws what was measured.
pub(crate) fn draw(cells: &[Cell]) -> String {
    let largest = cells.iter().map(|cell| cell.agents).max().unwrap_or(0);
    let longest =
        cells.iter().filter_map(|cell| cell.figures.waiting.last()).fold(1.0, |a: f64, b| a.max(*b));
    let panels = [
        curve(0, cells, largest, Arrivals::Closed, longest),
        curve(1, cells, largest, Arrivals::Poisson, longest),
        fairness(cells),
        tail(cells, longest),
    ];
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' width='{WIDTH}' height='{HEIGHT}'>\n\
         <style>text{{font-family:system-ui,-apple-system,'Segoe UI',sans-serif;fill:#1b1f24}}\
         .head{{font-size:21px;font-weight:600}}.sub{{font-size:13px;fill:#57606a}}.title{{font-size:15px;font-weight:600}}\
         .tick{{font-size:12px;fill:#57606a}}.key{{font-size:13px}}.grid{{stroke:#e3e7eb}}.axis{{stroke:#8c959f}}</style>\n\
         <rect width='100%' height='100%' fill='#ffffff'/>\n\
         <text x='70' y='38' class='head'>Who comes first at a model</text>\n\
         <text x='70' y='59' class='sub'>Real components ask a simulated backend with 32 slots. Times are the backend's.</text>\n"
    );
    let mut x = 70.0;
    for (at, order) in Order::ALL.into_iter().enumerate() {
        let dash = if at >= 3 { " stroke-dasharray='6 4'" } else { "" };
        let _ = writeln!(
            svg,
            "<line x1='{x}' y1='82' x2='{}' y2='82' stroke='{}' stroke-width='3'{dash}/>\
             <text x='{}' y='86' class='key'>{}</text>",
            x + 28.0,
            COLOURS[at],
            x + 36.0,
            order.name()
        );
        x += 62.0 + order.name().len() as f64 * 8.0;
    }
    panels.iter().for_each(|panel| svg.push_str(&panel.svg));
    svg.push_str("</svg>\n");
    svg
}

fn text(values: &[f64], unit: &str) -> Vec<(f64, String)> {
    values.iter().map(|value| (*value, format!("{value}{unit}"))).collect()
}

/// Powers of ten of seconds, up to the longest wait.
fn seconds(longest: f64) -> Vec<(f64, String)> {
    text(&[0.1, 1.0, 10.0, 100.0, 1_000.0], " s").into_iter().filter(|(value, _)| *value <= longest).collect()
}

/// How much of all questions had waited how long at most.
fn curve(number: usize, cells: &[Cell], agents: usize, arrivals: Arrivals, longest: f64) -> Panel {
    let how = match arrivals {
        Arrivals::Closed => "all at once",
        Arrivals::Poisson => "Poisson, load 0.9",
    };
    let title = format!("Questions by their wait: {} agents, {how}", ledger::grouped(agents as u64));
    let mut panel = Panel::new(number, &title, (SHORTEST, longest, true), (0.0, 100.0, false));
    panel.ticks(&seconds(longest), &text(&[0.0, 25.0, 50.0, 75.0, 100.0], " %"), "waiting, logarithmic");
    for (at, order) in Order::ALL.into_iter().enumerate() {
        let of = |cell: &&Cell| cell.agents == agents && cell.arrivals == arrivals && cell.order == order;
        let Some(cell) = cells.iter().find(of) else { continue };
        let waiting = &cell.figures.waiting;
        let point = |n: usize| {
            let index = (n * waiting.len().saturating_sub(1)) / POINTS;
            (waiting.get(index).copied().unwrap_or(0.0), n as f64 * 100.0 / POINTS as f64)
        };
        panel.line(&(0..=POINTS).map(point).collect::<Vec<_>>(), at, false);
    }
    panel
}

/// The sizes that were measured, as a scale.
fn sizes(cells: &[Cell]) -> (Vec<(f64, String)>, (f64, f64, bool)) {
    let mut all: Vec<usize> = cells.iter().map(|cell| cell.agents).collect();
    all.dedup();
    all.sort_unstable();
    all.dedup();
    let (low, high) = (all.first().copied().unwrap_or(1), all.last().copied().unwrap_or(2));
    let ticks = all.iter().map(|n| (*n as f64, ledger::grouped(*n as u64))).collect();
    (ticks, (low as f64 * 0.9, high as f64 * 1.1, true))
}

fn by_size(panel: &mut Panel, cells: &[Cell], value: impl Fn(&Cell) -> f64) {
    for (at, order) in Order::ALL.into_iter().enumerate() {
        let those = cells.iter().filter(|cell| cell.order == order && cell.arrivals == Arrivals::Closed);
        let points: Vec<(f64, f64)> = those.map(|cell| (cell.agents as f64, value(cell))).collect();
        panel.line(&points, at, true);
    }
}

fn fairness(cells: &[Cell]) -> Panel {
    let (ticks, x) = sizes(cells);
    let title = "Jain's index over tokens at half time, all at once";
    let mut panel = Panel::new(2, title, x, (0.0, 1.0, false));
    panel.ticks(&ticks, &text(&[0.0, 0.25, 0.5, 0.75, 1.0], ""), "agents");
    by_size(&mut panel, cells, |cell| cell.figures.fairness);
    panel
}

fn tail(cells: &[Cell], longest: f64) -> Panel {
    let (ticks, x) = sizes(cells);
    let title = "Waiting of the heaviest weight, p99, all at once";
    let mut panel = Panel::new(3, title, x, (SHORTEST, longest, true));
    panel.ticks(&ticks, &seconds(longest), "agents");
    by_size(&mut panel, cells, |cell| percentile(&cell.figures.high, 99));
    panel
}

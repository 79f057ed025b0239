//! Progress on a terminal: a few lines below what scrolls, gone at the end.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::out::note;

/// How often it is drawn at most.
pub const PERIOD: Duration = Duration::from_millis(100);
/// A run that is over before has no progress to show.
pub const PATIENCE: Duration = Duration::from_millis(400);
/// How often it is drawn at most, per second.
const HERTZ: u8 = 10;

/// The lines. What else is written to standard error meanwhile goes through [`Live::above`].
pub struct Live {
    all: MultiProgress,
    lines: Vec<ProgressBar>,
    style: ProgressStyle,
}

impl Live {
    /// None when nobody looks: standard error is no terminal, or one that cannot move its cursor.
    pub fn new() -> Option<Live> {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        if dumb || !io::stderr().is_terminal() {
            return None;
        }
        // As wide as the terminal: longer lines are cut. The cursor rests before the last line's end, so that a terminal
        // that shows a typed ^C there does not begin a line with it.
        let style = ProgressStyle::with_template("{wide_msg}\u{1b}[4D").ok()?;
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(HERTZ));
        Some(Live { all, lines: Vec::new(), style })
    }

    /// Shows these lines instead of those before.
    pub fn show(&mut self, lines: Vec<String>) {
        for gone in self.lines.drain(lines.len().min(self.lines.len())..) {
            self.all.remove(&gone);
        }
        while self.lines.len() < lines.len() {
            let line = self.all.add(ProgressBar::new_spinner());
            line.set_style(self.style.clone());
            self.lines.push(line);
        }
        for (line, text) in self.lines.iter().zip(lines) {
            line.set_message(text);
        }
    }

    /// Takes the lines away until others are shown, so that something else can stand where they stood.
    pub fn hide(&mut self) {
        for line in self.lines.drain(..) {
            self.all.remove(&line);
        }
        // A terminal that is gone has nothing left on it.
        let _gone = self.all.clear();
    }

    /// Writes lines that stay, above.
    pub fn above(&self, lines: &[String]) {
        self.all.suspend(|| lines.iter().for_each(|line| note(line)));
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.hide();
    }
}

//! Numbered steps on standard error: what happens, how long it may take, how long it took.

use std::time::{Duration, Instant};

use crate::error::Error;

/// A verb's steps, counted.
pub struct Steps {
    done: usize,
    total: usize,
}

impl Steps {
    /// So many will follow.
    pub fn new(total: usize) -> Self {
        Self { done: 0, total }
    }

    /// Announces a step, does it, and says how long it took.
    pub fn run<T>(&mut self, what: &str, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        self.announce(what);
        let start = Instant::now();
        let result = work();
        let how = if result.is_ok() { "done" } else { "failed" };
        eprintln!("[{}/{}] {how} in {}", self.done, self.total, seconds(start.elapsed()));
        result
    }

    /// Announces a step whose own output is the last that should be seen.
    pub fn announce(&mut self, what: &str) {
        self.done += 1;
        eprintln!("[{}/{}] {what}", self.done, self.total);
    }
}

fn seconds(elapsed: Duration) -> String {
    let whole = elapsed.as_secs();
    if whole < 60 {
        format!("{:.1} s", elapsed.as_secs_f64())
    } else {
        format!("{} min {} s", whole / 60, whole % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_for_people() {
        assert_eq!(seconds(Duration::from_millis(1_240)), "1.2 s");
        assert_eq!(seconds(Duration::from_secs(241)), "4 min 1 s");
    }

    #[test]
    fn a_step_gives_on_what_its_work_gave() {
        let mut steps = Steps::new(2);
        assert_eq!(steps.run("one", || Ok(1)).unwrap(), 1);
        assert!(steps.run("two", || Err::<(), _>(Error::new("no", "yes"))).is_err());
        assert_eq!(steps.done, steps.total);
    }
}

//! Ctrl-C: the run ends in order, on record.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{Place, guest};

#[test]
fn ctrl_c_ends_the_run_on_record() {
    let place = Place::new();
    let idle = guest("idle");
    let mut running = place.start(&["run", idle.to_str().unwrap()], b"");
    // The banner is shown once the run's first entries are on disk; the log says so to us too.
    let since = Instant::now();
    while !place.aos(&["inspect", "r1"]).stdout.contains("r1") {
        assert!(running.runs() && since.elapsed() < Duration::from_secs(30), "the run never began");
    }
    let sent = Command::new("kill").args(["-INT", &running.pid().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "kill(1) is needed to send SIGINT");
    let ran = running.wait().expect(1);
    ran.says("interrupted: ending the run").says("r1 killed");
    place.aos(&["audit", "verify"]).expect(0).answers("audit ok");
    place.aos(&["replay", "r1"]).expect(0).answers("replay identical");
}

//! A host that is kept running for a test.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Entry, PATIENCE, Place, Ran, Started, guest};

/// A place with a host that runs in it; it is killed if the test does not end it.
pub struct Owner {
    /// Its place.
    pub place: Place,
    host: Option<Started>,
}

impl Owner {
    /// `aos-host up` in a new place.
    #[track_caller]
    pub fn up() -> Owner {
        Owner::of(Place::new(), &["up"])
    }

    /// A command that has the state directory, in a place.
    #[track_caller]
    pub fn of(place: Place, words: &[&str]) -> Owner {
        let host = place.start(words, b"");
        let mut owner = Owner { place, host: Some(host) };
        until(|| {
            assert!(owner.host.as_mut().is_some_and(Started::runs), "the host ended at once");
            owner.place.aos(&["ps"]).expect(0).stdout != "no host is running\n"
        });
        owner
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.host.as_ref().unwrap().pid()
    }

    /// Whether it runs.
    pub fn runs(&mut self) -> bool {
        self.host.as_mut().unwrap().runs()
    }

    /// Ends it with SIGTERM, and checks the log.
    #[track_caller]
    pub fn down(mut self) -> (Place, Ran) {
        let host = self.host.take().unwrap();
        signal(host.pid(), "TERM");
        let ran = host.wait();
        let place = std::mem::replace(&mut self.place, Place::new());
        place.aos(&["audit", "verify"]).expect(0).answers("audit ok");
        (place, ran)
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(&mut self) -> Ran {
        self.host.take().unwrap().wait()
    }

    /// Ends it with SIGKILL.
    pub fn kill(&mut self) -> Ran {
        self.host.take().unwrap().kill()
    }

    /// Hands the probe a script.
    pub fn probe(&self, flags: &[&str], script: &Value) -> Started {
        let probe = guest("probe");
        let words = [&["run", probe.to_str().unwrap(), "--input", "-"], flags].concat();
        self.place.start(&words, script.to_string().as_bytes())
    }

    /// The lines of `ps --json` of a kind.
    #[track_caller]
    pub fn shown(&self, kind: &str) -> Vec<Value> {
        let lines = self.place.aos(&["ps", "--json"]).expect(0).stdout;
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .filter(|line: &Value| line["kind"] == kind)
            .collect()
    }

    /// Waits until so many questions are open; answers them.
    #[track_caller]
    pub fn questions(&self, n: usize) -> Vec<Value> {
        let mut questions = Vec::new();
        until(|| {
            questions = self.shown("question");
            questions.len() == n
        });
        questions
    }

    /// Waits until so many processes wait in a call.
    #[track_caller]
    pub fn waiting(&self, n: usize) {
        until(|| self.shown("process").iter().filter(|process| process["state"] != "runs").count() == n);
    }

    /// A connection to the socket.
    pub fn connect(&self) -> UnixStream {
        connect(&self.place)
    }

    /// Says a line to the socket and answers the line that is answered.
    #[track_caller]
    pub fn say(&self, line: &[u8]) -> Value {
        let mut stream = self.connect();
        stream.write_all(line).unwrap();
        answer(&stream)
    }

    /// Asks in the words of the socket.
    #[track_caller]
    pub fn ask(&self, says: &Value) -> Value {
        self.say(format!("{}\n", json!({"v": 1, "says": says})).as_bytes())["says"].clone()
    }

    /// Checks that it still answers.
    #[track_caller]
    pub fn answers(&mut self) {
        assert!(self.runs(), "the host has ended: {}", self.kill());
        let ran = self.place.aos(&["ps"]).expect(0);
        assert_ne!(ran.stdout, "no host is running\n");
    }

    /// The entries of a run.
    #[track_caller]
    pub fn entries(&self, run: &str) -> Vec<Entry> {
        self.place.entries(Some(run))
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if let Some(host) = self.host.take() {
            host.kill();
        }
    }
}

/// A connection to the socket of a place.
#[track_caller]
pub fn connect(place: &Place) -> UnixStream {
    let stream = UnixStream::connect(place.path("state/control")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The next line that a connection answers; null when it is closed.
#[track_caller]
pub fn answer(stream: &UnixStream) -> Value {
    let mut line = String::new();
    match BufReader::new(stream).read_line(&mut line) {
        Ok(0) => Value::Null,
        Ok(_) => serde_json::from_str(&line).unwrap(),
        // Closed with something unread.
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Value::Null,
        Err(error) => panic!("{error}"),
    }
}

/// Waits until something is so.
#[track_caller]
pub fn until(mut so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !so() {
        assert!(since.elapsed() < PATIENCE, "it did not come about within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Sends a signal.
#[track_caller]
pub fn signal(pid: u32, name: &str) {
    let sent = std::process::Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "kill(1) is needed to send SIG{name}");
}

/// A run that ended and can be replayed.
#[track_caller]
pub fn whole(place: &Place, run: &str) {
    place.aos(&["audit", "verify"]).expect(0).answers("audit ok");
    place.aos(&["replay", run]).expect(0).answers("replay identical");
}

//! `aos-host witness`, asked as C2SP's tlog-witness has it: what continues is signed, once it is on disk; a fork never is.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use ::audit::proof::consistency;
use ::audit::{Checkpoint, Kind, Note, SignerKey, Submission, VerifierKey};

use super::sample::{Log, keys, log_key, witness_key};
use crate::support::Place;

/// Kills in a test run; AOS_SOAK=1 makes a campaign of it.
const KILLS: u64 = 10;
const CAMPAIGN: u64 = 500;
/// Connections that say nothing: more than a witness has places.
const SILENT: usize = 100;
/// By when it has to answer someone else all the same.
const PATIENCE: Duration = Duration::from_secs(25);

/// A witness that runs.
pub struct Running {
    child: Child,
    address: SocketAddr,
    /// Its key.
    pub key: VerifierKey,
}

/// An answer's status, media type and body.
pub type Answer = (u16, String, String);

impl Running {
    /// Starts one in a place, for the logs with these keys.
    #[track_caller]
    pub fn start(place: &Place, logs: &[&str]) -> Running {
        let mut words = vec!["witness", "--listen", "127.0.0.1:0", "--dir", "seen"];
        logs.iter().for_each(|log| words.extend(["--log", log]));
        let mut command = place.command(&words);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut key, mut up) = (String::new(), String::new());
        let mut said = BufReader::new(child.stderr.take().unwrap());
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut key).unwrap();
        said.read_line(&mut up).unwrap();
        let address = up.split_once("http://").and_then(|(_, rest)| rest.split_once(';'));
        let address = address.unwrap_or_else(|| panic!("it did not start: {up}")).0.parse().unwrap();
        // What it says further must not fill the pipe.
        std::thread::spawn(move || said.read_to_end(&mut Vec::new()));
        Running { child, address, key: key.trim_end().parse().unwrap() }
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Hands it a submission.
    #[track_caller]
    pub fn post(&self, submission: &[u8]) -> Answer {
        self.ask("POST", "/add-checkpoint", submission).unwrap()
    }

    /// Ends it with SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn ask(&self, method: &str, path: &str, body: &[u8]) -> std::io::Result<Answer> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let head = format!("{method} {path} HTTP/1.1\r\nhost: w\r\nconnection: close\r\n");
        stream.write_all(format!("{head}content-length: {}\r\n\r\n", body.len()).as_bytes())?;
        // A server that refuses a long body may have gone before its end.
        let _sent = stream.write_all(body);
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let kind = head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or_default();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Ok((status, kind.to_owned(), body.to_owned()))
    }

    #[track_caller]
    fn add(&self, submission: &Submission) -> Answer {
        self.post(submission.to_string().as_bytes())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// What a log of `size` entries sends to a witness that saw `old` of them.
fn from(log: &Log, old: u64, size: u64) -> Submission {
    Submission { old, hashes: consistency(log, old, size).unwrap().unwrap(), note: log.note(size) }
}

/// The same with other entries: a log that was rewritten, and signed again.
fn forked(log: &Log, old: u64, size: u64) -> Submission {
    let root = log.root(size - 1);
    let origin = log_key().public().name().to_owned();
    let checkpoint = Checkpoint { origin, size, root, extensions: vec![] };
    let mut note = Note::new(checkpoint.to_string()).unwrap();
    note.sign(&log_key(), 0);
    Submission { note, ..from(log, old, size) }
}

#[track_caller]
fn cosigned(running: &Running, submission: &Submission) {
    let (status, _, body) = running.add(submission);
    assert_eq!(status, 200, "{body}");
    let note = Note::parse((submission.note.text().to_owned() + "\n" + &body).as_bytes()).unwrap();
    let seen = note.verify([&running.key]).unwrap();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    assert!(seen[0].time.abs_diff(now) < 60, "{}", seen[0].time);
}

#[track_caller]
fn saw(running: &Running, submission: &Submission, size: u64) {
    let expected = (409, "text/x.tlog.size".to_owned(), format!("{size}\n"));
    assert_eq!(running.add(submission), expected);
}

#[test]
fn what_continues_is_signed_and_a_fork_is_not() {
    let (place, log, [key, _]) = (Place::new(), Log::new(300), keys());
    let running = Running::start(&place, &[&key.to_string()]);
    assert!(running.key.name().starts_with("aos-witness/"), "{}", running.key);
    saw(&running, &from(&log, 5, 9), 0);
    cosigned(&running, &from(&log, 0, 57));
    cosigned(&running, &from(&log, 57, 57));
    saw(&running, &from(&log, 0, 57), 57);
    saw(&running, &from(&log, 0, 300), 57);
    saw(&running, &forked(&log, 57, 57), 57);
    assert_eq!(running.add(&forked(&log, 57, 200)).0, 422);
    cosigned(&running, &from(&log, 57, 300));
    saw(&running, &from(&log, 57, 200), 300);
    // It knows the same after a start, with the same key.
    let first = running.key.to_string();
    running.kill();
    let running = Running::start(&place, &[&key.to_string()]);
    assert_eq!(running.key.to_string(), first);
    saw(&running, &from(&log, 0, 57), 300);
    saw(&running, &forked(&log, 300, 300), 300);
    let mode = fs::metadata(place.path("seen/witness.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_is_no_submission_is_refused_by_its_status() {
    let (place, log, [key, _]) = (Place::new(), Log::new(300), keys());
    let running = Running::start(&place, &[&key.to_string()]);
    let good = from(&log, 0, 57);
    let post = |body: &str| running.ask("POST", "/add-checkpoint", body.as_bytes()).unwrap().0;
    let text = good.to_string();
    for bad in [
        "",
        "old 0\n",
        &text.replace("old 0", "old 00"),
        &text.replace("\n57\n", "\n057\n"),
        &text.replace('\n', "\r\n"),
    ] {
        assert_eq!(post(bad), 400, "{bad:?}");
    }
    let mut over = good.clone();
    over.old = 58;
    assert_eq!(running.add(&over).0, 400);
    let mut more = good.clone();
    more.hashes.push([0; 32]);
    assert_eq!(running.add(&more).0, 422);
    assert_eq!(post(&text.replace("\nlog.example\n", "\nlag.example\n")), 404, "another log");
    let by = |key: SignerKey| {
        let mut note = Note::new(good.note.text().to_owned()).unwrap();
        note.sign(&key, 0);
        running.add(&Submission { note, ..good.clone() }).0
    };
    assert_eq!(by(witness_key()), 403);
    assert_eq!(by(SignerKey::new("log.example", Kind::Author, &[7; 32]).unwrap()), 403);
    let mut line = good.note.signatures()[0].clone();
    line.bytes[9] ^= 1;
    let mut note = good.note.clone();
    note.add(line);
    assert_eq!(running.add(&Submission { note, ..good.clone() }).0, 403);
    assert_eq!(running.ask("GET", "/add-checkpoint", b"").unwrap().0, 405);
    assert_eq!(running.ask("POST", "/", text.as_bytes()).unwrap().0, 404);
    assert_eq!(post(&"x".repeat(1 << 20)), 413);
    cosigned(&running, &good);
}

#[test]
fn a_second_witness_and_bad_flags_are_refused() {
    let (place, [log, witness]) = (Place::new(), keys());
    let running = Running::start(&place, &[&log.to_string()]);
    let words = ["witness", "--listen", "127.0.0.1:0", "--dir", "seen", "--log"];
    place.aos(&[&words[..], &[&log.to_string()]].concat()).expect(6).says("in use by another witness");
    place.aos(&[&words[..], &[&witness.to_string()]].concat()).expect(2).says("a witness's key, not a log's");
    drop(running);
    assert_eq!(fs::read_dir(place.path("seen/seen")).unwrap().count(), 0, "nothing was seen");
    fs::set_permissions(place.path("seen/witness.key"), fs::Permissions::from_mode(0o644)).unwrap();
    place.aos(&[&words[..], &[&log.to_string()]].concat()).expect(2).says("chmod 600");
}

#[test]
fn what_was_seen_is_not_guessed_when_it_cannot_be_read() {
    let (place, log, [key, _]) = (Place::new(), Log::new(60), keys());
    let running = Running::start(&place, &[&key.to_string()]);
    cosigned(&running, &from(&log, 0, 57));
    let file = fs::read_dir(place.path("seen/seen")).unwrap().next().unwrap().unwrap().path();
    fs::write(&file, "x").unwrap();
    assert_eq!(running.add(&from(&log, 0, 57)).0, 500);
    assert_eq!(running.add(&from(&log, 57, 60)).0, 500);
}

#[test]
fn a_witness_that_is_killed_keeps_its_promise() {
    let kills = if std::env::var_os("AOS_SOAK").is_some() { CAMPAIGN } else { KILLS };
    let (place, log, [key, _]) = (Place::new(), Log::new(2_000), keys());
    let mut promised = 0;
    for kill in 0..kills {
        let running = Running::start(&place, &[&key.to_string()]);
        let address = running.address;
        let end = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_micros(kill * 7_919 % 60_000));
            running.kill();
        });
        let asked =
            Running { child: std::process::Command::new("true").spawn().unwrap(), address, key: key.clone() };
        let mut size = promised + 1;
        while size < log.size() {
            let submission = from(&log, promised, size).to_string();
            match asked.ask("POST", "/add-checkpoint", submission.as_bytes()) {
                Ok((200, ..)) => promised = size,
                // It had kept the one before, and was killed before it could say so.
                Ok((409, _, seen)) => promised = seen.trim_end().parse::<u64>().unwrap().max(promised),
                _ => break,
            }
            size = promised + 1;
        }
        end.join().unwrap();
        if promised == 0 {
            continue;
        }
        let running = Running::start(&place, &[&key.to_string()]);
        let (status, _, body) = running.add(&from(&log, 0, log.size()));
        let seen: u64 = body.trim_end().parse().unwrap();
        assert!(
            status == 409 && (promised..=promised + 1).contains(&seen),
            "{promised} was promised, {seen} is known"
        );
        saw(&running, &forked(&log, seen, seen), seen);
        promised = seen;
    }
    println!("{kills} kills, {promised} entries cosigned");
    assert!(promised > 0, "it was killed before it said anything: mend the pause");
}

#[test]
fn those_who_say_nothing_do_not_keep_others_out() {
    let (place, log, [key, _]) = (Place::new(), Log::new(60), keys());
    let running = Running::start(&place, &[&key.to_string()]);
    let silent: Vec<TcpStream> = (0..SILENT).map(|_| TcpStream::connect(running.address).unwrap()).collect();
    let mut slow = TcpStream::connect(running.address).unwrap();
    slow.write_all(b"POST /add-checkpoint HTTP/1.1\r\nhost: w\r\ncontent-length: 99\r\n\r\nold ").unwrap();
    let since = Instant::now();
    cosigned(&running, &from(&log, 0, 57));
    assert!(since.elapsed() < PATIENCE, "{:?}", since.elapsed());
    drop((silent, slow));
}

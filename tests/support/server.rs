//! An HTTP/1.1 server on loopback that answers as a test says, also in ways that no good server would.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

/// How often a hanging answer looks whether the server is over.
const GLANCE: Duration = Duration::from_millis(5);

/// What was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// With its query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// JSON.
    pub body: Value,
}

impl Asked {
    /// A header's value; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    pieces: Vec<Vec<u8>>,
    /// Before each piece.
    pause: Duration,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// As it should be.
    Whole,
    /// The connection is closed in the middle.
    Cut,
    /// Nothing more comes.
    Hang,
}

impl Reply {
    /// A status and a body of a media type.
    pub fn new(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Reply {
        let headers = vec![("content-type", kind.to_owned())];
        Reply { status, headers, pieces: vec![body.into()], pause: Duration::ZERO, end: End::Whole }
    }

    /// JSON.
    pub fn json(status: u16, body: &Value) -> Reply {
        Reply::new(status, "application/json", body.to_string())
    }

    /// Server-sent events.
    pub fn events(events: &[Value]) -> Reply {
        let pieces = events.iter().map(|event| match event.as_str() {
            Some(word) => format!("data: {word}\n\n").into_bytes(),
            None => format!("data: {event}\n\n").into_bytes(),
        });
        Reply { pieces: pieces.collect(), ..Reply::new(200, "text/event-stream; charset=utf-8", "") }
    }

    /// Nothing at all, and the connection stays open.
    pub fn nothing() -> Reply {
        Reply { status: 0, end: End::Hang, ..Reply::new(0, "", "") }
    }

    /// With a header.
    pub fn with(mut self, name: &'static str, value: &str) -> Reply {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// In pieces of so many bytes, with a pause before each.
    pub fn slowly(self, size: usize, pause: Duration) -> Reply {
        let pieces = self.pieces.concat().chunks(size).map(<[u8]>::to_vec).collect();
        Reply { pieces, pause, ..self }
    }

    /// The connection is closed after so many pieces.
    pub fn cut_after(mut self, pieces: usize) -> Reply {
        self.pieces.truncate(pieces);
        Reply { end: End::Cut, ..self }
    }

    /// Nothing more comes after so many pieces.
    pub fn hangs_after(mut self, pieces: usize) -> Reply {
        self.pieces.truncate(pieces);
        Reply { end: End::Hang, ..self }
    }
}

/// A server; it ends when it is dropped.
pub struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    over: Arc<AtomicBool>,
    listens: Option<JoinHandle<()>>,
}

impl Server {
    /// Answers each question by this function; the number counts them from 0.
    pub fn new(answer: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, over) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (answer, all, end) = (Arc::new(answer), asked.clone(), over.clone());
        let listens = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(stream), answer, all, end) = (stream, answer.clone(), all.clone(), end.clone())
                else {
                    continue;
                };
                // A client that goes away in the middle is what some tests are about.
                std::thread::spawn(move || drop(serve(stream, &*answer, &all, &end)));
            }
        });
        Server { address, asked, over, listens: Some(listens) }
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All that was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes the listener.
        drop(TcpStream::connect(self.address));
        if let Some(listens) = self.listens.take() {
            drop(listens.join());
        }
    }
}

/// An address of this machine where nobody listens.
pub fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn serve(
    stream: TcpStream,
    answer: &(dyn Fn(&Asked, usize) -> Reply + Send + Sync),
    all: &Mutex<Vec<Asked>>,
    over: &AtomicBool,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(asked) = read(&mut reader)? {
        let number = {
            let mut all = all.lock().unwrap();
            all.push(asked.clone());
            all.len() - 1
        };
        let reply = answer(&asked, number);
        write(reader.get_mut(), &reply)?;
        match reply.end {
            End::Whole => {}
            End::Cut => return Ok(()),
            End::Hang => {
                while !over.load(Ordering::Relaxed) {
                    std::thread::sleep(GLANCE);
                }
                return Ok(());
            }
        }
    }
    Ok(())
}

fn read(from: &mut impl BufRead) -> std::io::Result<Option<Asked>> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        from.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let mut asked = Asked { path, headers, body: Value::Null };
    let mut body = vec![0; asked.header("content-length").parse().unwrap_or(0)];
    from.read_exact(&mut body)?;
    asked.body = serde_json::from_slice(&body).unwrap_or_default();
    Ok(Some(asked))
}

/// Chunked (RFC 9112, 7.1), so that a body that was cut can be told from a whole one.
fn write(to: &mut TcpStream, reply: &Reply) -> std::io::Result<()> {
    if reply.status == 0 {
        return Ok(());
    }
    let mut head = format!("HTTP/1.1 {} Said\r\ntransfer-encoding: chunked\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    to.write_all(format!("{head}\r\n").as_bytes())?;
    for piece in reply.pieces.iter().filter(|piece| !piece.is_empty()) {
        std::thread::sleep(reply.pause);
        let chunk = [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
        to.write_all(&chunk)?;
    }
    if reply.end == End::Whole { to.write_all(b"0\r\n\r\n") } else { Ok(()) }
}

//! A browser without a window, driven as the W3C's WebDriver has it: JSON over HTTP to `chromedriver`.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long the page, or the start of the browser, may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often it is looked at.
const GLANCE: Duration = Duration::from_millis(20);
/// Under which name an answer refers to an element (WebDriver, 12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// What keeps the browser from looking outside by itself.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// A browser with one page; it ends when it is dropped.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
}

impl Browser {
    /// Starts it.
    pub fn new() -> Browser {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("chromedriver: {error}; apt-get install chromium chromium-driver")
            });
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines
            .find_map(|line| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok());
        let port = port.expect("chromedriver says no port");
        // It goes on speaking, and would end if nobody listened.
        std::thread::spawn(move || lines.for_each(drop));
        let mut browser = Browser { driver, port, session: String::new() };
        let options = json!({"args": FLAGS});
        let wanted = json!({"browserName": "chrome", "goog:chromeOptions": options});
        let session = browser.ask("POST", "", &json!({"capabilities": {"alwaysMatch": wanted}}));
        browser.session = format!("/{}", session["sessionId"].as_str().unwrap());
        browser
    }

    /// Asks the driver and answers its value.
    #[track_caller]
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let (head, json) = self.send(method, path, body).unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{method} {path}: {json}");
        serde_json::from_str::<Value>(&json).unwrap()["value"].take()
    }

    /// Asks the driver and answers its head and its body.
    fn send(&self, method: &str, path: &str, body: &Value) -> std::io::Result<(String, String)> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let Browser { port, session, .. } = self;
        let head = format!("{method} /session{session}{path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n");
        stream.write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes())?;
        // The driver keeps the connection open: the answer ends where its length says.
        let (mut answer, mut head, mut length) = (BufReader::new(stream), String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            let from = head.len();
            if answer.read_line(&mut head)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let line = head[from..].to_lowercase();
            length = line.strip_prefix("content-length:").map_or(length, |text| text.trim().parse().unwrap());
        }
        let mut json = vec![0; length];
        answer.read_exact(&mut json)?;
        Ok((head, String::from_utf8_lossy(&json).into_owned()))
    }

    /// Opens a file.
    pub fn open(&self, page: &Path) {
        self.ask("POST", "/url", &json!({"url": format!("file://{}", page.display())}));
    }

    fn element(&self, selector: &str) -> String {
        let found = self.ask("POST", "/element", &json!({"using": "css selector", "value": selector}));
        format!("/element/{}", found[ELEMENT].as_str().unwrap())
    }

    /// Types into a field, or chooses a file in it.
    pub fn fill(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.ask("POST", &format!("{element}/value"), &json!({"text": text}));
    }

    /// Runs a script's body; it may answer a promise.
    pub fn script(&self, body: &str, arguments: &Value) -> Value {
        self.ask("POST", "/execute/sync", &json!({"script": body, "args": arguments}))
    }

    /// Waits until an element is shown and has this class, and answers its text.
    #[track_caller]
    pub fn shown(&self, selector: &str, class: &str) -> String {
        let since = Instant::now();
        let look =
            "const e = document.querySelector(arguments[0]); return [e.hidden, e.className, e.innerText]";
        loop {
            let found = self.script(look, &json!([selector]));
            if found[0] == json!(false) && found[1] == json!(class) {
                return found[2].as_str().unwrap().to_owned();
            }
            assert!(since.elapsed() < PATIENCE, "{selector} should be {class}: {found}");
            std::thread::sleep(GLANCE);
        }
    }

    /// Whether all of the page is as wide as a window of this width at most.
    pub fn fits(&self, width: u32) -> bool {
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500});
        let command = json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": size});
        self.ask("POST", "/goog/cdp/execute", &command);
        let wide = self.script("return document.documentElement.scrollWidth", &json!([]));
        wide.as_u64().unwrap() <= u64::from(width)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Without this the browser would outlive its driver.
        let _ended = self.send("DELETE", "", &Value::Null);
        let _gone = self.driver.kill();
        let _gone = self.driver.wait();
    }
}

//! A headless Chromium under test, driven over a pair of pipes by the Chrome DevTools Protocol.
//!
//! JSON messages end with a zero byte (`--remote-debugging-pipe`), so no WebSocket is needed.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::program::skip_kind;

/// Names under which distributions install it.
const PROGRAMS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// One browser with one tab.
pub(crate) struct Chromium {
    process: Child,
    commands: File,
    messages: BufReader<File>,
    /// The tab's session, once it exists.
    session: Option<String>,
    last_id: u64,
    /// Errors of the page: exceptions, errors and warnings of the console and of the browser.
    complaints: Vec<String>,
    _folder: tempfile::TempDir,
}

/// The viewport and colour scheme of a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    /// CSS pixels.
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// `light` or `dark`.
    pub(crate) scheme: &'static str,
}

impl Chromium {
    /// Starts the browser; `None` if none is installed and `POSELIFT_ALLOW_SKIPS` lets the test skip.
    pub(crate) fn start() -> Option<Self> {
        let Some(program) = PROGRAMS.into_iter().find(|program| is_installed(program)) else {
            skip_kind("browser", "no Chromium: Debian's package chromium has it");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let made = Command::new("mkfifo").args([path("in"), path("out")]).status().unwrap();
        assert!(made.success());
        // Chromium reads commands from descriptor 3 and writes answers to descriptor 4.
        let script = "exec \"$1\" --headless --no-sandbox --disable-gpu --hide-scrollbars --remote-debugging-pipe \
                      --no-first-run --user-data-dir=\"$2/profile\" about:blank 3<\"$2/in\" 4>\"$2/out\"";
        let process = Command::new("sh")
            .args(["-c", script, "sh", program])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let commands = OpenOptions::new().write(true).open(path("in")).unwrap();
        let messages = BufReader::new(File::open(path("out")).unwrap());
        let mut browser =
            Self { process, commands, messages, session: None, last_id: 0, complaints: Vec::new(), _folder: folder };
        browser.open_tab();
        Some(browser)
    }

    fn open_tab(&mut self) {
        let target = self.call("Target.createTarget", json!({"url": "about:blank"}));
        let target = json!({"targetId": target["targetId"], "flatten": true});
        let session = self.call("Target.attachToTarget", target);
        self.session = Some(session["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Log"] {
            self.call(&format!("{domain}.enable"), json!({}));
        }
    }

    /// Opens the file at `path` on `screen`, and waits until it is loaded.
    pub(crate) fn show(&mut self, path: &Path, screen: Screen) {
        let Screen { width, height, scheme } = screen;
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.call("Emulation.setDeviceMetricsOverride", metrics);
        let feature = json!({"name": "prefers-color-scheme", "value": scheme});
        self.call("Emulation.setEmulatedMedia", json!({"features": [feature]}));
        self.call("Page.navigate", json!({"url": format!("file://{}", path.display())}));
        self.evaluate(
            "new Promise(done => document.readyState === 'complete' ? done() : addEventListener('load', done))",
        );
    }

    /// The result of `script` in the page, awaited.
    pub(crate) fn evaluate(&mut self, script: &str) -> Value {
        let call = json!({"expression": script, "awaitPromise": true, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", call);
        assert!(answer.get("exceptionDetails").is_none(), "{script}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until changes are painted.
    pub(crate) fn paint(&mut self) {
        self.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))");
    }

    /// Presses a key, named as DOM's `KeyboardEvent.key`.
    pub(crate) fn press(&mut self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({"type": kind, "key": key, "code": if key == " " { "Space" } else { key }});
            if key == " " && kind == "keyDown" {
                event["text"] = json!(" ");
            }
            self.call("Input.dispatchKeyEvent", event);
        }
        self.paint();
    }

    /// Clicks at `x`, `y`, CSS pixels.
    pub(crate) fn click(&mut self, x: f64, y: f64) {
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event);
        }
        self.paint();
    }

    /// A PNG of the whole page, base64.
    pub(crate) fn picture(&mut self) -> String {
        let picture = self.call("Page.captureScreenshot", json!({"captureBeyondViewport": true}));
        picture["data"].as_str().unwrap().to_owned()
    }

    /// The page's errors so far.
    pub(crate) fn complaints(&self) -> &[String] {
        &self.complaints
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let mut command = json!({"id": self.last_id, "method": method, "params": params});
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        self.commands.write_all(format!("{command}\0").as_bytes()).unwrap();
        loop {
            let mut bytes = Vec::new();
            self.messages.read_until(0, &mut bytes).unwrap();
            assert_eq!(bytes.pop(), Some(0), "the browser ended during {method}");
            let mut message: Value = serde_json::from_slice(&bytes).unwrap();
            self.note_complaint(&message);
            if message["id"] == json!(self.last_id) {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].take();
            }
        }
    }

    fn note_complaint(&mut self, message: &Value) {
        let params = &message["params"];
        let complains = match message["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Runtime.consoleAPICalled") => matches!(params["type"].as_str(), Some("error" | "warning" | "assert")),
            Some("Log.entryAdded") => matches!(params["entry"]["level"].as_str(), Some("error" | "warning")),
            _ => false,
        };
        if complains {
            self.complaints.push(params.to_string());
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

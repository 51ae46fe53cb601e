//! The real program under test, and streams for its input.

#![allow(dead_code)] // Each test program uses a part.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::small_model::SmallModel;

#[path = "../skips.rs"]
mod skips;
#[allow(unused_imports, reason = "each test program uses a part")]
pub(crate) use skips::{shared, skip, skip_kind};

/// The demonstration clip: MediaPipe's detections of a man who jumps onto a wall.
pub(crate) const CLIP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../demos/sports2d/sports2d_demo.mediapipe33.jsonl");

/// A test's own folder, with a small model in it.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(&SmallModel::default())
    }

    pub(crate) fn with(model: &SmallModel) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("small.onnx"), model.to_bytes()).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file and returns its path.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// `poselift run` with the small model on the CPU.
    pub(crate) fn run(&self) -> Command {
        let mut command = poselift();
        command.args(["run", "--device", "cpu", "--model"]).arg(self.path("small.onnx"));
        command
    }
}

/// The program, with no input.
pub(crate) fn poselift() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_poselift"));
    command.stdin(Stdio::null());
    command
}

/// Runs `command` on `input` to its end.
pub(crate) fn feed(command: &mut Command, input: &str) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // On a separate thread: the program answers while it reads, and may stop reading.
    let feeding = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    output
}

/// One 2D line: each person has `joints` key points, the first at (x, x).
pub(crate) fn line(frame: usize, people: &[(usize, f32)]) -> String {
    let people: Vec<_> = people
        .iter()
        .enumerate()
        .map(|(id, &(joints, x))| {
            let points: Vec<_> = (0..joints).map(|joint| format!("[{0},{0},0.8]", x + joint as f32)).collect();
            format!("{{\"id\":{id},\"keypoints\":[{}]}}", points.join(","))
        })
        .collect();
    format!("{{\"frame\":{frame},\"people\":[{}]}}\n", people.join(","))
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The 3D lines without the header.
pub(crate) fn frames(text: &str) -> Vec<serde_json::Value> {
    let mut lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    assert_eq!(lines.next().unwrap()["kind"], "poses");
    lines.collect()
}

/// Asserts the exit code, showing stderr if it differs, and that nothing panicked.
pub(crate) fn assert_code(output: &Output, code: i32) {
    let printed = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{printed}");
    assert!(!printed.contains("panicked"), "{printed}");
}

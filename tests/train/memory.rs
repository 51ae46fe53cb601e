//! The program `poselift-train memory`: what it leaves, that a killed run resumes to the same numbers, and that the exported file
//! lifts people frame by frame.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use poselift::pose::{Frame, Keypoint, Person};
use poselift::skeleton::COCO17;
use poselift::{Lifter, LifterOptions};

/// The windows of every run here.
const WINDOWS: [&str; 10] =
    ["--data", "synthetic:4000", "--window", "12", "--lead", "20", "--batch-size", "4", "--device", "cpu"];
const SHORT: [&str; 6] = ["--units", "16", "--steps", "24", "--validate-every", "8"];

fn model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/coco17-int8.onnx")
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_poselift-train"));
    command.env("OMP_NUM_THREADS", "1").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn begin(out: &Path) -> Command {
    let mut command = program();
    command.arg("memory").arg("--model").arg(model()).args(WINDOWS).args(SHORT).arg("--out").arg(out);
    command
}

fn message_of(command: &mut Command) -> String {
    String::from_utf8(command.output().unwrap().stderr).unwrap()
}

/// Lines of the history without the seconds, and the tensors of the checkpoint without the times.
fn state(run: &Path) -> (Vec<String>, Vec<(String, tch::Tensor)>) {
    let history = std::fs::read_to_string(run.join("history.csv")).unwrap();
    let lines = history.lines().map(|line| line.rsplit_once(',').unwrap().0.to_owned()).collect();
    let mut tensors = tch::Tensor::read_safetensors(run.join("checkpoint.safetensors")).unwrap();
    tensors.retain(|(name, _)| name != "times");
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    (lines, tensors)
}

#[test]
fn a_killed_run_resumes_to_the_same_numbers_and_the_exported_file_remembers() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    let message = message_of(&mut begin(&whole));
    assert!(message.contains("times the frames alone"), "{message}");
    assert!(message_of(&mut begin(&whole)).contains("holds a run already"));

    let mut child = begin(&killed).spawn().unwrap();
    let patience = Instant::now();
    while !killed.join("checkpoint.safetensors").exists() {
        assert!(patience.elapsed() < Duration::from_secs(120), "no checkpoint");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let message = message_of(program().args(["memory", "--resume", "--out"]).arg(&killed));
    assert_eq!(state(&killed), state(&whole), "{message}");

    let file = folder.path().join("remembers.onnx");
    let message = message_of(program().arg("export").arg(&whole).arg("-o").arg(&file));
    assert!(message.contains("a memory of 16 units"), "{message}");
    let mut lifter = Lifter::from_file_with(&file, &LifterOptions::default()).unwrap();
    let memory = lifter.card().memory.clone().unwrap();
    assert_eq!((memory.units, memory.training.samples), (16, 24 * 4 * 12));
    assert!(memory.frames.starts_with("coco17"), "{}", memory.frames);
    assert!(memory.training.data[0].name.contains("synthetic"), "{:?}", memory.training.data);
    let frame = |index: u64| {
        let point =
            |joint: usize| Keypoint { x: 300.0 + (joint * 37 % 90) as f64, y: 100.0 + 25.0 * joint as f64, score: 0.9 };
        let person = Person { id: Some(3), keypoints: (0..17).map(point).collect() };
        Frame {
            index,
            time: Some(index as f64 / 30.0),
            size: Some([640, 640]),
            people: vec![person],
            ..Frame::default()
        }
    };
    let conversion = lifter.conversion(&COCO17).unwrap();
    let lifted = lifter.lift_frames(&[frame(0), frame(1)], &conversion, &mut Vec::new()).unwrap();
    assert_ne!(lifted[0].people[0].joints, lifted[1].people[0].joints, "the second frame knows nothing of the first");
}

/// What a run said of its validation, from its last lines.
fn validated(message: &str) -> Vec<String> {
    let figures = |line: &str| {
        Some(line.split_once("step ")?.1.split_once(": ")?.1.split_once(" times the frames")?.0.to_owned())
    };
    message.lines().filter_map(figures).collect()
}

#[test]
fn a_run_goes_on_from_the_memory_of_an_exported_file() {
    let folder = tempfile::tempdir().unwrap();
    let (first, file, second) =
        (folder.path().join("first"), folder.path().join("first.onnx"), folder.path().join("second"));
    let message = message_of(&mut begin(&first));
    let ended = validated(&message);
    // With and without a lead at each of three validations.
    assert_eq!(ended.len(), 6, "{message}");
    assert!(message_of(program().arg("export").arg(&first).arg("-o").arg(&file)).contains("a memory of 16 units"));
    let go_on = |out: &Path, init: &Path, options: &[&str]| {
        let mut command = program();
        // The network of single frames is in the file as well.
        command.arg("memory").arg("--init").arg(init).args(WINDOWS);
        message_of(command.args(options).arg("--out").arg(out))
    };
    // A step that changes nothing: the memory is as good as it was.
    let weights = ["--angle-weight", "0.3", "--bone-weight", "1"];
    let message = go_on(&second, &file, &[&["--steps", "1", "--learning-rate", "1e-9"], &weights[..]].concat());
    assert_eq!(validated(&message), ended[4..], "{message}");
    let again = folder.path().join("again.onnx");
    message_of(program().arg("export").arg(&second).arg("-o").arg(&again));
    let lifter = Lifter::from_file_with(&again, &LifterOptions::default()).unwrap();
    let init = lifter.card().memory.clone().unwrap().training.init.unwrap();
    assert!(init.starts_with("first, weights "), "{init}");
    assert!(!message.contains("was fitted behind"), "{message}");

    let refused = folder.path().join("refused");
    let message = go_on(&refused, &model(), &["--steps", "1"]);
    assert!(message.contains("--init with a model that remembers nothing"), "{message}");
    let message = go_on(&refused, &file, &["--steps", "1", "--units", "32"]);
    assert!(message.contains("--units"), "{message}");
    assert!(!refused.exists());
}

#[test]
fn what_cannot_be_remembered_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let mut wrong_model = program();
    wrong_model.args(["memory", "--data", "synthetic:3000", "--model", "nowhere.onnx", "--out"]).arg(&out);
    assert!(message_of(&mut wrong_model).contains("nowhere.onnx"));
    let message = message_of(begin(&out).args(["--window", "100000"]));
    assert!(message.contains("--window"), "{message}");
    assert!(!out.exists(), "a run that could not begin left a folder");
    let message = message_of(program().args(["memory", "--resume", "--out"]).arg(&out));
    assert!(message.contains("--resume continues the run in --out"), "{message}");
    let message = message_of(program().args(["memory", "--out"]).arg(&out));
    assert!(message.contains("no model of single frames is named") && message.contains("--init FILE"), "{message}");
}

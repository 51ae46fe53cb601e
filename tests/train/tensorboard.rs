//! `fit --tensorboard`: TensorBoard's own reader finds the history in the event files, after a resume too.
#![allow(clippy::unwrap_used, reason = "a test that cannot set up should fail")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::python;

type Scalars = BTreeMap<String, Vec<(u64, f64)>>;

fn fit(arguments: &[&str], out: &Path) {
    let output = try_fit(arguments, out);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn try_fit(arguments: &[&str], out: &Path) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_poselift-train"));
    command.env("OMP_NUM_THREADS", "1").stdin(Stdio::null()).args(["fit", "--quiet", "--tensorboard", "--out"]);
    command.arg(out).args(arguments).output().unwrap()
}

/// The errors of training and validation in history.csv.
fn history(run: &Path) -> [Vec<(u64, f64)>; 2] {
    let text = std::fs::read_to_string(run.join("history.csv")).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let column =
        |at: usize| rows.iter().filter_map(|row| Some((row[0].parse().ok()?, row[at].parse().ok()?))).collect();
    [column(2), column(3)]
}

/// What TensorBoard reads; `None` where it is not installed.
fn read(run: &Path) -> Option<Scalars> {
    let output = python::run("read_events.py", [run.join("tensorboard")])?;
    assert!(output.status.success(), "{}", python::said(&output));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn assert_same(found: &[(u64, f64)], expected: &[(u64, f64)]) {
    let steps = |rows: &[(u64, f64)]| rows.iter().map(|row| row.0).collect::<Vec<_>>();
    assert_eq!(steps(found), steps(expected));
    for (found, expected) in found.iter().zip(expected) {
        assert!((found.1 - expected.1).abs() < 1e-5 * expected.1, "{found:?}, expected {expected:?}");
    }
}

/// Events that cannot be written are an error, once the run is reported.
#[test]
fn a_run_whose_events_cannot_be_written_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let (file, run) = (folder.path().join("file"), folder.path().join("run"));
    std::fs::write(&file, "no folder").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_poselift-train"));
    command.env("OMP_NUM_THREADS", "1").stdin(Stdio::null()).args([
        "fit",
        "--data",
        "synthetic:1500",
        "--hidden",
        "16",
    ]);
    command.args(["--epochs", "1", "--device", "cpu", "--out"]).arg(&run).arg("--tensorboard").arg(file.join("events"));
    let output = command.output().unwrap();
    let said = python::said(&output);
    assert!(!output.status.success() && said.contains("cannot create"), "{said}");
    for written in ["summary.json", "report.md"] {
        assert!(run.join(written).is_file(), "{written}: {said}");
    }
}

#[test]
fn tensorboard_reads_the_history_of_a_run_that_went_on() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    fit(
        &["--data", "synthetic:1500", "--hidden", "64", "--epochs", "1", "--validate-every", "5", "--device", "cpu"],
        &run,
    );
    // A run that is refused leaves no file.
    assert!(!try_fit(&["--data", "synthetic:1500"], &run).status.success());
    fit(&["--resume", "--epochs", "2"], &run);
    let files = std::fs::read_dir(run.join("tensorboard")).unwrap().count();
    assert_eq!(files, 2);
    let [train, validation] = history(&run);
    assert!(train.len() > 10 && validation.len() > 2, "{train:?}");
    let Some(scalars) = read(&run) else { return };
    assert_eq!(scalars.keys().collect::<Vec<_>>(), ["mpjpe/train", "mpjpe/validation"]);
    assert_same(&scalars["mpjpe/train"], &train);
    assert_same(&scalars["mpjpe/validation"], &validation);
}

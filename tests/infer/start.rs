//! The program's start: ONNX Runtime is loaded to verify our own kernels, not loaded once they have agreed, and not
//! needed where it is not installed.

#![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.
#![cfg(target_os = "linux")]

mod program;
mod small_model;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

use poselift::model::Isa;
use program::{Bench, assert_code, feed, line, poselift, skip, stderr, stdout};

#[test]
fn a_runtime_is_loaded_once_and_again_when_it_is_another() {
    let Some(real) = runtime() else { return };
    let bench = Bench::new();
    let runtime = bench.path("libort.so");
    std::fs::copy(real, &runtime).unwrap();
    let first = lift(&bench, &runtime, &[]);
    assert_code(&first, 0);
    if Isa::available().next().is_none() {
        return skip("this processor has no instruction set that there are kernels for");
    }
    assert!(stderr(&first).contains("own kernels"), "{}", stderr(&first));
    // As long and as old as the runtime that agreed, but not a library.
    let changed = runtime.metadata().unwrap().modified().unwrap();
    let length = runtime.metadata().unwrap().len();
    let file = std::fs::File::create(&runtime).unwrap();
    file.set_len(length).unwrap();
    file.set_modified(changed).unwrap();
    let second = lift(&bench, &runtime, &[]);
    assert_code(&second, 0);
    assert_eq!(stdout(&second), stdout(&first));
    let by_the_runtime = lift(&bench, &runtime, &["--engine", "onnxruntime"]);
    assert_code(&by_the_runtime, 2);
    file.set_modified(SystemTime::now()).unwrap();
    let another = lift(&bench, &runtime, &[]);
    assert_code(&another, 2);
    assert!(stderr(&another).contains("it is no loadable library"), "{}", stderr(&another));
}

#[test]
fn a_cache_that_cannot_be_written_to_is_done_without() {
    let bench = Bench::new();
    let Some(runtime) = runtime() else { return };
    let no_folder = bench.file("file", "");
    for _ in 0..2 {
        let mut command = poselift();
        command.args(["run", "--device", "cpu"]).env("ORT_DYLIB_PATH", &runtime).env("POSELIFT_CACHE", &no_folder);
        assert_code(&feed(&mut command, &line(0, &[(17, 1.0)])), 0);
    }
}

/// Lifts one person by the bundled model on the CPU.
fn lift(bench: &Bench, runtime: &Path, options: &[&str]) -> Output {
    let mut command = poselift();
    command.args(["run", "--device", "cpu"]).args(options);
    command.env("ORT_DYLIB_PATH", runtime).env("POSELIFT_CACHE", bench.path("cache"));
    feed(&mut command, &line(0, &[(17, 1.0)]))
}

#[test]
fn without_a_runtime_own_kernels_lift_and_one_line_says_that_nothing_was_compared() {
    if Isa::available().next().is_none() {
        return skip("this processor has no instruction set that there are kernels for");
    }
    let bench = Bench::new();
    let bare = |options: &[&str]| {
        let mut command = poselift();
        command.args(["run"]).args(options).env("HOME", bench.path("home"));
        for variable in ["ORT_DYLIB_PATH", "POSELIFT_CACHE", "XDG_CACHE_HOME"] {
            command.env_remove(variable);
        }
        feed(&mut command, &line(0, &[(17, 1.0)]))
    };
    for device in ["cpu", "auto"] {
        let output = bare(&["--device", device]);
        assert_code(&output, 0);
        let printed = stderr(&output);
        assert_eq!(
            printed.lines().filter(|line| line.contains("ONNX Runtime is not installed")).count(),
            1,
            "{printed}"
        );
        assert!(printed.contains("not compared") && printed.contains("own kernels, "), "{printed}");
        if let Some(runtime) = runtime() {
            assert_eq!(stdout(&output), stdout(&lift(&bench, &runtime, &[])));
        }
    }
    for options in [
        &["--device", "cpu", "--engine", "onnxruntime"][..],
        &["--device", "cpu", "--engine", "openvino"],
        &["--device", "cuda"],
        &["--device", "cpu", "--model", bench.path("small.onnx").to_str().unwrap()],
    ] {
        let output = bare(options);
        assert_code(&output, 2);
        let printed = stderr(&output);
        assert!(
            printed.contains("ONNX Runtime is not installed; looked for") && printed.contains("hint: "),
            "{printed}"
        );
    }
    assert!(!bench.path("home").exists(), "nothing is remembered, and nothing is left behind");
}

#[test]
fn a_cache_of_pipes_is_never_waited_for() {
    let Some(runtime) = runtime() else { return };
    let bench = Bench::new();
    std::fs::create_dir(bench.path("cache")).unwrap();
    assert!(Command::new("mkfifo").arg(bench.path("cache/verified")).status().unwrap().success());
    for _ in 0..2 {
        assert_code(&lift(&bench, &runtime, &[]), 0);
    }
    // Only the pipe, or the file that replaced it.
    assert_eq!(bench.path("cache").read_dir().unwrap().count(), 1);
}

/// The ONNX Runtime that tests run with.
fn runtime() -> Option<PathBuf> {
    if let Err(error) = poselift::model::environment() {
        skip(&error.to_string());
        return None;
    }
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let files = maps.lines().filter_map(|line| line.split_whitespace().nth(5));
    files
        .map(PathBuf::from)
        .find(|file| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libonnxruntime.so")))
}

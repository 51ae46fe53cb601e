//! How the program starts: ONNX Runtime is loaded to hold our own kernels against it, and left alone by those who know that
//! they agree.

#![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.
#![cfg(target_os = "linux")]

mod program;
mod small_model;

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::SystemTime;

use program::{Bench, assert_code, feed, line, poselift, stderr, stdout};

#[test]
fn a_runtime_is_loaded_once_and_again_when_it_is_another() {
    let Some(real) = runtime() else { return println!("skipped: ONNX Runtime is not here") };
    let bench = Bench::new();
    let runtime = bench.path("libort.so");
    std::fs::copy(real, &runtime).unwrap();
    let first = lift(&bench, &runtime, &[]);
    assert_code(&first, 0);
    if !stderr(&first).contains("own kernels") {
        return println!("skipped: this processor has not what our kernels need");
    }
    // As long and as old as the runtime that agreed, but none: nobody can load it.
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
    let Some(runtime) = runtime() else { return println!("skipped: ONNX Runtime is not here") };
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

/// The ONNX Runtime that tests run with.
fn runtime() -> Option<PathBuf> {
    let _loaded = poselift::model::environment().ok()?;
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let files = maps.lines().filter_map(|line| line.split_whitespace().nth(5));
    files
        .map(PathBuf::from)
        .find(|file| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libonnxruntime.so")))
}

//! Long runs, which `cargo test` leaves out: docs/reliability.md has the commands and the results.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A whole number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a whole number"))
}

/// One person who moves from frame to frame, as a line of the stream format.
fn line(frame: u64, camera: usize) -> String {
    let mut line = format!("{{\"frame\":{frame},\"size\":[1920,1080],\"people\":[{{\"id\":0,\"keypoints\":[");
    for joint in 0..17 {
        let comma = if joint == 0 { "" } else { "," };
        let x = 600 + joint * 7 % 50 + (frame as usize + camera) % 300;
        write!(line, "{comma}[{x},{},0.9]", 300 + joint * 30).unwrap();
    }
    line + "]}]}\n"
}

/// The memory of a running program, kilobytes.
fn resident_kb(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let kb = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")).unwrap();
    kb.parse().unwrap()
}

fn named_pipes(folder: &Path, count: usize) -> Vec<PathBuf> {
    let pipes: Vec<_> = (0..count).map(|number| folder.join(format!("camera{number:04}.jsonl"))).collect();
    assert!(Command::new("mkfifo").args(&pipes).status().unwrap().success());
    pipes
}

/// 1,000 named pipes into one program: every frame of every input is answered in order, and memory does not grow with time.
///
/// `POSELIFT_SOAK_INPUTS`, `POSELIFT_SOAK_SECONDS` and `POSELIFT_SOAK_HZ` say how many, how long and how fast.
#[test]
#[ignore = "runs for minutes"]
fn a_thousand_live_inputs_in_bounded_memory() {
    let inputs = setting("POSELIFT_SOAK_INPUTS", 1000) as usize;
    let time = Duration::from_secs(setting("POSELIFT_SOAK_SECONDS", 600));
    let interval = Duration::from_secs(1) / setting("POSELIFT_SOAK_HZ", 10) as u32;
    let folder = tempfile::tempdir().unwrap();
    let pipes = named_pipes(folder.path(), inputs);
    let poses = folder.path().join("poses");
    let mut command = Command::new(env!("CARGO_BIN_EXE_poselift"));
    let command = command.arg("run").args(&pipes).arg("-o").arg(&poses).args(["--device", "cpu", "--quiet"]);
    let mut child = command.stderr(Stdio::inherit()).stdout(Stdio::null()).spawn().unwrap();
    let mut writers: Vec<_> = pipes.iter().map(|pipe| File::create(pipe).unwrap()).collect();
    let started = Instant::now();
    let mut frames = 0;
    let mut warm_kb = 0;
    while started.elapsed() < time {
        for (camera, writer) in writers.iter_mut().enumerate() {
            writer.write_all(line(frames, camera).as_bytes()).unwrap();
        }
        frames += 1;
        if warm_kb == 0 && started.elapsed() > time / 5 {
            warm_kb = resident_kb(&child);
        }
        std::thread::sleep((interval * frames as u32).saturating_sub(started.elapsed()));
    }
    let end_kb = resident_kb(&child);
    println!("{inputs} inputs, {frames} frames each: {warm_kb} kB after a fifth of the time, {end_kb} kB at the end");
    drop(writers);
    assert!(child.wait().unwrap().success());
    // An allocator's arenas may still fill slightly; a leak of one frame in ten would be far more.
    assert!(end_kb < warm_kb + warm_kb / 10 + 8_000, "memory grew");
    for pipe in &pipes {
        let answers = std::fs::read_to_string(poses.join(pipe.file_name().unwrap())).unwrap();
        let answers: Vec<_> = answers.lines().skip(1).collect();
        assert_eq!(answers.len() as u64, frames, "{}", pipe.display());
        for (frame, answer) in answers.iter().enumerate() {
            assert!(answer.starts_with(&format!("{{\"frame\":{frame},")), "{}: {answer}", pipe.display());
        }
    }
}

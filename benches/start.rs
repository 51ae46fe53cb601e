//! The time that the program takes from its command to its first pose, its parts, and the program's size.
//!
//! `cargo bench -p poselift --bench start [-- --program FILE]`. Programs are started anew for each turn, all their
//! files in the system's cache; medians are reported. stdout gets one Markdown table.
#![allow(clippy::unwrap_used, reason = "a bench that cannot run should say so loudly")]

mod clip;

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use clap::Parser;
use poselift::Lifter;
use poselift::lift::LifterOptions;
use poselift::model::{Device, ModelFile};

/// The stages that a bench started as `--stages` goes through, one after the other.
const STAGES: [&str; 4] =
    ["the model read", "its kernels packed", "the first pose lifted", "ONNX Runtime loaded, as a first start does"];

/// Measures the time from the command to the first pose
#[derive(Parser)]
struct Options {
    /// The program [default: the one that was built with the bench]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Programs started
    #[arg(long, default_value_t = 40)]
    turns: usize,
    /// Goes through the stages once and prints the milliseconds of each
    #[arg(long, hide = true)]
    stages: bool,
    /// Arguments that `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let options = Options::parse();
    if options.stages {
        return go_through_stages();
    }
    let program = options.program.unwrap_or_else(|| env!("CARGO_BIN_EXE_poselift").into());
    let (mut whole, mut by_runtime, mut help) = (Vec::new(), Vec::new(), Vec::new());
    // If the two have not been compared with each other yet, this does it.
    first_pose(&program, "auto");
    let mut stages = vec![Vec::new(); STAGES.len()];
    for _ in 0..options.turns {
        whole.push(first_pose(&program, "auto"));
        by_runtime.push(first_pose(&program, "onnxruntime"));
        help.push(millis(|| {
            assert!(Command::new(&program).arg("--version").stdout(Stdio::null()).status().unwrap().success())
        }));
        let output = Command::new(std::env::current_exe().unwrap())
            .arg("--stages")
            .env("ORT_DISABLE_TELEMETRY", "1")
            .output()
            .unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        output.lines().zip(&mut stages).for_each(|(line, stage)| stage.push(line.parse().unwrap()));
    }
    println!("| | ms |\n|---|---|");
    println!("| from the command to the first pose | {:.1} |", median(&mut whole));
    println!("| the same by ONNX Runtime (`--engine onnxruntime`) | {:.1} |", median(&mut by_runtime));
    println!("| a program that starts and ends (`--version`) | {:.1} |", median(&mut help));
    STAGES.iter().zip(&mut stages).for_each(|(name, stage)| println!("| {name} | {:.1} |", median(stage)));
    println!("\nThe program has {:.1} MB.", program.metadata().unwrap().len() as f64 / 1e6);
}

/// Milliseconds from starting `poselift run` with one frame in its pipe to having read its pose.
fn first_pose(program: &PathBuf, engine: &str) -> f64 {
    let mut line = Vec::new();
    clip::write_lines(&mut line, 1).unwrap();
    let started = Instant::now();
    let mut command = Command::new(program);
    command
        .args(["run", "--quiet", "--device", "cpu", "--engine", engine])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(&line).unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (_header, pose) = (lines.next().unwrap().unwrap(), lines.next().unwrap().unwrap());
    let elapsed = started.elapsed().as_secs_f64() * 1e3;
    assert!(pose.contains("joints"), "{pose}");
    drop(input);
    assert!(child.wait().unwrap().success());
    elapsed
}

/// The program's stages in this process, which must be a fresh one.
fn go_through_stages() {
    let mut model = None;
    let mut lifter = None;
    let options = LifterOptions { device: Device::Cpu, ..LifterOptions::default() };
    let person = ndarray::Array3::<f32>::ones((1, 17, 3));
    println!("{}", millis(|| model = Some(ModelFile::bundled().unwrap())));
    println!("{}", millis(|| lifter = Some(Lifter::from_model(model.as_ref().unwrap(), &options).unwrap())));
    println!("{}", millis(|| drop(lifter.as_mut().unwrap().lift(person.view()).unwrap())));
    println!("{}", millis(|| drop(poselift::model::environment().unwrap())));
}

fn millis(work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    started.elapsed().as_secs_f64() * 1e3
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

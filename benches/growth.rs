//! Growth of `poselift run`: time and peak memory over 1,000 to 10,000,000 frames, each with one person.
//!
//! `cargo bench -p poselift --bench growth [-- --most 10000000 --svg FILE --json FILE]`. Frames come through a pipe
//! from a generator and poses go through another pipe to a thread that counts them, so that no large file is on a
//! disk. stdout gets one Markdown table.
#![allow(clippy::unwrap_used, reason = "a bench that cannot run should say so loudly")]

mod chart;
mod clip;

use std::io::{BufWriter, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use chart::{Panel, Series};
use clap::Parser;
use serde_json::json;

/// Frames of a run that is short enough to be repeated for its median, and the number of repeats.
const REPEATED: usize = 100_000;
const TURNS: usize = 3;

/// Measures how time and memory of `poselift run` grow with the number of frames
#[derive(Parser)]
struct Options {
    /// The model [default: the bundled one]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// The program [default: the one that was built with the bench]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Frames of the longest run
    #[arg(long, default_value_t = 10_000_000)]
    most: usize,
    /// Draws both curves
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Writes what was measured as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Arguments that `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
}

/// The result of a run.
#[derive(Clone, Copy)]
struct Run {
    frames: usize,
    /// From the command to the last pose, the program's start included.
    seconds: f64,
    peak_mb: f64,
}

fn main() {
    let options = Options::parse();
    let lengths = std::iter::successors(Some(1000), |frames| Some(frames * 10)).take_while(|&f| f <= options.most);
    let runs: Vec<Run> = lengths.map(|frames| median_run(&options, frames)).collect();
    print!("{}", table(&runs));
    if let Some(path) = &options.svg {
        std::fs::write(path, drawn(&runs)).unwrap();
    }
    if let Some(path) = &options.json {
        let rows = runs.iter().map(|run| json!({"frames": run.frames, "seconds": run.seconds, "peak_mb": run.peak_mb}));
        std::fs::write(path, format!("{:#}\n", json!({"runs": rows.collect::<Vec<_>>()}))).unwrap();
    }
}

fn median_run(options: &Options, frames: usize) -> Run {
    let turns = if frames <= REPEATED { TURNS } else { 1 };
    let mut runs: Vec<Run> = (0..turns).map(|_| lift(options, frames)).collect();
    runs.sort_unstable_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let run = runs[turns / 2];
    eprintln!("{frames} frames in {:.2} s", run.seconds);
    run
}

/// Streams `frames` frames through the program.
fn lift(options: &Options, frames: usize) -> Run {
    let program = options.program.clone().unwrap_or_else(|| env!("CARGO_BIN_EXE_poselift").into());
    let mut command = Command::new(program);
    command.args(["run", "--quiet", "--device", "cpu"]);
    if let Some(model) = &options.model {
        command.arg("--model").arg(model);
    }
    let started = Instant::now();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let input = child.stdin.take().unwrap();
    let generating = std::thread::spawn(move || {
        let mut input = BufWriter::with_capacity(64 << 10, input);
        clip::write_lines(&mut input, frames).unwrap();
        input.into_inner().unwrap()
    });
    count_lines(&mut child, frames + 1);
    let (seconds, peak_mb) = (started.elapsed().as_secs_f64(), clip::high_water_mark_mb(&child));
    // Closed only now: the peak can be read as long as the program lives.
    drop(generating.join().unwrap());
    assert!(child.wait().unwrap().success());
    Run { frames, seconds, peak_mb }
}

/// Reads as many lines as are expected: the header and one line per frame.
fn count_lines(child: &mut Child, expected: usize) {
    let mut output = child.stdout.take().unwrap();
    let (mut chunk, mut lines) = (vec![0; 64 << 10], 0);
    while lines < expected {
        let length = output.read(&mut chunk).unwrap();
        assert!(length > 0, "{lines} lines, expected {expected}");
        lines += chunk[..length].iter().filter(|&&byte| byte == b'\n').count();
    }
    assert_eq!(lines, expected);
}

fn table(runs: &[Run]) -> String {
    let mut lines =
        vec!["| frames | seconds | frames/s | peak memory, MB |".to_owned(), "|---|---|---|---|".to_owned()];
    lines.extend(runs.iter().map(|&Run { frames, seconds, peak_mb }| {
        format!("| {frames} | {seconds:.2} | {:.0} | {peak_mb:.0} |", frames as f64 / seconds)
    }));
    lines.join("\n") + "\n"
}

/// Both curves, side by side.
fn drawn(runs: &[Run]) -> String {
    let curve = |value: fn(&Run) -> f64| runs.iter().map(|run| (run.frames as f64, value(run))).collect();
    let time = Panel { title: "seconds", series: Series(curve(|run| run.seconds)) };
    let memory = Panel { title: "peak memory, MB", series: Series(curve(|run| run.peak_mb)) };
    chart::side_by_side("frames", &[time, memory])
}

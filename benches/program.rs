//! The program `poselift run` from end to end, compared with the library and bare ONNX Runtime on the same model in
//! the same minutes: poses a second from one file of JSON Lines to another, the latency of one pose from line in to
//! line out through a pipe, and the peak memory of a long stream.
//!
//! `cargo bench -p poselift --bench program [-- --program FILE --json FILE]`, or `make bench`. Program and runtime
//! take turns, and medians are reported. stdout gets one Markdown table.
#![allow(clippy::unwrap_used, reason = "a bench that cannot run should say so loudly")]

mod bare;
mod clip;

use std::fs::File;
use std::hint::black_box;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bare::{Bare, keypoints};
use clap::Parser;
use poselift::lift::{Lifter, LifterOptions};
use poselift::model::Device;
use serde_json::json;

/// Batch sizes for bare ONNX Runtime, the best of which counts.
const BATCHES: [usize; 6] = [64, 128, 256, 512, 1024, 8192];

/// Batch size of the library.
const LIBRARY_BATCH: usize = 8192;

/// Duration of one turn of the library, and of bare ONNX Runtime at one batch size.
const TURN_TIME: Duration = Duration::from_secs(1);

/// Answers at the start of each turn that are not timed.
const WARM_UP: usize = 50;

/// Measures `poselift run` against bare ONNX Runtime
#[derive(Parser)]
struct Options {
    /// The model [default: the bundled one]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// The program [default: the one that was built with the bench]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Lines of the file that is lifted
    #[arg(long, default_value_t = 500_000)]
    lines: usize,
    /// Lines answered one by one
    #[arg(long, default_value_t = 2_000)]
    answers: usize,
    /// Lines of the stream whose memory is watched
    #[arg(long, default_value_t = 1_000_000)]
    stream: usize,
    /// Turns that program and bare runtime take
    #[arg(long, default_value_t = 5)]
    turns: usize,
    /// Writes what was measured, each turn of it, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Arguments that `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let options = Options::parse();
    let subject = Subject {
        program: options.program.clone().unwrap_or_else(|| env!("CARGO_BIN_EXE_poselift").into()),
        model: options.model.clone().unwrap_or_else(bare::model),
    };
    let rate = Rate::measure(&subject, options.lines, options.turns);
    let answer = Answer::measure(&subject, options.answers, options.turns);
    let peak_mb = peak_mb(&subject, options.stream);
    print!("{}", table(&options, &rate, &answer, peak_mb));
    if let Some(path) = &options.json {
        std::fs::write(path, json(&options, &rate, &answer, peak_mb)).unwrap();
    }
}

/// The measurements.
struct Subject {
    program: PathBuf,
    model: PathBuf,
}

impl Subject {
    /// `poselift run` on the CPU.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["run", "--quiet", "--device", "cpu", "--model"]).arg(&self.model).stdin(Stdio::null());
        command
    }
}

/// Poses a second, turn by turn.
struct Rate {
    program: Vec<f64>,
    /// Array in, array out, [`LIBRARY_BATCH`] at once.
    library: Vec<f64>,
    /// For each of [`BATCHES`].
    bare: Vec<Vec<f64>>,
}

impl Rate {
    fn measure(subject: &Subject, lines: usize, turns: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clip = folder.path().join("clip.jsonl");
        let mut written = BufWriter::new(File::create(&clip).unwrap());
        clip::write_lines(&mut written, lines).unwrap();
        // The system writes it to the disk now, and not while the first turns are timed.
        written.into_inner().unwrap().sync_all().unwrap();
        let mut rate = Self { program: Vec::new(), library: Vec::new(), bare: vec![Vec::new(); BATCHES.len()] };
        for turn in 1..=turns {
            eprintln!("poses a second, turn {turn} of {turns}");
            rate.program.push(lift_file(subject, &clip, lines));
            rate.library.push(library_rate(&subject.model));
            let mut bare = Bare::of(&subject.model, None);
            BATCHES.iter().zip(&mut rate.bare).for_each(|(&batch, rates)| rates.push(bare_rate(&mut bare, batch)));
        }
        rate
    }

    /// The batch size at which bare ONNX Runtime is fastest, and its turns.
    fn best_bare(&self) -> (usize, &[f64]) {
        let best = (0..BATCHES.len()).max_by(|&a, &b| median(&self.bare[a]).total_cmp(&median(&self.bare[b]))).unwrap();
        (BATCHES[best], &self.bare[best])
    }
}

/// Lifts a file into another and returns lines a second, the program's start and end included.
fn lift_file(subject: &Subject, clip: &Path, lines: usize) -> f64 {
    let poses = clip.with_file_name("poses.jsonl");
    let started = Instant::now();
    let status = subject.command().arg(clip).arg("-o").arg(&poses).status().unwrap();
    let seconds = started.elapsed().as_secs_f64();
    assert!(status.success());
    let written = BufReader::new(File::open(&poses).unwrap()).split(b'\n').count();
    assert_eq!(written, lines + 1, "a header, and a line for each");
    // Removed before the next turn, which would otherwise have to truncate it first.
    std::fs::remove_file(poses).unwrap();
    lines as f64 / seconds
}

fn library_rate(model: &Path) -> f64 {
    let options = LifterOptions { device: Device::Cpu, ..LifterOptions::default() };
    let mut lifter = Lifter::from_file_with(model, &options).unwrap();
    let input = keypoints(LIBRARY_BATCH);
    let mut poses = input.clone();
    rate_of(LIBRARY_BATCH, || lifter.lift_into(input.view(), poses.view_mut()).unwrap())
}

fn bare_rate(bare: &mut Bare, batch: usize) -> f64 {
    let input = keypoints(batch);
    rate_of(batch, || drop(black_box(bare.run(&input))))
}

/// Poses a second of calls that lift `batch`.
fn rate_of(batch: usize, mut call: impl FnMut()) -> f64 {
    call();
    let (started, mut poses) = (Instant::now(), 0);
    while started.elapsed() < TURN_TIME {
        call();
        poses += batch;
    }
    poses as f64 / started.elapsed().as_secs_f64()
}

/// Microseconds until one pose is available.
struct Answer {
    program: Vec<f64>,
    bare: Vec<f64>,
}

impl Answer {
    fn measure(subject: &Subject, answers: usize, turns: usize) -> Self {
        let mut lines = Vec::new();
        clip::write_lines(&mut lines, WARM_UP + answers.div_ceil(turns)).unwrap();
        let lines: Vec<&[u8]> = lines.split_inclusive(|&byte| byte == b'\n').collect();
        let mut answer = Self { program: Vec::new(), bare: Vec::new() };
        for _ in 0..turns {
            answer.program.extend(through_a_pipe(subject, &lines));
            let (mut bare, input) = (Bare::of(&subject.model, None), keypoints(1));
            let laps = lines.iter().map(|_| micros(|| drop(black_box(bare.run(&input)))));
            answer.bare.extend(laps.skip(WARM_UP));
        }
        answer
    }
}

/// Microseconds from writing a line to having read its answer, line after line.
fn through_a_pipe(subject: &Subject, lines: &[&[u8]]) -> Vec<f64> {
    let mut child = subject.command().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut answer = String::new();
    let mut laps = Vec::with_capacity(lines.len());
    for (number, line) in lines.iter().enumerate() {
        answer.clear();
        laps.push(micros(|| {
            input.write_all(line).unwrap();
            output.read_line(&mut answer).unwrap();
        }));
        if number == 0 {
            output.read_line(&mut answer).unwrap(); // The first line was the header.
        }
        assert!(answer.contains(&format!("{{\"frame\":{number},")), "{answer}");
    }
    drop(input);
    assert!(child.wait().unwrap().success());
    laps.split_off(WARM_UP)
}

fn micros(work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    started.elapsed().as_secs_f64() * 1e6
}

/// The program's peak resident memory, in megabytes, when all lines except a queue's length of `lines` have been
/// lifted.
fn peak_mb(subject: &Subject, lines: usize) -> f64 {
    eprintln!("memory of {lines} lines");
    let mut child = subject.command().stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut input = BufWriter::new(child.stdin.take().unwrap());
    clip::write_lines(&mut input, lines).unwrap();
    let peak_mb = clip::high_water_mark_mb(&child);
    drop(input);
    assert!(child.wait().unwrap().success());
    peak_mb
}

fn table(options: &Options, rate: &Rate, answer: &Answer, peak_mb: f64) -> String {
    let (batch, bare) = rate.best_bare();
    let (fast, library, best) = (median(&rate.program), median(&rate.library), median(bare));
    let [p50, _, p99] = percentiles(&answer.program);
    let [bare_p50, _, bare_p99] = percentiles(&answer.bare);
    let rows = [
        ["", "poselift", "bare ONNX Runtime", "ratio", "mark"].map(str::to_owned),
        ["---"; 5].map(str::to_owned),
        [
            format!("{} lines, file to file, median of {} turns", thousands(options.lines), options.turns),
            format!("{} poses/s", thousands(fast as usize)),
            format!("{} poses/s (batch {batch})", thousands(best as usize)),
            format!("{:.2}", fast / best),
            "at least 0.80".to_owned(),
        ],
        [
            format!("the same, beside the library (batch {LIBRARY_BATCH})"),
            format!("{} poses/s", thousands(fast as usize)),
            format!("{} poses/s (the library)", thousands(library as usize)),
            format!("{:.2}", fast / library),
            "at least 0.80".to_owned(),
        ],
        [
            format!("one pose, line in to line out, {} answers", thousands(answer.program.len())),
            format!("p50 {p50:.0} µs, p99 {p99:.0}"),
            format!("p50 {bare_p50:.0} µs, p99 {bare_p99:.0}"),
            format!("{:.2}", p50 / bare_p50),
            "at most 1.50".to_owned(),
        ],
        [
            format!("peak memory, a stream of {} lines", thousands(options.stream)),
            format!("{peak_mb:.0} MB"),
            String::new(),
            String::new(),
            "below 400 MB".to_owned(),
        ],
    ];
    rows.map(|row| format!("| {} |\n", row.join(" | "))).concat()
}

/// All turns, for readers who want more than medians.
fn json(options: &Options, rate: &Rate, answer: &Answer, peak_mb: f64) -> String {
    let (batch, bare) = rate.best_bare();
    let latency = |laps: &[f64]| {
        let [p50, p90, p99] = percentiles(laps);
        json!({"p50": p50, "p90": p90, "p99": p99, "answers": laps.len()})
    };
    let measured = json!({
        "poses_per_second": {"program": rate.program, "library": rate.library, "bare": bare, "bare_batch": batch, "lines": options.lines},
        "latency_us": {"program": latency(&answer.program), "bare": latency(&answer.bare)},
        "peak_mb": {"program": peak_mb, "lines": options.stream},
    });
    format!("{measured:#}\n")
}

fn median(values: &[f64]) -> f64 {
    percentiles(values)[0]
}

/// The 50th, 90th and 99th percentile, by nearest rank.
fn percentiles(values: &[f64]) -> [f64; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    [50, 90, 99].map(|percent| sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1])
}

/// `1234567` as `1,234,567`.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}

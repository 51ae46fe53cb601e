//! Many cameras through one `Batcher`: how long a frame waits for its answer, and how many cameras two cores carry.
//!
//! `cargo bench -p poselift --bench streams [-- --model FILE --seconds 5 --json FILE]`. Cameras of 30 Hz, evenly out of step,
//! one person each. The clock of a frame starts when the frame is due, not when it could be sent, so a batcher that falls
//! behind cannot hide it. stdout gets one Markdown table.
#![allow(clippy::unwrap_used, reason = "a bench that cannot run should say so loudly")]

#[allow(dead_code, reason = "each bench uses a part")]
mod clip;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::Parser;
use poselift::lift::{Lifter, LifterOptions};
use poselift::model::{Device, ModelFile};
use poselift::pose::Frame;
use poselift::skeleton::COCO17;
use poselift::stream::Batcher;
use serde_json::json;

/// Frames a second of each camera.
const HZ: f64 = 30.0;

/// What an answer may take before the camera's next frame, milliseconds.
const MOST_MS: f64 = 33.0;

/// Time at the start that does not count.
const WARM_UP: Duration = Duration::from_millis(500);

/// Measures how many cameras one model serves
#[derive(Parser)]
struct Options {
    /// The model [default: the bundled one]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Threads
    #[arg(long)]
    threads: Option<usize>,
    /// Numbers of cameras to time
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8, 64, 512, 1000, 2000])]
    cameras: Vec<usize>,
    /// Steps in which the largest number is looked for, 0 for none
    #[arg(long, default_value_t = 250)]
    step: usize,
    /// Seconds that each number is timed for
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Milliseconds that a frame may wait for others
    #[arg(long, default_value_t = 0)]
    max_delay: u64,
    /// Writes what was measured as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// What `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
}

/// How long frames of so many cameras took, milliseconds.
struct Row {
    cameras: usize,
    p50: f64,
    p99: f64,
    worst: f64,
    answers: usize,
}

fn main() {
    let options = Options::parse();
    let mut rows: Vec<Row> = options.cameras.iter().map(|&cameras| measure(&options, cameras)).collect();
    let carried = if options.step > 0 { most_cameras(&options, &mut rows) } else { None };
    print!("{}", table(&rows, carried));
    if let Some(path) = &options.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| json!({"cameras": row.cameras, "p50_ms": row.p50, "p99_ms": row.p99, "worst_ms": row.worst}))
            .collect();
        std::fs::write(path, format!("{:#}\n", json!({"rows": rows, "carried": carried}))).unwrap();
    }
}

/// The largest number of cameras, in steps, whose 99th percentile stays below [`MOST_MS`]; what was timed for it goes
/// among `rows`.
fn most_cameras(options: &Options, rows: &mut Vec<Row>) -> Option<usize> {
    let mut carried = rows.iter().filter(|row| row.p99 < MOST_MS).map(|row| row.cameras).max()?;
    loop {
        let row = measure(options, carried + options.step);
        let is_carried = row.p99 < MOST_MS;
        carried += if is_carried { options.step } else { 0 };
        rows.push(row);
        if !is_carried {
            return Some(carried);
        }
    }
}

fn lifter(options: &Options) -> Lifter {
    let file = options.model.as_ref().map_or_else(ModelFile::bundled, ModelFile::read).unwrap();
    let with = LifterOptions { device: Device::Cpu, threads: options.threads, ..LifterOptions::default() };
    Lifter::from_model(&file, &with).unwrap()
}

fn measure(options: &Options, cameras: usize) -> Row {
    eprintln!("{cameras} cameras");
    let lifter = lifter(options);
    let conversion = lifter.conversion(&COCO17).unwrap();
    let (started, seconds) = (Instant::now(), WARM_UP.as_secs_f64() + options.seconds);
    let expected = (seconds * HZ * cameras as f64) as usize;
    let laps = Arc::new(Mutex::new(Vec::with_capacity(expected + cameras)));
    let kept = Arc::clone(&laps);
    let answered = move |answer: poselift::stream::Answer| {
        assert_eq!(answer.lifted.people.len(), 1);
        let due = answer.frame.time.unwrap();
        if due > WARM_UP.as_secs_f64() {
            kept.lock().unwrap().push((started.elapsed().as_secs_f64() - due) * 1e3);
        }
    };
    let batcher = Batcher::start(lifter, Duration::from_millis(options.max_delay), answered).unwrap();
    let feeds: Vec<_> = (0..cameras).map(|camera| batcher.feed(camera, conversion.clone())).collect();
    let clip = clip::coco17_frames();
    for number in 0..expected {
        let due = number as f64 / (HZ * cameras as f64);
        wait_until(started, due);
        let frame = Frame { index: (number / cameras) as u64, time: Some(due), ..clip[number % clip.len()].clone() };
        feeds[number % cameras].send(frame).unwrap();
    }
    batcher.finish().unwrap();
    let mut laps = std::mem::take(&mut *laps.lock().unwrap());
    laps.sort_unstable_by(f64::total_cmp);
    let percentile = |percent: usize| laps[(laps.len() * percent).div_ceil(100).max(1) - 1];
    Row { cameras, p50: percentile(50), p99: percentile(99), worst: percentile(100), answers: laps.len() }
}

/// Sleeps until `due` seconds after `started`, if that is not over.
fn wait_until(started: Instant, due: f64) {
    let left = due - started.elapsed().as_secs_f64();
    if left > 0.0 {
        std::thread::sleep(Duration::from_secs_f64(left));
    }
}

fn table(rows: &[Row], carried: Option<usize>) -> String {
    let mut lines = vec![
        "| cameras at 30 Hz | p50, ms | p99, ms | worst, ms | answers |".to_owned(),
        "|---|---|---|---|---|".to_owned(),
    ];
    for Row { cameras, p50, p99, worst, answers } in rows {
        lines.push(format!("| {cameras} | {p50:.2} | {p99:.2} | {worst:.1} | {answers} |"));
    }
    let carried = carried.map(|carried| format!("carried with p99 below {MOST_MS} ms: {carried}"));
    lines.extend(carried);
    lines.join("\n") + "\n"
}

//! `poselift bench`: how fast a model runs here, by batch size.

mod compare;

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use ndarray::Array3;
use serde::Serialize;

use super::output::{FileRead, refuse_overwriting};
use super::report::{Terminal, printable};
use super::{DeviceArgs, ExitStatus, batch_size, open_lifter, read_model};
use crate::error::Result;
use crate::format::{Target, write_whole};
use crate::lift::Lifter;
use crate::model::{Card, Precision, Provider};

/// The batch sizes measured; on a GPU also the last two, which its memory takes at once.
const BATCHES: [usize; 8] = [1, 8, 64, 256, 1024, 8192, 65_536, 262_144];
const FOR_GPUS_ALONE: usize = 2;

/// The fewest calls that percentiles are taken from.
const MIN_CALLS: usize = 10;

/// Measure latency and poses a second by batch size
///
/// Times whole calls of the library: key points in, poses out. Batches larger than what runs fastest are cut, as in
/// `poselift run`.
///
/// With --compare the library and bare ONNX Runtime (one session, default options) take turns on the same files, in
/// float32 and in int8 where the model has both.
#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// A model file, or the name of a built-in model [default: coco17]
    #[arg(value_name = "MODEL")]
    model: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceArgs,
    /// Most poses given to the network at once, 1 to 262144 [default: what runs fastest]
    #[arg(long, value_name = "N", value_parser = batch_size)]
    batch: Option<usize>,
    /// Milliseconds to measure each batch size for
    #[arg(long, value_name = "MS", default_value_t = 1000)]
    milliseconds: u64,
    /// Beside bare ONNX Runtime on the CPU: poses a second of both, and their ratio
    #[arg(long)]
    compare: bool,
    /// As one JSON object: on stdout in place of the table, or beside it in FILE
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    json: Option<Option<PathBuf>>,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    results: Vec<Row>,
    model: &'a str,
    provider: &'static str,
    engine: &'static str,
    threads: usize,
}

#[derive(Debug, Serialize)]
struct Row {
    batch: usize,
    precision: Precision,
    device: String,
    poses_per_second: f64,
    latency_us: Percentiles,
}

#[derive(Debug, Serialize)]
struct Percentiles {
    p50: f64,
    p90: f64,
    p99: f64,
}

pub(super) fn run(args: &BenchArgs) -> Result<ExitStatus> {
    if let Some(Some(json)) = &args.json {
        let model = FileRead::new(args.model.as_deref(), "the model");
        refuse_overwriting(&[], model.as_slice(), &[Target::File(json.clone())])?;
    }
    let file = read_model(args.model.as_ref())?;
    if args.compare {
        let time = Duration::from_millis(args.milliseconds);
        let comparison = compare::compare(&file, &args.device, args.batch, time)?;
        return print(args, &comparison, &comparison.table());
    }
    let mut lifter = open_lifter(&file, &args.device.options(args.batch), &Terminal::new(false))?;
    let time = Duration::from_millis(args.milliseconds);
    let results =
        batches(lifter.provider()).iter().map(|&batch| measure(&mut lifter, batch, time)).collect::<Result<_>>()?;
    let report = Report {
        results,
        model: &lifter.card().name,
        provider: lifter.provider().name(),
        engine: lifter.session().engine(),
        threads: lifter.session().threads(),
    };
    print(args, &report, &table(&report))
}

/// The batch sizes for `provider`.
fn batches(provider: Provider) -> &'static [usize] {
    match provider {
        Provider::Cuda(_) => &BATCHES,
        Provider::Cpu | Provider::OpenVino => &BATCHES[..BATCHES.len() - FOR_GPUS_ALONE],
    }
}

/// Prints what was measured, as JSON or as a table, and writes JSON to the file that is asked for.
fn print(args: &BenchArgs, report: &impl Serialize, table: &str) -> Result<ExitStatus> {
    let text = match &args.json {
        None => printable(table).into_owned(),
        Some(None) => json(report)?,
        Some(Some(path)) => {
            write_whole(path, json(report)?.as_bytes())?;
            printable(table).into_owned()
        }
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(ExitStatus::Done)
}

fn json(report: &impl Serialize) -> std::io::Result<String> {
    Ok(serde_json::to_string_pretty(report)? + "\n")
}

/// `[batch, J_in, channels]` key points of people all over an image, every joint seen.
fn keypoints(card: &Card, batch: usize) -> Array3<f32> {
    let input = &card.input;
    Array3::from_shape_fn((batch, input.joints.len(), input.channels), |(n, joint, channel)| {
        if channel == 2 { 1.0 } else { 100.0 + ((n * 31 + joint * 17 + channel * 7) % 400) as f32 }
    })
}

/// Lifts `batch` poses again and again for `time`, after a tenth of it to warm up.
fn measure(lifter: &mut Lifter, batch: usize, time: Duration) -> Result<Row> {
    let keypoints = keypoints(lifter.card(), batch);
    let mut poses = Array3::zeros((batch, lifter.card().output.joints.len(), 3));
    call_for(time / 10, MIN_CALLS, || lifter.lift_into(keypoints.view(), poses.view_mut()))?;
    let mut durations = Vec::new();
    let calls = call_for(time, MIN_CALLS, || {
        let started = Instant::now();
        lifter.lift_into(keypoints.view(), poses.view_mut())?;
        durations.push(started.elapsed());
        Ok(())
    })?;
    durations.sort_unstable();
    Ok(Row {
        batch,
        precision: lifter.card().network.precision,
        device: lifter.provider().device().to_string(),
        poses_per_second: calls.poses_per_second(batch),
        latency_us: Percentiles {
            p50: micros(&durations, 50),
            p90: micros(&durations, 90),
            p99: micros(&durations, 99),
        },
    })
}

/// Calls that were made one after the other.
struct Calls {
    count: usize,
    /// How long all of them took together.
    elapsed: Duration,
}

impl Calls {
    /// Where each call lifted `batch` poses.
    fn poses_per_second(&self, batch: usize) -> f64 {
        (batch * self.count) as f64 / self.elapsed.as_secs_f64()
    }
}

/// Makes a call again and again for `time`, and `fewest` times at least.
fn call_for(time: Duration, fewest: usize, mut call: impl FnMut() -> Result<()>) -> Result<Calls> {
    let started = Instant::now();
    let mut count = 0;
    while started.elapsed() < time || count < fewest {
        call()?;
        count += 1;
    }
    Ok(Calls { count, elapsed: started.elapsed() })
}

/// The `percent`th percentile (nearest rank) of `sorted` calls, in microseconds.
fn micros(sorted: &[Duration], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted[rank].as_secs_f64() * 1e6
}

fn table(report: &Report<'_>) -> String {
    let mut lines = vec![
        format!("{}, {}, {}, {} threads", report.model, report.provider, report.engine, report.threads),
        format!(
            "{:>6} {:>9} {:>12} {:>10} {:>10} {:>10}",
            "batch", "precision", "poses/s", "p50 us", "p90 us", "p99 us"
        ),
    ];
    for row in &report.results {
        let Percentiles { p50, p90, p99 } = row.latency_us;
        let Row { batch, precision, poses_per_second: rate, .. } = row;
        lines.push(format!("{batch:>6} {precision:>9} {rate:>12.0} {p50:>10.0} {p90:>10.0} {p99:>10.0}"));
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpus_are_given_larger_batches() {
        assert_eq!(batches(Provider::Cpu).last(), Some(&8192));
        assert_eq!(batches(Provider::Cuda(0)).last(), Some(&262_144));
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let calls: Vec<_> = (1..=10).map(Duration::from_micros).collect();
        let rounded = |percent| micros(&calls, percent).round();
        assert_eq!((rounded(50), rounded(90), rounded(99)), (5.0, 9.0, 10.0));
        assert_eq!(micros(&calls[..1], 50).round(), 1.0);
    }
}

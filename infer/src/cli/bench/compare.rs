//! `poselift bench --compare`: the library beside bare ONNX Runtime on the same files, in turns.

use std::time::Duration;

use ndarray::Array3;
use serde::Serialize;

use super::super::report::Terminal;
use super::super::{DeviceArgs, open_lifter};
use super::{batches, call_for, keypoints};
use crate::error::{Error, Result};
use crate::lift::{Lifter, LifterOptions};
use crate::median::median;
use crate::model::{Device, ModelFile, OrtBaseline, Precision, Provider};

/// How often each of them takes its turn at each batch size.
const TURNS: usize = 5;

/// The fewest calls of a turn.
const MIN_CALLS: usize = 2;

/// The times that were measured.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    results: Vec<Row>,
    model: String,
    threads: usize,
    turns: usize,
}

/// Poses a second at one batch size, medians over the turns.
#[derive(Debug, Serialize)]
struct Row {
    batch: usize,
    precision: Precision,
    poselift: f64,
    onnxruntime: f64,
    ratio: f64,
}

/// One file, loaded by both.
struct Pair {
    lifter: Lifter,
    bare: OrtBaseline,
}

/// Measures each form of `file` on the CPU, `time` for each batch size and contender, after a tenth of it to warm up.
///
/// # Errors
/// A GPU asked for by name, or a runtime that fails.
pub(super) fn compare(
    file: &ModelFile,
    device: &DeviceArgs,
    batch: Option<usize>,
    time: Duration,
) -> Result<Comparison> {
    if let Device::Cuda(_) = device.device {
        return Err(Error::usage("--compare measures on the CPU").hint("leave --device out"));
    }
    let mut options = device.options(batch);
    options.device = Device::Cpu;
    let mut pairs = Vec::new();
    for form in &file.forms() {
        pairs.push(Pair::load(form, &options)?);
    }
    let mut results = Vec::new();
    for &batch in batches(Provider::Cpu) {
        for pair in &mut pairs {
            results.push(pair.measure(batch, time / TURNS as u32)?);
        }
    }
    let threads = pairs.first().map_or(1, |pair| pair.lifter.session().threads());
    Ok(Comparison { results, model: file.card().name.clone(), threads, turns: TURNS })
}

impl Pair {
    fn load(form: &ModelFile, options: &LifterOptions) -> Result<Self> {
        let lifter = open_lifter(form, options, &Terminal::new(false))?;
        Ok(Self { lifter, bare: OrtBaseline::new(form, options.threads)? })
    }

    /// Both in turns, `time` a turn.
    fn measure(&mut self, batch: usize, time: Duration) -> Result<Row> {
        let Self { lifter, bare } = self;
        let keypoints = keypoints(lifter.card(), batch);
        let mut poses = Array3::zeros((batch, lifter.card().output.joints.len(), 3));
        let mut ours = Vec::new();
        let mut theirs = Vec::new();
        for _ in 0..TURNS {
            ours.push(rate(batch, time, || lifter.lift_into(keypoints.view(), poses.view_mut()))?);
            theirs.push(rate(batch, time, || bare.run(&keypoints).map(drop))?);
        }
        let poselift = median(&mut ours).unwrap_or(f64::NAN);
        let onnxruntime = median(&mut theirs).unwrap_or(f64::NAN);
        let precision = lifter.card().network.precision;
        Ok(Row { batch, precision, poselift, onnxruntime, ratio: poselift / onnxruntime })
    }
}

/// Poses a second of calls that lift `batch` each, again and again for `time`, after a tenth of it to warm up.
fn rate(batch: usize, time: Duration, mut call: impl FnMut() -> Result<()>) -> Result<f64> {
    call_for(time / 10, 1, &mut call)?;
    Ok(call_for(time, MIN_CALLS, call)?.poses_per_second(batch))
}

impl Comparison {
    /// The rows as a table of fixed columns.
    pub(super) fn table(&self) -> String {
        let Self { model, threads, turns, .. } = self;
        let mut lines = vec![
            format!("{model}, {threads} threads, poses/s, medians of {turns} turns"),
            format!("{:>6} {:>9} {:>10} {:>14} {:>6}", "batch", "precision", "poselift", "ONNX Runtime", "ratio"),
        ];
        lines.extend(self.results.iter().map(|Row { batch, precision, poselift, onnxruntime, ratio }| {
            format!("{batch:>6} {precision:>9} {poselift:>10.0} {onnxruntime:>14.0} {ratio:>6.2}")
        }));
        lines.join("\n") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_line_for_each_row() {
        let row = Row { batch: 64, precision: Precision::Int8, poselift: 120_250.4, onnxruntime: 1e5, ratio: 1.2025 };
        let comparison = Comparison { results: vec![row], model: "coco17".to_owned(), threads: 2, turns: 5 };
        let expected = "coco17, 2 threads, poses/s, medians of 5 turns
 batch precision   poselift   ONNX Runtime  ratio
    64      int8     120250         100000   1.20
";
        assert_eq!(comparison.table(), expected);
    }
}

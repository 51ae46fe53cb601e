//! `poselift-train export`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use poselift::model::{Card, Metric, Precision, TrainingCard};
use poselift::{Error, Result};
use serde_json::json;

use super::data::data_of;
use crate::export::CardSeed;
use crate::fit::checkpoint::{self, FinishedRun};
use crate::output;
use crate::trained::TrainedLifter;
use crate::verify::{self, FileChecks, MOST_LOST_MM, PrecisionCost, Trained, Verification};

/// A state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    /// The state with the best validation score.
    Best,
    /// The last state.
    Last,
}

/// Arguments of `export`.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// The folder of the run, as `fit --out` made it
    run: PathBuf,
    /// The file to write
    #[arg(short, long, value_name = "FILE", default_value = "model.onnx")]
    output: PathBuf,
    /// The model's name on its card [default: the file's name without its extension]
    #[arg(long)]
    name: Option<String>,
    /// Which of the run's checkpoints to take
    #[arg(long, value_enum, default_value_t = Which::Best)]
    checkpoint: Which,
    /// What the hidden layers are held in: f32; f16, for GPUs; int8, several times as fast on CPUs
    #[arg(long, value_name = "PRECISION", default_value_t = Precision::F32)]
    precision: Precision,
    /// Do not measure what the precision loses, for which the run's data must still be where they were
    #[arg(long)]
    no_loss: bool,
    /// Print what was written and how it compares, as JSON, on stdout
    #[arg(long)]
    json: bool,
}

/// Exports a run, verifies the file and reports the comparison.
pub(super) fn run(args: &ExportArgs) -> Result<()> {
    let file = if args.checkpoint == Which::Best { checkpoint::BEST } else { checkpoint::LAST };
    let run = FinishedRun::read(&args.run, file)?;
    refuse_overwriting(args, &run)?;
    let mut seed = CardSeed {
        name: args.name.clone().map_or_else(|| name_of(&args.output), Ok)?,
        dropout: run.config.network.dropout,
        training: training_card(&run),
        metrics: metrics(&run, args.checkpoint),
    };
    let lifter = run.to_trained();
    let loss = measure_cost(args, &lifter, &seed)?;
    seed.metrics.extend(loss.iter().flat_map(PrecisionCost::metrics));
    let mut trained = Trained::new(&run.net, lifter.transform.clone());
    let checks = FileChecks::AS_USERS_RUN;
    let (card, verification) = verify::export(&lifter, &seed, args.precision, &mut trained, &args.output, checks)?;
    report(args, &card, &verification, loss.as_ref())
}

/// Refuses a file of the run, or of the data that it was fitted on, as the output. A model that was exported into the run's
/// folder may be replaced.
fn refuse_overwriting(args: &ExportArgs, run: &FinishedRun) -> Result<()> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&args.run).map_err(|error| Error::io("cannot read", &args.run, error))? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "onnx") {
            files.push(path);
        }
    }
    output::refuse_overwriting(&args.output, files.iter().map(PathBuf::as_path), "a file of the run")?;
    output::refuse_overwriting(&args.output, run.config.data.iter().map(Path::new), "data of the run")
}

/// The loss by the precision on the run's own validation split; float32 has none.
fn measure_cost(args: &ExportArgs, lifter: &TrainedLifter, seed: &CardSeed) -> Result<Option<PrecisionCost>> {
    if args.precision == Precision::F32 || args.no_loss {
        return Ok(None);
    }
    let (dataset, _) = data_of(&args.run).map_err(|error| {
        let why = format!("--precision {} is measured on the run's data, or give --no-loss", args.precision);
        error.hint(why)
    })?;
    verify::precision_cost(lifter, seed, args.precision, &dataset).map(Some)
}

fn name_of(output: &Path) -> Result<String> {
    let stem = output.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    stem.ok_or_else(|| Error::usage("expected the name of a file to write").at(output))
}

fn training_card(run: &FinishedRun) -> TrainingCard {
    TrainingCard {
        data: run.dataset.data.clone(),
        samples: run.state.samples,
        epochs: run.state.samples as f64 / run.dataset.train_size.max(1) as f64,
        batch: run.config.batch_size,
        optimiser: "adam".to_owned(),
        learning_rate: run.config.learning_rate,
        ema: run.config.ema,
        seed: run.config.seed,
        commit: option_env!("POSELIFT_COMMIT").map(str::to_owned),
        teacher: run.dataset.teacher.clone(),
    }
}

/// The validation error; only the best checkpoint is certain to have one.
fn metrics(run: &FinishedRun, which: Which) -> BTreeMap<String, Metric> {
    if which == Which::Last || !run.state.best_mpjpe.is_finite() {
        return BTreeMap::new();
    }
    let (factor, unit) = run.dataset.error_unit();
    let value = run.state.best_mpjpe * factor;
    let metric = Metric { value, unit: unit.to_owned(), on: run.dataset.validated_on.clone() };
    BTreeMap::from([("mpjpe".to_owned(), metric)])
}

fn report(args: &ExportArgs, card: &Card, verification: &Verification, loss: Option<&PrecisionCost>) -> Result<()> {
    let path = &args.output;
    let tolerance = verify::tolerance(args.precision);
    let judged = verification.judged(tolerance);
    let bytes = std::fs::metadata(path).map_err(|error| Error::io("cannot read", path, error))?.len();
    eprint!("{verification}");
    eprintln!(
        "{}: '{}', {}, {} parameters, {:.1} MB; agrees with the trained network in ONNX Runtime on {} poses to {judged:.1e} \
         of the pose's size (at most {tolerance})",
        path.display(),
        card.name,
        card.network.precision,
        card.network.parameters,
        bytes as f64 / 1e6,
        verification.poses()
    );
    let kernels: Vec<_> = verification.kernels.iter().map(|isa| isa.name()).collect();
    match kernels.is_empty() {
        true => eprintln!("  no kernels of our own for it on this processor: ONNX Runtime runs it"),
        false => eprintln!("  our own kernels agree with ONNX Runtime: {}", kernels.join(", ")),
    }
    loss.inspect(|loss| report_cost(loss));
    if args.json {
        let loss = loss.map(|loss| json!({"mpjpe": loss.found, "f32": loss.exact, "moved": loss.moved, "unit": loss.unit, "on": loss.on}));
        let summary = json!({
            "model": path, "name": card.name, "bytes": bytes, "parameters": card.network.parameters,
            "precision": card.network.precision, "loss": loss,
            "weights_sha256": card.weights_sha256,
            "verification": {"worst": verification.worst(), "judged": judged, "tolerance": tolerance.most(), "classes": verification.classes, "kernels": kernels},
        });
        writeln!(std::io::stdout(), "{summary}")?;
    }
    Ok(())
}

fn report_cost(loss: &PrecisionCost) {
    let PrecisionCost { exact, found, moved, unit, on } = loss;
    eprintln!(
        "  MPJPE {found:.2} {unit}, {exact:.2} in f32: {:+.3} {unit}; joints move by {moved:.2} {unit} on the mean ({on})",
        loss.lost()
    );
    if loss.is_too_much() {
        eprintln!("  this loses more than {MOST_LOST_MM} mm: prefer --precision f32");
    }
}

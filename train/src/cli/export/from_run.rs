//! A run's network in a file that agrees with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use poselift::model::{Metric, ModelFile, Precision, Quantisation, TrainingCard};
use poselift::{Error, Result};

use super::from_model::with_fixed_scales;
use super::{ExportArgs, Exported, Form, Which, name_of, paths};
use crate::cli::data::data_of;
use crate::export::CardSeed;
use crate::fit::checkpoint::{self, FinishedRun};
use crate::output;
use crate::trained::TrainedLifter;
use crate::verify::{self, FileChecks, PrecisionCost, Trained};

/// The run's network in a file that agrees with it.
pub(super) fn from_run(args: &ExportArgs, form: Form) -> Result<Exported> {
    let file = if args.checkpoint == Which::Best { checkpoint::BEST } else { checkpoint::LAST };
    let run = FinishedRun::read(&args.source, file)?;
    let folder = args.source.canonicalize().unwrap_or_else(|_| args.source.clone());
    let name = args.name_or(&name_of(&folder)?)?;
    refuse_overwriting(args, &run, &name)?;
    args.make_folder()?;
    let mut seed = CardSeed {
        name,
        dropout: run.config.network.dropout,
        training: training_card(&run),
        metrics: metrics(&run, args.checkpoint),
    };
    let lifter = run.to_trained();
    let mut trained = Trained::new(&run.net, lifter.transform.clone());
    let draft = args.target().draft();
    if form.quantisation == Quantisation::Dynamic {
        let loss = measure_cost(args, form, &lifter, &seed)?;
        seed.metrics.extend(loss.iter().flat_map(PrecisionCost::metrics));
        let (model, verification) =
            verify::prove(&lifter, &seed, form.precision, &mut trained, &draft, FileChecks::AS_USERS_RUN)?;
        return Ok(Exported { card: model.card, bytes: model.bytes, verification: Some(verification), loss });
    }
    let dataset = data_of(&args.source).map_err(|error| error.hint("fixed scales are taken from the run's data"))?.0;
    let (exact, verification) =
        verify::prove(&lifter, &seed, Precision::F32, &mut trained, &draft, FileChecks::AS_USERS_RUN)?;
    let exact = ModelFile::from_bytes(&seed.name, exact.bytes)?;
    Ok(Exported { verification: Some(verification), ..with_fixed_scales(args, form, &exact, &dataset)? })
}

/// Refuses a file of the run, or of the data that it was fitted on, as the output. A model that was exported into the run's
/// folder may be replaced.
fn refuse_overwriting(args: &ExportArgs, run: &FinishedRun, name: &str) -> Result<()> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&args.source).map_err(|error| Error::io("cannot read", &args.source, error))? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "onnx") {
            files.push(path);
        }
    }
    for path in paths(args, name) {
        output::refuse_overwriting(&path, files.iter().map(PathBuf::as_path), "a file of the run")?;
        output::refuse_overwriting(&path, run.config.data.iter().map(Path::new), "data of the run")?;
    }
    Ok(())
}

/// The loss by the precision on the run's own validation split; float32 has none.
fn measure_cost(
    args: &ExportArgs,
    form: Form,
    lifter: &TrainedLifter,
    seed: &CardSeed,
) -> Result<Option<PrecisionCost>> {
    if form.precision == Precision::F32 || args.no_loss {
        return Ok(None);
    }
    let (dataset, _) = data_of(&args.source).map_err(|error| {
        let why = format!("--precision {} is measured on the run's data, or give --no-loss", form.precision);
        error.hint(why)
    })?;
    verify::precision_cost(lifter, seed, form.precision, &dataset).map(Some)
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
        init: run.config.init.as_ref().and_then(|init| init.named.clone()),
    }
}

/// The validation error; only the best checkpoint is certain to have one.
fn metrics(run: &FinishedRun, which: Which) -> BTreeMap<String, Metric> {
    if which == Which::Last || !run.state.best_mpjpe.is_finite() {
        return BTreeMap::new();
    }
    let unit = run.dataset.error_unit();
    let value = run.state.best_mpjpe * unit.factor;
    let metric = Metric { value, unit: unit.name.to_owned(), on: run.dataset.validated_on.clone() };
    BTreeMap::from([("mpjpe".to_owned(), metric)])
}

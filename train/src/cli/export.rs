//! `poselift-train export`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Component, Path, PathBuf};

use clap::{Args, ValueEnum};
use poselift::model::{CARD_KEY, Card, Isa, Metric, ModelFile, Precision, Quantisation, TrainingCard, verify_kernels};
use poselift::{Error, Result};
use serde_json::{Value, json};

use super::data::{data_of, data_of_config};
use super::memory;
use crate::config::{FitConfig, NetworkConfig};
use crate::dataset::Dataset;
use crate::export::{CardSeed, hub, mantissa, triton};
use crate::fit::checkpoint::{self, FinishedRun};
use crate::fit::start::network_of;
use crate::memory::FinishedMemory;
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
    /// The folder of the run, as `fit --out` made it; or a model file, for --quantisation, --mantissa, --hub and --triton
    #[arg(value_name = "RUN|MODEL")]
    source: PathBuf,
    /// The file to write
    #[arg(short, long, value_name = "FILE", default_value = "model.onnx")]
    output: PathBuf,
    /// The model's name on its card [default: that of the file or the hub's folder; --triton: that of the run or on the card]
    #[arg(long)]
    name: Option<String>,
    /// Which of the run's checkpoints to take
    #[arg(long, value_enum, default_value_t = Which::Best)]
    checkpoint: Which,
    /// What the hidden layers are held in: f32; f16, for GPUs; int8, several times as fast on CPUs [default: f32]
    #[arg(long, value_name = "PRECISION")]
    precision: Option<Precision>,
    /// Where the scales of int8 come from: dynamic, from each person, for CPUs; qdq, fixed ones around the products, for TensorRT and
    /// OpenVINO; qdq-full, around every hidden node, for NPUs. Fixed scales are taken from views of the training data
    #[arg(long, value_name = "HOW")]
    quantisation: Option<Quantisation>,
    /// Of a model file in f32: keep so many of the 23 bits of fraction of each hidden weight, so that archives pack it better
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(u32).range(1..=i64::from(mantissa::ALL_BITS)),
        conflicts_with_all = ["precision", "quantisation", "hub", "triton"])]
    mantissa: Option<u32>,
    /// The run whose data a model file is quantised and measured on [default: made-up people]
    #[arg(long, value_name = "RUN")]
    on: Option<PathBuf>,
    /// Write a folder for a model hub: model.onnx, model.safetensors, config.json and a model card, README.md
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["output", "triton"])]
    hub: Option<PathBuf>,
    /// The licence of the model on its hub, as hubs name it
    #[arg(long, value_name = "ID", default_value = "other", requires = "hub")]
    licence: String,
    /// Write a model repository for NVIDIA Triton: FOLDER/NAME/config.pbtxt and FOLDER/NAME/1/model.onnx
    #[arg(long, value_name = "FOLDER", conflicts_with = "output")]
    triton: Option<PathBuf>,
    /// Of a run of `memory`: put it behind this file of the same network, such as one in another precision
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["precision", "quantisation", "hub", "triton", "on"])]
    frames: Option<PathBuf>,
    /// Do not measure what the precision loses, for which the run's data must still be where they were
    #[arg(long)]
    no_loss: bool,
    /// Print what was written and how it compares, as JSON, on stdout
    #[arg(long)]
    json: bool,
}

/// What the hidden layers of a file are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Form {
    precision: Precision,
    quantisation: Quantisation,
}

/// A model file in memory, and what was found out about it.
struct Exported {
    card: Card,
    bytes: Vec<u8>,
    /// The comparison with the trained network: of the file itself, or of its float32 form where scales are fixed. None of a
    /// file that was exported before.
    verification: Option<Verification>,
    loss: Option<PrecisionCost>,
}

/// Where files are written.
enum Target<'a> {
    File(&'a Path),
    Hub(&'a Path),
    Triton(&'a Path),
}

impl Target<'_> {
    /// The place itself.
    fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Hub(path) | Self::Triton(path) => path,
        }
    }

    /// A path beside which drafts are run.
    fn draft(&self) -> PathBuf {
        match self {
            Self::File(path) => path.to_path_buf(),
            Self::Hub(folder) | Self::Triton(folder) => folder.join("model.onnx"),
        }
    }
}

impl ExportArgs {
    fn form(&self) -> Result<Form> {
        let quantisation = self.quantisation.unwrap_or_default();
        let usual = if self.quantisation.is_some() { Precision::Int8 } else { Precision::F32 };
        let precision = self.precision.unwrap_or(usual);
        if self.quantisation.is_some() && precision != Precision::Int8 {
            return Err(Error::usage(format!(
                "--quantisation {quantisation} with --precision {precision}, expected int8"
            )));
        }
        Ok(Form { precision, quantisation })
    }

    fn target(&self) -> Target<'_> {
        match (&self.hub, &self.triton) {
            (Some(folder), _) => Target::Hub(folder),
            (None, Some(folder)) => Target::Triton(folder),
            (None, None) => Target::File(&self.output),
        }
    }

    /// Makes the folder that drafts and files are written to, once it is known what is exported.
    fn make_folder(&self) -> Result<()> {
        match self.target() {
            Target::File(_) => Ok(()),
            Target::Hub(folder) | Target::Triton(folder) => {
                std::fs::create_dir_all(folder).map_err(|error| Error::io("cannot create", folder, error))
            }
        }
    }

    /// The model's name: as given, or by what is written; a repository names no model, so that `known` is taken.
    fn name_or(&self, known: &str) -> Result<String> {
        match (self.name.as_deref(), self.target()) {
            (name, Target::Triton(_)) => folder_name(name.unwrap_or(known)),
            (Some(name), _) => Ok(name.to_owned()),
            (None, target) => name_of(target.path()),
        }
    }
}

/// Exports a run, verifies the file and reports the comparison; or writes a model file in another form.
pub(super) fn run(args: &ExportArgs) -> Result<()> {
    if FinishedMemory::is_one(&args.source) {
        return export_memory(args);
    }
    if args.frames.is_some() {
        return Err(Error::usage("--frames is for runs of `poselift-train memory`"));
    }
    let form = args.form()?;
    let exported = match args.source.is_file() {
        true => from_model(args, form)?,
        false if args.mantissa.is_some() => {
            return Err(Error::usage("--mantissa is for model files: export the run first").at(&args.source));
        }
        false => from_run(args, form)?,
    };
    write(args, &exported)?;
    report(args, &exported)
}

/// A run of `memory`, whose precision is that of its network.
fn export_memory(args: &ExportArgs) -> Result<()> {
    let Target::File(path) = args.target() else {
        let error = Error::usage("a run of `memory` is exported to a file, which --hub then takes");
        return Err(error.at(&args.source));
    };
    if args.precision.is_some() || args.quantisation.is_some() || args.mantissa.is_some() {
        let error = Error::usage("a memory stands behind a model as it is, in that model's precision").at(&args.source);
        return Err(error.hint("give the model in another precision: --frames MODEL"));
    }
    let name = args.name_or("")?;
    memory::export(&memory::ExportOf {
        run: &args.source,
        frames: args.frames.as_deref(),
        name: &name,
        path,
        json: args.json,
    })
}

/// The run's network in a file that agrees with it.
fn from_run(args: &ExportArgs, form: Form) -> Result<Exported> {
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
    let mut prove = |seed: &CardSeed, precision| {
        verify::prove(&lifter, seed, precision, &mut trained, &args.target().draft(), FileChecks::AS_USERS_RUN)
    };
    if form.quantisation == Quantisation::Dynamic {
        let loss = measure_cost(args, form, &lifter, &seed)?;
        seed.metrics.extend(loss.iter().flat_map(PrecisionCost::metrics));
        let (model, verification) = prove(&seed, form.precision)?;
        return Ok(Exported { card: model.card, bytes: model.bytes, verification: Some(verification), loss });
    }
    let dataset = data_of(&args.source).map_err(|error| error.hint("fixed scales are taken from the run's data"))?.0;
    let (exact, verification) = prove(&seed, Precision::F32)?;
    let exact = ModelFile::from_bytes(&seed.name, exact.bytes)?;
    Ok(Exported { verification: Some(verification), ..with_fixed_scales(args, form, &exact, &dataset)? })
}

/// A file that was exported before: as it is, or with fixed scales.
fn from_model(args: &ExportArgs, form: Form) -> Result<Exported> {
    let file = ModelFile::read(&args.source)?;
    file.check_weights()?;
    if matches!(args.target(), Target::Triton(_)) && file.card().memory.is_some() {
        return Err(Error::usage("has a memory of each person, which no batch of a server keeps").at(&args.source));
    }
    let name = args.name_or(&file.card().name)?;
    for path in paths(args, &name) {
        output::refuse_overwriting(&path, [args.source.as_path()], "which is read")?;
    }
    if let Some(bits) = args.mantissa {
        return with_short_weights(args, bits, &renamed(&file, name)?);
    }
    if form.quantisation != Quantisation::Dynamic {
        let dataset = data_for(args, file.card())?;
        let named = renamed(&file, name)?;
        return with_fixed_scales(args, form, &named, &dataset);
    }
    let is_another_form =
        args.quantisation.is_some() || args.precision.is_some_and(|other| other != file.card().network.precision);
    if is_another_form || matches!(args.target(), Target::File(_)) {
        let message =
            "a model file is written anew with --quantisation qdq or qdq-full, --mantissa, --hub or --triton only";
        return Err(Error::usage(message).at(&args.source).hint("another precision is exported from the run's folder"));
    }
    let named = renamed(&file, name)?;
    Ok(Exported { card: named.card().clone(), bytes: named.bytes().to_vec(), verification: None, loss: None })
}

/// The file with another name on its card.
fn renamed(file: &ModelFile, name: String) -> Result<ModelFile> {
    if file.card().name == name {
        return Ok(file.clone());
    }
    let mut proto = poselift_onnx::Model::decode(file.bytes().to_vec().into())
        .map(|model| model.proto().clone())
        .ok_or_else(|| Error::model("is no ONNX model").at(file.name()))?;
    let card = Card { name, ..file.card().clone() };
    for entry in proto.metadata_props.iter_mut().filter(|entry| entry.key == CARD_KEY) {
        entry.value = card.to_json();
    }
    ModelFile::from_bytes(file.name(), proto.to_bytes())
}

/// The data that a model file is quantised on: those of `--on`, or made-up people.
fn data_for(args: &ExportArgs, card: &Card) -> Result<Dataset> {
    let dataset = match &args.on {
        Some(run) => data_of(run)?.0,
        None => {
            let data = ["synthetic", "postures"].map(str::to_owned).into();
            let config = FitConfig { data, layout: card.input.layout.clone(), ..FitConfig::default() };
            let network = NetworkConfig { sigma: card.output.sigma, ..NetworkConfig::default() };
            let config = FitConfig { network, ..config };
            config.input_layout().map_err(|_| {
                let message = format!(
                    "the model reads key points of the layout {}, which made-up people do not have",
                    card.input.layout
                );
                Error::usage(message).at(&args.source).hint("--on RUN names the run that it is from")
            })?;
            data_of_config(&config)?.0
        }
    };
    dataset.card.expect_model("the model", card).map_err(|error| error.at(&args.source))?;
    Ok(dataset)
}

/// The float32 file `exact` with scales taken from `dataset`, and what that costs.
fn with_fixed_scales(args: &ExportArgs, form: Form, exact: &ModelFile, dataset: &Dataset) -> Result<Exported> {
    if exact.card().memory.is_some() {
        return Err(Error::usage("has a memory, which fixed scales are not taken for").at(exact.name()));
    }
    let model = poselift_onnx::Model::decode(exact.bytes().to_vec().into());
    let model = model.ok_or_else(|| Error::model("is no ONNX model").at(exact.name()))?;
    let ranges = verify::ranges(&model, form.quantisation, dataset).map_err(|error| error.at(exact.name()))?;
    let network = model.network()?;
    let mut card = exact.card().clone();
    card.network.precision = form.precision;
    card.network.quantisation = form.quantisation;
    let write = |card: &Card| poselift_onnx::write_qdq(&network, form.quantisation, &ranges, card.clone());
    let loss = match args.no_loss {
        true => None,
        false => Some(verify::cost(exact, &ModelFile::from_bytes(exact.name(), write(&card)?.bytes)?, dataset)?),
    };
    card.metrics.extend(loss.iter().flat_map(PrecisionCost::metrics));
    let written = write(&card)?;
    Ok(Exported { card: written.card, bytes: written.bytes, verification: None, loss })
}

/// The float32 file `exact` with `bits` bits of fraction for each hidden weight, and what that costs.
fn with_short_weights(args: &ExportArgs, bits: u32, exact: &ModelFile) -> Result<Exported> {
    let network = mantissa::shorten(network_of(exact)?, bits).map_err(|error| error.at(exact.name()))?;
    let written = poselift_onnx::write(&network, exact.card().clone())?;
    let short = ModelFile::from_bytes(exact.name(), written.bytes.clone())?;
    report_kernels(&verify_kernels(&short)?);
    let loss = match args.no_loss {
        true => None,
        false => {
            let dataset = data_for(args, exact.card())?;
            Some(verify::cost(exact, &short, &dataset)?)
        }
    };
    Ok(Exported { card: written.card, bytes: written.bytes, verification: None, loss })
}

/// The files to write for a model of this name.
fn paths(args: &ExportArgs, name: &str) -> Vec<PathBuf> {
    match args.target() {
        Target::File(path) => vec![path.to_path_buf()],
        Target::Hub(folder) => hub::FILES.map(|file| folder.join(file)).into(),
        Target::Triton(folder) => triton::paths(name).map(|file| folder.join(file)).into(),
    }
}

fn write(args: &ExportArgs, exported: &Exported) -> Result<()> {
    let model = || ModelFile::from_bytes(args.target().draft(), exported.bytes.clone());
    let (folder, files) = match args.target() {
        Target::File(path) => return output::write_whole(path, &exported.bytes),
        Target::Hub(folder) => (folder, hub::files(&model()?, &args.licence)?),
        Target::Triton(folder) => (folder, triton::files(&model()?, &exported.card.name)?),
    };
    for file in files {
        let path = folder.join(&file.name);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(|error| Error::io("cannot create", parent, error))?;
        output::write_whole(&path, &file.bytes)?;
    }
    Ok(())
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

fn name_of(output: &Path) -> Result<String> {
    let stem = output.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    stem.ok_or_else(|| Error::usage("expected the name of a file to write").at(output))
}

/// A name that is a folder's too.
fn folder_name(name: &str) -> Result<String> {
    let components: Vec<_> = Path::new(name).components().collect();
    match components[..] {
        [Component::Normal(only)] if only == name => Ok(name.to_owned()),
        _ => Err(Error::usage(format!("the name '{name}', expected one that a folder can have"))
            .hint("give another with --name")),
    }
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
    let (factor, unit) = run.dataset.error_unit();
    let value = run.state.best_mpjpe * factor;
    let metric = Metric { value, unit: unit.to_owned(), on: run.dataset.validated_on.clone() };
    BTreeMap::from([("mpjpe".to_owned(), metric)])
}

fn report(args: &ExportArgs, exported: &Exported) -> Result<()> {
    let Exported { card, bytes, verification, loss } = exported;
    let target = args.target();
    eprintln!(
        "{}: '{}', {}, {} parameters, {:.1} MB",
        target.path().display(),
        card.name,
        described(card),
        card.network.parameters,
        bytes.len() as f64 / 1e6,
    );
    if let Some(verification) = verification {
        report_verification(card, verification);
    }
    loss.iter().for_each(report_cost);
    if args.json {
        let loss = loss.as_ref().map(|loss| json!({"mpjpe": loss.found, "f32": loss.exact, "moved": loss.moved, "unit": loss.unit, "on": loss.on}));
        let summary = json!({
            "model": target.path(), "name": card.name, "bytes": bytes.len(), "parameters": card.network.parameters,
            "precision": card.network.precision, "quantisation": card.network.quantisation, "loss": loss,
            "weights_sha256": card.weights_sha256,
            "verification": verification.as_ref().map(|verification| summary_of(card, verification)),
        });
        writeln!(std::io::stdout(), "{summary}")?;
    }
    Ok(())
}

fn described(card: &Card) -> String {
    match card.network.quantisation {
        Quantisation::Dynamic => card.network.precision.to_string(),
        fixed => format!("{} ({fixed})", card.network.precision),
    }
}

/// What was compared with the trained network: with fixed scales, the float32 form.
fn compared_precision(card: &Card) -> Precision {
    if card.network.quantisation == Quantisation::Dynamic { card.network.precision } else { Precision::F32 }
}

/// The kernels' names, as `--json` has them.
pub(super) fn names(kernels: &[Isa]) -> Vec<&'static str> {
    kernels.iter().map(|isa| isa.name()).collect()
}

fn summary_of(card: &Card, verification: &Verification) -> Value {
    let tolerance = verify::tolerance(compared_precision(card));
    json!({
        "worst": verification.worst(), "judged": verification.judged(tolerance), "tolerance": tolerance.most(),
        "classes": verification.classes, "kernels": names(&verification.kernels),
    })
}

fn report_verification(card: &Card, verification: &Verification) {
    let tolerance = verify::tolerance(compared_precision(card));
    let judged = verification.judged(tolerance);
    eprint!("{verification}");
    let which = if card.network.quantisation == Quantisation::Dynamic { "agrees" } else { "its float32 form agrees" };
    eprintln!(
        "  {which} with the trained network in ONNX Runtime on {} poses to {judged:.1e} of the pose's size (at most {tolerance})",
        verification.poses()
    );
    let has_kernels = card.network.quantisation == Quantisation::Dynamic;
    report_kernels(if has_kernels { &verification.kernels } else { &[] });
}

/// Which of our own kernels run the file, in a line on stderr.
pub(super) fn report_kernels(kernels: &[Isa]) {
    match kernels {
        [] => eprintln!("  no kernels of our own for it on this processor: ONNX Runtime runs it"),
        some => eprintln!("  our own kernels agree with ONNX Runtime: {}", names(some).join(", ")),
    }
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

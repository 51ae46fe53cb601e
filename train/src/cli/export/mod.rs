//! `poselift-train export`: its arguments, and the files that it writes.
//!
//! A run is exported by `from_run`, a model file is written in another form by `from_model`, and `report` says what was written.

mod from_model;
mod from_run;
mod report;

use std::path::{Component, Path, PathBuf};

use clap::{Args, ValueEnum};
use poselift::model::{Card, ModelFile, Precision, Quantisation};
use poselift::{Error, Result};

use super::memory;
use crate::export::{hub, mantissa, triton};
use crate::memory::FinishedMemory;
use crate::output;
use crate::verify::{PrecisionCost, Verification};
use from_model::from_model;
use from_run::from_run;
use report::report;
pub(super) use report::{names, report_kernels};

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

/// The number format of a file's hidden layers.
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

/// The files to write for a model of this name.
fn paths(args: &ExportArgs, name: &str) -> Vec<PathBuf> {
    match args.target() {
        Target::File(path) => vec![path.to_path_buf()],
        Target::Hub(folder) => hub::FILES.map(|file| folder.join(file)).into(),
        Target::Triton(folder) => triton::paths(name).map(|file| folder.join(file)).into(),
    }
}

fn write(args: &ExportArgs, exported: &Exported) -> Result<()> {
    let target = args.target();
    let (folder, files) = match target {
        Target::File(path) => return output::write_whole(path, &exported.bytes),
        Target::Hub(folder) => (folder, hub::files(&written_model(target, exported)?, &args.licence)?),
        Target::Triton(folder) => (folder, triton::files(&written_model(target, exported)?, &exported.card.name)?),
    };
    for file in files {
        let path = folder.join(&file.name);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(|error| Error::io("cannot create", parent, error))?;
        output::write_whole(&path, &file.bytes)?;
    }
    Ok(())
}

fn written_model(target: Target<'_>, exported: &Exported) -> Result<ModelFile> {
    ModelFile::from_bytes(target.draft(), exported.bytes.clone())
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

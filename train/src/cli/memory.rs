//! `poselift-train memory`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use poselift::{Error, Result};
use serde_json::json;

use super::export::{names, report_kernels};
use super::progress::TerminalProgress;
use crate::config::InitConfig;
use crate::fit::checkpoint;
use crate::memory::{self, CONFIG, Exported, FinishedMemory, MemoryConfig};
use crate::output;

/// Arguments of `memory`; all except --out, --steps and --device are fixed once a run exists.
#[derive(Debug, Args)]
pub(super) struct MemoryArgs {
    /// The model that lifts single frames, as `export` writes it, with sigma; it stays as it is [default: that of --init]
    #[arg(long, value_name = "MODEL", conflicts_with = "resume")]
    model: Option<PathBuf>,
    /// Begin with the memory of this model, as `export` writes it, instead of fresh weights; its units are taken over
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["resume", "units"])]
    init: Option<PathBuf>,
    /// Motion to fit on: folders of motion capture, arrays of joints, clips archives, `synthetic`; may be given several times
    #[arg(long, value_name = "SOURCE", default_value = "synthetic", conflicts_with = "resume")]
    data: Vec<String>,
    /// The folder of the run
    #[arg(short, long, value_name = "RUN")]
    out: PathBuf,
    /// Continue the run in RUN to the same numbers as if it had not been interrupted
    #[arg(long)]
    resume: bool,
    /// Size of the memory of each person
    #[arg(long, value_name = "N", default_value_t = 192, conflicts_with = "resume")]
    units: usize,
    /// Frames of a window, which are seen at 15 to 60 a second
    #[arg(long, value_name = "N", default_value_t = 40, conflicts_with = "resume")]
    window: usize,
    /// Warm-up: at most N frames run through the memory before each window, without loss or gradient. Their number is drawn anew for
    /// each step: none in two steps of five, from 1 to N in the others
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "resume")]
    lead: usize,
    /// Windows a step
    #[arg(long, value_name = "N", default_value_t = 32, conflicts_with = "resume")]
    batch_size: usize,
    /// Training steps; the learning rate decays to 0 over them [default: 12000]
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// Learning rate of Adam at its highest
    #[arg(long, value_name = "RATE", default_value_t = 1e-3, conflicts_with = "resume")]
    learning_rate: f64,
    /// Share of the people who validate
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, conflicts_with = "resume")]
    val_split: f64,
    /// People who validate, by name
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with = "resume")]
    val_subjects: Vec<String>,
    /// Poses a second that motion is resampled to
    #[arg(long, value_name = "HZ", default_value_t = 60.0, conflicts_with = "resume")]
    rate: f64,
    /// Weight of the joint-angle loss (knees, hips, elbows, ankles), metres per radian
    #[arg(long, value_name = "W", default_value_t = 0.0, conflicts_with = "resume")]
    angle_weight: f64,
    /// Weight of the bone-length loss, metres per metre
    #[arg(long, value_name = "W", default_value_t = 0.0, conflicts_with = "resume")]
    bone_weight: f64,
    /// Seed of everything random
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "resume")]
    seed: u64,
    /// Errors of the detector that it learns to correct, 1 as usual
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, conflicts_with = "resume")]
    noise: f64,
    /// auto, cpu, cuda or cuda:N [default: auto]
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    /// Steps between validations, which also save a checkpoint
    #[arg(long, value_name = "N", default_value_t = 500, conflicts_with = "resume")]
    validate_every: u64,
    /// Print only errors
    #[arg(short, long)]
    quiet: bool,
}

impl MemoryArgs {
    fn config(&self) -> Result<MemoryConfig> {
        let mut config = match self.model.as_ref().or(self.init.as_ref()) {
            Some(model) => self.fresh(model.clone()),
            None if !self.resume => {
                return Err(Error::usage("no model of single frames is named").hint(
                    "--model FILE for a fresh memory, --init FILE to go on from one that was exported, --resume to go on with a run",
                ));
            }
            None => checkpoint::read_json(&self.out.join(CONFIG))
                .map_err(|e| e.hint("--resume continues the run in --out; there must be one"))?,
        };
        if let Some(steps) = self.steps {
            config.steps = steps;
        }
        if let Some(device) = &self.device {
            config.device.clone_from(device);
        }
        Ok(config)
    }

    fn fresh(&self, model: PathBuf) -> MemoryConfig {
        MemoryConfig {
            data: self.data.clone(),
            model,
            units: self.units,
            window: self.window,
            lead: self.lead,
            init: self.init.clone().map(InitConfig::of),
            batch_size: self.batch_size,
            steps: 12_000,
            learning_rate: self.learning_rate,
            val_split: self.val_split,
            val_subjects: self.val_subjects.clone(),
            rate: self.rate,
            seed: self.seed,
            noise: self.noise,
            angle_weight: self.angle_weight,
            bone_weight: self.bone_weight,
            device: "auto".to_owned(),
            validate_every: self.validate_every,
        }
    }
}

pub(super) fn run(args: &MemoryArgs) -> Result<()> {
    let config = args.config()?;
    let mut progress = TerminalProgress::new(args.quiet);
    let summary = memory::run(&config, &args.out, args.resume, &mut progress)?;
    progress.remembered(&summary, &args.out);
    Ok(())
}

/// Options of `export` for a run of `memory`.
pub(super) struct ExportOf<'a> {
    pub(super) run: &'a Path,
    pub(super) frames: Option<&'a Path>,
    pub(super) name: &'a str,
    pub(super) path: &'a Path,
    /// Print it as JSON on stdout.
    pub(super) json: bool,
}

/// Exports a run of `memory` and reports the comparison.
pub(super) fn export(of: &ExportOf<'_>) -> Result<()> {
    let run = FinishedMemory::read(of.run)?;
    let copy = of.run.join(memory::FRAMES);
    let files = [run.config.model.as_path(), &copy].into_iter().chain(of.frames);
    output::refuse_overwriting(of.path, files, "the model that lifts single frames")?;
    output::refuse_overwriting(of.path, run.config.data.iter().map(Path::new), "data of the run")?;
    let Exported { card, bytes, worst, kernels } = memory::export(&run, of.frames, of.name, of.path)?;
    let parameters = card.network.parameters;
    let megabytes = bytes as f64 / 1e6;
    let units = run.config.units;
    eprintln!(
        "{}: '{}', {}, a memory of {units} units, {parameters} parameters, {megabytes:.1} MB; agrees with the trained memory in \
         ONNX Runtime to {worst:.1e} of the pose's size",
        of.path.display(),
        card.name,
        card.network.precision,
    );
    report_kernels(&kernels);
    if of.json {
        let summary = json!({
            "model": of.path, "name": card.name, "bytes": bytes, "parameters": parameters, "memory": card.memory,
            "precision": card.network.precision, "weights_sha256": card.weights_sha256,
            "verification": {"worst": worst, "kernels": names(&kernels)},
        });
        writeln!(std::io::stdout(), "{summary}")?;
    }
    Ok(())
}

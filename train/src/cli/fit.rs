//! `poselift-train fit`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use poselift::Result;

use super::progress::TerminalProgress;
use crate::config::{FitConfig, InitConfig, InputBlock, Loss, NetworkConfig, Schedule, TrainPrecision};
use crate::fit;
use crate::fit::checkpoint;
use crate::fit::history::Summary;
use crate::fit::tensorboard::TensorBoard;
use crate::study::report;
use crate::study::sweep::Trainer;

/// `on` or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Switch {
    On,
    Off,
}

/// Arguments of `fit`; all except --out, --epochs and --device are fixed once a run exists.
#[derive(Debug, Args)]
pub(super) struct FitArgs {
    /// Training data: a .pkl or .npz of paired arrays; or motion, which may be given several times: a folder of motion
    /// capture, .npy, .npz or .h5 joints [frames, joints, 3], a clips archive, `synthetic` (made-up everyday movement) or
    /// `postures` (made-up unusual postures), both with :FRAMES if not 24000, at most 10000000
    #[arg(long, value_name = "SOURCE", default_value = "synthetic", conflicts_with = "resume")]
    data: Vec<String>,
    /// The folder of the run
    #[arg(short, long, value_name = "RUN")]
    out: PathBuf,
    /// Continue the run in RUN to the same numbers as if it had not been interrupted
    #[arg(long)]
    resume: bool,
    /// Passes over the training split, at most 1000000 [default: 2]
    #[arg(long, value_name = "N")]
    epochs: Option<u32>,
    /// Samples a step, 2 to 1048576
    #[arg(long, value_name = "N", default_value_t = 64, conflicts_with = "resume")]
    batch_size: usize,
    /// Learning rate of Adam
    #[arg(long, value_name = "RATE", default_value_t = 1e-3, conflicts_with = "resume")]
    learning_rate: f64,
    /// Learning-rate schedule
    #[arg(long, value_enum, default_value_t = Schedule::Constant, conflicts_with = "resume")]
    schedule: Schedule,
    /// Validate and export a running average of the weights, which keeps this share of itself at each step: 0.998 looks back
    /// over some 500 steps
    #[arg(long, value_name = "DECAY", conflicts_with = "resume")]
    ema: Option<f64>,
    #[command(flatten)]
    network: NetworkArgs,
    /// Training loss
    #[arg(long, value_enum, default_value_t = Loss::Mpjpe, conflicts_with = "resume")]
    loss: Loss,
    /// Share that validates: the last samples of paired arrays, the last subjects of motion
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, conflicts_with = "resume")]
    val_split: f64,
    /// Subjects held out for validation (motion only); replaces --val-split
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', conflicts_with = "resume")]
    val_subjects: Vec<String>,
    /// Poses a second that motion is resampled to, at most 1000
    #[arg(long, value_name = "HZ", default_value_t = 25.0, conflicts_with = "resume")]
    rate: f64,
    /// Detector noise on the key points of motion: 0 none, 1 usual
    #[arg(long, value_name = "LEVEL", default_value_t = 1.0, conflicts_with = "resume")]
    noise: f64,
    /// Layout of the key points that motion is projected to: coco17, which most detectors write, coco23 with feet, or h36m17
    #[arg(long, value_name = "LAYOUT", default_value = "coco17", conflicts_with = "resume")]
    layout: String,
    /// How much more often rare poses of motion are drawn than common ones: 0 as recorded, 1 as if all were equally
    /// common
    #[arg(long, value_name = "POWER", default_value_t = 0.5, conflicts_with = "resume")]
    rarity: f64,
    /// An exported model that lifts the same key points to the same joints: its poses are learned beside the true ones,
    /// so that a smaller network comes nearer to it
    #[arg(long, value_name = "MODEL", conflicts_with = "resume")]
    teacher: Option<PathBuf>,
    /// Go on from this exported model instead of from fresh weights, with a network of its shape
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["resume", "blocks", "hidden", "layers_per_block", "input_block", "sigma", "mirror"])]
    init: Option<PathBuf>,
    /// Root of paired arrays: auto (a joint that never moves, or (0, 0, −1) where the poses surround it), none, a joint's index,
    /// or x,y,z where it was left out
    #[arg(long, value_name = "ROOT", default_value = "auto", allow_hyphen_values = true, conflicts_with = "resume")]
    root: String,
    /// Seed of everything random
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "resume")]
    seed: u64,
    /// Where to train: auto, cpu, cuda or cuda:N [default: auto]
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    /// What hidden layers are multiplied in: auto takes bf16 where the processor or the GPU has it, which is several
    /// times as fast there
    #[arg(long, value_enum, default_value_t = TrainPrecision::Auto, conflicts_with = "resume")]
    precision: TrainPrecision,
    /// Steps between two validations
    #[arg(long, value_name = "N", default_value_t = 200, conflicts_with = "resume")]
    validate_every: u64,
    /// Steps between two checkpoints
    #[arg(long, value_name = "N", default_value_t = 1000, conflicts_with = "resume")]
    checkpoint_every: u64,
    /// Write the errors of all steps for TensorBoard, too [default folder: tensorboard in RUN]
    #[arg(long, value_name = "FOLDER", num_args = 0..=1)]
    tensorboard: Option<Option<PathBuf>>,
    /// Print only errors
    #[arg(short, long)]
    quiet: bool,
}

/// The network's shape.
#[derive(Debug, Args)]
struct NetworkArgs {
    /// Residual blocks, at most 64
    #[arg(long, value_name = "N", default_value_t = 2, conflicts_with = "resume")]
    blocks: usize,
    /// Width of the hidden layers, at most 16384
    #[arg(long, value_name = "N", default_value_t = 1024, conflicts_with = "resume")]
    hidden: usize,
    /// Linear-BatchNorm-ReLU-Dropout groups in a block, at most 8
    #[arg(long, value_name = "N", default_value_t = 2, conflicts_with = "resume")]
    layers_per_block: usize,
    #[arg(long, value_name = "P", conflicts_with = "resume", help = dropout_help())]
    dropout: Option<f64>,
    /// BatchNorm behind each hidden Linear layer
    #[arg(long, value_enum, default_value_t = Switch::On, conflicts_with = "resume")]
    batch_norm: Switch,
    /// What stands before the blocks: a bare Linear layer, or one with BatchNorm, ReLU and Dropout
    #[arg(long, value_enum, default_value_t = InputBlock::Linear, conflicts_with = "resume")]
    input_block: InputBlock,
    /// A second output, `sigma`: the distance that 68 % of each joint's errors stay within
    #[arg(long, value_enum, default_value_t = Switch::Off, conflicts_with = "resume")]
    sigma: Switch,
    /// Mirror-equivariant: the mirror image of the key points gives exactly the mirror image of the pose, and each
    /// view teaches both; motion only
    #[arg(long, value_enum, default_value_t = Switch::Off, conflicts_with = "resume")]
    mirror: Switch,
}

fn dropout_help() -> String {
    let [fresh, init] = [false, true].map(usual_dropout);
    format!("Probability of dropping a hidden unit [default: {fresh}, with --init {init}]")
}

/// The dropout of a run that was told none; a network that begins with a model's weights (`init`) has none.
fn usual_dropout(init: bool) -> f64 {
    if init { 0.0 } else { NetworkConfig::default().dropout }
}

impl FitArgs {
    fn config(&self) -> Result<FitConfig> {
        let mut config = if self.resume { self.saved()? } else { self.fresh() };
        if let Some(epochs) = self.epochs {
            config.epochs = epochs;
        }
        if let Some(device) = &self.device {
            config.device.clone_from(device);
        }
        Ok(config)
    }

    fn saved(&self) -> Result<FitConfig> {
        let path = self.out.join(checkpoint::CONFIG);
        checkpoint::read_json(&path).map_err(|e| e.hint("--resume continues the run in --out; there must be one"))
    }

    fn fresh(&self) -> FitConfig {
        let network = &self.network;
        FitConfig {
            data: self.data.clone(),
            network: NetworkConfig {
                blocks: network.blocks,
                hidden: network.hidden,
                layers_per_block: network.layers_per_block,
                dropout: network.dropout.unwrap_or_else(|| usual_dropout(self.init.is_some())),
                batch_norm: network.batch_norm == Switch::On,
                input_block: network.input_block,
                sigma: network.sigma == Switch::On,
                mirror: network.mirror == Switch::On,
            },
            batch_size: self.batch_size,
            learning_rate: self.learning_rate,
            schedule: self.schedule,
            ema: self.ema,
            loss: self.loss,
            val_split: self.val_split,
            val_subjects: self.val_subjects.clone(),
            rate: self.rate,
            root: self.root.clone(),
            seed: self.seed,
            noise: self.noise,
            layout: self.layout.clone(),
            rarity: self.rarity,
            teacher: self.teacher.clone(),
            init: self.init.clone().map(InitConfig::of),
            precision: self.precision,
            validate_every: self.validate_every,
            checkpoint_every: self.checkpoint_every,
            ..FitConfig::default()
        }
    }
}

pub(super) fn run(args: &FitArgs) -> Result<()> {
    let config = args.config()?;
    let mut progress = TerminalProgress::new(args.quiet);
    let (summary, board) = match &args.tensorboard {
        None => (fit::run(&config, &args.out, args.resume, &mut progress)?, Ok(())),
        Some(folder) => {
            let folder = folder.clone().unwrap_or_else(|| args.out.join("tensorboard"));
            let mut board = TensorBoard::new(folder, &mut progress);
            let summary = fit::run(&config, &args.out, args.resume, &mut board)?;
            (summary, board.finish())
        }
    };
    report::write(&args.out, &config, &summary)?;
    progress.finished(&summary, &args.out);
    // Last, so that a run is reported whose events cannot be written.
    board
}

/// Fits without output, resuming an interrupted run.
#[derive(Debug)]
pub(super) struct SilentTrainer;

impl Trainer for SilentTrainer {
    fn fit(&mut self, config: &FitConfig, out: &Path) -> Result<Summary> {
        let resume = out.join(checkpoint::LAST).exists();
        fit::run(config, out, resume, &mut fit::Silent)
    }
}

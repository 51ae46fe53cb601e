//! Every number of a run: its default, its unit and its reason.
//!
//! The command line fills one [`FitConfig`]; it is saved next to the weights as `config.json`, so that a run can be
//! read, repeated and resumed.

use std::path::PathBuf;

use poselift::model::Card;
use poselift::skeleton::{COCO17, COCO23, H36M17, Layout};
use poselift::{Error, Result};
use serde::{Deserialize, Serialize};

/// The layer between the input and the first residual block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum InputBlock {
    /// One bare Linear layer.
    Linear,
    /// Linear, BatchNorm, ReLU, Dropout, as in Martinez et al. 2017.
    Full,
}

/// The loss that the optimiser minimises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Loss {
    /// Mean Euclidean distance of the joints, the figure that is reported.
    Mpjpe,
    /// Mean squared error of the coordinates, as in Martinez et al. 2017.
    Mse,
}

/// The learning-rate schedule of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// Constant.
    Constant,
    /// A short linear warm-up, then half a cosine down to zero at the last step.
    Cosine,
}

/// The precision of hidden layers' products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum TrainPrecision {
    /// bf16 where the device multiplies it faster, else f32.
    Auto,
    /// 24 bits of mantissa.
    #[default]
    F32,
    /// 8 bits of mantissa, sums in f32; parameters, statistics and the optimiser stay in f32.
    Bf16,
}

/// Limits of a run: far beyond useful values, so that a typing mistake does not use all memory or time.
pub const MAX_BLOCKS: usize = 64;
/// Limit of [`NetworkConfig::hidden`].
pub const MAX_HIDDEN: usize = 16_384;
/// Limit of [`NetworkConfig::layers_per_block`].
pub const MAX_LAYERS_PER_BLOCK: usize = 8;
/// Limit of the weights between hidden layers, which take 16 bytes each in training.
pub const MAX_WEIGHTS: u64 = 1_000_000_000;
/// Limit of [`FitConfig::batch_size`].
pub const MAX_BATCH: usize = 1_048_576;
/// Limit of [`FitConfig::epochs`].
pub const MAX_EPOCHS: usize = 1_000_000;
/// Limit of [`FitConfig::rate`], poses a second.
pub const MAX_RATE: f64 = 1000.0;

/// The network's shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NetworkConfig {
    /// Residual blocks; 0 is allowed (input and output layers alone).
    pub blocks: usize,
    /// Width of each hidden layer.
    pub hidden: usize,
    /// Linear-BatchNorm-ReLU-Dropout groups in a block; Martinez et al. 2017 have 2.
    pub layers_per_block: usize,
    /// Probability of dropping a hidden unit in training, 0 for off.
    pub dropout: f64,
    /// BatchNorm after each hidden Linear.
    pub batch_norm: bool,
    /// The layer before the first block.
    pub input_block: InputBlock,
    /// A second output: the error that the network expects of each joint.
    #[serde(default)]
    pub sigma: bool,
    /// Mirror-equivariant: the mirror image of the key points gives the mirror image of the pose, exactly (`net::Mirror`).
    #[serde(default)]
    pub mirror: bool,
}

impl NetworkConfig {
    /// Weights between hidden layers; a mirror-equivariant network has half of them.
    fn hidden_weights(&self) -> u64 {
        let layers = (self.blocks * self.layers_per_block) as u64;
        layers * (self.hidden as u64).pow(2) / if self.mirror { 2 } else { 1 }
    }
}

impl Default for NetworkConfig {
    /// The usual network: two blocks of 1024, BatchNorm, dropout one half.
    fn default() -> Self {
        Self {
            blocks: 2,
            hidden: 1024,
            layers_per_block: 2,
            dropout: 0.5,
            batch_norm: true,
            input_block: InputBlock::Linear,
            sigma: false,
            mirror: false,
        }
    }
}

/// The model that a run begins with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "SavedInit")]
pub struct InitConfig {
    /// Its file.
    pub model: PathBuf,
    /// Its name and weights, once it was read (`Card::named`).
    pub named: Option<String>,
}

impl InitConfig {
    /// The model in the file `model`.
    pub fn of(model: PathBuf) -> Self {
        Self { model, named: None }
    }

    /// This model, once the file with this `card` was read.
    ///
    /// # Errors
    /// The run began with a file of other weights.
    pub fn read_as(&self, card: &Card) -> Result<Self> {
        let weights = self.named.as_deref().map(|named| named.rsplit_once(' ').map_or(named, |(_, weights)| weights));
        match weights {
            Some(begun) if begun != card.weights_sha256 => {
                let message = format!("holds weights {}, the run began with {begun}", card.weights_sha256);
                Err(Error::input(message).at(&self.model))
            }
            _ => Ok(Self { named: Some(card.named()), ..self.clone() }),
        }
    }
}

/// [`InitConfig`] in a run's folder; older folders hold name and weights apart.
#[derive(Deserialize)]
struct SavedInit {
    model: PathBuf,
    named: Option<String>,
    name: Option<String>,
    weights_sha256: Option<String>,
}

impl From<SavedInit> for InitConfig {
    fn from(saved: SavedInit) -> Self {
        let apart = saved.name.zip(saved.weights_sha256);
        let named = saved.named.or_else(|| apart.map(|(name, weights)| format!("{name}, weights {weights}")));
        Self { model: saved.model, named }
    }
}

/// A whole run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FitConfig {
    /// The data to fit on, as given: `synthetic`, `postures`, files, folders.
    pub data: Vec<String>,
    /// The network's shape.
    pub network: NetworkConfig,
    /// Passes over the training split.
    pub epochs: u32,
    /// Samples a step.
    pub batch_size: usize,
    /// Adam's (peak) learning rate.
    pub learning_rate: f64,
    /// The learning-rate schedule.
    pub schedule: Schedule,
    /// The decay of the weights' EMA that validates and is exported; without it there is no EMA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ema: Option<f64>,
    /// The loss.
    pub loss: Loss,
    /// Share of the samples (paired arrays: the last ones) or clips (motion) that validate.
    pub val_split: f64,
    /// Motion only: subjects that validate, instead of `val_split`.
    pub val_subjects: Vec<String>,
    /// Poses a second that motion is resampled to.
    pub rate: f64,
    /// Paired arrays only: where the root is, as `--root` takes it.
    pub root: String,
    /// Seed of everything random.
    pub seed: u64,
    /// `auto`, `cpu`, `cuda` or `cuda:N`.
    pub device: String,
    /// The precision of hidden layers' products.
    #[serde(default)]
    pub precision: TrainPrecision,
    /// Detector noise on the key points of motion data: 0 for perfect projections, 1 for a usual detector.
    pub noise: f64,
    /// Motion only: the layout of the key points, `coco17`, `coco23` (feet too) or `h36m17`.
    #[serde(default = "usual_layout")]
    pub layout: String,
    /// Motion only: how much more often rare poses are drawn than common ones, 0 to 1 (`data::augment`).
    #[serde(default)]
    pub rarity: f64,
    /// The teacher: a model whose poses are learned in addition to the true ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teacher: Option<PathBuf>,
    /// An exported model whose weights the network begins with, instead of fresh ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<InitConfig>,
    /// Iterations between two validations; each epoch's end validates too.
    pub validate_every: u64,
    /// Iterations between two checkpoints; each epoch's end saves too.
    pub checkpoint_every: u64,
}

impl Default for FitConfig {
    fn default() -> Self {
        Self {
            data: vec!["synthetic".into()],
            network: NetworkConfig::default(),
            epochs: 2,
            batch_size: 64,
            learning_rate: 1e-3,
            schedule: Schedule::Constant,
            ema: None,
            loss: Loss::Mpjpe,
            val_split: 0.2,
            val_subjects: Vec::new(),
            rate: 25.0,
            root: "auto".into(),
            seed: 0,
            device: "auto".into(),
            precision: TrainPrecision::F32,
            noise: 1.0,
            layout: usual_layout(),
            rarity: 0.5,
            teacher: None,
            init: None,
            validate_every: 200,
            checkpoint_every: 1000,
        }
    }
}

fn usual_layout() -> String {
    COCO17.name.into()
}

impl FitConfig {
    /// The layout of the key points that motion is projected to.
    ///
    /// # Errors
    /// The name is not a layout whose joints motion has.
    pub fn input_layout(&self) -> Result<&'static Layout> {
        let layouts = [&COCO17, &COCO23, &H36M17];
        layouts.into_iter().find(|layout| layout.name == self.layout).ok_or_else(|| {
            Error::usage(format!("--layout {}, expected coco17, coco23 or h36m17", self.layout))
                .hint("body25, halpe26 and mediapipe33 hold coco17: a coco17 model reads them all, a coco23 one their feet too")
        })
    }

    /// Checks that all numbers are within their bounds.
    ///
    /// # Errors
    /// The first one that is not, with its bounds.
    pub fn check(&self) -> Result<()> {
        let network = &self.network;
        self.check_counts()?;
        let complaint = if network.mirror && !network.hidden.is_multiple_of(2) {
            format!("--hidden {} with --mirror on, expected an even number", network.hidden)
        } else if !(0.0..1.0).contains(&network.dropout) {
            format!("--dropout {}, expected 0 or more and less than 1", network.dropout)
        } else if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            format!("--learning-rate {}, expected more than 0", self.learning_rate)
        } else if self.ema.is_some_and(|decay| !(decay > 0.0 && decay < 1.0)) {
            format!("--ema {}, expected more than 0 and less than 1", self.ema.unwrap_or_default())
        } else if !(self.val_split > 0.0 && self.val_split < 1.0) {
            format!("--val-split {}, expected more than 0 and less than 1", self.val_split)
        } else if !(self.noise >= 0.0 && self.noise.is_finite()) {
            format!("--noise {}, expected 0 or more", self.noise)
        } else if !(0.0..=1.0).contains(&self.rarity) {
            format!("--rarity {}, expected 0 to 1", self.rarity)
        } else if !(self.rate > 0.0 && self.rate <= MAX_RATE) {
            format!("--rate {}, expected more than 0 and at most {MAX_RATE}", self.rate)
        } else if self.validate_every == 0 || self.checkpoint_every == 0 {
            "--validate-every and --checkpoint-every count from 1".to_owned()
        } else if network.hidden_weights() > MAX_WEIGHTS {
            format!(
                "--blocks {}, --layers-per-block {} and --hidden {} make {} weights, expected at most {MAX_WEIGHTS}",
                network.blocks,
                network.layers_per_block,
                network.hidden,
                network.hidden_weights()
            )
        } else {
            return self.input_layout().map(|_| ());
        };
        Err(Error::usage(complaint))
    }

    /// Counts within the limits that the help names.
    fn check_counts(&self) -> Result<()> {
        let network = &self.network;
        let counts = [
            Count { option: "--blocks", value: network.blocks, least: 0, most: MAX_BLOCKS },
            Count { option: "--hidden", value: network.hidden, least: 1, most: MAX_HIDDEN },
            Count {
                option: "--layers-per-block",
                value: network.layers_per_block,
                least: 1,
                most: MAX_LAYERS_PER_BLOCK,
            },
            Count { option: "--batch-size", value: self.batch_size, least: 2, most: MAX_BATCH },
            Count { option: "--epochs", value: self.epochs as usize, least: 1, most: MAX_EPOCHS },
        ];
        for Count { option, value, least, most } in counts {
            if value < least {
                return Err(Error::usage(format!("{option} {value}, expected at least {least}")));
            }
            if value > most {
                return Err(Error::usage(format!("{option} {value}, expected at most {most}")));
            }
        }
        Ok(())
    }
}

/// An option that counts, and its limits.
struct Count {
    option: &'static str,
    value: usize,
    least: usize,
    most: usize,
}

//! What a run measured as it went: a row an iteration, a score an epoch.

use serde::{Deserialize, Serialize};

/// One training step's figures. MPJPE in millimetres, or in the data's own unit where that is unknown.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryRow {
    /// One-based step number.
    pub iteration: u64,
    /// One-based epoch that the step belongs to.
    pub epoch: u32,
    /// MPJPE of the step's batch, in training mode (with dropout).
    pub train_mpjpe: f64,
    /// MPJPE of the validation split after this step, where it was measured.
    pub val_mpjpe: Option<f64>,
    /// Seconds of training since the run began (time before a resume included).
    pub seconds: f64,
}

/// How the network stands at the end of an epoch, in evaluation mode on both splits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochScore {
    /// One-based epoch.
    pub epoch: u32,
    /// Steps done by then.
    pub iteration: u64,
    /// MPJPE on (a fixed part of) the training split, dropout off.
    pub train_mpjpe: f64,
    /// MPJPE on the validation split.
    pub val_mpjpe: f64,
}

/// What a finished run came to; saved as `summary.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// `mm` or the data's own unit.
    pub unit: String,
    /// A score for each epoch.
    pub epochs: Vec<EpochScore>,
    /// Samples used in training, counting each as often as it was used.
    pub samples: u64,
    /// Seconds of training.
    pub seconds: f64,
    /// Training samples.
    pub train_size: usize,
    /// Validation samples.
    pub val_size: usize,
    /// `cpu` or `cuda:N`.
    pub device: String,
}

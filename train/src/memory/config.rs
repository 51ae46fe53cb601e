//! Every number of a run that fits a memory.

use std::path::PathBuf;

use poselift::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::config::InitConfig;

/// Limits: far beyond useful values, so that a typing mistake does not use all memory or time.
pub(super) const MAX_UNITS: usize = 4096;
/// Limit of [`MemoryConfig::window`].
pub(super) const MAX_WINDOW: usize = 1024;

/// A whole run; saved as `memory.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryConfig {
    /// The motion to fit on, as given.
    pub data: Vec<String>,
    /// The model that lifts single frames; the run keeps a copy.
    pub model: PathBuf,
    /// H, the numbers that are remembered of a person.
    pub units: usize,
    /// Frames of a window.
    pub window: usize,
    /// The most frames before a window that are remembered and not learned from.
    #[serde(default)]
    pub lead: usize,
    /// The model whose memory the run begins with, as it was named; none for fresh weights.
    #[serde(default)]
    pub init: Option<InitConfig>,
    /// Windows a step.
    pub batch_size: usize,
    /// Steps of the run.
    pub steps: u64,
    /// Adam's learning rate at its highest; it falls to 0 as half a cosine.
    pub learning_rate: f64,
    /// Share of the people who validate, and their names where they are given.
    pub val_split: f64,
    /// See [`crate::config::FitConfig::val_subjects`].
    pub val_subjects: Vec<String>,
    /// Poses a second that motion is resampled to; windows are seen at this rate or less.
    pub rate: f64,
    /// Weight in the loss of the error of the angles of knees, hips, elbows and ankles, radians; that of a joint's place, metres, has 1.
    #[serde(default)]
    pub angle_weight: f64,
    /// Weight in the loss of the error of a bone's length, metres.
    #[serde(default)]
    pub bone_weight: f64,
    /// Seed of everything random.
    pub seed: u64,
    /// Detector errors, 1 as usual.
    pub noise: f64,
    /// `auto`, `cpu`, `cuda`, `cuda:N`.
    pub device: String,
    /// Steps between validations, and between checkpoints.
    pub validate_every: u64,
}

impl MemoryConfig {
    /// # Errors
    /// A number that is out of its range.
    pub fn check(&self) -> Result<()> {
        let whole = [
            ("--units", self.units, 8, MAX_UNITS),
            ("--window", self.window, 8, MAX_WINDOW),
            ("--lead", self.lead, 0, MAX_WINDOW),
            ("--batch-size", self.batch_size, 1, 65_536),
        ];
        for (option, value, least, most) in whole {
            if !(least..=most).contains(&value) {
                return Err(Error::usage(format!("{option} is {value}, expected {least} to {most}")));
            }
        }
        if !self.units.is_multiple_of(8) {
            return Err(Error::usage(format!("--units is {}, expected a multiple of 8", self.units)));
        }
        let numbers = [
            ("--learning-rate", self.learning_rate, 1e-9, 1.0),
            ("--rate", self.rate, 1.0, 240.0),
            ("--noise", self.noise, 0.0, 10.0),
            ("--angle-weight", self.angle_weight, 0.0, 10.0),
            ("--bone-weight", self.bone_weight, 0.0, 10.0),
            ("--val-split", self.val_split, 0.0, 0.9),
        ];
        for (option, value, least, most) in numbers {
            if !(least..=most).contains(&value) {
                return Err(Error::usage(format!("{option} is {value}, expected {least} to {most}")));
            }
        }
        if self.steps == 0 || self.validate_every == 0 {
            return Err(Error::usage("--steps and --validate-every are at least 1"));
        }
        Ok(())
    }
}

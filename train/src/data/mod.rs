//! Training data: clips of motion, or paired arrays. Nothing here computes with libtorch.
//!
//! `open` goes from the arguments of `--data` to data; `read` knows the files; `body` maps their joints to ours;
//! `check` finds motion that is not human; `synthetic` generates motion; `builder` joins clips; `split` holds people
//! out.

pub mod body;
mod builder;
pub mod check;
mod open;
pub mod read;
mod split;
pub mod synthetic;

pub use builder::{MotionBuilder, TakeOf};
pub use open::{OpenOptions, Opened, is_made_up, open, open_with};
pub use read::pairs::RootChoice;

use ndarray::Array3;
use serde::{Deserialize, Serialize};

/// Motion of [`poselift::skeleton::BODY28`], many clips end to end.
#[derive(Debug, Clone, PartialEq)]
pub struct Motion {
    /// `[T, 28, 3]` joint positions: metres, world axes with y up (right-handed), absolute.
    pub positions: Array3<f32>,
    /// Poses a second.
    pub rate: f64,
    /// The clips, in order, without gaps.
    pub clips: Vec<Clip>,
    /// The collections that the clips come from.
    pub sources: Vec<Source>,
}

/// One take of one person: a range of [`Motion::positions`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Clip {
    /// The take's name, unique within its source: `16_01`.
    pub name: String,
    /// The person's name, `cmu16`, `indian`, `s09`; validation splits use it.
    pub subject: String,
    /// Index into [`Motion::sources`].
    pub source: usize,
    /// First frame.
    pub start: usize,
    /// Number of frames.
    pub frames: usize,
    /// Whether bone lengths are a real person's. If not, only bone directions are learned, with human lengths in
    /// their place.
    pub human_lengths: bool,
}

/// A person: names are unique within a source only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Index into [`Motion::sources`].
    pub source: usize,
    /// The name in that source.
    pub name: String,
}

impl Clip {
    /// The person who moves in it.
    pub fn person(&self) -> Subject {
        Subject { source: self.source, name: self.subject.clone() }
    }
}

/// A collection of motion, with what its users must know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// Its licence, or `unknown`.
    pub licence: String,
}

/// Pairs of 2D key points and 3D poses.
#[derive(Debug, Clone, PartialEq)]
pub struct Pairs {
    /// `[N, J_in, 2 or 3]` key points.
    pub keypoints: Array3<f32>,
    /// `[N, J_out, 3]` poses, root-relative.
    pub poses: Array3<f32>,
    /// Index of the root among the joints; absent where the arrays leave it out.
    pub root: Option<usize>,
    /// Where the root was in the file's own axes, if at a fixed place; it has been subtracted from `poses`.
    pub root_position: Option<[f32; 3]>,
    /// The unit of `poses`: `m`, or `unknown`.
    pub unit: String,
    /// Where they come from.
    pub source: Source,
}

/// What a list of sources holds.
#[derive(Debug, Clone, PartialEq)]
pub enum TrainingData {
    /// Paired arrays, used for fitting as they are.
    Pairs(Pairs),
    /// Motion, which virtual cameras turn into pairs.
    Motion(Motion),
}

/// Locks libtorch's generator for a test that draws from it: a process has one generator, and tests run in parallel.
#[cfg(test)]
pub(crate) fn generator() -> std::sync::MutexGuard<'static, ()> {
    static GENERATOR: std::sync::Mutex<()> = std::sync::Mutex::new(());
    GENERATOR.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

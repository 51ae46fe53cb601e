//! Paired arrays of 2D key points and 3D poses, from a Python pickle or an npz archive.

use std::path::Path;

use ndarray::Array3;

use crate::error::{Error, Result};

/// The arrays `joint_2d_1` and `joint_3d` as the file holds them.
#[derive(Debug, Clone, PartialEq)]
pub struct PairedArrays {
    /// `[N, J_in, 2 or 3]` key points: x, y and perhaps a score; NaN means missing.
    pub keypoints: Array3<f32>,
    /// `[N, J_out, 3]` poses, all finite.
    pub poses: Array3<f32>,
}

impl PairedArrays {
    /// Reads a `.pkl` or an `.npz`, told apart by content.
    ///
    /// # Errors
    /// A file that is neither, lacks an array, or whose arrays have another shape or contradict each other.
    pub fn from_file(path: &Path) -> Result<Self> {
        Err(Error::usage("not here yet").at(path))
    }
}

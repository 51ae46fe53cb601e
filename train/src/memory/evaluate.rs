//! What a memory gains, on windows of people that it has not learned from.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::network::{FramesLifted, MemoryNet, Remembered};
use crate::dataset::SeenWindows;

/// Frames at a window's start that are not measured: a memory has nothing to go by yet.
pub(super) const WARM_UP: i64 = 5;
/// Share of the errors that are to be within sigma.
const WITHIN: f64 = 0.68;

/// Errors of poses in windows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Mean distance of all joints from the true ones, metres.
    pub mpjpe: f64,
    /// Mean distance of the joints' steps from frame to frame from the true ones, metres.
    pub step_error: f64,
}

/// The result of a run; saved as `summary.json`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The network alone.
    pub frames: Scores,
    /// With its memory.
    pub memory: Scores,
    /// Frames seen in training.
    pub samples: u64,
    /// Seconds of training.
    pub seconds: f64,
}

/// Windows of people who validate, lifted frame by frame.
#[derive(Debug)]
pub(super) struct Validation {
    lifted: FramesLifted,
    /// `[B, T, J, 3]`.
    poses: Tensor,
    /// The network alone.
    pub(super) frames: Scores,
}

impl Validation {
    pub(super) fn new(seen: &SeenWindows, lifted: FramesLifted) -> Self {
        let poses = in_windows(&seen.poses, &seen.dt);
        let frames = Scores::of(&in_windows(&lifted.poses, &seen.dt), &poses);
        Self { lifted, poses, frames }
    }

    /// Scores of `net`, whose sigma is calibrated; `twins` `[J]` is the joint on the other side.
    pub(super) fn measure(&self, net: &mut MemoryNet, twins: &Tensor) -> Scores {
        let Remembered { poses, log_sigma } = net.lift(&self.lifted);
        let distance = distances(&poses, &self.poses);
        let rows = |tensor: &Tensor| tensor.narrow(1, WARM_UP, tensor.size()[1] - WARM_UP).flatten(0, 1);
        net.calibrate(&rows(&log_sigma), &rows(&distance), WITHIN, twins);
        Scores::of(&poses, &self.poses)
    }
}

impl Scores {
    /// Of `poses` beside `truth`, both `[B, T, J, 3]`.
    fn of(poses: &Tensor, truth: &Tensor) -> Self {
        let late = |tensor: &Tensor| tensor.narrow(1, WARM_UP, tensor.size()[1] - WARM_UP);
        let mean = |tensor: &Tensor| tensor.mean(Kind::Double).double_value(&[]);
        let (poses, truth) = (late(poses), late(truth));
        Self { mpjpe: mean(&distances(&poses, &truth)), step_error: mean(&distances(&steps(&poses), &steps(&truth))) }
    }
}

/// `[B, T, J]` how far joints are apart.
pub(super) fn distances(a: &Tensor, b: &Tensor) -> Tensor {
    (a - b).square().sum_dim_intlist(&[-1i64][..], false, Kind::Float).clamp_min(1e-12).sqrt()
}

/// `[B, T − 1, J, 3]` the joints' steps from frame to frame.
pub(super) fn steps(poses: &Tensor) -> Tensor {
    let count = poses.size()[1] - 1;
    poses.narrow(1, 1, count) - poses.narrow(1, 0, count)
}

/// Rows `[B·T, J, 3]` as `[B, T, J, 3]`.
pub(super) fn in_windows(rows: &Tensor, dt: &Tensor) -> Tensor {
    let size = rows.size();
    rows.view([dt.size()[0], dt.size()[1], size[1], size[2]])
}

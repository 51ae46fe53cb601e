//! What a memory gains, on windows of people that it has not learned from.

use std::rc::Rc;

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::limbs::Limbs;
use super::network::{FramesLifted, MemoryNet, Remembered};
use crate::dataset::SeenWindows;
use crate::net::SIGMA_SHARE;

/// Frames at a window's start that are not measured: a memory has nothing to go by yet.
pub(super) const UNMEASURED_FRAMES: i64 = 5;

/// Errors of poses in windows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Mean distance of all joints from the true ones, metres.
    pub mpjpe: f64,
    /// Mean distance of the joints' steps from frame to frame from the true ones, metres.
    pub step_error: f64,
    /// Mean error of the angles of knees, hips, elbows and ankles, radians; 0 in the summaries of older runs.
    #[serde(default)]
    pub angle_error: f64,
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
    /// The frames that are remembered and not measured, and those that are measured.
    lifted: [FramesLifted; 2],
    /// `[B, T, J, 3]`.
    poses: Tensor,
    limbs: Rc<Limbs>,
    /// The network alone.
    pub(super) frames: Scores,
}

impl Validation {
    /// Of windows that were `seen` and `lifted`, of which the first `lead` frames are not measured.
    pub(super) fn new(seen: &SeenWindows, lifted: &FramesLifted, lead: usize, limbs: Rc<Limbs>) -> Self {
        let lead = lead as i64;
        let steps = seen.dt.size()[1] - lead;
        let poses = in_windows(&seen.poses, &seen.dt).narrow(1, lead, steps);
        let poses_by_frames = in_windows(&lifted.poses, &seen.dt).narrow(1, lead, steps);
        let frames = Scores::of(&poses_by_frames, &poses, &limbs);
        Self { lifted: lifted.split_at(lead), poses, limbs, frames }
    }

    /// Scores of `net`.
    pub(super) fn measure(&self, net: &MemoryNet) -> Scores {
        Scores::of(&net.lift_after(&self.lifted).poses, &self.poses, &self.limbs)
    }

    /// Calibrates the sigma of `net` by its errors; `twins` `[J]` is the joint on the other side.
    pub(super) fn calibrate(&self, net: &mut MemoryNet, twins: &Tensor) {
        let Remembered { poses, log_sigma } = net.lift_after(&self.lifted);
        let distance = distances(&poses, &self.poses);
        let log_sigma = measured_frames(&log_sigma).flatten(0, 1);
        let distance = measured_frames(&distance).flatten(0, 1);
        net.calibrate(&log_sigma, &distance, SIGMA_SHARE, twins);
    }
}

impl Scores {
    /// Of `poses` beside `truth`, both `[B, T, J, 3]`.
    fn of(poses: &Tensor, truth: &Tensor, limbs: &Limbs) -> Self {
        let poses = measured_frames(poses);
        let truth = measured_frames(truth);
        Self {
            mpjpe: mean(&distances(&poses, &truth)),
            step_error: mean(&distances(&steps(&poses), &steps(&truth))),
            angle_error: mean(&limbs.angle_errors(&poses, &truth)),
        }
    }
}

/// The frames of windows `[B, T, …]` that are measured.
pub(super) fn measured_frames(windows: &Tensor) -> Tensor {
    windows.narrow(1, UNMEASURED_FRAMES, windows.size()[1] - UNMEASURED_FRAMES)
}

fn mean(numbers: &Tensor) -> f64 {
    numbers.mean(Kind::Double).double_value(&[])
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

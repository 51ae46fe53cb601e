//! Scores of detectors: some say how visible a joint is, some how high the peak of a heat map is, some nothing. All
//! say little about the error itself.

use tch::{Kind, Tensor};

use super::{Bounds, Sampler};
use crate::views::each_frame;

/// Shares of the detectors that score visibility (MediaPipe's way), and heat maps (OpenPose's, HRNet's, AlphaPose's);
/// the others score 1 everywhere.
const VISIBILITY: f64 = 0.4;
const HEAT_MAP: f64 = 0.4;
/// The visibility of a joint in view is at most this far below 1.
const VISIBLE: f64 = 0.05;
/// The greatest visibility of a hidden joint.
const NOT_VISIBLE: f64 = 0.6;
/// Bounds of a heat map's usual peak, and the standard deviation of single peaks about it.
const PEAK: Bounds = Bounds::new(0.65, 0.95);
const PEAK_SPREAD: f64 = 0.05;
/// Share of a peak that is lost where a joint is far from its place.
const PEAK_LOST: f64 = 0.35;
/// The error at which a third of that share is lost, in usual errors of the joint.
const FAR: f64 = 3.0;

/// How one detector scores all that it sees.
#[derive(Debug)]
pub(super) struct ScoreHabit {
    /// `[B, 1, 1]` 0..1: below [`VISIBILITY`] it scores visibility, and so on.
    kind: Tensor,
    /// `[B, 1, 1]` the usual peak of its heat maps.
    peak: Tensor,
}

impl ScoreHabit {
    /// Habits of detectors that see `steps` frames each, `[B·T, 1, 1]`; `windows` draws for B of them.
    pub(super) fn of_windows(windows: &Sampler, steps: i64) -> Self {
        Self {
            kind: each_frame(&windows.unit(&[1, 1]), steps),
            peak: each_frame(&windows.uniform(&[1, 1], PEAK), steps),
        }
    }

    /// `[B, J, 1]` in 0.02..1, for joints that are `distance` from their place (a share of the person's size) and
    /// hidden by the body where `occluded` is 1; `noise` is the joints' usual error.
    pub(super) fn scores(&self, draw: &Sampler, noise: &Tensor, distance: &Tensor, occluded: &Tensor) -> Tensor {
        let visibility = visibility(draw, occluded);
        by_kind(&self.kind, &visibility, &heat_map(draw, &self.peak, noise, distance, occluded))
    }
}

/// [`ScoreHabit::scores`] of detectors that each see one person once.
pub(super) fn scores(draw: &Sampler, noise: &Tensor, distance: &Tensor, occluded: &Tensor) -> Tensor {
    let kind = draw.unit(&[1, 1]);
    let visibility = visibility(draw, occluded);
    let peak = draw.uniform(&[1, 1], PEAK);
    by_kind(&kind, &visibility, &heat_map(draw, &peak, noise, distance, occluded))
}

fn visibility(draw: &Sampler, occluded: &Tensor) -> Tensor {
    let each = &occluded.size()[1..];
    let unseen = draw.unit(each).square() * NOT_VISIBLE;
    unseen.where_self(&occluded.gt(0.5), &(1.0 - draw.unit(each).square() * VISIBLE))
}

fn heat_map(draw: &Sampler, peak: &Tensor, noise: &Tensor, distance: &Tensor, occluded: &Tensor) -> Tensor {
    let each = &occluded.size()[1..];
    let peak = peak + draw.normal(each) * PEAK_SPREAD;
    let off = distance / noise / FAR;
    let gone = (1.0 - (off.square() * -0.4).exp()) * PEAK_LOST + occluded * draw.unit(each) * PEAK_LOST;
    peak * (1.0 - gone)
}

fn by_kind(kind: &Tensor, visibility: &Tensor, heat_map: &Tensor) -> Tensor {
    let score = visibility.where_self(&kind.lt(VISIBILITY), heat_map);
    let score = score.where_self(&kind.lt(VISIBILITY + HEAT_MAP), &kind.ones_like());
    score.clamp(0.02, 1.0).to_kind(Kind::Float)
}

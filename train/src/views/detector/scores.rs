//! Scores of detectors: some say how visible a joint is, some how high the peak of a heat map is, some nothing. All
//! say little about the error itself.

use tch::{Kind, Tensor};

use super::Detection;

/// Shares of the detectors that score visibility (MediaPipe's way), and heat maps (OpenPose's, HRNet's, AlphaPose's);
/// the others score 1 everywhere.
const VISIBILITY: f64 = 0.4;
const HEAT_MAP: f64 = 0.4;
/// The visibility of a joint in view is at most this far below 1.
const VISIBLE: f64 = 0.05;
/// The greatest visibility of a hidden joint.
const NOT_VISIBLE: f64 = 0.6;
/// Bounds of a heat map's usual peak, and the standard deviation of single peaks about it.
const PEAK: (f64, f64) = (0.65, 0.95);
const PEAK_SPREAD: f64 = 0.05;
/// Share of a peak that is lost where a joint is far from its place.
const PEAK_LOST: f64 = 0.35;
/// The error at which a third of that share is lost, in usual errors of the joint.
const FAR: f64 = 3.0;

impl Detection<'_> {
    /// `[B, J, 1]` in 0.02..1, for joints that are `distance` from their place (a share of the person's size) and
    /// hidden by the body where `occluded` is 1.
    pub(super) fn scores(&self, distance: &Tensor, occluded: &Tensor) -> Tensor {
        let each = [self.joints.count, 1];
        let habit = self.draw.unit(&[1, 1]);
        let hidden = occluded.gt(0.5);
        let unseen = self.draw.unit(&each).square() * NOT_VISIBLE;
        let visibility = unseen.where_self(&hidden, &(1.0 - self.draw.unit(&each).square() * VISIBLE));
        let peak = self.draw.uniform(&[1, 1], PEAK) + self.draw.normal(&each) * PEAK_SPREAD;
        let off = distance / &self.joints.noise / FAR;
        let gone = (1.0 - (off.square() * -0.4).exp()) * PEAK_LOST + occluded * self.draw.unit(&each) * PEAK_LOST;
        let heat_map = peak * (1.0 - gone);
        let score = visibility.where_self(&habit.lt(VISIBILITY), &heat_map);
        let score = score.where_self(&habit.lt(VISIBILITY + HEAT_MAP), &habit.ones_like());
        score.clamp(0.02, 1.0).to_kind(Kind::Float)
    }
}

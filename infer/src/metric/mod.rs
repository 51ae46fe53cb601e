//! MPJPE and related metrics: the distance of predicted poses from true ones.
//!
//! The definitions are the field's usual ones, stated here because they differ between code bases. A pose is a slice
//! of J points; both poses of a pair are in the same axes and unit, and results are in that unit. The functions of
//! this file compare one pair without alignment; [`Score`] aligns roots, converts to millimetres and averages over
//! poses.
//!
//! | name | alignment before the mean joint distance |
//! |---|---|
//! | [`mpjpe`], protocol 1 | none here; [`Score`] moves both roots to the origin |
//! | [`n_mpjpe`] | the one scale that fits best, about the origin |
//! | [`p_mpjpe`], protocol 2 | the similarity (rotation, scale, translation) that fits best |
//!
//! No other scale is taken from the truth, and reflections are not allowed.

mod angle;
mod calibration;
mod feet;
mod history;
mod procrustes;
mod score;
mod sequence;
mod steadiness;
pub mod truth;
mod upright;

use crate::pose::vector;
pub use angle::{AngleErrors, AngleLines, angle_lines};
pub use calibration::{Calibration, SIGMAS, expected_within};
pub use procrustes::procrustes;
pub use score::{Accuracy, JointAccuracy, Score};
pub use sequence::{acceleration_error, mpjve};
pub use steadiness::{Bone, Pair, Steadiness, SteadinessFigures};
pub use upright::EstimatedAttitude;

/// A point in space, in the unit of its pose.
pub type Point = [f32; 3];

/// The mean; `None` of no values.
fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut sum = 0.0;
    let mut count = 0_u32;
    for value in values {
        sum += value;
        count += 1;
    }
    (count > 0).then(|| sum / f64::from(count))
}

/// Mean per-joint position error of one pose: the mean over its J joints of the Euclidean distance, in the poses' unit.
///
/// Poses are not aligned: align their roots first. An aligned root counts as a joint with error 0, as in Martinez et
/// al. 2017 and VideoPose3D. 0 for poses without joints.
///
/// # Panics
/// If the poses do not have the same number of joints.
pub fn mpjpe(predicted: &[Point], truth: &[Point]) -> f64 {
    assert_eq!(predicted.len(), truth.len(), "poses to compare have the same joints");
    let sum: f64 = predicted.iter().zip(truth).map(|(p, t)| distance(*p, *t)).sum();
    sum / predicted.len().max(1) as f64
}

/// MPJPE after multiplying the prediction by the factor that fits it to the truth best by least squares, `Σ p·t / Σ
/// p·p` (Rhodin et al. 2018), about the origin: align the roots first.
///
/// A prediction with all joints at the origin stays there.
///
/// # Panics
/// If the poses do not have the same number of joints.
pub fn n_mpjpe(predicted: &[Point], truth: &[Point]) -> f64 {
    let match_truth: f64 = predicted.iter().zip(truth).map(|(p, t)| vector(*p).dot(&vector(*t))).sum();
    let own_size: f64 = predicted.iter().map(|p| vector(*p).norm_squared()).sum();
    let scale = if own_size > 0.0 { match_truth / own_size } else { 0.0 };
    let scaled: Vec<Point> = predicted.iter().map(|p| p.map(|c| (f64::from(c) * scale) as f32)).collect();
    mpjpe(&scaled, truth)
}

/// MPJPE after [`procrustes`] alignment of the prediction to the truth (protocol 2, PA-MPJPE).
///
/// # Panics
/// If the poses do not have the same number of joints.
pub fn p_mpjpe(predicted: &[Point], truth: &[Point]) -> f64 {
    mpjpe(&procrustes(predicted, truth), truth)
}

/// The share, 0..1, of errors that are at most `threshold`, which is in the errors' unit.
///
/// The threshold itself counts as within; code with a strict comparison differs for joints with error 0 (an aligned
/// root at threshold 0). 0 for no errors.
pub fn pck(errors: &[f64], threshold: f64) -> f64 {
    errors.iter().filter(|&&error| error <= threshold).count() as f64 / errors.len().max(1) as f64
}

/// The area under the curve of [`pck`]: its mean over the 31 thresholds 0, 5 … 150 mm (Mehta et al. 2017), 0..1.
///
/// `errors_mm` are in millimetres.
pub fn auc(errors_mm: &[f64]) -> f64 {
    // Of the thresholds 5k with k in 0..=30, those from ⌈error / 5⌉ on contain the error.
    let within = errors_mm.iter().map(|error| (31.0 - (error / 5.0).ceil()).max(0.0));
    within.sum::<f64>() / 31.0 / errors_mm.len().max(1) as f64
}

/// Euclidean distance.
pub(crate) fn distance(a: Point, b: Point) -> f64 {
    (vector(a) - vector(b)).norm()
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;

    /// A root at the origin and a joint a unit along each axis.
    const FRAME: [Point; 4] = [[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

    #[test]
    fn mpjpe_is_the_mean_distance() {
        // Distances 0, 5 (a 3-4-5 triangle), 1 and 2: their mean is 2.
        let predicted = [[0.0; 3], [4.0, 4.0, 0.0], [0.0, 1.0, 1.0], [0.0, 2.0, 1.0]];
        assert_relative_eq!(mpjpe(&predicted, &FRAME), 2.0, epsilon = 1e-12);
        assert_relative_eq!(mpjpe(&FRAME, &FRAME), 0.0);
        assert_relative_eq!(mpjpe(&[], &[]), 0.0);
    }

    #[test]
    fn n_mpjpe_forgives_scale_alone() {
        let doubled = FRAME.map(|p| p.map(|c| 2.0 * c));
        assert_relative_eq!(n_mpjpe(&doubled, &FRAME), 0.0, epsilon = 1e-7);
        // Scale (2·1 + 1·1) / (4 + 1) = 0.6: [1.2, 0, 0] and [0, 0.6, 0] are 0.2 and 0.4 off.
        let predicted = [[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]];
        let truth = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];
        assert_relative_eq!(n_mpjpe(&predicted, &truth), 0.3, epsilon = 1e-6);
        // Nothing to scale: the truth's own mean distance from the origin remains.
        assert_relative_eq!(n_mpjpe(&[[0.0; 3]; 4], &FRAME), 0.75, epsilon = 1e-12);
    }

    #[test]
    fn pck_counts_the_threshold_itself() {
        assert_relative_eq!(pck(&[0.0, 149.9, 150.0, 150.1], 150.0), 0.75);
        assert_relative_eq!(pck(&[], 150.0), 0.0);
    }

    #[test]
    fn auc_is_the_mean_share_over_31_thresholds() {
        assert_relative_eq!(auc(&[0.0, 0.0]), 1.0);
        assert_relative_eq!(auc(&[151.0]), 0.0);
        for mm in 0..160 {
            let shares = (0..=150).step_by(5).map(|threshold| pck(&[f64::from(mm)], f64::from(threshold)));
            assert_relative_eq!(auc(&[f64::from(mm)]), shares.sum::<f64>() / 31.0, epsilon = 1e-12);
        }
        // 75 is within the thresholds 75, 80 … 150: 16 of 31.
        assert_relative_eq!(auc(&[75.0]), 16.0 / 31.0, epsilon = 1e-12);
        assert_relative_eq!(auc(&[75.0, 1000.0]), 8.0 / 31.0, epsilon = 1e-12);
    }
}

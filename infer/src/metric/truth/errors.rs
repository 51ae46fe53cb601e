//! The errors of pairs of a pose and the truth.

use nalgebra::Vector3;

use super::super::{Point, mean};
use super::{Pair, Roots, TRUTH_JOINTS, is_known};

/// The mean size of the truth over that of the poses, by the distances of joints from the middle of the hips.
pub(super) fn scale(pairs: &[Pair]) -> f64 {
    let mut poses = 0.0;
    let mut truth = 0.0;
    for (pose, true_pose) in pairs.iter().flat_map(|pair| pair.pose.iter().zip(&pair.truth)) {
        if is_known(pose) && is_known(true_pose) {
            poses += pose.norm();
            truth += true_pose.norm();
        }
    }
    truth / poses
}

pub(super) fn mean_over(pairs: &[Pair], error: fn(&[Point], &[Point]) -> f64) -> f64 {
    let errors = pairs.iter().map(|pair| {
        let [pose, truth] = pair.known();
        error(&pose, &truth)
    });
    errors.sum::<f64>() / pairs.len() as f64
}

pub(super) fn joint_errors(pairs: &[Pair]) -> [Option<f64>; TRUTH_JOINTS.len()] {
    std::array::from_fn(|joint| {
        let errors = pairs.iter().map(|pair| 1e3 * pair.error(joint).norm());
        mean(errors.filter(|error| error.is_finite()))
    })
}

/// The share of the joints that are within their `sigma` `[T]`.
pub(super) fn within_sigma(pairs: &[Pair], sigma: &[[f64; TRUTH_JOINTS.len()]]) -> Option<f64> {
    let mut within = Vec::new();
    for pair in pairs {
        let Some(sigma) = sigma.get(pair.frame) else { continue };
        for (joint, expected) in sigma.iter().enumerate() {
            let ratio = pair.error(joint).norm() / expected;
            if ratio.is_finite() {
                within.push(f64::from(u8::from(ratio <= 1.0)));
            }
        }
    }
    mean(within.into_iter())
}

/// The mean length of the error's change in a second, between frames that follow each other.
pub(super) fn velocity_error(pairs: &[Pair]) -> Option<f64> {
    let mut errors = Vec::new();
    for neighbours in pairs.windows(2) {
        let [before, after] = neighbours else { unreachable!("windows of two") };
        if after.sample != before.sample + 1 {
            continue;
        }
        for joint in 0..TRUTH_JOINTS.len() {
            let change = after.error(joint) - before.error(joint);
            errors.push(1e3 * change.norm() / (after.time - before.time));
        }
    }
    mean(errors.into_iter().filter(|error| error.is_finite()))
}

pub(super) fn root_path(pairs: &[Pair]) -> Option<f64> {
    let roots: Vec<Roots> = pairs.iter().filter_map(|pair| pair.roots).collect();
    let count = roots.len() as f64;
    let middle = roots.iter().map(|root| root.pose).sum::<Vector3<f64>>() / count;
    let true_middle = roots.iter().map(|root| root.truth).sum::<Vector3<f64>>() / count;
    let offset = middle - true_middle;
    mean(roots.iter().map(|root| 1e3 * (root.pose - root.truth - offset).norm()))
}

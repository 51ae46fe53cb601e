//! Procrustes alignment: the similarity that fits one pose to another best, without reflection.

use nalgebra::{Matrix3, Vector3};

use super::Point;
use crate::pose::vector;

/// `predicted`, moved, rotated and scaled to be as close to `truth` as possible: least squares over rotation, one
/// positive scale and translation.
///
/// Umeyama 1991, equations 34–42: with the centred poses X and Y, `XᵀY = U D Vᵀ`, the rotation is `V S Uᵀ` where S
/// flips the sign of the weakest axis if that is needed for a determinant of +1, and the scale is `tr(D S) / ‖X‖²`.
///
/// Degenerate poses are defined: a prediction whose joints are all equal becomes the truth's centroid, and so does
/// every prediction where the truth's joints are all equal.
///
/// # Panics
/// If the poses do not have the same number of joints.
pub fn procrustes(predicted: &[Point], truth: &[Point]) -> Vec<Point> {
    assert_eq!(predicted.len(), truth.len(), "poses to align have the same joints");
    let from = centroid(predicted);
    let to = centroid(truth);
    let mut covariance = Matrix3::zeros();
    let mut size_squared = 0.0;
    for (p, t) in predicted.iter().zip(truth) {
        let x = vector(*p) - from;
        let y = vector(*t) - to;
        covariance += x * y.transpose();
        size_squared += x.norm_squared();
    }
    let BestRotation { rotation, strength } = best_rotation(covariance);
    let scale = if size_squared > 0.0 { strength / size_squared } else { 0.0 };
    predicted.iter().map(|p| (rotation * (vector(*p) - from) * scale + to).map(|c| c as f32).into()).collect()
}

/// The rotation that fits X to Y best, and its `tr(D S)`.
pub(super) struct BestRotation {
    pub(super) rotation: Matrix3<f64>,
    strength: f64,
}

/// The best rotation, given `XᵀY`.
pub(super) fn best_rotation(covariance: Matrix3<f64>) -> BestRotation {
    let svd = covariance.svd(true, true);
    let u = svd.u.expect("the left side of the decomposition was asked for");
    let v_t = svd.v_t.expect("the right side of the decomposition was asked for");
    let weakest = svd.singular_values.imin();
    let mut signs = Vector3::repeat(1.0);
    signs[weakest] = (u.determinant() * v_t.determinant()).signum();
    let rotation = v_t.transpose() * Matrix3::from_diagonal(&signs) * u.transpose();
    BestRotation { rotation, strength: svd.singular_values.dot(&signs) }
}

fn centroid(pose: &[Point]) -> Vector3<f64> {
    pose.iter().map(|p| vector(*p)).sum::<Vector3<f64>>() / pose.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use nalgebra::{Rotation3, Vector3};
    use proptest::prelude::*;

    use super::super::{mpjpe, p_mpjpe};
    use super::*;

    fn similar(pose: &[Point], angles: [f64; 3], scale: f64, shift: [f64; 3]) -> Vec<Point> {
        let rotation = Rotation3::from_euler_angles(angles[0], angles[1], angles[2]);
        let place = |p: &Point| (rotation * vector(*p) * scale + Vector3::from(shift)).map(|c| c as f32).into();
        pose.iter().map(place).collect()
    }

    /// An asymmetric pose of a person's size in metres.
    const POSE: [Point; 5] = [[0.0; 3], [0.3, 0.0, 0.1], [0.1, -0.9, 0.0], [-0.2, 0.4, 0.5], [0.0, 0.2, -0.6]];

    #[test]
    fn a_right_angle_with_one_arm_too_long() {
        // Aligning (−1, 0), (0, 0), (1, 0) to (−2, 0), (0, 0), (2, 0) needs scale 2 alone; moving the middle of the
        // truth up by 3 shifts its centroid by 1 and leaves distances 1, 2, 1.
        let predicted = [[-1.0, 0.0, 0.0], [0.0; 3], [1.0, 0.0, 0.0]];
        let truth = [[-2.0, 0.0, 0.0], [0.0, 3.0, 0.0], [2.0, 0.0, 0.0]];
        assert_relative_eq!(p_mpjpe(&predicted, &truth), 4.0 / 3.0, epsilon = 1e-6);
    }

    #[test]
    fn a_mirror_image_is_not_forgiven() {
        let mirrored = POSE.map(|[x, y, z]| [-x, y, z]);
        let error = p_mpjpe(&mirrored, &POSE);
        assert!(error > 0.1, "{error}");
        // No other rotation is better, by brute force over rotations about each axis.
        for step in 0..360 {
            let angle = f64::from(step).to_radians();
            for angles in [[angle, 0.0, 0.0], [0.0, angle, 0.0], [0.0, 0.0, angle]] {
                let squares = |pose: &[Point]| -> f64 {
                    pose.iter().zip(&POSE).map(|(a, b)| super::super::distance(*a, *b).powi(2)).sum()
                };
                let turned = similar(&mirrored, angles, 1.0, [0.0; 3]);
                assert!(squares(&procrustes(&mirrored, &POSE)) <= squares(&turned) + 1e-9);
            }
        }
    }

    #[test]
    fn degenerate_poses_fall_on_the_centroid() {
        let point = [[0.3, -0.1, 2.0]; 5];
        // The truth's mean distance from its own centroid remains.
        let centre: Point = centroid(&POSE).map(|c| c as f32).into();
        assert_relative_eq!(p_mpjpe(&point, &POSE), mpjpe(&[centre; 5], &POSE), epsilon = 1e-6);
        assert_relative_eq!(p_mpjpe(&POSE, &point), 0.0, epsilon = 1e-6);
        assert_relative_eq!(p_mpjpe(&point, &point), 0.0, epsilon = 1e-6);
        assert!(procrustes(&[], &[]).is_empty());
    }

    #[test]
    fn flat_and_straight_poses_align() {
        let flat = POSE.map(|[x, y, _]| [x, y, 0.0]);
        let straight = POSE.map(|[_, y, _]| [0.0, y, 0.0]);
        for pose in [flat, straight] {
            let moved = similar(&pose, [0.4, 1.1, -2.0], 3.0, [1.0, 2.0, 3.0]);
            assert_relative_eq!(p_mpjpe(&moved, &pose), 0.0, epsilon = 1e-6);
            assert_relative_eq!(p_mpjpe(&pose, &moved), 0.0, epsilon = 1e-5);
        }
    }

    fn pose() -> impl Strategy<Value = Vec<Point>> {
        prop::collection::vec(prop::array::uniform3(-1f32..1.0), 6)
    }

    proptest! {
        #[test]
        fn similarities_of_the_prediction_change_nothing(
            predicted in pose(), truth in pose(), angles in prop::array::uniform3(-3f64..3.0),
            scale in 0.1f64..10.0, shift in prop::array::uniform3(-5f64..5.0),
        ) {
            let before = p_mpjpe(&predicted, &truth);
            let after = p_mpjpe(&similar(&predicted, angles, scale, shift), &truth);
            prop_assert!((before - after).abs() < 1e-4, "{before} {after}");
        }

        #[test]
        fn the_alignment_is_never_worse_in_squares_than_none(predicted in pose(), truth in pose()) {
            let squares = |a: &[Point]| -> f64 {
                a.iter().zip(&truth).map(|(a, b)| super::super::distance(*a, *b).powi(2)).sum()
            };
            prop_assert!(squares(&procrustes(&predicted, &truth)) <= squares(&predicted) + 1e-6);
        }

        #[test]
        fn an_exact_similarity_is_undone(truth in pose(), angles in prop::array::uniform3(-3f64..3.0), scale in 0.1f64..10.0) {
            prop_assert!(p_mpjpe(&similar(&truth, angles, scale, [1.0, -2.0, 0.5]), &truth) < 1e-4);
        }
    }
}

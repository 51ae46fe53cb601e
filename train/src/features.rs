//! Key points to features on the device, as the exported graph does it.
//!
//! The formulas are those of [`crate::trained::InputTransform`]; `export` writes the same as graph nodes and `verify`
//! compares the two.

use poselift_onnx::names::{MIN_SCALE, MIN_SCORE_SUM};
use tch::{Kind, Tensor};

use crate::trained::InputTransform;

/// Features `[B, J·C]` of key points `[B, J, C]`; `mean` `[J·C]` replaces missing values if the transform says so.
pub fn features(keypoints: &Tensor, transform: &InputTransform, mean: &Tensor) -> Tensor {
    match transform {
        InputTransform::Absolute => absolute(keypoints, mean),
        InputTransform::Centred => centred(keypoints),
    }
}

/// Whether each joint is visible, `[B, J, 1]` as 0 or 1: finite coordinates and a score above 0, if there are scores.
fn visible(keypoints: &Tensor) -> Tensor {
    let numbers = keypoints.narrow(2, 0, 2).isfinite().all_dim(2, true);
    if keypoints.size()[2] < 3 {
        return numbers;
    }
    numbers.logical_and(&keypoints.narrow(2, 2, 1).gt(0.0))
}

fn absolute(keypoints: &Tensor, mean: &Tensor) -> Tensor {
    let size = keypoints.size();
    let mean = mean.view([1, size[1], size[2]]);
    let missing = visible(keypoints).logical_not().expand(size.as_slice(), false);
    mean.expand(size.as_slice(), false).where_self(&missing, keypoints).reshape([size[0], -1])
}

fn centred(keypoints: &Tensor) -> Tensor {
    let visible = visible(keypoints);
    let mask = visible.to_kind(Kind::Float);
    let points = masked(&keypoints.narrow(2, 0, 2), &visible);
    let score = masked(&keypoints.narrow(2, 2, 1), &visible);
    let total = score.sum_dim_intlist(&[1i64][..], true, Kind::Float).clamp_min(f64::from(MIN_SCORE_SUM));
    let share = &score / total;
    // Centred twice, as in the exported graph: the first centre is rounded at the size of the pixel coordinates,
    // which is a large error for a small body far from the origin. The rest is small, and so is the rounding of its
    // centre.
    let nearly_centred = about_centre(points, &share, &mask);
    let offset = about_centre(nearly_centred, &share, &mask);
    let spread = (offset.square() * &share).sum_dim_intlist(&[1i64, 2][..], true, Kind::Float);
    let scale = spread.sqrt().clamp_min(f64::from(MIN_SCALE));
    Tensor::cat(&[offset / scale, score], 2).reshape([keypoints.size()[0], -1])
}

/// `part` with zeros where a joint is not visible.
fn masked(part: &Tensor, visible: &Tensor) -> Tensor {
    part.where_self(visible, &part.zeros_like())
}

/// `points` from their centre, which is weighted by `share`.
fn about_centre(points: Tensor, share: &Tensor, mask: &Tensor) -> Tensor {
    let centre = (&points * share).sum_dim_intlist(&[1i64][..], true, Kind::Float);
    (points - centre) * mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::numbers;

    #[test]
    fn centring_ignores_place_scale_and_missing_joints() {
        // Two visible joints 6 px apart, weights 0.2 and 0.8: centre at 14.8, scale √(0.2·4.8² + 0.8·1.2²) = 2.4.
        let points = |shift: f32, scale: f32, junk: f32| {
            let at = |x: f32| x * scale + shift;
            Tensor::from_slice(&[at(10.0), at(5.0), 0.2, at(16.0), at(5.0), 0.8, junk, junk, 0.0]).view([1, 3, 3])
        };
        let expected = [-2.0, 0.0, 0.2, 0.5, 0.0, 0.8, 0.0, 0.0, 0.0];
        for keypoints in [points(0.0, 1.0, 0.0), points(700.0, 1.0, 1e9), points(-50.0, 40.0, f32::NAN)] {
            let found =
                numbers(&features(&keypoints, &InputTransform::Centred, &Tensor::zeros([9], tch::kind::FLOAT_CPU)));
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?}");
        }
    }

    #[test]
    fn a_row_without_visible_joints_gives_finite_features() {
        let missing = Tensor::full([2, 3, 3], f64::NAN, tch::kind::FLOAT_CPU);
        let found = numbers(&features(&missing, &InputTransform::Centred, &Tensor::zeros([9], tch::kind::FLOAT_CPU)));
        assert_eq!(found, [0.0; 18]);
    }

    #[test]
    fn a_missing_coordinate_becomes_its_mean() {
        let keypoints = Tensor::from_slice(&[1.0f32, 2.0, f32::NAN, 4.0]).view([1, 2, 2]);
        let mean = Tensor::from_slice(&[10.0f32, 20.0, 30.0, 40.0]);
        assert_eq!(numbers(&features(&keypoints, &InputTransform::Absolute, &mean)), [1.0, 2.0, 30.0, 40.0]);
    }
}

//! Errors of motion, which a mean over single poses cannot show.

use ndarray::{ArrayView3, Axis, Slice};

/// Mean per-joint velocity error: the mean Euclidean error of the first differences of a sequence (Pavllo et al. 2019).
///
/// `predicted` and `truth` are `[T, J, 3]`, one clip in order of time, root-relative, in the same unit; the result is
/// in that unit per frame, so report the frame rate with it. `None` for fewer than two frames.
///
/// # Panics
/// If the shapes differ.
pub fn mpjve(predicted: ArrayView3<'_, f32>, truth: ArrayView3<'_, f32>) -> Option<f64> {
    difference_error(predicted, truth, &[1.0, -1.0])
}

/// Acceleration error: the mean Euclidean error of the second differences of a sequence (Kanazawa et al. 2019).
///
/// As [`mpjve`], in the unit per frame squared. `None` for fewer than three frames.
///
/// # Panics
/// If the shapes differ.
pub fn acceleration_error(predicted: ArrayView3<'_, f32>, truth: ArrayView3<'_, f32>) -> Option<f64> {
    difference_error(predicted, truth, &[1.0, -2.0, 1.0])
}

/// The mean length of the error's finite difference with the given weights; differences are linear, so the
/// difference of the errors is the error of the differences.
fn difference_error(predicted: ArrayView3<'_, f32>, truth: ArrayView3<'_, f32>, weights: &[f64]) -> Option<f64> {
    assert_eq!(predicted.dim(), truth.dim(), "sequences to compare have the same shape");
    let steps = (predicted.dim().0 + 1).checked_sub(weights.len()).filter(|&steps| steps > 0)?;
    let error = predicted.mapv(f64::from) - truth.mapv(f64::from);
    let windows = weights.iter().enumerate().map(|(at, &weight)| {
        let window = error.slice_axis(Axis(0), Slice::from(at..at + steps));
        &window * weight
    });
    let difference = windows.reduce(|sum, window| sum + window)?;
    difference.map_axis(Axis(2), |v| v.dot(&v).sqrt()).mean()
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use ndarray::{Array3, array};

    use super::*;

    /// One joint that moves along x.
    fn along_x(x: &[f32]) -> Array3<f32> {
        Array3::from_shape_fn((x.len(), 1, 3), |(t, _, axis)| if axis == 0 { x[t] } else { 0.0 })
    }

    #[test]
    fn velocity_and_acceleration_by_hand() {
        let still = along_x(&[0.0; 4]);
        let jerky = along_x(&[0.0, 1.0, 0.0, 2.0]);
        // First differences 1, −1, 2; second ones −2, 3.
        assert_relative_eq!(mpjve(jerky.view(), still.view()).unwrap(), 4.0 / 3.0, epsilon = 1e-12);
        assert_relative_eq!(acceleration_error(jerky.view(), still.view()).unwrap(), 2.5, epsilon = 1e-12);
    }

    #[test]
    fn a_constant_offset_is_no_error_of_motion() {
        let truth = along_x(&[0.0, 1.0, 4.0]);
        let shifted = &truth + &array![[[0.0f32, 3.0, 4.0]]];
        assert_relative_eq!(mpjve(shifted.view(), truth.view()).unwrap(), 0.0, epsilon = 1e-12);
    }

    #[test]
    fn too_few_frames_have_no_motion() {
        let short = along_x(&[1.0, 2.0]);
        assert!(mpjve(short.slice(ndarray::s![..1, .., ..]), short.slice(ndarray::s![..1, .., ..])).is_none());
        assert!(mpjve(short.view(), short.view()).is_some());
        assert!(acceleration_error(short.view(), short.view()).is_none());
        assert!(mpjve(along_x(&[]).view(), along_x(&[]).view()).is_none());
    }
}

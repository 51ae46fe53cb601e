//! Whether a model is as sure as it has reason to be.

use ndarray::{ArrayView2, ArrayView3};

use super::distance;
use super::score::aligned;
use crate::error::{Error, Result};

/// Counts the joints whose error lies within the sigma that the model gave for them; 68 % of them should.
///
/// ```
/// use ndarray::array;
/// use poselift::metric::Calibration;
///
/// let truth = array![[[0.0f32, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 1.0, 0.0]]];
/// let predicted = array![[[0.0f32, 0.0, 0.0], [0.0, 0.5, 0.1], [0.0, 1.0, 0.1]]];
/// let sigma = array![[0.0f32, 0.2, 0.05]];
/// let mut calibration = Calibration::new(Some(0));
/// calibration.add(predicted.view(), truth.view(), sigma.view())?;
/// assert_eq!(calibration.within_one_sigma(), Some(0.5)); // of two joints, the root left out
/// # Ok::<(), poselift::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    root: Option<usize>,
    joints: u64,
    within: u64,
}

impl Calibration {
    /// No joints yet. With a `root`, both poses of each pair are first made relative to that joint, which is left out
    /// then: its error is 0 whatever its sigma.
    pub fn new(root: Option<usize>) -> Self {
        Self { root, joints: 0, within: 0 }
    }

    /// Adds a batch: `predicted` and `truth` are `[N, J, 3]`, `sigma` is `[N, J]`, all in one unit. Poses and joints
    /// with a value that is no number are left out.
    ///
    /// # Errors
    /// Shapes that do not fit each other.
    pub fn add(
        &mut self,
        predicted: ArrayView3<'_, f32>,
        truth: ArrayView3<'_, f32>,
        sigma: ArrayView2<'_, f32>,
    ) -> Result<()> {
        let (poses, joints, axes) = truth.dim();
        if predicted.dim() != truth.dim() || sigma.dim() != (poses, joints) || axes != 3 {
            let (predicted, truth, sigma) = (predicted.shape(), truth.shape(), sigma.shape());
            return Err(Error::input(format!(
                "predicted poses have shape {predicted:?}, true ones {truth:?} and sigma {sigma:?}, expected \
                 [N, J, 3] twice and [N, J]"
            )));
        }
        for ((predicted, truth), sigma) in predicted.outer_iter().zip(truth.outer_iter()).zip(sigma.outer_iter()) {
            let pairs = aligned(predicted, self.root).into_iter().zip(aligned(truth, self.root));
            for (joint, (pair, &sigma)) in pairs.zip(sigma).enumerate() {
                let error = distance(pair.0, pair.1);
                if Some(joint) != self.root && error.is_finite() && sigma.is_finite() {
                    self.joints += 1;
                    self.within += u64::from(error <= f64::from(sigma));
                }
            }
        }
        Ok(())
    }

    /// The share of joints, 0..1, whose error is at most their sigma; `None` before the first joint.
    pub fn within_one_sigma(&self) -> Option<f64> {
        (self.joints > 0).then(|| self.within as f64 / self.joints as f64)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that finds nothing shall fail")]

    use ndarray::{Array2, Array3, array};

    use super::*;

    #[test]
    fn what_is_no_number_is_left_out() {
        let truth = Array3::zeros((2, 3, 3));
        let mut predicted = truth.clone();
        predicted.slice_mut(ndarray::s![1, .., ..]).fill(f32::NAN);
        predicted[[0, 2, 1]] = 0.3;
        let sigma = array![[f32::NAN, 0.1, 0.1], [1.0, 1.0, 1.0]];
        let mut calibration = Calibration::new(None);
        assert_eq!(calibration.within_one_sigma(), None);
        calibration.add(predicted.view(), truth.view(), sigma.view()).unwrap();
        assert_eq!(calibration.within_one_sigma(), Some(0.5));
    }

    #[test]
    fn errors_are_taken_from_the_root() {
        let truth = Array3::zeros((1, 2, 3));
        let predicted = Array3::ones((1, 2, 3));
        let sigma = Array2::from_elem((1, 2), 0.5);
        let share = |root| {
            let mut calibration = Calibration::new(root);
            calibration.add(predicted.view(), truth.view(), sigma.view()).unwrap();
            calibration.within_one_sigma()
        };
        assert_eq!((share(None), share(Some(1))), (Some(0.0), Some(1.0)));
    }

    #[test]
    fn other_shapes_are_refused() {
        let poses = Array3::zeros((1, 2, 3));
        let sigma = Array2::zeros((1, 3));
        let message = Calibration::new(None).add(poses.view(), poses.view(), sigma.view()).unwrap_err().to_string();
        assert!(message.ends_with("and sigma [1, 3], expected [N, J, 3] twice and [N, J]"), "{message}");
    }
}

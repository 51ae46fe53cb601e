//! Calibration: whether a model's sigma matches its errors.
//!
//! Sigma is fitted as the size of an exponentially distributed error and scaled so that 68 % of the errors are within
//! it: a share of `1 − 0.32^k` of all errors should then be within k sigma.

use ndarray::{ArrayView2, ArrayView3};

use super::distance;
use super::score::aligned;
use crate::error::{Error, Result};

/// Multiples of sigma that errors are counted within: 0.25, 0.5 … 3.
pub const SIGMAS: [f64; 12] = [0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 2.75, 3.0];

/// The index of one sigma in [`SIGMAS`].
const ONE: usize = 3;

/// The share of errors, 0..1, that the error model predicts within `sigmas`.
pub fn expected_within(sigmas: f64) -> f64 {
    1.0 - 0.32_f64.powf(sigmas)
}

/// Counts the joints whose error is within the model's sigma for them; 68 % of them should be.
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
    /// Counts per joint, once there is a first pose.
    joints: Vec<Counts>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Counts {
    all: u64,
    /// Counts within each of [`SIGMAS`].
    within: [u64; SIGMAS.len()],
}

impl Counts {
    fn add(&mut self, error: f64, sigma: f64) {
        self.all += 1;
        for (count, sigmas) in self.within.iter_mut().zip(SIGMAS) {
            *count += u64::from(error <= sigmas * sigma);
        }
    }

    fn share(&self, at: usize) -> Option<f64> {
        (self.all > 0).then(|| self.within[at] as f64 / self.all as f64)
    }
}

impl Calibration {
    /// No joints yet. With a `root`, both poses of each pair are first made relative to that joint, which is then
    /// left out: its error is always 0.
    pub fn new(root: Option<usize>) -> Self {
        Self { root, joints: Vec::new() }
    }

    /// Adds a batch: `predicted` and `truth` are `[N, J, 3]`, `sigma` is `[N, J]`, all in one unit. Poses and joints
    /// with a NaN are left out.
    ///
    /// # Errors
    /// Shapes that do not match.
    pub fn add(
        &mut self,
        predicted: ArrayView3<'_, f32>,
        truth: ArrayView3<'_, f32>,
        sigma: ArrayView2<'_, f32>,
    ) -> Result<()> {
        let (poses, joints, axes) = truth.dim();
        if predicted.dim() != truth.dim() || sigma.dim() != (poses, joints) || axes != 3 {
            let predicted = predicted.shape();
            let truth = truth.shape();
            let sigma = sigma.shape();
            return Err(Error::input(format!(
                "predicted poses have shape {predicted:?}, true ones {truth:?} and sigma {sigma:?}, expected \
                 [N, J, 3] twice and [N, J]"
            )));
        }
        self.joints.resize(joints.max(self.joints.len()), Counts::default());
        for ((predicted, truth), sigma) in predicted.outer_iter().zip(truth.outer_iter()).zip(sigma.outer_iter()) {
            let pairs = aligned(predicted, self.root).into_iter().zip(aligned(truth, self.root));
            for (joint, (pair, &sigma)) in pairs.zip(sigma).enumerate() {
                let error = distance(pair.0, pair.1);
                if Some(joint) != self.root && error.is_finite() && sigma.is_finite() {
                    self.joints[joint].add(error, f64::from(sigma));
                }
            }
        }
        Ok(())
    }

    /// The share of joints, 0..1, whose error is at most their sigma; `None` before the first joint.
    pub fn within_one_sigma(&self) -> Option<f64> {
        self.total().share(ONE)
    }

    /// The share of joints within each of [`SIGMAS`], 0..1; `None` before the first joint.
    pub fn within_sigmas(&self) -> Option<[f64; SIGMAS.len()]> {
        let total = self.total();
        (total.all > 0).then(|| total.within.map(|count| count as f64 / total.all as f64))
    }

    /// `[J]` each joint's share within one sigma; `None` for the root, and for joints that were never counted.
    pub fn per_joint(&self) -> Vec<Option<f64>> {
        self.joints.iter().map(|counts| counts.share(ONE)).collect()
    }

    fn total(&self) -> Counts {
        let mut total = Counts::default();
        for counts in &self.joints {
            total.all += counts.all;
            for (sum, count) in total.within.iter_mut().zip(counts.within) {
                *sum += count;
            }
        }
        total
    }
}

#[cfg(test)]
mod tests {
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
    fn shares_within_several_sigmas_and_of_each_joint() {
        // Errors of 0.4 and 2.1 sigma at joint 1, of 1 sigma twice at joint 2; the root is left out.
        let truth = Array3::zeros((2, 3, 3));
        let mut predicted = truth.clone();
        for (pose, joint, error) in [(0, 1, 0.04), (1, 1, 0.21), (0, 2, 0.1), (1, 2, 0.1)] {
            predicted[[pose, joint, 0]] = error;
        }
        let mut calibration = Calibration::new(Some(0));
        assert_eq!((calibration.within_sigmas(), calibration.per_joint()), (None, vec![]));
        calibration.add(predicted.view(), truth.view(), Array2::from_elem((2, 3), 0.1).view()).unwrap();
        assert_eq!(calibration.per_joint(), [None, Some(0.5), Some(1.0)]);
        let shares = calibration.within_sigmas().unwrap();
        for (sigmas, expected) in [(0.25, 0.0), (0.5, 0.25), (0.75, 0.25), (1.0, 0.75), (2.0, 0.75), (2.25, 1.0)] {
            let at = SIGMAS.iter().position(|&known| known == sigmas).unwrap();
            assert_eq!(shares[at], expected, "{sigmas}");
        }
        assert_eq!(SIGMAS[ONE], 1.0);
        assert!((expected_within(1.0) - 0.68).abs() < 1e-12 && (expected_within(3.0) - 0.967).abs() < 1e-3);
    }

    #[test]
    fn other_shapes_are_refused() {
        let poses = Array3::zeros((1, 2, 3));
        let sigma = Array2::zeros((1, 3));
        let message = Calibration::new(None).add(poses.view(), poses.view(), sigma.view()).unwrap_err().to_string();
        assert!(message.ends_with("and sigma [1, 3], expected [N, J, 3] twice and [N, J]"), "{message}");
    }
}

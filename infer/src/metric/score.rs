//! All metrics over a data set, batch by batch.

use ndarray::{ArrayView2, ArrayView3, Axis};

use super::{Point, auc, distance, mpjpe, n_mpjpe, pck, procrustes};
use crate::error::{Error, Result};
use crate::pose::Unit;

/// Joints within this distance of the truth count for PCK@150, in millimetres.
const PCK_MM: f64 = 150.0;

/// Accumulates errors over batches of poses; every figure is a mean over poses, however they were batched.
///
/// ```
/// use ndarray::array;
/// use poselift::metric::Score;
/// use poselift::pose::Unit;
///
/// let truth = array![[[0.0f32, 0.0, 0.0], [0.0, 0.5, 0.0]]];
/// let predicted = array![[[0.0f32, 0.0, 0.0], [0.0, 0.5, 0.1]]];
/// let mut score = Score::new(2, Some(0), &Unit::Metres);
/// score.add(predicted.view(), truth.view())?;
/// let accuracy = score.accuracy().expect("one pose was added");
/// assert!((accuracy.mpjpe - 50.0).abs() < 1e-3); // mm, the root counted with error 0
/// # Ok::<(), poselift::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    root: Option<usize>,
    to_mm: Option<f64>,
    samples: u64,
    not_lifted: u64,
    sums: Sums,
}

#[derive(Debug, Clone, PartialEq)]
struct Sums {
    p_mpjpe: f64,
    n_mpjpe: f64,
    pck_150: f64,
    auc: f64,
    per_joint: Vec<JointSums>,
}

/// Sums of one joint, over poses.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct JointSums {
    error: f64,
    aligned_error: f64,
    pck_150: f64,
    auc: f64,
}

/// One joint's figures: means over poses, as [`Accuracy`]'s.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JointAccuracy {
    /// Mean distance after aligning the roots.
    pub mpjpe: f64,
    /// Mean distance after the best similarity of the whole pose.
    pub p_mpjpe: f64,
    /// The share of poses in which the joint is within 150 mm, 0..1; absent if the unit is unknown.
    pub pck_150: Option<f64>,
    /// The mean of that share over 0, 5 … 150 mm, 0..1; absent if the unit is unknown.
    pub auc: Option<f64>,
}

/// Means over poses: errors in millimetres, or in the data's own unit if that is unknown.
#[derive(Debug, Clone, PartialEq)]
pub struct Accuracy {
    /// Poses that were compared.
    pub samples: u64,
    /// Mean joint distance after aligning the roots; the root counts, with error 0.
    pub mpjpe: f64,
    /// The same after the best similarity, pose by pose.
    pub p_mpjpe: f64,
    /// The same after the best scale, pose by pose.
    pub n_mpjpe: f64,
    /// The share of joints within 150 mm, 0..1; absent if the unit is unknown.
    pub pck_150: Option<f64>,
    /// The mean of that share over 0, 5 … 150 mm, 0..1; absent if the unit is unknown.
    pub auc: Option<f64>,
    /// `[J]` mean distance of each joint after aligning the roots.
    pub per_joint: Vec<f64>,
}

impl Score {
    /// A score of poses with `joints` joints in `unit`.
    ///
    /// With a `root`, both poses of each pair are first made relative to that joint; without one they are not
    /// aligned, and scale is fitted about their origin.
    ///
    /// # Panics
    /// If `root` is not one of the joints.
    pub fn new(joints: usize, root: Option<usize>, unit: &Unit) -> Self {
        assert!(root.is_none_or(|root| root < joints), "the root is one of the {joints} joints");
        let to_mm = unit.in_metres().map(|metres| metres * 1000.0);
        let sums =
            Sums { p_mpjpe: 0.0, n_mpjpe: 0.0, pck_150: 0.0, auc: 0.0, per_joint: vec![JointSums::default(); joints] };
        Self { root, to_mm, samples: 0, not_lifted: 0, sums }
    }

    /// Compares a batch: `predicted` and `truth` are `[N, J, 3]` in the same axes and unit.
    ///
    /// A predicted pose with a NaN was not lifted: it is counted and left out of the means.
    ///
    /// # Errors
    /// Shapes that differ, another number of joints, or a true pose with a NaN.
    pub fn add(&mut self, predicted: ArrayView3<'_, f32>, truth: ArrayView3<'_, f32>) -> Result<()> {
        let joints = self.sums.per_joint.len();
        let shape = truth.shape();
        let found = predicted.shape();
        if found != shape || shape[1..] != [joints, 3] {
            return Err(Error::input(format!(
                "predicted poses have shape {found:?} and true ones {shape:?}, expected [N, {joints}, 3] twice"
            )));
        }
        for (row, (predicted, truth)) in predicted.outer_iter().zip(truth.outer_iter()).enumerate() {
            self.add_pose(predicted, truth).map_err(|joint| {
                Error::input(format!("true pose {row}: joint {joint} holds a value that is no number"))
            })?;
        }
        Ok(())
    }

    /// Adds one pair, or returns the joint of the truth that is NaN.
    fn add_pose(&mut self, predicted: ArrayView2<'_, f32>, truth: ArrayView2<'_, f32>) -> Result<(), usize> {
        let truth = aligned(truth, self.root);
        if let Some(joint) = truth.iter().position(|p| !p.iter().all(|c| c.is_finite())) {
            return Err(joint);
        }
        let predicted = aligned(predicted, self.root);
        if !predicted.iter().flatten().all(|c| c.is_finite()) {
            self.not_lifted += 1;
            return Ok(());
        }
        let scale = self.to_mm.unwrap_or(1.0);
        let errors: Vec<f64> = predicted.iter().zip(&truth).map(|(p, t)| distance(*p, *t) * scale).collect();
        self.samples += 1;
        let aligned = procrustes(&predicted, &truth);
        self.sums.p_mpjpe += mpjpe(&aligned, &truth) * scale;
        self.sums.n_mpjpe += n_mpjpe(&predicted, &truth) * scale;
        if self.to_mm.is_some() {
            self.sums.pck_150 += pck(&errors, PCK_MM);
            self.sums.auc += auc(&errors);
        }
        let aligned_errors = aligned.iter().zip(&truth).map(|(p, t)| distance(*p, *t) * scale);
        for ((sums, error), aligned_error) in self.sums.per_joint.iter_mut().zip(errors).zip(aligned_errors) {
            sums.error += error;
            sums.aligned_error += aligned_error;
            sums.pck_150 += pck(&[error], PCK_MM);
            sums.auc += auc(&[error]);
        }
        Ok(())
    }

    /// Number of predictions with NaN, left out of the means.
    pub fn not_lifted(&self) -> u64 {
        self.not_lifted
    }

    /// The unit of [`Self::accuracy`]'s errors: `mm`, or `None` for the data's own.
    pub fn unit(&self) -> Option<&'static str> {
        self.to_mm.map(|_| "mm")
    }

    /// The means so far; `None` before the first pose.
    pub fn accuracy(&self) -> Option<Accuracy> {
        if self.samples == 0 {
            return None;
        }
        let per_joint: Vec<f64> = self.sums.per_joint.iter().map(|sums| self.mean(sums.error)).collect();
        Some(Accuracy {
            samples: self.samples,
            mpjpe: per_joint.iter().sum::<f64>() / per_joint.len().max(1) as f64,
            p_mpjpe: self.mean(self.sums.p_mpjpe),
            n_mpjpe: self.mean(self.sums.n_mpjpe),
            pck_150: self.mean_within(self.sums.pck_150),
            auc: self.mean_within(self.sums.auc),
            per_joint,
        })
    }

    /// `[J]` the figures of [`Self::accuracy`], joint by joint; `None` before the first pose.
    pub fn joints(&self) -> Option<Vec<JointAccuracy>> {
        if self.samples == 0 {
            return None;
        }
        Some(self.sums.per_joint.iter().map(|sums| self.joint(sums)).collect())
    }

    fn joint(&self, sums: &JointSums) -> JointAccuracy {
        JointAccuracy {
            mpjpe: self.mean(sums.error),
            p_mpjpe: self.mean(sums.aligned_error),
            pck_150: self.mean_within(sums.pck_150),
            auc: self.mean_within(sums.auc),
        }
    }

    /// The mean over poses.
    fn mean(&self, sum: f64) -> f64 {
        sum / self.samples as f64
    }

    /// The mean of shares within thresholds; `None` if the unit is unknown.
    fn mean_within(&self, sum: f64) -> Option<f64> {
        self.to_mm.map(|_| self.mean(sum))
    }
}

/// The pose's points, relative to its root if there is one.
pub(super) fn aligned(pose: ArrayView2<'_, f32>, root: Option<usize>) -> Vec<Point> {
    let origin = root.map_or([0.0; 3], |root| [0, 1, 2].map(|axis| pose[[root, axis]]));
    pose.axis_iter(Axis(0)).map(|row| [0, 1, 2].map(|axis| row[axis] - origin[axis])).collect()
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use ndarray::{Array3, array, concatenate, s};

    use super::*;

    /// Two poses of two joints in metres; errors of the second joint 100 mm and 300 mm once roots are aligned.
    fn batch() -> (Array3<f32>, Array3<f32>) {
        let truth = array![[[0.0, 0.0, 0.0], [0.0, 0.5, 0.0]], [[1.0, 0.0, 0.0], [1.0, 0.5, 0.0]]];
        let predicted = array![[[5.0, 0.0, 0.0], [5.0, 0.5, 0.1]], [[0.0, 0.0, 0.0], [0.0, 0.8, 0.0]]];
        (predicted, truth)
    }

    #[test]
    fn means_over_poses_in_millimetres() {
        let (predicted, truth) = batch();
        let mut score = Score::new(2, Some(0), &Unit::Metres);
        score.add(predicted.view(), truth.view()).unwrap();
        let accuracy = score.accuracy().unwrap();
        assert_eq!((accuracy.samples, score.unit()), (2, Some("mm")));
        assert_relative_eq!(accuracy.mpjpe, 100.0, epsilon = 1e-3);
        assert_relative_eq!(accuracy.per_joint[0], 0.0);
        assert_relative_eq!(accuracy.per_joint[1], 200.0, epsilon = 1e-3);
        // Two joints can always be aligned with two joints.
        assert_relative_eq!(accuracy.p_mpjpe, 0.0, epsilon = 1e-3);
        // Of four joints one is beyond 150 mm; the roots have error 0, 100 mm is within the 11 thresholds from 100
        // on, or within 10 if the nearest f32 is just above it.
        assert_relative_eq!(accuracy.pck_150.unwrap(), 0.75);
        assert_relative_eq!(accuracy.auc.unwrap(), (2.0 + 11.0 / 31.0) / 4.0, epsilon = 1.01 / 31.0 / 4.0);
        let joint = score.joints().unwrap()[1];
        assert_relative_eq!(joint.mpjpe, 200.0, epsilon = 1e-3);
        assert_relative_eq!(joint.p_mpjpe, 0.0, epsilon = 1e-3);
        assert_eq!(joint.pck_150, Some(0.5));
        assert_relative_eq!(joint.auc.unwrap(), 11.0 / 31.0 / 2.0, epsilon = 1.01 / 31.0 / 2.0);
        // Scale 0.25 / 0.26 leaves 98.06 mm of the first, 0.5 / 0.8 leaves 0 of the second: half of their joint's
        // errors.
        assert_relative_eq!(accuracy.n_mpjpe, 98.058 / 4.0, epsilon = 1e-2);
    }

    #[test]
    fn batching_changes_nothing() {
        let (predicted, truth) = batch();
        let mut whole = Score::new(2, Some(0), &Unit::Metres);
        whole.add(predicted.view(), truth.view()).unwrap();
        let mut parts = Score::new(2, Some(0), &Unit::Metres);
        for row in 0..2 {
            parts.add(predicted.slice(s![row..=row, .., ..]), truth.slice(s![row..=row, .., ..])).unwrap();
        }
        assert_eq!(whole, parts);
    }

    #[test]
    fn without_a_root_poses_are_taken_as_they_are() {
        let (predicted, truth) = batch();
        let mut score = Score::new(2, None, &Unit::Metres);
        score.add(predicted.slice(s![1.., .., ..]), truth.slice(s![1.., .., ..])).unwrap();
        assert_relative_eq!(score.accuracy().unwrap().per_joint[0], 1000.0, epsilon = 1e-3);
    }

    #[test]
    fn an_unknown_unit_has_no_thresholds() {
        let (predicted, truth) = batch();
        let mut score = Score::new(2, Some(0), &"unknown".into());
        score.add(predicted.view(), truth.view()).unwrap();
        let accuracy = score.accuracy().unwrap();
        assert_relative_eq!(accuracy.mpjpe, 0.1, epsilon = 1e-6);
        assert_eq!((score.unit(), accuracy.pck_150, accuracy.auc), (None, None, None));
        assert_eq!(score.joints().unwrap()[1].pck_150, None);
    }

    #[test]
    fn poses_that_were_not_lifted_are_counted_apart() {
        let (predicted, truth) = batch();
        let gap = Array3::from_elem((1, 2, 3), f32::NAN);
        let predicted = concatenate![Axis(0), predicted, gap];
        let truth = concatenate![Axis(0), truth, truth.slice(s![..1, .., ..])];
        let mut score = Score::new(2, Some(0), &Unit::Metres);
        score.add(predicted.view(), truth.view()).unwrap();
        assert_eq!((score.accuracy().unwrap().samples, score.not_lifted()), (2, 1));
        assert!(
            Score::new(2, None, &Unit::Metres).accuracy().is_none()
                && Score::new(2, None, &Unit::Metres).joints().is_none()
        );
    }

    #[test]
    fn refuses_what_cannot_be_compared() {
        let (predicted, mut truth) = batch();
        let message = Score::new(3, None, &Unit::Metres).add(predicted.view(), truth.view()).unwrap_err().to_string();
        assert!(message.contains("expected [N, 3, 3]"), "{message}");
        truth[[1, 1, 2]] = f32::NAN;
        let message =
            Score::new(2, Some(0), &Unit::Metres).add(predicted.view(), truth.view()).unwrap_err().to_string();
        assert!(message.contains("true pose 1: joint 1"), "{message}");
    }
}

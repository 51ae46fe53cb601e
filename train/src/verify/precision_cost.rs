//! The cost of a smaller precision: the error of the exported file next to that of the same network in float32, on
//! the same views of the validation split with a detector's errors, both lifted as users lift.

use std::collections::BTreeMap;

use ndarray::Array3;
use poselift::lift::{Lifter, LifterOptions};
use poselift::metric::Score;
use poselift::model::{Device, Metric, ModelFile, OutputCard, Precision};
use poselift::{Error, Result};

use crate::dataset::{Dataset, Protocol, Views};
use crate::export::{CardSeed, encode};
use crate::trained::TrainedLifter;
use crate::views::Detector;

/// The largest loss with which a precision is still recommended, in millimetres.
pub const MAX_LOSS_MM: f64 = 0.5;

/// MPJPE of a network in float32 and in another precision.
#[derive(Debug, Clone, PartialEq)]
pub struct PrecisionCost {
    /// In float32.
    pub exact: f64,
    /// In the other precision.
    pub found: f64,
    /// Mean distance by which the other precision moves a joint.
    pub moved: f64,
    /// Unit of all three: `mm`, or the data's own.
    pub unit: String,
    /// The data that they were measured on, in words.
    pub on: String,
}

impl PrecisionCost {
    /// The increase of the error.
    pub fn lost(&self) -> f64 {
        self.found - self.exact
    }

    /// Whether it exceeds [`MAX_LOSS_MM`]; unknown for data in another unit.
    pub fn is_too_much(&self) -> bool {
        self.unit == "mm" && self.lost() > MAX_LOSS_MM
    }

    /// The figures for the card.
    pub fn metrics(&self) -> BTreeMap<String, Metric> {
        BTreeMap::from([
            ("mpjpe_against_f32".to_owned(), self.metric(self.lost())),
            ("mpjpe_with_detector".to_owned(), self.metric(self.found)),
        ])
    }

    fn metric(&self, value: f64) -> Metric {
        Metric { value, unit: self.unit.clone(), on: self.on.clone() }
    }
}

/// Measures the loss of `lifter` in `precision` on the validation split of `dataset`.
///
/// # Errors
/// Errors of [`encode`], no usable ONNX Runtime, or no person could be lifted.
pub fn precision_cost(
    lifter: &TrainedLifter,
    seed: &CardSeed,
    precision: Precision,
    dataset: &Dataset,
) -> Result<PrecisionCost> {
    let exact = encode(lifter, seed, Precision::F32)?;
    let rounded = encode(lifter, seed, precision)?;
    let exact = ModelFile::from_bytes(&seed.name, exact.bytes)?;
    cost(&exact, &ModelFile::from_bytes(&seed.name, rounded.bytes)?, dataset)
}

/// Measures the loss of `rounded`, the network of the float32 file `exact` in another form, on the validation split of `dataset`.
///
/// # Errors
/// No usable ONNX Runtime, or no person could be lifted.
pub fn cost(exact: &ModelFile, rounded: &ModelFile, dataset: &Dataset) -> Result<PrecisionCost> {
    let views = views(dataset);
    let unit = dataset.card.error_unit().name;
    let output = &exact.card().output;
    let in_f32 = lift(exact, &views)?;
    let lifted = lift(rounded, &views)?;
    let exact = mpjpe(&in_f32, &views.poses, output)?;
    let found = mpjpe(&lifted, &views.poses, output)?;
    let moved = mpjpe(&lifted, &in_f32, output)?;
    let on = format!("{} views, {}", views.poses.dim().0, dataset.card.validated_on);
    let on = if views.cameras.is_empty() { on } else { on + ", with a detector's errors" };
    Ok(PrecisionCost { exact, found, moved, unit: unit.to_owned(), on })
}

fn lift(file: &ModelFile, views: &Views) -> Result<Array3<f32>> {
    let options = LifterOptions { device: Device::Cpu, ..LifterOptions::default() };
    Ok(Lifter::from_model(file, &options)?.lift_with_cameras(views.keypoints.view(), &views.cameras)?.poses)
}

/// The views of the validation split; those of paired arrays have no cameras.
fn views(dataset: &Dataset) -> Views {
    let protocol = Protocol { detector: Detector::in_full_view(1.0), ..Protocol::default() };
    dataset.held_out(&protocol).unwrap_or_else(|| {
        let (keypoints, poses) = dataset.validation.to_arrays();
        Views { keypoints, poses, cameras: Vec::new() }
    })
}

fn mpjpe(lifted: &Array3<f32>, truth: &Array3<f32>, output: &OutputCard) -> Result<f64> {
    let mut score = Score::new(output.joints.len(), output.root, &output.unit);
    score.add(lifted.view(), truth.view())?;
    let accuracy =
        score.accuracy().ok_or_else(|| Error::runtime("no person of the validation split could be lifted"))?;
    Ok(accuracy.mpjpe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_millimetre_is_the_most() {
        let loss =
            |found, unit: &str| PrecisionCost { exact: 70.0, found, moved: 2.0, unit: unit.into(), on: "views".into() };
        assert!(!loss(70.49, "mm").is_too_much() && loss(70.51, "mm").is_too_much());
        assert!(!loss(90.0, "unknown").is_too_much());
        assert!((loss(70.25, "mm").metrics()["mpjpe_against_f32"].value - 0.25).abs() < 1e-9);
    }
}

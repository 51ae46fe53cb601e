//! The cost of a smaller precision: the error of the exported file next to that of the same network in float32, on
//! the same views of the validation split with a detector's errors, both lifted as users lift.

use std::collections::BTreeMap;

use ndarray::{Array3, ArrayView3};
use poselift::camera::Camera;
use poselift::lift::{Lifter, LifterOptions};
use poselift::metric::Score;
use poselift::model::{Device, Metric, ModelFile, OutputCard, Precision};
use poselift::{Error, Result};

use crate::dataset::{Dataset, Protocol, Views};
use crate::export::{CardSeed, encode};
use crate::trained::TrainedLifter;
use crate::views::Detector;

/// The largest loss with which a precision is still recommended, in millimetres.
pub const MOST_LOST_MM: f64 = 0.5;

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

    /// Whether it exceeds [`MOST_LOST_MM`]; unknown for data in another unit.
    pub fn is_too_much(&self) -> bool {
        self.unit == "mm" && self.lost() > MOST_LOST_MM
    }

    /// The figures for the card.
    pub fn metrics(&self) -> BTreeMap<String, Metric> {
        let metric =
            |name: &str, value: f64| (name.to_owned(), Metric { value, unit: self.unit.clone(), on: self.on.clone() });
        BTreeMap::from([metric("mpjpe_against_f32", self.lost()), metric("mpjpe_with_detector", self.found)])
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
    let file = |precision| ModelFile::from_bytes(&seed.name, encode(lifter, seed, precision)?.bytes);
    cost(&file(Precision::F32)?, &file(precision)?, dataset)
}

/// Measures the loss of `rounded`, the network of the float32 file `exact` in another form, on the validation split of `dataset`.
///
/// # Errors
/// No usable ONNX Runtime, or no person could be lifted.
pub fn cost(exact: &ModelFile, rounded: &ModelFile, dataset: &Dataset) -> Result<PrecisionCost> {
    let (keypoints, poses, cameras) = views(dataset);
    let (_, unit) = dataset.card.error_unit();
    let lift = |file: &ModelFile| -> Result<Array3<f32>> {
        let options = LifterOptions { device: Device::Cpu, ..LifterOptions::default() };
        Ok(Lifter::from_model(file, &options)?.lift_with_cameras(keypoints.view(), &cameras)?.poses)
    };
    let (in_f32, lifted) = (lift(exact)?, lift(rounded)?);
    let error = |lifted: &Array3<f32>, truth: &Array3<f32>| mpjpe(lifted.view(), truth.view(), &exact.card().output);
    let (exact, found, moved) = (error(&in_f32, &poses)?, error(&lifted, &poses)?, error(&lifted, &in_f32)?);
    let on = format!("{} views, {}", poses.dim().0, dataset.card.validated_on);
    let on = if cameras.is_empty() { on } else { on + ", with a detector's errors" };
    Ok(PrecisionCost { exact, found, moved, unit: unit.to_owned(), on })
}

/// Key points, poses and cameras of the validation split; paired arrays have no cameras.
fn views(dataset: &Dataset) -> (Array3<f32>, Array3<f32>, Vec<Camera>) {
    let protocol = Protocol { detector: Detector::in_full_view(1.0), ..Protocol::default() };
    match dataset.held_out(&protocol) {
        Some(Views { keypoints, poses, cameras }) => (keypoints, poses, cameras),
        None => {
            let (keypoints, poses) = dataset.validation.to_arrays();
            (keypoints, poses, Vec::new())
        }
    }
}

fn mpjpe(lifted: ArrayView3<'_, f32>, truth: ArrayView3<'_, f32>, output: &OutputCard) -> Result<f64> {
    let mut score = Score::new(output.joints.len(), output.root, &output.unit);
    score.add(lifted, truth)?;
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

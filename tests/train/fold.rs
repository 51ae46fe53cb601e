//! Folding keeps what a network computes, for random networks of every shape.
#![allow(clippy::unwrap_used)] // A test that fails here should stop here.

use crate::random_lifter::{Shape, random_keypoints, random_lifter};
use ndarray::{Array1, Axis};
use poselift_train::export::fold::{Folded, FoldedLayer, fold};
use proptest::prelude::*;

/// Half a unit in the last place of an f32, relative to the number.
const ROUNDING: f64 = 1.0 / (1u64 << 24) as f64;

/// A number with a bound on the effect of rounding each folded weight to f32.
#[derive(Clone)]
struct Bounded {
    value: Array1<f64>,
    error: Array1<f64>,
}

impl Bounded {
    /// y = (W + δW)·(x + δx) + b + δb with |δW| ≤ u·|W| and |δb| ≤ u·|b|.
    fn apply(&self, layer: &FoldedLayer) -> Self {
        let (weight, bias) = (layer.weight.mapv(f64::from), layer.bias.mapv(f64::from));
        let value = weight.dot(&self.value) + &bias;
        let magnitude = self.value.mapv(f64::abs) + &self.error;
        let carried = weight.mapv(f64::abs).dot(&self.error);
        // The last term is for weights so small that f32 rounds them absolutely, not relatively.
        let added = (weight.mapv(f64::abs).dot(&magnitude) + bias.mapv(f64::abs)) * ROUNDING * 1.01;
        Self { value, error: carried + added + magnitude.sum() * 1e-44 + 1e-12 }
    }

    fn relu(self) -> Self {
        Self { value: self.value.mapv(|x| x.max(0.0)), error: self.error }
    }

    fn plus(self, other: Self) -> Self {
        Self { value: self.value + other.value, error: self.error + other.error }
    }
}

fn evaluate(folded: &Folded, features: Array1<f64>) -> Bounded {
    let error = Array1::zeros(features.len());
    let mut x = Bounded { value: features, error }.apply(&folded.input);
    if folded.input_relu {
        x = x.relu();
    }
    for block in &folded.blocks {
        let branch = block.iter().fold(x.clone(), |y, layer| y.apply(layer).relu());
        x = x.plus(branch);
    }
    x.apply(&folded.output)
}

/// The largest difference between a folded random network and the unfolded one, relative to the largest coordinate.
fn folding_error(shape: &Shape, seed: u64) -> Result<f64, TestCaseError> {
    let lifter = random_lifter(shape, seed);
    let folded = fold(&lifter).unwrap();
    let keypoints = random_keypoints(shape, 4, seed ^ 1);
    let mut worst: f64 = 0.0;
    for person in keypoints.outer_iter() {
        let expected = lifter.evaluate_features(&lifter.features(person));
        prop_assert_eq!(expected.len(), folded.output.bias.len());
        let found = evaluate(&folded, lifter.features(person));
        let largest = expected.fold(0.0, |largest: f64, x| largest.max(x.abs()));
        for ((&expected, &found), &bound) in expected.iter().zip(&found.value).zip(&found.error) {
            let difference = (found - expected).abs();
            prop_assert!(difference <= bound, "{found} for {expected}, bound {bound:e}");
            worst = worst.max(difference / largest);
        }
    }
    Ok(worst)
}

prop_compose! {
    fn shapes()(
        (joints_in, joints_out, channels) in (1usize..6, 1usize..6, 2usize..=3),
        (hidden, blocks, layers_per_block) in (1usize..24, 0usize..=4, 1usize..=2),
        (batch_norm, input_relu, centred, sigma) in any::<(bool, bool, bool, bool)>(),
    ) -> Shape {
        let variance_decades = [-10.0, 6.0];
        Shape { joints_in, channels, joints_out, hidden, blocks, layers_per_block, batch_norm, input_relu, centred,
            sigma, twins: false, variance_decades }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..Default::default() })]

    /// γ negative and zero, β ≠ 0, variance from 1e-10 to 1e6: within the effect of rounding the weights.
    #[test]
    fn folding_changes_nothing_but_the_last_bit_of_weights(shape in shapes(), seed in any::<u64>()) {
        folding_error(&shape, seed)?;
    }
}

/// Usual variances: the pose moves by less than 3e-6 of its largest coordinate, in any of 200 networks.
#[test]
fn a_usual_network_keeps_its_poses() {
    let errors = (0..200).map(|seed| folding_error(&Shape { blocks: seed as usize % 5, ..Default::default() }, seed));
    let worst = errors.fold(0.0, |worst: f64, error| worst.max(error.unwrap()));
    assert!(worst < 3e-6, "{worst:e}");
}

/// The folded layers keep their shape and order.
#[test]
fn layers_are_named_by_place() {
    let folded = fold(&random_lifter(&Shape { blocks: 2, layers_per_block: 1, ..Default::default() }, 0)).unwrap();
    let names: Vec<_> = folded.layers().map(|layer| layer.name.as_str()).collect();
    assert_eq!(names, ["input", "block0.layer0", "block1.layer0", "output"]);
}

/// Layers that do not match each other are refused by name.
#[test]
fn misfits_are_named() {
    let mut lifter = random_lifter(&Shape::default(), 0);
    lifter.network.blocks[1][0].weight.remove_index(Axis(1), 3);
    let message = fold(&lifter).unwrap_err().to_string();
    assert_eq!(message, "layer 'block1.layer0' has 63 weight columns, expected 64");
}

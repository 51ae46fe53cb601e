//! Quantises layers to int8 codes and scales: algebra on plain arrays.
//!
//! A weight is a code of −63 to 63 times a scale of its output ([`poselift_onnx::names`] says why, and how
//! activations are quantised).

use ndarray::{Array1, Array2, Axis, Zip};
use poselift_onnx::names::MAX_WEIGHT_CODE;

use super::fold::FoldedLayer;

/// One matrix W = codes ∘ scales.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantisedMatrix {
    /// `[out, in]`, each −[`MAX_WEIGHT_CODE`] to [`MAX_WEIGHT_CODE`].
    pub codes: Array2<i8>,
    /// `[out]`: the scale of each output's codes, above 0.
    pub scales: Array1<f32>,
}

/// Quantises the weights of each output by the scale of its largest weight.
pub fn quantise(layer: &FoldedLayer) -> QuantisedMatrix {
    let scales: Array1<f32> = layer.weight.axis_iter(Axis(0)).map(|row| step(row.iter().copied())).collect();
    let mut codes = Array2::zeros(layer.weight.dim());
    for ((row, codes), scale) in layer.weight.outer_iter().zip(codes.outer_iter_mut()).zip(&scales) {
        Zip::from(codes).and(row).for_each(|to, &from| *to = round(from, *scale));
    }
    QuantisedMatrix { codes, scales }
}

/// The scale at which the largest weight has the code [`MAX_WEIGHT_CODE`]; 1 if all weights are 0.
fn step(weights: impl Iterator<Item = f32>) -> f32 {
    let largest = weights.map(f32::abs).fold(0.0, f32::max);
    let step = largest / f32::from(MAX_WEIGHT_CODE);
    if step > 0.0 { step } else { 1.0 }
}

fn round(weight: f32, step: f32) -> i8 {
    let most = f32::from(MAX_WEIGHT_CODE);
    (weight / step).round_ties_even().clamp(-most, most) as i8
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use proptest::prelude::*;

    use super::*;

    fn layer(weight: Array2<f32>) -> FoldedLayer {
        let bias = Array1::zeros(weight.nrows());
        FoldedLayer { name: "block0.layer0".into(), weight, bias }
    }

    #[test]
    fn each_output_has_its_own_steps() {
        let found = quantise(&layer(array![[63.0, -31.6, 0.4], [0.63, 0.0, -0.63]]));
        assert_eq!(found.codes, array![[63, -32, 0], [63, 0, -63]]);
        assert!((&found.scales - array![1.0, 0.01]).iter().all(|difference| difference.abs() < 1e-7));
    }

    proptest! {
        #[test]
        fn no_weight_moves_by_more_than_half_a_step(weights in prop::collection::vec(-1e3f32..1e3, 1..40)) {
            let count = weights.len();
            let layer = layer(Array2::from_shape_vec((1, count), weights).expect("one row"));
            let found = quantise(&layer);
            let step = found.scales[0];
            for (quantised, weight) in found.codes.iter().zip(&layer.weight) {
                prop_assert!(quantised.abs() <= MAX_WEIGHT_CODE);
                let moved = (f32::from(*quantised) * step - weight).abs();
                prop_assert!(moved <= 0.5001 * step, "{weight} moved by {moved}, a step is {step}");
            }
        }
    }

    #[test]
    fn an_output_without_weights_stays_one_and_the_smallest_numbers_do_not_break_it() {
        let found = quantise(&layer(array![[0.0, 0.0], [1e-45, -1e-45], [3e38, -3e38]]));
        assert_eq!(found.codes.row(0), array![0, 0]);
        assert_eq!(found.codes.row(2), array![63, -63]);
        assert!(found.scales.iter().all(|scale| scale.is_finite() && *scale > 0.0), "{:?}", found.scales);
    }
}

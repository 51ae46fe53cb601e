//! Layers in integers of 8 bits: algebra on plain arrays.
//!
//! A weight is an integer of −63 to 63 times a scale of its output; an
//! activation is an integer of 8 bits times a scale of its person. With 7 bits
//! for weights two products of 255 · 63 still fit in 16 bits, as processors
//! without VNNI add them up: every processor comes to the same sums.
//!
//! A scale for each person, from their own largest activation, needs no
//! calibration data and makes nobody's pose depend on who else is in the
//! batch, as a scale for the whole tensor (DynamicQuantizeLinear) would.

use ndarray::{Array1, Array2, Axis, Zip};

use super::fold::FoldedLayer;

/// The largest weight.
pub const WEIGHT_LEVELS: i8 = 63;

/// Steps from 0 to the largest activation of somebody's, behind a ReLU.
pub const POSITIVE_LEVELS: u8 = 255;

/// Steps from 0 to the largest activation of somebody's, of either sign; 0 itself stands at [`SIGNED_ZERO`].
pub const SIGNED_LEVELS: u8 = 127;

/// What stands for 0 among activations of either sign.
pub const SIGNED_ZERO: u8 = 128;

// Sums of two products in 16 bits, which is what the instruction `vpmaddubsw` has room for.
const _: () = assert!(2 * POSITIVE_LEVELS as i32 * WEIGHT_LEVELS as i32 <= i16::MAX as i32);

/// One affine layer y = (Q·x)∘s + b.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantisedLayer {
    /// Its place in the network.
    pub name: String,
    /// Q, `[out, in]`, each −[`WEIGHT_LEVELS`] to [`WEIGHT_LEVELS`].
    pub weight: Array2<i8>,
    /// s, `[out]`: what one step of each output's weights is worth; above 0.
    pub scale: Array1<f32>,
    /// b, `[out]`.
    pub bias: Array1<f32>,
}

/// Rounds the weights of each output to steps of its largest weight.
pub fn quantise(layer: &FoldedLayer) -> QuantisedLayer {
    let scale: Array1<f32> = layer.weight.axis_iter(Axis(0)).map(|row| step(row.iter().copied())).collect();
    let mut weight = Array2::zeros(layer.weight.dim());
    for ((row, quantised), scale) in layer.weight.outer_iter().zip(weight.outer_iter_mut()).zip(&scale) {
        Zip::from(quantised).and(row).for_each(|to, &from| *to = round(from, *scale));
    }
    QuantisedLayer { name: layer.name.clone(), weight, scale, bias: layer.bias.clone() }
}

/// What one step is worth where the largest weight is [`WEIGHT_LEVELS`] of them; 1 where there is no weight but 0.
fn step(weights: impl Iterator<Item = f32>) -> f32 {
    let largest = weights.map(f32::abs).fold(0.0, f32::max);
    let step = largest / f32::from(WEIGHT_LEVELS);
    if step > 0.0 { step } else { 1.0 }
}

fn round(weight: f32, step: f32) -> i8 {
    let most = f32::from(WEIGHT_LEVELS);
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
        assert_eq!(found.weight, array![[63, -32, 0], [63, 0, -63]]);
        assert!((&found.scale - array![1.0, 0.01]).iter().all(|difference| difference.abs() < 1e-7));
    }

    proptest! {
        #[test]
        fn no_weight_moves_by_more_than_half_a_step(weights in prop::collection::vec(-1e3f32..1e3, 1..40)) {
            let count = weights.len();
            let layer = layer(Array2::from_shape_vec((1, count), weights).expect("one row"));
            let found = quantise(&layer);
            let step = found.scale[0];
            for (quantised, weight) in found.weight.iter().zip(&layer.weight) {
                prop_assert!(quantised.abs() <= WEIGHT_LEVELS);
                let moved = (f32::from(*quantised) * step - weight).abs();
                prop_assert!(moved <= 0.5001 * step, "{weight} moved by {moved}, a step is {step}");
            }
        }
    }

    #[test]
    fn an_output_without_weights_stays_one_and_the_smallest_numbers_do_not_break_it() {
        let found = quantise(&layer(array![[0.0, 0.0], [1e-45, -1e-45], [3e38, -3e38]]));
        assert_eq!(found.weight.row(0), array![0, 0]);
        assert_eq!(found.weight.row(2), array![63, -63]);
        assert!(found.scale.iter().all(|scale| scale.is_finite() && *scale > 0.0), "{:?}", found.scale);
    }
}

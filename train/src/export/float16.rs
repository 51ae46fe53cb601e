//! A layer in float16.

use half::f16;
use poselift::{Error, Result};
use poselift_onnx::{Dense, Weights};

use super::planes::Layer;

/// The layer with each number rounded to the nearest float16.
///
/// # Errors
/// A weight or a bias beyond the range of float16; it names its layer.
pub(super) fn round(layer: &Layer) -> Result<Dense<f16>> {
    let mut weights = Vec::new();
    for plane in layer {
        let rounded = round_all(&plane.name, plane.weight.t().iter().copied())?;
        weights.push(Weights::new(&[plane.weight.ncols(), plane.weight.nrows()], rounded));
    }
    let bias = &layer[0].bias;
    Ok(Dense { weights, bias: Weights::new(&[bias.len()], round_all(&layer[0].name, bias.iter().copied())?) })
}

fn round_all(layer: &str, values: impl Iterator<Item = f32>) -> Result<Vec<f16>> {
    let mut all = Vec::new();
    for value in values {
        let rounded = f16::from_f32(value);
        if !rounded.is_finite() {
            let message =
                format!("layer '{layer}' holds {value:.1e}, expected numbers within the range of f16 (65504)");
            return Err(Error::input(message).hint("export it with --precision f32 or int8"));
        }
        all.push(rounded);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, array};

    use super::super::fold::FoldedLayer;
    use super::*;

    #[test]
    fn numbers_beyond_float16_are_named_with_their_layer() {
        let layer = |weight: f32| {
            let weight = array![[1.0, weight]];
            vec![FoldedLayer { name: "block1.layer0".into(), weight, bias: Array1::zeros(1) }]
        };
        let rounded = round(&layer(65504.0)).unwrap();
        assert_eq!((rounded.weights[0].dims(), rounded.weights[0].values()[1]), (&[2, 1][..], f16::MAX));
        let message = round(&layer(-7e4)).unwrap_err().to_string();
        assert_eq!(message, "layer 'block1.layer0' holds -7.0e4, expected numbers within the range of f16 (65504)");
    }
}

//! Hidden layers whose weights keep fewer bits of their fraction: still float32, but archives, wheels and downloads pack what is
//! left into less.

use poselift::{Error, Result};
use poselift_onnx::{Blocks, Dense, Network, Weights};

/// Bits of a float32's fraction (IEEE 754).
pub const ALL_BITS: u32 = 23;

/// The network with the weights of its hidden layers rounded to the nearest number of `bits` bits of fraction, 1 to [`ALL_BITS`].
///
/// # Errors
/// Hidden layers in another precision than float32.
pub fn shorten(network: Network, bits: u32) -> Result<Network> {
    let Blocks::F32(blocks) = &network.blocks else {
        let message = format!("--mantissa with hidden layers in {}, expected f32", network.blocks.precision());
        return Err(Error::usage(message));
    };
    let blocks = blocks.iter().map(|layers| layers.iter().map(|layer| shorter(layer, bits)).collect()).collect();
    Ok(Network { blocks: Blocks::F32(blocks), ..network })
}

fn shorter(layer: &Dense<f32>, bits: u32) -> Dense<f32> {
    let weights = layer.weights.iter().map(|weights| shortened(weights, bits)).collect();
    Dense { weights, bias: layer.bias.clone() }
}

fn shortened(weights: &Weights<f32>, bits: u32) -> Weights<f32> {
    Weights::new(weights.dims(), weights.values().iter().map(|&value| nearest(value, bits)))
}

/// The nearest number with `bits` bits of fraction; of two that are as near the even one. What would be infinite is cut instead.
fn nearest(value: f32, bits: u32) -> f32 {
    let dropped = ALL_BITS.saturating_sub(bits);
    if dropped == 0 {
        return value;
    }
    let raw = value.to_bits();
    let unit = 1u32 << dropped;
    let is_odd = raw >> dropped & 1;
    // A carry goes on into the exponent, as it should.
    let rounded = f32::from_bits((raw + (unit / 2 - 1) + is_odd) & !(unit - 1));
    if rounded.is_finite() { rounded } else { f32::from_bits(raw & !(unit - 1)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_become_the_nearest_of_so_many_bits() {
        // Steps of 1/4 between 1 and 2, of 1/2 between 2 and 4.
        for (value, expected) in [
            (1.1, 1.0),
            (1.125, 1.0),
            (1.13, 1.25),
            (1.375, 1.5),
            (-1.9, -2.0),
            (2.3, 2.5),
            (0.0, 0.0),
            (f32::MAX, 1.75 * 2f32.powi(127)),
        ] {
            assert_eq!(nearest(value, 2), expected, "{value}");
        }
        assert_eq!(nearest(1.1, ALL_BITS), 1.1);
        let worst = (1..10_000).map(|n| n as f32 * 0.01).map(|x| ((nearest(x, 15) - x) / x).abs()).fold(0.0, f32::max);
        assert!((1.2e-5..1.53e-5).contains(&worst), "{worst}");
    }
}

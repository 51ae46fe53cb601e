//! A trained lifter's folded layers as the network that a model file holds.

use ndarray::Array1;
use poselift::Result;
use poselift::model::Precision;
use poselift_onnx::{Blocks, Dense, Features, InputSign, Network, QuantisedDense, QuantisedPlane, Weights};

use super::float16;
use super::planes::{Layer, Planes};
use super::quantise::quantise;
use crate::trained::{InputTransform, TrainedLifter};

/// The network of a lifter whose linear parts are `layers`, its residual blocks in `precision`.
///
/// # Errors
/// A weight beyond the range of the precision; it names its layer.
pub(super) fn network(lifter: &TrainedLifter, layers: &Planes, precision: Precision) -> Result<Network> {
    let joints_in = lifter.input_card.joints.len();
    let channels = lifter.input_card.channels;
    Ok(Network {
        joints_in,
        channels,
        joints_out: lifter.output_card.joints.len(),
        sigma: lifter.output_card.sigma,
        features: match lifter.transform {
            InputTransform::Centred => Features::Centred,
            InputTransform::Absolute => {
                Features::Absolute(Weights::new(&[joints_in, channels], lifter.input_zscore.mean.iter().copied()))
            }
        },
        input: dense(&layers.input),
        input_relu: layers.input_relu,
        blocks: match precision {
            Precision::F32 => Blocks::F32(each_layer(&layers.blocks, |_, layer| Ok(dense(layer)))?),
            Precision::F16 => Blocks::F16(each_layer(&layers.blocks, |_, layer| float16::round(layer))?),
            Precision::Int8 => Blocks::Int8(each_layer(&layers.blocks, |number, layer| {
                Ok(quantised(layer, InputSign::of(number, layers.input_relu)))
            })?),
        },
        output: dense(&layers.output),
        memory: None,
    })
}

/// All blocks; `written` writes each layer by its number in the block.
fn each_layer<L>(blocks: &[Vec<Layer>], written: impl Fn(usize, &Layer) -> Result<L>) -> Result<Vec<Vec<L>>> {
    let mut all = Vec::new();
    for block in blocks {
        let layers: Result<Vec<L>> = block.iter().enumerate().map(|(number, layer)| written(number, layer)).collect();
        all.push(layers?);
    }
    Ok(all)
}

/// The layer in float32, its weights transposed to `[in, out]` as products read them.
fn dense(layer: &Layer) -> Dense<f32> {
    let mut weights = Vec::new();
    for plane in layer {
        let (outputs, inputs) = plane.weight.dim();
        weights.push(Weights::new(&[inputs, outputs], plane.weight.t().iter().copied()));
    }
    Dense { weights, bias: vector(&layer[0].bias) }
}

/// The layer in 8 bits; `first` says what its first plane reads.
fn quantised(layer: &Layer, first: InputSign) -> QuantisedDense {
    let mut planes = Vec::new();
    for (plane, sign) in layer.iter().zip([first, InputSign::Signed]) {
        let quantised = quantise(plane);
        let (outputs, inputs) = quantised.codes.dim();
        planes.push(QuantisedPlane {
            codes: Weights::new(&[inputs, outputs], quantised.codes.t().iter().copied()),
            scales: Weights::new(&[outputs], quantised.scales.iter().map(|scale| scale * sign.step())),
        });
    }
    QuantisedDense { planes, bias: vector(&layer[0].bias) }
}

fn vector(values: &Array1<f32>) -> Weights<f32> {
    Weights::new(&[values.len()], values.iter().copied())
}

//! A memory's weights as a model file has them, and back: there its scales, the root's rest and sigma's factor are in the weights.

use poselift_onnx::{Dense, Memory, Weights};
use tch::{Kind, Tensor};

use super::{CORRECTION, MemoryNet, SIGMA_CORRECTION, Shape};
use crate::net::numbers;

impl Shape {
    /// The flat parameters of a memory as a model file has it: what [`MemoryNet::to_arrays`] did, undone.
    pub(super) fn unfolded(self, memory: &Memory) -> Tensor {
        let encoder = weight_of(&memory.encoder) / self.input_scales();
        let encoder_bias = bias_of(&memory.encoder) + encoder.narrow(1, encoder.size()[1] - 1, 1).squeeze_dim(1);
        let corrections = self.output_scales();
        let parts = [
            encoder,
            encoder_bias,
            weight_of(&memory.input_gates),
            weight_of(&memory.state_gates),
            bias_of(&memory.input_gates),
            bias_of(&memory.state_gates),
            weight_of(&memory.decoder),
            bias_of(&memory.decoder),
            weight_of(&memory.correction) / corrections.unsqueeze(1),
            bias_of(&memory.correction) / corrections,
        ];
        Tensor::cat(&parts.map(|part| part.flatten(0, -1)), 0).to_kind(Kind::Float)
    }
}

impl MemoryNet {
    /// See [`Self::to_arrays`].
    pub(super) fn folded(&self) -> Memory {
        let joints = self.shape.joints;
        let [encoder, encoder_bias, input, state, input_bias, state_bias, decoder, decoder_bias, last, last_bias] =
            self.parts(&self.ema.to_kind(Kind::Double));
        // dt·30 − 1: the 1 goes into the bias.
        let encoder_bias = encoder_bias - encoder.narrow(1, encoder.size()[1] - 1, 1).squeeze_dim(1);
        let encoder = encoder * self.shape.input_scales().to_device(self.ema.device());
        let correction = correction_of(&last, joints);
        let correction_bias = correction_of(&last_bias, joints);
        let log_factor = self.sigma_factor.to_kind(Kind::Double).log();
        let _ = correction_bias.narrow(0, joints * 3, joints).g_add_(&log_factor);
        Memory {
            encoder: dense(&encoder, &encoder_bias),
            input_gates: dense(&input, &input_bias),
            state_gates: dense(&state, &state_bias),
            decoder: dense(&decoder, &decoder_bias),
            correction: dense(&correction, &correction_bias),
        }
    }
}

/// `[out, in]` in f64.
fn weight_of(layer: &Dense<f32>) -> Tensor {
    tensor(&layer.weights[0]).tr()
}

/// `[out]` in f64.
fn bias_of(layer: &Dense<f32>) -> Tensor {
    tensor(&layer.bias)
}

fn tensor(weights: &Weights<f32>) -> Tensor {
    let size: Vec<i64> = weights.dims().iter().map(|&length| length as i64).collect();
    Tensor::from_slice(&weights.values()).view(size.as_slice()).to_kind(Kind::Double)
}

/// The last layer's weight or bias, `[4·J, …]`, scaled to metres and e-folds, the root's coordinates taken off all others.
fn correction_of(numbers: &Tensor, joints: i64) -> Tensor {
    let coordinates = numbers.narrow(0, 0, joints * 3) * CORRECTION;
    let root = coordinates.narrow(0, 0, 3);
    let repeats: Vec<i64> = std::iter::once(joints).chain(std::iter::repeat_n(1, root.dim() - 1)).collect();
    let relative = &coordinates - root.repeat(repeats.as_slice());
    Tensor::cat(&[relative, numbers.narrow(0, joints * 3, joints) * SIGMA_CORRECTION], 0)
}

/// A layer of the weight `[out, in]` and the bias `[out]`.
fn dense(weight: &Tensor, bias: &Tensor) -> Dense<f32> {
    // A file has weights as [in, out].
    let turned = weight.tr().contiguous();
    Dense { weights: vec![weights(&turned)], bias: weights(bias) }
}

fn weights(tensor: &Tensor) -> Weights<f32> {
    let dims: Vec<usize> = tensor.size().iter().map(|&length| length as usize).collect();
    Weights::new(&dims, numbers(tensor))
}

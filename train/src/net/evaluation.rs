//! The network as it lifts: the average where there is one, running statistics, no dropout, everything in f32.

use tch::Tensor;

use super::buffers::{Layer, Weight};
use super::{LiftNet, composed, inner_layers, kernel, last_layer};
use crate::config::InputBlock;

impl LiftNet {
    /// Poses `[B, J, 3]` of `features` `[B, F]` in evaluation mode (running statistics, no dropout), and σ `[B, J]`
    /// where the network has it.
    pub fn lift(&self, features: &Tensor) -> (Tensor, Option<Tensor>) {
        tch::no_grad(|| {
            let layers = self.lifting_layers();
            let mut x = evaluate(&layers[0], &self.split(&self.standardised(features)));
            if self.config.input_block == InputBlock::Full {
                x = rectified(&x);
            }
            for block in inner_layers(layers).chunks(self.config.layers_per_block.max(1)) {
                let first = x.iter().map(Tensor::shallow_clone).collect();
                let branch: Vec<Tensor> = block.iter().fold(first, |y, layer| rectified(&evaluate(layer, &y)));
                x = x.iter().zip(&branch).map(|(x, branch)| x + branch).collect();
            }
            let output = self.joined(evaluate(last_layer(layers), &x));
            let sigma = self.sigma.as_ref().map(|sigma| sigma.of(&self.raw_sigma(&output)));
            (self.poses_of(&output), sigma)
        })
    }

    /// The features in planes.
    pub(super) fn split(&self, features: &Tensor) -> Vec<Tensor> {
        match &self.bases {
            Some((input, _)) => input.split(features),
            None => vec![features.shallow_clone()],
        }
    }

    /// The outputs out of planes.
    pub(super) fn joined(&self, mut output: Vec<Tensor>) -> Tensor {
        match &self.bases {
            Some((_, basis)) => basis.join(&output),
            None => output.remove(0),
        }
    }
}

/// A layer's planes in evaluation mode.
fn evaluate(layer: &Layer, x: &[Tensor]) -> Vec<Tensor> {
    let z = exact(layer, x);
    match &layer.norm {
        None => z,
        Some(norm) => {
            let inverse_std = (&norm.running_variance + f64::from(kernel::EPSILON)).rsqrt();
            composed::affine(&composed::normalised(&z, &norm.running_mean, &inverse_std), norm)
        }
    }
}

/// ReLU of planes.
fn rectified(x: &[Tensor]) -> Vec<Tensor> {
    let twins: Vec<Tensor> = composed::exchanged(x).iter().map(Tensor::relu).collect();
    composed::exchanged(&twins)
}

/// `x`·Wᵀ + b in f32, plane by plane; only the first has a b.
pub(super) fn exact(layer: &Layer, x: &[Tensor]) -> Vec<Tensor> {
    let product = |(plane, (x, weight)): (usize, (&Tensor, &Weight))| {
        let weight = weight.value.tr();
        if plane == 0 { layer.bias.addmm(x, &weight) } else { x.mm(&weight) }
    };
    x.iter().zip(&layer.weights).enumerate().map(product).collect()
}

//! Evaluation mode: the EMA if there is one, running statistics, no dropout, everything in f32.

use tch::Tensor;

use super::layer::{EPSILON, Layer, Layers};
use super::linear::linear_f32;
use super::planes::Planes;
use super::{LiftNet, tensor_ops};
use crate::config::InputBlock;

impl LiftNet {
    /// Poses `[B, J, 3]` of `features` `[B, F]` in evaluation mode (running statistics, no dropout), and σ `[B, J]`
    /// if the network has it.
    pub fn lift(&self, features: &Tensor) -> (Tensor, Option<Tensor>) {
        tch::no_grad(|| {
            let layers = self.lifting_layers();
            let x = self.through_blocks(layers, features, evaluate);
            let output = self.standardiser.output_from_planes(&evaluate(&layers.output, &x));
            let sigma = self.sigma.as_ref().map(|sigma| sigma.of(&self.standardiser.raw_sigma(&output)));
            (self.standardiser.poses(&output), sigma)
        })
    }

    /// Only the poses of [`Self::lift`].
    pub fn poses(&self, features: &Tensor) -> Tensor {
        self.lift(features).0
    }

    /// Scales σ so that 68 % of `distance` `[B, J]` is within `sigma` `[B, J]`, which [`Self::lift`] returned for the
    /// same people.
    pub fn calibrate(&mut self, sigma: &Tensor, distance: &Tensor) {
        if let Some(own) = &self.sigma {
            own.calibrate(sigma, distance);
        }
    }

    /// The hidden units in front of the output layer, of `features` `[B, F]`; `apply` is what each of `layers` does in front of its
    /// ReLU.
    pub(super) fn through_blocks(
        &self,
        layers: &Layers,
        features: &Tensor,
        apply: impl Fn(&Layer, &Planes) -> Planes,
    ) -> Planes {
        let mut x = apply(&layers.input, &self.standardiser.features_to_planes(features));
        if self.config.input_block == InputBlock::Full {
            x = rectified(&x);
        }
        for block in layers.hidden.chunks(self.config.layers_per_block.max(1)) {
            let first = x.map(|(_, plane)| plane.shallow_clone());
            let branch = block.iter().fold(first, |y, layer| rectified(&apply(layer, &y)));
            x = x.zip_map(&branch, |x, branch| x + branch);
        }
        x
    }

    /// The layers for lifting: the EMA's, if there is one.
    pub(super) fn lifting_layers(&self) -> &Layers {
        self.ema.as_ref().map_or(&self.buffers.layers, |ema| &ema.layers)
    }
}

/// A layer in evaluation mode.
fn evaluate(layer: &Layer, x: &Planes) -> Planes {
    let z = linear_f32(layer, x);
    match &layer.norm {
        None => z,
        Some(norm) => {
            let inverse_std = (&norm.running_variance + f64::from(EPSILON)).rsqrt();
            tensor_ops::affine(&tensor_ops::normalised(&z, &norm.running_mean, &inverse_std), norm)
        }
    }
}

/// ReLU of the units.
fn rectified(x: &Planes) -> Planes {
    x.to_twins().map(|(_, units)| units.relu()).to_planes()
}

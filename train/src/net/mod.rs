//! The lifting network of Martinez et al. 2017 and of the assignment, with its own forward and backward pass.
//!
//! The gradient of Linear, BatchNorm, ReLU and Dropout in residual blocks fits on a page, and writing it out has
//! three advantages over a recorded graph: every gradient is written to one flat buffer (`layer`) that Adam walks
//! once, a step allocates nothing, and the operations between two matrix products are one pass over memory (`cpu`). A
//! test compares it with libtorch's autograd.
//!
//! A training step is `step`: `pass` takes the batch forward and its gradient backward through `linear` layers and
//! `activation`s, `adam` updates the weights, `ema` averages them. `evaluate` lifts, `to_arrays` gives the arrays to
//! the exporter, `from_arrays` takes them back. Activations are in `planes`: one, or the two of `symmetry`.
//!
//! With [`TrainPrecision::Bf16`] everything between the input and the output layer is multiplied, and kept, in bf16,
//! and so are all gradients. The statistics, the optimiser and the outputs of those two layers, which are
//! coordinates, stay in f32.

mod activation;
mod adam;
mod cpu;
mod ema;
mod evaluate;
mod from_arrays;
mod layer;
mod linear;
mod pass;
mod planes;
mod sigma;
mod standardisation;
mod step;
mod symmetry;
mod tensor_ops;
mod to_arrays;

pub(crate) use adam::adam_step;
pub(crate) use sigma::SIGMA_SHARE;
pub use standardisation::Standardisation;
pub use step::{Step, mix_seed};
pub use symmetry::Mirror;
pub(crate) use to_arrays::numbers;

use poselift::Result;
use tch::{Device, Kind, Tensor};

use ema::Ema;
use layer::Buffers;
use pass::Workspace;
use sigma::Sigma;
use standardisation::Standardiser;

use crate::config::{FitConfig, NetworkConfig, TrainPrecision};

/// The lifting network with all state of training.
#[derive(Debug)]
pub struct LiftNet {
    config: NetworkConfig,
    standardisation: Standardisation,
    standardiser: Standardiser,
    buffers: Buffers,
    /// The weights for lifting, if they differ from those of the last step.
    ema: Option<Ema>,
    workspace: Option<Workspace>,
    device: Device,
    sigma: Option<Sigma>,
    steps: u64,
}

impl LiftNet {
    /// A network with fresh weights between the two ends of `standardisation`; a mirror-equivariant one has an even
    /// number of hidden units.
    ///
    /// Weights and biases start uniform in ±1/√(inputs), as PyTorch's Linear does; γ at 1, β at 0. Hidden layers are
    /// multiplied in `precision`, which must not be `Auto`.
    pub fn new(
        config: &NetworkConfig,
        standardisation: impl Into<Standardisation>,
        precision: TrainPrecision,
        device: Device,
        seed: u64,
    ) -> Self {
        let standardisation = standardisation.into().evened();
        let standardiser = Standardiser::new(&standardisation, config.sigma, device);
        let features = standardiser.feature_widths();
        let outputs = standardiser.output_widths(config.sigma);
        let shapes = layer::layer_shapes(config, features, outputs);
        let reflection = standardisation.mirror.as_ref().map(|mirror| &mirror.output);
        let net = Self {
            config: config.clone(),
            buffers: Buffers::new(&shapes, precision, device),
            ema: None,
            workspace: None,
            device,
            sigma: config.sigma.then(|| Sigma::new(&standardisation.output, reflection, device)),
            steps: 0,
            standardisation,
            standardiser,
        };
        net.initialise(seed);
        net
    }

    /// The network of the run `config` before its first step.
    pub fn for_run(config: &FitConfig, standardisation: impl Into<Standardisation>, device: Device) -> Self {
        Self::new(&config.network, standardisation, config.precision, device, config.seed).with_ema(config.ema)
    }

    /// The same network, lifting with the EMA of its weights (`ema`) if there is a `decay`.
    pub fn with_ema(mut self, decay: Option<f64>) -> Self {
        self.ema = decay.map(|decay| Ema::new(decay, &self.buffers));
        self
    }

    fn initialise(&self, seed: u64) {
        tch::manual_seed(mix_seed(seed, 0) as i64);
        for layer in self.buffers.layers.iter() {
            for weight in &layer.weights {
                draw(&weight.value, weight.value.size()[1]);
            }
            draw(&layer.bias, layer.weights[0].value.size()[1]);
            if let Some(norm) = &layer.norm {
                let _ = norm.gamma.shallow_clone().fill_(1.0);
                let _ = norm.running_variance.shallow_clone().fill_(1.0);
            }
        }
        self.buffers.refresh_copy();
    }

    /// The device that the network lives on.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Steps taken so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Weights, biases, γ and β.
    pub fn parameter_count(&self) -> u64 {
        self.buffers.parameters.numel() as u64
    }

    /// The state of training as named tensors, to save; see [`Self::load_state`].
    pub fn state(&self) -> Vec<(String, Tensor)> {
        self.named().into_iter().map(|(name, tensor)| (name.to_owned(), tensor.shallow_clone())).collect()
    }

    fn named(&self) -> Vec<(&'static str, &Tensor)> {
        let sigma = self.sigma.iter().map(|sigma| ("sigma_scale", sigma.scale()));
        let ema = self.ema.iter().flat_map(Ema::named);
        self.buffers.named().into_iter().chain(sigma).chain(ema).collect()
    }

    /// Loads a saved state of a network of the same shape, after `steps` steps.
    ///
    /// # Errors
    /// A tensor is missing or has another length.
    pub fn load_state(&mut self, state: &[(String, Tensor)], steps: u64) -> Result<()> {
        for (name, target) in self.named() {
            let found = state.iter().find(|(saved, _)| saved == name);
            let Some((_, saved)) = found.filter(|(_, saved)| saved.size() == target.size()) else {
                let size = found.map_or("nothing".into(), |(_, saved)| format!("{:?} numbers", saved.size()));
                let message = format!("the checkpoint holds {size} as '{name}', expected {:?}", target.size());
                return Err(poselift::Error::input(message));
            };
            target.shallow_clone().copy_(saved);
        }
        self.buffers.refresh_copy();
        self.steps = steps;
        Ok(())
    }
}

/// Fills `part` of a layer that has so many `inputs`, uniform in ±1/√(inputs), from libtorch's generator.
fn draw(part: &Tensor, inputs: i64) {
    let bound = 1.0 / (inputs as f64).sqrt();
    // Drawn on the CPU so that every device starts from the same numbers.
    let drawn = Tensor::empty(part.size(), (Kind::Float, Device::Cpu)).uniform_(-bound, bound);
    part.shallow_clone().copy_(&drawn);
}

#[cfg(test)]
mod tests;

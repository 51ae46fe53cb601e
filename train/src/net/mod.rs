//! The lifting network of Martinez et al. 2017 and of the assignment, with its
//! own forward and backward pass.
//!
//! Linear, BatchNorm, ReLU, Dropout in residual blocks has a gradient that
//! fits on a page, and writing it out buys three things over a recorded graph:
//! every gradient lands in one flat buffer that Adam walks once, nothing is
//! allocated in a step, and what stands between two matrix products is one
//! pass over memory (`kernel`). A test holds it against libtorch's autograd.
//!
//! With [`Precision::Bf16`] what lies between the input and the output layer is
//! multiplied, and kept, in bf16, and so are all gradients; the statistics, the
//! optimiser and what those two layers give, whose numbers are coordinates, stay
//! in f32.

mod activation;
mod adam;
mod average;
mod buffers;
mod composed;
mod ends;
mod evaluation;
mod kept;
mod kernel;
mod mirror;
mod number;
mod parallel;
mod pass;
mod plain;
mod product;
mod sigma;

pub use ends::Ends;
pub use mirror::Mirror;
pub(crate) use plain::numbers;

use poselift::Result;
use tch::{Device, Kind, Tensor};

use average::Average;
use buffers::{Buffers, Layer};
use ends::Basis;
use pass::Workspace;
use sigma::Sigma;

use crate::config::{FitConfig, Loss, NetworkConfig, Precision};
use crate::trained::ZScore;

/// The lifting network with everything that training changes.
#[derive(Debug)]
pub struct LiftNet {
    config: NetworkConfig,
    /// Of the features and of the outputs, where the network keeps to a mirror.
    bases: Option<(Basis, Basis)>,
    buffers: Buffers,
    /// What it lifts with, if that is not what the last step left.
    average: Option<Average>,
    workspace: Option<Workspace>,
    device: Device,
    /// `[features]` mean and reciprocal deviation of the input.
    input_mean: Tensor,
    input_scale: Tensor,
    /// `[coordinates]` mean and deviation of the output.
    output_mean: Tensor,
    output_std: Tensor,
    zscores: (ZScore, ZScore),
    sigma: Option<Sigma>,
    steps: u64,
}

/// How one training step is taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// What is made small.
    pub loss: Loss,
    /// Adam's learning rate.
    pub learning_rate: f64,
    /// Whether σ learns too, where the network has it.
    pub learn_sigma: bool,
    /// Seed of the dropout.
    pub seed: u64,
}

impl Step {
    /// A step of a network that says nothing of its uncertainty.
    pub fn new(loss: Loss, learning_rate: f64, seed: u64) -> Self {
        Self { loss, learning_rate, learn_sigma: false, seed }
    }
}

/// Random numbers in a row from one: SplitMix64 (Steele et al. 2014), for seeds of seeds.
pub fn mix_seed(seed: u64, stream: u64) -> u64 {
    let mut x = seed.wrapping_add(stream.wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

impl LiftNet {
    /// A network with fresh weights between `ends`; one that keeps to a mirror has an even number of hidden units.
    ///
    /// Weights and biases start uniform in ±1/√(inputs), as PyTorch's Linear does; γ at 1, β at 0. Hidden layers are
    /// multiplied in `precision`, which has to be one that is known.
    pub fn new(config: &NetworkConfig, ends: impl Into<Ends>, precision: Precision, device: Device, seed: u64) -> Self {
        let Ends { mut input, mut output, mirror } = ends.into();
        let bases = mirror.as_ref().map(|mirror| {
            (input, output) = (mirror.input.evened(&input), mirror.output.evened(&output));
            let with_sigma = config.sigma.then(|| mirror.output.with_sigma());
            (Basis::of(&mirror.input, device), Basis::of(with_sigma.as_ref().unwrap_or(&mirror.output), device))
        });
        let plain = (input.mean.len() as i64, output.mean.len() as i64);
        let outputs = plain.1 + if config.sigma { plain.1 / 3 } else { 0 };
        let (features, outputs) = match &bases {
            Some((features, outputs)) => (features.widths(), outputs.widths()),
            None => ((plain.0, None), (outputs, None)),
        };
        let shapes = buffers::layer_shapes(config, features, outputs);
        let buffers = Buffers::new(&shapes, precision, device);
        let to_device = |values: &[f32]| Tensor::from_slice(values).to_device(device);
        let reciprocal: Vec<f32> = input.std.iter().map(|&std| if std > 0.0 { 1.0 / std } else { 0.0 }).collect();
        let net = Self {
            config: config.clone(),
            average: None,
            workspace: None,
            device,
            input_mean: to_device(&input.mean.to_vec()),
            input_scale: to_device(&reciprocal),
            output_mean: to_device(&output.mean.to_vec()),
            output_std: to_device(&output.std.to_vec()),
            sigma: config.sigma.then(|| Sigma::new(&output, mirror.as_ref().map(|mirror| &mirror.output), device)),
            bases,
            zscores: (input, output),
            steps: 0,
            buffers,
        };
        net.initialise(seed);
        net
    }

    /// The network of the run `config` before its first step, between `ends`.
    pub fn for_run(config: &FitConfig, ends: impl Into<Ends>, device: Device) -> Self {
        Self::new(&config.network, ends, config.precision, device, config.seed).averaged(config.ema)
    }

    /// The same network, which lifts with the running average of what it learns (`average`), if there is a `decay`.
    pub fn averaged(mut self, decay: Option<f64>) -> Self {
        self.average = decay.map(|decay| Average::new(decay, &self.buffers));
        self
    }

    fn initialise(&self, seed: u64) {
        tch::manual_seed(mix_seed(seed, 0) as i64);
        for layer in &self.buffers.layers {
            let bound = |weight: &Tensor| 1.0 / (weight.size()[1] as f64).sqrt();
            let weights = layer.weights.iter().map(|weight| (&weight.value, bound(&weight.value)));
            for (part, bound) in weights.chain([(&layer.bias, bound(&layer.weights[0].value))]) {
                // Drawn on the CPU so that every device starts from the same numbers.
                let draw = Tensor::empty(part.size(), (Kind::Float, Device::Cpu)).uniform_(-bound, bound);
                part.shallow_clone().copy_(&draw);
            }
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
        let average = self.average.iter().flat_map(Average::named);
        self.buffers.named().into_iter().chain(sigma).chain(average).collect()
    }

    /// Takes over a saved state of a network of the same shape, after `steps` steps.
    ///
    /// # Errors
    /// A tensor that is missing or of another length.
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

    /// One training step: forward, loss, backward, Adam; then the average, where there is one.
    ///
    /// `features` is `[B, F]`, `target` `[B, J, 3]`, both on the network's device, B ≥ 2 with BatchNorm.
    /// Returns the batch's MPJPE as a tensor of no dimensions, unread: nothing waits for the device.
    pub fn step(&mut self, features: &Tensor, target: &Tensor, step: Step) -> Tensor {
        self.step_taught(features, target, None, step)
    }

    /// As [`Self::step`]; with what a teacher makes of the same key points, `[B, J, 3]`, that counts as much as `target`.
    pub fn step_taught(&mut self, features: &Tensor, target: &Tensor, taught: Option<&Tensor>, step: Step) -> Tensor {
        tch::no_grad(|| {
            let rows = features.size()[0];
            self.reserve(rows);
            let input = self.split(&self.standardised(features));
            let output = self.forward(&input, step.seed);
            let (mpjpe, gradient) = self.loss(&output, target, taught, step);
            self.backward(&input, &gradient, step.seed);
            self.steps += 1;
            activation::adam(&self.buffers, self.steps, step.learning_rate);
            if let Some(average) = &self.average {
                average.follow(&self.buffers, self.steps);
            }
            mpjpe
        })
    }

    /// Poses alone, as [`Self::lift`] gives them.
    pub fn poses(&self, features: &Tensor) -> Tensor {
        self.lift(features).0
    }

    /// Scales σ so that 68 % of `distance` `[B, J]` stays within `sigma` `[B, J]`, which [`Self::lift`] gave for the
    /// same people.
    pub fn calibrate(&mut self, sigma: &Tensor, distance: &Tensor) {
        if let Some(own) = &self.sigma {
            own.calibrate(sigma, distance);
        }
    }

    /// `[B, J, 3]` of the last layer's output.
    fn poses_of(&self, output: &Tensor) -> Tensor {
        let coordinates = self.output_mean.size()[0];
        let poses = output.narrow(1, 0, coordinates) * &self.output_std + &self.output_mean;
        poses.view([output.size()[0], -1, 3])
    }

    /// `[B, J]` of the last layer's output.
    fn raw_sigma(&self, output: &Tensor) -> Tensor {
        let coordinates = self.output_mean.size()[0];
        output.narrow(1, coordinates, coordinates / 3)
    }

    fn standardised(&self, features: &Tensor) -> Tensor {
        (features - &self.input_mean) * &self.input_scale
    }

    /// What the network lifts with: the average, where there is one.
    fn lifting_layers(&self) -> &[Layer] {
        self.average.as_ref().map_or(&self.buffers.layers, |average| &average.layers)
    }

    fn hidden_layers(&self) -> &[Layer] {
        inner_layers(&self.buffers.layers)
    }

    fn output_layer(&self) -> &Layer {
        last_layer(&self.buffers.layers)
    }

    /// The batch's MPJPE and the loss's gradient with respect to the last layer's output.
    fn loss(&self, output: &Tensor, target: &Tensor, taught: Option<&Tensor>, step: Step) -> (Tensor, Tensor) {
        let poses = self.poses_of(output);
        let (distance, own) = self.toward(&poses, target, step.loss);
        let gradient = match taught {
            None => own,
            Some(taught) => (own + self.toward(&poses, taught, step.loss).1) * 0.5,
        };
        let gradient = match &self.sigma {
            None => gradient,
            Some(sigma) => {
                let own = sigma.gradient(&self.raw_sigma(output), &distance.squeeze_dim(2));
                Tensor::cat(&[gradient, own * f64::from(u8::from(step.learn_sigma))], 1)
            }
        };
        (distance.mean(Kind::Float), gradient)
    }

    /// How far joints are from `target`, `[B, J, 1]`, and the loss's gradient with respect to the coordinates that the last
    /// layer gives, `[B, J·3]`.
    fn toward(&self, poses: &Tensor, target: &Tensor, loss: Loss) -> (Tensor, Tensor) {
        let error = poses - target;
        let (rows, joints) = (error.size()[0], error.size()[1]);
        let distance = error.square().sum_dim_intlist(&[-1i64][..], true, Kind::Float).sqrt();
        let gradient = match loss {
            Loss::Mpjpe => {
                let unit = &error / distance.clamp_min(1e-9);
                unit.view([rows, joints * 3]) * &self.output_std / (rows * joints) as f64
            }
            Loss::Mse => {
                let scale = self.output_std.reciprocal().nan_to_num(0.0, 0.0, 0.0);
                error.view([rows, joints * 3]) * scale * 2.0 / (rows * joints * 3) as f64
            }
        };
        (distance, gradient)
    }
}

/// All but the input and the output layer.
fn inner_layers(layers: &[Layer]) -> &[Layer] {
    &layers[1..layers.len() - 1]
}

fn last_layer(layers: &[Layer]) -> &Layer {
    &layers[layers.len() - 1]
}

#[cfg(test)]
mod tests;

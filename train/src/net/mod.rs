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
mod buffers;
mod kernel;
mod number;
mod parallel;
mod plain;
mod sigma;

pub(crate) use plain::numbers;

use poselift::Result;
use tch::{Device, Kind, Tensor};

use activation::{Drop, Saved};
use buffers::{Buffers, Layer};
use sigma::Sigma;

use crate::config::{InputBlock, Loss, NetworkConfig, Precision};
use crate::trained::ZScore;

/// Where a step reads and writes: buffers for the largest batch, reused.
#[derive(Debug)]
struct Workspace {
    rows: i64,
    /// One for each hidden layer with an activation, in order.
    saved: Vec<Saved>,
    /// `[rows, hidden]` the input of each block, and of the output layer.
    streams: Vec<Tensor>,
    /// `[rows, hidden]` gradients on their way down.
    gradient: Tensor,
    branch: Tensor,
    z_gradient: Tensor,
    /// `[hidden, hidden]` a weight's gradient before it is f32, where products are in bf16.
    weight_gradient: Option<Tensor>,
}

/// The lifting network with everything that training changes.
#[derive(Debug)]
pub struct LiftNet {
    config: NetworkConfig,
    buffers: Buffers,
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
    /// A network with fresh weights for features and coordinates standardised by `input` and `output`.
    ///
    /// Weights and biases start uniform in ±1/√(inputs), as PyTorch's Linear does; γ at 1, β at 0. Hidden layers are
    /// multiplied in `precision`, which has to be one that is known.
    pub fn new(
        config: &NetworkConfig,
        (input, output): (ZScore, ZScore),
        precision: Precision,
        device: Device,
        seed: u64,
    ) -> Self {
        let shapes = buffers::layer_shapes(config, input.mean.len() as i64, output.mean.len() as i64);
        let buffers = Buffers::new(&shapes, precision, device);
        let to_device = |values: &[f32]| Tensor::from_slice(values).to_device(device);
        let reciprocal: Vec<f32> = input.std.iter().map(|&std| if std > 0.0 { 1.0 / std } else { 0.0 }).collect();
        let net = Self {
            config: config.clone(),
            workspace: None,
            device,
            input_mean: to_device(&input.mean.to_vec()),
            input_scale: to_device(&reciprocal),
            output_mean: to_device(&output.mean.to_vec()),
            output_std: to_device(&output.std.to_vec()),
            sigma: config.sigma.then(|| Sigma::new(&output, device)),
            zscores: (input, output),
            steps: 0,
            buffers,
        };
        net.initialise(seed);
        net
    }

    fn initialise(&self, seed: u64) {
        tch::manual_seed(mix_seed(seed, 0) as i64);
        for layer in &self.buffers.layers {
            let bound = 1.0 / (layer.shape.inputs as f64).sqrt();
            for part in [&layer.weight, &layer.bias] {
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
        self.buffers.named().into_iter().chain(sigma).collect()
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

    /// One training step: forward, loss, backward, Adam.
    ///
    /// `features` is `[B, F]`, `target` `[B, J, 3]`, both on the network's device, B ≥ 2 with BatchNorm.
    /// Returns the batch's MPJPE as a tensor of no dimensions, unread: nothing waits for the device.
    pub fn step(&mut self, features: &Tensor, target: &Tensor, step: Step) -> Tensor {
        tch::no_grad(|| {
            let rows = features.size()[0];
            self.reserve(rows);
            let input = self.standardised(features);
            let output = self.forward(&input, step.seed);
            let (mpjpe, gradient) = self.loss(&output, target, step);
            self.backward(&input, &gradient, step.seed);
            self.steps += 1;
            activation::adam(&self.buffers, self.steps, step.learning_rate);
            mpjpe
        })
    }

    /// Poses `[B, J, 3]` of `features` `[B, F]` in evaluation mode (running statistics, no dropout), and σ `[B, J]`
    /// where the network has it.
    pub fn lift(&self, features: &Tensor) -> (Tensor, Option<Tensor>) {
        tch::no_grad(|| {
            let mut x = self.evaluate(&self.buffers.layers[0], &self.standardised(features));
            if self.config.input_block == InputBlock::Full {
                x = x.relu();
            }
            for block in self.hidden_layers().chunks(self.config.layers_per_block.max(1)) {
                let branch = block.iter().fold(x.shallow_clone(), |y, layer| self.evaluate(layer, &y).relu());
                x += branch;
            }
            let output = self.evaluate(self.output_layer(), &x);
            let sigma = self.sigma.as_ref().map(|sigma| sigma.of(&self.raw_sigma(&output)));
            (self.poses_of(&output), sigma)
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

    fn hidden_layers(&self) -> &[Layer] {
        &self.buffers.layers[1..self.buffers.layers.len() - 1]
    }

    fn output_layer(&self) -> &Layer {
        &self.buffers.layers[self.buffers.layers.len() - 1]
    }

    fn evaluate(&self, layer: &Layer, x: &Tensor) -> Tensor {
        let z = layer.bias.addmm(x, &layer.weight.tr());
        match &layer.norm {
            None => z,
            Some(norm) => {
                let inverse_std = (&norm.running_variance + f64::from(kernel::EPSILON)).rsqrt();
                (z - &norm.running_mean) * (inverse_std * &norm.gamma) + &norm.beta
            }
        }
    }

    fn reserve(&mut self, rows: i64) {
        if self.workspace.as_ref().is_some_and(|workspace| workspace.rows >= rows) {
            return;
        }
        let hidden = self.config.hidden as i64;
        let kind = self.buffers.copy.as_ref().map_or(Kind::Float, Tensor::kind);
        let matrix = || Tensor::zeros([rows, hidden], (kind, self.device));
        let saved = |kind| Saved::new(rows, hidden, kind, self.device);
        let input = (self.config.input_block == InputBlock::Full).then(|| saved(Kind::Float));
        let inner = (0..self.hidden_layers().len()).map(|_| saved(kind));
        let weight_gradient = self.buffers.copy.as_ref().map(|_| Tensor::zeros([hidden, hidden], (kind, self.device)));
        self.workspace = Some(Workspace {
            rows,
            saved: input.into_iter().chain(inner).collect(),
            streams: (0..=self.config.blocks).map(|_| matrix()).collect(),
            gradient: matrix(),
            branch: matrix(),
            z_gradient: matrix(),
            weight_gradient,
        });
    }

    fn workspace(&self) -> &Workspace {
        self.workspace.as_ref().expect("reserve comes first in a step")
    }

    fn drop(&self, seed: u64, layer: usize) -> Drop {
        Drop { probability: self.config.dropout, seed: mix_seed(seed, 1 + layer as u64) as u32 }
    }

    /// `[B, coordinates]`, standardised; fills the workspace.
    fn forward(&self, input: &Tensor, seed: u64) -> Tensor {
        let rows = input.size()[0];
        let work = self.workspace();
        let first = &self.buffers.layers[0];
        let stream = |k: usize| work.streams[k].narrow(0, 0, rows);
        let mut next = 0;
        if self.config.input_block == InputBlock::Full {
            let _ = first.bias.addmm_out(&work.saved[0].z.narrow(0, 0, rows), input, &first.weight.tr());
            activation::forward(&work.saved[0], rows, first.norm.as_ref(), self.drop(seed, 0), None);
            work.streams[0].narrow(0, 0, rows).copy_(&work.saved[0].out.narrow(0, 0, rows));
            next = 1;
        } else if self.buffers.copy.is_some() {
            stream(0).copy_(&first.bias.addmm(input, &first.weight.tr()));
        } else {
            linear_into(&stream(0), first, input);
        }
        let per_block = self.config.layers_per_block;
        for (block, layers) in self.hidden_layers().chunks(per_block.max(1)).enumerate() {
            let mut x = stream(block);
            for (k, layer) in layers.iter().enumerate() {
                let saved = &work.saved[next];
                linear_into(&saved.z.narrow(0, 0, rows), layer, &x);
                let residual = (k + 1 == layers.len()).then(|| (&work.streams[block], &work.streams[block + 1]));
                activation::forward(saved, rows, layer.norm.as_ref(), self.drop(seed, next), residual);
                x = saved.out.narrow(0, 0, rows);
                next += 1;
            }
        }
        let output = self.output_layer();
        output.bias.addmm(&stream(self.config.blocks).to_kind(Kind::Float), &output.weight.tr())
    }

    /// The batch's MPJPE and the loss's gradient with respect to the last layer's output.
    fn loss(&self, output: &Tensor, target: &Tensor, step: Step) -> (Tensor, Tensor) {
        let error = self.poses_of(output) - target;
        let (rows, joints) = (error.size()[0], error.size()[1]);
        let distance = error.square().sum_dim_intlist(&[-1i64][..], true, Kind::Float).sqrt();
        let gradient = match step.loss {
            Loss::Mpjpe => {
                let unit = &error / distance.clamp_min(1e-9);
                unit.view([rows, joints * 3]) * &self.output_std / (rows * joints) as f64
            }
            Loss::Mse => {
                let scale = self.output_std.reciprocal().nan_to_num(0.0, 0.0, 0.0);
                error.view([rows, joints * 3]) * scale * 2.0 / (rows * joints * 3) as f64
            }
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

    /// Fills every gradient, from the output layer to the input layer.
    fn backward(&self, input: &Tensor, gradient: &Tensor, seed: u64) {
        let rows = input.size()[0];
        let work = self.workspace();
        let cut = |tensor: &Tensor| tensor.narrow(0, 0, rows);
        let (down, branch, z_gradient) = (cut(&work.gradient), cut(&work.branch), cut(&work.z_gradient));
        let output = self.output_layer();
        let gradient = gradient.to_kind(down.kind());
        end_gradients(output, &gradient, &cut(&work.streams[self.config.blocks]));
        let _ = gradient.mm_out(&down, &output.factors.0);
        let mut next = work.saved.len();
        let per_block = self.config.layers_per_block;
        for (block, layers) in self.hidden_layers().chunks(per_block.max(1)).enumerate().rev() {
            let mut incoming = &down;
            for (k, layer) in layers.iter().enumerate().rev() {
                next -= 1;
                let drop = self.drop(seed, next);
                activation::backward(&work.saved[next], rows, layer.norm.as_ref(), drop, incoming, &z_gradient);
                let x = if k == 0 { cut(&work.streams[block]) } else { cut(&work.saved[next - 1].out) };
                hidden_gradients(layer, &z_gradient, &x, work.weight_gradient.as_ref());
                if k == 0 {
                    let _ = down.shallow_clone().addmm_(&z_gradient, &layer.factors.0);
                } else {
                    let _ = z_gradient.mm_out(&branch, &layer.factors.0);
                }
                incoming = &branch;
            }
        }
        let first = &self.buffers.layers[0];
        if self.config.input_block == InputBlock::Full {
            let down = down.to_kind(Kind::Float);
            let z_gradient = down.zeros_like();
            activation::backward(&work.saved[0], rows, first.norm.as_ref(), self.drop(seed, 0), &down, &z_gradient);
            end_gradients(first, &z_gradient, input);
        } else {
            end_gradients(first, &down, &input.to_kind(down.kind()));
        }
    }
}

/// `z` = `x`·Wᵀ + b.
fn linear_into(z: &Tensor, layer: &Layer, x: &Tensor) {
    let (weight, bias) = &layer.factors;
    let _ = bias.addmm_out(z, x, &weight.tr());
}

/// The gradients of a hidden layer's W and b; `product` is where W's comes about if it is not in f32.
fn hidden_gradients(layer: &Layer, z_gradient: &Tensor, x: &Tensor, product: Option<&Tensor>) {
    let _ = z_gradient.tr().mm_out(product.unwrap_or(&layer.weight_gradient), x);
    if let Some(product) = product {
        layer.weight_gradient.shallow_clone().copy_(product);
    }
    bias_gradient(layer, z_gradient);
}

/// The gradients of the input or output layer's W and b.
fn end_gradients(layer: &Layer, z_gradient: &Tensor, x: &Tensor) {
    layer.weight_gradient.shallow_clone().copy_(&z_gradient.tr().mm(x));
    bias_gradient(layer, z_gradient);
}

/// In front of a BatchNorm a shift is taken out again, so b's gradient is exactly zero and stays so.
fn bias_gradient(layer: &Layer, z_gradient: &Tensor) {
    if layer.norm.is_none() {
        let sum = z_gradient.sum_dim_intlist(&[0i64][..], false, Kind::Float);
        layer.bias_gradient.shallow_clone().copy_(&sum);
    }
}

#[cfg(test)]
mod tests;

//! The training pass: a batch forward through the network, its gradient backward, and the buffers of both.

use tch::{Device, Kind, Tensor};

use super::activation::{Activation, DropoutSpec, Residual, SavedActivations};
use super::layer::NormViews;
use super::linear::{bias_gradient, input_gradient, linear_f32, linear_into, weight_gradients, weight_gradients_f32};
use super::planes::{PlaneShape, Planes};
use super::step::mix_seed;
use super::{LiftNet, cpu, tensor_ops};
use crate::config::InputBlock;

/// The buffers of a step, allocated for the largest batch and reused.
#[derive(Debug)]
pub(super) struct Workspace {
    /// Capacity in samples.
    rows: i64,
    /// One for each hidden layer with an activation, in order.
    pub saved: Vec<SavedActivations>,
    /// The residual path: the input of each block, and of the output layer.
    residual: Vec<Planes>,
    /// The gradient of the residual path.
    gradient: Planes,
    /// The gradient between two layers of a block.
    branch_gradient: Planes,
    /// The gradient between a layer's activation and its product.
    z_gradient: Planes,
    /// `[columns, columns]` a weight's gradient before it is converted to f32, if products are in bf16.
    weight_gradient: Option<Tensor>,
}

impl LiftNet {
    /// The planes of a hidden layer.
    pub(super) fn hidden_planes(&self) -> PlaneShape {
        PlaneShape::of_hidden(self.config.hidden, self.standardiser.planes())
    }

    /// Allocates for `rows` samples.
    pub(super) fn reserve(&mut self, rows: i64) {
        if self.workspace.as_ref().is_some_and(|workspace| workspace.rows >= rows) {
            return;
        }
        let shape = self.hidden_planes();
        let copy = self.buffers.copy.as_ref();
        let kind = copy.map_or(Kind::Float, Tensor::kind);
        let planes = || Planes::zeros(rows, shape, kind, self.device);
        let mut saved = Vec::new();
        if self.has_full_input() {
            saved.push(SavedActivations::new(rows, shape, Kind::Float, self.device));
        }
        for _ in &self.buffers.layers.hidden {
            saved.push(SavedActivations::new(rows, shape, kind, self.device));
        }
        self.workspace = Some(Workspace {
            rows,
            saved,
            residual: (0..=self.config.blocks).map(|_| planes()).collect(),
            gradient: planes(),
            branch_gradient: planes(),
            z_gradient: planes(),
            weight_gradient: copy.map(|_| Tensor::zeros([shape.columns, shape.columns], (kind, self.device))),
        });
    }

    pub(super) fn workspace(&self) -> &Workspace {
        self.workspace.as_ref().expect("reserve comes first in a step")
    }

    fn has_full_input(&self) -> bool {
        self.config.input_block == InputBlock::Full
    }

    /// The activation of layer `index`, among those that have one, for a batch of `rows` samples.
    fn activation<'a>(&'a self, index: usize, norm: Option<&'a NormViews>, rows: i64, seed: u64) -> Activation<'a> {
        let dropout = DropoutSpec { probability: self.config.dropout, seed: mix_seed(seed, 1 + index as u64) as u32 };
        Activation { saved: &self.workspace().saved[index], rows, norm, dropout }
    }

    /// Outputs `[B, outputs]`, standardised, of the features in planes; fills the workspace.
    pub(super) fn forward(&self, input: &Planes, seed: u64) -> Tensor {
        let rows = input.first().size()[0];
        let work = self.workspace();
        let first = &self.buffers.layers.input;
        let mut next = 0;
        if self.has_full_input() {
            let activation = self.activation(0, first.norm.as_ref(), rows, seed);
            activation.saved.z.rows(rows).write(&linear_f32(first, input));
            activate(&activation, None);
            work.residual[0].rows(rows).write(&activation.saved.out.rows(rows));
            next = 1;
        } else {
            work.residual[0].rows(rows).write(&linear_f32(first, input));
        }
        let per_block = self.config.layers_per_block;
        for (block, layers) in self.buffers.layers.hidden.chunks(per_block.max(1)).enumerate() {
            let mut x = work.residual[block].rows(rows);
            for (k, layer) in layers.iter().enumerate() {
                let activation = self.activation(next, layer.norm.as_ref(), rows, seed);
                linear_into(&activation.saved.z.rows(rows), layer, &x);
                let ends_block = k + 1 == layers.len();
                let residual = Residual { skip: &work.residual[block], sum: &work.residual[block + 1] };
                activate(&activation, ends_block.then_some(residual));
                x = activation.saved.out.rows(rows);
                next += 1;
            }
        }
        let last = work.residual[self.config.blocks].rows(rows).to_kind(Kind::Float);
        self.standardiser.output_from_planes(&linear_f32(&self.buffers.layers.output, &last))
    }

    /// Fills every gradient, from the output layer to the input layer; `gradient` is `[B, outputs]`.
    pub(super) fn backward(&self, input: &Planes, gradient: &Tensor, seed: u64) {
        let rows = gradient.size()[0];
        let work = self.workspace();
        let down = work.gradient.rows(rows);
        let branch = work.branch_gradient.rows(rows);
        let z_gradient = work.z_gradient.rows(rows);
        let kind = down.first().kind();
        let output = &self.buffers.layers.output;
        let gradient = self.standardiser.gradient_to_planes(gradient).to_kind(kind);
        weight_gradients_f32(output, &gradient, &work.residual[self.config.blocks].rows(rows));
        bias_gradient(output, &gradient);
        input_gradient(&down, output, &gradient, false);
        let mut next = work.saved.len();
        let per_block = self.config.layers_per_block;
        for (block, layers) in self.buffers.layers.hidden.chunks(per_block.max(1)).enumerate().rev() {
            let mut incoming = &down;
            for (k, layer) in layers.iter().enumerate().rev() {
                next -= 1;
                activate_backward(&self.activation(next, layer.norm.as_ref(), rows, seed), incoming, &z_gradient);
                let begins_block = k == 0;
                let x = if begins_block { &work.residual[block] } else { &work.saved[next - 1].out };
                weight_gradients(layer, &z_gradient, &x.rows(rows), work.weight_gradient.as_ref());
                bias_gradient(layer, &z_gradient);
                input_gradient(if begins_block { &down } else { &branch }, layer, &z_gradient, begins_block);
                incoming = &branch;
            }
        }
        let first = &self.buffers.layers.input;
        if self.has_full_input() {
            let down = down.to_kind(Kind::Float);
            let z_gradient = down.map(|(_, down)| down.zeros_like());
            activate_backward(&self.activation(0, first.norm.as_ref(), rows, seed), &down, &z_gradient);
            weight_gradients_f32(first, &z_gradient, input);
            bias_gradient(first, &z_gradient);
        } else {
            weight_gradients_f32(first, &down, &input.to_kind(kind));
            bias_gradient(first, &down);
        }
    }
}

/// BatchNorm, ReLU, dropout and, at a block's end, the residual sum.
fn activate(activation: &Activation, residual: Option<Residual>) {
    if activation.saved.z.first().device() == Device::Cpu {
        cpu::forward(activation, residual);
    } else {
        tensor_ops::forward(activation, residual);
    }
}

/// The gradient in front of these operations, into `z_gradient`, from `gradient`, the one after them.
fn activate_backward(activation: &Activation, gradient: &Planes, z_gradient: &Planes) {
    if activation.saved.z.first().device() == Device::Cpu {
        cpu::backward(activation, gradient, z_gradient);
    } else {
        tensor_ops::backward(activation, gradient, z_gradient);
    }
}

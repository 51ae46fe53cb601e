//! The way of a batch through the network and of its gradient back, and where both are kept.

use tch::{Kind, Tensor};

use super::activation;
use super::buffers::Layer;
use super::evaluation::exact;
use super::kept::{Drop, Saved, blank};
use super::product::{product, product_and_row};
use super::{LiftNet, mix_seed};
use crate::config::InputBlock;

/// Where a step reads and writes: buffers for the largest batch, reused.
#[derive(Debug)]
pub(super) struct Workspace {
    pub rows: i64,
    /// One for each hidden layer with an activation, in order.
    pub saved: Vec<Saved>,
    /// In planes, the input of each block, and of the output layer.
    streams: Vec<Vec<Tensor>>,
    /// In planes, gradients on their way down.
    gradient: Vec<Tensor>,
    branch: Vec<Tensor>,
    z_gradient: Vec<Tensor>,
    /// `[columns, columns]` a weight's gradient before it is f32, where products are in bf16.
    weight_gradient: Option<Tensor>,
}

impl LiftNet {
    /// Planes of a hidden layer, and the columns of each.
    pub(super) fn hidden_planes(&self) -> (usize, i64) {
        let planes = if self.bases.is_some() { 2 } else { 1 };
        (planes, (self.config.hidden / planes) as i64)
    }

    /// Room for `rows` samples.
    pub(super) fn reserve(&mut self, rows: i64) {
        if self.workspace.as_ref().is_some_and(|workspace| workspace.rows >= rows) {
            return;
        }
        let shape = self.hidden_planes();
        let kind = self.buffers.copy.as_ref().map_or(Kind::Float, Tensor::kind);
        let planes = || blank(rows, shape, kind, self.device);
        let saved = |kind| Saved::new(rows, shape, kind, self.device);
        let input = (self.config.input_block == InputBlock::Full).then(|| saved(Kind::Float));
        let inner = (0..self.hidden_layers().len()).map(|_| saved(kind));
        let weight_gradient = |kind| Tensor::zeros([shape.1, shape.1], (kind, self.device));
        self.workspace = Some(Workspace {
            rows,
            saved: input.into_iter().chain(inner).collect(),
            streams: (0..=self.config.blocks).map(|_| planes()).collect(),
            gradient: planes(),
            branch: planes(),
            z_gradient: planes(),
            weight_gradient: self.buffers.copy.as_ref().map(|_| weight_gradient(kind)),
        });
    }

    pub(super) fn workspace(&self) -> &Workspace {
        self.workspace.as_ref().expect("reserve comes first in a step")
    }

    fn drop(&self, seed: u64, layer: usize) -> Drop {
        Drop { probability: self.config.dropout, seed: mix_seed(seed, 1 + layer as u64) as u32 }
    }

    /// `[B, outputs]`, standardised, of the features in planes; fills the workspace.
    pub(super) fn forward(&self, input: &[Tensor], seed: u64) -> Tensor {
        let rows = input[0].size()[0];
        let work = self.workspace();
        let first = &self.buffers.layers[0];
        let stream = |k: usize| cut(&work.streams[k], rows);
        let mut next = 0;
        if self.config.input_block == InputBlock::Full {
            write(&cut(&work.saved[0].z, rows), &exact(first, input));
            activation::forward(&work.saved[0], rows, first.norm.as_ref(), self.drop(seed, 0), None);
            write(&stream(0), &cut(&work.saved[0].out, rows));
            next = 1;
        } else {
            write(&stream(0), &exact(first, input));
        }
        let per_block = self.config.layers_per_block;
        for (block, layers) in self.hidden_layers().chunks(per_block.max(1)).enumerate() {
            let mut x = stream(block);
            for (k, layer) in layers.iter().enumerate() {
                let saved = &work.saved[next];
                linear_into(&cut(&saved.z, rows), layer, &x);
                let residual = (k + 1 == layers.len()).then(|| (&*work.streams[block], &*work.streams[block + 1]));
                activation::forward(saved, rows, layer.norm.as_ref(), self.drop(seed, next), residual);
                x = cut(&saved.out, rows);
                next += 1;
            }
        }
        let last: Vec<Tensor> = stream(self.config.blocks).iter().map(|x| x.to_kind(Kind::Float)).collect();
        self.joined(exact(self.output_layer(), &last))
    }

    /// Fills every gradient, from the output layer to the input layer.
    pub(super) fn backward(&self, input: &[Tensor], gradient: &Tensor, seed: u64) {
        let rows = gradient.size()[0];
        let work = self.workspace();
        let [down, branch, z_gradient] =
            [&work.gradient, &work.branch, &work.z_gradient].map(|planes| cut(planes, rows));
        let output = self.output_layer();
        // The basis is orthonormal: a gradient splits as the features do.
        let gradient = match &self.bases {
            Some((_, basis)) => basis.split(gradient),
            None => vec![gradient.shallow_clone()],
        };
        let gradient: Vec<Tensor> = gradient.iter().map(|gradient| gradient.to_kind(down[0].kind())).collect();
        end_gradients(output, &gradient, &cut(&work.streams[self.config.blocks], rows));
        for ((gradient, weight), down) in gradient.iter().zip(&output.weights).zip(&down) {
            product(down, gradient, &weight.factor, false);
        }
        let mut next = work.saved.len();
        let per_block = self.config.layers_per_block;
        for (block, layers) in self.hidden_layers().chunks(per_block.max(1)).enumerate().rev() {
            let mut incoming = &down;
            for (k, layer) in layers.iter().enumerate().rev() {
                next -= 1;
                let drop = self.drop(seed, next);
                activation::backward(&work.saved[next], rows, layer.norm.as_ref(), drop, incoming, &z_gradient);
                let x = cut(if k == 0 { &work.streams[block] } else { &work.saved[next - 1].out }, rows);
                hidden_gradients(layer, &z_gradient, &x, work.weight_gradient.as_ref());
                for (plane, (z_gradient, weight)) in z_gradient.iter().zip(&layer.weights).enumerate() {
                    let to = if k == 0 { &down[plane] } else { &branch[plane] };
                    product(to, z_gradient, &weight.factor, k == 0);
                }
                incoming = &branch;
            }
        }
        let first = &self.buffers.layers[0];
        if self.config.input_block == InputBlock::Full {
            let down: Vec<Tensor> = down.iter().map(|down| down.to_kind(Kind::Float)).collect();
            let z_gradient: Vec<Tensor> = down.iter().map(Tensor::zeros_like).collect();
            activation::backward(&work.saved[0], rows, first.norm.as_ref(), self.drop(seed, 0), &down, &z_gradient);
            end_gradients(first, &z_gradient, input);
        } else {
            let input: Vec<Tensor> = input.iter().map(|input| input.to_kind(down[0].kind())).collect();
            end_gradients(first, &down, &input);
        }
    }
}

/// The first `rows` of each plane.
fn cut(planes: &[Tensor], rows: i64) -> Vec<Tensor> {
    planes.iter().map(|plane| plane.narrow(0, 0, rows)).collect()
}

/// Copies plane by plane, rounding where `to` is of another kind.
pub(super) fn write(to: &[Tensor], from: &[Tensor]) {
    for (to, from) in to.iter().zip(from) {
        to.shallow_clone().copy_(from);
    }
}

/// `z` = `x`·Wᵀ + b, plane by plane; only the first has a b.
fn linear_into(z: &[Tensor], layer: &Layer, x: &[Tensor]) {
    for (plane, ((z, x), weight)) in z.iter().zip(x).zip(&layer.weights).enumerate() {
        let weight = weight.factor.tr();
        if plane == 0 { product_and_row(z, x, &weight, &layer.bias_factor) } else { product(z, x, &weight, false) }
    }
}

/// The gradients of a hidden layer's W and b; `rounded` is where W's comes about if it is not in f32.
fn hidden_gradients(layer: &Layer, z_gradient: &[Tensor], x: &[Tensor], rounded: Option<&Tensor>) {
    for ((z_gradient, x), weight) in z_gradient.iter().zip(x).zip(&layer.weights) {
        product(rounded.unwrap_or(&weight.gradient), &z_gradient.tr(), x, false);
        if let Some(rounded) = rounded {
            weight.gradient.shallow_clone().copy_(rounded);
        }
    }
    bias_gradient(layer, &z_gradient[0]);
}

/// The gradients of the input or output layer's W and b.
fn end_gradients(layer: &Layer, z_gradient: &[Tensor], x: &[Tensor]) {
    for ((z_gradient, x), weight) in z_gradient.iter().zip(x).zip(&layer.weights) {
        weight.gradient.shallow_clone().copy_(&z_gradient.tr().mm(x));
    }
    bias_gradient(layer, &z_gradient[0]);
}

/// In front of a BatchNorm a shift is taken out again, so b's gradient is exactly zero and stays so.
fn bias_gradient(layer: &Layer, z_gradient: &Tensor) {
    if layer.norm.is_none() {
        let sum = z_gradient.sum_dim_intlist(&[0i64][..], false, Kind::Float);
        layer.bias_gradient.shallow_clone().copy_(&sum);
    }
}

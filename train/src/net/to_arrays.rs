//! The network as arrays, for the exporter: dense layers over plain units and numbers, without planes.

use std::f32::consts::FRAC_1_SQRT_2;

use ndarray::{Array1, Array2, Axis, concatenate};
use tch::{Device, Kind, Tensor};

use super::LiftNet;
use super::layer::{EPSILON, Layer, NormViews};
use super::symmetry::Basis;
use crate::config::InputBlock;
use crate::trained::{BatchNorm, Dense, Network, ZScore};

impl LiftNet {
    /// The weights and running statistics for lifting, copied from the device.
    pub fn to_arrays(&self) -> Network {
        let layers = self.lifting_layers();
        let hidden: Vec<Dense> = layers.hidden.iter().map(inner).collect();
        let bases = self.standardiser.bases.as_ref();
        Network {
            input: bases.map_or_else(|| inner(&layers.input), |bases| input(&layers.input, &bases.features)),
            input_relu: self.config.input_block == InputBlock::Full,
            blocks: hidden.chunks(self.config.layers_per_block.max(1)).map(<[Dense]>::to_vec).collect(),
            output: bases.map_or_else(|| inner(&layers.output), |bases| output(&layers.output, &bases.outputs)),
            twins: bases.is_some(),
        }
    }

    /// Standardisation of the last layer's output: the coordinates and, if there is σ, its logarithms.
    pub fn output_zscore(&self) -> ZScore {
        let coordinates = &self.standardisation.output;
        match &self.sigma {
            None => coordinates.clone(),
            Some(sigma) => {
                let sigma = sigma.zscore();
                ZScore { mean: joined(&coordinates.mean, &sigma.mean), std: joined(&coordinates.std, &sigma.std) }
            }
        }
    }

    /// Standardisation of the features and the coordinates.
    pub fn zscores(&self) -> (&ZScore, &ZScore) {
        (&self.standardisation.input, &self.standardisation.output)
    }

    /// `[F]` the means of the features, on the network's device: what stands for a missing joint ([`crate::features`]).
    pub fn feature_means(&self) -> Tensor {
        Tensor::from_slice(&self.standardisation.input.mean.to_vec()).to_device(self.device)
    }
}

/// The numbers of `a`, then those of `b`.
fn joined(a: &Array1<f32>, b: &Array1<f32>) -> Array1<f32> {
    a.iter().chain(b).copied().collect()
}

/// A layer between hidden units, or any layer of one plane.
fn inner(layer: &Layer) -> Dense {
    match &weights(layer)[..] {
        [even, odd] => {
            let own = (even + odd) * 0.5;
            let other = (even - odd) * 0.5;
            let [a, b] = [beside(&own, &other), beside(&other, &own)];
            to_twins(layer, concatenate![Axis(0), a, b])
        }
        [only, ..] => {
            let norm = layer.norm.as_ref().map(|norm| batch_norm(norm, |values, _| vector(values)));
            Dense { weight: only.clone(), bias: vector(&layer.bias), norm }
        }
        [] => unreachable!("a layer has a plane"),
    }
}

/// The layer from the features to hidden twins.
fn input(layer: &Layer, basis: &Basis) -> Dense {
    let planes: Vec<_> = weights(layer).iter().zip(vectors(basis)).map(|(weight, basis)| weight.dot(&basis)).collect();
    let [a, b] = twins(&planes);
    to_twins(layer, concatenate![Axis(0), a, b])
}

/// The layer from hidden twins to the outputs; no BatchNorm follows it.
fn output(layer: &Layer, basis: &Basis) -> Dense {
    let [even, odd] = vectors(basis);
    let planes: Vec<_> =
        weights(layer).iter().zip([&even, &odd]).map(|(weight, basis)| basis.t().dot(weight)).collect();
    let [a, b] = twins(&planes);
    Dense { weight: beside(&a, &b), bias: even.t().dot(&vector(&layer.bias)), norm: None }
}

/// A layer to twins from its matrix over them; vectors of the even plane belong to both.
fn to_twins(layer: &Layer, weight: Array2<f32>) -> Dense {
    Dense {
        weight,
        bias: of_both_twins(&layer.bias, FRAC_1_SQRT_2),
        norm: layer.norm.as_ref().map(|norm| batch_norm(norm, of_both_twins)),
    }
}

/// `share` of the numbers of the even plane, once for each twin.
fn of_both_twins(values: &Tensor, share: f32) -> Array1<f32> {
    let values = vector(values) * share;
    concatenate![Axis(0), values, values]
}

/// `vector` gets the scale of a first-plane number in one unit: 1/√2 for a number of the plane's size.
fn batch_norm(norm: &NormViews, vector: impl Fn(&Tensor, f32) -> Array1<f32>) -> BatchNorm {
    BatchNorm {
        gamma: vector(&norm.gamma, 1.0),
        beta: vector(&norm.beta, 1.0),
        mean: vector(&norm.running_mean, FRAC_1_SQRT_2),
        variance: vector(&norm.running_variance, 1.0),
        epsilon: f64::from(EPSILON),
    }
}

/// The twins a and b of an even and an odd plane.
fn twins(planes: &[Array2<f32>]) -> [Array2<f32>; 2] {
    [(&planes[0] + &planes[1]) * FRAC_1_SQRT_2, (&planes[0] - &planes[1]) * FRAC_1_SQRT_2]
}

fn beside(left: &Array2<f32>, right: &Array2<f32>) -> Array2<f32> {
    concatenate![Axis(1), *left, *right]
}

fn weights(layer: &Layer) -> Vec<Array2<f32>> {
    layer.weights.iter().map(|weight| matrix(&weight.value)).collect()
}

/// The even and the odd vectors of a basis, one per row.
pub(super) fn vectors(basis: &Basis) -> [Array2<f32>; 2] {
    let even = basis.even;
    [basis.rows.narrow(0, 0, even), basis.rows.narrow(0, even, basis.rows.size()[0] - even)].map(|rows| matrix(&rows))
}

fn matrix(tensor: &Tensor) -> Array2<f32> {
    let size = tensor.size();
    Array2::from_shape_vec((size[0] as usize, size[1] as usize), numbers(tensor)).expect("a matrix has two dimensions")
}

fn vector(tensor: &Tensor) -> Array1<f32> {
    numbers(tensor).into()
}

/// The numbers of a float tensor, row by row.
pub(crate) fn numbers(tensor: &Tensor) -> Vec<f32> {
    let host = tensor.to_device(Device::Cpu).to_kind(Kind::Float).contiguous();
    let mut values = vec![0.0; host.numel()];
    host.copy_data(&mut values, host.numel());
    values
}

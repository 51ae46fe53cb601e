//! The way of `to_arrays` back: a network starts from the layers of one that was exported.

use std::f32::consts::{FRAC_1_SQRT_2, SQRT_2};
use std::f64::consts::FRAC_1_SQRT_2 as HALF_SQRT_2;

use ndarray::{Array1, Array2, Axis, s};
use poselift::{Error, Result};
use tch::Tensor;

use super::LiftNet;
use super::layer::{EPSILON, Layer, NormViews};
use super::linear::linear_f32;
use super::planes::Planes;
use super::symmetry::Basis;
use super::tensor_ops;
use super::to_arrays::vectors;
use crate::trained::{Dense, Network, ZScore};

impl LiftNet {
    /// Takes over the layers of `network`, which has no BatchNorm and reads and gives numbers that are not standardised. In
    /// evaluation mode the network then gives what `network` does; [`Self::measure_norms`] has to follow before it is trained.
    ///
    /// # Errors
    /// A layer has another shape than this network's.
    pub fn start_from(&mut self, network: &Network) -> Result<()> {
        let input = from_zscore(&network.input, &self.standardisation.input);
        let output = to_zscore(&network.output, &self.output_zscore());
        let layers = &self.buffers.layers;
        let bases = self.standardiser.bases.as_ref();
        match bases {
            None => {
                write(&layers.input, "input", &[input.weight], &input.bias)?;
                write(&layers.output, "output", &[output.weight], &output.bias)?;
            }
            Some(bases) => {
                let weights = input_planes(&input.weight, &bases.features);
                write(&layers.input, "input", &weights, &even_of_twins(&input.bias))?;
                let (weights, bias) = output_planes(&output, &bases.outputs);
                write(&layers.output, "output", &weights, &bias)?;
            }
        }
        let blocks: Vec<&Dense> = network.blocks.iter().flatten().collect();
        if blocks.len() != layers.hidden.len() {
            let message = format!("{} hidden layers, expected {}", blocks.len(), layers.hidden.len());
            return Err(Error::input(message));
        }
        for (number, (layer, dense)) in layers.hidden.iter().zip(blocks).enumerate() {
            let name = format!("hidden layer {number}");
            match bases {
                None => write(layer, &name, std::slice::from_ref(&dense.weight), &dense.bias)?,
                Some(_) => write(layer, &name, &inner_planes(&dense.weight), &even_of_twins(&dense.bias))?,
            }
        }
        for norm in layers.iter().filter_map(|layer| layer.norm.as_ref()) {
            set_norm(
                norm,
                &norm.running_mean.zeros_like(),
                &(norm.running_variance.ones_like() - f64::from(EPSILON)),
                1,
            );
        }
        self.adopt();
        Ok(())
    }

    /// Gives each BatchNorm the mean and variance that its input has over `features` `[B, F]`, and the γ and β that undo it: the
    /// network stays the same function, and training mode begins where evaluation mode is.
    ///
    /// The network has to come from [`Self::start_from`].
    pub fn measure_norms(&mut self, features: &Tensor) {
        tch::no_grad(|| {
            self.through_blocks(&self.buffers.layers, features, |layer, x| {
                let z = linear_f32(layer, x);
                measure(layer, &z);
                z
            });
        });
        self.adopt();
    }

    /// Makes the copies of the parameters what the parameters are.
    fn adopt(&mut self) {
        self.buffers.refresh_copy();
        if let Some(ema) = &self.ema {
            ema.restart(&self.buffers);
        }
    }
}

/// The layer in front of which x·std + mean stands instead of x; a constant feature has no weight.
fn from_zscore(layer: &Dense, zscore: &ZScore) -> Dense {
    let bias = &layer.bias + &layer.weight.dot(&zscore.mean);
    Dense { weight: &layer.weight * &zscore.std.view().insert_axis(Axis(0)), bias, norm: None }
}

/// The layer whose output is a z-score; a constant output is 0.
fn to_zscore(layer: &Dense, zscore: &ZScore) -> Dense {
    let scale = zscore.std.mapv(|std| if std > 0.0 { 1.0 / std } else { 0.0 });
    let bias = (&layer.bias - &zscore.mean) * &scale;
    Dense { weight: &layer.weight * &scale.insert_axis(Axis(1)), bias, norm: None }
}

/// Even and odd matrices from features to twins, from the rows of a above those of b.
fn input_planes(weight: &Array2<f32>, basis: &Basis) -> [Array2<f32>; 2] {
    let (a, b) = weight.view().split_at(Axis(0), weight.nrows() / 2);
    let [even, odd] = vectors(basis);
    [((&a + &b) * FRAC_1_SQRT_2).dot(&even.t()), ((&a - &b) * FRAC_1_SQRT_2).dot(&odd.t())]
}

/// Even and odd matrices from twins to outputs and the even bias, from the columns of a beside those of b.
fn output_planes(layer: &Dense, basis: &Basis) -> ([Array2<f32>; 2], Array1<f32>) {
    let (a, b) = layer.weight.view().split_at(Axis(1), layer.weight.ncols() / 2);
    let [even, odd] = vectors(basis);
    let weights = [even.dot(&((&a + &b) * FRAC_1_SQRT_2)), odd.dot(&((&a - &b) * FRAC_1_SQRT_2))];
    (weights, even.dot(&layer.bias))
}

/// P + Q and P − Q of [[P, Q], [Q, P]].
fn inner_planes(weight: &Array2<f32>) -> [Array2<f32>; 2] {
    let half = weight.nrows() / 2;
    let own = weight.slice(s![..half, ..half]);
    let other = weight.slice(s![..half, half..]);
    [&own + &other, &own - &other]
}

/// The even half (a + b)/√2 of a bias that both twins have.
fn even_of_twins(bias: &Array1<f32>) -> Array1<f32> {
    bias.slice(s![..bias.len() / 2]).mapv(|value| value * SQRT_2)
}

fn write(layer: &Layer, name: &str, weights: &[Array2<f32>], bias: &Array1<f32>) -> Result<()> {
    for (target, weight) in layer.weights.iter().zip(weights) {
        copy(&target.value, name, weight.iter(), &[weight.nrows(), weight.ncols()])?;
    }
    copy(&layer.bias, name, bias.iter(), &[bias.len()])
}

fn copy<'a>(target: &Tensor, name: &str, values: impl Iterator<Item = &'a f32>, shape: &[usize]) -> Result<()> {
    let shape: Vec<i64> = shape.iter().map(|&length| length as i64).collect();
    if target.size() != shape {
        let expected = target.size();
        return Err(Error::input(format!("{name} has numbers of shape {shape:?}, expected {expected:?}")));
    }
    let values: Vec<f32> = values.copied().collect();
    target.shallow_clone().copy_(&Tensor::from_slice(&values).view(shape.as_slice()));
    Ok(())
}

/// Measures the BatchNorm of `layer`, if it has one, on its input `z`; twins are two samples of one unit.
fn measure(layer: &Layer, z: &Planes) {
    if let Some(norm) = &layer.norm {
        let (mean, variance) = tensor_ops::statistics(z);
        set_norm(norm, &mean, &variance, z.count());
    }
}

/// Statistics, and the γ and β with which BatchNorm by them changes nothing.
fn set_norm(norm: &NormViews, mean: &Tensor, variance: &Tensor, planes: usize) {
    norm.running_mean.shallow_clone().copy_(mean);
    norm.running_variance.shallow_clone().copy_(variance);
    norm.gamma.shallow_clone().copy_(&(variance + f64::from(EPSILON)).sqrt());
    // β of each of two twins is β of their even plane by √2.
    let share = if planes == 2 { HALF_SQRT_2 } else { 1.0 };
    norm.beta.shallow_clone().copy_(&(mean * share));
}

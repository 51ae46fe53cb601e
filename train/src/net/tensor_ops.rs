//! The operations between two matrix products as tensor operations: for GPUs, and as the reference for the fused
//! loops of `cpu`.

use std::f64::consts::SQRT_2;

use tch::{Kind, Tensor};

use super::activation::{Activation, Residual, SavedActivations};
use super::layer::{EPSILON, MOMENTUM, NormViews};
use super::planes::Planes;

/// BatchNorm of `z` by `mean` and `inverse_std` of the first plane's columns: a shift changes the even plane only.
pub(super) fn normalised(z: &Planes, mean: &Tensor, inverse_std: &Tensor) -> Planes {
    z.map(|(plane, z)| if plane == 0 { (z - mean) * inverse_std } else { z * inverse_std })
}

/// γ·x + β: β of each of two twins is √2·β of their even plane.
pub(super) fn affine(x: &Planes, norm: &NormViews) -> Planes {
    let shift = if x.count() == 2 { &norm.beta * SQRT_2 } else { norm.beta.shallow_clone() };
    x.map(|(plane, x)| if plane == 0 { x * &norm.gamma + &shift } else { x * &norm.gamma })
}

/// `saved.out` = dropout(ReLU(BatchNorm(`saved.z`))), and the residual sum if there is one.
pub(super) fn forward(layer: &Activation, residual: Option<Residual>) {
    let Activation { saved, rows, norm, dropout } = *layer;
    let z = saved.z.rows(rows).to_kind(Kind::Float);
    let y = match norm {
        None => z,
        Some(norm) if z.count() == 1 => Planes::one(batch_norm(saved, z.first(), norm)),
        Some(norm) => {
            settle(saved, &z, norm);
            affine(&normalised(&z, &saved.mean, &saved.inverse_std), norm)
        }
    };
    let units = y.to_twins().map(|(_, y)| dropped(y.relu(), dropout.probability));
    let out = saved.out.rows(rows);
    out.write(&units.to_planes());
    if let Some(Residual { skip, sum }) = residual {
        sum.rows(rows).write(&skip.rows(rows).zip_map(&out, |skip, out| skip + out));
    }
}

/// `units`, each dropped with this `probability`; draws from libtorch's generator.
fn dropped(units: Tensor, probability: f64) -> Tensor {
    if probability > 0.0 { units.native_dropout(probability, true).0 } else { units }
}

fn column_sum(x: &Tensor) -> Tensor {
    x.sum_dim_intlist(&[0i64][..], false, Kind::Float)
}

/// BatchNorm of one plane in libtorch's own kernel.
fn batch_norm(saved: &SavedActivations, z: &Tensor, norm: &NormViews) -> Tensor {
    let (y, mean, inverse_std) = z.native_batch_norm(
        Some(&norm.gamma),
        Some(&norm.beta),
        Some(&norm.running_mean),
        Some(&norm.running_variance),
        true,
        f64::from(MOMENTUM),
        f64::from(EPSILON),
    );
    saved.mean.shallow_clone().copy_(&mean);
    saved.inverse_std.shallow_clone().copy_(&inverse_std);
    y
}

/// Mean of the first plane's columns, and variance of the units; twins are two samples of one unit.
pub(super) fn statistics(z: &Planes) -> (Tensor, Tensor) {
    let rows = z.first().size()[0] as f64;
    let mean = column_sum(z.first()) / rows;
    let squares = column_sum(&(z.first() - &mean).square());
    let squares = z.iter().skip(1).fold(squares, |sum, odd| sum + column_sum(&odd.square()));
    (mean, squares / (rows * z.count() as f64))
}

/// Writes the batch's statistics into `saved` and updates the running ones; twins are two samples of one unit.
fn settle(saved: &SavedActivations, z: &Planes, norm: &NormViews) {
    let count = z.first().size()[0] as f64 * z.count() as f64;
    let (mean, variance) = statistics(z);
    saved.mean.shallow_clone().copy_(&mean);
    saved.inverse_std.shallow_clone().copy_(&(&variance + f64::from(EPSILON)).rsqrt());
    let unbiased = variance * (count / (count - 1.0).max(1.0));
    for (running, batch) in [(&norm.running_mean, mean), (&norm.running_variance, unbiased)] {
        let _ = running.shallow_clone().lerp_(&batch, f64::from(MOMENTUM));
    }
}

/// `z_gradient` = the gradient with respect to `saved.z`, from `gradient`, the one with respect to `saved.out`; also
/// writes γ's and β's gradients.
pub(super) fn backward(layer: &Activation, gradient: &Planes, z_gradient: &Planes) {
    let Activation { saved, rows, norm, dropout } = *layer;
    let scale = 1.0 / (1.0 - dropout.probability);
    let out = saved.out.rows(rows).to_kind(Kind::Float).to_twins();
    let gradient = gradient.rows(rows).to_kind(Kind::Float).to_twins();
    let passed = gradient.zip_map(&out, |gradient, out| gradient * out.gt(0.0) * scale).to_planes();
    let passed = match norm {
        None => passed,
        Some(norm) => through_norm(saved, &passed, norm, rows as f64),
    };
    z_gradient.rows(rows).write(&passed);
}

/// The gradient in front of a BatchNorm, from `passed`, the one after it.
fn through_norm(saved: &SavedActivations, passed: &Planes, norm: &NormViews, rows: f64) -> Planes {
    let z = saved.z.rows(rows as i64).to_kind(Kind::Float);
    let normalised = normalised(&z, &saved.mean, &saved.inverse_std);
    let sum = column_sum(passed.first());
    let products = passed.zip_map(&normalised, |passed, normalised| column_sum(&(passed * normalised)));
    let product = products.iter().skip(1).fold(products.first().shallow_clone(), |sum, odd| sum + odd);
    let beta_scale = if passed.count() == 2 { SQRT_2 } else { 1.0 };
    norm.beta_gradient.shallow_clone().copy_(&(&sum * beta_scale));
    norm.gamma_gradient.shallow_clone().copy_(&product);
    let slope = &norm.gamma * &saved.inverse_std;
    let product = product / (rows * passed.count() as f64);
    let centred = passed.map(|(plane, passed)| if plane == 0 { passed - &sum / rows } else { passed.shallow_clone() });
    centred.zip_map(&normalised, |passed, normalised| (passed - normalised * &product) * &slope)
}

//! What `kernel` does in fused loops, as tensor operations: for devices other than a CPU.

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

use tch::{Kind, Tensor};

use super::adam::{self, BETAS};
use super::buffers::{Buffers, NormViews};
use super::kept::{Drop, Saved};
use super::kernel::{EPSILON, MOMENTUM};

/// Even and odd planes of twins, or the twins of planes: the same map, which is its own inverse. One plane stays.
pub(super) fn exchanged(planes: &[Tensor]) -> Vec<Tensor> {
    match planes {
        [even, odd] => vec![(even + odd) * FRAC_1_SQRT_2, (even - odd) * FRAC_1_SQRT_2],
        _ => planes.iter().map(Tensor::shallow_clone).collect(),
    }
}

/// BatchNorm of `z` in planes by `mean` and `inverse_std` of the first plane's columns: a shift moves the even plane alone.
pub(super) fn normalised(z: &[Tensor], mean: &Tensor, inverse_std: &Tensor) -> Vec<Tensor> {
    let scaled = |(plane, z): (usize, &Tensor)| if plane == 0 { (z - mean) * inverse_std } else { z * inverse_std };
    z.iter().enumerate().map(scaled).collect()
}

/// γ·x + β in planes: β of each of two twins is √2·β of their even plane.
pub(super) fn affine(x: &[Tensor], norm: &NormViews) -> Vec<Tensor> {
    let shift = if x.len() == 2 { &norm.beta * SQRT_2 } else { norm.beta.shallow_clone() };
    let moved = |(plane, x): (usize, &Tensor)| if plane == 0 { x * &norm.gamma + &shift } else { x * &norm.gamma };
    x.iter().enumerate().map(moved).collect()
}

fn cut(planes: &[Tensor], rows: i64) -> Vec<Tensor> {
    planes.iter().map(|plane| plane.narrow(0, 0, rows).to_kind(Kind::Float)).collect()
}

fn column_sum(x: &Tensor) -> Tensor {
    x.sum_dim_intlist(&[0i64][..], false, Kind::Float)
}

/// As `activation::forward`.
pub(super) fn forward(
    saved: &Saved,
    rows: i64,
    norm: Option<&NormViews>,
    drop: Drop,
    residual: Option<(&[Tensor], &[Tensor])>,
) {
    let z = cut(&saved.z, rows);
    let y = match norm {
        None => z,
        Some(norm) if z.len() == 1 => vec![batch_norm(saved, &z[0], norm)],
        Some(norm) => {
            settle(saved, &z, norm);
            affine(&normalised(&z, &saved.mean, &saved.inverse_std), norm)
        }
    };
    let kept = |y: Tensor| if drop.probability > 0.0 { y.native_dropout(drop.probability, true).0 } else { y };
    let y: Vec<Tensor> = exchanged(&y).into_iter().map(|y| kept(y.relu())).collect();
    for (out, y) in saved.out.iter().zip(exchanged(&y)) {
        out.narrow(0, 0, rows).copy_(&y);
    }
    if let Some((skip, sum)) = residual {
        for ((skip, sum), out) in skip.iter().zip(sum).zip(&saved.out) {
            sum.narrow(0, 0, rows).copy_(&(skip.narrow(0, 0, rows) + out.narrow(0, 0, rows)));
        }
    }
}

/// BatchNorm of one plane in libtorch's own kernel.
fn batch_norm(saved: &Saved, z: &Tensor, norm: &NormViews) -> Tensor {
    let (momentum, epsilon) = (f64::from(MOMENTUM), f64::from(EPSILON));
    let running = (Some(&norm.running_mean), Some(&norm.running_variance));
    let (gamma, beta) = (Some(&norm.gamma), Some(&norm.beta));
    let (y, mean, inverse_std) = z.native_batch_norm(gamma, beta, running.0, running.1, true, momentum, epsilon);
    saved.mean.shallow_clone().copy_(&mean);
    saved.inverse_std.shallow_clone().copy_(&inverse_std);
    y
}

/// The batch's statistics into `saved`, and the running ones moved towards them; twins are two samples of one unit.
fn settle(saved: &Saved, z: &[Tensor], norm: &NormViews) {
    let rows = z[0].size()[0] as f64;
    let count = rows * z.len() as f64;
    let mean = column_sum(&z[0]) / rows;
    let squares = column_sum(&(&z[0] - &mean).square());
    let squares = z[1..].iter().fold(squares, |sum, odd| sum + column_sum(&odd.square()));
    let variance = squares / count;
    saved.mean.shallow_clone().copy_(&mean);
    saved.inverse_std.shallow_clone().copy_(&(&variance + f64::from(EPSILON)).rsqrt());
    let unbiased = variance * (count / (count - 1.0).max(1.0));
    for (running, batch) in [(&norm.running_mean, mean), (&norm.running_variance, unbiased)] {
        let _ = running.shallow_clone().lerp_(&batch, f64::from(MOMENTUM));
    }
}

/// As `activation::backward`.
pub(super) fn backward(
    saved: &Saved,
    rows: i64,
    norm: Option<&NormViews>,
    drop: Drop,
    gradient: &[Tensor],
    z_gradient: &[Tensor],
) {
    let scale = 1.0 / (1.0 - drop.probability);
    let out = exchanged(&cut(&saved.out, rows));
    let gradient = exchanged(&cut(gradient, rows));
    let passed: Vec<Tensor> = gradient.iter().zip(&out).map(|(gradient, out)| gradient * out.gt(0.0) * scale).collect();
    let mut passed = exchanged(&passed);
    if let Some(norm) = norm {
        let normalised = normalised(&cut(&saved.z, rows), &saved.mean, &saved.inverse_std);
        let sum = column_sum(&passed[0]);
        let products = passed.iter().zip(&normalised).map(|(passed, normalised)| column_sum(&(passed * normalised)));
        let product = products.reduce(|a, b| a + b).unwrap_or_else(|| sum.zeros_like());
        let to_beta = if passed.len() == 2 { SQRT_2 } else { 1.0 };
        norm.beta_gradient.shallow_clone().copy_(&(&sum * to_beta));
        norm.gamma_gradient.shallow_clone().copy_(&product);
        let slope = &norm.gamma * &saved.inverse_std;
        let product = product / (rows as f64 * passed.len() as f64);
        passed[0] -= sum / rows as f64;
        let down = |(passed, normalised): (&Tensor, &Tensor)| (passed - normalised * &product) * &slope;
        passed = passed.iter().zip(&normalised).map(down).collect();
    }
    for (target, passed) in z_gradient.iter().zip(&passed) {
        target.narrow(0, 0, rows).copy_(passed);
    }
}

/// As `activation::adam`.
pub(super) fn adam(buffers: &Buffers, step: u64, learning_rate: f64) {
    let (step_size, inverse_root) = adam::scales(step, learning_rate);
    let gradient = &buffers.gradients;
    let (mut first, mut second) = (buffers.first_moment.shallow_clone(), buffers.second_moment.shallow_clone());
    let _ = first.lerp_(gradient, 1.0 - BETAS.0);
    let _ = second.g_mul_scalar_(BETAS.1).g_add_(&(gradient.square() * (1.0 - BETAS.1)));
    let denominator = second.sqrt() * inverse_root + adam::EPSILON;
    let _ = buffers.parameters.shallow_clone().g_sub_(&(first / denominator * step_size));
    buffers.refresh_copy();
}

//! The steps between two matrix products on whichever device the network
//! lives on: the fused loops of `kernel` on a CPU, tensor operations
//! elsewhere. Both compute the same formulas; a test holds them against each
//! other.

use tch::{Device, Kind, Tensor};

use super::buffers::{Buffers, NormViews};
use super::kernel;
use super::number::{Bf16, Number};

/// The dropout of one layer in one step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drop {
    pub probability: f64,
    pub seed: u32,
}

/// What a forward pass keeps of one hidden layer, `[rows, hidden]` unless said otherwise.
#[derive(Debug)]
pub(super) struct Saved {
    /// What the Linear layer gave.
    pub z: Tensor,
    /// After BatchNorm, ReLU and Dropout: > 0 exactly where the gradient passes.
    pub out: Tensor,
    /// `[hidden]` the batch's mean, with BatchNorm.
    pub mean: Tensor,
    /// `[hidden]` 1/√(σ² + ε), with BatchNorm.
    pub inverse_std: Tensor,
}

impl Saved {
    /// For `rows` samples whose activations are of the kind `kind`.
    pub(super) fn new(rows: i64, hidden: i64, kind: Kind, device: Device) -> Self {
        let matrix = || Tensor::zeros([rows, hidden], (kind, device));
        let vector = || Tensor::zeros([hidden], (Kind::Float, device));
        Self { z: matrix(), out: matrix(), mean: vector(), inverse_std: vector() }
    }
}

/// The elements of a contiguous tensor of `T` on the CPU.
pub(super) fn slice<T: Number>(tensor: &Tensor) -> &[T] {
    assert!(tensor.kind() == T::KIND && tensor.device() == Device::Cpu && tensor.is_contiguous());
    // SAFETY: the assertion makes it `numel` numbers in host memory, alive as long as the tensor is.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast(), tensor.numel()) }
}

/// The elements of a contiguous tensor of `T` on the CPU, to be written.
///
/// Tensors are shared handles: the caller must not hold another slice of the same memory.
#[allow(clippy::mut_from_ref, reason = "a tensor is a handle; its memory is not behind the borrow")]
pub(super) fn slice_mut<T: Number>(tensor: &Tensor) -> &mut [T] {
    assert!(tensor.kind() == T::KIND && tensor.device() == Device::Cpu && tensor.is_contiguous());
    // SAFETY: as for `slice`; each call site below writes to a buffer that it does not read at the same time.
    unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast(), tensor.numel()) }
}

/// `saved.out` = dropout(ReLU(BatchNorm(`saved.z`))), and with `residual` (skip, sum): sum = skip + out.
pub(super) fn forward(
    saved: &Saved,
    rows: i64,
    norm: Option<&NormViews>,
    drop: Drop,
    residual: Option<(&Tensor, &Tensor)>,
) {
    match (saved.z.device(), saved.z.kind()) {
        (Device::Cpu, Kind::BFloat16) => forward_fused::<Bf16>(saved, rows, norm, drop, residual),
        (Device::Cpu, _) => forward_fused::<f32>(saved, rows, norm, drop, residual),
        _ => forward_composed(saved, rows, norm, drop, residual),
    }
}

fn kernel_layer(saved: &Saved, rows: i64, drop: Drop) -> kernel::Layer {
    let dropout = kernel::Dropout::new(drop.probability, drop.seed);
    kernel::Layer { rows: rows as usize, columns: saved.z.size()[1] as usize, dropout }
}

fn forward_fused<T: Number>(
    saved: &Saved,
    rows: i64,
    norm: Option<&NormViews>,
    drop: Drop,
    residual: Option<(&Tensor, &Tensor)>,
) {
    let norm = norm.map(|norm| kernel::Norm {
        gamma: slice(&norm.gamma),
        beta: slice(&norm.beta),
        running_mean: slice_mut(&norm.running_mean),
        running_variance: slice_mut(&norm.running_variance),
        mean: slice_mut(&saved.mean),
        inverse_std: slice_mut(&saved.inverse_std),
    });
    let residual = residual.map(|(skip, sum)| (slice(skip), slice_mut(sum)));
    kernel::forward::<T>(kernel_layer(saved, rows, drop), slice(&saved.z), norm, slice_mut(&saved.out), residual);
}

pub(super) fn forward_composed(
    saved: &Saved,
    rows: i64,
    norm: Option<&NormViews>,
    drop: Drop,
    residual: Option<(&Tensor, &Tensor)>,
) {
    let z = saved.z.narrow(0, 0, rows).to_kind(Kind::Float);
    let mut y = match norm {
        None => z.relu(),
        Some(norm) => {
            let (momentum, epsilon) = (f64::from(kernel::MOMENTUM), f64::from(kernel::EPSILON));
            let (running_mean, running_variance) = (Some(&norm.running_mean), Some(&norm.running_variance));
            let (y, mean, inverse_std) = z.native_batch_norm(
                Some(&norm.gamma),
                Some(&norm.beta),
                running_mean,
                running_variance,
                true,
                momentum,
                epsilon,
            );
            saved.mean.shallow_clone().copy_(&mean);
            saved.inverse_std.shallow_clone().copy_(&inverse_std);
            y.relu()
        }
    };
    if drop.probability > 0.0 {
        y = y.native_dropout(drop.probability, true).0;
    }
    saved.out.narrow(0, 0, rows).copy_(&y);
    if let Some((skip, sum)) = residual {
        sum.narrow(0, 0, rows).copy_(&(skip.narrow(0, 0, rows) + saved.out.narrow(0, 0, rows)));
    }
}

/// `z_gradient` = the gradient with respect to `saved.z`, out of `gradient`, the one with respect to `saved.out`;
/// γ's and β's gradients are written beside it.
pub(super) fn backward(
    saved: &Saved,
    rows: i64,
    norm: Option<&NormViews>,
    drop: Drop,
    gradient: &Tensor,
    z_gradient: &Tensor,
) {
    match (saved.z.device(), saved.z.kind()) {
        (Device::Cpu, Kind::BFloat16) => backward_fused::<Bf16>(saved, rows, norm, drop, gradient, z_gradient),
        (Device::Cpu, _) => backward_fused::<f32>(saved, rows, norm, drop, gradient, z_gradient),
        _ => backward_composed(saved, rows, norm, drop, gradient, z_gradient),
    }
}

fn backward_fused<T: Number>(
    saved: &Saved,
    rows: i64,
    norm: Option<&NormViews>,
    drop: Drop,
    gradient: &Tensor,
    z_gradient: &Tensor,
) {
    let norm = norm.map(|norm| kernel::NormGradient {
        gamma: slice(&norm.gamma),
        mean: slice(&saved.mean),
        inverse_std: slice(&saved.inverse_std),
        gamma_gradient: slice_mut(&norm.gamma_gradient),
        beta_gradient: slice_mut(&norm.beta_gradient),
    });
    let layer = kernel_layer(saved, rows, drop);
    kernel::backward::<T>(layer, slice(gradient), slice(&saved.z), slice(&saved.out), norm, slice_mut(z_gradient));
}

pub(super) fn backward_composed(
    saved: &Saved,
    rows: i64,
    norm: Option<&NormViews>,
    drop: Drop,
    gradient: &Tensor,
    z_gradient: &Tensor,
) {
    let [z, gradient] = [&saved.z, gradient].map(|tensor| tensor.narrow(0, 0, rows).to_kind(Kind::Float));
    let scale = 1.0 / (1.0 - drop.probability);
    let passed = gradient * saved.out.narrow(0, 0, rows).gt(0.0) * scale;
    let target = match norm {
        None => passed,
        Some(norm) => {
            let normalised = (z - &saved.mean) * &saved.inverse_std;
            let sum = passed.sum_dim_intlist(&[0i64][..], false, Kind::Float);
            let product = (&passed * &normalised).sum_dim_intlist(&[0i64][..], false, Kind::Float);
            norm.beta_gradient.shallow_clone().copy_(&sum);
            norm.gamma_gradient.shallow_clone().copy_(&product);
            let count = rows as f64;
            (passed - sum / count - normalised * (product / count)) * (&norm.gamma * &saved.inverse_std)
        }
    };
    z_gradient.narrow(0, 0, rows).copy_(&target);
}

/// Adam's decay rates and ε, PyTorch's defaults.
const BETAS: (f64, f64) = (0.9, 0.999);
const ADAM_EPSILON: f64 = 1e-8;

/// One step of Adam (Kingma and Ba 2015) over flat buffers; `step` counts from 1.
pub(super) fn adam(buffers: &Buffers, step: u64, learning_rate: f64) {
    if buffers.parameters.device() == Device::Cpu {
        let (step_size, inverse_root) = adam_scales(step, learning_rate);
        let step = kernel::AdamStep {
            beta1: BETAS.0 as f32,
            beta2: BETAS.1 as f32,
            step_size: step_size as f32,
            inverse_root: inverse_root as f32,
            epsilon: ADAM_EPSILON as f32,
        };
        let moments = [slice_mut(&buffers.first_moment), slice_mut(&buffers.second_moment)];
        let copy = buffers.copy.as_ref().map(slice_mut);
        kernel::adam(step, slice_mut(&buffers.parameters), slice(&buffers.gradients), moments, copy);
    } else {
        adam_composed(buffers, step, learning_rate);
    }
}

/// The learning rate over the first bias correction, and 1/√ of the second.
fn adam_scales(step: u64, learning_rate: f64) -> (f64, f64) {
    let correction = |beta: f64| 1.0 - beta.powf(step as f64);
    (learning_rate / correction(BETAS.0), 1.0 / correction(BETAS.1).sqrt())
}

pub(super) fn adam_composed(buffers: &Buffers, step: u64, learning_rate: f64) {
    let (step_size, inverse_root) = adam_scales(step, learning_rate);
    let gradient = &buffers.gradients;
    let (mut first, mut second) = (buffers.first_moment.shallow_clone(), buffers.second_moment.shallow_clone());
    let _ = first.lerp_(gradient, 1.0 - BETAS.0);
    let _ = second.g_mul_scalar_(BETAS.1).g_add_(&(gradient.square() * (1.0 - BETAS.1)));
    let denominator = second.sqrt() * inverse_root + ADAM_EPSILON;
    let _ = buffers.parameters.shallow_clone().g_sub_(&(first / denominator * step_size));
    buffers.refresh_copy();
}

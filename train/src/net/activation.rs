//! The steps between two matrix products on whichever device the network
//! lives on: the fused loops of `kernel` on a CPU, tensor operations
//! (`composed`) elsewhere. Both compute the same formulas; a test holds them
//! against each other.
//!
//! Activations are in planes, `[rows, columns]` each: one as wide as the layer,
//! or, in a network that keeps to a mirror, an even and an odd one of half the
//! width (`mirror`).

use tch::{Device, Kind, Tensor};

use super::adam::{BETAS, EPSILON, scales};
use super::buffers::{Buffers, NormViews};
use super::kept::{Drop, Saved};
use super::number::{Bf16, Number};
use super::{composed, kernel};

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
    residual: Option<(&[Tensor], &[Tensor])>,
) {
    match (saved.z[0].device(), saved.z[0].kind()) {
        (Device::Cpu, Kind::BFloat16) => forward_fused::<Bf16>(saved, rows, norm, drop, residual),
        (Device::Cpu, _) => forward_fused::<f32>(saved, rows, norm, drop, residual),
        _ => composed::forward(saved, rows, norm, drop, residual),
    }
}

fn kernel_layer(saved: &Saved, rows: i64, drop: Drop) -> kernel::Layer {
    let dropout = kernel::Dropout::new(drop.probability, drop.seed);
    kernel::Layer { rows: rows as usize, columns: saved.z[0].size()[1] as usize, dropout }
}

/// The elements of both planes.
fn pair<T: Number>(planes: &[Tensor]) -> [&[T]; 2] {
    [slice(&planes[0]), slice(&planes[1])]
}

/// The elements of both planes, to be written; as for [`slice_mut`].
fn pair_mut<T: Number>(planes: &[Tensor]) -> [&mut [T]; 2] {
    [slice_mut(&planes[0]), slice_mut(&planes[1])]
}

fn forward_fused<T: Number>(
    saved: &Saved,
    rows: i64,
    norm: Option<&NormViews>,
    drop: Drop,
    residual: Option<(&[Tensor], &[Tensor])>,
) {
    let norm = norm.map(|norm| kernel::Norm {
        gamma: slice(&norm.gamma),
        beta: slice(&norm.beta),
        running_mean: slice_mut(&norm.running_mean),
        running_variance: slice_mut(&norm.running_variance),
        mean: slice_mut(&saved.mean),
        inverse_std: slice_mut(&saved.inverse_std),
    });
    let layer = kernel_layer(saved, rows, drop);
    if saved.z.len() == 2 {
        let residual = residual.map(|(skip, sum)| (pair(skip), pair_mut(sum)));
        kernel::twin::forward::<T>(layer, pair(&saved.z), norm, pair_mut(&saved.out), residual);
    } else {
        let residual = residual.map(|(skip, sum)| (slice(&skip[0]), slice_mut(&sum[0])));
        kernel::forward::<T>(layer, slice(&saved.z[0]), norm, slice_mut(&saved.out[0]), residual);
    }
}

/// `z_gradient` = the gradient with respect to `saved.z`, out of `gradient`, the one with respect to `saved.out`;
/// γ's and β's gradients are written beside it.
pub(super) fn backward(
    saved: &Saved,
    rows: i64,
    norm: Option<&NormViews>,
    drop: Drop,
    gradient: &[Tensor],
    z_gradient: &[Tensor],
) {
    match (saved.z[0].device(), saved.z[0].kind()) {
        (Device::Cpu, Kind::BFloat16) => backward_fused::<Bf16>(saved, rows, norm, drop, gradient, z_gradient),
        (Device::Cpu, _) => backward_fused::<f32>(saved, rows, norm, drop, gradient, z_gradient),
        _ => composed::backward(saved, rows, norm, drop, gradient, z_gradient),
    }
}

fn backward_fused<T: Number>(
    saved: &Saved,
    rows: i64,
    norm: Option<&NormViews>,
    drop: Drop,
    gradient: &[Tensor],
    z_gradient: &[Tensor],
) {
    let norm = norm.map(|norm| kernel::NormGradient {
        gamma: slice(&norm.gamma),
        mean: slice(&saved.mean),
        inverse_std: slice(&saved.inverse_std),
        gamma_gradient: slice_mut(&norm.gamma_gradient),
        beta_gradient: slice_mut(&norm.beta_gradient),
    });
    let layer = kernel_layer(saved, rows, drop);
    if saved.z.len() == 2 {
        let [gradient, z, out] = [gradient, &saved.z, &saved.out].map(pair);
        kernel::twin::backward::<T>(layer, gradient, z, out, norm, pair_mut(z_gradient));
    } else {
        let [gradient, z, out] = [gradient, &saved.z, &saved.out].map(|planes| slice(&planes[0]));
        kernel::backward::<T>(layer, gradient, z, out, norm, slice_mut(&z_gradient[0]));
    }
}

/// One step of Adam (Kingma and Ba 2015) over flat buffers; `step` counts from 1.
pub(super) fn adam(buffers: &Buffers, step: u64, learning_rate: f64) {
    if buffers.parameters.device() == Device::Cpu {
        let (step_size, inverse_root) = scales(step, learning_rate);
        let step = kernel::AdamStep {
            beta1: BETAS.0 as f32,
            beta2: BETAS.1 as f32,
            step_size: step_size as f32,
            inverse_root: inverse_root as f32,
            epsilon: EPSILON as f32,
        };
        let moments = [slice_mut(&buffers.first_moment), slice_mut(&buffers.second_moment)];
        let copy = buffers.copy.as_ref().map(slice_mut);
        kernel::adam(step, slice_mut(&buffers.parameters), slice(&buffers.gradients), moments, copy);
    } else {
        composed::adam(buffers, step, learning_rate);
    }
}

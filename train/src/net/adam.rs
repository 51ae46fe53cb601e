//! The optimiser: Adam (Kingma and Ba 2015), in PyTorch's form, in one pass over the flat buffers.

use tch::{Device, Tensor};

use super::cpu::{Bf16, Element, SharedMut, for_each, slice, slice_mut, vectorised};
use super::layer::Buffers;

/// Adam's decay rates and ε, PyTorch's defaults.
const BETAS: (f64, f64) = (0.9, 0.999);
const EPSILON: f64 = 1e-8;

/// The constants of one step.
#[derive(Debug, Clone, Copy)]
struct AdamStep {
    /// The learning rate divided by the first moment's bias correction.
    step_size: f64,
    /// 1/√ of the second moment's bias correction.
    inverse_root: f64,
}

impl AdamStep {
    /// The constants of step `step`, counted from 1.
    fn new(step: u64, learning_rate: f64) -> Self {
        Self {
            step_size: learning_rate / bias_correction(BETAS.0, step),
            inverse_root: 1.0 / bias_correction(BETAS.1, step).sqrt(),
        }
    }
}

/// Bias correction: the divisor of a moment with the decay rate `beta` in step `step`.
fn bias_correction(beta: f64, step: u64) -> f64 {
    1.0 - beta.powf(step as f64)
}

/// Updates the moments and the parameters, and the parameters' copy in bf16 if there is one; `step` counts from 1.
pub(super) fn adam(buffers: &Buffers, step: u64, learning_rate: f64) {
    let step = AdamStep::new(step, learning_rate);
    if buffers.parameters.device() == Device::Cpu {
        fused(step, buffers);
    } else {
        tensor_ops(step, buffers);
    }
}

/// In one loop over chunks of the buffers.
fn fused(step: AdamStep, buffers: &Buffers) {
    const CHUNK: usize = 1 << 14;
    let step = FusedStep::of(step);
    let gradients = slice(&buffers.gradients);
    // SAFETY: the buffers are tensors of their own, and no other slice of them is held while this runs.
    let [parameters, first_moment, second_moment] = unsafe {
        [&buffers.parameters, &buffers.first_moment, &buffers.second_moment]
            .map(|buffer| SharedMut::new(slice_mut::<f32>(buffer)))
    };
    // SAFETY: as above.
    let copy = buffers.copy.as_ref().map(|copy| SharedMut::new(unsafe { slice_mut::<Bf16>(copy) }));
    for_each(gradients.len().div_ceil(CHUNK), |chunk| {
        let start = chunk * CHUNK;
        let width = CHUNK.min(gradients.len() - start);
        // SAFETY: the chunks are disjoint ranges.
        let parameters = unsafe { parameters.range(start, width) };
        // SAFETY: as above.
        let (first, second) = unsafe { (first_moment.range(start, width), second_moment.range(start, width)) };
        move_chunk(step, parameters, &gradients[start..start + width], first, second);
        if let Some(copy) = &copy {
            // SAFETY: as above.
            round_chunk(parameters, unsafe { copy.range(start, width) });
        }
    });
}

/// The constants of a step in f32.
#[derive(Debug, Clone, Copy)]
struct FusedStep {
    beta1: f32,
    beta2: f32,
    step_size: f32,
    inverse_root: f32,
    epsilon: f32,
}

impl FusedStep {
    fn of(step: AdamStep) -> Self {
        Self {
            beta1: BETAS.0 as f32,
            beta2: BETAS.1 as f32,
            step_size: step.step_size as f32,
            inverse_root: step.inverse_root as f32,
            epsilon: EPSILON as f32,
        }
    }
}

vectorised! { fn move_chunk / move_chunk_wide / move_chunk_inner(step: FusedStep, parameters: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32]) }

#[inline(always)]
fn move_chunk_inner(step: FusedStep, parameters: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32]) {
    let moments = first.iter_mut().zip(second);
    for ((parameter, gradient), (first, second)) in parameters.iter_mut().zip(gradient).zip(moments) {
        *first += (1.0 - step.beta1) * (gradient - *first);
        *second = step.beta2 * *second + (1.0 - step.beta2) * gradient * gradient;
        *parameter -= step.step_size * *first / (second.sqrt() * step.inverse_root + step.epsilon);
    }
}

vectorised! {
    /// `copy` = the nearest bf16 of each of `numbers`.
    fn round_chunk / round_chunk_wide / round_chunk_inner(numbers: &[f32], copy: &mut [Bf16])
}

#[inline(always)]
fn round_chunk_inner(numbers: &[f32], copy: &mut [Bf16]) {
    for (copy, &number) in copy.iter_mut().zip(numbers) {
        *copy = Bf16::round(number);
    }
}

/// In tensor operations, for a GPU.
fn tensor_ops(step: AdamStep, buffers: &Buffers) {
    let moments = [&buffers.first_moment, &buffers.second_moment];
    move_parameters(step, &buffers.parameters, &buffers.gradients, moments);
    buffers.refresh_copy();
}

/// Updates `parameters` and both moments, all of one shape, for parameters that are not in [`Buffers`]; `step` counts from 1.
pub(crate) fn adam_step(parameters: &Tensor, gradient: &Tensor, moments: [&Tensor; 2], step: u64, learning_rate: f64) {
    tch::no_grad(|| move_parameters(AdamStep::new(step, learning_rate), parameters, gradient, moments));
}

fn move_parameters(step: AdamStep, parameters: &Tensor, gradient: &Tensor, moments: [&Tensor; 2]) {
    let [mut first, mut second] = moments.map(Tensor::shallow_clone);
    let _ = first.lerp_(gradient, 1.0 - BETAS.0);
    let _ = second.g_mul_scalar_(BETAS.1).g_add_(&(gradient.square() * (1.0 - BETAS.1)));
    let denominator = second.sqrt() * step.inverse_root + EPSILON;
    let _ = parameters.shallow_clone().g_sub_(&(first / denominator * step.step_size));
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;
    use crate::config::TrainPrecision;
    use crate::data::generator;
    use crate::net::layer::LayerShape;

    /// Buffers of `parameters` parameters, all 1, and gradients of −3.
    fn buffers(parameters: i64, precision: TrainPrecision) -> Buffers {
        let shape = |weights| LayerShape { planes: vec![(1, weights)], batch_norm: false };
        let buffers = Buffers::new(&[shape(1), shape(parameters - 3)], precision, Device::Cpu);
        let _ = buffers.parameters.shallow_clone().fill_(1.0);
        let _ = buffers.gradients.shallow_clone().fill_(-3.0);
        buffers
    }

    #[test]
    fn the_first_step_is_taken_at_the_learning_rate() {
        // After one step both corrected moments equal the gradient and its square: p − lr·sign(g).
        let buffers = buffers(20_000, TrainPrecision::Bf16);
        adam(&buffers, 1, 1e-3);
        let worst = (&buffers.parameters - 1.001).abs().max().double_value(&[]);
        assert!(worst < 1e-6, "{worst}");
        let copy = buffers.copy.as_ref().expect("bf16 has a copy");
        assert_eq!(copy, &buffers.parameters.to_kind(Kind::BFloat16));
    }

    #[test]
    fn the_fused_loop_equals_tensor_operations() {
        let _held = generator();
        let [loops, tensors] = [(); 2].map(|()| buffers(5000, TrainPrecision::F32));
        for step in 1..=5 {
            tch::manual_seed(step);
            let gradient = Tensor::randn(loops.gradients.size(), tch::kind::FLOAT_CPU);
            for buffers in [&loops, &tensors] {
                buffers.gradients.shallow_clone().copy_(&gradient);
            }
            fused(AdamStep::new(step as u64, 1e-2), &loops);
            tensor_ops(AdamStep::new(step as u64, 1e-2), &tensors);
        }
        let worst = (&loops.parameters - &tensors.parameters).abs().max().double_value(&[]);
        assert!(worst < 2e-4 * tensors.parameters.abs().max().double_value(&[]), "{worst}");
    }
}

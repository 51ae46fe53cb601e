//! What stands between two matrix products of a training step, fused: on a
//! CPU BatchNorm, ReLU, Dropout and the residual sum are bound by memory, so
//! they are one pass over a block of columns that stays in the cache, forward
//! and backward, instead of one pass each.
//!
//! Rows are the samples of a batch (B), columns the hidden units (H). The
//! formulas are those of Ioffe and Szegedy 2015 with the biased variance in
//! training and the unbiased one in the running statistics, as PyTorch has it.

use super::number::{Bf16, Number};
use super::parallel;

/// ε in √(σ² + ε).
pub(super) const EPSILON: f32 = 1e-5;
/// How far the running statistics move towards a batch's.
pub(super) const MOMENTUM: f32 = 0.1;
/// Columns a block: 512 rows of it are 128 KiB, which the second-level cache holds.
const BLOCK: usize = 64;

/// A mutable slice whose disjoint columns are written by several threads.
struct Shared<T>(*mut T, usize);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Shared<T> {}

// SAFETY: every user writes only to the columns of its own block.
unsafe impl<T> Sync for Shared<T> {}
// SAFETY: as above.
unsafe impl<T> Send for Shared<T> {}

impl<T> Shared<T> {
    fn new(slice: &mut [T]) -> Self {
        Self(slice.as_mut_ptr(), slice.len())
    }

    /// # Safety
    /// No two live ranges handed out may overlap.
    #[allow(clippy::mut_from_ref, reason = "disjointness is the caller's promise")]
    unsafe fn range(&self, start: usize, len: usize) -> &mut [T] {
        assert!(start + len <= self.1);
        // SAFETY: in bounds by the assertion, disjoint by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(start), len) }
    }
}

/// BatchNorm's parameters and what its forward pass leaves for the backward one, `[H]` each.
pub(super) struct Norm<'a> {
    pub gamma: &'a [f32],
    pub beta: &'a [f32],
    pub running_mean: &'a mut [f32],
    pub running_variance: &'a mut [f32],
    pub mean: &'a mut [f32],
    pub inverse_std: &'a mut [f32],
}

/// Which units a dropout layer keeps: a hash of (seed, element), so that a step can be repeated exactly.
#[derive(Clone, Copy)]
pub(super) struct Dropout {
    seed: u32,
    threshold: u32,
    scale: f32,
}

impl Dropout {
    /// Drops each unit with `probability` and scales the others by 1/(1 − probability).
    pub(super) fn new(probability: f64, seed: u32) -> Self {
        let threshold = (probability * f64::from(u32::MAX)) as u32;
        Self { seed, threshold, scale: (1.0 / (1.0 - probability)) as f32 }
    }

    /// The factor for element `index`: 0 or the scale. Murmur3's finaliser over a Weyl sequence.
    #[inline(always)]
    fn factor(self, index: u32) -> f32 {
        let mut x = index.wrapping_mul(0x9E37_79B1) ^ self.seed;
        x = (x ^ (x >> 16)).wrapping_mul(0x85EB_CA6B);
        x = (x ^ (x >> 13)).wrapping_mul(0xC2B2_AE35);
        x ^= x >> 16;
        if x >= self.threshold { self.scale } else { 0.0 }
    }
}

/// The shape and the dropout of one call.
#[derive(Clone, Copy)]
pub(super) struct Layer {
    pub rows: usize,
    pub columns: usize,
    pub dropout: Dropout,
}

/// Compiles a block function for the vector units at hand and picks one at run time.
macro_rules! vectorised {
    ($(#[$doc:meta])* fn $name:ident / $wide:ident / $inner:ident $(<$number:ident>)? ($($arg:ident: $ty:ty),* $(,)?)) => {
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,fma")]
        fn $wide$(<$number: Number>)?($($arg: $ty),*) { $inner($($arg),*) }

        $(#[$doc])*
        fn $name$(<$number: Number>)?($($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl")
            {
                // SAFETY: the features were detected on the line above; every avx512f processor has fma.
                return unsafe { $wide($($arg),*) };
            }
            $inner($($arg),*);
        }
    };
}

pub(super) mod twin;

/// Forward: `out` = dropout(ReLU(BatchNorm(`z`))), and where there is a `skip`, `sum` = `skip` + `out`.
/// All are `[rows, columns]`. `out` > 0 exactly where the gradient passes.
pub(super) fn forward<T: Number>(
    layer: Layer,
    z: &[T],
    norm: Option<Norm<'_>>,
    out: &mut [T],
    residual: Option<(&[T], &mut [T])>,
) {
    let len = layer.rows * layer.columns;
    let (z, out) = (&z[..len], Shared::new(&mut out[..len]));
    let (skip, sum) = residual.map(|(skip, sum)| (&skip[..len], Shared::new(&mut sum[..len]))).unzip();
    let norm = norm.map(|n| (n.gamma, n.beta, Statistics::of(n)));
    parallel::for_each(layer.columns.div_ceil(BLOCK), |block| {
        let first = block * BLOCK;
        let width = BLOCK.min(layer.columns - first);
        let mut factor = [1.0; BLOCK];
        let mut shift = [0.0; BLOCK];
        if let Some((gamma, beta, statistics)) = &norm {
            let (mean, squares) = column_moments(layer, first, width, z);
            // SAFETY: each block has columns of its own.
            let (mean, inverse_std) = unsafe { statistics.settle(first, width, &mean, &squares, layer.rows) };
            for j in 0..width {
                factor[j] = gamma[first + j] * inverse_std[j];
                shift[j] = beta[first + j] - mean[j] * factor[j];
            }
        }
        for row in 0..layer.rows {
            let at = row * layer.columns + first;
            // SAFETY: each block writes to columns of its own.
            let out = unsafe { out.range(at, width) };
            activate(layer.dropout, at, &z[at..at + width], &factor, &shift, out);
            if let (Some(skip), Some(sum)) = (skip, &sum) {
                // SAFETY: as above.
                let sum = unsafe { sum.range(at, width) };
                for (sum, (skip, out)) in sum.iter_mut().zip(skip[at..at + width].iter().zip(out)) {
                    *sum = T::of(skip.get() + out.get());
                }
            }
        }
    });
}

/// Where the statistics of the columns go.
#[derive(Clone, Copy)]
struct Statistics {
    running_mean: Shared<f32>,
    running_variance: Shared<f32>,
    mean: Shared<f32>,
    inverse_std: Shared<f32>,
}

impl Statistics {
    /// Of a BatchNorm, whose parameters are left alone.
    fn of(norm: Norm<'_>) -> Self {
        let [running_mean, running_variance, mean, inverse_std] =
            [norm.running_mean, norm.running_variance, norm.mean, norm.inverse_std].map(Shared::new);
        Self { running_mean, running_variance, mean, inverse_std }
    }

    /// Writes mean and 1/√(σ² + ε) of the columns from `first`, hands them back, and moves the running statistics
    /// towards them; `squares` are Σ(z − mean)² over `count` samples.
    ///
    /// # Safety
    /// No two calls at a time may share a column, nor may what they handed back be alive.
    unsafe fn settle(
        &self,
        first: usize,
        width: usize,
        means: &Columns,
        squares: &Columns,
        count: usize,
    ) -> (&[f32], &[f32]) {
        // SAFETY: the caller's promise.
        let [mean, inverse_std, running_mean, running_variance] = unsafe {
            [&self.mean, &self.inverse_std, &self.running_mean, &self.running_variance].map(|s| s.range(first, width))
        };
        let count = count as f32;
        for j in 0..width {
            let variance = squares[j] / count;
            mean[j] = means[j];
            inverse_std[j] = 1.0 / (variance + EPSILON).sqrt();
            let unbiased = variance * count / (count - 1.0).max(1.0);
            running_mean[j] += MOMENTUM * (mean[j] - running_mean[j]);
            running_variance[j] += MOMENTUM * (unbiased - running_variance[j]);
        }
        (mean, inverse_std)
    }
}

type Columns = [f32; BLOCK];

/// Mean and Σ(z − mean)² of each column of a block: two passes, since one would cancel.
fn column_moments<T: Number>(layer: Layer, first: usize, width: usize, z: &[T]) -> (Columns, Columns) {
    let mut sum = [0.0; BLOCK];
    let mut squares = [0.0; BLOCK];
    add_columns(layer, first, width, z, &mut sum);
    let mean = sum.map(|s| s / layer.rows as f32);
    add_squares(layer, first, width, z, &mean, &mut squares);
    (mean, squares)
}

vectorised! { fn add_columns / add_columns_wide / add_columns_inner<T>(layer: Layer, first: usize, width: usize, z: &[T], sum: &mut Columns) }

#[inline(always)]
fn add_columns_inner<T: Number>(layer: Layer, first: usize, width: usize, z: &[T], sum: &mut Columns) {
    for row in 0..layer.rows {
        let at = row * layer.columns + first;
        for (sum, z) in sum.iter_mut().zip(&z[at..at + width]) {
            *sum += z.get();
        }
    }
}

vectorised! { fn add_squares / add_squares_wide / add_squares_inner<T>(layer: Layer, first: usize, width: usize, z: &[T], mean: &Columns, squares: &mut Columns) }

#[inline(always)]
fn add_squares_inner<T: Number>(
    layer: Layer,
    first: usize,
    width: usize,
    z: &[T],
    mean: &Columns,
    squares: &mut Columns,
) {
    for row in 0..layer.rows {
        let at = row * layer.columns + first;
        for (square, (z, mean)) in squares.iter_mut().zip(z[at..at + width].iter().zip(mean)) {
            let from_mean = z.get() - mean;
            *square += from_mean * from_mean;
        }
    }
}

vectorised! {
    /// `out` = dropout(ReLU(`factor`·`z` + `shift`)) for one row of a block.
    fn activate / activate_wide / activate_inner<T>(dropout: Dropout, at: usize, z: &[T], factor: &Columns, shift: &Columns, out: &mut [T])
}

#[inline(always)]
fn activate_inner<T: Number>(dropout: Dropout, at: usize, z: &[T], factor: &Columns, shift: &Columns, out: &mut [T]) {
    let scaled = z.iter().zip(factor.iter().zip(shift)).map(|(z, (factor, shift))| (z.get() * factor + shift).max(0.0));
    for (j, (out, y)) in out.iter_mut().zip(scaled).enumerate() {
        *out = T::of(y * dropout.factor((at + j) as u32));
    }
}

/// What the backward pass reads of BatchNorm and where it leaves the gradients, `[H]` each.
pub(super) struct NormGradient<'a> {
    pub gamma: &'a [f32],
    pub mean: &'a [f32],
    pub inverse_std: &'a [f32],
    pub gamma_gradient: &'a mut [f32],
    pub beta_gradient: &'a mut [f32],
}

/// Backward: the gradient with respect to `z`, out of the one with respect to the output.
/// `z` and `out` are those of the forward pass; all are `[rows, columns]`.
pub(super) fn backward<T: Number>(
    layer: Layer,
    gradient: &[T],
    z: &[T],
    out: &[T],
    norm: Option<NormGradient<'_>>,
    z_gradient: &mut [T],
) {
    let len = layer.rows * layer.columns;
    let (gradient, z, out) = (&gradient[..len], &z[..len], &out[..len]);
    let z_gradient = Shared::new(&mut z_gradient[..len]);
    let norm = norm.map(|n| (n.gamma, n.mean, n.inverse_std, [n.gamma_gradient, n.beta_gradient].map(Shared::new)));
    let scale = layer.dropout.scale;
    parallel::for_each(layer.columns.div_ceil(BLOCK), |block| {
        let first = block * BLOCK;
        let width = BLOCK.min(layer.columns - first);
        let mut slope = Slope { scale, ..Slope::default() };
        if let Some((gamma, mean, inverse_std, [gamma_gradient, beta_gradient])) = &norm {
            slope.mean[..width].copy_from_slice(&mean[first..first + width]);
            slope.inverse_std[..width].copy_from_slice(&inverse_std[first..first + width]);
            let mut sums = ([0.0; BLOCK], [0.0; BLOCK]);
            for row in 0..layer.rows {
                let at = row * layer.columns + first;
                let row = at..at + width;
                gather(&slope, &gradient[row.clone()], &z[row.clone()], &out[row], &mut sums);
            }
            // SAFETY: each block has columns of its own.
            let (gamma_gradient, beta_gradient) =
                unsafe { (gamma_gradient.range(first, width), beta_gradient.range(first, width)) };
            beta_gradient.copy_from_slice(&sums.0[..width]);
            gamma_gradient.copy_from_slice(&sums.1[..width]);
            slope.mean_of_gradient = sums.0.map(|sum| sum / layer.rows as f32);
            slope.mean_of_product = sums.1.map(|sum| sum / layer.rows as f32);
            for j in 0..width {
                slope.factor[j] = gamma[first + j] * inverse_std[first + j];
            }
        }
        for row in 0..layer.rows {
            let at = row * layer.columns + first;
            let row = at..at + width;
            // SAFETY: each block writes to columns of its own.
            let target = unsafe { z_gradient.range(at, width) };
            descend(&slope, &gradient[row.clone()], &z[row.clone()], &out[row], target);
        }
    });
}

/// The linear map from an output gradient to a `z` gradient, for the columns of a block.
struct Slope {
    scale: f32,
    mean: Columns,
    inverse_std: Columns,
    factor: Columns,
    mean_of_gradient: Columns,
    mean_of_product: Columns,
}

impl Default for Slope {
    /// No BatchNorm: the gradient passes as it is.
    fn default() -> Self {
        let zero = [0.0; BLOCK];
        let one = [1.0; BLOCK];
        Self { scale: 1.0, mean: zero, inverse_std: one, factor: one, mean_of_gradient: zero, mean_of_product: zero }
    }
}

vectorised! {
    /// Adds one row's gradient, and its product with the normalised input, to the columns' sums.
    fn gather / gather_wide / gather_inner<T>(slope: &Slope, gradient: &[T], z: &[T], out: &[T], sums: &mut (Columns, Columns))
}

#[inline(always)]
fn gather_inner<T: Number>(slope: &Slope, gradient: &[T], z: &[T], out: &[T], sums: &mut (Columns, Columns)) {
    let width = gradient.len().min(z.len()).min(out.len()).min(BLOCK);
    for j in 0..width {
        let passed = if out[j].get() > 0.0 { gradient[j].get() * slope.scale } else { 0.0 };
        sums.0[j] += passed;
        sums.1[j] += passed * (z[j].get() - slope.mean[j]) * slope.inverse_std[j];
    }
}

vectorised! {
    /// One row's `z` gradient.
    fn descend / descend_wide / descend_inner<T>(slope: &Slope, gradient: &[T], z: &[T], out: &[T], target: &mut [T])
}

#[inline(always)]
fn descend_inner<T: Number>(slope: &Slope, gradient: &[T], z: &[T], out: &[T], target: &mut [T]) {
    let width = gradient.len().min(z.len()).min(out.len()).min(target.len()).min(BLOCK);
    for j in 0..width {
        let passed = if out[j].get() > 0.0 { gradient[j].get() * slope.scale } else { 0.0 };
        let normalised = (z[j].get() - slope.mean[j]) * slope.inverse_std[j];
        let down = passed - slope.mean_of_gradient[j] - normalised * slope.mean_of_product[j];
        target[j] = T::of(slope.factor[j] * down);
    }
}

/// Adam's numbers for one step (Kingma and Ba 2015, as PyTorch arranges it).
#[derive(Debug, Clone, Copy)]
pub(super) struct AdamStep {
    pub beta1: f32,
    pub beta2: f32,
    /// Learning rate over the first moment's bias correction.
    pub step_size: f32,
    /// 1 / √(the second moment's bias correction).
    pub inverse_root: f32,
    pub epsilon: f32,
}

/// One pass over all parameters: moments, parameters and their `copy` in bf16, where there is one, moved together.
pub(super) fn adam(
    step: AdamStep,
    parameters: &mut [f32],
    gradient: &[f32],
    [first, second]: [&mut [f32]; 2],
    copy: Option<&mut [Bf16]>,
) {
    const CHUNK: usize = 1 << 14;
    let len = gradient.len();
    let shared = [parameters, first, second].map(Shared::new);
    let copy = copy.map(Shared::new);
    parallel::for_each(len.div_ceil(CHUNK), |chunk| {
        let start = chunk * CHUNK;
        let width = CHUNK.min(len - start);
        // SAFETY: each chunk is a range of its own.
        let [parameters, first, second] = unsafe { [0, 1, 2].map(|k| shared[k].range(start, width)) };
        adam_chunk(step, parameters, &gradient[start..start + width], first, second);
        if let Some(copy) = &copy {
            // SAFETY: as above.
            rounded(parameters, unsafe { copy.range(start, width) });
        }
    });
}

vectorised! {
    /// `copy` = the nearest bf16 of each of `numbers`.
    fn rounded / rounded_wide / rounded_inner(numbers: &[f32], copy: &mut [Bf16])
}

#[inline(always)]
fn rounded_inner(numbers: &[f32], copy: &mut [Bf16]) {
    for (copy, &number) in copy.iter_mut().zip(numbers) {
        *copy = Bf16::of(number);
    }
}

vectorised! { fn adam_chunk / adam_chunk_wide / adam_chunk_inner(step: AdamStep, parameters: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32]) }

#[inline(always)]
fn adam_chunk_inner(step: AdamStep, parameters: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32]) {
    let moments = first.iter_mut().zip(second);
    for ((parameter, gradient), (first, second)) in parameters.iter_mut().zip(gradient).zip(moments) {
        *first += (1.0 - step.beta1) * (gradient - *first);
        *second = step.beta2 * *second + (1.0 - step.beta2) * gradient * gradient;
        *parameter -= step.step_size * *first / (second.sqrt() * step.inverse_root + step.epsilon);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropout_keeps_its_share_and_its_mean() {
        for probability in [0.0, 0.1, 0.5] {
            let dropout = Dropout::new(probability, 42);
            let kept: f64 = (0..100_000).map(|index| f64::from(dropout.factor(index))).sum();
            assert!((kept / 100_000.0 - 1.0).abs() < 0.01, "probability {probability}: mean {}", kept / 1e5);
        }
    }

    #[test]
    fn dropout_differs_between_seeds() {
        let [a, b] = [1, 2].map(|seed| Dropout::new(0.5, seed));
        let equal = (0..10_000).filter(|&index| a.factor(index) == b.factor(index)).count();
        assert!((4500..5500).contains(&equal), "{equal} of 10000 alike");
    }

    #[test]
    fn adam_takes_its_first_step_at_the_learning_rate() {
        // After one step both corrected moments equal the gradient and its square: p − lr·sign(g).
        let step = AdamStep {
            beta1: 0.9,
            beta2: 0.999,
            step_size: 1e-3 / 0.1,
            inverse_root: 1.0 / 1e-3f32.sqrt(),
            epsilon: 1e-8,
        };
        let (mut p, mut m, mut v) = (vec![1.0; 20_000], vec![0.0; 20_000], vec![0.0; 20_000]);
        let mut copy = vec![Bf16::of(0.0); 20_000];
        adam(step, &mut p, &vec![-3.0; 20_000], [&mut m, &mut v], Some(&mut copy));
        assert!(p.iter().all(|p| (p - 1.001).abs() < 1e-6), "{}", p[0]);
        assert!(copy.iter().zip(&p).all(|(copy, &p)| *copy == Bf16::of(p)));
    }
}

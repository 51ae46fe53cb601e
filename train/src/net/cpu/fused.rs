//! BatchNorm, ReLU, dropout and the residual sum of a hidden layer, fused. On a CPU they are bound by memory, so they
//! are one pass over a block of columns that stays in the cache, forward and backward, instead of one pass each.
//!
//! Rows are the samples of a batch (B), columns the hidden units (H), or half of them if a layer is in two `PLANES`
//! (`symmetry`). The formulas are those of Ioffe and Szegedy 2015 with the biased variance in training and the
//! unbiased one in the running statistics, as in PyTorch.
//!
//! In two planes a unit's twins a and b are both samples of it, so BatchNorm's statistics are over twice as many
//! rows. In the planes (a + b)/√2 and (a − b)/√2 that is again one factor, and a shift of the even plane only.

use std::f32::consts::SQRT_2;

use super::{Element, SharedMut, for_each, vectorised};
use crate::net::activation::DropoutSpec;
use crate::net::layer::{EPSILON, MOMENTUM};

/// Columns per block: 512 rows of it are 128 KiB, which the second-level cache holds.
const BLOCK: usize = 64;

/// A number for each column of a block.
type Columns = [f32; BLOCK];

/// The units that a dropout layer keeps: a hash of (seed, element), so that a step can be repeated exactly.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dropout {
    seed: u32,
    threshold: u32,
    scale: f32,
}

impl Dropout {
    /// Drops each unit with the probability of `spec` and scales the others by 1/(1 − probability).
    pub(super) fn new(spec: DropoutSpec) -> Self {
        let threshold = (spec.probability * f64::from(u32::MAX)) as u32;
        Self { seed: spec.seed, threshold, scale: (1.0 / (1.0 - spec.probability)) as f32 }
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

/// The shape of one plane and the dropout of one call.
#[derive(Debug, Clone, Copy)]
pub(super) struct FusedLayer {
    pub rows: usize,
    pub columns: usize,
    pub dropout: Dropout,
}

impl FusedLayer {
    /// Elements of a plane.
    fn len(self) -> usize {
        self.rows * self.columns
    }

    /// Calls `body` for each block of columns, on several threads.
    fn for_each_block(self, body: impl Fn(Block) + Sync) {
        for_each(self.columns.div_ceil(BLOCK), |block| {
            let first = block * BLOCK;
            body(Block { first, width: BLOCK.min(self.columns - first) });
        });
    }

    /// The offset of each row of `block` in a plane.
    fn row_starts(self, block: Block) -> impl Iterator<Item = usize> {
        (0..self.rows).map(move |row| row * self.columns + block.first)
    }
}

/// Neighbouring columns, at most [`BLOCK`].
#[derive(Debug, Clone, Copy)]
struct Block {
    first: usize,
    width: usize,
}

/// A row of a block in each plane.
#[inline(always)]
fn row<T, const PLANES: usize>(planes: [&[T]; PLANES], at: usize, block: Block) -> [&[T]; PLANES] {
    planes.map(|plane| &plane[at..at + block.width])
}

/// A row of a block to be written: in the first plane, and in the second, empty if there is none. Two references
/// instead of an array, so that the compiler knows that they do not overlap.
///
/// # Safety
/// No two threads may hold a row of the same block.
#[allow(clippy::mut_from_ref, reason = "disjointness is the caller's promise")]
unsafe fn row_mut<T, const PLANES: usize>(
    planes: &[SharedMut<T>; PLANES],
    at: usize,
    block: Block,
) -> (&mut [T], &mut [T]) {
    // SAFETY: guaranteed by the caller.
    let first = unsafe { planes[0].range(at, block.width) };
    if PLANES == 2 {
        // SAFETY: as above.
        (first, unsafe { planes[1].range(at, block.width) })
    } else {
        (first, &mut [])
    }
}

/// The least length of `rows`. A loop over that many columns, at most [`BLOCK`], needs no bounds checks and is
/// vectorised.
#[inline(always)]
fn shortest<T, const PLANES: usize>(rows: [&[T]; PLANES]) -> usize {
    if PLANES == 2 { rows[0].len().min(rows[1].len()) } else { rows[0].len() }
}

/// Column `j` of each row. Written out instead of mapped, so that the compiler sees that `j` is within each row.
#[inline(always)]
fn column<T: Element, const PLANES: usize>(rows: [&[T]; PLANES], j: usize) -> [f32; PLANES] {
    let mut column = [rows[0][j].get(); PLANES];
    if PLANES == 2 {
        column[1] = rows[1][j].get();
    }
    column
}

/// The twins of an even and an odd number, √2 too large: their sum and their difference. One plane stays unchanged.
#[inline(always)]
fn to_twins<const PLANES: usize>(x: [f32; PLANES]) -> [f32; PLANES] {
    let mut twins = x;
    if PLANES == 2 {
        twins[0] = x[0] + x[1];
        twins[1] = x[0] - x[1];
    }
    twins
}

/// The even and the odd number of twins, √2 too large: the same map.
#[inline(always)]
fn to_planes<const PLANES: usize>(twins: [f32; PLANES]) -> [f32; PLANES] {
    to_twins(twins)
}

/// The factor that is due after [`to_twins`] and [`to_planes`]: 1/√2 for each.
const fn basis_scale(planes: usize) -> f32 {
    if planes == 2 { 0.5 } else { 1.0 }
}

/// Scale of a unit's number in the even plane: √2.
const fn plane_scale(planes: usize) -> f32 {
    if planes == 2 { SQRT_2 } else { 1.0 }
}

/// BatchNorm's parameters and what its forward pass saves for the backward one, `[columns]` each.
pub(super) struct Norm<'a> {
    pub gamma: &'a [f32],
    pub beta: &'a [f32],
    pub running_mean: &'a mut [f32],
    pub running_variance: &'a mut [f32],
    pub mean: &'a mut [f32],
    pub inverse_std: &'a mut [f32],
}

/// The residual sum at a block's end: `sum` = `skip` + the layer's output, `[rows, columns]` per plane.
pub(super) struct Residual<'a, T, const PLANES: usize> {
    pub skip: [&'a [T]; PLANES],
    pub sum: [&'a mut [T]; PLANES],
}

/// Forward: `out` = dropout(ReLU(BatchNorm(`z`))), and the residual sum if there is one. All are `[rows, columns]`
/// per plane. A unit of `out` is > 0 exactly where the gradient passes.
pub(super) fn forward<T: Element, const PLANES: usize>(
    layer: FusedLayer,
    z: [&[T]; PLANES],
    norm: Option<Norm<'_>>,
    out: [&mut [T]; PLANES],
    residual: Option<Residual<'_, T, PLANES>>,
) {
    let len = layer.len();
    let z = z.map(|plane| &plane[..len]);
    let out = out.map(|plane| SharedMut::new(&mut plane[..len]));
    let residual = residual.map(|r| (r.skip.map(|plane| &plane[..len]), r.sum.map(|s| SharedMut::new(&mut s[..len]))));
    let norm = norm.map(|norm| SharedNorm::of(norm, layer.rows * PLANES));
    layer.for_each_block(|block| {
        let affine = match &norm {
            None => Affine::IDENTITY,
            // SAFETY: the blocks have disjoint columns.
            Some(norm) => unsafe { norm.affine(block, column_moments(layer, block, z), plane_scale(PLANES)) },
        };
        for at in layer.row_starts(block) {
            // SAFETY: the blocks write to disjoint columns.
            let (first, second) = unsafe { row_mut(&out, at, block) };
            activate(layer.dropout, std::array::from_fn(|k| at + k * len), row(z, at, block), &affine, first, second);
            if let Some((skip, sum)) = &residual {
                // SAFETY: as above.
                let sum = unsafe { row_mut(sum, at, block) };
                let skip = row(*skip, at, block);
                add(sum.0, skip[0], first);
                if PLANES == 2 {
                    add(sum.1, skip[1], second);
                }
            }
        }
    });
}

/// `sum` = `skip` + `out`.
#[inline(always)]
fn add<T: Element>(sum: &mut [T], skip: &[T], out: &[T]) {
    for (sum, (skip, out)) in sum.iter_mut().zip(skip.iter().zip(out)) {
        *sum = T::round(skip.get() + out.get());
    }
}

/// BatchNorm as an affine map for the columns of a block: `factor`·z, plus `shift` in the first plane.
struct Affine {
    factor: Columns,
    shift: Columns,
}

impl Affine {
    /// No BatchNorm.
    const IDENTITY: Self = Self { factor: [1.0; BLOCK], shift: [0.0; BLOCK] };
}

/// Mean of the first plane and Σ(z − mean)² of all, per column.
struct Moments {
    mean: Columns,
    squares: Columns,
}

/// A BatchNorm whose statistics several threads write, each for its own columns.
struct SharedNorm<'a> {
    gamma: &'a [f32],
    beta: &'a [f32],
    running_mean: SharedMut<f32>,
    running_variance: SharedMut<f32>,
    mean: SharedMut<f32>,
    inverse_std: SharedMut<f32>,
    /// Samples of each unit.
    count: f32,
}

impl<'a> SharedNorm<'a> {
    fn of(norm: Norm<'a>, count: usize) -> Self {
        Self {
            gamma: norm.gamma,
            beta: norm.beta,
            running_mean: SharedMut::new(norm.running_mean),
            running_variance: SharedMut::new(norm.running_variance),
            mean: SharedMut::new(norm.mean),
            inverse_std: SharedMut::new(norm.inverse_std),
            count: count as f32,
        }
    }

    /// Writes mean and 1/√(σ² + ε) of the columns of `block`, updates the running statistics, and returns the
    /// columns' factor and shift; β counts `beta_scale` times.
    ///
    /// # Safety
    /// No two concurrent calls may share a column.
    unsafe fn affine(&self, Block { first, width }: Block, moments: Moments, beta_scale: f32) -> Affine {
        // SAFETY: guaranteed by the caller.
        let [mean, inverse_std, running_mean, running_variance] = unsafe {
            [&self.mean, &self.inverse_std, &self.running_mean, &self.running_variance].map(|s| s.range(first, width))
        };
        let mut affine = Affine::IDENTITY;
        for j in 0..width {
            let variance = moments.squares[j] / self.count;
            mean[j] = moments.mean[j];
            inverse_std[j] = 1.0 / (variance + EPSILON).sqrt();
            let unbiased = variance * self.count / (self.count - 1.0).max(1.0);
            running_mean[j] += MOMENTUM * (mean[j] - running_mean[j]);
            running_variance[j] += MOMENTUM * (unbiased - running_variance[j]);
            affine.factor[j] = self.gamma[first + j] * inverse_std[j];
            affine.shift[j] = beta_scale * self.beta[first + j] - mean[j] * affine.factor[j];
        }
        affine
    }
}

/// Two passes, since one pass would lose digits to cancellation. The odd plane's mean is 0 by symmetry.
fn column_moments<T: Element, const PLANES: usize>(layer: FusedLayer, block: Block, z: [&[T]; PLANES]) -> Moments {
    let mut moments = Moments { mean: [0.0; BLOCK], squares: [0.0; BLOCK] };
    add_columns(layer, block, z[0], &mut moments.mean);
    moments.mean = moments.mean.map(|sum| sum / layer.rows as f32);
    add_squares(layer, block, z[0], &moments.mean, &mut moments.squares);
    for odd in &z[1..] {
        add_squares(layer, block, odd, &[0.0; BLOCK], &mut moments.squares);
    }
    moments
}

vectorised! { fn add_columns / add_columns_wide / add_columns_inner<T>(layer: FusedLayer, block: Block, z: &[T], sum: &mut Columns) }

#[inline(always)]
fn add_columns_inner<T: Element>(layer: FusedLayer, block: Block, z: &[T], sum: &mut Columns) {
    for at in layer.row_starts(block) {
        for (sum, z) in sum.iter_mut().zip(&z[at..at + block.width]) {
            *sum += z.get();
        }
    }
}

vectorised! { fn add_squares / add_squares_wide / add_squares_inner<T>(layer: FusedLayer, block: Block, z: &[T], mean: &Columns, squares: &mut Columns) }

#[inline(always)]
fn add_squares_inner<T: Element>(layer: FusedLayer, block: Block, z: &[T], mean: &Columns, squares: &mut Columns) {
    for at in layer.row_starts(block) {
        for (square, (z, mean)) in squares.iter_mut().zip(z[at..at + block.width].iter().zip(mean)) {
            let from_mean = z.get() - mean;
            *square += from_mean * from_mean;
        }
    }
}

vectorised! {
    /// One row of a block, whose planes begin at `at`: to the units, dropout(ReLU(`affine`)), and back to planes.
    fn activate / activate_wide / activate_inner<T, const PLANES: usize>(dropout: Dropout, at: [usize; PLANES], z: [&[T]; PLANES], affine: &Affine, first: &mut [T], second: &mut [T])
}

#[inline(always)]
fn activate_inner<T: Element, const PLANES: usize>(
    dropout: Dropout,
    at: [usize; PLANES],
    z: [&[T]; PLANES],
    affine: &Affine,
    first: &mut [T],
    second: &mut [T],
) {
    let mut width = shortest(z).min(first.len()).min(BLOCK);
    if PLANES == 2 {
        width = width.min(second.len());
    }
    for j in 0..width {
        let mut y = column(z, j);
        y[0] = y[0] * affine.factor[j] + affine.shift[j];
        if PLANES == 2 {
            y[1] *= affine.factor[j];
        }
        let mut units = to_twins(y);
        for (unit, at) in units.iter_mut().zip(at) {
            *unit = unit.max(0.0) * dropout.factor((at + j) as u32);
        }
        let out = to_planes(units);
        first[j] = T::round(out[0] * basis_scale(PLANES));
        if PLANES == 2 {
            second[j] = T::round(out[1] * basis_scale(PLANES));
        }
    }
}

/// BatchNorm's inputs to the backward pass, and where it writes the gradients, `[columns]` each.
pub(super) struct NormGradient<'a> {
    pub gamma: &'a [f32],
    pub mean: &'a [f32],
    pub inverse_std: &'a [f32],
    pub gamma_gradient: &'a mut [f32],
    pub beta_gradient: &'a mut [f32],
}

/// The gradient with respect to the output, and the forward pass's saved activations; `[rows, columns]` per plane, or
/// a row of it.
#[derive(Clone, Copy)]
pub(super) struct Passed<'a, T, const PLANES: usize> {
    pub gradient: [&'a [T]; PLANES],
    pub z: [&'a [T]; PLANES],
    pub out: [&'a [T]; PLANES],
}

impl<'a, T: Element, const PLANES: usize> Passed<'a, T, PLANES> {
    #[inline(always)]
    fn row(&self, at: usize, block: Block) -> Self {
        let Self { gradient, z, out } = *self;
        Self { gradient: row(gradient, at, block), z: row(z, at, block), out: row(out, at, block) }
    }

    #[inline(always)]
    fn width(&self) -> usize {
        shortest(self.z).min(shortest(self.out)).min(shortest(self.gradient)).min(BLOCK)
    }

    /// The gradient in column `j` after the units' ReLUs and dropouts, in planes again.
    #[inline(always)]
    fn through_units(&self, j: usize, scale: f32) -> [f32; PLANES] {
        let out = to_twins(column(self.out, j));
        let gradient = to_twins(column(self.gradient, j));
        let mut passed = [if out[0] > 0.0 { gradient[0] } else { 0.0 }; PLANES];
        if PLANES == 2 {
            passed[1] = if out[1] > 0.0 { gradient[1] } else { 0.0 };
        }
        let mut passed = to_planes(passed);
        passed[0] *= basis_scale(PLANES) * scale;
        if PLANES == 2 {
            passed[1] *= basis_scale(PLANES) * scale;
        }
        passed
    }
}

/// Backward: the gradient with respect to `z`, `[rows, columns]` per plane, from the gradient that has `passed` ReLU
/// and dropout.
pub(super) fn backward<T: Element, const PLANES: usize>(
    layer: FusedLayer,
    passed: Passed<'_, T, PLANES>,
    norm: Option<NormGradient<'_>>,
    z_gradient: [&mut [T]; PLANES],
) {
    let z_gradient = z_gradient.map(|plane| SharedMut::new(&mut plane[..layer.len()]));
    let norm = norm.map(|n| (n.gamma, n.mean, n.inverse_std, [n.gamma_gradient, n.beta_gradient].map(SharedMut::new)));
    layer.for_each_block(|block| {
        let Block { first, width } = block;
        let mut slope = Slope { scale: layer.dropout.scale, ..Slope::IDENTITY };
        if let Some((gamma, mean, inverse_std, [gamma_gradient, beta_gradient])) = &norm {
            slope.mean[..width].copy_from_slice(&mean[first..first + width]);
            slope.inverse_std[..width].copy_from_slice(&inverse_std[first..first + width]);
            let mut sums = Sums { gradient: [0.0; BLOCK], product: [0.0; BLOCK] };
            for at in layer.row_starts(block) {
                gather(&slope, passed.row(at, block), &mut sums);
            }
            // SAFETY: the blocks have disjoint columns.
            let [gamma_gradient, beta_gradient] =
                unsafe { [gamma_gradient, beta_gradient].map(|gradient| gradient.range(first, width)) };
            for j in 0..width {
                beta_gradient[j] = plane_scale(PLANES) * sums.gradient[j];
                gamma_gradient[j] = sums.product[j];
                slope.factor[j] = gamma[first + j] * inverse_std[first + j];
            }
            slope.mean_of_gradient = sums.gradient.map(|sum| sum / layer.rows as f32);
            slope.mean_of_product = sums.product.map(|sum| sum / (PLANES * layer.rows) as f32);
        }
        for at in layer.row_starts(block) {
            // SAFETY: the blocks write to disjoint columns.
            let (even, odd) = unsafe { row_mut(&z_gradient, at, block) };
            descend(&slope, passed.row(at, block), even, odd);
        }
    });
}

/// Sums over the rows, per column.
struct Sums {
    gradient: Columns,
    /// Sum of the gradient times the normalised input.
    product: Columns,
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

impl Slope {
    /// Without BatchNorm the gradient passes unchanged.
    const IDENTITY: Self = Self {
        scale: 1.0,
        mean: [0.0; BLOCK],
        inverse_std: [1.0; BLOCK],
        factor: [1.0; BLOCK],
        mean_of_gradient: [0.0; BLOCK],
        mean_of_product: [0.0; BLOCK],
    };
}

vectorised! {
    /// Adds one row's gradient, and its product with the normalised input, to the columns' sums.
    fn gather / gather_wide / gather_inner<T, const PLANES: usize>(slope: &Slope, row: Passed<T, PLANES>, sums: &mut Sums)
}

#[inline(always)]
fn gather_inner<T: Element, const PLANES: usize>(slope: &Slope, row: Passed<T, PLANES>, sums: &mut Sums) {
    for j in 0..row.width() {
        let z = column(row.z, j);
        let passed = row.through_units(j, slope.scale);
        let mut product = passed[0] * (z[0] - slope.mean[j]);
        if PLANES == 2 {
            product += passed[1] * z[1];
        }
        sums.gradient[j] += passed[0];
        sums.product[j] += product * slope.inverse_std[j];
    }
}

vectorised! {
    /// One row's `z` gradient.
    fn descend / descend_wide / descend_inner<T, const PLANES: usize>(slope: &Slope, row: Passed<T, PLANES>, first: &mut [T], second: &mut [T])
}

#[inline(always)]
fn descend_inner<T: Element, const PLANES: usize>(
    slope: &Slope,
    row: Passed<T, PLANES>,
    first: &mut [T],
    second: &mut [T],
) {
    let mut width = row.width().min(first.len());
    if PLANES == 2 {
        width = width.min(second.len());
    }
    for j in 0..width {
        let z = column(row.z, j);
        let passed = row.through_units(j, slope.scale);
        let normalised = (z[0] - slope.mean[j]) * slope.inverse_std[j];
        let down = passed[0] - slope.mean_of_gradient[j] - normalised * slope.mean_of_product[j];
        first[j] = T::round(slope.factor[j] * down);
        if PLANES == 2 {
            let normalised = z[1] * slope.inverse_std[j];
            second[j] = T::round(slope.factor[j] * (passed[1] - normalised * slope.mean_of_product[j]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dropout(probability: f64, seed: u32) -> Dropout {
        Dropout::new(DropoutSpec { probability, seed })
    }

    #[test]
    fn dropout_keeps_its_share_and_its_mean() {
        for probability in [0.0, 0.1, 0.5] {
            let dropout = dropout(probability, 42);
            let kept: f64 = (0..100_000).map(|index| f64::from(dropout.factor(index))).sum();
            assert!((kept / 100_000.0 - 1.0).abs() < 0.01, "probability {probability}: mean {}", kept / 1e5);
        }
    }

    #[test]
    fn dropout_differs_between_seeds() {
        let [a, b] = [1, 2].map(|seed| dropout(0.5, seed));
        let equal = (0..10_000).filter(|&index| a.factor(index) == b.factor(index)).count();
        assert!((4500..5500).contains(&equal), "{equal} of 10000 alike");
    }
}

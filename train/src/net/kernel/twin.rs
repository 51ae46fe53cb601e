//! The same passes over hidden units in twins, kept as an even and an odd plane (`mirror`).
//!
//! Both twins are samples of one unit, so BatchNorm's statistics are those of twice as many rows. In the planes
//! (a + b)/√2 and (a − b)/√2 that is again one factor, and a shift of the even plane alone.

use std::f32::consts::SQRT_2;

use super::{BLOCK, Columns, Dropout, Layer, Norm, NormGradient, Shared, Slope, Statistics};
use super::{add_squares, column_moments};
use crate::net::number::Number;
use crate::net::parallel;

/// What a block adds to its input, and where the sum goes.
type Residual<'a, T> = ([&'a [T]; 2], [&'a mut [T]; 2]);

/// As [`super::forward`]; everything in two planes, `[rows, columns]` each, the even one first.
pub(in crate::net) fn forward<T: Number>(
    layer: Layer,
    z: [&[T]; 2],
    norm: Option<Norm<'_>>,
    out: [&mut [T]; 2],
    residual: Option<Residual<'_, T>>,
) {
    let len = layer.rows * layer.columns;
    let z = z.map(|plane| &plane[..len]);
    let out = out.map(|plane| Shared::new(&mut plane[..len]));
    let residual =
        residual.map(|(skip, sum)| (skip.map(|plane| &plane[..len]), sum.map(|plane| Shared::new(&mut plane[..len]))));
    let norm = norm.map(|n| (n.gamma, n.beta, Statistics::of(n)));
    parallel::for_each(layer.columns.div_ceil(BLOCK), |block| {
        let first = block * BLOCK;
        let width = BLOCK.min(layer.columns - first);
        let (mut factor, mut shift) = ([1.0; BLOCK], [0.0; BLOCK]);
        if let Some((gamma, beta, statistics)) = &norm {
            let (mean, squares) = moments(layer, first, width, z);
            // SAFETY: each block has columns of its own.
            let (mean, inverse_std) = unsafe { statistics.settle(first, width, &mean, &squares, 2 * layer.rows) };
            for j in 0..width {
                factor[j] = gamma[first + j] * inverse_std[j];
                shift[j] = SQRT_2 * beta[first + j] - mean[j] * factor[j];
            }
        }
        for row in 0..layer.rows {
            let at = row * layer.columns + first;
            // SAFETY: each block writes to columns of its own.
            let [even, odd] = unsafe { [out[0].range(at, width), out[1].range(at, width)] };
            activate(layer.dropout, (at, at + len), cut(z, at, width), (&factor, &shift), even, odd);
            if let Some((skip, sum)) = &residual {
                for (plane, out) in [&*even, &*odd].into_iter().enumerate() {
                    // SAFETY: as above.
                    let sum = unsafe { sum[plane].range(at, width) };
                    for (sum, (skip, out)) in sum.iter_mut().zip(skip[plane][at..at + width].iter().zip(out)) {
                        *sum = T::of(skip.get() + out.get());
                    }
                }
            }
        }
    });
}

/// A piece of a row of both planes.
fn cut<T>(planes: [&[T]; 2], at: usize, width: usize) -> [&[T]; 2] {
    planes.map(|plane| &plane[at..at + width])
}

/// The even plane's mean, and Σ of the squares of both about their means; the odd plane's mean is 0 by symmetry.
fn moments<T: Number>(layer: Layer, first: usize, width: usize, z: [&[T]; 2]) -> (Columns, Columns) {
    let (mean, mut squares) = column_moments(layer, first, width, z[0]);
    add_squares(layer, first, width, z[1], &[0.0; BLOCK], &mut squares);
    (mean, squares)
}

vectorised! {
    /// One row of a block: to the twins, dropout(ReLU(`factor`·`z` + `shift`)), and back.
    fn activate / activate_wide / activate_inner<T>(dropout: Dropout, at: (usize, usize), z: [&[T]; 2], affine: (&Columns, &Columns), even: &mut [T], odd: &mut [T])
}

#[inline(always)]
fn activate_inner<T: Number>(
    dropout: Dropout,
    at: (usize, usize),
    z: [&[T]; 2],
    (factor, shift): (&Columns, &Columns),
    even: &mut [T],
    odd: &mut [T],
) {
    let width = z[0].len().min(z[1].len()).min(even.len()).min(odd.len()).min(BLOCK);
    for j in 0..width {
        let (e, o) = (z[0][j].get() * factor[j] + shift[j], z[1][j].get() * factor[j]);
        let a = (e + o).max(0.0) * dropout.factor((at.0 + j) as u32);
        let b = (e - o).max(0.0) * dropout.factor((at.1 + j) as u32);
        // 1/√2 on the way there and 1/√2 on the way back.
        even[j] = T::of((a + b) * 0.5);
        odd[j] = T::of((a - b) * 0.5);
    }
}

/// As [`super::backward`]; everything in two planes, `[rows, columns]` each, the even one first.
pub(in crate::net) fn backward<T: Number>(
    layer: Layer,
    gradient: [&[T]; 2],
    z: [&[T]; 2],
    out: [&[T]; 2],
    norm: Option<NormGradient<'_>>,
    z_gradient: [&mut [T]; 2],
) {
    let len = layer.rows * layer.columns;
    let z_gradient = z_gradient.map(|plane| Shared::new(&mut plane[..len]));
    let norm = norm.map(|n| (n.gamma, n.mean, n.inverse_std, [n.gamma_gradient, n.beta_gradient].map(Shared::new)));
    let scale = layer.dropout.scale;
    parallel::for_each(layer.columns.div_ceil(BLOCK), |block| {
        let first = block * BLOCK;
        let width = BLOCK.min(layer.columns - first);
        let row = |planes, row| cut(planes, row * layer.columns + first, width);
        let mut slope = Slope { scale, ..Slope::default() };
        if let Some((gamma, mean, inverse_std, [gamma_gradient, beta_gradient])) = &norm {
            slope.mean[..width].copy_from_slice(&mean[first..first + width]);
            slope.inverse_std[..width].copy_from_slice(&inverse_std[first..first + width]);
            let mut sums = ([0.0; BLOCK], [0.0; BLOCK]);
            for k in 0..layer.rows {
                gather(&slope, row(gradient, k), row(z, k), row(out, k), &mut sums);
            }
            // SAFETY: each block has columns of its own.
            let (gamma_gradient, beta_gradient) =
                unsafe { (gamma_gradient.range(first, width), beta_gradient.range(first, width)) };
            for j in 0..width {
                beta_gradient[j] = SQRT_2 * sums.0[j];
                gamma_gradient[j] = sums.1[j];
                slope.factor[j] = gamma[first + j] * inverse_std[first + j];
            }
            slope.mean_of_gradient = sums.0.map(|sum| sum / layer.rows as f32);
            slope.mean_of_product = sums.1.map(|sum| sum / (2 * layer.rows) as f32);
        }
        for k in 0..layer.rows {
            let at = k * layer.columns + first;
            // SAFETY: each block writes to columns of its own.
            let [even, odd] = unsafe { [z_gradient[0].range(at, width), z_gradient[1].range(at, width)] };
            descend(&slope, row(gradient, k), row(z, k), row(out, k), even, odd);
        }
    });
}

/// What of a gradient in planes passes the twins' ReLUs and dropouts, in planes again.
#[inline(always)]
fn passed<T: Number>(scale: f32, [even, odd]: [T; 2], out: [T; 2]) -> (f32, f32) {
    let (even, odd, out) = (even.get(), odd.get(), out.map(T::get));
    let a = if out[0] + out[1] > 0.0 { even + odd } else { 0.0 };
    let b = if out[0] - out[1] > 0.0 { even - odd } else { 0.0 };
    ((a + b) * (0.5 * scale), (a - b) * (0.5 * scale))
}

vectorised! {
    /// Adds one row's gradient, and its product with the normalised input, to the columns' sums.
    fn gather / gather_wide / gather_inner<T>(slope: &Slope, gradient: [&[T]; 2], z: [&[T]; 2], out: [&[T]; 2], sums: &mut (Columns, Columns))
}

#[inline(always)]
fn gather_inner<T: Number>(
    slope: &Slope,
    gradient: [&[T]; 2],
    z: [&[T]; 2],
    out: [&[T]; 2],
    sums: &mut (Columns, Columns),
) {
    let shortest = |planes: [&[T]; 2]| planes[0].len().min(planes[1].len());
    let width = shortest(gradient).min(shortest(z)).min(shortest(out)).min(BLOCK);
    for j in 0..width {
        let (even, odd) = passed(slope.scale, [gradient[0][j], gradient[1][j]], [out[0][j], out[1][j]]);
        sums.0[j] += even;
        sums.1[j] += (even * (z[0][j].get() - slope.mean[j]) + odd * z[1][j].get()) * slope.inverse_std[j];
    }
}

vectorised! {
    /// One row's `z` gradient.
    fn descend / descend_wide / descend_inner<T>(slope: &Slope, gradient: [&[T]; 2], z: [&[T]; 2], out: [&[T]; 2], even_target: &mut [T], odd_target: &mut [T])
}

#[inline(always)]
fn descend_inner<T: Number>(
    slope: &Slope,
    gradient: [&[T]; 2],
    z: [&[T]; 2],
    out: [&[T]; 2],
    even_target: &mut [T],
    odd_target: &mut [T],
) {
    let shortest = |planes: [&[T]; 2]| planes[0].len().min(planes[1].len());
    let width = shortest(gradient).min(shortest(z)).min(shortest(out)).min(BLOCK);
    let width = width.min(even_target.len()).min(odd_target.len());
    for j in 0..width {
        let (even, odd) = passed(slope.scale, [gradient[0][j], gradient[1][j]], [out[0][j], out[1][j]]);
        let normalised = [(z[0][j].get() - slope.mean[j]) * slope.inverse_std[j], z[1][j].get() * slope.inverse_std[j]];
        let down = even - slope.mean_of_gradient[j] - normalised[0] * slope.mean_of_product[j];
        even_target[j] = T::of(slope.factor[j] * down);
        odd_target[j] = T::of(slope.factor[j] * (odd - normalised[1] * slope.mean_of_product[j]));
    }
}

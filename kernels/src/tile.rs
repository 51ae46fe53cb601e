//! The kernels behind [`crate::Processor`], for any registers and dot products. Every function needs the features
//! that `Processor` has proved, and slices of the lengths that it has asserted; all are inlined into those of
//! `processor`, which are compiled for the features.

#![allow(clippy::needless_range_loop, reason = "rows and vecs are registers, which every loop goes through by number")]

use crate::pack::{DenseF32, DenseInt8, InputSign, LayerInt8};
use crate::processor::{Quantised, ROWS, Rows, RowsMut};
use crate::simd::{Int8Dot, Simd};
use crate::{MAX_POSITIVE_CODE, MAX_SIGNED_CODE, MIN_RANGE, SIGNED_ZERO_POINT};

/// Sums of `R` poses and `L` registers of columns.
type Sums<N, const R: usize, const L: usize> = [[N; L]; R];

/// The inputs of an f32 tile.
#[derive(Clone, Copy)]
struct Input {
    /// Rows, `stride` numbers apart.
    rows: *const f32,
    stride: usize,
    /// `[depth, L registers]`.
    panel: *const f32,
    depth: usize,
}

/// Calls a function with a constant number of rows for `count` poses, [`ROWS`] at once and then the rest.
macro_rules! by_rows {
    ($count:expr, |$first:ident| $function:ident::<$of:ty, _ $(, $more:tt)*>($($argument:expr),* $(,)?)) => {{
        let mut $first = 0;
        while $first < $count {
            match $count - $first {
                1 => $function::<$of, 1 $(, $more)*>($($argument),*),
                2 => $function::<$of, 2 $(, $more)*>($($argument),*),
                3 => $function::<$of, 3 $(, $more)*>($($argument),*),
                4 => $function::<$of, 4 $(, $more)*>($($argument),*),
                5 => $function::<$of, 5 $(, $more)*>($($argument),*),
                _ => $function::<$of, ROWS $(, $more)*>($($argument),*),
            }
            $first += ROWS;
        }
    }};
}

#[inline(always)]
pub(crate) unsafe fn product<V: Simd>(rows: Rows<'_>, layer: &DenseF32, out: RowsMut<'_>) {
    for column in (0..layer.padded).step_by(layer.panel_width) {
        let input = Input {
            rows: rows.values.as_ptr(),
            stride: rows.stride,
            panel: layer.panels[column * layer.rows..].as_ptr(),
            depth: layer.rows,
        };
        let bias = layer.bias[column..].as_ptr();
        // SAFETY: rows, panels, bias and room for the sums are as long as the caller asserted.
        unsafe {
            let to = out.values.as_mut_ptr().add(column);
            match layer.panel_width / V::LANES {
                1 => by_rows!(rows.count, |first| f32_sums::<V, _, 1>(input, first, bias, to, out.stride)),
                2 => by_rows!(rows.count, |first| f32_sums::<V, _, 2>(input, first, bias, to, out.stride)),
                3 => by_rows!(rows.count, |first| f32_sums::<V, _, 3>(input, first, bias, to, out.stride)),
                _ => by_rows!(rows.count, |first| f32_sums::<V, _, 4>(input, first, bias, to, out.stride)),
            }
        }
    }
}

/// Sums of `R` poses from `first` on, and `L` registers of columns, with the bias.
#[inline(always)]
unsafe fn f32_sums<V: Simd, const R: usize, const L: usize>(
    input: Input,
    first: usize,
    bias: *const f32,
    out: *mut f32,
    out_stride: usize,
) {
    // SAFETY: as for `product`.
    unsafe {
        let input = Input { rows: input.rows.add(first * input.stride), ..input };
        let sums = f32_tile::<V, R, L>(input, bias);
        for row in 0..R {
            for vec in 0..L {
                V::store(sums[row][vec], out.add((first + row) * out_stride + vec * V::LANES));
            }
        }
    }
}

/// Sums of `R` poses' rows, `stride` apart, with a panel `depth` deep.
#[inline(always)]
unsafe fn f32_tile<V: Simd, const R: usize, const L: usize>(input: Input, bias: *const f32) -> Sums<V::F, R, L> {
    let Input { rows, stride, panel, depth } = input;
    // SAFETY: as for `product`.
    unsafe {
        let mut sums = [[V::splat(0.0); L]; R];
        for k in 0..depth {
            let mut weights = [V::splat(0.0); L];
            for vec in 0..L {
                weights[vec] = V::load(panel.add((k * L + vec) * V::LANES));
            }
            for row in 0..R {
                let x = V::splat(*rows.add(row * stride + k));
                for vec in 0..L {
                    sums[row][vec] = V::fused_multiply_add(x, weights[vec], sums[row][vec]);
                }
            }
        }
        add_bias::<V, R, L>(sums, bias)
    }
}

/// `sums` and each column's bias.
#[inline(always)]
unsafe fn add_bias<V: Simd, const R: usize, const L: usize>(
    mut sums: Sums<V::F, R, L>,
    bias: *const f32,
) -> Sums<V::F, R, L> {
    for vec in 0..L {
        // SAFETY: as for the callers.
        unsafe {
            let bias = V::load(bias.add(vec * V::LANES));
            for row in 0..R {
                sums[row][vec] = V::add(sums[row][vec], bias);
            }
        }
    }
    sums
}

#[inline(always)]
pub(crate) unsafe fn layer_f32<V: Simd, const L: usize, const PLANES: usize>(
    read: &[f32],
    count: usize,
    layer: &[DenseF32],
    x: &mut [f32],
) {
    for column in (0..layer[0].columns).step_by(L * V::LANES) {
        let read = read.as_ptr();
        let x = x.as_mut_ptr();
        // SAFETY: everything is as long as the caller asserted.
        unsafe { by_rows!(count, |first| f32_panel::<V, _, L, PLANES>(read, layer, column, x, first)) }
    }
}

/// All planes' panel at `column` of `R` poses from `first` on.
#[inline(always)]
unsafe fn f32_panel<V: Simd, const R: usize, const L: usize, const PLANES: usize>(
    read: *const f32,
    layer: &[DenseF32],
    column: usize,
    x: *mut f32,
    first: usize,
) {
    let hidden = layer[0].columns;
    let row_len = PLANES * hidden;
    // SAFETY: as for `layer_f32`.
    unsafe {
        let read = read.add(first * row_len);
        let x = x.add(first * row_len + column);
        let sums = f32_plane::<V, R, L>(read, row_len, &layer[0], column);
        if PLANES == 1 {
            rectify::<V, R, L, false>(sums, x, row_len);
        } else {
            let odds = f32_plane::<V, R, L>(read.add(hidden), row_len, &layer[1], column);
            join::<V, R, L, false>(sums, odds, x, hidden);
        }
    }
}

/// The panel at `column` of one plane, of `R` poses' rows `stride` apart.
#[inline(always)]
unsafe fn f32_plane<V: Simd, const R: usize, const L: usize>(
    read: *const f32,
    stride: usize,
    layer: &DenseF32,
    column: usize,
) -> Sums<V::F, R, L> {
    // SAFETY: as for `layer_f32`.
    unsafe {
        let panel = layer.panels.as_ptr().add(column * layer.rows);
        let input = Input { rows: read, stride, panel, depth: layer.rows };
        f32_tile::<V, R, L>(input, layer.bias.as_ptr().add(column))
    }
}

/// Quantises one pose's planes, each `hidden` wide; returns its range.
#[inline(always)]
pub(crate) unsafe fn quantise<P: Int8Dot>(x: &[f32], hidden: usize, sign: InputSign, codes: &mut [u8]) -> f32 {
    // The difference of two ReLUs is never larger than their sum.
    let counted = if matches!(sign, InputSign::Positive) { hidden } else { x.len() };
    // SAFETY: a chunk is a register long; the parts are as long as each other and a multiple of a register.
    unsafe {
        let range = range::<P::Registers>(&x[..counted]);
        let (first, odd) = x.split_at(hidden);
        let (first_codes, odd_codes) = codes.split_at_mut(hidden * 4 / P::GROUP);
        match sign {
            InputSign::Positive => to_codes::<P>(first, MAX_POSITIVE_CODE / range, 0, first_codes),
            InputSign::Signed => to_codes::<P>(first, MAX_SIGNED_CODE / range, SIGNED_ZERO_POINT, first_codes),
        }
        to_codes::<P>(odd, MAX_SIGNED_CODE / range, SIGNED_ZERO_POINT, odd_codes);
        range
    }
}

/// The largest magnitude.
#[inline(always)]
unsafe fn range<V: Simd>(x: &[f32]) -> f32 {
    // SAFETY: as for `quantise`.
    unsafe {
        let mut largest = [V::splat(MIN_RANGE); 4];
        for (part, numbers) in x.chunks_exact(V::LANES).enumerate() {
            largest[part % 4] = V::max(largest[part % 4], V::magnitude(V::load(numbers.as_ptr())));
        }
        V::largest(V::max(V::max(largest[0], largest[1]), V::max(largest[2], largest[3])))
    }
}

/// `codes` = `x` · `share` + `zero`, rounded to even and clamped to 0..=255.
#[inline(always)]
unsafe fn to_codes<P: Int8Dot>(x: &[f32], share: f32, zero: i32, codes: &mut [u8]) {
    let lanes = P::Registers::LANES;
    // SAFETY: as for `quantise`.
    unsafe {
        let share = P::Registers::splat(share);
        let zero = P::Registers::splat_whole(zero);
        for (numbers, codes) in x.chunks_exact(lanes).zip(codes.chunks_exact_mut(lanes * 4 / P::GROUP)) {
            let whole = P::Registers::round(P::Registers::multiply(P::Registers::load(numbers.as_ptr()), share));
            P::store_codes(P::Registers::add_whole(whole, zero), codes.as_mut_ptr());
        }
    }
}

#[inline(always)]
pub(crate) unsafe fn layer_int8<P: Int8Dot, const L: usize, const PLANES: usize>(
    read: Quantised<'_>,
    layer: &LayerInt8,
    x: &mut [f32],
    accumulate: bool,
) {
    let count = read.count;
    for column in (0..layer.bias.len()).step_by(L * P::Registers::LANES) {
        let codes = read.codes.as_ptr();
        let scales = read.scales.as_ptr();
        let x = x.as_mut_ptr();
        // SAFETY: everything is as long as the caller asserted.
        unsafe {
            if accumulate {
                by_rows!(count, |first| int8_panel::<P, _, L, PLANES, true>(codes, scales, layer, column, x, first));
            } else {
                by_rows!(count, |first| int8_panel::<P, _, L, PLANES, false>(codes, scales, layer, column, x, first));
            }
        }
    }
}

/// All planes' panel at `column` of `R` poses from `first` on.
#[inline(always)]
unsafe fn int8_panel<P: Int8Dot, const R: usize, const L: usize, const PLANES: usize, const ACCUMULATE: bool>(
    codes: *const u8,
    scales: *const f32,
    layer: &LayerInt8,
    column: usize,
    x: *mut f32,
    first: usize,
) {
    let hidden = layer.bias.len();
    let plane_bytes = hidden * 4 / P::GROUP;
    let stride = PLANES * plane_bytes;
    // SAFETY: as for `layer_int8`.
    unsafe {
        let codes = codes.add(first * stride);
        let x = x.add(first * PLANES * hidden + column);
        let scales = scales.add(first);
        let sums = int8_plane::<P, R, L>(codes, stride, &layer.planes[0], column, scales);
        let sums = add_bias::<P::Registers, R, L>(sums, layer.bias.as_ptr().add(column));
        if PLANES == 1 {
            rectify::<P::Registers, R, L, ACCUMULATE>(sums, x, hidden);
        } else {
            let odd_codes = codes.add(plane_bytes);
            let odds = int8_plane::<P, R, L>(odd_codes, stride, &layer.planes[1], column, scales);
            join::<P::Registers, R, L, ACCUMULATE>(sums, odds, x, hidden);
        }
    }
}

/// The panel at `column` of one plane, of `R` poses' codes `stride` bytes apart.
#[inline(always)]
unsafe fn int8_plane<P: Int8Dot, const R: usize, const L: usize>(
    codes: *const u8,
    stride: usize,
    plane: &DenseInt8,
    column: usize,
    scales: *const f32,
) -> Sums<<P::Registers as Simd>::F, R, L> {
    // SAFETY: as for `layer_int8`.
    unsafe {
        let sums = int8_sums::<P, R, L>(codes, stride, plane, column);
        scaled::<P::Registers, R, L>(sums, plane, column, scales)
    }
}

/// Writes the ReLUs of `sums` to `x`, poses `stride` apart, or adds them.
#[inline(always)]
unsafe fn rectify<V: Simd, const R: usize, const L: usize, const ACCUMULATE: bool>(
    sums: Sums<V::F, R, L>,
    x: *mut f32,
    stride: usize,
) {
    for row in 0..R {
        for vec in 0..L {
            // SAFETY: as for the callers.
            unsafe {
                let to = x.add(row * stride + vec * V::LANES);
                let number = V::max(sums[row][vec], V::splat(0.0));
                V::store(if ACCUMULATE { V::add(V::load(to), number) } else { number }, to);
            }
        }
    }
}

/// Writes the sum and the difference of the ReLUs of the twins `evens` + `odds` and `evens` − `odds` to `x` and
/// `hidden` after it, or adds them.
#[inline(always)]
unsafe fn join<V: Simd, const R: usize, const L: usize, const ACCUMULATE: bool>(
    evens: Sums<V::F, R, L>,
    odds: Sums<V::F, R, L>,
    x: *mut f32,
    hidden: usize,
) {
    for row in 0..R {
        for vec in 0..L {
            let even = evens[row][vec];
            let odd = odds[row][vec];
            // SAFETY: as for the callers, which place both planes of a pose next to each other.
            unsafe {
                let zero = V::splat(0.0);
                let a = V::max(V::add(even, odd), zero);
                let b = V::max(V::subtract(even, odd), zero);
                let mut even = V::add(a, b);
                let mut odd = V::subtract(a, b);
                let to = x.add(row * 2 * hidden + vec * V::LANES);
                if ACCUMULATE {
                    even = V::add(V::load(to), even);
                    odd = V::add(V::load(to.add(hidden)), odd);
                }
                V::store(even, to);
                V::store(odd, to.add(hidden));
            }
        }
    }
}

/// Sums of the products of `R` poses' codes, `stride` bytes apart, with the panel of weights at `column`.
#[inline(always)]
unsafe fn int8_sums<P: Int8Dot, const R: usize, const L: usize>(
    codes: *const u8,
    stride: usize,
    plane: &DenseInt8,
    column: usize,
) -> Sums<<P::Registers as Simd>::I, R, L> {
    let hidden = plane.scales.len();
    // SAFETY: as for `layer_int8`.
    unsafe {
        let panel = plane.panels.as_ptr().add(column * hidden);
        let none = P::Registers::splat_whole(0);
        let mut sums = [[none; L]; R];
        for group in 0..hidden / P::GROUP {
            let mut weights = [none; L];
            for vec in 0..L {
                weights[vec] = P::load_weights(panel.add((group * L + vec) * P::Registers::LANES * P::GROUP));
            }
            for row in 0..R {
                let codes = codes.add(row * stride + group * 4).cast::<i32>().read_unaligned();
                let codes = P::Registers::splat_whole(codes);
                for vec in 0..L {
                    sums[row][vec] = P::add(sums[row][vec], codes, weights[vec]);
                }
            }
        }
        sums
    }
}

/// Converts the sums to floats: without the zero point, times the column's scale and the pose's scale.
#[inline(always)]
unsafe fn scaled<V: Simd, const R: usize, const L: usize>(
    sums: Sums<V::I, R, L>,
    plane: &DenseInt8,
    column: usize,
    scales: *const f32,
) -> Sums<V::F, R, L> {
    // SAFETY: as for `layer_int8`.
    unsafe {
        let mut numbers = [[V::splat(0.0); L]; R];
        for vec in 0..L {
            let at = column + vec * V::LANES;
            let scale = V::load(plane.scales.as_ptr().add(at));
            let zero_point_sums = V::load_whole(plane.zero_point_sums.as_ptr().add(at));
            for row in 0..R {
                let sum = V::to_floats(V::subtract_whole(sums[row][vec], zero_point_sums));
                numbers[row][vec] = V::multiply(V::multiply(sum, scale), V::splat(*scales.add(row)));
            }
        }
        numbers
    }
}

//! What [`super::Processor`] promises, for registers and products of any kind. Every function needs the features that it has
//! proved, and slices as long as it has asserted; all are inlined into those of `table`, which are compiled for the features.

#![allow(clippy::needless_range_loop, reason = "rows and lanes are registers, which every loop goes through by number")]

use super::lanes::{Lanes, Products};
use super::{ROWS, Rounded};
use crate::model::fused::matrix::{Bytes, BytesLayer, Floats, Reads};

/// Stands for the largest number of somebody who has none but 0; as in the file.
const LEAST_RANGE: f32 = 1e-30;

/// Sums of `R` people and `L` registers of columns.
type Sums<N, const R: usize, const L: usize> = [[N; L]; R];

/// Calls a function of a constant number of rows for `people` people, [`ROWS`] at a time and then what is left.
macro_rules! by_rows {
    ($people:expr, |$first:ident| $function:ident::<$of:ty, _ $(, $more:tt)*>($($argument:expr),* $(,)?)) => {{
        let mut $first = 0;
        while $first < $people {
            match $people - $first {
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
pub(super) unsafe fn product<V: Lanes>(
    rows: &[f32],
    (people, stride): (usize, usize),
    layer: &Floats,
    out: &mut [f32],
    out_stride: usize,
) {
    for column in (0..layer.padded()).step_by(layer.wide) {
        let from = (rows.as_ptr(), stride, layer.panels[column * layer.rows..].as_ptr(), layer.rows);
        let bias = layer.bias[column..].as_ptr();
        // SAFETY: rows, panels, bias and room for the sums are as long as the caller asserted.
        unsafe {
            let to = out.as_mut_ptr().add(column);
            match layer.wide / V::LANES {
                1 => by_rows!(people, |first| float_sums::<V, _, 1>(from, first, bias, to, out_stride)),
                2 => by_rows!(people, |first| float_sums::<V, _, 2>(from, first, bias, to, out_stride)),
                3 => by_rows!(people, |first| float_sums::<V, _, 3>(from, first, bias, to, out_stride)),
                _ => by_rows!(people, |first| float_sums::<V, _, 4>(from, first, bias, to, out_stride)),
            }
        }
    }
}

/// Sums of `R` people from `first` on, and `L` registers of columns, with the bias.
#[inline(always)]
unsafe fn float_sums<V: Lanes, const R: usize, const L: usize>(
    (rows, stride, panel, depth): (*const f32, usize, *const f32, usize),
    first: usize,
    bias: *const f32,
    out: *mut f32,
    out_stride: usize,
) {
    // SAFETY: as for `product`.
    unsafe {
        let sums = float_tile::<V, R, L>(rows.add(first * stride), stride, (panel, depth), bias);
        for row in 0..R {
            for lane in 0..L {
                V::store(sums[row][lane], out.add((first + row) * out_stride + lane * V::LANES));
            }
        }
    }
}

/// Sums of `R` people's rows, `stride` apart, with a panel `depth` deep.
#[inline(always)]
unsafe fn float_tile<V: Lanes, const R: usize, const L: usize>(
    rows: *const f32,
    stride: usize,
    (panel, depth): (*const f32, usize),
    bias: *const f32,
) -> Sums<V::F, R, L> {
    // SAFETY: as for `product`.
    unsafe {
        let mut sums = [[V::splat(0.0); L]; R];
        for k in 0..depth {
            let mut weights = [V::splat(0.0); L];
            for lane in 0..L {
                weights[lane] = V::load(panel.add((k * L + lane) * V::LANES));
            }
            for row in 0..R {
                let x = V::splat(*rows.add(row * stride + k));
                for lane in 0..L {
                    sums[row][lane] = V::fused_multiply_add(x, weights[lane], sums[row][lane]);
                }
            }
        }
        add_bias::<V, R, L>(sums, bias)
    }
}

/// `sums` and each column's bias.
#[inline(always)]
unsafe fn add_bias<V: Lanes, const R: usize, const L: usize>(
    mut sums: Sums<V::F, R, L>,
    bias: *const f32,
) -> Sums<V::F, R, L> {
    for lane in 0..L {
        // SAFETY: as for the callers.
        unsafe {
            let bias = V::load(bias.add(lane * V::LANES));
            for row in 0..R {
                sums[row][lane] = V::add(sums[row][lane], bias);
            }
        }
    }
    sums
}

#[inline(always)]
pub(super) unsafe fn layer_of_floats<V: Lanes, const L: usize, const PLANES: usize>(
    read: &[f32],
    people: usize,
    layer: &[Floats],
    x: &mut [f32],
) {
    for column in (0..layer[0].columns).step_by(L * V::LANES) {
        let (read, x) = (read.as_ptr(), x.as_mut_ptr());
        // SAFETY: everything is as long as the caller asserted.
        unsafe { by_rows!(people, |first| float_panel::<V, _, L, PLANES>(read, layer, column, x, first)) }
    }
}

/// All planes' panel at `column` of `R` people from `first` on.
#[inline(always)]
unsafe fn float_panel<V: Lanes, const R: usize, const L: usize, const PLANES: usize>(
    read: *const f32,
    layer: &[Floats],
    column: usize,
    x: *mut f32,
    first: usize,
) {
    let hidden = layer[0].columns;
    let wide = PLANES * hidden;
    // SAFETY: as for `layer_of_floats`.
    unsafe {
        let (read, x) = (read.add(first * wide), x.add(first * wide + column));
        let sums = float_plane::<V, R, L>(read, wide, &layer[0], column);
        if PLANES == 1 {
            rectify::<V, R, L, false>(sums, x, wide);
        } else {
            let odds = float_plane::<V, R, L>(read.add(hidden), wide, &layer[1], column);
            join::<V, R, L, false>(sums, odds, x, hidden);
        }
    }
}

/// The panel at `column` of one plane, of `R` people's rows `stride` apart.
#[inline(always)]
unsafe fn float_plane<V: Lanes, const R: usize, const L: usize>(
    read: *const f32,
    stride: usize,
    layer: &Floats,
    column: usize,
) -> Sums<V::F, R, L> {
    // SAFETY: as for `layer_of_floats`.
    unsafe {
        let panel = layer.panels.as_ptr().add(column * layer.rows);
        float_tile::<V, R, L>(read, stride, (panel, layer.rows), layer.bias.as_ptr().add(column))
    }
}

/// One person's levels of planes `hidden` wide; gives back the range.
#[inline(always)]
pub(super) unsafe fn quantise<P: Products>(x: &[f32], hidden: usize, reads: Reads, levels: &mut [u8]) -> f32 {
    // What ReLUs differ by is never more than what they add up to.
    let counted = if reads == Reads::Positive { hidden } else { x.len() };
    // SAFETY: a chunk is a register long; the parts are as long as each other and a multiple of a register.
    unsafe {
        let range = range::<P::On>(&x[..counted]);
        let (first, odd) = x.split_at(hidden);
        let (first_levels, odd_levels) = levels.split_at_mut(hidden * 4 / P::GROUP);
        match reads {
            Reads::Positive => to_levels::<P>(first, 255.0 / range, 0, first_levels),
            Reads::Signed => to_levels::<P>(first, 127.0 / range, 128, first_levels),
        }
        to_levels::<P>(odd, 127.0 / range, 128, odd_levels);
        range
    }
}

/// The largest magnitude.
#[inline(always)]
unsafe fn range<V: Lanes>(x: &[f32]) -> f32 {
    // SAFETY: as for `quantise`.
    unsafe {
        let mut largest = [V::splat(LEAST_RANGE); 4];
        for (part, numbers) in x.chunks_exact(V::LANES).enumerate() {
            largest[part % 4] = V::max(largest[part % 4], V::magnitude(V::load(numbers.as_ptr())));
        }
        V::largest(V::max(V::max(largest[0], largest[1]), V::max(largest[2], largest[3])))
    }
}

/// `levels` = `x` · `share` + `zero`, rounded to even and cut off at 0 and 255.
#[inline(always)]
unsafe fn to_levels<P: Products>(x: &[f32], share: f32, zero: i32, levels: &mut [u8]) {
    let lanes = P::On::LANES;
    // SAFETY: as for `quantise`.
    unsafe {
        let (share, zero) = (P::On::splat(share), P::On::splat_whole(zero));
        for (numbers, levels) in x.chunks_exact(lanes).zip(levels.chunks_exact_mut(lanes * 4 / P::GROUP)) {
            let whole = P::On::round(P::On::multiply(P::On::load(numbers.as_ptr()), share));
            P::store_levels(P::On::add_whole(whole, zero), levels.as_mut_ptr());
        }
    }
}

#[inline(always)]
pub(super) unsafe fn layer_of_bytes<P: Products, const L: usize, const PLANES: usize>(
    read: Rounded<'_>,
    layer: &BytesLayer,
    x: &mut [f32],
    added: bool,
) {
    let people = read.people;
    for column in (0..layer.bias.len()).step_by(L * P::On::LANES) {
        let (levels, ranges, x) = (read.levels.as_ptr(), read.ranges.as_ptr(), x.as_mut_ptr());
        // SAFETY: everything is as long as the caller asserted.
        unsafe {
            if added {
                by_rows!(people, |first| byte_panel::<P, _, L, PLANES, true>(levels, ranges, layer, column, x, first));
            } else {
                by_rows!(people, |first| byte_panel::<P, _, L, PLANES, false>(levels, ranges, layer, column, x, first));
            }
        }
    }
}

/// All planes' panel at `column` of `R` people from `first` on.
#[inline(always)]
unsafe fn byte_panel<P: Products, const R: usize, const L: usize, const PLANES: usize, const ADDED: bool>(
    levels: *const u8,
    ranges: *const f32,
    layer: &BytesLayer,
    column: usize,
    x: *mut f32,
    first: usize,
) {
    let hidden = layer.bias.len();
    let plane_bytes = hidden * 4 / P::GROUP;
    let stride = PLANES * plane_bytes;
    // SAFETY: as for `layer_of_bytes`.
    unsafe {
        let (levels, x) = (levels.add(first * stride), x.add(first * PLANES * hidden + column));
        let ranges = ranges.add(first);
        let sums = byte_plane::<P, R, L>(levels, stride, &layer.planes[0], (hidden, column), ranges);
        let sums = add_bias::<P::On, R, L>(sums, layer.bias.as_ptr().add(column));
        if PLANES == 1 {
            rectify::<P::On, R, L, ADDED>(sums, x, hidden);
        } else {
            let odd_levels = levels.add(plane_bytes);
            let odds = byte_plane::<P, R, L>(odd_levels, stride, &layer.planes[1], (hidden, column), ranges);
            join::<P::On, R, L, ADDED>(sums, odds, x, hidden);
        }
    }
}

/// The panel at `column` of one plane, of `R` people's levels `stride` bytes apart.
#[inline(always)]
unsafe fn byte_plane<P: Products, const R: usize, const L: usize>(
    levels: *const u8,
    stride: usize,
    plane: &Bytes,
    (hidden, column): (usize, usize),
    ranges: *const f32,
) -> Sums<<P::On as Lanes>::F, R, L> {
    // SAFETY: as for `layer_of_bytes`.
    unsafe {
        let sums = byte_sums::<P, R, L>(levels, stride, plane, hidden, column);
        scaled::<P::On, R, L>(sums, plane, column, ranges)
    }
}

/// ReLUs of `sums` at `x`, people `stride` apart, or added to what is there.
#[inline(always)]
unsafe fn rectify<V: Lanes, const R: usize, const L: usize, const ADDED: bool>(
    sums: Sums<V::F, R, L>,
    x: *mut f32,
    stride: usize,
) {
    for row in 0..R {
        for lane in 0..L {
            // SAFETY: as for the callers.
            unsafe {
                let to = x.add(row * stride + lane * V::LANES);
                let number = V::max(sums[row][lane], V::splat(0.0));
                V::store(if ADDED { V::add(V::load(to), number) } else { number }, to);
            }
        }
    }
}

/// What ReLUs of the twins `evens` + `odds` and `evens` − `odds` add up to, and differ by, at `x` and `hidden` behind it, or
/// added to what is there.
#[inline(always)]
unsafe fn join<V: Lanes, const R: usize, const L: usize, const ADDED: bool>(
    evens: Sums<V::F, R, L>,
    odds: Sums<V::F, R, L>,
    x: *mut f32,
    hidden: usize,
) {
    for row in 0..R {
        for lane in 0..L {
            let (even, odd) = (evens[row][lane], odds[row][lane]);
            // SAFETY: as for the callers, who lay out both planes of a person side by side.
            unsafe {
                let zero = V::splat(0.0);
                let a = V::max(V::add(even, odd), zero);
                let b = V::max(V::subtract(even, odd), zero);
                let (mut even, mut odd) = (V::add(a, b), V::subtract(a, b));
                let to = x.add(row * 2 * hidden + lane * V::LANES);
                if ADDED {
                    even = V::add(V::load(to), even);
                    odd = V::add(V::load(to.add(hidden)), odd);
                }
                V::store(even, to);
                V::store(odd, to.add(hidden));
            }
        }
    }
}

/// Sums of the products of `R` people's levels, `stride` bytes apart, with the panel of weights at `column`.
#[inline(always)]
unsafe fn byte_sums<P: Products, const R: usize, const L: usize>(
    levels: *const u8,
    stride: usize,
    plane: &Bytes,
    hidden: usize,
    column: usize,
) -> Sums<<P::On as Lanes>::I, R, L> {
    // SAFETY: as for `layer_of_bytes`.
    unsafe {
        let panel = plane.panels.as_ptr().add(column * hidden);
        let none = P::On::splat_whole(0);
        let mut sums = [[none; L]; R];
        for group in 0..hidden / P::GROUP {
            let mut weights = [none; L];
            for lane in 0..L {
                weights[lane] = P::load_weights(panel.add((group * L + lane) * P::On::LANES * P::GROUP));
            }
            for row in 0..R {
                let levels = levels.add(row * stride + group * 4).cast::<i32>().read_unaligned();
                let levels = P::On::splat_whole(levels);
                for lane in 0..L {
                    sums[row][lane] = P::add(sums[row][lane], levels, weights[lane]);
                }
            }
        }
        sums
    }
}

/// What the sums are worth: without the levels' zero, times the column's scale and the person's range.
#[inline(always)]
unsafe fn scaled<V: Lanes, const R: usize, const L: usize>(
    sums: Sums<V::I, R, L>,
    plane: &Bytes,
    column: usize,
    ranges: *const f32,
) -> Sums<V::F, R, L> {
    // SAFETY: as for `layer_of_bytes`.
    unsafe {
        let mut numbers = [[V::splat(0.0); L]; R];
        for lane in 0..L {
            let at = column + lane * V::LANES;
            let scale = V::load(plane.scale.as_ptr().add(at));
            let of_zero = V::load_whole(plane.of_zero.as_ptr().add(at));
            for row in 0..R {
                let sum = V::to_floats(V::subtract_whole(sums[row][lane], of_zero));
                numbers[row][lane] = V::multiply(V::multiply(sum, scale), V::splat(*ranges.add(row)));
            }
        }
        numbers
    }
}

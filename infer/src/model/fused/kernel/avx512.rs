//! What [`super::Processor`] promises, in the processor's own words. Every function needs the features that it has proved, and
//! slices as long as it has asserted.

#![allow(clippy::needless_range_loop, reason = "rows and lanes are registers, which every loop goes through by number")]

use std::arch::x86_64::*;

use super::ROWS;
use crate::model::fused::matrix::{Bytes, Floats, LANES, MOST_LANES, PANEL, QUAD};
use crate::model::fused::plan::{Reads, TwinBytes};

/// Stands for the largest number of somebody who has none but 0; as in the file.
const LEAST_RANGE: f32 = 1e-30;

/// Calls a function of a constant number of rows for `people` people, [`ROWS`] at a time and then what is left.
macro_rules! by_rows {
    ($people:expr, |$first:ident| $function:ident::<_ $(, $more:tt)*>($($argument:expr),* $(,)?)) => {{
        let mut $first = 0;
        while $first < $people {
            match $people - $first {
                1 => $function::<1 $(, $more)*>($($argument),*),
                2 => $function::<2 $(, $more)*>($($argument),*),
                3 => $function::<3 $(, $more)*>($($argument),*),
                4 => $function::<4 $(, $more)*>($($argument),*),
                5 => $function::<5 $(, $more)*>($($argument),*),
                _ => $function::<ROWS $(, $more)*>($($argument),*),
            }
            $first += ROWS;
        }
    }};
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub(super) unsafe fn product(
    rows: &[f32],
    (people, stride): (usize, usize),
    layer: &Floats,
    out: &mut [f32],
    out_stride: usize,
) {
    let wide = layer.lanes() * LANES;
    for (panel, column) in (0..layer.padded()).step_by(wide).enumerate() {
        let panel = &layer.panels[panel * layer.rows * wide..];
        let from = (rows.as_ptr(), stride, panel.as_ptr(), layer.rows);
        let bias = layer.bias[column..].as_ptr();
        // SAFETY: rows, panels, bias and room for the sums are as long as the caller asserted.
        unsafe {
            let to = out.as_mut_ptr().add(column);
            match layer.lanes() {
                1 => by_rows!(people, |first| float_sums::<_, 1>(from, first, bias, to, out_stride)),
                2 => by_rows!(people, |first| float_sums::<_, 2>(from, first, bias, to, out_stride)),
                3 => by_rows!(people, |first| float_sums::<_, 3>(from, first, bias, to, out_stride)),
                _ => by_rows!(people, |first| float_sums::<_, 4>(from, first, bias, to, out_stride)),
            }
        }
    }
}

/// Sums of `R` people from `first` on, and `L` registers of columns, with the bias.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn float_sums<const R: usize, const L: usize>(
    (rows, stride, panel, depth): (*const f32, usize, *const f32, usize),
    first: usize,
    bias: *const f32,
    out: *mut f32,
    out_stride: usize,
) {
    // SAFETY: as for `product`.
    unsafe {
        let sums = float_tile::<R, L>(rows.add(first * stride), stride, (panel, depth), bias);
        for row in 0..R {
            for lane in 0..L {
                _mm512_storeu_ps(out.add((first + row) * out_stride + lane * LANES), sums[row][lane]);
            }
        }
    }
}

/// Sums of `R` people's rows, `stride` apart, with a panel `depth` deep.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn float_tile<const R: usize, const L: usize>(
    rows: *const f32,
    stride: usize,
    (panel, depth): (*const f32, usize),
    bias: *const f32,
) -> [[__m512; L]; R] {
    // SAFETY: as for `product`.
    unsafe {
        let mut sums = [[_mm512_setzero_ps(); L]; R];
        for k in 0..depth {
            let mut weights = [_mm512_setzero_ps(); L];
            for lane in 0..L {
                weights[lane] = _mm512_loadu_ps(panel.add((k * L + lane) * LANES));
            }
            for row in 0..R {
                let x = _mm512_set1_ps(*rows.add(row * stride + k));
                for lane in 0..L {
                    sums[row][lane] = _mm512_fmadd_ps(x, weights[lane], sums[row][lane]);
                }
            }
        }
        for lane in 0..L {
            let bias = _mm512_loadu_ps(bias.add(lane * LANES));
            for row in 0..R {
                sums[row][lane] = _mm512_add_ps(sums[row][lane], bias);
            }
        }
        sums
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub(super) unsafe fn twin_floats(read: &[f32], people: usize, layer: &[Floats; 2], x: &mut [f32]) {
    for column in (0..layer[0].columns).step_by(PANEL) {
        let (read, x) = (read.as_ptr(), x.as_mut_ptr());
        // SAFETY: everything is as long as the caller asserted.
        unsafe { by_rows!(people, |first| float_panel::<_>(read, layer, column, x, first)) }
    }
}

/// Both planes' panel at `column` of `R` people from `first` on.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn float_panel<const R: usize>(read: *const f32, layer: &[Floats; 2], column: usize, x: *mut f32, first: usize) {
    let hidden = layer[0].columns;
    // SAFETY: as for `twin_floats`.
    unsafe {
        let sums = |plane: usize| {
            let Floats { panels, bias, .. } = &layer[plane];
            let read = read.add(first * 2 * hidden + plane * hidden);
            let panel = panels.as_ptr().add(column * hidden);
            float_tile::<R, MOST_LANES>(read, 2 * hidden, (panel, hidden), bias.as_ptr().add(column))
        };
        let (evens, odds) = (sums(0), sums(1));
        join::<R, false>(evens, odds, x.add(first * 2 * hidden + column), hidden);
    }
}

/// One person's levels; gives back the range.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub(super) unsafe fn quantise(x: &[f32], reads: Reads, levels: &mut [u8]) -> f32 {
    let hidden = x.len() / 2;
    // What ReLUs differ by is never more than what they add up to.
    let counted = if reads == Reads::Positive { hidden } else { x.len() };
    let mut largest = [_mm512_set1_ps(LEAST_RANGE); 4];
    for (part, numbers) in x[..counted].chunks_exact(LANES).enumerate() {
        // SAFETY: a chunk is a register long.
        let numbers = unsafe { _mm512_loadu_ps(numbers.as_ptr()) };
        largest[part % 4] = _mm512_max_ps(largest[part % 4], _mm512_abs_ps(numbers));
    }
    let pair = |a, b| _mm512_max_ps(a, b);
    let range = _mm512_reduce_max_ps(pair(pair(largest[0], largest[1]), pair(largest[2], largest[3])));
    let (even, odd) = x.split_at(hidden);
    let (even_levels, odd_levels) = levels.split_at_mut(hidden);
    // SAFETY: the parts are as long as each other and a multiple of a register.
    unsafe {
        match reads {
            Reads::Positive => to_levels(even, 255.0 / range, 0, even_levels),
            Reads::Signed => to_levels(even, 127.0 / range, 128, even_levels),
        }
        to_levels(odd, 127.0 / range, 128, odd_levels);
    }
    range
}

/// `levels` = `x` · `share` + `zero`, rounded to even and cut off at 0 and 255.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn to_levels(x: &[f32], share: f32, zero: i32, levels: &mut [u8]) {
    let (share, zero) = (_mm512_set1_ps(share), _mm512_set1_epi32(zero));
    for (numbers, levels) in x.chunks_exact(LANES).zip(levels.chunks_exact_mut(LANES)) {
        // SAFETY: chunks are registers long.
        unsafe {
            let whole = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(numbers.as_ptr()), share));
            let level = _mm512_max_epi32(_mm512_add_epi32(whole, zero), _mm512_setzero_si512());
            _mm_storeu_si128(levels.as_mut_ptr().cast(), _mm512_cvtusepi32_epi8(level));
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) unsafe fn twin_bytes(
    levels: &[u8],
    ranges: &[f32],
    people: usize,
    layer: &TwinBytes,
    x: &mut [f32],
    added: bool,
) {
    for column in (0..layer.bias.len()).step_by(PANEL) {
        let (levels, ranges, x) = (levels.as_ptr(), ranges.as_ptr(), x.as_mut_ptr());
        // SAFETY: everything is as long as the caller asserted.
        unsafe {
            if added {
                by_rows!(people, |first| byte_panel::<_, true>(levels, ranges, layer, column, x, first));
            } else {
                by_rows!(people, |first| byte_panel::<_, false>(levels, ranges, layer, column, x, first));
            }
        }
    }
}

/// Both planes' panel at `column` of `R` people from `first` on.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn byte_panel<const R: usize, const ADDED: bool>(
    levels: *const u8,
    ranges: *const f32,
    layer: &TwinBytes,
    column: usize,
    x: *mut f32,
    first: usize,
) {
    let hidden = layer.bias.len();
    // SAFETY: as for `twin_bytes`.
    unsafe {
        let (levels, x) = (levels.add(first * 2 * hidden), x.add(first * 2 * hidden + column));
        let (ranges, bias) = (ranges.add(first), layer.bias.as_ptr().add(column));
        let mut evens = scaled::<R>(byte_sums(levels, &layer.even, hidden, column), &layer.even, column, ranges);
        for lane in 0..MOST_LANES {
            let bias = _mm512_loadu_ps(bias.add(lane * LANES));
            for row in 0..R {
                evens[row][lane] = _mm512_add_ps(evens[row][lane], bias);
            }
        }
        let odds = scaled::<R>(byte_sums(levels.add(hidden), &layer.odd, hidden, column), &layer.odd, column, ranges);
        join::<R, ADDED>(evens, odds, x, hidden);
    }
}

/// What ReLUs of the twins `evens` + `odds` and `evens` − `odds` add up to, and differ by, at `x` and `hidden` behind it, or
/// added to what is there.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn join<const R: usize, const ADDED: bool>(
    evens: [[__m512; MOST_LANES]; R],
    odds: [[__m512; MOST_LANES]; R],
    x: *mut f32,
    hidden: usize,
) {
    let zero = _mm512_setzero_ps();
    for row in 0..R {
        for lane in 0..MOST_LANES {
            let (even, odd) = (evens[row][lane], odds[row][lane]);
            let a = _mm512_max_ps(_mm512_add_ps(even, odd), zero);
            let b = _mm512_max_ps(_mm512_sub_ps(even, odd), zero);
            let (mut even, mut odd) = (_mm512_add_ps(a, b), _mm512_sub_ps(a, b));
            // SAFETY: as for the callers, who lay out both planes of a person side by side.
            unsafe {
                let to = x.add(row * 2 * hidden + lane * LANES);
                if ADDED {
                    even = _mm512_add_ps(_mm512_loadu_ps(to), even);
                    odd = _mm512_add_ps(_mm512_loadu_ps(to.add(hidden)), odd);
                }
                _mm512_storeu_ps(to, even);
                _mm512_storeu_ps(to.add(hidden), odd);
            }
        }
    }
}

/// Sums of the products of `R` people's levels with the panel of weights at `column`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn byte_sums<const R: usize>(
    levels: *const u8,
    plane: &Bytes,
    hidden: usize,
    column: usize,
) -> [[__m512i; MOST_LANES]; R] {
    // SAFETY: as for `twin_bytes`.
    unsafe {
        let panel = plane.panels.as_ptr().add(column * hidden);
        let mut sums = [[_mm512_setzero_si512(); MOST_LANES]; R];
        for quad in 0..hidden / QUAD {
            let mut weights = [_mm512_setzero_si512(); MOST_LANES];
            for lane in 0..MOST_LANES {
                weights[lane] = _mm512_loadu_si512(panel.add((quad * MOST_LANES + lane) * LANES * QUAD).cast());
            }
            for row in 0..R {
                let four = levels.add(row * 2 * hidden + quad * QUAD).cast::<i32>().read_unaligned();
                let four = _mm512_set1_epi32(four);
                for lane in 0..MOST_LANES {
                    sums[row][lane] = _mm512_dpbusd_epi32(sums[row][lane], four, weights[lane]);
                }
            }
        }
        sums
    }
}

/// What the sums are worth: without the levels' zero, times the column's scale and the person's range.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn scaled<const R: usize>(
    sums: [[__m512i; MOST_LANES]; R],
    plane: &Bytes,
    column: usize,
    ranges: *const f32,
) -> [[__m512; MOST_LANES]; R] {
    let mut numbers = [[_mm512_setzero_ps(); MOST_LANES]; R];
    for lane in 0..MOST_LANES {
        let at = column + lane * LANES;
        // SAFETY: as for `twin_bytes`.
        unsafe {
            let scale = _mm512_loadu_ps(plane.scale.as_ptr().add(at));
            let of_zero = _mm512_loadu_si512(plane.of_zero.as_ptr().add(at).cast());
            for row in 0..R {
                let sum = _mm512_cvtepi32_ps(_mm512_sub_epi32(sums[row][lane], of_zero));
                numbers[row][lane] = _mm512_mul_ps(_mm512_mul_ps(sum, scale), _mm512_set1_ps(*ranges.add(row)));
            }
        }
    }
    numbers
}

//! The kernels, for processors with AVX-512, and its VNNI for bytes: rows of people against panels of columns, sums in
//! registers.
//!
//! A product takes [`ROWS`] people and a panel at a time: 24 registers of sums, for which each weight is loaded once and
//! each activation once per panel. Both planes of a layer are summed one after the other, and become the next layer's
//! numbers before they leave the core.

#![cfg_attr(not(target_arch = "x86_64"), allow(unused, reason = "there is nothing to call elsewhere"))]

#[cfg(target_arch = "x86_64")]
mod avx512;

use super::matrix::{Floats, PANEL};
use super::plan::{Reads, TwinBytes};

/// People of a product at a time.
const ROWS: usize = 6;

/// The proof that this processor has what the kernels need.
#[derive(Debug, Clone, Copy)]
pub(super) struct Processor {
    /// Whether it multiplies and adds up four bytes in one instruction.
    has_vnni: bool,
}

impl Processor {
    /// What this processor has; none without AVX-512.
    pub(super) fn detect() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        {
            let has_avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl");
            has_avx512.then(|| Self { has_vnni: is_x86_feature_detected!("avx512vnni") })
        }
        #[cfg(not(target_arch = "x86_64"))]
        None
    }

    /// Whether [`Self::twin_bytes`] may be called.
    pub(super) fn multiplies_bytes(self) -> bool {
        self.has_vnni
    }

    /// `out[person, column]` = Σ `rows[person, k]` · `layer[k, column]` + bias, for `people` rows that lie `stride` apart,
    /// into rows `out_stride` apart.
    ///
    /// # Panics
    /// Slices that are too short.
    pub(super) fn product(
        self,
        rows: &[f32],
        (people, stride): (usize, usize),
        layer: &Floats,
        out: &mut [f32],
        out_stride: usize,
    ) {
        assert!(people == 0 || rows.len() >= (people - 1) * stride + layer.rows, "too few activations");
        assert!(people == 0 || out.len() >= (people - 1) * out_stride + layer.padded(), "too little room");
        assert!(layer.panels.len() == layer.rows * layer.padded() && layer.bias.len() == layer.padded());
        // SAFETY: `self` proves the processor's features; the lengths are those that were asserted.
        #[cfg(target_arch = "x86_64")]
        unsafe {
            avx512::product(rows, (people, stride), layer, out, out_stride);
        }
    }

    /// Levels `[people, 2, hidden]` of the numbers `x`, of the same shape, in shares of each person's largest; the range
    /// of each goes to `ranges`.
    ///
    /// # Panics
    /// Slices that are too short, a width that is no multiple of 16.
    pub(super) fn quantise(
        self,
        x: &[f32],
        (people, hidden): (usize, usize),
        reads: Reads,
        levels: &mut [u8],
        ranges: &mut [f32],
    ) {
        let numbers = people * 2 * hidden;
        assert!(x.len() >= numbers && levels.len() >= numbers && ranges.len() >= people && hidden.is_multiple_of(16));
        for (person, range) in ranges.iter_mut().enumerate().take(people) {
            let of = person * 2 * hidden..(person + 1) * 2 * hidden;
            // SAFETY: as for `product`.
            #[cfg(target_arch = "x86_64")]
            unsafe {
                *range = avx512::quantise(&x[of.clone()], reads, &mut levels[of]);
            }
        }
    }

    /// The layer `layer` of the people whose `levels` `[people, 2, H]` and `ranges` are given, with the twins' ReLUs, into
    /// `x` `[people, 2, H]`, or `added` to what is there.
    ///
    /// # Panics
    /// Slices that are too short, a processor that does not multiply bytes.
    pub(super) fn twin_bytes(
        self,
        levels: &[u8],
        ranges: &[f32],
        people: usize,
        layer: &TwinBytes,
        x: &mut [f32],
        added: bool,
    ) {
        let hidden = layer.bias.len();
        let numbers = people * 2 * hidden;
        assert!(self.has_vnni && levels.len() >= numbers && x.len() >= numbers && ranges.len() >= people);
        for plane in [&layer.even, &layer.odd] {
            let columns = (plane.of_zero.len(), plane.scale.len());
            assert!(plane.panels.len() == hidden * hidden && columns == (hidden, hidden));
        }
        // SAFETY: as for `product`, and the processor was asked for VNNI.
        #[cfg(target_arch = "x86_64")]
        unsafe {
            avx512::twin_bytes(levels, ranges, people, layer, x, added);
        }
    }

    /// The layer `layer`, even plane first, of `people` people's `read` `[people, 2, H]`, with the twins' ReLUs, into `x`, of
    /// the same shape.
    ///
    /// # Panics
    /// Slices that are too short.
    pub(super) fn twin_floats(self, read: &[f32], people: usize, layer: &[Floats; 2], x: &mut [f32]) {
        let hidden = layer[0].columns;
        let numbers = people * 2 * hidden;
        assert!(read.len() >= numbers && x.len() >= numbers && hidden.is_multiple_of(PANEL));
        for plane in layer {
            assert!((plane.rows, plane.columns, plane.bias.len()) == (hidden, hidden, hidden));
            assert!(plane.panels.len() == hidden * hidden);
        }
        // SAFETY: as for `product`.
        #[cfg(target_arch = "x86_64")]
        unsafe {
            avx512::twin_floats(read, people, layer, x);
        }
    }
}

//! The kernels: rows of people against panels of columns, sums in registers.
//!
//! A product takes [`ROWS`] people and a panel at a time: 24 of 32 registers are sums, or 12 of AVX2's 16, for which each weight
//! is loaded once and each activation once per panel. The planes of a layer are summed one after the other, and become the
//! next layer's numbers before they leave the core. `tile` says so for any registers (`lanes`), which `avx512`, `avx2` and
//! `neon` are; `table` compiles it for each kind of processor.

#![cfg_attr(
    not(any(target_arch = "x86_64", target_arch = "aarch64")),
    allow(unused, reason = "nothing is called elsewhere")
)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod lanes;
#[cfg(target_arch = "aarch64")]
mod neon;
mod table;
mod tile;

use super::matrix::{BytesLayer, Floats, Reads, Shape};
use crate::model::Kernels;
use table::{TABLES, Table};

/// People of a product at a time.
const ROWS: usize = 6;

/// Activations of `people` people in 8 bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rounded<'a> {
    pub(super) people: usize,
    /// `[people, P, H]`, each of [`Shape::level_bytes`].
    pub(super) levels: &'a [u8],
    /// `[people]` the largest magnitude of each, which the levels are shares of.
    pub(super) ranges: &'a [f32],
}

/// Kernels, and the proof that this processor has what they need.
#[derive(Debug, Clone, Copy)]
pub(super) struct Processor(&'static Table);

impl Processor {
    /// The kernels `only`, or the fastest; none where this processor has not what they need.
    pub(super) fn detect(only: Option<Kernels>) -> Option<Self> {
        let wanted = |table: &&Table| only.is_none_or(|only| only == table.kernels);
        TABLES.iter().filter(wanted).find(|table| (table.is_supported)()).map(Self)
    }

    /// Which kernels they are.
    pub(super) fn kernels(self) -> Kernels {
        self.0.kernels
    }

    /// The order in which they read weights.
    pub(super) fn shape(self) -> Shape {
        self.0.shape
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
        assert!(layer.wide.is_multiple_of(self.0.shape.lanes) && layer.wide <= self.0.shape.panel());
        // SAFETY: `self` proves the processor's features; the lengths are those that were asserted.
        unsafe { (self.0.product)(rows, (people, stride), layer, out, out_stride) }
    }

    /// Levels `[people, planes, hidden]`, each of [`Shape::level_bytes`], of the numbers `x`, of the same shape, in shares of
    /// each person's largest; the range of each goes to `ranges`.
    ///
    /// # Panics
    /// Slices that are too short, a width that is no multiple of a register's.
    pub(super) fn quantise(
        self,
        x: &[f32],
        (people, planes, hidden): (usize, usize, usize),
        reads: Reads,
        levels: &mut [u8],
        ranges: &mut [f32],
    ) {
        let wide = planes * hidden;
        let bytes = wide * self.0.shape.level_bytes();
        assert!(x.len() >= people * wide && levels.len() >= people * bytes && ranges.len() >= people);
        assert!(hidden.is_multiple_of(self.0.shape.lanes));
        for (person, range) in ranges.iter_mut().enumerate().take(people) {
            let (x, levels) = (&x[person * wide..][..wide], &mut levels[person * bytes..][..bytes]);
            // SAFETY: as for `product`.
            *range = unsafe { (self.0.quantise)(x, hidden, reads, levels) };
        }
    }

    /// The layer `layer` of P planes and its ReLUs, of what was `read`, into `x` `[people, P, H]`, or `added` to what is there.
    ///
    /// # Panics
    /// Slices that are too short; neither one plane nor two.
    pub(super) fn layer_of_bytes(self, read: Rounded<'_>, layer: &BytesLayer, x: &mut [f32], added: bool) {
        let Rounded { people, levels, ranges } = read;
        let (hidden, shape) = (layer.bias.len(), self.0.shape);
        let numbers = people * layer.planes.len() * hidden;
        assert!(levels.len() >= numbers * shape.level_bytes() && x.len() >= numbers && ranges.len() >= people);
        assert!(hidden.is_multiple_of(shape.panel()) && matches!(layer.planes.len(), 1 | 2));
        for plane in &layer.planes {
            let columns = (plane.of_zero.len(), plane.scale.len());
            assert!(plane.panels.len() == hidden * hidden && columns == (hidden, hidden));
        }
        // SAFETY: as for `product`.
        unsafe { (self.0.layer_of_bytes)(read, layer, x, added) }
    }

    /// The layer `layer` of P planes and its ReLUs, of `people` people's `read` `[people, P, H]`, into `x`, of the same shape.
    ///
    /// # Panics
    /// Slices that are too short; neither one plane nor two.
    pub(super) fn layer_of_floats(self, read: &[f32], people: usize, layer: &[Floats], x: &mut [f32]) {
        let (hidden, panel) = (layer[0].columns, self.0.shape.panel());
        let numbers = people * layer.len() * hidden;
        assert!(read.len() >= numbers && x.len() >= numbers && hidden.is_multiple_of(panel));
        assert!(matches!(layer.len(), 1 | 2));
        for plane in layer {
            assert!((plane.rows, plane.columns, plane.bias.len(), plane.wide) == (hidden, hidden, hidden, panel));
            assert!(plane.panels.len() == hidden * hidden);
        }
        // SAFETY: as for `product`.
        unsafe { (self.0.layer_of_floats)(read, people, layer, x) }
    }
}

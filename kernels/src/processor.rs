//! Safe functions around the kernels: the proof of a processor's features, and the check of every slice.
//!
//! A product takes [`ROWS`] poses and a panel of columns at once: 24 of 32 registers are sums, or 12 of AVX2's 16.
//! Each weight is loaded once per tile and each activation once per panel. The planes of a layer are summed one after
//! the other, and become the next layer's activations before they leave the core.

use crate::Isa;
use crate::pack::{DenseF32, InputSign, LayerInt8, PanelShape};
use crate::table::{TABLES, Table};

/// Poses per tile of a product.
pub(crate) const ROWS: usize = 6;

/// Rows of f32 in one slice.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// The rows; the last one may end the slice.
    pub values: &'a [f32],
    /// Number of rows.
    pub count: usize,
    /// Numbers from the start of a row to the start of the next.
    pub stride: usize,
}

/// Output memory for as many rows as the input has.
#[derive(Debug)]
pub struct RowsMut<'a> {
    /// The rows.
    pub values: &'a mut [f32],
    /// Numbers from the start of a row to the start of the next.
    pub stride: usize,
}

/// Activations between two layers.
#[derive(Debug, Clone, Copy)]
pub struct Activations<'a> {
    /// `[N, P, H]`.
    pub values: &'a [f32],
    /// N.
    pub count: usize,
    /// P, 1 or 2.
    pub planes: usize,
    /// H.
    pub hidden: usize,
}

/// Activations quantised to codes of 8 bits.
#[derive(Debug, Clone, Copy)]
pub struct Quantised<'a> {
    /// N.
    pub count: usize,
    /// `[N, P, H]`, each of [`PanelShape::code_bytes`].
    pub codes: &'a [u8],
    /// `[N]` the largest magnitude of each pose, which is the scale of its codes.
    pub scales: &'a [f32],
}

/// Kernels of one instruction set, and the proof that this processor has it.
#[derive(Debug, Clone, Copy)]
pub struct Processor(&'static Table);

impl Processor {
    /// The kernels of `only`, or of the fastest instruction set of this processor; `None` if the processor lacks it,
    /// or has none.
    pub fn detect(only: Option<Isa>) -> Option<Self> {
        let is_wanted = |table: &&Table| only.is_none_or(|only| only == table.isa);
        TABLES.iter().filter(is_wanted).find(|table| (table.is_supported)()).map(Self)
    }

    /// The instruction set.
    pub fn isa(self) -> Isa {
        self.0.isa
    }

    /// The order in which kernels read weights.
    pub fn shape(self) -> PanelShape {
        self.0.shape
    }

    /// `out[n, column]` = Σ `rows[n, k]` · `layer[k, column]` + bias, for all columns including the padding of
    /// panels.
    ///
    /// # Panics
    /// Slices that are too short; weights packed for another instruction set.
    pub fn product(self, rows: Rows<'_>, layer: &DenseF32, out: RowsMut<'_>) {
        let (count, shape) = (rows.count, self.0.shape);
        assert!(count == 0 || rows.values.len() >= (count - 1) * rows.stride + layer.rows, "too few activations");
        assert!(count == 0 || out.values.len() >= (count - 1) * out.stride + layer.padded(), "too little room");
        assert!(layer.panels.len() == layer.rows * layer.padded() && layer.bias.len() == layer.padded());
        assert!(layer.wide.is_multiple_of(shape.lanes) && layer.wide <= shape.panel() && layer.wide > 0);
        // SAFETY: `self` proves the processor's features; the lengths are asserted above.
        unsafe { (self.0.product)(rows, layer, out) }
    }

    /// Quantises `x` to `codes` `[N, P, H]`, each of [`PanelShape::code_bytes`], relative to each pose's largest
    /// magnitude, which is written to `scales` `[N]`.
    ///
    /// # Panics
    /// Slices that are too short; a width that is not a multiple of a register's.
    pub fn quantise(self, x: Activations<'_>, sign: InputSign, codes: &mut [u8], scales: &mut [f32]) {
        let Activations { values, count, planes, hidden } = x;
        let wide = planes * hidden;
        let bytes = wide * self.0.shape.code_bytes();
        assert!(values.len() >= count * wide && codes.len() >= count * bytes && scales.len() >= count);
        assert!(planes > 0 && hidden.is_multiple_of(self.0.shape.lanes));
        for (n, scale) in scales.iter_mut().enumerate().take(count) {
            let (x, codes) = (&values[n * wide..][..wide], &mut codes[n * bytes..][..bytes]);
            // SAFETY: as for `product`.
            *scale = unsafe { (self.0.quantise)(x, hidden, sign, codes) };
        }
    }

    /// The int8 layer `layer` of P planes and its ReLUs, from quantised activations, into `x` `[N, P, H]`, or `added`
    /// to `x` (the residual sum).
    ///
    /// # Panics
    /// Slices that are too short; neither one plane nor two; weights packed for another instruction set.
    pub fn layer_int8(self, read: Quantised<'_>, layer: &LayerInt8, x: &mut [f32], added: bool) {
        let Quantised { count, codes, scales } = read;
        let (hidden, shape) = (layer.bias.len(), self.0.shape);
        let numbers = count * layer.planes.len() * hidden;
        assert!(codes.len() >= numbers * shape.code_bytes() && x.len() >= numbers && scales.len() >= count);
        assert!(hidden.is_multiple_of(shape.panel()) && matches!(layer.planes.len(), 1 | 2));
        for plane in &layer.planes {
            let columns = (plane.zero_point_sums.len(), plane.scales.len());
            assert!(plane.panels.len() == hidden * hidden && columns == (hidden, hidden));
            assert!(plane.shape == shape, "weights packed for another instruction set");
        }
        // SAFETY: as for `product`.
        unsafe { (self.0.layer_int8)(read, layer, x, added) }
    }

    /// The f32 layer of one [`DenseF32`] per plane and its ReLUs, from the activations `read` `[N, P, H]`, `count` of
    /// them, into `x`, of the same shape.
    ///
    /// # Panics
    /// Slices that are too short; neither one plane nor two; weights packed for another instruction set.
    pub fn layer_f32(self, read: &[f32], count: usize, layer: &[DenseF32], x: &mut [f32]) {
        assert!(matches!(layer.len(), 1 | 2), "one plane or two");
        let (hidden, panel) = (layer[0].columns, self.0.shape.panel());
        let numbers = count * layer.len() * hidden;
        assert!(read.len() >= numbers && x.len() >= numbers && hidden > 0 && hidden.is_multiple_of(panel));
        for plane in layer {
            assert!((plane.rows, plane.columns, plane.bias.len(), plane.wide) == (hidden, hidden, hidden, panel));
            assert!(plane.panels.len() == hidden * hidden);
        }
        // SAFETY: as for `product`.
        unsafe { (self.0.layer_f32)(read, count, layer, x) }
    }
}

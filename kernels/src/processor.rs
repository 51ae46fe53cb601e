//! Safe functions around the kernels: the proof of a processor's features, and the check of every slice; and the table of the
//! kernels as they are compiled for each instruction set.
//!
//! A product takes [`ROWS`] poses and a panel of columns at once: 24 of 32 registers are sums, or 12 of AVX2's 16.
//! Each weight is loaded once per tile and each activation once per panel. The planes of a layer are summed one after
//! the other, and become the next layer's activations before they leave the core.

#[cfg(target_arch = "aarch64")]
use std::arch::is_aarch64_feature_detected as has;
#[cfg(target_arch = "x86_64")]
use std::arch::is_x86_feature_detected as has;

use crate::Isa;
#[cfg(target_arch = "x86_64")]
use crate::avx2::{Avx2, MaddAvx2, VnniAvx2};
#[cfg(target_arch = "x86_64")]
use crate::avx512::{Avx512, Madd512, Vnni512};
#[cfg(target_arch = "aarch64")]
use crate::neon::{MullNeon, Neon, SdotNeon};
use crate::pack::{DenseF32, InputSign, LayerInt8, PanelShape};
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use crate::simd::{Int8Dot, Simd};
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use crate::tile;

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
        let mut wanted = TABLES.iter().filter(|table| only.is_none_or(|only| only == table.isa));
        wanted.find(|table| (table.is_supported)()).map(Self)
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
        let count = rows.count;
        let shape = self.0.shape;
        assert!(count == 0 || rows.values.len() >= (count - 1) * rows.stride + layer.rows, "too few activations");
        assert!(count == 0 || out.values.len() >= (count - 1) * out.stride + layer.padded, "too little room");
        assert!(layer.panels.len() == layer.rows * layer.padded && layer.bias.len() == layer.padded);
        assert!(
            layer.panel_width.is_multiple_of(shape.lanes) && layer.panel_width <= shape.panel && layer.panel_width > 0
        );
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
        let row_len = planes * hidden;
        let bytes = row_len * self.0.shape.code_bytes;
        assert!(values.len() >= count * row_len && codes.len() >= count * bytes && scales.len() >= count);
        assert!(planes > 0 && hidden.is_multiple_of(self.0.shape.lanes));
        for (n, scale) in scales.iter_mut().enumerate().take(count) {
            let x = &values[n * row_len..][..row_len];
            let codes = &mut codes[n * bytes..][..bytes];
            // SAFETY: as for `product`.
            *scale = unsafe { (self.0.quantise)(x, hidden, sign, codes) };
        }
    }

    /// The int8 layer `layer` of P planes and its ReLUs, from quantised activations, into `x` `[N, P, H]`, or `accumulate`
    /// to `x` (the residual sum).
    ///
    /// # Panics
    /// Slices that are too short; neither one plane nor two; weights packed for another instruction set.
    pub fn layer_int8(self, read: Quantised<'_>, layer: &LayerInt8, x: &mut [f32], accumulate: bool) {
        let Quantised { count, codes, scales } = read;
        let hidden = layer.bias.len();
        let shape = self.0.shape;
        let numbers = count * layer.planes.len() * hidden;
        assert!(codes.len() >= numbers * shape.code_bytes && x.len() >= numbers && scales.len() >= count);
        assert!(hidden.is_multiple_of(shape.panel) && matches!(layer.planes.len(), 1 | 2));
        for plane in &layer.planes {
            let columns = (plane.zero_point_sums.len(), plane.scales.len());
            assert!(plane.panels.len() == hidden * hidden && columns == (hidden, hidden));
            let packed_alike = plane.shape.panel == shape.panel && plane.shape.group == shape.group;
            assert!(
                packed_alike && plane.shape.lower_by == shape.lower_by,
                "weights packed for another instruction set"
            );
        }
        // SAFETY: as for `product`.
        unsafe { (self.0.layer_int8)(read, layer, x, accumulate) }
    }

    /// The f32 layer of one [`DenseF32`] per plane and its ReLUs, from the activations `read` `[N, P, H]`, `count` of
    /// them, into `x`, of the same shape.
    ///
    /// # Panics
    /// Slices that are too short; neither one plane nor two; weights packed for another instruction set.
    pub fn layer_f32(self, read: &[f32], count: usize, layer: &[DenseF32], x: &mut [f32]) {
        assert!(matches!(layer.len(), 1 | 2), "one plane or two");
        let hidden = layer[0].columns;
        let panel = self.0.shape.panel;
        let numbers = count * layer.len() * hidden;
        assert!(read.len() >= numbers && x.len() >= numbers && hidden > 0 && hidden.is_multiple_of(panel));
        for plane in layer {
            assert!(
                (plane.rows, plane.columns, plane.bias.len(), plane.panel_width) == (hidden, hidden, hidden, panel)
            );
            assert!(plane.panels.len() == hidden * hidden);
        }
        // SAFETY: as for `product`.
        unsafe { (self.0.layer_f32)(read, count, layer, x) }
    }
}

/// Kernels of one instruction set. The functions are those of [`Processor`], for slices of asserted lengths,
/// on processors that have `isa`.
#[derive(Debug)]
struct Table {
    isa: Isa,
    is_supported: fn() -> bool,
    shape: PanelShape,
    product: unsafe fn(Rows<'_>, &DenseF32, RowsMut<'_>),
    quantise: unsafe fn(&[f32], usize, InputSign, &mut [u8]) -> f32,
    layer_int8: unsafe fn(Quantised<'_>, &LayerInt8, &mut [f32], bool),
    layer_f32: unsafe fn(&[f32], usize, &[DenseF32], &mut [f32]),
}

/// A [`Table`] of [`tile`] for these registers and dot products, with `$registers` registers of columns at once.
macro_rules! table {
    ($isa:expr, $registers:literal of $simd:ty, $dot:ty, [$($feature:tt),*]) => {{
        #[target_feature($(enable = $feature),*)]
        unsafe fn product(rows: Rows<'_>, layer: &DenseF32, out: RowsMut<'_>) {
            // SAFETY: as for the table.
            unsafe { tile::product::<$simd>(rows, layer, out) }
        }
        #[target_feature($(enable = $feature),*)]
        unsafe fn quantise(x: &[f32], hidden: usize, sign: InputSign, codes: &mut [u8]) -> f32 {
            // SAFETY: as for the table.
            unsafe { tile::quantise::<$dot>(x, hidden, sign, codes) }
        }
        #[target_feature($(enable = $feature),*)]
        unsafe fn layer_int8(read: Quantised<'_>, layer: &LayerInt8, x: &mut [f32], accumulate: bool) {
            // SAFETY: as for the table.
            unsafe {
                match layer.planes.len() {
                    1 => tile::layer_int8::<$dot, $registers, 1>(read, layer, x, accumulate),
                    _ => tile::layer_int8::<$dot, $registers, 2>(read, layer, x, accumulate),
                }
            }
        }
        #[target_feature($(enable = $feature),*)]
        unsafe fn layer_f32(read: &[f32], count: usize, layer: &[DenseF32], x: &mut [f32]) {
            // SAFETY: as for the table.
            unsafe {
                match layer.len() {
                    1 => tile::layer_f32::<$simd, $registers, 1>(read, count, layer, x),
                    _ => tile::layer_f32::<$simd, $registers, 2>(read, count, layer, x),
                }
            }
        }
        fn is_supported() -> bool {
            true $(&& has!($feature))*
        }
        let shape = PanelShape::new(<$simd>::LANES, $registers, <$dot>::GROUP, <$dot>::LOWER_BY);
        Table { isa: $isa, is_supported, shape, product, quantise, layer_int8, layer_f32 }
    }};
}

/// All of them, the fastest first.
#[cfg(target_arch = "x86_64")]
static TABLES: [Table; 4] = [
    table!(Isa::Avx512Vnni, 4 of Avx512, Vnni512, ["avx512f", "avx512bw", "avx512vl", "avx512vnni"]),
    table!(Isa::Avx512, 4 of Avx512, Madd512, ["avx512f", "avx512bw", "avx512vl"]),
    table!(Isa::AvxVnni, 2 of Avx2, VnniAvx2, ["avx2", "fma", "avxvnni"]),
    table!(Isa::Avx2, 2 of Avx2, MaddAvx2, ["avx2", "fma"]),
];

/// All of them, the fastest first.
#[cfg(target_arch = "aarch64")]
static TABLES: [Table; 2] =
    [table!(Isa::NeonDot, 4 of Neon, SdotNeon, ["neon", "dotprod"]), table!(Isa::Neon, 4 of Neon, MullNeon, ["neon"])];

/// Other processors have none.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
static TABLES: [Table; 0] = [];

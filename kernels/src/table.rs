//! The kernels compiled for each instruction set.

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
use crate::processor::{Quantised, Rows, RowsMut};
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use crate::simd::{Int8Dot, Simd};
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use crate::tile;

/// Kernels of one instruction set. The functions are those of [`crate::Processor`], for slices of asserted lengths,
/// on processors that have `isa`.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) isa: Isa,
    pub(crate) is_supported: fn() -> bool,
    pub(crate) shape: PanelShape,
    pub(crate) product: unsafe fn(Rows<'_>, &DenseF32, RowsMut<'_>),
    pub(crate) quantise: unsafe fn(&[f32], usize, InputSign, &mut [u8]) -> f32,
    pub(crate) layer_int8: unsafe fn(Quantised<'_>, &LayerInt8, &mut [f32], bool),
    pub(crate) layer_f32: unsafe fn(&[f32], usize, &[DenseF32], &mut [f32]),
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
        unsafe fn layer_int8(read: Quantised<'_>, layer: &LayerInt8, x: &mut [f32], added: bool) {
            // SAFETY: as for the table.
            unsafe {
                match layer.planes.len() {
                    1 => tile::layer_int8::<$dot, $registers, 1>(read, layer, x, added),
                    _ => tile::layer_int8::<$dot, $registers, 2>(read, layer, x, added),
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
        let (group, lower_by) = (<$dot>::GROUP, <$dot>::LOWER_BY);
        let shape = PanelShape { lanes: <$simd>::LANES, most: $registers, group, lower_by };
        let is_supported = || true $(&& has!($feature))*;
        Table { isa: $isa, is_supported, shape, product, quantise, layer_int8, layer_f32 }
    }};
}

/// All of them, the fastest first.
#[cfg(target_arch = "x86_64")]
pub(crate) static TABLES: [Table; 4] = [
    table!(Isa::Avx512Vnni, 4 of Avx512, Vnni512, ["avx512f", "avx512bw", "avx512vl", "avx512vnni"]),
    table!(Isa::Avx512, 4 of Avx512, Madd512, ["avx512f", "avx512bw", "avx512vl"]),
    table!(Isa::AvxVnni, 2 of Avx2, VnniAvx2, ["avx2", "fma", "avxvnni"]),
    table!(Isa::Avx2, 2 of Avx2, MaddAvx2, ["avx2", "fma"]),
];

/// All of them, the fastest first.
#[cfg(target_arch = "aarch64")]
pub(crate) static TABLES: [Table; 2] =
    [table!(Isa::NeonDot, 4 of Neon, SdotNeon, ["neon", "dotprod"]), table!(Isa::Neon, 4 of Neon, MullNeon, ["neon"])];

/// Other processors have none.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(crate) static TABLES: [Table; 0] = [];

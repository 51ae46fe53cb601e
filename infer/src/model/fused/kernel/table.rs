//! The kernels compiled for each kind of processor.

#[cfg(target_arch = "aarch64")]
use std::arch::is_aarch64_feature_detected as has;
#[cfg(target_arch = "x86_64")]
use std::arch::is_x86_feature_detected as has;

use super::Rounded;
#[cfg(target_arch = "x86_64")]
use super::avx2::{Avx2, Pairs256, Quads256};
#[cfg(target_arch = "x86_64")]
use super::avx512::{Avx512, Pairs512, Quads512};
use super::lanes::{Lanes, Products};
#[cfg(target_arch = "aarch64")]
use super::neon::{Neon, PairsNeon, QuadsDot};
use super::tile;
use crate::model::Kernels;
use crate::model::fused::matrix::{BytesLayer, Floats, Reads, Shape};

/// What one kind of processor computes with. The functions are those of [`super::Processor`], for slices as long as it has
/// asserted, on processors with the features of `kernels`.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) kernels: Kernels,
    pub(super) is_supported: fn() -> bool,
    pub(super) shape: Shape,
    pub(super) product: Product,
    pub(super) quantise: unsafe fn(&[f32], usize, Reads, &mut [u8]) -> f32,
    pub(super) layer_of_bytes: unsafe fn(Rounded<'_>, &BytesLayer, &mut [f32], bool),
    pub(super) layer_of_floats: unsafe fn(&[f32], usize, &[Floats], &mut [f32]),
}

type Product = unsafe fn(&[f32], (usize, usize), &Floats, &mut [f32], usize);

/// A [`Table`] of [`tile`] with these registers and products, `$lanes` registers of columns at once.
macro_rules! table {
    ($kernels:expr, $lanes:literal of $registers:ty, $products:ty, [$($feature:tt),*]) => {{
        #[target_feature($(enable = $feature),*)]
        unsafe fn product(rows: &[f32], of: (usize, usize), layer: &Floats, out: &mut [f32], stride: usize) {
            // SAFETY: as for the table.
            unsafe { tile::product::<$registers>(rows, of, layer, out, stride) }
        }
        #[target_feature($(enable = $feature),*)]
        unsafe fn quantise(x: &[f32], hidden: usize, reads: Reads, levels: &mut [u8]) -> f32 {
            // SAFETY: as for the table.
            unsafe { tile::quantise::<$products>(x, hidden, reads, levels) }
        }
        #[target_feature($(enable = $feature),*)]
        unsafe fn layer_of_bytes(read: Rounded<'_>, layer: &BytesLayer, x: &mut [f32], added: bool) {
            // SAFETY: as for the table.
            unsafe {
                match layer.planes.len() {
                    1 => tile::layer_of_bytes::<$products, $lanes, 1>(read, layer, x, added),
                    _ => tile::layer_of_bytes::<$products, $lanes, 2>(read, layer, x, added),
                }
            }
        }
        #[target_feature($(enable = $feature),*)]
        unsafe fn layer_of_floats(read: &[f32], people: usize, layer: &[Floats], x: &mut [f32]) {
            // SAFETY: as for the table.
            unsafe {
                match layer.len() {
                    1 => tile::layer_of_floats::<$registers, $lanes, 1>(read, people, layer, x),
                    _ => tile::layer_of_floats::<$registers, $lanes, 2>(read, people, layer, x),
                }
            }
        }
        let (group, lower_by) = (<$products>::GROUP, <$products>::LOWER_BY);
        let shape = Shape { lanes: <$registers>::LANES, most: $lanes, group, lower_by };
        let is_supported = || true $(&& has!($feature))*;
        Table { kernels: $kernels, is_supported, shape, product, quantise, layer_of_bytes, layer_of_floats }
    }};
}

/// All of them, the fastest first.
#[cfg(target_arch = "x86_64")]
pub(super) static TABLES: [Table; 4] = [
    table!(Kernels::Avx512Vnni, 4 of Avx512, Quads512, ["avx512f", "avx512bw", "avx512vl", "avx512vnni"]),
    table!(Kernels::Avx512, 4 of Avx512, Pairs512, ["avx512f", "avx512bw", "avx512vl"]),
    table!(Kernels::AvxVnni, 2 of Avx2, Quads256, ["avx2", "fma", "avxvnni"]),
    table!(Kernels::Avx2, 2 of Avx2, Pairs256, ["avx2", "fma"]),
];

/// All of them, the fastest first.
#[cfg(target_arch = "aarch64")]
pub(super) static TABLES: [Table; 2] = [
    table!(Kernels::NeonDot, 4 of Neon, QuadsDot, ["neon", "dotprod"]),
    table!(Kernels::Neon, 4 of Neon, PairsNeon, ["neon"]),
];

/// There are none elsewhere.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) static TABLES: [Table; 0] = [];

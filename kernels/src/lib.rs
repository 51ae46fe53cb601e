//! The SIMD kernels of poselift's networks: dense layers in f32 and int8, fused with the operations between two of
//! them (bias, ReLU, the mirror-equivariant planes' sum and difference, the residual sum, quantisation) while sums
//! are in registers.
//!
//! The SIMD `unsafe` of the networks is here, behind safe functions that check their slices. Two other places have their
//! own, as what they do is no layer: `format/jsonl` of `infer` (`triples`, `decimal`) reads numbers of text with AVX-512,
//! and `net/cpu` of `train` compiles the loops of training, which are plain Rust, for AVX-512. The crate knows nothing of
//! files or models. [`Isa`] names the instruction sets, [`Processor`] proves that this processor has one of them
//! and runs its kernels, [`DenseF32`] and [`LayerInt8`] are weights packed in the order in which kernels read them.
//!
//! Inside, `simd` defines the operations that kernels need, `avx2`, `avx512` and `neon` implement them, `tile` is
//! every kernel written once for all of them, and `processor` compiles it for each instruction set. Shapes: N poses, P
//! planes (1, or 2 of a mirror-equivariant network), H the width of a plane.
//!
//! ```
//! use poselift_kernels::{DenseF32, Processor, Rows, RowsMut};
//!
//! let Some(processor) = Processor::detect(None) else { return };
//! // Two inputs, three outputs.
//! let layer = DenseF32::new(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3, Some(&[0.5; 3]), processor.shape());
//! let mut out = vec![0.0; layer.padded()];
//! let rows = Rows { values: &[10.0, 1.0], count: 1, stride: 2 };
//! processor.product(rows, &layer, RowsMut { stride: out.len(), values: &mut out });
//! assert_eq!(out[..3], [14.5, 25.5, 36.5]);
//! ```

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod isa;
#[cfg(target_arch = "aarch64")]
mod neon;
mod pack;
mod processor;
mod simd;
mod tile;

pub use isa::Isa;
pub use pack::{DenseF32, DenseInt8, InputSign, LayerInt8, PanelShape};
pub use processor::{Activations, Processor, Quantised, Rows, RowsMut};

/// The least range of a pose's activations; it replaces a range of 0, so that there is no division by 0.
pub const MIN_RANGE: f32 = 1e-30;

/// The zero point of signed codes: the middle of 256 codes.
pub const SIGNED_ZERO_POINT: i32 = 128;

/// The code of the largest magnitude, above [`SIGNED_ZERO_POINT`].
pub const MAX_SIGNED_CODE: f32 = 127.0;

/// The code of the largest number where none is below 0.
pub const MAX_POSITIVE_CODE: f32 = 255.0;

//! The contract of a poselift model file, which the trainer writes and kernels read: ONNX messages ([`proto`]), the
//! [`Card`], names and numbers ([`names`]), one description of a lifting [`Network`], and its way into a file ([`write()`])
//! and back ([`Model::network`]).
//!
//! ```
//! use poselift_onnx::{Model, Weights};
//!
//! let weights = Weights::new(&[2, 1], [0.5f32, -1.0]); // [in, out]
//! assert_eq!(&*weights.values(), [0.5, -1.0]);
//! assert!(Model::decode(bytes::Bytes::from_static(b"no model")).is_none());
//! ```
//!
//! Nothing here runs a network, and nothing but weights is large: they are views of the file's bytes.

mod blocks;
mod builder;
mod card;
mod error;
mod features;
mod float16;
mod graph;
mod hash;
mod int8;
mod memory;
mod model;
pub mod names;
mod network;
mod precision;
pub mod proto;
mod qdq;
mod quantisation_residual;
mod read;
#[cfg(test)]
mod tests;
mod units;
mod weights;
mod write;

pub use card::{
    CARD_KEY, CARD_SCHEMA, Card, DataCard, InputCard, MemoryCard, Metric, NetworkCard, OutputCard, TrainingCard, View,
    are_trees,
};
pub use error::{Error, Result};
pub use graph::{Dimension, FLOAT32, Graph, Tensor};
pub use memory::Memory;
pub use model::{Model, WeightsDigest};
pub use names::InputSign;
pub use network::{Blocks, Dense, Features, Network, QuantisedDense, QuantisedPlane};
pub use precision::{Precision, Quantisation};
pub use qdq::{Range, tensors_to_observe, write_qdq};
pub use quantisation_residual::{decode_residual, encode_residual};
pub use units::{Axes, Unit};
pub use weights::{Element, Weights};
pub use write::{WrittenModel, write};

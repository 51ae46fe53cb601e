//! ONNX Runtime: finding its library, loading a model on a CPU, by OpenVINO or on a GPU, and calling it.
//!
//! The only module that names `ort`.

#[cfg(feature = "cli")]
mod baseline;
mod cuda;
pub(super) mod library;
mod load;
mod model;
mod profile;

#[cfg(feature = "cli")]
pub(crate) use baseline::OrtBaseline;
pub use library::{environment, forbid_telemetry};
pub(super) use model::OrtModel;

//! Models: reading a model file, and running it.
//!
//! [`ModelFile`] reads and checks a file without a runtime; [`open`] makes it ready to run, as a [`Session`]. Callers
//! that run poses through it see a [`PoseNetwork`] and give it a [`Batch`]. A session computes by a backend: `ort`,
//! the only module that names the crate of ONNX Runtime, or `native`, our own kernels, which `verify` compares with
//! it. `pool` shares large batches among threads.

mod batch;
#[cfg(feature = "bundled")]
mod bundled;
mod card;
mod device;
mod engine;
mod file;
mod host;
mod native;
mod network;
mod ort;
mod pool;
mod session;
#[cfg(test)]
#[path = "../../../tests/infer/small_model.rs"]
mod small_model;
mod thread_handle;
mod verify;

#[cfg(feature = "cli")]
pub(crate) use self::ort::OrtBaseline;
pub use self::ort::{environment, forbid_telemetry};
pub(crate) use batch::check_keypoints;
pub use batch::{Batch, BatchArrays, Recall};
pub use card::{
    CARD_KEY, CARD_SCHEMA, Card, DataCard, InputCard, MemoryCard, Metric, NetworkCard, OutputCard, TrainingCard, View,
};
pub use device::{Device, Provider};
pub use engine::Engine;
pub use file::ModelFile;
pub use host::{Host, set_host};
#[cfg(test)]
pub(crate) use network::MockNetwork;
pub use network::PoseNetwork;
#[cfg(feature = "cli")]
pub(crate) use network::no_sigma;
pub use poselift_kernels::Isa;
pub use poselift_onnx::names::{INPUT_NAME, MEMORY_NAME, NEXT_MEMORY_NAME, OUTPUT_NAME, SIGMA_NAME, SINCE_NAME};
pub use poselift_onnx::{Dimension, FLOAT32, Graph, Precision, Quantisation, Tensor};
pub use session::{Session, SessionOptions, open};
pub use thread_handle::ThreadHandle;
pub use verify::verify_kernels;

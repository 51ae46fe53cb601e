//! Models: what a file says about itself, and running it.
//!
//! The only room that names `ort`. [`ModelFile`] reads and checks a file
//! without a runtime; [`open`] makes it ready to run; whoever runs poses through it
//! sees a [`PoseNetwork`].

mod agreed;
mod backend;
mod bare;
mod batch;
mod bundled;
mod card;
mod cuda;
mod device;
mod engine;
mod file;
mod fused;
mod kernels;
mod library;
mod network;
mod ort_model;
mod pool;
mod profile;
mod session;
#[cfg(test)]
#[path = "../../../tests/infer/small_model.rs"]
mod small_model;
mod thread_handle;

pub(crate) use bare::BareSession;
pub(crate) use batch::check_keypoints;
pub use batch::{Batch, BatchArrays};
pub use card::{CARD_KEY, CARD_SCHEMA, Card, DataCard, InputCard, Metric, NetworkCard, OutputCard, TrainingCard, View};
pub use device::{Device, Provider};
pub use engine::Engine;
pub use file::ModelFile;
pub use kernels::Kernels;
pub use library::{environment, forbid_telemetry};
#[cfg(test)]
pub(crate) use network::MockNetwork;
pub use network::PoseNetwork;
pub(crate) use network::no_sigma;
pub use poselift_onnx::names::{INPUT_NAME, OUTPUT_NAME, SIGMA_NAME};
pub use poselift_onnx::{Dimension, FLOAT32, Graph, Precision, Tensor};
pub use session::{Session, SessionOptions, open};

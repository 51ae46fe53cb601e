//! Lifts 2D human key points to 3D poses.

pub mod camera;
pub mod error;
pub mod format;
pub mod lift;
pub mod metric;
pub mod model;
pub mod pose;
pub mod skeleton;
pub mod view;

pub use error::{Error, ErrorKind, Result};
pub use lift::{Lifter, LifterOptions};

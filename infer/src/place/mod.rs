//! Where people are and how they hold themselves: the hip's place in space, axes and units that other programs want, and the
//! angles of joints.
//!
//! A pose is relative to the hip, in the axes of the camera. [`RootSolver`] finds the hip in front of the camera, [`ReferenceWriter`]
//! turns and scales what goes to a writer, and [`Angles`] are what clinicians and OpenSim read.

pub mod angles;
mod axes;
mod root;

pub use angles::{ANGLE_NAMES, AngleReader, AngleWriter, Angles};
pub use axes::{MODEL_STATURE, Reference, ReferenceWriter};
pub use root::{RootOptions, RootSolver, RootWriter, Unplaced};

//! Lifts 2D human key points to 3D poses, live or from files, with one self-contained ONNX model.
//!
//! ```no_run
//! # // Needs ONNX Runtime, which a documentation test cannot count on.
//! use poselift::{Lifter, LifterOptions};
//!
//! # fn main() -> poselift::Result<()> {
//! let mut lifter = Lifter::bundled(&LifterOptions::default())?;
//! let keypoints = ndarray::Array3::<f32>::ones((1, 17, 3)); // one person: x, y in pixels, score
//! let poses = lifter.lift(keypoints.view())?; // [1, 17, 3], metres, camera axes
//! # Ok(())
//! # }
//! ```
//!
//! # The journey of a frame
//!
//! A [`format::FrameReader`] reads a [`pose::Frame`] of people with key points in some [`skeleton::Layout`];
//! [`stream::lift_stream`] gathers what is there into a batch; the [`Lifter`] takes each joint to its place in the
//! model's own layout, turns each person to the optical axis if the model wants to look at them, runs the [`model`],
//! turns the pose back and gives a [`pose::LiftedFrame`]; a [`format::PoseWriter`] writes it, as numbers or, in
//! [`view`], as a page to look at. Two of them pass poses on to another: [`smooth::SmoothWriter`] smooths people's over
//! time, [`smooth::LevelWriter`] turns them upright.
//!
//! On a CPU the model's threads share the people of a large batch; where a stream has a backlog each of them lifts batches
//! of its own instead, from key points to poses. Many live streams share one model by [`stream::SharedNetwork`], which runs
//! what lifters on threads of their own ask for at the same time as one batch.
//!
//! Rooms name only those above them in this list:
//! [`error`], [`pose`], [`skeleton`], [`camera`], [`format`](mod@format), [`smooth`], [`place`], [`export`], [`model`], [`metric`], [`lift`], [`stream`],
//! [`view`], [`cli`].

pub mod camera;
pub mod cli;
pub mod error;
pub mod export;
pub mod format;
pub mod lift;
pub mod metric;
pub mod model;
pub mod place;
pub mod pose;
pub mod skeleton;
pub mod smooth;
pub mod stream;
pub mod view;

pub use error::{Error, ErrorKind, Result};
pub use lift::{Lifter, LifterOptions};

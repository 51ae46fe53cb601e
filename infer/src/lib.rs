//! Lifts 2D human key points to 3D poses, live or from files, with one self-contained ONNX model.
//!
//! Give the camera with the key points: models that look at the subject then turn it to each person, and poses do not
//! depend on where in the image people stand.
//!
//! ```
//! # #[cfg(feature = "bundled")]
//! # fn main() -> poselift::Result<()> {
//! use ndarray::Array3;
//! use poselift::camera::Camera;
//! use poselift::{Lifter, LifterOptions};
//!
//! let mut lifter = Lifter::bundled(&LifterOptions::default())?;
//! let keypoints = Array3::<f32>::ones((230, 17, 3)); // N poses of COCO-17: x, y in pixels, score
//! let camera = Camera::with_focal(Some(1500.0), [1920, 1080]); // None where the focal length is not known
//! let lifted = lifter.lift_with_cameras(keypoints.view(), &[camera])?;
//! assert_eq!(lifted.poses.dim(), (230, 17, 3)); // Human3.6M-17: metres, x right, y down, z forward, from the hip
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "bundled"))]
//! # fn main() {}
//! ```
//!
//! [`Lifter::lift_with_cameras`] takes arrays, [`Lifter::lift_frames`] people in frames, [`stream::lift_stream`]
//! whole streams from reader to writer; [`Lifter::lift`] is for key points without a known camera.
//!
//! Features, all on by default: `bundled`, the models inside the library (13 MB), `live`, frames over sockets and from
//! growing files, `figures`, pictures of poses (`view::figure`), `cli`, the program, and `serve`, its server.
//!
//! # The journey of a frame
//!
//! A [`format::FrameReader`] reads a [`pose::Frame`] of people with key points in some [`skeleton::Layout`];
//! [`stream::lift_stream`] gathers the available frames into a batch; the [`Lifter`] converts the key points to the
//! model's own layout, turns each person to the optical axis if the model's view is the subject, runs the [`model`],
//! turns the pose back and returns a [`pose::LiftedFrame`]; a [`format::PoseWriter`] writes it, as numbers or, in
//! [`view`], as a page to look at. Two writers pass poses on to another one: [`smooth::SmoothWriter`] smooths them
//! over time, [`smooth::LevelWriter`] turns them upright.
//!
//! On a CPU the model's threads share the people of a large batch; if a stream has a backlog, each thread lifts whole
//! batches instead, from key points to poses. Many live streams share one model by [`stream::SharedNetwork`], which
//! runs the concurrent requests of lifters on many threads as one batch.
//!
//! A module may use only the modules before it in this list:
//! [`error`], [`pose`], [`skeleton`], [`camera`], [`format`](mod@format), [`track`], [`guard`], [`smooth`], [`place`], [`export`], [`live`], [`model`], [`metric`], [`lift`], [`stream`],
//! [`view`], [`output`], [`cli`].

pub mod camera;
#[cfg(feature = "cli")]
pub mod cli;
pub mod error;
pub mod export;
pub mod format;
pub mod guard;
pub mod lift;
#[cfg(feature = "live")]
pub mod live;
mod median;
pub mod metric;
pub mod model;
mod only_one;
pub mod output;
pub mod place;
pub mod pose;
pub mod skeleton;
pub mod smooth;
pub mod stream;
mod thread;
pub mod track;
pub mod view;

pub use error::{Error, ErrorKind, Result};
pub use lift::{Lifter, LifterOptions};

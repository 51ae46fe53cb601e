//! Where people are: the hip's position in space, the axes and units of other programs, joint angles, and which feet stand.
//!
//! A pose is relative to the hip, in the axes of the camera. [`RootSolver`] finds the hip in front of the camera,
//! [`ReferenceWriter`] turns and scales poses for a writer, and [`Angles`] are those of clinicians and OpenSim.

pub mod angles;
mod axes;
mod contact;
mod foot;
mod root;
mod standing;

pub use angles::{ANGLE_NAMES, ANGLE_NAMES_WITH_FEET, AngleReader, AngleWriter, Angles, angle_names};
pub use axes::{MODEL_STATURE, Reference, ReferenceWriter, allowed_height};
pub(crate) use axes::{rotation, y_up_from};
pub use contact::ContactWriter;
pub(crate) use foot::Foot;
pub use root::{RootOptions, RootSolver, RootWriter, Unplaced};
pub use standing::{LiveStandingWriter, StandingWriter};

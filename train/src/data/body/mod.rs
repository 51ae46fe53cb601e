//! From a file's skeleton to the 28 joints that we keep: `take` holds what a file says, `kinematics` places its
//! joints, `rig` recognises the naming scheme, `map` makes our body of it, `feet` adds feet where there are none, `resample` brings it to our rate.

pub mod feet;
pub(crate) mod joints;
pub mod kinematics;
mod map;
pub mod resample;
pub mod rig;
pub mod take;

pub use map::{Body, BodyMap, LEG_PER_STATURE, REFERENCE_STATURE, SKULL, THIGH_METRES};
pub(crate) use map::{joint_place, thigh_misfit};

//! The joints of [`BODY28`] that code names: a name that it does not have does not compile.
//!
//! Pairs are left and right.

use poselift::skeleton::BODY28;

pub(crate) const HIP: usize = BODY28.joint("hip");
pub(crate) const SPINE: usize = BODY28.joint("spine");
pub(crate) const THORAX: usize = BODY28.joint("thorax");
pub(crate) const NECK: usize = BODY28.joint("neck_nose");
pub(crate) const HEAD: usize = BODY28.joint("head");
pub(crate) const NOSE: usize = BODY28.joint("nose");
pub(crate) const EYES: [usize; 2] = [BODY28.joint("left_eye"), BODY28.joint("right_eye")];
pub(crate) const EARS: [usize; 2] = [BODY28.joint("left_ear"), BODY28.joint("right_ear")];
pub(crate) const HIPS: [usize; 2] = [BODY28.joint("left_hip"), BODY28.joint("right_hip")];
pub(crate) const KNEES: [usize; 2] = [BODY28.joint("left_knee"), BODY28.joint("right_knee")];
pub(crate) const ANKLES: [usize; 2] = [BODY28.joint("left_ankle"), BODY28.joint("right_ankle")];
pub(crate) const SHOULDERS: [usize; 2] = [BODY28.joint("left_shoulder"), BODY28.joint("right_shoulder")];
pub(crate) const ELBOWS: [usize; 2] = [BODY28.joint("left_elbow"), BODY28.joint("right_elbow")];
pub(crate) const WRISTS: [usize; 2] = [BODY28.joint("left_wrist"), BODY28.joint("right_wrist")];

/// Hip, knee and ankle of each leg.
pub(crate) const LEGS: [[usize; 3]; 2] = [[HIPS[0], KNEES[0], ANKLES[0]], [HIPS[1], KNEES[1], ANKLES[1]]];
/// Shoulder, elbow and wrist of each arm.
pub(crate) const ARMS: [[usize; 3]; 2] = [[SHOULDERS[0], ELBOWS[0], WRISTS[0]], [SHOULDERS[1], ELBOWS[1], WRISTS[1]]];

/// Hip and knee.
pub(crate) const THIGHS: [[usize; 2]; 2] = [[HIPS[0], KNEES[0]], [HIPS[1], KNEES[1]]];
/// Knee and ankle.
pub(crate) const SHANKS: [[usize; 2]; 2] = [[KNEES[0], ANKLES[0]], [KNEES[1], ANKLES[1]]];
/// Shoulder and elbow.
pub(crate) const UPPER_ARMS: [[usize; 2]; 2] = [[SHOULDERS[0], ELBOWS[0]], [SHOULDERS[1], ELBOWS[1]]];
/// Elbow and wrist.
pub(crate) const FOREARMS: [[usize; 2]; 2] = [[ELBOWS[0], WRISTS[0]], [ELBOWS[1], WRISTS[1]]];

/// The first joint of the face: those before it are Human3.6M's 17.
pub(crate) const FIRST_OF_FACE: usize = NOSE;

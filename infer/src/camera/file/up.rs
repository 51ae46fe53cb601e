//! Which way is up in the world of a camera file.
//!
//! A rotation alone does not say it: the world may be that of a board held in the hand, or of the first camera.

use std::fmt;
use std::str::FromStr;

use nalgebra::{Matrix3, Vector3};

use super::NamedCamera;
use super::node::{Entry, Node};
use crate::error::Error;

/// The axis of a world that points up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpAxis {
    /// x.
    X,
    /// Against x.
    MinusX,
    /// y.
    Y,
    /// Against y.
    MinusY,
    /// z.
    Z,
    /// Against z.
    MinusZ,
}

impl UpAxis {
    const ALL: [Self; 6] = [Self::X, Self::MinusX, Self::Y, Self::MinusY, Self::Z, Self::MinusZ];

    /// The unit vector that points up.
    pub fn direction(self) -> Vector3<f64> {
        match self {
            Self::X => Vector3::x(),
            Self::MinusX => -Vector3::x(),
            Self::Y => Vector3::y(),
            Self::MinusY => -Vector3::y(),
            Self::Z => Vector3::z(),
            Self::MinusZ => -Vector3::z(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::X => "x",
            Self::MinusX => "-x",
            Self::Y => "y",
            Self::MinusY => "-y",
            Self::Z => "z",
            Self::MinusZ => "-z",
        }
    }
}

impl fmt::Display for UpAxis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for UpAxis {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let known = Self::ALL.into_iter().find(|axis| axis.name() == name);
        known.ok_or_else(|| Error::usage(format!("an axis '{name}', expected x, -x, y, -y, z or -z")))
    }
}

/// Says of the cameras of a file which axis points up, where the program that wrote it has it so.
pub(super) fn set_up(root: &Node, cameras: &mut [NamedCamera]) {
    let up = is_z_up(root) && !cameras.iter().any(is_the_world);
    for camera in cameras {
        camera.up = up.then_some(UpAxis::Z);
    }
}

fn is_z_up(root: &Node) -> bool {
    let metadata = root.get(&["metadata"]);
    if let Some(groundplane) = metadata.and_then(|metadata| metadata.get(&["groundplanecalibration"])) {
        return groundplane.is_true();
    }
    if is_caliscope(root) {
        return true;
    }
    // Anipose and Pose2Sim write the same tables; Anipose counts them from `cam_0`, Pose2Sim names them by its folders.
    let tables: Vec<&str> = tables(root).map(|entry| entry.key.as_str()).collect();
    let mut counted: Vec<String> = (0..tables.len()).map(|place| format!("cam_{place}")).collect();
    counted.sort();
    let mut sorted = tables.clone();
    sorted.sort_unstable();
    metadata.is_some_and(|metadata| metadata.get(&["adjusted"]).is_some()) && sorted != counted
}

/// Caliscope's cameras have a `port` and a `rotation_count`.
fn is_caliscope(root: &Node) -> bool {
    let cameras = root.get(&["cameras"]).unwrap_or(root);
    tables(cameras).any(|entry| entry.value.get(&["rotationcount"]).is_some())
}

/// The tables of cameras.
fn tables(root: &Node) -> impl Iterator<Item = &Entry> {
    root.entries().iter().filter(|entry| entry.value.get(&["matrix"]).is_some())
}

/// Whether the world is the camera's own.
fn is_the_world(camera: &NamedCamera) -> bool {
    camera.camera_from_world.is_some_and(|rotation| (rotation - Matrix3::identity()).amax() < 1e-6)
}

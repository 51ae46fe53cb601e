//! A take of motion capture as the file states it: a tree of joints, and the numbers that move them in each frame.
//!
//! `bvh` and `acclaim` read it; `kinematics`, `rig` and `body` make our body of it.

use nalgebra::{Matrix3, Vector3};
use ndarray::Array2;

/// An axis of a joint's own frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// The first.
    X,
    /// The second; up in every file we know.
    Y,
    /// The third.
    Z,
}

/// The degree of freedom that one number of a frame sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// Along an axis, in the file's unit.
    Position(Axis),
    /// About an axis, degrees.
    Rotation(Axis),
}

/// One joint of the hierarchy; parents stand before their children.
#[derive(Debug, Clone, PartialEq)]
pub struct Joint {
    /// Its name in the file.
    pub name: String,
    /// Index of its parent; none for a root.
    pub parent: Option<usize>,
    /// Offset from the parent, in the parent's frame and the file's unit.
    pub offset: Vector3<f64>,
    /// Rotation of its axes in its own frame: the identity in BVH, `axis` in Acclaim.
    pub axes: Matrix3<f64>,
    /// Where its channels start in a frame's numbers.
    pub first_channel: usize,
    /// Its channels in the order in which they are applied.
    pub channels: Vec<Channel>,
    /// The tip of the bone that ends here, in this joint's frame, if the file gives one.
    pub end_site: Option<Vector3<f64>>,
}

/// One recording of one skeleton.
#[derive(Debug, Clone, PartialEq)]
pub struct Take {
    /// `[J]` joints.
    pub joints: Vec<Joint>,
    /// Metres per unit of length, where the file says so.
    pub unit_metres: Option<f64>,
    /// Seconds between two frames.
    pub frame_seconds: f64,
    /// `[T, C]` one row per frame, one column per channel.
    pub frames: Array2<f64>,
}

impl Take {
    /// The index of the joint called `name`, ignoring a `prefix:` in front of it.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.joints.iter().position(|joint| joint.name.rsplit(':').next() == Some(name))
    }
}

//! Forward kinematics: from a frame's channels to the position and rotation of every joint.

use nalgebra::{Matrix3, Vector3};
use ndarray::ArrayView1;

use super::take::{Axis, Channel, Take};

/// A joint's placement in world space, in the file's unit and axes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placement {
    /// Position.
    pub position: Vector3<f64>,
    /// Rotation of its own axes; the columns are its x, y and z axes.
    pub rotation: Matrix3<f64>,
}

impl Default for Placement {
    fn default() -> Self {
        Self { position: Vector3::zeros(), rotation: Matrix3::identity() }
    }
}

impl Placement {
    /// Takes a point from the joint's own frame to world space.
    pub fn point(&self, local: &Vector3<f64>) -> Vector3<f64> {
        self.position + self.rotation * local
    }
}

/// Places all joints for one frame's `channels`, into `placements` `[J]`.
///
/// Rotations are applied in the order of the channels, each about an axis that the rotations before it have turned
/// (intrinsic; Meredith and Maddock, Motion Capture File Formats Explained, 2001). A root's position adds to its
/// OFFSET; the position of any other joint replaces its OFFSET, as Blender and MotionBuilder write it. A joint whose
/// axes are turned by C in its own frame turns by C·R·C⁻¹.
pub fn place(take: &Take, channels: ArrayView1<f64>, placements: &mut Vec<Placement>) {
    placements.clear();
    for joint in &take.joints {
        let mut translation = joint.offset;
        let mut rotation = Matrix3::identity();
        for (number, channel) in joint.channels.iter().enumerate() {
            let value = channels[joint.first_channel + number];
            match channel {
                Channel::Position(axis) if joint.parent.is_none() => translation[*axis as usize] += value,
                Channel::Position(axis) => translation[*axis as usize] = value,
                Channel::Rotation(axis) => turn(&mut rotation, *axis, value),
            }
        }
        let parent = joint.parent.map_or_else(Placement::default, |parent| placements[parent]);
        let rotation = parent.rotation * joint.axes * rotation * joint.axes.transpose();
        placements.push(Placement { position: parent.point(&translation), rotation });
    }
}

/// `rotation` · (a turn about `axis` by `degrees`): two columns change.
pub fn turn(rotation: &mut Matrix3<f64>, axis: Axis, degrees: f64) {
    if degrees == 0.0 {
        return;
    }
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let (first, second) = match axis {
        Axis::X => (1, 2),
        Axis::Y => (2, 0),
        Axis::Z => (0, 1),
    };
    let a = rotation.column(first).into_owned();
    let b = rotation.column(second).into_owned();
    rotation.set_column(first, &(a * cosine + b * sine));
    rotation.set_column(second, &(b * cosine - a * sine));
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;
    use crate::data::read::bvh;

    #[test]
    fn turns_are_right_handed() {
        for (axis, from, to) in [(Axis::X, 1, 2), (Axis::Y, 2, 0), (Axis::Z, 0, 1)] {
            let mut rotation = Matrix3::identity();
            turn(&mut rotation, axis, 90.0);
            let mut unit = [Vector3::zeros(), Vector3::zeros()];
            (unit[0][from], unit[1][to]) = (1.0, 1.0);
            assert_relative_eq!(rotation * unit[0], unit[1], epsilon = 1e-12);
        }
    }

    #[test]
    fn channels_are_applied_in_their_order() {
        let text = "HIERARCHY\nROOT a\n{\nOFFSET 0 1 0\nCHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation\n\
                    JOINT b\n{\nOFFSET 0 0 2\nCHANNELS 1 Yrotation\nEnd Site\n{\nOFFSET 1 0 0\n}\n}\n}\n\
                    MOTION\nFrames: 1\nFrame Time: 0.1\n5 0 0 90 90 0 0\n";
        let take = bvh::parse(text).unwrap();
        let mut placements = Vec::new();
        place(&take, take.frames.row(0), &mut placements);
        assert_relative_eq!(placements[0].position, Vector3::new(5.0, 1.0, 0.0), epsilon = 1e-12);
        // Rz(90)·Ry(90)·(0,0,2) = Rz(90)·(2,0,0) = (0,2,0).
        assert_relative_eq!(placements[1].position, Vector3::new(5.0, 3.0, 0.0), epsilon = 1e-12);
        // The turn of b itself is zero, so its tip is Rz(90)·Ry(90)·(1,0,0) = Rz(90)·(0,0,-1) away.
        assert_relative_eq!(placements[1].point(&Vector3::x()), Vector3::new(5.0, 3.0, -1.0), epsilon = 1e-12);
    }
}

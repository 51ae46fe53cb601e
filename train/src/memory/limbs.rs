//! Angles between limbs and lengths of bones, which a memory may learn and is measured by beside the places of joints.

use poselift::metric::{AngleLines, angle_lines};
use tch::{Device, Kind, Tensor};

use super::evaluate::distances;

/// The limbs of a skeleton of J joints.
#[derive(Debug)]
pub(super) struct Limbs {
    /// `[A]` joints, where the first line of each angle begins and ends, and the second.
    lines: [[Tensor; 2]; 2],
    /// `[J − 1]` the ends of each bone.
    bones: [Tensor; 2],
}

impl Limbs {
    /// Of poses with these `joints` and their `parents`, −1 for the root.
    pub(super) fn new(joints: &[String], parents: &[i32], device: Device) -> Self {
        let angles = angle_lines(joints);
        let bones = parents.iter().zip(0..).filter(|(parent, _)| **parent >= 0);
        let (parents, children): (Vec<i64>, Vec<i64>) =
            bones.map(|(parent, child)| (i64::from(*parent), child)).unzip();
        Self {
            lines: [0, 1].map(|line| [0, 1].map(|end| ends(&angles, line, end).to_device(device))),
            bones: [parents, children].map(|joints| Tensor::from_slice(&joints).to_device(device)),
        }
    }

    /// `[B, T, A]` how far the angles of knees, hips, elbows and ankles ([`angle_lines`]) are from the true ones, radians.
    pub(super) fn angle_errors(&self, poses: &Tensor, truth: &Tensor) -> Tensor {
        (self.angles(poses) - self.angles(truth)).abs()
    }

    /// `[B, T, J − 1]` how far the lengths of bones are from the true ones, metres.
    pub(super) fn bone_errors(&self, poses: &Tensor, truth: &Tensor) -> Tensor {
        (self.lengths(poses) - self.lengths(truth)).abs()
    }

    fn angles(&self, poses: &Tensor) -> Tensor {
        let [first, second] = self.lines.each_ref().map(|ends| line(poses, ends));
        // Not by the cosine, which is flat where a limb is straight.
        let sine = sum_of_axes(&first.cross(&second, -1).square()).clamp_min(1e-12).sqrt();
        sine.atan2(&sum_of_axes(&(first * second)))
    }

    fn lengths(&self, poses: &Tensor) -> Tensor {
        let [parents, children] = &self.bones;
        distances(&poses.index_select(2, parents), &poses.index_select(2, children))
    }
}

/// `[A]` the joints where line `line` of each angle begins, for the `end` 0, or ends, for 1.
fn ends(angles: &[AngleLines], line: usize, end: usize) -> Tensor {
    let joints: Vec<i64> = angles.iter().map(|lines| lines[line][end] as i64).collect();
    Tensor::from_slice(&joints)
}

/// `[B, T, A, 3]` the way between the `ends` of lines in `poses` `[B, T, J, 3]`.
fn line(poses: &Tensor, ends: &[Tensor; 2]) -> Tensor {
    let [from, to] = ends;
    poses.index_select(2, to) - poses.index_select(2, from)
}

/// `[B, T, A]` the sums over the axes of `vectors` `[B, T, A, 3]`.
fn sum_of_axes(vectors: &Tensor) -> Tensor {
    vectors.sum_dim_intlist(&[-1i64][..], false, Kind::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_and_bones_by_hand() {
        let joints = ["left_hip", "left_knee", "left_ankle"].map(str::to_owned);
        let limbs = Limbs::new(&joints, &[-1, 0, 1], Device::Cpu);
        let pose = |ankle: [f32; 3]| {
            let joints = [0.0, 0.0, 0.0, 0.0, 0.4, 0.0, ankle[0], ankle[1], ankle[2]];
            Tensor::from_slice(&joints).view([1, 1, 3, 3])
        };
        let (straight, bent) = (pose([0.0, 0.8, 0.0]), pose([0.0, 0.4, 0.3]));
        let quarter = std::f64::consts::FRAC_PI_2;
        assert!((limbs.angle_errors(&bent, &straight).double_value(&[0, 0, 0]) - quarter).abs() < 1e-5);
        let bones = limbs.bone_errors(&bent, &straight);
        assert!(bones.double_value(&[0, 0, 0]).abs() < 1e-6 && (bones.double_value(&[0, 0, 1]) - 0.1).abs() < 1e-6);
    }
}

//! Angles between limbs and lengths of bones, which a memory may learn and is measured by beside the places of joints.

use poselift::metric::angle_lines;
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
        let indices = |joints: Vec<i64>| Tensor::from_slice(&joints).to_device(device);
        let angles = angle_lines(joints);
        let ends = |line: usize, end: usize| indices(angles.iter().map(|lines| lines[line][end] as i64).collect());
        let bones = parents.iter().zip(0..).filter(|(parent, _)| **parent >= 0);
        let (parents, children) = bones.map(|(parent, child)| (i64::from(*parent), child)).unzip();
        Self {
            lines: [0, 1].map(|line| [0, 1].map(|end| ends(line, end))),
            bones: [indices(parents), indices(children)],
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
        let line = |[from, to]: &[Tensor; 2]| poses.index_select(2, to) - poses.index_select(2, from);
        let [first, second] = self.lines.each_ref().map(line);
        let sum = |values: Tensor| values.sum_dim_intlist(&[-1i64][..], false, Kind::Float);
        // Not by the cosine, which is flat where a limb is straight.
        let sine = sum(first.cross(&second, -1).square()).clamp_min(1e-12).sqrt();
        sine.atan2(&sum(first * second))
    }

    fn lengths(&self, poses: &Tensor) -> Tensor {
        let [parents, children] = &self.bones;
        distances(&poses.index_select(2, parents), &poses.index_select(2, children))
    }
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

//! The lines of a skeleton or a layout of key points.

use crate::skeleton::{find_joint, parent_of};

/// A side of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
    Middle,
}

impl Side {
    /// The side that a joint's name tells.
    pub(super) fn of_joint(name: &str) -> Self {
        match name {
            name if name.starts_with("left") => Self::Left,
            name if name.starts_with("right") => Self::Right,
            _ => Self::Middle,
        }
    }

    fn of_bone(parent: &str, joint: &str) -> Self {
        match [parent, joint].map(Self::of_joint) {
            [Self::Left, Self::Right] | [Self::Right, Self::Left] => Self::Middle,
            [_, side] => side,
        }
    }
}

/// A line between two ends, each the mean of one or two joints.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bone {
    pub(super) ends: [Vec<usize>; 2],
    pub(super) side: Side,
}

impl Bone {
    /// Whether it leads from the joint `parent` to the joint `joint`.
    fn connects(&self, parent: usize, joint: usize) -> bool {
        self.ends[0] == [parent] && self.ends[1] == [joint]
    }
}

/// The lines of joints with these names and parents.
pub(super) fn bones(joints: &[&str], parents: &[i32]) -> Vec<Bone> {
    let mut bones = Vec::new();
    for joint in 0..joints.len() {
        if let Some(parent) = parent_of(joint, parents, joints.len()) {
            let side = Side::of_bone(joints[parent], joints[joint]);
            bones.push(Bone { ends: [vec![parent], vec![joint]], side });
        }
    }
    close_torso(joints, &mut bones);
    bones
}

/// Layouts with no neck are trees by way of one shoulder: the neck is drawn from between the shoulders, and the hips'
/// line is added.
fn close_torso(joints: &[&str], bones: &mut Vec<Bone>) {
    if find_joint(joints, "neck").is_some() || find_joint(joints, "thorax").is_some() {
        return;
    }
    let Some(left) = find_joint(joints, "left_shoulder") else { return };
    let Some(right) = find_joint(joints, "right_shoulder") else { return };
    if let Some(nose) = find_joint(joints, "nose")
        && let Some(neck) = bones.iter_mut().find(|bone| bone.connects(nose, left) || bone.connects(nose, right))
    {
        *neck = Bone { ends: [vec![nose], vec![left, right]], side: Side::Middle };
    }
    if let Some(left) = find_joint(joints, "left_hip")
        && let Some(right) = find_joint(joints, "right_hip")
    {
        bones.push(Bone { ends: [vec![left], vec![right]], side: Side::Middle });
    }
}

/// The point at an end of a bone; `None` if a joint of it is missing.
pub(super) fn end_point<const N: usize>(end: &[usize], points: &[Option<[f32; N]>]) -> Option<[f32; N]> {
    let mut mean = [0.0; N];
    for joint in end {
        let point = points.get(*joint).copied().flatten()?;
        for (mean, value) in mean.iter_mut().zip(point) {
            *mean += value / end.len() as f32;
        }
    }
    Some(mean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skeleton::{COCO17, H36M17, H36M23};

    #[test]
    fn a_torso_is_closed_where_there_is_no_neck() {
        assert_eq!(bones(H36M17.joints, H36M17.parents).len(), 16);
        let with_feet = bones(H36M23.joints, H36M23.parents);
        let toes = [vec![H36M23.joint("right_ankle")], vec![H36M23.joint("right_big_toe")]];
        let foot = with_feet.iter().find(|bone| bone.ends == toes);
        assert_eq!((with_feet.len(), foot.map(|bone| bone.side)), (22, Some(Side::Right)));
        let coco = bones(COCO17.joints, COCO17.parents);
        let shoulders = vec![COCO17.joint("left_shoulder"), COCO17.joint("right_shoulder")];
        let neck = coco.iter().find(|bone| bone.ends[1] == shoulders);
        assert_eq!(neck.map(|bone| bone.side), Some(Side::Middle));
        let hips = [vec![COCO17.joint("left_hip")], vec![COCO17.joint("right_hip")]];
        assert!(coco.iter().any(|bone| bone.ends == hips));
    }

    #[test]
    fn a_parent_that_is_no_joint_has_no_bone() {
        let found = bones(&["hip", "spine", "head"], &[-1, 0, 3]);
        assert_eq!(found, [Bone { ends: [vec![0], vec![1]], side: Side::Middle }]);
    }

    #[test]
    fn an_end_is_the_mean_of_its_joints() {
        let points = [Some([0.0, 2.0]), Some([2.0, 4.0]), None];
        assert_eq!(end_point(&[0, 1], &points), Some([1.0, 3.0]));
        assert_eq!(end_point(&[0, 2], &points), None);
    }
}

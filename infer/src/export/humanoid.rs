//! Poses as the bones of Unity's humanoid avatars, or as trackers on a body, a frame at a time: what moves avatars live.
//!
//! Unity's axes are left-handed: y up, and an avatar in its rest pose, a T, faces +z with its right arm along +x. A
//! bone's rotation is relative to its parent's and to the rest pose, so it fits an avatar of any proportions.
//!
//! Shoulders and the upper chest, which not every avatar has, are left out, so that no rotation is lost on the way to
//! the arms and the head: those of their parents hold them.

use nalgebra::{Matrix3, Rotation3, UnitQuaternion, Vector3};

use super::ankle::{ankle_height, ankles};
use super::rig::{Rig, RigPose, Rotation, Vector};
use crate::error::{Error, Result};
use crate::format::PoseInfo;
use crate::place::y_up_from;
use crate::pose::LiftedPerson;

/// One of Unity's humanoid bones.
struct KnownBone {
    /// Unity's name.
    name: &'static str,
    /// The bone that it hangs on.
    parent: Option<&'static str>,
    /// The node of the rig that it turns with.
    turns_with: &'static str,
    /// The node of the rig whose place it has.
    place: &'static str,
}

const fn bone(name: &'static str, parent: &'static str, turns_with: &'static str, place: &'static str) -> KnownBone {
    KnownBone { name, parent: Some(parent), turns_with, place }
}

#[rustfmt::skip]
const BONES: [KnownBone; 17] = [
    KnownBone { name: "Hips", parent: None, turns_with: "Hips", place: "Hips" },
    bone("Spine", "Hips", "LowerBack", "LowerBack"),
    bone("Chest", "Spine", "Spine1", "Spine"),
    bone("Neck", "Chest", "Neck", "Spine1"),
    bone("Head", "Neck", "Neck1", "Neck1"),
    bone("LeftUpperLeg", "Hips", "LeftUpLeg", "LeftUpLeg"),
    bone("LeftLowerLeg", "LeftUpperLeg", "LeftLeg", "LeftLeg"),
    bone("LeftFoot", "LeftLowerLeg", "LeftFoot", "LeftFoot"),
    bone("RightUpperLeg", "Hips", "RightUpLeg", "RightUpLeg"),
    bone("RightLowerLeg", "RightUpperLeg", "RightLeg", "RightLeg"),
    bone("RightFoot", "RightLowerLeg", "RightFoot", "RightFoot"),
    bone("LeftUpperArm", "Chest", "LeftArm", "LeftArm"),
    bone("LeftLowerArm", "LeftUpperArm", "LeftForeArm", "LeftForeArm"),
    bone("LeftHand", "LeftLowerArm", "LeftHand", "LeftHand"),
    bone("RightUpperArm", "Chest", "RightArm", "RightArm"),
    bone("RightLowerArm", "RightUpperArm", "RightForeArm", "RightForeArm"),
    bone("RightHand", "RightLowerArm", "RightHand", "RightHand"),
];

/// A bone of one pose, in Unity's axes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HumanoidBone {
    /// Unity's name of it, `LeftUpperArm`.
    pub name: &'static str,
    /// From its parent, metres; of the hips from the ground below where they were first.
    pub position: [f32; 3],
    /// Relative to its parent: a quaternion x, y, z, w.
    pub rotation: [f32; 4],
}

/// A tracker on the body, in VRChat's order.
struct KnownTracker {
    name: &'static str,
    /// The node of the rig that it sits on and turns with.
    node: &'static str,
}

#[rustfmt::skip]
const TRACKERS: [KnownTracker; 9] = [
    KnownTracker { name: "1", node: "Hips" },
    KnownTracker { name: "2", node: "Spine1" },
    KnownTracker { name: "3", node: "LeftFoot" },
    KnownTracker { name: "4", node: "RightFoot" },
    KnownTracker { name: "5", node: "LeftLeg" },
    KnownTracker { name: "6", node: "RightLeg" },
    KnownTracker { name: "7", node: "LeftForeArm" },
    KnownTracker { name: "8", node: "RightForeArm" },
    KnownTracker { name: "head", node: "Neck1" },
];

/// A tracker on a body, in Unity's axes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tracker {
    /// `1` on the hips, `2` on the chest, `3` and `4` on the left and the right foot, then knees and elbows; `head`.
    pub name: &'static str,
    /// From the ground below where the hips were first, metres.
    pub position: [f32; 3],
    /// Turns about x, y and z, as Unity has them: about z first, then x, then y.
    pub degrees: [f32; 3],
}

/// Turns the poses of one person into bones or trackers.
pub struct Humanoid {
    joints: Vec<String>,
    parents: Vec<i32>,
    /// What takes the stream's axes to y-up ones, and its unit to metres.
    to_y_up: Matrix3<f32>,
    ankles: Vec<usize>,
    /// Known with the first pose, which gives its bones their lengths.
    rig: Option<HumanoidRig>,
    /// Where the hips were first, if that is known.
    start: Option<Vector>,
    pose: RigPose,
    points: Vec<[f32; 3]>,
    bones: Vec<HumanoidBone>,
    trackers: Vec<Tracker>,
}

/// The rig, and the places of bones in it.
struct HumanoidRig {
    rig: Rig,
    bones: Vec<RiggedBone>,
    /// The nodes of [`TRACKERS`].
    trackers: Vec<usize>,
    /// Above the ground, metres.
    ankle_height: f64,
}

struct RiggedBone {
    name: &'static str,
    node: usize,
    /// The node that the parent turns with.
    parent: Option<usize>,
    /// From the parent in the rest pose, in the rig's axes.
    offset: Vector,
}

impl Humanoid {
    /// Of a stream of `info`.
    ///
    /// # Errors
    /// A skeleton without the joints of a body, or a unit of unknown size.
    pub fn new(info: &PoseInfo) -> Result<Self> {
        let Some(metres) = info.unit.in_metres() else {
            return Err(Error::usage(format!("the poses are in '{}', whose size is not known, expected m", info.unit)));
        };
        let rig = Rig::with_lengths(&info.joints, &info.parents, |_, _| 1.0);
        if let Some(bone) = BONES.iter().find(|bone| !rig.has(bone.turns_with) || !rig.has(bone.place)) {
            let message = format!("the skeleton {} has no {}, expected a whole body", info.skeleton, bone.name);
            return Err(Error::usage(message).hint("avatars are moved by models that give Human3.6M-17"));
        }
        Ok(Self {
            joints: info.joints.clone(),
            parents: info.parents.clone(),
            to_y_up: y_up_from(info.axes) * metres as f32,
            ankles: ankles(&info.joints),
            rig: None,
            start: None,
            pose: RigPose::default(),
            points: Vec::new(),
            bones: Vec::new(),
            trackers: Vec::new(),
        })
    }

    /// The bones of a pose, parents before their children. Bones have the lengths of the first pose. The lower foot
    /// stands on the ground; where the person's root is known, the hips move over it.
    pub fn bones(&mut self, person: &LiftedPerson) -> &[HumanoidBone] {
        let hips = self.place(person);
        let rig = self.rig.as_ref().expect("the first pose gave it");
        self.bones.clear();
        for bone in &rig.bones {
            let global = &self.pose.global;
            let local = bone.parent.map_or(global[bone.node], |parent| global[parent].tr_mul(&global[bone.node]));
            let position = if bone.parent.is_some() { bone.offset } else { hips };
            self.bones.push(HumanoidBone {
                name: bone.name,
                position: unity_position(position),
                rotation: unity_rotation(local),
            });
        }
        &self.bones
    }

    /// Trackers on the hips, chest, feet, knees, elbows and head of a pose, which stands as that of [`Self::bones`].
    pub fn trackers(&mut self, person: &LiftedPerson) -> &[Tracker] {
        let hips = self.place(person);
        let rig = self.rig.as_ref().expect("the first pose gave it");
        self.trackers.clear();
        for (name, node) in TRACKERS.iter().map(|tracker| tracker.name).zip(&rig.trackers) {
            let point = Vector3::from(self.points[rig.rig.nodes[*node].joint]).cast::<f64>();
            self.trackers.push(Tracker {
                name,
                position: unity_position(point - self.pose.root + hips),
                degrees: unity_degrees(self.pose.global[*node]),
            });
        }
        &self.trackers
    }

    /// Turns the rig as the person is; gives back where the hips are.
    fn place(&mut self, person: &LiftedPerson) -> Vector {
        self.points.clear();
        self.points.extend(person.joints.iter().map(|joint| <[f32; 3]>::from(self.to_y_up * Vector3::from(*joint))));
        let points = &self.points;
        let rig = self.rig.get_or_insert_with(|| HumanoidRig::new(&self.joints, &self.parents, points));
        rig.rig.pose(points, &mut self.pose);
        let lowest = self.ankles.iter().map(|ankle| f64::from(points[*ankle][1])).fold(f64::INFINITY, f64::min);
        let mut hips = Vector::new(0.0, self.pose.root.y - lowest + rig.ankle_height, 0.0);
        if let Some(root) = person.root.filter(|root| root.iter().all(|axis| axis.is_finite())) {
            let root = (self.to_y_up * Vector3::from(root)).cast::<f64>();
            let start = self.start.get_or_insert(root);
            hips.x = root.x - start.x;
            hips.z = root.z - start.z;
        }
        hips
    }
}

impl HumanoidRig {
    /// With bones as long as those of `points`.
    fn new(joints: &[String], parents: &[i32], points: &[[f32; 3]]) -> Self {
        let mut rig = Rig::with_lengths(joints, parents, |a, b| distance(points, a, b));
        rig.fit_feet(|| std::iter::once(points));
        let places = rig.rest_places();
        let bones = BONES.iter().map(|bone| RiggedBone::new(bone, &rig, &places)).collect();
        let trackers = TRACKERS.iter().map(|tracker| node(&rig, tracker.node)).collect();
        let ankle_height = ankle_height(joints, |a, b| distance(points, a, b));
        Self { rig, bones, trackers, ankle_height }
    }
}

impl RiggedBone {
    /// `bone` in a rig whose nodes are at `places` in the rest pose.
    fn new(bone: &KnownBone, rig: &Rig, places: &[Vector]) -> Self {
        let parent = bone.parent.map(known_bone);
        let from = parent.map_or_else(Vector::zeros, |parent| places[node(rig, parent.place)]);
        Self {
            name: bone.name,
            node: node(rig, bone.turns_with),
            parent: parent.map(|parent| node(rig, parent.turns_with)),
            offset: places[node(rig, bone.place)] - from,
        }
    }
}

/// The place of the node of this name.
fn node(rig: &Rig, name: &str) -> usize {
    rig.node(name).expect("a rig without this node was refused")
}

fn known_bone(name: &str) -> &'static KnownBone {
    BONES.iter().find(|bone| bone.name == name).expect("parents are bones of the table")
}

fn distance(points: &[[f32; 3]], a: usize, b: usize) -> f64 {
    f64::from((Vector3::from(points[a]) - Vector3::from(points[b])).norm())
}

/// The mirror image across x: what is right-handed becomes left-handed.
fn unity_position(place: Vector) -> [f32; 3] {
    [-place.x as f32, place.y as f32, place.z as f32]
}

fn unity_rotation(rotation: Rotation) -> [f32; 4] {
    let turn = UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(rotation));
    [turn.i as f32, -turn.j as f32, -turn.k as f32, turn.w as f32]
}

/// The angles of `R = Ry · Rx · Rz` in Unity's axes.
fn unity_degrees(rotation: Rotation) -> [f32; 3] {
    let mirror = Rotation::from_diagonal(&Vector::new(-1.0, 1.0, 1.0));
    let turn = mirror * rotation * mirror;
    let x = (-turn[(1, 2)]).clamp(-1.0, 1.0).asin();
    let y = turn[(0, 2)].atan2(turn[(2, 2)]);
    let z = turn[(1, 0)].atan2(turn[(1, 1)]);
    [x, y, z].map(|angle| angle.to_degrees() as f32)
}

#[cfg(test)]
mod tests;

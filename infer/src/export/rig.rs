//! From joint positions to a skeleton with rotations: the nodes, rest pose and rotations of BVH and GLB.
//!
//! Bones have one length, the median over the clip. A joint with several children, such as the hip, cannot turn them
//! all by one rotation: each child gets its own node at the joint's position, with an offset of zero, as in the
//! Carnegie Mellon recordings in BVH. So every bone points exactly in its lifted direction. In the rest pose a person
//! stands in a T, y up, facing +z.
//!
//! A foot is one bone from the ankle to the middle of its toes, turned by its heel and toes; in the rest pose its sole is level and its
//! toes point forward. Without heel and toes it turns with the shank.
//!
//! Positions do not determine a bone's rotation about itself (its twist). Knees and elbows are hinges: if one is
//! bent, its axis gives the twist of both bones that meet in it. If a limb is straight the twist is the trunk's, and
//! in between it changes smoothly. The trunk is turned by the lines of hips and shoulders.

mod body;

use nalgebra::{Matrix3, Vector3};

use super::motion::Motion;
use crate::median::median;
use crate::place::Foot;
use body::Body;

pub(super) type Vector = Vector3<f64>;
pub(super) type Rotation = Matrix3<f64>;

/// Sines of a hinge's angle: below the first its axis has no weight, above the second full weight.
const SINE_OF_NO_AXIS: f64 = 0.14;
const SINE_OF_FULL_AXIS: f64 = 0.42;

/// A node of the rig.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) name: String,
    /// Parents stand before their children.
    pub(super) parent: Option<usize>,
    /// The joint at the node's position.
    pub(super) joint: usize,
    /// From the parent, in the rest pose.
    pub(super) offset: Vector,
    /// For the last node of a limb: its end, from the node.
    pub(super) end: Option<Vector>,
    aim: Aim,
}

/// What determines a node's rotation.
#[derive(Debug, Clone)]
enum Aim {
    /// The same as its parent.
    Parent,
    /// The bone from its joint to another.
    Bone { child: usize, rest: Rest, twist: Twist },
    /// A line across the body, the rest pose's x, and one up the body, its y.
    Body { across: JointLine, up: JointLine },
    /// A foot's long axis, the rest pose's z, and the way up from its sole, its y.
    Foot { foot: Foot, is_right: bool },
}

/// From one joint to another.
#[derive(Debug, Clone, Copy, PartialEq)]
struct JointLine {
    from: usize,
    to: usize,
}

/// The direction of a bone in the rest pose.
#[derive(Debug, Clone, Copy)]
struct Rest {
    direction: Vector,
    /// Perpendicular to the direction; the bone's twist turns it.
    axis: Vector,
    /// Takes the direction to x and the axis to y.
    to_frame: Rotation,
}

/// What determines a bone's twist.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Twist {
    /// The smallest rotation from the parent's direction to the bone's.
    Least,
    /// Its axis points along this line.
    Along(JointLine),
    /// Its axis is the one that its parent has.
    Parent,
    /// Its axis is that of a hinge at its end: the product of the bone and the one to `next`, or its negative; the
    /// node `trunk` determines it if the limb is straight.
    Hinge { next: usize, is_negative: bool, trunk: usize },
}

/// The skeleton of one person's motion.
#[derive(Debug, Clone)]
pub(super) struct Rig {
    pub(super) nodes: Vec<Node>,
}

/// One pose of a rig.
#[derive(Debug, Clone, Default)]
pub(super) struct RigPose {
    /// Position of the first node.
    pub(super) root: Vector,
    /// `[nodes]` rotations in the world.
    pub(super) global: Vec<Rotation>,
    /// `[nodes]` rotations relative to the parent.
    pub(super) local: Vec<Rotation>,
}

impl Node {
    /// Whether it is never turned against its parent.
    pub(super) fn is_fixed(&self) -> bool {
        matches!(self.aim, Aim::Parent)
    }

    /// Its rotation in `pose`, below a parent of the rotation `parent`; the nodes before it have those of `global`.
    fn turned(&self, pose: &[[f32; 3]], parent: Rotation, global: &[Rotation]) -> Rotation {
        match &self.aim {
            Aim::Parent => parent,
            Aim::Body { across, up } => frame(across.along(pose), up.along(pose)).unwrap_or(parent),
            Aim::Foot { foot, is_right } => foot_frame(foot, *is_right, parent * Vector::y(), pose).unwrap_or(parent),
            Aim::Bone { child, rest, twist } => {
                let bone = JointLine { from: self.joint, to: *child }.along(pose);
                let axis = match *twist {
                    Twist::Least => None,
                    Twist::Along(line) => Some(line.along(pose)),
                    Twist::Parent => Some(parent * rest.axis),
                    Twist::Hinge { next, is_negative, trunk } => {
                        let next = JointLine { from: *child, to: next }.along(pose);
                        let product = if is_negative { next.cross(&bone) } else { bone.cross(&next) };
                        Some(hinge_axis(product, bone.norm() * next.norm(), || {
                            swing(&global[trunk], rest.direction, bone) * rest.axis
                        }))
                    }
                };
                let turned = axis.and_then(|axis| frame(bone, axis));
                turned.map_or_else(|| swing(&parent, rest.direction, bone), |frame| frame * rest.to_frame)
            }
        }
    }
}

impl JointLine {
    /// From its one end to the other in a pose.
    fn along(self, pose: &[[f32; 3]]) -> Vector {
        joint_place(pose, self.to) - joint_place(pose, self.from)
    }
}

impl Rig {
    /// The rig of a skeleton, with the bone lengths that `motion` has, whose axes are y-up.
    pub(super) fn new(joints: &[String], parents: &[i32], motion: &Motion) -> Self {
        let mut rig = Self::with_lengths(joints, parents, |parent, joint| median_length(motion, parent, joint));
        rig.fit_feet(|| motion.poses());
        rig
    }

    /// The rig of a skeleton; `length_between` gives the length of the bone from a joint's parent to the joint.
    pub(super) fn with_lengths(
        joints: &[String],
        parents: &[i32],
        length_between: impl Fn(usize, usize) -> f64,
    ) -> Self {
        let mut nodes = Body { joints, parents }.nodes();
        let parent_joints: Vec<_> = nodes.iter().map(|node| node.parent.map(|parent| nodes[parent].joint)).collect();
        for (node, parent) in nodes.iter_mut().zip(parent_joints) {
            let length = parent.filter(|parent| *parent != node.joint);
            let length = length.map_or(1.0, |parent| length_between(parent, node.joint));
            node.offset *= length;
            if let Some(end) = &mut node.end {
                *end *= length;
            }
        }
        Self { nodes }
    }

    /// Gives feet the shape that they have in `poses`, `[J]` each in y-up axes: the median place of the toes as seen from the ankle.
    pub(super) fn fit_feet<'a, P: Iterator<Item = &'a [[f32; 3]]>>(&mut self, poses: impl Fn() -> P) {
        for node in &mut self.nodes {
            let Aim::Foot { foot, is_right } = node.aim else { continue };
            let toes = poses().filter_map(|pose| {
                let ankle = joint_place(pose, node.joint);
                // With a sole that is not known the shank's twist has no part in the place of the toes.
                let turned = foot_frame(&foot, is_right, ankle - joint_place(pose, foot.heel), pose)?;
                Some(turned.tr_mul(&(foot.tip(|joint| joint_place(pose, joint)) - ankle)))
            });
            if let Some(toes) = median_place(toes) {
                node.end = Some(toes);
            }
        }
    }

    /// Turns the rig so that its bones point where those of `pose` do, `[J]` in y-up axes.
    pub(super) fn pose(&self, pose: &[[f32; 3]], out: &mut RigPose) {
        out.root = joint_place(pose, self.nodes[0].joint);
        out.global.clear();
        out.local.clear();
        for node in &self.nodes {
            let parent = node.parent.map_or_else(Rotation::identity, |parent| out.global[parent]);
            let global = node.turned(pose, parent, &out.global);
            // The root has no parent to be fixed to, and one that is not turned.
            out.local.push(if node.is_fixed() { Rotation::identity() } else { parent.tr_mul(&global) });
            out.global.push(global);
        }
    }

    /// The place of the node of this name.
    pub(super) fn node(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.name == name)
    }

    /// Whether there is a node of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.node(name).is_some()
    }

    /// The places of the nodes in the rest pose, from the root.
    pub(super) fn rest_places(&self) -> Vec<Vector> {
        let mut places: Vec<Vector> = Vec::new();
        for node in &self.nodes {
            places.push(node.parent.map_or_else(Vector::zeros, |parent| places[parent] + node.offset));
        }
        places
    }

    /// `[J]` joint positions of this rig's pose: forward kinematics, for tests and for rest poses.
    #[cfg(test)]
    fn joints(&self, pose: &RigPose, count: usize) -> Vec<Vector> {
        let mut places: Vec<Vector> = Vec::new();
        let mut joints = vec![Vector::zeros(); count];
        for node in &self.nodes {
            let place = match node.parent {
                None => pose.root,
                Some(parent) => places[parent] + pose.global[parent] * node.offset,
            };
            places.push(place);
            joints[node.joint] = place;
        }
        joints
    }
}

impl Rest {
    fn new(direction: Vector, axis: Vector) -> Self {
        let frame = frame(direction, axis).expect("a bone's axis is at right angles to it in the rest pose");
        Self { direction, axis, to_frame: frame.transpose() }
    }
}

/// The rotation whose first column is the direction of `first` and whose second is as close to `second` as possible;
/// `None` if the two are parallel.
fn frame(first: Vector, second: Vector) -> Option<Rotation> {
    let x = first.try_normalize(1e-12)?;
    let y = (second - x * x.dot(&second)).try_normalize(1e-6 * second.norm())?;
    Some(Rotation::from_columns(&[x, y, x.cross(&y)]))
}

/// The rotation of a foot, whose long axis points to z in the rest pose and whose sole up to y; without a small toe it is up where
/// `up` points. `None` without a long axis.
fn foot_frame(foot: &Foot, is_right: bool, up: Vector, pose: &[[f32; 3]]) -> Option<Rotation> {
    let forward = foot.forward(|joint| joint_place(pose, joint));
    let from_sole = foot.up(is_right, |joint| joint_place(pose, joint)).and_then(|up| frame(forward, up));
    // The columns are z, y and −x.
    let found = from_sole.or_else(|| frame(forward, up))?;
    Some(Rotation::from_columns(&[-found.column(2), found.column(1).into(), found.column(0).into()]))
}

/// The median of each coordinate of the places that are finite; `None` without any.
fn median_place(places: impl Iterator<Item = Vector>) -> Option<Vector> {
    let places: Vec<Vector> = places.filter(|place| place.iter().all(|axis| axis.is_finite())).collect();
    Some(Vector::new(median_along(&places, 0)?, median_along(&places, 1)?, median_along(&places, 2)?))
}

fn median_along(places: &[Vector], axis: usize) -> Option<f64> {
    let mut coordinates: Vec<f64> = places.iter().map(|place| place[axis]).collect();
    median(&mut coordinates)
}

/// Where a joint is in a pose.
fn joint_place(pose: &[[f32; 3]], joint: usize) -> Vector {
    Vector::from(pose[joint].map(f64::from))
}

/// `from` turned by the smallest rotation that takes its `direction` to that of `bone`.
fn swing(from: &Rotation, direction: Vector, bone: Vector) -> Rotation {
    let start = from * direction;
    let Some(stop) = bone.try_normalize(1e-12) else { return *from };
    let axis = start.cross(&stop);
    let cosine = start.dot(&stop);
    // Opposite directions: all half turns are equally small.
    if cosine < -1.0 + 1e-12 {
        return *from;
    }
    // Rodrigues' formula without an angle.
    let turn = axis.cross_matrix() + axis * axis.transpose() / (1.0 + cosine) + Rotation::from_diagonal_element(cosine);
    turn * from
}

/// The axis of a hinge from the product of its two bones, `lengths` long together, and the axis that it has when straight.
fn hinge_axis(product: Vector, lengths: f64, straight: impl FnOnce() -> Vector) -> Vector {
    let sine = product.norm() / lengths.max(f64::MIN_POSITIVE);
    let share = ((sine - SINE_OF_NO_AXIS) / (SINE_OF_FULL_AXIS - SINE_OF_NO_AXIS)).clamp(0.0, 1.0);
    if share == 1.0 {
        return product;
    }
    let weight = share * share * (3.0 - 2.0 * share);
    let straight = straight();
    straight * (1.0 - weight) + product.try_normalize(1e-12).unwrap_or(straight) * weight
}

/// The median distance of two joints over all rows that have them; 0 if none has.
pub(super) fn median_length(motion: &Motion, a: usize, b: usize) -> f64 {
    let lengths = motion.poses().map(|pose| (joint_place(pose, a) - joint_place(pose, b)).norm());
    let mut lengths: Vec<_> = lengths.filter(|length| length.is_finite()).collect();
    median(&mut lengths).unwrap_or(0.0)
}

#[cfg(test)]
mod tests;

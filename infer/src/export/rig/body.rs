//! The nodes that a skeleton becomes, by the names of its joints: rest pose, twist, and what other programs call them.

use super::{Aim, JointLine, Node, Rest, Twist, Vector};
use crate::export::ankle::is_ankle;
use crate::export::labels::marker_name;
use crate::place::Foot;
use crate::skeleton::{find_joint, is_of_foot, root_of};

/// The length of what ends a limb, as a share of its last bone; a foot's, which points forward.
const END_SHARE: f64 = 0.2;
const FOOT_SHARE: f64 = 0.4;

const RIGHTWARDS: [f64; 3] = [-1.0, 0.0, 0.0];
const LEFTWARDS: [f64; 3] = [1.0, 0.0, 0.0];
const UPWARDS: [f64; 3] = [0.0, 1.0, 0.0];
const DOWNWARDS: [f64; 3] = [0.0, -1.0, 0.0];
const FORWARDS: [f64; 3] = [0.0, 0.0, 1.0];

/// What is known of a joint by its name.
struct KnownJoint {
    joint: &'static str,
    /// What the Carnegie Mellon recordings in BVH, and programs that read them, call the node in its place.
    node: &'static str,
    /// The node in its parent's place that the bone to it turns with, where that joint has several children.
    hub: &'static str,
    /// The bone to it in the rest pose.
    direction: [f64; 3],
    twist: KnownTwist,
}

/// As [`Twist`], by names.
enum KnownTwist {
    None,
    /// Up the trunk: the rest pose's y.
    Up(&'static str, &'static str),
    /// Across the body from right to left: the rest pose's x.
    Across(&'static str, &'static str),
    /// Of the first bone of a leg or an arm, whose second leads to this joint.
    Knee(&'static str),
    Elbow(&'static str),
    /// Of the second bone of a leg or an arm.
    Shank,
    Forearm,
}

use KnownTwist::{Across, Elbow, Forearm, Knee, Shank, Up};

const HIPS: KnownTwist = Across("right_hip", "left_hip");
const SHOULDERS: KnownTwist = Across("right_shoulder", "left_shoulder");

#[rustfmt::skip]
const KNOWN: [KnownJoint; 17] = [
    KnownJoint { joint: "hip", node: "Hips", hub: "Hips", direction: UPWARDS, twist: KnownTwist::None },
    KnownJoint { joint: "right_hip", node: "RightUpLeg", hub: "RHipJoint", direction: RIGHTWARDS, twist: Up("hip", "spine") },
    KnownJoint { joint: "right_knee", node: "RightLeg", hub: "RightThigh", direction: DOWNWARDS, twist: Knee("right_ankle") },
    KnownJoint { joint: "right_ankle", node: "RightFoot", hub: "RightShank", direction: DOWNWARDS, twist: Shank },
    KnownJoint { joint: "left_hip", node: "LeftUpLeg", hub: "LHipJoint", direction: LEFTWARDS, twist: Up("hip", "spine") },
    KnownJoint { joint: "left_knee", node: "LeftLeg", hub: "LeftThigh", direction: DOWNWARDS, twist: Knee("left_ankle") },
    KnownJoint { joint: "left_ankle", node: "LeftFoot", hub: "LeftShank", direction: DOWNWARDS, twist: Shank },
    KnownJoint { joint: "spine", node: "Spine", hub: "LowerBack", direction: UPWARDS, twist: HIPS },
    KnownJoint { joint: "thorax", node: "Spine1", hub: "MiddleBack", direction: UPWARDS, twist: SHOULDERS },
    KnownJoint { joint: "neck_nose", node: "Neck1", hub: "Neck", direction: [0.0, 0.9, 0.435_889_894_354_067_4], twist: SHOULDERS },
    KnownJoint { joint: "head", node: "Head", hub: "HeadBase", direction: [0.0, 0.9, -0.435_889_894_354_067_4], twist: SHOULDERS },
    KnownJoint { joint: "left_shoulder", node: "LeftArm", hub: "LeftShoulder", direction: LEFTWARDS, twist: Up("spine", "thorax") },
    KnownJoint { joint: "left_elbow", node: "LeftForeArm", hub: "LeftUpperArm", direction: LEFTWARDS, twist: Elbow("left_wrist") },
    KnownJoint { joint: "left_wrist", node: "LeftHand", hub: "LeftLowerArm", direction: LEFTWARDS, twist: Forearm },
    KnownJoint { joint: "right_shoulder", node: "RightArm", hub: "RightShoulder", direction: RIGHTWARDS, twist: Up("spine", "thorax") },
    KnownJoint { joint: "right_elbow", node: "RightForeArm", hub: "RightUpperArm", direction: RIGHTWARDS, twist: Elbow("right_wrist") },
    KnownJoint { joint: "right_wrist", node: "RightHand", hub: "RightLowerArm", direction: RIGHTWARDS, twist: Forearm },
];

/// A skeleton by its joints' names and parents, −1 for none.
pub(super) struct Body<'a> {
    pub(super) joints: &'a [String],
    pub(super) parents: &'a [i32],
}

impl Body<'_> {
    /// The nodes in the rest pose, all bones of length 1; the first is the root.
    pub(super) fn nodes(&self) -> Vec<Node> {
        let mut nodes = Vec::new();
        self.push(&mut nodes, root_of(self.parents), None);
        nodes
    }

    /// Appends the node in the place of `joint`, and all below it.
    fn push(&self, nodes: &mut Vec<Node>, joint: usize, parent: Option<usize>) {
        let foot = self.foot(joint);
        // A foot is one bone to its toes: they and the heel are no nodes of their own.
        let children = if foot.is_some() { Vec::new() } else { self.children(joint) };
        let direction = self.direction(joint);
        let aim = match children[..] {
            [] => foot.unwrap_or(Aim::Parent),
            [only] => self.aim(only, nodes, parent),
            _ => self.body_aim(joint),
        };
        let is_foot = is_ankle(&self.joints[joint]);
        let end = if is_foot { Vector::from(FORWARDS) * FOOT_SHARE } else { direction * END_SHARE };
        let known = self.known(joint);
        nodes.push(Node {
            name: known.map_or_else(|| marker_name(&self.joints[joint]), |known| known.node.to_owned()),
            parent,
            joint,
            offset: if parent.is_some() { direction } else { Vector::zeros() },
            end: children.is_empty().then_some(end),
            aim,
        });
        let here = nodes.len() - 1;
        for &child in &children {
            let parent = if children.len() > 1 { self.push_hub(nodes, joint, child, here) } else { here };
            self.push(nodes, child, Some(parent));
        }
    }

    /// Appends the node in the place of `joint` that turns with the bone to `child`.
    fn push_hub(&self, nodes: &mut Vec<Node>, joint: usize, child: usize, parent: usize) -> usize {
        let aim = self.aim(child, nodes, Some(parent));
        let name = self
            .known(child)
            .map_or_else(|| format!("{}Base", marker_name(&self.joints[child])), |known| known.hub.to_owned());
        nodes.push(Node { name, parent: Some(parent), joint, offset: Vector::zeros(), end: None, aim });
        nodes.len() - 1
    }

    fn children(&self, joint: usize) -> Vec<usize> {
        (0..self.joints.len()).filter(|child| self.is_child(*child, joint)).collect()
    }

    fn is_child(&self, child: usize, joint: usize) -> bool {
        self.parents[child] == joint as i32
    }

    /// What turns the node of an ankle whose children are the points of its foot, heel and big toe among them.
    fn foot(&self, joint: usize) -> Option<Aim> {
        let (side, _) = self.joints[joint].split_once('_').filter(|(_, part)| *part == "ankle")?;
        let foot = Foot::of(self.joints, side)?;
        let is_whole = self.is_child(foot.heel, joint) && self.is_child(foot.big_toe, joint);
        let has_others = self.children(joint).into_iter().any(|child| !is_of_foot(&self.joints[child]));
        (is_whole && !has_others).then_some(Aim::Foot { foot, is_right: side == "right" })
    }

    fn known(&self, joint: usize) -> Option<&'static KnownJoint> {
        KNOWN.iter().find(|known| known.joint == self.joints[joint])
    }

    fn direction(&self, joint: usize) -> Vector {
        Vector::from(self.known(joint).map_or(UPWARDS, |known| known.direction))
    }

    fn line(&self, from: &str, to: &str) -> Option<JointLine> {
        Some(JointLine { from: find_joint(self.joints, from)?, to: find_joint(self.joints, to)? })
    }

    /// What turns the node of hips or shoulders; other joints with several children turn with their parent.
    fn body_aim(&self, joint: usize) -> Aim {
        let lines = match self.joints[joint].as_str() {
            "hip" => self.line("right_hip", "left_hip").zip(self.line("hip", "spine")),
            "thorax" => self.line("right_shoulder", "left_shoulder").zip(self.line("spine", "thorax")),
            _ => None,
        };
        lines.map_or(Aim::Parent, |(across, up)| Aim::Body { across, up })
    }

    /// What turns the node that the bone to `child` begins in.
    fn aim(&self, child: usize, nodes: &[Node], parent: Option<usize>) -> Aim {
        let direction = self.direction(child);
        let is_right = self.joints[child].starts_with("right");
        // A forearm comes forward: its hinge's axis points up on the left and down on the right.
        let elbow_axis = Vector::from(if is_right { DOWNWARDS } else { UPWARDS });
        let second = parent.map(|_| Twist::Parent);
        let (twist, axis) = match self.known(child).map_or(&KnownTwist::None, |known| &known.twist) {
            KnownTwist::None => (None, any_axis(direction)),
            Up(below, above) => (self.line(below, above).map(Twist::Along), Vector::from(UPWARDS)),
            Across(right, left) => (self.line(right, left).map(Twist::Along), Vector::from(LEFTWARDS)),
            Knee(end) => (self.hinge(nodes, end, "hip", false), Vector::from(LEFTWARDS)),
            Elbow(end) => (self.hinge(nodes, end, "thorax", true), elbow_axis),
            Shank => (second, Vector::from(LEFTWARDS)),
            Forearm => (second, elbow_axis),
        };
        Aim::Bone { child, rest: Rest::new(direction, axis), twist: twist.unwrap_or(Twist::Least) }
    }

    /// The twist of the first bone of a limb, whose second leads to the joint `end`; the trunk is the node at the joint `base`.
    fn hinge(&self, nodes: &[Node], end: &str, base: &str, is_negative: bool) -> Option<Twist> {
        let trunk = nodes.iter().position(|node| self.joints[node.joint] == base)?;
        Some(Twist::Hinge { next: find_joint(self.joints, end)?, is_negative, trunk })
    }
}

/// Some axis at right angles to a direction.
fn any_axis(direction: Vector) -> Vector {
    let other = if direction.x.abs() < 0.9 { Vector::x() } else { Vector::y() };
    direction.cross(&other).normalize()
}

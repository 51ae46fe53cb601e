//! The usual lengths of people's bones.

use std::collections::BTreeMap;

use nalgebra::Vector3;

use super::{Track, is_crowded};
use crate::pose::{LiftedPerson, vector};
use crate::skeleton::{mirrored, parent_of};

/// Seconds after which an observation counts 1/e of a new one. A body does not change; a track may change the person.
const MEMORY: f64 = 20.0;
/// People who are absent for longer, seconds, may be forgotten.
const FORGOTTEN: f64 = 3.0 * MEMORY;

/// Bones, those of parents before those of children.
#[derive(Debug, Clone)]
pub(crate) struct BoneTree(Vec<Bone>);

/// A bone by the joints at its outer and inner end.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bone {
    joint: usize,
    parent: usize,
}

impl Bone {
    /// From the inner to the outer end.
    fn vector(self, joints: &[[f32; 3]]) -> Vector3<f64> {
        vector(joints[self.joint]) - vector(joints[self.parent])
    }

    /// The bone on the other side, where each joint has its counterpart in `other_side`, or is its own.
    fn mirrored(self, other_side: &[usize]) -> Self {
        Self {
            joint: other_side.get(self.joint).copied().unwrap_or(self.joint),
            parent: other_side.get(self.parent).copied().unwrap_or(self.parent),
        }
    }
}

impl BoneTree {
    /// Bones from joints to their `parents`, −1 for none.
    pub(crate) fn new(parents: &[i32]) -> Self {
        let mut bones = Vec::new();
        for joint in 0..parents.len() {
            if let Some(parent) = parent_of(joint, parents, parents.len()) {
                bones.push(Bone { joint, parent });
            }
        }
        // A parent is closer to the root; in a ring, which is not a skeleton, this never holds.
        bones.sort_by_key(|bone| depth(bone.joint, parents));
        Self(bones)
    }

    /// The length of each bone in a pose.
    pub(crate) fn lengths<'a>(&'a self, joints: &'a [[f32; 3]]) -> impl Iterator<Item = f64> + 'a {
        self.0.iter().map(|bone| bone.vector(joints).norm())
    }

    /// Sets the bones of a pose to these lengths; the root and all directions stay.
    pub(crate) fn stretch(&self, lengths: &[f64], joints: &mut [[f32; 3]]) {
        let found = joints.to_vec();
        for (bone, wanted) in self.0.iter().zip(lengths) {
            let way = bone.vector(&found);
            let length = way.norm();
            let stretch = if length > 0.0 { wanted / length } else { 1.0 };
            joints[bone.joint] = (vector(joints[bone.parent]) + way * stretch).map(|axis| axis as f32).into();
        }
    }
}

/// Number of joints from a joint to its root, both included.
fn depth(joint: usize, parents: &[i32]) -> usize {
    let count = parents.len();
    std::iter::successors(Some(joint), |&joint| parent_of(joint, parents, count)).take(count).count()
}

/// The bones of all people.
pub(super) struct Bones {
    tree: BoneTree,
    /// For each bone the one on the other side of the body, itself in the middle.
    twins: Vec<usize>,
    people: BTreeMap<Track, Lengths>,
    /// Time of the last frame, seconds.
    time: f64,
}

/// One person's bones.
struct Lengths {
    /// When they were last seen, seconds.
    time: f64,
    /// Number of frames in the means; older ones count less.
    weight: f64,
    /// Mean length of each bone, in the unit of the poses.
    means: Vec<f64>,
}

impl Bones {
    /// Bones from joints to their `parents`, −1 for none.
    pub(super) fn new(parents: &[i32]) -> Self {
        let tree = BoneTree::new(parents);
        Self { twins: (0..tree.0.len()).collect(), tree, people: BTreeMap::new(), time: f64::NEG_INFINITY }
    }

    /// The same, with one length for the bones of both sides; `joints` names them.
    pub(super) fn with_sides<S: AsRef<str>>(mut self, joints: &[S]) -> Self {
        let other_side = mirrored(joints);
        for (own, bone) in self.tree.0.iter().enumerate() {
            let wanted = bone.mirrored(&other_side);
            self.twins[own] = self.tree.0.iter().position(|found| *found == wanted).unwrap_or(own);
        }
        self
    }

    /// Time of the last frame that was seen, seconds; −∞ if there was none.
    pub(super) fn time(&self) -> f64 {
        self.time
    }

    /// Forgets all people.
    pub(super) fn forget(&mut self) {
        self.people.clear();
        self.time = f64::NEG_INFINITY;
    }

    /// Updates the means from the poses of `people` at `time`, later than all before.
    pub(super) fn see(&mut self, time: f64, people: &[LiftedPerson]) {
        self.time = time;
        for (place, person) in people.iter().enumerate() {
            let Some(track) = Track::of(people, place) else { continue };
            let each: Vec<f64> = self.tree.lengths(&person.joints).collect();
            let lengths = self.twins.iter().zip(&each).map(|(&twin, length)| 0.5 * (length + each[twin]));
            match self.people.get_mut(&track) {
                Some(known) => known.see(time, lengths),
                None => {
                    self.people.insert(track, Lengths { time, weight: 1.0, means: lengths.collect() });
                }
            }
        }
        if is_crowded(self.people.len(), people.len()) {
            self.people.retain(|_, known| time - known.time <= FORGOTTEN);
        }
    }

    /// Sets the bones of `joints`, a pose of `track`, to their usual lengths; the root and all directions stay.
    pub(super) fn restore(&self, track: Track, joints: &mut [[f32; 3]]) {
        if let Some(known) = self.people.get(&track) {
            self.tree.stretch(&known.means, joints);
        }
    }
}

impl Lengths {
    fn see(&mut self, time: f64, lengths: impl Iterator<Item = f64>) {
        self.weight = self.weight * (-(time - self.time) / MEMORY).exp() + 1.0;
        self.time = time;
        for (mean, length) in self.means.iter_mut().zip(lengths) {
            *mean += (length - *mean) / self.weight;
        }
    }
}

//! The pass of the feet, where the detector has no big toes and another point stands in for them.
//!
//! MediaPipe's `foot_index` lies between the tips of the toes. A network that takes it for the big toe places the whole body worse: beside
//! markers 1.4 mm, hips by 0.6 degrees, elbows by 1.2 (docs/lab.md). Without it feet point less well to where they are seen to point. So
//! people are lifted twice, and each pass gives what it is better at.

use ndarray::{Array, Dimension};

use super::recall::Tracks;
use super::{LiftedArrays, Lifter};
use crate::error::Result;
use crate::model::{Card, PoseNetwork};
use crate::pose::{Frame, LiftedFrame};
use crate::skeleton::{Conversion, is_of_foot};

/// The state of the pass of the feet, kept between calls.
#[derive(Debug)]
pub(super) struct FeetPass {
    /// The memory of each track with its toes, if the model has one.
    pub(super) tracks: Option<Tracks>,
    /// `[J_out]` the ankle of each point of a foot.
    ankle_of: Vec<Option<usize>>,
    lifted: Vec<LiftedFrame>,
}

impl FeetPass {
    pub(super) fn of(card: &Card) -> Self {
        let joints = &card.output.joints;
        Self {
            tracks: card.memory.as_ref().map(Tracks::new),
            ankle_of: joints.iter().map(|joint| ankle_of(joint, joints)).collect(),
            lifted: Vec::new(),
        }
    }

    /// Gives a person the feet of `other`, the same person: their points as they lie about the ankle. Both are `[J_out]`, and sigma or
    /// none.
    fn put(&self, joints: &mut [[f32; 3]], sigma: &mut [f32], other: &[[f32; 3]], other_sigma: &[f32]) {
        for (point, ankle) in self.ankle_of.iter().enumerate() {
            let Some(ankle) = *ankle else { continue };
            for axis in 0..3 {
                joints[point][axis] = joints[ankle][axis] + (other[point][axis] - other[ankle][axis]);
            }
            if let Some(other) = other_sigma.get(point) {
                sigma[point] = *other;
            }
        }
    }
}

/// The place among `joints` of the ankle that `joint`, a point of a foot, belongs to.
fn ankle_of(joint: &str, joints: &[String]) -> Option<usize> {
    let side = joint.split_once('_').filter(|_| is_of_foot(joint))?.0;
    joints.iter().position(|other| other.strip_suffix("_ankle") == Some(side))
}

/// The memories of both passes.
pub(super) struct Memories {
    body: Option<Tracks>,
    feet: Option<Tracks>,
}

impl<N: PoseNetwork> Lifter<N> {
    /// Lifts the people of `frames` with all their points, for [`Self::put_feet`].
    pub(super) fn lift_feet(&mut self, frames: &[Frame], conversion: &Conversion) -> Result<Vec<LiftedFrame>> {
        let mut lifted = std::mem::take(&mut self.feet.lifted);
        std::mem::swap(&mut self.tracks, &mut self.feet.tracks);
        // The pass of the bodies refuses the same people, and reports them.
        let done = self.lift_pass(frames, conversion, &[], &mut Vec::new(), &mut lifted);
        std::mem::swap(&mut self.tracks, &mut self.feet.tracks);
        done.map(|()| lifted)
    }

    /// Gives the people of `lifted` the feet of [`Self::lift_feet`].
    pub(super) fn put_feet(&mut self, feet: Vec<LiftedFrame>, lifted: &mut [LiftedFrame]) {
        for (frame, feet) in lifted.iter_mut().zip(&feet) {
            // Where only one of the passes gave a finite pose, people cannot be told apart by their places.
            if frame.people.len() != feet.people.len() {
                continue;
            }
            for (person, other) in frame.people.iter_mut().zip(&feet.people) {
                self.feet.put(&mut person.joints, &mut person.sigma, &other.joints, &other.sigma);
                person.missing_joints.clone_from(&other.missing_joints);
            }
        }
        self.feet.lifted = feet;
    }

    /// As [`Self::put_feet`], of arrays as [`Self::lift_with_cameras`] gives them.
    pub(super) fn put_feet_of_arrays(&self, feet: &LiftedArrays, lifted: &mut LiftedArrays) {
        let joints = self.feet.ankle_of.len();
        let mut sigma = lifted.sigma.as_mut().map(numbers_mut).unwrap_or_default().chunks_exact_mut(joints);
        let mut other_sigma = feet.sigma.as_ref().map(numbers).unwrap_or_default().chunks_exact(joints);
        let poses = numbers_mut(&mut lifted.poses).as_chunks_mut().0.chunks_exact_mut(joints);
        for (pose, other) in poses.zip(numbers(&feet.poses).as_chunks().0.chunks_exact(joints)) {
            let sigma = sigma.next().unwrap_or_default();
            self.feet.put(pose, sigma, other, other_sigma.next().unwrap_or_default());
        }
    }

    /// Forgets all people for now; the memories that it returns are for [`Self::go_on_with`].
    pub(super) fn begin_anew(&mut self) -> Memories {
        let memory = self.card().memory.as_ref();
        let body = memory.map(Tracks::new);
        let feet = memory.map(Tracks::new);
        Memories {
            body: std::mem::replace(&mut self.tracks, body),
            feet: std::mem::replace(&mut self.feet.tracks, feet),
        }
    }

    /// Goes on with the memories from before [`Self::begin_anew`].
    pub(super) fn go_on_with(&mut self, known: Memories) {
        self.tracks = known.body;
        self.feet.tracks = known.feet;
    }
}

/// The numbers of an array that was made in the standard layout.
fn numbers<D: Dimension>(array: &Array<f32, D>) -> &[f32] {
    array.as_slice().expect("arrays of a lifter are in the standard layout")
}

fn numbers_mut<D: Dimension>(array: &mut Array<f32, D>) -> &mut [f32] {
    array.as_slice_mut().expect("arrays of a lifter are in the standard layout")
}

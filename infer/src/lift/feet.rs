//! The pass of the feet, where the detector has no big toes and another point stands in for them.
//!
//! MediaPipe's `foot_index` lies between the tips of the toes. A network that takes it for the big toe places the whole body worse: beside
//! markers 1.4 mm, hips by 0.6 degrees, elbows by 1.2 (docs/lab.md). Without it feet point less well to where they are seen to point. So
//! people are lifted twice, and each pass gives what it is better at.

use ndarray::Axis;

use super::people::Refusal;
use super::recall::Tracks;
use super::{LiftedArrays, Lifter};
use crate::error::Result;
use crate::model::{Card, PoseNetwork};
use crate::pose::{Frame, LiftedFrame, LiftedPerson};
use crate::skeleton::{Conversion, is_of_foot};

/// What the pass of the feet keeps between calls.
#[derive(Debug)]
pub(super) struct FeetPass {
    /// What is remembered of each track with its toes, if the model has a memory.
    pub(super) tracks: Option<Tracks>,
    /// `[J_out]` the ankle of each point of a foot.
    ankle_of: Vec<Option<usize>>,
    lifted: Vec<LiftedFrame>,
    refusals: Vec<Refusal>,
}

impl FeetPass {
    pub(super) fn of(card: &Card) -> Self {
        let joints = &card.output.joints;
        let ankle_of = |joint: &String| {
            let side = joint.split_once('_').filter(|_| is_of_foot(joint))?.0;
            joints.iter().position(|other| other.strip_suffix("_ankle") == Some(side))
        };
        Self {
            tracks: card.memory.as_ref().map(Tracks::new),
            ankle_of: joints.iter().map(ankle_of).collect(),
            lifted: Vec::new(),
            refusals: Vec::new(),
        }
    }

    /// Gives `person` the feet of `other`, the same person: their points as they lie about the ankle.
    fn put(&self, person: &mut LiftedPerson, other: &LiftedPerson) {
        for (point, ankle) in self.ankle_of.iter().enumerate() {
            let Some(ankle) = *ankle else { continue };
            for axis in 0..3 {
                let from_ankle = other.joints[point][axis] - other.joints[ankle][axis];
                person.joints[point][axis] = person.joints[ankle][axis] + from_ankle;
            }
            if let Some(sigma) = other.sigma.get(point) {
                person.sigma[point] = *sigma;
            }
        }
        person.missing_joints.clone_from(&other.missing_joints);
    }
}

/// Memories of both passes.
pub(super) struct Memories([Option<Tracks>; 2]);

impl<N: PoseNetwork> Lifter<N> {
    /// Lifts the people of `frames` with all their points, for [`Self::put_feet`].
    pub(super) fn lift_feet(&mut self, frames: &[Frame], conversion: &Conversion) -> Result<Vec<LiftedFrame>> {
        let mut lifted = std::mem::take(&mut self.feet.lifted);
        let mut refusals = std::mem::take(&mut self.feet.refusals);
        std::mem::swap(&mut self.tracks, &mut self.feet.tracks);
        let done = self.lift_pass(frames, conversion, &[], &mut refusals, &mut lifted);
        std::mem::swap(&mut self.tracks, &mut self.feet.tracks);
        // The pass of the bodies refuses the same people, and reports them.
        refusals.clear();
        self.feet.refusals = refusals;
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
                self.feet.put(person, other);
            }
        }
        self.feet.lifted = feet;
    }

    /// As [`Self::put_feet`], of arrays.
    pub(super) fn put_feet_of_arrays(&self, feet: &LiftedArrays, lifted: &mut LiftedArrays) {
        for (point, ankle) in self.feet.ankle_of.iter().enumerate() {
            let Some(ankle) = *ankle else { continue };
            let [own_ankle, ankle, toe] = [
                lifted.poses.index_axis(Axis(1), ankle),
                feet.poses.index_axis(Axis(1), ankle),
                feet.poses.index_axis(Axis(1), point),
            ];
            let placed = &own_ankle + &(&toe - &ankle);
            lifted.poses.index_axis_mut(Axis(1), point).assign(&placed);
            if let (Some(sigma), Some(of_feet)) = (&mut lifted.sigma, &feet.sigma) {
                sigma.column_mut(point).assign(&of_feet.column(point));
            }
        }
    }

    /// Forgets all people for now; [`Self::go_on_with`] takes what was known of them.
    pub(super) fn begin_anew(&mut self) -> Memories {
        let none = || self.card().memory.as_ref().map(Tracks::new);
        let [body, feet] = [none(), none()];
        Memories([std::mem::replace(&mut self.tracks, body), std::mem::replace(&mut self.feet.tracks, feet)])
    }

    /// Goes on with what was known before [`Self::begin_anew`].
    pub(super) fn go_on_with(&mut self, Memories([body, feet]): Memories) {
        (self.tracks, self.feet.tracks) = (body, feet);
    }
}

//! From people in frames to the network's rows and back.

use std::fmt;

use ndarray::{Array3, ArrayView3};

use super::Lifter;
use crate::error::{Error, Result};
use crate::model::PoseNetwork;
use crate::pose::{Frame, Keypoint, LiftedFrame, LiftedPerson, Person};
use crate::skeleton::Conversion;

/// Why one person could not be lifted.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The number of the frame that the person is in.
    pub frame: u64,
    /// The person's place in the frame, from 0.
    pub person: usize,
    /// The person's track, if known.
    pub id: Option<i64>,
    /// What was found and what was expected.
    pub cause: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "frame {}: person {}", self.frame, self.person)?;
        if let Some(id) = self.id {
            write!(f, " (id {id})")?;
        }
        write!(f, ": {}", self.cause)
    }
}

impl<N: PoseNetwork> Lifter<N> {
    /// Lifts everybody in `frames`, in order; a person who cannot be lifted is left out and told in `refusals`.
    ///
    /// # Errors
    /// A runtime that fails; nothing about a single person is an error.
    pub fn lift_frames(
        &mut self,
        frames: &[Frame],
        conversion: &Conversion,
        refusals: &mut Vec<Refusal>,
    ) -> Result<Vec<LiftedFrame>> {
        self.keypoints.clear();
        let mut scores = Vec::new();
        for frame in frames {
            for (index, person) in frame.people.iter().enumerate() {
                match self.gather(person, conversion) {
                    Ok(score) => scores.push(Some(score)),
                    Err(cause) => {
                        scores.push(None);
                        refusals.push(Refusal { frame: frame.index, person: index, id: person.id, cause });
                    }
                }
            }
        }
        let poses = self.run_gathered(scores.iter().flatten().count())?;
        Ok(scatter(frames, &scores, poses.view(), refusals))
    }

    /// Appends one person's key points for the network; gives their mean score, or the cause of a refusal.
    fn gather(&mut self, person: &Person, conversion: &Conversion) -> Result<f32, String> {
        let (found, expected) = (person.keypoints.len(), conversion.source_len());
        if found != expected {
            return Err(format!("{found} key points, expected {expected}"));
        }
        let points = || conversion.apply(&person.keypoints);
        let (visible, total) = points()
            .filter(|point| !point.is_missing())
            .fold((0usize, 0f32), |(count, total), point| (count + 1, total + point.score));
        let needed = self.needed_joints();
        if visible < needed {
            let read = conversion.target_len();
            return Err(format!("{visible} of {read} joints visible, at least {needed} needed"));
        }
        match self.card().input.channels {
            2 => self.keypoints.extend(points().flat_map(without_score)),
            _ => self.keypoints.extend(points().flat_map(with_score)),
        }
        Ok(total / visible as f32)
    }

    /// Runs the `count` people that [`Self::gather`] put together.
    fn run_gathered(&mut self, count: usize) -> Result<Array3<f32>> {
        let input = &self.card().input;
        let shape = (count, input.joints.len(), input.channels);
        let gathered = std::mem::take(&mut self.keypoints);
        let mut poses = Array3::zeros((count, self.card().output.joints.len(), 3));
        let keypoints = ArrayView3::from_shape(shape, &gathered).map_err(|error| Error::input(error.to_string()))?;
        let done = self.run(keypoints, poses.view_mut());
        self.keypoints = gathered;
        done.map(|()| poses)
    }
}

/// Puts the poses back to the people that they belong to.
fn scatter(
    frames: &[Frame],
    scores: &[Option<f32>],
    poses: ArrayView3<'_, f32>,
    refusals: &mut Vec<Refusal>,
) -> Vec<LiftedFrame> {
    let mut scores = scores.iter();
    let mut poses =
        poses.outer_iter().map(|pose| pose.outer_iter().map(|xyz| [xyz[0], xyz[1], xyz[2]]).collect::<Vec<_>>());
    let mut lifted = Vec::with_capacity(frames.len());
    for frame in frames {
        let mut people = Vec::with_capacity(frame.people.len());
        for (index, (person, score)) in frame.people.iter().zip(&mut scores).enumerate() {
            let Some(score) = *score else { continue };
            let Some(joints) = poses.next() else { continue };
            if joints.iter().flatten().all(|value| value.is_finite()) {
                people.push(LiftedPerson { id: person.id, joints, score });
            } else {
                let cause = "the model gave no finite pose".to_owned();
                refusals.push(Refusal { frame: frame.index, person: index, id: person.id, cause });
            }
        }
        lifted.push(LiftedFrame { index: frame.index, time: frame.time, people });
    }
    lifted
}

/// The network's view of a point: zeros where it must not look, so that no NaN can spread.
fn with_score(point: Keypoint) -> [f32; 3] {
    if point.is_missing() { [0.0; 3] } else { [point.x, point.y, point.score] }
}

/// As [`with_score`] for models without scores, which know a missing point by NaN.
fn without_score(point: Keypoint) -> [f32; 2] {
    if point.is_missing() { [f32::NAN; 2] } else { [point.x, point.y] }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

    use super::*;
    use crate::model::MockNetwork;
    use crate::skeleton::{BODY25, H36M17};

    fn person(id: i64, joints: usize, first_x: f32) -> Person {
        let point = |joint: usize| Keypoint { x: first_x + joint as f32, y: 10.0, score: 0.5 };
        Person { id: Some(id), keypoints: (0..joints).map(point).collect() }
    }

    fn frame(index: u64, people: Vec<Person>) -> Frame {
        Frame { index, people, ..Frame::default() }
    }

    #[test]
    fn people_keep_their_frame_and_id_and_refusals_are_told() {
        let mut lifter = Lifter::with_network(MockNetwork::new(), 2);
        let mut unseen = person(8, 17, 0.0);
        unseen.keypoints[3..].fill(Keypoint::MISSING);
        let frames = [
            frame(5, vec![person(7, 17, 100.0), unseen, person(9, 17, 200.0)]),
            frame(6, vec![]),
            frame(7, vec![person(1, 12, 0.0), person(2, 17, 300.0)]),
        ];
        let mut refusals = Vec::new();
        let lifted = lifter.lift_frames(&frames, &Conversion::identity(17), &mut refusals).unwrap();
        let found: Vec<Vec<_>> =
            lifted.iter().map(|f| f.people.iter().map(|p| (p.id, p.joints[0][0] * 1000.0)).collect()).collect();
        assert_eq!(found, [vec![(Some(7), 100.0), (Some(9), 200.0)], vec![], vec![(Some(2), 300.0)]]);
        assert_eq!(lifted.iter().map(|frame| frame.index).collect::<Vec<_>>(), [5, 6, 7]);
        assert_eq!(lifted[0].people[0].score, 0.5);
        let told: Vec<_> = refusals.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "frame 5: person 1 (id 8): 3 of 17 joints visible, at least 4 needed",
                "frame 7: person 0 (id 1): 12 key points, expected 17",
            ]
        );
    }

    #[test]
    fn other_layouts_are_taken_by_joint_name_or_refused() {
        let mut lifter = Lifter::with_network(MockNetwork::new(), 8);
        let conversion = lifter.conversion(&BODY25).unwrap();
        let frames = [frame(0, vec![person(0, 25, 0.0)])];
        let lifted = lifter.lift_frames(&frames, &conversion, &mut Vec::new()).unwrap();
        // COCO's left eye is BODY_25's joint 16.
        assert_eq!(lifted[0].people[0].joints[1][0], 0.016);
        assert!(lifter.conversion(&H36M17).is_err());
    }

    #[test]
    fn models_without_scores_see_missing_points_as_nan_and_a_pose_of_nan_is_refused() {
        let mut lifter = Lifter::with_network(MockNetwork::with_channels(2), 8);
        let mut one_missing = person(0, 17, 1.0);
        one_missing.keypoints[2] = Keypoint::MISSING;
        let frames = [frame(0, vec![person(1, 17, 1.0), one_missing])];
        let mut refusals = Vec::new();
        let lifted = lifter.lift_frames(&frames, &Conversion::identity(17), &mut refusals).unwrap();
        assert_eq!(lifted[0].people.len(), 1);
        assert_eq!(refusals[0].cause, "the model gave no finite pose");
    }
}

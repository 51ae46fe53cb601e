//! Gathers people from frames into a batch, and puts their poses back into frames.

use std::fmt;

use ndarray::{ArrayView3, ArrayViewMut2, ArrayViewMut3};

use super::{Lifter, look_at, recall};
use crate::camera::{Camera, LookAt};
use crate::error::{Error, Result};
use crate::model::{Batch, Card, PoseNetwork};
use crate::pose::{Frame, Keypoint, LiftedFrame, LiftedPerson, Person};
use crate::skeleton::Conversion;

/// Why one person could not be lifted.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The number of the person's frame.
    pub frame: u64,
    /// The person's index in the frame, from 0.
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

/// The network's output, kept between calls.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// `[N, J_out, 3]`.
    poses: Vec<f32>,
    /// `[N, J_out]`, or empty if sigma is not wanted.
    sigma: Vec<f32>,
    /// J_out.
    joints: usize,
}

/// The facts about a person that are needed after the network has run.
#[derive(Debug)]
pub(super) struct Gathered {
    /// The mean score of the key points that the model reads.
    score: f32,
    /// How they were turned to the optical axis, if they were.
    look_at: Option<LookAt>,
}

impl<N: PoseNetwork> Lifter<N> {
    /// Lifts each person in `frames`, in order; a person who cannot be lifted is left out and reported in `refusals`.
    ///
    /// A model with a memory remembers each person by their id ([`Person::id`]) from frame to frame and call to call; frames are
    /// given in their order, and [`Self::forget`] comes before those of another stream.
    ///
    /// If the model's view is the subject ([`crate::model::View::Subject`]), people in frames of known size are
    /// turned to the optical axis first, and their poses are turned back.
    ///
    /// # Errors
    /// A runtime that fails; problems of a single person are not errors.
    pub fn lift_frames(
        &mut self,
        frames: &[Frame],
        conversion: &Conversion,
        refusals: &mut Vec<Refusal>,
    ) -> Result<Vec<LiftedFrame>> {
        let mut lifted = Vec::new();
        self.lift_frames_into(frames, conversion, refusals, &mut lifted)?;
        Ok(lifted)
    }

    /// As [`Self::lift_frames`], but reuses the memory of frames that were lifted before: their contents are
    /// replaced, and nothing is allocated if there were as many frames with as many people.
    ///
    /// # Errors
    /// As [`Self::lift_frames`]; the contents of `lifted` are then invalid.
    pub fn lift_frames_into(
        &mut self,
        frames: &[Frame],
        conversion: &Conversion,
        refusals: &mut Vec<Refusal>,
        lifted: &mut Vec<LiftedFrame>,
    ) -> Result<()> {
        self.keypoints.clear();
        self.gathered.clear();
        for frame in frames {
            let camera = look_at::camera(self.card(), frame);
            for (index, person) in frame.people.iter().enumerate() {
                let found = self.gather(person, conversion, camera.as_ref());
                self.gathered.push(found.map_err(|cause| refusals.push(refusal(frame, index, cause))).ok());
            }
        }
        let mut answers = std::mem::take(&mut self.answers);
        let count = self.gathered.iter().flatten().count();
        let done = match self.tracks.take() {
            None => self.run_gathered(count, &mut answers, |lifter, batch| lifter.run(batch)),
            Some(mut tracks) => {
                let done = self.run_gathered(count, &mut answers, |lifter, batch| {
                    let persons = recall::persons(frames, lifter.gathered.iter().map(Option::is_some));
                    tracks.run(&mut lifter.network, &persons, batch)
                });
                self.tracks = Some(tracks);
                done
            }
        };
        self.answers = answers;
        done.map(|()| self.scatter(frames, refusals, lifted))
    }

    /// The number of people lifted from `frame` that were turned to the optical axis: all of them or none.
    pub(crate) fn count_turned(&self, frame: &Frame, lifted: &LiftedFrame) -> usize {
        look_at::camera(self.card(), frame).map_or(0, |_| lifted.people.len())
    }

    /// Appends one person's key points to the batch, or returns the reason of a refusal.
    fn gather(
        &mut self,
        person: &Person,
        conversion: &Conversion,
        camera: Option<&Camera>,
    ) -> Result<Gathered, String> {
        let (found, expected) = (person.keypoints.len(), conversion.source_len());
        if found != expected {
            return Err(format!("{found} key points, expected {expected}"));
        }
        self.points.clear();
        self.points.extend(conversion.apply(&person.keypoints));
        let look_at = camera.map(|camera| look_at::look_at(&mut self.points, camera));
        self.enough.check(&self.points)?;
        let seen = self.points.iter().filter(|point| !point.is_missing());
        let (visible, total) = seen.fold((0usize, 0f32), |(count, total), point| (count + 1, total + point.score));
        let channels = self.network.card().input.channels;
        for &point in &self.points {
            match channels {
                2 => self.keypoints.extend_from_slice(&without_score(point)),
                _ => self.keypoints.extend_from_slice(&with_score(point)),
            }
        }
        // Where scores are no scores their sum may be infinite, which no stream holds.
        Ok(Gathered { score: (total / visible as f32).min(f32::MAX), look_at })
    }

    /// Runs the network by `run` on the `count` people of [`Self::gather`], for their poses, and sigma if the model has it.
    fn run_gathered(
        &mut self,
        count: usize,
        answers: &mut Answers,
        run: impl FnOnce(&mut Self, Batch<'_>) -> Result<()>,
    ) -> Result<()> {
        let Card { input, output, .. } = self.card();
        let (shape, joints) = ((count, input.joints.len(), input.channels), output.joints.len());
        let wants_sigma = output.sigma && self.wants_sigma;
        answers.joints = joints;
        answers.poses.resize(count * joints * 3, 0.0);
        answers.sigma.resize(if wants_sigma { count * joints } else { 0 }, 0.0);
        let misshapen = |error: ndarray::ShapeError| Error::input(error.to_string());
        let poses = ArrayViewMut3::from_shape((count, joints, 3), &mut answers.poses).map_err(misshapen)?;
        let sigma = wants_sigma.then(|| ArrayViewMut2::from_shape((count, joints), &mut answers.sigma));
        let sigma = sigma.transpose().map_err(misshapen)?;
        let gathered = std::mem::take(&mut self.keypoints);
        let keypoints = ArrayView3::from_shape(shape, &gathered).map_err(misshapen)?;
        let done = Batch::new(self.card(), keypoints, poses, sigma).and_then(|batch| run(self, batch));
        self.keypoints = gathered;
        done
    }

    /// Puts the poses back to their people.
    fn scatter(&self, frames: &[Frame], refusals: &mut Vec<Refusal>, lifted: &mut Vec<LiftedFrame>) {
        let mut gathered = self.gathered.iter();
        let mut rows = 0..;
        lifted.resize_with(frames.len(), LiftedFrame::default);
        for (frame, lifted) in frames.iter().zip(lifted) {
            (lifted.index, lifted.time) = (frame.index, frame.time);
            let mut count = 0;
            for (index, gathered) in (0..frame.people.len()).zip(&mut gathered) {
                let Some(gathered) = gathered else { continue };
                let Some(row) = rows.next() else { continue };
                if count == lifted.people.len() {
                    lifted.people.push(LiftedPerson::default());
                }
                let person = &mut lifted.people[count];
                person.id = frame.people[index].id;
                self.fill(person, gathered, row);
                if are_finite(person.joints.as_flattened()) && are_finite(&person.sigma) {
                    count += 1;
                } else {
                    refusals.push(refusal(frame, index, "the model gave no finite pose".to_owned()));
                }
            }
            lifted.people.truncate(count);
        }
    }

    /// Fills `person` with the output in `row`, in the axes of the camera before turning.
    fn fill(&self, person: &mut LiftedPerson, gathered: &Gathered, row: usize) {
        let pose = self.answers.pose(row).iter();
        person.joints.clear();
        match gathered.look_at {
            None => person.joints.extend(pose),
            Some(look_at) => person.joints.extend(pose.map(|&joint| look_at.undo(joint))),
        }
        person.sigma.clear();
        person.sigma.extend_from_slice(self.answers.sigma(row));
        person.missing_joints.clear();
        person.missing_joints.extend(self.missing_joints(row));
        (person.score, person.unsure) = (gathered.score, false);
    }

    /// The joints of the pose whose key point is missing in `row`.
    fn missing_joints(&self, row: usize) -> impl Iterator<Item = usize> {
        let channels = self.network.card().input.channels;
        let points = self.network.card().input.joints.len();
        // A missing point has no score, or is NaN if there are no scores.
        let is_missing = move |point: usize| {
            let channel = self.keypoints[(row * points + point + 1) * channels - 1];
            channel == 0.0 && channels == 3 || channel.is_nan()
        };
        let joints = self.keypoint_of.iter().enumerate();
        joints.filter(move |(_, point)| point.is_some_and(is_missing)).map(|(joint, _)| joint)
    }
}

impl Answers {
    /// The pose of the person in `row`, `[J_out]`, as the network returned it.
    fn pose(&self, row: usize) -> &[[f32; 3]] {
        &self.poses.as_chunks().0[row * self.joints..][..self.joints]
    }

    /// Their sigma, `[J_out]`; empty if it is not wanted.
    fn sigma(&self, row: usize) -> &[f32] {
        self.sigma.get(row * self.joints..(row + 1) * self.joints).unwrap_or_default()
    }
}

fn refusal(frame: &Frame, person: usize, cause: String) -> Refusal {
    Refusal { frame: frame.index, person, id: frame.people[person].id, cause }
}

fn are_finite(numbers: &[f32]) -> bool {
    numbers.iter().all(|number| number.is_finite())
}

/// The network's input for a point: zeros for a missing one, so that no NaN can spread.
pub(super) fn with_score(point: Keypoint) -> [f32; 3] {
    if point.is_missing() { [0.0; 3] } else { [point.x as f32, point.y as f32, point.score] }
}

/// As [`with_score`] for models without scores, which mark a missing point by NaN.
pub(super) fn without_score(point: Keypoint) -> [f32; 2] {
    if point.is_missing() { [f32::NAN; 2] } else { [point.x as f32, point.y as f32] }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

    use super::*;
    use crate::model::MockNetwork;
    use crate::skeleton::{BODY25, H36M17};

    fn person(id: i64, joints: usize, first_x: f32) -> Person {
        let point = |joint: usize| Keypoint { x: f64::from(first_x) + joint as f64, y: 10.0, score: 0.5 };
        Person { id: Some(id), keypoints: (0..joints).map(point).collect() }
    }

    fn frame(index: u64, people: Vec<Person>) -> Frame {
        Frame { index, people, ..Frame::default() }
    }

    #[test]
    fn people_keep_their_frame_and_id_and_refusals_are_reported() {
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
        let reported: Vec<_> = refusals.iter().map(ToString::to_string).collect();
        assert_eq!(
            reported,
            [
                "frame 5: person 1 (id 8): 3 of 17 joints visible, at least 4 needed",
                "frame 7: person 0 (id 1): 12 key points, expected 17",
            ]
        );
    }

    #[test]
    fn nothing_remains_of_the_frames_whose_memory_is_used_again() {
        let mut lifter = Lifter::with_network(MockNetwork::of_subject_with_sigma(), 8);
        let mut holed = person(3, 17, 900.0);
        holed.keypoints[15] = Keypoint::MISSING;
        let sets = [
            vec![frame(0, vec![holed.clone(), person(1, 17, 5.0), person(2, 17, 7.0)]), frame(1, vec![holed.clone()])],
            vec![frame(2, vec![person(9, 17, 3.0), person(8, 12, 3.0), holed]), frame(3, vec![]), frame(4, vec![])],
            vec![frame(5, vec![])],
        ];
        let (mut lifted, own) = (Vec::new(), Conversion::identity(17));
        for frames in sets {
            lifter.lift_frames_into(&frames, &own, &mut Vec::new(), &mut lifted).unwrap();
            assert_eq!(lifted, lifter.lift_frames(&frames, &own, &mut Vec::new()).unwrap());
            lifted.iter_mut().flat_map(|frame| &mut frame.people).for_each(|person| person.unsure = true);
        }
    }

    #[test]
    fn sigma_is_left_out_where_it_is_not_wanted() {
        let mut lifter = Lifter::with_network(MockNetwork::of_subject_with_sigma(), 8);
        let frames = [frame(0, vec![person(1, 17, 900.0)])];
        let lift = |lifter: &mut Lifter<_>| {
            lifter.lift_frames(&frames, &Conversion::identity(17), &mut Vec::new()).unwrap().remove(0).people.remove(0)
        };
        let with = lift(&mut lifter);
        lifter.leave_out_sigma();
        let without = lift(&mut lifter);
        assert_eq!((with.sigma.len(), without.sigma.len()), (17, 0));
        assert_eq!(with.joints, without.joints);
    }

    #[test]
    fn scores_beyond_all_bounds_have_a_finite_mean() {
        let mut lifter = Lifter::with_network(MockNetwork::new(), 8);
        let mut absurd = person(1, 17, 100.0);
        for point in &mut absurd.keypoints {
            point.score = f32::MAX;
        }
        let frames = [frame(0, vec![absurd])];
        let lifted = lifter.lift_frames(&frames, &Conversion::identity(17), &mut Vec::new()).unwrap();
        assert_eq!(lifted[0].people[0].score, f32::MAX);
    }

    #[test]
    fn a_person_beside_the_axis_is_turned_where_the_size_is_known() {
        let mut lifter = Lifter::with_network(MockNetwork::of_subject_with_sigma(), 8);
        let mut holed = person(1, 17, 900.0);
        // The wrists' scores shift the mean; an ankle is missing, and the mock returns its joint as zeros.
        holed.keypoints[9].score = 1.0;
        holed.keypoints[15] = Keypoint::MISSING;
        let known = Frame { size: Some([1000, 800]), ..frame(0, vec![holed.clone()]) };
        let focal = Frame { focal: Some(500.0), ..known.clone() };
        let frames = [known, focal, frame(2, vec![holed.clone()])];
        let lifted = lifter.lift_frames(&frames, &Conversion::identity(17), &mut Vec::new()).unwrap();
        let seen = holed.keypoints.iter().filter(|point| !point.is_missing());
        let (total, x) =
            seen.fold((0.0, 0.0), |(total, x), p| (total + f64::from(p.score), x + f64::from(p.score) * p.x));
        for (index, focal) in [(0, 900.0), (1, 500.0)] {
            let view = LookAt::towards(&Camera::with_focal(Some(focal), [1000, 800]), [x / total, 10.0]);
            let person = &lifted[index].people[0];
            for (joint, point) in holed.keypoints.iter().enumerate().filter(|(_, point)| !point.is_missing()) {
                let [x, y] = view.ray([point.x, point.y]).unwrap().map(|across| across as f32);
                let expected = view.undo([x * 0.001, y * 0.001, point.score * 0.001]);
                let found = person.joints[joint];
                assert!((0..3).all(|axis| (found[axis] - expected[axis]).abs() < 1e-6), "{found:?} {expected:?}");
                assert!((person.sigma[joint] - y * 1e-4).abs() < 1e-6);
            }
            assert_eq!(lifter.count_turned(&frames[index], &lifted[index]), 1);
        }
        let unturned = &lifted[2].people[0];
        assert!((unturned.joints[0][0] - 0.9).abs() < 1e-6 && (unturned.sigma[0] - 1e-3).abs() < 1e-6);
        assert_eq!(lifter.count_turned(&frames[2], &lifted[2]), 0);
        // The left ankle, the mock's 15th key point, is the 6th joint of its pose.
        assert!(lifted.iter().all(|frame| frame.people[0].missing_joints == [6]));
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

//! Gathers people from frames into a batch, and puts their poses back into frames.
//!
//! For models with the view `Subject` each person is turned to the optical axis before the network and turned back after it, so
//! that the network does not depend on where in the image a person is.

use std::fmt;

use ndarray::{ArrayView2, ArrayView3, ArrayViewMut2, ArrayViewMut3};

use super::{Lifter, MIN_VISIBLE_JOINTS, recall};
use crate::camera::{Camera, LookAt};
use crate::error::Result;
use crate::model::{Batch, Card, PoseNetwork};
use crate::pose::{Frame, Keypoint, LiftedFrame, LiftedPerson, Person};
use crate::skeleton::{Conversion, is_of_foot};

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
pub(super) struct NetworkOutput {
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
    /// Where another point stands in for one of a foot ([`Conversion::stand_ins`]), people are lifted twice: the body without it, and the
    /// feet with it.
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
        if conversion.stand_ins().is_empty() {
            return self.lift_pass(frames, conversion, &[], refusals, lifted);
        }
        let feet = self.lift_feet(frames, conversion)?;
        self.lift_pass(frames, conversion, conversion.stand_ins(), refusals, lifted)?;
        self.put_feet(feet, lifted);
        Ok(())
    }

    /// Lifts each person, as if the points of the joints `without` were missing.
    pub(super) fn lift_pass(
        &mut self,
        frames: &[Frame],
        conversion: &Conversion,
        without: &[usize],
        refusals: &mut Vec<Refusal>,
        lifted: &mut Vec<LiftedFrame>,
    ) -> Result<()> {
        self.keypoints.clear();
        self.gathered.clear();
        for frame in frames {
            let camera = self.camera(frame);
            for (index, person) in frame.people.iter().enumerate() {
                let gathered = match self.gather(person, conversion, without, camera.as_ref()) {
                    Ok(gathered) => Some(gathered),
                    Err(cause) => {
                        refusals.push(refusal(frame, index, cause));
                        None
                    }
                };
                self.gathered.push(gathered);
            }
        }
        let mut output = std::mem::take(&mut self.output);
        let count = self.gathered.iter().flatten().count();
        let done = match self.tracks.take() {
            None => self.run_gathered(count, &mut output, |lifter, batch| lifter.run(batch)),
            Some(mut tracks) => {
                let done = self.run_gathered(count, &mut output, |lifter, batch| {
                    let persons = recall::persons(frames, lifter.gathered.iter().map(Option::is_some));
                    tracks.run(&mut lifter.network, &persons, batch)
                });
                self.tracks = Some(tracks);
                done
            }
        };
        self.output = output;
        done.map(|()| self.scatter(frames, refusals, lifted))
    }

    /// The number of people lifted from `frame` that were turned to the optical axis: all of them or none.
    pub(crate) fn count_looked_at(&self, frame: &Frame, lifted: &LiftedFrame) -> usize {
        if self.looks_at_people && frame.size.is_some() { lifted.people.len() } else { 0 }
    }

    /// The camera for turning the people in `frame`, which is mostly that of the frame before; `None` if the model takes them as they
    /// are, or if the image's size is unknown.
    fn camera(&mut self, frame: &Frame) -> Option<Camera> {
        let size = frame.size.filter(|_| self.looks_at_people)?;
        let last = self.camera.filter(|(camera, focal)| camera.size == size && *focal == frame.focal);
        let camera = last.map_or_else(|| Camera::with_focal(frame.focal, size), |(camera, _)| camera);
        self.camera = Some((camera, frame.focal));
        Some(camera)
    }

    /// Appends one person's key points to the batch, or returns the reason of a refusal.
    fn gather(
        &mut self,
        person: &Person,
        conversion: &Conversion,
        without: &[usize],
        camera: Option<&Camera>,
    ) -> Result<Gathered, String> {
        let found = person.keypoints.len();
        let expected = conversion.source_len();
        if found != expected {
            return Err(format!("{found} key points, expected {expected}"));
        }
        self.points.clear();
        self.points.extend(conversion.apply(&person.keypoints));
        conversion.correct(&mut self.points);
        for &joint in without {
            self.points[joint] = Keypoint::MISSING;
        }
        let look_at = camera.map(|camera| LookAt::at_person(&mut self.points, camera));
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
        network_output: &mut NetworkOutput,
        run: impl FnOnce(&mut Self, Batch<'_>) -> Result<()>,
    ) -> Result<()> {
        let Card { input, output, .. } = self.card();
        let shape = (count, input.joints.len(), input.channels);
        let joints = output.joints.len();
        let wants_sigma = output.sigma && self.wants_sigma;
        network_output.joints = joints;
        network_output.poses.resize(count * joints * 3, 0.0);
        network_output.sigma.resize(if wants_sigma { count * joints } else { 0 }, 0.0);
        let poses = ArrayViewMut3::from_shape((count, joints, 3), &mut network_output.poses)?;
        let sigma = wants_sigma.then(|| ArrayViewMut2::from_shape((count, joints), &mut network_output.sigma));
        let sigma = sigma.transpose()?;
        let gathered = std::mem::take(&mut self.keypoints);
        let keypoints = ArrayView3::from_shape(shape, &gathered)?;
        let done = Batch::new(self.card(), keypoints, poses, sigma).and_then(|batch| run(self, batch));
        self.keypoints = gathered;
        done
    }

    /// Puts the poses back to their people.
    fn scatter(&self, frames: &[Frame], refusals: &mut Vec<Refusal>, lifted: &mut Vec<LiftedFrame>) {
        let people = frames.iter().map(|frame| frame.people.len()).sum::<usize>();
        assert_eq!(self.gathered.len(), people, "each person of the frames was gathered or refused");
        let mut gathered = self.gathered.iter();
        let mut next_row = 0;
        lifted.resize_with(frames.len(), LiftedFrame::default);
        for (frame, lifted) in frames.iter().zip(lifted) {
            lifted.index = frame.index;
            lifted.time = frame.time;
            let mut count = 0;
            for (index, gathered) in (0..frame.people.len()).zip(&mut gathered) {
                let Some(gathered) = gathered else { continue };
                let row = next_row;
                next_row += 1;
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
        let pose = self.output.pose(row).iter();
        person.joints.clear();
        match gathered.look_at {
            None => person.joints.extend(pose),
            Some(look_at) => person.joints.extend(pose.map(|&joint| look_at.undo(joint))),
        }
        person.sigma.clear();
        person.sigma.extend_from_slice(self.output.sigma(row));
        person.missing_joints.clear();
        person.missing_joints.extend(self.missing_joints(row));
        person.score = gathered.score;
        person.unsure = false;
    }

    /// The joints of the pose whose key point is missing in `row`.
    fn missing_joints(&self, row: usize) -> impl Iterator<Item = usize> {
        let channels = self.network.card().input.channels;
        let length = self.network.card().input.joints.len() * channels;
        let points = &self.keypoints[row * length..][..length];
        let joints = self.keypoint_of.iter().enumerate();
        joints
            .filter(move |(_, point)| point.is_some_and(|point| is_missing(&points[point * channels..][..channels])))
            .map(|(joint, _)| joint)
    }
}

impl NetworkOutput {
    /// The pose of the person in `row`, `[J_out]`, as the network returned it.
    fn pose(&self, row: usize) -> &[[f32; 3]] {
        &self.poses.as_chunks().0[row * self.joints..][..self.joints]
    }

    /// Their sigma, `[J_out]`; empty if it is not wanted.
    fn sigma(&self, row: usize) -> &[f32] {
        self.sigma.get(row * self.joints..(row + 1) * self.joints).unwrap_or_default()
    }
}

/// Whether enough of a person is seen to lift them: which of a model's joints count, and how many must be seen.
///
/// Points of feet do not count: three of them lie so close together that they show no pose, and a model that reads feet asks for
/// no more of a person than one that does not.
#[derive(Debug, Clone)]
pub(super) struct Enough {
    /// `[J_in]`; all of them for a model that reads nothing but feet.
    is_counted: Vec<bool>,
    total: usize,
}

impl Enough {
    /// For a model that reads these joints.
    pub(super) fn of(joints: &[String]) -> Self {
        let has_body = joints.iter().any(|joint| !is_of_foot(joint));
        let is_counted: Vec<bool> = joints.iter().map(|joint| !has_body || !is_of_foot(joint)).collect();
        let total = is_counted.iter().filter(|is_counted| **is_counted).count();
        Self { is_counted, total }
    }

    fn needed(&self) -> usize {
        MIN_VISIBLE_JOINTS.min(self.total)
    }

    /// Whether a person's key points `[J_in, channels]` are enough.
    pub(super) fn is_seen(&self, person: ArrayView2<'_, f32>) -> bool {
        let points = person.outer_iter().zip(&self.is_counted);
        points.filter(|(point, is_counted)| **is_counted && !Keypoint::from_row(point.view()).is_missing()).count()
            >= self.needed()
    }

    /// Holds a person's key points `[J_in]` against what is needed.
    ///
    /// # Errors
    /// What was found and what was expected, for a refusal.
    fn check(&self, points: &[Keypoint]) -> Result<(), String> {
        let counted = points.iter().zip(&self.is_counted).filter(|(_, is_counted)| **is_counted);
        let visible = counted.filter(|(point, _)| !point.is_missing()).count();
        let total = self.total;
        let needed = self.needed();
        if visible >= needed {
            return Ok(());
        }
        let feet = if total < self.is_counted.len() { " (feet do not count)" } else { "" };
        Err(format!("{visible} of {total} joints visible, at least {needed} needed{feet}"))
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

/// Whether the network's input for a point is that of a missing one: it has no score, or is NaN if there are no scores.
fn is_missing(numbers: &[f32]) -> bool {
    let last = numbers[numbers.len() - 1];
    last == 0.0 && numbers.len() == 3 || last.is_nan()
}

#[cfg(test)]
mod resolution;
#[cfg(test)]
mod tests;

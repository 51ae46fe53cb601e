//! The lifter: key points in, poses out; what users of the library came for.
//!
//! It stands between people as detectors give them (any number, any layout,
//! joints missing) and a network that wants even batches of its own joints.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use ndarray::{Array3, ArrayView1, ArrayView3, ArrayViewMut3, s};

use crate::error::{Error, Result};
use crate::model::{Card, Device, ModelFile, PoseNetwork, Provider, Session, SessionOptions};
use crate::pose::{Frame, Keypoint, LiftedFrame, LiftedPerson, Person};
use crate::skeleton::{Conversion, Layout};

/// The fewest visible joints that a person is lifted from: fewer leave position and size, which the
/// model removes, and nothing of a pose.
pub const MIN_VISIBLE_JOINTS: usize = 4;

/// Poses that the network is given at once on a CPU: the figure of `benches/README.md` at which it is fastest.
const CPU_BATCH: usize = 256;

/// Poses that the network is given at once on a GPU.
const CUDA_BATCH: usize = 4096;

/// Where and how a [`Lifter`] runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct LifterOptions {
    /// The device.
    pub device: Device,
    /// Threads of the CPU; `None` for all cores, 16 at most.
    pub threads: Option<usize>,
    /// Most poses that the network is given at once; `None` for what runs fastest.
    pub batch: Option<usize>,
}

/// A model, ready to lift.
///
/// ```no_run
/// # // Needs ONNX Runtime, which a documentation test cannot count on.
/// use ndarray::Array3;
/// use poselift::Lifter;
///
/// # fn main() -> poselift::Result<()> {
/// let mut lifter = Lifter::from_file("models/coco17.onnx")?;
/// let keypoints = Array3::<f32>::ones((230, 17, 3)); // 230 people, COCO-17, (x, y, score) in pixels
/// let poses = lifter.lift(keypoints.view())?;
/// assert_eq!(poses.dim(), (230, 17, 3)); // Human3.6M-17, metres, x right, y down, z forward
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Lifter<N = Session> {
    network: N,
    batch: usize,
    /// `[people, J_in, channels]`, kept between calls.
    keypoints: Vec<f32>,
}

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

impl Lifter<Session> {
    /// Opens the model at `path` on the best device that there is.
    ///
    /// # Errors
    /// A file that is no model of ours, or no usable ONNX Runtime.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        Self::from_file_with(path, &LifterOptions::default())
    }

    /// Opens the model at `path`.
    ///
    /// # Errors
    /// A file that is no model of ours, no usable ONNX Runtime, or a device that cannot be used.
    pub fn from_file_with(path: impl AsRef<Path>, options: &LifterOptions) -> Result<Self> {
        Self::from_model(&ModelFile::read(path)?, options)
    }

    /// Opens a model that was read before.
    ///
    /// # Errors
    /// No usable ONNX Runtime, or a device that cannot be used.
    pub fn from_model(file: &ModelFile, options: &LifterOptions) -> Result<Self> {
        let session = Session::new(file, &SessionOptions { device: options.device, threads: options.threads })?;
        let fastest = match session.provider() {
            Provider::Cpu => CPU_BATCH,
            Provider::Cuda(_) => CUDA_BATCH,
        };
        Ok(Self::with_network(session, options.batch.unwrap_or(fastest)))
    }

    /// The execution provider that is really in use.
    pub fn provider(&self) -> Provider {
        self.network.provider()
    }

    /// The session beneath, with its threads and the cause of a fallback.
    pub fn session(&self) -> &Session {
        &self.network
    }
}

impl<N: PoseNetwork> Lifter<N> {
    /// A lifter over any network, which is given `batch` poses at once at most (at least 1).
    pub fn with_network(network: N, batch: usize) -> Self {
        Self { network, batch: batch.max(1), keypoints: Vec::new() }
    }

    /// What the model says about itself.
    pub fn card(&self) -> &Card {
        self.network.card()
    }

    /// Most poses that the network is given at once.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// How key points in `layout` become the model's own.
    ///
    /// # Errors
    /// A layout that lacks joints which the model reads.
    pub fn conversion(&self, layout: &Layout) -> Result<Conversion> {
        Conversion::new(layout, &self.card().input.joints)
    }

    /// Lifts `keypoints` `[N, J_in, channels]` in the model's own layout; gives `[N, J_out, 3]` in the card's axes and
    /// unit, relative to the root. People with fewer than [`MIN_VISIBLE_JOINTS`] visible joints come out as NaN.
    ///
    /// # Errors
    /// Joints or channels that are not the model's; a runtime that fails.
    pub fn lift(&mut self, keypoints: ArrayView3<'_, f32>) -> Result<Array3<f32>> {
        let mut poses = Array3::zeros((keypoints.dim().0, self.card().output.joints.len(), 3));
        self.lift_into(keypoints, poses.view_mut())?;
        Ok(poses)
    }

    /// As [`Self::lift`], into `poses` `[N, J_out, 3]`.
    ///
    /// # Errors
    /// As [`Self::lift`].
    pub fn lift_into(&mut self, keypoints: ArrayView3<'_, f32>, mut poses: ArrayViewMut3<'_, f32>) -> Result<()> {
        self.run(keypoints, poses.view_mut())?;
        let needed = self.needed_joints();
        for (person, mut pose) in keypoints.outer_iter().zip(poses.outer_iter_mut()) {
            let visible = person.outer_iter().filter(|point| is_visible(point.view())).count();
            if visible < needed || pose.iter().any(|value| !value.is_finite()) {
                pose.fill(f32::NAN);
            }
        }
        Ok(())
    }

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

    /// Runs the network on pieces of the size that is fastest.
    fn run(&mut self, keypoints: ArrayView3<'_, f32>, mut poses: ArrayViewMut3<'_, f32>) -> Result<()> {
        if poses.dim().0 != keypoints.dim().0 {
            let (found, expected) = (poses.dim().0, keypoints.dim().0);
            return Err(Error::input(format!("room for {found} poses, expected {expected}")));
        }
        for piece in even_pieces(keypoints.dim().0, self.batch) {
            self.network.run(keypoints.slice(s![piece.clone(), .., ..]), poses.slice_mut(s![piece, .., ..]))?;
        }
        Ok(())
    }

    fn needed_joints(&self) -> usize {
        MIN_VISIBLE_JOINTS.min(self.card().input.joints.len())
    }
}

/// Cuts `0..total` into the fewest pieces of at most `most`, all of about one size.
fn even_pieces(total: usize, most: usize) -> impl Iterator<Item = Range<usize>> {
    let pieces = total.div_ceil(most);
    (0..pieces).map(move |piece| piece * total / pieces..(piece + 1) * total / pieces)
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

/// Whether a row (x, y) or (x, y, score) is a point that the network reads.
fn is_visible(row: ArrayView1<'_, f32>) -> bool {
    let score = row.get(2).copied().unwrap_or(1.0);
    !Keypoint { x: row[0], y: row[1], score }.is_missing()
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
    fn pieces_are_even_and_cover_everything() {
        for (total, most, sizes) in [(0, 4, vec![]), (4, 4, vec![4]), (5, 4, vec![2, 3]), (513, 256, vec![171; 3])] {
            let pieces: Vec<_> = even_pieces(total, most).collect();
            assert_eq!(pieces.iter().map(|piece| piece.len()).collect::<Vec<_>>(), sizes);
            assert!(pieces.windows(2).all(|pair| pair[0].end == pair[1].start));
        }
    }

    #[test]
    fn big_batches_are_cut_and_keep_their_order() {
        let mut lifter = Lifter::with_network(MockNetwork::new(), 4);
        let keypoints = Array3::from_shape_fn((10, 17, 3), |(n, ..)| 1.0 + n as f32);
        let poses = lifter.lift(keypoints.view()).unwrap();
        assert!((0..10).all(|n| poses[(n, 3, 0)] == (1.0 + n as f32) * 0.001));
        assert_eq!(lifter.network.batches, [3, 3, 4]);
    }

    #[test]
    fn too_few_joints_come_out_as_nan() {
        let mut lifter = Lifter::with_network(MockNetwork::new(), 4);
        let mut keypoints = Array3::ones((2, 17, 3));
        keypoints.slice_mut(s![1, 3.., 2]).fill(0.0);
        let poses = lifter.lift(keypoints.view()).unwrap();
        assert!(poses.slice(s![0, .., ..]).iter().all(|value| value.is_finite()));
        assert!(poses.slice(s![1, .., ..]).iter().all(|value| value.is_nan()));
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

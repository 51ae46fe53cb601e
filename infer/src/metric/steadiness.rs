//! The quality of a 3D stream without ground truth: changing bone lengths, asymmetry, jitter, sliding feet.

use std::collections::BTreeMap;

use nalgebra::{Matrix3, Vector3};

use super::feet::{Legs, Slide};
use super::history::{History, Moment, Spread};
use super::upright::{EstimatedAttitude, Upright};
use super::{Point, distance, mean};
use crate::median::median;
use crate::place::rotation;
use crate::pose::{Axes, LiftedFrame, PersonKey};
use crate::skeleton::{mirrored, parent_of};

/// Collects a stream's figures, frame by frame.
///
/// People are identified by their track, or without one by their index in the frame.
///
/// ```
/// use poselift::metric::Steadiness;
/// use poselift::pose::{LiftedFrame, LiftedPerson};
///
/// let joints = ["hip", "left_hip", "right_hip"].map(String::from);
/// let mut steadiness = Steadiness::new(&joints, &[-1, 0, 0], Some(30.0));
/// for (index, left) in [(0, 0.1), (1, 0.1)] {
///     let joints = vec![[0.0; 3], [left, 0.0, 0.0], [-0.3, 0.0, 0.0]];
///     let people = vec![LiftedPerson { joints, ..LiftedPerson::default() }];
///     steadiness.add(&LiftedFrame { index, people, ..LiftedFrame::default() });
/// }
/// let figures = steadiness.figures();
/// assert_eq!((figures.poses, figures.tracks), (2, 1));
/// assert!((figures.asymmetry().unwrap() - 1.0).abs() < 1e-6); // 0.2 m of difference, 0.2 m on the mean
/// assert_eq!(figures.deviation(), Some(0.0));
/// ```
#[derive(Debug, Clone)]
pub struct Steadiness {
    bones: Vec<Ends>,
    pairs: Vec<Counterparts>,
    /// Joints that move: all but the root.
    moving: Vec<usize>,
    /// `None` if the skeleton has no complete legs.
    legs: Option<Legs>,
    /// `None` if it has no trunk in addition.
    upright: Option<Upright>,
    /// What takes poses to axes in which y points down, where they are in others.
    turn: Option<Matrix3<f32>>,
    fps: Option<f64>,
    frames: u64,
    poses: u64,
    /// For each pair, the sum of the differences over all poses.
    differences: Vec<f64>,
    tracks: BTreeMap<PersonKey, History>,
    accelerations: Vec<f32>,
}

/// The joints at a bone's outer and inner end.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ends {
    joint: usize,
    parent: usize,
}

/// Indices of a bone of the left side and the same bone of the right one.
#[derive(Debug, Clone, Copy)]
struct Counterparts {
    left: usize,
    right: usize,
}

/// A bone's figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Bone {
    /// The joint at its outer end.
    pub joint: usize,
    /// The joint at its inner end.
    pub parent: usize,
    /// Its mean length over all poses, in the stream's unit.
    pub length: f64,
    /// Standard deviation over mean of its length within a track, averaged over tracks weighted by their poses;
    /// `None` if no track has two poses.
    pub deviation: Option<f64>,
}

/// The figures of a bone and its counterpart on the other side.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// The joint at the outer end of the left one.
    pub left: usize,
    /// The joint at the outer end of the right one.
    pub right: usize,
    /// `|l − r|` over the mean of both, pose by pose, the mean over poses.
    pub asymmetry: f64,
}

/// A stream's figures.
#[derive(Debug, Clone, PartialEq)]
pub struct SteadinessFigures {
    /// Frames, those without people included.
    pub frames: u64,
    /// Poses: people in all frames together.
    pub poses: u64,
    /// Tracks that they belong to.
    pub tracks: u64,
    /// Each bone.
    pub bones: Vec<Bone>,
    /// Each bone of the left side with its counterpart.
    pub pairs: Vec<Pair>,
    /// Jitter: the median over joints and frames of the length of the acceleration, in the stream's unit a second
    /// squared, relative to the root, which is left out. `None` if no track has three consecutive frames with known
    /// times.
    pub acceleration: Option<f64>,
    /// Mean relative speed of both ankles over the floor (the camera's x and z, or those of level axes) while both feet stand, in the
    /// stream's unit a second. `None` if they never stand for 0.2 s.
    pub feet_slide: Option<f64>,
    /// The seconds during which both feet stand, all tracks together.
    pub feet_planted: f64,
    /// The camera's attitude, from people who stand upright; `None` if too few do, or y or z points up.
    pub camera: Option<EstimatedAttitude>,
}

impl SteadinessFigures {
    /// The mean of [`Bone::deviation`] over bones.
    pub fn deviation(&self) -> Option<f64> {
        mean(self.bones.iter().filter_map(|bone| bone.deviation))
    }

    /// The mean of [`Pair::asymmetry`] over pairs; `None` if there are none.
    pub fn asymmetry(&self) -> Option<f64> {
        mean(self.pairs.iter().map(|pair| pair.asymmetry))
    }
}

impl Steadiness {
    /// A stream of poses of `joints`, whose `parents` are −1 for roots; `fps` gives times to frames that have none.
    pub fn new(joints: &[String], parents: &[i32], fps: Option<f64>) -> Self {
        let bones = bones_of(joints.len(), parents);
        let pairs = pairs_of(joints, &bones);
        let roots: Vec<usize> =
            (0..joints.len()).filter(|&joint| parent_of(joint, parents, joints.len()).is_none()).collect();
        Self {
            differences: vec![0.0; pairs.len()],
            bones,
            pairs,
            moving: (0..joints.len()).filter(|&joint| roots != [joint]).collect(),
            legs: Legs::of(joints),
            upright: Upright::of(joints),
            turn: None,
            fps,
            frames: 0,
            poses: 0,
            tracks: BTreeMap::new(),
            accelerations: Vec::new(),
        }
    }

    /// The same for poses in `axes`; the camera's are assumed. In level ones the camera's attitude is what was left of it, and with y or z
    /// up it is not known.
    #[must_use]
    pub fn in_axes(mut self, axes: Axes) -> Self {
        if matches!(axes, Axes::YUp | Axes::ZUp) {
            self.upright = None;
            self.turn = Some(rotation(axes, Axes::Level));
        }
        self
    }

    /// Adds a frame; each of its people must have as many joints as were named. Poses with a NaN are skipped.
    ///
    /// # Panics
    /// If a person has fewer joints.
    pub fn add(&mut self, frame: &LiftedFrame) {
        self.frames += 1;
        let seconds = frame.time_at(self.fps);
        for (place, person) in frame.people.iter().enumerate() {
            if person.joints.as_flattened().iter().all(|value| value.is_finite()) {
                let key = PersonKey::of(person.id, place);
                self.add_pose(key, frame.index, seconds, &person.joints);
            }
        }
    }

    fn add_pose(&mut self, key: PersonKey, frame: u64, seconds: Option<f64>, joints: &[Point]) {
        self.poses += 1;
        if let Some(upright) = &mut self.upright {
            upright.add(joints);
        }
        let lengths: Vec<f64> =
            self.bones.iter().map(|bone| distance(joints[bone.joint], joints[bone.parent])).collect();
        for (sum, pair) in self.differences.iter_mut().zip(&self.pairs) {
            let left = lengths[pair.left];
            let right = lengths[pair.right];
            let both = (left + right) / 2.0;
            *sum += if both > 0.0 { (left - right).abs() / both } else { 0.0 };
        }
        let track = self.tracks.entry(key).or_insert_with(|| History::new(lengths.len()));
        for (spread, length) in track.lengths.iter_mut().zip(lengths) {
            spread.add(length);
        }
        let Some(seconds) = seconds else { return };
        let mut joints = joints.to_vec();
        if let Some(turn) = self.turn {
            for joint in &mut joints {
                *joint = (turn * Vector3::from(*joint)).into();
            }
        }
        if let Some(legs) = self.legs {
            track.feet.add(frame, seconds, legs, &joints);
        }
        self.accelerations.extend(track.update(Moment { frame, seconds, joints }, &self.moving));
    }

    /// The figures so far; without any pose, bones and pairs are empty.
    pub fn figures(&self) -> SteadinessFigures {
        let has_poses = self.poses > 0;
        let slide = self.slide();
        SteadinessFigures {
            frames: self.frames,
            poses: self.poses,
            tracks: self.tracks.len() as u64,
            bones: if has_poses { self.bone_figures() } else { Vec::new() },
            pairs: if has_poses { self.pair_figures() } else { Vec::new() },
            acceleration: median(&mut self.accelerations.iter().map(|length| f64::from(*length)).collect::<Vec<_>>()),
            feet_slide: (slide.seconds > 0.0).then(|| slide.way / slide.seconds),
            feet_planted: slide.seconds,
            camera: self.upright.as_ref().and_then(Upright::estimate),
        }
    }

    fn bone_figures(&self) -> Vec<Bone> {
        let mut figures = Vec::with_capacity(self.bones.len());
        for (index, &Ends { joint, parent }) in self.bones.iter().enumerate() {
            let spreads = self.tracks.values().map(|track| track.lengths[index]);
            let length = weighted(spreads.clone(), |spread| spread.mean).unwrap_or_default();
            let deviation = weighted(spreads.filter(|spread| spread.count > 1.0), Spread::deviation);
            figures.push(Bone { joint, parent, length, deviation });
        }
        figures
    }

    /// There must be a pose.
    fn pair_figures(&self) -> Vec<Pair> {
        let mut figures = Vec::with_capacity(self.pairs.len());
        for (pair, sum) in self.pairs.iter().zip(&self.differences) {
            figures.push(Pair {
                left: self.bones[pair.left].joint,
                right: self.bones[pair.right].joint,
                asymmetry: sum / self.poses as f64,
            });
        }
        figures
    }

    /// The sliding of all tracks together.
    fn slide(&self) -> Slide {
        let mut total = Slide::default();
        for track in self.tracks.values() {
            let slide = track.feet.slide();
            total.way += slide.way;
            total.seconds += slide.seconds;
        }
        total
    }
}

/// The bones between `joints` joints.
fn bones_of(joints: usize, parents: &[i32]) -> Vec<Ends> {
    let mut bones = Vec::new();
    for joint in 0..joints {
        if let Some(parent) = parent_of(joint, parents, joints) {
            bones.push(Ends { joint, parent });
        }
    }
    bones
}

/// Those of `bones` that both sides have.
fn pairs_of(joints: &[String], bones: &[Ends]) -> Vec<Counterparts> {
    let other_side = mirrored(joints);
    let mut pairs = Vec::new();
    for (left, bone) in bones.iter().enumerate() {
        let wanted = Ends { joint: other_side[bone.joint], parent: other_side[bone.parent] };
        if !joints[bone.joint].starts_with("left") || wanted.joint == bone.joint {
            continue;
        }
        if let Some(right) = bones.iter().position(|bone| *bone == wanted) {
            pairs.push(Counterparts { left, right });
        }
    }
    pairs
}

/// The mean of `value` over tracks, weighted by their poses.
fn weighted(spreads: impl Iterator<Item = Spread>, value: impl Fn(&Spread) -> f64) -> Option<f64> {
    let mut sum = 0.0;
    let mut count = 0.0;
    for spread in spreads {
        sum += spread.count * value(&spread);
        count += spread.count;
    }
    (count > 0.0).then(|| sum / count)
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;
    use crate::pose::LiftedPerson;
    use crate::skeleton::H36M17;

    /// A hip with a joint to either side, and one above.
    fn steadiness(fps: Option<f64>) -> Steadiness {
        Steadiness::new(&["hip", "left_hip", "right_hip", "spine"].map(String::from), &[-1, 0, 0, 0], fps)
    }

    /// The left joint at `left` metres, the others fixed.
    fn person(id: Option<i64>, left: f32) -> LiftedPerson {
        let joints = vec![[0.0; 3], [left, 0.0, 0.0], [-0.1, 0.0, 0.0], [0.0, -0.2, 0.0]];
        LiftedPerson { id, joints, ..LiftedPerson::default() }
    }

    fn frame(index: u64, people: Vec<LiftedPerson>) -> LiftedFrame {
        LiftedFrame { index, people, ..LiftedFrame::default() }
    }

    #[test]
    fn bones_by_hand() {
        let mut steadiness = steadiness(None);
        for (index, left) in [(0, 0.1), (1, 0.3)] {
            steadiness.add(&frame(index, vec![person(Some(4), left)]));
        }
        let figures = steadiness.figures();
        assert_eq!((figures.frames, figures.poses, figures.tracks), (2, 2, 1));
        assert_eq!(
            figures.bones.iter().map(|bone| (bone.joint, bone.parent)).collect::<Vec<_>>(),
            [(1, 0), (2, 0), (3, 0)]
        );
        // 0.1 and 0.3: mean 0.2, standard deviation 0.1.
        assert_relative_eq!(figures.bones[0].length, 0.2, epsilon = 1e-6);
        assert_relative_eq!(figures.bones[0].deviation.unwrap(), 0.5, epsilon = 1e-6);
        assert_relative_eq!(figures.deviation().unwrap(), 0.5 / 3.0, epsilon = 1e-6);
        // Differences 0 on the mean of 0.1, and 0.2 on that of 0.2.
        assert_eq!(figures.pairs.len(), 1);
        assert_relative_eq!(figures.asymmetry().unwrap(), 0.5, epsilon = 1e-6);
        assert_eq!(figures.acceleration, None, "times are not known");
    }

    #[test]
    fn people_of_different_size_are_no_deviation() {
        let mut steadiness = steadiness(None);
        for index in 0..3 {
            // By track regardless of the index, and by index without a track.
            let mut people = vec![person(Some(1), 0.1), person(Some(2), 0.3)];
            people.rotate_left(index as usize % 2);
            steadiness.add(&frame(index, people));
            steadiness.add(&frame(index, vec![person(None, 0.5), person(None, 0.6)]));
        }
        let figures = steadiness.figures();
        assert_eq!((figures.frames, figures.poses, figures.tracks), (6, 12, 4));
        assert_relative_eq!(figures.deviation().unwrap(), 0.0, epsilon = 1e-9);
        assert_relative_eq!(figures.bones[0].length, 0.375, epsilon = 1e-6);
    }

    #[test]
    fn jitter_is_the_median_acceleration_of_what_moves() {
        let mut steadiness = steadiness(Some(10.0));
        for (index, left) in [(0, 0.1), (1, 0.2), (2, 0.1), (3, 0.1)] {
            steadiness.add(&frame(index, vec![person(Some(0), left)]));
        }
        // Two times with three joints, of which one accelerates: by 0.2 / 0.1², then 0.1 / 0.1².
        assert_relative_eq!(steadiness.figures().acceleration.unwrap(), 0.0);
        steadiness.moving = vec![1];
        steadiness.accelerations.retain(|&acceleration| acceleration > 0.0);
        assert_relative_eq!(steadiness.figures().acceleration.unwrap(), 15.0, epsilon = 1e-4);
    }

    #[test]
    fn times_of_the_frames_count_and_gaps_do_not() {
        let mut steadiness = steadiness(Some(1000.0));
        for (index, seconds, left) in [(0, 0.0, 0.0), (1, 0.1, 0.1), (2, 0.3, 0.3), (4, 0.4, 9.0), (5, 0.5, 0.0)] {
            steadiness.add(&LiftedFrame { time: Some(seconds), ..frame(index, vec![person(Some(0), left)]) });
        }
        // Only one time has both neighbours, and there the speed is 1 m/s before and after.
        assert_eq!(steadiness.accelerations.len(), 3);
        assert_relative_eq!(f64::from(steadiness.accelerations[0]), 0.0, epsilon = 1e-4);
    }

    #[test]
    fn pairs_are_the_bones_of_both_sides() {
        let joints: Vec<_> = H36M17.joints.iter().map(|&joint| joint.to_owned()).collect();
        let steadiness = Steadiness::new(&joints, H36M17.parents, None);
        assert_eq!((steadiness.bones.len(), steadiness.pairs.len()), (16, 6));
        let empty = steadiness.figures();
        assert!(empty.bones.is_empty() && empty.pairs.is_empty() && empty.asymmetry().is_none());
    }

    /// Figures of a person who stands for a second while one foot slides by 3 cm, in `axes`.
    fn standing_in(axes: Axes) -> SteadinessFigures {
        let joints: Vec<_> = H36M17.joints.iter().map(|&joint| joint.to_owned()).collect();
        let mut steadiness = Steadiness::new(&joints, H36M17.parents, Some(30.0)).in_axes(axes);
        let turn = rotation(Axes::Camera, axes);
        for index in 0..30_u16 {
            let place = |name: &&str| {
                let side = if name.starts_with("left") { 0.1 + 0.001 * f32::from(index) } else { -0.1 };
                let place = match name.rsplit('_').next().unwrap() {
                    "knee" => [side, 0.4, 0.0],
                    "ankle" => [side, 0.8, 0.1],
                    "hip" if *name != "hip" => [side, 0.0, 0.0],
                    "thorax" => [0.0, -0.5, 0.0],
                    _ => [0.0; 3],
                };
                (turn * Vector3::from(place)).into()
            };
            let joints = H36M17.joints.iter().map(place).collect();
            steadiness.add(&frame(index.into(), vec![LiftedPerson { joints, ..LiftedPerson::default() }]));
        }
        steadiness.figures()
    }

    #[test]
    fn feet_slide_over_the_floor_of_any_axes() {
        let expected = standing_in(Axes::Camera);
        assert!(expected.feet_planted > 0.5 && expected.camera.is_some());
        for axes in [Axes::Level, Axes::YUp, Axes::ZUp] {
            let found = standing_in(axes);
            assert_relative_eq!(found.feet_planted, expected.feet_planted, epsilon = 1e-6);
            assert_relative_eq!(found.feet_slide.unwrap(), expected.feet_slide.unwrap(), epsilon = 1e-4);
            assert_eq!(found.camera.is_some(), axes == Axes::Level, "{axes}");
        }
    }

    #[test]
    fn what_is_no_number_is_passed_over() {
        let mut steadiness = steadiness(None);
        steadiness.add(&frame(0, vec![person(None, f32::NAN)]));
        assert_eq!((steadiness.figures().frames, steadiness.figures().poses), (1, 0));
    }
}

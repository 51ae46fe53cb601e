//! Lifted poses beside a recording of markers: another rate, another clock, and an uncalibrated camera.
//!
//! One rotation of the whole clip takes the camera's axes to the recording's, and one shift takes one clock to the
//! other: both are those with the least MPJPE. Poses are compared from the middle of the hips, at the frames' times,
//! between two samples of the recording linearly. Only the twelve joints are compared that every marker set and every
//! skeleton has; where a joint centre lies is still a matter of definition, which no metric can tell from an error.

mod angles;
mod errors;
mod recording;

use nalgebra::{Matrix3, Vector3};

use super::procrustes::best_rotation;
use super::{Point, mpjpe, n_mpjpe, p_mpjpe};
use crate::error::{Error, Result};
use crate::median::median;
use crate::skeleton::const_find_joint;
use angles::ANGLES;
use errors::{joint_errors, mean_over, root_path, scale, velocity_error, within_sigma};

/// The joints that are compared.
pub const TRUTH_JOINTS: [&str; 12] = [
    "right_hip",
    "right_knee",
    "right_ankle",
    "left_hip",
    "left_knee",
    "left_ankle",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
];
const RIGHT_HIP: usize = truth_joint("right_hip");
const LEFT_HIP: usize = truth_joint("left_hip");

/// The place of a joint among [`TRUTH_JOINTS`]; in a constant, a name that is none of them does not compile.
const fn truth_joint(name: &str) -> usize {
    const_find_joint(&TRUTH_JOINTS, name).expect("no joint of the truth has this name")
}

/// Seconds that clocks may differ by.
const MAX_SHIFT: f64 = 0.5;
/// Seconds between the shifts that are tried, first and at last.
const COARSE_STEP: f64 = 0.01;
const FINE_STEP: f64 = 0.001;
/// Frames that a shift is tried on; of longer clips some are left out.
const TRIED_FRAMES: usize = 1000;
/// Least share of the frames that a shift must leave to compare.
const MIN_OVERLAP: f64 = 0.5;
/// Seconds between two samples beyond which nothing is known between them.
const MAX_GAP: f64 = 0.1;
/// What rounded times may add to it, seconds.
const ROUNDING: f64 = 1e-3;
/// Factor of the size that a recording and the poses may differ by before its unit is doubted.
const MAX_SCALE: f64 = 2.0;

/// One pose of the twelve joints, metres; NaN where a joint is not known.
pub type TruthPose = [Vector3<f64>; TRUTH_JOINTS.len()];

/// Poses over time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recording {
    /// `[T]` seconds, rising.
    pub times: Vec<f64>,
    /// `[T]` poses in any axes, from any origin.
    pub poses: Vec<TruthPose>,
    /// `[T]` where the middle of the hips is, NaN where it is not known; empty if it is known nowhere.
    pub roots: Vec<Vector3<f64>>,
    /// `[T]` the error expected of each joint, metres, NaN where it is not known; empty where none is.
    pub sigma: Vec<[f64; TRUTH_JOINTS.len()]>,
}

/// How well poses agree with a recording. Lengths in millimetres, angles in degrees.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreement {
    /// Frames that were compared.
    pub frames: usize,
    /// Seconds to add to the poses' times for the recording's.
    pub shift: f64,
    /// How many times as large the recording's people are as the poses, on the mean.
    pub scale: f64,
    /// Takes the poses' axes to the recording's.
    pub rotation: Matrix3<f64>,
    /// After the rotation of the clip, from the middle of the hips.
    pub mpjpe: f64,
    /// The same with the best scale of each pose.
    pub n_mpjpe: f64,
    /// With the best rotation, scale and translation of each pose.
    pub p_mpjpe: f64,
    /// The share of the joints that are within their sigma, after the rotation of the clip; `None` without sigma. It is 0.68 before that
    /// where sigma is right, and about 0.76 after it: the rotation takes a part of the error away (docs/lab.md).
    pub within_sigma: Option<f64>,
    /// Of each joint of [`TRUTH_JOINTS`]; `None` where it is never known.
    pub joints: [Option<f64>; TRUTH_JOINTS.len()],
    /// The mean error of the joints' velocity, mm/s; `None` without two frames in a row.
    pub velocity: Option<f64>,
    /// Of each angle that is ever known.
    pub angles: Vec<AngleAgreement>,
    /// The mean distance of the hips' path from the recording's, after the rotation, both about their own middle;
    /// `None` where either is not known.
    pub root_path: Option<f64>,
}

/// How well one angle agrees.
#[derive(Debug, Clone, PartialEq)]
pub struct AngleAgreement {
    /// The joint that it is at.
    pub name: &'static str,
    /// The mean absolute difference, degrees.
    pub error: f64,
    /// The mean difference over the clip, with its sign, degrees.
    pub offset: f64,
    /// The mean absolute difference once the offset is taken off, degrees.
    pub without_offset: f64,
}

impl Agreement {
    /// What speaks against the figures, a sentence each.
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        if self.shift.abs() > MAX_SHIFT - COARSE_STEP / 2.0 {
            doubts.push(format!(
                "the best shift of the clock, {:+.3} s, is at the end of what is searched: the clocks may differ by more",
                self.shift
            ));
        }
        if !(1.0 / MAX_SCALE..MAX_SCALE).contains(&self.scale) {
            doubts
                .push(format!("the recording is {:.3} times as large as the poses: its unit may be wrong", self.scale));
        }
        doubts
    }
}

/// Compares `poses` with `truth`, at the times of the poses, or at the recording's if those are too far apart to know what is
/// between them.
///
/// # Errors
/// Too few frames at times that both know.
pub fn agreement(poses: &Recording, truth: &Recording) -> Result<Agreement> {
    let truth = &bridged(truth);
    let both = Both { poses, truth, at_truth: is_slow(truth) };
    let count = both.times().len();
    let step = count.div_ceil(TRIED_FRAMES).max(1);
    let tried: Vec<usize> = (0..count).step_by(step).collect();
    let coarse = best_shift(&both, &tried, shifts(0.0, MAX_SHIFT, COARSE_STEP));
    let coarse = coarse.ok_or_else(|| nothing_to_compare(poses, truth))?;
    let fine = shifts(coarse, COARSE_STEP, FINE_STEP).filter(|shift| shift.abs() <= MAX_SHIFT);
    let shift = best_shift(&both, &tried, fine).unwrap_or(coarse);

    let all: Vec<usize> = (0..count).collect();
    let pairs = both.pairs(&all, shift);
    let rotation = clip_rotation(&pairs);
    let turned: Vec<Pair> = pairs.iter().map(|pair| pair.turned(&rotation)).collect();
    Ok(Agreement {
        frames: turned.len(),
        shift,
        scale: scale(&turned),
        rotation,
        mpjpe: 1e3 * mean_over(&turned, mpjpe),
        n_mpjpe: 1e3 * mean_over(&turned, n_mpjpe),
        p_mpjpe: 1e3 * mean_over(&turned, p_mpjpe),
        within_sigma: within_sigma(&turned, &poses.sigma),
        joints: joint_errors(&turned),
        velocity: velocity_error(&turned),
        angles: ANGLES.iter().filter_map(|angle| angle.agreement(&turned)).collect(),
        root_path: root_path(&turned),
    })
}

/// The error of recordings of which no shift leaves enough.
fn nothing_to_compare(poses: &Recording, truth: &Recording) -> Error {
    let found = first_to_last(poses);
    let expected = first_to_last(truth);
    if is_slow(poses) && is_slow(truth) {
        return Error::input(format!(
            "the poses' times, {found}, and the recording's, {expected}, are both more than {MAX_GAP} s apart: one of them must \
             have ten samples a second"
        ));
    }
    Error::input(format!(
        "the poses' times, {found}, and the recording's, {expected}, have too little in common with both hips known"
    ))
    .hint("both must begin at the same moment, within half a second, and know both hips at most times; the poses need times or --fps")
}

/// A recording's first and last time, for messages.
fn first_to_last(recording: &Recording) -> String {
    match (recording.times.first(), recording.times.last()) {
        (Some(first), Some(last)) => format!("{first:.2} to {last:.2} s"),
        _ => "no frames".to_owned(),
    }
}

/// Shifts around `middle`, as far as `reach`.
fn shifts(middle: f64, reach: f64, step: f64) -> impl Iterator<Item = f64> {
    let steps = (reach / step).round() as i32;
    (-steps..=steps).map(move |at| middle + f64::from(at) * step)
}

/// The shift with the least error; `None` where each leaves too little.
fn best_shift(both: &Both<'_>, samples: &[usize], shifts: impl Iterator<Item = f64>) -> Option<f64> {
    let mut best: Option<(f64, f64)> = None;
    // Both may end at other times: what is asked for is a share of the shorter one.
    let shorter = duration(&both.truth.times)?.min(duration(&both.poses.times)?) / duration(both.times())?;
    let least = (MIN_OVERLAP * shorter * samples.len() as f64).max(2.0);
    for shift in shifts {
        let pairs = both.pairs(samples, shift);
        if (pairs.len() as f64) < least {
            continue;
        }
        let rotation = clip_rotation(&pairs);
        let turned: Vec<Pair> = pairs.iter().map(|pair| pair.turned(&rotation)).collect();
        let error = mean_over(&turned, mpjpe);
        if best.is_none_or(|(least, _)| error < least) {
            best = Some((error, shift));
        }
    }
    best.map(|(_, shift)| shift)
}

/// Seconds from the first of `times` to the last; `None` without any.
fn duration(times: &[f64]) -> Option<f64> {
    Some(times.last()? - times.first()?)
}

/// The recording with the joints that single samples lack, between others that are no further apart than [`MAX_GAP`].
fn bridged(recording: &Recording) -> Recording {
    let mut whole = recording.clone();
    for joint in 0..TRUTH_JOINTS.len() {
        let mut last: Option<usize> = None;
        for at in 0..recording.times.len() {
            if !is_known(&recording.poses[at][joint]) {
                continue;
            }
            if let Some(before) = last.replace(at).filter(|before| before + 1 < at) {
                let [start, end] = [before, at].map(|sample| recording.times[sample]);
                if end - start <= MAX_GAP + ROUNDING {
                    for between in before + 1..at {
                        let share = (recording.times[between] - start) / (end - start);
                        whole.poses[between][joint] =
                            recording.poses[before][joint].lerp(&recording.poses[at][joint], share);
                    }
                }
            }
        }
    }
    whole
}

/// The median of the seconds between samples; `None` without two.
fn usual_step(recording: &Recording) -> Option<f64> {
    let mut steps: Vec<f64> = recording.times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    median(&mut steps)
}

/// Whether a recording's samples are too far apart to be joined by lines.
fn is_slow(recording: &Recording) -> bool {
    usual_step(recording).is_some_and(|step| step > MAX_GAP + ROUNDING)
}

/// What is compared.
struct Both<'a> {
    poses: &'a Recording,
    truth: &'a Recording,
    /// Whether they are compared at the times of the truth, which is slow, and not of the poses.
    at_truth: bool,
}

/// A pose and the truth at its time, both from the middle of their hips.
#[derive(Debug, Clone)]
struct Pair {
    /// The sample at whose time they are compared, and the poses' nearest to it.
    sample: usize,
    frame: usize,
    time: f64,
    pose: TruthPose,
    truth: TruthPose,
    /// Where both have their hips, if that is known.
    roots: Option<Roots>,
}

/// Where the middle of the hips is, in each recording's own axes or turned.
#[derive(Debug, Clone, Copy)]
struct Roots {
    pose: Vector3<f64>,
    truth: Vector3<f64>,
}

impl Pair {
    fn turned(&self, rotation: &Matrix3<f64>) -> Self {
        let roots = self.roots.map(|roots| Roots { pose: rotation * roots.pose, ..roots });
        Self { pose: self.pose.map(|joint| rotation * joint), roots, ..self.clone() }
    }

    /// From where a joint is in the truth to where it is in the pose.
    fn error(&self, joint: usize) -> Vector3<f64> {
        self.pose[joint] - self.truth[joint]
    }

    /// The joints that both know.
    fn known(&self) -> [Vec<Point>; 2] {
        let mut points = [Vec::new(), Vec::new()];
        for (pose, truth) in self.pose.iter().zip(&self.truth) {
            if is_known(pose) && is_known(truth) {
                points[0].push(pose.map(|x| x as f32).into());
                points[1].push(truth.map(|x| x as f32).into());
            }
        }
        points
    }
}

fn is_known(point: &Vector3<f64>) -> bool {
    point.iter().all(|x| x.is_finite())
}

impl Both<'_> {
    /// The times at which they are compared.
    fn times(&self) -> &[f64] {
        if self.at_truth { &self.truth.times } else { &self.poses.times }
    }

    /// The pairs at those of these times that are `samples`, where both have both hips.
    fn pairs(&self, samples: &[usize], shift: f64) -> Vec<Pair> {
        let Self { poses, truth, at_truth } = *self;
        let mut pairs = Vec::new();
        for &sample in samples {
            let own = self.times()[sample];
            let time = if at_truth { own - shift } else { own };
            let true_time = if at_truth { own } else { own + shift };
            let Some(found) = interpolated(poses, time) else { continue };
            let Some(expected) = interpolated(truth, true_time) else { continue };
            let centre = middle_of_hips(&found.pose);
            let true_centre = middle_of_hips(&expected.pose);
            if !is_known(&centre) || !is_known(&true_centre) {
                continue;
            }
            pairs.push(Pair {
                sample,
                frame: nearest(poses, time),
                time,
                pose: found.pose.map(|joint| joint - centre),
                truth: expected.pose.map(|joint| joint - true_centre),
                roots: found.root.filter(is_known).map(|root| Roots { pose: root, truth: true_centre }),
            });
        }
        pairs
    }
}

fn middle_of_hips(pose: &TruthPose) -> Vector3<f64> {
    (pose[RIGHT_HIP] + pose[LEFT_HIP]) / 2.0
}

/// The sample that is nearest to `time`.
fn nearest(recording: &Recording, time: f64) -> usize {
    let after = recording.times.partition_point(|&sample| sample < time).min(recording.times.len() - 1);
    let before = after.saturating_sub(1);
    if time - recording.times[before] < recording.times[after] - time { before } else { after }
}

/// A pose of a recording at some time.
struct Moment {
    pose: TruthPose,
    /// Where the middle of the hips is, if that is ever known.
    root: Option<Vector3<f64>>,
}

/// The pose at `time`, between two samples; what either sample lacks is not known.
fn interpolated(recording: &Recording, time: f64) -> Option<Moment> {
    let after = recording.times.partition_point(|&sample| sample < time);
    if recording.times.get(after) == Some(&time) {
        return Some(Moment { pose: recording.poses[after], root: recording.roots.get(after).copied() });
    }
    let before = after.checked_sub(1)?;
    let [start, end] = [recording.times[before], *recording.times.get(after)?];
    if end - start > MAX_GAP + ROUNDING {
        return None;
    }
    let share = (time - start) / (end - start);
    let pose = std::array::from_fn(|joint| recording.poses[before][joint].lerp(&recording.poses[after][joint], share));
    let root = recording.roots.get(before).zip(recording.roots.get(after)).map(|(start, end)| start.lerp(end, share));
    Some(Moment { pose, root })
}

/// The rotation of all poses together that brings them closest to the truth by least squares (Kabsch 1976).
fn clip_rotation(pairs: &[Pair]) -> Matrix3<f64> {
    let mut covariance = Matrix3::zeros();
    for pair in pairs {
        for (pose, truth) in pair.pose.iter().zip(&pair.truth) {
            if is_known(pose) && is_known(truth) {
                covariance += pose * truth.transpose();
            }
        }
    }
    best_rotation(covariance).rotation
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use nalgebra::Rotation3;

    use super::*;

    /// A person who swings arms and legs while walking along x, `[T]` at the times.
    fn walk(times: &[f64]) -> Recording {
        let pose = |time: f64| -> TruthPose {
            let swing = 0.3 * (5.0 * time).sin();
            let at = |x: f64, y: f64, z: f64| Vector3::new(x + time, y, z);
            [
                at(0.0, 0.9, 0.1),
                at(swing, 0.5, 0.1),
                at(2.0 * swing - 0.1, 0.1, 0.1),
                at(0.0, 0.9, -0.1),
                at(-swing, 0.5, -0.1),
                at(-2.0 * swing - 0.1, 0.1, -0.1),
                at(0.02, 1.4, -0.2),
                at(swing, 1.1, -0.25),
                at(2.0 * swing + 0.1, 0.9, -0.2),
                at(0.02, 1.4, 0.2),
                at(-swing, 1.1, 0.25),
                at(-2.0 * swing + 0.1, 0.9, 0.2),
            ]
        };
        let poses: Vec<TruthPose> = times.iter().map(|&time| pose(time)).collect();
        let roots = poses.iter().map(middle_of_hips).collect();
        Recording { times: times.to_vec(), poses, roots, sigma: Vec::new() }
    }

    fn times(count: usize, rate: f64) -> Vec<f64> {
        (0..count).map(|frame| frame as f64 / rate).collect()
    }

    #[test]
    fn a_turn_and_another_clock_are_found() {
        let truth = walk(&times(400, 100.0));
        let mut poses = walk(&times(60, 25.0).iter().map(|time| time + 0.5).collect::<Vec<_>>());
        let turn = Rotation3::from_euler_angles(0.3, -1.2, 2.5);
        for pose in &mut poses.poses {
            *pose = pose.map(|joint| turn * joint);
        }
        for root in &mut poses.roots {
            *root = turn * *root + Vector3::new(0.0, 0.0, 4.0);
        }
        for time in &mut poses.times {
            *time += 0.123;
        }
        let found = agreement(&poses, &truth).unwrap();
        assert_eq!(found.frames, 60);
        assert_relative_eq!(found.shift, -0.123, epsilon = 1e-9);
        assert_relative_eq!(found.rotation, turn.inverse().into_inner(), epsilon = 1e-3);
        assert!(found.mpjpe < 0.5 && found.p_mpjpe < 0.5 && found.root_path.unwrap() < 0.5, "{found:?}");
        assert!(found.angles.iter().all(|angle| angle.error < 0.5), "{found:?}");
        assert_eq!(found.angles.len(), 6);
    }

    #[test]
    fn errors_are_those_that_were_put_in() {
        let truth = walk(&times(300, 100.0));
        let mut poses = walk(&times(70, 25.0));
        for pose in &mut poses.poses {
            // The right wrist 12 cm too far ahead always: 120 / 12 joints.
            pose[11].x += 0.12;
        }
        let found = agreement(&poses, &truth).unwrap();
        // The rotation of the clip takes a part of it.
        assert_relative_eq!(found.joints[11].unwrap(), 120.0, epsilon = 5.0);
        // 120 mm over twelve joints, and what the rotation by least squares moves the others.
        assert!((9.0..16.0).contains(&found.mpjpe), "{found:?}");
        assert!(found.velocity.unwrap() < 25.0, "{found:?}");
        assert_eq!(found.within_sigma, None);
        poses.sigma = vec![[0.05; TRUTH_JOINTS.len()]; 70];
        // All joints but the wrist.
        assert_relative_eq!(agreement(&poses, &truth).unwrap().within_sigma.unwrap(), 11.0 / 12.0, epsilon = 1e-9);
        let elbow = found.angles.iter().find(|angle| angle.name == "right_elbow").unwrap();
        assert!(elbow.error > 5.0 && elbow.without_offset < elbow.error, "{elbow:?}");
        assert!(found.angles[0].error < 1.0, "{found:?}");
    }

    #[test]
    fn joints_that_are_not_known_are_left_out_and_nothing_is_compared_across_gaps() {
        let mut truth = walk(&times(300, 100.0));
        for pose in &mut truth.poses {
            pose[8] = Vector3::repeat(f64::NAN);
        }
        truth.times.drain(100..200);
        truth.poses.drain(100..200);
        let found = agreement(&walk(&times(75, 25.0)), &truth).unwrap();
        assert!((45..=52).contains(&found.frames), "{}", found.frames);
        assert_eq!(found.joints[8], None);
        assert_eq!(found.angles.len(), 5);
        assert!(found.mpjpe < 0.5);
    }

    #[test]
    fn slow_recordings_are_compared_at_their_own_times() {
        let poses = walk(&times(200, 60.0));
        for rate in [4.0, 9.0, 10.0, 11.0] {
            let mut truth = walk(&times((3.2 * rate) as usize, rate));
            // Clocks that round.
            truth.times.iter_mut().for_each(|time| *time = (*time * 1e4).round() / 1e4);
            let found = agreement(&poses, &truth).unwrap();
            assert!(found.frames >= truth.times.len() - 1, "{rate} a second: {} compared", found.frames);
            assert!(found.root_path.is_some_and(|off| off < 3.0), "{rate} a second: {:?}", found.root_path);
            // Lines between a recording's samples a tenth of a second apart cut corners.
            assert!(found.mpjpe < 12.0 && found.shift.abs() < 0.02, "{rate} a second: {found:?}");
            assert!(found.doubts().is_empty());
        }
    }

    #[test]
    fn single_samples_without_a_joint_are_bridged() {
        let mut truth = walk(&times(300, 100.0));
        truth.poses.iter_mut().step_by(4).for_each(|pose| pose[RIGHT_HIP] = Vector3::repeat(f64::NAN));
        let found = agreement(&walk(&times(70, 25.0)), &truth).unwrap();
        assert!(found.frames >= 69 && found.mpjpe < 0.5, "{found:?}");
    }

    #[test]
    fn what_speaks_against_the_figures_is_said() {
        let truth = walk(&times(400, 100.0));
        let mut late = walk(&times(60, 25.0).iter().map(|time| time + 0.8).collect::<Vec<_>>());
        late.times.iter_mut().for_each(|time| *time -= 0.6);
        let found = agreement(&late, &truth).unwrap();
        assert!((found.shift - 0.5).abs() < 1e-9, "{}", found.shift);
        assert!(found.doubts()[0].contains("+0.500 s, is at the end of what is searched"), "{:?}", found.doubts());
        let mut large = truth.clone();
        large.poses.iter_mut().flatten().for_each(|joint| *joint *= 1000.0);
        let doubts = agreement(&walk(&times(70, 25.0)), &large).unwrap().doubts();
        assert!(doubts.iter().any(|doubt| doubt.contains("times as large as the poses: its unit")), "{doubts:?}");
    }

    #[test]
    fn times_without_each_other_are_an_error() {
        let late = walk(&times(50, 25.0).iter().map(|time| time + 100.0).collect::<Vec<_>>());
        let message = agreement(&late, &walk(&times(300, 100.0))).unwrap_err().to_string();
        assert!(message.contains("100.00 to 101.96 s"), "{message}");
        assert!(agreement(&Recording::default(), &walk(&times(300, 100.0))).is_err());
    }
}

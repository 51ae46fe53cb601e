//! The detector model of sequences: one detector that sees one person for a while. Its errors are partly the same all
//! the time, partly follow the pose, partly drift, and only partly change from frame to frame; faults come in spells.
//!
//! The shares were fitted to MediaPipe's errors beside marker-based truth (two clips, docs/lab.md): of 19 to 31 mm a joint,
//! 4 to 7 are white, 16 to 19 follow the pose slowly, 10 to 20 are constant for the clip.

use tch::{Kind, Tensor};

use super::joints::{FeetLacking, Group};
use super::scores::ScoreHabit;
use super::spells::Frames;
use super::{Bounds, Normal, across, if_enough_are_left, outside};
use super::{CUTS_AT_EDGE, Detector, HIP_WIDTH, Joints, LOST_BY, OCCLUDED_ERROR, QUALITY, SIZE_OVER_STATURE};
use crate::views::{WITHOUT_FEET, lengths};

/// Shares of the variance of a joint's error in the image: constant, a smooth function of the pose, drifting, white.
const SHARES: [f64; 4] = [0.35, 0.30, 0.20, 0.15];
/// How long a drift lasts: the median, seconds, and the deviation of its logarithm.
const DRIFT: Normal = Normal::new(0.4, 0.5);
/// Waves that a smooth function of the pose is the sum of, and how many radians a metre of a joint's movement is worth.
const WAVES: i64 = 12;
const RADIANS_A_METRE: f64 = 0.9;
/// Constant places on the body vary this much more than single frames of training have it.
const PLACEMENT: f64 = 1.5;
/// Standard deviation of the hips' common offset up and forward, metres.
const HIPS_OFF: f64 = 0.015;
/// Lengths of spells, seconds: of a lost joint, a hidden limb, exchanged sides, a part that is left out and a joint that is.
const LOST: Bounds = Bounds::new(0.1, 0.5);
const HIDDEN: Bounds = Bounds::new(0.3, 1.5);
const EXCHANGED: Bounds = Bounds::new(0.05, 0.4);
const PART_GONE: Bounds = Bounds::new(0.2, 2.0);
const JOINT_GONE: Bounds = Bounds::new(0.1, 0.6);
/// Share of the windows with gaps; and in them, share of the time that each joint is left out by itself.
const WITH_GAPS: f64 = 0.5;
const GONE: f64 = 0.03;
/// Factor of the shares of parts that are left out, since only some windows have gaps.
const PARTS: f64 = 1.5;

/// The input of a detector: B windows of T frames, all in camera axes, frame by frame.
#[derive(Debug)]
pub(in crate::views) struct Footage {
    /// `[B·T, 28, 3]` metres, absolute.
    pub bodies: Tensor,
    /// `[B·T, J, 3]` metres, absolute: the detector's joints among them.
    pub points: Tensor,
    /// `[B·T, J, 3, 3]` the axes of the limb at each joint.
    pub axes: Tensor,
}

/// One detector for each window, drawn from libtorch's generator, which the caller has seeded.
pub(in crate::views) struct SequenceDetection<'a> {
    detector: Detector,
    joints: &'a Joints,
    frames: Frames,
    /// `[B·T, 1, 1]` 1 if this detector makes errors at all, else 0.
    errs: Tensor,
    /// Of all frames, `[B·T, …]`.
    feet: Option<FeetLacking>,
}

impl<'a> SequenceDetection<'a> {
    /// Detectors for windows of frames `dt` `[B, T]` seconds apart.
    pub(in crate::views) fn new(detector: Detector, joints: &'a Joints, dt: &Tensor) -> Self {
        let frames = Frames::new(dt);
        let share = if detector.noise > 0.0 { 1.0 - detector.perfect } else { 0.0 };
        let errs = frames.windows.some(share).to_kind(Kind::Float);
        let lacking = joints.feet.as_ref().map(|feet| feet.lacking(&frames.windows, detector.gaps, &errs));
        let errs = frames.repeated(&errs);
        let feet = lacking.map(|lacking| lacking.of_each(frames.steps));
        Self { detector, joints, frames, errs, feet }
    }

    /// `[B·T, J, 3]` the joints of `footage` at the places on the body that the detector means by them.
    pub(in crate::views) fn misplaced(&self, footage: &Footage) -> Tensor {
        let Footage { points, axes, .. } = footage;
        if self.detector.noise == 0.0 {
            return points.copy();
        }
        let windows = &self.frames.windows;
        let offset = windows.normal(&[self.joints.count, 3]) * &self.joints.placement * PLACEMENT;
        let [hips, shoulders] = self.joints.trunk;
        let width_of_hips = self.mean_width(points, hips);
        let width_of_shoulders = self.mean_width(points, shoulders);
        let wanted = windows.uniform(&[1, 1], HIP_WIDTH) * width_of_shoulders / &width_of_hips;
        let wider = width_of_hips * (wanted.clamp(0.8, 1.8) - 1.0) * 0.5;
        let common = windows.normal(&[1, 2]) * HIPS_OFF;
        for (hip, outwards) in hips.into_iter().zip([1.0, -1.0]) {
            let own = Tensor::cat(&[&wider * outwards, common.shallow_clone()], 2);
            let _ = offset.narrow(1, hip, 1).g_add_(&own);
        }
        let offset = self.frames.repeated(&offset).unsqueeze(3);
        let meant = self.feet.as_ref().map_or_else(|| points.shallow_clone(), |feet| feet.misplaced(points));
        meant + axes.matmul(&offset).squeeze_dim(3) * &self.errs * self.detector.noise
    }

    /// `[B, 1, 1]` how far a left and a right joint, the `pair` among `points` `[B·T, J, 3]`, are apart: the mean of each window.
    fn mean_width(&self, points: &Tensor, pair: [i64; 2]) -> Tensor {
        let each = lengths(&across(points, pair));
        each.view([-1, self.frames.steps, 1]).mean_dim(&[1i64][..], true, Kind::Float).clamp_min(1e-3)
    }

    /// Key points `[B·T, J, 3]` with scores from projections `[B·T, J, 2]`, pixels in images of `size` `[B·T, 2]`, of people
    /// who are `stature` `[B·T]` pixels tall at their distance.
    pub(in crate::views) fn observed(
        &self,
        footage: &Footage,
        pixels: &Tensor,
        stature: &Tensor,
        size: &Tensor,
    ) -> Tensor {
        let seen = match self.detector.noise > 0.0 {
            true => self.noisy(footage, pixels, &(stature * SIZE_OVER_STATURE).view([-1, 1, 1])),
            false => Tensor::cat(&[pixels, &pixels.narrow(2, 0, 1).ones_like()], 2),
        };
        if self.detector.gaps == 0.0 {
            return seen;
        }
        seen.zeros_like().where_self(&self.gaps(&seen, size), &seen)
    }

    fn noisy(&self, footage: &Footage, pixels: &Tensor, size: &Tensor) -> Tensor {
        let frames = &self.frames;
        let occluded = self.occluded();
        let blind = &occluded * (OCCLUDED_ERROR - 1.0) + 1.0;
        let quality = (frames.windows.normal(&[1, 1]) * QUALITY).exp() * self.detector.noise;
        let error = (self.errors(footage) * frames.repeated(&quality) * blind + self.lost()) * &self.errs;
        let found = self.exchanged(&(pixels + error * size));
        let distance = lengths(&(&found - pixels)) / size;
        let habit = ScoreHabit::of_windows(&frames.windows, frames.steps);
        let score = habit.scores(&frames.each, &self.joints.noise, &distance, &occluded);
        Tensor::cat(&[found, score.where_self(&self.errs.gt(0.5), &score.ones_like())], 2)
    }

    /// `[B·T, J, 2]` errors of a usual detector, as shares of the person's size.
    fn errors(&self, footage: &Footage) -> Tensor {
        let frames = &self.frames;
        let shape = [self.joints.count + 1, 2];
        let constant = frames.repeated(&frames.windows.normal(&shape));
        let memory = (frames.windows.normal(&[1, 1]) * DRIFT.deviation).exp() * DRIFT.mean;
        let parts = [constant, self.follows(footage), frames.slow_noise(shape, &memory), frames.each.normal(&shape)];
        let sum = parts.iter().zip(SHARES).fold(parts[0].zeros_like(), |sum, (part, share)| sum + part * share.sqrt());
        self.joints.mixing.matmul(&sum)
    }

    /// `[B·T, J + 1, 2]` of deviation 1, a smooth function of the pose that is another for each window: random waves through
    /// the space of poses.
    fn follows(&self, footage: &Footage) -> Tensor {
        let windows = &self.frames.windows;
        let pose = &footage.bodies - footage.bodies.narrow(1, 0, 1);
        let pose = pose.narrow(1, 1, WITHOUT_FEET - 1);
        let numbers = (WITHOUT_FEET - 1) * 3;
        let waves = windows.normal(&[numbers, WAVES]) * RADIANS_A_METRE;
        let phase = windows.unit(&[1, WAVES]) * std::f64::consts::TAU;
        let height = (pose.reshape([-1, self.frames.steps, numbers]).bmm(&waves) + phase).cos();
        let outputs = (self.joints.count + 1) * 2;
        let mixed = height.bmm(&windows.normal(&[WAVES, outputs])) * (2.0 / WAVES as f64).sqrt();
        mixed.view([-1, self.joints.count + 1, 2])
    }

    /// `[B·T, J, 2]` offsets of joints that are lost for a while, as shares of the person's size; 0 for the others.
    fn lost(&self) -> Tensor {
        let frames = &self.frames;
        let count = self.joints.count;
        let lost = frames.spells(count, &(&self.joints.lost.view([-1]) * self.detector.noise), LOST);
        let angle = frames.windows.unit(&[count, 1]) * std::f64::consts::TAU;
        let far = frames.windows.uniform(&[count, 1], LOST_BY);
        let offset = Tensor::cat(&[&angle.cos() * &far, angle.sin() * far], 2);
        frames.repeated(&offset) * lost.to_kind(Kind::Float)
    }

    /// `[B·T, n, 1]` whether each of `n` faults lasts, by its share of the time, times `factor`.
    fn lasting(&self, shares: impl Iterator<Item = f64>, factor: f64, lengths: Bounds) -> Tensor {
        let shares: Vec<f32> = shares.map(|share| (share * factor) as f32).collect();
        let faults = shares.len() as i64;
        let shares = Tensor::from_slice(&shares).to_device(self.errs.device());
        self.frames.spells(faults, &shares, lengths)
    }

    /// Where the fault of each of `groups` lasts, as masks of joints `[B·T, J, 1]`.
    fn masks(&self, groups: &[Group], factor: f64, lengths: Bounds) -> Vec<Tensor> {
        let spells = self.lasting(groups.iter().map(|group| group.share), factor, lengths);
        let groups = groups.iter().enumerate();
        groups.map(|(index, group)| spells.narrow(1, index as i64, 1).logical_and(&group.mask)).collect()
    }

    /// `[B·T, J, 1]` 1 where a limb is hidden by the body and its place is guessed, else 0.
    fn occluded(&self) -> Tensor {
        let masks = self.masks(&self.joints.occluded, self.detector.noise, HIDDEN);
        any(&masks, &self.errs).to_kind(Kind::Float)
    }

    /// Key points `[B·T, J, 2]`; left and right of a limb, or of all joints, are exchanged for a while.
    fn exchanged(&self, points: &Tensor) -> Tensor {
        let exchanges = &self.joints.exchanged;
        let spells = self.lasting(exchanges.iter().map(|exchange| exchange.share), self.detector.noise, EXCHANGED);
        let chosen = (0..exchanges.len()).map(|index| spells.narrow(1, index as i64, 1));
        self.joints.with_sides_exchanged(points, chosen, &self.errs)
    }

    /// `[B·T, J, 1]` whether a joint is left out.
    fn gaps(&self, seen: &Tensor, size: &Tensor) -> Tensor {
        let frames = &self.frames;
        let level = self.detector.gaps;
        let count = self.joints.count;
        let has_gaps = frames.repeated(&frames.windows.some(WITH_GAPS * level));
        let single = Tensor::full([count], GONE, (Kind::Float, seen.device()));
        let mut gone = frames.spells(count, &single, JOINT_GONE);
        for mask in self.masks(&self.joints.hidden, PARTS, PART_GONE) {
            gone = gone.logical_or(&mask);
        }
        let cuts = frames.repeated(&frames.windows.some(CUTS_AT_EDGE * level));
        gone = gone.logical_and(&has_gaps).logical_or(&outside(seen, size).logical_and(&cuts));
        if let Some(feet) = &self.feet {
            gone = gone.logical_or(&feet.missing);
        }
        if_enough_are_left(&gone, self.joints)
    }
}

/// Whether any of `masks` holds; `like` `[B·T, 1, 1]` gives the shape where there are none.
fn any(masks: &[Tensor], like: &Tensor) -> Tensor {
    masks.iter().fold(like.lt(0.0), |any, mask| any.logical_or(mask))
}

//! A model of 2D detectors: joints where detectors put them instead of where bones meet, correlated noise, lost
//! joints, left and right exchanged, joints left out, and scores that say little about all that.
//!
//! The constants follow measurements on real detections (`models/README.md` has the table): MediaPipe's errors
//! against other views of the same person, and jitter and scores of OpenPose, HRNet, AlphaPose and MediaPipe on
//! clips. Each pose has a new detector and a new person: systematic errors are drawn anew for the next one.

mod joints;
mod sampler;
mod scores;
mod sequence;
mod spells;

use joints::FeetLacking;
pub(super) use joints::Joints;
pub(super) use sampler::Sampler;
pub use sampler::{Bounds, Normal};
pub(super) use sequence::{Footage, SequenceDetection};

use tch::{Kind, Tensor};

use crate::views::lengths;

/// Spread of detectors and images about the usual noise, as a standard deviation of its logarithm.
const QUALITY: f64 = 0.5;
/// Ratio of a person's size, in whose shares all errors are given, to the stature: the size is the root of the area
/// of the box around the key points of a walking person. Errors do not grow when the arms are spread: on clips of
/// four detectors the jitter and the box have rank correlations of 0.44, 0.02, -0.14 and -0.31.
const SIZE_OVER_STATURE: f64 = 0.525;
/// Distance of a lost joint from its true place, as a share of the person's size.
const LOST_BY: Bounds = Bounds::new(0.15, 0.3);
/// Factor of the errors where a limb is hidden and its place is guessed.
const OCCLUDED_ERROR: f64 = 2.0;
/// Width of the hips over that of the shoulders in detections; where bones meet it is 0.45 to 0.6.
const HIP_WIDTH: Bounds = Bounds::new(0.52, 0.72);
/// Share of the poses with single joints left out.
const WITH_GAPS: f64 = 0.4;
/// The largest share of joints that are left out of these.
const MAX_GAP_SHARE: f64 = 0.4;
/// Share of the detectors that do not guess what is outside the image.
const CUTS_AT_EDGE: f64 = 0.7;
/// Lifters never see fewer visible joints than this: nothing is left out then.
const MIN_VISIBLE_JOINTS: f64 = 6.0;

/// Quality of a detector: at 0 the fault does not occur, 1 is usual.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detector {
    /// Misplaced, noisy, lost and exchanged key points, and matching scores.
    pub noise: f64,
    /// Joints left out.
    pub gaps: f64,
    /// Share of the people who are detected without error all the same, with full scores.
    pub perfect: f64,
}

impl Detector {
    /// Exact projections of every joint, with full scores.
    pub const PERFECT: Self = Self { noise: 0.0, gaps: 0.0, perfect: 0.0 };

    /// A detector that leaves no joint out.
    pub fn in_full_view(noise: f64) -> Self {
        Self { noise, ..Self::PERFECT }
    }

    /// The detectors of training: joints are left out too, and some views have no fault.
    pub fn in_training(noise: f64) -> Self {
        Self { noise, gaps: noise.min(1.0), perfect: 0.15 }
    }
}

/// One detector's random numbers for B people; drawn from libtorch's generator, which the caller has seeded.
pub(super) struct Detection<'a> {
    detector: Detector,
    joints: &'a Joints,
    /// `[B, 1, 1]` 1 if this detector makes errors at all, else 0.
    errs: Tensor,
    feet: Option<FeetLacking>,
    draw: Sampler,
}

impl<'a> Detection<'a> {
    /// Draws detectors for as many people as `points` `[B, J, 3]` has.
    pub(super) fn new(detector: Detector, joints: &'a Joints, points: &Tensor) -> Self {
        let draw = Sampler::new(points.size()[0], points.device());
        let share = if detector.noise > 0.0 { 1.0 - detector.perfect } else { 0.0 };
        let errs = draw.some(share).to_kind(Kind::Float);
        let feet = joints.feet.as_ref().map(|feet| feet.lacking(&draw, detector.gaps, &errs));
        Self { detector, joints, errs, feet, draw }
    }

    /// Joints `[B, J, 3]`, metres, at the places on the body that the detector means by them.
    pub(super) fn misplaced(&mut self, points: Tensor) -> Tensor {
        if self.detector.noise == 0.0 {
            return points;
        }
        let level = &self.errs * self.detector.noise;
        let offset = self.draw.normal(&[self.joints.count, 3]) * &self.joints.placement;
        let [hips, shoulders] = self.joints.trunk.map(|pair| across(&points, pair));
        let width_of_hips = lengths(&hips).clamp_min(1e-3);
        let width_of_shoulders = lengths(&shoulders).clamp_min(1e-3);
        let wanted = self.draw.uniform(&[1, 1], HIP_WIDTH) * width_of_shoulders / width_of_hips;
        let half = &hips * (wanted.clamp(0.8, 1.8) - 1.0) * 0.5;
        let [left, right] = self.joints.trunk[0];
        let _ = offset.narrow(1, left, 1).g_add_(&half);
        let _ = offset.narrow(1, right, 1).g_sub_(&half);
        let meant = self.feet.as_ref().map(|feet| feet.misplaced(&points)).unwrap_or(points);
        meant + offset * level
    }

    /// Key points `[B, J, 3]` with scores from projections `[B, J, 2]`, pixels in images of `size` `[B, 2]`, of
    /// people who are `stature` `[B]` pixels tall at their distance.
    pub(super) fn observed(&mut self, pixels: &Tensor, stature: &Tensor, size: &Tensor) -> Tensor {
        let seen = if self.detector.noise > 0.0 {
            self.noisy(pixels, &(stature * SIZE_OVER_STATURE).view([-1, 1, 1]))
        } else {
            Tensor::cat(&[pixels, &pixels.narrow(2, 0, 1).ones_like()], 2)
        };
        if self.detector.gaps == 0.0 {
            return seen;
        }
        seen.zeros_like().where_self(&self.gaps(&seen, size), &seen)
    }

    /// Key points with scores; `size` is `[B, 1, 1]`, pixels.
    fn noisy(&self, pixels: &Tensor, size: &Tensor) -> Tensor {
        let occluded = self.occluded();
        let blind = &occluded * (OCCLUDED_ERROR - 1.0) + 1.0;
        let quality = (self.draw.normal(&[1, 1]) * QUALITY).exp() * self.detector.noise;
        let error = (self.errors() * quality * blind + self.lost()) * &self.errs;
        let found = self.exchanged(&(pixels + error * size));
        let distance = lengths(&(&found - pixels)) / size;
        let score = scores::scores(&self.draw, &self.joints.noise, &distance, &occluded);
        let score = score.where_self(&self.errs.gt(0.5), &score.ones_like());
        Tensor::cat(&[found, score], 2)
    }

    /// `[B, J, 2]` errors of a usual detector, as shares of the person's size.
    fn errors(&self) -> Tensor {
        self.joints.mixing.matmul(&self.draw.normal(&[self.joints.count + 1, 2]))
    }

    /// `[B, J, 2]` offsets of lost joints, as shares of the person's size; 0 for the others.
    fn lost(&self) -> Tensor {
        let each = [self.joints.count, 1];
        let lost = self.draw.unit(&each).lt_tensor(&(&self.joints.lost * self.detector.noise));
        let angle = self.draw.unit(&each) * std::f64::consts::TAU;
        let far = self.draw.uniform(&each, LOST_BY);
        Tensor::cat(&[&angle.cos() * &far, angle.sin() * far], 2) * lost.to_kind(Kind::Float)
    }

    /// `[B, J, 1]` 1 where a limb is hidden by the body and its place is guessed, else 0.
    fn occluded(&self) -> Tensor {
        let none_hidden = self.errs.lt(0.0);
        let mut occluded = none_hidden;
        for limb in &self.joints.occluded {
            let hidden = self.draw.some(limb.share * self.detector.noise);
            occluded = occluded.logical_or(&hidden.logical_and(&limb.mask));
        }
        occluded.to_kind(Kind::Float)
    }

    /// Key points `[B, J, 2]`; for some people left and right of a limb, or of all joints, are exchanged.
    fn exchanged(&self, points: &Tensor) -> Tensor {
        let exchanges = self.joints.exchanged.iter();
        let chosen = exchanges.map(|exchange| self.draw.some(exchange.share * self.detector.noise));
        self.joints.with_sides_exchanged(points, chosen, &self.errs)
    }

    /// `[B, J, 1]` whether a joint is left out.
    fn gaps(&self, seen: &Tensor, size: &Tensor) -> Tensor {
        let level = self.detector.gaps;
        let has_gaps = self.draw.unit(&[1, 1]).lt(WITH_GAPS * level);
        let share = self.draw.unit(&[1, 1]) * MAX_GAP_SHARE;
        let mut left_out = self.draw.unit(&[self.joints.count, 1]).lt_tensor(&share).logical_and(&has_gaps);
        for part in &self.joints.hidden {
            let hidden = self.draw.some(part.share * level);
            left_out = left_out.logical_or(&hidden.logical_and(&part.mask));
        }
        if let Some(feet) = &self.feet {
            left_out = left_out.logical_or(&feet.missing);
        }
        let cut = outside(seen, size).logical_and(&self.draw.unit(&[1, 1]).lt(CUTS_AT_EDGE * level));
        if_enough_are_left(&left_out.logical_or(&cut), self.joints)
    }
}

/// `[B, 1, 3]` the way from the right to the left joint of a `pair`, the left one first, among `points` `[B, J, 3]`.
fn across(points: &Tensor, pair: [i64; 2]) -> Tensor {
    let [left, right] = pair;
    points.narrow(1, left, 1) - points.narrow(1, right, 1)
}

/// `[B, J, 1]` whether key points `[B, J, 3]` are outside images of `size` `[B, 2]`.
fn outside(seen: &Tensor, size: &Tensor) -> Tensor {
    let points = seen.narrow(2, 0, 2);
    points.ge(0.0).logical_and(&points.lt_tensor(&size.unsqueeze(1))).all_dim(2, true).logical_not()
}

/// `left_out` `[B, J, 1]`, with nothing left out where fewer than [`MIN_VISIBLE_JOINTS`] joints would remain; feet do not count.
fn if_enough_are_left(left_out: &Tensor, joints: &Joints) -> Tensor {
    let visible =
        left_out.narrow(1, 0, joints.before_feet).logical_not().sum_dim_intlist(&[1i64][..], true, Kind::Float);
    left_out.logical_and(&visible.ge(MIN_VISIBLE_JOINTS))
}

#[cfg(test)]
mod tests {
    use poselift::skeleton::{COCO17, COCO23};
    use tch::Device;

    use super::*;
    use crate::data::generator;

    const ROWS: i64 = 4000;

    fn coco() -> Joints {
        Joints::new(&COCO17, Device::Cpu)
    }

    /// Random joints within a box of 1.2 by 1.2 m, seen by cameras of 400 px a metre.
    fn people() -> (Tensor, Tensor, Tensor) {
        tch::manual_seed(4);
        let points = Tensor::rand([ROWS, 17, 3], tch::kind::FLOAT_CPU) * 1.2;
        let pixels = points.narrow(2, 0, 2) * 400.0 + 300.0;
        (points, pixels, Tensor::full([ROWS, 2], 1000.0, tch::kind::FLOAT_CPU))
    }

    fn observe(detector: Detector) -> (Tensor, Tensor) {
        let (points, pixels, size) = people();
        let joints = coco();
        let mut detection = Detection::new(detector, &joints, &points);
        (detection.observed(&pixels, &stature(), &size), pixels)
    }

    #[test]
    fn a_perfect_detector_changes_nothing() {
        let _held = generator();
        let (seen, pixels) = observe(Detector::PERFECT);
        assert_eq!(seen.narrow(2, 0, 2), pixels);
        assert_eq!(seen.narrow(2, 2, 1).min().double_value(&[]), 1.0);
        let (points, ..) = people();
        assert_eq!(Detection::new(Detector::PERFECT, &coco(), &points).misplaced(points.copy()), points);
    }

    /// `[ROWS]` pixels.
    fn stature() -> Tensor {
        Tensor::full([ROWS], 900.0, tch::kind::FLOAT_CPU)
    }

    /// `[ROWS, 17]` distances from the true place, as shares of the person's size.
    fn distances(seen: &Tensor, pixels: &Tensor) -> Tensor {
        let distance = lengths(&(seen.narrow(2, 0, 2) - pixels));
        (distance / (900.0 * SIZE_OVER_STATURE)).squeeze_dim(2)
    }

    #[test]
    fn errors_are_those_of_real_detections() {
        let _held = generator();
        let (seen, pixels) = observe(Detector::in_full_view(1.0));
        let distance = distances(&seen, &pixels);
        let quantile = |joint: i64, share: f64| {
            distance.select(1, joint).quantile_scalar(share, 0, false, "linear").double_value(&[])
        };
        // Two thirds of MediaPipe's errors against other views: nose, shoulder, elbow, wrist, hip, knee, ankle.
        for (joint, real) in [(0, 0.029), (5, 0.030), (7, 0.050), (9, 0.060), (11, 0.033), (13, 0.018), (15, 0.020)] {
            let found = quantile(joint, 0.68);
            assert!((0.8..1.5).contains(&(found / real)), "joint {joint}: {found}, {real} in reality");
        }
        // Wrists are lost, knees hardly ever are.
        let (wrist, knee) = (quantile(9, 0.985), quantile(13, 0.96));
        assert!(wrist > 0.12 && knee < 0.07, "wrist {wrist}, knee {knee}");
    }

    #[test]
    fn scores_say_little_of_errors_but_are_lower_where_joints_are_lost() {
        let _held = generator();
        let (seen, pixels) = observe(Detector::in_full_view(1.0));
        let score = seen.select(2, 2);
        let distance = distances(&seen, &pixels);
        let mean = |chosen: &Tensor| score.masked_select(chosen).mean(Kind::Float).double_value(&[]);
        let (near, far) = (mean(&distance.lt(0.03)), mean(&distance.gt(0.12)));
        assert!(far < near - 0.05, "{far} where lost, {near} where found");
        let deviations = [&score, &distance].map(|v| v - v.mean(Kind::Float));
        let [s, d] = &deviations;
        let correlation =
            (s * d).mean(Kind::Float) / (s.square().mean(Kind::Float) * d.square().mean(Kind::Float)).sqrt();
        let correlation = correlation.double_value(&[]);
        assert!((-0.35..-0.05).contains(&correlation), "{correlation}");
        assert!(score.min().double_value(&[]) > 0.0, "a joint is left out although no gaps were asked for");
        let all_one = score.ge(1.0).all_dim(1, false).to_kind(Kind::Float).mean(Kind::Float).double_value(&[]);
        assert!((0.15..0.25).contains(&all_one), "{all_one} of the detectors give no scores");
    }

    #[test]
    fn left_out_joints_have_no_score_and_enough_are_left() {
        let _held = generator();
        let (seen, _) = observe(Detector { gaps: 1.0, ..Detector::in_full_view(1.0) });
        let score = seen.narrow(2, 2, 1);
        let missing = score.le(0.0);
        let share = missing.to_kind(Kind::Float).mean(Kind::Float).double_value(&[]);
        assert!((0.05..0.2).contains(&share), "{share}");
        assert_eq!(seen.masked_select(&missing.expand([ROWS, 17, 3], false)).abs().max().double_value(&[]), 0.0);
        let visible = missing.logical_not().sum_dim_intlist(&[1i64][..], false, Kind::Float);
        assert!(visible.min().double_value(&[]) >= MIN_VISIBLE_JOINTS);
        // People at desks: no joint of the legs, but both shoulders.
        let shown = |joint: i64| missing.select(1, joint).logical_not();
        let desk =
            (11..17).fold(shown(5).logical_and(&shown(6)), |desk, joint| desk.logical_and(&missing.select(1, joint)));
        assert!(desk.to_kind(Kind::Float).mean(Kind::Float).double_value(&[]) > 0.02);
    }

    #[test]
    fn one_toe_stands_between_the_toes() {
        let _held = generator();
        tch::manual_seed(4);
        let joints = Joints::new(&COCO23, Device::Cpu);
        let points = Tensor::rand([ROWS, 23, 3], tch::kind::FLOAT_CPU);
        let pixels = points.narrow(2, 0, 2) * 400.0 + 300.0;
        let size = Tensor::full([ROWS, 2], 1000.0, tch::kind::FLOAT_CPU);
        // Errors are too small to matter, so that only what these detectors lack shows.
        let mut detection = Detection::new(Detector { noise: 1e-9, gaps: 1.0, perfect: 0.0 }, &joints, &points);
        let moved = detection.misplaced(points.copy());
        let seen = detection.observed(&pixels, &stature(), &size);
        let share = |rows: &Tensor| rows.to_kind(Kind::Float).mean(Kind::Float).double_value(&[]);
        let gone = |name: &str| seen.select(1, COCO23.joint(name) as i64).select(1, 2).le(0.0);
        let (big, small) = (COCO23.joint("left_big_toe") as i64, COCO23.joint("left_small_toe") as i64);
        let has_one = moved.select(1, big).ne_tensor(&points.select(1, big)).any_dim(1, false);
        assert!((0.2..0.3).contains(&share(&has_one)), "{} have one toe", share(&has_one));
        // Nothing is left out of the few people of whom too little is seen.
        assert!(share(&has_one.logical_and(&gone("left_small_toe").logical_not())) < 0.01);
        // Feet go with their detector, or with a leg, or by themselves.
        assert!((0.4..0.6).contains(&share(&gone("left_heel"))), "{}", share(&gone("left_heel")));
        let way =
            |from: &Tensor, to: &Tensor| (from - to).square().sum_dim_intlist(&[1i64][..], false, Kind::Float).sqrt();
        let toes = [&moved, &points].map(|points| points.select(1, big));
        let part = way(&toes[0], &toes[1]) / way(&points.select(1, small), &toes[1]);
        let largest = part.max().double_value(&[]);
        assert!((0.55..0.601).contains(&largest), "{largest}");
        let others: Vec<i64> = (0..17).collect();
        let others = |points: &Tensor| points.index_select(1, &Tensor::from_slice(&others));
        assert!((others(&moved) - others(&points)).abs().max().double_value(&[]) < 1e-6);
    }

    #[test]
    fn key_points_move_on_the_body_and_hips_keep_their_middle() {
        let _held = generator();
        let (points, ..) = people();
        let moved = Detection::new(Detector::in_full_view(1.0), &coco(), &points).misplaced(points.copy());
        let by = (&moved - &points).square().sum_dim_intlist(&[2i64][..], false, Kind::Float).sqrt();
        let mean = |joint: i64| by.select(1, joint).mean(Kind::Float).double_value(&[]);
        assert!((0.006..0.02).contains(&mean(0)) && mean(11) > 0.05, "{} {}", mean(0), mean(11));
        let middle = |points: &Tensor| points.narrow(1, 11, 2).mean_dim(&[1i64][..], false, Kind::Float);
        let shift = (middle(&moved) - middle(&points)).abs().mean(Kind::Float).double_value(&[]);
        assert!(shift < 0.03, "{shift}");
    }
}

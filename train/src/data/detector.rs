//! What a 2D detector makes of people: joints put where detectors put them rather than where bones meet, noise that
//! neighbours share, lost joints, left and right exchanged, joints left out, and scores that say little of all that.
//!
//! The constants follow what was measured on real detections (`models/README.md` has the table): MediaPipe's errors
//! against other views of the same person, and jitter and scores of OpenPose, HRNet, AlphaPose and MediaPipe on clips.
//! Each pose is a new detector looking at a new person: what is systematic for one is drawn anew for the next.

mod scores;

use tch::{Device, Kind, Tensor};

/// Deviation of a joint's error along each axis for a usual detector, as a share of the person's size (the square
/// root of its box's area): face and hands are worst, hips and legs best.
#[rustfmt::skip]
const NOISE: [f32; 17] = [
    0.018, 0.018, 0.018, 0.020, 0.020, 0.018, 0.018, 0.027, 0.027, 0.030, 0.030, 0.020, 0.020, 0.012, 0.012, 0.013, 0.013,
];
/// Spread of detectors and images about that, as a standard deviation of its logarithm.
const QUALITY: f64 = 0.5;
/// What of the face's errors is one shift of the whole face, and what is each point's own.
const FACE: (f32, f32) = (0.93, 0.37);
/// What of the error of elbows, wrists, knees and ankles is their own, and how much of the joint's before it they take.
const CHAIN: (f32, f32) = (0.85, 0.5);
/// The joints of chains, each with the one before it: shoulder to wrist, hip to ankle.
const CHAINED: [(usize, usize); 8] = [(7, 5), (9, 7), (8, 6), (10, 8), (13, 11), (15, 13), (14, 12), (16, 14)];
/// Share of the joints that are lost: of elbows and wrists, and of the others.
const LOST: (f32, f32) = (0.035, 0.003);
/// How far from its place a lost joint is found, as a share of the person's size.
const LOST_BY: (f64, f64) = (0.15, 0.3);
/// Limbs that somebody's body hides, and the share of the poses in which each is: guessed with errors so many times as
/// large.
const OCCLUDED: [(&[i64], f64); 4] = [(&[7, 9], 0.1), (&[8, 10], 0.1), (&[13, 15], 0.05), (&[14, 16], 0.05)];
const OCCLUDED_ERROR: f64 = 2.0;
/// How far from the joint's centre a key point is put on the body, metres, one deviation for each axis: what "hip" or
/// "ear" means differs from one detector, and one motion-capture marker set, to the next.
#[rustfmt::skip]
const PLACEMENT: [f32; 17] = [
    0.010, 0.010, 0.010, 0.012, 0.012, 0.015, 0.015, 0.015, 0.015, 0.012, 0.012, 0.025, 0.025, 0.012, 0.012, 0.012, 0.012,
];
/// Width of the hips over that of the shoulders as detectors see people; where bones meet it is 0.45 to 0.6.
const HIP_WIDTH: (f64, f64) = (0.52, 0.72);
/// Share of the poses in which a pair of limbs is exchanged, and in which the whole body is.
const EXCHANGE: (f64, f64) = (0.006, 0.003);
/// Pairs (left, right) that detectors exchange together: an arm, a leg, and the single joints at their ends.
const EXCHANGED: [&[(i64, i64)]; 4] = [&[(7, 8), (9, 10)], &[(11, 12), (13, 14), (15, 16)], &[(9, 10)], &[(15, 16)]];
/// The whole body's.
const TURNED_ROUND: &[(i64, i64)] = &[(1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16)];
/// Share of the poses that have joints left out singly, and the largest share of joints then.
const SINGLE_GAPS: (f64, f64) = (0.3, 0.4);
/// Parts that are left out together, as indices of COCO-17, and the share of the poses in which each is: an arm, a leg,
/// everything below the knees, the legs as of people at desks, the hips with them, the head, one side of the face.
const HIDDEN: [(&[i64], f64); 10] = [
    (&[7, 9], 0.03),
    (&[8, 10], 0.03),
    (&[13, 15], 0.03),
    (&[14, 16], 0.03),
    (&[15, 16], 0.03),
    (&[13, 14, 15, 16], 0.06),
    (&[11, 12, 13, 14, 15, 16], 0.07),
    (&[0, 1, 2, 3, 4], 0.02),
    (&[1, 3], 0.03),
    (&[2, 4], 0.03),
];
/// Share of the detectors that do not guess what is outside the image.
const CUTS_AT_EDGE: f64 = 0.7;
/// Fewer visible joints than this no lifter is shown: everything is left then.
const LEAST_VISIBLE: f64 = 6.0;

/// How good a detector is: 0 nothing of the kind happens, 1 as usual.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detector {
    /// Misplaced, noisy, lost and exchanged key points, and scores to match.
    pub noise: f64,
    /// Joints left out.
    pub gaps: f64,
    /// Share of the people who are seen perfectly all the same, with full scores.
    pub perfect: f64,
}

impl Detector {
    /// Exact projections of every joint, with full scores.
    pub const PERFECT: Self = Self { noise: 0.0, gaps: 0.0, perfect: 0.0 };

    /// A detector that shows every joint.
    pub fn in_full_view(noise: f64) -> Self {
        Self { noise, ..Self::PERFECT }
    }

    /// What networks learn from: joints left out too, and some views without any fault.
    pub fn in_training(noise: f64) -> Self {
        Self { noise, gaps: noise.min(1.0), perfect: 0.15 }
    }
}

/// One detector's look at B people; draws from libtorch's generator, which the caller has seeded.
pub(super) struct Detection {
    detector: Detector,
    /// `[B, 1, 1]` 1 where this detector errs at all, else 0.
    errs: Tensor,
    rows: i64,
    device: Device,
}

impl Detection {
    /// A look at as many people as `points` `[B, 17, 3]` has.
    pub(super) fn new(detector: Detector, points: &Tensor) -> Self {
        let (rows, device) = (points.size()[0], points.device());
        let mut detection = Self { detector, errs: Tensor::new(), rows, device };
        let share = if detector.noise > 0.0 { 1.0 - detector.perfect } else { 0.0 };
        detection.errs = detection.unit(&[1, 1]).lt(share).to_kind(Kind::Float);
        detection
    }

    /// `[B, shape…]` uniform in 0..1.
    fn unit(&self, shape: &[i64]) -> Tensor {
        Tensor::rand([&[self.rows], shape].concat(), (Kind::Float, self.device))
    }

    /// `[B, shape…]` uniform between two bounds.
    fn uniform(&self, shape: &[i64], (low, high): (f64, f64)) -> Tensor {
        self.unit(shape) * (high - low) + low
    }

    /// `[B, shape…]` standard normal.
    fn normal(&self, shape: &[i64]) -> Tensor {
        Tensor::randn([&[self.rows], shape].concat(), (Kind::Float, self.device))
    }

    fn joints(&self, values: &[f32]) -> Tensor {
        Tensor::from_slice(values).to_device(self.device).view([1, -1, 1])
    }

    /// Joints `[B, 17, 3]`, metres, where the detector believes them to be on the body.
    pub(super) fn misplaced(&mut self, points: Tensor) -> Tensor {
        if self.detector.noise == 0.0 {
            return points;
        }
        let level = &self.errs * self.detector.noise;
        let offset = self.normal(&[17, 3]) * self.joints(&PLACEMENT);
        let between = |left: i64, right: i64| points.narrow(1, left, 1) - points.narrow(1, right, 1);
        let length = |v: &Tensor| v.square().sum_dim_intlist(&[2i64][..], true, Kind::Float).sqrt().clamp_min(1e-3);
        let (hips, shoulders) = (between(11, 12), between(5, 6));
        let wanted = self.uniform(&[1, 1], HIP_WIDTH) * length(&shoulders) / length(&hips);
        let half = &hips * (wanted.clamp(0.8, 1.8) - 1.0) * 0.5;
        let _ = offset.narrow(1, 11, 1).g_add_(&half);
        let _ = offset.narrow(1, 12, 1).g_sub_(&half);
        points + offset * level
    }

    /// Key points `[B, 17, 3]` with scores out of projections `[B, 17, 2]`, pixels in images of `size` `[B, 2]`.
    pub(super) fn observed(&mut self, pixels: &Tensor, size: &Tensor) -> Tensor {
        let seen = if self.detector.noise > 0.0 {
            self.noisy(pixels)
        } else {
            Tensor::cat(&[pixels, &Tensor::ones([self.rows, 17, 1], (Kind::Float, self.device))], 2)
        };
        if self.detector.gaps == 0.0 {
            return seen;
        }
        seen.zeros_like().where_self(&self.gaps(&seen, size), &seen)
    }

    fn noisy(&self, pixels: &Tensor) -> Tensor {
        let size = person_size(pixels);
        let occluded = self.occluded();
        let blind = &occluded * (OCCLUDED_ERROR - 1.0) + 1.0;
        let quality = (self.normal(&[1, 1]) * QUALITY).exp() * self.detector.noise;
        let error = (self.errors() * quality * blind + self.lost()) * &self.errs;
        let found = self.exchanged(&(pixels + error * &size));
        let distance = (&found - pixels).square().sum_dim_intlist(&[2i64][..], true, Kind::Float).sqrt() / size;
        let score = self.scores(&distance, &occluded);
        let score = score.where_self(&self.errs.gt(0.5), &score.ones_like());
        Tensor::cat(&[found, score], 2)
    }

    /// `[B, 17, 2]` a usual detector's errors, shares of the person's size.
    fn errors(&self) -> Tensor {
        let mixing = Tensor::from_slice(mixing().as_flattened()).view([17, 18]).to_device(self.device);
        mixing.matmul(&self.normal(&[18, 2]))
    }

    /// `[B, 17, 2]` how far lost joints are off, shares of the person's size; 0 for the others.
    fn lost(&self) -> Tensor {
        let share: Vec<f32> = (0..17).map(|joint| if (7..11).contains(&joint) { LOST.0 } else { LOST.1 }).collect();
        let lost = self.unit(&[17, 1]).lt_tensor(&(self.joints(&share) * self.detector.noise));
        let (angle, far) = (self.unit(&[17, 1]) * std::f64::consts::TAU, self.uniform(&[17, 1], LOST_BY));
        Tensor::cat(&[&angle.cos() * &far, angle.sin() * far], 2) * lost.to_kind(Kind::Float)
    }

    /// `[B, 17, 1]` 1 where a limb is hidden by the body and its place guessed, else 0.
    fn occluded(&self) -> Tensor {
        let none = Tensor::zeros([self.rows, 17, 1], (Kind::Bool, self.device));
        let hide = |occluded: Tensor, (limb, share): &(&[i64], f64)| {
            let hidden = self.unit(&[1, 1]).lt(share * self.detector.noise);
            occluded.logical_or(&hidden.logical_and(&self.mark(limb)))
        };
        OCCLUDED.iter().fold(none, hide).to_kind(Kind::Float)
    }

    /// Key points `[B, 17, 2]`, in some people left and right of a limb, or of all, exchanged.
    fn exchanged(&self, points: &Tensor) -> Tensor {
        let limbs = EXCHANGED.iter().map(|pairs| (*pairs, EXCHANGE.0));
        limbs.chain([(TURNED_ROUND, EXCHANGE.1)]).fold(points.shallow_clone(), |points, (pairs, share)| {
            let mut order: Vec<i64> = (0..17).collect();
            pairs.iter().for_each(|&(left, right)| order.swap(left as usize, right as usize));
            let chosen = self.unit(&[1, 1]).lt(share * self.detector.noise).logical_and(&self.errs.gt(0.5));
            let other = points.index_select(1, &Tensor::from_slice(&order).to_device(self.device));
            other.where_self(&chosen, &points)
        })
    }

    /// `[B, 17, 1]` whether a joint is left out.
    fn gaps(&self, seen: &Tensor, size: &Tensor) -> Tensor {
        let level = self.detector.gaps;
        let has_gaps = self.unit(&[1, 1]).lt(SINGLE_GAPS.0 * level);
        let share = self.unit(&[1, 1]) * SINGLE_GAPS.1;
        let mut left_out = self.unit(&[17, 1]).lt_tensor(&share).logical_and(&has_gaps);
        for (part, share) in HIDDEN {
            let hidden = self.unit(&[1, 1]).lt(share * level);
            left_out = left_out.logical_or(&hidden.logical_and(&self.mark(part)));
        }
        let points = seen.narrow(2, 0, 2);
        let inside = points.ge(0.0).logical_and(&points.lt_tensor(&size.unsqueeze(1))).all_dim(2, true);
        let cut = inside.logical_not().logical_and(&self.unit(&[1, 1]).lt(CUTS_AT_EDGE * level));
        let left_out = left_out.logical_or(&cut);
        let visible = left_out.logical_not().sum_dim_intlist(&[1i64][..], true, Kind::Float);
        left_out.logical_and(&visible.ge(LEAST_VISIBLE))
    }

    fn mark(&self, joints: &[i64]) -> Tensor {
        let mark: Vec<bool> = (0..17).map(|joint| joints.contains(&joint)).collect();
        Tensor::from_slice(&mark).view([1, 17, 1]).to_device(self.device)
    }
}

/// `[17][18]` how the joints' errors come about from 17 independent ones and the face's common one.
fn mixing() -> [[f32; 18]; 17] {
    let mut mixing = [[0.0; 18]; 17];
    for (joint, row) in mixing.iter_mut().enumerate() {
        let is_face = joint < 5;
        row[joint] = NOISE[joint] * if is_face { FACE.1 } else { 1.0 };
        row[17] = if is_face { NOISE[joint] * FACE.0 } else { 0.0 };
    }
    for (joint, before) in CHAINED {
        let taken = mixing[before];
        mixing[joint].iter_mut().zip(taken).for_each(|(own, taken)| *own = CHAIN.0 * *own + CHAIN.1 * taken);
    }
    mixing
}

/// A person's size in pixels `[B, 1, 1]`: the root of the area of the key points' box.
fn person_size(pixels: &Tensor) -> Tensor {
    let extent = pixels.amax(&[1i64][..], true) - pixels.amin(&[1i64][..], true);
    extent.prod_dim_int(2, true, Kind::Float).clamp_min(1.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::generator;

    const ROWS: i64 = 4000;

    /// Joints all over a box of 1.2 by 1.2 m before cameras of 400 px a metre.
    fn people() -> (Tensor, Tensor, Tensor) {
        tch::manual_seed(4);
        let points = Tensor::rand([ROWS, 17, 3], tch::kind::FLOAT_CPU) * 1.2;
        let pixels = points.narrow(2, 0, 2) * 400.0 + 300.0;
        (points, pixels, Tensor::full([ROWS, 2], 1000.0, tch::kind::FLOAT_CPU))
    }

    fn observe(detector: Detector) -> (Tensor, Tensor) {
        let (points, pixels, size) = people();
        let mut detection = Detection::new(detector, &points);
        (detection.observed(&pixels, &size), pixels)
    }

    #[test]
    fn a_perfect_detector_changes_nothing() {
        let _held = generator();
        let (seen, pixels) = observe(Detector::PERFECT);
        assert_eq!(seen.narrow(2, 0, 2), pixels);
        assert_eq!(seen.narrow(2, 2, 1).min().double_value(&[]), 1.0);
        let (points, ..) = people();
        assert_eq!(Detection::new(Detector::PERFECT, &points).misplaced(points.copy()), points);
    }

    #[test]
    fn scores_fall_as_errors_rise() {
        let _held = generator();
        let (seen, pixels) = observe(Detector { noise: 1.0, gaps: 0.0 });
        let score = seen.narrow(2, 2, 1).flatten(0, -1);
        let error = (seen.narrow(2, 0, 2) - &pixels).square().sum_dim_intlist(&[2i64][..], false, Kind::Float).sqrt();
        let error = error.flatten(0, -1);
        let mean = |chosen: &Tensor| error.masked_select(chosen).mean(Kind::Float).double_value(&[]);
        let sure = mean(&score.gt(0.8));
        let unsure = mean(&score.gt(0.0).logical_and(&score.lt(0.3)));
        assert!(unsure > 2.0 * sure, "{unsure} px where unsure, {sure} px where sure");
        assert!(score.min().double_value(&[]) > 0.0, "a joint is left out although no gaps were asked for");
    }

    #[test]
    fn left_out_joints_have_no_score_and_enough_are_left() {
        let _held = generator();
        let (seen, _) = observe(Detector { noise: 1.0, gaps: 1.0 });
        let score = seen.narrow(2, 2, 1);
        let missing = score.le(0.0);
        let share = missing.to_kind(Kind::Float).mean(Kind::Float).double_value(&[]);
        assert!((0.05..0.2).contains(&share), "{share}");
        assert_eq!(seen.masked_select(&missing.expand([ROWS, 17, 3], false)).abs().max().double_value(&[]), 0.0);
        let visible = missing.logical_not().sum_dim_intlist(&[1i64][..], false, Kind::Float);
        assert!(visible.min().double_value(&[]) >= LEAST_VISIBLE);
        // People at desks: no joint of the legs, but both shoulders.
        let shown = |joint: i64| missing.select(1, joint).logical_not();
        let desk =
            (11..17).fold(shown(5).logical_and(&shown(6)), |desk, joint| desk.logical_and(&missing.select(1, joint)));
        assert!(desk.to_kind(Kind::Float).mean(Kind::Float).double_value(&[]) > 0.02);
    }

    #[test]
    fn key_points_move_on_the_body_and_hips_keep_their_middle() {
        let _held = generator();
        let (points, ..) = people();
        let moved = Detection::new(Detector { noise: 1.0, gaps: 0.0 }, &points).misplaced(points.copy());
        let by = (&moved - &points).square().sum_dim_intlist(&[2i64][..], false, Kind::Float).sqrt();
        let mean = |joint: i64| by.select(1, joint).mean(Kind::Float).double_value(&[]);
        assert!((0.01..0.03).contains(&mean(0)) && mean(11) > 0.05, "{} {}", mean(0), mean(11));
        let middle = |points: &Tensor| points.narrow(1, 11, 2).mean_dim(&[1i64][..], false, Kind::Float);
        let shift = (middle(&moved) - middle(&points)).abs().mean(Kind::Float).double_value(&[]);
        assert!(shift < 0.03, "{shift}");
    }
}

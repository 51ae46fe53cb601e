//! What a 2D detector makes of true projections: noise by joint, rare large
//! misses, joints left out, and scores that fall as errors rise.

use tch::{Kind, Tensor};

/// COCO's per-joint standard deviations of human annotators, as a share of the person's size (the square root of
/// its box's area), from its key-point evaluation (OKS).
const OKS_SIGMAS: [f32; 17] = [
    0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089,
    0.089,
];
/// A usual detector's error over the annotators'; drawn about this for each pose.
const USUAL: f64 = 0.4;
/// Share of the joints that are badly wrong, and by how many usual errors.
const MISSES: (f64, f64) = (0.02, 6.0);
/// Share of the poses that a detector sees perfectly, with full scores.
const PERFECT: f64 = 0.15;
/// Share of the poses that have joints left out, and the largest share of joints then.
const GAPS: (f64, f64) = (0.3, 0.35);
/// Share of the poses that show no legs, as people at desks do; half of those show no hips either.
const NO_LEGS: f64 = 0.06;
/// Indices of hips, then knees and ankles, in COCO-17.
const HIPS: [i64; 2] = [11, 12];
const LEGS: [i64; 4] = [13, 14, 15, 16];

/// Key points `[B, 17, 3]` with scores out of projections `[B, 17, 2]`, pixels; `level` scales noise and gaps.
///
/// Draws from libtorch's generator, which the caller has seeded.
pub(super) fn observe(pixels: &Tensor, level: f64) -> Tensor {
    let size = pixels.size();
    let options = (Kind::Float, pixels.device());
    let (rows, joints) = (size[0], size[1]);
    if level == 0.0 {
        return Tensor::cat(&[pixels, &Tensor::ones([rows, joints, 1], options)], 2);
    }
    let unit = |shape: &[i64]| Tensor::rand(shape, options);
    let perfect = unit(&[rows, 1, 1]).lt(PERFECT);
    let sigma = Tensor::from_slice(&OKS_SIGMAS).to_device(pixels.device()).view([1, joints, 1]);
    let quality = (Tensor::randn([rows, 1, 1], options) * 0.6).exp() * (USUAL * level);
    let miss = unit(&[rows, joints, 1]).lt(MISSES.0).to_kind(Kind::Float) * (MISSES.1 - 1.0) + 1.0;
    let spread = &sigma * quality * miss * perfect.logical_not().to_kind(Kind::Float);
    let error = Tensor::randn([rows, joints, 2], options) * spread;
    let distance = error.square().sum_dim_intlist(&[2i64][..], true, Kind::Float).sqrt();
    let score = scores(&(distance / sigma), &unit(&[rows, joints, 1]), &Tensor::randn([rows, 1, 1], options));
    let score = score.ones_like().where_self(&perfect, &score);
    let seen = Tensor::cat(&[pixels + error * person_size(pixels), score], 2);
    seen.zeros_like().where_self(&gaps(&seen, level), &seen)
}

/// A person's size in pixels `[B, 1, 1]`: the root of the area of the key points' box.
fn person_size(pixels: &Tensor) -> Tensor {
    let extent = pixels.amax(&[1i64][..], true) - pixels.amin(&[1i64][..], true);
    extent.prod_dim_int(2, true, Kind::Float).clamp_min(1.0).sqrt()
}

/// Scores `[B, J, 1]` in 0.02..1 out of errors in annotators' deviations: a Gaussian of the error as OKS has it,
/// bent by each detector's own habit and blurred.
fn scores(error: &Tensor, blur: &Tensor, habit: &Tensor) -> Tensor {
    let similarity = (error.square() * -0.25).exp();
    (similarity * (blur * 0.3 + 0.7)).pow(&(habit * 0.7).exp()).clamp(0.02, 1.0)
}

/// `[B, 17, 1]` whether a joint is left out.
fn gaps(seen: &Tensor, level: f64) -> Tensor {
    let size = seen.size();
    let options = (Kind::Float, seen.device());
    let unit = |shape: &[i64]| Tensor::rand(shape, options);
    let has_gaps = unit(&[size[0], 1, 1]).lt(GAPS.0 * level.min(1.0));
    let singly = unit(&[size[0], size[1], 1]).lt_tensor(&(unit(&[size[0], 1, 1]) * GAPS.1)).logical_and(&has_gaps);
    let mark = |joints: &[i64]| {
        let mut mark = Tensor::zeros([1, size[1], 1], options);
        for &joint in joints {
            let _ = mark.narrow(1, joint, 1).fill_(1.0);
        }
        mark.gt_(0.5).to_kind(Kind::Bool)
    };
    let no_legs = unit(&[size[0], 1, 1]).lt(NO_LEGS * level.min(1.0));
    let no_hips = no_legs.logical_and(&unit(&[size[0], 1, 1]).lt(0.5));
    let legs = no_legs.logical_and(&mark(&LEGS));
    singly.logical_or(&legs).logical_or(&no_hips.logical_and(&mark(&HIPS)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::generator;

    fn people() -> Tensor {
        tch::manual_seed(4);
        Tensor::rand([4000, 17, 2], tch::kind::FLOAT_CPU) * 400.0 + 300.0
    }

    #[test]
    fn a_perfect_detector_changes_nothing() {
        let _held = generator();
        let pixels = people();
        let seen = observe(&pixels, 0.0);
        assert_eq!(seen.narrow(2, 0, 2), pixels);
        assert_eq!(seen.narrow(2, 2, 1).min().double_value(&[]), 1.0);
    }

    #[test]
    fn scores_fall_as_errors_rise() {
        let _held = generator();
        let pixels = people();
        let seen = observe(&pixels, 1.0);
        let score = seen.narrow(2, 2, 1).flatten(0, -1);
        let error = (seen.narrow(2, 0, 2) - &pixels).square().sum_dim_intlist(&[2i64][..], false, Kind::Float).sqrt();
        let error = error.flatten(0, -1);
        let mean = |chosen: &Tensor| error.masked_select(chosen).mean(Kind::Float).double_value(&[]);
        let sure = mean(&score.gt(0.8));
        let unsure = mean(&score.gt(0.0).logical_and(&score.lt(0.3)));
        assert!(unsure > 2.0 * sure, "{unsure} px where unsure, {sure} px where sure");
    }

    #[test]
    fn left_out_joints_have_no_score() {
        let _held = generator();
        let seen = observe(&people(), 1.0);
        let score = seen.narrow(2, 2, 1);
        let share = score.le(0.0).to_kind(Kind::Float).mean(Kind::Float).double_value(&[]);
        assert!((0.03..0.12).contains(&share), "{share}");
        let shown = score.le(0.0).expand([4000, 17, 3], false);
        assert_eq!(seen.masked_select(&shown).abs().max().double_value(&[]), 0.0);
    }
}

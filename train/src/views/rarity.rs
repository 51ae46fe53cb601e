//! How often each pose is drawn: recordings hold a thousand frames of a standing person and ten of a somersault.
//!
//! The density of poses is a kernel estimate (Parzen 1962) over poses turned to one heading. Each pose is drawn with
//! a weight of density to the power of minus `power`: 0 as recorded, 1 as if all poses were equally common.

use poselift::skeleton::BODY28;
use tch::{Device, Kind, Tensor};

use super::WITHOUT_FEET;

const LEFT_HIP: i64 = BODY28.joint("left_hip") as i64;
const RIGHT_HIP: i64 = BODY28.joint("right_hip") as i64;

/// Number of reference poses for the density.
const REFERENCES: i64 = 4096;
/// Width of the kernel: the root of the mean squared distance of the joints, metres at human size.
const WIDTH: f64 = 0.10;
/// No pose is drawn more than this many times as often as the mean.
const MAX_WEIGHT: f64 = 20.0;
/// Seed for choosing the reference poses.
const SEED: i64 = 0x5EED_0003;

/// `[T]` weights of mean 1 for poses `positions` `[T, 28, 3]`, root-relative, y up, metres; feet do not count, some are made up.
pub(super) fn weights(positions: &Tensor, power: f64) -> Tensor {
    let poses = headed(&positions.narrow(1, 0, WITHOUT_FEET)).flatten(1, -1);
    let count = poses.size()[0];
    tch::manual_seed(SEED);
    let chosen = Tensor::randint(count, [REFERENCES.min(count)], (Kind::Int64, Device::Cpu)).to_device(poses.device());
    let references = poses.index_select(0, &chosen);
    let densities: Vec<Tensor> = poses.split(4096, 0).iter().map(|part| densities_of(part, &references)).collect();
    let densities = Tensor::cat(&densities, 0);
    let weights = densities.clamp_min(1e-6).pow_tensor_scalar(-power);
    let weights = (&weights / weights.mean(Kind::Float)).clamp_max(MAX_WEIGHT);
    &weights / weights.mean(Kind::Float)
}

/// `[N]` the densities of `poses` `[N, 66]`, up to a factor, by the kernels of `references` `[R, 66]`.
fn densities_of(poses: &Tensor, references: &Tensor) -> Tensor {
    let joints = WITHOUT_FEET as f64;
    // |a − b|² = |a|² + |b|² − 2ab: one product of matrices.
    let own = poses.square().sum_dim_intlist(&[1i64][..], true, Kind::Float);
    let other = references.square().sum_dim_intlist(&[1i64][..], true, Kind::Float);
    let squared = own + other.tr() - poses.matmul(&references.tr()) * 2.0;
    (squared * (-0.5 / (joints * WIDTH * WIDTH))).exp().mean_dim(&[1i64][..], false, Kind::Float)
}

/// `positions` turned about the vertical so that all hips point the same way.
fn headed(positions: &Tensor) -> Tensor {
    let across = positions.select(1, LEFT_HIP) - positions.select(1, RIGHT_HIP);
    let across_x = across.select(1, 0);
    let across_z = across.select(1, 2);
    let length = (across_x.square() + across_z.square()).sqrt().clamp_min(1e-6);
    let cos = (&across_x / &length).unsqueeze(1);
    let sin = (&across_z / length).unsqueeze(1);
    let x = positions.select(2, 0);
    let y = positions.select(2, 1);
    let z = positions.select(2, 2);
    Tensor::stack(&[&x * &cos + &z * &sin, y, &z * cos - &x * sin], 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::generator;

    #[test]
    fn the_rare_are_drawn_more_often_whichever_way_they_face() {
        let _held = generator();
        tch::manual_seed(1);
        let body = |seed: i64| {
            tch::manual_seed(seed);
            Tensor::randn([22, 3], tch::kind::FLOAT_CPU) * 0.4
        };
        // 90 frames of one pose, 10 of the same turned by a right angle, 10 of another.
        let (common, rare) = (body(2), body(3));
        let turned = Tensor::stack(&[common.select(1, 2), common.select(1, 1), -common.select(1, 0)], 1);
        let frames = [(&common, 90), (&turned, 10), (&rare, 10)];
        let frames: Vec<_> = frames.into_iter().flat_map(|(body, count)| std::iter::repeat_n(body, count)).collect();
        let weights = weights(&Tensor::stack(&frames, 0), 1.0);
        let mean = |from: i64, len: i64| weights.narrow(0, from, len).mean(Kind::Double).double_value(&[]);
        assert!((mean(0, 90) - mean(90, 10)).abs() < 1e-3, "a heading makes a pose rare");
        assert!((mean(100, 10) / mean(0, 90) - 10.0).abs() < 3.0, "{} and {}", mean(100, 10), mean(0, 90));
        assert!((mean(0, 110) - 1.0).abs() < 1e-5);
    }
}

//! The network's own uncertainty: one more output for each joint, the logarithm of its expected error.
//!
//! The distance d between a joint and its true position is modelled as exponentially distributed about its expected
//! size σ, whose negative log likelihood is ln σ + d/σ. Its gradient goes to σ alone, not to the pose: poses follow
//! the run's loss, and difficult people are not lifted worse. After training σ is scaled, joint by joint, so that 68
//! % of the errors on the validation split are within it.

use tch::{Device, Kind, Tensor};

use super::symmetry::Reflection;
use crate::trained::ZScore;

/// The σ at the start of training, as a share of the deviation of a joint's position.
const START: f32 = 0.2;
/// Weight of an e-fold of σ in the loss next to the pose's error, as a share of the mean deviation.
const WORTH: f64 = 0.1;
/// d/σ is clamped to this, so that a bad start does not make the network diverge.
const MAX_RATIO: f64 = 10.0;
/// The share of the errors that are to be within one σ.
pub(crate) const SIGMA_SHARE: f64 = 0.68;

/// The constants of the σ output of J joints.
#[derive(Debug)]
pub(super) struct Sigma {
    /// `[J]` added to the network's output: ln of [`START`].
    shift: Tensor,
    /// `[J]` 1 where a joint moves at all, else 0.
    moves: Tensor,
    /// `[J]` the final factor of σ.
    scale: Tensor,
    /// `[J]` index of the joint whose σ each joint has in a mirror, if the network is mirror-equivariant.
    twins: Option<Tensor>,
    worth: f64,
}

impl Sigma {
    /// For coordinates whose deviations are in `output` `[J·3]`; `reflection` says how they change in a mirror, if
    /// needed.
    pub(super) fn new(output: &ZScore, reflection: Option<&Reflection>, device: Device) -> Self {
        let spreads: Vec<f32> = (0..output.std.len() / 3).map(|joint| spread(output, joint)).collect();
        let least = spreads.iter().copied().fold(0.0, f32::max) * 1e-5;
        let shift: Vec<f32> =
            spreads.iter().map(|spread| (START * spread).max(least).max(f32::MIN_POSITIVE).ln()).collect();
        let moves: Vec<f32> = spreads.iter().map(|&spread| f32::from(u8::from(spread > 0.0))).collect();
        let mean = f64::from(spreads.iter().sum::<f32>()) / spreads.len().max(1) as f64;
        let scale = Tensor::ones([spreads.len() as i64], (Kind::Float, device));
        let twins = reflection.map(|reflection| {
            let twins: Vec<i64> = reflection.twin.iter().step_by(3).map(|&slot| (slot / 3) as i64).collect();
            Tensor::from_slice(&twins).to_device(device)
        });
        let shift = Tensor::from_slice(&shift).to_device(device);
        let moves = Tensor::from_slice(&moves).to_device(device);
        Self { shift, moves, scale, twins, worth: WORTH * mean }
    }

    /// `[J]` the final factor of σ.
    pub(super) fn scale(&self) -> &Tensor {
        &self.scale
    }

    /// σ `[B, J]` of the network's outputs `raw` `[B, J]`, in the unit of the poses.
    pub(super) fn of(&self, raw: &Tensor) -> Tensor {
        (raw + &self.shift).exp() * &self.scale
    }

    /// The gradient `[B, J]` of the mean negative log likelihood with respect to `raw`; `distance` is `[B, J]`.
    pub(super) fn gradient(&self, raw: &Tensor, distance: &Tensor) -> Tensor {
        let sigma = (raw + &self.shift).exp();
        let ratio = (distance / sigma).clamp_max(MAX_RATIO);
        (1.0 - ratio) * &self.moves * (self.worth / raw.numel() as f64)
    }

    /// Scales σ so that [`SIGMA_SHARE`] of `distance` is within it, joint by joint; `sigma` is the result of [`Self::of`].
    pub(super) fn calibrate(&self, sigma: &Tensor, distance: &Tensor) {
        let factor = (distance / sigma).quantile_scalar(SIGMA_SHARE, 0, false, "linear");
        let usable = self.moves.gt(0.0).logical_and(&factor.gt(0.0));
        let scale = (&self.scale * factor).where_self(&usable, &self.scale);
        let scale = match &self.twins {
            None => scale,
            Some(twins) => (&scale * scale.index_select(0, twins)).sqrt(),
        };
        self.scale.shallow_clone().copy_(&scale);
    }

    /// The term added to `raw` before the exponential, scale included, as a z-score of deviation 1.
    pub(super) fn zscore(&self) -> ZScore {
        let mean = super::numbers(&(&self.shift + self.scale.log()));
        ZScore { std: vec![1.0; mean.len()].into(), mean: mean.into() }
    }

    #[cfg(test)]
    pub(super) fn recorded_loss(&self, raw: &Tensor, distance: &Tensor) -> Tensor {
        let log_sigma = raw + &self.shift;
        let ratio = distance.detach() / log_sigma.exp();
        // Above the largest ratio the likelihood is continued linearly in ln σ; its slope is that ratio.
        let beyond = ((&ratio / MAX_RATIO).log() + 1.0) * MAX_RATIO;
        let likelihood = log_sigma + ratio.where_self(&ratio.le(MAX_RATIO), &beyond);
        (likelihood * &self.moves).mean(Kind::Float) * self.worth
    }
}

/// The deviation of a joint's position, from those of its coordinates.
fn spread(coordinates: &ZScore, joint: usize) -> f32 {
    (0..3).map(|axis| coordinates.std[joint * 3 + axis].powi(2)).sum::<f32>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::generator;

    #[test]
    fn calibrated_sigma_holds_two_errors_of_three() {
        let _held = generator();
        tch::manual_seed(8);
        let output = ZScore { mean: vec![0.0; 6].into(), std: vec![0.0, 0.0, 0.0, 0.1, 0.2, 0.1].into() };
        let sigma = Sigma::new(&output, None, Device::Cpu);
        let raw = Tensor::randn([5000, 2], tch::kind::FLOAT_CPU);
        // Errors of the size that σ expects but five times larger: the output of a badly scaled network.
        let distance = sigma.of(&raw) * Tensor::rand([5000, 2], tch::kind::FLOAT_CPU) * 5.0;
        let distance = distance * Tensor::from_slice(&[0.0f32, 1.0]);
        sigma.calibrate(&sigma.of(&raw), &distance);
        let found = sigma.of(&raw);
        let within = distance.le_tensor(&found).select(1, 1).to_kind(Kind::Double).mean(Kind::Double);
        assert!((within.double_value(&[]) - 0.68).abs() < 1e-3);
        // The first joint is the root, which never moves: its σ is close to zero and stays a number.
        assert!(found.select(1, 0).max().double_value(&[]) < 1e-3 && found.isfinite().all().int64_value(&[]) == 1);
    }
}

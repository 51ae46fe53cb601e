//! One training step: forward, loss, backward, Adam; then the EMA, if there is one.

use tch::{Kind, Tensor};

use super::LiftNet;
use super::adam::adam;
use crate::config::Loss;

/// Options of one training step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// The loss.
    pub loss: Loss,
    /// Adam's learning rate.
    pub learning_rate: f64,
    /// Whether σ learns too, if the network has it.
    pub learn_sigma: bool,
    /// Seed of the dropout.
    pub seed: u64,
}

impl Step {
    /// Options for a network without σ.
    pub fn new(loss: Loss, learning_rate: f64, seed: u64) -> Self {
        Self { loss, learning_rate, learn_sigma: false, seed }
    }
}

/// SplitMix64 (Steele et al. 2014): number `stream` of the sequence that begins with `seed`, as the seed of a step or of another
/// random stream.
pub fn mix_seed(seed: u64, stream: u64) -> u64 {
    let mut x = seed.wrapping_add(stream.wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// A batch's error.
struct BatchLoss {
    /// MPJPE, a scalar tensor.
    mpjpe: Tensor,
    /// `[B, outputs]` the loss's gradient with respect to the last layer's output.
    gradient: Tensor,
}

/// Distance of poses from their targets.
struct PoseLoss {
    /// `[B, J, 1]` of each joint.
    distance: Tensor,
    /// `[B, J·3]` the loss's gradient with respect to the coordinates of the last layer.
    gradient: Tensor,
}

impl LiftNet {
    /// Takes one step.
    ///
    /// `features` is `[B, F]`, `target` `[B, J, 3]`, both on the network's device, B ≥ 2 with BatchNorm. Returns the
    /// batch's MPJPE as a scalar tensor that stays on the device, so that nothing waits for it.
    pub fn step(&mut self, features: &Tensor, target: &Tensor, step: Step) -> Tensor {
        self.step_taught(features, target, None, step)
    }

    /// As [`Self::step`]; a teacher's poses of the same key points, `[B, J, 3]`, count as much as `target`.
    pub fn step_taught(&mut self, features: &Tensor, target: &Tensor, taught: Option<&Tensor>, step: Step) -> Tensor {
        tch::no_grad(|| {
            self.reserve(features.size()[0]);
            let input = self.standardiser.features_to_planes(features);
            let output = self.forward(&input, step.seed);
            let BatchLoss { mpjpe, gradient } = self.loss(&output, target, taught, step);
            self.backward(&input, &gradient, step.seed);
            self.steps += 1;
            adam(&self.buffers, self.steps, step.learning_rate);
            if let Some(ema) = &self.ema {
                ema.follow(&self.buffers, self.steps);
            }
            mpjpe
        })
    }

    fn loss(&self, output: &Tensor, target: &Tensor, taught: Option<&Tensor>, step: Step) -> BatchLoss {
        let poses = self.standardiser.poses(output);
        let PoseLoss { distance, gradient: own } = self.pose_loss(&poses, target, step.loss);
        let gradient = match taught {
            None => own,
            Some(taught) => (own + self.pose_loss(&poses, taught, step.loss).gradient) * 0.5,
        };
        let gradient = match &self.sigma {
            None => gradient,
            Some(sigma) => {
                let own = sigma.gradient(&self.standardiser.raw_sigma(output), &distance.squeeze_dim(2));
                Tensor::cat(&[gradient, own * f64::from(u8::from(step.learn_sigma))], 1)
            }
        };
        BatchLoss { mpjpe: distance.mean(Kind::Float), gradient }
    }

    fn pose_loss(&self, poses: &Tensor, target: &Tensor, loss: Loss) -> PoseLoss {
        let error = poses - target;
        let size = error.size();
        let rows = size[0];
        let joints = size[1];
        let distance = error.square().sum_dim_intlist(&[-1i64][..], true, Kind::Float).sqrt();
        let output_std = &self.standardiser.output_std;
        let gradient = match loss {
            Loss::Mpjpe => {
                let unit = &error / distance.clamp_min(1e-9);
                unit.view([rows, joints * 3]) * output_std / (rows * joints) as f64
            }
            Loss::Mse => {
                let scale = output_std.reciprocal().nan_to_num(0.0, 0.0, 0.0);
                error.view([rows, joints * 3]) * scale * 2.0 / (rows * joints * 3) as f64
            }
        };
        PoseLoss { distance, gradient }
    }
}

//! EMA: an exponential moving average of the weights, used for lifting instead of the weights themselves.
//!
//! Steps of Adam fluctuate around the point that they converge to; the mean of the last ones is closer to it than any
//! single one (Polyak and Juditsky 1992). Here the mean is exponential, ā ← d·ā + (1 − d)·a after each step, over the
//! flat buffers: one pass for the parameters and one for BatchNorm's running statistics.
//!
//! Averaged statistics are not the statistics of averaged weights, which let 1 to 2 % less of the variance through. But
//! computing those anew, which needs passes over the data before each validation, did no better (`models/README.md`).
//!
//! Training never reads the average; lifting, validation and export do, if there is one.

use tch::Tensor;

use super::layer::{Buffers, Layers};

/// The average of a network's parameters and running statistics.
#[derive(Debug)]
pub(super) struct Ema {
    decay: f64,
    /// `[P]` of weights, biases, γ, β.
    parameters: Tensor,
    /// `[S]` of the running means and variances.
    statistics: Tensor,
    /// Views of both, whose gradients are those of the network in training.
    pub layers: Layers,
}

impl Ema {
    /// Starts from the contents of `buffers`.
    pub(super) fn new(decay: f64, buffers: &Buffers) -> Self {
        let parameters = buffers.parameters.copy();
        let statistics = buffers.statistics.copy();
        let layers = buffers.layers_over(&parameters, &statistics);
        Self { decay, parameters, statistics, layers }
    }

    /// Starts anew from the contents of `buffers`.
    pub(super) fn restart(&self, buffers: &Buffers) {
        for (average, current) in [(&self.parameters, &buffers.parameters), (&self.statistics, &buffers.statistics)] {
            average.shallow_clone().copy_(current);
        }
    }

    /// Moves towards the contents of `buffers` after step `step`, counted from 1.
    pub(super) fn follow(&self, buffers: &Buffers, step: u64) {
        let share = 1.0 - decay_at(self.decay, step);
        for (average, current) in [(&self.parameters, &buffers.parameters), (&self.statistics, &buffers.statistics)] {
            let _ = average.shallow_clone().lerp_(current, share);
        }
    }

    /// The buffers that make up the state of training, by name.
    pub(super) fn named(&self) -> [(&'static str, &Tensor); 2] {
        [("average_parameters", &self.parameters), ("average_statistics", &self.statistics)]
    }
}

/// min(`decay`, (1 + t)/(10 + t)) in step t, so that a young average forgets its start quickly: the warm-up of
/// TensorFlow 1's `tf.train.ExponentialMovingAverage` with `num_updates`.
fn decay_at(decay: f64, step: u64) -> f64 {
    let t = step as f64;
    decay.min((1.0 + t) / (10.0 + t))
}

//! What a training step keeps of each hidden layer for its way back.

use tch::{Device, Kind, Tensor};

/// The dropout of one layer in one step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drop {
    pub probability: f64,
    pub seed: u32,
}

/// What a forward pass keeps of one hidden layer, in planes unless said otherwise.
#[derive(Debug)]
pub(super) struct Saved {
    /// What the Linear layer gave.
    pub z: Vec<Tensor>,
    /// After BatchNorm, ReLU and Dropout: > 0 exactly where the gradient passes.
    pub out: Vec<Tensor>,
    /// `[columns]` the batch's mean, with BatchNorm.
    pub mean: Tensor,
    /// `[columns]` 1/√(σ² + ε), with BatchNorm.
    pub inverse_std: Tensor,
}

impl Saved {
    /// For `rows` samples whose activations are of the kind `kind`, in so many planes of so many columns.
    pub(super) fn new(rows: i64, (planes, columns): (usize, i64), kind: Kind, device: Device) -> Self {
        let vector = || Tensor::zeros([columns], (Kind::Float, device));
        let planes = || blank(rows, (planes, columns), kind, device);
        Self { z: planes(), out: planes(), mean: vector(), inverse_std: vector() }
    }
}

/// So many planes of zeros.
pub(super) fn blank(rows: i64, (planes, columns): (usize, i64), kind: Kind, device: Device) -> Vec<Tensor> {
    (0..planes).map(|_| Tensor::zeros([rows, columns], (kind, device))).collect()
}

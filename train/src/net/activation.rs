//! The operations between two matrix products of a hidden layer: BatchNorm, ReLU, dropout and the residual sum. Here
//! are their inputs and outputs; `cpu` computes them in fused loops, `tensor_ops` in tensor operations.

use tch::{Device, Kind, Tensor};

use super::layer::NormViews;
use super::planes::{PlaneShape, Planes};

/// The dropout of one layer in one step.
#[derive(Debug, Clone, Copy)]
pub(super) struct DropoutSpec {
    /// Probability of dropping a unit.
    pub probability: f64,
    /// Seed of the mask.
    pub seed: u32,
}

/// Saved activations: what the forward pass of one hidden layer keeps for the backward pass.
#[derive(Debug)]
pub(super) struct SavedActivations {
    /// Output of the Linear layer.
    pub z: Planes,
    /// After BatchNorm, ReLU and dropout: > 0 exactly where the gradient passes.
    pub out: Planes,
    /// `[columns]` the batch's mean, with BatchNorm.
    pub mean: Tensor,
    /// `[columns]` 1/√(σ² + ε), with BatchNorm.
    pub inverse_std: Tensor,
}

impl SavedActivations {
    /// Allocates for `rows` samples whose activations are of the kind `kind`.
    pub(super) fn new(rows: i64, shape: PlaneShape, kind: Kind, device: Device) -> Self {
        Self {
            z: Planes::zeros(rows, shape, kind, device),
            out: Planes::zeros(rows, shape, kind, device),
            mean: Tensor::zeros([shape.columns], (Kind::Float, device)),
            inverse_std: Tensor::zeros([shape.columns], (Kind::Float, device)),
        }
    }
}

/// The residual sum at a block's end: `sum` = `skip` + the layer's output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Residual<'a> {
    pub skip: &'a Planes,
    pub sum: &'a Planes,
}

/// BatchNorm, ReLU and dropout of one hidden layer in one step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Activation<'a> {
    pub saved: &'a SavedActivations,
    /// Samples of this batch, B; `saved` may have room for more.
    pub rows: i64,
    pub norm: Option<&'a NormViews>,
    pub dropout: DropoutSpec,
}

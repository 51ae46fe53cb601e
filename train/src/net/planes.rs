//! Activations in planes: one as wide as the layer, or the even and the odd plane, each of half the width, of a
//! mirror-equivariant network (`symmetry` says why there are two).

use std::f64::consts::FRAC_1_SQRT_2;

use tch::{Device, Kind, Tensor};

/// How many planes a layer's activations are in, and the columns of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PlaneShape {
    pub planes: usize,
    pub columns: i64,
}

impl PlaneShape {
    /// The planes of a layer of `hidden` units.
    pub(super) fn of_hidden(hidden: usize, planes: usize) -> Self {
        Self { planes, columns: (hidden / planes) as i64 }
    }
}

/// One matrix `[B, columns]`, or two: the even plane, then the odd one.
#[derive(Debug)]
pub(super) struct Planes(Vec<Tensor>);

impl Planes {
    /// All of a batch's numbers in one plane.
    pub(super) fn one(plane: Tensor) -> Self {
        Self(vec![plane])
    }

    /// The planes of a mirror-equivariant network.
    pub(super) fn two(even: Tensor, odd: Tensor) -> Self {
        Self(vec![even, odd])
    }

    /// Zeros for `rows` samples.
    pub(super) fn zeros(rows: i64, shape: PlaneShape, kind: Kind, device: Device) -> Self {
        Self((0..shape.planes).map(|_| Tensor::zeros([rows, shape.columns], (kind, device))).collect())
    }

    /// The number of planes.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The only plane, or the even one: biases and means belong to it alone.
    pub(super) fn first(&self) -> &Tensor {
        &self.0[0]
    }

    /// All planes, the even one first.
    pub(super) fn iter(&self) -> std::slice::Iter<'_, Tensor> {
        self.0.iter()
    }

    /// Applies `change` to each plane and its index.
    pub(super) fn map(&self, change: impl FnMut((usize, &Tensor)) -> Tensor) -> Self {
        Self(self.0.iter().enumerate().map(change).collect())
    }

    /// Applies `join` to each plane and the same plane of `other`.
    pub(super) fn zip_map(&self, other: &Self, join: impl Fn(&Tensor, &Tensor) -> Tensor) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(own, other)| join(own, other)).collect())
    }

    /// Views of the first `rows` samples.
    pub(super) fn rows(&self, rows: i64) -> Self {
        self.map(|(_, plane)| plane.narrow(0, 0, rows))
    }

    /// The same numbers converted to `kind`.
    pub(super) fn to_kind(&self, kind: Kind) -> Self {
        self.map(|(_, plane)| plane.to_kind(kind))
    }

    /// Copies the numbers of `from`, rounded if their kind differs.
    pub(super) fn write(&self, from: &Self) {
        for (own, from) in self.0.iter().zip(&from.0) {
            own.shallow_clone().copy_(from);
        }
    }

    /// The even and the odd plane of twins: the map of [`Self::to_twins`], which is its own inverse.
    pub(super) fn to_planes(&self) -> Self {
        self.to_twins()
    }

    /// The twins (a, b) = (even ± odd)/√2 of planes. One plane stays unchanged.
    pub(super) fn to_twins(&self) -> Self {
        match &self.0[..] {
            [even, odd] => Self::two((even + odd) * FRAC_1_SQRT_2, (even - odd) * FRAC_1_SQRT_2),
            _ => self.map(|(_, plane)| plane.shallow_clone()),
        }
    }
}

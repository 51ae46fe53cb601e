//! Random numbers for each of B people, on their device; they are determined by the seed of libtorch's generator.

use tch::{Device, Kind, Tensor};

/// Bounds of numbers that are drawn uniformly, in themselves or in their logarithms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The least.
    pub least: f64,
    /// The greatest.
    pub greatest: f64,
}

impl Bounds {
    /// From `least` to `greatest`.
    pub const fn new(least: f64, greatest: f64) -> Self {
        Self { least, greatest }
    }

    /// One number only.
    pub const fn only(number: f64) -> Self {
        Self { least: number, greatest: number }
    }
}

/// Mean and standard deviation of normal numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normal {
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub deviation: f64,
}

impl Normal {
    /// With this mean and standard deviation.
    pub const fn new(mean: f64, deviation: f64) -> Self {
        Self { mean, deviation }
    }
}

/// A sampler for `rows` people.
#[derive(Debug, Clone, Copy)]
pub(in crate::views) struct Sampler {
    rows: i64,
    options: (Kind, Device),
}

impl Sampler {
    pub(in crate::views) fn new(rows: i64, device: Device) -> Self {
        Self { rows, options: (Kind::Float, device) }
    }

    fn size(&self, shape: &[i64]) -> Vec<i64> {
        [&[self.rows], shape].concat()
    }

    /// `[B, shape…]` uniform in 0..1.
    pub(in crate::views) fn unit(&self, shape: &[i64]) -> Tensor {
        Tensor::rand(self.size(shape), self.options)
    }

    /// `[B, shape…]` uniform between two bounds.
    pub(in crate::views) fn uniform(&self, shape: &[i64], bounds: Bounds) -> Tensor {
        self.unit(shape) * (bounds.greatest - bounds.least) + bounds.least
    }

    /// `[B, shape…]` standard normal.
    pub(in crate::views) fn normal(&self, shape: &[i64]) -> Tensor {
        Tensor::randn(self.size(shape), self.options)
    }

    /// `[B, 1, 1]` true for this share of the people.
    pub(in crate::views) fn some(&self, share: f64) -> Tensor {
        self.unit(&[1, 1]).lt(share)
    }

    /// `[B]` of one value.
    pub(in crate::views) fn constant(&self, value: f64) -> Tensor {
        Tensor::full([self.rows], value, self.options)
    }
}

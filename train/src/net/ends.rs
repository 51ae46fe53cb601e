//! The two ends of a network: how features and coordinates are standardised, and how they change in a mirror.

use tch::{Device, Tensor};

use super::buffers::Widths;
use super::mirror::{Mirror, Reflection};
use crate::trained::ZScore;

/// What a network stands between.
#[derive(Debug, Clone)]
pub struct Ends {
    /// How features are standardised.
    pub input: ZScore,
    /// How coordinates are.
    pub output: ZScore,
    /// How both change in a mirror, if the network is to keep to that.
    pub mirror: Option<Mirror>,
}

impl From<(ZScore, ZScore)> for Ends {
    /// Nothing is known of mirrors.
    fn from((input, output): (ZScore, ZScore)) -> Self {
        Self { input, output, mirror: None }
    }
}

/// A change of basis of a row of numbers, `[n, n]`, even vectors first; and how many are even.
#[derive(Debug)]
pub(super) struct Basis {
    pub rows: Tensor,
    pub even: i64,
}

impl Basis {
    pub(super) fn of(reflection: &Reflection, device: Device) -> Self {
        let (rows, even) = reflection.basis();
        let len = rows.nrows() as i64;
        let values: Vec<f32> = rows.iter().copied().collect();
        Self { rows: Tensor::from_slice(&values).view([len, len]).to_device(device), even: even as i64 }
    }

    /// How many numbers each plane has.
    pub(super) fn widths(&self) -> Widths {
        (self.even, Some(self.rows.size()[0] - self.even))
    }

    /// Planes of `x` `[B, n]`.
    pub(super) fn split(&self, x: &Tensor) -> Vec<Tensor> {
        let x = x.mm(&self.rows.tr());
        let (even, odd) = (self.even, x.size()[1] - self.even);
        vec![x.narrow(1, 0, even), x.narrow(1, even, odd)]
    }

    /// `[B, n]` of planes.
    pub(super) fn join(&self, planes: &[Tensor]) -> Tensor {
        Tensor::cat(planes, 1).mm(&self.rows)
    }
}

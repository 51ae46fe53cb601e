//! Standardisation at both ends of a network: features become z-scores in planes, the last layer's outputs become
//! poses.

use tch::{Device, Tensor};

use super::layer::Widths;
use super::planes::Planes;
use super::symmetry::{Basis, Mirror};
use crate::trained::ZScore;

/// The z-scores at both ends of a network.
#[derive(Debug, Clone)]
pub struct Standardisation {
    /// Standardisation of the features.
    pub input: ZScore,
    /// Standardisation of the coordinates.
    pub output: ZScore,
    /// How both change in a mirror, if the network is to be mirror-equivariant.
    pub mirror: Option<Mirror>,
}

impl From<(ZScore, ZScore)> for Standardisation {
    /// Without mirror-equivariance.
    fn from(zscores: (ZScore, ZScore)) -> Self {
        Self { input: zscores.0, output: zscores.1, mirror: None }
    }
}

impl Standardisation {
    /// The same; for a mirror-equivariant network with the statistics of data that is mirrored half of the time.
    pub(super) fn evened(self) -> Self {
        match self.mirror {
            None => self,
            Some(mirror) => Self {
                input: mirror.input.evened(&self.input),
                output: mirror.output.evened(&self.output),
                mirror: Some(mirror),
            },
        }
    }
}

/// The bases that split numbers into even and odd at both ends of a mirror-equivariant network.
#[derive(Debug)]
pub(super) struct Bases {
    pub features: Basis,
    /// σ included, if the network has it.
    pub outputs: Basis,
}

/// A [`Standardisation`] on the network's device.
#[derive(Debug)]
pub(super) struct Standardiser {
    pub bases: Option<Bases>,
    /// `[features]` mean and reciprocal deviation of the input.
    input_mean: Tensor,
    input_scale: Tensor,
    /// `[coordinates]` mean and deviation of the output.
    pub output_mean: Tensor,
    pub output_std: Tensor,
}

impl Standardiser {
    /// Moves it to `device`; with `sigma`, the output has one more number per joint.
    pub(super) fn new(standardisation: &Standardisation, sigma: bool, device: Device) -> Self {
        let Standardisation { input, output, mirror } = standardisation;
        let reciprocal: Vec<f32> = input.std.iter().map(|&std| if std > 0.0 { 1.0 / std } else { 0.0 }).collect();
        let bases = mirror.as_ref().map(|mirror| {
            let with_sigma = sigma.then(|| mirror.output.with_sigma());
            Bases {
                features: Basis::of(&mirror.input, device),
                outputs: Basis::of(with_sigma.as_ref().unwrap_or(&mirror.output), device),
            }
        });
        Self {
            bases,
            input_mean: Tensor::from_slice(&input.mean.to_vec()).to_device(device),
            input_scale: Tensor::from_slice(&reciprocal).to_device(device),
            output_mean: Tensor::from_slice(&output.mean.to_vec()).to_device(device),
            output_std: Tensor::from_slice(&output.std.to_vec()).to_device(device),
        }
    }

    /// Number of features per plane.
    pub(super) fn feature_widths(&self) -> Widths {
        match &self.bases {
            None => Widths::one_plane(self.input_mean.size()[0]),
            Some(bases) => bases.features.widths(),
        }
    }

    /// Number of outputs per plane; with `sigma`, one more per joint.
    pub(super) fn output_widths(&self, sigma: bool) -> Widths {
        match &self.bases {
            None if sigma => Widths::one_plane(self.coordinates() + self.coordinates() / 3),
            None => Widths::one_plane(self.coordinates()),
            Some(bases) => bases.outputs.widths(),
        }
    }

    /// The planes of a layer's activations.
    pub(super) fn planes(&self) -> usize {
        if self.bases.is_some() { 2 } else { 1 }
    }

    fn coordinates(&self) -> i64 {
        self.output_mean.size()[0]
    }

    /// z-scores `[B, F]` of `features` `[B, F]`.
    pub(super) fn standardised(&self, features: &Tensor) -> Tensor {
        (features - &self.input_mean) * &self.input_scale
    }

    /// `features` `[B, F]` as input of the first layer.
    pub(super) fn features_to_planes(&self, features: &Tensor) -> Planes {
        let standardised = self.standardised(features);
        match &self.bases {
            None => Planes::one(standardised),
            Some(bases) => bases.features.split(&standardised),
        }
    }

    /// Outputs of the last layer, `[B, outputs]`, still standardised.
    pub(super) fn output_from_planes(&self, output: &Planes) -> Tensor {
        match &self.bases {
            None => output.first().shallow_clone(),
            Some(bases) => bases.outputs.join(output),
        }
    }

    /// A gradient `[B, outputs]` in the last layer's planes: a basis is orthonormal, so it splits as features do.
    pub(super) fn gradient_to_planes(&self, gradient: &Tensor) -> Planes {
        match &self.bases {
            None => Planes::one(gradient.shallow_clone()),
            Some(bases) => bases.outputs.split(gradient),
        }
    }

    /// Poses `[B, J, 3]` from the last layer's output.
    pub(super) fn poses(&self, output: &Tensor) -> Tensor {
        let poses = output.narrow(1, 0, self.coordinates()) * &self.output_std + &self.output_mean;
        poses.view([output.size()[0], -1, 3])
    }

    /// σ `[B, J]` from the last layer's output.
    pub(super) fn raw_sigma(&self, output: &Tensor) -> Tensor {
        output.narrow(1, self.coordinates(), self.coordinates() / 3)
    }
}

//! Errors of a network on a fixed set of poses.

use tch::{Kind, Tensor};

use super::{DatasetCard, FixedSet};
use crate::features::features;
use crate::net::LiftNet;

/// Distances of a network's joints from the true ones.
#[derive(Debug)]
pub struct Errors {
    /// `[N, J]` in the data's unit.
    pub distance: Tensor,
    /// `[N, J]` the errors that the network itself expected, if it has sigma.
    pub sigma: Option<Tensor>,
}

impl Errors {
    /// The mean distance, in the data's unit.
    pub fn mpjpe(&self) -> f64 {
        self.distance.mean(Kind::Double).double_value(&[])
    }
}

/// Lifts `set` and compares the poses with its own.
pub fn measure(net: &LiftNet, set: &FixedSet, card: &DatasetCard) -> Errors {
    let rows = set.poses.size()[0];
    let mean = net.feature_means();
    let mut distances = Vec::new();
    let mut sigmas = Vec::new();
    for start in (0..rows).step_by(1024) {
        let len = 1024.min(rows - start);
        let (found, sigma) = net.lift(&features(&set.keypoints.narrow(0, start, len), &card.transform(), &mean));
        let error = found - set.poses.narrow(0, start, len);
        distances.push(error.square().sum_dim_intlist(&[-1i64][..], false, Kind::Float).sqrt());
        sigmas.extend(sigma);
    }
    let sigma = (!sigmas.is_empty()).then(|| Tensor::cat(&sigmas, 0));
    Errors { distance: Tensor::cat(&distances, 0), sigma }
}

//! Compares our own kernels with ONNX Runtime: both lift probe inputs, and kernels are used only if the two agree.
//!
//! Agreements are remembered in the user's cache folder ([`VerificationCache`]).

mod compare;
mod probe;
mod verified;

use std::path::Path;
use std::sync::Arc;

use super::backend::Backend;
use super::batch::FlatBatch;
use super::native::NativeNetwork;
use super::ort::{OrtModel, library};
use super::{Engine, Isa, ModelFile};
use crate::error::{Error, Result};
use verified::VerificationCache;

/// Returns `network` if it agrees with the runtime at `runtime`, which is loaded and run only if the result is not
/// remembered; otherwise returns that runtime.
///
/// # Errors
/// A runtime that cannot be used; kernels that do not agree, if `engine` requests them by name.
pub(super) fn verified(network: NativeNetwork, runtime: &Path, engine: Engine, file: &ModelFile) -> Result<Backend> {
    let cache = library::cache_folder().and_then(|cache| VerificationCache::of(file, network.isa(), runtime, &cache));
    if cache.as_ref().is_some_and(VerificationCache::is_remembered) {
        return Ok(Backend::Native(Arc::new(network)));
    }
    let model = OrtModel::on_cpu(runtime, file, 1)?;
    match agree(&network, &model, file)? {
        true => {
            if let Some(cache) = cache {
                cache.remember();
            }
            Ok(Backend::Native(Arc::new(network)))
        }
        false if engine == Engine::Auto => Ok(Backend::Ort(model)),
        false => Err(other_poses(network.isa()).at(file.name())),
    }
}

/// Compares the kernels of each instruction set that this processor has with ONNX Runtime on `file`, and returns
/// those that agree: all of them, or none if the file is not a network of ours.
///
/// # Errors
/// No usable ONNX Runtime, or kernels that do not agree.
pub fn verify_kernels(file: &ModelFile) -> Result<Vec<Isa>> {
    let networks: Vec<_> = Isa::available().filter_map(|isa| NativeNetwork::new(file, Some(isa), 1).ok()).collect();
    if networks.is_empty() {
        return Ok(Vec::new());
    }
    let model = OrtModel::on_cpu(&library::path(false)?, file, 1)?;
    let mut agreed = Vec::new();
    for network in networks {
        if !agree(&network, &model, file)? {
            return Err(other_poses(network.isa()).at(file.name()));
        }
        agreed.push(network.isa());
    }
    Ok(agreed)
}

fn other_poses(isa: Isa) -> Error {
    Error::model(format!("our own kernels ({isa}) give other poses than ONNX Runtime"))
}

/// Whether both give the same poses, and sigma if the model has it, for all probe inputs.
fn agree(network: &NativeNetwork, model: &OrtModel, file: &ModelFile) -> Result<bool> {
    let card = file.card();
    let (joints_in, joints_out) = (card.input.joints.len(), card.output.joints.len());
    let input = probe::inputs(joints_in, card.input.channels);
    let blank = |numbers: usize| vec![0f32; probe::COUNT * numbers];
    let (mut poses, mut expected) = (blank(joints_out * 3), blank(joints_out * 3));
    let (mut sigma, mut expected_sigma) = (blank(joints_out), blank(joints_out));
    fn batch<'a>(keypoints: &'a [f32], poses: &'a mut [f32], sigma: Option<&'a mut [f32]>) -> FlatBatch<'a> {
        FlatBatch { len: probe::COUNT, keypoints, poses, sigma }
    }
    network.run(batch(&input, &mut poses, card.output.sigma.then_some(&mut sigma)));
    model.run(batch(&input, &mut expected, card.output.sigma.then_some(&mut expected_sigma)))?;
    let same_poses = compare::are_close(&poses, &expected, joints_out * 3);
    Ok(same_poses && compare::are_close(&sigma, &expected_sigma, joints_out))
}

#[cfg(test)]
mod tests;

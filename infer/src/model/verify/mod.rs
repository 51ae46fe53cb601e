//! Compares our own kernels with ONNX Runtime: both lift probe inputs, and kernels are used only if the two agree.
//!
//! Agreements are remembered in the user's cache folder ([`VerificationCache`]).

mod compare;
mod probe;
mod verified;

use std::path::Path;
use std::sync::Arc;

use super::batch::{FlatBatch, FlatRecall, Part};
use super::native::NativeNetwork;
use super::ort::{OrtModel, library};
use super::session::Backend;
use super::{Card, Engine, Isa, ModelFile};
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
/// those that agree. There are none if the file is not a network of ours, or for its precision; for its width those of
/// some instruction sets may be absent.
///
/// # Errors
/// No usable ONNX Runtime, or kernels that cannot be set up for the network or do not agree.
pub fn verify_kernels(file: &ModelFile) -> Result<Vec<Isa>> {
    let Ok(network) = file.network() else { return Ok(Vec::new()) };
    let networks = open_each(file, Isa::available().filter(|isa| NativeNetwork::is_supported(&network, *isa)))?;
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

/// The network of `file` by the kernels of each of `isas`.
///
/// # Errors
/// The first that cannot be set up, with its instruction set and the cause.
fn open_each(file: &ModelFile, isas: impl Iterator<Item = Isa>) -> Result<Vec<NativeNetwork>> {
    let mut networks = Vec::new();
    for isa in isas {
        let network = NativeNetwork::new(file, Some(isa), 1);
        networks.push(network.map_err(|cause| not_set_up(isa, &cause).at(file.name()))?);
    }
    Ok(networks)
}

fn not_set_up(isa: Isa, cause: &Error) -> Error {
    Error::model(format!("our own kernels ({isa}) cannot be set up for the network: {cause}"))
}

fn other_poses(isa: Isa) -> Error {
    Error::model(format!("our own kernels ({isa}) give other poses than ONNX Runtime"))
}

/// Whether both give the same poses, and sigma if the model has it, for all probe inputs; with a memory, for a second frame of the
/// same people too.
fn agree(network: &NativeNetwork, model: &OrtModel, file: &ModelFile) -> Result<bool> {
    let card = file.card();
    let input = probe::inputs(card.input.joints.len(), card.input.channels);
    let mut ours = ProbeOutput::new(card);
    let mut theirs = ProbeOutput::new(card);
    let frames = if card.memory.is_some() { 2 } else { 1 };
    for frame in 0..frames {
        network.run(ours.batch(&input, frame));
        model.run(theirs.batch(&input, frame))?;
        if !ours.are_close_to(&theirs, card) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The output of one backend for the probe inputs.
struct ProbeOutput {
    poses: Vec<f32>,
    /// Empty for models without sigma.
    sigma: Vec<f32>,
    /// Empty for models without a memory.
    memory: Vec<f32>,
    since: Vec<f32>,
}

/// Seconds between two frames of a probed person.
const SINCE: f32 = 0.04;

impl ProbeOutput {
    fn new(card: &Card) -> Self {
        let joints = card.output.joints.len();
        Self {
            poses: blank(joints * 3),
            sigma: blank(if card.output.sigma { joints } else { 0 }),
            memory: blank(card.memory.as_ref().map_or(0, |memory| memory.units)),
            since: Vec::new(),
        }
    }

    fn batch<'a>(&'a mut self, keypoints: &'a [f32], frame: usize) -> FlatBatch<'a> {
        self.since = vec![if frame == 0 { 0.0 } else { SINCE }; probe::COUNT];
        FlatBatch {
            len: probe::COUNT,
            part: Part::Whole,
            keypoints,
            poses: &mut self.poses,
            sigma: (!self.sigma.is_empty()).then_some(&mut self.sigma),
            recall: (!self.memory.is_empty()).then_some(FlatRecall {
                since: &self.since,
                memory: &mut self.memory,
                follows: &[],
            }),
        }
    }

    fn are_close_to(&self, other: &Self, card: &Card) -> bool {
        let joints = card.output.joints.len();
        let memory = card.memory.as_ref().map_or(1, |memory| memory.units);
        compare::are_close(&self.poses, &other.poses, joints * 3)
            && compare::are_close(&self.sigma, &other.sigma, joints)
            && compare::are_close(&self.memory, &other.memory, memory)
    }
}

/// Room for so many numbers of each probe input.
fn blank(numbers: usize) -> Vec<f32> {
    vec![0.0; probe::COUNT * numbers]
}

#[cfg(test)]
mod tests;

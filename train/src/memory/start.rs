//! The models that a run begins with: the network of single frames, and the memory of an exported model instead of fresh weights
//! (`memory --init`).

use std::collections::BTreeMap;
use std::path::Path;

use poselift::model::{Card, ModelFile};
use poselift::{Error, Result};
use poselift_onnx::{Memory, Network, write};

use crate::config::InitConfig;
use crate::fit::start::network_of;

/// The model at `path` that lifts single frames; of one that remembers, the network that its memory stands behind.
///
/// # Errors
/// A file that cannot be read, or a memory in one that `export` did not write.
pub(super) fn frames_of(path: &Path) -> Result<ModelFile> {
    let file = ModelFile::read(path)?;
    let Some(remembers) = &file.card().memory else { return Ok(file) };
    let network = Network { memory: None, ..network_of(&file)? };
    let name = remembers.frames.rsplit_once(", weights ").map_or(&*remembers.frames, |(name, _)| name).to_owned();
    // The figures are of frames that are remembered.
    let mut card = Card { name, memory: None, metrics: BTreeMap::new(), ..file.card().clone() };
    card.network.parameters = network.parameters();
    ModelFile::from_bytes(path, write(&network, card)?.bytes)
}

/// A memory to begin with.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) memory: Memory,
    /// Its model, and the model's weights.
    pub(super) init: InitConfig,
    /// The network that it stands behind.
    pub(super) behind: String,
}

impl Start {
    /// The memory of the model that `init` names, for a network with the card `frames`.
    ///
    /// # Errors
    /// A file that cannot be read, remembers nothing, has other joints than `frames`, or is another one than the run began with.
    pub(super) fn open(init: &InitConfig, frames: &Card) -> Result<Self> {
        let file = ModelFile::read(&init.model)?;
        file.check_weights()?;
        let card = file.card();
        let memory = network_of(&file)?.memory;
        let Some((memory, remembers)) = memory.zip(card.memory.as_ref()) else {
            return Err(Error::usage("--init with a model that remembers nothing, expected one that `memory` fitted")
                .at(&init.model)
                .hint("leave --init out to begin with fresh weights"));
        };
        if (&card.input, &card.output) != (&frames.input, &frames.output) {
            return Err(Error::usage("--init with a model of other joints than --model has").at(&init.model));
        }
        Ok(Self { memory, init: init.read_as(card)?, behind: remembers.frames.clone() })
    }
}

//! A run on disk, read for export.

use std::path::Path;

use poselift::Result;
use poselift::model::ModelFile;
use tch::{Device, Tensor};

use super::evaluate::Summary;
use super::network::{MemoryNet, Shape};
use super::{CONFIG, FRAMES, MemoryConfig};
use crate::dataset::DatasetCard;
use crate::fit::checkpoint::{self, Checkpoint, RunState};

/// A run that was loaded for export.
#[derive(Debug)]
pub struct FinishedMemory {
    /// Its configuration.
    pub config: MemoryConfig,
    /// The description of its data.
    pub dataset: DatasetCard,
    /// The model that lifts single frames.
    pub frames: ModelFile,
    /// The memory of the last checkpoint, on the CPU.
    pub net: MemoryNet,
    /// The progress of that checkpoint.
    pub state: RunState,
    /// The result, if the run has ended.
    pub summary: Option<Summary>,
}

impl FinishedMemory {
    /// Whether `run` is the folder of such a run.
    pub fn is_one(run: &Path) -> bool {
        run.join(CONFIG).is_file()
    }

    /// Reads the run in folder `run`.
    ///
    /// # Errors
    /// The folder is not such a run, or the run has saved no checkpoint yet.
    pub fn read(run: &Path) -> Result<Self> {
        let config: MemoryConfig = checkpoint::read_json(&run.join(CONFIG))?;
        let dataset: DatasetCard = checkpoint::read_json(&run.join(checkpoint::DATASET))?;
        let frames = ModelFile::read(run.join(FRAMES))?;
        let saved = Checkpoint::read(&run.join(checkpoint::LAST))?;
        let shape = Shape::of(frames.card(), config.units);
        let net = MemoryNet::from_state(shape, Device::Cpu, |name| saved.tensor(name).map(Tensor::shallow_clone))?;
        let summary = run.join(checkpoint::SUMMARY);
        let summary = summary.exists().then(|| checkpoint::read_json(&summary)).transpose()?;
        Ok(Self { config, dataset, frames, net, state: saved.state()?, summary })
    }
}

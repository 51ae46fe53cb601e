//! A run on disk: all that is needed to resume it to the same numbers, or to export it.
//!
//! A run folder holds `config.json`, `dataset.json`, `fingerprint.json` (of its data), `checkpoint.safetensors` (the
//! last state), `best.safetensors` (the best validation), `history.csv`, `summary.json`, the charts and `report.md`.
//! Files appear whole or not at all. The random state needs no file: everything random in a step follows from the
//! run's seed and the step's number.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use ndarray::Array1;
use poselift::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tch::{Device, Kind, Tensor};

use super::history::EpochScore;
use crate::config::FitConfig;
use crate::dataset::DatasetCard;
use crate::net::LiftNet;
use crate::output;
use crate::trained::{TrainedLifter, ZScore};

/// The configuration of a run.
pub const CONFIG: &str = "config.json";
/// The configuration of a run that fits a memory, in a folder of its own.
pub const MEMORY_CONFIG: &str = "memory.json";
/// The description of its data.
pub const DATASET: &str = "dataset.json";
/// The fingerprint of its data.
pub const FINGERPRINT: &str = "fingerprint.json";
/// Its last state.
pub const LAST: &str = "checkpoint.safetensors";
/// The state with the best validation score.
pub const BEST: &str = "best.safetensors";
/// Its figures, one line per iteration.
pub const HISTORY: &str = "history.csv";
/// Its summary.
pub const SUMMARY: &str = "summary.json";
/// The chart of its figures.
pub const CHART_SVG: &str = "mpjpe.svg";
/// The same chart in pixels.
pub const CHART_PNG: &str = "mpjpe.png";
/// Its report.
pub const REPORT: &str = "report.md";
/// All that a run writes to.
pub(super) const WRITTEN: [&str; 10] =
    [CONFIG, DATASET, FINGERPRINT, LAST, BEST, HISTORY, SUMMARY, CHART_SVG, CHART_PNG, REPORT];

/// The progress of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunState {
    /// Steps taken.
    pub iteration: u64,
    /// Samples used.
    pub samples: u64,
    /// Seconds of training.
    pub seconds: f64,
    /// Least validation MPJPE so far, in the data's unit.
    pub best_mpjpe: f64,
    /// Scores of the finished epochs.
    pub epochs: Vec<EpochScore>,
}

impl Default for RunState {
    fn default() -> Self {
        Self { iteration: 0, samples: 0, seconds: 0.0, best_mpjpe: f64::INFINITY, epochs: Vec::new() }
    }
}

/// Writes `value` as indented JSON; the file appears whole.
///
/// # Errors
/// The file cannot be written.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Error::input(e.to_string()).at(path))?;
    output::write_whole(path, format!("{text}\n").as_bytes())
}

/// Reads a file of [`write_json`].
///
/// # Errors
/// The file does not exist, or is another kind of JSON.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io("cannot read", path, e))?;
    serde_json::from_str(&text).map_err(|e| Error::input(format!("not as poselift-train wrote it: {e}")).at(path))
}

/// Saves network and progress as one file, which appears whole.
///
/// # Errors
/// The file cannot be written.
pub fn save(path: &Path, net: &LiftNet, state: &RunState) -> Result<()> {
    let mut tensors = net.state();
    let (input, output) = net.zscores();
    for (name, values) in [
        ("input_mean", &input.mean),
        ("input_std", &input.std),
        ("output_mean", &output.mean),
        ("output_std", &output.std),
    ] {
        tensors.push((name.into(), Tensor::from_slice(&values.to_vec())));
    }
    save_tensors(path, tensors, state)
}

/// Saves `tensors` and progress as one file, which appears whole.
///
/// # Errors
/// The file cannot be written.
pub fn save_tensors(path: &Path, mut tensors: Vec<(String, Tensor)>, state: &RunState) -> Result<()> {
    let counts = [state.iteration as i64, state.samples as i64];
    tensors.push(("counts".into(), Tensor::from_slice(&counts)));
    tensors.push(("times".into(), Tensor::from_slice(&[state.seconds, state.best_mpjpe])));
    let epochs: Vec<f64> = state
        .epochs
        .iter()
        .flat_map(|score| [f64::from(score.epoch), score.iteration as f64, score.train_mpjpe, score.val_mpjpe])
        .collect();
    tensors.push(("epochs".into(), Tensor::from_slice(&epochs)));
    let host: Vec<_> =
        tensors.into_iter().map(|(name, tensor)| (name, tensor.to_device(Device::Cpu).contiguous())).collect();
    let unfinished = output::unfinished(path)?;
    Tensor::write_safetensors(&host, &unfinished).map_err(|e| unwritten(path, &e))?;
    std::fs::rename(&unfinished, path).map_err(|e| unwritten(path, &e))
}

fn unwritten(path: &Path, cause: &dyn Display) -> Error {
    Error::runtime(format!("cannot write the checkpoint: {cause}")).at(path)
}

/// A checkpoint in memory.
#[derive(Debug)]
pub struct Checkpoint {
    tensors: Vec<(String, Tensor)>,
    path: PathBuf,
}

impl Checkpoint {
    /// Reads a checkpoint.
    ///
    /// # Errors
    /// The file does not exist, or is not a checkpoint.
    pub fn read(path: &Path) -> Result<Self> {
        std::fs::metadata(path).map_err(|e| Error::io("cannot read", path, e))?;
        let tensors = Tensor::read_safetensors(path)
            .map_err(|e| Error::input(format!("no checkpoint of poselift-train: {e}")).at(path))?;
        Ok(Self { tensors, path: path.to_owned() })
    }

    /// The tensor of this name.
    ///
    /// # Errors
    /// There is none.
    pub fn tensor(&self, name: &str) -> Result<&Tensor> {
        let found = self.tensors.iter().find(|(saved, _)| saved == name);
        found
            .map(|(_, tensor)| tensor)
            .ok_or_else(|| Error::input(format!("the checkpoint lacks '{name}'")).at(&self.path))
    }

    fn doubles(&self, name: &str) -> Result<Vec<f64>> {
        let tensor = self.tensor(name)?.to_kind(Kind::Double);
        let mut values = vec![0.0; tensor.numel()];
        tensor.copy_data(&mut values, tensor.numel());
        Ok(values)
    }

    fn zscore(&self, side: &str) -> Result<ZScore> {
        Ok(ZScore { mean: self.floats(&format!("{side}_mean"))?, std: self.floats(&format!("{side}_std"))? })
    }

    fn floats(&self, name: &str) -> Result<Array1<f32>> {
        Ok(self.doubles(name)?.into_iter().map(|value| value as f32).collect())
    }

    /// The saved progress.
    ///
    /// # Errors
    /// A number is missing.
    pub fn state(&self) -> Result<RunState> {
        let counts = self.doubles("counts")?;
        let times = self.doubles("times")?;
        let epochs = self.doubles("epochs")?;
        let [iteration, samples] = counts[..] else { return Err(self.malformed("counts")) };
        let [seconds, best_mpjpe] = times[..] else { return Err(self.malformed("times")) };
        let epochs = epochs
            .chunks_exact(4)
            .map(|row| EpochScore {
                epoch: row[0] as u32,
                iteration: row[1] as u64,
                train_mpjpe: row[2],
                val_mpjpe: row[3],
            })
            .collect();
        Ok(RunState { iteration: iteration as u64, samples: samples as u64, seconds, best_mpjpe, epochs })
    }

    fn malformed(&self, name: &str) -> Error {
        Error::input(format!("'{name}' of the checkpoint is malformed")).at(&self.path)
    }

    /// The saved network, optimiser state included, which was trained on `data`.
    ///
    /// # Errors
    /// The checkpoint's network has another shape than `config` and `data` say.
    pub fn network(&self, config: &FitConfig, data: &DatasetCard, device: Device) -> Result<LiftNet> {
        let standardisation = data.standardisation((self.zscore("input")?, self.zscore("output")?), &config.network)?;
        let mut net = LiftNet::for_run(config, standardisation, device);
        net.load_state(&self.tensors, self.state()?.iteration).map_err(|e| e.at(&self.path))?;
        Ok(net)
    }
}

/// A run that was loaded for export.
#[derive(Debug)]
pub struct FinishedRun {
    /// Its configuration.
    pub config: FitConfig,
    /// The description of its data.
    pub dataset: DatasetCard,
    /// The network of the chosen checkpoint, on the CPU.
    pub net: LiftNet,
    /// The progress of that checkpoint.
    pub state: RunState,
}

impl FinishedRun {
    /// Reads the run in folder `run` at its checkpoint `file` ([`BEST`] or [`LAST`]).
    ///
    /// # Errors
    /// The folder is not a run, or the run has saved no checkpoint yet.
    pub fn read(run: &Path, file: &str) -> Result<Self> {
        if !run.join(CONFIG).is_file() {
            return Err(Error::input(format!("not a run: it holds no {CONFIG}"))
                .at(run)
                .hint("make one with `poselift-train fit --data SOURCE --out RUN`"));
        }
        let config: FitConfig = read_json(&run.join(CONFIG))?;
        let checkpoint = Checkpoint::read(&run.join(file))?;
        let dataset: DatasetCard = read_json(&run.join(DATASET))?;
        let net = checkpoint.network(&config, &dataset, Device::Cpu)?;
        Ok(Self { dataset, net, state: checkpoint.state()?, config })
    }

    /// The lifter as plain arrays, for the exporter.
    pub fn to_trained(&self) -> TrainedLifter {
        let (input, _) = self.net.zscores();
        TrainedLifter {
            input_card: self.dataset.input.clone(),
            output_card: self.dataset.output.clone(),
            transform: self.dataset.transform(),
            input_zscore: input.clone(),
            network: self.net.to_arrays(),
            output_zscore: self.net.output_zscore(),
        }
    }
}

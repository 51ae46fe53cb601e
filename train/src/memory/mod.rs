//! Fits a memory behind a network that lifts single frames ([`MemoryNet`]): a run in its folder, from the data to the summary.
//!
//! The network stays as it is and runs as its users run it. Windows of motion are seen by one camera and one detector each
//! (`views/sequences.rs`), lifted frame by frame, and the memory learns to correct that. Everything random in a step follows from
//! the run's seed and the step's number, so that a resumed run comes to the same numbers.
//!
//! The folder holds `memory.json`, `dataset.json`, `fingerprint.json`, a copy of the network, `checkpoint.safetensors`,
//! `history.csv` and `summary.json`.

mod config;
mod evaluate;
mod export;
mod finished;
mod limbs;
mod network;
mod start;
mod train_loop;

use std::path::Path;

use poselift::skeleton::Layout;
use poselift::{Error, Result};

pub use config::MemoryConfig;
pub use evaluate::{Scores, Summary};
pub use export::{Exported, export};
pub use finished::FinishedMemory;
pub use network::{FramesLifted, MemoryNet, Remembered, Shape};

use crate::data::{OpenOptions, RootChoice, TrainingData};
use crate::dataset::{SequenceOptions, Sequences};
use crate::fit::fingerprint::DataFingerprint;
use crate::fit::frozen::FrozenModel;
use crate::fit::lock::{RunFiles, enter};
use crate::fit::{Event, Progress, checkpoint, device};
use crate::output;
use start::{Start, frames_of};
use train_loop::{Begin, TrainLoop};

/// The configuration of a run.
pub const CONFIG: &str = checkpoint::MEMORY_CONFIG;
/// The most seconds between two frames of one person: windows of training have no longer gap.
const MAX_GAP_SECONDS: f64 = 0.5;
/// Its copy of the network that lifts single frames.
pub const FRAMES: &str = "frames.onnx";
/// What a run's folder holds; where `fit` has a run of its own, none of a memory begins.
const FILES: RunFiles = RunFiles {
    config: CONFIG,
    of_a_run: &[checkpoint::LAST, checkpoint::SUMMARY, checkpoint::CONFIG],
    written: &[CONFIG, FRAMES, checkpoint::DATASET, checkpoint::FINGERPRINT, checkpoint::HISTORY],
};

/// Fits as `config` says into the folder `out`; with `resume`, continues from its last checkpoint.
///
/// # Errors
/// A model without sigma, or of other key points; an `init` without a memory; data that are no motion or changed since the run
/// began; a folder that holds a run already (without `resume`) or none (with it); a device that is not available.
pub fn run(config: &MemoryConfig, out: &Path, resume: bool, progress: &mut dyn Progress) -> Result<Summary> {
    config.check()?;
    let mut config = config.clone();
    let device = device::choose(&config.device)?;
    let model = if resume { out.join(FRAMES) } else { config.model.clone() };
    let frames = frames_of(&model)?;
    // What lifts is what is kept: on a CPU the built-in model is another file than on a GPU.
    let frames = if device.is_cuda() { frames } else { frames.for_cpus().clone() };
    let start = match &config.init {
        Some(init) if !(resume && out.join(checkpoint::LAST).exists()) => Some(Start::open(init, frames.card())?),
        _ => None,
    };
    if let Some(start) = &start {
        config.units = start.memory.units();
        config.init = Some(start.init.clone());
        if start.behind != frames.card().named() {
            let note = format!(
                "the memory of --init was fitted behind {}, this run's is {}",
                start.behind,
                frames.card().named()
            );
            progress.event(Event::Note(&note));
        }
    }
    let options = OpenOptions { rate: config.rate, seed: config.seed, root: RootChoice::Auto };
    let opened = options.open(&config.data)?;
    for note in &opened.notes {
        progress.event(Event::Note(note));
    }
    let fingerprint = DataFingerprint::of(&opened.data);
    let TrainingData::Motion(mut motion) = opened.data else {
        return Err(Error::usage("paired arrays are no motion: a memory learns from frames that follow each other"));
    };
    motion.cut_single_clip(config.val_split);
    let layout = Layout::by_name(&frames.card().input.layout).map_err(|error| error.at(&model))?;
    let options = SequenceOptions {
        val_split: config.val_split,
        val_subjects: &config.val_subjects,
        steps: config.window,
        noise: config.noise,
    };
    let sequences = Sequences::new(&motion, layout, &options, device)?;
    let frozen = FrozenModel::new(&frames, "the model of single frames", &sequences.card, device)?;
    let fingerprint = fingerprint.with_model("the model of single frames", Some(&frozen.named()));
    let _lock = enter(out, resume, &FILES)?;
    if resume {
        fingerprint.check(&checkpoint::read_json(&out.join(checkpoint::FINGERPRINT))?).map_err(|e| e.at(out))?;
    }
    checkpoint::write_json(&out.join(checkpoint::FINGERPRINT), &fingerprint)?;
    checkpoint::write_json(&out.join(CONFIG), &config)?;
    checkpoint::write_json(&out.join(checkpoint::DATASET), &sequences.card)?;
    output::write_whole(&out.join(FRAMES), frames.bytes())?;
    let begin = Begin { resume, start: start.map(|start| start.memory) };
    let mut train_loop = TrainLoop::new(&config, out, &sequences, frozen, device, begin)?;
    progress.event(train_loop.started(&device::name(device)));
    let summary = train_loop.train(progress)?;
    checkpoint::write_json(&out.join(checkpoint::SUMMARY), &summary)?;
    Ok(summary)
}

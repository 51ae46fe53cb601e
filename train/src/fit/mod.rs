//! Fits a network: a run in its folder, from the data to the summary.
//!
//! On the motion capture of CMU and UI-PRMD the network of the README reaches the error that `models/README.md`
//! states; `tests/train/fit.rs` checks a bound on synthetic motion.
//!
//! `train_loop` takes the steps, with an optional teacher (`frozen`), on a `device`, from fresh weights or a
//! model's (`start`); `history` holds the measurements,
//! `tensorboard` shows them elsewhere,
//! `checkpoint` the state that a killed run resumes from. A folder has one run at a time (`lock`), and a resumed run
//! uses the data that it began with (`fingerprint`).

pub mod checkpoint;
pub mod device;
pub(crate) mod fingerprint;
pub(crate) mod frozen;
pub mod history;
pub(crate) mod lock;
pub(crate) mod start;
pub mod tensorboard;
mod train_loop;
mod widen;

use std::path::Path;

use poselift::model::ModelFile;
use poselift::{Error, Result};

use crate::config::FitConfig;
use crate::data::{OpenOptions, TrainingData};
use crate::dataset::{Dataset, DatasetCard};

use fingerprint::DataFingerprint;
use frozen::FrozenModel;
use history::Summary;
use lock::{RunFiles, enter};
use start::Start;
use train_loop::{Models, TrainLoop};

/// What a run's folder holds.
const FILES: RunFiles = RunFiles {
    config: checkpoint::CONFIG,
    of_a_run: &[checkpoint::LAST, checkpoint::SUMMARY, checkpoint::MEMORY_CONFIG],
    written: &checkpoint::WRITTEN,
};

/// Events of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<'a> {
    /// The data are loaded and the network exists.
    Started {
        /// `cpu` or `cuda:N`.
        device: &'a str,
        /// The description of the data.
        dataset: &'a DatasetCard,
        /// Number of parameters.
        parameters: u64,
        /// Steps of the whole run.
        steps: u64,
        /// The step after which it resumes, 0 for a fresh run.
        resumed_at: u64,
    },
    /// A step was made; told when its error has come from the device.
    Step {
        /// The step, from 1.
        iteration: u64,
        /// MPJPE of its batch in the reported unit.
        train_mpjpe: f64,
    },
    /// Some steps were made.
    Progress {
        /// Steps taken so far.
        iteration: u64,
        /// Mean training MPJPE of the steps since the last report, in the reported unit.
        train_mpjpe: f64,
        /// Training samples a second since the last report.
        samples_per_second: f64,
    },
    /// The validation split was measured.
    Validated {
        /// Steps taken so far.
        iteration: u64,
        /// MPJPE in the reported unit.
        val_mpjpe: f64,
    },
    /// A note about the data.
    Note(&'a str),
}

/// Receives a run's [`Event`]s.
pub trait Progress {
    /// Handles one event.
    fn event(&mut self, event: Event<'_>);
}

/// Ignores all events.
#[derive(Debug)]
pub struct Silent;

impl Progress for Silent {
    fn event(&mut self, _event: Event<'_>) {}
}

/// Fits as `config` says into the folder `out`; with `resume`, continues from its last checkpoint.
///
/// # Errors
/// Data that cannot be read or split, or that changed since the run began; a device that is not available; a folder
/// that already holds a run (without `resume`) or none (with it), or that another process fits in; training that
/// diverges to NaN.
pub fn run(config: &FitConfig, out: &Path, resume: bool, progress: &mut dyn Progress) -> Result<Summary> {
    config.check()?;
    let device = device::choose(&config.device)?;
    let config = &FitConfig { precision: device::precision(config.precision, device), ..config.clone() };
    let begun = resume && out.join(checkpoint::LAST).exists();
    let start = config.init.as_ref().filter(|_| !begun).map(Start::open).transpose()?;
    let config = &match &start {
        None => config.clone(),
        Some(start) => {
            FitConfig { network: start.shape(&config.network), init: Some(start.named().clone()), ..config.clone() }
        }
    };
    // A folder that holds a run is locked at once; a new one is made when its data can be used.
    let held = if resume || out.join(checkpoint::CONFIG).exists() { Some(enter(out, resume, &FILES)?) } else { None };
    let opened = OpenOptions::from_config(config)?.open(&config.data)?;
    for note in &opened.notes {
        progress.event(Event::Note(note));
    }
    if !resume {
        check_options(config, &opened.data)?;
    }
    let fingerprint = DataFingerprint::of(&opened.data);
    let mut dataset = Dataset::new(opened.data, config, device)?;
    let teacher = match &config.teacher {
        Some(path) => Some(FrozenModel::new(&ModelFile::read(path)?, "the teacher", &dataset.card, device)?),
        None => None,
    };
    dataset.card.teacher = teacher.as_ref().map(FrozenModel::named);
    if let Some(start) = &start {
        start.check(&dataset.card)?;
    }
    let fingerprint = fingerprint.with_model("the teacher", dataset.card.teacher.as_deref());
    let _lock = match held {
        Some(lock) => lock,
        None => enter(out, resume, &FILES)?,
    };
    if resume {
        check_data(out, &fingerprint, progress)?;
    }
    // Written before the configuration, so that a run that can be resumed has one.
    checkpoint::write_json(&out.join(checkpoint::FINGERPRINT), &fingerprint)?;
    checkpoint::write_json(&out.join(checkpoint::CONFIG), config)?;
    checkpoint::write_json(&out.join(checkpoint::DATASET), &dataset.card)?;
    let mut train_loop = TrainLoop::new(config, out, &dataset, Models { teacher, start }, device, resume)?;
    progress.event(train_loop.started(&device::name(device)));
    train_loop.train(progress)?;
    let summary = train_loop.summary();
    checkpoint::write_json(&out.join(checkpoint::SUMMARY), &summary)?;
    Ok(summary)
}

/// Refuses options that data of this kind do not follow.
fn check_options(config: &FitConfig, data: &TrainingData) -> Result<()> {
    let usual = FitConfig::default();
    let of_pairs = [("--root", config.root != usual.root)];
    let of_motion = [
        ("--val-subjects", config.val_subjects != usual.val_subjects),
        ("--layout", config.layout != usual.layout),
        ("--noise", config.noise != usual.noise),
        ("--rarity", config.rarity != usual.rarity),
        ("--rate", config.rate != usual.rate),
    ];
    let (given, found, expected) = match data {
        TrainingData::Pairs(_) => (&of_motion[..], "the data are paired arrays", "motion"),
        TrainingData::Motion(_) => (&of_pairs[..], "the data are motion", "paired arrays"),
    };
    match given.iter().find(|(_, is_given)| *is_given) {
        None => Ok(()),
        Some((option, _)) => {
            Err(Error::usage(format!("{option}, but {found}, expected {expected}")).hint(format!("leave {option} out")))
        }
    }
}

/// Compares the data of a resumed run with the data that it began with.
fn check_data(out: &Path, now: &DataFingerprint, progress: &mut dyn Progress) -> Result<()> {
    let path = out.join(checkpoint::FINGERPRINT);
    if !path.exists() {
        progress.event(Event::Note("this run holds no fingerprint of its data: they are taken to be what they were"));
        return Ok(());
    }
    now.check(&checkpoint::read_json(&path)?).map_err(|error| error.at(out))
}

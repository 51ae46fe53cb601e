//! The training loop, to be read from top to bottom.
//!
//! Everything random in step k follows from the run's seed and k, so a resumed run reaches the same numbers as an
//! unbroken one. No step waits for the device: errors are collected there and read every `READ_EVERY` steps.

use std::path::Path;
use std::time::Instant;

use poselift::{Error, Result};
use tch::{Device, Tensor};

use super::checkpoint::{self, Checkpoint, RunState};
use super::frozen::FrozenModel;
use super::history::{EpochScore, HistoryRow, HistoryWriter, Summary};
use super::start::Start;
use super::{Event, Progress, device};
use crate::config::{FitConfig, Schedule};
use crate::dataset::{Dataset, measure};
use crate::features::features;
use crate::net::{LiftNet, Step, mix_seed};
use crate::trained::InputTransform;

/// Steps between two reads of the errors on the device.
const READ_EVERY: u64 = 50;
/// Share of the steps over which a cosine schedule warms up.
const SCHEDULE_WARM_UP: f64 = 0.01;
/// Share of the steps after which σ learns: before, errors say little about the final ones.
const SIGMA_WARM_UP: f64 = 0.05;
/// Seeds of the run's random streams, besides the steps' own.
const ORDER_STREAM: u64 = 1 << 40;

/// The steps of a run: epochs of batches.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Plan {
    samples: usize,
    batch: usize,
    epochs: u32,
}

impl Plan {
    /// Batches per epoch. The last one is smaller; a single remaining sample joins the batch before it, since
    /// BatchNorm has no variance over one sample.
    fn batches(&self) -> usize {
        let full = self.samples / self.batch;
        let left = self.samples % self.batch;
        if full == 0 { 1 } else { full + usize::from(left > 1) }
    }

    fn steps(&self) -> u64 {
        self.batches() as u64 * u64::from(self.epochs)
    }

    /// First sample and number of samples of a batch.
    fn range(&self, batch: usize) -> (usize, usize) {
        let start = batch * self.batch;
        let end = if batch + 1 == self.batches() { self.samples } else { start + self.batch };
        (start, end - start)
    }
}

/// The learning rate of step `iteration` (from 1) of `steps`.
fn learning_rate(config: &FitConfig, iteration: u64, steps: u64) -> f64 {
    let share = iteration as f64 / steps as f64;
    match config.schedule {
        Schedule::Constant => config.learning_rate,
        Schedule::Cosine if share < SCHEDULE_WARM_UP => config.learning_rate * share / SCHEDULE_WARM_UP,
        Schedule::Cosine => {
            let share = (share - SCHEDULE_WARM_UP) / (1.0 - SCHEDULE_WARM_UP);
            config.learning_rate * 0.5 * (1.0 + (std::f64::consts::PI * share).cos())
        }
    }
}

/// The exported models that a run uses.
pub(super) struct Models {
    /// Its poses are learned too.
    pub teacher: Option<FrozenModel>,
    /// Its weights are the first ones.
    pub start: Option<Start>,
}

/// A run in progress.
pub(super) struct TrainLoop<'a> {
    config: &'a FitConfig,
    out: &'a Path,
    dataset: &'a Dataset,
    device: Device,
    plan: Plan,
    net: LiftNet,
    state: RunState,
    history: HistoryWriter,
    teacher: Option<FrozenModel>,
    /// The transform from key points to features.
    transform: InputTransform,
    /// `[features]` values for missing key points.
    feature_mean: Tensor,
    pending: Pending,
    clock: Instant,
}

/// Errors of recent steps, still on the device.
struct Pending {
    errors: Vec<Tensor>,
    seconds: Vec<f64>,
    samples: u64,
    since: Instant,
}

impl Pending {
    fn new() -> Self {
        Self { errors: Vec::new(), seconds: Vec::new(), samples: 0, since: Instant::now() }
    }
}

impl<'a> TrainLoop<'a> {
    /// A run before the first step, or with `resume` after the last checkpoint.
    pub(super) fn new(
        config: &'a FitConfig,
        out: &'a Path,
        dataset: &'a Dataset,
        models: Models,
        device: Device,
        resume: bool,
    ) -> Result<Self> {
        let last = out.join(checkpoint::LAST);
        let (net, state) = if resume && last.exists() {
            let saved = Checkpoint::read(&last)?;
            (saved.network(config, &dataset.card, device)?, saved.state()?)
        } else {
            let standardisation = dataset.card.standardisation(dataset.zscores(), &config.network)?;
            let mut net = LiftNet::for_run(config, standardisation, device);
            if let Some(start) = &models.start {
                start.load_into(&mut net, dataset)?;
            }
            (net, RunState::default())
        };
        let history = HistoryWriter::resume(&out.join(checkpoint::HISTORY), state.iteration)?;
        let feature_mean = net.feature_means();
        let transform = dataset.card.transform();
        let plan = Plan { samples: dataset.train_len(), batch: config.batch_size, epochs: config.epochs };
        let pending = Pending::new();
        let clock = Instant::now();
        Ok(Self {
            config,
            out,
            dataset,
            device,
            plan,
            net,
            state,
            history,
            teacher: models.teacher,
            transform,
            feature_mean,
            pending,
            clock,
        })
    }

    /// The event before the first step, on the device of this `name`.
    pub(super) fn started<'e>(&'e self, device: &'e str) -> Event<'e> {
        Event::Started {
            device,
            dataset: &self.dataset.card,
            parameters: self.net.parameter_count(),
            steps: self.plan.steps(),
            resumed_at: self.state.iteration,
        }
    }

    /// Takes all remaining steps.
    pub(super) fn train(&mut self, progress: &mut dyn Progress) -> Result<()> {
        let batches = self.plan.batches() as u64;
        let earlier_seconds = self.state.seconds;
        self.clock = Instant::now();
        while self.state.iteration < self.plan.steps() {
            let epoch = self.state.iteration / batches;
            let order = self.epoch_order(epoch);
            for batch in self.state.iteration % batches..batches {
                self.step(&order, batch as usize)?;
                self.state.seconds = earlier_seconds + self.clock.elapsed().as_secs_f64();
                self.pending.seconds.push(self.state.seconds);
                let epoch_ends = batch + 1 == batches;
                if epoch_ends || self.state.iteration.is_multiple_of(self.config.validate_every) {
                    self.validate(epoch_ends.then_some(epoch as u32 + 1), progress)?;
                } else if self.pending.errors.len() as u64 >= READ_EVERY {
                    self.record(None, progress)?;
                }
                if epoch_ends || self.state.iteration.is_multiple_of(self.config.checkpoint_every) {
                    self.record(None, progress)?;
                    self.history.flush()?;
                    checkpoint::save(&self.out.join(checkpoint::LAST), &self.net, &self.state)?;
                }
            }
        }
        Ok(())
    }

    /// The order of the samples in an epoch (from 0), `[N]`.
    fn epoch_order(&self, epoch: u64) -> Tensor {
        self.dataset.epoch_order(mix_seed(self.config.seed, ORDER_STREAM + epoch))
    }

    fn step(&mut self, order: &Tensor, batch: usize) -> Result<()> {
        let (start, len) = self.plan.range(batch);
        self.state.iteration += 1;
        self.state.samples += len as u64;
        let seed = mix_seed(self.config.seed, self.state.iteration);
        let (keypoints, poses) = self.dataset.draw(&order.narrow(0, start as i64, len as i64), seed);
        let features = features(&keypoints, &self.transform, &self.feature_mean);
        let iteration = self.state.iteration;
        let steps = self.plan.steps();
        let learning_rate = learning_rate(self.config, iteration, steps);
        let learn_sigma = iteration as f64 > SIGMA_WARM_UP * steps as f64;
        let step = Step { loss: self.config.loss, learning_rate, learn_sigma, seed };
        let taught = self.teacher.as_mut().map(|teacher| teacher.poses(&keypoints)).transpose()?;
        let error = self.net.step_taught(&features, &poses, taught.as_ref(), step);
        self.pending.errors.push(error);
        self.pending.samples += len as u64;
        Ok(())
    }

    fn validate(&mut self, ended_epoch: Option<u32>, progress: &mut dyn Progress) -> Result<()> {
        let error = measure(&self.net, &self.dataset.validation, &self.dataset.card);
        if let Some(sigma) = &error.sigma {
            self.net.calibrate(sigma, &error.distance);
        }
        let error = error.mpjpe();
        let scale = self.dataset.card.error_unit().factor;
        self.record(Some(error * scale), progress)?;
        progress.event(Event::Validated { iteration: self.state.iteration, val_mpjpe: error * scale });
        if let Some(epoch) = ended_epoch {
            let train_mpjpe = measure(&self.net, &self.dataset.train_eval, &self.dataset.card).mpjpe() * scale;
            let iteration = self.state.iteration;
            self.state.epochs.push(EpochScore { epoch, iteration, train_mpjpe, val_mpjpe: error * scale });
        }
        if error < self.state.best_mpjpe {
            self.state.best_mpjpe = error;
            checkpoint::save(&self.out.join(checkpoint::BEST), &self.net, &self.state)?;
        }
        Ok(())
    }

    /// Reads the pending errors from the device into the history; `val_mpjpe` belongs to the last of them.
    fn record(&mut self, val_mpjpe: Option<f64>, progress: &mut dyn Progress) -> Result<()> {
        if self.pending.errors.is_empty() {
            return Ok(());
        }
        let pending = std::mem::replace(&mut self.pending, Pending::new());
        let scale = self.dataset.card.error_unit().factor;
        let read =
            Vec::<f32>::try_from(Tensor::stack(&pending.errors, 0)).map_err(|e| Error::runtime(e.to_string()))?;
        let errors: Vec<f64> = read.into_iter().map(|error| f64::from(error) * scale).collect();
        let first = self.state.iteration + 1 - errors.len() as u64;
        let batches = self.plan.batches() as u64;
        for (k, &train_mpjpe) in errors.iter().enumerate() {
            let iteration = first + k as u64;
            let last = k + 1 == errors.len();
            self.history.append(&HistoryRow {
                iteration,
                epoch: ((iteration - 1) / batches) as u32 + 1,
                train_mpjpe,
                val_mpjpe: if last { val_mpjpe } else { None },
                seconds: pending.seconds[k],
            })?;
            progress.event(Event::Step { iteration, train_mpjpe });
        }
        self.history.flush()?;
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        let samples_per_second = pending.samples as f64 / pending.since.elapsed().as_secs_f64().max(1e-9);
        progress.event(Event::Progress { iteration: self.state.iteration, train_mpjpe: mean, samples_per_second });
        if mean.is_finite() {
            return Ok(());
        }
        Err(Error::runtime(format!("training diverged: MPJPE is {mean} near iteration {}", self.state.iteration))
            .at(self.out)
            .hint("lower --learning-rate, or turn --batch-norm on"))
    }

    /// The run's summary.
    pub(super) fn summary(&self) -> Summary {
        Summary {
            unit: self.dataset.card.error_unit().name.to_owned(),
            epochs: self.state.epochs.clone(),
            samples: self.state.samples,
            seconds: self.state.seconds,
            train_size: self.dataset.card.train_size,
            val_size: self.dataset.card.val_size,
            device: device::name(self.device),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_cover_every_sample_and_none_is_single() {
        for samples in 2..200 {
            for batch in 2..70 {
                let plan = Plan { samples, batch, epochs: 1 };
                let mut next = 0;
                for index in 0..plan.batches() {
                    let (start, len) = plan.range(index);
                    assert_eq!(start, next, "{plan:?}");
                    assert!(len >= 2, "{plan:?} batch {index} has {len}");
                    next = start + len;
                }
                assert_eq!(next, samples, "{plan:?}");
            }
        }
    }

    #[test]
    fn a_cosine_rises_and_falls_to_nothing() {
        let config = FitConfig { schedule: Schedule::Cosine, learning_rate: 1.0, ..FitConfig::default() };
        let rate = |iteration| learning_rate(&config, iteration, 1000);
        assert!(rate(5) < rate(10) && (rate(10) - 1.0).abs() < 1e-9);
        assert!((rate(505) - 0.5).abs() < 1e-2 && rate(1000) < 1e-9);
    }
}

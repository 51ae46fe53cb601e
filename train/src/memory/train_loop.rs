//! The training loop of a memory, to be read from top to bottom.

use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use poselift::skeleton;
use poselift::{Error, Result};
use poselift_onnx::Memory;
use tch::{Device, Kind, Tensor};

use super::config::MemoryConfig;
use super::evaluate::{Summary, UNMEASURED_FRAMES, Validation, distances, in_windows, measured_frames, steps};
use super::limbs::Limbs;
use super::network::{FramesLifted, MemoryNet, Remembered, Shape};
use crate::dataset::{SeenWindows, Sequences, WindowLength};
use crate::features::features;
use crate::fit::checkpoint::{self, Checkpoint, RunState};
use crate::fit::frozen::FrozenModel;
use crate::fit::history::{HistoryRow, HistoryWriter};
use crate::fit::{Event, Progress};
use crate::net::mix_seed;
use crate::trained::InputTransform;

/// Share of the steps over which the schedule warms up.
const SCHEDULE_WARM_UP: f64 = 0.01;
/// Weight in the loss of a window's first frames, where the memory is still empty.
const FIRST_FRAMES: f64 = 0.1;
/// Share of the steps whose windows begin with nothing to remember.
const WITHOUT_LEAD: f64 = 0.4;
/// Sets the random numbers of leads apart from those of windows.
const LEADS: u64 = 0x1EAD;
/// Weight in the loss of the error of a joint's step from frame to frame; that of its place has 1.
const STEP_WEIGHT: f64 = 0.9;
/// Weight in the loss of an e-fold of sigma, metres.
const SIGMA_WEIGHT: f64 = 0.01;
/// Steps between two reports.
const REPORT_EVERY: u64 = 20;

/// Where a run begins.
pub(super) struct Begin {
    /// After its last checkpoint, if there is one.
    pub(super) resume: bool,
    /// The memory that it begins with; otherwise fresh weights.
    pub(super) start: Option<Memory>,
}

/// A run in progress.
pub(super) struct TrainLoop<'a> {
    config: &'a MemoryConfig,
    out: &'a Path,
    sequences: &'a Sequences,
    frames: FrozenModel,
    net: MemoryNet,
    state: RunState,
    history: HistoryWriter,
    validation: Validation,
    /// Windows before which people have been seen for [`MemoryConfig::lead`] frames.
    late: Option<Validation>,
    limbs: Rc<Limbs>,
    /// `[J]` the joint on the other side.
    twins: Tensor,
}

/// Errors of the steps since the last report.
struct Pending {
    since: Instant,
    /// MPJPEs, millimetres.
    errors: Vec<f64>,
}

impl Pending {
    fn new() -> Self {
        Self { since: Instant::now(), errors: Vec::new() }
    }
}

/// The learning rate of step `iteration` (from 1): a cosine over all steps, times a linear warm-up. In the schedule of `fit` the
/// cosine begins behind the warm-up, at the full rate; here it begins with the first step, so that the full rate is never quite
/// reached.
fn learning_rate(config: &MemoryConfig, iteration: u64) -> f64 {
    let share = iteration as f64 / config.steps as f64;
    let warm_up = (share / SCHEDULE_WARM_UP).min(1.0);
    config.learning_rate * warm_up * 0.5 * (1.0 + (std::f64::consts::PI * share).cos())
}

impl<'a> TrainLoop<'a> {
    /// A run before the first step, or with `resume` after the last checkpoint.
    pub(super) fn new(
        config: &'a MemoryConfig,
        out: &'a Path,
        sequences: &'a Sequences,
        mut frames: FrozenModel,
        device: Device,
        begin: Begin,
    ) -> Result<Self> {
        let card = frames.card();
        if !card.output.sigma {
            return Err(Error::usage("the model has no sigma, which a memory reads").hint("fit it with --sigma on"));
        }
        let shape = Shape::of(card, config.units);
        let last = out.join(checkpoint::LAST);
        let (net, state) = if begin.resume && last.exists() {
            let saved = Checkpoint::read(&last)?;
            let net = MemoryNet::from_state(shape, device, |name| saved.tensor(name).map(Tensor::shallow_clone))?;
            (net, saved.state()?)
        } else if let Some(memory) = &begin.start {
            (MemoryNet::from_arrays(shape, device, memory)?, RunState::default())
        } else {
            (MemoryNet::new(shape, device, config.seed), RunState::default())
        };
        let history = HistoryWriter::resume(&out.join(checkpoint::HISTORY), state.iteration)?;
        let output = &sequences.card.output;
        let limbs = Rc::new(Limbs::new(&output.joints, &output.parents, device));
        let at_once = WindowLength { lead: 0, steps: config.window };
        let validation = lifted_validation(sequences, &mut frames, at_once, &limbs)?;
        let late = match config.lead {
            0 => None,
            lead => Some(lifted_validation(sequences, &mut frames, WindowLength { lead, ..at_once }, &limbs)?),
        };
        let mirrored = skeleton::mirrored(&sequences.card.output.joints).into_iter().map(|joint| joint as i64);
        let twins = Tensor::from_slice(&mirrored.collect::<Vec<_>>()).to_device(device);
        Ok(Self { config, out, sequences, frames, net, state, history, validation, late, limbs, twins })
    }

    /// The event before the first step, on the device of this `name`.
    pub(super) fn started<'e>(&'e self, device: &'e str) -> Event<'e> {
        Event::Started {
            device,
            dataset: &self.sequences.card,
            parameters: self.net.shape().parameters() as u64,
            steps: self.config.steps,
            resumed_at: self.state.iteration,
        }
    }

    /// Takes all remaining steps.
    pub(super) fn train(&mut self, progress: &mut dyn Progress) -> Result<Summary> {
        let before = self.state.seconds;
        let clock = Instant::now();
        let mut pending = Pending::new();
        while self.state.iteration < self.config.steps {
            let error = self.step()?;
            self.state.seconds = before + clock.elapsed().as_secs_f64();
            pending.errors.push(error);
            let is_last = self.state.iteration == self.config.steps;
            let validates = is_last || self.state.iteration.is_multiple_of(self.config.validate_every);
            let val_mpjpe = if validates { Some(self.validate(progress)) } else { None };
            let row = HistoryRow {
                iteration: self.state.iteration,
                epoch: 1,
                train_mpjpe: error,
                val_mpjpe,
                seconds: self.state.seconds,
            };
            self.history.append(&row)?;
            if validates {
                self.history.flush()?;
                checkpoint::save_tensors(&self.out.join(checkpoint::LAST), self.net.state(), &self.state)?;
            }
            if is_last || self.state.iteration.is_multiple_of(REPORT_EVERY) {
                let Pending { since, errors } = std::mem::replace(&mut pending, Pending::new());
                let frames = (errors.len() * self.config.batch_size * self.config.window) as f64;
                progress.event(Event::Progress {
                    iteration: self.state.iteration,
                    train_mpjpe: errors.iter().sum::<f64>() / errors.len() as f64,
                    samples_per_second: frames / since.elapsed().as_secs_f64(),
                });
            }
        }
        let memory = self.validation.measure(&self.net);
        Ok(Summary { frames: self.validation.frames, memory, samples: self.state.samples, seconds: self.state.seconds })
    }

    /// Frames before this step's windows: none in a part of the steps, otherwise up to what is asked for.
    fn lead(&self) -> usize {
        let random = mix_seed(self.config.seed ^ LEADS, self.state.iteration) as f64 / u64::MAX as f64;
        let share = ((random - WITHOUT_LEAD) / (1.0 - WITHOUT_LEAD)).max(0.0);
        (share * self.config.lead as f64).ceil() as usize
    }

    /// One step; gives the MPJPE of its windows, millimetres.
    fn step(&mut self) -> Result<f64> {
        self.state.iteration += 1;
        let MemoryConfig { batch_size, window, seed, angle_weight, bone_weight, .. } = *self.config;
        self.state.samples += (batch_size * window) as u64;
        let lead = self.lead();
        let length = WindowLength { lead, steps: window };
        let seen = self.sequences.draw(batch_size, length, mix_seed(seed, self.state.iteration));
        let parts = lift(&mut self.frames, &seen)?.split_at(lead as i64);
        let truth = in_windows(&seen.poses, &seen.dt).narrow(1, lead as i64, window as i64);
        let rate = learning_rate(self.config, self.state.iteration);
        let mut error = Tensor::new();
        self.net.step(&parts, self.state.iteration, rate, |found| {
            error = distances(&found.poses, &truth).detach().mean(Kind::Double);
            let mut loss = loss(found, &truth, if lead == 0 { FIRST_FRAMES } else { 1.0 });
            if angle_weight > 0.0 {
                loss += self.limbs.angle_errors(&found.poses, &truth).mean(Kind::Float) * angle_weight;
            }
            if bone_weight > 0.0 {
                loss += self.limbs.bone_errors(&found.poses, &truth).mean(Kind::Float) * bone_weight;
            }
            loss
        });
        let error = error.double_value(&[]) * 1000.0;
        if !error.is_finite() {
            return Err(Error::runtime(format!("training diverged at step {}", self.state.iteration))
                .hint("a lower --learning-rate"));
        }
        Ok(error)
    }

    /// Measures the validation split; gives its MPJPE, millimetres.
    fn validate(&mut self, progress: &mut dyn Progress) -> f64 {
        let val_mpjpe = self.measure("", &self.validation, progress);
        if let Some(late) = &self.late {
            self.measure(" after the lead", late, progress);
        }
        // Most of what a person's memory lifts comes after the first frames.
        self.late.as_ref().unwrap_or(&self.validation).calibrate(&mut self.net, &self.twins);
        progress.event(Event::Validated { iteration: self.state.iteration, val_mpjpe });
        val_mpjpe
    }

    /// Measures the windows of `validation`, says how they are lifted, and gives their MPJPE, millimetres.
    fn measure(&self, when: &str, validation: &Validation, progress: &mut dyn Progress) -> f64 {
        let scores = validation.measure(&self.net);
        let frames = validation.frames;
        let mpjpe = scores.mpjpe * 1000.0;
        let note = format!(
            "step {}{when}: {mpjpe:.2} mm, {:.3} times the frames alone; steps from frame to frame {:.3} times, angles {:.3} times",
            self.state.iteration,
            scores.mpjpe / frames.mpjpe,
            scores.step_error / frames.step_error,
            scores.angle_error / frames.angle_error,
        );
        progress.event(Event::Note(&note));
        mpjpe
    }
}

/// Windows of the validation split, of this `length`, lifted by `frames`.
fn lifted_validation(
    sequences: &Sequences,
    frames: &mut FrozenModel,
    length: WindowLength,
    limbs: &Rc<Limbs>,
) -> Result<Validation> {
    let seen = sequences.validation(length);
    let lifted = lift(frames, &seen)?;
    Ok(Validation::new(&seen, &lifted, length.lead, Rc::clone(limbs)))
}

/// Lifts the frames of windows one by one.
fn lift(frames: &mut FrozenModel, seen: &SeenWindows) -> Result<FramesLifted> {
    let (poses, sigma) = frames.poses_with_sigma(&seen.keypoints)?;
    // The features' mean, which stands for missing points of paired arrays, is not read.
    let features = features(&seen.keypoints, &InputTransform::Centred, &Tensor::zeros([1], tch::kind::FLOAT_CPU));
    Ok(FramesLifted { features, poses, sigma, dt: seen.dt.shallow_clone() })
}

/// The places of joints, their steps from frame to frame, and how well sigma tells the error; the window's first frames count
/// `first_frames` times as much as the others.
fn loss(found: &Remembered, truth: &Tensor, first_frames: f64) -> Tensor {
    let distance = distances(&found.poses, truth);
    let late = measured_frames(&distance).mean(Kind::Float);
    let first = distance.narrow(1, 0, UNMEASURED_FRAMES).mean(Kind::Float);
    let moved = distances(&steps(&found.poses), &steps(truth)).mean(Kind::Float);
    // All joints but the root, which never moves: the negative log likelihood of exponentially distributed distances.
    let joints = distance.size()[2] - 1;
    let log_sigma = found.log_sigma.narrow(2, 1, joints);
    let ratio = distance.detach().narrow(2, 1, joints) / log_sigma.exp();
    let likelihood = (log_sigma + ratio.clamp_max(20.0)).mean(Kind::Float);
    late + first * first_frames + moved * STEP_WEIGHT + likelihood * SIGMA_WEIGHT
}

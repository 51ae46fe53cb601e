//! Writes a memory behind its network as one file, proven by running it beside the trained one, frame after frame.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::{Array, Array1, Array2, Array3, Axis, Dimension, ShapeError};
use poselift::model::{
    self, Batch, Card, Engine, Isa, MemoryCard, Metric, ModelFile, PoseNetwork, Recall, Session, SessionOptions,
    TrainingCard, verify_kernels,
};
use poselift::{Error, Result};
use poselift_onnx::{Network, write};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tch::Tensor;

use super::evaluate::Summary;
use super::network::FramesLifted;
use super::{FinishedMemory, MAX_GAP_SECONDS};
use crate::features::features;
use crate::fit::start::network_of;
use crate::net::numbers;
use crate::output;
use crate::trained::InputTransform;
use crate::verify::{self, Lifted};

/// People and frames that the file and the trained memory both lift.
const PEOPLE: usize = 48;
const FRAMES: usize = 24;

/// What was written.
#[derive(Debug)]
pub struct Exported {
    /// The card in the file.
    pub card: Card,
    /// Bytes of the file.
    pub bytes: usize,
    /// The largest difference of a pose or sigma from the trained memory, in sizes of the pose.
    pub worst: f64,
    /// Instruction sets whose kernels agree with ONNX Runtime.
    pub kernels: Vec<Isa>,
}

/// Writes the memory of `run` to `path` under the name `name`; with `frames`, behind that file of the same network, such as one in
/// another precision.
///
/// # Errors
/// A network that was not written by `export`, or of other joints; a file that differs from the trained memory when it runs; a path
/// that cannot be written. Then nothing is left behind.
pub fn export(run: &FinishedMemory, frames: Option<&Path>, name: &str, path: &Path) -> Result<Exported> {
    let other = frames.map(ModelFile::read).transpose()?;
    let frames = other.as_ref().unwrap_or(&run.frames);
    let network = network_of(frames)?;
    let memory = run.net.to_arrays();
    let own = run.frames.card();
    let same = (&frames.card().input, &frames.card().output) == (&own.input, &own.output);
    if !same {
        return Err(Error::usage("reads or gives other joints than the network that the memory was fitted behind")
            .at(frames.name()));
    }
    let network = Network { memory: Some(memory), ..network };
    let mut card = card(run, frames.card(), name);
    card.network.parameters = network.parameters();
    let written = write(&network, card)?;
    let file = ModelFile::from_bytes(path, written.bytes.clone())?;
    let worst = difference(run, frames, &file)?;
    let most = verify::TOLERANCE.most();
    if worst > most {
        let found = format!("the exported file differs from the trained memory by {worst:.1e} of the pose's size");
        return Err(Error::model(format!("{found}, expected at most {most:.0e}")).at(path).hint("no file was written"));
    }
    let kernels = verify_kernels(&file)?;
    output::write_whole(path, &written.bytes)?;
    Ok(Exported { card: written.card, bytes: written.bytes.len(), worst, kernels })
}

/// The network's card with the memory's words and figures.
fn card(run: &FinishedMemory, frames: &Card, name: &str) -> Card {
    let memory = MemoryCard {
        units: run.config.units,
        longest_gap: MAX_GAP_SECONDS,
        frames: frames.named(),
        training: TrainingCard {
            data: run.dataset.data.clone(),
            samples: run.state.samples,
            epochs: run.state.samples as f64 / run.dataset.train_size.max(1) as f64,
            batch: run.config.batch_size * run.config.window,
            optimiser: "adam".to_owned(),
            learning_rate: run.config.learning_rate,
            ema: Some(super::network::EMA_DECAY),
            seed: run.config.seed,
            commit: option_env!("POSELIFT_COMMIT").map(str::to_owned),
            teacher: None,
            init: run.config.init.as_ref().and_then(|init| init.named.clone()),
        },
    };
    let metrics = run.summary.map_or_else(BTreeMap::new, |summary| metrics(&summary, &run.dataset.validated_on));
    Card { name: name.to_owned(), memory: Some(memory), metrics, weights_sha256: String::new(), ..frames.clone() }
}

fn metrics(summary: &Summary, on: &str) -> BTreeMap<String, Metric> {
    let on = format!("windows of {on}, detector model of sequences");
    BTreeMap::from([
        ("mpjpe".to_owned(), millimetres(summary.memory.mpjpe, &on)),
        ("mpjpe_by_frames".to_owned(), millimetres(summary.frames.mpjpe, &on)),
        ("step_error".to_owned(), millimetres(summary.memory.step_error, &on)),
        ("step_error_by_frames".to_owned(), millimetres(summary.frames.step_error, &on)),
    ])
}

fn millimetres(metres: f64, on: &str) -> Metric {
    Metric { value: metres * 1000.0, unit: "mm".to_owned(), on: on.to_owned() }
}

/// How far `file` is from the trained memory behind `frames`, both by ONNX Runtime, in sizes of the pose.
fn difference(run: &FinishedMemory, frames: &ModelFile, file: &ModelFile) -> Result<f64> {
    let options = SessionOptions { device: model::Device::Cpu, engine: Engine::OnnxRuntime, threads: Some(1) };
    let keypoints = people(frames.card());
    let dt = Array2::from_shape_fn((PEOPLE, FRAMES), |(person, frame)| match frame {
        0 => 0.0,
        _ => [0.016, 0.033, 0.1, 0.5][(person + frame) % 4],
    });
    let expected = by_trained(run, &mut Session::new(frames, &options)?, &keypoints, &dt)?;
    let found = by_file(&mut Session::new(file, &options)?, &keypoints, &dt)?;
    // Made-up people are never close to a point.
    Ok(verify::apart(&found, &expected, f64::MIN_POSITIVE)?.worst)
}

/// Key points `[N·T, J, C]` of people who move a little from frame to frame, some of their joints missing.
fn people(card: &Card) -> Array3<f32> {
    let mut random = StdRng::seed_from_u64(7);
    let joints = card.input.joints.len();
    let mut keypoints = Array3::zeros((PEOPLE * FRAMES, joints, card.input.channels));
    for person in 0..PEOPLE {
        let start: Vec<[f32; 2]> = (0..joints).map(|_| [0, 1].map(|_| random.random_range(-150.0..150.0))).collect();
        for frame in 0..FRAMES {
            let row = person * FRAMES + frame;
            for (joint, start) in start.iter().enumerate() {
                for axis in 0..2 {
                    keypoints[(row, joint, axis)] = start[axis] + frame as f32 * 3.0 + random.random_range(-5.0..5.0);
                }
                if card.input.channels == 3 {
                    keypoints[(row, joint, 2)] = if random.random_range(0..10) == 0 { 0.0 } else { 0.9 };
                }
            }
        }
    }
    keypoints
}

/// The output of the network `frames` with the trained memory, for key points `[N·T, J, C]`.
fn by_trained(run: &FinishedMemory, frames: &mut Session, keypoints: &Array3<f32>, dt: &Array2<f32>) -> Result<Lifted> {
    let (rows, _, _) = keypoints.dim();
    let joints = frames.card().output.joints.len();
    let mut poses = Array3::<f32>::zeros((rows, joints, 3));
    let mut sigma = Array2::<f32>::zeros((rows, joints));
    frames.run(Batch::new(frames.card(), keypoints.view(), poses.view_mut(), Some(sigma.view_mut()))?)?;
    let no_means = Tensor::zeros([1], tch::kind::FLOAT_CPU);
    let lifted = run.net.lift(&FramesLifted {
        features: features(&tensor(keypoints), &InputTransform::Centred, &no_means),
        poses: tensor(&poses),
        sigma: tensor(&sigma),
        dt: tensor(dt),
    });
    let poses = Array3::from_shape_vec((rows, joints, 3), numbers(&lifted.poses)).map_err(misshapen)?;
    let sigma = Array2::from_shape_vec((rows, joints), numbers(&lifted.log_sigma.exp())).map_err(misshapen)?;
    Ok(Lifted { poses, sigma: Some(sigma) })
}

/// The numbers of `array` as a tensor.
fn tensor<D: Dimension>(array: &Array<f32, D>) -> Tensor {
    let values: Vec<f32> = array.iter().copied().collect();
    let size: Vec<i64> = array.shape().iter().map(|&length| length as i64).collect();
    Tensor::from_slice(&values).view(size.as_slice())
}

fn misshapen(error: ShapeError) -> Error {
    Error::runtime(format!("the trained memory gave poses of no shape: {error}"))
}

/// The output of the file, frame after frame.
fn by_file(session: &mut Session, keypoints: &Array3<f32>, dt: &Array2<f32>) -> Result<Lifted> {
    let joints = session.card().output.joints.len();
    let units = session.card().memory.as_ref().map_or(0, |memory| memory.units);
    let people = keypoints.dim().0;
    let mut all_poses = Array3::zeros((people, joints, 3));
    let mut all_sigma = Array2::zeros((people, joints));
    let mut memory = Array2::zeros((PEOPLE, units));
    for frame in 0..FRAMES {
        let rows: Vec<usize> = (0..PEOPLE).map(|person| person * FRAMES + frame).collect();
        let now = keypoints.select(Axis(0), &rows);
        let since: Array1<f32> = dt.column(frame).to_owned();
        let mut poses = Array3::zeros((PEOPLE, joints, 3));
        let mut sigma = Array2::zeros((PEOPLE, joints));
        let recall = Recall { since: since.view(), memory: memory.view_mut(), follows: &[] };
        let batch = Batch::new(session.card(), now.view(), poses.view_mut(), Some(sigma.view_mut()))?;
        session.run(batch.remembering(session.card(), recall)?)?;
        for (person, row) in rows.into_iter().enumerate() {
            all_poses.index_axis_mut(Axis(0), row).assign(&poses.index_axis(Axis(0), person));
            all_sigma.index_axis_mut(Axis(0), row).assign(&sigma.index_axis(Axis(0), person));
        }
    }
    Ok(Lifted { poses: all_poses, sigma: Some(all_sigma) })
}

//! Compares models: what a smaller model or a lower precision costs in error, and gains in size and speed.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use ndarray::{Array3, Axis, s};
use poselift::lift::{Lifter, LifterOptions};
use poselift::metric::{Accuracy, Score};
use poselift::model::{Device, Precision};
use poselift::{Error, Result};

use crate::chart::{Chart, Tradeoff, tradeoff_chart};
use crate::dataset::{Dataset, Protocol, Views};
use crate::median::upper_median;
use crate::views::Detector;

/// Batch size for measuring speed, and number of turns for the median.
const BATCH: usize = 256;
const TURNS: usize = 9;
/// Calls per turn: for one person and for a batch.
const CALLS: [usize; 2] = [200, 20];

/// One model's figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// Its file's name without the extension.
    pub name: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// Weights and biases.
    pub parameters: u64,
    /// Precision of its hidden layers.
    pub precision: Precision,
    /// Errors with perfect key points, and with a detector's.
    pub errors: [Accuracy; 2],
    /// One person alone, microseconds; median over turns.
    pub latency_us: f64,
    /// Poses a second in batches of 256; median over turns.
    pub poses_per_second: f64,
}

/// Measures the models in `files` on the validation split of `dataset`, their speed in turns on the CPU by `threads`
/// threads.
///
/// # Errors
/// Data without cameras, a file that is not a model of ours or reads other key points, a runtime that fails.
pub fn places<P: AsRef<Path>>(files: &[P], dataset: &Dataset, threads: Option<usize>) -> Result<Vec<Place>> {
    let options = LifterOptions { device: Device::Cpu, threads, ..LifterOptions::default() };
    let mut lifters = files.iter().map(|file| Lifter::from_file_with(file, &options)).collect::<Result<Vec<_>>>()?;
    let views = [Detector::PERFECT, Detector::in_full_view(1.0)].map(|detector| {
        let protocol = Protocol { detector, ..Protocol::default() };
        dataset
            .held_out(&protocol)
            .ok_or_else(|| Error::usage("paired arrays have no cameras, expected a run on motion"))
    });
    let [perfect, detected] = views;
    let views = [perfect?, detected?];
    let seconds = in_turns(&mut lifters, &views[1].keypoints)?;
    let mut places = Vec::with_capacity(files.len());
    for ((file, lifter), seconds) in files.iter().zip(&mut lifters).zip(seconds) {
        places.push(place(file.as_ref(), lifter, &views, seconds)?);
    }
    Ok(places)
}

/// The figures of the model in `file`; `views` are of perfect key points and of a detector's.
fn place(file: &Path, lifter: &mut Lifter, views: &[Views; 2], seconds: CallSeconds) -> Result<Place> {
    let bytes = std::fs::metadata(file).map_err(|e| Error::io("cannot read", file, e))?.len();
    let errors = [error(lifter, &views[0])?, error(lifter, &views[1])?];
    let network = &lifter.card().network;
    Ok(Place {
        name: file.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned()),
        bytes,
        parameters: network.parameters,
        precision: network.precision,
        errors,
        latency_us: seconds.alone * 1e6,
        poses_per_second: BATCH as f64 / seconds.batch,
    })
}

fn error(lifter: &mut Lifter, views: &Views) -> Result<Accuracy> {
    let lifted = lifter.lift_with_cameras(views.keypoints.view(), &views.cameras)?;
    let mut score = Score::new(lifted.poses.dim().1, Some(0), &poselift::pose::Unit::Metres);
    score.add(lifted.poses.view(), views.poses.view())?;
    score.accuracy().ok_or_else(|| Error::runtime("no person could be lifted"))
}

/// [`BATCH`] people: the first of `keypoints`, over and over where there are fewer.
fn batch_of(keypoints: &Array3<f32>) -> Array3<f32> {
    let people: Vec<usize> = (0..keypoints.dim().0).cycle().take(BATCH).collect();
    keypoints.select(Axis(0), &people)
}

/// Seconds of a call.
struct CallSeconds {
    /// With one person.
    alone: f64,
    /// With [`BATCH`] people.
    batch: f64,
}

/// Seconds per call for each lifter: medians of turns in which they alternate.
fn in_turns(lifters: &mut [Lifter], keypoints: &Array3<f32>) -> Result<Vec<CallSeconds>> {
    let keypoints = batch_of(keypoints);
    let sizes = [1, BATCH];
    let mut turns = vec![[const { Vec::new() }; 2]; lifters.len()];
    for turn in 0..=TURNS {
        for (lifter, turns) in lifters.iter_mut().zip(&mut turns) {
            for ((people, calls), seconds) in sizes.into_iter().zip(CALLS).zip(turns.iter_mut()) {
                let keypoints = keypoints.slice(s![..people, .., ..]);
                let mut poses = Array3::zeros((people, lifter.card().output.joints.len(), 3));
                let started = Instant::now();
                for _ in 0..calls {
                    lifter.lift_into(keypoints, poses.view_mut())?;
                }
                // The first turn warms up.
                if turn > 0 {
                    seconds.push(started.elapsed().as_secs_f64() / calls as f64);
                }
            }
        }
    }
    let mut medians = Vec::with_capacity(turns.len());
    for turns in &mut turns {
        let [alone, batch] = turns.each_mut().map(|seconds| upper_median(seconds).expect("there are several turns"));
        medians.push(CallSeconds { alone, batch });
    }
    Ok(medians)
}

/// The table, in the order of the models.
pub fn markdown(places: &[Place], on: &str) -> String {
    let mut text = format!(
        "MPJPE and P-MPJPE in mm on {on}; one person alone and batches of {BATCH} on the CPU, medians of {TURNS} turns.\n\n\
         | model | precision | MB | parameters | perfect | detector | one pose, µs | poses/s |\n|---|---|---|---|---|---|---|---|\n"
    );
    for place in places {
        let [perfect, detector] =
            place.errors.each_ref().map(|error| format!("{:.1}, {:.1}", error.mpjpe, error.p_mpjpe));
        let _ = writeln!(
            text,
            "| `{}` | {} | {:.1} | {} | {perfect} | {detector} | {:.0} | {:.0} |",
            place.name,
            place.precision,
            place.bytes as f64 / 1e6,
            place.parameters,
            place.latency_us,
            place.poses_per_second,
        );
    }
    text
}

/// Error with a detector's key points over speed; a line joins the best at each speed.
///
/// # Errors
/// No model.
pub fn chart(places: &[Place]) -> Result<Chart> {
    let points: Vec<Tradeoff> = places
        .iter()
        .map(|place| Tradeoff { name: place.name.clone(), gain: place.poses_per_second, cost: place.errors[1].mpjpe })
        .collect();
    tradeoff_chart(
        &points,
        ["poses a second, batches of 256", "MPJPE with a detector's errors, mm"],
        "Error over speed",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rate is that of a whole batch, so a small validation split is repeated.
    #[test]
    fn a_batch_is_always_full() {
        let people = |count: usize| Array3::from_shape_fn((count, 17, 3), |(person, ..)| person as f32);
        for count in [1, 3, BATCH, BATCH + 5] {
            let batch = batch_of(&people(count));
            assert_eq!(batch.dim(), (BATCH, 17, 3));
            assert!((0..BATCH).all(|row| batch[(row, 16, 2)] == (row % count) as f32), "{count}");
        }
    }

    #[test]
    fn a_row_tells_all_of_a_model() {
        let accuracy = |mpjpe| Accuracy {
            samples: 1,
            mpjpe,
            p_mpjpe: mpjpe / 2.0,
            n_mpjpe: mpjpe,
            pck_150: None,
            auc: None,
            per_joint: Vec::new(),
        };
        let place = Place {
            name: "small".into(),
            bytes: 1_230_000,
            parameters: 300_000,
            precision: Precision::Int8,
            errors: [accuracy(50.0), accuracy(70.0)],
            latency_us: 41.6,
            poses_per_second: 123_456.4,
        };
        let text = markdown(&[place], "virtual cameras");
        assert!(text.contains("| `small` | int8 | 1.2 | 300000 | 50.0, 25.0 | 70.0, 35.0 | 42 | 123456 |"), "{text}");
    }
}

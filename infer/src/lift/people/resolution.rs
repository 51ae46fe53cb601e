//! An image of another resolution gives the same poses.

use std::path::Path;

use ndarray::{Array1, ArrayView2, Axis, s};

use super::*;
use crate::format::{Source, open_reader};
use crate::model::{BatchArrays, MockNetwork, ModelFile, Session, SessionOptions, View};
use crate::skeleton::MEDIAPIPE33;

/// A network like the exported ones, in f32: centres and scales the visible points, then two dense layers.
struct TinyNetwork(Card);

impl PoseNetwork for TinyNetwork {
    fn card(&self) -> &Card {
        &self.0
    }

    fn run(&mut self, batch: Batch<'_>) -> Result<()> {
        let BatchArrays { keypoints, mut poses, .. } = batch.into_arrays();
        for (person, mut pose) in keypoints.outer_iter().zip(poses.outer_iter_mut()) {
            let hidden = dense(&normalised(person), 64, 3).mapv(f32::tanh);
            let numbers = dense(&hidden, 51, 5);
            pose.iter_mut().zip(numbers).for_each(|(cell, number)| *cell = number);
        }
        Ok(())
    }
}

fn normalised(person: ArrayView2<'_, f32>) -> Array1<f32> {
    let seen: Vec<f32> = person.column(2).iter().map(|score| f32::from(*score > 0.0)).collect();
    let count: f32 = seen.iter().sum();
    let mut points = person.slice(s![.., ..2]).to_owned();
    let middle = points.sum_axis(Axis(0)) / count;
    for (mut point, seen) in points.outer_iter_mut().zip(&seen) {
        point -= &middle;
        point *= *seen;
    }
    let size = (points.mapv(|p| p * p).sum() / count).sqrt();
    (points / size).flatten().to_owned()
}

/// A layer of `width` whose weights are even in −1..1 over the root of its inputs.
fn dense(input: &Array1<f32>, width: usize, seed: usize) -> Array1<f32> {
    let weight = |i: usize, o: usize| ((i * 7919 + o * 104_729 + seed * 31) % 1000) as f32 / 500.0 - 1.0;
    let root = (input.len() as f32).sqrt();
    Array1::from_shape_fn(width, |o| input.iter().enumerate().map(|(i, x)| x * weight(i, o)).sum::<f32>() / root)
}

/// A model that is treated as looking at the subject, regardless of its own card.
struct Looking(Session, Card);

impl PoseNetwork for Looking {
    fn card(&self) -> &Card {
        &self.1
    }

    fn run(&mut self, batch: Batch<'_>) -> Result<()> {
        self.0.run(batch)
    }
}

/// The clip of the demo, with all coordinates and the image scaled by the same factor.
fn clip(times: f64) -> Vec<Frame> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demos/sports2d/sports2d_demo.mediapipe33.jsonl");
    let mut reader = open_reader(&Source::File(path), None, Some(&MEDIAPIPE33)).unwrap();
    let frames = std::iter::from_fn(|| reader.read().unwrap());
    let scaled = |mut frame: Frame| {
        for point in frame.people.iter_mut().flat_map(|person| &mut person.keypoints) {
            (point.x, point.y) = (point.x * times, point.y * times);
        }
        // The clip's size is even, so that halves of it are whole numbers.
        frame.size = frame.size.map(|size| size.map(|side| (f64::from(side) * times) as u32));
        frame.focal = Some((1500.0 * times) as f32);
        frame
    };
    frames.map(scaled).collect()
}

fn lift<N: PoseNetwork>(lifter: &mut Lifter<N>, frames: &[Frame]) -> Vec<LiftedFrame> {
    let conversion = lifter.conversion(&MEDIAPIPE33).unwrap();
    lifter.lift_frames(frames, &conversion, &mut Vec::new()).unwrap()
}

/// The largest distance in millimetres by which a joint moves if the image has another resolution.
fn largest_difference<N: PoseNetwork>(lifter: &mut Lifter<N>) -> f64 {
    let as_it_is = lift(lifter, &clip(1.0));
    assert!(as_it_is.iter().filter(|frame| !frame.people.is_empty()).count() > 100);
    let mut largest = 0f64;
    for times in [0.5, 1.5, 2.5, 7.0] {
        for (scaled, lifted) in lift(lifter, &clip(times)).iter().zip(&as_it_is) {
            assert_eq!(scaled.people.len(), lifted.people.len());
            let joints = |frame: &LiftedFrame| frame.people.iter().flat_map(|p| p.joints.clone()).collect::<Vec<_>>();
            for (a, b) in joints(scaled).into_iter().zip(joints(lifted)) {
                largest = largest.max(crate::metric::distance(a, b) * 1000.0);
            }
        }
    }
    largest
}

#[test]
fn resolution_changes_no_pose() {
    let mut card = MockNetwork::new().card;
    card.input.view = View::Subject;
    let tiny = largest_difference(&mut Lifter::with_network(TinyNetwork(card), 256));
    assert!(tiny < 1e-3, "{tiny} mm");
    let file = ModelFile::bundled().unwrap();
    let session = Session::new(&file, &SessionOptions::default()).unwrap();
    let mut card = file.card().clone();
    card.input.view = View::Subject;
    let bundled = largest_difference(&mut Lifter::with_network(Looking(session, card), 256));
    println!("tiny {tiny:.1e} mm, bundled {bundled:.1e} mm");
    assert!(bundled < 1e-3, "{bundled} mm");
}

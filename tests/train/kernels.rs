//! `poselift`'s own kernels compute every network that is exported, and agree with ONNX Runtime.
#![allow(clippy::unwrap_used)] // A test that fails here should stop here.

use crate::random_lifter::{Shape, card_seed, random_keypoints, random_lifter};
use ndarray::{Array2, Array3, Axis};
use poselift::model::{Batch, Device, Engine, Isa, ModelFile, PoseNetwork, Precision, Session, SessionOptions};
use poselift_train::export::encode;

const PEOPLE: usize = 60;

/// One shape for each path through the kernels.
fn shapes() -> Vec<Shape> {
    let one_plane = Shape { hidden: 128, ..Shape::default() };
    let twins = Shape { twins: true, ..one_plane.clone() };
    let absolute = Shape { centred: false, ..one_plane.clone() };
    vec![
        one_plane.clone(),
        Shape { sigma: true, ..one_plane.clone() },
        Shape { channels: 2, joints_out: 5, ..one_plane.clone() },
        Shape { input_relu: true, blocks: 3, layers_per_block: 1, ..one_plane.clone() },
        absolute.clone(),
        Shape { channels: 2, joints_in: 15, ..absolute },
        twins.clone(),
        Shape { sigma: true, input_relu: true, layers_per_block: 3, ..twins.clone() },
        Shape { channels: 2, layers_per_block: 1, ..twins },
        Shape { blocks: 0, ..one_plane },
    ]
}

#[test]
fn our_kernels_compute_every_exported_network() {
    for (seed, shape) in shapes().iter().enumerate() {
        for precision in [Precision::F32, Precision::Int8] {
            let exported = encode(&random_lifter(shape, seed as u64), &card_seed(), precision).unwrap();
            let file = ModelFile::from_bytes("random.onnx", exported.bytes).unwrap();
            let expected = lift(open(&file, Engine::OnnxRuntime).unwrap(), shape);
            for isa in Isa::available() {
                let session = open(&file, Engine::Only(isa))
                    .unwrap_or_else(|error| panic!("{shape:?} in {precision} by {isa}: {error}"));
                let mut apart = differences(&lift(session, shape), &expected);
                apart.sort_unstable_by(f32::total_cmp);
                // With 8 bits, some codes differ if a float's last digit differs.
                let [most, worst] = if precision == Precision::Int8 { [PEOPLE * 3 / 4, PEOPLE] } else { [PEOPLE; 2] };
                let is_near = apart[most - 1] < 1e-4 && apart[worst - 1] < if most < worst { 0.05 } else { 1e-4 };
                assert!(is_near, "{shape:?} in {precision} by {isa}: {apart:?}");
            }
        }
    }
}

fn open(file: &ModelFile, engine: Engine) -> poselift::Result<Session> {
    Session::new(file, &SessionOptions { device: Device::Cpu, threads: Some(1), engine })
}

/// Poses `[N, J_out, 3]` and sigma `[N, J_out]`, 0 if the network has none, of random people.
fn lift(mut session: Session, shape: &Shape) -> (Array3<f32>, Array2<f32>) {
    let keypoints = random_keypoints(shape, PEOPLE, 5);
    let mut poses = Array3::zeros((PEOPLE, shape.joints_out, 3));
    let mut sigma = Array2::zeros((PEOPLE, shape.joints_out));
    let wanted = shape.sigma.then(|| sigma.view_mut());
    let batch = Batch::new(session.card(), keypoints.view(), poses.view_mut(), wanted).unwrap();
    session.run(batch).unwrap();
    (poses, sigma)
}

/// For each person the largest difference of the two, as a share of the largest number of the pose, or of the sigmas.
fn differences(ours: &(Array3<f32>, Array2<f32>), theirs: &(Array3<f32>, Array2<f32>)) -> Vec<f32> {
    let apart = |person: usize| {
        let share = |ours: &[f32], theirs: &[f32]| {
            let largest = theirs.iter().fold(f32::MIN_POSITIVE, |largest, number| largest.max(number.abs()));
            ours.iter().zip(theirs).fold(0.0, |worst: f32, (a, b)| worst.max((a - b).abs())) / largest
        };
        let rows = |(poses, sigma): &(Array3<f32>, Array2<f32>)| {
            let poses = poses.index_axis(Axis(0), person).iter().copied().collect::<Vec<_>>();
            (poses, sigma.row(person).to_vec())
        };
        let ((poses, sigma), (their_poses, their_sigma)) = (rows(ours), rows(theirs));
        share(&poses, &their_poses).max(share(&sigma, &their_sigma))
    };
    (0..PEOPLE).map(apart).collect()
}

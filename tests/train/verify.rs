//! Only a file that agrees with the trained network appears.
#![allow(clippy::unwrap_used)] // A test that fails here should stop here.

use std::path::Path;

use crate::random_lifter::{Shape, card_seed, random_keypoints, random_lifter};
use ndarray::{Array1, Array3, ArrayView3, Axis, s};
use poselift::model::Precision::{F16, F32, Int8};
use poselift::model::{Isa, ModelFile};
use poselift::{Error, Result};
use poselift_train::config::{InputBlock, NetworkConfig, TrainPrecision};
use poselift_train::export::encode;
use poselift_train::net::{LiftNet, Mirror, Standardisation};
use poselift_train::trained::{TrainedLifter, ZScore};
use poselift_train::verify::{self, FileChecks, Lifted, Reference, TOLERANCE, Trained};

/// The lifter itself, with each pose changed afterwards.
struct Changed<'a>(&'a TrainedLifter, Box<Change<'a>>);

type Change<'a> = dyn FnMut(&mut Array3<f32>) + 'a;

impl<'a> Changed<'a> {
    fn by(lifter: &'a TrainedLifter, change: impl FnMut(&mut Array3<f32>) + 'a) -> Self {
        Self(lifter, Box::new(change))
    }

    fn nothing(lifter: &'a TrainedLifter) -> Self {
        Self::by(lifter, |_| {})
    }
}

impl Reference for Changed<'_> {
    fn lift(&mut self, keypoints: ArrayView3<f32>) -> Result<Lifted> {
        let (poses, sigma) = self.0.evaluate(keypoints);
        let mut poses = poses.mapv(|x| x as f32);
        (self.1)(&mut poses);
        Ok(Lifted { poses, sigma: sigma.map(|sigma| sigma.mapv(|x| x as f32)) })
    }
}

fn small() -> TrainedLifter {
    random_lifter(&Shape { hidden: 16, ..Default::default() }, 5)
}

#[test]
fn every_class_of_input_is_compared() {
    let lifter = small();
    let report =
        verify::compare(&lifter, &mut Changed::nothing(&lifter), &mut Changed::nothing(&lifter), TOLERANCE).unwrap();
    let classes: Vec<_> = report.classes.iter().map(|class| (class.class, class.poses)).collect();
    let expected = [
        ("batch of 1000", 1000),
        ("batch of 7", 7),
        ("far from the origin", 50),
        ("0.1 pixels large", 50),
        ("10,000 pixels large", 50),
        ("most joints missing", 100),
        ("all joints missing", 7),
        ("NaN with a score", 50),
        ("batch of 1", 10),
        ("one joint missing", 34),
    ];
    assert_eq!(classes, expected);
    assert_eq!(report.worst(), 0.0);
}

#[test]
fn a_difference_over_the_tolerance_is_an_error() {
    let lifter = small();
    let compare = |change: &mut dyn FnMut(&mut Array3<f32>)| {
        verify::compare(&lifter, &mut Changed::by(&lifter, change), &mut Changed::nothing(&lifter), TOLERANCE)
    };
    let slightly = compare(&mut |poses| *poses *= 1.0 + 1e-6).unwrap();
    assert!(slightly.worst() > 1e-7 && slightly.worst() < TOLERANCE.most(), "{slightly}");

    let message = compare(&mut |poses| *poses *= 1.01).unwrap_err().to_string();
    assert!(message.contains("of the pose's size (batch of 1000), expected at most 1e-4"), "{message}");
    // One number in one pose of one class.
    let message = compare(&mut |poses| {
        if poses.dim().0 == 7 {
            poses[[6, 3, 1]] = f32::NAN;
        }
    });
    assert!(message.unwrap_err().to_string().contains("by inf of the pose's size (batch of 7)"));
    let message = compare(&mut |poses| *poses = Array3::zeros((1, 2, 3))).unwrap_err().to_string();
    assert!(message.contains("gives poses and sigma ((1, 2, 3), None), expected ((1000, 17, 3), None)"), "{message}");
}

#[test]
fn sigma_is_compared_too() {
    let lifter = random_lifter(&Shape { hidden: 16, sigma: true, ..Default::default() }, 5);
    let mut other = lifter.clone();
    let report =
        verify::compare(&lifter, &mut Changed::nothing(&other), &mut Changed::nothing(&lifter), TOLERANCE).unwrap();
    assert_eq!(report.worst(), 0.0);
    // The last joint's σ one per cent larger.
    *other.output_zscore.mean.last_mut().unwrap() += 0.01;
    let message = verify::compare(&lifter, &mut Changed::nothing(&other), &mut Changed::nothing(&lifter), TOLERANCE);
    assert!(message.unwrap_err().to_string().contains("of the pose's size"));
}

#[test]
fn only_a_file_that_agrees_appears() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let files = || std::fs::read_dir(folder.path()).unwrap().count();
    let lifter: &'static TrainedLifter = Box::leak(Box::new(small()));
    let export = |factor: f32| {
        let open = move |file: &Path| -> Result<Box<dyn Reference>> {
            assert!(file.metadata().unwrap().len() > 1000, "the draft is there when it is opened");
            Ok(Box::new(Changed::by(lifter, move |poses| *poses *= factor)))
        };
        let checks = FileChecks { open: &open, ..FileChecks::AS_USERS_RUN };
        verify::export(lifter, &card_seed(), F32, &mut Changed::nothing(lifter), &path, checks)
    };
    let error = export(1.01).unwrap_err();
    assert_eq!(error.place().path.as_deref(), Some(path.as_path()));
    assert_eq!(files(), 0);

    export(1.0).unwrap();
    assert_eq!(files(), 1);
    let bytes = std::fs::read(&path).unwrap();
    export(1.01).unwrap_err();
    assert_eq!((files(), std::fs::read(&path).unwrap()), (1, bytes), "a good file outlives a bad export");
}

#[test]
fn a_file_that_does_not_run_is_not_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let lifter = small();
    let export = |path: &Path, words: &'static str| {
        let open = move |_: &Path| Err(Error::runtime(words));
        let checks = FileChecks { open: &open, ..FileChecks::AS_USERS_RUN };
        verify::export(&lifter, &card_seed(), F32, &mut Changed::nothing(&lifter), path, checks).unwrap_err()
    };
    let error = export(&folder.path().join("model.onnx"), "no library");
    assert_eq!(error.to_string(), "no library");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

    let error = export(&folder.path().join("missing/model.onnx"), "not reached");
    assert!(error.to_string().contains("model.onnx: cannot write"), "{error}");
}

#[test]
fn a_file_that_kernels_run_otherwise_than_onnx_runtime_does_not_appear() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let lifter = random_lifter(&Shape { hidden: 128, ..Shape::default() }, 5);
    let differ = |file: &ModelFile| -> Result<Vec<Isa>> {
        assert_eq!((file.name(), file.card().network.hidden), (path.as_path(), 128));
        assert!(!path.exists(), "kernels are asked before the file appears");
        Err(Error::model("our own kernels give other poses"))
    };
    let checks = FileChecks { verify_kernels: &differ, ..FileChecks::AS_USERS_RUN };
    for precision in [F32, F16, Int8] {
        let trained = &mut Changed::nothing(&lifter);
        let error = verify::export(&lifter, &card_seed(), precision, trained, &path, checks).unwrap_err();
        assert_eq!(error.to_string(), "our own kernels give other poses");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

/// Quantisation depends on a person's own numbers: other people in the batch, and its size, change nothing. (A scale
/// for the whole tensor would move these poses by a twentieth of their size.)
#[test]
fn a_pose_does_not_depend_on_the_rest_of_the_batch() {
    let shape = Shape::default();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, encode(&random_lifter(&shape, 3), &card_seed(), Int8).unwrap().bytes).unwrap();
    let mut model = verify::onnx_runtime(&path).unwrap();
    let mut crowd = random_keypoints(&shape, 100, 5);
    // People with large numbers next to people with small ones.
    crowd.slice_mut(s![1..;2, .., 2]).mapv_inplace(|score| score * 30.0);
    let together = model.lift(crowd.view()).unwrap().poses;
    for (index, expected) in together.outer_iter().enumerate() {
        let alone = model.lift(crowd.slice(s![index..=index, .., ..])).unwrap().poses;
        let largest = expected.iter().fold(0.0, |largest: f32, x| largest.max(x.abs()));
        let moved = (&alone.index_axis(Axis(0), 0) - &expected).mapv(f32::abs);
        assert!(moved.iter().all(|&x| x <= 2e-3 * largest), "{index}: {moved}");
    }
}

/// The whole chain on a small scale: a network in libtorch, exported, and run by ONNX Runtime as users run it.
#[test]
fn the_exported_file_agrees_with_libtorch_in_onnx_runtime() {
    for (seed, shape) in [
        Shape::default(),
        Shape { centred: false, channels: 2, joints_in: 15, ..Default::default() },
        Shape { blocks: 0, sigma: true, ..Default::default() },
        Shape { blocks: 3, layers_per_block: 1, batch_norm: false, input_relu: true, ..Default::default() },
        Shape { hidden: 128, sigma: true, twins: true, ..Default::default() },
        Shape { hidden: 128, blocks: 1, layers_per_block: 3, input_relu: true, twins: true, ..Default::default() },
    ]
    .into_iter()
    .enumerate()
    {
        let mut lifter = random_lifter(&shape, seed as u64);
        let config = NetworkConfig {
            blocks: shape.blocks,
            hidden: shape.hidden,
            layers_per_block: shape.layers_per_block,
            dropout: 0.5,
            batch_norm: shape.batch_norm,
            input_block: if shape.input_relu { InputBlock::Full } else { InputBlock::Linear },
            sigma: shape.sigma,
            mirror: shape.twins,
        };
        let input = lifter.input_zscore.clone();
        let coordinates = |values: &Array1<f32>| values.iter().take(shape.joints_out * 3).copied().collect();
        let output =
            ZScore { mean: coordinates(&lifter.output_zscore.mean), std: coordinates(&lifter.output_zscore.std) };
        let (from, to) = (&lifter.input_card, &lifter.output_card);
        let mirror = shape.twins.then(|| Mirror::new((&from.joints, from.channels), &to.joints));
        let net =
            LiftNet::new(&config, Standardisation { input, output, mirror }, TrainPrecision::F32, tch::Device::Cpu, 7);
        (lifter.network, lifter.output_zscore) = (net.to_arrays(), net.output_zscore());
        lifter.input_zscore = net.zscores().0.clone();

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        let mut trained = Trained::new(&net, lifter.transform.clone());
        for (precision, most) in [(F32, 2e-5), (F16, 5e-3), (Int8, 0.5)] {
            let checks = FileChecks::AS_USERS_RUN;
            let (card, report) = verify::export(&lifter, &card_seed(), precision, &mut trained, &path, checks).unwrap();
            println!("{shape:?}, {precision}\n{report}");
            // Every kernel that this processor has was held against ONNX Runtime; f16 has none.
            let kernels: Vec<_> = Isa::available().filter(|_| precision != F16 || shape.blocks == 0).collect();
            assert_eq!(report.kernels, kernels, "{shape:?}, {precision}");
            let file = ModelFile::read(&path).unwrap();
            assert_eq!((file.weights_sha256(), file.card()), (card.weights_sha256.clone(), &card));
            assert!(report.worst() < most, "{report}");
        }
    }
}

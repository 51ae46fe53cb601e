//! `fit --init`: a network that starts from an exported model is the same function as the model.

use std::path::Path;
use std::process::{Command, Stdio};

use bytes::Bytes;
use ndarray::{Array3, ArrayView1, ArrayView3, Axis, s};
use poselift::Lifter;
use poselift::model::{Card, ModelFile, Precision};
use poselift::skeleton::H36M23;
use poselift_onnx::Model;
use poselift_train::config::{InputBlock, Loss, NetworkConfig, TrainPrecision};
use poselift_train::export::encode;
use poselift_train::net::{LiftNet, Mirror, Standardisation, Step};
use poselift_train::trained::{Dense, Network, TrainedLifter, ZScore};
use poselift_train::unfold;
use tch::{Device, Kind, Tensor};

use crate::random_lifter::{Shape, card_seed, random_keypoints, random_lifter};

/// A network's shape for the lifter of `shape`.
fn config(shape: &Shape) -> NetworkConfig {
    NetworkConfig {
        blocks: shape.blocks,
        hidden: shape.hidden,
        layers_per_block: shape.layers_per_block,
        dropout: 0.0,
        batch_norm: shape.batch_norm,
        input_block: if shape.input_relu { InputBlock::Full } else { InputBlock::Linear },
        sigma: shape.sigma,
        mirror: shape.twins,
    }
}

/// z-scores that differ with `seed`.
fn standardisation(lifter: &TrainedLifter, shape: &Shape, seed: f32) -> Standardisation {
    let numbers = |count: usize, least: f32| (0..count).map(|k| least + 0.1 * (k as f32 * seed).sin().abs()).collect();
    let zscore = |count: usize| ZScore { mean: numbers(count, -0.05), std: numbers(count, 0.4) };
    let (input, output) = (&lifter.input_card.joints, &lifter.output_card.joints);
    let mirror = shape.twins.then(|| Mirror::new((input, lifter.input_card.channels), output));
    Standardisation { input: zscore(input.len() * 3), output: zscore(output.len() * 3), mirror }
}

fn features(seed: i64) -> Tensor {
    tch::manual_seed(seed);
    Tensor::randn([500, 51], tch::kind::FLOAT_CPU)
}

/// A lifter of this shape whose network took a few steps, so that its BatchNorms are not as they begin.
fn fitted(shape: &Shape) -> TrainedLifter {
    let lifter = random_lifter(shape, 5);
    let standardisation = standardisation(&lifter, shape, 0.7);
    let mut net = LiftNet::new(&config(shape), standardisation, TrainPrecision::F32, Device::Cpu, 2);
    for seed in 0..8 {
        let features = features(100 + seed);
        let target = features.view([500, 17, 3]) * 0.3;
        let _ =
            net.step(&features, &target, Step { loss: Loss::Mpjpe, learning_rate: 1e-2, learn_sigma: true, seed: 1 });
    }
    let (input_zscore, output_zscore) = (net.zscores().0.clone(), net.output_zscore());
    TrainedLifter { input_zscore, network: net.to_arrays(), output_zscore, ..lifter }
}

/// What the layers of the network in a file give for `features`, in plain arithmetic.
fn expected(network: &Network, features: &Tensor) -> Tensor {
    let tensor = |array: &ndarray::Array2<f32>| {
        let values: Vec<f32> = array.iter().copied().collect();
        Tensor::from_slice(&values).view([array.nrows() as i64, array.ncols() as i64])
    };
    let apply =
        |dense: &Dense, x: &Tensor| x.mm(&tensor(&dense.weight).tr()) + Tensor::from_slice(&dense.bias.to_vec());
    let mut x = apply(&network.input, features);
    if network.input_relu {
        x = x.relu();
    }
    for block in &network.blocks {
        let branch = block.iter().fold(x.shallow_clone(), |y, dense| apply(dense, &y).relu());
        x += branch;
    }
    apply(&network.output, &x)
}

#[test]
fn a_started_network_is_the_same_function_before_and_after_its_norms_are_measured() {
    let plain = Shape { hidden: 32, sigma: true, ..Shape::default() };
    let shapes = [
        plain.clone(),
        Shape { twins: true, ..plain.clone() },
        Shape { twins: true, input_relu: true, ..plain.clone() },
        Shape { batch_norm: false, input_relu: true, sigma: false, ..plain.clone() },
        Shape { twins: true, layers_per_block: 1, blocks: 3, ..plain },
    ];
    for (number, shape) in shapes.into_iter().enumerate() {
        let precisions = [Precision::F32, Precision::F16, Precision::Int8];
        for precision in &precisions[..if number == 1 { 3 } else { 1 }] {
            let lifter = fitted(&shape);
            let file = encode(&lifter, &card_seed(), *precision).unwrap();
            let file = Model::decode(Bytes::from(file.bytes)).unwrap().network().unwrap();
            let network = unfold::network(&file);
            let standardisation = standardisation(&lifter, &shape, 1.3);
            let mut net = LiftNet::new(&config(&shape), standardisation, TrainPrecision::F32, Device::Cpu, 3);
            net.start_from(&network).unwrap();
            let features = features(1);
            let wanted = expected(&network, &features);
            let coordinates = wanted.narrow(1, 0, 51).view([500, 17, 3]);
            let size = coordinates.abs().max().double_value(&[]);
            let off = |net: &LiftNet| {
                let (poses, sigma) = net.lift(&features);
                let poses = (poses - &coordinates).abs().max().double_value(&[]) / size;
                let sigma = sigma.map_or(0.0, |sigma| {
                    let wanted = wanted.narrow(1, 51, 17).exp();
                    ((sigma - &wanted) / &wanted).abs().max().double_value(&[])
                });
                poses.max(sigma)
            };
            assert!(off(&net) < 1e-4, "{shape:?} {precision}: {}", off(&net));
            net.measure_norms(&features);
            assert!(off(&net) < 1e-4, "{shape:?} {precision}, norms measured: {}", off(&net));
            // Training mode uses the statistics of the batch, which are now the network's: the error of a step is the same.
            let target = net.lift(&features).0.detach();
            let step = Step { loss: Loss::Mpjpe, learning_rate: 0.0, learn_sigma: false, seed: 1 };
            let error = net.step(&features, &target, step).to_kind(Kind::Double).double_value(&[]);
            assert!(error < 1e-3 * size, "{shape:?} {precision}: {error} in training mode");
        }
    }
}

#[test]
fn layers_of_another_shape_are_refused() {
    let shape = Shape { hidden: 32, ..Shape::default() };
    let lifter = random_lifter(&shape, 5);
    let file = encode(&lifter, &card_seed(), Precision::F32).unwrap();
    let file = Model::decode(Bytes::from(file.bytes)).unwrap().network().unwrap();
    let wider = Shape { hidden: 64, ..shape };
    let standardisation = standardisation(&lifter, &wider, 1.3);
    let mut net = LiftNet::new(&config(&wider), standardisation, TrainPrecision::F32, Device::Cpu, 3);
    let message = net.start_from(&unfold::network(&file)).unwrap_err().to_string();
    assert!(message.contains("input has numbers of shape [32, 51], expected [64, 51]"), "{message}");
}

fn train(arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_poselift-train"));
    command.env("OMP_NUM_THREADS", "1").stdin(Stdio::null()).args(arguments).output().unwrap()
}

fn run(arguments: &[&str]) -> String {
    let output = train(arguments);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    stderr
}

fn card(path: &Path) -> Card {
    ModelFile::read(path).unwrap().card().clone()
}

#[test]
fn a_run_whose_folder_holds_name_and_weights_apart_is_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (first, second, model, next) = (path("first"), path("second"), path("first.onnx"), path("next.onnx"));
    let data = ["fit", "--data", "synthetic:300", "--device", "cpu", "--epochs", "1"];
    run(&[&data[..], &["--hidden", "16", "--blocks", "1", "--out", &first]].concat());
    run(&["export", &first, "-o", &model]);
    run(&[&data[..], &["--init", &model, "--out", &second]].concat());
    let begun = card(Path::new(&model));

    let file = Path::new(&second).join("config.json");
    let mut config: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(config["init"], serde_json::json!({ "model": model, "named": begun.named() }));
    config["init"] = serde_json::json!({ "model": model, "name": "first", "weights_sha256": begun.weights_sha256 });
    std::fs::write(&file, config.to_string()).unwrap();
    run(&["fit", "--out", &second, "--resume", "--epochs", "2"]);
    run(&["export", &second, "-o", &next]);
    let next = card(Path::new(&next));
    assert_eq!(next.training.init, Some(format!("first, weights {}", begun.weights_sha256)));

    // Before its first checkpoint a run reads the model again, which must be the one that it began with.
    std::fs::remove_file(Path::new(&second).join("checkpoint.safetensors")).unwrap();
    std::fs::copy(path("next.onnx"), &model).unwrap();
    let refused = train(&["fit", "--out", &second, "--resume"]);
    let stderr = String::from_utf8_lossy(&refused.stderr).into_owned();
    let expected = format!("holds weights {}, the run began with {}", next.weights_sha256, begun.weights_sha256);
    assert!(!refused.status.success() && stderr.contains(&expected), "{stderr}");
}

#[test]
fn fit_goes_on_from_a_model_and_its_card_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (first, second, model, next) = (path("first"), path("second"), path("first.onnx"), path("next.onnx"));
    let data = ["fit", "--data", "synthetic:3000", "--device", "cpu", "--dropout", "0"];
    let shape = ["--hidden", "64", "--blocks", "1", "--mirror", "on", "--sigma", "on", "--epochs", "3"];
    run(&[&data[..], &shape, &["--learning-rate", "4e-3", "--schedule", "cosine", "--out", &first]].concat());
    run(&["export", &first, "-o", &model]);
    let go_on = [&data[..], &["--init", &model, "--epochs", "1", "--learning-rate", "1e-6", "--out", &second]].concat();
    run(&go_on);
    run(&["export", &second, "-o", &next]);
    let (begun, ended) = (card(Path::new(&model)), card(Path::new(&next)));
    let mpjpe = |card: &Card| card.metrics["mpjpe"].value;
    // A network of fresh weights is ten times as far off.
    assert!((mpjpe(&ended) / mpjpe(&begun) - 1.0).abs() < 0.03, "{} and {}", mpjpe(&begun), mpjpe(&ended));
    assert_eq!(ended.training.init, Some(format!("first, weights {}", begun.weights_sha256)));
    assert_eq!((ended.network.hidden, ended.network.blocks, ended.network.mirror), (64, 1, true));
    let resumed = run(&["fit", "--out", &second, "--resume", "--epochs", "2"]);
    assert!(resumed.contains("epoch 2"), "{resumed}");

    for (arguments, expected) in [
        (vec!["--hidden", "32", "--init", model.as_str()], "cannot be used with"),
        (vec!["--layout", "h36m17", "--init", &model], "the model of --init lifts coco17"),
        (vec!["--init", "../models/coco17-memory.onnx"], "remembers"),
    ] {
        let refused = train(&[&data[..], &arguments, &["--out", &path("refused")]].concat());
        let stderr = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && stderr.contains(expected), "{arguments:?}: {stderr}");
        assert!(!Path::new(&path("refused")).exists(), "{arguments:?} left a folder");
    }
}

#[test]
fn a_model_without_feet_is_the_start_of_one_with_feet() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (out, model) = (path("feet"), path("feet.onnx"));
    let start = "../models/coco17-small.onnx";
    let data = ["fit", "--data", "synthetic:3000", "--layout", "coco23", "--device", "cpu", "--dropout", "0"];
    let go_on = ["--init", start, "--epochs", "1", "--learning-rate", "1e-9", "--batch-size", "512", "--out", &out];
    run(&[&data[..], &go_on].concat());
    run(&["export", &out, "-o", &model]);
    let card = card(Path::new(&model));
    assert_eq!((card.input.layout.as_str(), card.output.skeleton.as_str()), ("coco23", "h36m23"));
    assert_eq!(card.output.joints[17..], H36M23.joints[17..]);

    // A person without feet is lifted as before; the toes begin beside the ankles.
    let with_feet = random_keypoints(&Shape { joints_in: 23, ..Shape::default() }, 200, 9);
    let mut without = with_feet.clone();
    without.slice_mut(s![.., 17.., 2]).fill(0.0);
    let lift = |path: &str, keypoints: ArrayView3<f32>| Lifter::from_file(path).unwrap().lift(keypoints).unwrap();
    let before = lift(start, without.slice(s![.., ..17, ..]));
    let after = lift(&model, without.view());
    let mean = |values: Array3<f32>| {
        let seen: Vec<f32> = values.iter().copied().filter(|x| x.is_finite()).map(f32::abs).collect();
        seen.iter().sum::<f32>() / seen.len() as f32
    };
    let size = mean(before.clone());
    let off = mean(&after.slice(s![.., ..17, ..]) - &before);
    // The steps change no weight, but the running statistics of BatchNorm: 0.03. Fresh weights: over 1.
    assert!(off < 0.1 * size, "{off} of {size}");
    let ankles = H36M23.joints.iter().position(|joint| *joint == "left_ankle").unwrap();
    let heels = H36M23.joints.iter().position(|joint| *joint == "left_heel").unwrap();
    let apart = &after.slice(s![.., heels, ..]) - &after.slice(s![.., ankles, ..]);
    let first = apart.index_axis(Axis(0), 0);
    let is_first = |row: ArrayView1<f32>| row.iter().zip(&first).all(|(a, b)| a.is_nan() || (a - b).abs() < 1e-3);
    assert!(first.iter().any(|x| x.abs() > 0.01) && apart.outer_iter().all(is_first), "{apart}");

    for (layout, from, expected) in [
        ("coco17", model.as_str(), "the model of --init lifts coco23"),
        ("coco23", "../models/h36m17.onnx", "the model of --init lifts h36m17"),
    ] {
        let refused =
            train(&["fit", "--data", "synthetic:300", "--layout", layout, "--init", from, "--out", &path("no")]);
        let stderr = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && stderr.contains(expected), "{layout}: {stderr}");
    }
}

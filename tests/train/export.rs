//! An exported file is valid ONNX: checked by Python's own tools, and the same bytes each time.
#![allow(clippy::unwrap_used)] // A test that fails here should stop here.

use std::path::Path;

use crate::lifting_program::poselift;
use crate::python;
use crate::random_lifter::{Shape, card_seed, random_keypoints, random_lifter};
use ndarray::{Array3, s};
use poselift::model::{Card, Precision};
use poselift_onnx::proto::ModelProto;
use poselift_onnx::{Model, WrittenModel};
use poselift_train::export::encode;
use poselift_train::verify::TOLERANCE;

/// One shape for each path through the writer.
fn shapes() -> Vec<Shape> {
    let centred = Shape::default();
    let absolute = Shape { centred: false, ..Shape::default() };
    vec![
        centred.clone(),
        Shape { sigma: true, ..centred.clone() },
        Shape { blocks: 4, layers_per_block: 1, input_relu: true, joints_out: 5, ..centred.clone() },
        Shape { blocks: 0, batch_norm: false, joints_in: 1, ..centred.clone() },
        Shape { twins: true, ..centred.clone() },
        Shape { channels: 2, ..centred },
        Shape { joints_in: 15, channels: 2, joints_out: 15, ..absolute.clone() },
        Shape { blocks: 1, hidden: 1024, ..absolute },
    ]
}

fn decode(bytes: Vec<u8>) -> ModelProto {
    Model::decode(bytes.into()).unwrap().proto().clone()
}

fn operators(model: &ModelProto) -> Vec<&str> {
    model.graph.as_ref().unwrap().node.iter().map(|node| node.op_type.as_str()).collect()
}

#[test]
fn the_same_lifter_gives_the_same_bytes() {
    for (seed, shape) in shapes().iter().enumerate() {
        for precision in Precision::ALL {
            let once = encode(&random_lifter(shape, seed as u64), &card_seed(), precision).unwrap();
            let twice = encode(&random_lifter(shape, seed as u64), &card_seed(), precision).unwrap();
            assert!(once.bytes == twice.bytes, "{shape:?}, {precision}");
            assert_eq!(once.card.network.precision, precision);
            let network = Model::decode(once.bytes.clone().into()).unwrap().network().unwrap();
            let again = poselift_onnx::write(&network, once.card.clone()).unwrap();
            assert!(again.bytes == once.bytes && again.card == once.card, "{shape:?}, {precision}: the file read");
        }
    }
}

#[test]
fn a_layer_is_one_gemm_and_nothing_of_training_is_left() {
    let shape = Shape { channels: 2, centred: false, ..Default::default() };
    let WrittenModel { bytes, card } = encode(&random_lifter(&shape, 1), &card_seed(), Precision::F32).unwrap();
    let model = decode(bytes);
    let block = ["Gemm", "Relu", "Gemm", "Relu", "Add"];
    let start = ["Pow", "MatMul", "Equal", "Where", "Flatten", "Gemm"];
    let expected = [&start[..], &block, &block, &["Gemm", "Reshape"]].concat();
    assert_eq!(operators(&model), expected);
    assert_eq!((model.ir_version, model.opset_import[0].version), (8, 17));

    let entry = &model.metadata_props[0];
    assert_eq!((entry.key.as_str(), Card::from_json(&entry.value).unwrap()), ("poselift.card", card.clone()));
    assert_eq!((card.network.blocks, card.network.hidden, card.network.batch_norm), (2, 64, true));
    assert_eq!(card.network.parameters, (34 * 64 + 64) + 4 * (64 * 64 + 64) + (64 * 51 + 51));
}

#[test]
fn layers_over_twins_are_two_products_of_half_the_width() {
    let shape =
        Shape { channels: 2, centred: false, blocks: 1, layers_per_block: 1, twins: true, ..Default::default() };
    let WrittenModel { bytes, card } = encode(&random_lifter(&shape, 1), &card_seed(), Precision::F32).unwrap();
    let model = decode(bytes);
    let twins = "Gemm MatMul Add Relu Sub Relu Add Sub";
    let expected = format!("Gemm MatMul {twins} Add Add Gemm MatMul Add Reshape");
    assert_eq!(operators(&model)[5..].join(" "), expected);
    let constant = |name: &str| {
        let found = model.graph.iter().flat_map(|graph| &graph.initializer).find(|constant| constant.name == name);
        found.unwrap().dims.clone()
    };
    assert_eq!(constant("block0.layer0.odd.weight"), [32, 32]);
    assert_eq!((constant("input.even.weight"), constant("output.odd.weight")), (vec![34, 32], vec![32, 51]));
    // A bias belongs to the even plane alone, except for the outputs', which have no twins.
    assert_eq!(card.network.parameters, (2 * 34 * 32 + 32) + (2 * 32 * 32 + 32) + (2 * 32 * 51 + 51));
    assert!(card.network.mirror && card.network.hidden == 64);
}

#[test]
fn hidden_layers_are_in_the_precision_asked_for_and_coordinates_are_not() {
    let shape = Shape { layers_per_block: 2, blocks: 1, ..Default::default() };
    let of = |precision| {
        let bytes = encode(&random_lifter(&shape, 1), &card_seed(), precision).unwrap().bytes;
        let model = decode(bytes);
        let types = |name: &str| {
            let found = model.graph.iter().flat_map(|graph| &graph.initializer).find(|constant| constant.name == name);
            found.unwrap().data_type
        };
        let weights =
            ["input", "block0.layer0", "block0.layer1", "output"].map(|layer| types(&format!("{layer}.weight")));
        (operators(&model)[24..].join(" "), weights)
    };
    let (float, int8, half) = (1, 3, 10);
    let (nodes, types) = of(Precision::F16);
    assert_eq!(nodes, "Gemm Cast Gemm Relu Gemm Relu Add Cast Gemm Reshape");
    assert_eq!(types, [float, half, half, float]);
    let (nodes, types) = of(Precision::Int8);
    let product = "Max Div Mul QuantizeLinear MatMulInteger Cast Mul Mul Add";
    let layers = format!("Abs ReduceMax {product} ReduceMax {product} Relu Add");
    assert_eq!(nodes, format!("Gemm {layers} Gemm Reshape"));
    assert_eq!(types, [float, int8, int8, float]);
}

#[test]
fn the_transform_of_scored_key_points_is_24_nodes() {
    let WrittenModel { bytes, .. } =
        encode(&random_lifter(&Shape::default(), 1), &card_seed(), Precision::F32).unwrap();
    let model = decode(bytes);
    let operators = operators(&model);
    let transform = operators.len() - (1 + 2 * 5 + 2);
    assert_eq!(transform, 24, "{operators:?}");
}

#[test]
fn a_card_that_contradicts_itself_is_refused() {
    let mut lifter = random_lifter(&Shape::default(), 1);
    lifter.output_card.parents.pop();
    let message = encode(&lifter, &card_seed(), Precision::F32).unwrap_err().to_string();
    assert!(message.contains("16 parents for 17 output joints"), "{message}");
}

/// Key points of every kind: usual, far, tiny and huge ones, missing joints, no visible joint at all.
fn keypoints(shape: &Shape, seed: u64) -> Array3<f32> {
    let mut keypoints = random_keypoints(shape, 60, seed);
    if shape.centred {
        let mut scale = |people, scale: f32, shift: f32| {
            keypoints.slice_mut(s![people, .., ..2]).mapv_inplace(|x| (x - 600.0) * scale + shift);
        };
        scale(10..20, 1.0, 1e5);
        scale(20..30, 1.25e-4, 500.0);
        scale(30..40, 12.5, 0.0);
    }
    keypoints.slice_mut(s![50, .., ..]).fill(f32::NAN);
    keypoints.slice_mut(s![51, .., ..2]).fill(f32::NEG_INFINITY);
    keypoints.slice_mut(s![52, .., ..2]).fill(f32::NAN);
    keypoints.slice_mut(s![53, 1.., ..]).fill(f32::NAN);
    keypoints
}

/// The output of `poselift run` for an array: NaN where a person has too few joints to be lifted, which is exit code
/// 1.
fn lift_with_the_program(model: &Path, keypoints: &Path, poses: &Path) {
    let mut command = poselift();
    command.args(["run", "--quiet", "--device", "cpu", "--model"]).arg(model).arg(keypoints).arg("-o").arg(poses);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}: {said}", output.status);
    let poses: Array3<f32> = ndarray_npy::read_npy(poses).unwrap();
    assert!(poses.iter().filter(|x| x.is_nan()).count() < poses.len() / 2, "{said}");
}

#[test]
fn the_tools_of_onnx_accept_it_and_agree_with_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let shapes = shapes();
    let cases = shapes.iter().enumerate().flat_map(|case| Precision::ALL.map(|precision| (case, precision)));
    for ((seed, shape), precision) in cases {
        let lifter = random_lifter(shape, seed as u64);
        let keypoints = keypoints(shape, seed as u64);
        let poses = lifter.evaluate(keypoints.view()).0.mapv(|x| x as f32);
        std::fs::write(file("model.onnx"), encode(&lifter, &card_seed(), precision).unwrap().bytes).unwrap();
        ndarray_npy::write_npy(file("keypoints.npy"), &keypoints).unwrap();
        ndarray_npy::write_npy(file("trained.npy"), &poses).unwrap();
        let mut made_by = vec!["trained.npy"];
        // The program lifts no person with fewer than four joints.
        if shape.joints_in >= 4 {
            lift_with_the_program(&file("model.onnx"), &file("keypoints.npy"), &file("lifted.npy"));
            made_by.push("lifted.npy");
        }
        for poses in made_by {
            let mut arguments: Vec<_> = ["model.onnx", "keypoints.npy", poses].map(file).into();
            // A thousand people are not enough to move the worst of them further than this.
            let rounded = match precision {
                Precision::F32 => TOLERANCE.most(),
                Precision::F16 => 2e-2,
                Precision::Int8 => 5e-1,
            };
            let tolerance = if poses == "lifted.npy" { TOLERANCE.most() } else { rounded };
            arguments.push(tolerance.to_string().into());
            let Some(output) = python::run("check_onnx.py", arguments) else { return };
            let said = python::said(&output);
            assert!(output.status.success(), "{shape:?}, {precision}, {poses}: {said}");
            print!("{poses}: {said}");
        }
    }
}

/// Programs that tidy graphs for other runtimes find nothing to change, neither in the models of the repository nor in any form of ours.
#[test]
fn onnxslim_and_onnxsim_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    let mut files: Vec<_> =
        ["coco17", "coco17-int8", "coco17-small", "h36m17"].map(|name| models.join(name).with_extension("onnx")).into();
    // Of a single joint the sum over all joints is its own number, and two matrices are one.
    let small = |shape: &&Shape| shape.joints_in > 1 && shape.hidden < 1000;
    for (seed, shape) in shapes().iter().filter(small).enumerate() {
        for precision in Precision::ALL {
            let file = folder.path().join(format!("{seed}-{precision}.onnx"));
            std::fs::write(&file, encode(&random_lifter(shape, seed as u64), &card_seed(), precision).unwrap().bytes)
                .unwrap();
            files.push(file);
        }
    }
    let Some(output) = python::run("check_tidy.py", files) else { return };
    assert!(output.status.success(), "{}", python::said(&output));
}

//! Model files that differ from what export writes: kernels compute what the file says, or refuse it and name the difference.

use std::path::{Path, PathBuf};
use std::process::Command;

use ndarray::{Array2, Array3};
use poselift::model::{Batch, CARD_KEY, Card, Device, Engine, Isa, ModelFile, PoseNetwork, Session, SessionOptions};
use poselift_onnx::Model;
use poselift_onnx::proto::ModelProto;

use crate::program::shared;

const POSES: usize = 24;

/// A file of the shared faults, if they are here.
fn fault(name: &str) -> Option<PathBuf> {
    shared(&format!("data/faults/{name}"))
}

fn open(file: &ModelFile, engine: Engine) -> poselift::Result<Session> {
    Session::new(file, &SessionOptions { device: Device::Cpu, threads: Some(1), engine })
}

#[test]
fn a_graph_with_another_node_is_left_to_onnx_runtime() {
    for (name, difference) in [
        ("sigma_mm_const.onnx", "of the graph is Exp(sigma.log) -> "),
        ("clip800.onnx", "node 0 of the graph is Constant()"),
    ] {
        let Some(path) = fault(name) else { return };
        let file = ModelFile::read(path).unwrap();
        let error = open(&file, Engine::Own).unwrap_err();
        let hint = error.hint_text().unwrap_or_default();
        assert!(hint.contains(difference), "{name}: {error}: {hint}");
        assert_eq!(open(&file, Engine::Auto).unwrap().engine(), "ONNX Runtime", "{name}");
    }
}

#[test]
fn weights_that_are_not_those_of_the_card_are_an_error_that_names_both_hashes() {
    let Some(path) = fault("out_odd_zero.onnx") else { return };
    let file = ModelFile::read(&path).unwrap();
    let (found, promised) = (file.weights_sha256(), &file.card().weights_sha256);
    for engine in [Engine::Auto, Engine::Own, Engine::OnnxRuntime] {
        let message = open(&file, engine).unwrap_err().to_string();
        assert!(message.contains(&found) && message.contains(promised), "{message}");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_poselift"));
    let output = command.args(["run", "--device", "cpu", "--model"]).arg(&path).arg("/dev/null").output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains(&found) && told.contains("hint: "), "{told}");
}

/// The file at `path` with a card that promises the weights that are in it.
fn with_own_hash(path: &Path) -> ModelFile {
    let proto = Model::decode(std::fs::read(path).unwrap().into()).unwrap().proto().clone();
    promising_its_weights(path, proto)
}

fn promising_its_weights(name: &Path, mut proto: ModelProto) -> ModelFile {
    let weights_sha256 = Model::decode(proto.to_bytes().into()).unwrap().weights_digest().to_hex();
    let entry = proto.metadata_props.iter_mut().find(|entry| entry.key == CARD_KEY).unwrap();
    entry.value = Card { weights_sha256, ..Card::from_json(&entry.value).unwrap() }.to_json();
    ModelFile::from_bytes(name, proto.to_bytes()).unwrap()
}

/// Of the last layer's bias one number becomes one that kernels and ONNX Runtime may treat in ways of their own.
#[test]
fn weights_that_are_no_numbers_are_left_to_onnx_runtime() {
    let bundled = ModelFile::bundled().unwrap();
    for (number, words) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf")] {
        let mut proto = Model::decode(bundled.bytes().to_vec().into()).unwrap().proto().clone();
        let tensors = &mut proto.graph.as_mut().unwrap().initializer;
        let bias = tensors.iter_mut().find(|tensor| tensor.name == "output.even.bias").unwrap();
        bias.raw_data = number.to_le_bytes().into_iter().chain(bias.raw_data.iter().copied().skip(4)).collect();
        let file = promising_its_weights(Path::new("other.onnx"), proto);
        for isa in Isa::available() {
            let error = open(&file, Engine::Only(isa)).unwrap_err();
            let hint = error.hint_text().unwrap_or_default();
            assert!(hint.contains(&format!("output.even.bias holds {words}, expected finite numbers")), "{hint}");
        }
        assert_eq!(open(&file, Engine::Auto).unwrap().engine(), "ONNX Runtime");
    }
}

#[test]
fn planes_of_zeros_are_computed_as_onnx_runtime_does() {
    for name in ["out_odd_zero.onnx", "int8_out_zero.onnx"] {
        let Some(path) = fault(name) else { return };
        let file = with_own_hash(&path);
        let (poses, sigma) = lift(open(&file, Engine::Own).unwrap());
        let (expected, expected_sigma) = lift(open(&file, Engine::OnnxRuntime).unwrap());
        let largest = expected.iter().fold(0.0, |largest: f32, number| largest.max(number.abs()));
        assert!((&poses - &expected).iter().all(|apart| apart.abs() < 1e-4 * largest), "{name}");
        assert!((&sigma - &expected_sigma).iter().all(|apart| apart.abs() < 1e-4), "{name}");
    }
}

/// Poses and sigma of people of 200 to 700 px.
fn lift(mut session: Session) -> (Array3<f32>, Array2<f32>) {
    let place = |n: usize, joint: usize, axis: usize| (n * 37 + joint * 101 + axis * 59) % (200 + 20 * n);
    let keypoints = Array3::from_shape_fn((POSES, 17, 3), |(n, joint, channel)| match channel {
        2 => 0.9,
        axis => 300.0 + place(n, joint, axis) as f32,
    });
    let (mut poses, mut sigma) = (Array3::zeros((POSES, 17, 3)), Array2::zeros((POSES, 17)));
    let card = session.card().clone();
    session.run(Batch::new(&card, keypoints.view(), poses.view_mut(), Some(sigma.view_mut())).unwrap()).unwrap();
    (poses, sigma)
}

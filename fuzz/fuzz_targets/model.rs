//! Any bytes as a model file: read, loaded by our own kernels, a few poses lifted.
//!
//! No fuzzer hits the hash of weights that it changed: the card is given the right one.
#![no_main]

#[path = "../../tests/infer/small_model.rs"]
mod small_model;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use ndarray::Array3;
use poselift::camera::Camera;
use poselift::model::{ModelFile, View};
use poselift::{ErrorKind, Lifter};
use poselift_fuzz::{TinyModel, bounded, own_lifter, seeds_folder};
use poselift_onnx::{CARD_KEY, Card, Model};

/// Coordinates and scores that the people have, one after the other.
const NUMBERS: [f32; 11] = [500.0, 300.0, 0.9, 640.5, -20.0, 0.0, f32::NAN, 1e30, 0.5, f32::INFINITY, -1e-40];

/// People that are lifted: more than one block of the kernels.
const PEOPLE: usize = 50;

fuzz_target!(init: write_seeds(), |bytes: &[u8]| {
    bounded(bytes.len(), || {
        load(bytes.to_vec());
        if let Some(mended) = with_own_hash(bytes) {
            load(mended);
        }
    });
});

/// Writes a network of each kind into the folder for seeds.
fn write_seeds() {
    let Some(folder) = seeds_folder() else { return };
    let write = |name: &str, bytes: Vec<u8>| {
        std::fs::write(folder.join(name), bytes).expect("the folder for seeds can be written to");
    };
    // Not one that our own kernels run.
    write("small", small_model::SmallModel::default().to_bytes());
    let joints = ["left_hip", "right_hip", "left_knee", "right_knee", "nose"];
    let whole = TinyModel {
        layout: "custom",
        joints: &joints,
        channels: 3,
        joints_out: 3,
        planes: 1,
        int8: true,
        centred: true,
        input_relu: false,
        sigma: true,
        view: View::Subject,
    };
    let kinds = [
        ("int8", whole),
        ("int8-mirror", TinyModel { planes: 2, ..whole }),
        ("f32", TinyModel { int8: false, sigma: false, input_relu: true, view: View::Camera, ..whole }),
        ("f32-mirror", TinyModel { int8: false, planes: 2, centred: false, channels: 2, sigma: false, ..whole }),
    ];
    for (name, model) in kinds {
        write(name, model.to_bytes());
    }
}

/// The file with the hash of the weights that are in it; none where there is no card to hold it.
fn with_own_hash(bytes: &[u8]) -> Option<Vec<u8>> {
    let model = Model::decode(Bytes::copy_from_slice(bytes))?;
    let mut proto = model.proto().clone();
    let entry = proto.metadata_props.iter_mut().find(|entry| entry.key == CARD_KEY)?;
    let card = Card::from_json(&entry.value).ok()?;
    entry.value = Card { weights_sha256: model.weights_digest().to_hex(), ..card }.to_json();
    Some(proto.to_bytes())
}

fn load(bytes: Vec<u8>) {
    let loaded = ModelFile::from_bytes("model.onnx", bytes).and_then(|file| own_lifter(&file));
    match loaded {
        Ok(mut lifter) => lift(&mut lifter),
        Err(error) => assert_eq!(error.kind(), ErrorKind::BadModel, "{error}"),
    }
}

fn lift(lifter: &mut Lifter) {
    let (joints, channels) = (lifter.card().input.joints.len(), lifter.card().input.channels);
    let keypoints = Array3::from_shape_fn((PEOPLE, joints, channels), |(person, joint, axis)| {
        // The first person is whole; of the others more and more is missing or beyond all bounds.
        let number = if person == 0 { axis } else { person * joint + axis };
        NUMBERS[number % NUMBERS.len()]
    });
    let camera = Camera::with_focal(None, [1920, 1080]);
    let lifted = lifter.lift_with_cameras(keypoints.view(), &[camera]).expect("our own kernels do not fail");
    assert_eq!(lifted.poses.dim(), (PEOPLE, lifter.card().output.joints.len(), 3));
    for pose in lifted.poses.outer_iter() {
        let finite = pose.iter().filter(|number| number.is_finite()).count();
        assert!(finite == 0 || finite == pose.len(), "a pose is whole or nothing: {pose}");
    }
}

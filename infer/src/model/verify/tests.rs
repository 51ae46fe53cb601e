use std::collections::BTreeMap;

use ndarray::{Array2, Array3};
use poselift_onnx::names::{INPUT_NAME, SIGMA_NAME};
use poselift_onnx::proto::{NodeProto, TensorProto};

use super::super::file::tests::altered;
use super::super::{Batch, Device, PoseNetwork, Precision, Session, SessionOptions};
use super::compare::differences;
use super::*;

fn open(file: &ModelFile, engine: Engine, threads: usize) -> Result<Session> {
    Session::new(file, &SessionOptions { device: Device::Cpu, threads: Some(threads), engine })
}

/// Number of random people in [`people`].
const SCATTERED: usize = 8;

/// Key points `[SCATTERED, 17, 3]` in an image, the same at every call.
fn scattered() -> Vec<f32> {
    let mut scatter = probe::Scatter(1);
    let number = |at: usize| match at % 3 {
        2 => 0.5 + 0.5 * scatter.unit(),
        _ => 300.0 + 400.0 * scatter.unit(),
    };
    (0..SCATTERED * 51).map(number).collect()
}

/// Random people, repeated, with some joints missing in several ways.
fn people(count: usize) -> Array3<f32> {
    let scattered = scattered();
    let mut people = Array3::from_shape_fn((count, 17, 3), |(n, joint, number)| {
        let shift = if number < 2 { (n / SCATTERED * (joint + 3)) as f32 * 1.37 } else { 0.0 };
        scattered[n % SCATTERED * 51 + joint * 3 + number] + shift
    });
    for n in (0..count).step_by(3) {
        people[[n, n % 17, 2]] = 0.0;
        people[[n, (n + 5) % 17, n % 2]] = [f32::NAN, f32::INFINITY, -1e30][n % 3];
    }
    people
}

#[test]
fn own_kernels_give_what_onnx_runtime_gives() {
    for form in bundled_forms() {
        let mut runtime = open(&form, Engine::OnnxRuntime, 2).unwrap();
        assert_eq!(runtime.engine(), "ONNX Runtime");
        for isa in Isa::available() {
            let mut own = open(&form, Engine::Only(isa), 2).unwrap_or_else(|error| panic!("{isa}: {error}"));
            hold_against(&mut own, &mut runtime, isa, form.card().network.precision);
        }
    }
}

/// A memory too, over two frames.
#[test]
fn every_model_of_the_program_runs_by_every_kernel() {
    for name in crate::model::bundled::NAMES {
        let file = ModelFile::read(name).unwrap();
        assert_eq!(verify_kernels(&file).unwrap(), Isa::available().collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn an_instruction_set_whose_network_does_not_open_is_named_with_the_cause() {
    let file = ModelFile::bundled().unwrap();
    let absent = Isa::ALL.into_iter().find(|isa| !isa.is_available()).expect("no processor has all of them");
    let error = open_each(&file, Isa::available().chain([absent])).unwrap_err();
    let cause = "cannot be set up for the network: this processor lacks what they need";
    assert_eq!(error.to_string(), format!("bundled:coco17.onnx: our own kernels ({absent}) {cause}"));
}

fn hold_against(own: &mut Session, runtime: &mut Session, isa: Isa, precision: Precision) {
    let in_bytes = precision == Precision::Int8;
    assert!(own.engine().starts_with("own kernels, "), "{}", own.engine());
    // Fewer than a block, as many, more; all remainders of six.
    for count in [1, 2, 3, 4, 5, 6, 7, 24, 25, 53, 500] {
        let keypoints = people(count);
        let (ours, theirs) = (lift(own, &keypoints), lift(runtime, &keypoints));
        for (what, numbers) in [("poses", 51), ("sigma", 17)] {
            let apart = differences(&ours[what], &theirs[what], numbers);
            // If a float's last digit changes a code, the difference is one of 8-bit rounding, not of floats.
            let tipped = apart.iter().filter(|apart| **apart > 1e-4).count();
            let may_tip = if in_bytes { 1 + count / 40 } else { 0 };
            assert!(tipped <= may_tip, "{isa}, {what} of {tipped} of {count} people differ: {apart:?}");
            assert!(apart.iter().all(|apart| *apart < 0.05), "{isa}, {what} of {count} people: {apart:?}");
        }
    }
}

/// All instruction sets multiply the same integers, and round floats alike.
#[test]
fn int8_gives_the_same_by_all_kernels() {
    let [_, int8] = bundled_forms().try_into().unwrap();
    let keypoints = people(100);
    let mut found =
        Isa::available().map(|isa| (isa, lift(&mut open(&int8, Engine::Only(isa), 1).unwrap(), &keypoints)));
    let (_, first) = found.next().expect("a processor with AVX2 or NEON");
    for (isa, poses) in found {
        let apart = differences(&first["poses"], &poses["poses"], 51);
        let tipped = apart.iter().filter(|apart| **apart > 1e-4).count();
        assert!(tipped <= 2 && apart.iter().all(|apart| *apart < 0.05), "{isa}: {apart:?}");
    }
}

/// The bundled model in f32 and in 8 bits.
fn bundled_forms() -> Vec<ModelFile> {
    ModelFile::bundled().unwrap().forms()
}

/// Poses and sigma of COCO-17 key points `[N, 17, 3]`, flat, by name.
fn lift(session: &mut Session, keypoints: &Array3<f32>) -> BTreeMap<&'static str, Vec<f32>> {
    let count = keypoints.dim().0;
    let (mut poses, mut sigma) = (Array3::zeros((count, 17, 3)), Array2::zeros((count, 17)));
    let batch = Batch::new(session.card(), keypoints.view(), poses.view_mut(), Some(sigma.view_mut())).unwrap();
    session.run(batch).unwrap();
    BTreeMap::from([("poses", poses.into_raw_vec_and_offset().0), ("sigma", sigma.into_raw_vec_and_offset().0)])
}

/// Models of ours with one node more than the contract: each gives other numbers than the kernels, which must be
/// detected.
#[test]
fn a_clip_of_coordinates_and_another_unit_of_sigma_are_seen() {
    for form in bundled_forms() {
        for (name, bytes) in
            [("clip800.onnx", with_clipped_keypoints(&form)), ("sigma_mm.onnx", with_sigma_in_mm(&form))]
        {
            let file = ModelFile::from_bytes(name, bytes).unwrap();
            assert_eq!(open(&file, Engine::Auto, 1).unwrap().engine(), "ONNX Runtime", "{name}");
            assert!(open(&file, Engine::Own, 1).is_err(), "{name}");
            if let Ok(network) = NativeNetwork::new(&file, None, 1) {
                let model = OrtModel::on_cpu(&library::path(false).unwrap(), &file, 1).unwrap();
                assert!(!agree(&network, &model, &file).unwrap(), "{name}");
            }
            assert_eq!(verify_kernels(&file).unwrap(), [], "{name}: what is no network of ours has no kernels");
        }
    }
}

/// The model of `form` in front of which key points are clipped to 800 pixels.
fn with_clipped_keypoints(form: &ModelFile) -> Vec<u8> {
    altered(form, |graph| {
        for input in graph.node.iter_mut().flat_map(|node| &mut node.input).filter(|input| *input == INPUT_NAME) {
            *input = "clipped".to_owned();
        }
        graph.initializer.push(TensorProto::new("least", &[], [-800f32]));
        graph.initializer.push(TensorProto::new("most", &[], [800f32]));
        graph.node.insert(0, node("Clip", &[INPUT_NAME, "least", "most"], "clipped"));
    })
}

/// The model of `form` with its sigma in millimetres.
fn with_sigma_in_mm(form: &ModelFile) -> Vec<u8> {
    altered(form, |graph| {
        let sigma = graph.node.iter_mut().flat_map(|node| &mut node.output).find(|output| *output == SIGMA_NAME);
        *sigma.expect("the bundled model gives sigma") = "sigma_in_metres".to_owned();
        graph.initializer.push(TensorProto::new("millimetres", &[], [1000f32]));
        graph.node.push(node("Mul", &["sigma_in_metres", "millimetres"], SIGMA_NAME));
    })
}

fn node(operator: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        input: inputs.iter().map(|&input| input.to_owned()).collect(),
        output: vec![output.to_owned()],
        name: format!("{output}.altered"),
        op_type: operator.to_owned(),
        attribute: Vec::new(),
    }
}

/// Weights laid out for kernels that are not those of the file which ONNX Runtime runs: they must never be used.
#[test]
fn kernels_that_give_other_poses_than_onnx_runtime_are_not_used() {
    let runtime = library::path(false).unwrap();
    for form in bundled_forms() {
        // The same network, each weight of the last layer a tenth larger.
        let larger = altered(&form, |graph| {
            let weights = graph.initializer.iter_mut().find(|tensor| tensor.name == "output.even.weight").unwrap();
            let values = weights.raw_data.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
            weights.raw_data = values.flat_map(|value| (value * 1.1).to_le_bytes()).collect();
        });
        let other = ModelFile::from_bytes("other.onnx", larger).unwrap();
        // Twice: what does not agree is not remembered either.
        for isa in Isa::available().chain(Isa::available()) {
            let network = || NativeNetwork::new(&form, Some(isa), 1).unwrap();
            let backend = verified(network(), &runtime, Engine::Auto, &other).unwrap();
            assert_eq!(backend.name(), "ONNX Runtime", "{isa}");
            for engine in [Engine::Own, Engine::Only(isa)] {
                let Err(error) = verified(network(), &runtime, engine, &other) else { panic!("{isa} by {engine}") };
                let expected = format!("other.onnx: our own kernels ({isa}) give other poses than ONNX Runtime");
                assert_eq!(error.to_string(), expected);
            }
        }
    }
}

//! Networks of zeros, of next to nothing and of huge numbers: kernels give what ONNX Runtime gives, wherever that is a number.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::random_lifter::{Shape, card_seed, random_keypoints, random_lifter};
use crate::skips::shared;
use ndarray::{Array2, Array3, ArrayView2, s};
use poselift::model::{Batch, Device, Engine, Isa, ModelFile, PoseNetwork, Precision, Session, SessionOptions};
use poselift_train::export::encode;
use poselift_train::trained::TrainedLifter;
use proptest::prelude::*;

const POSES: usize = 30;

/// What is wrong with a network.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// Data that do not vary: no weight of the first and the last layer is left.
    ConstantData,
    /// The last layer's second half equals its first: with twins, its odd plane is 0.
    NoOddOutput,
    /// The same with the other sign: its even plane is 0.
    NoEvenOutput,
    /// A hidden layer of zeros.
    NoLayer,
    /// Half of the units of a layer without weights.
    NoHalfLayer,
    /// Weights next to nothing, folded to denormal numbers.
    Denormal,
    /// Weights of a million.
    Huge,
}

const FAULTS: [Fault; 7] = [
    Fault::ConstantData,
    Fault::NoOddOutput,
    Fault::NoEvenOutput,
    Fault::NoLayer,
    Fault::NoHalfLayer,
    Fault::Denormal,
    Fault::Huge,
];

impl Fault {
    fn put_into(self, lifter: &mut TrainedLifter) {
        let network = &mut lifter.network;
        let half = network.output.weight.ncols() / 2;
        match self {
            Self::ConstantData => {
                lifter.input_zscore.std.fill(0.0);
                lifter.output_zscore.std.fill(0.0);
            }
            Self::NoOddOutput | Self::NoEvenOutput => {
                let sign = if matches!(self, Self::NoOddOutput) { 1.0 } else { -1.0 };
                let (first, mut second) = network.output.weight.multi_slice_mut((s![.., ..half], s![.., half..]));
                second.assign(&(&first * sign));
            }
            Self::NoLayer => network.blocks[0][0].weight.fill(0.0),
            // Twins are alike: the first half of each.
            Self::NoHalfLayer => {
                for start in [0, half] {
                    network.blocks[0][0].weight.slice_mut(s![start..start + half / 2, ..]).fill(0.0);
                }
            }
            Self::Denormal => {
                network.blocks[0][0].weight *= 1e-40;
                network.output.weight *= 1e-38;
            }
            Self::Huge => network.blocks[0][0].weight *= 1e6,
        }
    }
}

prop_compose! {
    fn shapes()(
        (twins, sigma, centred, input_relu, batch_norm) in any::<(bool, bool, bool, bool, bool)>(),
        (channels, layers_per_block, blocks) in (2usize..=3, 1usize..=2, 1usize..=2),
    ) -> Shape {
        // Features of twins have no mean, which without centring would be a person's place.
        let centred = centred || twins;
        Shape { hidden: 128, twins, sigma, centred, input_relu, batch_norm, channels, layers_per_block, blocks, ..Shape::default() }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..Default::default() })]

    #[test]
    fn kernels_give_what_onnx_runtime_gives(
        shape in shapes(),
        fault in prop::sample::select(&FAULTS[..]),
        precision in prop::sample::select(&[Precision::F32, Precision::Int8][..]),
        seed in any::<u64>(),
    ) {
        let mut lifter = random_lifter(&shape, seed);
        fault.put_into(&mut lifter);
        let file = ModelFile::from_bytes("degenerate.onnx", encode(&lifter, &card_seed(), precision).unwrap().bytes).unwrap();
        let expected = lift(open(&file, Engine::OnnxRuntime).unwrap(), &shape);
        for isa in Isa::available() {
            let found = lift(open(&file, Engine::Only(isa)).unwrap(), &shape);
            let apart = differences(&found, &expected);
            let usual = apart.iter().filter(|apart| **apart < 1e-4).count();
            // Of 8 bits some tip over where a float's last digit differs.
            let [most, worst] = if precision == Precision::Int8 { [POSES * 3 / 4, 50] } else { [POSES, 1] };
            let is_near = usual >= most.min(apart.len()) && apart.iter().all(|apart| *apart < worst as f32 * 1e-3);
            prop_assert!(is_near, "{isa}: {apart:?}");
        }
    }
}

/// NaN and infinity are refused at export, in whatever layer they are.
#[test]
fn a_network_with_nan_or_infinite_weights_is_not_exported() {
    let expect_refusal = |lifter: &TrainedLifter, words: &str| {
        for precision in Precision::ALL {
            let message = encode(lifter, &card_seed(), precision).unwrap_err().to_string();
            assert!(message.contains(words), "{precision}: {message}");
        }
    };
    let usual = random_lifter(&Shape::default(), 3);
    let mut lifter = usual.clone();
    lifter.network.blocks[1][0].weight[[3, 5]] = f32::NAN;
    expect_refusal(&lifter, "layer 'block1.layer0' folds to NaN");
    let mut lifter = usual.clone();
    lifter.network.output.bias[2] = f32::INFINITY;
    expect_refusal(&lifter, "layer 'output' folds to inf");
    let mut lifter = usual;
    lifter.network.input.weight.fill(f32::MAX);
    expect_refusal(&lifter, "layer 'input' folds to ");
}

fn open(file: &ModelFile, engine: Engine) -> poselift::Result<Session> {
    Session::new(file, &SessionOptions { device: Device::Cpu, threads: Some(1), engine })
}

/// Numbers of each of [`POSES`] people `[N, J_out·4]`: the pose and sigma, 0 where the network gives none.
fn lift(mut session: Session, shape: &Shape) -> Array2<f32> {
    let keypoints = random_keypoints(shape, POSES, 5);
    let (mut poses, mut sigma) =
        (Array3::zeros((POSES, shape.joints_out, 3)), Array2::zeros((POSES, shape.joints_out)));
    let wanted = shape.sigma.then(|| sigma.view_mut());
    let card = session.card().clone();
    session.run(Batch::new(&card, keypoints.view(), poses.view_mut(), wanted).unwrap()).unwrap();
    let mut numbers = Array2::zeros((POSES, shape.joints_out * 4));
    for pose in 0..POSES {
        let own = poses.slice(s![pose, .., ..]).iter().chain(sigma.row(pose)).copied().collect::<Vec<f32>>();
        numbers.row_mut(pose).assign(&ndarray::aview1(&own));
    }
    numbers
}

/// For each pose of which all `expected` numbers are finite, how far `found` is from it, as a share of the largest number.
fn differences(found: &Array2<f32>, expected: &Array2<f32>) -> Vec<f32> {
    let mut differences = Vec::new();
    for (found, expected) in found.outer_iter().zip(expected.outer_iter()) {
        if expected.iter().all(|number| number.is_finite()) {
            let largest = expected.iter().fold(f32::MIN_POSITIVE, |largest, number| largest.max(number.abs()));
            let apart = found.iter().zip(expected).map(|(found, expected)| (found - expected).abs());
            let worst =
                apart.fold(0.0, |worst: f32, apart| if apart.is_nan() { f32::INFINITY } else { worst.max(apart) });
            differences.push(worst / largest);
        }
    }
    differences
}

/// Poses that are all the same, from `fit` to a pose.
#[test]
fn a_network_of_constant_data_is_fitted_exported_and_run() {
    let Some(data) = shared("data/faults/const3.pkl") else { return };
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    program(
        &["fit", "--hidden", "128", "--epochs", "1", "--device", "cpu", "--data"],
        &[&data, Path::new("--out"), &run],
    );
    for precision in ["f32", "int8"] {
        let model = folder.path().join(format!("{precision}.onnx"));
        program(&["export", "--no-loss", "--precision", precision, "-o"], &[&model, &run]);
        let file = ModelFile::read(&model).unwrap();
        let (input, output) = (&file.card().input, &file.card().output);
        let keypoints = Array3::from_elem((2, input.joints.len(), input.channels), 0.5f32);
        let mut lifted = [Engine::Own, Engine::OnnxRuntime].map(|engine| {
            let mut session = open(&file, engine).unwrap();
            let mut poses = Array3::zeros((2, output.joints.len(), 3));
            session.run(Batch::new(file.card(), keypoints.view(), poses.view_mut(), None).unwrap()).unwrap();
            poses
        });
        lifted[0] -= &lifted[1].clone();
        let apart: ArrayView2<f32> = lifted[0].slice(s![0, .., ..]);
        assert!(apart.iter().all(|apart| apart.abs() < 1e-4), "{precision}: {apart}");
    }
}

/// Runs `poselift-train`, which must succeed.
fn program(arguments: &[&str], paths: &[&Path]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_poselift-train"));
    command.env("OMP_NUM_THREADS", "1").stdin(Stdio::null()).args(arguments).args(paths);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

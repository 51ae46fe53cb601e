//! Random trained lifters of every shape, for the tests of folding and export.
#![allow(dead_code, unreachable_pub)] // Each test program uses its own part of this module.

use std::collections::BTreeMap;

use ndarray::{Array1, Array2, Array3};
use poselift::model::{DataCard, InputCard, OutputCard, TrainingCard, View};
use poselift_train::export::CardSeed;
use poselift_train::trained::{BatchNorm, Dense, InputTransform, Network, TrainedLifter, ZScore};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// The properties of a random lifter.
#[derive(Debug, Clone)]
pub struct Shape {
    pub joints_in: usize,
    pub channels: usize,
    pub joints_out: usize,
    pub hidden: usize,
    pub blocks: usize,
    pub layers_per_block: usize,
    pub batch_norm: bool,
    pub input_relu: bool,
    pub centred: bool,
    pub sigma: bool,
    /// Hidden units in twins.
    pub twins: bool,
    /// log₁₀ of the least and the largest running variance.
    pub variance_decades: [f64; 2],
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            joints_in: 17,
            channels: 3,
            joints_out: 17,
            hidden: 64,
            blocks: 2,
            layers_per_block: 2,
            batch_norm: true,
            input_relu: false,
            centred: true,
            sigma: false,
            twins: false,
            variance_decades: [-1.0, 1.0],
        }
    }
}

/// A lifter with random weights: some γ negative and some 0, a constant feature and a constant coordinate.
pub fn random_lifter(shape: &Shape, seed: u64) -> TrainedLifter {
    let mut random = StdRng::seed_from_u64(seed);
    let random = &mut random;
    let features = shape.joints_in * shape.channels;
    let outputs = shape.joints_out * if shape.sigma { 4 } else { 3 };
    let hidden = shape.hidden;
    let mut network = Network {
        input: dense(random, features, hidden, (shape.batch_norm && shape.input_relu).then_some(shape)),
        input_relu: shape.input_relu,
        blocks: (0..shape.blocks)
            .map(|_| {
                let layer = |_| dense(random, hidden, hidden, shape.batch_norm.then_some(shape));
                (0..shape.layers_per_block).map(layer).collect()
            })
            .collect(),
        output: dense(random, hidden, outputs, None),
        twins: shape.twins,
    };
    if shape.twins {
        network.blocks.iter_mut().flatten().for_each(pair_inputs);
        network.blocks.iter_mut().flatten().chain([&mut network.input]).for_each(pair_outputs);
    }
    let side = |joint: usize| ["", "left_", "right_"][if joint == 0 { 0 } else { 1 + (joint + 1) % 2 }];
    let names = |prefix: &str, count| {
        (0..count).map(|joint: usize| format!("{}{prefix}{}", side(joint), joint.div_ceil(2))).collect()
    };
    // Twins have the same mean features: those of people who are mirrored half of the time.
    let (mean, std) = if shape.twins {
        (0.0..f32::MIN_POSITIVE, 0.3..1.5)
    } else if shape.centred {
        (0.0..0.5, 0.3..1.5)
    } else {
        (300.0..900.0, 50.0..300.0)
    };
    TrainedLifter {
        input_card: InputCard {
            layout: "custom".into(),
            joints: names("in", shape.joints_in),
            channels: shape.channels,
            view: View::Camera,
        },
        output_card: OutputCard {
            skeleton: "custom".into(),
            joints: names("out", shape.joints_out),
            parents: vec![-1; shape.joints_out],
            root: None,
            root_position: None,
            unit: poselift::pose::Unit::Metres,
            axes: poselift::pose::Axes::Camera,
            sigma: shape.sigma,
        },
        transform: if shape.centred { InputTransform::Centred } else { InputTransform::Absolute },
        input_zscore: zscore(random, features, mean, std),
        network,
        output_zscore: zscore(random, outputs, -0.3..0.3, 0.05..0.3),
    }
}

/// Random key points `[N, J_in, C]`, about one joint in six missing.
pub fn random_keypoints(shape: &Shape, people: usize, seed: u64) -> Array3<f32> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut keypoints = Array3::from_shape_fn((people, shape.joints_in, shape.channels), |(_, _, channel)| {
        if channel < 2 { random.random_range(200.0..1000.0) } else { random.random_range(0.05..1.0) }
    });
    for mut point in keypoints.rows_mut() {
        match random.random_range(0..18) {
            0 => point.fill(f32::NAN),
            1 => point[0] = f32::INFINITY,
            2 if shape.channels == 3 => point[2] = 0.0,
            _ => {}
        }
    }
    keypoints
}

/// A card for a network that was never trained.
pub fn card_seed() -> CardSeed {
    let training = TrainingCard {
        data: vec![DataCard { name: "random numbers".into(), licence: "none needed".into() }],
        samples: 0,
        epochs: 0.0,
        batch: 64,
        optimiser: "none".into(),
        learning_rate: 1e-3,
        ema: None,
        seed: 0,
        commit: None,
        teacher: None,
        init: None,
    };
    CardSeed { name: "random".into(), dropout: 0.5, training, metrics: BTreeMap::new() }
}

fn dense(random: &mut StdRng, inputs: usize, outputs: usize, norm: Option<&Shape>) -> Dense {
    let bound = 2.0 / (inputs as f32).sqrt();
    Dense {
        weight: Array2::from_shape_simple_fn((outputs, inputs), || random.random_range(-bound..bound)),
        bias: Array1::from_shape_simple_fn(outputs, || random.random_range(-0.5..0.5)),
        norm: norm.map(|shape| batch_norm(random, outputs, shape.variance_decades)),
    }
}

/// Exchanges the two columns of twins between the two rows of twins.
fn pair_inputs(dense: &mut Dense) {
    let half = dense.weight.nrows() / 2;
    for (row, column) in (0..half).flat_map(|row| (0..2 * half).map(move |column| (row, column))) {
        dense.weight[(row + half, (column + half) % (2 * half))] = dense.weight[(row, column)];
    }
}

/// Gives twins the same biases and BatchNorms.
fn pair_outputs(dense: &mut Dense) {
    let half = dense.bias.len() / 2;
    let pair = |values: &mut Array1<f32>| (0..half).for_each(|k| values[k + half] = values[k]);
    pair(&mut dense.bias);
    if let Some(norm) = &mut dense.norm {
        [&mut norm.gamma, &mut norm.beta, &mut norm.mean, &mut norm.variance].into_iter().for_each(pair);
    }
}

fn batch_norm(random: &mut StdRng, width: usize, [least, most]: [f64; 2]) -> BatchNorm {
    let gamma = |_| if random.random_ratio(1, 8) { 0.0 } else { random.random_range(-1.5..1.5) };
    BatchNorm {
        gamma: (0..width).map(gamma).collect(),
        beta: Array1::from_shape_simple_fn(width, || random.random_range(-1.0..1.0)),
        mean: Array1::from_shape_simple_fn(width, || random.random_range(-1.0..1.0)),
        variance: Array1::from_shape_simple_fn(width, || 10f64.powf(random.random_range(least..=most)) as f32),
        epsilon: 1e-5,
    }
}

fn zscore(random: &mut StdRng, len: usize, mean: std::ops::Range<f32>, std: std::ops::Range<f32>) -> ZScore {
    let mut zscore = ZScore {
        mean: Array1::from_shape_simple_fn(len, || random.random_range(mean.clone())),
        std: Array1::from_shape_simple_fn(len, || random.random_range(std.clone())),
    };
    zscore.std[random.random_range(0..len)] = 0.0;
    zscore
}

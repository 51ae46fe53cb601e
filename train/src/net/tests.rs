//! The hand-written pass against libtorch's autograd, and the fused loops against tensor operations.

use super::activation::{Activation, DropoutSpec, Residual, SavedActivations};
use super::layer::Layer;
use super::planes::Planes;
use super::symmetry::Reflection;
use super::*;
use crate::config::{InputBlock, Loss};
use crate::data::generator;
use crate::trained::ZScore;

fn zscore(len: usize, seed: f32) -> ZScore {
    ZScore {
        mean: (0..len).map(|k| (k as f32 * 0.37 + seed).sin()).collect(),
        std: (0..len).map(|k| 0.5 + (k % 3) as f32).collect(),
    }
}

fn net(config: &NetworkConfig) -> LiftNet {
    net_in(TrainPrecision::F32, config)
}

fn net_in(precision: TrainPrecision, config: &NetworkConfig) -> LiftNet {
    let net = LiftNet::new(config, standardisation(config.mirror), precision, Device::Cpu, 5);
    // BatchNorm away from its neutral start, negative scales included.
    for norm in net.buffers.layers.iter().filter_map(|layer| layer.norm.as_ref()) {
        let _ = norm.gamma.shallow_clone().uniform_(-1.0, 1.5);
        let _ = norm.beta.shallow_clone().uniform_(-0.5, 0.5);
    }
    net
}

fn batch(rows: i64) -> (Tensor, Tensor) {
    tch::manual_seed(11);
    (Tensor::randn([rows, 10], tch::kind::FLOAT_CPU), Tensor::randn([rows, 4, 3], tch::kind::FLOAT_CPU))
}

/// Four features and four joints of three axes with a left, a right and a middle; as many features as [`batch`] has.
fn standardisation(mirror: bool) -> Standardisation {
    let (input, output) = (["left_a", "right_a", "b", "left_c", "right_c"], ["left_a", "b", "right_a", "c"]);
    let mirror = mirror.then(|| Mirror::new((&input, 2), &output));
    Standardisation { input: zscore(10, 0.1), output: zscore(12, 0.7), mirror }
}

/// The same network recorded by autograd, with the same dropout masks as the hand-written pass.
fn recorded_loss(net: &LiftNet, parameters: &[Vec<Tensor>], features: &Tensor, target: &Tensor, loss: Loss) -> Tensor {
    let rows = features.size()[0];
    let planes = net.hidden_planes().planes;
    let linear = |index: usize, x: &Planes| {
        let p = &parameters[index];
        x.map(|(k, x)| if k == 0 { p[planes].addmm(x, &p[k].tr()) } else { x.mm(&p[k].tr()) })
    };
    let hidden = |index: usize, saved: usize, x: &Planes| {
        let p = &parameters[index];
        let mut units = linear(index, x).to_twins();
        if net.buffers.layers.iter().nth(index).unwrap().norm.is_some() {
            // Both twins are samples of one unit: BatchNorm of twice as many rows.
            let both = Tensor::cat(&units.iter().collect::<Vec<_>>(), 0);
            let (gamma, beta) = (Some(&p[planes + 1]), Some(&p[planes + 2]));
            let both = both.batch_norm(gamma, beta, None::<&Tensor>, None, true, 0.1, 1e-5, false);
            units = units.map(|(k, _)| both.narrow(0, k as i64 * rows, rows));
        }
        let out = net.workspace().saved[saved].out.rows(rows).to_twins();
        // A kept unit is > 0 if ReLU passed it; if ReLU cut it, both are 0.
        let kept = |y: &Tensor, out: &Tensor| y.relu() * out.gt(1e-6).to_kind(Kind::Float) / (1.0 - net.config.dropout);
        units.zip_map(&out, kept).to_planes()
    };
    let full = usize::from(net.config.input_block == InputBlock::Full);
    let input = net.standardiser.features_to_planes(features);
    let mut x = if full == 1 { hidden(0, 0, &input) } else { linear(0, &input) };
    for block in 0..net.config.blocks {
        let mut y = x.to_kind(Kind::Float);
        for k in 0..net.config.layers_per_block {
            let index = block * net.config.layers_per_block + k;
            y = hidden(1 + index, full + index, &y);
        }
        x = x.zip_map(&y, |x, y| x + y);
    }
    let output = net.standardiser.output_from_planes(&linear(parameters.len() - 1, &x));
    let Standardiser { output_mean, output_std, .. } = &net.standardiser;
    let coordinates = output.narrow(1, 0, output_mean.size()[0]);
    let pose = (&coordinates * output_std + output_mean).view(target.size().as_slice());
    let distance = (pose - target).square().sum_dim_intlist(&[-1i64][..], false, Kind::Float).sqrt();
    let fit = match loss {
        Loss::Mpjpe => distance.mean(Kind::Float),
        Loss::Mse => {
            let flat = target.view([rows, -1]);
            (coordinates - (flat - output_mean) / output_std).square().mean(Kind::Float)
        }
    };
    match &net.sigma {
        None => fit,
        Some(sigma) => fit + sigma.recorded_loss(&net.standardiser.raw_sigma(&output), &distance),
    }
}

fn leaves(net: &LiftNet) -> Vec<Vec<Tensor>> {
    let leaf = |tensor: &Tensor| tensor.detach().copy().set_requires_grad(true);
    let layer = |layer: &Layer| {
        let norm = layer.norm.iter().flat_map(|norm| [leaf(&norm.gamma), leaf(&norm.beta)]);
        let weights = layer.weights.iter().map(|weight| leaf(&weight.value));
        weights.chain([leaf(&layer.bias)]).chain(norm).collect()
    };
    net.buffers.layers.iter().map(layer).collect()
}

fn gradients(layer: &Layer) -> Vec<&Tensor> {
    let norm = layer.norm.iter().flat_map(|norm| [&norm.gamma_gradient, &norm.beta_gradient]);
    let weights = layer.weights.iter().map(|weight| &weight.gradient);
    weights.chain([&layer.bias_gradient]).chain(norm).collect()
}

fn assert_close(found: &Tensor, expected: &Tensor, what: &str) {
    let difference = (found - expected).abs().max().double_value(&[]);
    let size = expected.abs().max().double_value(&[]).max(1e-3);
    assert!(difference <= 2e-4 * size, "{what}: differs by {difference} of {size}");
}

fn configurations() -> Vec<(NetworkConfig, Loss)> {
    let base = NetworkConfig { hidden: 70, dropout: 0.3, ..NetworkConfig::default() };
    vec![
        (base.clone(), Loss::Mpjpe),
        (NetworkConfig { input_block: InputBlock::Full, ..base.clone() }, Loss::Mse),
        (NetworkConfig { batch_norm: false, dropout: 0.0, ..base.clone() }, Loss::Mpjpe),
        (NetworkConfig { blocks: 3, layers_per_block: 1, ..base.clone() }, Loss::Mpjpe),
        (NetworkConfig { blocks: 0, ..base.clone() }, Loss::Mse),
        (NetworkConfig { sigma: true, ..base.clone() }, Loss::Mpjpe),
        (NetworkConfig { sigma: true, mirror: true, ..base.clone() }, Loss::Mpjpe),
        (NetworkConfig { mirror: true, batch_norm: false, input_block: InputBlock::Full, ..base.clone() }, Loss::Mse),
        (NetworkConfig { mirror: true, input_block: InputBlock::Full, ..base.clone() }, Loss::Mpjpe),
        (NetworkConfig { blocks: 1, layers_per_block: 3, input_block: InputBlock::Full, ..base }, Loss::Mpjpe),
    ]
}

#[test]
fn gradients_are_those_of_autograd() {
    let _held = generator();
    for (config, loss) in configurations() {
        let mut net = net(&config);
        let (features, target) = batch(33);
        let before = leaves(&net);
        let mpjpe = net.step(&features, &target, Step { learn_sigma: true, ..Step::new(loss, 0.0, 3) });
        let expected = recorded_loss(&net, &before, &features, &target, loss);
        if loss == Loss::Mpjpe && !config.sigma {
            assert_close(&mpjpe, &expected.detach(), "loss");
        }
        expected.backward();
        for (index, (layer, leaves)) in net.buffers.layers.iter().zip(&before).enumerate() {
            for (part, (found, leaf)) in gradients(layer).into_iter().zip(leaves).enumerate() {
                assert_close(found, &leaf.grad(), &format!("{config:?} layer {index} part {part}"));
            }
        }
    }
}

#[test]
fn a_teacher_counts_as_much_as_the_truth() {
    let _held = generator();
    let (features, target) = batch(33);
    let taught = Tensor::randn([33, 4, 3], tch::kind::FLOAT_CPU);
    let gradients = |target: &Tensor, taught: Option<&Tensor>| {
        let mut net = net(&NetworkConfig { hidden: 64, ..NetworkConfig::default() });
        tch::manual_seed(3);
        let _ = net.step_taught(&features, target, taught, Step::new(Loss::Mpjpe, 0.0, 3));
        net.buffers.gradients.copy()
    };
    tch::manual_seed(3);
    let alone = [&target, &taught].map(|target| gradients(target, None));
    assert_close(&gradients(&target, Some(&taught)), &((&alone[0] + &alone[1]) * 0.5), "gradients");
}

/// Distance of `found` from `expected`, as a share of the length of `expected`.
fn apart(found: &Tensor, expected: &Tensor) -> f64 {
    let norm = |tensor: &Tensor| tensor.square().sum(Kind::Double).sqrt().double_value(&[]);
    norm(&(found - expected)) / norm(expected).max(1e-9)
}

#[test]
fn bf16_goes_where_f32_goes() {
    let _held = generator();
    for (config, loss) in configurations() {
        // Without dropout: rounding changes which units ReLU passes, and with them the dropped ones.
        let config = NetworkConfig { dropout: 0.0, ..config };
        let (features, target) = batch(256);
        let [exact, rounded] = [TrainPrecision::F32, TrainPrecision::Bf16].map(|precision| {
            tch::manual_seed(21);
            let mut net = net_in(precision, &config);
            let step = Step { learn_sigma: true, ..Step::new(loss, 1e-3, 3) };
            let mpjpe = net.step(&features, &target, step).double_value(&[]);
            (net, mpjpe)
        });
        assert!((exact.1 / rounded.1 - 1.0).abs() < 0.01, "{config:?}: {} and {}", exact.1, rounded.1);
        let gradients = apart(&rounded.0.buffers.gradients, &exact.0.buffers.gradients);
        assert!(gradients < 0.1, "{config:?}: gradients differ by {gradients}");
        let copy = rounded.0.buffers.copy.as_ref().unwrap();
        assert_eq!(copy, &rounded.0.buffers.parameters.to_kind(Kind::BFloat16), "the copy lags behind");
    }
}

/// Results of the operations between two products for the same numbers: output, residual sum, z gradient, running
/// statistics and the gradients of γ and β, all in f32.
fn between_products(net: &LiftNet, fused: bool) -> Vec<Tensor> {
    let rows = 37;
    let kind = net.buffers.copy.as_ref().map_or(Kind::Float, Tensor::kind);
    let norm = net.buffers.layers.hidden[0].norm.as_ref();
    let dropout = DropoutSpec { probability: 0.0, seed: 1 };
    let shape = net.hidden_planes();
    tch::manual_seed(2);
    let zeros = || Planes::zeros(rows, shape, kind, Device::Cpu);
    let draw =
        || zeros().map(|(_, plane)| (Tensor::randn(plane.size(), tch::kind::FLOAT_CPU) * 3.0 + 1.0).to_kind(kind));
    let [z, gradient, skip] = [(); 3].map(|()| draw());
    let saved = SavedActivations::new(rows, shape, kind, Device::Cpu);
    saved.z.write(&z);
    let [sum, z_gradient] = [(); 2].map(|()| zeros());
    let statistics = net.buffers.statistics.copy();
    let activation = Activation { saved: &saved, rows, norm, dropout };
    let residual = Some(Residual { skip: &skip, sum: &sum });
    if fused {
        cpu::forward(&activation, residual);
        cpu::backward(&activation, &gradient, &z_gradient);
    } else {
        tensor_ops::forward(&activation, residual);
        tensor_ops::backward(&activation, &gradient, &z_gradient);
    }
    let after = net.buffers.statistics.copy();
    net.buffers.statistics.shallow_clone().copy_(&statistics);
    let norm = norm.unwrap();
    let joined = [&saved.out, &sum, &z_gradient].map(|planes| Tensor::cat(&planes.iter().collect::<Vec<_>>(), 1));
    let rest = [after, norm.gamma_gradient.copy(), norm.beta_gradient.copy()];
    joined.into_iter().chain(rest).map(|tensor| tensor.to_kind(Kind::Float)).collect()
}

#[test]
fn fused_loops_equal_tensor_operations() {
    let _held = generator();
    let names = ["out", "sum", "z gradient", "running statistics", "gamma gradient", "beta gradient"];
    let cases =
        [TrainPrecision::F32, TrainPrecision::Bf16].map(|precision| [false, true].map(|mirror| (precision, mirror)));
    for (precision, mirror) in cases.into_iter().flatten() {
        let net = net_in(precision, &NetworkConfig { hidden: 260, dropout: 0.0, mirror, ..NetworkConfig::default() });
        let (fused, tensors) = (between_products(&net, true), between_products(&net, false));
        for (name, (fused, tensors)) in names.into_iter().zip(fused.iter().zip(&tensors)) {
            match precision {
                // Sums in another order round to another number of 8 bits here and there.
                TrainPrecision::Bf16 => assert!(apart(fused, tensors) < 3e-3, "{name}: {}", apart(fused, tensors)),
                _ => assert_close(fused, tensors, name),
            }
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_steps() {
    let _held = generator();
    let run = || {
        let mut net = net(&NetworkConfig { hidden: 64, ..Default::default() });
        let (features, target) = batch(16);
        for step in 0..5 {
            let _ = net.step(&features, &target, Step::new(Loss::Mpjpe, 1e-3, step));
        }
        net.buffers.parameters.copy()
    };
    assert_eq!(run(), run());
}

#[test]
fn steps_make_the_loss_small() {
    let _held = generator();
    let mut net = net(&NetworkConfig { hidden: 128, dropout: 0.0, ..Default::default() });
    let (features, target) = batch(64);
    let losses: Vec<_> = (0..300)
        .map(|step| net.step(&features, &target, Step::new(Loss::Mpjpe, 1e-3, step)).double_value(&[]))
        .collect();
    assert!(losses[299] < 0.1 * losses[0], "from {} to {}", losses[0], losses[299]);
}

#[test]
fn a_constant_output_stays_exact() {
    let _held = generator();
    let mut output = zscore(12, 0.7);
    for k in 0..3 {
        output.mean[k] = 0.0;
        output.std[k] = 0.0;
    }
    let config = NetworkConfig { hidden: 64, ..Default::default() };
    let mut net = LiftNet::new(&config, (zscore(10, 0.1), output), TrainPrecision::F32, Device::Cpu, 5);
    let (features, target) = batch(16);
    for loss in [Loss::Mpjpe, Loss::Mse] {
        let mpjpe = net.step(&features, &target, Step::new(loss, 1e-3, 1));
        assert!(mpjpe.double_value(&[]).is_finite());
    }
    assert_eq!(net.poses(&features).narrow(1, 0, 1).abs().max().double_value(&[]), 0.0);
}

/// `x` `[B, n]` mirrored.
fn in_mirror(x: &Tensor, reflection: &Reflection) -> Tensor {
    let twins: Vec<i64> = reflection.twin.iter().map(|&twin| twin as i64).collect();
    x.index_select(1, &Tensor::from_slice(&twins)) * Tensor::from_slice(&reflection.sign)
}

#[test]
fn a_mirror_image_lifts_to_the_mirror_image() {
    let _held = generator();
    let base = NetworkConfig { hidden: 64, sigma: true, mirror: true, ..NetworkConfig::default() };
    for input_block in [InputBlock::Linear, InputBlock::Full] {
        let mut net = net(&NetworkConfig { input_block, ..base.clone() });
        let (features, target) = batch(32);
        for step in 0..20 {
            let _ = net.step(&features, &target, Step { learn_sigma: true, ..Step::new(Loss::Mpjpe, 1e-2, step) });
        }
        let Mirror { input, output } = standardisation(true).mirror.unwrap();
        let (poses, sigma) = net.lift(&features);
        let distance = (&poses - &target).square().sum_dim_intlist(&[-1i64][..], false, Kind::Float).sqrt();
        net.calibrate(&sigma.unwrap(), &distance);
        let (poses, sigma) = net.lift(&features);
        let (twins, twin_sigma) = net.lift(&in_mirror(&features, &input));
        assert_close(&twins.view([32, 12]), &in_mirror(&poses.view([32, 12]), &output), "poses");
        let joints: Vec<i64> = output.twin.iter().step_by(3).map(|&slot| (slot / 3) as i64).collect();
        let expected = sigma.unwrap().index_select(1, &Tensor::from_slice(&joints));
        assert_close(&twin_sigma.unwrap(), &expected, "sigma");
    }
}

#[test]
fn a_network_in_planes_is_handed_over_dense() {
    let _held = generator();
    for input_block in [InputBlock::Linear, InputBlock::Full] {
        let config = NetworkConfig { hidden: 64, sigma: true, mirror: true, input_block, ..NetworkConfig::default() };
        let mut net = net(&config);
        let (features, target) = batch(32);
        for step in 0..5 {
            let _ = net.step(&features, &target, Step { learn_sigma: true, ..Step::new(Loss::Mpjpe, 1e-2, step) });
        }
        let plain = net.to_arrays();
        let layer = |dense: &crate::trained::Dense, x: &Tensor| {
            let size = [dense.weight.nrows() as i64, dense.weight.ncols() as i64];
            let weight = Tensor::from_slice(&dense.weight.iter().copied().collect::<Vec<_>>()).view(size);
            let vector = |values: &ndarray::Array1<f32>| Tensor::from_slice(&values.to_vec());
            let z = x.mm(&weight.tr()) + vector(&dense.bias);
            match &dense.norm {
                None => z,
                Some(norm) => {
                    let scale = vector(&norm.gamma) / (vector(&norm.variance) + norm.epsilon).sqrt();
                    (z - vector(&norm.mean)) * scale + vector(&norm.beta)
                }
            }
        };
        let mut x = layer(&plain.input, &net.standardiser.standardised(&features));
        x = if plain.input_relu { x.relu() } else { x };
        for block in &plain.blocks {
            let branch = block.iter().fold(x.shallow_clone(), |y, dense| layer(dense, &y).relu());
            x += branch;
        }
        let output = layer(&plain.output, &x);
        assert_close(&net.standardiser.poses(&output), &net.poses(&features), "poses");
        let sigma = net.sigma.as_ref().unwrap().of(&net.standardiser.raw_sigma(&output));
        assert_close(&sigma, &net.lift(&features).1.unwrap(), "sigma");
    }
}

/// A network that lifts with an average, after `steps` steps; and its buffers before the first step and after each.
fn averaged(decay: f64, steps: u64) -> (LiftNet, Vec<[Tensor; 2]>) {
    let config = NetworkConfig { hidden: 64, sigma: true, mirror: true, ..NetworkConfig::default() };
    let mut net = net(&config).with_ema(Some(decay));
    let (features, target) = batch(32);
    let held = |net: &LiftNet| [net.buffers.parameters.copy(), net.buffers.statistics.copy()];
    let mut states = vec![held(&net)];
    for step in 0..steps {
        let _ = net.step(&features, &target, Step::new(Loss::Mpjpe, 1e-2, step));
        states.push(held(&net));
    }
    (net, states)
}

#[test]
fn an_average_is_its_sum_written_out() {
    let _held = generator();
    let (net, states) = averaged(0.4, 6);
    // Warm-up 2/11, 3/12, 4/13, 5/14, 6/15 and 7/16, of which the last two are not below 0.4.
    let decays = [2.0 / 11.0, 0.25, 4.0 / 13.0, 5.0 / 14.0, 0.4, 0.4];
    // Each state's weight is 1 − d of its own step times the d of all later steps; the start's is the product of all
    // d.
    let kept = |after: usize| decays[after..].iter().product::<f64>();
    let share = |step: usize| if step == 0 { kept(0) } else { (1.0 - decays[step - 1]) * kept(step) };
    let named = net.state();
    for (kind, name) in ["average_parameters", "average_statistics"].into_iter().enumerate() {
        let terms = states.iter().enumerate().map(|(step, state)| &state[kind] * share(step));
        let expected = terms.reduce(|sum, term| sum + term).unwrap();
        let found = &named.iter().find(|(saved, _)| saved == name).unwrap().1;
        assert_close(found, &expected, name);
        assert!(apart(found, &states[6][kind]) > 1e-3, "{name}: nothing was averaged");
    }
}

#[test]
fn the_average_lifts_and_is_handed_over() {
    let _held = generator();
    let (net, _) = averaged(0.4, 6);
    let named = net.state();
    let saved = |name: &str| named.iter().find(|(saved, _)| saved == name).unwrap().1.shallow_clone();
    let state = named.iter().map(|(name, tensor)| match name.as_str() {
        "parameters" => (name.clone(), saved("average_parameters")),
        "statistics" => (name.clone(), saved("average_statistics")),
        _ => (name.clone(), tensor.shallow_clone()),
    });
    let config = net.config.clone();
    let mut plain = LiftNet::new(&config, standardisation(true), TrainPrecision::F32, Device::Cpu, 6);
    plain.load_state(&state.collect::<Vec<_>>(), 6).unwrap();
    let (features, _) = batch(32);
    assert_eq!(net.lift(&features), plain.lift(&features));
    let [averaged, plain] = [net.to_arrays(), plain.to_arrays()];
    assert_eq!(averaged.output.weight, plain.output.weight);
    let norms = [averaged, plain].map(|network| network.blocks[1][0].norm.clone().unwrap());
    assert_eq!(norms[0].mean, norms[1].mean);
    assert_eq!(norms[0].gamma, norms[1].gamma);
}

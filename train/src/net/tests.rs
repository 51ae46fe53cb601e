//! The hand-written pass against libtorch's autograd, and the fused loops against tensor operations.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up should fail")]

use super::*;
use crate::data::generator;
use crate::trained::ZScore;

fn zscore(len: usize, seed: f32) -> ZScore {
    ZScore {
        mean: (0..len).map(|k| (k as f32 * 0.37 + seed).sin()).collect(),
        std: (0..len).map(|k| 0.5 + (k % 3) as f32).collect(),
    }
}

fn net(config: &NetworkConfig) -> LiftNet {
    net_in(Precision::F32, config)
}

fn net_in(precision: Precision, config: &NetworkConfig) -> LiftNet {
    let net = LiftNet::new(config, (zscore(10, 0.1), zscore(12, 0.7)), precision, Device::Cpu, 5);
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

/// The same network recorded by autograd, with the dropout that the hand-written pass drew.
fn recorded_loss(net: &LiftNet, parameters: &[Vec<Tensor>], features: &Tensor, target: &Tensor, loss: Loss) -> Tensor {
    let kept = |saved: &Saved, rows: i64, y: &Tensor| {
        // A unit that was kept shows as > 0 wherever ReLU passed it; where ReLU cut it, both are 0.
        let mask = saved.out.narrow(0, 0, rows).gt(0.0).to_kind(Kind::Float);
        y * mask / (1.0 - net.config.dropout)
    };
    let rows = features.size()[0];
    let hidden = |index: usize, saved: usize, x: &Tensor| {
        let p = &parameters[index];
        let z = p[1].addmm(x, &p[0].tr());
        let y = if net.buffers.layers[index].norm.is_some() {
            z.batch_norm(Some(&p[2]), Some(&p[3]), None::<&Tensor>, None, true, 0.1, 1e-5, false)
        } else {
            z
        };
        kept(&net.workspace().saved[saved], rows, &y.relu())
    };
    let full = usize::from(net.config.input_block == InputBlock::Full);
    let input = net.standardised(features);
    let mut x = if full == 1 { hidden(0, 0, &input) } else { parameters[0][1].addmm(&input, &parameters[0][0].tr()) };
    for block in 0..net.config.blocks {
        let mut y = x.shallow_clone();
        for k in 0..net.config.layers_per_block {
            let index = block * net.config.layers_per_block + k;
            y = hidden(1 + index, full + index, &y);
        }
        x = x.g_add(&y);
    }
    let last = &parameters[parameters.len() - 1];
    let output = last[1].addmm(&x, &last[0].tr());
    let coordinates = output.narrow(1, 0, net.output_mean.size()[0]);
    let pose = (&coordinates * &net.output_std + &net.output_mean).view(target.size().as_slice());
    let distance = (pose - target).square().sum_dim_intlist(&[-1i64][..], false, Kind::Float).sqrt();
    let fit = match loss {
        Loss::Mpjpe => distance.mean(Kind::Float),
        Loss::Mse => {
            let flat = target.view([rows, -1]);
            (coordinates - (flat - &net.output_mean) / &net.output_std).square().mean(Kind::Float)
        }
    };
    match &net.sigma {
        None => fit,
        Some(sigma) => fit + sigma.recorded_loss(&net.raw_sigma(&output), &distance),
    }
}

fn leaves(net: &LiftNet) -> Vec<Vec<Tensor>> {
    let leaf = |tensor: &Tensor| tensor.detach().copy().set_requires_grad(true);
    let layer = |layer: &Layer| {
        let norm = layer.norm.iter().flat_map(|norm| [leaf(&norm.gamma), leaf(&norm.beta)]);
        [leaf(&layer.weight), leaf(&layer.bias)].into_iter().chain(norm).collect()
    };
    net.buffers.layers.iter().map(layer).collect()
}

fn gradients(layer: &Layer) -> Vec<&Tensor> {
    let norm = layer.norm.iter().flat_map(|norm| [&norm.gamma_gradient, &norm.beta_gradient]);
    [&layer.weight_gradient, &layer.bias_gradient].into_iter().chain(norm).collect()
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

/// How far `found` is from `expected`, as a share of its length.
fn apart(found: &Tensor, expected: &Tensor) -> f64 {
    let norm = |tensor: &Tensor| tensor.square().sum(Kind::Double).sqrt().double_value(&[]);
    norm(&(found - expected)) / norm(expected).max(1e-9)
}

#[test]
fn bf16_goes_where_f32_goes() {
    let _held = generator();
    for (config, loss) in configurations() {
        // Without dropout: rounding changes which units ReLU passes, and with them who is dropped.
        let config = NetworkConfig { dropout: 0.0, ..config };
        let (features, target) = batch(256);
        let [exact, rounded] = [Precision::F32, Precision::Bf16].map(|precision| {
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

/// What the steps between two products give for the same numbers: output, residual sum, z gradient, running statistics
/// and the gradients of γ and β, all in f32.
fn between_products(net: &LiftNet, fused: bool) -> [Tensor; 6] {
    let rows = 37;
    let kind = net.buffers.copy.as_ref().map_or(Kind::Float, Tensor::kind);
    let norm = net.buffers.layers[1].norm.as_ref();
    let drop = Drop { probability: 0.0, seed: 1 };
    tch::manual_seed(2);
    let [z, gradient, skip] =
        [(); 3].map(|()| (Tensor::randn([rows, 130], tch::kind::FLOAT_CPU) * 3.0 + 1.0).to_kind(kind));
    let mut saved = Saved::new(rows, 130, kind, Device::Cpu);
    saved.z.copy_(&z);
    let [sum, z_gradient] = [(); 2].map(|()| z.zeros_like());
    let statistics = net.buffers.statistics.copy();
    if fused {
        activation::forward(&saved, rows, norm, drop, Some((&skip, &sum)));
        activation::backward(&saved, rows, norm, drop, &gradient, &z_gradient);
    } else {
        activation::forward_composed(&saved, rows, norm, drop, Some((&skip, &sum)));
        activation::backward_composed(&saved, rows, norm, drop, &gradient, &z_gradient);
    }
    let after = net.buffers.statistics.copy();
    net.buffers.statistics.shallow_clone().copy_(&statistics);
    let norm = norm.unwrap();
    [saved.out, sum, z_gradient, after, norm.gamma_gradient.copy(), norm.beta_gradient.copy()]
        .map(|tensor| tensor.to_kind(Kind::Float))
}

#[test]
fn fused_loops_equal_tensor_operations() {
    let _held = generator();
    let config = NetworkConfig { hidden: 130, dropout: 0.0, ..NetworkConfig::default() };
    let names = ["out", "sum", "z gradient", "running statistics", "gamma gradient", "beta gradient"];
    for precision in [Precision::F32, Precision::Bf16] {
        let net = net_in(precision, &config);
        let (fused, composed) = (between_products(&net, true), between_products(&net, false));
        for (name, (fused, composed)) in names.into_iter().zip(fused.iter().zip(&composed)) {
            match precision {
                // Sums in another order round to another one of 8 bits here and there.
                Precision::Bf16 => assert!(apart(fused, composed) < 3e-3, "{name}: {}", apart(fused, composed)),
                _ => assert_close(fused, composed, name),
            }
        }
    }
}

#[test]
fn fused_adam_equals_tensor_operations() {
    let _held = generator();
    let (fused, composed) = (
        net(&NetworkConfig { hidden: 64, ..Default::default() }),
        net(&NetworkConfig { hidden: 64, ..Default::default() }),
    );
    composed.buffers.parameters.shallow_clone().copy_(&fused.buffers.parameters);
    for step in 1..=5 {
        tch::manual_seed(step);
        let gradient = Tensor::randn(fused.buffers.gradients.size(), tch::kind::FLOAT_CPU);
        for net in [&fused, &composed] {
            net.buffers.gradients.shallow_clone().copy_(&gradient);
        }
        activation::adam(&fused.buffers, step as u64, 1e-2);
        activation::adam_composed(&composed.buffers, step as u64, 1e-2);
    }
    assert_close(&fused.buffers.parameters, &composed.buffers.parameters, "parameters");
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
    let mut net = LiftNet::new(&config, (zscore(10, 0.1), output), Precision::F32, Device::Cpu, 5);
    let (features, target) = batch(16);
    for loss in [Loss::Mpjpe, Loss::Mse] {
        let mpjpe = net.step(&features, &target, Step::new(loss, 1e-3, 1));
        assert!(mpjpe.double_value(&[]).is_finite());
    }
    assert_eq!(net.poses(&features).narrow(1, 0, 1).abs().max().double_value(&[]), 0.0);
}

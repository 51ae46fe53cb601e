//! A training step of the 1024-wide network at batch 64, 512 and 4096 in f32 and bf16, to be compared with
//! `benches/pytorch_step.py`.
//!
//! `cargo bench -p poselift-train --bench train_step`.
#![allow(clippy::unwrap_used, reason = "a bench that cannot run should say so loudly")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use poselift_train::config::{Loss, NetworkConfig, TrainPrecision};
use poselift_train::net::{LiftNet, Step};
use poselift_train::trained::ZScore;
use tch::{Device, Tensor, kind};

fn neutral(len: usize) -> ZScore {
    ZScore { mean: vec![0.0; len].into(), std: vec![1.0; len].into() }
}

fn step(criterion: &mut Criterion) {
    let device = Device::cuda_if_available();
    let cases =
        [64, 512, 4096].into_iter().flat_map(|batch| [(batch, TrainPrecision::F32), (batch, TrainPrecision::Bf16)]);
    for (batch, precision) in cases {
        let mut net = LiftNet::new(&NetworkConfig::default(), (neutral(51), neutral(51)), precision, device, 0);
        let features = Tensor::randn([batch, 51], kind::FLOAT_CPU).to_device(device);
        let target = Tensor::randn([batch, 17, 3], kind::FLOAT_CPU).to_device(device);
        let mut group = criterion.benchmark_group("train_step");
        group.throughput(Throughput::Elements(batch as u64)).sample_size(20);
        let mut seed = 0;
        group.bench_function(BenchmarkId::new(format!("poselift, {precision:?}"), batch), |bencher| {
            bencher.iter(|| {
                seed += 1;
                // Reading the error waits for the device: on a GPU the step would only be queued otherwise.
                net.step(&features, &target, Step::new(Loss::Mpjpe, 1e-4, seed)).double_value(&[])
            });
        });
    }
}

criterion_group!(benches, step);
criterion_main!(benches);

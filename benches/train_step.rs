//! A training step of the 1024-wide network at batch 64 and 512, to be held against `benches/pytorch_step.py`.
//!
//! `cargo bench -p poselift-train --bench train_step`.
#![allow(clippy::unwrap_used, reason = "a bench that cannot run should say so loudly")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use poselift_train::config::{Loss, NetworkConfig};
use poselift_train::net::{LiftNet, Step};
use poselift_train::trained::ZScore;
use tch::{Device, Tensor, kind};

fn neutral(len: usize) -> ZScore {
    ZScore { mean: vec![0.0; len].into(), std: vec![1.0; len].into() }
}

fn step(criterion: &mut Criterion) {
    let device = Device::cuda_if_available();
    for batch in [64, 512] {
        let mut net = LiftNet::new(&NetworkConfig::default(), neutral(51), neutral(51), device, 0);
        let features = Tensor::randn([batch, 51], kind::FLOAT_CPU).to_device(device);
        let target = Tensor::randn([batch, 17, 3], kind::FLOAT_CPU).to_device(device);
        let mut group = criterion.benchmark_group("train_step");
        group.throughput(Throughput::Elements(batch as u64)).sample_size(20);
        let mut seed = 0;
        group.bench_function(BenchmarkId::new("poselift", batch), |bencher| {
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

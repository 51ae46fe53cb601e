//! Poses a second of the lifter, compared with bare ONNX Runtime: the same file, the same poses, the same run.
//!
//! `cargo bench -p poselift --bench lift`; `rivals.py` has the other engines.
#![allow(clippy::unwrap_used, reason = "a bench that cannot run should say so loudly")]

mod bare;

use std::hint::black_box;

use bare::{Bare, keypoints, model};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ndarray::Array3;
use poselift::lift::{Lifter, LifterOptions};

const BATCHES: [usize; 6] = [1, 8, 64, 256, 1024, 8192];

fn lifter(criterion: &mut Criterion) {
    let mut lifter = Lifter::from_file_with(model(), &LifterOptions::default()).unwrap();
    each_batch(criterion, "poselift", |input| {
        black_box(lifter.lift(input.view()).unwrap());
    });
}

fn bare(criterion: &mut Criterion) {
    let mut bare = Bare::of(&model(), None);
    each_batch(criterion, "onnxruntime", |input| {
        black_box(bare.run(input));
    });
}

fn each_batch(criterion: &mut Criterion, engine: &str, mut run: impl FnMut(&Array3<f32>)) {
    for batch in BATCHES {
        let input = keypoints(batch);
        let mut group = criterion.benchmark_group("lift");
        group.throughput(Throughput::Elements(batch as u64));
        group.sample_size(if batch > 1000 { 10 } else { 40 });
        group.bench_function(BenchmarkId::new(engine, batch), |bencher| bencher.iter(|| run(&input)));
    }
}

criterion_group!(benches, lifter, bare);
criterion_main!(benches);

//! Poses a second of the lifter, beside bare ONNX Runtime and, with `--features rivals`, beside tract and rten: the
//! same file, the same poses, the same run.
//!
//! `cargo bench -p poselift --bench lift [--features rivals]`, or `make bench`.
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
    let mut bare = Bare::of(&model());
    each_batch(criterion, "onnxruntime", |input| {
        black_box(bare.run(input));
    });
}

#[cfg(feature = "rivals")]
fn rivals(criterion: &mut Criterion) {
    use rten_tensor::AsView;
    use tract_onnx::prelude::*;

    let rten = rten::Model::load_file(model()).unwrap();
    let (keypoints_id, pose_id) = (rten.node_id("keypoints").unwrap(), rten.node_id("pose").unwrap());
    each_batch(criterion, "rten", |input| {
        let shape = [input.dim().0, 17, 3];
        let tensor = rten_tensor::NdTensorView::from_data(shape, input.as_slice().unwrap());
        black_box(rten.run(vec![(keypoints_id, tensor.as_dyn().into())], &[pose_id], None).unwrap());
    });

    for batch in BATCHES {
        let plan = tract_onnx::onnx()
            .model_for_path(model())
            .unwrap()
            .with_input_fact(0, f32::fact([batch, 17, 3]).into())
            .unwrap()
            .into_optimized()
            .unwrap()
            .into_runnable()
            .unwrap();
        let input = keypoints(batch);
        let tensor = tract_ndarray::Array3::from_shape_vec((batch, 17, 3), input.as_slice().unwrap().to_vec()).unwrap();
        let tensor: TValue = tensor.into_tensor().into();
        let mut group = criterion.benchmark_group("lift");
        group.throughput(Throughput::Elements(batch as u64)).sample_size(10);
        group.bench_function(BenchmarkId::new("tract", batch), |bencher| {
            bencher.iter(|| black_box(plan.run(tvec!(tensor.clone())).unwrap()));
        });
    }
}

#[cfg(not(feature = "rivals"))]
fn rivals(_criterion: &mut Criterion) {
    eprintln!("tract and rten are left out: give --features rivals");
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

criterion_group!(benches, lifter, bare, rivals);
criterion_main!(benches);

//! Poses a second of the lifter, beside bare ONNX Runtime and, with `--features rivals`, beside tract and rten: the
//! same file, the same poses, the same run.
//!
//! `cargo bench -p poselift --bench lift [--features rivals]`, or `make bench`.
#![allow(clippy::unwrap_used, reason = "a bench that cannot run should say so loudly")]

use std::hint::black_box;
use std::path::PathBuf;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ndarray::Array3;
use ort::session::Session;
use ort::value::TensorRef;
use poselift::lift::{Lifter, LifterOptions};

const BATCHES: [usize; 6] = [1, 8, 64, 256, 1024, 8192];

fn model() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../models/coco17.onnx"))
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// `[batch, 17, 3]` key points of people all over an image, every joint seen.
fn keypoints(batch: usize) -> Array3<f32> {
    let spread = |n: usize, joint: usize, k: usize| ((n * 131 + joint * 37 + k * 17) % 199) as f32;
    Array3::from_shape_fn((batch, 17, 3), |(n, joint, k)| match k {
        2 => 0.9,
        _ => 400.0 + spread(n, joint, k) * 2.0,
    })
}

fn lifter(criterion: &mut Criterion) {
    let mut lifter = Lifter::from_file_with(model(), &LifterOptions::default()).unwrap();
    each_batch(criterion, "poselift", |input| {
        black_box(lifter.lift(input.view()).unwrap());
    });
}

/// ONNX Runtime as its documentation has it, with as many threads as the lifter.
fn bare(criterion: &mut Criterion) {
    let environment = poselift::model::environment().unwrap();
    let mut session = Session::builder(&environment)
        .unwrap()
        .with_intra_threads(threads())
        .unwrap()
        .commit_from_file(model())
        .unwrap();
    each_batch(criterion, "onnxruntime", |input| {
        let tensor = TensorRef::from_array_view(input.view()).unwrap();
        let outputs = session.run(ort::inputs!["keypoints" => tensor]).unwrap();
        black_box(outputs["pose"].try_extract_array::<f32>().unwrap().to_owned());
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

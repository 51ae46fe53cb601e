//! One turn of an engine that is written in Rust, for `rivals.py`, which alternates it with engines of Python: poses
//! a second at each batch size, in the form of `poselift bench --json`.
//!
//! `cargo bench -p poselift --features rivals --bench engines -- --engine tract --model FILE`
#![allow(clippy::unwrap_used, reason = "a bench that cannot run should say so loudly")]

mod bare;

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bare::{Bare, keypoints, model};
use clap::{Parser, ValueEnum};
use ndarray::Array3;
use serde_json::json;
use tract_onnx::prelude::*;

const BATCHES: [usize; 6] = [1, 8, 64, 256, 1024, 8192];

/// The fewest calls for a rate.
const MIN_CALLS: usize = 2;

/// Measures an engine at each batch size
#[derive(Parser)]
struct Options {
    #[arg(long)]
    engine: Engine,
    /// The model [default: the bundled one in f32]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Milliseconds to measure each batch size for
    #[arg(long, default_value_t = 200)]
    milliseconds: u64,
    /// Threads, for engines that have more than one
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Arguments that `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Engine {
    /// ONNX Runtime through `ort`, one session
    Ort,
    /// tract, which has one thread
    Tract,
    /// rten
    Rten,
}

/// A function that lifts one batch.
type Lift = Box<dyn FnMut(&Array3<f32>)>;

fn main() {
    let options = Options::parse();
    let model = options.model.unwrap_or_else(model);
    let time = Duration::from_millis(options.milliseconds);
    let row = |batch| {
        let mut lift = match options.engine {
            Engine::Ort => ort(&model, options.threads),
            Engine::Tract => tract(&model, batch),
            Engine::Rten => rten(&model, options.threads),
        };
        json!({"batch": batch, "poses_per_second": rate(&mut lift, batch, time)})
    };
    println!("{:#}", json!({"results": BATCHES.map(row)}));
}

/// Poses a second of calls that lift `batch`.
fn rate(lift: &mut Lift, batch: usize, time: Duration) -> f64 {
    let input = keypoints(batch);
    lift(&input);
    let (started, mut calls) = (Instant::now(), 0);
    while started.elapsed() < time || calls < MIN_CALLS {
        lift(&input);
        calls += 1;
    }
    (batch * calls) as f64 / started.elapsed().as_secs_f64()
}

fn ort(model: &Path, threads: usize) -> Lift {
    let mut bare = Bare::of(model, Some(threads));
    Box::new(move |input| drop(black_box(bare.run(input))))
}

fn rten(model: &Path, threads: usize) -> Lift {
    let pool = Arc::new(rten::ThreadPool::with_num_threads(threads));
    let options = rten::RunOptions::default().with_thread_pool(Some(pool));
    let model = rten::Model::load_file(model).unwrap();
    let (keypoints, pose) = (model.node_id("keypoints").unwrap(), model.node_id("pose").unwrap());
    Box::new(move |input| {
        let tensor = rten_tensor::NdTensorView::from_data([input.dim().0, 17, 3], input.as_slice().unwrap());
        black_box(model.run(vec![(keypoints, tensor.as_dyn().into())], &[pose], Some(options.clone())).unwrap());
    })
}

/// A plan for this batch size, which is faster in tract than one for any size.
fn tract(model: &Path, batch: usize) -> Lift {
    let network = tract_onnx::onnx().model_for_path(model).unwrap();
    let network = network.with_input_fact(0, f32::fact([batch, 17, 3]).into()).unwrap();
    let plan = network.into_optimized().unwrap().into_runnable().unwrap();
    Box::new(move |input| {
        let tensor = tract_ndarray::Array3::from_shape_vec((batch, 17, 3), input.as_slice().unwrap().to_vec()).unwrap();
        let tensor: TValue = tensor.into_tensor().into();
        black_box(plan.run(tvec!(tensor)).unwrap());
    })
}

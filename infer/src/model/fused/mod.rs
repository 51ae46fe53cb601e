//! Models that `poselift-train export` wrote, in 8 bits or in f32, without a runtime between their layers: one pass over a
//! layer's weights, and what follows a product done while its sums are still in registers.
//!
//! ONNX Runtime runs such a layer as some twenty nodes, each a pass over memory. Here a layer is one kernel (`kernel`), for
//! x86 with AVX-512 or AVX2 and for ARM, with the instruction that multiplies and adds up four bytes where there is one.
//! [`Plan`] is what of a file is computed, `features` how key points begin. Whether that is what the file says is not
//! believed but seen: a session holds it against ONNX Runtime before it is used ([`super::backend`]), or knows that one did
//! ([`super::agreed`]).

mod features;
mod kernel;
mod matrix;
mod plan;
mod weights;

use std::sync::{Mutex, PoisonError};

use super::batch::FlatBatch;
use super::{Kernels, ModelFile};
use crate::error::{Error, Result};
use features::Features;
use kernel::{Processor, Rounded};
use matrix::Layer;
use plan::Plan;

/// People that go through all layers together: their activations stay in a core's own cache.
const TOGETHER: usize = 48;

/// A network that any number of threads may call at once.
#[derive(Debug)]
pub(super) struct Fused {
    plan: Plan,
    processor: Processor,
    /// Memory of calls that are over.
    spare: Mutex<Vec<Scratch>>,
}

/// Activations of [`TOGETHER`] people; P is the number of planes and H the width of one.
#[derive(Debug)]
struct Scratch {
    features: Features,
    /// `[people, P, H]` between blocks, and within one.
    stream: Vec<f32>,
    inner: Vec<f32>,
    /// `[people, P, H]` of a layer in f32, which may not write to what it reads.
    sums: Vec<f32>,
    /// `[people, P, H]` in levels of the person's range, and that range.
    levels: Vec<u8>,
    ranges: Vec<f32>,
    /// `[people, columns]` the last layer's own numbers in each plane.
    ends: Vec<Vec<f32>>,
    /// What comes out for one person.
    row: Vec<f32>,
}

impl Fused {
    /// The network of `file` by the kernels `only`, or by the fastest. Memory is laid out for `threads` that call it at
    /// once; more may.
    ///
    /// # Errors
    /// A file that is not exactly as `poselift-train export` writes it, or whose precision or width no kernels are for; a
    /// processor that lacks what they need.
    pub(super) fn new(file: &ModelFile, only: Option<Kernels>, threads: usize) -> Result<Self> {
        let lacking = || Error::model("this processor lacks what they need");
        let processor = Processor::detect(only).ok_or_else(lacking)?;
        let plan = Plan::new(&file.network()?, processor.shape())?;
        let level_bytes = processor.shape().level_bytes();
        let spare = Mutex::new((0..threads).map(|_| Scratch::new(&plan, level_bytes)).collect());
        Ok(Self { plan, processor, spare })
    }

    /// The kernels.
    pub(super) fn kernels(&self) -> Kernels {
        self.processor.kernels()
    }

    /// Whether hidden layers are in 8 bits.
    pub(super) fn is_in_bytes(&self) -> bool {
        self.plan.is_in_bytes()
    }

    /// Numbers that a person's key points, pose and sigma are.
    pub(super) fn widths(&self) -> [usize; 3] {
        [self.plan.keypoints, self.plan.joints * 3, self.plan.joints]
    }

    /// Lifts a batch; slices are as long as the file's card says.
    pub(super) fn run(&self, batch: FlatBatch<'_>) {
        let FlatBatch { len: people, keypoints, poses, mut sigma } = batch;
        let spare = || self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scratch =
            spare().pop().unwrap_or_else(|| Scratch::new(&self.plan, self.processor.shape().level_bytes()));
        let plan = &self.plan;
        for first in (0..people).step_by(TOGETHER) {
            let count = TOGETHER.min(people - first);
            let of = |width: usize| first * width..(first + count) * width;
            scratch.features.read(&keypoints[of(plan.keypoints)], count);
            self.layers(&mut scratch, count);
            let sigma = sigma.as_deref_mut().map(|sigma| &mut sigma[of(plan.joints)]);
            plan.write_poses(&scratch.ends, &mut scratch.row, count, &mut poses[of(plan.joints * 3)], sigma);
        }
        spare().push(scratch);
    }

    fn layers(&self, scratch: &mut Scratch, people: usize) {
        let Scratch { features, stream, inner, sums, levels, ranges, ends, row: _ } = scratch;
        let (plan, processor) = (&self.plan, self.processor);
        let (planes, hidden, wide) = (plan.planes, plan.hidden, plan.wide());
        for (plane, layer) in plan.input.iter().enumerate() {
            let rows = features.plane(plane);
            processor.product(rows, (people, features.width(plane)), layer, &mut stream[plane * hidden..], wide);
        }
        if plan.input_relu {
            relu(&mut stream[..people * wide], planes, hidden);
        }
        for block in &plan.blocks {
            for (place, layer) in block.iter().enumerate() {
                let (first, last) = (place == 0, place + 1 == block.len());
                let read = if first { &*stream } else { &*inner };
                match layer {
                    Layer::Bytes(layer) => {
                        processor.quantise(read, (people, planes, hidden), layer.reads, levels, ranges);
                        let write = if last { &mut *stream } else { &mut *inner };
                        processor.layer_of_bytes(Rounded { people, levels, ranges }, layer, write, last);
                    }
                    Layer::Floats(layer) => {
                        processor.layer_of_floats(read, people, layer, sums);
                        if last { add(stream, &sums[..people * wide]) } else { std::mem::swap(inner, sums) }
                    }
                }
            }
        }
        for (plane, (layer, end)) in plan.output.iter().zip(ends).enumerate() {
            processor.product(&stream[plane * hidden..], (people, wide), layer, end, layer.padded());
        }
    }
}

/// The ReLUs of `x` `[people, planes, H]`, of both twins where there are two planes, which then hold their sum and difference.
fn relu(x: &mut [f32], planes: usize, hidden: usize) {
    for person in x.chunks_exact_mut(planes * hidden) {
        let (first, odd) = person.split_at_mut(hidden);
        if planes == 1 {
            first.iter_mut().for_each(|x| *x = x.max(0.0));
        }
        for (even, odd) in first.iter_mut().zip(odd) {
            let [a, b] = [(*even + *odd).max(0.0), (*even - *odd).max(0.0)];
            (*even, *odd) = (a + b, a - b);
        }
    }
}

/// Adds `branch` to the beginning of `stream`.
fn add(stream: &mut [f32], branch: &[f32]) {
    stream.iter_mut().zip(branch).for_each(|(stream, branch)| *stream += branch);
}

impl Scratch {
    fn new(plan: &Plan, level_bytes: usize) -> Self {
        let numbers = TOGETHER * plan.wide();
        let plane = || vec![0.0; numbers];
        let in_bytes = plan.is_in_bytes();
        Self {
            features: plan.features(TOGETHER),
            stream: plane(),
            inner: plane(),
            sums: if in_bytes { Vec::new() } else { plane() },
            levels: vec![0; if in_bytes { numbers * level_bytes } else { 0 }],
            ranges: vec![0.0; TOGETHER],
            row: vec![0.0; plan.numbers()],
            ends: plan.output.iter().map(|layer| vec![0.0; TOGETHER * layer.padded()]).collect(),
        }
    }
}

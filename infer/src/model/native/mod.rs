//! Native networks: models that `poselift-train export` wrote, in int8 or f32, run by our own kernels: one pass over
//! a layer's weights, with the operations after a product done while its sums are still in registers.
//!
//! ONNX Runtime runs such a layer as some twenty nodes, each a pass over memory. Here a layer is one of
//! `poselift_kernels`' kernels, for x86 with AVX-512 or AVX2 and for ARM. [`Plan`] holds the parts of a file that are
//! computed, `features` the transform of key points. That the result equals the file's is verified: [`super::verify`]
//! compares it with ONNX Runtime.

mod exp;
mod features;
mod memory;
mod plan;
mod weights;

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, TryLockError};

use poselift_kernels::{Activations, DenseF32, LayerInt8, Processor, Quantised, Rows, RowsMut};
use poselift_onnx::Network;

use super::batch::{FlatBatch, Part};
use super::{Isa, ModelFile};
use crate::error::{Error, Result};
use features::Features;
use memory::{Frames, Memory};
use plan::Plan;

// The kernels' constants for quantising must equal the file's.
const _: () = assert!(poselift_kernels::MIN_RANGE == poselift_onnx::names::MIN_RANGE);
const _: () = assert!(poselift_kernels::SIGNED_ZERO_POINT == poselift_onnx::names::SIGNED_ZERO_POINT as i32);
const _: () = assert!(poselift_kernels::MAX_SIGNED_CODE == poselift_onnx::names::MAX_SIGNED_CODE as f32);
const _: () = assert!(poselift_kernels::MAX_POSITIVE_CODE == poselift_onnx::names::MAX_POSITIVE_CODE as f32);

/// Poses that pass through all layers as one block: their activations stay in a core's own cache.
const BLOCK: usize = 48;
/// How often memory of finished calls is asked for before new memory is taken.
const MAX_TRIES: usize = 10_000;

/// A hidden layer and its ReLUs.
#[derive(Debug)]
enum Layer {
    /// In int8.
    Int8(LayerInt8),
    /// In f32: each plane, the first with the bias.
    F32(Vec<DenseF32>),
}

/// A network that any number of threads may call at once.
#[derive(Debug)]
pub(super) struct NativeNetwork {
    plan: Plan,
    processor: Processor,
    /// Memory of finished calls, to be reused.
    spare: Mutex<Vec<Scratch>>,
}

/// Activations of [`BLOCK`] poses; P is the number of planes and H the width of one.
#[derive(Debug)]
struct Scratch {
    features: Features,
    /// `[N, P, H]` the residual path, between blocks.
    residual: Vec<f32>,
    /// `[N, P, H]` between the layers of a block.
    inner: Vec<f32>,
    /// `[N, P, H]` of a layer in f32, which may not write to what it reads.
    sums: Vec<f32>,
    /// `[N, P, H]` codes, shares of the pose's scale, and that scale.
    codes: Vec<u8>,
    scales: Vec<f32>,
    /// `[N, columns]` the last layer's columns in each plane.
    ends: Vec<Vec<f32>>,
    /// Output of one pose.
    row: Vec<f32>,
    /// The numbers of a memory, and the sigma of single frames `[N, J_out]` that it reads, for networks that have one.
    memory: Option<memory::Scratch>,
    sigma: Vec<f32>,
}

impl NativeNetwork {
    /// The network of `file` by the kernels of `only`, or by the fastest. Memory is allocated for `threads`
    /// concurrent calls; more are possible.
    ///
    /// # Errors
    /// The file is not exactly as `poselift-train export` writes it; no kernels exist for its precision or width; the
    /// processor lacks the instructions.
    pub(super) fn new(file: &ModelFile, only: Option<Isa>, threads: usize) -> Result<Self> {
        let processor = Processor::detect(only).ok_or_else(|| Error::model("this processor lacks what they need"))?;
        let plan = Plan::new(&file.network()?, processor.shape())?;
        let code_bytes = processor.shape().code_bytes();
        let spare = Mutex::new((0..threads).map(|_| Scratch::new(&plan, code_bytes)).collect());
        Ok(Self { plan, processor, spare })
    }

    /// Whether there are kernels of `isa` for networks of this precision and width.
    pub(super) fn is_supported(network: &Network, isa: Isa) -> bool {
        Processor::detect(Some(isa)).is_some_and(|processor| plan::check_support(network, processor.shape()).is_ok())
    }

    /// The instruction set.
    pub(super) fn isa(&self) -> Isa {
        self.processor.isa()
    }

    /// Whether hidden layers are in int8.
    pub(super) fn is_int8(&self) -> bool {
        self.plan.is_int8()
    }

    /// How many numbers a person's key points, pose and sigma have.
    pub(super) fn widths(&self) -> [usize; 3] {
        [self.plan.keypoints, self.plan.joints * 3, self.plan.joints]
    }

    /// Lifts a batch; the slices' lengths match the file's card.
    pub(super) fn run(&self, batch: FlatBatch<'_>) {
        let FlatBatch { len, part, keypoints, poses, mut sigma, mut recall } = batch;
        let mut scratch = self.take_scratch();
        let plan = &self.plan;
        for first in (0..len).step_by(BLOCK) {
            let count = BLOCK.min(len - first);
            let rows = first..first + count;
            scratch.features.read(&keypoints[numbers_of(&rows, plan.keypoints)], count);
            let sigma = sigma.as_deref_mut().map(|sigma| &mut sigma[numbers_of(&rows, plan.joints)]);
            let poses = &mut poses[numbers_of(&rows, plan.joints * 3)];
            match plan.memory.as_ref().filter(|_| part != Part::Frames) {
                None => self.write_frames(&mut scratch, count, poses, sigma),
                Some(memory) => {
                    // A memory reads sigma, whether it is wanted or not.
                    let mut own = std::mem::take(&mut scratch.sigma);
                    let sigma = sigma.unwrap_or(&mut own[..count * plan.joints]);
                    if part == Part::Whole {
                        self.write_frames(&mut scratch, count, poses, Some(sigma));
                    }
                    let numbers = scratch.memory.as_mut().expect("a plan with a memory has numbers for it");
                    let recall = recall.as_mut();
                    let frames = Frames { first, features: scratch.features.whole(), poses, sigma, recall };
                    memory.correct(self.processor, numbers, frames);
                    scratch.sigma = own;
                }
            }
        }
        if let Some(mut spare) = self.spare() {
            spare.push(scratch);
        }
    }

    /// Writes the poses of single frames whose features were read, and sigma where it is wanted.
    fn write_frames(&self, scratch: &mut Scratch, count: usize, poses: &mut [f32], sigma: Option<&mut [f32]>) {
        self.layers(scratch, count);
        self.write_poses(scratch, count, poses, sigma);
    }

    /// The memory of finished calls. It is held for some nanoseconds, but in a forked process for ever, if a thread of the first one held
    /// it then: `None`.
    fn spare(&self) -> Option<MutexGuard<'_, Vec<Scratch>>> {
        for _ in 0..MAX_TRIES {
            match self.spare.try_lock() {
                Ok(spare) => return Some(spare),
                Err(TryLockError::Poisoned(spare)) => return Some(spare.into_inner()),
                Err(TryLockError::WouldBlock) => std::hint::spin_loop(),
            }
        }
        None
    }

    /// Memory of a finished call, or new memory.
    fn take_scratch(&self) -> Scratch {
        let spare = self.spare().and_then(|mut spare| spare.pop());
        spare.unwrap_or_else(|| Scratch::new(&self.plan, self.processor.shape().code_bytes()))
    }

    fn layers(&self, scratch: &mut Scratch, count: usize) {
        let Scratch { features, residual, inner, sums, codes, scales, ends, .. } = scratch;
        let plan = &self.plan;
        let processor = self.processor;
        let planes = plan.planes;
        let hidden = plan.hidden;
        let row_len = planes * hidden;
        for (plane, layer) in plan.input.iter().enumerate() {
            let rows = Rows { values: features.plane(plane), count, stride: features.width(plane) };
            processor.product(rows, layer, RowsMut { values: &mut residual[plane * hidden..], stride: row_len });
        }
        if plan.input_relu {
            relu(&mut residual[..count * row_len], planes, hidden);
        }
        for block in &plan.blocks {
            for (place, layer) in block.iter().enumerate() {
                let read = if place == 0 { &*residual } else { &*inner };
                let last = place + 1 == block.len();
                match layer {
                    Layer::Int8(layer) => {
                        let x = Activations { values: read, count, planes, hidden };
                        processor.quantise(x, layer.sign, codes, scales);
                        let write = if last { &mut *residual } else { &mut *inner };
                        processor.layer_int8(Quantised { count, codes, scales }, layer, write, last);
                    }
                    Layer::F32(layer) => {
                        processor.layer_f32(read, count, layer, sums);
                        if last { add(residual, &sums[..count * row_len]) } else { std::mem::swap(inner, sums) }
                    }
                }
            }
        }
        for (plane, (layer, end)) in plan.output.iter().zip(ends).enumerate() {
            let rows = Rows { values: &residual[plane * hidden..], count, stride: row_len };
            let stride = end.len() / BLOCK;
            processor.product(rows, layer, RowsMut { values: end, stride });
        }
    }

    /// Poses `[N, J, 3]` and sigma `[N, J]` from the last layer's columns in each plane, for which there is room for [`BLOCK`] poses.
    fn write_poses(&self, scratch: &mut Scratch, count: usize, poses: &mut [f32], mut sigma: Option<&mut [f32]>) {
        let Scratch { ends, row, .. } = scratch;
        let plan = &self.plan;
        let coordinates = plan.joints * 3;
        for person in 0..count {
            row.copy_from_slice(&plan.bias);
            for (end, numbers) in ends.iter().zip(&plan.numbers) {
                let padded = end.len() / BLOCK;
                let end = &end[person * padded..][..padded];
                for (number, &(column, sign)) in row.iter_mut().zip(numbers) {
                    *number += end[column] * sign;
                }
            }
            poses[person * coordinates..][..coordinates].copy_from_slice(&row[..coordinates]);
            if let Some(sigma) = &mut sigma {
                let own = &mut sigma[person * plan.joints..][..plan.joints];
                for (to, number) in own.iter_mut().zip(&row[coordinates..]) {
                    *to = number.exp();
                }
            }
        }
    }
}

/// The range of the numbers of `rows` in an array of `width` numbers a row.
fn numbers_of(rows: &Range<usize>, width: usize) -> Range<usize> {
    rows.start * width..rows.end * width
}

/// The ReLUs of `x` `[N, P, H]`, or, of two planes, the sum and the difference of the ReLUs of their sum and difference.
fn relu(x: &mut [f32], planes: usize, hidden: usize) {
    for person in x.chunks_exact_mut(planes * hidden) {
        let (first, odd) = person.split_at_mut(hidden);
        if planes == 1 {
            for number in first.iter_mut() {
                *number = number.max(0.0);
            }
        }
        for (even, odd) in first.iter_mut().zip(odd) {
            let a = (*even + *odd).max(0.0);
            let b = (*even - *odd).max(0.0);
            *even = a + b;
            *odd = a - b;
        }
    }
}

/// Adds `branch` to the start of `residual`.
fn add(residual: &mut [f32], branch: &[f32]) {
    for (residual, branch) in residual.iter_mut().zip(branch) {
        *residual += branch;
    }
}

impl Scratch {
    fn new(plan: &Plan, code_bytes: usize) -> Self {
        let numbers = BLOCK * plan.planes * plan.hidden;
        let is_int8 = plan.is_int8();
        Self {
            features: plan.features(BLOCK),
            residual: vec![0.0; numbers],
            inner: vec![0.0; numbers],
            sums: vec![0.0; if is_int8 { 0 } else { numbers }],
            codes: vec![0; if is_int8 { numbers * code_bytes } else { 0 }],
            scales: vec![0.0; BLOCK],
            row: vec![0.0; plan.bias.len()],
            memory: plan.memory.as_ref().map(Memory::scratch),
            sigma: vec![0.0; if plan.memory.is_some() { BLOCK * plan.joints } else { 0 }],
            ends: plan.output.iter().map(|layer| vec![0.0; BLOCK * layer.padded()]).collect(),
        }
    }
}

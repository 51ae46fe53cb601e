//! The memory of a network, as `poselift_onnx::Memory` defines it, computed by our own kernels.
//!
//! Only the gates that read what is remembered wait for the frame before. All other layers take a whole block of frames at once, also
//! where these follow each other.

use std::ops::Range;

use poselift_kernels::{DenseF32, PanelShape, Processor, Rows, RowsMut};
use poselift_onnx::{Dense, Network};

use super::BLOCK;
use super::exp::exp;
use super::weights::plane;
use crate::model::batch::FlatRecall;

/// A memory ready for the kernels.
#[derive(Debug)]
pub(super) struct Memory {
    /// H.
    units: usize,
    /// Numbers of a person's features, and J_out.
    features: usize,
    joints: usize,
    encoder: DenseF32,
    input_gates: DenseF32,
    state_gates: DenseF32,
    decoder: DenseF32,
    correction: DenseF32,
}

/// Poses and sigma of single frames, to be corrected in place; N rows of a batch.
pub(super) struct Frames<'a, 'b> {
    /// The place of the first of them in the batch.
    pub(super) first: usize,
    /// `[N, F]`.
    pub(super) features: &'a [f32],
    /// `[N, J_out, 3]`.
    pub(super) poses: &'a mut [f32],
    /// `[N, J_out]`.
    pub(super) sigma: &'a mut [f32],
    /// Of the whole batch; `None` where all people are new.
    pub(super) recall: Option<&'a mut FlatRecall<'b>>,
}

/// Numbers between the layers, of [`BLOCK`] people.
#[derive(Debug)]
pub(super) struct Scratch {
    /// `[N, F + 4·J_out + 1]`.
    read: Vec<f32>,
    /// `[N, H]` what is remembered.
    memory: Vec<f32>,
    /// `[N, 2·H]` what is encoded, then what is remembered next.
    known: Vec<f32>,
    /// Outputs of layers, with the padding of their panels.
    padded: Vec<f32>,
    input_gates: Vec<f32>,
    state_gates: Vec<f32>,
    /// `[N, H]`.
    decoded: Vec<f32>,
}

impl Memory {
    /// The memory of `network`, packed for kernels of `shape`; `None` if it has none.
    pub(super) fn new(network: &Network, shape: PanelShape) -> Option<Self> {
        let memory = network.memory.as_ref()?;
        Some(Self {
            units: memory.units(),
            features: network.joints_in * network.channels,
            joints: network.joints_out,
            encoder: pack(&memory.encoder, shape),
            input_gates: pack(&memory.input_gates, shape),
            state_gates: pack(&memory.state_gates, shape),
            decoder: pack(&memory.decoder, shape),
            correction: pack(&memory.correction, shape),
        })
    }

    /// Room for the numbers between the layers.
    pub(super) fn scratch(&self) -> Scratch {
        let widest = [&self.encoder, &self.decoder, &self.correction].map(DenseF32::padded).into_iter().max();
        Scratch {
            read: block_of(self.inputs()),
            memory: block_of(self.units),
            known: block_of(2 * self.units),
            padded: block_of(widest.unwrap_or_default()),
            input_gates: block_of(self.input_gates.padded()),
            state_gates: block_of(self.state_gates.padded()),
            decoded: block_of(self.units),
        }
    }

    /// Numbers that the encoder reads.
    fn inputs(&self) -> usize {
        self.features + self.joints * 4 + 1
    }

    /// Corrects `frames`, [`BLOCK`] at most, and replaces what is remembered of them.
    pub(super) fn correct(&self, processor: Processor, scratch: &mut Scratch, mut frames: Frames<'_, '_>) {
        let count = frames.sigma.len() / self.joints;
        let units = self.units;
        self.read(scratch, &frames, count);
        let read = Rows { values: &scratch.read, count, stride: self.inputs() };
        product(processor, read, &self.encoder, &mut scratch.padded);
        for (known, padded) in
            scratch.known.chunks_exact_mut(2 * units).zip(scratch.padded.chunks_exact(self.encoder.padded()))
        {
            relu(padded, &mut known[..units]);
        }
        let encoded = Rows { values: &scratch.known, count, stride: 2 * units };
        product(processor, encoded, &self.input_gates, &mut scratch.input_gates);
        let follows = frames.recall.as_ref().map_or(&[][..], |recall| recall.follows);
        let mut start = 0;
        while start < count {
            let end = end_of_group(follows, frames.first, start..count);
            self.step(processor, scratch, frames.first, start..end, frames.recall.as_deref_mut());
            start = end;
        }
        let known = Rows { values: &scratch.known, count, stride: 2 * units };
        product(processor, known, &self.decoder, &mut scratch.padded);
        for (decoded, padded) in
            scratch.decoded.chunks_exact_mut(units).zip(scratch.padded.chunks_exact(self.decoder.padded()))
        {
            relu(padded, decoded);
        }
        let decoded = Rows { values: &scratch.decoded, count, stride: units };
        product(processor, decoded, &self.correction, &mut scratch.padded);
        self.write(scratch, frames, count);
    }

    /// Computes what is remembered after each of `rows`, none of which follows another. They are rows of the block that begins
    /// at the batch's row `first`.
    fn step(
        &self,
        processor: Processor,
        scratch: &mut Scratch,
        first: usize,
        rows: Range<usize>,
        recall: Option<&mut FlatRecall<'_>>,
    ) {
        let units = self.units;
        let memory = &mut scratch.memory[..rows.len() * units];
        match &recall {
            None => memory.fill(0.0),
            Some(recall) => {
                for (memory, row) in memory.chunks_exact_mut(units).zip(rows.clone()) {
                    let row = first + row;
                    let from = recall.follows.get(row).copied().flatten().unwrap_or(row);
                    memory.copy_from_slice(&recall.memory[from * units..][..units]);
                }
            }
        }
        let state_stride = self.state_gates.padded();
        let remembered = Rows { values: &scratch.memory, count: rows.len(), stride: units };
        product(processor, remembered, &self.state_gates, &mut scratch.state_gates);
        let mut kept = recall.map(|recall| recall.memory[(first + rows.start) * units..].chunks_exact_mut(units));
        for (place, row) in rows.enumerate() {
            let input = &scratch.input_gates[row * self.input_gates.padded()..][..3 * units];
            let state = &scratch.state_gates[place * state_stride..][..3 * units];
            let memory = &scratch.memory[place * units..][..units];
            let next = &mut scratch.known[row * 2 * units + units..][..units];
            update(input, state, memory, next);
            if let Some(kept) = kept.as_mut().and_then(Iterator::next) {
                // What is not finite would spoil all frames after it.
                let is_finite = next.iter().all(|number| number.is_finite());
                kept.copy_from_slice(if is_finite { next } else { memory });
            }
        }
    }

    fn read(&self, scratch: &mut Scratch, frames: &Frames<'_, '_>, count: usize) {
        let coordinates = self.joints * 3;
        for (person, row) in scratch.read.chunks_exact_mut(self.inputs()).take(count).enumerate() {
            let (features, rest) = row.split_at_mut(self.features);
            let (poses, rest) = rest.split_at_mut(coordinates);
            let (sigma, since) = rest.split_at_mut(self.joints);
            features.copy_from_slice(&frames.features[person * self.features..][..self.features]);
            poses.copy_from_slice(&frames.poses[person * coordinates..][..coordinates]);
            sigma.copy_from_slice(&frames.sigma[person * self.joints..][..self.joints]);
            since[0] = frames.recall.as_ref().map_or(0.0, |recall| recall.since[frames.first + person]);
        }
    }

    fn write(&self, scratch: &Scratch, frames: Frames<'_, '_>, count: usize) {
        let coordinates = self.joints * 3;
        for person in 0..count {
            let correction = &scratch.padded[person * self.correction.padded()..][..self.joints * 4];
            let (shift, spread) = correction.split_at(coordinates);
            let poses = &mut frames.poses[person * coordinates..][..coordinates];
            for (coordinate, shift) in poses.iter_mut().zip(shift) {
                *coordinate += shift;
            }
            let sigma = &mut frames.sigma[person * self.joints..][..self.joints];
            for (sigma, spread) in sigma.iter_mut().zip(spread) {
                *sigma *= spread.exp();
            }
        }
    }
}

/// A layer packed for kernels of `shape`.
fn pack(layer: &Dense<f32>, shape: PanelShape) -> DenseF32 {
    plane(&layer.weights[0].values(), layer.bias.len(), Some(&layer.bias), shape)
}

/// Room for so many numbers of each of [`BLOCK`] people.
fn block_of(numbers: usize) -> Vec<f32> {
    vec![0.0; BLOCK * numbers]
}

/// Writes the sums of `layer` to `out`, with the padding of its panels.
fn product(processor: Processor, rows: Rows<'_>, layer: &DenseF32, out: &mut [f32]) {
    processor.product(rows, layer, RowsMut { values: out, stride: layer.padded() });
}

/// The ReLUs of the first `sums`, as many as there is room for.
fn relu(sums: &[f32], to: &mut [f32]) {
    for (to, sum) in to.iter_mut().zip(sums) {
        *to = sum.max(0.0);
    }
}

/// The end of the longest group from the start of `rows` in which no row follows another row of the group. They are rows of the
/// block that begins at the batch's row `first`.
fn end_of_group(follows: &[Option<usize>], first: usize, rows: Range<usize>) -> usize {
    for row in rows.start + 1..rows.end {
        let followed = follows.get(first + row).copied().flatten();
        if followed.is_some_and(|followed| followed >= first + rows.start) {
            return row;
        }
    }
    rows.end
}

/// `next` `[H]` from the gates' sums `[3·H]` (reset, update, candidate) and what was remembered `[H]`.
fn update(input: &[f32], state: &[f32], memory: &[f32], next: &mut [f32]) {
    let units = memory.len();
    let [reset, update, candidate] = thirds(input, units);
    let [state_reset, state_update, state_candidate] = thirds(state, units);
    // Slices of one length, so that the loop has no bounds to check and runs in vectors.
    let memory = &memory[..units];
    let next = &mut next[..units];
    for unit in 0..units {
        let reset = sigmoid(reset[unit] + state_reset[unit]);
        let update = sigmoid(update[unit] + state_update[unit]);
        let candidate = tanh(candidate[unit] + reset * state_candidate[unit]);
        next[unit] = candidate + update * (memory[unit] - candidate);
    }
}

fn thirds(values: &[f32], units: usize) -> [&[f32]; 3] {
    [&values[..units], &values[units..2 * units], &values[2 * units..3 * units]]
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

fn tanh(x: f32) -> f32 {
    2.0 * sigmoid(2.0 * x) - 1.0
}

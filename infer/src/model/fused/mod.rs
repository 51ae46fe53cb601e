//! Models of planes in 8 bits without a runtime between their layers: one pass over a layer's weights, and what follows a
//! product done while its sums are still in registers.
//!
//! ONNX Runtime runs such a layer as some twenty nodes, each a pass over memory. Here a layer is one kernel (`kernel`) for
//! processors that multiply and add four bytes in one instruction (AVX-512 VNNI). [`Plan`] is what of a file is computed,
//! `features` how key points begin. Whether it computes what the file says is not believed but seen: a session holds it
//! against ONNX Runtime before it is used ([`super::session`]).

mod features;
mod kernel;
mod matrix;
mod plan;

use std::sync::{Mutex, PoisonError};

use super::ModelFile;
use super::call::Numbers;
use features::Features;
use kernel::Vnni;
use plan::Plan;

/// People that go through all layers together: their activations stay in a core's own cache.
const TOGETHER: usize = 24;

/// A network that any number of threads may call at once.
#[derive(Debug)]
pub(super) struct Fused {
    plan: Plan,
    processor: Vnni,
    /// Memory of calls that are over.
    spare: Mutex<Vec<Scratch>>,
}

/// Activations of [`TOGETHER`] people; H is the width of a plane.
#[derive(Debug)]
struct Scratch {
    features: Features,
    /// `[people, 2, H]` between blocks, and within one.
    stream: Vec<f32>,
    inner: Vec<f32>,
    /// `[people, 2, H]` in levels of the person's range, and that range.
    levels: Vec<u8>,
    ranges: Vec<f32>,
    /// `[people, 2, columns]` the last layer's own numbers.
    ends: [Vec<f32>; 2],
}

impl Fused {
    /// The network of `file`; none where the file holds another kind of network, or where this processor has no
    /// AVX-512 VNNI. Memory is laid out for `threads` that call it at once; more may.
    pub(super) fn new(file: &ModelFile, threads: usize) -> Option<Self> {
        let processor = Vnni::detect()?;
        let plan = Plan::read(file)?;
        let spare = Mutex::new((0..threads).map(|_| Scratch::new(&plan)).collect());
        Some(Self { plan, processor, spare })
    }

    /// Lifts `people` people; slices are as long as the file's card says.
    pub(super) fn run(&self, people: usize, numbers: Numbers<'_>) {
        let Numbers { keypoints, poses, mut sigma } = numbers;
        let spare = || self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scratch = spare().pop().unwrap_or_else(|| Scratch::new(&self.plan));
        let plan = &self.plan;
        for first in (0..people).step_by(TOGETHER) {
            let count = TOGETHER.min(people - first);
            let of = |width: usize| first * width..(first + count) * width;
            scratch.features.read(&keypoints[of(plan.keypoints)], count);
            self.layers(&mut scratch, count);
            let sigma = sigma.as_deref_mut().map(|sigma| &mut sigma[of(plan.joints)]);
            plan.write_poses(&scratch.ends, count, &mut poses[of(plan.joints * 3)], sigma);
        }
        spare().push(scratch);
    }

    fn layers(&self, scratch: &mut Scratch, people: usize) {
        let Scratch { features, stream, inner, levels, ranges, ends } = scratch;
        let (plan, processor) = (&self.plan, self.processor);
        let wide = 2 * plan.hidden;
        for (plane, layer) in plan.input.iter().enumerate() {
            let rows = features.plane(plane);
            processor.product(rows, (people, features.width(plane)), layer, &mut stream[plane * plan.hidden..], wide);
        }
        for block in &plan.blocks {
            for (place, layer) in block.iter().enumerate() {
                let read = if place == 0 { &*stream } else { &*inner };
                processor.quantise(read, (people, plan.hidden), layer.reads, levels, ranges);
                let last = place + 1 == block.len();
                let write = if last { &mut *stream } else { &mut *inner };
                processor.twin(levels, ranges, people, layer, write, last);
            }
        }
        for (plane, (layer, end)) in plan.output.iter().zip(ends).enumerate() {
            processor.product(&stream[plane * plan.hidden..], (people, wide), layer, end, layer.padded());
        }
    }
}

impl Scratch {
    fn new(plan: &Plan) -> Self {
        let plane = || vec![0.0; TOGETHER * 2 * plan.hidden];
        Self {
            features: plan.features(TOGETHER),
            stream: plane(),
            inner: plane(),
            levels: vec![0; TOGETHER * 2 * plan.hidden],
            ranges: vec![0.0; TOGETHER],
            ends: plan.output.each_ref().map(|layer| vec![0.0; TOGETHER * layer.padded()]),
        }
    }
}

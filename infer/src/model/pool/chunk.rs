//! A chunk: the part of a batch that one thread runs; and how a batch is cut into chunks.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ndarray::{ArrayView2, ArrayView3, ArrayViewMut2, ArrayViewMut3, s};

use super::super::batch::{Batch, FlatBatch, Part};
use super::super::session::Backend;
use super::PanicPayload;
use crate::error::Result;

/// Bounds of the poses per chunk.
#[derive(Debug, Clone, Copy)]
pub(in crate::model) struct ChunkSize {
    /// Fewer poses run faster without sharing, by one thread or with each product shared.
    pub(in crate::model) fewest: usize,
    /// With at most so many, the activations stay in the processor's cache, and threads wait little at a batch's end.
    pub(in crate::model) most: usize,
}

impl ChunkSize {
    /// The fewest poses that pay to be shared.
    pub(in crate::model) fn fewest_shared(self) -> usize {
        2 * self.fewest
    }

    /// The number of chunks of `total` poses for `threads`: of similar size, and a multiple of the threads if all are
    /// large enough.
    pub(super) fn chunks(self, total: usize, threads: usize) -> usize {
        let rounds = total.div_ceil(threads * self.most).max(1);
        (rounds * threads).min(total / self.fewest).max(1)
    }
}

/// Part of a batch in its own memory, so that a thread can own it.
#[derive(Default)]
pub(super) struct Chunk {
    /// Its range in the batch.
    rows: Range<usize>,
    /// `[N, J_in, channels]`, N of the range.
    keypoints: Vec<f32>,
    /// `[N, J_out, 3]`.
    poses: Vec<f32>,
    /// `[N, J_out]`, empty if it is not wanted.
    sigma: Vec<f32>,
    wants_sigma: bool,
    part: Part,
    /// Whether its thread should spin for the next chunk.
    spin: bool,
    /// The result of running it.
    outcome: Option<Result<Result<()>, PanicPayload>>,
}

impl Chunk {
    /// Allocates for `most` poses of key points of the shape `[_, J_in, channels]`; `widths` are the numbers per
    /// person of key points, pose and sigma.
    pub(super) fn reserve(&mut self, most: usize, keypoints: (usize, usize, usize), widths: [usize; 3]) {
        let (_, joints, channels) = keypoints;
        let [_, pose, sigma] = widths;
        for (numbers, each) in
            [(&mut self.keypoints, joints * channels), (&mut self.poses, pose), (&mut self.sigma, sigma)]
        {
            numbers.reserve((most * each).saturating_sub(numbers.len()));
        }
    }

    /// Copies the key points of `rows` of `batch`.
    pub(super) fn fill(&mut self, batch: &Batch<'_>, rows: Range<usize>, spin: bool) {
        self.keypoints.clear();
        let keypoints = batch.keypoints();
        let own = keypoints.slice(s![rows.clone(), .., ..]);
        match own.as_slice() {
            Some(own) => self.keypoints.extend_from_slice(own),
            None => self.keypoints.extend(own),
        }
        self.rows = rows;
        self.wants_sigma = batch.wants_sigma();
        self.part = batch.part();
        self.spin = spin;
    }

    /// Whether the thread that runs it should spin for the next chunk.
    pub(super) fn spins(&self) -> bool {
        self.spin
    }

    /// Runs it on this thread; a panic is caught, for the thread that waits for the chunk.
    pub(super) fn run(&mut self, backend: &Backend) {
        self.outcome = Some(catch_unwind(AssertUnwindSafe(|| self.try_run(backend))));
    }

    fn try_run(&mut self, backend: &Backend) -> Result<()> {
        let len = self.rows.len();
        let [_, pose, sigma] = backend.widths();
        self.poses.resize(len * pose, 0.0);
        self.sigma.resize(if self.wants_sigma { len * sigma } else { 0 }, 0.0);
        let sigma = self.wants_sigma.then_some(&mut self.sigma[..]);
        backend.run(FlatBatch {
            len,
            part: self.part,
            keypoints: &self.keypoints,
            poses: &mut self.poses,
            sigma,
            recall: None,
        })
    }

    /// The result of running it: a failure of the runtime, or the panic of its thread.
    pub(super) fn take_outcome(&mut self) -> Result<Result<()>, PanicPayload> {
        self.outcome.take().expect("a chunk is run before it comes back")
    }

    /// Copies its results to its rows of the whole batch's `[N, J_out, 3]` and `[N, J_out]`.
    pub(super) fn copy_to(&self, poses: &mut ArrayViewMut3<'_, f32>, sigma: Option<&mut ArrayViewMut2<'_, f32>>) {
        let mut to = poses.slice_mut(s![self.rows.clone(), .., ..]);
        let from = ArrayView3::from_shape(to.dim(), &self.poses);
        to.assign(&from.expect("a chunk that was run holds a pose for each of its rows"));
        if let Some(sigma) = sigma {
            let mut to = sigma.slice_mut(s![self.rows.clone(), ..]);
            let from = ArrayView2::from_shape(to.dim(), &self.sigma);
            to.assign(&from.expect("a chunk that was run holds sigma for each of its rows"));
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::super::super::MockNetwork;
    use super::*;

    #[test]
    fn chunks_are_even_large_enough_and_for_all_threads() {
        let size = ChunkSize { fewest: 16, most: 128 };
        assert_eq!(size.fewest_shared(), 32);
        for (total, threads, expected) in [
            (1, 2, 1),
            (31, 2, 1),
            (32, 2, 2),
            (256, 2, 2),
            (257, 2, 4),
            (1024, 2, 8),
            (1000, 1, 8),
            (40, 16, 2),
            (2048, 16, 16),
        ] {
            assert_eq!(size.chunks(total, threads), expected, "{total} poses, {threads} threads");
        }
    }

    #[test]
    fn a_recycled_chunk_holds_any_chunk_of_its_batch_without_growing() {
        let card = MockNetwork::of_subject_with_sigma().card;
        let keypoints = Array3::zeros((94, 17, 3));
        let mut poses = Array3::zeros((94, 17, 3));
        let batch = Batch::new(&card, keypoints.view(), poses.view_mut(), None).expect("the mock's shapes");
        let mut chunk = Chunk::default();
        // 3000 poses make 32 chunks, of 93 or 94.
        chunk.reserve(94, keypoints.dim(), [51, 51, 17]);
        let room = |chunk: &Chunk| [chunk.keypoints.capacity(), chunk.poses.capacity(), chunk.sigma.capacity()];
        let reserved = room(&chunk);
        for len in [93, 94, 93] {
            chunk.fill(&batch, 0..len, false);
            chunk.poses.resize(len * 51, 0.0);
            chunk.sigma.resize(len * 17, 0.0);
            chunk.reserve(94, keypoints.dim(), [51, 51, 17]);
            assert_eq!(room(&chunk), reserved);
        }
    }
}

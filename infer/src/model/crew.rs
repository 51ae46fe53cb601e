//! Many people at once on a CPU: pieces of a batch, each on a thread of its own.
//!
//! ONNX Runtime would cut each matrix product instead and make all threads
//! wait for the slowest behind every one of them. Pieces meet once a batch.

use std::ops::Range;
use std::sync::Arc;
use std::thread::JoinHandle;

use ndarray::{ArrayView2, ArrayView3, ArrayViewMut2, ArrayViewMut3, s};

use super::backend::Backend;
use super::batch::{Batch, BatchArrays, FlatBatch};
use super::desk::{Desk, Found};
use super::pieces::PieceSize;
use crate::error::{Error, Result};

/// The most people of a batch that is over so soon that the next may follow before somebody is asleep and woken again.
const HASTE: usize = 256;

/// A session's threads, which wait for pieces.
pub(super) struct Crew {
    backend: Backend,
    size: PieceSize,
    desk: Arc<Desk<Piece>>,
    threads: Vec<JoinHandle<()>>,
    /// Pieces to be filled again.
    spare: Vec<Piece>,
}

/// Part of a batch, in memory of its own, so that a thread may hold it.
#[derive(Default)]
struct Piece {
    people: Range<usize>,
    keypoints: Vec<f32>,
    poses: Vec<f32>,
    sigma: Vec<f32>,
    wants_sigma: bool,
    /// Whether it is part of a batch of no more than [`HASTE`].
    in_haste: bool,
    failure: Option<Error>,
}

impl Crew {
    /// A crew of `threads` that run `backend`, the caller of [`Self::run`] among them.
    ///
    /// # Errors
    /// A thread that cannot be started.
    pub(super) fn new(backend: Backend, size: PieceSize, threads: usize) -> Result<Self> {
        let mut crew = Self { backend, size, desk: Arc::default(), threads: Vec::new(), spare: Vec::new() };
        for _ in 1..threads {
            let (desk, backend) = (Arc::clone(&crew.desk), crew.backend.clone());
            let work = move || {
                let mut in_haste = false;
                while let Some(piece) = desk.take(in_haste) {
                    in_haste = piece.in_haste;
                    desk.hand_in(piece.run(&backend));
                }
            };
            let thread = std::thread::Builder::new().name("lift".to_owned()).spawn(work);
            crew.threads.push(thread.map_err(|error| Error::runtime(format!("cannot start a thread: {error}")))?);
        }
        Ok(crew)
    }

    /// What each of them runs.
    pub(super) fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Runs a whole batch, `[N, J_in, channels]` to `[N, J_out, 3]` and `[N, J_out]`.
    ///
    /// # Errors
    /// The first failure of the runtime.
    pub(super) fn run(&mut self, batch: Batch<'_>) -> Result<()> {
        let BatchArrays { keypoints, mut poses, mut sigma } = batch.into_arrays();
        let in_haste = keypoints.dim().0 <= HASTE;
        let mut outstanding = self.lay_out(keypoints, sigma.is_some(), in_haste);
        let mut failure = None;
        while outstanding > 0 {
            // While pieces are waiting one is run here.
            let piece = match self.desk.fetch(in_haste) {
                Found::Done(piece) => piece,
                Found::Waiting(piece) => piece.run(&self.backend),
            };
            outstanding -= 1;
            let Piece { people, .. } = &piece;
            let rows = s![people.clone(), .., ..];
            let sigma = sigma.as_mut().map(|sigma| sigma.slice_mut(s![people.clone(), ..]));
            piece.copy_to(poses.slice_mut(rows), sigma);
            failure = failure.or(self.put_away(piece));
        }
        failure.map_or(Ok(()), Err)
    }

    /// Cuts the batch into pieces for everybody and gives their number.
    fn lay_out(&mut self, keypoints: ArrayView3<'_, f32>, wants_sigma: bool, in_haste: bool) -> usize {
        let (total, crew) = (keypoints.dim().0, self.threads.len() + 1);
        let pieces = self.size.pieces(total, crew);
        self.desk.make_room(pieces);
        for index in 0..pieces {
            let mut piece = self.spare.pop().unwrap_or_default();
            piece.fill(keypoints, index * total / pieces..(index + 1) * total / pieces);
            (piece.wants_sigma, piece.in_haste) = (wants_sigma, in_haste);
            self.desk.lay_down(piece);
        }
        pieces
    }

    /// Keeps a piece's memory for the next one; gives what went wrong with it.
    fn put_away(&mut self, mut piece: Piece) -> Option<Error> {
        let failure = piece.failure.take();
        self.spare.push(piece);
        failure
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.desk.close();
        for thread in self.threads.drain(..) {
            // A thread that broke down has nothing more to say.
            let _ = thread.join();
        }
    }
}

impl Piece {
    fn fill(&mut self, keypoints: ArrayView3<'_, f32>, people: Range<usize>) {
        self.keypoints.clear();
        let own = keypoints.slice(s![people.clone(), .., ..]);
        match own.as_slice() {
            Some(own) => self.keypoints.extend_from_slice(own),
            None => self.keypoints.extend(own),
        }
        self.people = people;
    }

    fn run(mut self, backend: &Backend) -> Self {
        let people = self.people.len();
        let [_, pose, sigma] = backend.widths();
        self.poses.resize(people * pose, 0.0);
        self.sigma.resize(if self.wants_sigma { people * sigma } else { 0 }, 0.0);
        let (keypoints, poses) = (&self.keypoints[..], &mut self.poses[..]);
        let sigma = self.wants_sigma.then_some(&mut self.sigma[..]);
        self.failure = backend.run(FlatBatch { len: people, keypoints, poses, sigma }).err();
        self
    }

    fn copy_to(&self, mut poses: ArrayViewMut3<'_, f32>, sigma: Option<ArrayViewMut2<'_, f32>>) {
        if let Ok(found) = ArrayView3::from_shape(poses.dim(), &self.poses) {
            poses.assign(&found);
        }
        if let Some(mut sigma) = sigma
            && let Ok(found) = ArrayView2::from_shape(sigma.dim(), &self.sigma)
        {
            sigma.assign(&found);
        }
    }
}

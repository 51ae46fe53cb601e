//! A thread pool for the chunks of a large batch on a CPU.
//!
//! ONNX Runtime would cut each matrix product instead and make all threads wait for the slowest after every product;
//! chunks synchronise once per batch. rayon on the same chunks takes 1.19 times as long for 8 poses, 1.09 times for 16 and
//! 1.01 to 1.03 times for more (bench `concurrency`).

mod chunk;
mod work_queue;

use std::any::Any;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::JoinHandle;

use super::batch::{Batch, BatchArrays};
use super::session::Backend;
use crate::error::Result;
use crate::thread::spawn;
use chunk::Chunk;
pub(super) use chunk::ChunkSize;
use work_queue::{Next, WorkQueue};

/// A batch of at most so many poses is finished so soon that the next may follow before a parked thread would wake
/// up: threads spin for its chunks.
const SPIN_BATCH: usize = 256;

/// A session's threads, which wait for chunks.
pub(super) struct ThreadPool {
    backend: Backend,
    size: ChunkSize,
    queue: Arc<WorkQueue<Chunk>>,
    threads: Vec<JoinHandle<()>>,
    /// Chunks to be reused.
    recycled: Vec<Chunk>,
}

impl ThreadPool {
    /// A pool of `threads` threads that run `backend`; the caller of [`Self::run`] is one of them.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub(super) fn new(backend: Backend, size: ChunkSize, threads: usize) -> Result<Self> {
        let mut pool = Self { backend, size, queue: Arc::default(), threads: Vec::new(), recycled: Vec::new() };
        for _ in 1..threads {
            let queue = Arc::clone(&pool.queue);
            let backend = pool.backend.clone();
            pool.threads.push(spawn("lift", move || work(&queue, &backend))?);
        }
        Ok(pool)
    }

    /// The backend that its threads run.
    pub(super) fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Runs a whole batch.
    ///
    /// # Errors
    /// The first failure of the runtime.
    ///
    /// # Panics
    /// A thread of the pool panicked.
    pub(super) fn run(&mut self, batch: Batch<'_>) -> Result<()> {
        let spin = batch.len() <= SPIN_BATCH;
        let mut outstanding = self.push_chunks(&batch, spin);
        let BatchArrays { mut poses, mut sigma, .. } = batch.into_arrays();
        let mut failure = None;
        let mut panic = None;
        while outstanding > 0 {
            // While chunks are waiting, the caller runs one here.
            let mut chunk = match self.queue.next(spin) {
                Next::Completed(chunk) => chunk,
                Next::Waiting(mut chunk) => {
                    chunk.run(&self.backend);
                    chunk
                }
            };
            outstanding -= 1;
            match chunk.take_outcome() {
                Ok(Ok(())) => chunk.copy_to(&mut poses, sigma.as_mut()),
                Ok(Err(error)) => failure = failure.or(Some(error)),
                Err(payload) => panic = panic.or(Some(payload)),
            }
            self.recycled.push(chunk);
        }
        if let Some(payload) = panic {
            resume_unwind(payload);
        }
        failure.map_or(Ok(()), Err)
    }

    /// Cuts the batch into chunks for all threads and returns their number.
    fn push_chunks(&mut self, batch: &Batch<'_>, spin: bool) -> usize {
        let total = batch.len();
        let chunks = self.size.chunks(total, self.threads.len() + 1);
        self.queue.reserve(chunks);
        for index in 0..chunks {
            let rows = index * total / chunks..(index + 1) * total / chunks;
            let mut chunk = self.recycled.pop().unwrap_or_default();
            // The order in which chunks come back is random: each has room for the largest.
            chunk.reserve(total.div_ceil(chunks), batch.keypoints().dim(), self.backend.widths());
            chunk.fill(batch, rows, spin);
            self.queue.push(chunk);
        }
        chunks
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        self.queue.close();
        for thread in self.threads.drain(..) {
            // A thread that panicked has no result.
            let _ = thread.join();
        }
    }
}

/// Runs chunks until the queue is closed.
fn work(queue: &WorkQueue<Chunk>, backend: &Backend) {
    let mut spin = false;
    while let Some(mut chunk) = queue.take(spin) {
        spin = chunk.spins();
        chunk.run(backend);
        queue.complete(chunk);
    }
}

/// The panic message of a chunk's thread.
type PanicPayload = Box<dyn Any + Send>;

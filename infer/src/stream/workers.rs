//! Worker threads that each lift whole batches in parallel; batches come back in order.
//!
//! With a backlog no caller waits for one particular batch. Sharing each batch among threads would leave them idle
//! while it is gathered and split up; whole batches keep them busy, and a batch's data are still in the core's cache
//! when it is lifted.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::batch::{FrameBatch, LiftedBatch};
use crate::error::{Error, Result};
use crate::lift::Lifter;
use crate::model::PoseNetwork;
use crate::thread::{lock, spawn};

/// Batches in progress per worker: the one that it lifts, and some that wait or are finished early.
const BATCHES_PER_WORKER: u64 = 4;

/// A batch with its sequence number in the stream.
struct Numbered<T> {
    number: u64,
    batch: T,
}

/// The threads, and the batches in progress.
pub(super) struct Workers {
    /// `None` once no more batches will come.
    waiting: Option<Sender<Numbered<FrameBatch>>>,
    lifted: Receiver<Numbered<Result<LiftedBatch>>>,
    /// Batches that were finished before earlier ones.
    early: BTreeMap<u64, Result<LiftedBatch>>,
    /// The number of the next batch to be pushed.
    next_pushed: u64,
    /// The number of the next batch to be returned.
    next_lifted: u64,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// A thread for each of `lifters`; `None` if there are none.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub(super) fn start(lifters: Vec<Lifter<Box<dyn PoseNetwork>>>) -> Result<Option<Self>> {
        if lifters.is_empty() {
            return Ok(None);
        }
        let (push, waiting) = channel();
        let (complete, lifted) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        let mut workers = Self {
            waiting: Some(push),
            lifted,
            early: BTreeMap::new(),
            next_pushed: 0,
            next_lifted: 0,
            threads: Vec::with_capacity(lifters.len()),
        };
        for lifter in lifters {
            let waiting = Arc::clone(&waiting);
            let complete = complete.clone();
            workers.threads.push(spawn("lift", move || work(lifter, &waiting, &complete))?);
        }
        Ok(Some(workers))
    }

    /// Number of batches that were pushed and not yet returned.
    fn in_progress(&self) -> u64 {
        self.next_pushed - self.next_lifted
    }

    /// Whether no batch is in progress.
    pub(super) fn are_idle(&self) -> bool {
        self.in_progress() == 0
    }

    /// Whether a worker waits for a batch, or soon will.
    pub(super) fn want_work(&self) -> bool {
        self.in_progress() < 2 * self.threads.len() as u64
    }

    /// Whether one more batch may be pushed.
    pub(super) fn have_room(&self) -> bool {
        self.in_progress() < self.threads.len() as u64 * BATCHES_PER_WORKER
    }

    /// Gives a batch to the next free worker.
    pub(super) fn push(&mut self, batch: FrameBatch) {
        let waiting = self.waiting.as_ref().expect("workers have their channel until they are dropped");
        let number = self.next_pushed;
        // The receiver lives as long as a worker does; when all have ended, `next` reports it.
        let _ = waiting.send(Numbered { number, batch });
        self.next_pushed += 1;
    }

    /// The oldest batch in progress; waits for it.
    ///
    /// # Errors
    /// The error of its lifting.
    pub(super) fn next(&mut self) -> Result<LiftedBatch> {
        loop {
            if let Some(lifted) = self.early.remove(&self.next_lifted) {
                self.next_lifted += 1;
                return lifted;
            }
            let Numbered { number, batch } = self.lifted.recv().map_err(|_| broken_down())?;
            self.early.insert(number, batch);
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.waiting = None;
        for thread in self.threads.drain(..) {
            // A thread that panicked has no result.
            let _ = thread.join();
        }
    }
}

/// Lifts batches until no more will come or no more are taken.
fn work(
    mut lifter: Lifter<Box<dyn PoseNetwork>>,
    waiting: &Mutex<Receiver<Numbered<FrameBatch>>>,
    complete: &Sender<Numbered<Result<LiftedBatch>>>,
) {
    loop {
        let next = lock(waiting).recv();
        let Ok(Numbered { number, batch }) = next else { return };
        // The stream waits for this batch, so it must be returned in any case.
        let lifted = catch_unwind(AssertUnwindSafe(|| batch.lift(&mut lifter))).unwrap_or_else(|_| Err(broken_down()));
        if complete.send(Numbered { number, batch: lifted }).is_err() {
            return;
        }
    }
}

fn broken_down() -> Error {
    Error::runtime("a lifting thread broke down")
}

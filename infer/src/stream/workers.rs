//! Threads that each lift whole batches, from key points to poses, side by side; batches come back in order.
//!
//! With a backlog no caller waits for one batch. To share each batch among threads would leave them idle while it is
//! gathered and taken apart; whole batches keep them busy, and what was read of one is still in the core's cache when it is
//! lifted.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::error::{Error, Result};
use crate::lift::{Lifter, Refusal};
use crate::model::PoseNetwork;
use crate::pose::{Frame, LiftedFrame};
use crate::skeleton::Conversion;

/// Batches in progress for each worker: one that it lifts, and some that wait or were lifted before their turn.
const BATCHES_PER_WORKER: u64 = 4;

/// Frames to be lifted, with all that is needed for it.
pub(super) struct FrameBatch {
    pub(super) frames: Vec<Frame>,
    /// What was wrong with those that could not be read.
    pub(super) faults: Vec<Error>,
    pub(super) conversion: Arc<Conversion>,
    /// Memory for the lifted frames.
    pub(super) recycled: Vec<LiftedFrame>,
}

/// Frames and what was lifted from them.
pub(super) struct LiftedBatch {
    pub(super) frames: Vec<Frame>,
    pub(super) faults: Vec<Error>,
    pub(super) lifted: Vec<LiftedFrame>,
    pub(super) refusals: Vec<Refusal>,
}

impl FrameBatch {
    /// Lifts it on this thread.
    ///
    /// # Errors
    /// A runtime that fails.
    pub(super) fn lift<N: PoseNetwork>(self, lifter: &mut Lifter<N>) -> Result<LiftedBatch> {
        let Self { frames, faults, conversion, recycled: mut lifted } = self;
        let mut refusals = Vec::new();
        lifter.lift_frames_into(&frames, &conversion, &mut refusals, &mut lifted)?;
        Ok(LiftedBatch { frames, faults, lifted, refusals })
    }
}

/// A batch with its place in the order of the stream.
struct Numbered<T> {
    number: u64,
    batch: T,
}

/// The threads, and the batches that they have and that they gave back.
pub(super) struct Workers {
    /// Gone when there is no more to come.
    waiting: Option<Sender<Numbered<FrameBatch>>>,
    lifted: Receiver<Numbered<Result<LiftedBatch>>>,
    /// Batches that were lifted before their turn.
    early: BTreeMap<u64, Result<LiftedBatch>>,
    /// The number of the next batch to be pushed.
    next_pushed: u64,
    /// The number of the next batch to be given back.
    next_lifted: u64,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// A thread for each of `lifters`; `None` without any.
    ///
    /// # Errors
    /// A thread that cannot be started.
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
            let thread = std::thread::Builder::new().name("lift".to_owned());
            let thread = thread.spawn(move || work(lifter, &waiting, &complete));
            workers.threads.push(thread.map_err(|error| Error::runtime(format!("cannot start a thread: {error}")))?);
        }
        Ok(Some(workers))
    }

    /// How many batches were pushed and not given back.
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

    /// Gives a batch to the worker that is free next.
    pub(super) fn push(&mut self, batch: FrameBatch) {
        let waiting = self.waiting.as_ref().expect("workers have their channel until they are dropped");
        let number = self.next_pushed;
        // Its other end lives as long as a worker does; when all have ended, `next` says so.
        let _ = waiting.send(Numbered { number, batch });
        self.next_pushed += 1;
    }

    /// The batch that was pushed first of those in progress; waits for it.
    ///
    /// # Errors
    /// What its lifting failed with.
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
            // A thread that broke down has nothing more to say.
            let _ = thread.join();
        }
    }
}

/// Lifts batch after batch, until no more will come or none is taken any more.
fn work(
    mut lifter: Lifter<Box<dyn PoseNetwork>>,
    waiting: &Mutex<Receiver<Numbered<FrameBatch>>>,
    complete: &Sender<Numbered<Result<LiftedBatch>>>,
) {
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Numbered { number, batch }) = next else { return };
        // The stream waits for this batch, so it must come back whatever happens.
        let lifted = catch_unwind(AssertUnwindSafe(|| batch.lift(&mut lifter))).unwrap_or_else(|_| Err(broken_down()));
        if complete.send(Numbered { number, batch: lifted }).is_err() {
            return;
        }
    }
}

fn broken_down() -> Error {
    Error::runtime("a lifting thread broke down")
}

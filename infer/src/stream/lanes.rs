//! Batches that are lifted beside each other, each by one thread from key points to poses, and come back in order.
//!
//! Where there is a backlog nobody waits for one batch. To share it among threads would leave them idle while it is put
//! together and taken apart; whole batches keep them busy, and what is read of one is still in the core's cache when it is
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

/// Batches on their way, for each thread: one that it works on, and some that wait or are done before their turn.
const BATCHES_A_LANE: usize = 4;

/// Frames to be lifted, with all that is needed for it.
pub(super) struct Batch {
    pub(super) frames: Vec<Frame>,
    /// What was wrong with those that could not be read.
    pub(super) faults: Vec<Error>,
    pub(super) conversion: Arc<Conversion>,
    /// Memory for what comes of it.
    pub(super) spare: Vec<LiftedFrame>,
}

/// Frames and what came of them.
pub(super) struct Lifted {
    pub(super) frames: Vec<Frame>,
    pub(super) faults: Vec<Error>,
    pub(super) lifted: Vec<LiftedFrame>,
    pub(super) refusals: Vec<Refusal>,
}

impl Batch {
    /// Lifts it on this thread.
    ///
    /// # Errors
    /// A runtime that fails.
    pub(super) fn lift<N: PoseNetwork>(self, lifter: &mut Lifter<N>) -> Result<Lifted> {
        let Self { frames, faults, conversion, spare: mut lifted } = self;
        let mut refusals = Vec::new();
        lifter.lift_frames_into(&frames, &conversion, &mut refusals, &mut lifted)?;
        Ok(Lifted { frames, faults, lifted, refusals })
    }
}

/// Threads that lift batches, and what is on its way to them and back.
pub(super) struct Lanes {
    /// Gone when there is no more to come.
    batches: Option<Sender<(u64, Batch)>>,
    lifted: Receiver<(u64, Result<Lifted>)>,
    /// Batches that are done before their turn.
    early: BTreeMap<u64, Result<Lifted>>,
    /// The numbers of the next batch to be laid down and of the next to be fetched.
    next: u64,
    due: u64,
    threads: Vec<JoinHandle<()>>,
}

impl Lanes {
    /// A thread for each of `lifters`; `None` without any.
    ///
    /// # Errors
    /// A thread that cannot be started.
    pub(super) fn start(lifters: Vec<Lifter<Box<dyn PoseNetwork>>>) -> Result<Option<Self>> {
        if lifters.is_empty() {
            return Ok(None);
        }
        let (batches, waiting) = channel();
        let (hand_in, lifted) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        let threads = Vec::with_capacity(lifters.len());
        let mut lanes = Self { batches: Some(batches), lifted, early: BTreeMap::new(), next: 0, due: 0, threads };
        for lifter in lifters {
            let (waiting, hand_in) = (Arc::clone(&waiting), hand_in.clone());
            let work = move || work(lifter, &waiting, &hand_in);
            let thread = std::thread::Builder::new().name("lift".to_owned()).spawn(work);
            lanes.threads.push(thread.map_err(|error| Error::runtime(format!("cannot start a thread: {error}")))?);
        }
        Ok(Some(lanes))
    }

    /// Whether nothing is on its way.
    pub(super) fn are_idle(&self) -> bool {
        self.next == self.due
    }

    /// Whether somebody waits for a batch, or soon will.
    pub(super) fn want_work(&self) -> bool {
        self.next - self.due < 2 * self.threads.len() as u64
    }

    /// Whether one more batch may be laid down.
    pub(super) fn have_room(&self) -> bool {
        self.next - self.due < (self.threads.len() * BATCHES_A_LANE) as u64
    }

    /// Gives a batch to whoever is free next.
    pub(super) fn lay_down(&mut self, batch: Batch) {
        if let Some(batches) = &self.batches {
            // They only stop when this end is gone.
            let _ = batches.send((self.next, batch));
            self.next += 1;
        }
    }

    /// The batch that was laid down first of those on their way; waits for it.
    ///
    /// # Errors
    /// What its lifting failed with.
    pub(super) fn fetch(&mut self) -> Result<Lifted> {
        loop {
            if let Some(lifted) = self.early.remove(&self.due) {
                self.due += 1;
                return lifted;
            }
            let (number, lifted) = self.lifted.recv().map_err(|_| broken_down())?;
            self.early.insert(number, lifted);
        }
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        self.batches = None;
        for thread in self.threads.drain(..) {
            // A thread that broke down has nothing more to say.
            let _ = thread.join();
        }
    }
}

/// Lifts batch after batch, until no more will come or nobody is there to take them.
fn work(
    mut lifter: Lifter<Box<dyn PoseNetwork>>,
    waiting: &Mutex<Receiver<(u64, Batch)>>,
    hand_in: &Sender<(u64, Result<Lifted>)>,
) {
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, batch)) = next else { return };
        // Whoever waits for this batch must hear of it whatever happens.
        let lifted = catch_unwind(AssertUnwindSafe(|| batch.lift(&mut lifter))).unwrap_or_else(|_| Err(broken_down()));
        if hand_in.send((number, lifted)).is_err() {
            return;
        }
    }
}

fn broken_down() -> Error {
    Error::runtime("a lifting thread broke down")
}

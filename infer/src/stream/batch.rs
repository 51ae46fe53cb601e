//! Batches of frames on their way: to be lifted, lifted, to be written; and the pool that their memory returns to.

use std::sync::{Arc, Mutex};

use crate::error::{Error, Result};
use crate::lift::{Lifter, Refusal};
use crate::model::PoseNetwork;
use crate::pose::{Frame, LiftedFrame};
use crate::skeleton::Conversion;
use crate::thread::lock;

/// Most batches of each kind that are kept; more come back at once only when a stream ends.
const MAX_POOLED_BATCHES: usize = 64;

/// Frames to be lifted, with everything needed for it.
pub(super) struct FrameBatch {
    pub(super) frames: Vec<Frame>,
    /// The errors of unreadable frames.
    pub(super) faults: Vec<Error>,
    pub(super) conversion: Arc<Conversion>,
    /// Memory for the lifted frames.
    pub(super) recycled: Vec<LiftedFrame>,
}

/// Frames and their lifted poses.
pub(super) struct LiftedBatch {
    pub(super) frames: Vec<Frame>,
    pub(super) faults: Vec<Error>,
    pub(super) lifted: Vec<LiftedFrame>,
    pub(super) refusals: Vec<Refusal>,
}

/// Frames and their lifted poses, in order.
pub(super) struct WriteBatch {
    pub(super) frames: Vec<Frame>,
    pub(super) lifted: Vec<LiftedFrame>,
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

/// Memory of written frames and poses, to be reused for later ones.
///
/// They are allocated on one thread and were freed on another: memory that moves back and forth between the
/// allocator's threads costs more than parsing a number, and with a backlog there are four allocations per pose.
#[derive(Default)]
pub(super) struct FramePool {
    frames: Mutex<Vec<Vec<Frame>>>,
    lifted: Mutex<Vec<Vec<LiftedFrame>>>,
}

impl FramePool {
    /// Returns a written batch to the pool.
    pub(super) fn put(&self, frames: Vec<Frame>, lifted: Vec<LiftedFrame>) {
        put(&self.frames, frames);
        put(&self.lifted, lifted);
    }

    /// Memory for frames to be read; empty if none is in the pool.
    pub(super) fn frames(&self) -> Vec<Frame> {
        take(&self.frames)
    }

    /// Memory for lifted frames; empty if none is in the pool.
    pub(super) fn lifted(&self) -> Vec<LiftedFrame> {
        take(&self.lifted)
    }
}

fn put<T>(kept: &Mutex<Vec<Vec<T>>>, batch: Vec<T>) {
    let mut kept = lock(kept);
    if kept.len() < MAX_POOLED_BATCHES {
        kept.push(batch);
    }
}

fn take<T>(kept: &Mutex<Vec<Vec<T>>>) -> Vec<T> {
    lock(kept).pop().unwrap_or_default()
}

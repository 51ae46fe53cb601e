//! The frame pool: memory of written frames and poses, to be reused for later ones.
//!
//! They are allocated on one thread and were freed on another: memory that moves back and forth between the
//! allocator's threads costs more than parsing a number, and with a backlog there are four allocations per pose.

use std::sync::{Mutex, PoisonError};

use crate::pose::{Frame, LiftedFrame};

/// Most batches of each kind that are kept; more come back at once only when a stream ends.
const MOST_BATCHES: usize = 64;

/// Batches of frames to be reused.
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
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() < MOST_BATCHES {
        kept.push(batch);
    }
}

fn take<T>(kept: &Mutex<Vec<Vec<T>>>) -> Vec<T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
}

//! Frames and poses that were written, whose memory serves for those to come.
//!
//! They are allocated on one thread and were freed on another: memory that goes back and forth between the allocator's
//! threads costs more than the parsing of a number, and with a backlog there are four allocations for each pose.

use std::sync::{Mutex, PoisonError};

use crate::pose::{Frame, LiftedFrame};

/// Batches of each kind that are kept at most; more come back at once only when a stream ends.
const MOST_BATCHES: usize = 64;

/// Batches of frames to be filled again.
#[derive(Default)]
pub(super) struct FramePool {
    frames: Mutex<Vec<Vec<Frame>>>,
    lifted: Mutex<Vec<Vec<LiftedFrame>>>,
}

impl FramePool {
    /// Takes back a batch that was written.
    pub(super) fn put(&self, frames: Vec<Frame>, lifted: Vec<LiftedFrame>) {
        put(&self.frames, frames);
        put(&self.lifted, lifted);
    }

    /// Frames to be read into; empty where none came back yet.
    pub(super) fn frames(&self) -> Vec<Frame> {
        take(&self.frames)
    }

    /// Lifted frames to be filled; empty where none came back yet.
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

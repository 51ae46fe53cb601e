//! Frames and poses that are done with, whose memory serves for those to come.
//!
//! They were made on one thread and are done with on another: memory that goes back and forth between allocators' threads
//! costs more than the reading of a number, and at a backlog there are four pieces of it for each pose.

use std::sync::{Mutex, PoisonError};

use crate::pose::{Frame, LiftedFrame};

/// Batches of each kind that are kept at most; more come back at once only when a stream ends.
const MOST: usize = 64;

/// What is done with, a batch after the other.
#[derive(Default)]
pub(super) struct Spares {
    frames: Mutex<Vec<Vec<Frame>>>,
    lifted: Mutex<Vec<Vec<LiftedFrame>>>,
}

impl Spares {
    /// Takes back a batch that was written.
    pub(super) fn give_back(&self, frames: Vec<Frame>, lifted: Vec<LiftedFrame>) {
        keep(&self.frames, frames);
        keep(&self.lifted, lifted);
    }

    /// Frames to be read anew; none where nothing came back yet.
    pub(super) fn frames(&self) -> Vec<Frame> {
        take(&self.frames)
    }

    /// Lifted frames to be filled anew; none where nothing came back yet.
    pub(super) fn lifted(&self) -> Vec<LiftedFrame> {
        take(&self.lifted)
    }
}

fn keep<T>(kept: &Mutex<Vec<Vec<T>>>, batch: Vec<T>) {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() < MOST {
        kept.push(batch);
    }
}

fn take<T>(kept: &Mutex<Vec<Vec<T>>>) -> Vec<T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
}

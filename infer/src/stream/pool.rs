//! Where frames of all feeds wait for the batcher: first come, first served.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::pose::Frame;
use crate::skeleton::Conversion;

/// A frame that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) feed: usize,
    pub(super) frame: Frame,
    pub(super) conversion: Arc<Conversion>,
    since: Instant,
}

impl Waiting {
    /// One that begins to wait now.
    pub(super) fn now(feed: usize, frame: Frame, conversion: Arc<Conversion>) -> Self {
        Self { feed, frame, conversion, since: Instant::now() }
    }

    /// What it counts: its people, an empty frame one.
    fn weight(&self) -> usize {
        self.frame.people.len().max(1)
    }
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Waiting>,
    weight: usize,
    /// Set when no more may come.
    is_closed: bool,
    /// Set when nobody will take any more.
    is_abandoned: bool,
}

/// Frames waiting to be lifted; at most `capacity` people, or one frame that alone has more.
#[derive(Debug)]
pub(super) struct Pool {
    state: Mutex<State>,
    arrived: Condvar,
    taken: Condvar,
    capacity: usize,
}

impl Pool {
    pub(super) fn new(capacity: usize) -> Self {
        Self { state: Mutex::default(), arrived: Condvar::new(), taken: Condvar::new(), capacity }
    }

    /// Appends a frame, waiting for room; false if nobody will take it.
    pub(super) fn push(&self, waiting: Waiting) -> bool {
        let mut state = self.lock();
        while state.weight >= self.capacity && !state.is_closed && !state.is_abandoned {
            state = self.taken.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.is_closed || state.is_abandoned {
            return false;
        }
        state.weight += waiting.weight();
        state.waiting.push_back(waiting);
        drop(state);
        self.arrived.notify_one();
        true
    }

    /// Says that no more may come; what waits is still taken.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.arrived.notify_all();
        self.taken.notify_all();
    }

    /// Says that nobody will take any more.
    pub(super) fn abandon(&self) {
        self.lock().is_abandoned = true;
        self.arrived.notify_all();
        self.taken.notify_all();
    }

    /// Takes what is there, up to about `limit` people (at least one frame), once there is a full batch or the oldest
    /// frame has waited for `max_delay`. Empty when there will be no more.
    pub(super) fn take(&self, limit: usize, max_delay: Duration) -> Vec<Waiting> {
        let mut state = self.lock();
        loop {
            if state.is_abandoned {
                return Vec::new();
            }
            let Some(oldest) = state.waiting.front() else {
                if state.is_closed {
                    return Vec::new();
                }
                state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = max_delay.saturating_sub(oldest.since.elapsed());
            if state.weight >= limit || state.is_closed || left.is_zero() {
                break;
            }
            let waited = self.arrived.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let batch = take_batch(&mut state, limit);
        drop(state);
        self.taken.notify_all();
        batch
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take_batch(state: &mut State, limit: usize) -> Vec<Waiting> {
    let mut batch = Vec::with_capacity(state.waiting.len().min(limit));
    let mut weight = 0;
    while let Some(next) = state.waiting.front()
        && (batch.is_empty() || weight + next.weight() <= limit)
    {
        weight += next.weight();
        batch.extend(state.waiting.pop_front());
    }
    state.weight -= weight;
    batch
}

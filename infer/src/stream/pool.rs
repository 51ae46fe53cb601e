//! Where what several streams ask for waits to be done together: first come, first served.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Something that waits.
pub(super) trait Waits {
    /// How many people it counts as, at least 1.
    fn weight(&self) -> usize;

    /// Since when it waits.
    fn since(&self) -> Instant;
}

#[derive(Debug)]
struct State<T> {
    waiting: VecDeque<T>,
    weight: usize,
    /// Set when no more may come.
    is_closed: bool,
    /// Set when nobody will take any more.
    is_abandoned: bool,
}

/// What waits; at most `capacity` people, or one that alone has more.
#[derive(Debug)]
pub(super) struct Pool<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
    taken: Condvar,
    capacity: usize,
}

impl<T: Waits> Pool<T> {
    pub(super) fn new(capacity: usize) -> Self {
        let state = State { waiting: VecDeque::new(), weight: 0, is_closed: false, is_abandoned: false };
        Self { state: Mutex::new(state), arrived: Condvar::new(), taken: Condvar::new(), capacity }
    }

    /// Appends one, waiting for room; false if nobody will take it.
    pub(super) fn push(&self, waiting: T) -> bool {
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

    /// Takes what is there, up to about `limit` people (at least one of them), once there is a full batch or the oldest
    /// has waited for `max_delay`. Empty when there will be no more.
    pub(super) fn take(&self, limit: usize, max_delay: Duration) -> Vec<T> {
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
            let left = max_delay.saturating_sub(oldest.since().elapsed());
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

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take_batch<T: Waits>(state: &mut State<T>, limit: usize) -> Vec<T> {
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

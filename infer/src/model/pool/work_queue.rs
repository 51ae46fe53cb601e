//! The work queue: chunks that wait to be run, and completed chunks.
//!
//! Waking a parked thread takes as long as lifting a few poses. For small batches a thread that finds no chunk
//! therefore spins for a while before it waits.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::thread::lock;

/// How long a thread spins before it waits: about the time that waking a notified thread takes.
const SPIN_TIME: Duration = Duration::from_micros(30);

/// Spin hints between two checks.
const SPIN_PAUSES: usize = 20;

/// One caller pushes chunks and gets them back completed; any number of threads take them.
pub(super) struct WorkQueue<T> {
    state: Mutex<State<T>>,
    pushed: Condvar,
    completed: Condvar,
    /// Numbers of waiting and of completed chunks, for spinning without the lock.
    waiting_count: AtomicUsize,
    completed_count: AtomicUsize,
}

struct State<T> {
    waiting: VecDeque<T>,
    completed: Vec<T>,
    is_closed: bool,
}

/// The next step of a caller whose chunks are being run.
pub(super) enum Next<T> {
    /// A chunk that a thread has run.
    Completed(T),
    /// A chunk that no thread has taken yet.
    Waiting(T),
}

impl<T> Default for WorkQueue<T> {
    fn default() -> Self {
        let state = State { waiting: VecDeque::new(), completed: Vec::new(), is_closed: false };
        Self {
            state: Mutex::new(state),
            pushed: Condvar::new(),
            completed: Condvar::new(),
            waiting_count: AtomicUsize::new(0),
            completed_count: AtomicUsize::new(0),
        }
    }
}

impl<T> WorkQueue<T> {
    /// Reserves room for `count` chunks, waiting or completed, so that neither list grows later, whichever thread is
    /// faster.
    pub(super) fn reserve(&self, count: usize) {
        let mut state = self.lock();
        let waiting = state.waiting.len();
        let completed = state.completed.len();
        state.waiting.reserve(count.saturating_sub(waiting));
        state.completed.reserve(count.saturating_sub(completed));
    }

    /// Adds a chunk to be run.
    pub(super) fn push(&self, chunk: T) {
        let mut state = self.lock();
        state.waiting.push_back(chunk);
        self.count(&state);
        drop(state);
        self.pushed.notify_one();
    }

    /// The next chunk to run; waits for one; `None` once the queue is closed. With `spin` a thread spins first.
    pub(super) fn take(&self, spin: bool) -> Option<T> {
        if spin {
            spin_wait(&self.waiting_count);
        }
        let mut state = self.lock();
        while state.waiting.is_empty() && !state.is_closed {
            state = self.pushed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let chunk = state.waiting.pop_front().filter(|_| !state.is_closed);
        self.count(&state);
        chunk
    }

    /// Returns a completed chunk.
    pub(super) fn complete(&self, chunk: T) {
        let mut state = self.lock();
        state.completed.push(chunk);
        self.count(&state);
        drop(state);
        self.completed.notify_one();
    }

    /// A completed chunk, or else a waiting one; waits if all are being run, and with `spin` spins first.
    pub(super) fn next(&self, spin: bool) -> Next<T> {
        loop {
            if let Some(next) = self.try_next() {
                return next;
            }
            if spin {
                spin_wait(&self.completed_count);
            }
            let mut state = self.lock();
            while state.completed.is_empty() {
                state = self.completed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn try_next(&self) -> Option<Next<T>> {
        let mut state = self.lock();
        let completed = state.completed.pop().map(Next::Completed);
        let next = completed.or_else(|| state.waiting.pop_front().map(Next::Waiting));
        self.count(&state);
        next
    }

    /// Releases all threads that wait for a chunk.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.pushed.notify_all();
    }

    fn count(&self, state: &State<T>) {
        self.waiting_count.store(state.waiting.len(), Ordering::Relaxed);
        self.completed_count.store(state.completed.len(), Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        lock(&self.state)
    }
}

/// Spins until the counter is above 0, but no longer than [`SPIN_TIME`].
///
/// It does not yield its core meanwhile: a thread that yields is soon scheduled on another core, behind the very
/// thread that produces the work.
fn spin_wait(count: &AtomicUsize) {
    let started = Instant::now();
    while count.load(Ordering::Relaxed) == 0 && started.elapsed() < SPIN_TIME {
        for _ in 0..SPIN_PAUSES {
            std::hint::spin_loop();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn all_chunks_are_completed_once_and_all_threads_end() {
        let queue: Arc<WorkQueue<usize>> = Arc::default();
        let work = |queue: Arc<WorkQueue<usize>>| {
            move || {
                let mut spin = false;
                while let Some(chunk) = queue.take(spin) {
                    spin = chunk % 2 == 0;
                    queue.complete(chunk + 1000);
                }
            }
        };
        let threads: Vec<_> = (0..3).map(|_| std::thread::spawn(work(Arc::clone(&queue)))).collect();
        for round in 0..50 {
            // Sometimes long enough that all threads wait.
            std::thread::sleep(SPIN_TIME * (round % 5));
            (0..20).for_each(|chunk| queue.push(chunk));
            let next = |_| match queue.next(round % 2 == 0) {
                Next::Completed(chunk) => chunk - 1000,
                Next::Waiting(chunk) => chunk,
            };
            let mut chunks: Vec<_> = (0..20).map(next).collect();
            chunks.sort_unstable();
            assert_eq!(chunks, (0..20).collect::<Vec<_>>());
        }
        queue.close();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

//! Where pieces of work lie until somebody takes them, and again, done, until they are fetched.
//!
//! To be woken takes as long as a few people take to be lifted: where batches are small, whoever finds nothing looks out
//! for more before they go to sleep.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long somebody looks out before they go to sleep: about as long as it takes to be woken.
const PATIENCE: Duration = Duration::from_micros(30);

/// Pauses of the processor between two looks.
const PAUSES: usize = 20;

/// Both piles.
pub(super) struct Desk<T> {
    piles: Mutex<Piles<T>>,
    laid_down: Condvar,
    handed_in: Condvar,
    /// How many are waiting and how many are done, to be looked at without the lock.
    waiting: AtomicUsize,
    done: AtomicUsize,
}

struct Piles<T> {
    waiting: VecDeque<T>,
    done: Vec<T>,
    is_closed: bool,
}

/// What the one who laid pieces down gets back.
pub(super) enum Found<T> {
    /// A piece that somebody has done.
    Done(T),
    /// A piece that nobody has taken yet.
    Waiting(T),
}

impl<T> Default for Desk<T> {
    fn default() -> Self {
        let piles = Piles { waiting: VecDeque::new(), done: Vec::new(), is_closed: false };
        Self {
            piles: Mutex::new(piles),
            laid_down: Condvar::new(),
            handed_in: Condvar::new(),
            waiting: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
        }
    }
}

impl<T> Desk<T> {
    /// Makes room for `count` pieces on both piles, so that none grows later, whoever is quicker.
    pub(super) fn make_room(&self, count: usize) {
        let mut piles = self.lock();
        let (waiting, done) = (piles.waiting.len(), piles.done.len());
        piles.waiting.reserve(count.saturating_sub(waiting));
        piles.done.reserve(count.saturating_sub(done));
    }

    /// Lays down a piece to be done.
    pub(super) fn lay_down(&self, piece: T) {
        self.change(|piles| piles.waiting.push_back(piece));
        self.laid_down.notify_one();
    }

    /// The next piece to be done, waited for; `None` when there will be none. `in_haste` looks out for it first.
    pub(super) fn take(&self, in_haste: bool) -> Option<T> {
        if in_haste {
            look_out(&self.waiting);
        }
        let mut piles = self.lock();
        while piles.waiting.is_empty() && !piles.is_closed {
            piles = self.laid_down.wait(piles).unwrap_or_else(PoisonError::into_inner);
        }
        let piece = piles.waiting.pop_front().filter(|_| !piles.is_closed);
        self.count(&piles);
        piece
    }

    /// Lays down a piece that is done.
    pub(super) fn hand_in(&self, piece: T) {
        self.change(|piles| piles.done.push(piece));
        self.handed_in.notify_one();
    }

    /// A piece that is done, or else one that is still waiting; waits for one where all are being worked on, and
    /// `in_haste` looks out for it first.
    pub(super) fn fetch(&self, in_haste: bool) -> Found<T> {
        loop {
            let found = self.change(|piles| {
                let done = piles.done.pop().map(Found::Done);
                done.or_else(|| piles.waiting.pop_front().map(Found::Waiting))
            });
            if let Some(found) = found {
                return found;
            }
            if in_haste {
                look_out(&self.done);
            }
            let mut piles = self.lock();
            while piles.done.is_empty() {
                piles = self.handed_in.wait(piles).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Sends everybody home who waits for a piece.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.laid_down.notify_all();
    }

    fn change<R>(&self, change: impl FnOnce(&mut Piles<T>) -> R) -> R {
        let mut piles = self.lock();
        let result = change(&mut piles);
        self.count(&piles);
        result
    }

    fn count(&self, piles: &Piles<T>) {
        self.waiting.store(piles.waiting.len(), Ordering::Relaxed);
        self.done.store(piles.done.len(), Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Piles<T>> {
        self.piles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until there is one of what is counted, but no longer than [`PATIENCE`].
///
/// It gives its core to nobody meanwhile: whoever yields is soon run on another's core, behind the very thread that the
/// work comes from.
fn look_out(count: &AtomicUsize) {
    let started = Instant::now();
    while count.load(Ordering::Relaxed) == 0 && started.elapsed() < PATIENCE {
        (0..PAUSES).for_each(|_| std::hint::spin_loop());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

    use std::sync::Arc;

    use super::*;

    #[test]
    fn all_pieces_are_done_once_and_everybody_goes_home() {
        let desk: Arc<Desk<usize>> = Arc::default();
        let work = |desk: Arc<Desk<usize>>| {
            move || {
                let mut in_haste = false;
                while let Some(piece) = desk.take(in_haste) {
                    in_haste = piece % 2 == 0;
                    desk.hand_in(piece + 1000);
                }
            }
        };
        let threads: Vec<_> = (0..3).map(|_| std::thread::spawn(work(Arc::clone(&desk)))).collect();
        for round in 0..50 {
            // Now and then long enough that all have fallen asleep.
            std::thread::sleep(PATIENCE * (round % 5));
            (0..20).for_each(|piece| desk.lay_down(piece));
            let fetch = |_| match desk.fetch(round % 2 == 0) {
                Found::Done(piece) => piece - 1000,
                Found::Waiting(piece) => piece,
            };
            let mut pieces: Vec<_> = (0..20).map(fetch).collect();
            pieces.sort_unstable();
            assert_eq!(pieces, (0..20).collect::<Vec<_>>());
        }
        desk.close();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

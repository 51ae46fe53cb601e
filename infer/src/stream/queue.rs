//! The bounded queue between the thread that reads and the one that lifts.
//!
//! Unlike a channel it hands over everything that is there in one go, so a
//! full batch costs one lock and one wake-up, and a lone frame is handed over
//! at once.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::pose::Frame;

/// One frame as it was read, or an empty one in the place of a frame that could not be.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) frame: Frame,
    pub(super) fault: Option<Error>,
}

impl Arrival {
    fn weight(&self) -> usize {
        weight(&self.frame)
    }
}

/// What a frame counts against the queue's capacity: its people, an empty frame one.
pub(super) fn weight(frame: &Frame) -> usize {
    frame.people.len().max(1)
}

#[derive(Default)]
struct State {
    arrivals: VecDeque<Arrival>,
    weight: usize,
    /// Set when nothing more will come, with what ended the stream.
    end: Option<Result<()>>,
    /// Set when nobody will take any more.
    abandoned: bool,
}

/// Frames waiting to be lifted; at most `capacity` people, or one frame that alone has more.
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    capacity: usize,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), capacity }
    }

    /// Appends a frame, waiting for room; false if nobody will take it.
    pub(super) fn push(&self, arrival: Arrival) -> bool {
        let mut state = self.lock();
        while state.weight >= self.capacity && !state.abandoned {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.abandoned {
            return false;
        }
        let was_empty = state.arrivals.is_empty();
        state.weight += arrival.weight();
        state.arrivals.push_back(arrival);
        drop(state);
        if was_empty {
            self.changed.notify_one();
        }
        true
    }

    /// Says that nothing more will come, and what ended the stream.
    pub(super) fn close(&self, end: Result<()>) {
        self.lock().end = Some(end);
        self.changed.notify_one();
    }

    /// Says that nobody will take any more.
    pub(super) fn abandon(&self) {
        self.lock().abandoned = true;
        self.changed.notify_one();
    }

    /// Takes all that is there, up to about `limit` people (at least one frame); waits only while there is nothing.
    /// Empty at the end of the stream.
    pub(super) fn take(&self, limit: usize) -> Vec<Arrival> {
        let mut state = self.lock();
        while state.arrivals.is_empty() && state.end.is_none() {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        self.take_from(state, limit)
    }

    /// As [`Self::take`], but gives nothing where there are fewer than `least` people.
    pub(super) fn take_waiting(&self, least: usize, limit: usize) -> Vec<Arrival> {
        let state = self.lock();
        if state.weight < least { Vec::new() } else { self.take_from(state, limit) }
    }

    fn take_from(&self, mut state: MutexGuard<'_, State>, limit: usize) -> Vec<Arrival> {
        let was_full = state.weight >= self.capacity;
        let mut taken = Vec::with_capacity(state.arrivals.len().min(limit));
        let mut people = 0;
        while let Some(next) = state.arrivals.front()
            && (taken.is_empty() || people + next.weight() <= limit)
        {
            people += next.weight();
            taken.extend(state.arrivals.pop_front());
        }
        state.weight -= people;
        drop(state);
        if was_full {
            self.changed.notify_one();
        }
        taken
    }

    /// What ended the stream; known once [`Self::take`] has given nothing.
    pub(super) fn end(&self) -> Result<()> {
        self.lock().end.take().unwrap_or(Ok(()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::pose::Person;

    fn arrival(index: u64, people: usize) -> Arrival {
        let person = Person { id: None, keypoints: Vec::new() };
        Arrival { frame: Frame { index, people: vec![person; people], ..Frame::default() }, fault: None }
    }

    fn indices(taken: &[Arrival]) -> Vec<u64> {
        taken.iter().map(|arrival| arrival.frame.index).collect()
    }

    #[test]
    fn takes_what_is_there_up_to_the_limit() {
        let queue = Queue::new(100);
        for (index, people) in [(0, 2), (1, 0), (2, 3), (3, 50), (4, 1)] {
            assert!(queue.push(arrival(index, people)));
        }
        queue.close(Ok(()));
        assert_eq!(indices(&queue.take(6)), [0, 1, 2]);
        assert_eq!(indices(&queue.take(6)), [3], "one frame with more people than the limit is taken alone");
        assert_eq!(indices(&queue.take(6)), [4]);
        assert!(queue.take(6).is_empty());
    }

    #[test]
    fn a_full_queue_waits_for_room() {
        let queue = Arc::new(Queue::new(3));
        let pusher = Arc::clone(&queue);
        let thread = std::thread::spawn(move || {
            (0..10).for_each(|index| assert!(pusher.push(arrival(index, 1))));
            pusher.close(Err(Error::input("cut off")));
        });
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(queue.lock().arrivals.len(), 3);
        let mut all = Vec::new();
        loop {
            let taken = queue.take(2);
            if taken.is_empty() {
                break;
            }
            all.extend(indices(&taken));
        }
        thread.join().unwrap();
        assert_eq!(all, (0..10).collect::<Vec<_>>());
        assert_eq!(queue.end().unwrap_err().to_string(), "cut off");
    }

    #[test]
    fn an_abandoned_queue_lets_the_reader_go() {
        let queue = Arc::new(Queue::new(1));
        assert!(queue.push(arrival(0, 1)));
        let pusher = Arc::clone(&queue);
        let thread = std::thread::spawn(move || pusher.push(arrival(1, 1)));
        queue.abandon();
        assert!(!thread.join().unwrap());
    }
}

//! The way in: frames from their reader, at first on the lifting thread, then from a thread of its own.
//!
//! A live stream is answered soonest without another thread in between; one
//! whose next frame is there before the last is lifted has a backlog, and reading it may overlap with lifting.

use std::sync::Arc;

use super::StreamOptions;
use super::queue::{Arrival, Queue};
use super::spares::Spares;
use crate::error::{Error, ErrorKind, Result};
use crate::format::FrameReader;
use crate::pose::Frame;

/// The reader, here or on its thread.
pub(super) struct Inlet {
    here: Option<Numbered>,
    queue: Arc<Queue>,
}

/// A reader that gives each frame its number, time, size and focal length.
struct Numbered {
    reader: Box<dyn FrameReader>,
    /// `fps` is the stream's own, if it says one.
    options: StreamOptions,
    next_index: u64,
    /// Where frames come back to when they are done with, and those of them that are here to be read anew.
    spares: Arc<Spares>,
    spent: Vec<Frame>,
}

impl Inlet {
    /// An inlet in which at most `capacity` people wait.
    pub(super) fn new(
        reader: Box<dyn FrameReader>,
        capacity: usize,
        options: StreamOptions,
        spares: Arc<Spares>,
    ) -> Self {
        let options = StreamOptions { fps: options.fps.or(reader.info().fps), ..options };
        let here = Numbered { reader, options, next_index: 0, spares, spent: Vec::new() };
        Self { here: Some(here), queue: Arc::new(Queue::new(capacity)) }
    }

    /// All that is there, up to about `limit` people (at least one frame); waits only while there is nothing. Empty at
    /// the end of the stream.
    ///
    /// # Errors
    /// What ended the stream before its end.
    pub(super) fn take(&mut self, limit: usize) -> Result<Vec<Arrival>> {
        if let Some(mut here) = self.here.take() {
            let Some(arrival) = here.next()? else { return Ok(Vec::new()) };
            if !here.reader.has_more() {
                self.here = Some(here);
                return Ok(vec![arrival]);
            }
            self.queue.push(arrival);
            start(here, Arc::clone(&self.queue))?;
        }
        let arrivals = self.queue.take(limit);
        if arrivals.is_empty() { self.queue.end().map(|()| arrivals) } else { Ok(arrivals) }
    }

    /// As [`Self::take`], but never waits: empty where fewer than `least` people have been read already.
    pub(super) fn take_waiting(&self, least: usize, limit: usize) -> Vec<Arrival> {
        self.queue.take_waiting(least, limit)
    }
}

impl Drop for Inlet {
    /// Lets the thread go, but does not wait for it: it may stand in a read that never comes back.
    fn drop(&mut self) {
        self.queue.abandon();
    }
}

/// Starts reading into `queue`; the thread ends with the source, or when the queue is abandoned.
fn start(mut numbered: Numbered, queue: Arc<Queue>) -> Result<()> {
    let mut read_all = move |queue: &Queue| -> Result<()> {
        while let Some(arrival) = numbered.next()? {
            if !queue.push(arrival) {
                break;
            }
        }
        Ok(())
    };
    let read = move || queue.close(read_all(&queue));
    let thread = std::thread::Builder::new().name("read".to_owned()).spawn(read);
    thread.map(|_| ()).map_err(|error| Error::runtime(format!("cannot start a thread: {error}")))
}

impl Numbered {
    fn next(&mut self) -> Result<Option<Arrival>> {
        if self.spent.is_empty() {
            self.spent = self.spares.frames();
        }
        if let Some(spent) = self.spent.pop() {
            self.reader.reuse(spent);
        }
        let (frame, fault) = match self.reader.read() {
            Ok(Some(frame)) => (frame, None),
            Ok(None) => return Ok(None),
            Err(fault) if fault.kind() == ErrorKind::BadInput => {
                (Frame { index: self.next_index, ..Frame::default() }, Some(fault))
            }
            Err(error) => return Err(error),
        };
        let StreamOptions { fps, size, focal, .. } = self.options;
        self.next_index = frame.index.saturating_add(1);
        let time = frame.time.or_else(|| fps.map(|fps| frame.index as f64 / fps));
        let (size, focal) = (frame.size.or(size), frame.focal.or(focal));
        Ok(Some(Arrival { frame: Frame { time, size, focal, ..frame }, fault }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

    use std::sync::Mutex;
    use std::thread::{ThreadId, current};

    use super::*;
    use crate::format::StreamInfo;

    /// Six frames without number, the fourth of which comes before the third is lifted.
    struct Reader {
        info: StreamInfo,
        read: u64,
        read_on: Arc<Mutex<Vec<ThreadId>>>,
    }

    impl FrameReader for Reader {
        fn info(&self) -> &StreamInfo {
            &self.info
        }

        fn read(&mut self) -> Result<Option<Frame>> {
            self.read_on.lock().unwrap().push(current().id());
            self.read += 1;
            Ok((self.read <= 6).then(|| Frame { index: self.read - 1, ..Frame::default() }))
        }

        fn has_more(&mut self) -> bool {
            self.read >= 3
        }
    }

    #[test]
    fn reading_gets_its_own_thread_once_there_is_a_backlog() {
        let read_on = Arc::new(Mutex::new(Vec::new()));
        let info = StreamInfo { fps: Some(2.0), ..StreamInfo::default() };
        let reader = Box::new(Reader { info, read: 0, read_on: Arc::clone(&read_on) });
        let mut inlet =
            Inlet::new(reader, 10, StreamOptions { size: Some([8, 6]), ..StreamOptions::default() }, Arc::default());
        let mut frames = Vec::new();
        loop {
            let arrivals = inlet.take(10).unwrap();
            if arrivals.is_empty() {
                break;
            }
            frames.extend(arrivals.into_iter().map(|arrival| arrival.frame));
        }
        assert_eq!(frames.iter().map(|frame| frame.index).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
        assert!(frames.iter().all(|frame| frame.time == Some(frame.index as f64 / 2.0) && frame.size == Some([8, 6])));
        let here: Vec<_> = read_on.lock().unwrap().iter().map(|&thread| thread == current().id()).collect();
        assert_eq!(here, [true, true, true, false, false, false, false]);
    }
}

//! Reads frames: at first on the lifting thread, later on a reader thread.
//!
//! A live stream has the lowest latency without another thread in between; if the next frame is available before the
//! last one is lifted there is a backlog, and reading can overlap with lifting.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::StreamOptions;
use super::arrivals::Arrivals;
use super::batch::FramePool;
use super::queue::{BatchQueue, CloseOnDrop, Queued};
use crate::error::{Error, ErrorKind, Result};
use crate::format::FrameReader;
use crate::pose::Frame;
use crate::thread::spawn;

/// One frame as it was read, or an empty one in place of an unreadable frame.
#[derive(Debug)]
pub(super) struct ReadFrame {
    pub(super) frame: Frame,
    pub(super) fault: Option<Error>,
}

impl Queued for ReadFrame {
    fn weight(&self) -> usize {
        weight(&self.frame)
    }
}

/// A frame's weight in a queue: its number of people, 1 for an empty frame.
pub(super) fn weight(frame: &Frame) -> usize {
    frame.people.len().max(1)
}

/// The reader of a stream, on the calling thread or on its own.
pub(super) struct ReaderThread {
    /// The reader, as long as it has no thread.
    here: Option<NumberedReader>,
    thread: Option<JoinHandle<Result<()>>>,
    queue: Arc<BatchQueue<ReadFrame>>,
}

/// A reader that sets each frame's number, time, size and focal length.
struct NumberedReader {
    reader: Box<dyn FrameReader>,
    /// `fps` is the stream's own, if it states one.
    options: StreamOptions,
    /// Of a live stream without a rate.
    arrivals: Option<Arrivals>,
    next_index: u64,
    /// The pool that written frames return to, and frames from it that are ready to be reused.
    pool: Arc<FramePool>,
    written: Vec<Frame>,
}

impl ReaderThread {
    /// A reader that reads at most `capacity` people ahead; the thread starts when there is a backlog.
    pub(super) fn new(
        reader: Box<dyn FrameReader>,
        capacity: usize,
        options: StreamOptions,
        pool: Arc<FramePool>,
    ) -> Self {
        let options = StreamOptions { fps: options.fps.or(reader.info().fps), ..options };
        let arrivals = (reader.info().is_live && options.fps.is_none()).then(Arrivals::default);
        let here = NumberedReader { reader, options, arrivals, next_index: 0, pool, written: Vec::new() };
        Self { here: Some(here), thread: None, queue: Arc::new(BatchQueue::new(capacity, Duration::ZERO)) }
    }

    /// All available frames, up to about `limit` people (at least one frame); waits only while there are none. Empty
    /// at the end of the stream.
    ///
    /// # Errors
    /// The error that ended the stream early.
    pub(super) fn take(&mut self, limit: usize) -> Result<Vec<ReadFrame>> {
        if let Some(mut here) = self.here.take() {
            let Some(read) = here.next()? else { return Ok(Vec::new()) };
            if !here.reader.has_more() {
                self.here = Some(here);
                return Ok(vec![read]);
            }
            self.queue.push(read);
            self.thread = Some(start(here, Arc::clone(&self.queue))?);
        }
        let frames = self.queue.take(limit);
        if frames.is_empty()
            && let Some(thread) = self.thread.take()
        {
            // The queue is closed: the thread has ended.
            thread.join().unwrap_or_else(|_| Err(Error::runtime("the reading thread broke down")))?;
        }
        Ok(frames)
    }

    /// As [`Self::take`], but never waits: empty if fewer than `least` people have been read.
    pub(super) fn take_waiting(&self, least: usize, limit: usize) -> Vec<ReadFrame> {
        self.queue.take_waiting(least, limit)
    }
}

impl Drop for ReaderThread {
    /// Detaches the thread without waiting for it: it may be blocked in a read forever.
    fn drop(&mut self) {
        drop(self.queue.abandon());
    }
}

/// Starts reading into `queue`; the thread ends with the source, or when the queue is abandoned.
fn start(mut reader: NumberedReader, queue: Arc<BatchQueue<ReadFrame>>) -> Result<JoinHandle<Result<()>>> {
    let read_all = move || {
        let _close = CloseOnDrop(&queue);
        while let Some(read) = reader.next()? {
            if !queue.push(read) {
                break;
            }
        }
        Ok(())
    };
    spawn("read", read_all)
}

impl NumberedReader {
    fn next(&mut self) -> Result<Option<ReadFrame>> {
        if self.written.is_empty() {
            self.written = self.pool.frames();
        }
        if let Some(written) = self.written.pop() {
            self.reader.reuse(written);
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
        let time = frame.time_at(fps);
        let time = self.arrivals.as_mut().map_or(time, |arrivals| arrivals.time_of(time));
        let (size, focal) = (frame.size.or(size), frame.focal.or(focal));
        Ok(Some(ReadFrame { frame: Frame { time, size, focal, ..frame }, fault }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

    use std::sync::Mutex;
    use std::thread::{ThreadId, current};

    use super::*;
    use crate::format::StreamInfo;

    /// Six frames without numbers, the fourth of which arrives before the third is lifted.
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
        let options = StreamOptions { size: Some([8, 6]), ..StreamOptions::default() };
        let mut reader = ReaderThread::new(reader, 10, options, Arc::default());
        let mut frames = Vec::new();
        loop {
            let read = reader.take(10).unwrap();
            if read.is_empty() {
                break;
            }
            frames.extend(read.into_iter().map(|read| read.frame));
        }
        assert_eq!(frames.iter().map(|frame| frame.index).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
        assert!(frames.iter().all(|frame| frame.time == Some(frame.index as f64 / 2.0) && frame.size == Some([8, 6])));
        let here: Vec<_> = read_on.lock().unwrap().iter().map(|&thread| thread == current().id()).collect();
        assert_eq!(here, [true, true, true, false, false, false, false]);
    }

    #[test]
    fn live_frames_without_times_have_those_of_their_arrival() {
        let read = |info| {
            let reader = Box::new(Reader { info, read: 0, read_on: Arc::default() });
            let mut reader = ReaderThread::new(reader, 10, StreamOptions::default(), Arc::default());
            let mut times = Vec::new();
            loop {
                let read = reader.take(10).unwrap();
                if read.is_empty() {
                    return times;
                }
                times.extend(read.into_iter().map(|read| read.frame.time));
            }
        };
        let live = StreamInfo { is_live: true, ..StreamInfo::default() };
        let times: Vec<f64> = read(live.clone()).into_iter().flatten().collect();
        assert!(times.len() == 6 && times[0] == 0.0 && times.is_sorted(), "{times:?}");
        assert_eq!(read(StreamInfo { fps: Some(2.0), ..live })[..2], [Some(0.0), Some(0.5)]);
        assert_eq!(read(StreamInfo::default())[0], None);
        let mut own = Arrivals::default();
        assert_eq!([own.time_of(Some(7.0)), own.time_of(None)], [Some(7.0), None]);
    }

    /// Gives two frames, then panics.
    struct BrokenReader(StreamInfo, u64);

    impl FrameReader for BrokenReader {
        fn info(&self) -> &StreamInfo {
            &self.0
        }

        fn read(&mut self) -> Result<Option<Frame>> {
            self.1 += 1;
            if self.1 > 2 {
                std::panic::resume_unwind(Box::new("a bug"));
            }
            Ok(Some(Frame::default()))
        }

        fn has_more(&mut self) -> bool {
            true
        }
    }

    #[test]
    fn a_reading_thread_that_panics_ends_the_stream_with_an_error() {
        let reader = Box::new(BrokenReader(StreamInfo::default(), 0));
        let mut reader = ReaderThread::new(reader, 10, StreamOptions::default(), Arc::default());
        let mut frames = 0;
        let error = loop {
            match reader.take(10) {
                Ok(read) if read.is_empty() => panic!("the stream did not end well"),
                Ok(read) => frames += read.len(),
                Err(error) => break error,
            }
        };
        assert_eq!((frames, error.to_string().as_str()), (2, "the reading thread broke down"));
    }
}

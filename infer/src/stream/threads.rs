//! Reads frames and writes poses: at first on the lifting thread, later each on a thread of its own.
//!
//! A live stream has the lowest latency without other threads in between. If the next frame is available before the
//! last one is lifted there is a backlog, as from a file: then reading and writing can overlap with lifting.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::StreamOptions;
use super::arrivals::{Arrivals, FrameDefaults};
use super::batch::{FramePool, WriteBatch};
use super::queue::{BatchQueue, CloseOnDrop, Queued};
use crate::error::{Error, ErrorKind, Result};
use crate::format::{FrameReader, PoseWriter};
use crate::pose::Frame;
use crate::thread::spawn;

/// Batches that may wait for the writer thread.
const UNWRITTEN_BATCHES: usize = 2;

/// One frame as it was read, or an empty one in state of an unreadable frame.
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
    defaults: FrameDefaults,
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
        let StreamOptions { fps, size, focal, .. } = options;
        let defaults = FrameDefaults { fps: fps.or(reader.info().fps), size, focal };
        let arrivals = (reader.info().is_live && defaults.fps.is_none()).then(Arrivals::default);
        let here = NumberedReader { reader, defaults, arrivals, next_index: 0, pool, written: Vec::new() };
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
    spawn("read", move || {
        let _close = CloseOnDrop(&queue);
        while let Some(read) = reader.next()? {
            if !queue.push(read) {
                break;
            }
        }
        Ok(())
    })
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
        self.next_index = frame.index.saturating_add(1);
        Ok(Some(ReadFrame { frame: self.defaults.complete(frame, self.arrivals.as_mut()), fault }))
    }
}

/// The writer of a stream, on the calling thread or on its own.
pub(super) struct WriterThread {
    state: WriterState,
    /// The pool that written frames return to.
    pool: Arc<FramePool>,
}

/// The writer's current state.
enum WriterState {
    Here(Box<dyn PoseWriter>),
    OnThread {
        batches: SyncSender<WriteBatch>,
        thread: JoinHandle<Result<()>>,
    },
    /// It was lost with a thread that could not be started; the stream ends.
    Lost,
}

impl WriterThread {
    /// `writer` on the calling thread.
    pub(super) fn new(writer: Box<dyn PoseWriter>, pool: Arc<FramePool>) -> Self {
        Self { state: WriterState::Here(writer), pool }
    }

    /// Whether the writer has no thread yet.
    pub(super) fn is_here(&self) -> bool {
        matches!(self.state, WriterState::Here(_))
    }

    /// Moves the writer to its own thread, if it has none.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub(super) fn move_to_thread(&mut self) -> Result<()> {
        let mut writer = match std::mem::replace(&mut self.state, WriterState::Lost) {
            WriterState::Here(writer) => writer,
            other => {
                self.state = other;
                return Ok(());
            }
        };
        let (batches, waiting) = sync_channel::<WriteBatch>(UNWRITTEN_BATCHES);
        let pool = Arc::clone(&self.pool);
        let thread = spawn("write", move || {
            let written = write_batches(writer.as_mut(), &waiting, &pool);
            // Output before a failure is completed too; the first failure is reported.
            let finished = writer.finish();
            written.and(finished)
        })?;
        self.state = WriterState::OnThread { batches, thread };
        Ok(())
    }

    /// Writes and flushes a batch, or sends it to the thread; false if that thread has ended, for a reason that
    /// [`Self::finish`] returns.
    ///
    /// # Errors
    /// The output failed.
    pub(super) fn write(&mut self, batch: WriteBatch) -> Result<bool> {
        match &mut self.state {
            WriterState::Here(writer) => write_batch(writer.as_mut(), batch, &self.pool).map(|()| true),
            WriterState::OnThread { batches, .. } => Ok(batches.send(batch).is_ok()),
            WriterState::Lost => Ok(false),
        }
    }

    /// Completes the output.
    ///
    /// # Errors
    /// The first error of writing.
    pub(super) fn finish(self) -> Result<()> {
        match self.state {
            WriterState::Here(writer) => writer.finish(),
            WriterState::OnThread { batches, thread } => {
                drop(batches);
                thread.join().unwrap_or_else(|_| Err(Error::runtime("the writing thread broke down")))
            }
            WriterState::Lost => Ok(()),
        }
    }
}

/// Writes what comes, until no more comes.
fn write_batches(writer: &mut dyn PoseWriter, waiting: &Receiver<WriteBatch>, pool: &FramePool) -> Result<()> {
    for batch in waiting {
        write_batch(writer, batch, pool)?;
    }
    Ok(())
}

fn write_batch(writer: &mut dyn PoseWriter, batch: WriteBatch, pool: &FramePool) -> Result<()> {
    let WriteBatch { frames, lifted } = batch;
    for (frame, lifted) in frames.iter().zip(&lifted) {
        writer.write(frame, lifted)?;
    }
    writer.flush()?;
    pool.put(frames, lifted);
    Ok(())
}

#[cfg(test)]
mod tests;

//! Poses to their writer: at first written on the lifting thread, then by a thread of the writer's own.
//!
//! A live stream is answered soonest without another thread in between; one that fills whole batches is a file, and
//! writing it may overlap with lifting.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::frame_pool::FramePool;
use crate::error::{Error, Result};
use crate::format::PoseWriter;
use crate::pose::{Frame, LiftedFrame};

/// Batches that may wait for the writing thread.
const WAITING_BATCHES: usize = 2;

/// Frames and what was lifted from them, in order.
pub(super) struct WriteBatch {
    pub(super) frames: Vec<Frame>,
    pub(super) lifted: Vec<LiftedFrame>,
}

/// The writer of a stream, on the thread that calls or on its own.
pub(super) struct WriterThread {
    place: Place,
    /// Where written frames go.
    pool: Arc<FramePool>,
}

/// Where the writer is.
enum Place {
    Here(Box<dyn PoseWriter>),
    OnThread {
        batches: SyncSender<WriteBatch>,
        thread: JoinHandle<Result<()>>,
    },
    /// It went with a thread that could not be started; the stream ends.
    Lost,
}

impl WriterThread {
    /// `writer` on the thread that calls.
    pub(super) fn new(writer: Box<dyn PoseWriter>, pool: Arc<FramePool>) -> Self {
        Self { place: Place::Here(writer), pool }
    }

    /// Whether the writer has no thread of its own.
    pub(super) fn is_here(&self) -> bool {
        matches!(self.place, Place::Here(_))
    }

    /// Gives the writer its own thread, if it has none.
    ///
    /// # Errors
    /// A thread that cannot be started.
    pub(super) fn move_to_thread(&mut self) -> Result<()> {
        let mut writer = match std::mem::replace(&mut self.place, Place::Lost) {
            Place::Here(writer) => writer,
            other => {
                self.place = other;
                return Ok(());
            }
        };
        let (batches, waiting) = sync_channel::<WriteBatch>(WAITING_BATCHES);
        let pool = Arc::clone(&self.pool);
        let write_all = move || {
            let written = waiting.iter().try_for_each(|batch| write_batch(writer.as_mut(), batch, &pool));
            // What was written before a failure is completed too; the first failure is what is told.
            let finished = writer.finish();
            written.and(finished)
        };
        let thread = std::thread::Builder::new().name("write".to_owned()).spawn(write_all);
        let thread = thread.map_err(|error| Error::runtime(format!("cannot start a thread: {error}")))?;
        self.place = Place::OnThread { batches, thread };
        Ok(())
    }

    /// Writes and flushes a batch, or sends it to the thread; false if that thread has ended, of which [`Self::finish`]
    /// gives the cause.
    ///
    /// # Errors
    /// The output failed.
    pub(super) fn write(&mut self, batch: WriteBatch) -> Result<bool> {
        match &mut self.place {
            Place::Here(writer) => write_batch(writer.as_mut(), batch, &self.pool).map(|()| true),
            Place::OnThread { batches, .. } => Ok(batches.send(batch).is_ok()),
            Place::Lost => Ok(false),
        }
    }

    /// Completes the output.
    ///
    /// # Errors
    /// The first that writing met.
    pub(super) fn finish(self) -> Result<()> {
        match self.place {
            Place::Here(writer) => writer.finish(),
            Place::OnThread { batches, thread } => {
                drop(batches);
                thread.join().unwrap_or_else(|_| Err(Error::runtime("the writing thread broke down")))
            }
            Place::Lost => Ok(()),
        }
    }
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

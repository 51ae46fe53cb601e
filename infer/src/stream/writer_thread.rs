//! Writes poses: at first on the lifting thread, later on a writer thread.
//!
//! A live stream has the lowest latency without another thread in between; a stream that fills whole batches is a
//! file, and writing it can overlap with lifting.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::batch::{FramePool, WriteBatch};
use crate::error::{Error, Result};
use crate::format::PoseWriter;
use crate::thread::spawn;

/// Batches that may wait for the writer thread.
const WAITING_BATCHES: usize = 2;

/// The writer of a stream, on the calling thread or on its own.
pub(super) struct WriterThread {
    place: Place,
    /// The pool that written frames return to.
    pool: Arc<FramePool>,
}

/// The writer's current place.
enum Place {
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
        Self { place: Place::Here(writer), pool }
    }

    /// Whether the writer has no thread yet.
    pub(super) fn is_here(&self) -> bool {
        matches!(self.place, Place::Here(_))
    }

    /// Moves the writer to its own thread, if it has none.
    ///
    /// # Errors
    /// A thread cannot be started.
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
            // Output before a failure is completed too; the first failure is reported.
            let finished = writer.finish();
            written.and(finished)
        };
        let thread = spawn("write", write_all)?;
        self.place = Place::OnThread { batches, thread };
        Ok(())
    }

    /// Writes and flushes a batch, or sends it to the thread; false if that thread has ended, for a reason that
    /// [`Self::finish`] returns.
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
    /// The first error of writing.
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

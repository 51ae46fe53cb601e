//! The way out: poses to their writer, at first on the lifting thread, then on one of its own.
//!
//! A live stream is answered soonest without another thread in between; one
//! that fills whole batches is a file, and writing it may overlap with lifting.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::spares::Spares;
use crate::error::{Error, Result};
use crate::format::PoseWriter;
use crate::pose::{Frame, LiftedFrame};

/// Batches that may wait for the writing thread.
const WAITING_BATCHES: usize = 2;

/// Frames and what was lifted from them, in order.
pub(super) struct Answered {
    pub(super) frames: Vec<Frame>,
    pub(super) lifted: Vec<LiftedFrame>,
}

/// The writer, here or on its thread; one of the two is always there.
pub(super) struct Outlet {
    here: Option<Box<dyn PoseWriter>>,
    thread: Option<(SyncSender<Answered>, JoinHandle<Result<()>>)>,
    /// Where what was written goes.
    spares: Arc<Spares>,
}

impl Outlet {
    pub(super) fn new(writer: Box<dyn PoseWriter>, spares: Arc<Spares>) -> Self {
        Self { here: Some(writer), thread: None, spares }
    }

    /// Whether the writer has no thread of its own.
    pub(super) fn is_here(&self) -> bool {
        self.here.is_some()
    }

    /// Gives the writer its own thread, if it has none.
    pub(super) fn move_to_thread(&mut self) -> Result<()> {
        let Some(mut writer) = self.here.take() else { return Ok(()) };
        let (sender, receiver) = sync_channel::<Answered>(WAITING_BATCHES);
        let spares = Arc::clone(&self.spares);
        let write = move || {
            let written = receiver.iter().try_for_each(|batch| write_batch(writer.as_mut(), batch, &spares));
            // What was written before a failure is completed too; the first failure is what is told.
            let finished = writer.finish();
            written.and(finished)
        };
        let thread = std::thread::Builder::new().name("write".to_owned()).spawn(write);
        let thread = thread.map_err(|error| Error::runtime(format!("cannot start a thread: {error}")))?;
        self.thread = Some((sender, thread));
        Ok(())
    }

    /// Writes and flushes a batch, or hands it to the thread; false if that thread has given up.
    pub(super) fn write(&mut self, batch: Answered) -> Result<bool> {
        if let Some(writer) = &mut self.here {
            return write_batch(writer.as_mut(), batch, &self.spares).map(|()| true);
        }
        Ok(self.thread.as_ref().is_none_or(|(sender, _)| sender.send(batch).is_ok()))
    }

    /// Completes the output; the error is the first that writing met.
    pub(super) fn finish(self) -> Result<()> {
        let finished = self.here.map_or(Ok(()), |writer| writer.finish());
        let Some((sender, thread)) = self.thread else { return finished };
        drop(sender);
        thread.join().unwrap_or_else(|_| Err(Error::runtime("the writing thread broke down")))
    }
}

fn write_batch(writer: &mut dyn PoseWriter, batch: Answered, spares: &Spares) -> Result<()> {
    let Answered { frames, lifted } = batch;
    for (frame, lifted) in frames.iter().zip(&lifted) {
        writer.write(frame, lifted)?;
    }
    writer.flush()?;
    spares.give_back(frames, lifted);
    Ok(())
}

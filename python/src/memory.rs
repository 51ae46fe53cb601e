//! Readers and writers of frames that are in memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use poselift::Result;
use poselift::format::{FrameReader, PoseInfo, PoseReader, PoseWriter, StreamInfo};
use poselift::pose::{Frame, LiftedFrame};
use poselift::skeleton::Layout;

/// Poses that are read from memory.
pub(crate) struct MemoryReader {
    info: PoseInfo,
    frames: std::vec::IntoIter<LiftedFrame>,
}

impl MemoryReader {
    pub(crate) fn new(info: PoseInfo, frames: Vec<LiftedFrame>) -> Self {
        Self { info, frames: frames.into_iter() }
    }
}

impl PoseReader for MemoryReader {
    fn info(&self) -> &PoseInfo {
        &self.info
    }

    fn read(&mut self) -> Result<Option<LiftedFrame>> {
        Ok(self.frames.next())
    }
}

/// Poses that are written to memory; clones share them.
#[derive(Clone, Default)]
pub(crate) struct Collected(Arc<Mutex<Vec<LiftedFrame>>>);

impl Collected {
    /// What was written since the last call.
    pub(crate) fn take(&self) -> Vec<LiftedFrame> {
        std::mem::take(&mut *lock(&self.0))
    }

    /// What writes to it.
    pub(crate) fn writer(&self) -> Box<dyn PoseWriter> {
        Box::new(self.clone())
    }
}

impl PoseWriter for Collected {
    fn write(&mut self, _frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        lock(&self.0).push(lifted.clone());
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

/// Sentences that are gathered while something is read; clones share them.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    pub(crate) fn add(&self, text: String) {
        lock(&self.0).push(text);
    }

    /// Those since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.0))
    }
}

/// Key points that are read from memory.
pub(crate) struct FrameQueue {
    frames: VecDeque<Frame>,
    info: StreamInfo,
}

impl FrameQueue {
    /// Frames in `layout`, if that is known.
    pub(crate) fn new(frames: Vec<Frame>, layout: Option<&'static Layout>, fps: Option<f64>) -> Self {
        Self { frames: frames.into(), info: StreamInfo { layout, fps, ..StreamInfo::default() } }
    }
}

impl FrameReader for FrameQueue {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        Ok(self.frames.pop_front())
    }

    fn has_more(&mut self) -> bool {
        !self.frames.is_empty()
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

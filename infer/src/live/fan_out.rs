//! One stream of poses to several writers, and to receivers that see them move.

use std::time::{Duration, Instant};

use crate::error::Result;
use crate::format::PoseWriter;
use crate::pose::{Frame, LiftedFrame};

/// Gives every frame to each of several writers.
pub struct FanOut {
    /// The first is the fastest to be given a frame.
    writers: Vec<Box<dyn PoseWriter>>,
}

impl FanOut {
    /// To `writers`, in this order.
    pub fn new(writers: Vec<Box<dyn PoseWriter>>) -> Self {
        Self { writers }
    }
}

impl PoseWriter for FanOut {
    fn write(&mut self, frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        self.writers.iter_mut().try_for_each(|writer| writer.write(frame, lifted))
    }

    fn flush(&mut self) -> Result<()> {
        self.writers.iter_mut().try_for_each(|writer| writer.flush())
    }

    /// Completes all of them in any case; the first failure is reported.
    fn finish(self: Box<Self>) -> Result<()> {
        self.writers.into_iter().map(PoseWriter::finish).fold(Ok(()), Result::and)
    }
}

/// Gives frames to a writer at the pace of their times, as a clip is played. Frames without a time go at once.
pub struct PacedWriter {
    writer: Box<dyn PoseWriter>,
    /// When the first frame went, and its time.
    start: Option<(Instant, f64)>,
}

impl PacedWriter {
    /// Plays to `writer`.
    pub fn new(writer: Box<dyn PoseWriter>) -> Self {
        Self { writer, start: None }
    }

    fn wait_for(&mut self, time: f64) {
        let (began, first) = *self.start.get_or_insert_with(|| (Instant::now(), time));
        let due = Duration::try_from_secs_f64(time - first).unwrap_or_default();
        std::thread::sleep(due.saturating_sub(began.elapsed()));
    }
}

impl PoseWriter for PacedWriter {
    fn write(&mut self, frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        if let Some(time) = lifted.time {
            self.wait_for(time);
        }
        self.writer.write(frame, lifted)
    }

    fn flush(&mut self) -> Result<()> {
        self.writer.flush()
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.writer.finish()
    }
}

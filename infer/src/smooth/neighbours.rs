//! Frames with those around them in time: what changes poses by later ones delays them, and keeps earlier ones for a while.

use std::collections::VecDeque;

use crate::error::Result;
use crate::format::PoseWriter;
use crate::pose::{Frame, LiftedFrame};

/// Frames that wait for later ones, and earlier ones that they are changed by.
pub(crate) struct Neighbours {
    /// How far before and after a frame others are near it, seconds.
    reach: f64,
    /// Sorted by time.
    frames: VecDeque<Neighbour>,
    /// Number of frames, from the first on, that are written.
    written: usize,
}

/// A frame of a known time.
pub(crate) struct Neighbour {
    /// Seconds.
    pub(crate) time: f64,
    pub(crate) frame: Frame,
    pub(crate) lifted: LiftedFrame,
}

impl Neighbours {
    pub(crate) fn new(reach: f64) -> Self {
        Self { reach, frames: VecDeque::new(), written: 0 }
    }

    /// When the last frame was, seconds; −∞ without any.
    pub(crate) fn last_time(&self) -> f64 {
        self.frames.back().map_or(f64::NEG_INFINITY, |last| last.time)
    }

    /// Adds a frame at `time`, no earlier than all before.
    pub(crate) fn push(&mut self, time: f64, frame: Frame, lifted: LiftedFrame) {
        self.frames.push_back(Neighbour { time, frame, lifted });
    }

    /// All frames that may be near one that waits.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Neighbour> {
        self.frames.iter()
    }

    /// Writes the frames that no frame later than `time` is near. `change` gets a copy of each to change by its neighbours.
    ///
    /// # Errors
    /// Errors of the writer.
    pub(crate) fn write_until(
        &mut self,
        time: f64,
        writer: &mut dyn PoseWriter,
        change: impl Fn(&Self, &Neighbour, &mut LiftedFrame),
    ) -> Result<()> {
        while self.frames.get(self.written).is_some_and(|waiting| waiting.time + self.reach <= time) {
            self.write_next(writer, &change)?;
        }
        Ok(())
    }

    /// Writes the waiting frames, and forgets all.
    ///
    /// # Errors
    /// Errors of the writer.
    pub(crate) fn write_rest(
        &mut self,
        writer: &mut dyn PoseWriter,
        change: impl Fn(&Self, &Neighbour, &mut LiftedFrame),
    ) -> Result<()> {
        while self.written < self.frames.len() {
            self.write_next(writer, &change)?;
        }
        self.frames.clear();
        self.written = 0;
        Ok(())
    }

    fn write_next(
        &mut self,
        writer: &mut dyn PoseWriter,
        change: &impl Fn(&Self, &Neighbour, &mut LiftedFrame),
    ) -> Result<()> {
        let next = &self.frames[self.written];
        let mut changed = next.lifted.clone();
        change(self, next, &mut changed);
        let written = writer.write(&next.frame, &changed);
        self.written += 1;
        let oldest = self.frames.get(self.written).map_or(f64::NEG_INFINITY, |next| next.time - self.reach);
        while self.written > 0 && self.frames.front().is_some_and(|first| first.time <= oldest) {
            self.frames.pop_front();
            self.written -= 1;
        }
        written
    }
}

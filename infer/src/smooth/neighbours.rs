//! Frames with those around them in time: what changes poses by later ones delays them, and keeps earlier ones for a while.

use std::collections::VecDeque;

use crate::error::Result;
use crate::format::PoseWriter;
use crate::pose::{Frame, LiftedFrame};

/// Most frames that are kept, so that a clock of nonsense cannot gather a whole stream.
const MAX_FRAMES: usize = 8192;

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

    /// The time of a frame, seconds; one without people that has none, as an unreadable one, is taken to come at once after the last.
    pub(crate) fn time_of(&self, lifted: &LiftedFrame) -> Option<f64> {
        let time = match lifted.time {
            Some(time) => time,
            None if lifted.people.is_empty() => self.last_time(),
            None => return None,
        };
        time.is_finite().then_some(time)
    }

    /// Whether a frame at `time` begins another clip: time goes back, or people are seen twice at one time.
    pub(crate) fn is_another_clip(&self, time: f64, lifted: &LiftedFrame) -> bool {
        time < self.last_time() || time == self.last_time() && !lifted.people.is_empty()
    }

    /// Adds a frame at `time`, no earlier than all before.
    pub(crate) fn push(&mut self, time: f64, frame: Frame, lifted: LiftedFrame) {
        self.frames.push_back(Neighbour { time, frame, lifted });
    }

    /// When the first frame was that waits, seconds.
    pub(crate) fn first_waiting(&self) -> Option<f64> {
        self.frames.get(self.written).map(|first| first.time)
    }

    /// Where more frames wait than may, the time of the one in their middle, seconds.
    pub(crate) fn middle_of_too_many(&self) -> Option<f64> {
        let waiting = self.waiting();
        (waiting > MAX_FRAMES).then(|| self.frames[self.written + waiting / 2].time)
    }

    /// Number of frames that wait.
    fn waiting(&self) -> usize {
        self.frames.len() - self.written
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
        while self.frames.get(self.written).is_some_and(|waiting| waiting.time + self.reach <= time)
            || self.waiting() > MAX_FRAMES
        {
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
        // Where none waits, the next one comes after the last.
        let next = self.frames.get(self.written).or(self.frames.back());
        let oldest = next.map_or(f64::NEG_INFINITY, |next| next.time - self.reach);
        while self.written > 0
            && (self.written > MAX_FRAMES || self.frames.front().is_some_and(|first| first.time <= oldest))
        {
            self.frames.pop_front();
            self.written -= 1;
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nowhere;

    impl PoseWriter for Nowhere {
        fn write(&mut self, _: &Frame, _: &LiftedFrame) -> Result<()> {
            Ok(())
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }

        fn finish(self: Box<Self>) -> Result<()> {
            Ok(())
        }
    }

    /// The most frames that are kept while `count` come `step` seconds apart; each is written `wait` seconds later.
    fn kept(count: usize, step: f64, wait: f64) -> usize {
        let mut frames = Neighbours::new(0.1);
        let mut most = 0;
        for index in 0..count {
            let time = index as f64 * step;
            frames.push(time, Frame::default(), LiftedFrame::default());
            frames.write_until(time + 0.1 - wait, &mut Nowhere, |_, _, _| ()).expect("nothing fails");
            most = most.max(frames.iter().count());
        }
        most
    }

    #[test]
    fn no_more_frames_are_kept_than_are_near() {
        // Live, each is written at once; else a tenth of a second later, with as much before it.
        assert!(kept(1000, 0.01, 0.0) <= 12, "{}", kept(1000, 0.01, 0.0));
        assert!(kept(1000, 0.01, 0.1) <= 22, "{}", kept(1000, 0.01, 0.1));
        assert!(kept(3 * MAX_FRAMES, 1e-9, 0.1) <= 2 * MAX_FRAMES + 2);
        assert!(kept(3 * MAX_FRAMES, 1e-9, 0.0) <= 2 * MAX_FRAMES + 2);
    }

    #[test]
    fn a_frame_without_time_and_people_comes_after_the_last() {
        let mut frames = Neighbours::new(0.1);
        let unreadable = LiftedFrame::default();
        assert_eq!(frames.time_of(&unreadable), None);
        frames.push(2.0, Frame::default(), LiftedFrame::default());
        assert_eq!(frames.time_of(&unreadable), Some(2.0));
        assert!(!frames.is_another_clip(2.0, &unreadable) && frames.is_another_clip(1.9, &unreadable));
    }
}

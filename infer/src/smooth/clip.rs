//! Smooths poses by the ones before and after them.

use std::collections::VecDeque;

use super::{Bones, Track, line};
use crate::error::Result;
use crate::format::PoseWriter;
use crate::pose::{Frame, LiftedFrame};

/// Frames that wait for later ones, and earlier frames that still smooth them.
pub(super) struct Clip {
    /// Reach forward and back, seconds.
    reach: f64,
    /// Sorted by time, seconds.
    frames: VecDeque<(f64, Frame, LiftedFrame)>,
    /// Number of frames, from the first on, that are written.
    written: usize,
}

impl Clip {
    pub(super) fn new(reach: f64) -> Self {
        Self { reach, frames: VecDeque::new(), written: 0 }
    }

    /// Adds a frame at `time`, no earlier than all before.
    pub(super) fn push(&mut self, time: f64, frame: &Frame, lifted: &LiftedFrame) {
        self.frames.push_back((time, frame.clone(), lifted.clone()));
    }

    /// Writes the frames that no frame later than `time` can influence.
    pub(super) fn write_until(&mut self, time: f64, bones: &Bones, writer: &mut dyn PoseWriter) -> Result<()> {
        while self.frames.get(self.written).is_some_and(|(waiting, ..)| waiting + self.reach <= time) {
            self.write_next(bones, writer)?;
        }
        Ok(())
    }

    /// Writes the waiting frames, and forgets all.
    pub(super) fn write_rest(&mut self, bones: &Bones, writer: &mut dyn PoseWriter) -> Result<()> {
        while self.written < self.frames.len() {
            self.write_next(bones, writer)?;
        }
        self.frames.clear();
        self.written = 0;
        Ok(())
    }

    fn write_next(&mut self, bones: &Bones, writer: &mut dyn PoseWriter) -> Result<()> {
        let (time, frame, lifted) = &self.frames[self.written];
        let mut smooth = lifted.clone();
        for (place, person) in smooth.people.iter_mut().enumerate() {
            if let Some(track) = Track::of(&lifted.people, place) {
                line::smooth(self.around(*time, track, place), &mut person.joints);
                bones.restore(track, &mut person.joints);
            }
        }
        let written = writer.write(frame, &smooth);
        self.written += 1;
        let oldest = self.frames.get(self.written).map_or(f64::NEG_INFINITY, |(next, ..)| next - self.reach);
        while self.written > 0 && self.frames.front().is_some_and(|(first, ..)| *first <= oldest) {
            self.frames.pop_front();
            self.written -= 1;
        }
        written
    }

    /// The poses of `track` near `time`, probably at index `place`, with their distances in time: −1 to 1 in reaches.
    fn around(&self, time: f64, track: Track, place: usize) -> impl Iterator<Item = (f64, &[[f32; 3]])> {
        self.frames.iter().filter_map(move |(when, _, lifted)| {
            let apart = (when - time) / self.reach;
            let is_near = apart.abs() < 1.0;
            track.find(&lifted.people, place).filter(|_| is_near).map(|person| (apart, &person.joints[..]))
        })
    }
}

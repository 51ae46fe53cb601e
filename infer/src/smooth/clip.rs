//! Smooths poses by the ones before and after them.

use super::neighbours::{Neighbour, Neighbours};
use super::{Bones, Track, local_line};
use crate::error::Result;
use crate::format::PoseWriter;
use crate::pose::{Frame, LiftedFrame};

/// Smooths by the frames within a reach.
pub(super) struct Clip {
    /// Reach forward and back, seconds.
    reach: f64,
    /// How far ahead bones are learned from before a frame is written, seconds, if that is further than the reach.
    pub(super) bones_ahead: f64,
    frames: Neighbours,
}

impl Clip {
    pub(super) fn new(reach: f64) -> Self {
        Self { reach, bones_ahead: reach, frames: Neighbours::new(reach) }
    }

    /// Adds a frame at `time`, no earlier than all before.
    pub(super) fn push(&mut self, time: f64, frame: &Frame, lifted: &LiftedFrame) {
        self.frames.push(time, frame.clone(), lifted.clone());
    }

    /// Writes the frames that no frame later than `time` can influence.
    pub(super) fn write_until(&mut self, time: f64, bones: &Bones, writer: &mut dyn PoseWriter) -> Result<()> {
        let waits = (self.bones_ahead - self.reach).max(0.0);
        self.frames.write_until(time - waits, writer, smoothing(self.reach, bones))
    }

    /// Writes the waiting frames, and forgets all.
    pub(super) fn write_rest(&mut self, bones: &Bones, writer: &mut dyn PoseWriter) -> Result<()> {
        self.frames.write_rest(writer, smoothing(self.reach, bones))
    }
}

/// Smooths a frame by its neighbours, and gives bones their lengths.
fn smoothing(reach: f64, bones: &Bones) -> impl Fn(&Neighbours, &Neighbour, &mut LiftedFrame) {
    move |frames, Neighbour { time, lifted, .. }, smooth| {
        for (place, person) in smooth.people.iter_mut().enumerate() {
            if let Some(track) = Track::of(&lifted.people, place) {
                local_line::smooth(around(frames, reach, *time, track, place), &mut person.joints);
                bones.restore(track, &mut person.joints);
            }
        }
    }
}

/// The poses of `track` near `time`, probably at index `place`, with their distances in time: −1 to 1 in reaches.
fn around(
    frames: &Neighbours,
    reach: f64,
    time: f64,
    track: Track,
    place: usize,
) -> impl Iterator<Item = (f64, &[[f32; 3]])> {
    frames.iter().take_while(move |near| (near.time - time) / reach < 1.0).filter_map(move |near| {
        let apart = (near.time - time) / reach;
        let is_near = apart > -1.0;
        track.find(&near.lifted.people, place).filter(|_| is_near).map(|person| (apart, &person.joints[..]))
    })
}

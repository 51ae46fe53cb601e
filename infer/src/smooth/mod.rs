//! Smoothing: each person's joints are smoothed over time, with bones that keep their lengths.
//!
//! A lifter looks at single frames, so its poses jitter as key points do, and so do bone lengths. [`SmoothWriter`] is
//! put in front of any other writer. Joints pass a filter: with [`Smoothing::Clip`] by the poses before and after,
//! which delays them a little, with [`Smoothing::Live`] by the poses before alone, without delay. Any mean over a
//! rotating limb is too short, so bones are then set to the mean length that they had so far, left and right alike, or that they
//! turn out to have ([`SmoothWriter::waiting_for_bones`]).

mod bones;
mod clip;
mod level;
mod live;
mod local_line;
mod neighbours;
mod one_euro;
mod track;

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::format::PoseWriter;
use crate::pose::{Frame, LiftedFrame};
pub(crate) use bones::BoneTree;
use bones::Bones;
use clip::Clip;
pub use level::LevelWriter;
use live::Live;
pub(crate) use local_line::LocalLine;
pub(crate) use neighbours::{Neighbour, Neighbours};
pub(crate) use track::{Track, is_crowded};

/// Default reach of clip smoothing, forward and back, seconds.
const USUAL_REACH: f64 = 0.1;
/// How far ahead bones are learned from in clips that may wait, seconds: shorter clips have bones of one length from the first frame.
const BONES_AHEAD: f64 = 10.0;
/// Default cut-off frequency of joints that stand still, Hz.
const USUAL_CUTOFF: f64 = 2.0;

/// The filter for poses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Smoothing {
    /// Lines fitted through the poses within this many seconds before and after each one, which delays poses by as
    /// much.
    Clip(f64),
    /// The One Euro filter, with this cut-off frequency in Hz for a joint that stands still; without delay.
    Live(f64),
}

impl FromStr for Smoothing {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (way, amount) = match text.split_once(':') {
            Some((way, amount)) => (way, Some(positive(amount).ok_or_else(|| unknown_smoothing(text))?)),
            None => (text, None),
        };
        match way {
            "clip" => Ok(Self::Clip(amount.unwrap_or(USUAL_REACH))),
            "live" => Ok(Self::Live(amount.unwrap_or(USUAL_CUTOFF))),
            _ => Err(unknown_smoothing(text)),
        }
    }
}

/// The finite number above 0 that a text is.
fn positive(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0)
}

fn unknown_smoothing(text: &str) -> Error {
    let expected = "expected clip, clip:SECONDS, live or live:HZ, with a number above 0";
    Error::usage(format!("unknown smoothing '{text}', {expected}"))
}

impl fmt::Display for Smoothing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clip(reach) => write!(f, "clip:{reach}"),
            Self::Live(cutoff) => write!(f, "live:{cutoff}"),
        }
    }
}

/// Why poses are passed on unsmoothed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsmoothed {
    /// Several people without ids are in one frame: they cannot be identified in the next one.
    Nameless,
    /// A frame has the time of the one before it.
    SameTime,
    /// A frame has no time, and others have.
    Timeless,
}

impl fmt::Display for Unsmoothed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nameless => "several people without an id in one frame",
            Self::SameTime => "frames of one and the same time",
            Self::Timeless => "frames without a time among others that have one",
        })
    }
}

/// A writer that smooths poses and passes them on to another writer.
pub struct SmoothWriter {
    writer: Box<dyn PoseWriter>,
    filter: Filter,
    bones: Bones,
    report: Box<dyn FnMut(Unsmoothed) + Send>,
    reported: Vec<Unsmoothed>,
}

enum Filter {
    Clip(Clip),
    Live(Live),
}

impl SmoothWriter {
    /// Smooths the poses for `writer`, of a skeleton with these `parents` (−1 for none). `report` is called, once for
    /// each cause, when poses are passed on unsmoothed.
    pub fn new(
        writer: Box<dyn PoseWriter>,
        smoothing: Smoothing,
        parents: &[i32],
        report: impl FnMut(Unsmoothed) + Send + 'static,
    ) -> Self {
        let filter = match smoothing {
            Smoothing::Clip(reach) => Filter::Clip(Clip::new(reach)),
            Smoothing::Live(cutoff) => Filter::Live(Live::new(cutoff)),
        };
        Self { writer, filter, bones: Bones::new(parents), report: Box::new(report), reported: Vec::new() }
    }

    /// The same, with bones as long on the left as on the right; `joints` names them, in the order of the parents.
    #[must_use]
    pub fn with_sides<S: AsRef<str>>(mut self, joints: &[S]) -> Self {
        self.bones = self.bones.with_sides(joints);
        if let Filter::Live(live) = &mut self.filter {
            live.name_joints(joints);
        }
        self
    }

    /// The same for clips that may wait: bones have the lengths that they turn out to have up to ten seconds later.
    #[must_use]
    pub fn waiting_for_bones(mut self) -> Self {
        if let Filter::Clip(clip) = &mut self.filter {
            clip.bones_ahead = BONES_AHEAD;
        }
        self
    }

    fn report_once(&mut self, cause: Unsmoothed) {
        if !self.reported.contains(&cause) {
            self.reported.push(cause);
            (self.report)(cause);
        }
    }

    /// Passes on, in its turn, a frame without people, such as an unreadable one; unsmoothed one with people, if others have times.
    ///
    /// # Errors
    /// A frame with people before any that has a time; errors of the inner writer.
    fn write_timeless(&mut self, frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        let has_people = !lifted.people.is_empty();
        if has_people && self.bones.time() == f64::NEG_INFINITY {
            return Err(Error::usage(format!("frame {} has no time, which smoothing needs", lifted.index))
                .hint("say how many frames a second there are: --fps 30"));
        }
        if has_people {
            self.report_once(Unsmoothed::Timeless);
            self.write_rest()?;
            return self.writer.write(frame, lifted);
        }
        match &mut self.filter {
            Filter::Live(_) => self.writer.write(frame, lifted),
            Filter::Clip(clip) => {
                clip.push(self.bones.time(), frame, lifted);
                Ok(())
            }
        }
    }

    /// Writes all frames that still wait for later ones.
    fn write_rest(&mut self) -> Result<()> {
        match &mut self.filter {
            Filter::Clip(clip) => clip.write_rest(&self.bones, self.writer.as_mut()),
            Filter::Live(_) => Ok(()),
        }
    }
}

impl PoseWriter for SmoothWriter {
    /// # Errors
    /// A frame with people whose time is unknown, before any whose time is known; errors of the inner writer.
    fn write(&mut self, frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        let Some(time) = lifted.time.filter(|time| time.is_finite()) else {
            return self.write_timeless(frame, lifted);
        };
        if (0..lifted.people.len()).any(|place| Track::of(&lifted.people, place).is_none()) {
            self.report_once(Unsmoothed::Nameless);
        }
        if self.bones.time() == time {
            self.report_once(Unsmoothed::SameTime);
        }
        if self.bones.time() >= time {
            // Time starts anew: another clip.
            self.write_rest()?;
            self.bones.forget();
        }
        self.bones.see(time, &lifted.people);
        match &mut self.filter {
            Filter::Live(live) => self.writer.write(frame, &live.update(time, lifted, &self.bones)),
            Filter::Clip(clip) => {
                clip.push(time, frame, lifted);
                clip.write_until(time, &self.bones, self.writer.as_mut())
            }
        }
    }

    fn flush(&mut self) -> Result<()> {
        self.writer.flush()
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let rest = self.write_rest();
        rest.and(self.writer.finish())
    }
}

#[cfg(test)]
mod tests;

//! Steadier poses: each person's joints smoothed over time, with bones that keep their lengths.
//!
//! A lifter looks at single frames, so its poses shake as key points do, and so do the lengths of bones. [`SmoothWriter`]
//! stands before any other writer. Joints pass a filter: with [`Smoothing::Clip`] by what came before and after, which takes a
//! little waiting, with [`Smoothing::Live`] by what came before alone, which takes none. Any mean of a limb that turns is too
//! short, so bones are then given the length that they usually have.

mod bones;
mod clip;
mod level;
mod line;
mod live;
mod one_euro;
mod track;

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::format::PoseWriter;
use crate::pose::{Frame, LiftedFrame};
use bones::Bones;
use clip::Clip;
pub use level::LevelWriter;
use live::Live;
use track::Track;

/// How far ahead and back a pose of a clip is smoothed over, seconds, where nothing else is asked for.
const USUAL_REACH: f64 = 0.1;
/// The cut-off frequency of joints that stand still, Hz, where nothing else is asked for.
const USUAL_CUTOFF: f64 = 2.0;

/// How poses are smoothed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Smoothing {
    /// Lines laid through the poses of so many seconds before and after each one; poses come so much later.
    Clip(f64),
    /// The One Euro filter, whose cut-off frequency is so many Hz for a joint that stands still; nothing is waited for.
    Live(f64),
}

impl FromStr for Smoothing {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let unknown = || {
            let expected = "expected clip, clip:SECONDS, live or live:HZ, with a number above 0";
            Error::usage(format!("unknown smoothing '{text}', {expected}"))
        };
        let (way, amount) = text.split_once(':').map_or((text, None), |(way, amount)| (way, Some(amount)));
        let amount = match amount {
            None => None,
            Some(amount) => {
                let amount = amount.parse().ok().filter(|amount: &f64| amount.is_finite() && *amount > 0.0);
                Some(amount.ok_or_else(unknown)?)
            }
        };
        match way {
            "clip" => Ok(Self::Clip(amount.unwrap_or(USUAL_REACH))),
            "live" => Ok(Self::Live(amount.unwrap_or(USUAL_CUTOFF))),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Smoothing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clip(reach) => write!(f, "clip:{reach}"),
            Self::Live(cutoff) => write!(f, "live:{cutoff}"),
        }
    }
}

/// Why poses are passed on as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsmoothed {
    /// Several people without ids are in one frame: who is who in the next is not known.
    Nameless,
    /// A frame has the time of the one before it.
    SameTime,
}

impl fmt::Display for Unsmoothed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nameless => "several people without an id in one frame",
            Self::SameTime => "frames of one and the same time",
        })
    }
}

/// A writer that smooths poses on their way to another.
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
    /// Smooths what goes to `writer`, poses of a skeleton of these `parents` (−1 for none). `report` hears, once for each cause,
    /// of poses that are passed on as they are.
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

    fn report_once(&mut self, cause: Unsmoothed) {
        if !self.reported.contains(&cause) {
            self.reported.push(cause);
            (self.report)(cause);
        }
    }

    /// Passes on, in its turn, a frame without people, as one that could not be read is.
    ///
    /// # Errors
    /// A frame with people, and whatever the writer behind says.
    fn write_timeless(&mut self, frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        match &mut self.filter {
            _ if !lifted.people.is_empty() => {
                Err(Error::usage(format!("frame {} has no time, which smoothing needs", lifted.index))
                    .hint("say how many frames a second there are: --fps 30"))
            }
            Filter::Live(_) => self.writer.write(frame, lifted),
            Filter::Clip(clip) => {
                clip.push(self.bones.time(), frame, lifted);
                Ok(())
            }
        }
    }

    /// Writes all that still waits for frames behind it.
    fn write_rest(&mut self) -> Result<()> {
        match &mut self.filter {
            Filter::Clip(clip) => clip.write_rest(&self.bones, self.writer.as_mut()),
            Filter::Live(_) => Ok(()),
        }
    }
}

impl PoseWriter for SmoothWriter {
    /// # Errors
    /// A frame with people whose time is not known, and whatever the writer behind says.
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
            // Time begins anew: another clip.
            self.write_rest()?;
            self.bones.forget();
        }
        self.bones.see(time, &lifted.people);
        match &mut self.filter {
            Filter::Live(live) => self.writer.write(frame, &live.go_on(time, lifted, &self.bones)),
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

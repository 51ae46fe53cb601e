//! Whole streams: frames of any number of people in, poses out, in order.
//!
//! A reading thread fills a bounded queue; the lifting thread takes whatever
//! is there, lifts it as one batch and writes it. It never waits for frames that
//! have not come: a frame from a live pipe is answered before the next one
//! arrives, by one thread that reads, lifts and writes; a file fills whole batches by itself.

mod batcher;
mod intake;
mod layout;
mod outlet;
mod pool;
mod queue;
mod shared;

use crate::error::{Error, Result};
use crate::format::{FrameReader, PoseInfo, PoseWriter};
use crate::lift::{Lifter, Refusal};
use crate::model::{Card, PoseNetwork, View};
use crate::pose::{Frame, LiftedFrame};
use crate::skeleton::{Conversion, Layout};
pub use batcher::{Answer, Batcher, Feed};
use intake::Inlet;
pub use layout::peek_layout;
use outlet::{Answered, Outlet};
use queue::Arrival;
pub use shared::SharedNetwork;

/// Batches that may wait between reading and lifting.
const WAITING_BATCHES: usize = 4;

/// What is known of a stream from outside.
#[derive(Debug, Clone, Copy, Default)]
pub struct StreamOptions {
    /// Frames a second, for streams that do not say; gives frames their time.
    pub fps: Option<f64>,
    /// Image size in pixels, for frames that do not say.
    pub size: Option<[u32; 2]>,
    /// Focal length in pixels, for frames that do not say.
    pub focal: Option<f32>,
    /// The largest mean sigma of a person, in the unit of the model's card, that is no cause for doubt.
    pub max_sigma: Option<f32>,
}

/// What has been done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Frames answered, those that could not be read among them.
    pub frames: u64,
    /// Frames that could not be read.
    pub unreadable: u64,
    /// People seen.
    pub people: u64,
    /// People lifted.
    pub lifted: u64,
    /// Of those, people who were turned to the optical axis.
    pub turned: u64,
    /// Of those, people of whom the model is less sure than was asked for.
    pub unsure: u64,
}

impl Tally {
    /// What could not be done: unreadable frames, and people who could not be lifted.
    pub fn failed(&self) -> u64 {
        self.unreadable + self.people - self.lifted
    }

    /// Adds what was done elsewhere.
    pub fn add(&mut self, other: &Self) {
        self.frames += other.frames;
        self.unreadable += other.unreadable;
        self.people += other.people;
        self.lifted += other.lifted;
        self.turned += other.turned;
        self.unsure += other.unsure;
    }
}

/// Something in a stream that could not be lifted.
#[derive(Debug)]
pub enum Failure<'a> {
    /// A frame that could not be read.
    Frame(&'a Error),
    /// A person who could not be lifted.
    Person(&'a Refusal),
}

/// Who is told how a stream goes.
pub trait Observer {
    /// The stream does not name its layout, and it was taken to be this one from its number of `joints`.
    fn guessed_layout(&mut self, name: &str, joints: usize);

    /// The model looks at the subject, but somebody came in a frame of unknown size: they are lifted as if they stood on
    /// the optical axis. Told once a stream.
    fn unknown_size(&mut self);

    /// Something could not be lifted; the stream goes on.
    fn failed(&mut self, failure: &Failure<'_>);

    /// A batch was answered.
    fn advanced(&mut self, tally: &Tally);
}

/// How a stream ended.
#[derive(Debug)]
pub struct Outcome {
    /// What was done.
    pub tally: Tally,
    /// The layout that the key points were taken to be in, if anybody came.
    pub layout: Option<String>,
    /// What ended the stream before its end.
    pub stopped: Option<Stop>,
}

/// What ended a stream before its end; all that was lifted before is written.
#[derive(Debug)]
pub enum Stop {
    /// The source failed.
    Reading(Error),
    /// The runtime failed.
    Lifting(Error),
    /// The output failed.
    Writing(Error),
}

/// What a 3D stream lifted by the model of `card` says about itself.
pub fn pose_info(card: &Card, fps: Option<f64>) -> PoseInfo {
    let output = &card.output;
    PoseInfo {
        skeleton: output.skeleton.clone(),
        joints: output.joints.clone(),
        parents: output.parents.clone(),
        unit: output.unit.clone(),
        axes: output.axes.clone(),
        fps,
        model: card.name.clone(),
    }
}

/// Lifts everything that `reader` gives into `writer`; `layout` is the stream's, if it is known.
///
/// # Errors
/// A layout that lacks joints which the model reads: nothing was read then. All else is in the [`Outcome`].
pub fn lift_stream<N: PoseNetwork>(
    lifter: &mut Lifter<N>,
    reader: Box<dyn FrameReader>,
    writer: Box<dyn PoseWriter>,
    layout: Option<&Layout>,
    options: &StreamOptions,
    observer: &mut dyn Observer,
) -> Result<Outcome> {
    let conversion = layout.map(|layout| lifter.conversion(layout)).transpose()?;
    let mut inlet = Inlet::new(reader, lifter.batch() * WAITING_BATCHES, *options);
    let layout = layout.map(|layout| layout.name.to_owned());
    let (max_sigma, is_size_told) = (options.max_sigma, false);
    let mut stream = Stream { lifter, observer, conversion, layout, max_sigma, is_size_told, tally: Tally::default() };
    let stopped = stream.lift_all(&mut inlet, writer).err();
    Ok(Outcome { tally: stream.tally, layout: stream.layout, stopped })
}

/// A stream on its way.
struct Stream<'a, N> {
    lifter: &'a mut Lifter<N>,
    observer: &'a mut dyn Observer,
    conversion: Option<Conversion>,
    layout: Option<String>,
    max_sigma: Option<f32>,
    /// Whether the observer knows that the image size is not known.
    is_size_told: bool,
    tally: Tally,
}

impl<N: PoseNetwork> Stream<'_, N> {
    /// Completes the output whatever happens; the first failure is the one that is told.
    fn lift_all(&mut self, inlet: &mut Inlet, writer: Box<dyn PoseWriter>) -> Result<(), Stop> {
        let mut outlet = Outlet::new(writer);
        let lifted = self.lift_until_end(inlet, &mut outlet);
        let finished = outlet.finish().map_err(Stop::Writing);
        lifted.and(finished)
    }

    fn lift_until_end(&mut self, inlet: &mut Inlet, outlet: &mut Outlet) -> Result<(), Stop> {
        let batch = self.lifter.batch();
        loop {
            let arrivals = inlet.take(batch).map_err(Stop::Reading)?;
            if arrivals.is_empty() {
                return Ok(());
            }
            let waiting: usize = arrivals.iter().map(Arrival::weight).sum();
            let is_backlog = arrivals.len() > 1 && waiting > batch / 2;
            let answered = self.lift(arrivals).map_err(Stop::Lifting)?;
            if is_backlog {
                outlet.move_to_thread().map_err(Stop::Writing)?;
            }
            if !outlet.write(answered).map_err(Stop::Writing)? {
                // The writing thread has given up: finishing tells why.
                return Ok(());
            }
            self.observer.advanced(&self.tally);
        }
    }

    fn lift(&mut self, arrivals: Vec<Arrival>) -> Result<Answered> {
        let mut frames = Vec::with_capacity(arrivals.len());
        for Arrival { frame, fault } in arrivals {
            if let Some(fault) = fault {
                self.tally.unreadable += 1;
                self.observer.failed(&Failure::Frame(&fault));
            }
            self.tally.people += frame.people.len() as u64;
            frames.push(frame);
        }
        self.tally.frames += frames.len() as u64;
        if self.conversion.is_none()
            && let Some(guess) = layout::guess_from(self.lifter, &frames)
        {
            self.observer.guessed_layout(&guess.name, guess.conversion.source_len());
            (self.conversion, self.layout) = (Some(guess.conversion), Some(guess.name));
        }
        // Until somebody comes whose joints fit a layout, people are held against the model's own.
        let own = Conversion::identity(self.lifter.card().input.joints.len());
        let mut refusals = Vec::new();
        let mut lifted = self.lifter.lift_frames(&frames, self.conversion.as_ref().unwrap_or(&own), &mut refusals)?;
        for refusal in &refusals {
            self.observer.failed(&Failure::Person(refusal));
        }
        self.count(&frames, &mut lifted);
        Ok(Answered { frames, lifted })
    }

    /// Counts who was lifted and how, and marks those that the model is not sure of.
    fn count(&mut self, frames: &[Frame], lifted: &mut [LiftedFrame]) {
        let looks_at_subject = self.lifter.card().input.view == View::Subject;
        for (frame, lifted) in frames.iter().zip(lifted) {
            self.tally.lifted += lifted.people.len() as u64;
            self.tally.turned += self.lifter.count_turned(frame, lifted) as u64;
            for person in &mut lifted.people {
                let beyond = |sigma| self.max_sigma.is_some_and(|most| sigma > most);
                person.unsure = person.mean_sigma().is_some_and(beyond);
                self.tally.unsure += u64::from(person.unsure);
            }
            if looks_at_subject && !self.is_size_told && frame.size.is_none() && !lifted.people.is_empty() {
                self.is_size_told = true;
                self.observer.unknown_size();
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! Whole streams: frames of any number of people in, poses out, in order.
//!
//! A frame from a live pipe is answered before the next one arrives, by one thread that reads, lifts and writes. Where frames
//! come faster than they are lifted, as from a file, a thread reads them into a bounded queue, several lift batches of them
//! beside each other (`lanes`), and one writes them in order. Nobody ever waits for frames that have not come.

mod batcher;
mod intake;
mod lanes;
mod layout;
mod outlet;
mod pool;
mod queue;
mod shared;
mod spares;

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::{FrameReader, PoseInfo, PoseWriter};
use crate::lift::{Lifter, Refusal};
use crate::model::{Card, PoseNetwork, View};
use crate::pose::{Frame, LiftedFrame};
use crate::skeleton::{Conversion, Layout};
pub use batcher::{Answer, Batcher, Feed};
use intake::Inlet;
use lanes::{Batch, Lanes, Lifted};
pub use layout::peek_layout;
use outlet::{Answered, Outlet};
use queue::Arrival;
pub use shared::SharedNetwork;
use spares::Spares;

/// Batches that may wait between reading and lifting.
const WAITING_BATCHES: usize = 4;

/// People that a thread lifts at once where there is a backlog: few enough that what was read of them stays in its cache.
const LANE_BATCH: usize = 480;

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
        axes: output.axes,
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
    let own = || Ok(Conversion::identity(lifter.card().input.joints.len()));
    let conversion = Arc::new(layout.map_or_else(own, |layout| lifter.conversion(layout))?);
    let spares = Arc::new(Spares::default());
    let mut inlet = Inlet::new(reader, lifter.batch() * WAITING_BATCHES, *options, Arc::clone(&spares));
    let layout = layout.map(|layout| layout.name.to_owned());
    let (max_sigma, is_size_told) = (options.max_sigma, false);
    let tally = Tally::default();
    let mut stream = Stream { lifter, observer, conversion, layout, max_sigma, is_size_told, tally, spares };
    let stopped = stream.lift_all(&mut inlet, writer).err();
    Ok(Outcome { tally: stream.tally, layout: stream.layout, stopped })
}

/// A stream on its way.
struct Stream<'a, N> {
    lifter: &'a mut Lifter<N>,
    observer: &'a mut dyn Observer,
    /// Until somebody comes whose joints fit a layout, people are held against the model's own.
    conversion: Arc<Conversion>,
    layout: Option<String>,
    max_sigma: Option<f32>,
    /// Whether the observer knows that the image size is not known.
    is_size_told: bool,
    tally: Tally,
    spares: Arc<Spares>,
}

impl<N: PoseNetwork> Stream<'_, N> {
    /// Completes the output whatever happens; the first failure is the one that is told.
    fn lift_all(&mut self, inlet: &mut Inlet, writer: Box<dyn PoseWriter>) -> Result<(), Stop> {
        let mut outlet = Outlet::new(writer, Arc::clone(&self.spares));
        let lifted = self.lift_until_end(inlet, &mut outlet);
        let finished = outlet.finish().map_err(Stop::Writing);
        lifted.and(finished)
    }

    fn lift_until_end(&mut self, inlet: &mut Inlet, outlet: &mut Outlet) -> Result<(), Stop> {
        let mut lanes = None;
        loop {
            let lifted = match &mut lanes {
                Some(lanes) => self.lift_next_in(lanes, inlet)?,
                None => self.lift_next(inlet)?,
            };
            let Some(lifted) = lifted else { return Ok(()) };
            if outlet.is_here() && self.is_backlog(&lifted.frames) {
                outlet.move_to_thread().map_err(Stop::Writing)?;
                lanes = self.lifter.thread_handles().and_then(Lanes::start).map_err(Stop::Lifting)?;
            }
            if !outlet.write(self.settle(lifted)).map_err(Stop::Writing)? {
                // The writing thread has given up: finishing tells why.
                return Ok(());
            }
            self.observer.advanced(&self.tally);
        }
    }

    /// Whether so many frames came at once that nobody can be waiting for each of them.
    fn is_backlog(&self, frames: &[Frame]) -> bool {
        frames.len() > 1 && frames.iter().map(queue::weight).sum::<usize>() > self.lifter.batch() / 2
    }

    /// Lifts what is there, on this thread; waits only while there is nothing. `None` at the end.
    fn lift_next(&mut self, inlet: &mut Inlet) -> Result<Option<Lifted>, Stop> {
        let arrivals = inlet.take(self.lifter.batch()).map_err(Stop::Reading)?;
        if arrivals.is_empty() {
            return Ok(None);
        }
        let batch = self.admit(arrivals);
        batch.lift(self.lifter).map(Some).map_err(Stop::Lifting)
    }

    /// Gives the lanes what is there, and takes the next batch that they have lifted; waits for one only while there is
    /// nothing to give. `None` at the end.
    fn lift_next_in(&mut self, lanes: &mut Lanes, inlet: &mut Inlet) -> Result<Option<Lifted>, Stop> {
        let most = self.lifter.batch().min(LANE_BATCH);
        while lanes.have_room() {
            let arrivals = match lanes.are_idle() {
                true => inlet.take(most).map_err(Stop::Reading)?,
                // Small ones are for those who would have nothing to do otherwise.
                false => inlet.take_waiting(if lanes.want_work() { 1 } else { most }, most),
            };
            if arrivals.is_empty() {
                break;
            }
            let is_alone = lanes.are_idle() && arrivals.len() == 1;
            let batch = self.admit(arrivals);
            if is_alone {
                // Nothing is gained on another thread.
                return batch.lift(self.lifter).map(Some).map_err(Stop::Lifting);
            }
            lanes.lay_down(batch);
        }
        if lanes.are_idle() { Ok(None) } else { lanes.fetch().map(Some).map_err(Stop::Lifting) }
    }

    /// Makes a batch of what was read; who comes first tells the layout, if nobody has.
    fn admit(&mut self, arrivals: Vec<Arrival>) -> Batch {
        let (mut frames, mut faults) = (Vec::with_capacity(arrivals.len()), Vec::new());
        for Arrival { frame, fault } in arrivals {
            faults.extend(fault);
            frames.push(frame);
        }
        if self.layout.is_none()
            && let Some(guess) = layout::guess_from(self.lifter, &frames)
        {
            self.observer.guessed_layout(&guess.name, guess.conversion.source_len());
            (self.conversion, self.layout) = (Arc::new(guess.conversion), Some(guess.name));
        }
        Batch { frames, faults, conversion: Arc::clone(&self.conversion), spare: self.spares.lifted() }
    }

    /// Counts and tells what came of a batch.
    fn settle(&mut self, lifted: Lifted) -> Answered {
        let Lifted { frames, faults, mut lifted, refusals } = lifted;
        for fault in &faults {
            self.observer.failed(&Failure::Frame(fault));
        }
        for refusal in &refusals {
            self.observer.failed(&Failure::Person(refusal));
        }
        self.tally.frames += frames.len() as u64;
        self.tally.unreadable += faults.len() as u64;
        self.tally.people += frames.iter().map(|frame| frame.people.len() as u64).sum::<u64>();
        self.count(&frames, &mut lifted);
        Answered { frames, lifted }
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

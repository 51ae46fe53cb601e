//! Whole streams: frames of any number of people in, poses out, in order.
//!
//! A frame from a live pipe is answered before the next one arrives, by one thread that reads, lifts and writes. Where frames
//! come faster than they are lifted, as from a file, a thread reads them into a bounded queue (`queue`), several lift whole
//! batches of them side by side (`workers`), and one writes them in order. No frame ever waits for frames that have not come.
//!
//! Several live streams at the same time each have a thread that does all this, and share one network
//! ([`SharedNetwork`]), which runs what they ask for at the same time as one batch.

mod frame_pool;
mod layout;
mod outcome;
mod queue;
mod reader_thread;
mod shared;
mod workers;
mod writer_thread;

use std::sync::Arc;

use crate::error::Result;
use crate::format::{FrameReader, PoseInfo, PoseWriter};
use crate::lift::Lifter;
use crate::model::{Card, PoseNetwork, View};
use crate::pose::{Frame, LiftedFrame};
use crate::skeleton::{Conversion, Layout};
use frame_pool::FramePool;
pub use layout::peek_layout;
pub use outcome::{Failure, Observer, Outcome, Stop, Tally};
use reader_thread::{ReadFrame, ReaderThread};
pub use shared::SharedNetwork;
use workers::{FrameBatch, LiftedBatch, Workers};
use writer_thread::{WriteBatch, WriterThread};

/// Batches that may wait between reading and lifting.
const WAITING_BATCHES: usize = 4;

/// Most people that a worker lifts at once: few enough that what was read of them stays in its core's cache.
const WORKER_BATCH: usize = 480;

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
    let pool = Arc::new(FramePool::default());
    let mut reader = ReaderThread::new(reader, lifter.batch() * WAITING_BATCHES, *options, Arc::clone(&pool));
    let mut stream = Stream {
        lifter,
        observer,
        conversion,
        layout: layout.map(|layout| layout.name.to_owned()),
        max_sigma: options.max_sigma,
        is_size_told: false,
        tally: Tally::default(),
        pool,
    };
    let stopped = stream.lift_all(&mut reader, writer).err();
    Ok(Outcome { tally: stream.tally, layout: stream.layout, stopped })
}

/// A stream on its way.
struct Stream<'a, N> {
    lifter: &'a mut Lifter<N>,
    observer: &'a mut dyn Observer,
    /// Until a person comes whose joints fit a layout, people are held against the model's own.
    conversion: Arc<Conversion>,
    layout: Option<String>,
    max_sigma: Option<f32>,
    /// Whether the observer knows that the image size is not known.
    is_size_told: bool,
    tally: Tally,
    pool: Arc<FramePool>,
}

impl<N: PoseNetwork> Stream<'_, N> {
    /// Completes the output whatever happens; the first failure is the one that is told.
    fn lift_all(&mut self, reader: &mut ReaderThread, writer: Box<dyn PoseWriter>) -> Result<(), Stop> {
        let mut writer = WriterThread::new(writer, Arc::clone(&self.pool));
        let lifted = self.lift_until_end(reader, &mut writer);
        let finished = writer.finish().map_err(Stop::Writing);
        lifted.and(finished)
    }

    fn lift_until_end(&mut self, reader: &mut ReaderThread, writer: &mut WriterThread) -> Result<(), Stop> {
        let mut workers = None;
        loop {
            let lifted = match &mut workers {
                Some(workers) => self.lift_next_by(workers, reader)?,
                None => self.lift_next(reader)?,
            };
            let Some(lifted) = lifted else { return Ok(()) };
            if writer.is_here() && self.is_backlog(&lifted.frames) {
                writer.move_to_thread().map_err(Stop::Writing)?;
                workers = self.lifter.thread_handles().and_then(Workers::start).map_err(Stop::Lifting)?;
            }
            if !writer.write(self.settle(lifted)).map_err(Stop::Writing)? {
                // The writing thread has ended: finishing tells why.
                return Ok(());
            }
            self.observer.advanced(&self.tally);
        }
    }

    /// Whether so many frames came at once that no caller can be waiting for each of them.
    fn is_backlog(&self, frames: &[Frame]) -> bool {
        frames.len() > 1 && frames.iter().map(reader_thread::weight).sum::<usize>() > self.lifter.batch() / 2
    }

    /// Lifts what is there, on this thread; waits only while there is nothing. `None` at the end.
    fn lift_next(&mut self, reader: &mut ReaderThread) -> Result<Option<LiftedBatch>, Stop> {
        let read = reader.take(self.lifter.batch()).map_err(Stop::Reading)?;
        if read.is_empty() {
            return Ok(None);
        }
        let batch = self.batch_of(read);
        batch.lift(self.lifter).map(Some).map_err(Stop::Lifting)
    }

    /// Gives the workers what is there, and takes the next batch that they have lifted; waits for one only while there is
    /// nothing to give. `None` at the end.
    fn lift_next_by(&mut self, workers: &mut Workers, reader: &mut ReaderThread) -> Result<Option<LiftedBatch>, Stop> {
        let most = self.lifter.batch().min(WORKER_BATCH);
        while workers.have_room() {
            let read = match workers.are_idle() {
                true => reader.take(most).map_err(Stop::Reading)?,
                // Small batches are for workers that would have nothing to do otherwise.
                false => reader.take_waiting(if workers.want_work() { 1 } else { most }, most),
            };
            if read.is_empty() {
                break;
            }
            let is_alone = workers.are_idle() && read.len() == 1;
            let batch = self.batch_of(read);
            if is_alone {
                // Nothing is gained on another thread.
                return batch.lift(self.lifter).map(Some).map_err(Stop::Lifting);
            }
            workers.push(batch);
        }
        if workers.are_idle() { Ok(None) } else { workers.next().map(Some).map_err(Stop::Lifting) }
    }

    /// Makes a batch of what was read; the first person that fits a layout decides which it is, if the stream did not say.
    fn batch_of(&mut self, read: Vec<ReadFrame>) -> FrameBatch {
        let mut frames = Vec::with_capacity(read.len());
        let mut faults = Vec::new();
        for ReadFrame { frame, fault } in read {
            faults.extend(fault);
            frames.push(frame);
        }
        if self.layout.is_none()
            && let Some(guess) = layout::guess_from(self.lifter, &frames)
        {
            self.observer.guessed_layout(&guess.name, guess.conversion.source_len());
            self.conversion = Arc::new(guess.conversion);
            self.layout = Some(guess.name);
        }
        FrameBatch { frames, faults, conversion: Arc::clone(&self.conversion), recycled: self.pool.lifted() }
    }

    /// Counts and tells what came of a batch.
    fn settle(&mut self, batch: LiftedBatch) -> WriteBatch {
        let LiftedBatch { frames, faults, mut lifted, refusals } = batch;
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
        WriteBatch { frames, lifted }
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

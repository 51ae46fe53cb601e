//! Whole streams: frames of any number of people in, poses out, in order.
//!
//! A frame from a live pipe is answered before the next one arrives, by one thread that reads, lifts and writes. If
//! frames come faster than they are lifted, as from a file, one thread reads them into a bounded queue (`queue`),
//! several threads lift whole batches in parallel (`workers`), and one writes them in order. No frame ever waits for
//! frames that have not arrived, unless the model looks ahead.
//!
//! Several live streams each have one thread that does all this, and share one network ([`SharedNetwork`]), which
//! runs their concurrent requests as one batch.
//!
//! Another program that has frames in memory pushes them into a [`PushStream`].

mod arrivals;
mod assumed;
mod batch;
mod changes;
mod layout;
mod order_check;
mod outcome;
mod push;
mod queue;
mod shared;
mod threads;
mod unseen;
mod workers;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::format::{FrameReader, PoseInfo, PoseWriter};
use crate::guard::Notice;
use crate::lift::{Lifter, LookAhead};
use crate::model::{Card, PoseNetwork};
use crate::pose::{Frame, LiftedFrame, LiftedPerson};
use crate::skeleton::{Conversion, Layout};
use assumed::Assumed;
pub use assumed::usual_time_notice;
use batch::{FrameBatch, FramePool, LiftedBatch, WriteBatch};
pub use changes::{PoseChanges, Undone};
pub use layout::peek_layout;
use order_check::OrderCheck;
pub use outcome::{Failure, Observer, Outcome, Stop, Tally};
pub use push::{PushOptions, PushStream};
pub use shared::{NotSubmitted, Receiver, SharedNetwork, TimedPoses};
use threads::{ReadFrame, ReaderThread, WriterThread};
use unseen::Unseen;
use workers::Workers;

/// Time between two reports of progress.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// Batches that may wait between reading and lifting.
const READ_AHEAD_BATCHES: usize = 4;

/// Most people that a worker lifts at once: few enough that their data stay in its core's cache.
const WORKER_BATCH: usize = 480;

/// Options of a stream that it does not state itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct StreamOptions {
    /// Frames a second, for streams that do not state it; determines the frames' times.
    pub fps: Option<f64>,
    /// Image size in pixels, for frames that do not state it.
    pub size: Option<[u32; 2]>,
    /// Focal length in pixels, for frames that do not state it.
    pub focal: Option<f32>,
    /// The largest mean sigma, in the unit of the model's card, of a person whose pose is not marked as doubtful.
    pub max_sigma: Option<f32>,
    /// How far a model with a memory looks ahead of each frame ([`Lifter::lift_clip`]), seconds; poses wait up to twice as long.
    pub look_ahead: Option<f64>,
}

/// The header of a 3D stream lifted by the model of `card`.
pub fn pose_info(card: &Card, fps: Option<f64>) -> PoseInfo {
    let output = &card.output;
    PoseInfo {
        skeleton: output.skeleton.clone(),
        joints: output.joints.clone(),
        parents: output.parents.clone(),
        unit: output.unit.clone(),
        axes: output.axes,
        fps,
        stature: None,
        is_level: None,
        model: card.name.clone(),
    }
}

/// Lifts all frames of `reader` into `writer`; `layout` is the stream's, if it is known.
///
/// # Errors
/// A layout that lacks joints which the model reads, or a model that cannot look ahead: then nothing was read. All other errors
/// are in the [`Outcome`].
pub fn lift_stream<N: PoseNetwork>(
    lifter: &mut Lifter<N>,
    reader: Box<dyn FrameReader>,
    writer: Box<dyn PoseWriter>,
    layout: Option<&Layout>,
    options: &StreamOptions,
    observer: &mut dyn Observer,
) -> Result<Outcome> {
    lifter.forget();
    let conversion = match layout {
        Some(layout) => lifter.conversion(layout)?,
        None => Conversion::identity(lifter.card().input.joints.len()),
    };
    let look_ahead = options.look_ahead.map(|seconds| LookAhead::new(lifter.card(), seconds)).transpose()?;
    report_absent(&conversion, observer);
    let last_report = observer.wants_progress().then(Instant::now);
    let pool = Arc::new(FramePool::default());
    let order = (!reader.info().is_layout_doubted).then(|| OrderCheck::new(lifter.card()));
    let mut reader = ReaderThread::new(reader, lifter.batch() * READ_AHEAD_BATCHES, *options, Arc::clone(&pool));
    let mut stream = Stream {
        lifter,
        observer,
        conversion: Arc::new(conversion),
        layout: layout.map(|layout| layout.name.to_owned()),
        max_sigma: options.max_sigma,
        assumed: Assumed::default(),
        order,
        look_ahead,
        unseen: Some(Unseen::default()),
        tally: Tally::default(),
        last_report,
        pool,
    };
    let stopped = stream.lift_all(&mut reader, writer).err();
    Ok(Outcome { tally: stream.tally, layout: stream.layout, stopped })
}

/// Says which joints that the model reads are missing in every frame.
fn report_absent(conversion: &Conversion, observer: &mut dyn Observer) {
    if let Some(text) = conversion.absent_notice() {
        observer.noticed(&Notice::new(text, ""));
    }
}

/// A stream in progress.
struct Stream<'a, N> {
    lifter: &'a mut Lifter<N>,
    observer: &'a mut dyn Observer,
    /// Until a person's joints match a layout, people are compared with the model's own.
    conversion: Arc<Conversion>,
    layout: Option<String>,
    max_sigma: Option<f32>,
    /// The assumptions that were reported.
    assumed: Assumed,
    /// `None` where the order of the points is doubted already.
    order: Option<OrderCheck>,
    /// `None` where nothing waits for later frames.
    look_ahead: Option<LookAhead>,
    /// `None` once there was a key point of every joint.
    unseen: Option<Unseen>,
    tally: Tally,
    /// When progress was last reported; `None` where the observer does not want to hear of it.
    last_report: Option<Instant>,
    pool: Arc<FramePool>,
}

impl<N: PoseNetwork> Stream<'_, N> {
    /// Completes the output in any case; the first failure is reported.
    fn lift_all(&mut self, reader: &mut ReaderThread, writer: Box<dyn PoseWriter>) -> Result<(), Stop> {
        let mut writer = WriterThread::new(writer, Arc::clone(&self.pool));
        let mut lifted = self.lift_until_end(reader, &mut writer);
        if !matches!(lifted, Err(Stop::Writing(_))) {
            lifted = lifted.and(self.write_rest(&mut writer));
        }
        self.report_unseen();
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
            let Some(lifted) = lifted else { return self.check_order() };
            if writer.is_here() && self.is_backlog(&lifted.frames) {
                writer.move_to_thread().map_err(Stop::Writing)?;
                workers = self.lifter.thread_handles().and_then(Workers::start).map_err(Stop::Lifting)?;
            }
            let done = self.looked_ahead(lifted)?;
            if !writer.write(self.settle(done)).map_err(Stop::Writing)? {
                // The writer thread has ended: finishing gives the reason.
                return Ok(());
            }
            self.report_progress();
            // Behind the answer, which does not wait for it.
            if self.order.as_ref().is_some_and(OrderCheck::is_ready) {
                self.check_order()?;
            }
        }
    }

    fn report_progress(&mut self) {
        if let Some(last) = self.last_report
            && last.elapsed() >= PROGRESS_EVERY
        {
            self.last_report = Some(Instant::now());
            self.observer.advanced(&self.tally);
        }
    }

    /// The frames that are done once those of `batch` are added: all of them without looking ahead.
    fn looked_ahead(&mut self, mut batch: LiftedBatch) -> Result<LiftedBatch, Stop> {
        if let Some(look_ahead) = &mut self.look_ahead {
            look_ahead.push(batch.frames, batch.lifted);
            (batch.frames, batch.lifted) =
                look_ahead.take(self.lifter, &self.conversion, false).map_err(Stop::Lifting)?;
        }
        Ok(batch)
    }

    /// Writes the frames that still wait: no later ones will come.
    fn write_rest(&mut self, writer: &mut WriterThread) -> Result<(), Stop> {
        let Some(mut look_ahead) = self.look_ahead.take() else { return Ok(()) };
        let (frames, lifted) = look_ahead.take(self.lifter, &self.conversion, true).map_err(Stop::Lifting)?;
        let rest = LiftedBatch { frames, lifted, faults: Vec::new(), refusals: Vec::new() };
        // Where the writer thread has ended, finishing gives the reason.
        writer.write(self.settle(rest)).map(|_| ()).map_err(Stop::Writing)
    }

    /// Says what is odd about the order of the key points.
    fn check_order(&mut self) -> Result<(), Stop> {
        let Some(order) = self.order.take() else { return Ok(()) };
        let notice = order.judge(self.lifter, &self.conversion, self.layout.as_deref()).map_err(Stop::Lifting)?;
        if let Some(notice) = notice {
            self.observer.noticed(&notice);
        }
        Ok(())
    }

    /// Says which joints had no key point in the whole stream.
    fn report_unseen(&mut self) {
        let names = &self.lifter.card().output.joints;
        if let Some(notice) = self.unseen.as_ref().and_then(|unseen| unseen.notice(names, self.conversion.absent())) {
            self.observer.noticed(&notice);
        }
    }

    /// Whether so many frames came at once that no caller can be waiting for each of them.
    fn is_backlog(&self, frames: &[Frame]) -> bool {
        frames.len() > 1 && frames.iter().map(threads::weight).sum::<usize>() > self.lifter.batch() / 2
    }

    /// Lifts the available frames on this thread; waits only while there are none. `None` at the end.
    fn lift_next(&mut self, reader: &mut ReaderThread) -> Result<Option<LiftedBatch>, Stop> {
        let read = reader.take(self.lifter.batch()).map_err(Stop::Reading)?;
        if read.is_empty() {
            return Ok(None);
        }
        let batch = self.batch_of(read);
        batch.lift(self.lifter).map(Some).map_err(Stop::Lifting)
    }

    /// Gives the available frames to the workers, and takes the next lifted batch; waits for one only while no frames
    /// are available. `None` at the end.
    fn lift_next_by(&mut self, workers: &mut Workers, reader: &mut ReaderThread) -> Result<Option<LiftedBatch>, Stop> {
        let most = self.lifter.batch().min(WORKER_BATCH);
        while workers.have_room() {
            let read = match workers.are_idle() {
                true => reader.take(most).map_err(Stop::Reading)?,
                // Small batches are only for workers that would otherwise be idle.
                false => reader.take_waiting(if workers.want_work() { 1 } else { most }, most),
            };
            if read.is_empty() {
                break;
            }
            let is_alone = workers.are_idle() && read.len() == 1;
            let batch = self.batch_of(read);
            if is_alone {
                // Another thread would not make it faster.
                return batch.lift(self.lifter).map(Some).map_err(Stop::Lifting);
            }
            workers.push(batch);
        }
        if workers.are_idle() { Ok(None) } else { workers.next().map(Some).map_err(Stop::Lifting) }
    }

    /// Makes a batch of the frames that were read; if the stream did not state a layout, the first person that fits
    /// one decides.
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
            self.observer.noticed(&guess.notice());
            report_absent(&guess.conversion, self.observer);
            self.conversion = Arc::new(guess.conversion);
            self.layout = Some(guess.name);
        }
        if let Some(order) = &mut self.order {
            order.see(&frames, &self.conversion);
        }
        FrameBatch { frames, faults, conversion: Arc::clone(&self.conversion), recycled: self.pool.lifted() }
    }

    /// Counts and reports the results of a batch.
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

    /// Counts the lifted people, and marks those whose sigma is too large.
    fn count(&mut self, frames: &[Frame], lifted: &mut [LiftedFrame]) {
        for (frame, lifted) in frames.iter().zip(lifted) {
            self.tally.lifted += lifted.people.len() as u64;
            self.tally.turned += self.lifter.count_looked_at(frame, lifted) as u64;
            for person in &mut lifted.people {
                if let Some(unseen) = &mut self.unseen
                    && unseen.see(person)
                {
                    self.unseen = None;
                }
                person.unsure = self.is_unsure(person);
                self.tally.unsure += u64::from(person.unsure);
            }
            // Nothing is assumed of a frame that says its size and its time.
            if frame.size.is_none() || frame.time.is_none() {
                for assumption in self.assumed.first_of(self.lifter, frame, lifted) {
                    self.observer.noticed(&assumption.notice());
                }
            }
        }
    }

    /// Whether a person's mean sigma is too large.
    fn is_unsure(&self, person: &LiftedPerson) -> bool {
        let Some(most) = self.max_sigma else { return false };
        self.lifter.mean_sigma(person).is_some_and(|sigma| sigma > most)
    }
}

#[cfg(test)]
mod tests;

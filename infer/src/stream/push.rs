//! Streams whose frames a caller pushes, as another program does that has them in memory.
//!
//! A pushed frame takes the way of a live one through the program: guarded, tracked, lifted, then smoothed, placed and
//! levelled where that is asked for. All of it happens on the calling thread.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use super::arrivals::{Arrivals, FrameDefaults};
use super::assumed::Assumed;
use super::changes::PoseChanges;
use super::{layout, pose_info};
use crate::camera::Attitude;
use crate::error::Result;
use crate::format::{FrameReader, PoseWriter, StreamInfo};
use crate::guard::{self, Notice, ReadOptions};
use crate::lift::Lifter;
use crate::model::PoseNetwork;
use crate::place::RootOptions;
use crate::pose::{Frame, LiftedFrame};
use crate::skeleton::{Conversion, Layout};
use crate::smooth::Smoothing;
use crate::thread::lock;

/// Notices that are kept for the caller; of more, the oldest are dropped.
const MAX_NOTICES: usize = 256;

/// Options of a [`PushStream`]; beside lifting it does nothing unless it is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct PushOptions {
    /// How frames are read, and which of their people are lifted.
    pub read: ReadOptions,
    /// Focal length in pixels, for frames that do not state it.
    pub focal: Option<f32>,
    /// How poses are smoothed.
    pub smoothing: Option<Smoothing>,
    /// How the camera is held: poses then come in level axes ([`crate::pose::Axes::Level`]).
    pub attitude: Option<Attitude>,
    /// Whether each person's root is placed in front of the camera, by this frame and by feet that have stood for a second
    /// ([`crate::place::LiveStandingWriter`]).
    pub root: bool,
    /// Whether it is said which feet stand ([`crate::pose::LiftedPerson::contacts`]), by this frame and those before.
    pub contacts: bool,
    /// Whether frames have the time of their push, seconds since the first, where no rate is known and none has said its time.
    pub arrivals: bool,
}

/// A stream of frames that the caller pushes.
///
/// ```
/// use poselift::pose::{Frame, Keypoint, Person};
/// use poselift::smooth::Smoothing;
/// use poselift::stream::{PushOptions, PushStream};
/// use poselift::{Lifter, LifterOptions};
///
/// # #[cfg(feature = "bundled")]
/// # fn main() -> poselift::Result<()> {
/// let lifter = Lifter::bundled(&LifterOptions::default())?;
/// let options = PushOptions { smoothing: Some(Smoothing::Live(2.0)), ..PushOptions::default() };
/// let mut stream = PushStream::new(lifter, options);
/// for index in 0..100 {
///     let keypoints = vec![Keypoint { x: 640.0, y: 360.0, score: 0.9 }; 17]; // a detector's
///     let frame = Frame {
///         index,
///         time: Some(index as f64 / 30.0),
///         size: Some([1280, 720]),
///         people: vec![Person { id: None, keypoints }],
///         ..Frame::default()
///     };
///     for lifted in stream.push(frame)? {
///         println!("{:?}", lifted.people);
///     }
/// }
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "bundled"))]
/// # fn main() {}
/// ```
pub struct PushStream<N> {
    lifter: Lifter<N>,
    options: PushOptions,
    notices: Notices,
    /// The frame on its way to the guard.
    pushed: Shared<Option<Frame>>,
    /// Made for the first frame.
    reader: Option<Box<dyn FrameReader>>,
    /// From the first person whose key points fit a layout.
    conversion: Option<Conversion>,
    /// Made together with the conversion.
    writer: Option<Box<dyn PoseWriter>>,
    finished: Shared<Vec<LiftedFrame>>,
    assumed: Assumed,
    arrivals: Arrivals,
    /// Whether a frame has said its time.
    has_times: bool,
}

impl<N: PoseNetwork> PushStream<N> {
    /// A stream that `lifter` lifts.
    pub fn new(mut lifter: Lifter<N>, options: PushOptions) -> Self {
        lifter.forget();
        Self {
            lifter,
            options,
            notices: Notices::default(),
            pushed: Shared::default(),
            reader: None,
            conversion: None,
            writer: None,
            finished: Shared::default(),
            assumed: Assumed::default(),
            arrivals: Arrivals::default(),
            has_times: false,
        }
    }

    /// The lifter.
    pub fn lifter(&self) -> &Lifter<N> {
        &self.lifter
    }

    /// Lifts a frame. Gives the frames that are finished by it, in order: this one, unless smoothing waits for later ones.
    ///
    /// A person who cannot be lifted is left out, and [`Self::take_notices`] says why.
    ///
    /// # Errors
    /// As [`guard::guarded`]; people before any frame with a time, where poses are smoothed; no ankles, where foot contact is
    /// asked for; a runtime that fails. The stream goes on with the next frame.
    pub fn push(&mut self, frame: Frame) -> Result<Vec<LiftedFrame>> {
        let frame = self.guard(frame)?;
        if self.conversion.is_none() && !frame.people.is_empty() {
            self.begin(&frame)?;
        }
        let lifted = self.lift(&frame)?;
        match &mut self.writer {
            Some(writer) => writer.write(&frame, &lifted)?,
            None => self.finished.lock().push(lifted),
        }
        Ok(std::mem::take(&mut *self.finished.lock()))
    }

    /// Gives the frames that still wait for later ones. A frame that is pushed afterwards begins another clip, of which nothing
    /// is known: neither its layout, nor its people.
    ///
    /// # Errors
    /// None that a caller could cause.
    pub fn finish(&mut self) -> Result<Vec<LiftedFrame>> {
        self.reader = None;
        self.conversion = None;
        self.assumed = Assumed::default();
        self.arrivals = Arrivals::default();
        self.has_times = false;
        self.lifter.forget();
        if let Some(writer) = self.writer.take() {
            writer.finish()?;
        }
        Ok(std::mem::take(&mut *self.finished.lock()))
    }

    /// Sentences on all that was assumed, found odd, or could not be lifted since the last call; the last 256 of them.
    pub fn take_notices(&mut self) -> VecDeque<String> {
        std::mem::take(&mut *self.notices.0.lock())
    }

    /// The frame as the guard hands it on.
    fn guard(&mut self, frame: Frame) -> Result<Frame> {
        let index = frame.index;
        *self.pushed.lock() = Some(frame);
        let read = match &mut self.reader {
            Some(reader) => reader.read(),
            None => self.open().and_then(|reader| self.reader.insert(reader).read()),
        };
        // The guard may have refused it before it was read.
        *self.pushed.lock() = None;
        let frame = read?.unwrap_or(Frame { index, ..Frame::default() });
        let PushOptions { read: ReadOptions { fps, size, .. }, focal, arrivals, .. } = self.options;
        self.has_times |= frame.time.is_some();
        // A frame's number says nothing where others have times of their own.
        let defaults = FrameDefaults { fps: fps.filter(|_| !self.has_times), size, focal };
        let goes_by_arrival = arrivals && fps.is_none();
        Ok(defaults.complete(frame, goes_by_arrival.then_some(&mut self.arrivals)))
    }

    fn open(&self) -> Result<Box<dyn FrameReader>> {
        let read = &self.options.read;
        let info = StreamInfo { layout: read.layout, fps: read.fps, ..StreamInfo::default() };
        let reader = Box::new(PushedReader { info, pushed: self.pushed.clone() });
        let guess_layout = read.guess_layout && Layout::by_name(&self.lifter.card().input.layout).is_ok();
        let notices = self.notices.clone();
        let report = Box::new(move |notice: &Notice| notices.add(notice.to_string()));
        guard::guarded(reader, &ReadOptions { guess_layout, ..*read }, report)
    }

    /// Decides the layout, by name or by the first person who fits one, and makes the writer behind the lifter.
    fn begin(&mut self, frame: &Frame) -> Result<()> {
        let named = self.options.read.layout.or(self.reader.as_ref().and_then(|reader| reader.info().layout));
        let (conversion, layout) = match named {
            Some(layout) => (self.lifter.conversion(layout)?, Some(layout)),
            None => {
                let Some(guess) = layout::guess_from(&self.lifter, std::slice::from_ref(frame)) else { return Ok(()) };
                self.notices.add(guess.notice().to_string());
                (guess.conversion, Layout::by_name(&guess.name).ok())
            }
        };
        self.writer = Some(self.writer(layout)?);
        if let Some(text) = conversion.absent_notice() {
            self.notices.add(text.to_owned());
        }
        self.conversion = Some(conversion);
        Ok(())
    }

    /// The writers that change poses on their way to the caller.
    ///
    /// # Errors
    /// Key points or poses that do not tell which feet stand, where that is asked for.
    fn writer(&self, layout: Option<&Layout>) -> Result<Box<dyn PoseWriter>> {
        let PushOptions { smoothing, attitude, root, contacts, .. } = self.options;
        let root = root.then(RootOptions::default);
        let changes = PoseChanges { smoothing, contacts, root, attitude, waits: false };
        let info = pose_info(self.lifter.card(), None);
        let finished = Box::new(Finished(self.finished.clone()));
        let notices = self.notices.clone();
        changes.on_the_way_to(finished, &info, layout, move |undone| notices.add(undone.notice().to_string()))
    }

    fn lift(&mut self, frame: &Frame) -> Result<LiftedFrame> {
        let own = Conversion::identity(self.lifter.card().input.joints.len());
        let conversion = self.conversion.as_ref().unwrap_or(&own);
        let mut refusals = Vec::new();
        let lifted = self.lifter.lift_frames(std::slice::from_ref(frame), conversion, &mut refusals)?.swap_remove(0);
        for refusal in refusals {
            self.notices.add(refusal.to_string());
        }
        for assumption in self.assumed.first_of(&self.lifter, frame, &lifted) {
            self.notices.add(assumption.notice().to_string());
        }
        Ok(lifted)
    }
}

/// A value that the stream shares with its reader and writers; only the calling thread ever takes the lock.
#[derive(Debug, Default)]
struct Shared<T>(Arc<Mutex<T>>);

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, T> {
        lock(&self.0)
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Notices for the caller, oldest first.
#[derive(Debug, Clone, Default)]
struct Notices(Shared<VecDeque<String>>);

impl Notices {
    fn add(&self, notice: String) {
        let mut notices = self.0.lock();
        if notices.len() == MAX_NOTICES {
            notices.pop_front();
        }
        notices.push_back(notice);
    }
}

/// Reads the frame that was pushed.
struct PushedReader {
    info: StreamInfo,
    pushed: Shared<Option<Frame>>,
}

impl FrameReader for PushedReader {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        Ok(self.pushed.lock().take())
    }

    fn has_more(&mut self) -> bool {
        self.pushed.lock().is_some()
    }
}

/// Keeps frames for the caller.
struct Finished(Shared<Vec<LiftedFrame>>);

impl PoseWriter for Finished {
    fn write(&mut self, _: &Frame, lifted: &LiftedFrame) -> Result<()> {
        self.0.lock().push(lifted.clone());
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

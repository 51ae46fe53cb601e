//! Frames that are pushed one by one: `poselift.Stream` in Python; and smoothing of a clip.

use std::sync::{Mutex, MutexGuard, PoisonError};

use numpy::PyReadonlyArray3;
use poselift::Error;
use poselift::camera::Attitude;
use poselift::format::{PoseInfo, PoseWriter};
use poselift::guard::{ReadOptions, check_focal, check_size};
use poselift::pose::{Axes, Frame, LiftedFrame, Person};
use poselift::smooth::{SmoothWriter, Smoothing};
use poselift::stream::{PushOptions, PushStream, Undone};
use pyo3::prelude::*;

use crate::camera::{Camera, keypoints};
use crate::clip::{PoseArrays, PoseClip, PoseFields, known};
use crate::error::Answer;
use crate::interrupt::{check, interruptible};
use crate::layout::{LayoutName, layout};
use crate::lifter::Lifter;
use crate::memory::{Collected, Notes};
use crate::network::LockedNetwork;

/// How a stream's frames are read and its poses changed.
#[derive(FromPyObject)]
struct Options {
    smooth: Option<String>,
    track: bool,
    layout: Option<LayoutName>,
    size: Option<[u32; 2]>,
    focal: Option<f32>,
    fps: Option<f64>,
    camera: Option<Py<Camera>>,
    pitch: Option<f32>,
    roll: Option<f32>,
    root: bool,
    contacts: bool,
    min_score: Option<f32>,
    max_gap: Option<u64>,
    keep_sides: bool,
}

/// A stream in progress.
#[pyclass(frozen, module = "poselift._native")]
pub(crate) struct Stream {
    state: Mutex<State>,
    /// The process that opened it.
    home: u32,
}

#[pymethods]
impl Stream {
    #[new]
    fn new(lifter: Py<Lifter>, options: Options) -> Answer<Self> {
        Ok(Self { state: Mutex::new(State::new(lifter, &options)?), home: std::process::id() })
    }

    /// Lifts the people of one frame, `[N, J, 2 or 3]`; gives the poses that came of it, and what was noticed.
    fn push<'py>(
        &self,
        py: Python<'py>,
        points: PyReadonlyArray3<'py, f64>,
        ids: Option<Vec<i64>>,
        time: Option<f64>,
        size: Option<[u32; 2]>,
        focal: Option<f32>,
    ) -> PyResult<PoseArrays<'py>> {
        let array = points.as_array();
        let time = time.filter(|time| time.is_finite());
        let people = array.outer_iter().enumerate().map(|(row, points)| {
            let id = ids.as_ref().and_then(|ids| ids.get(row).copied()).and_then(known);
            Person { id, keypoints: keypoints(points) }
        });
        let frame = Frame { time, size, focal, people: people.collect(), ..Frame::default() };
        let (clip, notes) = py.detach(|| {
            let mut state = self.state()?;
            let clip = state.push(frame)?;
            Ok::<_, crate::error::Failure>((clip, state.notices()))
        })?;
        Ok(clip.into_arrays(py, notes))
    }
}

impl Stream {
    /// What is kept from frame to frame.
    ///
    /// # Errors
    /// In a forked process: a thread of the first one may hold it for ever.
    fn state(&self) -> Answer<MutexGuard<'_, State>> {
        if std::process::id() == self.home {
            return Ok(self.state.lock().unwrap_or_else(PoisonError::into_inner));
        }
        self.state.try_lock().map_err(|_| {
            Error::runtime("the Stream was in use when this process was forked")
                .hint("open a Stream in each process")
                .into()
        })
    }
}

/// What a stream keeps from frame to frame.
struct State {
    lifter: Py<Lifter>,
    info: PoseInfo,
    options: PushOptions,
    track: bool,
    /// Made for the first person, whose number of key points tells the layout where none is named.
    stream: Option<PushStream<LockedNetwork>>,
    next_index: u64,
}

impl State {
    fn new(lifter: Py<Lifter>, options: &Options) -> Answer<Self> {
        let smoothing = options.smooth.as_deref().map(str::parse).transpose()?;
        if let Some(Smoothing::Clip(_)) = smoothing {
            let found = options.smooth.as_deref().unwrap_or_default();
            return Err(Error::usage(format!("smoothing '{found}' looks at later frames, expected live or live:HZ"))
                .hint("smooth the poses of a whole clip with Poses.smooth")
                .into());
        }
        let camera = options.camera.as_ref().map(|camera| camera.get());
        let intrinsics = camera.map(|camera| camera.named.intrinsics);
        let mut read = ReadOptions {
            layout: layout(options.layout.as_ref())?,
            size: options.size.or(intrinsics.and_then(|intrinsics| intrinsics.size)),
            fps: options.fps,
            min_score: options.min_score,
            camera: intrinsics,
            guess_layout: false,
            track: options.track,
            keep_sides: options.keep_sides,
            ..ReadOptions::default()
        };
        read.max_gap = options.max_gap.unwrap_or(read.max_gap);
        read.check()?;
        check_focal(options.focal, camera.is_some())?;
        let attitude = Attitude::if_known(options.pitch, options.roll)?.or(camera.and_then(Camera::attitude));
        let mut info = lifter.get().pose_info(options.fps);
        if attitude.is_some() {
            info.axes = Axes::Level;
        }
        let Options { track, focal, root, contacts, .. } = *options;
        let options = PushOptions { read, focal, smoothing, attitude, root, contacts, arrivals: true };
        Ok(Self { lifter, info, options, track, stream: None, next_index: 0 })
    }

    fn push(&mut self, mut frame: Frame) -> Answer<PoseClip> {
        check_size(frame.size)?;
        check_focal(frame.focal, self.options.read.camera.is_some())?;
        frame.index = self.next_index;
        self.next_index += 1;
        if !self.track {
            for (person, row) in frame.people.iter_mut().zip(0..) {
                person.id = person.id.or(Some(row));
            }
        } else if let [person] = &mut frame.people[..] {
            // As in arrays of one person a frame; tracking begins where there are two.
            person.id = person.id.or(Some(0));
        }
        let frames = match (&mut self.stream, frame.people.first().map(|person| person.keypoints.len())) {
            (Some(stream), _) => stream.push(frame)?,
            (None, Some(points)) => {
                let stream = self.open(points)?;
                self.stream.insert(stream).push(frame)?
            }
            (None, None) => vec![self.empty(&frame)],
        };
        Ok(PoseClip { frames, info: self.info.clone() })
    }

    /// The stream of people with so many key points.
    fn open(&self, points: usize) -> Answer<PushStream<LockedNetwork>> {
        let lifter = self.lifter.get();
        let mut options = self.options;
        if options.read.layout.is_none() {
            options.read.layout = Some(lifter.layout_of(points)?);
        }
        Ok(PushStream::new(lifter.own_lifter(), options))
    }

    /// A frame without people, before the first person came.
    fn empty(&self, frame: &Frame) -> LiftedFrame {
        LiftedFrame { index: frame.index, time: frame.time_at(self.options.read.fps), people: Vec::new() }
    }

    fn notices(&mut self) -> Vec<String> {
        self.stream.as_mut().map(|stream| stream.take_notices().into()).unwrap_or_default()
    }
}

fn smoothed(writer: Box<dyn PoseWriter>, way: Smoothing, info: &PoseInfo, notes: &Notes) -> Box<dyn PoseWriter> {
    let notes = notes.clone();
    let writer = SmoothWriter::new(writer, way, &info.parents, move |cause| {
        notes.add(Undone::Smoothing(cause).to_string());
    });
    Box::new(writer.with_sides(&info.joints).waiting_for_bones())
}

/// The poses of a clip, smoothed.
#[pyfunction]
pub(crate) fn smooth<'py>(py: Python<'py>, poses: PoseFields<'py>, way: &str) -> PyResult<PoseArrays<'py>> {
    let shape = poses.shape();
    let places = poses.places();
    let PoseClip { mut frames, info } = poses.clip()?;
    let way: Smoothing = way.parse().map_err(crate::error::Failure::from)?;
    let notes = Notes::default();
    let frames = interruptible(py, || -> Answer<_> {
        let collected = Collected::default();
        let mut writer = smoothed(collected.writer(), way, &info, &notes);
        for lifted in &mut frames {
            check()?;
            lifted.time = lifted.time_at(info.fps);
            let frame = Frame { index: lifted.index, time: lifted.time, ..Frame::default() };
            writer.write(&frame, lifted)?;
        }
        writer.finish()?;
        Ok(collected.take())
    })?;
    Ok(PoseClip { frames, info }.into_arrays_at(py, shape, &places, notes.take()))
}

//! Frames that are pushed one by one: `poselift.Stream` in Python; and smoothing of a clip.

use std::sync::{Mutex, PoisonError};

use numpy::PyReadonlyArray3;
use poselift::Error;
use poselift::camera::Attitude;
use poselift::format::{FrameReader, PoseInfo, PoseWriter};
use poselift::guard::{self, ReadOptions};
use poselift::lift::Refusal;
use poselift::place::{RootOptions, RootSolver, RootWriter, Unplaced};
use poselift::pose::{Axes, Frame, Person};
use poselift::skeleton::{Conversion, Layout};
use poselift::smooth::{LevelWriter, SmoothWriter, Smoothing};
use pyo3::prelude::*;

use crate::camera::{Camera, attitude, keypoint};
use crate::clip::{PoseArrays, PoseClip, PoseFields};
use crate::error::Answer;
use crate::guarded::noting;
use crate::layout::{LayoutName, layout, usual};
use crate::lifter::Lifter;
use crate::memory::{Collected, FrameQueue, Notes};
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
    min_score: Option<f32>,
    max_gap: Option<u64>,
}

/// A stream in progress.
#[pyclass(frozen, module = "poselift._native")]
pub(crate) struct Stream(Mutex<State>);

#[pymethods]
impl Stream {
    #[new]
    fn new(py: Python<'_>, lifter: &Lifter, options: Options) -> PyResult<Self> {
        Ok(Self(Mutex::new(State::new(py, lifter, &options)?)))
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
        let people = array.outer_iter().enumerate().map(|(row, points)| {
            let scored =
                |point: ndarray::ArrayView1<'_, f64>| [point[0], point[1], point.get(2).copied().unwrap_or(1.0)];
            let keypoints = points.rows().into_iter().map(|point| keypoint(scored(point))).collect();
            Person { id: ids.as_ref().and_then(|ids| ids.get(row).copied()).filter(|id| *id >= 0), keypoints }
        });
        let frame = Frame { time, size, focal, people: people.collect(), ..Frame::default() };
        let (clip, notes) = py.detach(|| {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.push(frame).map(|clip| (clip, state.notes.take()))
        })?;
        Ok(clip.into_arrays(py, notes))
    }
}

/// What a stream keeps from frame to frame.
struct State {
    queue: FrameQueue,
    reader: Box<dyn FrameReader>,
    lifter: poselift::Lifter<LockedNetwork>,
    info: PoseInfo,
    settings: Settings,
    /// Known with the first person's key points.
    chain: Option<Chain>,
    collected: Collected,
    notes: Notes,
    next_index: u64,
}

/// What frames are completed by, and what is made of their poses.
struct Settings {
    smoothing: Option<Smoothing>,
    track: bool,
    layout: Option<&'static Layout>,
    size: Option<[u32; 2]>,
    focal: Option<f32>,
    attitude: Option<Attitude>,
    root: bool,
}

/// From key points in one layout to finished poses.
struct Chain {
    conversion: Conversion,
    writer: Box<dyn PoseWriter>,
}

impl State {
    fn new(py: Python<'_>, lifter: &Lifter, options: &Options) -> Answer<Self> {
        let smoothing = options.smooth.as_deref().map(str::parse).transpose()?;
        if let Some(Smoothing::Clip(_)) = smoothing {
            let found = options.smooth.as_deref().unwrap_or_default();
            return Err(Error::usage(format!("smoothing '{found}' looks at later frames, expected live or live:HZ"))
                .hint("smooth the poses of a whole clip with Poses.smooth")
                .into());
        }
        let layout = layout(options.layout.as_ref())?;
        let camera = options.camera.as_ref().map(|camera| camera.get());
        let intrinsics = camera.map(|camera| camera.named.intrinsics);
        let size = options.size.or(intrinsics.and_then(|intrinsics| intrinsics.size));
        let attitude = attitude(options.pitch, options.roll).or(camera.and_then(Camera::attitude));
        let (queue, notes) = (FrameQueue::default(), Notes::default());
        let mut read = ReadOptions {
            layout,
            size,
            fps: options.fps,
            min_score: options.min_score,
            camera: intrinsics,
            guess_layout: false,
            track: options.track,
            ..ReadOptions::default()
        };
        read.max_gap = options.max_gap.unwrap_or(read.max_gap);
        let source = queue.source("stream", layout, options.fps);
        let reader = py.detach(|| guard::open(&source, &read, noting(&notes)))?;
        let mut info = lifter.pose_info(options.fps);
        if attitude.is_some() {
            info.axes = Axes::Level;
        }
        let Options { track, focal, root, .. } = *options;
        let settings = Settings { smoothing, track, layout, size, focal, attitude, root };
        let (lifter, collected) = (lifter.own_lifter(), Collected::default());
        Ok(Self { queue, reader, lifter, info, settings, chain: None, collected, notes, next_index: 0 })
    }

    fn push(&mut self, mut frame: Frame) -> Answer<PoseClip> {
        frame.index = self.next_index;
        self.next_index += 1;
        frame.time = frame.time.or(self.info.fps.map(|fps| frame.index as f64 / fps));
        frame.size = frame.size.or(self.settings.size);
        frame.focal = frame.focal.or(self.settings.focal);
        if !self.settings.track {
            let rows = frame.people.iter_mut().zip(0..);
            rows.for_each(|(person, row)| person.id = person.id.or(Some(row)));
        } else if let [person] = &mut frame.people[..] {
            // As in arrays of one person a frame; tracking begins where there are two.
            person.id = person.id.or(Some(0));
        }
        self.queue.push(frame);
        let frame = self.reader.read()?.ok_or_else(|| Error::input("the stream has ended, expected a frame"))?;
        self.write(&frame)?;
        Ok(PoseClip { frames: self.collected.take(), info: self.info.clone() })
    }

    /// Lifts a frame into the chain.
    fn write(&mut self, frame: &Frame) -> Answer<()> {
        let mut refusals = Vec::new();
        let points = frame.people.first().map(|person| person.keypoints.len());
        if self.chain.is_none()
            && let Some(points) = points
        {
            self.chain = Some(self.chain_for(points)?);
        }
        let Some(chain) = &mut self.chain else {
            // Nobody came so far: an empty frame needs no layout.
            let empty =
                self.lifter.lift_frames(std::slice::from_ref(frame), &Conversion::identity(0), &mut refusals)?;
            return Ok(empty.iter().try_for_each(|lifted| self.collected.writer().write(frame, lifted))?);
        };
        let lifted = self.lifter.lift_frames(std::slice::from_ref(frame), &chain.conversion, &mut refusals)?;
        for lifted in &lifted {
            chain.writer.write(frame, lifted)?;
        }
        refusals.iter().for_each(|refusal: &Refusal| self.notes.add(format!("{refusal}: not lifted")));
        Ok(())
    }

    fn chain_for(&self, points: usize) -> Answer<Chain> {
        let (card, layout) = (self.lifter.card(), self.settings.layout);
        let layout = match layout.or_else(|| usual(points, &card.input.joints)) {
            Some(layout) => layout,
            None => {
                let (expected, name) = (card.input.joints.len(), &card.input.layout);
                let found = format!("{points} key points a person, expected {expected} ({name}) or a known layout");
                return Err(Error::input(found).hint("name the layout: layout=NAME").into());
            }
        };
        Ok(Chain { conversion: self.lifter.conversion(layout)?, writer: self.writer(layout) })
    }

    /// Frames are smoothed, placed and levelled, in this order.
    fn writer(&self, layout: &Layout) -> Box<dyn PoseWriter> {
        let Settings { smoothing, size, focal, attitude, root, .. } = self.settings;
        let mut writer = self.collected.writer();
        if let Some(attitude) = attitude {
            writer = Box::new(LevelWriter::new(writer, attitude));
        }
        if root {
            let solver = RootSolver::new(layout, &self.info.joints);
            let options = RootOptions { size, focal, smooth: false };
            let notes = self.notes.clone();
            let report = move |cause| notes.add(unplaced(cause).to_owned());
            writer = Box::new(RootWriter::new(writer, solver, options, report));
        }
        if let Some(smoothing) = smoothing {
            writer = smoothed(writer, smoothing, &self.info.parents, &self.notes);
        }
        writer
    }
}

fn unplaced(cause: Unplaced) -> &'static str {
    match cause {
        Unplaced::UnknownSize => "image size unknown, so no root is (--size)",
        Unplaced::UsualFocal => "focal length unknown: roots are as from a usual camera (--focal)",
    }
}

fn smoothed(writer: Box<dyn PoseWriter>, way: Smoothing, parents: &[i32], notes: &Notes) -> Box<dyn PoseWriter> {
    let notes = notes.clone();
    let report = move |cause| notes.add(format!("{cause}: such poses are not smoothed"));
    Box::new(SmoothWriter::new(writer, way, parents, report))
}

/// The poses of a clip, smoothed.
#[pyfunction]
pub(crate) fn smooth<'py>(py: Python<'py>, poses: PoseFields<'py>, way: &str) -> PyResult<PoseArrays<'py>> {
    let PoseClip { mut frames, info } = poses.clip()?;
    let way: Smoothing = way.parse().map_err(crate::error::Failure::from)?;
    let notes = Notes::default();
    let frames = py.detach(|| -> Answer<_> {
        let collected = Collected::default();
        let mut writer = smoothed(collected.writer(), way, &info.parents, &notes);
        for lifted in &mut frames {
            lifted.time = lifted.time.or_else(|| info.fps.map(|fps| lifted.index as f64 / fps));
            let frame = Frame { index: lifted.index, time: lifted.time, ..Frame::default() };
            writer.write(&frame, lifted)?;
        }
        writer.finish()?;
        Ok(collected.take())
    })?;
    Ok(PoseClip { frames, info }.into_arrays(py, notes.take()))
}

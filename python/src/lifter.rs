//! Lifts arrays: `poselift.Lifter` in Python.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ndarray::{Array1, ArrayD, ArrayViewD, CowArray, Ix3, IxDyn};
use numpy::{IntoPyArray, PyArrayDyn, PyReadonlyArrayDyn};
use poselift::camera::{self, Attitude};
use poselift::format::{PoseInfo, PoseWriter};
use poselift::guard::{Notice, check_focal, check_size};
use poselift::lift::{self, LiftedArrays, Refusal, allowed_threads, keypoint_of_joints};
use poselift::model::{Card, ModelFile, PoseNetwork, View};
use poselift::place::ContactWriter;
use poselift::pose::{Frame, LiftedFrame};
use poselift::skeleton::{Conversion, Layout, named_layout};
use poselift::stream::{pose_info, usual_time_notice};
use poselift::{Error, LifterOptions};
use pyo3::prelude::*;

use crate::camera::Camera;
use crate::clip::{InfoFields, KeypointClip, KeypointFields, PoseArrays, PoseClip, points_of};
use crate::error::Answer;
use crate::interrupt::{check, interruptible};
use crate::layout::{LayoutName, usual};
use crate::memory::{Collected, Notes};
use crate::network::LockedNetwork;
use crate::points::{Kind, Sight, conversion, fitted, kind, undistort};

/// Frames of a clip that are lifted at once: a model with a memory takes them all in one batch.
const FRAMES_AT_ONCE: usize = 4096;

/// What is noted where contacts are asked for, and none can be told.
const NO_CONTACT: &str =
    "no foot contact: it needs times, 7 frames a second at least, ankles that are seen, and people who keep their ids";

/// A model, ready to lift on any number of threads.
#[pyclass(frozen, module = "poselift._native")]
pub(crate) struct Lifter {
    pub(crate) network: LockedNetwork,
    pub(crate) batch: usize,
    /// Lifters that no thread is using.
    idle: Mutex<Vec<poselift::Lifter<LockedNetwork>>>,
    /// `[J_out]` the key point of each joint's name, if the model reads one.
    keypoint_of: Vec<Option<usize>>,
    device: String,
    engine: &'static str,
    threads: usize,
    fallback: Option<String>,
    unverified: Option<String>,
}

/// Poses `[…, J, 3]`, sigma `[…, J]`, missing joints `[…, J]`, scores `[…]`, and what was assumed.
type Arrays<'py> = (
    Bound<'py, PyArrayDyn<f32>>,
    Option<Bound<'py, PyArrayDyn<f32>>>,
    Bound<'py, PyArrayDyn<bool>>,
    Bound<'py, PyArrayDyn<f32>>,
    Vec<String>,
);

/// An array's people, lifted.
struct Lifted {
    arrays: LiftedArrays,
    sight: Sight,
    /// What the camera's lens has to say.
    notice: Option<Notice>,
}

#[pymethods]
impl Lifter {
    /// Opens a model, or the one that is part of the library.
    #[new]
    #[pyo3(signature = (model, device, threads, engine, batch))]
    fn new(
        py: Python<'_>,
        model: Option<PathBuf>,
        device: &str,
        threads: Option<usize>,
        engine: &str,
        batch: Option<usize>,
    ) -> Answer<Self> {
        let options = LifterOptions { device: device.parse()?, threads, batch, engine: engine.parse()? };
        py.detach(|| Self::open(model, &options))
    }

    /// Lifts `[…, J, 2 or 3]`; `None` where the numbers are on another scale than pixels and scores of 0 to 1, which the guards
    /// have to judge first. `is_guarded` says that they did.
    fn lift<'py>(
        &self,
        py: Python<'py>,
        keypoints: PyReadonlyArrayDyn<'py, f32>,
        seen: Seen,
        is_guarded: bool,
    ) -> PyResult<Option<Arrays<'py>>> {
        let array = keypoints.as_array();
        let lifted = interruptible(py, || self.lift_array(array, &seen, is_guarded))?;
        let Some(Lifted { arrays: LiftedArrays { poses, sigma }, sight, notice }) = lifted else { return Ok(None) };
        let shape = keypoints.as_array().shape().to_vec();
        let leading = &shape[..shape.len() - 2];
        let joints = self.keypoint_of.len();
        Ok(Some((
            shaped(poses.into_dyn(), leading, &[joints, 3])?.into_pyarray(py),
            sigma.map(|sigma| shaped(sigma.into_dyn(), leading, &[joints])).transpose()?.map(|s| s.into_pyarray(py)),
            shaped(Array1::from(sight.missing).into_dyn(), leading, &[joints])?.into_pyarray(py),
            shaped(Array1::from(sight.scores).into_dyn(), leading, &[])?.into_pyarray(py),
            notice.iter().map(ToString::to_string).collect(),
        )))
    }

    /// Lifts a clip, as the program lifts a file: `[T, N, J, 3]`, each person at the place of the key points.
    fn lift_clip<'py>(
        &self,
        py: Python<'py>,
        clip: KeypointFields<'py>,
        seen: Seen,
        look_ahead: Option<f64>,
        contacts: bool,
    ) -> PyResult<PoseArrays<'py>> {
        seen.check()?;
        let Seen(layout, size, focal, camera) = seen;
        let shape = clip.shape();
        let (KeypointClip { mut frames, layout: own_layout, fps }, places) = clip.numbered_clip()?;
        let layout = crate::layout::layout(layout.as_ref())?.or(own_layout);
        let notes = Notes::default();
        let clip = interruptible(py, || -> Answer<PoseClip> {
            let mut lens = camera.as_ref().map(|camera| camera.get().lens());
            for frame in &mut frames {
                frame.size = frame.size.or(size);
                frame.focal = focal.or(frame.focal);
                if let Some(lens) = &mut lens
                    && let Some(notice) = lens.undistort(frame, frame.size)?
                {
                    notes.add(notice.to_string());
                }
            }
            let mut lifted = self.lift_frames(&frames, layout, look_ahead, &notes)?;
            let info = self.pose_info(fps);
            if contacts {
                let layout = match layout {
                    Some(layout) => Some(layout),
                    None => points_of(&frames).map(|points| self.layout_of(points)).transpose()?,
                };
                if let Some(layout) = layout {
                    lifted = judged(&frames, lifted, &info, layout, &notes)?;
                }
            }
            places.put(&mut lifted);
            Ok(PoseClip { frames: lifted, info })
        })?;
        Ok(clip.into_arrays_by_place(py, shape, notes.take()))
    }

    /// The header of its poses.
    #[getter]
    fn info(&self) -> InfoFields {
        InfoFields::from(&self.pose_info(None))
    }

    /// The model's name.
    #[getter]
    fn model(&self) -> &str {
        &self.card().name
    }

    /// The card, as JSON.
    #[getter]
    fn card_json(&self) -> String {
        self.card().to_json()
    }

    /// The layout of the key points that the model reads.
    #[getter]
    fn layout(&self) -> &str {
        &self.card().input.layout
    }

    /// The names of the key points that the model reads.
    #[getter]
    fn keypoint_names(&self) -> Vec<String> {
        self.card().input.joints.clone()
    }

    /// Whether people are turned to the optical axis before they are lifted, for which the image's size has to be known.
    #[getter]
    fn turns_people(&self) -> bool {
        self.card().input.view == View::Subject
    }

    /// Whether people are remembered from frame to frame.
    #[getter]
    fn remembers(&self) -> bool {
        self.card().memory.is_some()
    }

    #[getter]
    fn device(&self) -> &str {
        &self.device
    }

    #[getter]
    fn engine(&self) -> &str {
        self.engine
    }

    #[getter]
    fn threads(&self) -> usize {
        self.threads
    }

    #[getter]
    fn fallback(&self) -> Option<&str> {
        self.fallback.as_deref()
    }

    #[getter]
    fn unverified(&self) -> Option<&str> {
        self.unverified.as_deref()
    }
}

/// Refuses a number of threads that may not be asked for, however far beyond the bounds it is.
#[pyfunction]
pub(crate) fn check_threads(threads: Option<Bound<'_, PyAny>>) -> Answer<()> {
    let Some(threads) = threads else { return Ok(()) };
    // What no `usize` holds is as wrong as 0.
    allowed_threads(threads.extract().unwrap_or(0))
        .map_err(|error| Error::usage(format!("threads is {threads}, {error}")))?;
    Ok(())
}

/// What a caller says of an array of key points: `(layout, size, focal, camera)`.
#[derive(FromPyObject)]
struct Seen(Option<LayoutName>, Option<[u32; 2]>, Option<f32>, Option<Py<Camera>>);

impl Seen {
    /// Refuses what no image and no camera has.
    fn check(&self) -> Answer<()> {
        let Self(_, size, focal, camera) = self;
        check_size(*size)?;
        Ok(check_focal(*focal, camera.is_some())?)
    }
}

impl Lifter {
    fn open(model: Option<PathBuf>, options: &LifterOptions) -> Answer<Self> {
        let file = model.map_or_else(ModelFile::bundled, ModelFile::read)?;
        let lifter = poselift::Lifter::from_model(&file, options)?;
        let batch = lifter.batch();
        let device = lifter.provider().device().to_string();
        let session = lifter.into_network();
        Ok(Self {
            batch,
            idle: Mutex::default(),
            keypoint_of: keypoint_of_joints(session.card()),
            device,
            engine: session.engine(),
            threads: session.threads(),
            fallback: session.fallback_cause().map(str::to_owned),
            unverified: session.unverified_cause().map(str::to_owned),
            network: LockedNetwork::new(session),
        })
    }

    pub(crate) fn card(&self) -> &Card {
        self.network.card()
    }

    /// The header of its poses, at a rate if that is known.
    pub(crate) fn pose_info(&self, fps: Option<f64>) -> PoseInfo {
        pose_info(self.card(), fps)
    }

    /// A lifter for the calling thread alone.
    pub(crate) fn own_lifter(&self) -> poselift::Lifter<LockedNetwork> {
        poselift::Lifter::with_network(self.network.clone(), self.batch)
    }

    fn lift_array(&self, keypoints: ArrayViewD<'_, f32>, seen: &Seen, is_guarded: bool) -> Answer<Option<Lifted>> {
        seen.check()?;
        let Seen(layout, size, focal, camera) = seen;
        let people = people(&keypoints)?;
        let kind = if is_guarded { Kind::Plain } else { kind(people.view()) };
        if kind == Kind::Odd {
            return Ok(None);
        }
        let conversion = self.conversion(people.dim().1, layout.as_ref())?;
        let mut points = fitted(people.view(), conversion.as_ref(), kind, self.card());
        let (camera, notice) = match camera {
            Some(camera) => {
                let (camera, notice) = undistorted(&mut points, camera.get(), *size)?;
                (Some(camera), notice)
            }
            None => (size.map(|size| camera::Camera::with_focal(*focal, size)), None),
        };
        let mut lifter = self.take_lifter();
        let lifted = match &conversion {
            None => lifter.lift_with_cameras(points.view(), camera.as_slice()),
            Some(conversion) => lifter.lift_converted(points.view().into(), conversion, camera.as_slice()),
        };
        self.give_back(lifter);
        Ok(Some(Lifted { arrays: lifted?, sight: Sight::of(points.view(), &self.keypoint_of), notice }))
    }

    fn lift_frames(
        &self,
        frames: &[Frame],
        layout: Option<&'static Layout>,
        look_ahead: Option<f64>,
        notes: &Notes,
    ) -> Answer<Vec<LiftedFrame>> {
        let layout = match (layout, points_of(frames)) {
            (Some(layout), _) => Some(layout),
            (None, Some(points)) => self.usual_layout(points)?,
            (None, None) => None,
        };
        // Before a lifter is taken, which an error would not give back.
        let conversion = match layout {
            Some(layout) => lift::conversion(self.card(), layout)?,
            None => Conversion::identity(self.card().input.joints.len()),
        };
        if let Some(text) = conversion.absent_notice() {
            notes.add(text.to_owned());
        }
        let mut lifter = self.take_lifter();
        if frames.iter().any(|frame| lifter.assumes_time_of(frame) && !frame.people.is_empty()) {
            notes.add(usual_time_notice().to_string());
        }
        let mut refusals: Vec<Refusal> = Vec::new();
        // Another clip than the last.
        lifter.forget();
        let lifted = match look_ahead {
            None => lift_in_pieces(&mut lifter, frames, &conversion, &mut refusals),
            Some(seconds) => lifter.lift_clip(frames, &conversion, seconds, &mut refusals),
        };
        self.give_back(lifter);
        let count = refusals.len();
        if let Some(first) = refusals.first_mut() {
            // A number of this call's alone.
            first.id = None;
            notes.add(format!("{count} people could not be lifted, the first: {first}"));
        }
        Ok(lifted?)
    }

    /// An idle lifter, or a new one.
    fn take_lifter(&self) -> poselift::Lifter<LockedNetwork> {
        self.idle().and_then(|mut idle| idle.pop()).unwrap_or_else(|| self.own_lifter())
    }

    /// Keeps a lifter for the next call.
    fn give_back(&self, lifter: poselift::Lifter<LockedNetwork>) {
        if let Some(mut idle) = self.idle() {
            idle.push(lifter);
        }
    }

    /// The idle lifters; `None` where they cannot be had, since a thread held them when this process was forked.
    fn idle(&self) -> Option<MutexGuard<'_, Vec<poselift::Lifter<LockedNetwork>>>> {
        if self.network.is_home() {
            return Some(self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        }
        self.idle.try_lock().ok()
    }

    /// The conversion from `points` key points in that layout, or in the usual one, to the model's joints; `None` where they are the same.
    fn conversion(&self, points: usize, layout: Option<&LayoutName>) -> Answer<Option<Conversion>> {
        let layout = match layout {
            Some(named) => Some(named.layout()?),
            None => self.usual_layout(points)?,
        };
        let Some(layout) = layout else { return Ok(None) };
        if layout.len() != points {
            let name = layout.name;
            let expected = layout.len();
            return Err(Error::input(format!("{points} key points a person, expected {expected} of {name}")).into());
        }
        Ok(conversion(layout, self.card())?)
    }

    /// The layout of people with `points` key points, where none is named.
    ///
    /// # Errors
    /// As [`Self::usual_layout`]; the model's own layout is not known by name.
    pub(crate) fn layout_of(&self, points: usize) -> Answer<&'static Layout> {
        match self.usual_layout(points)? {
            Some(layout) => Ok(layout),
            None => Ok(named_layout(&self.card().input.joints)?),
        }
    }

    /// The layout of people with `points` key points, where none is named; `None` for the model's own.
    ///
    /// # Errors
    /// No known layout of as many points holds the joints that the model reads.
    pub(crate) fn usual_layout(&self, points: usize) -> Answer<Option<&'static Layout>> {
        let input = &self.card().input;
        if points == input.joints.len() {
            return Ok(None);
        }
        usual(points, &input.joints).map(Some).ok_or_else(|| {
            let expected = input.joints.len();
            let name = &input.layout;
            Error::input(format!("{points} key points a person, expected {expected} ({name}) or a known layout"))
                .hint("name the layout: layout=NAME; poselift.layouts() lists them")
                .into()
        })
    }
}

/// Lifts frames as [`poselift::Lifter::lift_frames`] does, so many at once that signals are not waited for long.
fn lift_in_pieces(
    lifter: &mut poselift::Lifter<LockedNetwork>,
    frames: &[Frame],
    conversion: &Conversion,
    refusals: &mut Vec<Refusal>,
) -> poselift::Result<Vec<LiftedFrame>> {
    let mut lifted = Vec::with_capacity(frames.len());
    for piece in frames.chunks(FRAMES_AT_ONCE) {
        lifted.extend(lifter.lift_frames(piece, conversion, refusals)?);
    }
    Ok(lifted)
}

/// The poses of a clip, with which feet stand.
fn judged(
    frames: &[Frame],
    lifted: Vec<LiftedFrame>,
    info: &PoseInfo,
    layout: &Layout,
    notes: &Notes,
) -> Answer<Vec<LiftedFrame>> {
    let collected = Collected::default();
    let notes = notes.clone();
    let writer = ContactWriter::new(collected.writer(), info, layout, Attitude::default(), true)?;
    let writer = writer.reporting(move || notes.add(NO_CONTACT.to_owned()));
    let mut writer: Box<dyn PoseWriter> = Box::new(writer);
    for (frame, mut lifted) in frames.iter().zip(lifted) {
        check()?;
        lifted.time = lifted.time_at(info.fps);
        writer.write(frame, &lifted)?;
    }
    writer.finish()?;
    Ok(collected.take())
}

/// The array in the shape `leading` and then `last`; its memory stays.
fn shaped<T>(array: ArrayD<T>, leading: &[usize], last: &[usize]) -> Answer<ArrayD<T>> {
    let shape = IxDyn(&[leading, last].concat());
    Ok(array.into_shape_with_order(shape).map_err(|error| Error::runtime(error.to_string()))?)
}

/// `[…, J, 2 or 3]` as `[N, J, 2 or 3]`, without a copy where its memory allows.
fn people<'a>(keypoints: &'a ArrayViewD<'_, f32>) -> Answer<CowArray<'a, f32, Ix3>> {
    let shape = keypoints.shape();
    let [leading @ .., joints, channels @ (2 | 3)] = shape else {
        let found = format!("key points of shape {shape:?}");
        return Err(Error::input(format!("{found}, expected [J, 2 or 3], [N, J, 2 or 3] or [T, N, J, 2 or 3]")).into());
    };
    if leading.len() > 2 {
        let dimensions = shape.len();
        return Err(Error::input(format!("key points in {dimensions} dimensions, expected 2 to 4")).into());
    }
    let shape = Ix3(leading.iter().product(), *joints, *channels);
    if let Ok(view) = keypoints.view().into_dimensionality::<Ix3>() {
        return Ok(CowArray::from(view));
    }
    Ok(keypoints.to_shape(shape).map_err(Error::from)?)
}

/// Makes the points those of a pinhole camera, which is given back, with what the lens has to say.
fn undistorted(
    points: &mut CowArray<'_, f32, Ix3>,
    calibrated: &Camera,
    size: Option<[u32; 2]>,
) -> Answer<(camera::Camera, Option<Notice>)> {
    let (undistorter, notice) = calibrated.lens().undistorter(size)?;
    let mut moved = points.to_owned();
    undistort(&mut moved, &undistorter);
    *points = CowArray::from(moved);
    Ok((undistorter.camera(), notice))
}

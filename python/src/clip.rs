//! Whole clips as arrays: Python's `Keypoints` and `Poses`, to and from the library's frames.
//!
//! Arrays are padded to the most people that a frame has: where there is no person, all numbers are NaN and the id is −1, and
//! what is not known of a frame is NaN (its time) or 0 (its size).

mod poses;

use std::collections::HashMap;

use ndarray::{Array1, Array2, Array4, ArrayView1, ArrayView2, ArrayView3, ArrayView4, s};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArray4, PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArray4};
use poselift::Error;
use poselift::format::{PoseInfo, StreamInfo};
use poselift::guard::{check_focal, check_fps};
use poselift::pose::{Axes, Frame, LiftedFrame, Person, Unit};
use poselift::skeleton::{Layout, named_layout};
use pyo3::prelude::*;

use crate::camera::{keypoint, put_keypoints};
use crate::error::{Answer, Failure};
pub(crate) use poses::{Has, PoseArrays, PoseClip, PoseFields};

/// The id of an empty place, and of a person without an id.
const NO_ID: i64 = -1;

/// The id of a person, of its number in Python.
pub(crate) fn known(id: i64) -> Option<i64> {
    (id != NO_ID).then_some(id)
}

/// The number of a frame.
fn frame_number(number: i64) -> Answer<u64> {
    u64::try_from(number).map_err(|_| Error::input(format!("frame {number}, expected 0 or more")).into())
}

/// A side of the image in pixels; 0 where it is not known.
fn side(pixels: i64) -> Answer<u32> {
    u32::try_from(pixels)
        .map_err(|_| Error::input(format!("an image side of {pixels} pixels, expected 0 or more")).into())
}

/// What a 3D stream says about itself, as `poselift.PoseInfo` has it.
#[derive(FromPyObject, IntoPyObject)]
pub(crate) struct InfoFields {
    skeleton: String,
    names: Vec<String>,
    parents: Vec<i32>,
    units: String,
    axes: String,
    fps: Option<f64>,
    stature: Option<f64>,
    model: String,
    level: Option<bool>,
}

impl From<&PoseInfo> for InfoFields {
    fn from(info: &PoseInfo) -> Self {
        Self {
            skeleton: info.skeleton.clone(),
            names: info.joints.clone(),
            parents: info.parents.clone(),
            units: info.unit.name().to_owned(),
            axes: info.axes.name().to_owned(),
            fps: info.fps,
            stature: info.stature,
            model: info.model.clone(),
            level: info.is_level,
        }
    }
}

impl InfoFields {
    /// The library's header.
    ///
    /// # Errors
    /// Axes that are not known; not as many parents as names.
    pub(crate) fn info(self) -> Answer<PoseInfo> {
        if self.parents.len() != self.names.len() {
            let parents = self.parents.len();
            let names = self.names.len();
            return Err(Error::input(format!("{parents} parents for {names} joint names, expected as many")).into());
        }
        Ok(PoseInfo {
            skeleton: self.skeleton,
            joints: self.names,
            parents: self.parents,
            unit: Unit::from(self.units),
            axes: axes(&self.axes)?,
            fps: self.fps,
            stature: self.stature,
            is_level: self.level,
            model: self.model,
        })
    }
}

/// The axes of that name.
///
/// # Errors
/// A name that is not known.
pub(crate) fn axes(name: &str) -> Answer<Axes> {
    Axes::ALL.into_iter().find(|axes| axes.name() == name).ok_or_else(|| {
        let known = Axes::ALL.map(Axes::name).join(", ");
        Failure::from(Error::usage(format!("unknown axes '{name}', expected one of {known}")))
    })
}

/// A clip of key points, as `poselift.Keypoints` has it.
#[derive(FromPyObject)]
pub(crate) struct KeypointFields<'py> {
    /// `[T, N, J, 3]`.
    points: PyReadonlyArray4<'py, f64>,
    /// `[T, N]`.
    ids: PyReadonlyArray2<'py, i64>,
    /// `[T]`.
    frames: PyReadonlyArray1<'py, i64>,
    /// `[T]`.
    times: PyReadonlyArray1<'py, f64>,
    /// `[T, 2]`.
    sizes: PyReadonlyArray2<'py, i64>,
    /// `[J]` of the layout, if it is known.
    names: Option<Vec<String>>,
    fps: Option<f64>,
    focal: Option<f32>,
}

/// A clip of key points on its way to the library.
pub(crate) struct KeypointClip {
    pub(crate) frames: Vec<Frame>,
    pub(crate) layout: Option<&'static Layout>,
    pub(crate) fps: Option<f64>,
}

/// How many key points the first person of a clip has.
pub(crate) fn points_of(frames: &[Frame]) -> Option<usize> {
    frames.iter().flat_map(|frame| &frame.people).map(|person| person.keypoints.len()).next()
}

/// At which places of an array `[T, N, J, …]` there are people, for each frame: where any number is known.
fn places<T: Copy + Into<f64>>(numbers: ArrayView4<'_, T>) -> Vec<Vec<usize>> {
    numbers.outer_iter().map(places_of_frame).collect()
}

fn places_of_frame<T: Copy + Into<f64>>(numbers: ArrayView3<'_, T>) -> Vec<usize> {
    let mut places = Vec::new();
    for (place, person) in numbers.outer_iter().enumerate() {
        if person.iter().any(|&number| number.into().is_finite()) {
            places.push(place);
        }
    }
    places
}

/// Who a person of a clip is: a track, or for people without one the place in the arrays.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum PersonKey {
    Id(i64),
    Place(usize),
}

/// A number for each person, counted from 0.
#[derive(Default)]
struct Numbers(HashMap<PersonKey, i64>);

impl Numbers {
    /// The number of a person, the next one for one who is new.
    fn of(&mut self, person: PersonKey) -> i64 {
        let next = self.0.len() as i64;
        *self.0.entry(person).or_insert(next)
    }
}

/// The places `[N]` in the arrays of a clip's people, by frame, so that their poses can be put there.
pub(crate) struct Places(Vec<Vec<(i64, usize)>>);

impl Places {
    /// Numbers the people of `frames` as ids: each number is one person's alone. `places` are those of each frame's
    /// people in the arrays.
    fn number(frames: &mut [Frame], places: Vec<Vec<usize>>) -> Self {
        let mut numbers = Numbers::default();
        let mut numbered = Vec::with_capacity(frames.len());
        for (frame, places) in frames.iter_mut().zip(places) {
            let mut here: Vec<(i64, usize)> = Vec::with_capacity(places.len());
            for (person, place) in frame.people.iter_mut().zip(places) {
                let track = person.id.map(|id| numbers.of(PersonKey::Id(id)));
                // The second of two people with one id cannot be the same.
                let own = track.filter(|track| here.iter().all(|(taken, _)| taken != track));
                let own = own.unwrap_or_else(|| numbers.of(PersonKey::Place(place)));
                person.id = Some(own);
                here.push((own, place));
            }
            numbered.push(here);
        }
        Self(numbered)
    }

    /// Sets the ids of lifted people to their places.
    pub(crate) fn put(&self, frames: &mut [LiftedFrame]) {
        for (frame, here) in frames.iter_mut().zip(&self.0) {
            for person in &mut frame.people {
                let place = here.iter().find(|(number, _)| person.id == Some(*number)).map(|(_, place)| *place);
                person.id = place.and_then(|place| i64::try_from(place).ok());
            }
        }
    }
}

impl KeypointFields<'_> {
    /// The numbers of frames, and of people in the fullest.
    pub(crate) fn shape(&self) -> [usize; 2] {
        let (frames, people, ..) = self.points.as_array().dim();
        [frames, people]
    }

    /// The library's frames, whose people have numbers as ids, one for each track, and where they are in the arrays.
    ///
    /// # Errors
    /// As [`Self::clip`].
    pub(crate) fn numbered_clip(&self) -> Answer<(KeypointClip, Places)> {
        let places = self.places();
        let mut clip = self.clip_of(&places)?;
        let places = Places::number(&mut clip.frames, places);
        Ok((clip, places))
    }

    /// The library's frames.
    ///
    /// # Errors
    /// A layout that is not known; a frame rate or a focal length that cannot be.
    pub(crate) fn clip(&self) -> Answer<KeypointClip> {
        self.clip_of(&self.places())
    }

    /// Returns an error if the arrays do not fit each other, as where one of them was cut.
    fn check_shapes(&self) -> Answer<()> {
        let [frames, people] = self.shape();
        let points = self.points.as_array();
        let ids = self.ids.as_array();
        let sizes = self.sizes.as_array();
        let lengths = [self.frames.as_array().len(), self.times.as_array().len()];
        let fit = points.dim().3 == 3 && ids.dim() == (frames, people) && sizes.dim() == (frames, 2);
        if fit && lengths == [frames; 2] {
            return Ok(());
        }
        let message = format!(
            "arrays of a clip that do not fit each other: points {:?}, ids {:?}, sizes {:?}, {} frames, {} times",
            points.dim(),
            ids.dim(),
            sizes.dim(),
            lengths[0],
            lengths[1]
        );
        Err(Error::input(message).into())
    }

    /// At which places of the arrays there are people, for each frame.
    fn places(&self) -> Vec<Vec<usize>> {
        places(self.points.as_array().slice(s![.., .., .., ..1]))
    }

    /// The library's frames, with the people at these places.
    fn clip_of(&self, places: &[Vec<usize>]) -> Answer<KeypointClip> {
        check_fps(self.fps)?;
        check_focal(self.focal, false)?;
        self.check_shapes()?;
        let views = KeypointViews {
            points: self.points.as_array(),
            ids: self.ids.as_array(),
            frames: self.frames.as_array(),
            times: self.times.as_array(),
            sizes: self.sizes.as_array(),
        };
        let mut frames = Vec::with_capacity(places.len());
        for (at, places) in places.iter().enumerate() {
            let mut frame = views.frame(at, places)?;
            frame.focal = self.focal;
            frames.push(frame);
        }
        let layout = self.names.as_ref().map(|names| named_layout(names)).transpose()?;
        Ok(KeypointClip { frames, layout, fps: self.fps })
    }
}

/// The arrays of [`KeypointFields`], which fit each other.
struct KeypointViews<'a> {
    points: ArrayView4<'a, f64>,
    ids: ArrayView2<'a, i64>,
    frames: ArrayView1<'a, i64>,
    times: ArrayView1<'a, f64>,
    sizes: ArrayView2<'a, i64>,
}

impl KeypointViews<'_> {
    /// The frame in row `at`, whose people are at these places.
    fn frame(&self, at: usize, places: &[usize]) -> Answer<Frame> {
        let size = [side(self.sizes[[at, 0]])?, side(self.sizes[[at, 1]])?];
        Ok(Frame {
            index: frame_number(self.frames[at])?,
            time: Some(self.times[at]).filter(|time| time.is_finite()),
            size: Some(size).filter(|size| size.iter().all(|side| *side > 0)),
            people: places.iter().map(|place| self.person(at, *place)).collect(),
            ..Frame::default()
        })
    }

    fn person(&self, at: usize, place: usize) -> Person {
        let points = self.points.slice(s![at, place, .., ..]);
        Person {
            id: known(self.ids[[at, place]]),
            keypoints: points.rows().into_iter().map(|point| keypoint(point[0], point[1], point[2])).collect(),
        }
    }
}

/// A clip of key points for Python.
#[derive(IntoPyObject)]
pub(crate) struct KeypointArrays<'py> {
    points: Bound<'py, PyArray4<f64>>,
    ids: Bound<'py, PyArray2<i64>>,
    frames: Bound<'py, PyArray1<i64>>,
    times: Bound<'py, PyArray1<f64>>,
    sizes: Bound<'py, PyArray2<i64>>,
    layout: Option<String>,
    names: Option<Vec<String>>,
    fps: Option<f64>,
    focal: Option<f32>,
    notes: Vec<String>,
}

/// The numbers of [`KeypointArrays`], made without Python.
pub(crate) struct KeypointNumbers {
    points: Array4<f64>,
    ids: Array2<i64>,
    frames: Array1<i64>,
    times: Array1<f64>,
    sizes: Array2<i64>,
    focal: Option<f32>,
}

impl KeypointNumbers {
    /// Of frames whose people all have as many key points; others are told to `report` and left out.
    pub(crate) fn of(frames: &[Frame], report: &mut dyn FnMut(String)) -> Self {
        let joints = points_of(frames).unwrap_or(0);
        let most = frames.iter().map(|frame| frame.people.len()).max().unwrap_or(0);
        let mut points = Array4::from_elem((frames.len(), most, joints, 3), f64::NAN);
        points.slice_mut(s![.., .., .., 2]).fill(0.0);
        let mut ids = Array2::from_elem((frames.len(), most), NO_ID);
        let mut sizes = Array2::zeros((frames.len(), 2));
        for (at, frame) in frames.iter().enumerate() {
            if let Some([width, height]) = frame.size {
                sizes[[at, 0]] = i64::from(width);
                sizes[[at, 1]] = i64::from(height);
            }
            for (place, person) in frame.people.iter().enumerate() {
                let found = person.keypoints.len();
                if found != joints {
                    report(format!("frame {}: person {place} has {found} key points, expected {joints}", frame.index));
                    continue;
                }
                ids[[at, place]] = person.id.unwrap_or(NO_ID);
                put_keypoints(&person.keypoints, points.slice_mut(s![at, place, .., ..]));
            }
        }
        Self {
            points,
            ids,
            frames: frames.iter().map(|frame| i64::try_from(frame.index).unwrap_or(i64::MAX)).collect(),
            times: frames.iter().map(|frame| frame.time.unwrap_or(f64::NAN)).collect(),
            sizes,
            focal: frames.iter().find_map(|frame| frame.focal),
        }
    }

    pub(crate) fn into_arrays<'py>(
        self,
        py: Python<'py>,
        info: &StreamInfo,
        notes: Vec<String>,
    ) -> KeypointArrays<'py> {
        let joints = self.points.dim().2;
        let layout = info.layout.filter(|layout| layout.len() == joints || joints == 0);
        KeypointArrays {
            points: self.points.into_pyarray(py),
            ids: self.ids.into_pyarray(py),
            frames: self.frames.into_pyarray(py),
            times: self.times.into_pyarray(py),
            sizes: self.sizes.into_pyarray(py),
            layout: layout.map(|layout| layout.name.to_owned()),
            names: layout.map(|layout| layout.joints.iter().map(|name| (*name).to_owned()).collect()),
            fps: info.fps,
            focal: self.focal,
            notes,
        }
    }
}

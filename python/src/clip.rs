//! Whole clips as arrays: Python's `Keypoints` and `Poses`, to and from the library's frames.
//!
//! Arrays are padded to the most people that a frame has: where there is no person, all numbers are NaN and the id is −1, and
//! what is not known of a frame is NaN (its time) or 0 (its size).

use std::collections::HashMap;

use ndarray::{Array1, Array2, Array3, Array4, ArrayView2, ArrayView3, ArrayView4, s};
use numpy::PyReadonlyArray4;
use numpy::{
    IntoPyArray, PyArray1, PyArray2, PyArray3, PyArray4, PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArray3,
};
use poselift::Error;
use poselift::format::{PoseInfo, StreamInfo};
use poselift::guard::{check_focal, check_fps};
use poselift::pose::{Axes, Frame, LiftedFrame, LiftedPerson, Person, Unit};
use poselift::skeleton::{Layout, named_layout};
use pyo3::prelude::*;

use crate::camera::keypoint;
use crate::error::{Answer, Failure};

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

/// A foot of which it is not known whether it stands.
const NOT_KNOWN: i8 = -1;

/// Whether a foot stands, of its number in Python.
fn stands(number: i8) -> Option<bool> {
    (number != NOT_KNOWN).then_some(number != 0)
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
            let (parents, names) = (self.parents.len(), self.names.len());
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

/// At which places of an array `[T, N, J, …]` there are people, for each frame: where any number is known.
fn places<T: Copy + Into<f64>>(numbers: ArrayView4<'_, T>) -> Vec<Vec<usize>> {
    let is_there = |person: ArrayView2<'_, T>| person.iter().any(|&number| number.into().is_finite());
    let of_frame = |frame: ArrayView3<'_, T>| {
        frame.outer_iter().enumerate().filter(|(_, person)| is_there(*person)).map(|(place, _)| place).collect()
    };
    numbers.outer_iter().map(of_frame).collect()
}

/// What a person of a clip is known by: a track, or for people without one the place in the arrays.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Identity {
    Track(i64),
    Place(usize),
}

/// The places `[N]` in the arrays of a clip's people, by frame, so that their poses can be put there.
pub(crate) struct Places(Vec<Vec<(i64, usize)>>);

impl Places {
    /// Numbers the people of `frames` by identity, as ids: each number is one person's alone. `places` are those of each frame's
    /// people in the arrays.
    fn number(frames: &mut [Frame], places: Vec<Vec<usize>>) -> Self {
        let mut numbers: HashMap<Identity, i64> = HashMap::new();
        let numbered = frames.iter_mut().zip(places).map(|(frame, places)| {
            let mut here: Vec<(i64, usize)> = Vec::with_capacity(places.len());
            for (person, place) in frame.people.iter_mut().zip(places) {
                let mut number = |identity| {
                    let next = numbers.len() as i64;
                    *numbers.entry(identity).or_insert(next)
                };
                let track = person.id.map(|id| number(Identity::Track(id)));
                // The second of two people with one id cannot be the same.
                let own = track.filter(|track| here.iter().all(|(taken, _)| taken != track));
                let own = own.unwrap_or_else(|| number(Identity::Place(place)));
                person.id = Some(own);
                here.push((own, place));
            }
            here
        });
        Self(numbered.collect())
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
        let (points, ids, sizes) = (self.points.as_array(), self.ids.as_array(), self.sizes.as_array());
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
        let (points, ids) = (self.points.as_array(), self.ids.as_array());
        let (indices, times, sizes) = (self.frames.as_array(), self.times.as_array(), self.sizes.as_array());
        let frame = |at: usize| -> Answer<Frame> {
            let person = |&place: &usize| {
                let points = points.slice(s![at, place, .., ..]);
                let keypoints: Vec<_> = points.rows().into_iter().map(|p| keypoint([p[0], p[1], p[2]])).collect();
                let id = known(ids[[at, place]]);
                Person { id, keypoints }
            };
            let size = [side(sizes[[at, 0]])?, side(sizes[[at, 1]])?];
            Ok(Frame {
                index: frame_number(indices[at])?,
                time: Some(times[at]).filter(|time| time.is_finite()),
                size: Some(size).filter(|size| size.iter().all(|side| *side > 0)),
                focal: self.focal,
                people: places[at].iter().map(person).collect(),
            })
        };
        let frames = (0..points.dim().0).map(frame).collect::<Answer<_>>()?;
        let layout = self.names.as_ref().map(|names| named_layout(names)).transpose()?;
        Ok(KeypointClip { frames, layout, fps: self.fps })
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
        let joints = frames.iter().flat_map(|frame| &frame.people).map(|person| person.keypoints.len()).next();
        let joints = joints.unwrap_or(0);
        let most = frames.iter().map(|frame| frame.people.len()).max().unwrap_or(0);
        let mut points = Array4::from_elem((frames.len(), most, joints, 3), f64::NAN);
        points.slice_mut(s![.., .., .., 2]).fill(0.0);
        let mut ids = Array2::from_elem((frames.len(), most), NO_ID);
        for (at, frame) in frames.iter().enumerate() {
            for (place, person) in frame.people.iter().enumerate() {
                let found = person.keypoints.len();
                if found != joints {
                    report(format!("frame {}: person {place} has {found} key points, expected {joints}", frame.index));
                    continue;
                }
                ids[[at, place]] = person.id.unwrap_or(NO_ID);
                for (point, mut cell) in person.keypoints.iter().zip(points.slice_mut(s![at, place, .., ..]).rows_mut())
                {
                    (cell[0], cell[1], cell[2]) = (point.x, point.y, f64::from(point.score));
                }
            }
        }
        let side = |axis: usize| frames.iter().map(move |frame| frame.size.map_or(0, |size| i64::from(size[axis])));
        let mut sizes = Array2::zeros((frames.len(), 2));
        for axis in [0, 1] {
            sizes.column_mut(axis).iter_mut().zip(side(axis)).for_each(|(cell, side)| *cell = side);
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

/// A clip of poses, as `poselift.Poses` has it, in four dimensions.
#[derive(FromPyObject)]
pub(crate) struct PoseFields<'py> {
    /// `[T, N, J, 3]`.
    joints: PyReadonlyArray4<'py, f32>,
    /// `[T, N, J]`.
    sigma: Option<PyReadonlyArray3<'py, f32>>,
    /// `[T, N, J]`.
    missing: Option<PyReadonlyArray3<'py, bool>>,
    /// `[T, N]`.
    score: PyReadonlyArray2<'py, f32>,
    /// `[T, N]`.
    ids: PyReadonlyArray2<'py, i64>,
    /// `[T, N, 3]`.
    roots: Option<PyReadonlyArray3<'py, f32>>,
    /// `[T, N, 2]`.
    contacts: Option<PyReadonlyArray3<'py, i8>>,
    /// `[T]`.
    frames: PyReadonlyArray1<'py, i64>,
    /// `[T]`.
    times: PyReadonlyArray1<'py, f64>,
    info: InfoFields,
}

/// A clip of poses on its way to the library.
#[derive(Clone)]
pub(crate) struct PoseClip {
    pub(crate) frames: Vec<LiftedFrame>,
    pub(crate) info: PoseInfo,
}

impl PoseFields<'_> {
    /// How many frames, and people at most.
    pub(crate) fn shape(&self) -> [usize; 2] {
        let shape = self.joints.as_array().dim();
        [shape.0, shape.1]
    }

    /// At which places of the arrays there are people, for each frame.
    pub(crate) fn places(&self) -> Vec<Vec<usize>> {
        places(self.joints.as_array())
    }

    /// The library's frames; there is no person where all joints are NaN.
    ///
    /// # Errors
    /// A header that is none; another number of joints than it names; a person of whom some joints are not finite.
    pub(crate) fn clip(self) -> Answer<PoseClip> {
        let Self { joints, sigma, missing, score, ids, roots, contacts, frames, times, info } = self;
        let info = info.info()?;
        let (joints, score, ids) = (joints.as_array(), score.as_array(), ids.as_array());
        let (found, expected) = (joints.dim().2, info.joints.len());
        if found != expected {
            return Err(Error::input(format!("poses of {found} joints, expected {expected} as named")).into());
        }
        let person = |at: usize, place: usize| -> Answer<Option<LiftedPerson>> {
            let joints = joints.slice(s![at, place, .., ..]);
            let unknown = joints.iter().filter(|number| !number.is_finite()).count();
            if unknown == joints.len() {
                return Ok(None);
            }
            if unknown > 0 {
                let all = joints.len();
                let message = format!(
                    "row {at}, person {place}: {unknown} of {all} numbers are not finite, expected all or none"
                );
                return Err(Error::input(message).into());
            }
            let sigma = sigma.as_ref().map(|sigma| sigma.as_array().slice(s![at, place, ..]).to_vec());
            let missing = missing.as_ref().map(|missing| missing.as_array().slice(s![at, place, ..]).to_vec());
            let root = roots.as_ref().map(|roots| roots.as_array().slice(s![at, place, ..]).to_vec());
            let root = root.filter(|root| root.iter().all(|number| number.is_finite()));
            let contact = |side: usize| contacts.as_ref().and_then(|all| stands(all.as_array()[[at, place, side]]));
            let missing = missing.unwrap_or_default().into_iter().enumerate();
            Ok(Some(LiftedPerson {
                id: known(ids[[at, place]]),
                joints: joints.rows().into_iter().map(|joint| [joint[0], joint[1], joint[2]]).collect(),
                score: score[[at, place]],
                sigma: sigma.unwrap_or_default(),
                missing_joints: missing.filter(|(_, is_missing)| *is_missing).map(|(joint, _)| joint).collect(),
                root: root.map(|root| [root[0], root[1], root[2]]),
                contacts: [0, 1].map(contact),
                ..LiftedPerson::default()
            }))
        };
        let (indices, times) = (frames.as_array(), times.as_array());
        let frame = |at: usize| -> Answer<LiftedFrame> {
            Ok(LiftedFrame {
                index: frame_number(indices[at])?,
                time: Some(times[at]).filter(|time| time.is_finite()),
                people: (0..joints.dim().1).filter_map(|place| person(at, place).transpose()).collect::<Answer<_>>()?,
            })
        };
        Ok(PoseClip { frames: (0..joints.dim().0).map(frame).collect::<Answer<_>>()?, info })
    }
}

/// A clip of poses for Python.
#[derive(IntoPyObject)]
pub(crate) struct PoseArrays<'py> {
    joints: Bound<'py, PyArray4<f32>>,
    sigma: Option<Bound<'py, PyArray3<f32>>>,
    missing: Bound<'py, PyArray3<bool>>,
    score: Bound<'py, PyArray2<f32>>,
    ids: Bound<'py, PyArray2<i64>>,
    roots: Option<Bound<'py, PyArray3<f32>>>,
    contacts: Option<Bound<'py, PyArray3<i8>>>,
    frames: Bound<'py, PyArray1<i64>>,
    times: Bound<'py, PyArray1<f64>>,
    info: InfoFields,
    notes: Vec<String>,
}

impl PoseClip {
    /// Arrays of the frames, with people in their order.
    pub(crate) fn into_arrays(mut self, py: Python<'_>, notes: Vec<String>) -> PoseArrays<'_> {
        let most = self.frames.iter().map(|frame| frame.people.len()).max().unwrap_or(0);
        let shape = [self.frames.len(), most];
        self.arrays(py, shape, notes, &|_, place, _| place)
    }

    /// Arrays `[T, N, …]` of the frames, whose people stand at `places` ([`PoseFields::places`]).
    pub(crate) fn into_arrays_at<'py>(
        mut self,
        py: Python<'py>,
        shape: [usize; 2],
        places: &[Vec<usize>],
        notes: Vec<String>,
    ) -> PoseArrays<'py> {
        self.arrays(py, shape, notes, &|at, place, _| places[at][place])
    }

    /// Arrays `[T, N, …]` of the frames, with each person at the place that the id says ([`Places::put`]).
    pub(crate) fn into_arrays_by_place(
        mut self,
        py: Python<'_>,
        shape: [usize; 2],
        notes: Vec<String>,
    ) -> PoseArrays<'_> {
        self.arrays(py, shape, notes, &|_, place, id| id.and_then(|id| usize::try_from(id).ok()).unwrap_or(place))
    }

    /// Arrays whose people stand where `place_of` the frame, their place in it and their id says.
    fn arrays<'py>(
        &mut self,
        py: Python<'py>,
        [frame_count, most]: [usize; 2],
        notes: Vec<String>,
        place_of: &dyn Fn(usize, usize, Option<i64>) -> usize,
    ) -> PoseArrays<'py> {
        let Self { frames, info } = self;
        let joint_count = info.joints.len();
        let people = || frames.iter().flat_map(|frame| &frame.people);
        let has_sigma = people().any(|person| !person.sigma.is_empty());
        let has_roots = people().any(|person| person.root.is_some());
        let shape = (frame_count, most, joint_count);
        let mut joints = Array4::from_elem((shape.0, shape.1, shape.2, 3), f32::NAN);
        let mut sigma = has_sigma.then(|| Array3::from_elem(shape, f32::NAN));
        let mut missing = Array3::from_elem(shape, false);
        let has_contacts = people().any(|person| person.contacts != [None; 2]);
        let mut contacts = has_contacts.then(|| Array3::from_elem((shape.0, shape.1, 2), NOT_KNOWN));
        let mut roots = has_roots.then(|| Array3::from_elem((shape.0, shape.1, 3), f32::NAN));
        let mut score = Array2::zeros((shape.0, shape.1));
        let mut ids = Array2::from_elem((shape.0, shape.1), NO_ID);
        for (at, frame) in frames.iter().enumerate() {
            for (place, person) in frame.people.iter().enumerate() {
                let place = place_of(at, place, person.id);
                let mut pose = joints.slice_mut(s![at, place, .., ..]);
                pose.iter_mut().zip(person.joints.as_flattened()).for_each(|(cell, number)| *cell = *number);
                if let Some(sigma) = &mut sigma {
                    let mut row = sigma.slice_mut(s![at, place, ..]);
                    row.iter_mut().zip(&person.sigma).for_each(|(cell, number)| *cell = *number);
                }
                if let (Some(roots), Some(root)) = (&mut roots, person.root) {
                    roots.slice_mut(s![at, place, ..]).assign(&Array1::from(root.to_vec()));
                }
                if let Some(contacts) = &mut contacts {
                    let feet = person.contacts.map(|contact| contact.map_or(NOT_KNOWN, i8::from));
                    contacts.slice_mut(s![at, place, ..]).assign(&Array1::from(feet.to_vec()));
                }
                for &joint in person.missing_joints.iter().filter(|joint| **joint < joint_count) {
                    missing[[at, place, joint]] = true;
                }
                score[[at, place]] = person.score;
                ids[[at, place]] = person.id.unwrap_or(NO_ID);
            }
        }
        let indices: Array1<i64> = frames.iter().map(|frame| i64::try_from(frame.index).unwrap_or(i64::MAX)).collect();
        let times: Array1<f64> = frames.iter().map(|frame| frame.time.unwrap_or(f64::NAN)).collect();
        PoseArrays {
            joints: joints.into_pyarray(py),
            sigma: sigma.map(|sigma| sigma.into_pyarray(py)),
            missing: missing.into_pyarray(py),
            score: score.into_pyarray(py),
            ids: ids.into_pyarray(py),
            roots: roots.map(|roots| roots.into_pyarray(py)),
            contacts: contacts.map(|contacts| contacts.into_pyarray(py)),
            frames: indices.into_pyarray(py),
            times: times.into_pyarray(py),
            info: InfoFields::from(&*info),
            notes,
        }
    }
}

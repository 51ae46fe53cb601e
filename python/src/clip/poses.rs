//! Clips of poses as arrays: Python's `Poses`.

use ndarray::{Array1, Array2, Array3, Array4, ArrayView1, ArrayView2, ArrayView3, ArrayView4, s};
use numpy::{
    IntoPyArray, PyArray1, PyArray2, PyArray3, PyArray4, PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArray3,
    PyReadonlyArray4,
};
use poselift::Error;
use poselift::format::PoseInfo;
use poselift::pose::{LiftedFrame, LiftedPerson};
use pyo3::prelude::*;

use super::{InfoFields, NO_ID, frame_number, known, places};
use crate::error::Answer;

/// A foot of which it is not known whether it stands.
const NOT_KNOWN: i8 = -1;

/// Whether a foot stands, of its number in Python.
fn stands(number: i8) -> Option<bool> {
    (number != NOT_KNOWN).then_some(number != 0)
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

/// What the people of a clip have beside joints.
#[derive(Clone, Copy)]
pub(crate) struct Has {
    pub(crate) sigma: bool,
    pub(crate) roots: bool,
    pub(crate) contacts: bool,
}

impl Has {
    /// What any person of `frames` has.
    pub(crate) fn of(frames: &[LiftedFrame]) -> Self {
        let mut has = Self { sigma: false, roots: false, contacts: false };
        for person in frames.iter().flat_map(|frame| &frame.people) {
            has.sigma |= !person.sigma.is_empty();
            has.roots |= person.root.is_some();
            has.contacts |= person.contacts != [None; 2];
        }
        has
    }
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
        let views = PoseViews {
            joints: joints.as_array(),
            sigma: sigma.as_ref().map(|sigma| sigma.as_array()),
            missing: missing.as_ref().map(|missing| missing.as_array()),
            score: score.as_array(),
            ids: ids.as_array(),
            roots: roots.as_ref().map(|roots| roots.as_array()),
            contacts: contacts.as_ref().map(|contacts| contacts.as_array()),
            frames: frames.as_array(),
            times: times.as_array(),
        };
        let (rows, _, found, _) = views.joints.dim();
        let expected = info.joints.len();
        if found != expected {
            return Err(Error::input(format!("poses of {found} joints, expected {expected} as named")).into());
        }
        let frames = (0..rows).map(|at| views.frame(at)).collect::<Answer<_>>()?;
        Ok(PoseClip { frames, info })
    }
}

/// The arrays of [`PoseFields`].
struct PoseViews<'a> {
    joints: ArrayView4<'a, f32>,
    sigma: Option<ArrayView3<'a, f32>>,
    missing: Option<ArrayView3<'a, bool>>,
    score: ArrayView2<'a, f32>,
    ids: ArrayView2<'a, i64>,
    roots: Option<ArrayView3<'a, f32>>,
    contacts: Option<ArrayView3<'a, i8>>,
    frames: ArrayView1<'a, i64>,
    times: ArrayView1<'a, f64>,
}

impl PoseViews<'_> {
    /// The frame in row `at`.
    fn frame(&self, at: usize) -> Answer<LiftedFrame> {
        let places = 0..self.joints.dim().1;
        Ok(LiftedFrame {
            index: frame_number(self.frames[at])?,
            time: Some(self.times[at]).filter(|time| time.is_finite()),
            people: places.filter_map(|place| self.person(at, place).transpose()).collect::<Answer<_>>()?,
        })
    }

    /// The person at a place of row `at`, if there is one.
    fn person(&self, at: usize, place: usize) -> Answer<Option<LiftedPerson>> {
        let joints = self.joints.slice(s![at, place, .., ..]);
        let unknown = joints.iter().filter(|number| !number.is_finite()).count();
        if unknown == joints.len() {
            return Ok(None);
        }
        if unknown > 0 {
            let all = joints.len();
            let message =
                format!("row {at}, person {place}: {unknown} of {all} numbers are not finite, expected all or none");
            return Err(Error::input(message).into());
        }
        let sigma = self.sigma.map(|sigma| sigma.slice(s![at, place, ..]).to_vec());
        let missing = self.missing.map(|missing| missing.slice(s![at, place, ..]).to_vec());
        let missing = missing.unwrap_or_default().into_iter().enumerate();
        let root = self.roots.map(|roots| roots.slice(s![at, place, ..]).to_vec());
        let root = root.filter(|root| root.iter().all(|number| number.is_finite()));
        Ok(Some(LiftedPerson {
            id: known(self.ids[[at, place]]),
            joints: joints.rows().into_iter().map(|joint| [joint[0], joint[1], joint[2]]).collect(),
            score: self.score[[at, place]],
            sigma: sigma.unwrap_or_default(),
            missing_joints: missing.filter(|(_, is_missing)| *is_missing).map(|(joint, _)| joint).collect(),
            root: root.map(|root| [root[0], root[1], root[2]]),
            contacts: [0, 1].map(|side| stands(self.contacts?[[at, place, side]])),
            ..LiftedPerson::default()
        }))
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
    pub(crate) fn into_arrays(self, py: Python<'_>, notes: Vec<String>) -> PoseArrays<'_> {
        let most = self.frames.iter().map(|frame| frame.people.len()).max().unwrap_or(0);
        let shape = [self.frames.len(), most];
        self.arrays(py, shape, notes, &|_, place, _| place)
    }

    /// Arrays `[T, N, …]` of the frames, whose people stand at `places` ([`PoseFields::places`]).
    pub(crate) fn into_arrays_at<'py>(
        self,
        py: Python<'py>,
        shape: [usize; 2],
        places: &[Vec<usize>],
        notes: Vec<String>,
    ) -> PoseArrays<'py> {
        self.arrays(py, shape, notes, &|at, place, _| places[at][place])
    }

    /// Arrays `[T, N, …]` of the frames, with each person at the place that the id says ([`super::Places::put`]).
    pub(crate) fn into_arrays_by_place(self, py: Python<'_>, shape: [usize; 2], notes: Vec<String>) -> PoseArrays<'_> {
        self.arrays(py, shape, notes, &|_, place, id| id.and_then(|id| usize::try_from(id).ok()).unwrap_or(place))
    }

    /// Arrays whose people stand where `place_of` the frame, their place in it and their id says.
    fn arrays<'py>(
        &self,
        py: Python<'py>,
        shape: [usize; 2],
        notes: Vec<String>,
        place_of: &dyn Fn(usize, usize, Option<i64>) -> usize,
    ) -> PoseArrays<'py> {
        let mut numbers = PoseNumbers::empty(shape, self.info.joints.len(), Has::of(&self.frames));
        for (at, frame) in self.frames.iter().enumerate() {
            for (place, person) in frame.people.iter().enumerate() {
                numbers.put(at, place_of(at, place, person.id), person);
            }
        }
        let frames = self.frames.iter().map(|frame| i64::try_from(frame.index).unwrap_or(i64::MAX));
        let times = self.frames.iter().map(|frame| frame.time.unwrap_or(f64::NAN));
        PoseArrays {
            joints: numbers.joints.into_pyarray(py),
            sigma: numbers.sigma.map(|sigma| sigma.into_pyarray(py)),
            missing: numbers.missing.into_pyarray(py),
            score: numbers.score.into_pyarray(py),
            ids: numbers.ids.into_pyarray(py),
            roots: numbers.roots.map(|roots| roots.into_pyarray(py)),
            contacts: numbers.contacts.map(|contacts| contacts.into_pyarray(py)),
            frames: frames.collect::<Array1<i64>>().into_pyarray(py),
            times: times.collect::<Array1<f64>>().into_pyarray(py),
            info: InfoFields::from(&self.info),
            notes,
        }
    }
}

/// The numbers of people in [`PoseArrays`], made without Python.
struct PoseNumbers {
    joints: Array4<f32>,
    sigma: Option<Array3<f32>>,
    missing: Array3<bool>,
    score: Array2<f32>,
    ids: Array2<i64>,
    roots: Option<Array3<f32>>,
    contacts: Option<Array3<i8>>,
}

impl PoseNumbers {
    /// Of so many frames and people at most, none of whom is there yet.
    fn empty(shape: [usize; 2], joints: usize, has: Has) -> Self {
        let [frames, people] = shape;
        Self {
            joints: Array4::from_elem((frames, people, joints, 3), f32::NAN),
            sigma: has.sigma.then(|| Array3::from_elem((frames, people, joints), f32::NAN)),
            missing: Array3::from_elem((frames, people, joints), false),
            score: Array2::zeros((frames, people)),
            ids: Array2::from_elem((frames, people), NO_ID),
            roots: has.roots.then(|| Array3::from_elem((frames, people, 3), f32::NAN)),
            contacts: has.contacts.then(|| Array3::from_elem((frames, people, 2), NOT_KNOWN)),
        }
    }

    /// Puts a person at a place of row `at`.
    fn put(&mut self, at: usize, place: usize, person: &LiftedPerson) {
        let mut pose = self.joints.slice_mut(s![at, place, .., ..]);
        for (cell, number) in pose.iter_mut().zip(person.joints.as_flattened()) {
            *cell = *number;
        }
        if let Some(sigma) = &mut self.sigma {
            let mut row = sigma.slice_mut(s![at, place, ..]);
            for (cell, number) in row.iter_mut().zip(&person.sigma) {
                *cell = *number;
            }
        }
        if let (Some(roots), Some(root)) = (&mut self.roots, person.root) {
            roots.slice_mut(s![at, place, ..]).assign(&ArrayView1::from(&root));
        }
        if let Some(contacts) = &mut self.contacts {
            let feet = person.contacts.map(|contact| contact.map_or(NOT_KNOWN, i8::from));
            contacts.slice_mut(s![at, place, ..]).assign(&ArrayView1::from(&feet));
        }
        let joints = self.missing.dim().2;
        for &joint in person.missing_joints.iter().filter(|joint| **joint < joints) {
            self.missing[[at, place, joint]] = true;
        }
        self.score[[at, place]] = person.score;
        self.ids[[at, place]] = person.id.unwrap_or(NO_ID);
    }
}

//! Key points from memory, through the guards that a stream's frames pass: missing marks, scales of scores, shares of the
//! image, tracks.

use ndarray::{Array3, s};
use numpy::{IntoPyArray, PyArray3, PyReadonlyArray3};
use poselift::ErrorKind;
use poselift::format::StreamInfo;
use poselift::guard::{self, ReadOptions, check_focal, check_fps, check_size};
use poselift::pose::{Frame, Person};
use pyo3::prelude::*;

use crate::camera::{keypoints, put_keypoints};
use crate::clip::{KeypointArrays, KeypointClip, KeypointFields, KeypointNumbers};
use crate::error::{Answer, Failure};
use crate::interrupt::{check, interruptible};
use crate::layout::{LayoutName, layout};
use crate::memory::{FrameQueue, Notes};
use crate::points::{Kind, kind};

/// A report that keeps what it hears.
pub(crate) fn noting(notes: &Notes) -> guard::Report {
    let notes = notes.clone();
    Box::new(move |notice| notes.add(notice.to_string()))
}

/// All frames that `read` gives; those that cannot be read are noted and passed over.
///
/// # Errors
/// A stream that ends in an error.
pub(crate) fn read_all<T>(
    mut read: impl FnMut() -> poselift::Result<Option<T>>,
    notes: &Notes,
) -> poselift::Result<Vec<T>> {
    let mut frames = Vec::new();
    loop {
        check()?;
        match read() {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => return Ok(frames),
            Err(fault) if fault.kind() == ErrorKind::BadInput => notes.add(format!("{fault}: left out")),
            Err(error) => return Err(error),
        }
    }
}

/// Refuses numbers that no image, source or camera has.
#[pyfunction]
pub(crate) fn check_numbers(size: Option<[u32; 2]>, fps: Option<f64>, focal: Option<f32>) -> PyResult<()> {
    let checked = check_size(size).and_then(|()| check_fps(fps)).and_then(|()| check_focal(focal, false));
    Ok(checked.map_err(Failure::from)?)
}

/// Whether people in rows `[N, J, 2 or 3]` are in pixels, with scores of 0 to 1 and no marks of missing points.
#[pyfunction]
pub(crate) fn are_plain(points: PyReadonlyArray3<'_, f32>) -> bool {
    kind(points.as_array()) == Kind::Plain
}

/// People in rows `[N, J, 2 or 3]`, as the guards hand them on: row by row, those who are not there all missing. Rows are judged
/// together, but no row is another's next frame.
#[pyfunction]
pub(crate) fn guard_rows<'py>(
    py: Python<'py>,
    points: PyReadonlyArray3<'py, f64>,
    layout_name: Option<LayoutName>,
    size: Option<[u32; 2]>,
) -> PyResult<(Bound<'py, PyArray3<f64>>, Vec<String>)> {
    let array = points.as_array();
    let (rows, joints, _) = array.dim();
    let mut frames = Vec::with_capacity(rows);
    for (row, points) in array.outer_iter().enumerate() {
        let person = Person { id: Some(0), keypoints: keypoints(points) };
        frames.push(Frame { index: row as u64, size, people: vec![person], ..Frame::default() });
    }
    let named = layout(layout_name.as_ref())?;
    let notes = Notes::default();
    let guarded = interruptible(py, || -> Answer<Vec<Frame>> {
        let options = ReadOptions {
            layout: named,
            size,
            guess_layout: false,
            track: false,
            keep_sides: true,
            ..ReadOptions::default()
        };
        options.check()?;
        let queue = Box::new(FrameQueue::new(frames, named, None));
        let mut reader = guard::guarded(queue, &options, noting(&notes))?;
        Ok(read_all(|| reader.read(), &notes)?)
    })?;
    let mut found = Array3::from_elem((rows, joints, 3), f64::NAN);
    found.slice_mut(s![.., .., 2]).fill(0.0);
    for frame in guarded {
        let Some(person) = frame.people.first() else { continue };
        put_keypoints(&person.keypoints, found.slice_mut(s![frame.index as usize, .., ..]));
    }
    Ok((found.into_pyarray(py), notes.take()))
}

/// A clip from memory as the guards hand it on, with tracks.
#[pyfunction]
pub(crate) fn guard_clip<'py>(
    py: Python<'py>,
    clip: KeypointFields<'py>,
    size: Option<[u32; 2]>,
    fps: Option<f64>,
    max_gap: Option<u64>,
    keep_sides: bool,
) -> PyResult<KeypointArrays<'py>> {
    let KeypointClip { frames, layout, fps: own_fps } = clip.clip()?;
    let fps = fps.or(own_fps);
    let notes = Notes::default();
    let (numbers, info) = interruptible(py, || -> Answer<(KeypointNumbers, StreamInfo)> {
        let mut options = ReadOptions { layout, size, fps, guess_layout: false, keep_sides, ..ReadOptions::default() };
        options.max_gap = max_gap.unwrap_or(options.max_gap);
        options.check()?;
        let queue = Box::new(FrameQueue::new(frames, layout, fps));
        let mut reader = guard::guarded(queue, &options, noting(&notes))?;
        let mut frames = read_all(|| reader.read(), &notes)?;
        for frame in &mut frames {
            frame.size = frame.size.or(size);
        }
        let info = StreamInfo { layout: layout.or(reader.info().layout), fps, ..reader.info().clone() };
        Ok((KeypointNumbers::of(&frames, &mut |note| notes.add(note)), info))
    })?;
    Ok(numbers.into_arrays(py, &info, notes.take()))
}

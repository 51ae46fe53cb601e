//! A camera of a calibration file.

use std::path::PathBuf;

use ndarray::{ArrayView2, ArrayViewMut2};
use poselift::camera::{Attitude, CameraFile, NamedCamera, UpAxis};
use poselift::guard::Lens;
use poselift::pose::Keypoint;
use pyo3::prelude::*;

use crate::error::Answer;

/// A calibrated camera: `poselift.Camera` in Python.
#[pyclass(frozen, module = "poselift._native")]
pub(crate) struct Camera {
    pub(crate) named: NamedCamera,
    up: Option<UpAxis>,
}

#[pymethods]
impl Camera {
    /// The camera `name` of the file at `path`, or its only one; `up` is the axis of the file's world that points up.
    #[new]
    fn new(path: PathBuf, name: Option<&str>, up: Option<&str>) -> Answer<Self> {
        let up = up.map(str::parse).transpose()?;
        let file = CameraFile::read(&path)?;
        let named = file.camera(name).map_err(|error| error.at(&path))?.clone();
        Ok(Self { named, up })
    }

    #[getter]
    fn name(&self) -> &str {
        &self.named.name
    }

    #[getter]
    fn size(&self) -> Option<(u32, u32)> {
        self.named.intrinsics.size.map(Into::into)
    }

    #[getter]
    fn focal(&self) -> (f64, f64) {
        self.named.intrinsics.focal.into()
    }

    #[getter]
    fn centre(&self) -> (f64, f64) {
        self.named.intrinsics.centre.into()
    }

    /// Degrees down and clockwise.
    #[getter]
    fn pitch_and_roll(&self) -> Option<(f32, f32)> {
        self.attitude().map(|held| (held.pitch.to_degrees(), held.roll.to_degrees()))
    }
}

impl Camera {
    /// What undistorts its key points.
    pub(crate) fn lens(&self) -> Lens {
        Lens::new(self.named.intrinsics)
    }

    /// How the camera is held, if its file says which way is up, or the caller did.
    pub(crate) fn attitude(&self) -> Option<Attitude> {
        self.named.attitude(self.up)
    }
}

/// A person's key points in rows `[J, 2 or 3]`; without a score they are seen.
pub(crate) fn keypoints(rows: ArrayView2<'_, f64>) -> Vec<Keypoint> {
    rows.rows().into_iter().map(|row| keypoint(row[0], row[1], row.get(2).copied().unwrap_or(1.0))).collect()
}

/// Puts a person's key points into rows `[J, 3]`: x, y, score.
pub(crate) fn put_keypoints(keypoints: &[Keypoint], mut rows: ArrayViewMut2<'_, f64>) {
    for (point, mut row) in keypoints.iter().zip(rows.rows_mut()) {
        row[0] = point.x;
        row[1] = point.y;
        row[2] = f64::from(point.score);
    }
}

/// A key point of three numbers; one whose coordinate is no number is missing.
pub(crate) fn keypoint(x: f64, y: f64, score: f64) -> Keypoint {
    let point = Keypoint { x, y, score: score as f32 };
    if x.is_finite() && y.is_finite() { point } else { Keypoint::MISSING }
}

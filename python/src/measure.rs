//! The metrics: how far poses lie from true ones, how steady a clip is, and how it agrees with a recording of markers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use numpy::{PyReadonlyArray2, PyReadonlyArray3};
use poselift::format::Markers;
use poselift::metric::truth::{Recording, TRUTH_JOINTS, agreement as agree};
use poselift::metric::{Calibration, Score, Steadiness};
use poselift::pose::Unit;
use poselift::{Error, Result};
use pyo3::prelude::*;

use crate::clip::{PoseClip, PoseFields};
use crate::error::{Answer, Failure};
use crate::memory::MemoryReader;

/// As `poselift.Accuracy`.
#[derive(IntoPyObject)]
pub(crate) struct Accuracy {
    samples: u64,
    not_lifted: u64,
    unit: String,
    mpjpe: f64,
    p_mpjpe: f64,
    n_mpjpe: f64,
    pck_150: Option<f64>,
    auc: Option<f64>,
    per_joint: Vec<f64>,
    within_sigma: Option<f64>,
}

/// Compares poses with true ones, `[N, J, 3]`.
#[pyfunction]
pub(crate) fn score(
    py: Python<'_>,
    poses: PyReadonlyArray3<'_, f32>,
    truth: PyReadonlyArray3<'_, f32>,
    sigma: Option<PyReadonlyArray2<'_, f32>>,
    root: Option<usize>,
    unit: String,
) -> PyResult<Accuracy> {
    let poses = poses.as_array();
    let truth = truth.as_array();
    let sigma = sigma.as_ref().map(|sigma| sigma.as_array());
    let measured = py.detach(|| -> Result<Accuracy> {
        let joints = poses.dim().1;
        if let Some(root) = root.filter(|root| *root >= joints) {
            return Err(Error::usage(format!("joint {root} as the root, expected one of {joints} joints")));
        }
        let unit = Unit::from(unit);
        let mut score = Score::new(joints, root, &unit);
        score.add(poses, truth)?;
        let mut calibration = Calibration::new(root);
        if let Some(sigma) = sigma {
            calibration.add(poses, truth, sigma)?;
        }
        let Some(accuracy) = score.accuracy() else {
            return Err(Error::input("no pose was lifted, expected one at least"));
        };
        Ok(Accuracy {
            samples: accuracy.samples,
            not_lifted: score.not_lifted(),
            unit: score.unit().unwrap_or(unit.name()).to_owned(),
            mpjpe: accuracy.mpjpe,
            p_mpjpe: accuracy.p_mpjpe,
            n_mpjpe: accuracy.n_mpjpe,
            pck_150: accuracy.pck_150,
            auc: accuracy.auc,
            per_joint: accuracy.per_joint,
            within_sigma: sigma.and_then(|_| calibration.within_one_sigma()),
        })
    });
    Ok(measured.map_err(Failure::from)?)
}

/// As `poselift.Steadiness`.
#[derive(IntoPyObject)]
pub(crate) struct Steady {
    frames: u64,
    poses: u64,
    tracks: u64,
    bone_deviation: Option<f64>,
    asymmetry: Option<f64>,
    jitter: Option<f64>,
    feet_slide: Option<f64>,
    feet_planted: f64,
    pitch: Option<f32>,
    roll: Option<f32>,
    bones: BTreeMap<String, (f64, Option<f64>)>,
}

/// Measures a clip by itself.
#[pyfunction]
pub(crate) fn steadiness(py: Python<'_>, poses: PoseFields<'_>) -> PyResult<Steady> {
    let PoseClip { frames, info } = poses.clip()?;
    Ok(py.detach(|| -> Answer<Steady> {
        let mut steadiness = Steadiness::new(&info.joints, &info.parents, info.fps).in_axes(info.axes);
        for frame in &frames {
            steadiness.add(frame);
        }
        let figures = steadiness.figures();
        if figures.poses == 0 {
            let frames = figures.frames;
            return Err(Error::input(format!("no person in any of the {frames} frames, expected poses")).into());
        }
        let metres = info.unit.in_metres();
        let held = figures.camera.map(|camera| camera.attitude);
        let bones = figures.bones.iter().map(|bone| (info.joints[bone.joint].clone(), (bone.length, bone.deviation)));
        Ok(Steady {
            frames: figures.frames,
            poses: figures.poses,
            tracks: figures.tracks,
            bone_deviation: figures.deviation(),
            asymmetry: figures.asymmetry(),
            jitter: figures.acceleration.zip(metres).map(|(acceleration, metres)| acceleration * metres),
            feet_slide: figures.feet_slide.zip(metres).map(|(slide, metres)| slide * metres),
            feet_planted: figures.feet_planted,
            pitch: held.map(|held| held.pitch.to_degrees()),
            roll: held.map(|held| held.roll.to_degrees()),
            bones: bones.collect(),
        })
    })?)
}

/// As `poselift.Agreement`.
#[derive(IntoPyObject)]
pub(crate) struct Agreed {
    compared: usize,
    shift: f64,
    rotation: Vec<Vec<f64>>,
    mpjpe: f64,
    n_mpjpe: f64,
    p_mpjpe: f64,
    velocity_error: Option<f64>,
    root_path: Option<f64>,
    per_joint: BTreeMap<&'static str, Option<f64>>,
    angles: BTreeMap<&'static str, (f64, f64, f64)>,
    notes: Vec<String>,
}

/// Compares a clip with the recording of markers at `path`.
#[pyfunction]
pub(crate) fn agreement(py: Python<'_>, poses: PoseFields<'_>, path: PathBuf) -> PyResult<Agreed> {
    let PoseClip { frames, info } = poses.clip()?;
    let agreed = py.detach(|| -> Result<Agreed> {
        let markers = Recording::of_markers(&Markers::read(&path)?).map_err(|error| error.at(&path))?;
        let stream = Recording::of_stream(&mut MemoryReader::new(info, frames))?;
        let found = agree(&stream.recording, &markers).map_err(|error| error.at(&path))?;
        let rotation = (0..3).map(|row| (0..3).map(|column| found.rotation[(row, column)]).collect()).collect();
        Ok(Agreed {
            compared: found.frames,
            shift: found.shift,
            rotation,
            mpjpe: found.mpjpe,
            n_mpjpe: found.n_mpjpe,
            p_mpjpe: found.p_mpjpe,
            velocity_error: found.velocity,
            root_path: found.root_path,
            per_joint: TRUTH_JOINTS.into_iter().zip(found.joints).collect(),
            angles: found
                .angles
                .iter()
                .map(|angle| (angle.name, (angle.error, angle.offset, angle.without_offset)))
                .collect(),
            notes: found.doubts(),
        })
    });
    Ok(agreed.map_err(Failure::from)?)
}

//! Markers as one JSON object.

use ndarray::Array3;
use serde::Deserialize;

use super::{Markers, metres_of};
use crate::error::{Error, Result};
use crate::format::values::without_nan;

#[derive(Deserialize)]
struct Recording {
    joints: Vec<String>,
    #[serde(default = "metre")]
    unit: String,
    time: Option<Vec<f64>>,
    fps: Option<f64>,
    positions: Vec<Vec<Option<[Option<f64>; 3]>>>,
}

fn metre() -> String {
    "m".to_owned()
}

/// Reads one object.
///
/// # Errors
/// Other fields or types than those of [`Markers::read`]; numbers of frames or joints that differ.
pub(super) fn parse(bytes: &[u8]) -> Result<Markers> {
    let recording: Recording = serde_json::from_slice(&without_nan(bytes))
        .map_err(|e| Error::input(format!("is no JSON recording of markers: {e}")))?;
    let metres = metres_of(&recording.unit)?;
    let frames = recording.positions.len();
    let times = match (recording.time, recording.fps) {
        (Some(times), _) if times.len() == frames => times,
        (Some(times), _) => {
            return Err(Error::input(format!("{} times, expected one for each of {frames} frames", times.len())));
        }
        (None, Some(fps)) if fps > 0.0 => (0..frames).map(|frame| frame as f64 / fps).collect(),
        (None, Some(fps)) => return Err(Error::input(format!("fps {fps}, expected more than 0"))),
        (None, None) => return Err(Error::input("has neither time nor fps")),
    };
    let joints = recording.joints.len();
    let mut numbers = Vec::with_capacity(frames * joints * 3);
    for (index, frame) in recording.positions.iter().enumerate() {
        if frame.len() != joints {
            return Err(Error::input(format!("frame {index}: {} joints, expected {joints}", frame.len())));
        }
        for point in frame {
            let point = point.unwrap_or([None; 3]);
            numbers.extend(point.map(|number| number.map_or(f64::NAN, |number| number * metres)));
        }
    }
    let positions = Array3::from_shape_vec((frames, joints, 3), numbers).expect("each frame has all joints");
    Ok(Markers { names: recording.joints, times, positions })
}

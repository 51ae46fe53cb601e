//! The first line of a stream: what kind it is, and what must be known before its frames.

use poselift_onnx::are_trees;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::loose;
use super::scan::Line;
use crate::error::{Error, Result};
use crate::format::detector::number_in_text;
use crate::format::{PoseInfo, keys};
use crate::pose::{Axes, Unit};
use crate::skeleton::Layout;

/// The version of the stream format that this build reads and writes.
const VERSION: u32 = 1;

/// What every header holds; the other fields depend on the kind.
#[derive(Serialize, Deserialize)]
struct Start {
    poselift: u32,
    kind: String,
}

/// The header of a 2D stream.
#[derive(Debug, Default)]
pub(super) struct KeypointHeader {
    pub(super) layout: Option<&'static Layout>,
    pub(super) fps: Option<f64>,
    /// The image's width and height.
    pub(super) size: Option<[u32; 2]>,
}

/// The header of a 3D stream, in the order that it is written.
#[derive(Serialize, Deserialize)]
struct PoseHeader {
    skeleton: String,
    joints: Vec<String>,
    parents: Vec<i32>,
    unit: Unit,
    axes: Axes,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fps: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stature: Option<f64>,
    #[serde(default, rename = "level", skip_serializing_if = "Option::is_none")]
    is_level: Option<bool>,
    #[serde(default)]
    model: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    angles: Vec<String>,
}

/// Whether a line of JSON Lines is a header; only headers have the key `poselift`.
pub(crate) fn is_header(line: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Probe {
        #[serde(rename = "poselift")]
        _poselift: serde_json::Value,
    }
    const KEY: &[u8] = b"\"poselift\"";
    let head = &line[..line.len().min(256)];
    head.windows(KEY.len()).any(|window| window == KEY) && serde_json::from_slice::<Probe>(line).is_ok()
}

impl KeypointHeader {
    /// Reads the header of a 2D stream. A `layout` that is `given` counts more than the header's, which may then be any.
    ///
    /// # Errors
    /// A header that cannot be read, of another version, of a 3D stream, or with a layout, a rate or a size that is none.
    pub(super) fn read(line: &Line<'_>, given: Option<&'static Layout>) -> Result<Self> {
        check_start(line, "keypoints")?;
        let fields: Map<String, Value> = parse(line)?;
        let fps = rate_of(&fields, line)?;
        let size = loose::size_beside(&fields).flatten();
        let layout = match fields.get("layout").filter(|name| given.is_none() && !name.is_null()) {
            Some(name) => Some(layout_called(name).map_err(|e| e.line(line.number))?),
            None => None,
        };
        Ok(Self { layout, fps, size })
    }
}

/// The frames a second that a header of a 2D stream names.
fn rate_of(fields: &Map<String, Value>, line: &Line<'_>) -> Result<Option<f64>> {
    let Some(fps) = fields.get("fps").filter(|fps| !fps.is_null()) else {
        // What others call it may be something else.
        let rate = loose::first_of(fields, &keys::FPS).and_then(number);
        return Ok(rate.filter(|fps| *fps > 0.0 && fps.is_finite()));
    };
    let Some(rate) = number(fps) else {
        return Err(Error::input(format!("the header's fps is {fps}, expected a number")).line(line.number));
    };
    check_rate(Some(rate), line)?;
    Ok(Some(rate))
}

/// A number, in a text too.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| number_in_text(value.as_str()?))
}

/// The layout of a header's name.
fn layout_called(name: &Value) -> Result<&'static Layout> {
    match name.as_str() {
        Some(name) => Layout::by_name(name).map_err(|e| Error::input(e.to_string())),
        None => Err(Error::input(format!("the header's layout is {name}, expected a name"))),
    }
}

fn check_rate(fps: Option<f64>, line: &Line<'_>) -> Result<()> {
    match fps {
        Some(fps) if !(fps > 0.0 && fps.is_finite()) => {
            Err(Error::input(format!("fps is {fps}, expected a positive number")).line(line.number))
        }
        _ => Ok(()),
    }
}

/// Reads the header of a 3D stream.
///
/// # Errors
/// A header that cannot be read, of another version, of a 2D stream, or whose lists contradict each other.
pub(super) fn read_pose_info(line: &Line<'_>) -> Result<PoseInfo> {
    check_start(line, "poses")?;
    let PoseHeader { skeleton, joints, parents, unit, axes, fps, stature, is_level, model, .. } = parse(line)?;
    check_rate(fps, line)?;
    if let Some(stature) = stature.filter(|stature| !(*stature > 0.0 && stature.is_finite())) {
        return Err(Error::input(format!("stature is {stature}, expected metres above 0")).line(line.number));
    }
    let joint_count = joints.len();
    let complaint = if joint_count == 0 {
        "no joints".to_owned()
    } else if parents.len() != joint_count {
        format!("{} parents for {joint_count} joints", parents.len())
    } else if let Some(parent) = parents.iter().find(|&&p| p < -1 || p >= joint_count as i32) {
        format!("parent {parent}, expected -1 to {}", joint_count - 1)
    } else {
        if !are_trees(&parents) {
            return Err(
                Error::input("the header has a joint that is its own ancestor, by its parents").line(line.number)
            );
        }
        return Ok(PoseInfo { skeleton, joints, parents, unit, axes, fps, stature, is_level, model });
    };
    Err(Error::input(format!("the header has {complaint}")).line(line.number))
}

/// As [`read_pose_info`], of a header that stands alone.
///
/// # Errors
/// As [`read_pose_info`].
pub(in crate::format) fn pose_info_of(text: &[u8]) -> Result<PoseInfo> {
    read_pose_info(&Line { text, number: 1, ended: true })
}

/// The header line of a 3D stream whose people have these `angles`, with its line end.
pub(in crate::format) fn write_pose_info(info: &PoseInfo, angles: &[&str]) -> Vec<u8> {
    #[derive(Serialize)]
    struct Whole {
        #[serde(flatten)]
        start: Start,
        #[serde(flatten)]
        rest: PoseHeader,
    }
    let PoseInfo { skeleton, joints, parents, unit, axes, fps, stature, is_level, model } = info.clone();
    // The camera's axes say it themselves, and level ones too.
    let is_level = is_level.filter(|_| matches!(axes, Axes::YUp | Axes::ZUp));
    let angles = angles.iter().map(|angle| (*angle).to_owned()).collect();
    let rest = PoseHeader { skeleton, joints, parents, unit, axes, fps, stature, is_level, model, angles };
    let whole = Whole { start: Start { poselift: VERSION, kind: "poses".into() }, rest };
    let mut line = serde_json::to_vec(&whole).expect("strings and numbers can be written as JSON");
    line.push(b'\n');
    line
}

fn check_start(line: &Line<'_>, expected: &str) -> Result<()> {
    let Start { poselift: version, kind } = parse(line)?;
    let error = if version != VERSION {
        Error::input(format!("the stream has version {version}, expected {VERSION}"))
            .hint("a newer poselift may read it")
    } else if kind != expected {
        let error = Error::input(format!("the stream's kind is '{kind}', expected '{expected}'"));
        if kind == "poses" { error.hint("this stream is 3D already, as `poselift run` writes it") } else { error }
    } else {
        return Ok(());
    };
    Err(error.line(line.number))
}

fn parse<'a, T: Deserialize<'a>>(line: &Line<'a>) -> Result<T> {
    serde_json::from_slice(line.text)
        .map_err(|e| Error::input(format!("the header cannot be read: {e}")).line(line.number))
}

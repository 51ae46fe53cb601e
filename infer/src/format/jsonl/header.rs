//! The first line of a stream: what kind it is, and what must be known before its frames.

use poselift_onnx::are_trees;
use serde::{Deserialize, Serialize};

use super::lines::Line;
use crate::error::{Error, Result};
use crate::format::detector::Numbers;
use crate::format::{PoseInfo, image_side};
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
#[derive(Debug, Default, Deserialize)]
pub(super) struct KeypointHeader {
    layout: Option<String>,
    pub(super) fps: Option<f64>,
    #[serde(default)]
    size: Numbers,
    width: Option<f64>,
    height: Option<f64>,
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
    #[serde(default)]
    model: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    angles: Vec<String>,
}

/// Whether a line is a header; only headers have the key `poselift`.
pub(super) fn is_header(line: &Line<'_>) -> bool {
    #[derive(Deserialize)]
    struct Probe {
        #[serde(rename = "poselift")]
        _poselift: serde_json::Value,
    }
    const KEY: &[u8] = b"\"poselift\"";
    let head = &line.text[..line.text.len().min(256)];
    head.windows(KEY.len()).any(|window| window == KEY) && serde_json::from_slice::<Probe>(line.text).is_ok()
}

impl KeypointHeader {
    /// Reads the header of a 2D stream.
    ///
    /// # Errors
    /// A header that cannot be read, of another version, or of a 3D stream.
    pub(super) fn read(line: &Line<'_>) -> Result<Self> {
        check_start(line, "keypoints")?;
        let header: Self = parse(line)?;
        check_rate(header.fps, line)?;
        Ok(header)
    }

    /// The image's size, if the header has it: `size`, or `width` and `height`.
    pub(super) fn size(&self) -> Option<[u32; 2]> {
        let (width, height) = match self.size.0[..] {
            [width, height] => (width, height),
            _ => self.width.zip(self.height)?,
        };
        Some([image_side(width)?, image_side(height)?])
    }

    /// The layout that the header names, if it names one.
    ///
    /// # Errors
    /// A layout that is not known.
    pub(super) fn layout(&self) -> Result<Option<&'static Layout>> {
        let known = |name: &String| Layout::by_name(name).map_err(|e| Error::input(e.to_string()));
        self.layout.as_ref().map(known).transpose()
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
    let PoseHeader { skeleton, joints, parents, unit, axes, fps, model, .. } = parse(line)?;
    check_rate(fps, line)?;
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
        return Ok(PoseInfo { skeleton, joints, parents, unit, axes, fps, model });
    };
    Err(Error::input(format!("the header has {complaint}")).line(line.number))
}

/// The header line of a 3D stream whose people have these `angles`, with its line end.
pub(super) fn write_pose_info(info: &PoseInfo, angles: &[&str]) -> Vec<u8> {
    #[derive(Serialize)]
    struct Whole {
        #[serde(flatten)]
        start: Start,
        #[serde(flatten)]
        rest: PoseHeader,
    }
    let PoseInfo { skeleton, joints, parents, unit, axes, fps, model } = info.clone();
    let angles = angles.iter().map(|angle| (*angle).to_owned()).collect();
    let rest = PoseHeader { skeleton, joints, parents, unit, axes, fps, model, angles };
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

//! UI-PRMD as arrays: `.npy` of int16 millimetres, `[T, J, 3]`, with a `.json` that names joints and clips.

use std::path::Path;

use ndarray::{Array3, ArrayView2, Axis};
use poselift::error::{Error, Result};
use poselift::format::NamedArray;
use poselift::skeleton::BODY28;
use serde::Deserialize;

use crate::data::TakeOf;
use crate::data::body::Body;
use crate::data::body::feet::FIRST_OF_FEET;
use crate::data::check::Figure;
use crate::data::{MotionBuilder, Source};

/// The fields of the JSON that are used; it holds more, for human readers.
#[derive(Debug, Deserialize)]
struct Description {
    fps: f64,
    unit: String,
    up: String,
    joints: Vec<String>,
    licence: String,
    clips: Vec<DescribedClip>,
}

#[derive(Debug, Deserialize)]
struct DescribedClip {
    name: String,
    subject: String,
    start: usize,
    frames: usize,
}

/// Adds all clips of the array at `path`, described by the `.json` of the same name.
///
/// # Errors
/// A file that is missing or unreadable, a joint of [`BODY28`] that it lacks, clips outside the array.
pub fn add_file(path: &Path, builder: &mut MotionBuilder) -> Result<()> {
    let description = describe(&path.with_extension("json"))?;
    let metres = unit_metres(&description).map_err(|e| e.at(path.with_extension("json")))?;
    let joints = order(&description.joints).map_err(|e| e.at(path.with_extension("json")))?;
    let points = read_points(path, description.joints.len())?;
    let frames = points.dim().0;
    let is_ui_prmd = path.file_stem().is_some_and(|stem| stem == "ui_prmd");
    let name =
        if is_ui_prmd { "UI-PRMD".into() } else { path.file_stem().unwrap_or_default().to_string_lossy().into() };
    let source = builder.source(Source { name, licence: description.licence.clone() });
    let mut broken = 0;
    let mut complaints = Vec::new();
    for clip in &description.clips {
        let end = clip.start.checked_add(clip.frames).filter(|end| *end <= frames).ok_or_else(|| {
            let found = format!("clip {} has frames {} + {}", clip.name, clip.start, clip.frames);
            Error::input(format!("{found}, expected to end within {frames}")).at(path)
        })?;
        let bodies: Vec<Body> =
            (clip.start..end).map(|frame| body(points.index_axis(Axis(0), frame), &joints, metres)).collect();
        let take = TakeOf {
            name: &clip.name,
            subject: &clip.subject,
            source,
            figure: Figure { human_lengths: true, own_face: true },
        };
        let sifted = builder.take(take, &bodies, description.fps);
        broken += sifted.cut;
        complaints.extend(sifted.complaint(&clip.name, clip.frames));
    }
    builder.note(format!("{}: {} clips, {frames} frames, {broken} left out", path.display(), description.clips.len()));
    for complaint in complaints {
        builder.note(format!("  {complaint}"));
    }
    Ok(())
}

/// Metres per unit of the array, whose axes must have y up.
fn unit_metres(description: &Description) -> Result<f32> {
    match (description.unit.as_str(), description.up.as_str()) {
        ("mm", "y") => Ok(1e-3),
        ("m", "y") => Ok(1.0),
        (unit, up) => Err(Error::input(format!("unit '{unit}' with '{up}' up, expected mm or m with y up"))),
    }
}

/// The array at `path`, `[T, J, 3]` of `expected` joints.
fn read_points(path: &Path, expected: usize) -> Result<Array3<f32>> {
    let points = match NamedArray::all(path)?.pop() {
        Some(NamedArray { shape, numbers, .. }) if shape.len() == 3 => {
            Array3::from_shape_vec((shape[0], shape[1], shape[2]), numbers).expect("as many numbers as its shape says")
        }
        _ => return Err(Error::input("holds no array of [frames, joints, 3]").at(path)),
    };
    let (_, found, axes) = points.dim();
    if found != expected || axes != 3 {
        return Err(Error::input(format!("{found} joints of {axes} numbers, expected {expected} of 3")).at(path));
    }
    Ok(points)
}

/// Our body of a frame `[J, 3]`, of which `joints` are taken; the feet, which it lacks, are NaN.
fn body(points: ArrayView2<'_, f32>, joints: &[usize; FIRST_OF_FEET], metres: f32) -> Body {
    let mut body = [[f32::NAN; 3]; 28];
    for (point, &joint) in body.iter_mut().zip(joints) {
        *point = std::array::from_fn(|axis| points[[joint, axis]] * metres);
    }
    body
}

fn describe(path: &Path) -> Result<Description> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io("cannot read", path, e))?;
    let description: Description = serde_json::from_str(&text)
        .map_err(|e| Error::input(format!("no description of motion: {e}")).line(e.line() as u64).at(path))?;
    if !(description.fps.is_finite() && description.fps > 0.0) {
        return Err(Error::input(format!("fps {}, expected a positive number", description.fps)).at(path));
    }
    Ok(description)
}

/// The index of each joint of [`BODY28`] but the feet among `names`; three have other names there.
fn order(names: &[String]) -> Result<[usize; FIRST_OF_FEET]> {
    let mut joints = [0; FIRST_OF_FEET];
    for (slot, ours) in joints.iter_mut().zip(BODY28.joints) {
        let theirs = match *ours {
            "hip" => "hip_center",
            "neck_nose" => "neck",
            "head" => "head_top",
            same => same,
        };
        *slot = names.iter().position(|name| name == theirs).ok_or_else(|| {
            Error::input(format!(
                "no joint '{theirs}', expected the {} of UI-PRMD; found {}",
                FIRST_OF_FEET,
                names.join(", ")
            ))
        })?;
    }
    Ok(joints)
}

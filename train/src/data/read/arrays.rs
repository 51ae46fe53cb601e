//! Motion as plain arrays of joints: `.npy`, `.npz`, VideoPose3D's `data_3d_h36m.npz`, Martinez's `.h5`.
//!
//! An array is one clip, `[T, J, 3]`, of 17 joints (Human3.6M-17), 28 (body28), the first 22 of those (no feet) or Human3.6M's 32. The file's unit is
//! metres, centimetres or millimetres: the one that brings the median thigh closest to a person's 0.417 m. Its up
//! axis is the one, y or z, that people stand along, in either direction. An array `fps` states the rate.

mod axes;
mod h5;
mod joints;

use std::path::Path;

use poselift::error::{Error, Result};
use poselift::format::NamedArray;

use crate::data::TakeOf;
use crate::data::body::{Body, thigh_misfit};
use crate::data::check::Figure;
use crate::data::{MotionBuilder, Source};
use axes::Up;

pub use h5::{is_pose_file, is_positions};

/// The array that states the number of frames a second.
const RATE: &str = "fps";
/// The arrays that `poselift run` writes into an archive beside `poses`.
const BESIDE_POSES: [&str; 5] = ["frames", "header", "roots", "sigma", "times"];

/// The dictionary in VideoPose3D's file, `{subject: {action: [T, J, 3]}}`.
const POSITIONS_3D: &str = "positions_3d";

/// Frames a second of Human3.6M, whose files do not state it.
const H36M_RATE: f64 = 50.0;

/// Human3.6M's licence, which each user has to obtain.
fn human36m() -> Source {
    Source { name: "Human3.6M".into(), licence: "Human3.6M's own: academic use only (vision.imar.ro/human3.6m)".into() }
}

/// A clip in the file's own unit and axes.
struct Clip {
    name: String,
    subject: String,
    bodies: Vec<Body>,
}

/// Whether the `.npz` at `path` holds paired arrays instead of motion, judged by the arrays' names.
pub fn is_paired(path: &Path) -> bool {
    // A file that is not an archive is refused by the reader that opens it.
    NamedArray::names(path).map_or(true, |names| names.iter().any(|name| name == "joint_3d" || name == "joint_2d_1"))
}

/// Whether the `.npy` at `path` holds a clip, judged by its shape.
pub fn is_clip(path: &Path) -> bool {
    NamedArray::shape(path).is_ok_and(|shape| joints::count(&shape).is_some())
}

/// Adds all clips of the `.npy` or `.npz` at `path`, under the collection's name if it is given, else under the
/// file's own.
///
/// # Errors
/// A file that cannot be read, an array of another shape, axes along which no person stands.
pub fn add_file(path: &Path, collection: Option<&str>, builder: &mut MotionBuilder) -> Result<()> {
    let mut rate = None;
    let mut clips = Vec::new();
    let name = collection.map_or_else(|| stem(path), str::to_owned);
    let mut source = Source { name, licence: "unknown".into() };
    let arrays = NamedArray::all(path)?;
    let has_poses = arrays.iter().any(|array| array.path == ["poses"]);
    for array in arrays.into_iter().filter(|array| !has_poses || !is_beside_poses(array)) {
        match (array.path.last().map(String::as_str), array.path.first().map(String::as_str)) {
            (Some(RATE), _) => rate = Some(rate_in(&array).map_err(|e| e.at(path))?),
            (_, first) => {
                if first == Some(POSITIONS_3D) {
                    source = human36m();
                    rate = rate.or(Some(H36M_RATE));
                }
                clips.push(Clip::new(path, array).map_err(|e| e.at(path))?);
            }
        }
    }
    add(path, source, rate, clips, builder)
}

fn is_beside_poses(array: &NamedArray) -> bool {
    matches!(&array.path[..], [name] if BESIDE_POSES.contains(&name.as_str()))
}

/// Adds the clip of the `.h5` at `path`, `.../S1/MyPoses/3D_positions/Walking 1.h5` of Martinez's archive.
///
/// # Errors
/// As [`add_file`].
pub fn add_h5(path: &Path, builder: &mut MotionBuilder) -> Result<()> {
    let array = h5::read(path).map_err(|e| e.at(path))?;
    let bodies = joints::bodies(&array.shape, &array.numbers).map_err(|e| e.at(path))?;
    let subject = h5::subject(path).unwrap_or_else(|| subject_in(&stem(path)));
    let clip = Clip { name: format!("{subject}_{}", stem(path)), subject, bodies };
    add(path, human36m(), Some(H36M_RATE), vec![clip], builder)
}

fn add(
    path: &Path,
    source: Source,
    rate: Option<f64>,
    mut clips: Vec<Clip>,
    builder: &mut MotionBuilder,
) -> Result<()> {
    if clips.is_empty() {
        return Err(Error::input("no array of motion, expected [frames, 17, 22, 28 or 32 joints, 3]").at(path));
    }
    let bodies = clips.iter().flat_map(|clip| &clip.bodies);
    let up = Up::of(bodies.clone()).map_err(|e| e.at(path))?;
    let (metres, unit) = unit_of(axes::median(bodies.flat_map(axes::thighs)));
    let faces = clips.iter().filter(|clip| clip.bodies.iter().any(joints::lacks_face)).count();
    let source = builder.source(source);
    let known_rate = rate.unwrap_or(builder.rate());
    let mut frames = 0;
    let mut complaints = Vec::new();
    for Clip { name, subject, bodies } in &mut clips {
        for point in bodies.iter_mut().flatten() {
            *point = up.turned(*point).map(|value| value * metres);
        }
        let own_face = !bodies.iter().any(joints::lacks_face);
        joints::set_faces(bodies);
        frames += bodies.len();
        let take = TakeOf { name, subject, source, figure: Figure { human_lengths: true, own_face } };
        let sifted = builder.take(take, bodies, known_rate);
        complaints.extend(sifted.complaint(name, bodies.len()));
    }
    let rate = if rate.is_some() { "" } else { ", the wanted rate, as the file says none (an array fps)" };
    let faces = if faces > 0 { "; faces set on the skull" } else { "" };
    builder.note(format!(
        "{}: {} clips, {frames} frames at {known_rate} Hz{rate}; unit {unit}, by the thigh; {up} up{faces}",
        path.display(),
        clips.len(),
    ));
    for complaint in complaints {
        builder.note(format!("  {complaint}"));
    }
    Ok(())
}

impl Clip {
    fn new(path: &Path, array: NamedArray) -> Result<Self> {
        let bodies = joints::bodies(&array.shape, &array.numbers).map_err(|e| match &array.path[..] {
            [] => e,
            names => Error::input(format!("array '{}': {e}", names.join("/"))),
        })?;
        // In grouped arrays, the group is the person: positions_3d, S1, Walking 1.
        let (name, subject) = match &array.path[..] {
            [] => (stem(path), subject_in(&stem(path))),
            [name] => (name.clone(), subject_in(name)),
            [.., subject, name] => (format!("{subject}_{name}"), subject.clone()),
        };
        Ok(Self { name, subject, bodies })
    }
}

/// The person in a clip's name: the part before the first `_`.
fn subject_in(name: &str) -> String {
    name.split('_').find(|part| !part.is_empty()).unwrap_or(name).to_owned()
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn rate_in(array: &NamedArray) -> Result<f64> {
    match array.numbers[..] {
        [rate] if rate.is_finite() && rate > 0.0 => Ok(f64::from(rate)),
        _ => Err(Error::input(format!("'{RATE}' holds {:?}, expected one number above 0", array.numbers))),
    }
}

/// The unit that brings `thigh` closest to a person's, in metres, and its name.
fn unit_of(thigh: f64) -> (f32, &'static str) {
    let units: [(f32, &str); 3] = [(1.0, "m"), (0.01, "cm"), (0.001, "mm")];
    let nearest = units
        .into_iter()
        .min_by(|a, b| thigh_misfit(thigh * f64::from(a.0)).total_cmp(&thigh_misfit(thigh * f64::from(b.0))));
    nearest.unwrap_or((1.0, "m"))
}

#[cfg(test)]
mod tests;

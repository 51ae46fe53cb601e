//! The clips archive: imported motion in one npz, small enough to copy and quick to open.
//!
//! It holds `positions`, `[T, 28, 3]` (older ones, without feet, `[T, 22, 3]`), int16 millimetres or float32 metres, and `meta`, the bytes of a JSON text.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use ndarray::{Array1, Array3, ArrayView2, s};
use poselift::format::{NamedArray, NpzWriter};
use poselift::skeleton::BODY28;
use poselift::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::data::body::feet::FIRST_OF_FEET;
use crate::data::body::{Body, resample};
use crate::data::{Clip, Motion, MotionBuilder, Source};
use crate::output;

/// The version of the archive's format that this crate writes and reads.
const SCHEMA: u32 = 1;
/// The names of its arrays.
const POSITIONS: &str = "positions";
const META: &str = "meta";

/// How coordinates are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// int16 millimetres, within 32.7 m of the origin.
    Millimetres,
    /// float32 metres.
    Float32,
}

#[derive(Debug, Serialize, Deserialize)]
struct Meta {
    schema: u32,
    joints: Vec<String>,
    rate: f64,
    clips: Vec<Clip>,
    sources: Vec<Source>,
}

/// Whether `path` is a clips archive, judged by the names of its arrays.
pub fn is_archive(path: &Path) -> bool {
    let names = NamedArray::names(path).unwrap_or_default();
    [POSITIONS, META].iter().all(|wanted| names.iter().any(|name| name == wanted))
}

/// Writes `motion` to `path`, which appears only once it is whole.
///
/// # Errors
/// A position that does not fit `precision`, or a file that cannot be written.
pub fn write(motion: &Motion, precision: Precision, path: &Path) -> Result<()> {
    let unfinished = output::unfinished(path)?;
    let written = write_to(motion, precision, &unfinished)
        .and_then(|()| std::fs::rename(&unfinished, path).map_err(|e| Error::io("cannot write", path, e)));
    if written.is_err() {
        // The original error is on its way to the user; a temporary file that stays is not a second error.
        let _ = std::fs::remove_file(&unfinished);
    }
    written.map_err(|e| e.at(path))
}

fn write_to(motion: &Motion, precision: Precision, path: &Path) -> Result<()> {
    let meta = Meta {
        schema: SCHEMA,
        joints: BODY28.joints.iter().map(|&joint| joint.to_owned()).collect(),
        rate: motion.rate,
        clips: motion.clips.clone(),
        sources: motion.sources.clone(),
    };
    let meta = serde_json::to_vec(&meta).map_err(|e| Error::input(format!("cannot describe the clips: {e}")))?;
    let file = File::create(path).map_err(|e| Error::io("cannot write", path, e))?;
    let mut archive = NpzWriter::new(BufWriter::new(file));
    archive.add(META, &Array1::from_vec(meta))?;
    match precision {
        Precision::Millimetres => archive.add(POSITIONS, &millimetres(motion)?)?,
        Precision::Float32 => archive.add(POSITIONS, &motion.positions)?,
    }
    let mut file = archive.finish()?;
    file.flush().map_err(|e| Error::io("cannot write", path, e))
}

fn millimetres(motion: &Motion) -> Result<Array3<i16>> {
    let far = motion.positions.iter().find(|value| !(-32_767.0..=32_767.0).contains(&(**value * 1000.0)));
    if let Some(value) = far {
        return Err(Error::usage(format!("a joint {value} m from the origin, expected less than 32.767 m"))
            .hint("--f32 keeps any distance"));
    }
    Ok(motion.positions.mapv(|value| (value * 1000.0).round() as i16))
}

/// Adds the clips of the archive at `path`, resampled if it has another rate.
///
/// # Errors
/// A file that is not an archive of ours, has another version, or contradicts itself.
pub fn add_file(path: &Path, builder: &mut MotionBuilder) -> Result<()> {
    let (meta, positions) = read(path).map_err(|e| e.at(path))?;
    let sources: Vec<_> = meta.sources.into_iter().map(|source| builder.source(source)).collect();
    for clip in &meta.clips {
        let frames = positions.slice(s![clip.start..clip.start + clip.frames, .., ..]);
        let bodies: Vec<Body> = frames.outer_iter().map(body).collect();
        let resampled =
            if meta.rate == builder.rate() { bodies } else { resample::resample(&bodies, meta.rate, builder.rate()) };
        builder.clip(&clip.name, &clip.subject, sources[clip.source], clip.human_lengths, &resampled);
    }
    builder.note(format!("{}: {} clips, {} frames", path.display(), meta.clips.len(), positions.dim().0));
    Ok(())
}

/// A body of the first joints, `[J, 3]`; the others are NaN.
fn body(points: ArrayView2<'_, f32>) -> Body {
    let mut body = [[f32::NAN; 3]; 28];
    for (joint, point) in body.iter_mut().zip(points.rows()) {
        *joint = std::array::from_fn(|axis| point[axis]);
    }
    body
}

fn read(path: &Path) -> Result<(Meta, Array3<f32>)> {
    let mut arrays = NamedArray::all(path).map_err(|e| Error::input(format!("no clips archive: {e}")))?;
    // Bytes come as floats, which hold them exactly.
    let meta: Vec<u8> = take_array(&mut arrays, META)?.numbers.iter().map(|&byte| byte as u8).collect();
    let meta: Meta =
        serde_json::from_slice(&meta).map_err(|e| Error::input(format!("the archive's meta is not readable: {e}")))?;
    let NamedArray { shape, numbers, .. } = take_array(&mut arrays, POSITIONS)?;
    let [frames, joints, axes] = shape[..] else {
        return Err(Error::input(format!("no clips archive: positions of {} sides, expected 3", shape.len())));
    };
    let mut positions = Array3::from_shape_vec((frames, joints, axes), numbers)
        .expect("an array has as many numbers as its shape says");
    if NamedArray::holds_integers(path, POSITIONS)? {
        positions.mapv_inplace(|millimetres| millimetres / 1000.0);
    }
    check(&meta, &positions)?;
    if positions.iter().any(|value| !value.is_finite()) {
        return Err(Error::input("the archive holds a position that is no number"));
    }
    Ok((meta, positions))
}

fn take_array(arrays: &mut Vec<NamedArray>, wanted: &str) -> Result<NamedArray> {
    match arrays.iter().position(|array| array.path == [wanted]) {
        Some(index) => Ok(arrays.swap_remove(index)),
        None => Err(Error::input(format!("no clips archive: there is no array {wanted} in it"))),
    }
}

/// Whether `joints` are our body's, with feet or, as before there were any, without.
fn is_body(joints: &[String]) -> bool {
    *joints == *BODY28.joints || *joints == BODY28.joints[..FIRST_OF_FEET]
}

fn check(meta: &Meta, positions: &Array3<f32>) -> Result<()> {
    let (frames, joints, axes) = positions.dim();
    let complaint = if meta.schema != SCHEMA {
        format!("schema {}, expected {SCHEMA}", meta.schema)
    } else if !is_body(&meta.joints) || (joints, axes) != (meta.joints.len(), 3) {
        let found = meta.joints.join(", ");
        format!("{joints} joints of {axes} numbers ({found}), expected {}'s 28 of 3, or its first 22", BODY28.name)
    } else if !(meta.rate.is_finite() && meta.rate > 0.0) {
        format!("a rate of {}, expected more than 0", meta.rate)
    } else if let Some(clip) = meta.clips.iter().find(|clip| !is_there(clip, frames, meta.sources.len())) {
        format!(
            "clip {} of frames {} + {} and source {}, which is not all there",
            clip.name, clip.start, clip.frames, clip.source
        )
    } else {
        return Ok(());
    };
    Err(Error::input(format!("the clips archive holds {complaint}")))
}

/// Whether the clip is within these numbers of frames and sources.
fn is_there(clip: &Clip, frames: usize, sources: usize) -> bool {
    clip.source < sources && clip.start.checked_add(clip.frames).is_some_and(|end| end <= frames)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::synthetic;

    fn motion() -> Motion {
        let mut builder = MotionBuilder::new(25.0).unwrap();
        synthetic::add(synthetic::Repertoire::Everyday, 300, 3, &mut builder);
        builder.finish().unwrap().0
    }

    fn reopened(path: &Path, rate: f64) -> Result<Motion> {
        let mut builder = MotionBuilder::new(rate).unwrap();
        add_file(path, &mut builder)?;
        Ok(builder.finish()?.0)
    }

    #[test]
    fn what_was_written_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clips.npz");
        let motion = motion();
        write(&motion, Precision::Float32, &path).unwrap();
        assert!(is_archive(&path));
        assert_eq!(reopened(&path, 25.0).unwrap(), motion);
        let exact = std::fs::metadata(&path).unwrap().len();

        write(&motion, Precision::Millimetres, &path).unwrap();
        assert!(std::fs::metadata(&path).unwrap().len() < exact / 2);
        let rounded = reopened(&path, 25.0).unwrap();
        assert_eq!((&rounded.clips, &rounded.sources), (&motion.clips, &motion.sources));
        let off = (&rounded.positions - &motion.positions).iter().fold(0.0f32, |most, off| most.max(off.abs()));
        assert!((1e-5..0.6e-3).contains(&off), "{off}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
        assert_eq!(reopened(&path, 5.0).unwrap().positions.dim().0, 24 + 24 + 12);
    }

    #[test]
    fn what_does_not_fit_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clips.npz");
        let mut motion = motion();
        motion.positions[[7, 3, 0]] = 40.0;
        let error = write(&motion, Precision::Millimetres, &path).unwrap_err();
        assert!(error.to_string().contains("40 m from the origin") && error.hint_text().unwrap().contains("--f32"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_no_archive_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clips.npz");
        std::fs::write(&path, "hello").unwrap();
        assert!(!is_archive(&path));
        assert!(reopened(&path, 25.0).unwrap_err().to_string().contains("no clips archive"));

        let mut motion = motion();
        motion.clips[1].frames = 9999;
        write(&motion, Precision::Float32, &path).unwrap();
        assert!(reopened(&path, 25.0).unwrap_err().to_string().contains("9999"));

        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert!(reopened(&path, 25.0).is_err());
    }
}

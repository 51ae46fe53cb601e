//! Paired arrays of 2D key points and 3D poses, from a Python pickle or an npz archive.
//!
//! The names are those of the assignment that the project grew from:
//! `joint_2d_1`, the first of up to two views, and `joint_3d`.

use std::path::Path;

use ndarray::Array3;

use super::array::{Array, shape_text};
use super::npz::{Archive, is_zip};
use super::open::{first_bytes, open_file};
use super::pickle::Pickle;
use crate::error::{Error, Result};

/// The array of key points.
const KEYPOINTS: &str = "joint_2d_1";
/// The array of poses.
const POSES: &str = "joint_3d";

/// The arrays `joint_2d_1` and `joint_3d` as the file holds them.
#[derive(Debug, Clone, PartialEq)]
pub struct PairedArrays {
    /// `[N, J_in, 2 or 3]` key points: x, y and perhaps a score; NaN means missing.
    pub keypoints: Array3<f32>,
    /// `[N, J_out, 3]` poses, all finite.
    pub poses: Array3<f32>,
}

impl PairedArrays {
    /// Reads a `.pkl` or an `.npz`, told apart by content. A pickle is parsed as data and can run nothing.
    ///
    /// # Errors
    /// A file that is neither, lacks an array, or whose arrays have another shape, contradict each other, or hold
    /// poses that are not finite.
    pub fn from_file(path: &Path) -> Result<Self> {
        Self::read(path).map_err(|e| e.at(path))
    }

    fn read(path: &Path) -> Result<Self> {
        let start = first_bytes(path)?;
        let (keypoints, poses) = match &start[..] {
            [] => return Err(Error::input("empty, expected a pickle or an npz archive")),
            _ if is_zip(&start) => from_npz(path)?,
            // Protocol 2 and later begin with 0x80, earlier ones with a mark, an empty dictionary or an ordered one's class.
            [0x80 | b'(' | b'}' | b'c', ..] => from_pickle(path)?,
            _ => return Err(Error::input("neither a Python pickle nor an npz archive")),
        };
        Self::paired(keypoints, poses)
    }

    fn paired(keypoints: Array, poses: Array) -> Result<Self> {
        let keypoints = cube(keypoints, KEYPOINTS, &[2, 3])?;
        let poses = cube(poses, POSES, &[3])?;
        let views = keypoints.len_of(ndarray::Axis(0));
        let samples = poses.len_of(ndarray::Axis(0));
        if views != samples {
            return Err(Error::input(format!(
                "'{KEYPOINTS}' has {views} samples and '{POSES}' {samples}, expected as many"
            )));
        }
        if samples == 0 {
            return Err(Error::input("no samples: both arrays are empty"));
        }
        match poses.indexed_iter().find(|(_, coordinate)| !coordinate.is_finite()) {
            Some(((sample, joint, _), coordinate)) => Err(Error::input(format!(
                "'{POSES}' is {coordinate} at sample {sample}, joint {joint}, expected finite numbers"
            ))),
            None => Ok(Self { keypoints, poses }),
        }
    }
}

fn from_npz(path: &Path) -> Result<(Array, Array)> {
    let mut archive = Archive::new(Box::new(open_file(path)?), path)?;
    for wanted in [KEYPOINTS, POSES] {
        if !archive.has(wanted) {
            return Err(absent(wanted, &archive.names()));
        }
    }
    Ok((archive.array(KEYPOINTS)?, archive.array(POSES)?))
}

fn from_pickle(path: &Path) -> Result<(Array, Array)> {
    let bytes = std::fs::read(path).map_err(|e| Error::io("cannot read", path, e))?;
    let pickle = Pickle::read(&bytes)?;
    let keypoints = array_in_pickle(&pickle, KEYPOINTS)?;
    let poses = array_in_pickle(&pickle, POSES)?;
    Ok((keypoints, poses))
}

fn array_in_pickle(pickle: &Pickle<'_>, wanted: &str) -> Result<Array> {
    pickle.array(wanted)?.ok_or_else(|| absent(wanted, &pickle.keys()))
}

fn absent(wanted: &str, found: &[String]) -> Error {
    let found = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
    Error::input(format!("no array '{wanted}', found {found}"))
        .hint(format!("paired arrays are '{KEYPOINTS}' [N, J, 2 or 3] and '{POSES}' [N, J, 3]"))
}

/// The array as `[N, J, C]`, C being one of `channels`.
fn cube(array: Array, name: &str, channels: &[usize]) -> Result<Array3<f32>> {
    let shape = match array.shape[..] {
        [samples, joints, last] if joints > 0 && channels.contains(&last) => (samples, joints, last),
        _ => {
            let channels = channels.iter().map(usize::to_string).collect::<Vec<_>>().join(" or ");
            let shape = shape_text(&array.shape);
            return Err(Error::input(format!(
                "'{name}' has the shape {shape}, expected [samples, joints, {channels}]"
            )));
        }
    };
    Array3::from_shape_vec(shape, array.numbers).map_err(|e| Error::input(format!("'{name}': {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(shape: &[usize]) -> Array {
        let length = shape.iter().product();
        Array { shape: shape.to_vec(), numbers: (0..length).map(|n| n as f32).collect() }
    }

    #[test]
    fn any_number_of_joints_will_do() {
        let pairs = PairedArrays::paired(array(&[2, 15, 2]), array(&[2, 16, 3])).unwrap();
        assert_eq!((pairs.keypoints.dim(), pairs.poses.dim()), ((2, 15, 2), (2, 16, 3)));
        assert_eq!((pairs.keypoints[[1, 0, 1]], pairs.poses[[1, 15, 2]]), (31.0, 95.0));
        assert!(PairedArrays::paired(array(&[2, 17, 3]), array(&[2, 17, 3])).is_ok());
    }

    #[test]
    fn arrays_that_contradict_each_other_are_refused() {
        let mut holed = array(&[2, 15, 3]);
        holed.numbers[45 + 3 * 4] = f32::NAN;
        for (keypoints, poses, expected) in [
            (array(&[2, 15, 2]), array(&[3, 15, 3]), "'joint_2d_1' has 2 samples and 'joint_3d' 3, expected as many"),
            (array(&[2, 30]), array(&[2, 15, 3]), "the shape [2, 30], expected [samples, joints, 2 or 3]"),
            (
                array(&[2, 15, 2]),
                array(&[2, 15, 2]),
                "'joint_3d' has the shape [2, 15, 2], expected [samples, joints, 3]",
            ),
            (array(&[2, 0, 2]), array(&[2, 15, 3]), "the shape [2, 0, 2]"),
            (array(&[0, 15, 2]), array(&[0, 15, 3]), "no samples"),
            (array(&[2, 15, 2]), holed, "'joint_3d' is NaN at sample 1, joint 4, expected finite numbers"),
        ] {
            let message = PairedArrays::paired(keypoints, poses).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}\n{expected}");
        }
    }

    #[test]
    fn files_of_another_kind_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data_train_lift.pkl");
        for (bytes, expected) in [
            (&b""[..], "empty, expected a pickle or an npz archive"),
            (b"joint_3d", "neither a Python pickle nor an npz archive"),
            (b"\x80\x04}\x8c\x01a\x8c\x01bs.", "no array 'joint_2d_1', found a"),
            (b"\x80\x04}.", "no array 'joint_2d_1', found nothing"),
            (b"PK\x03\x04", "the zip archive cannot be read"),
            (b"(S'x'\nios\nsystem\n.", "a pickle that wants to make objects of a class; refused"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let message = PairedArrays::from_file(&path).unwrap_err().to_string();
            assert!(message.starts_with(path.to_str().unwrap()) && message.contains(expected), "{message}");
        }
        let message = PairedArrays::from_file(folder.path()).unwrap_err().to_string();
        assert!(message.ends_with("is a directory, expected a file"), "{message}");
    }
}

//! Archives of several arrays: which of them is the clip, and what the others say of it.

use super::array::Array;
use super::arrays::{ClipArrays, HINT};
use super::keys::{self, is_one_of};
use super::npz::Archive;
use crate::error::{Error, Result};
use crate::pose::image_side;

/// What key points are called where an archive holds several arrays.
const KEYPOINTS: [&str; 7] = ["keypoints", "keypoints2d", "xy", "kpts", "poses2d", "pose2d", "joints2d"];

/// The first of `wanted` that one of `names` is.
fn called<'a>(names: &'a [String], wanted: &[&str]) -> Option<&'a str> {
    let found = wanted.iter().find_map(|wanted| names.iter().find(|name| is_one_of(name, &[wanted])));
    found.map(String::as_str)
}

/// The first array of numbers that is called so; what is none of numbers is something else.
fn numbers(archive: &mut Archive, names: &[String], wanted: &[&str]) -> Option<Array> {
    archive.array(called(names, wanted)?).ok()
}

/// The array of key points among those of an archive.
///
/// # Errors
/// No array at all, or several and none that is called as key points are.
pub(super) fn chosen_array(names: &[String]) -> Result<String> {
    match names {
        [] => Err(Error::input("a zip archive without arrays (.npy), expected one of numpy.savez")
            .hint("unpack archives of other files first")),
        [only] => Ok(only.clone()),
        several => match called(several, &KEYPOINTS) {
            Some(keypoints) => Ok(keypoints.to_owned()),
            None => {
                let found = several.join(", ");
                let message = format!("the archive holds the arrays {found}, expected 'keypoints' or one array");
                Err(Error::input(message).hint(HINT))
            }
        },
    }
}

/// Scores, image size and rate beside the key points of an archive.
pub(super) struct ClipMetadata {
    scores: Option<Array>,
    /// Of one for each point, if there are as many.
    perhaps_scores: Option<Array>,
    size: Option<[u32; 2]>,
    fps: Option<f64>,
}

impl ClipMetadata {
    pub(super) fn of(archive: &mut Archive, names: &[String]) -> Result<Self> {
        let of_points = [&keys::PERHAPS_SCORES[..], &keys::SCORE[..]].concat();
        let perhaps_scores = numbers(archive, names, &of_points);
        let sides = match numbers(archive, names, &keys::SIZE) {
            Some(size) => size.numbers,
            None => {
                let [w, h] = keys::SHORT_SIDES;
                let width = numbers(archive, names, &[&keys::WIDTH[..], &[w]].concat());
                let height = numbers(archive, names, &[&keys::HEIGHT[..], &[h]].concat());
                [width, height].into_iter().flatten().flat_map(|side| side.numbers).collect()
            }
        };
        let fps = numbers(archive, names, &keys::FPS).and_then(|fps| fps.numbers.first().copied().map(f64::from));
        Ok(Self {
            scores: called(names, &keys::SCORES).map(|name| archive.array(name)).transpose()?,
            perhaps_scores,
            size: size_of(&sides),
            fps: fps.filter(|fps| *fps > 0.0 && fps.is_finite()),
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.scores.is_none() && self.perhaps_scores.is_none() && self.size.is_none() && self.fps.is_none()
    }

    pub(super) fn with(self, keypoints: Array) -> ClipArrays {
        let points = keypoints.numbers.len() / keypoints.shape.last().copied().unwrap_or(1).max(1);
        let perhaps = self.perhaps_scores.filter(|scores| scores.numbers.len() == points);
        ClipArrays {
            keypoints: Some(keypoints),
            scores: self.scores.or(perhaps),
            size: self.size,
            fps: self.fps,
            ..ClipArrays::default()
        }
    }
}

/// Width and height in whole pixels.
fn size_of(sides: &[f32]) -> Option<[u32; 2]> {
    let [width, height] = *sides else { return None };
    Some([image_side(f64::from(width))?, image_side(f64::from(height))?])
}

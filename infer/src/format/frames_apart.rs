//! Clips in a pickle with arrays for each frame, put together to one array of the whole clip.

use std::collections::BTreeMap;

use super::array::Array;
use super::arrays::ClipArrays;
use crate::error::{Error, Result};

/// What an array of a pickle with arrays for each frame is.
struct FrameArray<'a> {
    frame: usize,
    is_scores: bool,
    array: &'a Array,
}

impl<'a> FrameArray<'a> {
    /// By the way to it: the frame's number alone, behind `keypoints` or `scores`, or before it or its place in a pair.
    fn new(way: &[String], array: &'a Array) -> Option<Self> {
        match way {
            [frame] => Some(Self { frame: frame.parse().ok()?, is_scores: false, array }),
            [what, frame] if what.parse::<usize>().is_err() => Self::of_kind(frame, what, array),
            [frame, what] => Self::of_kind(frame, what, array),
            _ => None,
        }
    }

    /// By the frame's number, and by what is said of the array or its place in a pair.
    fn of_kind(frame: &str, what: &str, array: &'a Array) -> Option<Self> {
        let is_scores = match what {
            "keypoints" | "0" => false,
            "scores" | "keypoint_scores" | "1" => true,
            _ => return None,
        };
        Some(Self { frame: frame.parse().ok()?, is_scores, array })
    }
}

/// Arrays of each frame, key points `[P, J, 2 or 3]` or `[J, 2 or 3]` and perhaps scores `[P, J]` or `[J]`, as one of each in
/// which people who are not there are NaN.
pub(super) fn frames_apart(found: &[(Vec<String>, Array)]) -> Result<ClipArrays> {
    let arrays: Option<Vec<_>> = found.iter().map(|(way, array)| FrameArray::new(way, array)).collect();
    let arrays = arrays.ok_or_else(|| no_clip(found.len()))?;
    let frames = arrays.iter().map(|array| array.frame.saturating_add(1)).max().unwrap_or(0);
    let (keypoints, scores): (Vec<_>, Vec<_>) = arrays.iter().partition(|array| !array.is_scores);
    let of_people = keypoints.iter().find(|array| !array.array.numbers.is_empty());
    let (joints, channels) = match of_people.map(|first| &first.array.shape[..]) {
        Some([.., joints, channels @ 2..=3]) => (*joints, *channels),
        _ => return Err(no_clip(found.len())),
    };
    let is_complete = keypoints.len() == frames && (scores.is_empty() || scores.len() == frames);
    if !is_complete {
        return Err(no_clip(found.len()));
    }
    let most = keypoints.iter().map(|array| array.array.numbers.len() / (joints * channels).max(1)).max().unwrap_or(0);
    let whole = padded(&keypoints, &[most, joints, channels]).ok_or_else(|| no_clip(found.len()))??;
    if !scores.is_empty() && people_by_frame(&scores, joints) != people_by_frame(&keypoints, joints * channels) {
        return Err(no_clip(found.len()));
    }
    let scores = match &scores[..] {
        [] => None,
        scores => Some(padded(scores, &[most, joints]).ok_or_else(|| no_clip(found.len()))??),
    };
    Ok(ClipArrays { keypoints: Some(whole), scores, ..ClipArrays::default() })
}

fn no_clip(arrays: usize) -> Error {
    Error::input(format!(
        "the pickle holds {arrays} arrays, expected 'keypoints', or one [people, joints, 2 or 3] a frame, perhaps with scores"
    ))
}

/// How many people each frame has, where one takes `size` numbers.
fn people_by_frame(arrays: &[&FrameArray<'_>], size: usize) -> BTreeMap<usize, usize> {
    arrays.iter().map(|array| (array.frame, array.array.numbers.len() / size.max(1))).collect()
}

/// One array of frames of the shape `sides`, the first of which are people; `None` where one has another shape.
fn padded(frames: &[&FrameArray<'_>], sides: &[usize]) -> Option<Result<Array>> {
    let mut frames = frames.to_vec();
    frames.sort_by_key(|array| array.frame);
    let are_in_order = (0..).zip(&frames).all(|(number, array)| array.frame == number);
    if !are_in_order || !frames.iter().all(|array| is_frame(array.array, sides)) {
        return None;
    }
    let size: usize = sides.iter().product();
    // A frame may have many more people than the others: what is filled up stays within bounds.
    let held: usize = frames.iter().map(|array| array.array.numbers.len()).sum();
    if size.saturating_mul(frames.len()) > held.saturating_mul(64).max(1 << 20) {
        return Some(Err(Error::input(format!("one frame has {} people, far more than the others", sides[0]))));
    }
    let mut numbers = Vec::with_capacity(size * frames.len());
    for (at, array) in frames.iter().enumerate() {
        numbers.extend_from_slice(&array.array.numbers);
        numbers.resize((at + 1) * size, f32::NAN);
    }
    Some(Ok(Array { shape: [&[frames.len()], sides].concat(), numbers }))
}

/// Whether an array is a frame of the shape `sides`, any number of people or the one without a side of people.
fn is_frame(array: &Array, sides: &[usize]) -> bool {
    // Where no person was seen, there may be no shape to speak of.
    if array.numbers.is_empty() {
        return true;
    }
    let person = &sides[1..];
    array.shape == person || array.shape.len() == sides.len() && array.shape[1..] == *person
}

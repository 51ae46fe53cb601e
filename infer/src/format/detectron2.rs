//! Detectron2's archive of one video, as VideoPose3D's `infer_video_d2` writes it: `keypoints` and `boxes` by frame and class,
//! `metadata` with the video's size.

use super::array::Array;
use super::npy::pickled;
use super::npz::Archive;
use super::pickle::{Plain, plain};
use crate::pose::image_side;

/// The size that Detectron2's archive of one video has in `metadata`.
pub(super) fn size(archive: &mut Archive) -> Option<[u32; 2]> {
    let member = archive.member("metadata").ok()?;
    video_size(&plain(pickled(&member).ok()??).ok()?)
}

/// The width and height that the metadata of a video name, in pixels.
pub(super) fn video_size(metadata: &Plain) -> Option<[u32; 2]> {
    let width = image_side(metadata.get("w")?.number()? as f64)?;
    let height = image_side(metadata.get("h")?.number()? as f64)?;
    Some([width, height])
}

/// Detectron2's key points of a video: for each frame and class an array `[P, 4, J]` of x, y, logit and score, as one array
/// in which people who are not there are NaN; `None` for other arrays.
pub(super) fn clip(found: &[(Vec<String>, Array)]) -> Option<Array> {
    let &[_, 4, joints] = &found.iter().find(|(_, array)| !array.numbers.is_empty())?.1.shape[..] else { return None };
    let mut frames: Vec<(usize, &Array)> = Vec::new();
    for (way, array) in found {
        let places: Option<Vec<usize>> = way.iter().map(|step| step.parse().ok()).collect();
        // People are the second of two classes; an array of both is walked through place by place.
        let frame = match places?[..] {
            [place] => place / 2,
            [frame, _] => frame,
            _ => return None,
        };
        let is_of_people = matches!(array.shape[..], [_, 4, points] if points == joints);
        if !is_of_people && !array.numbers.is_empty() {
            return None;
        }
        frames.push((frame, array));
    }
    let most = frames.iter().map(|(_, array)| array.numbers.len() / (4 * joints).max(1)).max()?;
    let count = frames.iter().map(|(frame, _)| frame + 1).max()?;
    let size = most * joints * 3;
    let held: usize = found.iter().map(|(_, array)| array.numbers.len()).sum();
    if size.saturating_mul(count) > held.saturating_mul(64).max(1 << 20) {
        return None;
    }
    let mut numbers = vec![f32::NAN; size * count];
    for (frame, array) in frames {
        for (place, person) in array.numbers.chunks_exact(4 * joints).enumerate() {
            for joint in 0..joints {
                let at = frame * size + (place * joints + joint) * 3;
                let point = [0, 1, 3].map(|row| person[row * joints + joint]);
                numbers[at..at + 3].copy_from_slice(&point);
            }
        }
    }
    Some(Array { shape: vec![count, most, joints, 3], numbers })
}

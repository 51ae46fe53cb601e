//! MMSkeleton's clips, which HRNet's key points are kept in: `data` of frames, `skeleton` of people, `pose` and `score` of each.

use serde::Deserialize;

use super::json::{Label, Points, parse};
use super::{Detector, Document, score};
use crate::error::Result;
use crate::pose::{Keypoint, Person};

#[derive(Deserialize)]
struct Clip {
    data: Vec<SkeletonFrame>,
}

#[derive(Deserialize)]
struct SkeletonFrame {
    #[serde(default)]
    frame_index: Label,
    skeleton: Vec<Skeleton>,
}

#[derive(Deserialize)]
struct Skeleton {
    pose: Points,
    /// A list of one number a point.
    #[serde(default)]
    score: Points,
}

/// The format.
pub(super) struct MmSkeleton;

impl Detector for MmSkeleton {
    fn decode(&mut self, text: &[u8], document: &mut Document) -> Result<()> {
        let clip: Clip = parse(text, document.line)?;
        for frame in clip.data {
            document.push(frame.frame_index.frame(), None, frame.skeleton.iter().map(person).collect());
        }
        Ok(())
    }
}

fn person(skeleton: &Skeleton) -> Person {
    let points = &skeleton.pose.points;
    let scores = &skeleton.score.points;
    let mut keypoints = Vec::with_capacity(points.len());
    for (place, point) in points.iter().enumerate() {
        let own = scores.get(place).map(|score| score[0]);
        keypoints.push(Keypoint { x: point[0], y: point[1], score: score(own) });
    }
    Person { id: None, keypoints }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_skeletons() {
        let text =
            br#"{"label":"run","data":[{"frame_index":1,"skeleton":[{"pose":[[1,2],[3,4]],"score":[[0.5],[0.25]]}]}]}"#;
        let mut document = Document::default();
        MmSkeleton.decode(text, &mut document).unwrap();
        let frame = &document.frames[0];
        assert_eq!((frame.index, frame.people[0].keypoints[1]), (1, Keypoint { x: 3.0, y: 4.0, score: 0.25 }));
    }
}

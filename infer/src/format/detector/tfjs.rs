//! `estimatePoses` of TensorFlow.js: a list of people a frame, each of named key points, in whichever order.

use serde::Deserialize;

use super::json::{Label, parse};
use super::{Detector, Document, score};
use crate::error::Result;
use crate::pose::{Keypoint, Person};
use crate::skeleton::named_layout;

#[derive(Deserialize)]
struct Pose {
    keypoints: Vec<NamedPoint>,
    #[serde(default)]
    id: Label,
}

#[derive(Deserialize)]
struct NamedPoint {
    x: Option<f64>,
    y: Option<f64>,
    score: Option<f64>,
    /// Older PoseNets call it `part`.
    #[serde(alias = "part")]
    name: Option<String>,
    /// Older PoseNets put the coordinates in here.
    position: Option<Position>,
}

#[derive(Deserialize)]
struct Position {
    x: Option<f64>,
    y: Option<f64>,
}

/// A person, or a frame of them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Person(Pose),
    Frame(Vec<Pose>),
}

/// The format.
pub(super) struct TfJs;

impl Detector for TfJs {
    fn decode(&mut self, text: &[u8], document: &mut Document) -> Result<()> {
        if !text.trim_ascii_start().starts_with(b"[") {
            return push(vec![parse(text, document.line)?], document);
        }
        if let Ok(poses) = serde_json::from_slice::<Vec<Pose>>(text) {
            return push(poses, document);
        }
        let entries: Vec<Entry> = parse(text, document.line)?;
        for entry in entries {
            match entry {
                Entry::Person(pose) => push(vec![pose], document)?,
                Entry::Frame(poses) => push(poses, document)?,
            }
        }
        Ok(())
    }
}

fn push(poses: Vec<Pose>, document: &mut Document) -> Result<()> {
    if document.layout.is_none()
        && let Some(pose) = poses.first()
    {
        let names: Option<Vec<&String>> = pose.keypoints.iter().map(|point| point.name.as_ref()).collect();
        document.layout = names.filter(|names| !names.is_empty()).map(|names| named_layout(&names)).transpose()?;
    }
    document.push(None, None, poses.into_iter().map(person).collect());
    Ok(())
}

fn person(pose: Pose) -> Person {
    let keypoint = |point: &NamedPoint| {
        let (x, y) = match &point.position {
            Some(position) => (position.x, position.y),
            None => (point.x, point.y),
        };
        Keypoint { x: x.unwrap_or(f64::NAN), y: y.unwrap_or(f64::NAN), score: score(point.score) }
    };
    Person { id: pose.id.track(), keypoints: pose.keypoints.iter().map(keypoint).collect() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn names_decide_the_order() {
        let text =
            r#"[{"id":1,"keypoints":[{"x":1,"y":2,"score":0.5,"name":"right_eye"},{"x":3,"y":4,"name":"nose"}]}]"#;
        let old = r#"{"keypoints":[{"part":"rightEye","position":{"x":1,"y":2},"score":0.5},{"part":"nose","position":{"x":3,"y":4}}]}"#;
        for text in [text, old] {
            let mut document = Document::default();
            TfJs.decode(text.as_bytes(), &mut document).unwrap();
            assert_eq!(document.layout.unwrap().joints, ["right_eye", "nose"]);
            let points = &document.frames[0].people[0].keypoints;
            assert_eq!(points[0], Keypoint { x: 1.0, y: 2.0, score: 0.5 });
            assert_eq!(points[1], Keypoint { x: 3.0, y: 4.0, score: 1.0 });
        }
    }
}

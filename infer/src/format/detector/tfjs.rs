//! `estimatePoses` of TensorFlow.js: a list of people a frame, each of named key points, in whichever order; alone, or as `poses` of
//! frames that say their time, as pages write them.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::json::{Label, ListOr, parse};
use super::mediapipe::describe_video;
use super::{Detector, Document, score};
use crate::error::{Error, Result};
use crate::format::keys::{self, FrameTime, is_one_of, time_key};
use crate::format::numbered_points::in_order;
use crate::pose::{Keypoint, Person};
use crate::skeleton::{COCO17, Layout, MEDIAPIPE33, joint_name, named_layout};

#[derive(Debug, Deserialize)]
struct Pose {
    keypoints: Vec<NamedPoint>,
    #[serde(default)]
    id: Label,
}

#[derive(Debug, Deserialize)]
struct NamedPoint {
    x: Option<f64>,
    y: Option<f64>,
    score: Option<f64>,
    confidence: Option<f64>,
    visibility: Option<f64>,
    /// Older PoseNets call it `part`.
    #[serde(alias = "part")]
    name: Option<String>,
    /// The number of its joint.
    #[serde(default)]
    id: Label,
    #[serde(default)]
    index: Label,
    /// Older PoseNets put the coordinates in here.
    position: Option<Position>,
}

#[derive(Debug, Deserialize)]
struct Position {
    x: Option<f64>,
    y: Option<f64>,
}

/// A frame of people, or an object.
type Entry = ListOr<Object, Pose>;

/// A person, by its `keypoints`; a clip, by its `frames` or `poses` that are frames; or a frame, by its `poses` that are people. What a frame
/// says of itself may be under several keys at once.
#[derive(Debug, Deserialize)]
struct Object {
    keypoints: Option<Vec<NamedPoint>>,
    #[serde(default)]
    id: Label,
    poses: Option<Vec<Entry>>,
    frames: Option<Vec<Entry>>,
    #[serde(flatten)]
    beside: Map<String, Value>,
}

impl Object {
    /// Its number and time: seconds, or whatever the page counts, which the frame rate that it implies tells.
    fn named(&self) -> Named {
        let mut named = Named::default();
        let mut time = FrameTime::default();
        for (key, value) in &self.beside {
            let Ok(label) = Label::deserialize(value) else { continue };
            if key == "index" || is_one_of(key, &keys::FRAME) {
                named.index = named.index.or(label.frame());
            } else if let Some(key) = time_key(key) {
                time.take(key, label.seconds());
            }
        }
        named.time = time.seconds();
        named
    }
}

/// The format.
pub(super) struct TfJs;

impl Detector for TfJs {
    fn decode(&mut self, text: &[u8], document: &mut Document) -> Result<()> {
        if !text.trim_ascii_start().starts_with(b"[") {
            return entry(parse(text, document.line)?, document);
        }
        if let Ok(poses) = serde_json::from_slice::<Vec<Pose>>(text) {
            return push(poses, Named::default(), document);
        }
        let entries: Vec<Entry> = parse(text, document.line)?;
        push_entries(entries, document)
    }
}

/// What a frame says of itself.
#[derive(Default)]
struct Named {
    index: Option<u64>,
    time: Option<f64>,
}

fn entry(found: Entry, document: &mut Document) -> Result<()> {
    let object = match found {
        ListOr::List(poses) => return push(poses, Named::default(), document),
        ListOr::Object(object) => object,
    };
    let named = object.named();
    let Object { keypoints, id, poses, frames, beside } = object;
    if let Some(keypoints) = keypoints {
        return push(vec![Pose { keypoints, id }], Named::default(), document);
    }
    let frames = match poses.map(people) {
        Some(Ok(people)) => return push(people, named, document),
        Some(Err(entries)) => frames.or(Some(entries)),
        None => frames,
    };
    let Some(frames) = frames else {
        return Err(Error::input("an object without keypoints, poses or frames, expected one of them"));
    };
    describe_video(&beside, document);
    push_entries(frames, document)
}

fn push_entries(entries: Vec<Entry>, document: &mut Document) -> Result<()> {
    for found in entries {
        entry(found, document)?;
    }
    Ok(())
}

/// The people that `entries` are, or the entries where one is no person.
fn people(entries: Vec<Entry>) -> Result<Vec<Pose>, Vec<Entry>> {
    let are_people = entries.iter().all(|entry| matches!(entry, ListOr::Object(Object { keypoints: Some(_), .. })));
    if !are_people {
        return Err(entries);
    }
    let mut poses = Vec::with_capacity(entries.len());
    for entry in entries {
        if let ListOr::Object(Object { keypoints: Some(keypoints), id, .. }) = entry {
            poses.push(Pose { keypoints, id });
        }
    }
    Ok(poses)
}

impl NamedPoint {
    fn number(&self) -> Option<i64> {
        self.id.whole().or(self.index.whole())
    }

    /// Whether it is some other object.
    fn is_blank(&self) -> bool {
        let numbers = [self.x, self.y, self.score, self.confidence, self.visibility];
        numbers.iter().all(Option::is_none) && self.name.is_none() && self.position.is_none()
    }

    fn keypoint(&self) -> Keypoint {
        let (x, y) = match &self.position {
            Some(position) => (position.x, position.y),
            None => (self.x, self.y),
        };
        Keypoint {
            x: x.unwrap_or(f64::NAN),
            y: y.unwrap_or(f64::NAN),
            score: score(self.score.or(self.confidence).or(self.visibility)),
        }
    }

    /// The place of its name in the layout.
    fn place_in(&self, layout: &Layout) -> Option<usize> {
        layout.position(&joint_name(self.name.as_deref()?))
    }
}

fn push(poses: Vec<Pose>, named: Named, document: &mut Document) -> Result<()> {
    let mut points = poses.iter().flat_map(|pose| &pose.keypoints).peekable();
    if points.peek().is_some() && points.all(NamedPoint::is_blank) {
        return Err(Error::input(
            "key points that are objects of other keys, expected x, y and a name or a score in each",
        ));
    }
    if document.layout.is_none()
        && let Some(pose) = poses.first()
    {
        let names: Option<Vec<&String>> = pose.keypoints.iter().map(|point| point.name.as_ref()).collect();
        document.layout = names.filter(|names| !names.is_empty()).map(|names| layout_of(&names)).transpose()?;
    }
    let layout = document.layout;
    document.push(named.index, named.time, poses.iter().map(|pose| person(pose, layout)).collect());
    Ok(())
}

/// The usual layout that has all of these names, else one of their own; frames may leave points out.
fn layout_of(names: &[&String]) -> Result<&'static Layout> {
    for usual in [&COCO17, &MEDIAPIPE33] {
        let has_all = names.iter().all(|name| usual.position(&joint_name(name)).is_some());
        if has_all && names.len() > 1 {
            return Ok(usual);
        }
    }
    named_layout(names)
}

/// A person, points in the places of their names in the layout.
fn person(pose: &Pose, layout: Option<&'static Layout>) -> Person {
    let places: Option<Vec<usize>> = pose.keypoints.iter().map(|point| point.place_in(layout?)).collect();
    let keypoints = match (places, layout) {
        (Some(places), Some(layout)) => {
            let mut keypoints = vec![Keypoint::MISSING; layout.len()];
            for (place, point) in places.into_iter().zip(&pose.keypoints) {
                keypoints[place] = point.keypoint();
            }
            keypoints
        }
        _ => {
            let numbered: Vec<_> = pose.keypoints.iter().map(|point| (point.number(), point.keypoint())).collect();
            in_order(&numbered, layout.map(Layout::len))
        }
    };
    Person { id: pose.id.track(), keypoints }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_decide_the_order() {
        let text =
            r#"[{"id":1,"keypoints":[{"x":1,"y":2,"score":0.5,"name":"right_eye"},{"x":3,"y":4,"name":"nose"}]}]"#;
        let old = r#"{"keypoints":[{"part":"rightEye","position":{"x":1,"y":2},"score":0.5},{"part":"nose","position":{"x":3,"y":4}}]}"#;
        for text in [text, old] {
            let mut document = Document::default();
            TfJs.decode(text.as_bytes(), &mut document).unwrap();
            assert_eq!(document.layout.unwrap().name, "coco17");
            let points = &document.frames[0].people[0].keypoints;
            assert_eq!(points[2], Keypoint { x: 1.0, y: 2.0, score: 0.5 });
            assert_eq!(points[0], Keypoint { x: 3.0, y: 4.0, score: 1.0 });
            // A later frame may have others.
            let later = r#"[{"keypoints":[{"x":5,"y":6,"confidence":0.25,"name":"left_hip"}]}]"#;
            TfJs.decode(later.as_bytes(), &mut document).unwrap();
            let points = &document.frames[1].people[0].keypoints;
            assert_eq!((points.len(), points[11]), (17, Keypoint { x: 5.0, y: 6.0, score: 0.25 }));
        }
        let person = r#"{"keypoints":[{"x":1,"y":2,"name":"nose"},{"x":3,"y":4,"name":"left_hip"}]}"#;
        for (text, times) in [
            (format!(r#"{{"frame":4,"time":0.5,"poses":[{person}]}}"#), vec![(4, Some(0.5))]),
            (
                format!(r#"{{"time":0.5,"timestamp":0.6,"frame":4,"index":5,"poses":[{person},{person}]}}"#),
                vec![(4, Some(0.5))],
            ),
            (format!(r#"{{"fps":0,"width":640.5,"height":"0","frames":[{{"poses":[{person}]}}]}}"#), vec![(0, None)]),
            (format!(r#"{{"poses":[[{person}],[{person},{person}]]}}"#), vec![(0, None), (1, None)]),
            (
                format!(r#"{{"fps":30,"frames":[{{"timestampMs":40,"poses":[{person}]}},{{"poses":[]}}]}}"#),
                vec![(0, Some(0.04)), (1, None)],
            ),
        ] {
            let mut document = Document::default();
            TfJs.decode(text.as_bytes(), &mut document).unwrap();
            let found: Vec<_> = document.frames.iter().map(|frame| (frame.index, frame.time)).collect();
            assert_eq!(found, times, "{text}");
            assert!(document.fps.is_none_or(|fps| fps == 30.0), "{text}: {:?}", document.fps);
            assert_eq!(document.frames[0].people[0].keypoints[11], Keypoint { x: 3.0, y: 4.0, score: 1.0 });
        }
        let other = r#"{"keypoints":[{"0":[[1,2,0.5]]},{"0":[[1,2,0.5]]}]}"#;
        let refused = TfJs.decode(other.as_bytes(), &mut Document::default()).unwrap_err().to_string();
        assert!(refused.contains("objects of other keys"), "{refused}");
        for (text, expected) in [
            (r#"{"poses":[{"keypoints":"none"}]}"#, "invalid type: string \"none\", expected a sequence"),
            (r#"[[{"keypoints":[{"x":"1"}]}]]"#, "invalid type: string \"1\", expected f64"),
            (r#"{"frames":[5]}"#, "invalid type: integer `5`, expected a list or an object"),
            (r#"{"fps":30}"#, "an object without keypoints, poses or frames"),
        ] {
            let refused = TfJs.decode(text.as_bytes(), &mut Document::default()).unwrap_err().to_string();
            assert!(refused.contains(expected), "{refused}");
        }
        let mut document = Document::default();
        let own = r#"[{"keypoints":[{"x":1,"y":2,"name":"tail"},{"x":3,"y":4,"name":"nose"}]}]"#;
        TfJs.decode(own.as_bytes(), &mut document).unwrap();
        assert_eq!(document.layout.unwrap().joints, ["tail", "nose"]);
    }
}

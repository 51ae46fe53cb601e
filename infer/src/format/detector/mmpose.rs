//! What MMPose's inferencer and demo scripts write: frames of `instances`, with or without `meta_info` around.

use std::collections::HashMap;

use serde::{Deserialize, Deserializer};

use super::json::{Label, ListOr, Numbers, Points, parse};
use super::{Detector, Document, score};
use crate::error::{Error, Result};
use crate::pose::{Keypoint, Person};
use crate::skeleton::{Layout, named_layout};

#[derive(Deserialize)]
struct Demo {
    #[serde(default)]
    meta_info: MetaInfo,
    instance_info: Option<Vec<Listed>>,
    /// What the inferencer's return value calls it.
    predictions: Option<Vec<Listed>>,
}

#[derive(Deserialize, Default)]
struct MetaInfo {
    #[serde(default)]
    keypoint_id2name: HashMap<String, String>,
}

#[derive(Deserialize)]
struct InstanceFrame {
    #[serde(default)]
    frame_id: Label,
    #[serde(deserialize_with = "list_or_null")]
    instances: Vec<Instance>,
}

#[derive(Deserialize)]
struct Instance {
    keypoints: Points,
    #[serde(default)]
    keypoint_scores: Numbers,
    #[serde(default, alias = "instance_id")]
    track_id: Label,
}

/// One of a list of frames, or of the people in one image.
#[derive(Deserialize)]
#[serde(try_from = "EntryFields")]
enum Entry {
    Frame(InstanceFrame),
    Person(Instance),
}

/// One of a list; a list in it is the people of one image.
type Listed = ListOr<Entry, Instance>;

/// A list of people, or null where there are none.
fn list_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Instance>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

fn some_list_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Instance>>, D::Error> {
    list_or_null(deserializer).map(Some)
}

/// The fields of both, so that what is wrong in one is told by its place.
#[derive(Deserialize)]
struct EntryFields {
    #[serde(default)]
    frame_id: Label,
    /// Where there is the key and nothing behind it, there is no person.
    #[serde(default, deserialize_with = "some_list_or_null")]
    instances: Option<Vec<Instance>>,
    keypoints: Option<Points>,
    #[serde(default)]
    keypoint_scores: Numbers,
    #[serde(default, alias = "instance_id")]
    track_id: Label,
}

impl TryFrom<EntryFields> for Entry {
    type Error = &'static str;

    fn try_from(fields: EntryFields) -> Result<Self, &'static str> {
        let EntryFields { frame_id, instances, keypoints, keypoint_scores, track_id } = fields;
        match (instances, keypoints) {
            (Some(instances), _) => Ok(Self::Frame(InstanceFrame { frame_id, instances })),
            (None, Some(keypoints)) => Ok(Self::Person(Instance { keypoints, keypoint_scores, track_id })),
            (None, None) => Err("neither `instances`, as a frame has them, nor a person's `keypoints`"),
        }
    }
}

/// The format.
pub(super) struct MmPose;

impl Detector for MmPose {
    fn decode(&mut self, text: &[u8], document: &mut Document) -> Result<()> {
        if !text.trim_ascii_start().starts_with(b"[") {
            return decode_object(text, document);
        }
        push_all(parse(text, document.line)?, document)
    }
}

/// Frames, or one image's people, of whom there may be none.
fn push_all(entries: Vec<Listed>, document: &mut Document) -> Result<()> {
    let mut people = Vec::new();
    let is_image_without_people = entries.is_empty();
    for entry in entries {
        match entry {
            Listed::List(instances) => push(InstanceFrame { frame_id: Label::None, instances }, document)?,
            Listed::Object(Entry::Frame(frame)) => push(frame, document)?,
            Listed::Object(Entry::Person(instance)) => people.push(person(instance)?),
        }
    }
    if !people.is_empty() || is_image_without_people {
        document.push(None, None, people);
    }
    Ok(())
}

fn decode_object(text: &[u8], document: &mut Document) -> Result<()> {
    if let Ok(frame) = serde_json::from_slice::<InstanceFrame>(text) {
        return push(frame, document);
    }
    if let Ok(instance) = serde_json::from_slice::<Instance>(text) {
        let person = person(instance)?;
        document.push(None, None, vec![person]);
        return Ok(());
    }
    let demo: Demo = parse(text, document.line)?;
    document.layout = document.layout.or(named(&demo.meta_info)?);
    let Some(entries) = demo.instance_info.or(demo.predictions) else {
        return Err(Error::input("neither `instances` nor `instance_info`, expected one of them").line(document.line));
    };
    push_all(entries, document)
}

/// The layout that `meta_info` names joint by joint, if it does.
fn named(meta: &MetaInfo) -> Result<Option<&'static Layout>> {
    let names: Option<Vec<&String>> =
        (0..meta.keypoint_id2name.len()).map(|place| meta.keypoint_id2name.get(&place.to_string())).collect();
    match names {
        Some(names) if !names.is_empty() => {
            let layout = named_layout(&names)?;
            // The usual layouts name all of their joints; theirs are ours by their number.
            let usual = super::detectors_layout(names.len()).filter(|usual| usual.joints[..5] == layout.joints[..5]);
            Ok(Some(usual.unwrap_or(layout)))
        }
        _ => Ok(None),
    }
}

fn push(frame: InstanceFrame, document: &mut Document) -> Result<()> {
    let people = frame.instances.into_iter().map(person).collect::<Result<_>>()?;
    document.push(frame.frame_id.frame(), None, people);
    Ok(())
}

fn person(instance: Instance) -> Result<Person> {
    let Points { points, channels } = instance.keypoints;
    let scores = instance.keypoint_scores.0;
    if channels > 2 && !scores.is_empty() {
        return Err(Error::input("key points of three coordinates with scores beside them: poses that are 3D already")
            .hint("give the 2D key points that they were lifted from"));
    }
    let mut keypoints = Vec::with_capacity(points.len());
    for (place, point) in points.iter().enumerate() {
        let own = (channels > 2).then_some(point[2]);
        keypoints.push(Keypoint { x: point[0], y: point[1], score: score(own.or(scores.get(place).copied())) });
    }
    Ok(Person { id: instance.track_id.track(), keypoints })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skeleton::COCO17;

    fn decode(text: &str) -> Result<Document> {
        let mut document = Document::default();
        MmPose.decode(text.as_bytes(), &mut document).map(|()| document)
    }

    fn instance() -> String {
        let (points, scores) = (vec!["[3,4]"; 17].join(","), vec!["1.05"; 17].join(","));
        format!(r#"{{"keypoints":[{points}],"keypoint_scores":[{scores}],"bbox":[[1,2,3,4]],"bbox_score":1}}"#)
    }

    #[test]
    fn inferencer_demo_and_single_image() {
        let instance = instance();
        let frames = format!(r#"[{{"frame_id":0,"instances":[]}},{{"frame_id":1,"instances":[{instance}]}}]"#);
        let names: Vec<String> =
            COCO17.joints.iter().enumerate().map(|(place, name)| format!("\"{place}\":\"{name}\"")).collect();
        let demo =
            format!(r#"{{"meta_info":{{"keypoint_id2name":{{{}}}}},"instance_info":{frames}}}"#, names.join(","));
        for text in [&frames, &demo] {
            let document = decode(text).unwrap();
            let frames: Vec<_> = document.frames.iter().map(|frame| (frame.index, frame.people.len())).collect();
            assert_eq!((frames, document.layout.unwrap().name), (vec![(0, 0), (1, 1)], "coco17"));
        }
        for text in ["[]", r#"{"frame_id":3,"instances":null}"#, r#"[{"instances":null}]"#, r#"{"instance_info":[]}"#] {
            let frames = decode(text).unwrap().frames;
            assert_eq!((frames.len(), frames[0].people.len()), (1, 0), "{text}");
        }
        for lists in
            [format!("[[{instance}],[],[{instance}]]"), format!(r#"{{"predictions":[[{instance}],[],[{instance}]]}}"#)]
        {
            let document = decode(&lists).unwrap();
            let counts: Vec<_> = document.frames.iter().map(|frame| frame.people.len()).collect();
            assert_eq!(counts, [1, 0, 1], "{lists}");
        }
        let of_image = [
            format!("[{instance},{instance}]"),
            format!(r#"{{"meta_info":{{}},"instance_info":[{instance},{instance}]}}"#),
        ];
        for image in of_image {
            let frames = decode(&image).unwrap().frames;
            assert_eq!((frames.len(), frames[0].people.len()), (1, 2));
        }
        assert_eq!(decode(&instance).unwrap().frames[0].people[0].keypoints[0].score, 1.05);
    }

    #[test]
    fn what_is_wrong_in_an_entry_is_told_by_its_place() {
        let wrong = r#"[{"frame_id":1,"instances":[{"keypoints":[[1,2],[3,"x"]]}]}]"#;
        for text in [wrong.to_owned(), format!(r#"{{"instance_info":{wrong}}}"#)] {
            let message = decode(&text).map(|_| ()).unwrap_err().to_string();
            assert!(message.contains("\"x\"") && message.contains("column"), "{message}");
        }
        let message = decode(r#"[{"frame_id":1}]"#).map(|_| ()).unwrap_err().to_string();
        assert!(message.contains("neither `instances`"), "{message}");
    }

    #[test]
    fn poses_of_three_coordinates_are_refused() {
        let message = decode(&format!("[{}]", instance().replace("[3,4]", "[3,4,5]"))).map(|_| ()).unwrap_err();
        assert!(message.to_string().contains("3D already"), "{message}");
    }
}

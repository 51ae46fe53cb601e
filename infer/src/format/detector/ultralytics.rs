//! Ultralytics' `to_json`: a list of people a frame, `keypoints` an object of lists; a clip is a list of such lists.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::json::{Label, Numbers, parse};
use super::{Detector, Document, score};
use crate::error::Result;
use crate::pose::{Keypoint, Person};

#[derive(Deserialize)]
struct Detection {
    keypoints: Option<Lists>,
    #[serde(default)]
    track_id: Label,
}

#[derive(Deserialize)]
struct Lists {
    x: Numbers,
    y: Numbers,
    #[serde(default, alias = "visibility", alias = "confidence")]
    visible: Numbers,
}

/// A person, a frame of them, or such a frame as the text that `to_json` gave.
enum Entry {
    Person(Detection),
    Frame(Vec<Detection>),
    Text(String),
}

/// By the kind of the value, so that what is wrong in one is told by its place.
impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfKind;

        impl<'de> Visitor<'de> for OfKind {
            type Value = Entry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a person, a list of people, or such a list as a text")
            }

            fn visit_unit<E>(self) -> Result<Entry, E> {
                Ok(Entry::Frame(Vec::new()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Entry, A::Error> {
                Deserialize::deserialize(MapAccessDeserializer::new(map)).map(Entry::Person)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, people: A) -> Result<Entry, A::Error> {
                Deserialize::deserialize(SeqAccessDeserializer::new(people)).map(Entry::Frame)
            }

            fn visit_str<E>(self, text: &str) -> Result<Entry, E> {
                Ok(Entry::Text(text.to_owned()))
            }
        }

        deserializer.deserialize_any(OfKind)
    }
}

/// The format.
pub(super) struct Ultralytics;

impl Detector for Ultralytics {
    fn decode(&mut self, text: &[u8], document: &mut Document) -> Result<()> {
        if !text.trim_ascii_start().starts_with(b"[") {
            let person = person(parse(text, document.line)?);
            document.push(None, None, person.into_iter().collect());
            return Ok(());
        }
        if let Ok(detections) = serde_json::from_slice::<Vec<Detection>>(text) {
            document.push(None, None, detections.into_iter().filter_map(person).collect());
            return Ok(());
        }
        let entries: Vec<Entry> = parse(text, document.line)?;
        for entry in entries {
            let detections = match entry {
                Entry::Person(detection) => vec![detection],
                Entry::Frame(detections) => detections,
                Entry::Text(text) => parse(text.as_bytes(), document.line)?,
            };
            document.push(None, None, detections.into_iter().filter_map(person).collect());
        }
        Ok(())
    }
}

/// A person; boxes without key points are none.
fn person(detection: Detection) -> Option<Person> {
    let Lists { x, y, visible } = detection.keypoints?;
    let mut keypoints = Vec::with_capacity(x.0.len().min(y.0.len()));
    for (place, (x, y)) in x.0.iter().zip(&y.0).enumerate() {
        keypoints.push(Keypoint { x: *x, y: *y, score: score(visible.0.get(place).copied()) });
    }
    (!keypoints.is_empty()).then(|| Person { id: detection.track_id.track(), keypoints })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_lists_of_frames_and_texts() {
        let person = r#"{"name":"person","track_id":4,"keypoints":{"x":[1,2],"y":[3,4],"visible":[0.5,1]}}"#;
        let quoted = serde_json::to_string(&format!("[{person}]")).unwrap();
        for (text, people) in [
            (format!("[{person}]"), vec![1]),
            (format!("[[],[{person},{person}],null]"), vec![0, 2, 0]),
            (format!("[{quoted},{quoted}]"), vec![1, 1]),
        ] {
            let mut document = Document::default();
            Ultralytics.decode(text.as_bytes(), &mut document).unwrap();
            assert_eq!(document.frames.iter().map(|frame| frame.people.len()).collect::<Vec<_>>(), people);
            let person = document.frames.iter().flat_map(|frame| &frame.people).next().unwrap();
            assert_eq!((person.id, person.keypoints[0]), (Some(4), Keypoint { x: 1.0, y: 3.0, score: 0.5 }));
        }
    }

    #[test]
    fn what_is_wrong_in_an_entry_is_told_by_its_place() {
        let person = r#"{"keypoints":{"x":[1,"high"],"y":[3,4]}}"#;
        for (text, expected) in [
            (format!("[{person}]"), "\"high\""),
            (format!("[[{person}]]"), "\"high\""),
            ("[3]".to_owned(), "expected a person, a list of people"),
        ] {
            let mut document = Document::default();
            let message = Ultralytics.decode(text.as_bytes(), &mut document).unwrap_err().to_string();
            assert!(message.contains(expected) && message.contains("column"), "{message}");
        }
    }
}

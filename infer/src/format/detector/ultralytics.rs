//! Ultralytics' `to_json`: a list of people a frame, `keypoints` an object of lists; a clip is a list of such lists.

use serde::Deserialize;

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
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Person(Detection),
    Frame(Vec<Detection>),
    Text(String),
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
    let keypoint =
        |(place, (x, y)): (usize, (&f64, &f64))| Keypoint { x: *x, y: *y, score: score(visible.0.get(place).copied()) };
    let keypoints: Vec<_> = x.0.iter().zip(&y.0).enumerate().map(keypoint).collect();
    (!keypoints.is_empty()).then(|| Person { id: detection.track_id.track(), keypoints })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn frames_lists_of_frames_and_texts() {
        let person = r#"{"name":"person","track_id":4,"keypoints":{"x":[1,2],"y":[3,4],"visible":[0.5,1]}}"#;
        let quoted = serde_json::to_string(&format!("[{person}]")).unwrap();
        for (text, people) in [
            (format!("[{person}]"), vec![1]),
            (format!("[[],[{person},{person}]]"), vec![0, 2]),
            (format!("[{quoted},{quoted}]"), vec![1, 1]),
        ] {
            let mut document = Document::default();
            Ultralytics.decode(text.as_bytes(), &mut document).unwrap();
            assert_eq!(document.frames.iter().map(|frame| frame.people.len()).collect::<Vec<_>>(), people);
            let person = document.frames.iter().flat_map(|frame| &frame.people).next().unwrap();
            assert_eq!((person.id, person.keypoints[0]), (Some(4), Keypoint { x: 1.0, y: 3.0, score: 0.5 }));
        }
    }
}

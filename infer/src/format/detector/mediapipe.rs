//! MediaPipe Pose landmarks: `poseLandmarks` of the legacy solutions, `landmarks` of the tasks, bare lists of points, each
//! with or without `frames` around. Coordinates are shares of the image's width and height.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::json::{Label, parse};
use super::{Detector, Document, score};
use crate::error::{Error, Result};
use crate::pose::{Keypoint, Person};

/// A point, or a list of points or of lists.
#[derive(Debug)]
enum Marks {
    Point(Keypoint),
    List(Vec<Marks>),
}

impl Default for Marks {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl<'de> Deserialize<'de> for Marks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyMarks)
    }
}

struct AnyMarks;

impl<'de> Visitor<'de> for AnyMarks {
    type Value = Marks;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("landmarks, {x, y, z, visibility} each")
    }

    fn visit_unit<E>(self) -> Result<Marks, E> {
        Ok(Marks::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Marks, A::Error> {
        let mut marks = Vec::new();
        while let Some(mark) = list.next_element()? {
            marks.push(mark);
        }
        Ok(Marks::List(marks))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Marks, A::Error> {
        let (mut x, mut y, mut visibility, mut presence) = (None, None, None, None);
        let mut inner = None;
        while let Some(key) = object.next_key::<String>()? {
            match key.as_str() {
                "x" => x = object.next_value::<Option<f64>>()?,
                "y" => y = object.next_value::<Option<f64>>()?,
                "visibility" => visibility = object.next_value::<Option<f64>>()?,
                "presence" => presence = object.next_value::<Option<f64>>()?,
                "landmark" | "landmarks" => inner = Some(object.next_value::<Marks>()?),
                _ => drop(object.next_value::<IgnoredAny>()?),
            }
        }
        let point =
            Keypoint { x: x.unwrap_or(f64::NAN), y: y.unwrap_or(f64::NAN), score: score(visibility.or(presence)) };
        Ok(inner.unwrap_or(Marks::Point(point)))
    }
}

#[derive(Deserialize)]
struct LandmarkFrame {
    #[serde(default, alias = "poseLandmarks", alias = "pose_landmarks", alias = "landmark", alias = "keypoints")]
    landmarks: Option<Marks>,
    #[serde(default, alias = "poseWorldLandmarks", alias = "pose_world_landmarks", alias = "worldLandmarks")]
    world_landmarks: Option<IgnoredAny>,
    #[serde(default, alias = "frame_index", alias = "frameIndex", alias = "frame_id", alias = "index")]
    frame: Label,
    #[serde(default, alias = "timestamp_ms", alias = "timestampMs", alias = "time_ms")]
    milliseconds: Label,
    #[serde(default, alias = "timestamp")]
    time: Label,
}

#[derive(Deserialize)]
struct Clip {
    fps: Option<f64>,
    #[serde(alias = "image_width", alias = "imageWidth")]
    width: Option<u32>,
    #[serde(alias = "image_height", alias = "imageHeight")]
    height: Option<u32>,
    frames: Vec<LandmarkFrame>,
}

/// The format.
pub(super) struct MediaPipe;

impl Detector for MediaPipe {
    fn decode(&mut self, text: &[u8], document: &mut Document) -> Result<()> {
        if text.trim_ascii_start().starts_with(b"[") {
            return decode_list(text, document);
        }
        if let Ok(clip) = serde_json::from_slice::<Clip>(text) {
            document.fps = document.fps.or(clip.fps.filter(|fps| *fps > 0.0));
            document.size = clip.width.zip(clip.height).map(|(width, height)| [width, height]).or(document.size);
            return clip.frames.into_iter().try_for_each(|frame| push(frame, document));
        }
        push(parse(text, document.line)?, document)
    }
}

/// Frames, or the landmarks of one person, or lists of them: a person a frame.
fn decode_list(text: &[u8], document: &mut Document) -> Result<()> {
    let marks: Vec<Marks> = match serde_json::from_slice::<Vec<LandmarkFrame>>(text) {
        Ok(frames) if frames.iter().any(|frame| frame.landmarks.is_some()) => {
            return frames.into_iter().try_for_each(|frame| push(frame, document));
        }
        _ => parse(text, document.line)?,
    };
    if marks.iter().all(|mark| matches!(mark, Marks::Point(_))) {
        document.push(None, None, people(Marks::List(marks)));
        return Ok(());
    }
    for mark in marks {
        document.push(None, None, people(mark));
    }
    Ok(())
}

fn push(frame: LandmarkFrame, document: &mut Document) -> Result<()> {
    let people = match (frame.landmarks, frame.world_landmarks) {
        (Some(landmarks), _) => people(landmarks),
        (None, Some(_)) => {
            return Err(Error::input("world landmarks, which are 3D already, expected landmarks in the image")
                .hint("write `landmarks` (tasks) or `poseLandmarks` (legacy), too"));
        }
        (None, None) => Vec::new(),
    };
    let milliseconds = frame.milliseconds.number().map(|milliseconds| milliseconds / 1000.0);
    document.push(frame.frame.frame(), milliseconds.or(frame.time.number()), people);
    Ok(())
}

/// The people of a frame: a list of points is one person, a list of lists several.
fn people(marks: Marks) -> Vec<Person> {
    let Marks::List(marks) = marks else { return Vec::new() };
    let mut people = Vec::new();
    let mut keypoints = Vec::new();
    for mark in marks {
        match mark {
            Marks::Point(point) => keypoints.push(point),
            list => people.extend(self::people(list)),
        }
    }
    if !keypoints.is_empty() {
        people.push(Person { id: None, keypoints });
    }
    people
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn decode(text: &str) -> Result<Document> {
        let mut document = Document::default();
        MediaPipe.decode(text.as_bytes(), &mut document).map(|()| document)
    }

    fn person() -> String {
        format!("[{}]", vec![r#"{"x":0.5,"y":0.25,"z":-0.1,"visibility":0.75,"presence":1}"#; 33].join(","))
    }

    #[test]
    fn every_way_to_write_landmarks() {
        let person = person();
        for (text, people) in [
            (format!(r#"{{"poseLandmarks":{person},"poseWorldLandmarks":{person}}}"#), vec![1]),
            (format!(r#"{{"pose_landmarks":{{"landmark":{person}}}}}"#), vec![1]),
            (format!(r#"{{"landmark":{person}}}"#), vec![1]),
            (format!(r#"{{"landmarks":[{person},{person}],"worldLandmarks":[]}}"#), vec![2]),
            (person.clone(), vec![1]),
            (format!("[{person},{person}]"), vec![1, 1]),
            (format!(r#"[{{"landmarks":[{person}]}},{{"landmarks":[]}}]"#), vec![1, 0]),
            (
                format!(
                    r#"{{"fps":30,"width":64,"height":48,"frames":[{{"timestampMs":40,"landmarks":[{person}]}}]}}"#
                ),
                vec![1],
            ),
        ] {
            let document = decode(&text).unwrap();
            assert_eq!(document.frames.iter().map(|frame| frame.people.len()).collect::<Vec<_>>(), people);
            assert_eq!(document.layout.unwrap().name, "mediapipe33");
            assert_eq!(document.frames[0].people[0].keypoints[0], Keypoint { x: 0.5, y: 0.25, score: 0.75 });
            if document.fps.is_some() {
                assert_eq!((document.frames[0].time, document.frames[0].size), (Some(0.04), Some([64, 48])));
            }
        }
    }

    #[test]
    fn world_landmarks_alone_are_refused() {
        let message = decode(&format!(r#"{{"poseWorldLandmarks":{}}}"#, person())).map(|_| ()).unwrap_err();
        assert!(message.to_string().contains("3D already"), "{message}");
    }
}

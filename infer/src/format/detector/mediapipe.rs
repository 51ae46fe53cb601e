//! MediaPipe Pose landmarks: `poseLandmarks` of the legacy solutions, `landmarks` of the tasks, bare lists of points, each
//! with or without `frames` around. Coordinates are normalised by the image's width and height.

use std::fmt;

use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::json::{Label, number_in_text, parse};
use super::{Detector, Document, score};
use crate::error::{Error, Result};
use crate::format::keys::{self, FrameTime, JOINT_NUMBER, PERHAPS_JOINT_NUMBER, is_one_of, time_key};
use crate::format::numbered_points::{as_listed, in_order};
use crate::pose::image_side;
use crate::pose::{Keypoint, Person};
use crate::skeleton::{MEDIAPIPE33, joint_name};

/// The number of the last point of a hand.
const LAST_OF_HAND: i64 = 20;

/// A point, or a list of points or of lists.
#[derive(Debug)]
enum Marks {
    /// Perhaps with the number of its joint.
    Point(Keypoint, Option<i64>),
    List(Vec<Marks>),
    /// A coordinate of a point that is written as a list.
    Number(f64),
    /// A name, or whatever says nothing of where a point is.
    Other,
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

    fn visit_f64<E>(self, number: f64) -> Result<Marks, E> {
        Ok(Marks::Number(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Marks, E> {
        Ok(Marks::Number(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Marks, E> {
        Ok(Marks::Number(number as f64))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Marks, E> {
        Ok(Marks::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Marks, E> {
        Ok(Marks::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Marks, A::Error> {
        let marks = Vec::deserialize(SeqAccessDeserializer::new(list))?;
        Ok(listed_point(&marks).map_or(Marks::List(marks), |point| Marks::Point(point, None)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Marks, A::Error> {
        let mut x = None;
        let mut y = None;
        let mut visibility = None;
        let mut presence = None;
        let mut inner = None;
        let mut number = None;
        let mut named = Vec::new();
        while let Some(key) = object.next_key::<String>()? {
            match key.as_str() {
                "x" => x = object.next_value::<Option<f64>>()?,
                "y" => y = object.next_value::<Option<f64>>()?,
                "visibility" => visibility = object.next_value::<Option<f64>>()?,
                "presence" => presence = object.next_value::<Option<f64>>()?,
                "landmark" | "landmarks" => inner = Some(object.next_value::<Marks>()?),
                key if is_one_of(key, &JOINT_NUMBER) || is_one_of(key, &PERHAPS_JOINT_NUMBER) => {
                    number = object.next_value::<Label>()?.whole();
                }
                name => {
                    let place = MEDIAPIPE33.position(&joint_name(name));
                    let value = object.next_value::<Marks>()?;
                    if let (Some(place), Marks::Point(point, _)) = (place, value) {
                        named.push((place, point));
                    }
                }
            }
        }
        if !named.is_empty() && x.is_none() {
            return Ok(by_name(&named));
        }
        let point =
            Keypoint { x: x.unwrap_or(f64::NAN), y: y.unwrap_or(f64::NAN), score: score(visibility.or(presence)) };
        Ok(inner.unwrap_or(Marks::Point(point, number)))
    }
}

/// A point that is written as a list: x, y, perhaps z and visibility.
fn listed_point(list: &[Marks]) -> Option<Keypoint> {
    let numbers: Option<Vec<f64>> = list
        .iter()
        .map(|mark| match mark {
            Marks::Number(number) => Some(*number),
            _ => None,
        })
        .collect();
    match numbers?[..] {
        [x, y] | [x, y, _] => Some(Keypoint { x, y, score: 1.0 }),
        [x, y, _, visibility, ..] => Some(Keypoint { x, y, score: score(Some(visibility)) }),
        _ => None,
    }
}

/// Landmarks by their names, in MediaPipe's order.
fn by_name(named: &[(usize, Keypoint)]) -> Marks {
    let mut keypoints = vec![Keypoint::MISSING; MEDIAPIPE33.len()];
    for (place, point) in named {
        keypoints[*place] = *point;
    }
    Marks::List(keypoints.into_iter().map(|point| Marks::Point(point, None)).collect())
}

/// A frame. Of several keys that mean the same, as `frame` and `frame_index`, the first counts.
#[derive(Default)]
struct LandmarkFrame {
    landmarks: Option<Marks>,
    has_world_landmarks: bool,
    /// Whether it is a clip of frames instead.
    has_frames: bool,
    frame: Label,
    time: FrameTime,
}

impl LandmarkFrame {
    fn has_landmarks(&self) -> bool {
        self.landmarks.is_some() || self.has_world_landmarks
    }
}

impl<'de> Deserialize<'de> for LandmarkFrame {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AnyFrame)
    }
}

struct AnyFrame;

impl<'de> Visitor<'de> for AnyFrame {
    type Value = LandmarkFrame;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a frame of landmarks")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<LandmarkFrame, A::Error> {
        let mut frame = LandmarkFrame::default();
        while let Some(key) = object.next_key::<String>()? {
            match key.as_str() {
                "landmarks" | "poseLandmarks" | "pose_landmarks" | "landmark" | "keypoints" => {
                    let marks = object.next_value()?;
                    frame.landmarks.get_or_insert(marks);
                }
                "world_landmarks" | "worldLandmarks" | "poseWorldLandmarks" | "pose_world_landmarks" => {
                    frame.has_world_landmarks |= object.next_value::<Option<IgnoredAny>>()?.is_some();
                }
                "frames" => {
                    frame.has_frames = true;
                    object.next_value::<IgnoredAny>()?;
                }
                key if key == "index" || is_one_of(key, &keys::FRAME) => {
                    frame.frame = frame.frame.or(object.next_value()?);
                }
                key => match time_key(key) {
                    Some(key) => frame.time.take(key, object.next_value::<Label>()?.seconds()),
                    None => {
                        object.next_value::<IgnoredAny>()?;
                    }
                },
            }
        }
        Ok(frame)
    }
}

/// A clip: its frames, and what is said of the video beside them.
#[derive(Deserialize)]
struct Clip {
    frames: Vec<LandmarkFrame>,
    #[serde(flatten)]
    beside: Map<String, Value>,
}

/// What is known of a video, by an object of whichever keys.
pub(super) fn describe_video(object: &Map<String, Value>, document: &mut Document) {
    document.fps = document.fps.or(positive_number(object, &keys::FPS));
    if let Some(width) = side(object, &keys::WIDTH)
        && let Some(height) = side(object, &keys::HEIGHT)
    {
        document.size.get_or_insert([width, height]);
    }
}

/// A side of the image under one of the `known` keys.
fn side(object: &Map<String, Value>, known: &[&str]) -> Option<u32> {
    positive_number(object, known).and_then(|side| image_side(side.round()))
}

/// The first number under one of the `known` keys, if it is above 0.
fn positive_number(object: &Map<String, Value>, known: &[&str]) -> Option<f64> {
    known.iter().find_map(|name| number_under(object, name)).filter(|number| *number > 0.0)
}

/// The number under the first key that is a spelling of `name`.
fn number_under(object: &Map<String, Value>, name: &str) -> Option<f64> {
    let (_, value) = object.iter().find(|(key, _)| is_one_of(key, &[name]))?;
    number(value)
}

/// A number, also one that is written as a text or as a fraction, `30000/1001`.
fn number(value: &Value) -> Option<f64> {
    let found = value.as_f64().or_else(|| number_in_text(value.as_str()?))?;
    found.is_finite().then_some(found)
}

/// The format.
pub(super) struct MediaPipe;

impl Detector for MediaPipe {
    fn decode(&mut self, text: &[u8], document: &mut Document) -> Result<()> {
        if text.trim_ascii_start().starts_with(b"[") {
            return decode_list(text, document);
        }
        let frame: LandmarkFrame = parse(text, document.line)?;
        // A frame without landmarks has no person: JavaScript leaves a key out that has no value.
        if !frame.has_frames {
            return push(frame, document);
        }
        let clip: Clip = parse(text, document.line)?;
        describe_video(&clip.beside, document);
        for key in ["metadata", "meta", "video", "info"] {
            if let Some(Value::Object(object)) = clip.beside.get(key) {
                describe_video(object, document);
            }
        }
        check_landmarks(&clip.frames)?;
        push_all(clip.frames, document)
    }
}

/// Frames, or the landmarks of one person, or lists of them: a person a frame.
fn decode_list(text: &[u8], document: &mut Document) -> Result<()> {
    let marks: Vec<Marks> = match serde_json::from_slice::<Vec<LandmarkFrame>>(text) {
        Ok(frames) if frames.iter().any(LandmarkFrame::has_landmarks) => {
            return push_all(frames, document);
        }
        _ => parse(text, document.line)?,
    };
    if marks.iter().all(|mark| matches!(mark, Marks::Point(..))) {
        document.push(None, None, people(Marks::List(marks)));
        return Ok(());
    }
    for mark in marks {
        document.push(None, None, people(mark));
    }
    Ok(())
}

/// Holds that frames have landmarks, be they of no person.
fn check_landmarks(frames: &[LandmarkFrame]) -> Result<()> {
    if frames.is_empty() || frames.iter().any(LandmarkFrame::has_landmarks) {
        return Ok(());
    }
    Err(Error::input("no frame has landmarks, expected `landmarks`, `poseLandmarks` or `people` in each"))
}

fn push_all(frames: Vec<LandmarkFrame>, document: &mut Document) -> Result<()> {
    for frame in frames {
        push(frame, document)?;
    }
    Ok(())
}

fn push(frame: LandmarkFrame, document: &mut Document) -> Result<()> {
    let people = match (frame.landmarks, frame.has_world_landmarks) {
        (Some(landmarks), _) => people(landmarks),
        (None, true) => {
            return Err(Error::input("world landmarks, which are 3D already, expected landmarks in the image")
                .hint("write `landmarks` (tasks) or `poseLandmarks` (legacy), too"));
        }
        (None, false) => Vec::new(),
    };
    document.push(frame.frame.frame(), frame.time.seconds(), people);
    Ok(())
}

/// The people of a frame: a list of points is one person, a list of lists several.
fn people(marks: Marks) -> Vec<Person> {
    let Marks::List(marks) = marks else { return Vec::new() };
    let mut people = Vec::new();
    let mut keypoints = Vec::new();
    for mark in marks {
        match mark {
            Marks::Point(point, number) => keypoints.push((number, point)),
            list @ Marks::List(_) => people.extend(self::people(list)),
            Marks::Number(_) | Marks::Other => {}
        }
    }
    if !keypoints.is_empty() {
        // Fewer numbers than a body has may be those of a hand.
        let is_body = keypoints.iter().any(|(number, _)| number.is_some_and(|number| number > LAST_OF_HAND));
        let keypoints = if is_body { in_order(&keypoints, Some(MEDIAPIPE33.len())) } else { as_listed(&keypoints) };
        people.push(Person { id: None, keypoints });
    }
    people
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str) -> Result<Document> {
        let mut document = Document::default();
        MediaPipe.decode(text.as_bytes(), &mut document).map(|()| document)
    }

    fn person() -> String {
        format!("[{}]", vec![r#"{"x":0.5,"y":0.25,"z":-0.1,"visibility":0.75,"presence":1}"#; 33].join(","))
    }

    #[test]
    fn landmarks_that_have_numbers_come_in_their_order() {
        let point =
            |place: &i32| format!(r#"{{"id":{place},"x":{},"y":0.5,"visibility":1}}"#, f64::from(*place) / 64.0);
        let points: Vec<String> =
            (0..33).rev().filter(|place| *place != 7).collect::<Vec<_>>().iter().map(point).collect();
        let document = decode(&format!(r#"{{"landmarks":[{}]}}"#, points.join(","))).unwrap();
        let keypoints = &document.frames[0].people[0].keypoints;
        assert_eq!((keypoints.len(), keypoints[32].x), (33, 0.5));
        assert!(keypoints[7].is_missing() && !keypoints[8].is_missing());
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
            (format!(r#"{{"frames":[{{"landmarks":[{}]}}]}}"#, vec!["[0.5,0.25,-0.1,0.75]"; 33].join(",")), vec![1]),
            (r#"{"frames":[{"landmarks":{"NOSE":{"x":0.5,"y":0.25,"visibility":0.75}}}]}"#.to_owned(), vec![1]),
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
    fn names_beside_a_clip_are_no_landmarks_and_a_frame_without_the_key_has_no_person() {
        let person = person();
        let clip = format!(
            r#"{{"fps":30,"landmarks":["nose","left_eye"],"frames":[{{"landmarks":{person}}},{{"landmarks":{person}}}]}}"#
        );
        let people = |document: &Document| document.frames.iter().map(|frame| frame.people.len()).collect::<Vec<_>>();
        assert_eq!(people(&decode(&clip).unwrap()), [1, 1]);
        let mut document = Document::default();
        for text in [format!(r#"{{"frame":0,"poseLandmarks":{person}}}"#), r#"{"frame":1}"#.to_owned()] {
            MediaPipe.decode(text.as_bytes(), &mut document).unwrap();
        }
        assert_eq!(people(&document), [1, 0]);
    }

    #[test]
    fn frames_without_any_landmarks_are_refused_and_those_without_people_are_not() {
        let message = decode(r#"{"frames":[{"time":0,"poses":[]}]}"#).map(|_| ()).unwrap_err().to_string();
        assert!(message.contains("no frame has landmarks"), "{message}");
        assert_eq!(decode(r#"{"frames":[{"landmarks":null},{"landmarks":[]}]}"#).unwrap().frames.len(), 2);
        let text = r#"{"video":{"width":64,"height":48,"fps":25},"frames":[{"landmarks":[]}]}"#;
        let document = decode(text).unwrap();
        assert_eq!((document.fps, document.frames[0].size), (Some(25.0), Some([64, 48])));
    }

    #[test]
    fn what_stands_beside_the_frames_may_be_anything() {
        let person = person();
        for beside in [
            r#""video":"a.mp4","fps":"25","width":64.0,"height":48"#,
            r#""video":{"name":"a.mp4"},"meta":{"fps":25,"width":"64","height":"48"}"#,
            r#""fps":25,"fps":25,"imageWidth":64,"imageHeight":48,"info":null"#,
        ] {
            let frame = format!(r#"{{"frame":3,"frame_index":3,"time":0.5,"timestamp":0.5,"landmarks":{person}}}"#);
            let document = decode(&format!(r#"{{{beside},"frames":[{frame}]}}"#)).unwrap();
            assert_eq!((document.fps, document.frames[0].size), (Some(25.0), Some([64, 48])), "{beside}");
            assert_eq!((document.frames[0].index, document.frames[0].people.len()), (3, 1));
        }
        // What cannot be read is an error, and no frame without people.
        assert!(decode(r#"{"frames":7,"fps":30}"#).is_err());
    }

    #[test]
    fn world_landmarks_alone_are_refused() {
        let in_list = format!(r#"[{{"poseWorldLandmarks":{}}}]"#, person());
        assert!(decode(&in_list).map(|_| ()).unwrap_err().to_string().contains("3D already"));
        let message = decode(&format!(r#"{{"poseWorldLandmarks":{}}}"#, person())).map(|_| ()).unwrap_err();
        assert!(message.to_string().contains("3D already"), "{message}");
    }
}

//! AlphaPose's results: a list as COCO's with the names of images, or an object by image name.
//!
//! `idx`, the track, may be absent, a number, `[0.0]`, `[[0.0],[0.0]]`, and 0 for all people.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::coco::{Item, by_image, items};
use super::json::{ListOr, Numbers, parse};
use super::{Detector, Document, flat_keypoints, numbers_of_names};
use crate::error::{Error, Result};
use crate::pose::Person;

/// What stands under an image's name: people, or OpenPose's or its CMU form's object of them.
type OfImage = ListOr<Bodies, Item>;

/// One of both.
#[derive(Deserialize)]
struct Bodies {
    people: Option<Vec<OpenPosePerson>>,
    bodies: Option<Vec<CmuBody>>,
}

#[derive(Deserialize)]
struct OpenPosePerson {
    #[serde(alias = "pose_keypoints")]
    pose_keypoints_2d: Numbers,
}

#[derive(Deserialize)]
struct CmuBody {
    joints: Numbers,
}

/// Whether an object is a frame of the CMU form.
#[derive(Deserialize)]
struct Outline {
    bodies: Option<IgnoredAny>,
}

/// The format.
pub(super) struct AlphaPose;

impl Detector for AlphaPose {
    fn decode(&mut self, text: &[u8], document: &mut Document) -> Result<()> {
        if text.trim_ascii_start().starts_with(b"[") {
            document.push_images(by_image(items(text, document.line)?));
            return Ok(());
        }
        if serde_json::from_slice::<Outline>(text).is_ok_and(|outline| outline.bodies.is_some()) {
            let frame: Bodies = parse(text, document.line)?;
            document.push(None, None, frame.people().unwrap_or_default());
            return Ok(());
        }
        let images: BTreeMap<String, OfImage> = parse(text, document.line)?;
        let mut numbered = BTreeMap::new();
        let number_of = numbers_of_names(images.keys().map(String::as_str));
        for (place, (name, found)) in images.into_iter().enumerate() {
            let number = number_of.as_ref().map_or(place as u64, |number_of| number_of[&name]);
            let people = match found {
                ListOr::List(items) => items.into_iter().map(Item::person).collect(),
                ListOr::Object(bodies) => bodies.people().ok_or_else(|| {
                    Error::input(format!("'{name}' is an object without people or bodies, expected one of them"))
                })?,
            };
            numbered.insert(number, people);
        }
        document.push_images(numbered);
        Ok(())
    }
}

impl Bodies {
    /// Its people, if it has any of both lists.
    fn people(&self) -> Option<Vec<Person>> {
        let people =
            self.people.as_ref().map(|people| people.iter().map(|person| unnamed(&person.pose_keypoints_2d)).collect());
        people.or_else(|| Some(self.bodies.as_ref()?.iter().map(|body| unnamed(&body.joints)).collect()))
    }
}

fn unnamed(numbers: &Numbers) -> Person {
    Person { id: None, keypoints: flat_keypoints(&numbers.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(text: &str) -> Vec<(u64, usize, Option<i64>)> {
        let mut document = Document::default();
        AlphaPose.decode(text.as_bytes(), &mut document).unwrap();
        let outline = |frame: &crate::pose::Frame| (frame.index, frame.people.len(), frame.people[0].id);
        document.frames.iter().map(outline).collect()
    }

    #[test]
    fn lists_and_objects_of_images() {
        let points = vec!["3"; 78].join(",");
        let item = format!(r#"{{"image_id":"out0000012.png","keypoints":[{points}],"idx":[[2.0],[2.0]]}}"#);
        assert_eq!(frames(&format!("[{item}]")), [(12, 1, Some(2))]);
        let keyed =
            format!(r#"{{"2.jpg":[{{"keypoints":[{points}],"idx":0}}],"10.jpg":[{{"keypoints":[{points}]}}]}}"#);
        assert_eq!(frames(&keyed), [(2, 1, Some(0)), (10, 1, None)]);
        // The last number is not always the frame's.
        let of_camera = format!(
            r#"[{{"image_id":"f_0007_cam2.png","keypoints":[{points}]}},{{"image_id":"f_0009_cam2.png","keypoints":[{points}]}}]"#
        );
        assert_eq!(frames(&of_camera), [(7, 1, None), (9, 1, None)]);
        let open = format!(r#"{{"3.jpg":{{"version":0.1,"people":[{{"pose_keypoints_2d":[{points}]}}]}}}}"#);
        assert_eq!(frames(&open), [(3, 1, None)]);
        let cmu = format!(r#"{{"version":0.1,"bodies":[{{"joints":[{points}]}}]}}"#);
        assert_eq!(frames(&cmu), [(0, 1, None)]);
    }

    #[test]
    fn a_wrong_value_is_told_by_what_it_is() {
        for (text, expected) in [
            (r#"{"1.jpg":[{"keypoints":"none"}]}"#, "invalid type: string \"none\", expected a list of numbers"),
            (r#"{"1.jpg":5}"#, "invalid type: integer `5`, expected a list or an object"),
            (r#"{"1.jpg":{"version":0.1}}"#, "'1.jpg' is an object without people or bodies"),
            (r#"{"version":0.1,"bodies":[{"joints":{}}]}"#, "invalid type: map, expected a list of numbers"),
        ] {
            let error = AlphaPose.decode(text.as_bytes(), &mut Document::default()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}

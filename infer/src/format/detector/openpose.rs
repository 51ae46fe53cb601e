//! OpenPose JSON: `{"version": 1.3, "people": [{"pose_keypoints_2d": [x, y, score, …]}]}`, one value a frame.
//!
//! RTMPose through Pose2Sim writes it too, where the place in the list is the track and people who are not there are
//! lists of NaN.

use serde::Deserialize;

use super::json::{Label, Numbers, parse};
use super::{Detector, Document, flat_keypoints, is_padding};
use crate::error::Result;
use crate::pose::{Keypoint, Person};
use crate::skeleton::{BODY25, BODY25B, Layout};

#[derive(Deserialize)]
struct OpenPoseFrame {
    /// Where no person is seen, there may be no list.
    people: Option<Vec<OpenPosePerson>>,
}

#[derive(Deserialize)]
struct OpenPosePerson {
    #[serde(default)]
    person_id: Label,
    /// Versions 1.0 and 1.1 leave `_2d` out.
    #[serde(default, alias = "pose_keypoints")]
    pose_keypoints_2d: Numbers,
}

/// The format, and what is known of who wrote it.
#[derive(Default)]
pub(super) struct OpenPose {
    /// Whether a person's place in the list is their track.
    pub(super) place_is_track: bool,
}

impl Detector for OpenPose {
    fn decode(&mut self, text: &[u8], document: &mut Document) -> Result<()> {
        if text.trim_ascii_start().starts_with(b"[") {
            let frames: Vec<OpenPoseFrame> = parse(text, document.line)?;
            for frame in frames {
                self.push(frame, document);
            }
            return Ok(());
        }
        let frame = parse(text, document.line)?;
        self.push(frame, document);
        Ok(())
    }
}

impl OpenPose {
    fn push(&mut self, frame: OpenPoseFrame, document: &mut Document) {
        let found = frame.people.unwrap_or_default();
        let mut people = Vec::with_capacity(found.len());
        for (place, person) in found.into_iter().enumerate() {
            let keypoints = flat_keypoints(&person.pose_keypoints_2d.0);
            let is_nan = !keypoints.is_empty() && keypoints.iter().all(|point| point.x.is_nan());
            self.place_is_track |= is_nan;
            if is_padding(&keypoints) {
                continue;
            }
            let (keypoints, layout) = body_of(keypoints);
            document.layout = document.layout.or(layout);
            let place = self.place_is_track.then_some(place as i64);
            people.push(Person { id: person.person_id.track().or(place), keypoints });
        }
        document.push(None, None, people);
    }
}

/// Of OpenPose's experimental bodies with face and hands the points of the body, and their layout.
fn body_of(mut keypoints: Vec<Keypoint>) -> (Vec<Keypoint>, Option<&'static Layout>) {
    let layout = match keypoints.len() {
        135 => &BODY25B,
        137 => &BODY25,
        _ => return (keypoints, None),
    };
    keypoints.truncate(layout.len());
    (keypoints, Some(layout))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str) -> Document {
        let mut document = Document::default();
        OpenPose::default().decode(text.as_bytes(), &mut document).unwrap();
        document
    }

    #[test]
    fn old_and_new_names_empty_and_padded_people() {
        let points = vec!["1.5"; 75].join(",");
        let nothing = vec!["null"; 75].join(",");
        for key in ["pose_keypoints", "pose_keypoints_2d"] {
            let text = format!(
                r#"{{"version":1.1,"people":[{{"{key}":[]}},{{"{key}":[{nothing}]}},{{"person_id":[-1],"{key}":[{points}]}}]}}"#
            );
            let document = decode(&text);
            assert_eq!(document.frames[0].people.len(), 1);
            let person = &document.frames[0].people[0];
            assert_eq!((person.id, person.keypoints.len()), (Some(2), 25));
        }
        assert!(decode(r#"{"version":1.3,"people":[]}"#).frames[0].people.is_empty());
    }

    #[test]
    fn frames_may_stand_in_a_list() {
        let points = vec!["1.5"; 75].join(",");
        let frame = format!(r#"{{"people":[{{"pose_keypoints_2d":[{points}]}}]}}"#);
        let document = decode(&format!(r#"[{frame},{{"people":[]}},{frame}]"#));
        assert_eq!(document.frames.iter().map(|frame| frame.people.len()).collect::<Vec<_>>(), [1, 0, 1]);
    }

    #[test]
    fn bodies_with_face_and_hands_are_cut_to_the_body() {
        let points = vec!["2"; 135 * 3].join(",");
        let document = decode(&format!(r#"{{"people":[{{"pose_keypoints_2d":[{points}]}}]}}"#));
        assert_eq!((document.layout.unwrap().name, document.frames[0].people[0].keypoints.len()), ("body25b", 25));
    }
}

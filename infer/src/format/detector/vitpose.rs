//! easy_ViTPose's JSON: frames of people by id, points of y, x and score, and the names of the points.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::json::{Points, parse};
use super::{Detector, Document, Label, score};
use crate::error::{Error, Result};
use crate::pose::{Keypoint, Person};
use crate::skeleton::named_layout;

#[derive(Deserialize)]
struct Clip {
    /// A frame each: people by their id in the tracker.
    keypoints: Vec<BTreeMap<String, Points>>,
    /// The points' names by their index.
    #[serde(default)]
    skeleton: BTreeMap<String, String>,
}

/// The format.
pub(super) struct VitPose;

impl Detector for VitPose {
    fn decode(&mut self, text: &[u8], document: &mut Document) -> Result<()> {
        let Clip { keypoints, skeleton } = parse(text, document.line)?;
        if document.layout.is_none() && !skeleton.is_empty() {
            document.layout = Some(named_layout(&in_order(&skeleton)?)?);
        }
        for frame in keypoints {
            // By number, as the tracker counts, not by text.
            let mut people: Vec<Person> = frame.into_iter().map(|(id, points)| person(id, points)).collect();
            people.sort_by_key(|person| person.id);
            document.push(None, None, people);
        }
        Ok(())
    }
}

/// The names by index, which must be all of them.
fn in_order(skeleton: &BTreeMap<String, String>) -> Result<Vec<&str>> {
    let mut names = vec![None; skeleton.len()];
    for (index, name) in skeleton {
        let place = index.trim().parse::<usize>().ok().and_then(|place| names.get_mut(place));
        *place.ok_or_else(|| {
            let last = skeleton.len() - 1;
            Error::input(format!("the skeleton names a point at '{index}', expected indices from 0 to {last}"))
        })? = Some(name.as_str());
    }
    names.into_iter().collect::<Option<_>>().ok_or_else(|| Error::input("the skeleton names two points of one index"))
}

fn person(id: String, points: Points) -> Person {
    let has_scores = points.channels > 2;
    let mut keypoints = Vec::with_capacity(points.points.len());
    for [y, x, confidence] in points.points {
        keypoints.push(Keypoint { x, y, score: score(has_scores.then_some(confidence)) });
    }
    Person { id: Label::Text(id).track(), keypoints }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Result<Document> {
        let mut document = Document::default();
        VitPose.decode(text.as_bytes(), &mut document)?;
        Ok(document)
    }

    #[test]
    fn people_come_by_id_and_y_before_x() {
        let text = r#"{"keypoints":[{"10":[[2.0,1.0,0.5],[4,3,0.25]],"2":[[6,5,1],[8,7,1]]},{}],"skeleton":{"1":"left_hip","0":"nose"}}"#;
        let document = decoded(text).unwrap();
        assert_eq!(document.layout.unwrap().joints, ["nose", "left_hip"]);
        let people = &document.frames[0].people;
        assert_eq!(people.iter().map(|person| person.id).collect::<Vec<_>>(), [Some(2), Some(10)]);
        assert_eq!(people[1].keypoints[1], Keypoint { x: 3.0, y: 4.0, score: 0.25 });
        assert!(document.frames.len() == 2 && document.frames[1].people.is_empty());
    }

    #[test]
    fn names_without_order_are_refused() {
        let refused = |skeleton: &str| {
            let text = format!(r#"{{"keypoints":[{{"0":[[1,2,1]]}}],"skeleton":{skeleton}}}"#);
            decoded(&text).err().unwrap().to_string()
        };
        assert!(refused(r#"{"0":"nose","7":"left_hip"}"#).contains("at '7', expected indices from 0 to 1"));
        assert!(refused(r#"{"0":"nose","00":"left_hip"}"#).contains("two points of one index"));
    }
}

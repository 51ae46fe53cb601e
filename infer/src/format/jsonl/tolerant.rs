//! Spellings of our own stream that people's scripts write: numbers as texts, flat key points, key points as objects.
//!
//! They are met in the place of what was expected, so that streams as they should be cost nothing.

use serde::Deserialize;
use serde_json::Value;

use super::loose;
use super::scan::{Scan, Scanner, fault};
use crate::format::detector::{Label, Numbers, flat_keypoints, score};
use crate::format::image_side;
use crate::pose::Keypoint;
use crate::skeleton::{COCO23, Layout, joint_name};

/// The text of the next value, which is passed over.
fn value<'a>(scanner: &mut Scanner<'a>) -> Scan<&'a [u8]> {
    scanner.peek();
    let rest = scanner.rest();
    scanner.skip()?;
    Ok(&rest[..rest.len() - scanner.rest().len()])
}

/// What tells a person or a frame apart, whatever type it has.
#[cold]
pub(super) fn label(scanner: &mut Scanner<'_>) -> Scan<Label> {
    let text = value(scanner)?;
    Ok(serde_json::from_slice(text).unwrap_or_default())
}

/// A number, or a text that is one.
#[cold]
pub(super) fn number(scanner: &mut Scanner<'_>, what: &str) -> Scan<Option<f64>> {
    if scanner.peek() != Some(b'"') {
        return scanner.unexpected(what);
    }
    let found = label(scanner)?;
    match found.number() {
        Some(number) => Ok(Some(number)),
        None => fault(format!("found a text, expected {what}")),
    }
}

/// A list of numbers, texts of them, or nulls; empty where something else stands there.
#[cold]
pub(super) fn numbers(scanner: &mut Scanner<'_>) -> Scan<Vec<f64>> {
    let text = value(scanner)?;
    let text = String::from_utf8_lossy(text).replace("NaN", "null");
    Ok(serde_json::from_str(&text).map(|Numbers(numbers)| numbers).unwrap_or_default())
}

/// A side of the image in pixels; anything else than a number above 0 says nothing.
#[cold]
pub(super) fn side(scanner: &mut Scanner<'_>) -> Scan<Option<u32>> {
    Ok(label(scanner)?.number().and_then(image_side))
}

/// Whether a list of key points is spelt in another way than a list of lists: its first element is neither a list nor the
/// list's end.
pub(super) fn is_other_list(scanner: &mut Scanner<'_>) -> bool {
    if scanner.peek() != Some(b'[') {
        return false;
    }
    let first = scanner.rest()[1..].iter().find(|byte| !byte.is_ascii_whitespace());
    first.is_some_and(|first| matches!(first, b'0'..=b'9' | b'-' | b'{' | b'n' | b'N'))
}

#[derive(Deserialize)]
struct PointObject {
    x: Option<f64>,
    y: Option<f64>,
    /// Where coordinates stand by themselves, as PoseNet has them.
    position: Option<Position>,
    #[serde(alias = "visibility", alias = "confidence", alias = "likelihood")]
    score: Option<f64>,
    /// A text, unless it is a number or something else of the writer's own.
    #[serde(alias = "part", alias = "joint", alias = "label", alias = "keypoint", alias = "bodyPart")]
    name: Option<Value>,
}

#[derive(Deserialize)]
struct Position {
    x: Option<f64>,
    y: Option<f64>,
}

impl PointObject {
    fn keypoint(&self) -> Keypoint {
        let x = self.x.or(self.position.as_ref().and_then(|position| position.x));
        let y = self.y.or(self.position.as_ref().and_then(|position| position.y));
        Keypoint { x: x.unwrap_or(f64::NAN), y: y.unwrap_or(f64::NAN), score: score(self.score) }
    }

    fn name(&self) -> Option<String> {
        self.name.as_ref()?.as_str().map(joint_name)
    }
}

/// Reads a flat list of numbers, or a list of objects with x, y and score. Where these have names of the `layout`, they are put
/// in its order, and others are left out. Named joints without a layout are a fault: the whole frame tells their layout.
#[cold]
pub(super) fn read_other_list(
    scanner: &mut Scanner<'_>,
    person: usize,
    layout: Option<&Layout>,
    keypoints: &mut Vec<Keypoint>,
) -> Scan<()> {
    keypoints.clear();
    let text = value(scanner)?;
    // Python's NaN is no JSON.
    let text =
        String::from_utf8_lossy(text).replace("-Infinity", "null").replace("Infinity", "null").replace("NaN", "null");
    if let Ok(Numbers(numbers)) = serde_json::from_str(&text) {
        keypoints.extend(flat_keypoints(&numbers));
        return Ok(());
    }
    let Ok(points) = serde_json::from_str::<Vec<PointObject>>(&text) else {
        return fault(format!(
            "the key points of person {person} are neither lists, objects of x, y and score, nor numbers"
        ));
    };
    // Points that are not seen may have a score alone; coordinates under other names are no such.
    let any_nested =
        || serde_json::from_str::<Vec<Value>>(&text).is_ok_and(|points| points.iter().any(loose::is_nested));
    if !text.contains("\"x\"") && any_nested() {
        return fault(format!("the key points of person {person} have no x and y"));
    }
    let place = |point: &PointObject, layout: &Layout| layout.position(&point.name()?);
    let is_named_in = |layout: &Layout| points.iter().any(|point| place(point, layout).is_some());
    match layout {
        Some(layout) if is_named_in(layout) => {
            keypoints.resize(layout.len(), Keypoint::MISSING);
            for point in &points {
                if let Some(place) = place(point, layout) {
                    keypoints[place] = point.keypoint();
                }
            }
        }
        None if is_named_in(&COCO23) => return fault("key points have names, and no layout is known"),
        _ => keypoints.extend(points.iter().map(PointObject::keypoint)),
    }
    Ok(())
}

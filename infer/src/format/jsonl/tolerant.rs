//! Spellings of our own stream that people's scripts write: numbers as texts, flat key points, key points as objects.
//!
//! They are met in the place of what was expected, so that streams as they should be cost nothing.

use super::loose;
use super::scan::{Scan, Scanner, fault};
use crate::format::detector::Label;
use crate::pose::Keypoint;
use crate::pose::image_side;
use crate::skeleton::Layout;

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

/// A list of numbers, texts of them, or nulls, which may lie in lists of their own; empty where something else stands there, as the one
/// score of a person.
#[cold]
pub(super) fn numbers(scanner: &mut Scanner<'_>) -> Scan<Vec<f64>> {
    Ok(loose::parse(value(scanner)?).and_then(|list| loose::numbers(&list)).unwrap_or_default())
}

/// A side of the image in pixels; anything else than a number above 0 says nothing.
#[cold]
pub(super) fn side(scanner: &mut Scanner<'_>) -> Scan<Option<u32>> {
    Ok(label(scanner)?.number().and_then(image_side))
}

/// A time as it is written, or null; under a key that `is_sure` to be that of a time nothing else stands.
#[cold]
pub(super) fn time(scanner: &mut Scanner<'_>, is_sure: bool) -> Scan<Option<f64>> {
    let is_null = scanner.peek() == Some(b'n');
    match label(scanner)?.seconds() {
        None if is_sure && !is_null => fault("found something else, expected a time"),
        time => Ok(time),
    }
}

/// The image's size as an object of width and height; whatever else says nothing.
#[cold]
pub(super) fn size(scanner: &mut Scanner<'_>) -> Scan<Option<[u32; 2]>> {
    Ok(loose::parse(value(scanner)?).and_then(|size| loose::size_of(&size)).flatten())
}

/// Reads a flat list of numbers, or a list of objects with x, y and score ([`loose::points`]). Named joints without a layout are a
/// fault: the whole frame tells their layout.
#[cold]
pub(super) fn read_other_list(
    scanner: &mut Scanner<'_>,
    person: usize,
    layout: Option<&Layout>,
    keypoints: &mut Vec<Keypoint>,
) -> Scan<()> {
    keypoints.clear();
    let list = loose::parse(value(scanner)?).unwrap_or_default();
    if layout.is_none() && loose::names_joints(&list) {
        return fault("key points have names, and no layout is known");
    }
    let Some(points) = loose::points(&list, layout) else {
        return fault(format!(
            "the key points of person {person} are neither lists, objects with x and y, nor numbers"
        ));
    };
    keypoints.extend(points);
    Ok(())
}

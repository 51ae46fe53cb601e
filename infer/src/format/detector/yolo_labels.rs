//! Ultralytics' `save_txt` labels: a text file a frame, a person a line: class, box, then x, y and perhaps a score of each
//! point, all normalised; behind them perhaps the box's score and a track.

use super::{Detector, Document, flat_keypoint};
use crate::error::{Error, Result};
use crate::pose::Person;

/// Numbers before the key points: class, and the box's centre, width and height.
const BEFORE: usize = 5;
/// COCO's key points, which every pose model of Ultralytics has unless it was trained on others.
const USUAL_POINTS: usize = 17;

/// The format.
pub(crate) struct YoloLabels;

impl Detector for YoloLabels {
    fn decode(&mut self, text: &[u8], document: &mut Document) -> Result<()> {
        let text = String::from_utf8_lossy(text);
        let mut people = Vec::new();
        for (number, line) in (document.line..).zip(text.lines()) {
            if !line.trim().is_empty() {
                people.push(person(line).map_err(|e| e.line(number))?);
            }
        }
        document.push(None, None, people);
        Ok(())
    }
}

/// The people of one label file as the only frame of a stream.
///
/// # Errors
/// A line that is no label.
pub(in crate::format) fn label_frames(text: &[u8], document: &mut Document) -> Result<()> {
    document.line = 1;
    YoloLabels.decode(text, document)
}

/// Numbers a point, and how many stand behind the last one.
fn channels(count: usize) -> Option<(usize, usize)> {
    match (behind_usual_points(count, 3), behind_usual_points(count, 2)) {
        (Some(rest), _) => Some((3, rest)),
        (None, Some(rest)) => Some((2, rest)),
        (None, None) if count > BEFORE && (count - BEFORE).is_multiple_of(3) => Some((3, 0)),
        (None, None) => None,
    }
}

/// Numbers behind the usual points of so many numbers each; `None` where there are too few or too many.
fn behind_usual_points(count: usize, channels: usize) -> Option<usize> {
    count.checked_sub(BEFORE + channels * USUAL_POINTS).filter(|rest| *rest <= 2)
}

fn person(line: &str) -> Result<Person> {
    let numbers = line.split_ascii_whitespace().map(|word| {
        word.parse().map_err(|_| Error::input(format!("found '{}', expected a number", word.escape_default())))
    });
    let numbers: Vec<f64> = numbers.collect::<Result<_>>()?;
    let Some((channels, behind)) = channels(numbers.len()) else {
        let found = numbers.len();
        return Err(Error::input(format!(
            "a label of {found} numbers, expected 39 or 56, with one or two behind them"
        )));
    };
    let (points, rest) = numbers[BEFORE..].split_at(numbers.len() - BEFORE - behind);
    // A track is a whole number and counts from 1; a score of exactly 1 is far rarer than the first track.
    let id = rest.last().filter(|last| last.fract() == 0.0 && (behind == 2 || **last >= 1.0)).map(|last| *last as i64);
    Ok(Person { id, keypoints: points.chunks_exact(channels).map(flat_keypoint).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_and_without_scores_and_tracks() {
        for (count, behind, expected) in [
            (51, "", (17, None, 0.25)),
            (51, " 0.9", (17, None, 0.25)),
            (51, " 0.9 7", (17, Some(7), 0.25)),
            (51, " 7", (17, Some(7), 0.25)),
            (51, " 1", (17, Some(1), 0.25)),
            (34, "", (17, None, 1.0)),
            (34, " 0.9 3", (17, Some(3), 1.0)),
        ] {
            let line = format!("0 0.5 0.5 0.1 0.2{}{behind}", " 0.25".repeat(count));
            let person = person(&line).unwrap();
            assert_eq!((person.keypoints.len(), person.id, person.keypoints[0].score), expected, "{line}");
        }
        assert!(person("0 0.5 0.5").unwrap_err().to_string().contains("a label of 3 numbers"));
        assert!(person("0 a").unwrap_err().to_string().contains("found 'a'"));
    }
}

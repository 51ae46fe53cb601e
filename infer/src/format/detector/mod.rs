//! The formats that detectors write, a file a format; what they share.
//!
//! JSON comes value by value: a value is a frame, or a whole clip of them. A format takes a value apart into a
//! [`Document`]; [`ValueReader`] reads the values of a stream, [`SequenceReader`] the files of a folder, one a frame.

mod alphapose;
mod coco;
mod csv;
mod csv_columns;
mod deeplabcut;
mod hdf5;
mod json;
mod mediapipe;
mod mmpose;
mod mmskeleton;
mod openpose;
mod pandas;
mod proto_text;
mod sequence;
mod tfjs;
mod ultralytics;
mod value_reader;
mod vitpose;
mod yolo_labels;

pub(super) use self::csv::{RowOrder, TableFrames};
pub(super) use csv_columns::is_csv_header;
pub(super) use deeplabcut::read_csv;
pub(super) use hdf5::open_hdf5;
pub(super) use json::{Label, number_in_text};
pub(super) use proto_text::{is_landmarks as is_proto_landmarks, to_json as proto_to_json};
pub use sequence::FrameFiles;
pub(super) use sequence::{SequenceReader, common_name, is_frame_file, is_whole_frame, numbered_files};
pub(super) use value_reader::ValueReader;
use yolo_labels::YoloLabels;
pub(super) use yolo_labels::label_frames;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::InputFormat;
use crate::error::Result;
use crate::pose::{Frame, Keypoint, Person};
use crate::skeleton::{COCO17, COCO18, HALPE26, HALPE68, HALPE136, Layout, MEDIAPIPE33, OPENPOSE134, WHOLEBODY133};

/// A detector's format, which takes one value after the other apart.
pub(super) trait Detector: Send {
    /// Adds the frames that the value in `text` holds to `document`.
    ///
    /// # Errors
    /// A value that is not what the format says, or that holds 3D points.
    fn decode(&mut self, text: &[u8], document: &mut Document) -> Result<()>;
}

/// The reader of a format's values; `None` for formats that are not made of JSON values.
pub(super) fn detector(format: InputFormat) -> Option<Box<dyn Detector>> {
    Some(match format {
        InputFormat::OpenPose => Box::new(openpose::OpenPose::default()),
        InputFormat::Coco => Box::new(coco::Coco),
        InputFormat::AlphaPose => Box::new(alphapose::AlphaPose),
        InputFormat::MmPose => Box::new(mmpose::MmPose),
        InputFormat::MmSkeleton => Box::new(mmskeleton::MmSkeleton),
        InputFormat::Ultralytics => Box::new(ultralytics::Ultralytics),
        InputFormat::MediaPipe => Box::new(mediapipe::MediaPipe),
        InputFormat::TfJs => Box::new(tfjs::TfJs),
        InputFormat::VitPose => Box::new(vitpose::VitPose),
        _ => return None,
    })
}

/// What has been read and not yet been handed on.
#[derive(Default)]
pub(super) struct Document {
    pub(super) frames: VecDeque<Frame>,
    /// The number of a frame that names none.
    pub(super) next_index: u64,
    /// The layout of all people, once it is known.
    pub(super) layout: Option<&'static Layout>,
    pub(super) fps: Option<f64>,
    /// The size of frames that do not say theirs.
    pub(super) size: Option<[u32; 2]>,
    /// The line that the value begins on.
    pub(super) line: u64,
}

impl Document {
    /// Appends a frame; without a number it is the one after the last.
    pub(super) fn push(&mut self, index: Option<u64>, time: Option<f64>, people: Vec<Person>) {
        let index = index.unwrap_or(self.next_index);
        self.next_index = index.saturating_add(1);
        if self.layout.is_none() {
            self.layout = people.iter().find_map(|person| detectors_layout(person.keypoints.len()));
        }
        self.frames.push_back(Frame { index, time, size: self.size, people, ..Frame::default() });
    }

    /// Appends a frame without people for null and for an empty object, as detectors write them where they see no person; false for other values.
    pub(super) fn push_empty(&mut self, text: &[u8]) -> bool {
        let is_empty = matches!(text, b"null" | b"{}");
        if is_empty {
            self.push(None, None, Vec::new());
        }
        is_empty
    }

    /// Appends people by the number of their image, in its order.
    pub(super) fn push_images(&mut self, images: BTreeMap<u64, Vec<Person>>) {
        for (index, people) in images {
            self.push(Some(index), None, people);
        }
    }
}

/// The layout that detectors mean by so many points; BODY_25 and BODY_25B have as many.
pub(super) fn detectors_layout(points: usize) -> Option<&'static Layout> {
    const USUAL: [&Layout; 8] =
        [&COCO17, &COCO18, &HALPE26, &MEDIAPIPE33, &HALPE68, &WHOLEBODY133, &OPENPOSE134, &HALPE136];
    USUAL.into_iter().find(|layout| layout.len() == points)
}

/// Key points out of a flat list of x, y and score, or of x and y.
pub(super) fn flat_keypoints(numbers: &[f64]) -> Vec<Keypoint> {
    numbers.chunks_exact(flat_channels(numbers.len())).map(flat_keypoint).collect()
}

/// The key point of x, y and perhaps a score.
fn flat_keypoint(numbers: &[f64]) -> Keypoint {
    Keypoint { x: numbers[0], y: numbers[1], score: score(numbers.get(2).copied()) }
}

/// Numbers a point in a flat list of `length`: three where that makes a known number of points, or where two does not.
pub(super) fn flat_channels(length: usize) -> usize {
    match () {
        () if makes_known_points(length, 3) => 3,
        () if makes_known_points(length, 2) => 2,
        () if length.is_multiple_of(3) => 3,
        () => 2,
    }
}

/// Whether a flat list of `length` holds a known number of points of so many numbers each.
fn makes_known_points(length: usize, channels: usize) -> bool {
    let points = length / channels;
    length.is_multiple_of(channels) && (detectors_layout(points).is_some() || points == 25)
}

/// A score that is not there counts as 1, one that is no number as 0.
pub(super) fn score(score: Option<f64>) -> f32 {
    score.map_or(1.0, |score| if score.is_nan() { 0.0 } else { score as f32 })
}

/// Whether nothing of a person is known, as of those that pad a list to its length.
pub(super) fn is_padding(keypoints: &[Keypoint]) -> bool {
    keypoints.iter().all(|point| !point.x.is_finite() || !point.y.is_finite() || (point.x == 0.0 && point.y == 0.0))
}

/// Whether any point has a place.
pub(super) fn has_finite_point(keypoints: &[Keypoint]) -> bool {
    keypoints.iter().any(|point| point.x.is_finite() && point.y.is_finite())
}

/// What stands before the last number in a name, its digits, and what stands behind: `clip3_`, `000012`, `_keypoints`.
pub(crate) fn around_last_number(name: &str) -> Option<[&str; 3]> {
    let end = name.rfind(|letter: char| letter.is_ascii_digit())? + 1;
    let digits = name[..end].bytes().rev().take_while(u8::is_ascii_digit).count();
    let start = end - digits;
    Some([&name[..start], &name[start..end], &name[end..]])
}

/// The last number in a file's name, `12` in `clip3_000012_keypoints.json`.
fn last_number(name: &str) -> Option<u64> {
    let [_, digits, _] = around_last_number(name)?;
    digits.parse().ok()
}

/// The last number in the name of an image, its folder and extension left out.
pub(super) fn image_number(name: &str) -> Option<u64> {
    last_number(image_stem(name))
}

/// The name of an image without its folder, its extension, and what Roboflow's export adds: `clip-12_jpg.rf.0c8f….jpg`.
fn image_stem(name: &str) -> &str {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    stem.rsplit_once(".rf.").map_or(stem, |(stem, _)| stem)
}

/// The frames' numbers in names of images, by name: the last number that tells them all apart, `5` in `frame_005_cam2.png`.
/// `None` where there is none.
pub(super) fn numbers_of_names<'a>(names: impl Iterator<Item = &'a str>) -> Option<HashMap<String, u64>> {
    let names: BTreeSet<&str> = names.collect();
    let numbers: Vec<Vec<u64>> = names.iter().map(|name| numbers_from_the_end(image_stem(name))).collect();
    let places = numbers.iter().map(Vec::len).min()?;
    for place in 0..places {
        let found: Vec<u64> = numbers.iter().map(|numbers| numbers[place]).collect();
        let distinct: BTreeSet<u64> = found.iter().copied().collect();
        if distinct.len() == names.len() {
            return Some(names.iter().map(|name| (*name).to_owned()).zip(found).collect());
        }
    }
    None
}

/// The numbers in a text, the last one first.
fn numbers_from_the_end(text: &str) -> Vec<u64> {
    let runs = text.split(|letter: char| !letter.is_ascii_digit()).filter(|run| !run.is_empty());
    let mut numbers: Vec<u64> = runs.filter_map(|run| run.parse().ok()).collect();
    numbers.reverse();
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_number_of_a_name_counts() {
        for (name, number) in [
            ("clip3_000012_keypoints.json", Some(12)),
            ("cam01.0081", Some(81)),
            ("7", Some(7)),
            ("ü9", Some(9)),
            ("none", None),
            ("99999999999999999999999", None),
        ] {
            assert_eq!(last_number(name), number, "{name}");
        }
        assert_eq!(image_number("videos\\a 3\\img0007.mp4"), Some(7));
        assert_eq!(image_number("12.jpg"), Some(12));
    }

    #[test]
    fn the_last_number_that_tells_names_apart_is_the_frames() {
        for (names, numbers) in [
            (["a_1.png", "a_2.png"], [1, 2]),
            (["f_0007_cam2.png", "f_0009_cam2.png"], [7, 9]),
            (["v2/12.jpg", "v2/100.jpg"], [12, 100]),
            (["5_1.jpg", "5_2.jpg"], [1, 2]),
            (["clip-12_jpg.rf.0c8f4a21.jpg", "clip-3_jpg.rf.9b1.jpg"], [12, 3]),
        ] {
            let found = numbers_of_names(names.into_iter()).unwrap();
            assert_eq!(names.map(|name| found[name]), numbers, "{names:?}");
        }
        for names in [["one", "two"], ["a_1.png", "b_1.png"], ["one", "2"]] {
            assert_eq!(numbers_of_names(names.into_iter()), None, "{names:?}");
        }
        assert_eq!(numbers_of_names(["clip7.png"].into_iter()).unwrap()["clip7.png"], 7);
    }

    #[test]
    fn the_length_of_a_flat_list_tells_its_channels() {
        for (length, channels) in [(51, 3), (34, 2), (54, 3), (36, 2), (75, 3), (50, 2), (399, 3), (266, 2), (30, 3)] {
            assert_eq!(flat_channels(length), channels, "{length}");
        }
    }
}

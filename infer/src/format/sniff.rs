//! Whose format an input is in, by what it begins with: first bytes, then the first JSON value, then the first line.

use super::InputFormat;
use super::shape::Shape;
use crate::error::{Error, Result};

/// What an input's first bytes alone can tell.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Start {
    Known(InputFormat),
    /// DeepLabCut's or SLEAP's, which are told apart by the data sets in it.
    Hdf5,
    /// A list or an object: its first value tells.
    Json,
    /// Text of another kind: its first line tells.
    Text,
    /// A pickle of Python's.
    Pickle,
}

/// What the first bytes of an input tell.
///
/// # Errors
/// Nothing at all, or what is known and not read.
pub(super) fn start(bytes: &[u8]) -> Result<Start> {
    const ZIP: &[u8] = b"PK\x03\x04";
    const NO_MEMBERS: &[u8] = b"PK\x05\x06";
    if bytes.starts_with(b"\x93NUMPY") || bytes.first() == Some(&0x93) {
        return Ok(Start::Known(InputFormat::Npy));
    }
    if bytes.starts_with(ZIP) || bytes.starts_with(NO_MEMBERS) {
        return Ok(Start::Known(InputFormat::Npz));
    }
    if bytes.starts_with(b"\x89HDF\r\n") {
        return Ok(Start::Hdf5);
    }
    const PACKED: [(&[u8], &str); 4] =
        [(b"BZh", "bzip2"), (b"\xfd7zXZ", "xz"), (b"7z\xbc\xaf", "7-Zip"), (b"Rar!", "RAR")];
    if let Some((_, packer)) = PACKED.iter().find(|(mark, _)| bytes.starts_with(mark)) {
        return Err(
            Error::input(format!("packed by {packer}, expected gzip, zstd or no packing")).hint("unpack it first")
        );
    }
    if let Some(kind) = picture(bytes) {
        return Err(Error::input(format!("is {kind}, expected key points"))
            .hint("run a pose detector on it first, such as MediaPipe, RTMPose or YOLO"));
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let found = match text.trim_ascii_start() {
        [] if bytes.is_empty() => return Err(Error::input("no frames: there is nothing in it")),
        // Blank lines, and frames without people: what is behind them tells.
        [] | [b'{' | b'[', ..] | [b'n', b'u', b'l', b'l', ..] => return Ok(Start::Json),
        [0x80, 0..=5, ..] => return Ok(Start::Pickle),
        [byte, ..] if byte.is_ascii_graphic() => return Ok(Start::Text),
        [byte, ..] => format!("byte {byte:#04x} at the start"),
    };
    Err(unknown(&found))
}

/// Whether bytes begin a video or an image, which people give by mistake.
fn picture(bytes: &[u8]) -> Option<&'static str> {
    const STARTS: [(&[u8], &str); 4] = [
        (b"\x1a\x45\xdf\xa3", "a video"),
        (b"\xff\xd8\xff", "an image"),
        (b"\x89PNG", "an image"),
        (b"GIF8", "an image"),
    ];
    if let Some((_, kind)) = STARTS.iter().find(|(mark, _)| bytes.starts_with(mark)) {
        return Some(kind);
    }
    let is_mp4 = bytes.first() == Some(&0) && has_mark_at(bytes, 4, b"ftyp");
    let is_avi = bytes.starts_with(b"RIFF") && has_mark_at(bytes, 8, b"AVI ");
    (is_mp4 || is_avi).then_some("a video")
}

/// Whether a mark stands `at` bytes behind the start.
fn has_mark_at(bytes: &[u8], at: usize, mark: &[u8]) -> bool {
    bytes.get(at..).is_some_and(|rest| rest.starts_with(mark))
}

/// What an input is that is none of ours.
pub(super) fn unknown(found: &str) -> Error {
    Error::input(format!("found {found}, expected one of {}", InputFormat::known()))
        .hint("say what it is with --from FORMAT")
}

/// Whose format a whole JSON value is in; `None` for an unknown one.
pub(super) fn json(value: &Shape) -> Option<InputFormat> {
    match value {
        Shape::Object(_) => object(value),
        Shape::List(_, Some(first)) => list(first),
        _ => None,
    }
}

fn object(value: &Shape) -> Option<InputFormat> {
    if value.has("poselift") {
        return Some(InputFormat::JsonLines);
    }
    if value.has("people") {
        return people(value);
    }
    if value.has("bodies") || is_by_image(value) {
        return Some(InputFormat::AlphaPose);
    }
    if value.has("instance_info") || value.has("instances") {
        return Some(InputFormat::MmPose);
    }
    if value.get("predictions").and_then(json) == Some(InputFormat::MmPose) {
        return Some(InputFormat::MmPose);
    }
    if value.first_of("data").is_some_and(|frame| frame.has("skeleton")) {
        return Some(InputFormat::MmSkeleton);
    }
    if value.has("annotations") {
        return Some(InputFormat::Coco);
    }
    const LANDMARKS: [&str; 6] =
        ["poseLandmarks", "pose_landmarks", "landmarks", "landmark", "poseWorldLandmarks", "pose_world_landmarks"];
    if LANDMARKS.iter().any(|key| value.has(key)) {
        return Some(InputFormat::MediaPipe);
    }
    if let Some(frames) = value.get("frames") {
        return match frames.first().and_then(object) {
            Some(format) => Some(format),
            None => Some(InputFormat::MediaPipe),
        };
    }
    if value.get("poses").is_some_and(is_of_tfjs) {
        return Some(InputFormat::TfJs);
    }
    match value.get("keypoints") {
        Some(Shape::Object(_)) => Some(InputFormat::Ultralytics),
        Some(Shape::List(..)) if matches!(value.get("skeleton"), Some(Shape::Object(_))) => Some(InputFormat::VitPose),
        Some(Shape::List(_, Some(first))) if matches!(**first, Shape::Object(_)) => Some(InputFormat::TfJs),
        // A frame of one person alone, as people write it themselves.
        Some(Shape::List(..)) if value.has("image_id") => Some(coco_or_alphapose(value)),
        Some(Shape::List(..)) if value.has("keypoint_scores") => Some(InputFormat::MmPose),
        _ => None,
    }
}

/// Whether `poses` are people of named points, or frames of them; a list without people may be.
fn is_of_tfjs(poses: &Shape) -> bool {
    match poses {
        Shape::List(_, None) => true,
        Shape::List(_, Some(first)) if matches!(**first, Shape::List(..)) => is_of_tfjs(first),
        Shape::List(_, Some(person)) => matches!(person.first_of("keypoints"), Some(Shape::Object(_))),
        _ => false,
    }
}

/// An object of `people`: ours have `keypoints`, OpenPose's `pose_keypoints_2d`.
fn people(value: &Shape) -> Option<InputFormat> {
    let Some(person) = value.first_of("people") else {
        // No person in it: OpenPose always says its version.
        let is_openpose = value.has("version") && !value.has("frame");
        return Some(if is_openpose { InputFormat::OpenPose } else { InputFormat::JsonLines });
    };
    let is_openpose = person.has("pose_keypoints_2d") || person.has("pose_keypoints");
    Some(if is_openpose { InputFormat::OpenPose } else { InputFormat::JsonLines })
}

/// PoseFlow's and `--format open`'s object by image name.
fn is_by_image(value: &Shape) -> bool {
    let Shape::Object(fields) = value else { return false };
    let Some((name, first)) = fields.first() else { return false };
    let is_image = name.rsplit_once('.').is_some_and(|(_, extension)| {
        ["jpg", "jpeg", "png", "bmp", "tif", "tiff", "webp"].contains(&extension.to_ascii_lowercase().as_str())
    });
    let person = match first {
        Shape::List(..) => first.first(),
        Shape::Object(_) => first.first_of("people").or_else(|| first.first_of("bodies")),
        _ => None,
    };
    is_image && (person.is_some() || matches!(first, Shape::List(..) | Shape::Object(_)))
}

fn coco_or_alphapose(item: &Shape) -> InputFormat {
    match item.get("image_id") {
        Some(Shape::Text) => InputFormat::AlphaPose,
        _ => InputFormat::Coco,
    }
}

/// A list by its first element.
fn list(first: &Shape) -> Option<InputFormat> {
    match first {
        Shape::List(_, Some(inner)) => list(inner),
        Shape::Object(_) if first.has("image_id") => Some(coco_or_alphapose(first)),
        Shape::Object(_) if first.has("instances") || first.has("keypoint_scores") => Some(InputFormat::MmPose),
        Shape::Object(_) if first.has("keypoints") && !first.has("people") => match first.get("keypoints") {
            Some(Shape::Object(_)) => Some(InputFormat::Ultralytics),
            // A box of something that has no points, among people.
            Some(Shape::Other) if first.has("box") => Some(InputFormat::Ultralytics),
            Some(Shape::List(_, Some(point))) if matches!(**point, Shape::Object(_)) => Some(InputFormat::TfJs),
            _ => None,
        },
        Shape::Object(_) if first.has("x") && first.has("y") => Some(InputFormat::MediaPipe),
        Shape::Object(_) => object(first),
        // Texts within a list: Ultralytics' `to_json` of each image, kept as it is.
        Shape::Text => Some(InputFormat::Ultralytics),
        _ => None,
    }
}

/// Whose format a text is in that is no JSON, by its first line.
pub(super) fn line(line: &str) -> Option<InputFormat> {
    if ["scorer,", "scorer;", "scorer\t"].iter().any(|start| line.starts_with(start)) {
        return Some(InputFormat::DeepLabCutCsv);
    }
    let numbers: Vec<Option<f64>> = line.split_ascii_whitespace().map(|word| word.parse().ok()).collect();
    let is_label = (39..=4 + 3 * 200).contains(&numbers.len())
        && numbers.iter().all(Option::is_some)
        && numbers[0].is_some_and(|class| class.fract() == 0.0);
    if is_label {
        return Some(InputFormat::YoloLabels);
    }
    let is_table = line.contains([',', ';', '\t']) && super::detector::is_csv_header(line);
    is_table.then_some(InputFormat::Csv)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_is_known_by_its_first_value() {
        for (text, format) in [
            (r#"{"poselift":1,"kind":"keypoints"}"#, InputFormat::JsonLines),
            (r#"{"frame":0,"people":[]}"#, InputFormat::JsonLines),
            (r#"{"people":[{"keypoints":[[1,2,3]]}]}"#, InputFormat::JsonLines),
            (r#"[{"poselift":1},{"frame":0,"people":[]}]"#, InputFormat::JsonLines),
            (r#"{"version":1.3,"people":[]}"#, InputFormat::OpenPose),
            (r#"{"people":[{"pose_keypoints_2d":[]}]}"#, InputFormat::OpenPose),
            (r#"{"version":0.1,"bodies":[{"joints":[1]}]}"#, InputFormat::AlphaPose),
            (r#"{"0.jpg":[{"keypoints":[1]}]}"#, InputFormat::AlphaPose),
            (r#"[{"image_id":"0.jpg","keypoints":[1]}]"#, InputFormat::AlphaPose),
            (r#"[{"image_id":7,"keypoints":[1]}]"#, InputFormat::Coco),
            (r#"{"images":[],"annotations":[]}"#, InputFormat::Coco),
            (r#"[{"frame_id":0,"instances":[]}]"#, InputFormat::MmPose),
            (r#"[{"keypoints":[[1,2]],"keypoint_scores":[1]}]"#, InputFormat::MmPose),
            (r#"{"predictions":[[],[{"keypoints":[[1,2]],"keypoint_scores":[1]}]]}"#, InputFormat::MmPose),
            (r#"{"data":[{"frame_index":1,"skeleton":[]}]}"#, InputFormat::MmSkeleton),
            (r#"{"meta_info":{},"instance_info":[]}"#, InputFormat::MmPose),
            (r#"[{"name":"person","keypoints":{"x":[1],"y":[2]}}]"#, InputFormat::Ultralytics),
            (r#"[[],[{"keypoints":{"x":[1],"y":[2]}}]]"#, InputFormat::Ultralytics),
            (r#"[{"keypoints":[{"x":1,"y":2,"name":"nose"}],"score":1}]"#, InputFormat::TfJs),
            (r#"{"keypoints":[{"part":"nose","position":{"x":1,"y":2}}]}"#, InputFormat::TfJs),
            (r#"{"time":0.5,"poses":[{"keypoints":[{"x":1,"y":2,"name":"nose"}]}]}"#, InputFormat::TfJs),
            (r#"{"poses":[[],[{"keypoints":[{"x":1,"y":2}]}]]}"#, InputFormat::TfJs),
            (r#"{"fps":30,"frames":[{"poses":[]}]}"#, InputFormat::TfJs),
            (r#"{"keypoints":[{"0":[[1,2,0.5]]}],"skeleton":{"0":"nose"}}"#, InputFormat::VitPose),
            (r#"{"keypoints":[{}],"skeleton":{"0":"nose"}}"#, InputFormat::VitPose),
            (r#"{"poseLandmarks":[{"x":1,"y":2}]}"#, InputFormat::MediaPipe),
            (r#"[[{"x":1,"y":2,"z":0,"visibility":1}]]"#, InputFormat::MediaPipe),
            (r#"{"fps":30,"frames":[{"timestampMs":0,"landmarks":[]}]}"#, InputFormat::MediaPipe),
        ] {
            assert_eq!(json(&Shape::of(text.as_bytes()).unwrap()), Some(format), "{text}");
        }
        for text in [r#"{"a":1}"#, "[1,2]", "[]", "3"] {
            assert_eq!(json(&Shape::of(text.as_bytes()).unwrap()), None, "{text}");
        }
    }

    #[test]
    fn first_bytes_tell_arrays_from_text() {
        assert_eq!(start(b"\x93NUMPY").unwrap(), Start::Known(InputFormat::Npy));
        assert_eq!(start(b"PK\x03\x04").unwrap(), Start::Known(InputFormat::Npz));
        // TRC files begin with P, too.
        assert_eq!(start(b"PathFileType").unwrap(), Start::Text);
        assert_eq!(start(b" \r\n {").unwrap(), Start::Json);
        assert_eq!(start(b"\x80\x04").unwrap(), Start::Pickle);
        for video in [&b"\0\0\0\x18ftypmp42"[..], b"RIFF\x10\0\0\0AVI LIST", b"\x1a\x45\xdf\xa3\x01"] {
            assert_eq!(start(video).unwrap_err().to_string(), "is a video, expected key points");
        }
        assert!(start(b"\xff\xd8\xff\xe0").unwrap_err().to_string().contains("an image"));
        assert!(start(b"\x01").unwrap_err().to_string().contains("byte 0x01 at the start"));
        assert_eq!(line("scorer,a,a"), Some(InputFormat::DeepLabCutCsv));
        assert_eq!(line(&format!("0{}", " 0.5".repeat(55))), Some(InputFormat::YoloLabels));
        assert_eq!(line("hello"), None);
    }
}

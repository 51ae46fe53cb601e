//! What detectors and people's scripts call the parts of a frame: one list for all formats that are read.

/// Whether `key` is one of `known`, in any case, and whether `_`, `-`, `.` or spaces part its words.
///
/// `known` has small letters and nothing between words.
pub(super) fn is_one_of(key: impl AsRef<[u8]>, known: &[&str]) -> bool {
    let bytes = key.as_ref().iter();
    let letters = || bytes.clone().filter(|byte| !b"_-. ".contains(byte)).map(u8::to_ascii_lowercase);
    known.iter().any(|known| letters().eq(known.bytes()))
}

/// A frame's number.
pub(super) const FRAME: [&str; 8] =
    ["frame", "frameid", "frameindex", "frameidx", "framenumber", "frameno", "framenum", "frame#"];
/// The same as a table's column, which may have the names of images.
pub(super) const IMAGE: [&str; 5] = ["imageid", "image", "imagename", "filename", "frames"];
/// Who is seen.
pub(super) const ID: [&str; 6] = ["id", "trackid", "personid", "trackingid", "instanceid", "idx"];
/// The same as a table's column.
pub(super) const PERSON: [&str; 5] = ["person", "track", "individual", "individuals", "instance"];
pub(super) const SIZE: [&str; 4] = ["size", "imagesize", "imgsize", "resolution"];
pub(super) const WIDTH: [&str; 4] = ["width", "imagewidth", "imgwidth", "w"];
pub(super) const HEIGHT: [&str; 4] = ["height", "imageheight", "imgheight", "h"];
/// Frames a second.
pub(super) const FPS: [&str; 3] = ["fps", "framerate", "framespersecond"];
/// The score of one key point.
pub(super) const SCORE: [&str; 9] =
    ["score", "confidence", "visibility", "likelihood", "conf", "visible", "c", "v", "s"];
/// The scores of a person's key points, for sure or perhaps: `confidence` may be the one of the person.
pub(super) const SCORES: [&str; 6] =
    ["scores", "keypointscores", "keypointsscores", "kptsscores", "kpscores", "confidences"];
pub(super) const PERHAPS_SCORES: [&str; 7] =
    ["confidence", "conf", "likelihood", "keypointscore", "kptsscore", "kpscore", "keypointconfidence"];
/// The name of a key point's joint.
pub(super) const JOINT: [&str; 10] = [
    "joint",
    "keypoint",
    "bodypart",
    "bodyparts",
    "landmark",
    "part",
    "name",
    "jointname",
    "keypointname",
    "landmarkname",
];
/// The number of a key point's joint.
pub(super) const JOINT_NUMBER: [&str; 8] =
    ["jointid", "keypointid", "landmarkid", "partid", "jointindex", "keypointindex", "landmarkindex", "node"];

const SECONDS: [&str; 8] = ["time", "timestamp", "seconds", "times", "timesec", "timestamps", "t", "ts"];
const MILLISECONDS: [&str; 6] = ["timems", "timestampms", "milliseconds", "timemsec", "timestampmsec", "ms"];
const MICROSECONDS: [&str; 3] = ["timeus", "timestampus", "microseconds"];
const NANOSECONDS: [&str; 3] = ["timens", "timestampns", "nanoseconds"];

/// How many of its units make a second, if `key` is that of a frame's time.
pub(super) fn units_a_second(key: impl AsRef<[u8]>) -> Option<f64> {
    let units: [(&[&str], f64); 4] = [(&SECONDS, 1.0), (&MILLISECONDS, 1e3), (&MICROSECONDS, 1e6), (&NANOSECONDS, 1e9)];
    units.into_iter().find(|(known, _)| is_one_of(&key, known)).map(|(_, units)| units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_may_be_parted_in_any_way() {
        for key in ["frame_number", "frameNumber", "Frame Number", "frame-number", "FRAMENUMBER"] {
            assert!(is_one_of(key, &FRAME), "{key}");
        }
        assert!(!is_one_of("frame_count", &FRAME));
        for (key, units) in [
            ("time", Some(1.0)),
            ("time_s", Some(1.0)),
            ("ts", Some(1.0)),
            ("timestampMs", Some(1e3)),
            ("time_us", Some(1e6)),
            ("timestamp_ns", Some(1e9)),
            ("timeout", None),
        ] {
            assert_eq!(units_a_second(key), units, "{key}");
        }
    }
}

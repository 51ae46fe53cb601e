//! What detectors and people's scripts call the parts of a frame: one list for all formats that are read.

/// Whether `key` is one of `known`, in any case, and whether `_`, `-`, `.` or spaces part its words.
///
/// `known` has small letters and nothing between words.
pub(super) fn is_one_of(key: impl AsRef<[u8]>, known: &[&str]) -> bool {
    let letters = key.as_ref().iter().filter(|byte| !b"_-. ".contains(byte)).map(u8::to_ascii_lowercase);
    known.iter().any(|known| letters.clone().eq(known.bytes()))
}

/// A frame's number.
pub(super) const FRAME: [&str; 8] =
    ["frame", "frameid", "frameindex", "frameidx", "framenumber", "frameno", "framenum", "frame#"];
/// The same as a table's column, which may have the names of images.
pub(super) const IMAGE: [&str; 3] = ["imageid", "image", "frames"];
/// Who is seen.
pub(super) const ID: [&str; 4] = ["id", "trackid", "personid", "trackingid"];
/// The same as a table's column.
pub(super) const PERSON: [&str; 5] = ["person", "track", "individual", "individuals", "instance"];
pub(super) const SIZE: [&str; 4] = ["size", "imagesize", "imgsize", "resolution"];
pub(super) const WIDTH: [&str; 3] = ["width", "imagewidth", "imgwidth"];
pub(super) const HEIGHT: [&str; 3] = ["height", "imageheight", "imgheight"];
/// The same where nothing but an image can have sides.
pub(super) const SHORT_SIDES: [&str; 2] = ["w", "h"];
/// Frames a second.
pub(super) const FPS: [&str; 3] = ["fps", "framerate", "framespersecond"];
/// The score of one key point.
pub(super) const SCORE: [&str; 9] =
    ["score", "confidence", "visibility", "likelihood", "conf", "visible", "c", "v", "s"];
/// The scores of a person's key points, for sure or perhaps: `confidence` may be the one of the person.
pub(super) const SCORES: [&str; 5] = ["scores", "keypointscores", "keypointsscores", "kptsscores", "kpscores"];
pub(super) const PERHAPS_SCORES: [&str; 8] =
    ["confidences", "confidence", "conf", "likelihood", "keypointscore", "kptsscore", "kpscore", "keypointconfidence"];
/// The name of a key point's joint.
pub(super) const JOINT: [&str; 10] = [
    "name",
    "part",
    "joint",
    "keypoint",
    "bodypart",
    "bodyparts",
    "landmark",
    "jointname",
    "keypointname",
    "landmarkname",
];
/// The number of a key point's joint.
pub(super) const JOINT_NUMBER: [&str; 8] =
    ["jointid", "keypointid", "landmarkid", "partid", "jointindex", "keypointindex", "landmarkindex", "node"];
/// The same where it may be another's: beside coordinates it is the joint's.
pub(super) const PERHAPS_JOINT_NUMBER: [&str; 3] = ["id", "index", "idx"];

/// The names of a frame's time, by what they count: seconds and parts of them.
const TIMES: [(&[&str], f64); 4] = [
    (&["time", "timestamp", "times", "timesec", "timestamps"], 1.0),
    (&["timems", "timestampms", "timemsec", "timestampmsec"], 1e3),
    (&["timeus", "timestampus"], 1e6),
    (&["timens", "timestampns"], 1e9),
];
/// Names that may be of something else: they count where none of the others is there.
const PERHAPS_TIMES: [(&[&str], f64); 2] = [(&["t", "ts"], 1.0), (&["milliseconds"], 1e3)];
/// Such names of a table's columns.
const COLUMNS_OF_TIMES: [(&[&str], f64); 2] = [(&["seconds"], 1.0), (&["ms"], 1e3)];

/// How sure it is that a key is that of a frame's time.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(super) enum TimeRank {
    /// It may be of something else.
    Perhaps,
    Sure,
    /// `time` of our own frames, which counts whatever else they say.
    Own,
}

/// What is known of a frame's time by its key. Of several the greatest counts.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(super) struct TimeKey {
    pub(super) rank: TimeRank,
    /// How many of its units make a second.
    pub(super) units: f64,
}

/// The key of the time in our own frames.
pub(super) const OWN_TIME: TimeKey = TimeKey { rank: TimeRank::Own, units: 1.0 };

/// Of a frame, if `key` is that of its time.
pub(super) fn time_key(key: impl AsRef<[u8]>) -> Option<TimeKey> {
    let key = key.as_ref();
    time_key_of(key, &TIMES, TimeRank::Sure).or_else(|| time_key_of(key, &PERHAPS_TIMES, TimeRank::Perhaps))
}

/// The same by these names of a time alone.
fn time_key_of(key: &[u8], names: &[(&[&str], f64)], rank: TimeRank) -> Option<TimeKey> {
    let (_, units) = names.iter().find(|(known, _)| is_one_of(key, known))?;
    Some(TimeKey { rank, units: *units })
}

/// The same of a table's column.
pub(super) fn time_column(name: &str) -> Option<TimeKey> {
    time_key(name).or_else(|| time_key_of(name.as_bytes(), &COLUMNS_OF_TIMES, TimeRank::Perhaps))
}

/// The time of a frame that says it under several keys, seconds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FrameTime(Option<(TimeKey, f64)>);

impl FrameTime {
    /// Takes what stands under a key: how many of the key's units, if any.
    pub(super) fn take(&mut self, key: TimeKey, found: Option<f64>) {
        if let Some(found) = found
            && self.0.is_none_or(|(known, _)| key > known)
        {
            self.0 = Some((key, found / key.units));
        }
    }

    pub(super) fn seconds(self) -> Option<f64> {
        self.0.map(|(_, seconds)| seconds)
    }
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
        for (key, units, rank) in [
            ("time", 1.0, TimeRank::Sure),
            ("time_s", 1.0, TimeRank::Sure),
            ("timestampMs", 1e3, TimeRank::Sure),
            ("time_us", 1e6, TimeRank::Sure),
            ("timestamp_ns", 1e9, TimeRank::Sure),
            ("ts", 1.0, TimeRank::Perhaps),
        ] {
            assert_eq!(time_key(key), Some(TimeKey { rank, units }), "{key}");
        }
        assert_eq!((time_key("timeout"), time_key("ms")), (None, None));
    }

    #[test]
    fn the_surest_and_finest_time_counts() {
        let time = |keys: &[(&str, f64)]| {
            let mut time = FrameTime::default();
            keys.iter().for_each(|(key, found)| time.take(time_column(key).unwrap(), Some(*found)));
            time.seconds()
        };
        for keys in
            [[("time", 5.0), ("ms", 21.0)], [("timestamp_ms", 5000.0), ("time", 4.9)], [("t", 2.0), ("time", 5.0)]]
        {
            let reversed: Vec<_> = keys.iter().rev().copied().collect();
            assert_eq!((time(&keys), time(&reversed)), (Some(5.0), Some(5.0)), "{keys:?}");
        }
    }
}

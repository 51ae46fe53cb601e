//! JSON Lines, this project's own stream format: one line a frame, with all its people.
//!
//! ```text
//! {"poselift":1,"kind":"keypoints","layout":"coco17","fps":30}
//! {"frame":0,"time":0.0,"size":[1768,994],"people":[{"id":0,"keypoints":[[x,y,score],…]}]}
//! ```
//!
//! 3D streams have the kind `poses`, and `joints` of three numbers; where asked for also `sigma`, a number a joint,
//! and `unseen`, the indices of joints whose key point was missing. The header is optional in 2D. Unknown fields are
//! passed over.

mod decimal;
mod header;
mod keypoints;
mod loose;
mod number;
mod poses;
mod scan;
mod tolerant;
#[cfg(target_arch = "x86_64")]
mod triples;
mod wide;
mod write;

pub(crate) use header::is_header;
pub(super) use header::{pose_info_of, write_pose_info};
pub(super) use keypoints::{KeypointLines, KeypointMessages, no_frames};
pub(super) use poses::PoseLines;
pub(super) use write::PoseLinesWriter;

use scan::{Fault, Line, Scanner};

use crate::error::Error;

/// The fault that was met at `scanner`, as a message with its line.
#[cold]
fn complaint(fault: Fault, scanner: &Scanner<'_>, line: &Line<'_>) -> Error {
    if let Err(e) = std::str::from_utf8(line.text) {
        let byte = line.text[e.valid_up_to()];
        let message = format!("column {}: byte {byte:#04x} is not UTF-8, expected JSON text", e.valid_up_to() + 1);
        return Error::input(message).line(line.number);
    }
    if !line.ended && scanner.is_at_end() {
        return Error::input(format!("the stream is cut off inside its last line: {fault}")).line(line.number);
    }
    fault.line(line.number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{Extras, FrameReader, PoseInfo, PoseReader, PoseWriter};
    use crate::pose::{Frame, LiftedFrame, LiftedPerson};
    use proptest::prelude::*;
    use std::io::Cursor;
    use std::path::Path;

    fn info() -> PoseInfo {
        PoseInfo {
            skeleton: "odd \"one\"".into(),
            joints: vec!["a".into(), "b".into()],
            parents: vec![-1, 0],
            unit: crate::pose::Unit::Metres,
            axes: crate::pose::Axes::Camera,
            fps: Some(29.97),
            stature: None,
            is_level: None,
            model: "test".into(),
        }
    }

    fn finite() -> impl Strategy<Value = f32> {
        any::<u32>().prop_map(f32::from_bits).prop_filter("JSON has no such number", |value| value.is_finite())
    }

    fn lifted_frame() -> impl Strategy<Value = LiftedFrame> {
        let joints = prop::collection::vec(prop::array::uniform3(finite()), 2);
        // Four decimals of sigma are kept.
        let sigma = prop::collection::vec((0..100_000u32).prop_map(|steps| steps as f32 / 1e4), 2);
        let doubts = (sigma, prop::collection::vec(0..2usize, 0..2), any::<bool>());
        let person = (any::<Option<i64>>(), joints, 0f32..=1.0, doubts).prop_map(
            |(id, joints, score, (sigma, unseen, unsure))| LiftedPerson {
                id,
                joints,
                score,
                sigma,
                missing_joints: unseen,
                unsure,
                ..LiftedPerson::default()
            },
        );
        let time = prop::option::of(0f64..1e9);
        (0..i64::MAX as u64, time, prop::collection::vec(person, 0..4)).prop_map(|(index, time, people)| LiftedFrame {
            index,
            time,
            people,
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_bit_for_bit(frames in prop::collection::vec(lifted_frame(), 0..5)) {
            let mut written = Vec::new();
            let extras = Extras { sigma: true, ..Extras::default() };
            {
                let mut writer = PoseLinesWriter::new(&mut written, &info(), Path::new("x"), extras).unwrap();
                for frame in &frames {
                    writer.write(&Frame::default(), frame).unwrap();
                }
                Box::new(writer).finish().unwrap();
            }
            for line in written.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                prop_assert!(serde_json::from_slice::<serde_json::Value>(line).is_ok());
            }
            let mut reader = PoseLines::new(Box::new(Cursor::new(written)), Path::new("x")).unwrap();
            prop_assert_eq!(reader.info(), &info());
            for frame in frames {
                prop_assert_eq!(reader.read().unwrap(), Some(frame));
            }
            prop_assert_eq!(reader.read().unwrap(), None);
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(mut reader) = KeypointLines::new(Box::new(Cursor::new(bytes)), Path::new("x"), None) {
                while !matches!(reader.read(), Ok(None)) {}
            }
        }
    }
}

//! Real people for measurements: the demonstration clip as COCO-17, repeated for as many lines as needed.

use std::io::Write;
use std::path::PathBuf;

use poselift::format::{Source, open_reader};
use poselift::pose::{Frame, Keypoint};
use poselift::skeleton::{COCO17, Conversion, MEDIAPIPE33};

/// Frames of the clip that hold a person, so that a line is a pose.
pub(crate) fn coco17_frames() -> Vec<Frame> {
    let clip = concat!(env!("CARGO_MANIFEST_DIR"), "/../demos/sports2d/sports2d_demo.mediapipe33.jsonl");
    let mut reader = open_reader(&Source::File(PathBuf::from(clip)), None, Some(&MEDIAPIPE33)).unwrap();
    let conversion = Conversion::new(&MEDIAPIPE33, COCO17.joints).unwrap();
    let mut frames = Vec::new();
    while let Some(mut frame) = reader.read().unwrap() {
        frame.people.truncate(1);
        for person in &mut frame.people {
            person.keypoints = conversion.apply(&person.keypoints).collect();
        }
        frames.push(frame);
    }
    frames.retain(|frame| !frame.people.is_empty());
    frames
}

/// Writes `count` lines, numbered from 0 at 30 frames a second.
pub(crate) fn write_lines(output: &mut impl Write, count: usize) -> std::io::Result<()> {
    let rest: Vec<String> = coco17_frames().iter().map(size_and_people).collect();
    for (index, rest) in rest.iter().cycle().take(count).enumerate() {
        writeln!(output, "{{\"frame\":{index},\"time\":{:.4},{rest}", index as f64 / 30.0)?;
    }
    output.flush()
}

/// A line from its `size` to its end.
fn size_and_people(frame: &Frame) -> String {
    let [width, height] = frame.size.unwrap();
    let point = |&Keypoint { x, y, score }: &Keypoint| format!("[{x},{y},{score}]");
    let points: Vec<_> = frame.people[0].keypoints.iter().map(point).collect();
    format!("\"size\":[{width},{height}],\"people\":[{{\"id\":0,\"keypoints\":[{}]}}]}}", points.join(","))
}

/// The peak resident memory of a running program, in megabytes.
#[allow(dead_code, reason = "not every bench watches memory")]
pub(crate) fn high_water_mark_mb(child: &std::process::Child) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("Linux tells the peak");
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")).unwrap();
    kib.parse::<f64>().unwrap() * 1024.0 / 1e6
}

//! The page as a file: its data block read back without a browser.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use poselift::format::{PoseInfo, PoseWriter};
use poselift::pose::{Frame, Keypoint, LiftedFrame, LiftedPerson, Person};
use poselift::skeleton::{COCO17, H36M17, MEDIAPIPE33};
use poselift::view::{PageInfo, PageWriter, PoseSet};
use serde_json::Value;

fn poses(model: &str) -> PoseInfo {
    PoseInfo {
        skeleton: "h36m17".into(),
        joints: H36M17.joints.iter().map(|&joint| joint.to_owned()).collect(),
        parents: H36M17.parents.to_vec(),
        unit: poselift::pose::Unit::Metres,
        axes: poselift::pose::Axes::Camera,
        fps: Some(30.0),
        stature: None,
        is_level: None,
        model: model.into(),
    }
}

/// A frame with one person, but none in every tenth frame, with values as wide as real ones.
fn frame(index: u64) -> (Frame, LiftedFrame) {
    let (time, id) = (Some(index as f64 / 30.0), Some(0));
    let here = index % 10 != 9;
    let point = |joint: usize| Keypoint {
        x: 1000.25 + joint as f64 * 3.3 + index as f64,
        y: 500.5 - joint as f64 * 7.7,
        score: 0.9,
    };
    let keypoints = (0..33).map(point).collect();
    let joints = (0..17).map(|joint| [joint as f32 * 0.031, -0.456, 0.789]).collect();
    let people = if here { vec![Person { id, keypoints }] } else { vec![] };
    let lifted = if here { vec![LiftedPerson { id, joints, score: 0.9, ..LiftedPerson::default() }] } else { vec![] };
    (
        Frame { index, time, size: Some([1768, 994]), people, ..Frame::default() },
        LiftedFrame { index, time, people: lifted },
    )
}

/// The page of `frames` frames, closed, or unfinished as a killed writer leaves it.
fn page(title: &str, model: &str, frames: u64, closed: bool) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("poses.html");
    let poses = poses(model);
    let sets = [PoseSet { name: title, poses: &poses, device: "CPU, 2 threads" }];
    let info = PageInfo { title, sets: &sets, layout: Some(&MEDIAPIPE33), notes: &[] };
    let mut writer = Box::new(PageWriter::create(&path, &info).unwrap());
    for index in 0..frames {
        let (frame, lifted) = frame(index);
        writer.write(&frame, &lifted).unwrap();
    }
    if closed {
        writer.finish().unwrap();
    } else {
        writer.flush().unwrap();
    }
    fs::read_to_string(path).unwrap()
}

/// The data block, as a browser extracts it: up to the first end of a script.
struct Data {
    header: Value,
    /// `[T]` rows of bytes.
    rows: Vec<Vec<u8>>,
}

fn data(page: &str) -> Data {
    let start = page.find("id=\"clip\">").expect("a data block") + "id=\"clip\">".len();
    let block = page[start..].split("</script").next().unwrap();
    let mut lines = block.trim().lines();
    let header = serde_json::from_str(lines.next().unwrap()).unwrap();
    let rows = lines.map(|line| STANDARD_NO_PAD.decode(line).unwrap()).collect();
    Data { header, rows }
}

/// Reads the integers of a row.
struct RowReader<'a>(&'a [u8]);

impl RowReader<'_> {
    fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap()
    }

    fn unsigned(&mut self) -> u64 {
        let mut value = 0;
        for place in 0.. {
            let byte = self.byte();
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                break;
            }
        }
        value
    }

    fn optional(&mut self) -> Option<i64> {
        let code = self.unsigned().checked_sub(1)?;
        Some((code >> 1).cast_signed() ^ -(code & 1).cast_signed())
    }

    fn optionals(&mut self, count: usize) -> Vec<Option<i64>> {
        (0..count).map(|_| self.optional()).collect()
    }
}

#[test]
fn holds_every_frame_and_stays_small() {
    let page = page("walk", "coco17", 230, true);
    let Data { header, rows } = data(&page);
    assert_eq!(header["sets"].as_array().unwrap().len(), 1);
    assert_eq!(rows.len(), 230);
    for (index, row) in rows.iter().enumerate() {
        let mut row = RowReader(row);
        assert_eq!(row.unsigned(), 2, "one frame after the other");
        assert_eq!(row.optional().is_some_and(|time| time == 33 || time == 34), index > 0);
        let size = row.unsigned();
        assert_eq!(size, if index == 0 { 2 } else { 0 });
        if size == 2 {
            assert_eq!([row.unsigned(), row.unsigned()], [1768, 994]);
        }
        let people = u64::from(index % 10 != 9);
        assert_eq!(row.unsigned(), people);
        if people == 0 {
            assert_eq!(row.unsigned(), 0);
            assert!(row.0.is_empty());
            continue;
        }
        assert_eq!((row.optional(), row.unsigned()), (Some(0), 33 * 2));
        assert!(row.optionals(33 * 2).iter().all(Option::is_some));
        assert_eq!([(); 33].map(|()| row.byte()), [90; 33]);
        assert_eq!((row.unsigned(), row.optional(), row.byte()), (1, Some(0), 4), "a person with angles");
        if index == 0 {
            assert_eq!(row.unsigned(), 7, "steps of 5 · 10⁻⁴ m");
        }
        assert_eq!(row.byte(), 90);
        let joints = row.optionals(17 * 3);
        let still = joints.iter().all(|delta| *delta == Some(0));
        assert_eq!(still, index > 0);
        assert_eq!(row.optionals(24).len(), 24);
        assert!(row.0.is_empty());
    }
    assert!(page.len() < 300_000, "{} bytes", page.len());
}

/// Frames of ten minutes at 60 Hz.
pub(crate) const LONG: u64 = 36_000;

/// Human3.6M-17 standing, metres: x, y, and how far the joint swings in z.
const WALKER: [[f32; 3]; 17] = [
    [0.0, 0.0, 0.0],
    [-0.13, 0.0, 0.02],
    [-0.13, 0.43, 0.18],
    [-0.13, 0.86, 0.3],
    [0.13, 0.0, -0.02],
    [0.13, 0.43, -0.18],
    [0.13, 0.86, -0.3],
    [0.0, -0.25, 0.0],
    [0.0, -0.5, 0.0],
    [0.0, -0.6, 0.03],
    [0.0, -0.75, 0.03],
    [0.17, -0.47, 0.04],
    [0.21, -0.2, 0.16],
    [0.2, 0.05, 0.27],
    [-0.17, -0.47, -0.04],
    [-0.21, -0.2, -0.16],
    [-0.2, 0.05, -0.27],
];

/// A page of ten minutes at 60 Hz: one person who walks in a circle, with key points, sigma, root and angles, and as much
/// noise as a detector leaves in poses.
pub(crate) fn write_long_page(path: &Path) {
    let poses = PoseInfo { fps: Some(60.0), axes: poselift::pose::Axes::Level, ..poses("coco17") };
    let sets = [PoseSet { name: "long", poses: &poses, device: "CPU, 2 threads" }];
    let info = PageInfo { title: "long", sets: &sets, layout: Some(&COCO17), notes: &[] };
    let mut writer = Box::new(PageWriter::create(path, &info).unwrap());
    let mut state = 1_u32;
    let mut noise = |size: f32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        size * ((state >> 8) as f32 / 8_388_608.0 - 1.0)
    };
    for index in 0..LONG {
        let seconds = index as f32 / 60.0;
        let swing = (6.0 * seconds).sin();
        let root = [2.0 * (0.3 * seconds).sin(), 0.4, 5.0 + 2.0 * (0.3 * seconds).cos()];
        let mut joints = Vec::new();
        for [x, y, reach] in WALKER {
            joints.push([x + noise(0.004), y + noise(0.004), reach * swing + noise(0.004)]);
        }
        let mut keypoints = Vec::new();
        for joint in &joints {
            let depth = root[2] + joint[2];
            let mut pixel = |axis: usize| f64::from(1000.0 + 1500.0 * (root[axis] + joint[axis]) / depth + noise(1.5));
            keypoints.push(Keypoint { x: pixel(0), y: pixel(1), score: 0.9 + noise(0.05) });
        }
        let sigma = (0..17).map(|_| 0.05 + noise(0.004)).collect();
        let (id, time) = (Some(0), Some(f64::from(seconds)));
        let person = LiftedPerson { id, joints, score: 0.9, sigma, root: Some(root), ..LiftedPerson::default() };
        let people = vec![Person { id, keypoints }];
        let frame = Frame { index, time, size: Some([1920, 1080]), people, ..Frame::default() };
        writer.write(&frame, &LiftedFrame { index, time, people: vec![person] }).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn ten_minutes_at_60_hz_stay_below_10_mb() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.html");
    write_long_page(&path);
    let bytes = fs::metadata(&path).unwrap().len();
    println!("ten minutes: {:.2} MB", bytes as f64 / 1e6);
    assert!(bytes < 10_000_000, "{bytes} bytes");
    assert_eq!(data(&fs::read_to_string(path).unwrap()).rows.len(), LONG as usize);
}

#[test]
fn notes_are_lines_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("poses.html");
    let poses = poses("coco17");
    let sets = [PoseSet { name: "walk", poses: &poses, device: "" }];
    let notes = ["no <size>".to_owned()];
    let info = PageInfo { title: "walk", sets: &sets, layout: None, notes: &notes };
    let mut writer = PageWriter::create(&path, &info).unwrap();
    writer.write_note("a \"note\" </script>").unwrap();
    writer.close().unwrap();
    let page = fs::read_to_string(path).unwrap();
    let block = page[page.find("id=\"clip\">").unwrap()..].split("</script").next().unwrap();
    let lines: Vec<Value> = block.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["notes"][0], &lines[1]["note"]), (&"no <size>".into(), &"a \"note\" </script>".into()));
}

#[test]
fn loads_nothing() {
    let page = page("walk", "coco17", 3, true).to_lowercase();
    for word in ["http:", "https:", "src=", "<iframe", "@import", "url("] {
        assert!(!page.contains(word), "the page holds '{word}'");
    }
    assert_eq!(page.matches("href=").count(), 1, "the empty icon, which keeps browsers from asking for one");
    assert!(page.contains("href=\"data:,\""));
}

#[test]
fn names_cannot_break_out() {
    let name = "</script><!--<script>alert(1)</script>";
    let page = page(name, name, 2, true);
    let Data { header, rows } = data(&page);
    assert_eq!(rows.len(), 2);
    let name = Value::from(name);
    assert_eq!([&header["title"], &header["sets"][0]["name"], &header["sets"][0]["model"]], [&name; 3]);
    assert_eq!(page.matches("<script").count(), 2, "the program and the data");
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(!page.contains("<!--"));
}

#[test]
fn a_clip_without_frames_is_a_page() {
    let page = page("nothing", "coco17", 0, true);
    assert!(data(&page).rows.is_empty());
    assert!(page.ends_with("</html>\n"));
}

#[test]
fn a_writer_that_dies_leaves_what_it_wrote() {
    let whole = page("walk", "coco17", 5, true);
    let cut = page("walk", "coco17", 5, false);
    assert!(whole.starts_with(&cut));
    assert_eq!(data(&cut).rows, data(&whole).rows);
    assert_eq!(data(&cut).rows.len(), 5);
}

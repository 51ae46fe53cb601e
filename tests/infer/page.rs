//! The page as a file: its data block read back without a browser.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;

use poselift::format::{PoseInfo, PoseWriter};
use poselift::pose::{Frame, Keypoint, LiftedFrame, LiftedPerson, Person};
use poselift::skeleton::{H36M17, MEDIAPIPE33};
use poselift::view::{PageInfo, PageWriter};
use serde_json::Value;

fn poses(model: &str) -> PoseInfo {
    PoseInfo {
        skeleton: "h36m17".into(),
        joints: H36M17.joints.iter().map(|&joint| joint.to_owned()).collect(),
        parents: H36M17.parents.to_vec(),
        unit: poselift::pose::Unit::Metres,
        axes: poselift::pose::Axes::Camera,
        fps: Some(30.0),
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
    let info = PageInfo { title, poses: &poses(model), layout: Some(&MEDIAPIPE33), device: "CPU, 2 threads" };
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

/// The lines of the data block, as a browser extracts it: up to the first end of a script.
fn data(page: &str) -> Vec<Value> {
    let start = page.find("id=\"clip\">").expect("a data block") + "id=\"clip\">".len();
    let block = page[start..].split("</script").next().unwrap();
    block.trim().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn holds_every_frame_and_stays_small() {
    let page = page("walk", "coco17", 230, true);
    let rows = data(&page);
    assert_eq!(rows.len(), 1 + 230);
    for (index, row) in rows[1..].iter().enumerate() {
        assert_eq!(row[0], index);
        let people = usize::from(index % 10 != 9);
        assert_eq!((row[3].as_array().unwrap().len(), row[4].as_array().unwrap().len()), (people, people));
    }
    assert_eq!(rows[1][3][0][1].as_array().unwrap().len(), 33 * 2);
    assert_eq!(rows[1][4][0][2].as_array().unwrap().len(), 17 * 3);
    assert!(page.len() < 300_000, "{} bytes", page.len());
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
    let rows = data(&page);
    assert_eq!(rows.len(), 3);
    assert_eq!((&rows[0]["title"], &rows[0]["model"]), (&Value::from(name), &Value::from(name)));
    assert_eq!(page.matches("<script").count(), 2, "the program and the data");
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(!page.contains("<!--"));
}

#[test]
fn a_clip_without_frames_is_a_page() {
    let page = page("nothing", "coco17", 0, true);
    assert_eq!(data(&page).len(), 1);
    assert!(page.ends_with("</html>\n"));
}

#[test]
fn a_writer_that_dies_leaves_what_it_wrote() {
    let whole = page("walk", "coco17", 5, true);
    let cut = page("walk", "coco17", 5, false);
    assert!(whole.starts_with(&cut));
    assert_eq!(data(&cut), data(&whole));
}

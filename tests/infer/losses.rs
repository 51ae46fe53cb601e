//! What a file of poses must not lose on its way: frames beside one that cannot be read, times, axes, units, the person's height.

#![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

use poselift::pose::{Axes, LiftedFrame};

use crate::exports::{FRAMES, convert, poses, read};
use crate::program::{CLIP, poselift};

/// What `run` or `convert` says and exits with.
fn said(arguments: &[&str]) -> (Option<i32>, String) {
    let output = poselift().args(arguments).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn an_unreadable_line_costs_a_motion_file_that_frame_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let clip = std::fs::read_to_string(CLIP).unwrap();
    let lines: Vec<&str> = clip.lines().filter(|line| line.contains("people")).take(60).collect();
    for broken in [0, 30] {
        let mut lines = lines.clone();
        lines[broken] = "{\"people\":[{";
        std::fs::write(path("in.jsonl"), lines.join("\n") + "\n").unwrap();
        for name in ["out.trc", "out.bvh", "out.mot"] {
            let (code, told) = said(&["run", &path("in.jsonl"), "--device", "cpu", "-o", &path(name)]);
            assert_eq!(code, Some(1), "{told}");
            assert!(told.contains("in 0.") || told.contains("poses/s"), "no summary: {told}");
        }
        let rows = std::fs::read_to_string(path("out.trc")).unwrap().lines().count() - 6;
        assert_eq!(rows, if broken == 0 { 59 } else { 60 });
    }
}

#[test]
fn times_after_the_first_poses_still_tell_the_rate() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let line = |frame: usize| {
        let points = (0..17).map(|joint| format!("[{},{},0.9]", 600 + 10 * joint, 200 + 15 * joint));
        let points: Vec<String> = points.collect();
        let time = if frame == 0 { String::new() } else { format!("\"time\":{},", frame as f64 / 60.0) };
        format!("{{\"frame\":{frame},{time}\"people\":[{{\"keypoints\":[{}]}}]}}\n", points.join(","))
    };
    std::fs::write(path("in.jsonl"), (0..40).map(line).collect::<String>()).unwrap();
    let (code, told) = said(&["run", &path("in.jsonl"), "--device", "cpu", "-o", &path("out.trc")]);
    assert!(code == Some(1) && told.contains("a frame is not in it; frame 0 has no time"), "{told}");
    let text = std::fs::read_to_string(path("out.trc")).unwrap();
    assert!(text.lines().nth(2).unwrap().starts_with("60\t"), "{text}");
    assert_eq!(text.lines().count(), 6 + 39);
}

#[test]
fn what_is_not_written_is_not_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let poses = poses(folder.path(), &[(0, 0..0)]);
    let (code, told) = said(&["convert", poses.to_str().unwrap(), "-o", &path("none.trc")]);
    assert!(code == Some(0) && told.contains("none.trc: not written, there is no pose to write"), "{told}");
    // Of a file in which nothing can be read all is lost.
    let header = std::fs::read_to_string(&poses).unwrap().lines().next().unwrap().to_owned();
    std::fs::write(path("broken.jsonl"), format!("{header}\n{{\"people\":\n{{\n")).unwrap();
    let (code, told) = said(&["convert", &path("broken.jsonl"), "-o", &path("broken.csv")]);
    assert!(code == Some(2) && told.contains("none of its 2 frames can be read"), "{told}");
}

#[test]
fn an_archive_goes_on_as_the_stream_that_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let poses = poses(folder.path(), &[(0, 0..FRAMES)]);
    let tall = convert(&poses, "tall.npz", &["--height", "1.87", "--units", "cm", "--axes", "z-up"]);
    let (info, back) = read(&convert(&tall, "back.jsonl", &[]));
    assert_eq!((info.unit.name(), info.axes, info.stature), ("cm", Axes::ZUp, Some(1.87)));
    let (_, direct) = read(&convert(&poses, "direct.jsonl", &["--height", "1.87", "--units", "cm", "--axes", "z-up"]));
    let places = |frames: &[LiftedFrame]| -> Vec<_> {
        let person = |frame: &LiftedFrame| frame.people.first().map(|person| person.joints.clone());
        frames.iter().map(|frame| (frame.index, frame.time, person(frame))).collect()
    };
    assert_eq!(places(&back), places(&direct));
    // A person is made tall once.
    let (_, again) = read(&convert(&tall, "again.jsonl", &["--height", "1.87"]));
    assert_eq!(places(&again), places(&back));
}

#[test]
fn poses_without_a_place_among_others_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let poses = std::fs::read_to_string(poses(folder.path(), &[(0, 0..FRAMES)])).unwrap();
    let placed = |every: usize| -> String {
        let lines = poses.lines().enumerate().map(|(place, line)| match place % every {
            2 => line.to_owned() + "\n",
            _ => line.replace("\"joints\":[[", "\"root\":[0,0,4],\"joints\":[[") + "\n",
        });
        lines.collect()
    };
    for (every, told_of) in [(5, Some("8 of 40 poses are left empty")), (1000, Some("1 of 40 poses")), (1, None)] {
        std::fs::write(path("in.jsonl"), placed(every)).unwrap();
        for name in ["out.trc", "out.csv"] {
            let (code, told) = said(&["convert", &path("in.jsonl"), "-o", &path(name)]);
            assert_eq!(code, Some(0), "{told}");
            assert_eq!(
                told.contains("poses are left empty"),
                told_of.is_some_and(|text| told.contains(text)),
                "{told}"
            );
        }
    }
}

#[test]
fn places_that_come_after_the_first_pose_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let poses = poses(folder.path(), &[(0, 0..FRAMES)]);
    let text = std::fs::read_to_string(&poses).unwrap();
    let rootless = |line: &str| {
        let mut frame: serde_json::Value = serde_json::from_str(line).unwrap();
        frame["people"][0].as_object_mut().unwrap().remove("root");
        format!("{frame}\n")
    };
    let lines = text.lines().enumerate().map(|(place, line)| match place {
        1 => rootless(line),
        _ => line.to_owned() + "\n",
    });
    std::fs::write(path("in.jsonl"), lines.collect::<String>()).unwrap();
    let (code, told) = said(&["convert", &path("in.jsonl"), "-o", &path("out.csv")]);
    assert!(code == Some(0) && told.contains("out.csv: 1 of 40 poses are left empty"), "{told}");
    let written = std::fs::read_to_string(path("out.csv")).unwrap();
    let hip = |row: usize| written.lines().nth(row).unwrap().split(',').skip(4).take(3).collect::<Vec<_>>().join(",");
    assert_eq!((hip(1).as_str(), hip(2).as_str()), (",,", "0.000000,0.100000,4.010000"));
}

/// Poses of a camera that was not levelled are not put on a floor, whatever axes they are in.
#[test]
fn upright_axes_remember_whether_the_camera_was_level() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let poses = poses(folder.path(), &[(0, 0..FRAMES)]);
    let direct = convert(&poses, "direct.trc", &[]);
    let header = |name: &str| -> serde_json::Value {
        serde_json::from_str(std::fs::read_to_string(path(name)).unwrap().lines().next().unwrap()).unwrap()
    };
    let (_, told) = said(&["convert", poses.to_str().unwrap(), "-o", &path("up.jsonl"), "--axes", "y-up"]);
    assert!(told.contains("y-up as if the camera were level"), "{told}");
    assert_eq!(header("up.jsonl")["level"], false);
    let (_, told) = said(&["convert", &path("up.jsonl"), "-o", &path("again.trc")]);
    assert!(told.contains("y-up as if the camera were level, as the poses were lifted"), "{told}");
    let points =
        |name: &str| std::fs::read_to_string(path(name)).unwrap().lines().skip(6).collect::<Vec<_>>().join("\n");
    assert_eq!(
        std::fs::read_to_string(direct).unwrap().lines().skip(6).collect::<Vec<_>>().join("\n"),
        points("again.trc")
    );

    let (code, told) =
        said(&["run", CLIP, "--device", "cpu", "--pitch", "5", "--axes", "z-up", "-o", &path("level.jsonl")]);
    assert_eq!((code, &header("level.jsonl")["level"]), (Some(0), &true.into()), "{told}");
    let (_, told) = said(&["convert", &path("level.jsonl"), "-o", &path("level.trc")]);
    assert!(!told.contains("level, as") && !told.contains("do not say"), "{told}");

    let unsaid = std::fs::read_to_string(path("level.jsonl")).unwrap().replace("\"level\":true,", "");
    std::fs::write(path("unsaid.jsonl"), unsaid).unwrap();
    let (_, told) = said(&["convert", &path("unsaid.jsonl"), "-o", &path("unsaid.trc")]);
    assert!(told.contains("y-up: the poses do not say whether the camera was level"), "{told}");
}

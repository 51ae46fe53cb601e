//! Models that lift feet: on real files of detectors that see feet and of others, and in what other programs read.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::process::Command;

use ndarray::Array3;
use poselift::Lifter;
use poselift::camera::Camera;
use poselift::format::Source;
use poselift::guard::{self, ReadOptions};
use poselift::place::{ANGLE_NAMES_WITH_FEET, AngleReader};
use poselift::pose::{Axes, Frame, Keypoint, LiftedFrame};
use poselift::skeleton::{
    BODY25, BODY25B, COCO17, COCO23, Conversion, H36M23, HALPE26, Layout, MEDIAPIPE33, WHOLEBODY133,
};
use serde_json::Value;

use crate::cases::{data, unpacked};
use crate::judges::Judges;
use crate::program::{Bench, CLIP, assert_code, frames, poselift, stderr, stdout};
use crate::small_model::SmallModel;

/// The scale of [`model`].
const SCALE: f32 = 0.001;

/// Reads COCO-17 with feet and gives Human3.6M-17 with feet, whose joints are at the key points of their places: those of feet at
/// the feet's.
fn model() -> SmallModel {
    SmallModel {
        scale: SCALE,
        sigma: true,
        layout: COCO23.name,
        joints: COCO23.joints,
        skeleton: Some((H36M23.name, H36M23.joints, H36M23.parents)),
        ..SmallModel::default()
    }
}

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models")
}

/// The frames of a file as they come out of the guard.
fn guarded(input: &Path, size: [u32; 2]) -> Vec<Frame> {
    let options = ReadOptions { size: Some(size), ..ReadOptions::default() };
    let source = match input.is_dir() {
        true => Source::clips_of_frames(input).unwrap().remove(0),
        false => Source::File(input.to_path_buf()),
    };
    let mut reader = guard::open(&source, &options, Box::new(|_| ())).unwrap();
    std::iter::from_fn(|| reader.read().unwrap()).collect()
}

/// What the program gives for a file: 3D lines, and what it said in its summary.
fn lifted(bench: &Bench, input: &Path, [width, height]: [u32; 2]) -> (Vec<Value>, Vec<String>) {
    let out = bench.path("out.jsonl");
    let size = format!("{width}x{height}");
    let output = bench.run().arg(input).args(["--size", &size, "--sigma", "--json", "-o"]).arg(&out).output().unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}: {}", input.display(), stderr(&output));
    let summary: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let notices: Vec<String> = serde_json::from_value(summary["notices"].clone()).unwrap_or_default();
    let said = stderr(&output);
    assert!(notices.iter().all(|notice| said.contains(notice.as_str())), "{notices:?} and {said}");
    (frames(&std::fs::read_to_string(&out).unwrap()), notices)
}

/// Holds each person's feet against the key points; gives back how many points of feet were there and how many missing.
fn compare(name: &str, lines: &[Value], frames: &[Frame], layout: &Layout) -> [usize; 2] {
    let conversion = Conversion::new(layout, COCO23.joints).unwrap();
    let mut counts = [0; 2];
    assert_eq!(lines.len(), frames.len(), "{name}");
    for (line, frame) in lines.iter().zip(frames) {
        let seen = |points: &[Keypoint]| points[..17].iter().filter(|point| !point.is_missing()).count();
        let people = frame.people.iter().map(|person| conversion.apply(&person.keypoints).collect::<Vec<_>>());
        let people: Vec<_> = people.filter(|points| seen(points) >= 4).collect();
        let lifted = line["people"].as_array().unwrap();
        assert_eq!(lifted.len(), people.len(), "{name}, frame {}", frame.index);
        for (person, points) in lifted.iter().zip(people) {
            let joints: Vec<[f32; 3]> = serde_json::from_value(person["joints"].clone()).unwrap();
            assert_eq!(joints.len(), 23, "{name}");
            for (joint, point) in joints.iter().zip(&points).skip(17) {
                let expected =
                    if point.is_missing() { [0.0; 3] } else { [point.x as f32, point.y as f32, point.score] };
                counts[usize::from(point.is_missing())] += 1;
                let is_near =
                    joint.iter().zip(expected).all(|(found, expected)| (found - expected * SCALE).abs() < 1e-4);
                assert!(is_near, "{name}, frame {}: {joint:?}, {point:?}", frame.index);
            }
        }
    }
    counts
}

#[test]
fn feet_of_real_detectors_come_to_their_places() {
    let Some(data) = data() else { return };
    let Some(folder) = unpacked(&data) else { return };
    let bench = Bench::with(&model());
    for (name, size, layout) in [
        ("openpose_body25/clip1", [1920, 1080], &BODY25),
        ("samples/openpose_body25b", [1088, 1920], &BODY25B),
        ("openpose_halpe26", [1920, 1080], &HALPE26),
        ("alphapose_halpe26/alphapose-results.json", [1920, 1080], &HALPE26),
        ("samples/mmpose_wholebody/FOOTBALL.json", [720, 1280], &WHOLEBODY133),
    ] {
        let input = folder.path().join(name);
        let (lines, notices) = lifted(&bench, &input, size);
        let [there, missing] = compare(name, &lines, &guarded(&input, size), layout);
        assert!(there > missing, "{name}: {there} points of feet, {missing} missing");
        assert!(notices.iter().all(|notice| !notice.contains("missing in every frame")), "{name}: {notices:?}");
        println!("{name}: {there} points of feet, {missing} missing");
    }
    for (name, size, layout, said) in [
        ("mediapipe/pose_landmarks.pbtxt", [1000, 667], &MEDIAPIPE33, "has no left_small_toe, right_small_toe"),
        ("hrnet_coco17/baseball.json", [1280, 720], &COCO17, "has no feet: toes and heels are missing in every frame"),
    ] {
        let input = folder.path().join(name);
        let (lines, notices) = lifted(&bench, &input, size);
        let [there, missing] = compare(name, &lines, &guarded(&input, size), layout);
        let lacking = Conversion::new(layout, COCO23.joints).unwrap().absent().len();
        assert!(missing * 6 >= (there + missing) * lacking && there + missing > 0, "{name}: {there}, {missing}");
        assert_eq!(notices.iter().filter(|notice| notice.contains(said)).count(), 1, "{name}: {notices:?}");
    }
}

#[test]
fn mediapipes_feet_have_big_toes_and_heels() {
    let bench = Bench::with(&model());
    let (lines, notices) = lifted(&bench, Path::new(CLIP), [1768, 994]);
    let [there, missing] = compare("clip", &lines, &guarded(Path::new(CLIP), [1768, 994]), &MEDIAPIPE33);
    assert_eq!(there, 2 * missing, "a small toe of three points is missing");
    assert_eq!(notices.iter().filter(|notice| notice.contains("small_toe")).count(), 1, "{notices:?}");
}

/// The poses of the clip's people by a model of feet, once as MediaPipe sees them and once with every `foot_index` 40 pixels further to
/// the right; with `look_ahead` seconds, where there are any.
fn with_and_without_toes_moved(model: &str, look_ahead: Option<f64>) -> [Vec<LiftedFrame>; 2] {
    let seen = guarded(Path::new(CLIP), [1768, 994]);
    let mut moved = seen.clone();
    for person in moved.iter_mut().flat_map(|frame| &mut frame.people) {
        for toe in ["left_foot_index", "right_foot_index"] {
            person.keypoints[MEDIAPIPE33.position(toe).unwrap()].x += 40.0;
        }
    }
    [seen, moved].map(|frames| {
        let mut lifter = Lifter::from_file(models().join(model)).unwrap();
        let conversion = lifter.conversion(&MEDIAPIPE33).unwrap();
        match look_ahead {
            None => lifter.lift_frames(&frames, &conversion, &mut Vec::new()).unwrap(),
            Some(seconds) => lifter.lift_clip(&frames, &conversion, seconds, &mut Vec::new()).unwrap(),
        }
    })
}

#[test]
fn the_body_does_not_go_by_what_stands_in_for_a_toe() {
    for (model, look_ahead) in
        [("coco23-int8.onnx", None), ("coco23-memory.onnx", None), ("coco23-memory.onnx", Some(0.5))]
    {
        let [seen, moved] = with_and_without_toes_moved(model, look_ahead);
        let mut farthest = 0f32;
        let people = |frames: &[LiftedFrame]| frames.iter().flat_map(|frame| frame.people.clone()).collect::<Vec<_>>();
        for (seen, moved) in people(&seen).iter().zip(&people(&moved)) {
            assert_eq!(seen.joints[..17], moved.joints[..17], "{model}");
            assert_eq!(seen.sigma[..17], moved.sigma[..17], "{model}");
            assert_eq!(seen.missing_joints, [18, 21], "{model}: the small toes alone have no key point");
            for (seen, moved) in seen.joints[17..].iter().zip(&moved.joints[17..]) {
                farthest = seen.iter().zip(moved).fold(farthest, |most, (a, b)| most.max((a - b).abs()));
            }
        }
        assert!(farthest > 0.02, "{model}: feet moved by {farthest} m with their toes");
    }
}

#[test]
fn arrays_of_mediapipes_points_are_lifted_as_its_frames_are() {
    for model in ["coco17-memory.onnx", "coco23-int8.onnx"] {
        let frames = guarded(Path::new(CLIP), [1768, 994]);
        let mut lifter = Lifter::from_file(models().join(model)).unwrap();
        let conversion = lifter.conversion(&MEDIAPIPE33).unwrap();
        // In arrays each person is new.
        let singly = frames.iter().flat_map(|frame| {
            lifter.forget();
            lifter.lift_frames(std::slice::from_ref(frame), &conversion, &mut Vec::new()).unwrap()
        });
        let expected: Vec<LiftedFrame> = singly.collect();
        let points: Vec<f32> = frames
            .iter()
            .flat_map(|frame| &frame.people)
            .flat_map(|person| conversion.apply(&person.keypoints).collect::<Vec<_>>())
            .flat_map(|point| if point.is_missing() { [0.0; 3] } else { [point.x as f32, point.y as f32, point.score] })
            .collect();
        let shape = (points.len() / 3 / conversion.target_len(), conversion.target_len(), 3);
        let points = Array3::from_shape_vec(shape, points).unwrap();
        let cameras = [Camera::with_focal(None, [1768, 994])];
        let found = lifter.lift_converted(points.view().into(), &conversion, &cameras).unwrap();
        let sigma = found.sigma.unwrap();
        let people = expected.iter().flat_map(|frame| &frame.people);
        for (person, (pose, sigma)) in people.zip(found.poses.outer_iter().zip(sigma.outer_iter())) {
            let joints = person.joints.as_flattened().iter().zip(&pose).chain(person.sigma.iter().zip(&sigma));
            let worst = joints.fold(0f32, |worst, (expected, found)| worst.max((expected - found).abs()));
            // In int8 a code may tip where pixels are rounded: joints then move by millimetres.
            assert!(worst < 0.01, "{model}: {worst}");
        }
        let plain = lifter.lift_with_cameras(points.view(), &cameras).unwrap().poses;
        assert!((&plain - &found.poses).iter().any(|apart| apart.abs() > 1e-3), "{model}: nothing was corrected");
    }
}

/// A pose of [`H36M23`], y down, in a T that faces the camera; the feet are turned up by so many radians.
fn pose(up: f32) -> Vec<[f32; 3]> {
    let mut joints = vec![
        [0.0, 0.0, 0.0],
        [-0.13, 0.0, 0.0],
        [-0.13, 0.45, 0.0],
        [-0.13, 0.9, 0.0],
        [0.13, 0.0, 0.0],
        [0.13, 0.45, 0.0],
        [0.13, 0.9, 0.0],
        [0.0, -0.25, 0.0],
        [0.0, -0.5, 0.0],
        [0.0, -0.59, -0.04],
        [0.0, -0.68, 0.0],
        [0.15, -0.5, 0.0],
        [0.4, -0.5, 0.0],
        [0.65, -0.5, 0.0],
        [-0.15, -0.5, 0.0],
        [-0.4, -0.5, 0.0],
        [-0.65, -0.5, 0.0],
    ];
    let (sin, cos) = up.sin_cos();
    for side in [1.0, -1.0] {
        for [x, down, ahead] in [[-0.04, 0.07, 0.2], [0.04, 0.07, 0.14], [0.0, 0.07, -0.05]] {
            joints.push([side * (0.13 + x), 0.9 + down * cos - ahead * sin, -(ahead * cos + down * sin)]);
        }
    }
    joints
}

/// Thirty poses whose feet go up and down by 20 degrees, as `run` writes them.
fn poses(folder: &Path, joints: usize) -> PathBuf {
    let header = serde_json::json!({
        "poselift": 1, "kind": "poses", "skeleton": if joints == 23 { "h36m23" } else { "h36m17" },
        "joints": H36M23.joints[..joints], "parents": H36M23.parents[..joints], "unit": "m", "axes": "camera",
        "fps": 30.0, "model": "test",
    });
    let mut text = format!("{header}\n");
    for frame in 0..30 {
        let pose = &pose(up(frame))[..joints];
        let people = serde_json::json!([{"id": 0, "joints": pose, "score": 0.9}]);
        text += &format!("{}\n", serde_json::json!({"frame": frame, "time": frame as f64 / 30.0, "people": people}));
    }
    let path = folder.join(format!("poses{joints}.jsonl"));
    std::fs::write(&path, text).unwrap();
    path
}

/// Radians of the feet in a frame.
fn up(frame: usize) -> f32 {
    20f32.to_radians() * (frame as f32 * 0.4).sin()
}

/// Converts poses to a text file.
fn converted(poses: &Path, name: &str) -> String {
    let out = poses.with_file_name(name);
    let output = poselift().arg("convert").arg(poses).arg("-o").arg(&out).arg("--angles").output().unwrap();
    assert_code(&output, 0);
    std::fs::read_to_string(&out).unwrap()
}

#[test]
fn ankles_are_written_where_there_are_feet_and_only_there() {
    let folder = tempfile::tempdir().unwrap();
    let (with, without) = (poses(folder.path(), 23), poses(folder.path(), 17));
    let column = |text: &str, separator: char, name: &str| {
        let start = text.lines().position(|line| line.split(separator).any(|cell| cell == "time")).unwrap();
        let place = text.lines().nth(start).unwrap().split(separator).position(|cell| cell == name)?;
        let cell = |line: &str| line.split(separator).nth(place).unwrap().parse::<f32>().unwrap();
        Some(text.lines().skip(start + 1).map(cell).collect::<Vec<_>>())
    };
    for (name, separator) in [("walk.mot", '\t'), ("walk.csv", ',')] {
        let text = converted(&with, name);
        for side in ["r", "l"] {
            let ankle = column(&text, separator, &format!("ankle_angle_{side}")).unwrap();
            assert_eq!(ankle.len(), 30);
            for (frame, degrees) in ankle.iter().enumerate() {
                assert!((degrees - up(frame).to_degrees()).abs() < 0.1, "{name}, frame {frame}: {degrees}");
            }
            let subtalar = column(&text, separator, &format!("subtalar_angle_{side}")).unwrap();
            assert!(subtalar.iter().all(|degrees| degrees.abs() < 0.1), "{subtalar:?}");
        }
        let other = converted(&without, name);
        assert!(!other.contains("ankle_angle") && !other.contains("subtalar"), "{other}");
        let knee = |text: &str| column(text, separator, "knee_angle_r").unwrap();
        assert_eq!(knee(&other), knee(&text));
    }
    let lines = converted(&with, "angles.jsonl");
    let header: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(header["angles"], serde_json::json!(ANGLE_NAMES_WITH_FEET));
    assert!(frames(&lines).iter().all(|frame| frame["people"][0]["angles"].as_array().unwrap().len() == 28));
}

#[test]
fn feet_have_markers_and_turn_in_motion_files() {
    let folder = tempfile::tempdir().unwrap();
    let with = poses(folder.path(), 23);
    let trc = converted(&with, "walk.trc");
    let markers = "LBigToe\t\t\tLSmallToe\t\t\tLHeel\t\t\tRBigToe\t\t\tRSmallToe\t\t\tRHeel";
    assert!(trc.contains(markers), "{trc}");
    assert!(converted(&with, "walk.csv").lines().next().unwrap().contains("right_big_toe_x,right_big_toe_y"));
    let bvh = converted(&with, "walk.bvh");
    // Centimetres, from the ankle to the middle of the toes.
    assert!(bvh.contains("JOINT RightFoot") && bvh.contains("OFFSET 0.0000 -7.0000 17.0000"), "{bvh}");
    let nodes = |text: &str| text.matches("JOINT").count();
    assert_eq!(nodes(&bvh), nodes(&converted(&poses(folder.path(), 17), "other.bvh")));

    let Some(judges) = Judges::find() else { return };
    let c3d = with.with_file_name("walk.c3d");
    assert_code(&poselift().arg("convert").arg(&with).arg("-o").arg(&c3d).output().unwrap(), 0);
    let labels = judges.read("c3d", &[&c3d])["labels"].clone();
    assert_eq!(labels.as_array().unwrap()[17..], ["LBigToe", "LSmallToe", "LHeel", "RBigToe", "RSmallToe", "RHeel"]);
    let glb = with.with_file_name("walk.glb");
    assert_code(&poselift().arg("convert").arg(&with).arg("-o").arg(&glb).output().unwrap(), 0);
    judges.validate_gltf(&glb);
}

#[test]
fn ankles_rise_and_fall_as_opensims_do() {
    let Some(judges) = Judges::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let joints: Vec<String> = H36M23.joints.iter().map(|joint| (*joint).to_owned()).collect();
    let reader = AngleReader::new(&joints, Axes::YUp).unwrap();
    let at = |name: String| reader.names().iter().position(|known| *known == name).unwrap();
    let mut level = [0.0; 2];
    for found in judges.read("feet", &[folder.path().join("unused")]).as_array().unwrap() {
        let (side, end) = if found["side"] == "R" { ("right", "r") } else { ("left", "l") };
        let mut pose = vec![[0.0; 3]; 23];
        for (point, place) in found["places"].as_object().unwrap() {
            pose[H36M23.position(&format!("{side}_{point}")).unwrap()] = serde_json::from_value(place.clone()).unwrap();
        }
        let degrees = reader.read(&pose, &[]).degrees;
        let ours = ["ankle_angle", "subtalar_angle"].map(|name| f64::from(degrees[at(format!("{name}_{end}"))]));
        let set = ["ankle", "subtalar"].map(|name| found[name].as_f64().unwrap());
        if set == [0.0, 0.0] {
            // The model's markers of the heel lie higher than those of the toes.
            assert!(ours.iter().all(|degrees| degrees.abs() < 5.0), "{side}: {ours:?}");
            level = ours;
            continue;
        }
        // OpenSim's subtalar axis points forward and up: inversion about it is a little less about the foot's own.
        let [ankle, subtalar] = [0, 1].map(|angle| ours[angle] - level[angle]);
        let is_near = (ankle - set[0]).abs() < 2.5 && (subtalar - 0.8 * set[1]).abs() < 2.0;
        println!("{side}, set {set:?}: {ankle:.1}, {subtalar:.1}");
        assert!(is_near, "{side}, set {set:?}: {ankle}, {subtalar}");
    }
}

#[test]
fn arrays_of_poses_with_feet_are_read() {
    let bench = Bench::with(&model());
    let out = bench.path("poses.npz");
    assert_code(&bench.run().arg(CLIP).arg("-o").arg(&out).output().unwrap(), 0);
    let mut command: Command = poselift();
    let output = command.arg("convert").arg(&out).args(["--fps", "30", "--to", "jsonl"]).output().unwrap();
    assert_code(&output, 0);
    let header: Value = serde_json::from_str(stdout(&output).lines().next().unwrap()).unwrap();
    assert_eq!((&header["skeleton"], header["joints"].as_array().unwrap().len()), (&"h36m23".into(), 23));
}

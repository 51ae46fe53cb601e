//! Models that look at the subject and give sigma, through the real program.

#![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

use crate::program::{Bench, assert_code, feed, frames, line, poselift, stderr, stdout};
use crate::small_model::SmallModel;
use poselift::camera::{Camera, LookAt};
use poselift::skeleton::{COCO17, H36M17, mirrored};
use serde_json::Value;

fn subject() -> SmallModel {
    SmallModel { view: poselift::model::View::Subject, ..SmallModel::default() }
}

fn sure() -> SmallModel {
    SmallModel { sigma: true, ..SmallModel::default() }
}

/// A person in the lower right of an image of 1000 × 800 pixels.
fn beside_the_axis() -> String {
    line(0, &[(17, 700.0)]).replacen("\"people\"", "\"size\":[1000,800],\"people\"", 1)
}

/// The first person's joints in the first frame.
fn joints(output: &std::process::Output) -> Vec<[f64; 3]> {
    assert_code(output, 0);
    serde_json::from_value(frames(&stdout(output))[0]["people"][0]["joints"].clone()).unwrap()
}

/// The small model's pose of that person, seen with a focal length of `focal` pixels.
fn expected(focal: f32) -> Vec<[f64; 3]> {
    let camera = Camera::with_focal(Some(focal), [1000, 800]);
    // Point j is at (700 + j, 700 + j), so that their mean is that of the eighth.
    let turn = LookAt::towards(&camera, [708.0, 708.0]);
    let joint = |joint: usize| {
        let [x, y] = turn.ray([700.0 + joint as f32; 2]).unwrap().map(|v| v as f32);
        turn.undo([x * 0.001, y * 0.001, 0.8 * 0.001]).map(f64::from)
    };
    (0..17).map(joint).collect()
}

fn close(a: &[[f64; 3]], b: &[[f64; 3]]) -> bool {
    a.len() == b.len() && a.as_flattened().iter().zip(b.as_flattened()).all(|(a, b)| (a - b).abs() < 1e-6)
}

#[test]
fn the_focal_length_changes_the_pose_of_who_stands_beside_the_axis() {
    let bench = Bench::with(&subject());
    let usual = joints(&feed(&mut bench.run(), &beside_the_axis()));
    assert!(close(&usual, &expected(900.0)), "{usual:?}");
    let long = joints(&feed(bench.run().args(["--focal", "2500"]), &beside_the_axis()));
    assert!(close(&long, &expected(2500.0)), "{long:?}");
    assert!(!close(&usual, &long));
}

#[test]
fn a_model_that_sees_from_the_camera_does_not_care() {
    let bench = Bench::new();
    let usual = joints(&feed(&mut bench.run(), &beside_the_axis()));
    assert!(close(&usual[..1], &[[0.7, 0.7, 0.0008]]), "{usual:?}");
    let output = feed(bench.run().args(["--focal", "2500"]), &beside_the_axis());
    assert!(stderr(&output).contains("--focal changes nothing"), "{}", stderr(&output));
    assert!(close(&usual, &joints(&output)));
}

#[test]
fn an_unknown_size_is_reported_once_and_leaves_people_as_they_are() {
    let bench = Bench::with(&subject());
    let input = [line(0, &[]), line(1, &[(17, 700.0)]), line(2, &[(17, 700.0)])].concat();
    let output = feed(&mut bench.run(), &input);
    assert_code(&output, 0);
    let printed = stderr(&output);
    assert_eq!(printed.matches("image size unknown: ").count(), 1, "{printed}");
    assert!(printed.contains("(--size WxH)"), "{printed}");
    let people = frames(&stdout(&output));
    assert!((people[1]["people"][0]["joints"][0][0].as_f64().unwrap() - 0.7).abs() < 1e-6);
    assert_eq!(stderr(&feed(bench.run().arg("--quiet"), &input)), "");
    let sized = feed(bench.run().args(["--size", "1000x800"]), &line(0, &[(17, 700.0)]));
    assert!(!stderr(&sized).contains("size unknown"), "{}", stderr(&sized));
    assert!(close(&joints(&sized), &expected(900.0)));
}

#[test]
fn the_summary_counts_who_was_turned() {
    let turned = |model: &SmallModel| {
        let bench = Bench::with(model);
        let input = [beside_the_axis(), line(1, &[(17, 700.0)])].concat();
        let out = bench.path("poses.jsonl");
        let output = feed(bench.run().args(["--json", "-o"]).arg(out), &input);
        serde_json::from_str::<Value>(&stdout(&output)).unwrap()["turned"].as_u64()
    };
    // The second frame says no size: that of the first holds for it.
    assert_eq!((turned(&subject()), turned(&SmallModel::default())), (Some(2), Some(0)));
}

#[test]
fn arrays_are_turned_where_the_size_is_given() {
    let bench = Bench::with(&subject());
    let mut npy = b"\x93NUMPY\x01\x00\x36\x00{'descr':'<f4','fortran_order':False,'shape':(1,17,3)}\n".to_vec();
    let header = npy.len() - 10;
    npy[8] = header as u8;
    let numbers = (0..17).flat_map(|joint| [700.0 + joint as f32, 700.0 + joint as f32, 0.8f32]);
    npy.extend(numbers.flat_map(f32::to_le_bytes));
    let file = bench.file("clip.npy", npy);
    let output = bench.run().arg(file).args(["--size", "1000x800"]).output().unwrap();
    assert!(close(&joints(&output), &expected(900.0)));
}

#[test]
fn sigma_is_written_where_asked_for() {
    let bench = Bench::with(&sure());
    // The left wrist, joint 9, is missing, and the small model's sigma is a tenth of the score.
    let input = line(0, &[(17, 1.0)]).replace("[10,10,0.8]", "[10,10,0]");
    let plain = feed(&mut bench.run(), &input);
    assert_code(&plain, 0);
    assert!(!stdout(&plain).contains("sigma") && !stdout(&plain).contains("unseen"));
    let output = feed(bench.run().arg("--sigma"), &input);
    assert_code(&output, 0);
    let person = &frames(&stdout(&output))[0]["people"][0];
    let sigma: Vec<f64> = serde_json::from_value(person["sigma"].clone()).unwrap();
    assert_eq!((sigma.len(), sigma[0], sigma[9]), (17, 0.08, 0.0));
    assert_eq!(person["unseen"].to_string(), "[9]");
    assert!(person.get("unsure").is_none());
}

#[test]
fn people_beyond_the_largest_sigma_are_marked_and_counted() {
    let bench = Bench::with(&sure());
    let doubted = line(1, &[(17, 1.0)]).replace(",0.8]", ",0.9]");
    let input = [line(0, &[(17, 1.0)]), doubted].concat();
    let output = feed(bench.run().args(["--max-sigma", "0.085", "--json", "--quiet"]), &input);
    assert_code(&output, 0);
    let people: Vec<_> = frames(&stdout(&output)).iter().map(|frame| frame["people"][0]["unsure"].clone()).collect();
    assert_eq!(people, [Value::Null, Value::Bool(true)]);
    let summary: Value = serde_json::from_str(stderr(&output).lines().last().unwrap()).unwrap();
    assert_eq!(summary["unsure"], 1);
    let printed = stderr(&feed(bench.run().args(["--max-sigma", "0.085"]), &input));
    assert!(printed.contains("2 of 2 people lifted, 1 of them unsure"), "{printed}");
}

#[test]
fn sigma_of_a_model_without_it_is_refused() {
    let bench = Bench::new();
    let out = bench.path("poses.jsonl");
    for option in [&["--sigma"][..], &["--max-sigma", "0.1"]] {
        let output = feed(bench.run().args(option).arg("-o").arg(&out), &line(0, &[(17, 1.0)]));
        assert_code(&output, 2);
        assert!(stderr(&output).contains("small.onnx: the model small gives poses alone"), "{}", stderr(&output));
        assert!(!out.exists());
    }
}

#[test]
fn what_has_no_room_for_sigma_is_refused() {
    let bench = Bench::with(&sure());
    let out = bench.path("poses.npy");
    let output = feed(bench.run().args(["--sigma", "-o"]).arg(&out), &line(0, &[(17, 1.0)]));
    assert_code(&output, 2);
    let printed = stderr(&output);
    assert!(printed.contains("holds one array") && printed.contains("hint: "), "{printed}");
    assert!(!out.exists());
    // A page shows it.
    assert_code(&feed(bench.run().args(["--sigma", "-o"]).arg(bench.path("poses.html")), &line(0, &[(17, 1.0)])), 0);
    let out = bench.path("poses.npz");
    assert_code(&feed(bench.run().args(["--sigma", "-o"]).arg(&out), &line(0, &[(17, 1.0)])), 0);
    let mut archive = zip::ZipArchive::new(std::fs::File::open(out).unwrap()).unwrap();
    assert_eq!(archive.by_name("sigma.npy").unwrap().size(), 128 + 17 * 4);
}

#[test]
fn info_says_where_people_are_seen_from_and_what_comes_out() {
    let bench = Bench::with(&SmallModel { sigma: true, ..subject() });
    let text = stdout(&poselift().arg("info").arg(bench.path("small.onnx")).output().unwrap());
    assert!(text.contains("pose float32 [batch, 17, 3], custom, m, camera axes"), "{text}");
    assert!(text.contains("sigma float32 [batch, 17], m, what 68 % of a joint's errors stay within"), "{text}");
    assert!(text.contains("subject: people turned to the optical axis first"), "{text}");
}

/// The shipped model in f32: a mirrored person has the mirrored pose.
#[test]
fn a_mirror_image_lifts_to_the_mirror_image() {
    const WIDTH: f64 = 1000.0;
    let side = mirrored(COCO17.joints);
    let point = |joint: usize| {
        let way = joint as f64;
        [420.0 + 90.0 * (way * 1.7).sin(), 300.0 + 14.0 * way, 0.4 + 0.03 * way]
    };
    let seen: Vec<[f64; 3]> = (0..COCO17.len()).map(point).collect();
    let twin: Vec<[f64; 3]> = side.iter().map(|&joint| seen[joint]).map(|[x, y, s]| [WIDTH - x, y, s]).collect();
    let line = |keypoints: &[[f64; 3]]| {
        let people = serde_json::json!([{ "id": 0, "keypoints": keypoints }]);
        format!("{}\n", serde_json::json!({ "frame": 0, "size": [WIDTH, 800.0], "people": people }))
    };
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/coco17.onnx");
    let lift = |keypoints: &[[f64; 3]]| {
        joints(&feed(poselift().args(["run", "--model", model, "--device", "cpu"]), &line(keypoints)))
    };
    let (own, twin) = (lift(&seen), lift(&twin));
    let side = mirrored(H36M17.joints);
    let back: Vec<[f64; 3]> = side.iter().map(|&joint| twin[joint]).map(|[x, y, z]| [-x, y, z]).collect();
    let apart = own.as_flattened().iter().zip(back.as_flattened()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(apart < 2e-5, "{apart} m");
}

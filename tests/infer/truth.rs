//! `poselift eval --truth`: real poses beside markers, and files of our own writers read as recordings.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};

use crate::program::{CLIP, assert_code, poselift, shared, stderr};
use serde_json::Value;

/// What `eval --truth` says of the poses, as JSON.
fn compared(poses: &Path, truth: &Path) -> Value {
    let output = poselift().args(["eval", "--json", "--stream"]).arg(poses).arg("--truth").arg(truth).output().unwrap();
    assert_code(&output, 0);
    serde_json::from_slice(&output.stdout).unwrap()
}

fn lift(clip: &Path, poses: &Path, options: &[&str]) {
    let output = poselift().arg("run").arg(clip).arg("-o").arg(poses).args(options).output().unwrap();
    assert_code(&output, 0);
}

#[test]
fn files_that_were_written_here_agree_with_the_poses_that_they_came_from() {
    let folder = tempfile::tempdir().unwrap();
    let poses = folder.path().join("poses.jsonl");
    lift(Path::new(CLIP), &poses, &[]);
    for name in ["clip.trc", "clip.c3d"] {
        let converted = poselift().arg("convert").arg(&poses).arg("-o").arg(folder.path().join(name)).output().unwrap();
        assert_code(&converted, 0);
        let files: Vec<PathBuf> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        let extension = Path::new(name).extension();
        let file = files.iter().find(|file| file.extension() == extension).unwrap();
        let report = compared(&poses, file);
        // Both hold tenths or hundredths of millimetres.
        assert!(report["mpjpe_mm"].as_f64().unwrap() < 0.5, "{name}: {report}");
        assert!(report["shift_s"].as_f64().unwrap().abs() < 0.004, "{name}: {report}");
        assert_eq!(report["angles"].as_array().unwrap().len(), 6);
    }
}

#[test]
fn recordings_beside_markers_have_the_errors_that_were_measured() {
    let Some(recordings) = shared("data/truth") else { return };
    let folder = tempfile::tempdir().unwrap();
    // Millimetres by another's program, with one rotation a clip (README of the data), and a focal length of 1.2 longer sides.
    for (clip, mpjpe, p_mpjpe) in [("walk_ts", 48.3, 38.6), ("squat", 53.9, 40.7)] {
        let poses = folder.path().join(format!("{clip}.jsonl"));
        lift(
            &recordings.join(format!("{clip}.full.mediapipe33.jsonl")),
            &poses,
            &["--device", "cpu", "--focal", "1536", "--sigma"],
        );
        let report = compared(&poses, &recordings.join(format!("{clip}.truth.json")));
        println!("{clip}: {report}");
        assert!((report["mpjpe_mm"].as_f64().unwrap() - mpjpe).abs() < 1.0, "{clip}: {report}");
        assert!((report["p_mpjpe_mm"].as_f64().unwrap() - p_mpjpe).abs() < 1.0, "{clip}: {report}");
        assert!(report["shift_s"].as_f64().unwrap().abs() < 0.06, "{clip}: {report}");
        // Meant to be 0.68.
        assert!((0.5..0.8).contains(&report["within_sigma"].as_f64().unwrap()), "{clip}: {report}");
    }
}

#[test]
fn a_memory_that_looks_ahead_errs_less_beside_markers() {
    let Some(recordings) = shared("data/truth") else { return };
    let folder = tempfile::tempdir().unwrap();
    let poses = folder.path().join("poses.jsonl");
    let [mut alone, mut ahead] = [0.0; 2];
    for clip in ["walk_ts", "squat"] {
        let truth = recordings.join(format!("{clip}.truth.json"));
        for detector in ["full", "heavy"] {
            let points = recordings.join(format!("{clip}.{detector}.mediapipe33.jsonl"));
            let mpjpe = |options: &[&str]| {
                lift(&points, &poses, &[&["--device", "cpu", "--model", "coco17-memory"], options].concat());
                compared(&poses, &truth)["mpjpe_mm"].as_f64().unwrap() / 4.0
            };
            alone += mpjpe(&[]);
            ahead += mpjpe(&["--look-ahead", "1"]);
        }
    }
    println!("MPJPE {alone} mm, looking ahead {ahead} mm");
    assert!(ahead < 0.98 * alone, "{ahead}, {alone}");
}

/// Whether the truth's ankle of each frame is slower than 0.4 m/s, by its time in seconds; shared recordings have one track.
fn standing(truth: &Value, joint: &str) -> Vec<(f64, bool)> {
    let place = truth["joints"].as_array().unwrap().iter().position(|name| name == joint).unwrap();
    let times: Vec<f64> = truth["time"].as_array().unwrap().iter().map(|time| time.as_f64().unwrap()).collect();
    let at = |frame: usize, axis: usize| truth["positions"][frame][place][axis].as_f64().unwrap();
    let speed = |frame: usize| {
        let way = (0..3).map(|axis| (at(frame + 5, axis) - at(frame - 5, axis)).powi(2)).sum::<f64>().sqrt();
        way / (times[frame + 5] - times[frame - 5])
    };
    (5..times.len() - 5).map(|frame| (times[frame], speed(frame) < 0.4)).collect()
}

#[test]
fn feet_stand_where_markers_stand_still() {
    let Some(recordings) = shared("data/truth") else { return };
    let folder = tempfile::tempdir().unwrap();
    let poses = folder.path().join("poses.jsonl");
    for (clip, least) in [("walk_ts", 0.9), ("squat", 0.99)] {
        let truth = recordings.join(format!("{clip}.truth.json"));
        lift(&recordings.join(format!("{clip}.heavy.mediapipe33.jsonl")), &poses, &["--device", "cpu", "--contacts"]);
        let shift = compared(&poses, &truth)["shift_s"].as_f64().unwrap();
        let truth: Value = serde_json::from_slice(&std::fs::read(&truth).unwrap()).unwrap();
        let text = std::fs::read_to_string(&poses).unwrap();
        let frames: Vec<Value> = text.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
        let (mut agreed, mut all) = (0, 0);
        for side in ["left", "right"] {
            let standing = standing(&truth, &format!("{side}_ankle"));
            for frame in &frames {
                let time = frame["time"].as_f64().unwrap() + shift;
                let Some(contact) = frame["people"][0]["contacts"][side].as_bool() else { continue };
                let Some((_, stands)) = standing.iter().find(|(at, _)| (at - time).abs() < 0.006) else { continue };
                all += 1;
                agreed += i32::from(contact == *stands);
            }
        }
        println!("{clip}: {agreed} of {all}");
        assert!(all > 100 && f64::from(agreed) > least * f64::from(all), "{clip}: {agreed} of {all}");
    }
}

#[test]
fn what_cannot_be_compared_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let poses = folder.path().join("poses.jsonl");
    lift(Path::new(CLIP), &poses, &[]);
    let truth = folder.path().join("truth.json");
    let eval = |text: &str| {
        std::fs::write(&truth, text).unwrap();
        let output = poselift().args(["eval", "--stream"]).arg(&poses).arg("--truth").arg(&truth).output().unwrap();
        assert_code(&output, 2);
        stderr(&output)
    };
    let late = r#"{"joints":["RHip","LHip"],"time":[500,501],"positions":[[[0,1,0],[0,1,1]],[[0,1,0],[0,1,1]]]}"#;
    assert!(eval(late).contains("truth.json: the poses' times, 0.00 to"), "{}", eval(late));
    let hipless = r#"{"joints":["sacrum"],"fps":10,"positions":[[[0,1,0]]]}"#;
    assert!(eval(hipless).contains("no right_hip among its joints (sacrum)"), "{}", eval(hipless));
    assert!(eval("hello").contains("expected TRC, C3D or JSON"));
    let whole = folder.path().join("whole.c3d");
    assert!(poselift().arg("convert").arg(&poses).arg("-o").arg(&whole).status().unwrap().success());
    let bytes = std::fs::read(&whole).unwrap();
    std::fs::write(&truth, &bytes[..bytes.len() / 2 + 3]).unwrap();
    let output = poselift().args(["eval", "--stream"]).arg(&poses).arg("--truth").arg(&truth).output().unwrap();
    assert!(stderr(&output).contains("of 230 frames: it is cut off"), "{}", stderr(&output));
    let python = r#"{"joints":["sacrum"],"fps":10,"positions":[[[NaN,1,-Infinity]]]}"#;
    assert!(eval(python).contains("no right_hip among its joints"), "NaN is read: {}", eval(python));
}

//! `poselift eval` as a user runs it: a small model whose answers are known, on an archive written here.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod small_model;

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use small_model::SmallModel;
use zip::write::SimpleFileOptions;

/// An `.npy` of `<f4` values.
fn npy(shape: [usize; 3], values: &[f32]) -> Vec<u8> {
    let [n, joints, channels] = shape;
    let mut header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({n}, {joints}, {channels}), }}").into_bytes();
    header.resize((10 + header.len() + 1).next_multiple_of(64) - 10 - 1, b' ');
    header.push(b'\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header);
    file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    file
}

/// Three samples of what the model gives, key points times 0.001, but for 0.2 m at the nose of the second. With a
/// `gap` the third has no visible joint.
fn write_pairs(path: &Path, joints_3d: usize, gap: bool) {
    let mut keypoints = Vec::new();
    let mut poses = Vec::new();
    for sample in 0..3 {
        for joint in 0..17 {
            let (x, y) = ((100 * sample + 10 * joint) as f32, (7 * joint * joint) as f32);
            let score = if gap && sample == 2 { 0.0 } else { 1.0 };
            keypoints.extend([x, y, score]);
            if joint < joints_3d {
                let off = if sample == 1 && joint == 0 { 0.2 } else { 0.0 };
                poses.extend([x * 0.001, y * 0.001, score * 0.001 + off]);
            }
        }
    }
    let mut archive = zip::ZipWriter::new(File::create(path).unwrap());
    for (name, bytes) in
        [("joint_2d_1.npy", npy([3, 17, 3], &keypoints)), ("joint_3d.npy", npy([3, joints_3d, 3], &poses))]
    {
        archive
            .start_file(name, SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored))
            .unwrap();
        archive.write_all(&bytes).unwrap();
    }
    archive.finish().unwrap();
}

/// The program's answer about `joints_3d` true joints, with or without a sample that cannot be lifted.
fn eval(joints_3d: usize, gap: bool, options: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let (model, data) = (folder.path().join("small.onnx"), folder.path().join("pairs.npz"));
    std::fs::write(&model, SmallModel::default().to_bytes()).unwrap();
    write_pairs(&data, joints_3d, gap);
    let mut command = Command::new(env!("CARGO_BIN_EXE_poselift"));
    command.arg("eval").args([&model, &data]).args(["--device", "cpu"]).args(options);
    command.stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn says_the_figures_as_json() {
    let output = eval(17, false, &["--json"]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let figure = |name: &str| report[name].as_f64().unwrap();
    assert_eq!((&report["samples"], &report["not_lifted"]), (&Value::from(3), &Value::from(0)));
    assert_eq!(report["unit"], "mm");
    // 200 mm at one of 17 joints in one of three samples.
    assert!((figure("mpjpe") - 200.0 / 17.0 / 3.0).abs() < 1e-2, "{report}");
    assert!((figure("pck_150") - 50.0 / 51.0).abs() < 1e-9, "{report}");
    assert!(figure("p_mpjpe") > 0.0 && figure("auc") > 0.9 && figure("n_mpjpe") > 0.0, "{report}");
    let joints = report["per_joint"].as_object().unwrap();
    assert_eq!(joints.len(), 17);
    assert!((joints["nose"].as_f64().unwrap() - 200.0 / 3.0).abs() < 1e-2, "{report}");
}

#[test]
fn says_the_figures_as_a_table() {
    let output = eval(17, false, &[]);
    assert_eq!(output.status.code(), Some(0));
    let table = text(&output.stdout);
    assert!(table.contains("\nMPJPE    3.9 mm\n"), "{table}");
    assert!(table.contains("\nPCK@150  98.0 %\n"), "{table}");
    assert!(table.contains("\nnose            66.7\n"), "{table}");
}

#[test]
fn names_what_it_could_not_lift() {
    let output = eval(17, true, &["--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("1 of 3 samples could not be lifted"), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["samples"], &report["not_lifted"]), (&Value::from(2), &Value::from(1)));
}

#[test]
fn refuses_other_joints() {
    let output = eval(15, false, &[]);
    assert_eq!(output.status.code(), Some(2));
    let message = text(&output.stderr);
    assert!(message.contains("pairs.npz: 'joint_3d' has 15 joints, but the model gives 17"), "{message}");
    assert!(message.contains("hint:"), "{message}");
}

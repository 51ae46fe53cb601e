//! `poselift eval` as a user runs it: a small model whose answers are known, on an archive written here.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::program::{Bench, assert_code, feed, line, poselift, stderr, stdout};
use crate::small_model::SmallModel;
use serde_json::Value;
use zip::write::SimpleFileOptions;

/// An `.npy` of `<f4` values.
fn npy(shape: &[usize], values: &[f32]) -> Vec<u8> {
    let sides: String = shape.iter().map(|side| format!("{side}, ")).collect();
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({sides}), }}").into_bytes();
    header.resize((10 + header.len() + 1).next_multiple_of(64) - 10 - 1, b' ');
    header.push(b'\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header);
    file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    file
}

/// Three samples of the model's output, key points times 0.001, except for 0.2 m at the nose of the second. With a
/// `gap` the third has no visible joint. `more` arrays are added to the archive.
fn write_pairs(path: &Path, joints_3d: usize, gap: bool, more: &[(&str, Vec<u8>)]) {
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
    let pairs = [("joint_2d_1.npy", npy(&[3, 17, 3], &keypoints)), ("joint_3d.npy", npy(&[3, joints_3d, 3], &poses))];
    for (name, bytes) in pairs.iter().chain(more) {
        archive
            .start_file(*name, SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored))
            .unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap();
}

/// The program's output for `joints_3d` true joints, with or without a sample that cannot be lifted.
fn eval(joints_3d: usize, gap: bool, options: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let (model, data) = (folder.path().join("small.onnx"), folder.path().join("pairs.npz"));
    std::fs::write(&model, SmallModel::default().to_bytes()).unwrap();
    write_pairs(&data, joints_3d, gap, &[]);
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

#[test]
fn people_are_turned_as_the_file_says_they_were_seen() {
    let bench = Bench::with(&SmallModel { view: poselift::model::View::Subject, sigma: true, ..SmallModel::default() });
    let report = |more: &[(&str, Vec<u8>)], options: &[&str]| {
        let data = bench.path("pairs.npz");
        write_pairs(&data, 17, false, more);
        let mut command = poselift();
        command.arg("eval").args([&bench.path("small.onnx"), &data]).args(["--device", "cpu", "--json"]).args(options);
        let output = command.output().unwrap();
        assert_code(&output, 0);
        (serde_json::from_str::<Value>(&stdout(&output)).unwrap(), stderr(&output))
    };
    let (unknown, printed) = report(&[], &[]);
    assert!(printed.contains("pairs.npz: image size unknown") && printed.contains("give --size WxH"), "{printed}");
    assert_eq!((&unknown["view"], &unknown["turned"]), (&"subject".into(), &false.into()));
    // The small model's sigma is 100 mm, and one joint of 51 is 200 mm off.
    assert!((unknown["within_sigma"].as_f64().unwrap() - 50.0 / 51.0).abs() < 1e-9, "{unknown}");
    let size = ("size.npy", npy(&[2], &[1000.0, 800.0]));
    let (usual, printed) = report(std::slice::from_ref(&size), &[]);
    assert_eq!((&usual["turned"], printed.as_str()), (&true.into(), ""));
    assert_ne!(usual["mpjpe"], unknown["mpjpe"]);
    assert_eq!(usual["mpjpe"], report(&[], &["--size", "1000x800"]).0["mpjpe"]);
    let (known, _) = report(&[size.clone(), ("focal.npy", npy(&[3], &[700.0; 3]))], &["--focal", "9000"]);
    assert_ne!(known["mpjpe"], usual["mpjpe"]);
    assert_eq!(known["mpjpe"], report(std::slice::from_ref(&size), &["--focal", "700"]).0["mpjpe"]);
    // A camera file without distortion is the same camera; one with a lens is another.
    let camera = |distortion: &str| {
        let text = format!(
            "{{\"K\": [[700, 0, 500], [0, 700, 400], [0, 0, 1]], \"size\": [1000, 800], \"dist\": {distortion}}}"
        );
        bench.file("camera.json", text).to_str().unwrap().to_owned()
    };
    let mpjpe = |file: &str| report(&[], &["--camera", file]).0["mpjpe"].as_f64().unwrap();
    assert!((mpjpe(&camera("[0, 0, 0, 0]")) - known["mpjpe"].as_f64().unwrap()).abs() < 1e-3);
    assert!((mpjpe(&camera("[-0.05, 0, 0, 0]")) - known["mpjpe"].as_f64().unwrap()).abs() > 1.0);
}

/// Three frames of one person by the small model: joint j at (x + j) / 1000 along x and y.
fn poses(bench: &Bench) -> String {
    let input: String = [1.0, 11.0, 1.0].iter().enumerate().map(|(frame, &x)| line(frame, &[(17, x)])).collect();
    stdout(&feed(bench.run().args(["--fps", "10"]), &input))
}

#[test]
fn a_stream_is_measured_by_itself() {
    let bench = Bench::new();
    // The small model's skeleton has no bones: the left and the right arm get one each.
    let parents = ["-1"; 17].join(",");
    let bones = ["-1,-1,-1,-1,-1,-1,-1,5,6", &["-1"; 8].join(",")].join(",");
    let stream = poses(&bench).replacen(&parents, &bones, 1);
    let file = bench.file("poses.jsonl", &stream);
    let output = poselift().args(["eval", "--json", "--stream"]).arg(&file).output().unwrap();
    assert_code(&output, 0);
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!((&report["frames"], &report["people"], &report["tracks"]), (&3.into(), &3.into(), &1.into()));
    // Both bones always go two pixels along both axes.
    let bone = &report["bones"][0];
    assert_eq!((&bone["joint"], &bone["parent"]), (&"left_elbow".into(), &"left_shoulder".into()));
    assert!((bone["length"].as_f64().unwrap() - 0.002 * 2f64.sqrt()).abs() < 1e-6, "{report}");
    assert!(bone["deviation"].as_f64().unwrap() < 1e-4 && report["asymmetry"].as_f64().unwrap() < 1e-4, "{report}");
    assert_eq!(report["pairs"].as_array().unwrap().len(), 1);
    // 10 mm forward and back on both axes within a tenth of a second each: accelerations of 20 mm / 0.1².
    assert!((report["jitter"].as_f64().unwrap() - 2.0 * 2f64.sqrt()).abs() < 1e-3, "{report}");
    let piped = feed(poselift().args(["eval", "--stream", "-"]), &stream);
    assert_code(&piped, 0);
    assert!(stdout(&piped).contains("jitter                 2.83 m/s^2"), "{}", stdout(&piped));
}

#[test]
fn a_stream_with_a_broken_line_is_measured_all_the_same() {
    let bench = Bench::new();
    let stream = poses(&bench) + "{\"frame\":3}\n";
    let output = feed(poselift().args(["eval", "--stream", "-"]), &stream);
    assert_code(&output, 1);
    assert!(stderr(&output).contains("<stdin>:5: the frame has no 'people'"), "{}", stderr(&output));
    assert!(stdout(&output).contains("3, and 1 that could not be read"), "{}", stdout(&output));
    let header = stream.lines().next().unwrap().to_owned() + "\n{\"people\":[]}\n";
    let no_people = feed(poselift().args(["eval", "--stream", "-"]), &header);
    assert_code(&no_people, 2);
    assert!(stderr(&no_people).contains("<stdin>: no person in any of the 1 frames"), "{}", stderr(&no_people));
}

#[test]
fn data_and_a_stream_are_two_things() {
    let bench = Bench::new();
    let file = bench.file("poses.jsonl", "");
    for arguments in [&["eval"][..], &["eval", "pairs.npz", "--stream"], &["eval", "--size", "10x10", "--stream"]] {
        let mut command = poselift();
        command.args(arguments);
        if arguments.contains(&"--stream") {
            command.arg(&file);
        }
        assert_code(&command.output().unwrap(), 2);
    }
}

#[test]
fn one_file_is_the_data_and_the_model_the_bundled_one() {
    let bench = Bench::new();
    let data = bench.path("pairs.npz");
    write_pairs(&data, 17, false, &[]);
    let output = poselift().args(["eval", "--json", "--device", "cpu"]).arg(&data).output().unwrap();
    assert_code(&output, 0);
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    // Its twin for CPUs.
    assert_eq!(report["model"], "coco17-int8");
}

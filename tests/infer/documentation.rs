//! The commands of the README, of the guide and of the documents beside it, run as they stand there, in a folder that holds
//! the files that they name.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::program::{CLIP, assert_code, poselift};
use crate::small_model::SmallModel;

pub(crate) const DOCUMENTS: [&str; 3] = ["README.md", "docs/guide.md", "docs/exports.md"];

/// Commands that are not run here, by their beginning or a part of them, and why.
const LEFT_OUT: [(&str, &str); 10] = [
    ("make ", "builds the project"),
    ("cc ", "needs the C library; tests/c/examples.rs runs it"),
    ("poselift-train ", "another program, whose tests run its commands"),
    ("cargo ", "builds other projects"),
    ("poselift serve", "runs until it is stopped; tests/infer/serve/guide.rs does it"),
    ("curl ", "asks a server; tests/infer/serve/guide.rs does it"),
    ("pip install ", "asks a registry; python/wheel.py installs the package"),
    (" --listen ", "runs until it is stopped; tests/infer/live.rs does it"),
    (" --follow ", "runs until it is stopped; tests/infer/live.rs does it"),
    ("poselift bench", "measures for minutes"),
];

/// MediaPipe's points of the joints of COCO-17, in its order.
const COCO17: [usize; 17] = [0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28];
/// And of BODY_25; two points mean the middle between them.
const BODY25: [[usize; 2]; 25] = [
    [0, 0],
    [11, 12],
    [12, 12],
    [14, 14],
    [16, 16],
    [11, 11],
    [13, 13],
    [15, 15],
    [23, 24],
    [24, 24],
    [26, 26],
    [28, 28],
    [23, 23],
    [25, 25],
    [27, 27],
    [5, 5],
    [2, 2],
    [8, 8],
    [7, 7],
    [31, 31],
    [31, 31],
    [29, 29],
    [32, 32],
    [32, 32],
    [30, 30],
];
const SIZE: [f64; 2] = [1768.0, 994.0];

/// The commands of a document's shell blocks.
pub(crate) fn commands(document: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(document)).unwrap();
    let mut commands = Vec::new();
    let mut is_shell = false;
    for line in text.lines() {
        if line.starts_with("```") {
            is_shell = line == "```sh";
        } else if is_shell && !line.trim().is_empty() {
            commands.push(line.to_owned());
        }
    }
    commands
}

/// The points `[33][x, y, score]` of each frame of the demonstration clip.
fn clip() -> Vec<Vec<[f64; 3]>> {
    let frames = fs::read_to_string(CLIP).unwrap();
    let points = |line: &str| {
        let frame: Value = serde_json::from_str(line).unwrap();
        serde_json::from_value(frame["people"][0]["keypoints"].clone()).ok()
    };
    frames.lines().filter_map(points).collect()
}

/// The files that the documents name.
fn furnish(folder: &Path) {
    let file = |name: &str| folder.join(name);
    for name in ["clip.jsonl", "keypoints.jsonl", "walk.jsonl"] {
        fs::copy(CLIP, file(name)).unwrap();
    }
    for folder in ["clips", "openpose_json", "cam01_json", "labels", "bin", "models"] {
        fs::create_dir(file(folder)).unwrap();
    }
    for model in ["coco17-memory.onnx", "coco23-int8.onnx"] {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models").join(model);
        fs::copy(shipped, file("models").join(model)).unwrap();
    }
    for name in ["clips/a.jsonl", "clips/b.jsonl"] {
        fs::copy(CLIP, file(name)).unwrap();
    }
    let clip = clip();
    assert!(clip.len() > 140, "a figure of the guide shows frame 140");
    let mut results = Vec::new();
    for (number, points) in clip.iter().enumerate() {
        let body: Vec<f64> =
            BODY25.iter().flat_map(|&[a, b]| [0, 1, 2].map(|at| (points[a][at] + points[b][at]) / 2.0)).collect();
        let openpose = json!({"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": body}]}).to_string();
        for folder in ["openpose_json", "cam01_json"] {
            fs::write(file(folder).join(format!("walk_{number:012}_keypoints.json")), &openpose).unwrap();
        }
        let coco = COCO17.map(|joint| points[joint]);
        results.push(json!({"image_id": number, "category_id": 1, "score": 0.9, "keypoints": coco.concat()}));
        let mut label = "0 0.5 0.5 0.2 0.8".to_owned();
        for [x, y, score] in coco {
            write!(label, " {} {} {score}", x / SIZE[0], y / SIZE[1]).unwrap();
        }
        fs::write(file("labels").join(format!("walk_{number}.txt")), label + "\n").unwrap();
    }
    fs::write(file("results.json"), Value::from(results).to_string()).unwrap();
    write_cameras(folder);
    fs::write(file("model.onnx"), SmallModel::default().to_bytes()).unwrap();
    write_pairs(&file("test.npz"));
    script(&file("bin/my-detector"), "cat keypoints.jsonl");
    script(&file("bin/my-viewer"), "cat > /dev/null");
    for output in ["poses.jsonl", "raw.jsonl", "smooth.jsonl", "poses.npz", "markers.trc"] {
        assert_code(&poselift().arg("run").arg(file("clip.jsonl")).arg("-o").arg(file(output)).output().unwrap(), 0);
    }
    if !file("markers.trc").exists() {
        fs::rename(file("markers_person0.trc"), file("markers.trc")).unwrap();
    }
}

fn write_cameras(folder: &Path) {
    let matrix = "[[1500.0, 0.0, 884.0], [0.0, 1500.0, 497.0], [0.0, 0.0, 1.0]]";
    let camera = |section: &str, name: &str| {
        format!(
            "[{section}]\nname = \"{name}\"\nsize = [1768.0, 994.0]\nmatrix = {matrix}\n\
             distortions = [-0.1, 0.01, 0.0, 0.0]\nrotation = [1.5, 0.0, 0.0]\ntranslation = [0.0, 0.0, 4.0]\nfisheye = false\n\n"
        )
    };
    fs::write(folder.join("Calib.toml"), camera("cam01", "cam01") + &camera("cam02", "cam02")).unwrap();
    fs::write(folder.join("calibration.toml"), camera("cam_0", "A") + &camera("cam_1", "B")).unwrap();
    let opencv = "%YAML:1.0\n---\nimage_width: 1768\nimage_height: 994\ncamera_matrix: !!opencv-matrix\n   rows: 3\n   \
                  cols: 3\n   dt: d\n   data: [ 1500., 0., 884., 0., 1500., 497., 0., 0., 1. ]\n\
                  distortion_coefficients: !!opencv-matrix\n   rows: 1\n   cols: 5\n   dt: d\n   \
                  data: [ -0.1, 0.01, 0., 0., 0. ]\n";
    fs::write(folder.join("camera.yml"), opencv).unwrap();
}

/// Pairs that the small model lifts without an error.
fn write_pairs(path: &Path) {
    let keypoints = ndarray::Array3::from_shape_fn((4, 17, 3), |(n, joint, channel)| match channel {
        2 => 1.0,
        _ => (100 * n + 10 * joint + 300 * channel) as f32,
    });
    let mut archive = poselift::format::NpzWriter::new(fs::File::create(path).unwrap());
    archive.add("joint_2d_1", &keypoints).unwrap();
    archive.add("joint_3d", &(&keypoints * 0.001)).unwrap();
    archive.finish().unwrap();
}

fn script(path: &Path, command: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, format!("#!/bin/sh\n{command}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_documents_commands_run() {
    let folder = tempfile::tempdir().unwrap();
    furnish(folder.path());
    let program = Path::new(env!("CARGO_BIN_EXE_poselift")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{}:{path}", folder.path().join("bin").display(), program.display());
    let mut failed = Vec::new();
    let mut count = 0;
    for document in DOCUMENTS {
        for command in commands(document) {
            if LEFT_OUT.iter().any(|(part, _)| command.starts_with(part) || command.contains(part)) {
                continue;
            }
            // Named pipes are inputs that a detector writes.
            for fifo in ["cam1.fifo", "cam2.fifo"].iter().filter(|fifo| command.contains(*fifo)) {
                fs::copy(folder.path().join("clip.jsonl"), folder.path().join(fifo)).unwrap();
            }
            let shell = Command::new("sh")
                .args(["-c", &command])
                .current_dir(folder.path())
                .env("PATH", &path)
                .stdin(Stdio::null())
                .output()
                .unwrap();
            count += 1;
            if !shell.status.success() {
                let said = String::from_utf8_lossy(&shell.stderr).into_owned();
                failed.push(format!("{document}: {command}\n{}\n{said}", shell.status));
            }
        }
    }
    assert!(failed.is_empty(), "{} of {count} commands failed:\n\n{}", failed.len(), failed.join("\n"));
    assert!(count > 25, "only {count} commands were found");
    for written in ["walk.trc", "poses.html", "pose.svg", "figure.gif", "poses.bvh", "poses.csv"] {
        let stem = Path::new(written).file_stem().unwrap().to_str().unwrap();
        let extension = Path::new(written).extension().unwrap().to_str().unwrap();
        let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let is_it = |name: &String| name.starts_with(stem) && name.ends_with(extension);
        assert!(names.into_iter().any(|name| is_it(&name)), "no {written}");
    }
}

//! The program `poselift-train fit`: what it learns, which files it leaves, and that a killed run resumes to the same
//! numbers.
#![allow(clippy::unwrap_used, reason = "a test that cannot set up should fail")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ndarray::{Array3, s};
use ndarray_npy::NpzWriter;
use poselift::model::{Batch, ModelFile, PoseNetwork};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::skips::shared;

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_poselift-train"));
    command.env("OMP_NUM_THREADS", "1").stdin(Stdio::null());
    command
}

fn fit(arguments: &[&str], out: &Path) -> std::process::Output {
    program().arg("fit").args(arguments).arg("--out").arg(out).output().unwrap()
}

fn assert_success(output: &std::process::Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Lines of history.csv without their last column, the seconds.
fn history(run: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(run.join("history.csv")).unwrap();
    text.lines().map(|line| line.rsplit_once(',').unwrap().0.to_owned()).collect()
}

/// The tensors of a checkpoint, without the times.
fn checkpoint(run: &Path) -> Vec<(String, tch::Tensor)> {
    let mut tensors = tch::Tensor::read_safetensors(run.join("checkpoint.safetensors")).unwrap();
    tensors.retain(|(name, _)| name != "times");
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    tensors
}

const SMALL: [&str; 12] = [
    "--data",
    "synthetic:3000",
    "--hidden",
    "64",
    "--epochs",
    "2",
    "--validate-every",
    "25",
    "--checkpoint-every",
    "5",
    "--device",
    "cpu",
];

/// An exported run, by its card.
fn export(run: &Path, to: &Path) -> poselift::model::Card {
    assert_success(&program().arg("export").arg(run).arg("-o").arg(to).output().unwrap());
    ModelFile::read(to).unwrap().card().clone()
}

#[test]
fn a_small_network_learns_from_a_larger_one_and_keeps_to_a_mirror() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    assert_success(&fit(&SMALL, &at("large")));
    let card = export(&at("large"), &at("large.onnx"));
    assert!(!card.network.mirror && card.training.teacher.is_none());
    let teacher = at("large.onnx");
    let taught = [&SMALL[..2], &["--hidden", "32", "--epochs", "1", "--mirror", "on", "--sigma", "on"]].concat();
    let taught = [&taught[..], &["--device", "cpu", "--teacher", teacher.to_str().unwrap()]].concat();
    assert_success(&fit(&taught, &at("small")));
    let small = export(&at("small"), &at("small.onnx"));
    let named = small.training.teacher.unwrap();
    assert!(named.contains("large") && named.contains(&card.weights_sha256), "{named}");
    assert!(small.network.mirror && small.network.hidden == 32);

    // A person and the mirror image, about the centre that features are relative to anyway.
    let mut session = poselift::model::open(at("small.onnx"), &poselift::model::SessionOptions::default()).unwrap();
    let joints = card.input.joints.len();
    let other = poselift::skeleton::mirrored(&card.input.joints);
    let place = |joint: usize, axis: usize| 100.0 + ((joint * 3 + axis) as f32 * 2.4).sin() * 80.0;
    let keypoints = Array3::from_shape_fn((2, joints, 3), |(person, joint, axis)| match (person, axis) {
        (_, 2) => 0.5 + 0.02 * (if person == 0 { joint } else { other[joint] }) as f32,
        (0, axis) => place(joint, axis),
        (_, 0) => 640.0 - place(other[joint], 0),
        (_, axis) => place(other[joint], axis),
    });
    let mut poses = Array3::zeros((2, card.output.joints.len(), 3));
    let batch = Batch::new(session.card(), keypoints.view(), poses.view_mut(), None).unwrap();
    session.run(batch).unwrap();
    let other = poselift::skeleton::mirrored(&card.output.joints);
    for (joint, axis) in (0..other.len()).flat_map(|joint| (0..3).map(move |axis| (joint, axis))) {
        let (own, twin) = (poses[(0, joint, axis)], poses[(1, other[joint], axis)]);
        let twin = if axis == 0 { -twin } else { twin };
        assert!((own - twin).abs() < 1e-5, "joint {joint}, axis {axis}: {own} and {twin}");
    }
}

#[test]
fn teachers_and_mirrors_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert_success(&fit(&SMALL, &folder.path().join("run")));
    let model = folder.path().join("coco17.onnx");
    export(&folder.path().join("run"), &model);
    let h36m = ["--data", "synthetic:100", "--layout", "h36m17", "--teacher", model.to_str().unwrap()];
    let refused = |arguments: &[&str], expected: &str| {
        let output = fit(arguments, &folder.path().join("refused"));
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && message.contains(expected), "{message}");
    };
    refused(&h36m, "the teacher lifts coco17 to h36m17 in m, expected h36m17 to h36m17 in m");
    refused(&["--mirror", "on", "--hidden", "63"], "--hidden 63 with --mirror on, expected an even number");
    let pairs = folder.path().join("pairs.npz");
    let mut file = NpzWriter::new(std::fs::File::create(&pairs).unwrap());
    file.add_array("joint_2d_1", &Array3::<f32>::from_elem((10, 3, 2), 1.0)).unwrap();
    file.add_array("joint_3d", &Array3::<f32>::from_elem((10, 3, 3), 1.0)).unwrap();
    file.finish().unwrap();
    let pairs = pairs.to_str().unwrap();
    refused(&["--mirror", "on", "--data", pairs], "--mirror on, but paired arrays do not say");
    for option in
        [["--val-subjects", "s01"], ["--layout", "coco23"], ["--noise", "0"], ["--rarity", "0"], ["--rate", "50"]]
    {
        let expected = format!("{}, but the data are paired arrays, expected motion", option[0]);
        refused(&[&option[..], &["--data", pairs]].concat(), &expected);
    }
    refused(&["--root", "3", "--data", "synthetic:100"], "--root, but the data are motion, expected paired arrays");
}

/// Kills a run at random moments and resumes it, until it ends by itself; `POSELIFT_KILLS` says how often at least.
#[test]
#[ignore = "runs for minutes; docs/reliability.md has the command"]
fn a_run_that_is_killed_a_hundred_times_ends_with_the_same_bits() {
    let kills: usize = std::env::var("POSELIFT_KILLS").map_or(100, |kills| kills.parse().expect("a whole number"));
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let started = Instant::now();
    assert_success(&fit(&SMALL, &at("whole")));
    // Longer than a run takes, so that some end by themselves and all go on.
    let longest = 2 * started.elapsed().as_millis() as u64;
    let mut random = StdRng::seed_from_u64(7);
    let mut killed = 0;
    let mut runs = 0;
    while killed < kills {
        let run = at(&format!("run{runs}"));
        runs += 1;
        loop {
            let mut command = program();
            if run.join("checkpoint.safetensors").exists() {
                command.args(["fit", "--resume", "--out"]).arg(&run);
            } else {
                // Killed before its first checkpoint, it left a folder that no new run takes.
                let _ = std::fs::remove_dir_all(&run);
                command.arg("fit").args(SMALL).arg("--out").arg(&run);
            }
            let mut child = command.stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(random.random_range(0..longest)));
            if child.try_wait().unwrap().is_none() {
                child.kill().unwrap();
                killed += 1;
            }
            let status = child.wait().unwrap();
            if status.success() {
                break;
            }
            assert_eq!(status.code(), None, "it ended by itself with an error");
        }
        assert_eq!(history(&at("whole")), history(&run));
        assert_eq!(checkpoint(&at("whole")), checkpoint(&run));
        let left: Vec<_> = std::fs::read_dir(&run).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        let whole: Vec<_> = std::fs::read_dir(at("whole")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), whole.len(), "{left:?}");
    }
    println!("{killed} kills in {runs} runs");
}

#[test]
fn a_killed_run_goes_on_to_the_same_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, broken) = (folder.path().join("whole"), folder.path().join("broken"));
    assert_success(&fit(&SMALL, &whole));

    let mut child = program().arg("fit").args(SMALL).arg("--out").arg(&broken).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    while !broken.join("checkpoint.safetensors").exists() {
        assert!(started.elapsed() < Duration::from_secs(120), "no checkpoint came");
        assert!(child.try_wait().unwrap().is_none(), "the run ended before it could be killed");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!broken.join("summary.json").exists(), "the run was over before it was killed");

    let resumed = program().args(["fit", "--resume", "--out"]).arg(&broken).output().unwrap();
    assert_success(&resumed);
    assert!(String::from_utf8_lossy(&resumed.stderr).contains("resuming behind step"));
    assert_eq!(history(&broken), history(&whole));
    assert_eq!(checkpoint(&broken), checkpoint(&whole));
}

#[test]
fn an_average_goes_on_as_if_never_stopped_and_is_exported() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let averaged = [&SMALL[..], &["--ema", "0.99"]].concat();
    assert_success(&fit(&averaged, &at("whole")));
    let shorter: Vec<&str> = averaged.iter().map(|&word| if word == "2" { "1" } else { word }).collect();
    assert_success(&fit(&shorter, &at("parted")));
    let resumed = program().args(["fit", "--resume", "--epochs", "2", "--out"]).arg(at("parted")).output().unwrap();
    assert_success(&resumed);
    assert_eq!(history(&at("parted")), history(&at("whole")));
    assert_eq!(checkpoint(&at("parted")), checkpoint(&at("whole")));

    // The weights are the same without an average; the exported model differs.
    assert_success(&fit(&SMALL, &at("plain")));
    let parameters = |run: &str| checkpoint(&at(run)).into_iter().find(|(name, _)| name == "parameters").unwrap();
    assert_eq!(parameters("whole"), parameters("plain"));
    let [whole, plain] = ["whole", "plain"].map(|run| export(&at(run), &at("model.onnx")));
    assert_ne!(whole.weights_sha256, plain.weights_sha256);
    assert_eq!((whole.training.ema, plain.training.ema), (Some(0.99), None));
}

#[test]
fn built_in_motion_is_learned() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let arguments =
        ["--data", "synthetic:12000", "--hidden", "128", "--epochs", "3", "--dropout", "0.1", "--noise", "0"];
    assert_success(&fit(&arguments, &run));
    let summary: serde_json::Value = serde_json::from_slice(&std::fs::read(run.join("summary.json")).unwrap()).unwrap();
    let error = summary["epochs"][2]["val_mpjpe"].as_f64().unwrap();
    // A constant mean pose has an error of more than 200 mm.
    assert!(error < 130.0, "validation MPJPE {error} mm after three epochs");
    assert_eq!(summary["unit"], "mm");
    for file in [
        "config.json",
        "dataset.json",
        "checkpoint.safetensors",
        "best.safetensors",
        "mpjpe.svg",
        "mpjpe.png",
        "report.md",
    ] {
        assert!(run.join(file).metadata().unwrap().len() > 0, "{file}");
    }
    let last = history(&run).pop().unwrap();
    let batches = (summary["train_size"].as_u64().unwrap()).div_ceil(64);
    assert!(last.starts_with(&format!("{},3,", 3 * batches)), "{last}");
}

/// Paired arrays as in the assignment: 15 joints in front of a camera at the origin, the root left out at (0, 0, −1).
fn write_pairs(path: &Path, samples: usize) {
    let mut state = 7_u32;
    let mut uniform = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    let mut joints = Array3::<f32>::zeros((samples, 15, 3));
    for mut pose in joints.outer_iter_mut() {
        let lean = uniform();
        for joint in 0..15 {
            let (along, side) = (joint as f32 / 15.0 - 0.5, uniform() * 0.05);
            pose.slice_mut(s![joint, ..]).assign(&ndarray::arr1(&[
                0.4 * lean * along + side,
                0.6 * along,
                -1.0 + 0.3 * lean * along,
            ]));
        }
    }
    let image = Array3::from_shape_fn((samples, 15, 2), |(n, joint, k)| joints[[n, joint, k]] / joints[[n, joint, 2]]);
    let mut npz = NpzWriter::new(std::fs::File::create(path).unwrap());
    npz.add_array("joint_3d", &joints).unwrap();
    npz.add_array("joint_2d_1", &image).unwrap();
    npz.finish().unwrap();
}

#[test]
fn paired_arrays_are_learned_with_the_root_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let (data, run) = (folder.path().join("pairs.npz"), folder.path().join("run"));
    write_pairs(&data, 1601);
    let output = fit(&["--data", data.to_str().unwrap(), "--hidden", "64", "--epochs", "3", "--dropout", "0"], &run);
    assert_success(&output);
    let card: serde_json::Value = serde_json::from_slice(&std::fs::read(run.join("dataset.json")).unwrap()).unwrap();
    assert_eq!(card["output"]["root_position"], serde_json::json!([0.0, 0.0, -1.0]));
    assert_eq!((card["train_size"].as_u64(), card["val_size"].as_u64()), (Some(1281), Some(320)));
    let summary: serde_json::Value = serde_json::from_slice(&std::fs::read(run.join("summary.json")).unwrap()).unwrap();
    assert_eq!(summary["unit"], "unknown");
    let error = summary["epochs"][2]["val_mpjpe"].as_f64().unwrap();
    assert!(error < 0.05, "validation MPJPE {error} of a body 0.6 long");
}

#[test]
fn bad_asks_are_refused_with_their_reason() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let cases: [(&[&str], &str); 13] = [
        (&["--data", "nowhere.npz"], "nowhere.npz"),
        (&["--data", "synthetic:2000", "--val-subjects", "stranger"], "no person is called 'stranger'"),
        (&["--data", "synthetic:2000", "--dropout", "1"], "--dropout 1, expected"),
        (&["--data", "synthetic:2000", "--ema", "1"], "--ema 1, expected more than 0 and less than 1"),
        (&["--data", "synthetic:2000", "--batch-size", "1"], "--batch-size 1, expected at least 2"),
        (&["--data", "synthetic:2000", "--device", "tpu"], "unknown device 'tpu'"),
        (&["--data", "synthetic:2000", "--hidden", "99999999"], "--hidden 99999999, expected at most 16384"),
        (&["--data", "synthetic:2000", "--blocks", "65"], "--blocks 65, expected at most 64"),
        (&["--data", "synthetic:2000", "--layers-per-block", "0"], "--layers-per-block 0, expected at least 1"),
        (&["--data", "synthetic:2000", "--epochs", "0"], "--epochs 0, expected at least 1"),
        (&["--data", "synthetic:2000", "--rate", "1e9"], "--rate 1000000000, expected more than 0 and at most 1000"),
        (&["--data", "synthetic:2000", "--blocks", "64", "--hidden", "16384"], "weights, expected at most 1000000000"),
        (&["--data", "synthetic:2000", "--root", "somewhere"], "root 'somewhere'"),
    ];
    for (arguments, expected) in cases {
        let output = fit(arguments, &run);
        let words = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {words}");
        assert!(words.contains(expected), "{arguments:?}: {words}");
        assert!(!words.contains("panicked"), "{arguments:?}: {words}");
        assert!(!run.exists(), "{arguments:?} left a folder");
    }
    let resumed = program().args(["fit", "--resume", "--out"]).arg(&run).output().unwrap();
    assert_eq!(resumed.status.code(), Some(2));
}

#[test]
fn a_run_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let arguments = ["--data", "synthetic:2000", "--hidden", "16", "--epochs", "1"];
    assert_success(&fit(&arguments, &run));
    let before = std::fs::read(run.join("checkpoint.safetensors")).unwrap();
    let again = fit(&arguments, &run);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("--resume"));
    assert_eq!(std::fs::read(run.join("checkpoint.safetensors")).unwrap(), before);
}

#[test]
fn a_second_run_in_the_folder_of_one_that_goes_on_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let endless = ["--data", "synthetic:3000", "--hidden", "16", "--epochs", "100000", "--device", "cpu"];
    let mut child = program().arg("fit").args(endless).arg("--out").arg(&run).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    while !run.join("config.json").exists() {
        assert!(started.elapsed() < Duration::from_secs(120), "the run did not begin");
        assert!(child.try_wait().unwrap().is_none(), "the run ended by itself");
        std::thread::sleep(Duration::from_millis(5));
    }
    let outputs = [fit(&endless, &run), program().args(["fit", "--resume", "--out"]).arg(&run).output().unwrap()];
    child.kill().unwrap();
    child.wait().unwrap();
    for output in outputs {
        let words = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words}");
        assert!(
            words.contains("another poselift-train is fitting in this folder") && words.contains("hint:"),
            "{words}"
        );
    }
    // A killed run holds no lock: a new run is no longer refused, or for another reason.
    let after = fit(&["--data", "synthetic:2000", "--hidden", "16", "--epochs", "1"], &run);
    assert!(!String::from_utf8_lossy(&after.stderr).contains("another poselift-train"));
}

#[test]
fn a_run_does_not_go_on_with_other_data() {
    let folder = tempfile::tempdir().unwrap();
    let (data, run) = (folder.path().join("pairs.npz"), folder.path().join("run"));
    let resume = || program().args(["fit", "--resume", "--epochs", "2", "--out"]).arg(&run).output().unwrap();
    write_pairs(&data, 400);
    let kept = std::fs::read(&data).unwrap();
    assert_success(&fit(&["--data", data.to_str().unwrap(), "--hidden", "16", "--epochs", "1"], &run));
    let before = (history(&run), std::fs::read(run.join("checkpoint.safetensors")).unwrap());
    write_pairs(&data, 401);
    let refused = resume();
    let words = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{words}");
    assert!(
        words.contains("the data changed since the run began: 'key points' of pairs.npz is 401 long, expected 400"),
        "{words}"
    );
    assert_eq!((history(&run), std::fs::read(run.join("checkpoint.safetensors")).unwrap()), before);
    std::fs::write(&data, kept).unwrap();
    assert_success(&resume());
}

#[test]
fn pairs_with_poses_that_are_no_numbers_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (data, run) = (folder.path().join("pairs.npz"), folder.path().join("run"));
    let poses = |(n, joint, axis): (usize, usize, usize)| match n {
        7 | 90 => f32::NAN,
        _ => ((n * 31 + joint * 17 + axis * 7) % 13) as f32,
    };
    let mut npz = NpzWriter::new(std::fs::File::create(&data).unwrap());
    npz.add_array("joint_3d", &Array3::from_shape_fn((200, 5, 3), poses)).unwrap();
    npz.add_array("joint_2d_1", &Array3::from_shape_fn((200, 5, 2), |(n, j, k)| (n + j * k) as f32)).unwrap();
    npz.finish().unwrap();
    let output = fit(&["--data", data.to_str().unwrap(), "--hidden", "16", "--epochs", "1"], &run);
    assert_eq!(output.status.code(), Some(2));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.contains("'joint_3d' is NaN at sample 7, joint 0, expected finite numbers"), "{words}");
}

#[test]
fn constant_data_are_fitted_and_exported() {
    let Some(data) = shared("data/faults/const3.pkl") else { return };
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    assert_success(&fit(&["--data", data.to_str().unwrap(), "--hidden", "32", "--epochs", "1"], &run));
    export(&run, &folder.path().join("const3.onnx"));
}

#[test]
fn an_export_does_not_replace_what_a_run_lives_by() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    assert_success(&fit(&["--data", "synthetic:2000", "--hidden", "16", "--epochs", "1"], &run));
    for name in ["checkpoint.safetensors", "best.safetensors", "config.json", "history.csv"] {
        let before = std::fs::read(run.join(name)).unwrap();
        let output = program().arg("export").arg(&run).arg("-o").arg(run.join(".").join(name)).output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words}");
        assert!(words.contains("a file of the run"), "{words}");
        assert_eq!(std::fs::read(run.join(name)).unwrap(), before, "{name}");
    }
    export(&run, &run.join("model.onnx"));
}

/// The commit of the checkout that these sources belong to, if there is one.
fn git_head() -> Option<String> {
    let git = |arguments: &[&str]| Command::new("git").args(arguments).output().ok().filter(|o| o.status.success());
    git(&["ls-files", "--error-unmatch", "build.rs"])?;
    let head = git(&["rev-parse", "--short=12", "HEAD"])?;
    Some(String::from_utf8(head.stdout).unwrap().trim().to_owned())
}

#[test]
fn an_export_names_the_commit_and_is_the_same_twice() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    assert_success(&fit(&["--data", "synthetic:2000", "--hidden", "16", "--epochs", "1"], &run));
    let [once, twice] = ["once.onnx", "twice.onnx"].map(|name| {
        let path = folder.path().join(name);
        let output = program().arg("export").arg(&run).args(["--name", "same", "-o"]).arg(&path).output().unwrap();
        assert_success(&output);
        path
    });
    assert!(std::fs::read(&once).unwrap() == std::fs::read(&twice).unwrap());
    let card = ModelFile::read(&once).unwrap().card().clone();
    // Outside a checkout, as in a source archive, there is none.
    assert_eq!(card.training.commit, git_head());
}

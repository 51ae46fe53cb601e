//! What no run may lose: files that it reads, and poses that it lifted before it was interrupted.

#![cfg(unix)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::program::{Bench, CLIP, assert_code, line, poselift, stderr};

/// OpenPose's frame of a person whose points stand in a row.
fn openpose_frame() -> String {
    let points: Vec<String> = (0..17).map(|joint| format!("{},{},0.9", 100 + 7 * joint, 50 + 11 * joint)).collect();
    format!("{{\"version\":1.3,\"people\":[{{\"pose_keypoints_2d\":[{}]}}]}}", points.join(","))
}

/// Runs `command`, which is to refuse to overwrite `kept`.
#[track_caller]
fn assert_refused(command: &mut Command, kept: &Path, what: &str) {
    let before = std::fs::read(kept).unwrap();
    let output = command.output().unwrap();
    assert_code(&output, 2);
    let message = stderr(&output);
    assert!(message.contains(&format!("is {what} and would be overwritten")), "{message}");
    assert_eq!(std::fs::read(kept).unwrap(), before);
}

#[test]
fn files_that_are_read_beside_the_inputs_are_not_overwritten() {
    let bench = Bench::new();
    let input = bench.file("in.jsonl", line(0, &[(17, 1.0)]));
    let camera = bench.file(
        "camera.yml",
        "camera_matrix: [[1000,0,640],[0,1000,360],[0,0,1]]\nimage_width: 1280\nimage_height: 720\n",
    );
    let layout = bench.file("mine.json", r#"{"nose": 0, "left_hip": 1, "right_hip": 2}"#);
    let link = bench.path("link.jsonl");
    std::os::unix::fs::symlink(&layout, &link).unwrap();
    let run = |option: &str, file: &Path, out: &Path| {
        let mut command = bench.run();
        command.arg(&input).arg(option).arg(file).arg("-o").arg(out).args(["--to", "jsonl"]);
        command
    };
    assert_refused(&mut run("--camera", &camera, &camera), &camera, "the camera file");
    assert_refused(&mut run("--layout", &layout, &link), &layout, "the layout");
    let model = bench.path("small.onnx");
    let mut measured = poselift();
    measured.args(["bench", "--device", "cpu"]).arg(&model).arg(format!("--json={}", model.display()));
    assert_refused(&mut measured, &model, "the model");
}

#[test]
fn the_frames_of_a_folder_are_not_overwritten() {
    let bench = Bench::new();
    let folder = bench.path("clip");
    std::fs::create_dir(&folder).unwrap();
    let frames = [0, 1].map(|number| folder.join(format!("clip_{number:012}_keypoints.json")));
    for frame in &frames {
        std::fs::write(frame, openpose_frame()).unwrap();
    }
    let link = bench.path("other.jsonl");
    std::fs::hard_link(&frames[1], &link).unwrap();
    for out in [&frames[0], &link] {
        let kept = if out == &link { &frames[1] } else { &frames[0] };
        let mut command = bench.run();
        assert_refused(command.arg(&folder).args(["--to", "jsonl", "-o"]).arg(out), kept, "an INPUT");
        let mut following = bench.run();
        assert_refused(following.arg("--follow").arg(&folder).args(["--to", "jsonl", "-o"]).arg(out), kept, "an INPUT");
    }
}

/// Pipes the demonstration clip into `poselift run -o out`, sends `signal` after `pause`, and gives how the program ended.
fn interrupted(options: &[&str], out: &Path, signal: &str, pause: Duration) -> std::process::ExitStatus {
    interrupted_to(&[options, &["-o", out.to_str().unwrap()]].concat(), Stdio::null(), signal, pause)
}

/// As [`interrupted`], without `-o`.
fn interrupted_to(options: &[&str], stdout: Stdio, signal: &str, pause: Duration) -> std::process::ExitStatus {
    // Jobs in the background are started with signals ignored, and hand that on.
    let mut command = Command::new("env");
    command.arg("--default-signal=HUP,INT,TERM").arg(poselift().get_program());
    command.args(["run", "-", "--fps", "30"]).args(options);
    let mut child = command.stdin(Stdio::piped()).stdout(stdout).stderr(Stdio::null()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(&std::fs::read(CLIP).unwrap()).unwrap();
    input.flush().unwrap();
    // The pipe stays open: the program waits for more when the signal comes.
    std::thread::sleep(pause);
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "it goes on");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The bytes that a run of the demonstration clip writes which is not interrupted.
fn uninterrupted(options: &[&str], out: &Path) -> Vec<u8> {
    let clip = std::fs::File::open(CLIP).unwrap();
    let mut command = poselift();
    let output =
        command.args(["run", "-", "--fps", "30"]).args(options).arg("-o").arg(out).stdin(clip).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let bytes = std::fs::read(out).unwrap();
    std::fs::remove_file(out).unwrap();
    bytes
}

#[test]
fn an_interrupted_run_keeps_what_it_lifted_in_every_format() {
    use std::os::unix::process::ExitStatusExt;
    let bench = Bench::new();
    for (index, format) in ["trc", "c3d", "bvh", "glb", "mot", "npz", "html", "jsonl"].iter().enumerate() {
        let out = bench.path(&format!("walk.{format}"));
        let (signal, number) = [("-INT", 2), ("-TERM", 15), ("-HUP", 1)][index % 3];
        // The last 0.1 s, which wait to be smoothed, are to be there too.
        let options: &[&str] = if *format == "jsonl" { &["--smooth", "clip"] } else { &[] };
        let whole = uninterrupted(options, &out).len();
        // Nothing tells from outside when the last frame is lifted: a busy machine is given longer.
        let pauses = [1, 3, 9, 27].map(Duration::from_secs);
        let mut found = Vec::new();
        for pause in pauses {
            let status = interrupted(options, &out, signal, pause);
            // As a shell expects it: the program ended by the signal.
            assert_eq!(status.signal(), Some(number), "{format}: {status}");
            found = std::fs::read(&out).unwrap_or_default();
            if found.len() == whole {
                break;
            }
        }
        assert_eq!(found.len(), whole, "{format}: it is lost, or frames are missing");
        let lines = found.iter().filter(|&&byte| byte == b'\n').count();
        match *format {
            "trc" => assert!(lines > 200, "{lines} lines"),
            "html" => assert!(found.ends_with(b"</html>\n"), "the page has no end"),
            "jsonl" => assert_eq!(lines, 1 + 230, "a header and a line a frame"),
            _ => {}
        }
    }
    let left = std::fs::read_dir(bench.path("")).unwrap().count();
    assert_eq!(left, 1 + 8, "the model and the outputs");
}

#[test]
fn an_interrupted_run_lifts_what_waits_for_later_frames() {
    use std::os::unix::process::ExitStatusExt;
    let bench = Bench::new();
    // The clip has 7.7 s: all of it waits for what comes.
    let options = ["--model", "coco17-memory", "--look-ahead", "10", "--smooth", "clip"];
    let out = bench.path("poses.jsonl");
    let whole = uninterrupted(&options, &out);
    for to_stdout in [false, true] {
        // Nothing tells from outside when the last frame is read: a busy machine is given longer.
        let mut found = Vec::new();
        for pause in [1, 3, 9, 27].map(Duration::from_secs) {
            let status = match to_stdout {
                true => interrupted_to(&options, std::fs::File::create(&out).unwrap().into(), "-INT", pause),
                false => interrupted(&options, &out, "-INT", pause),
            };
            assert_eq!(status.signal(), Some(2), "{status}");
            found = std::fs::read(&out).unwrap_or_default();
            if found.len() == whole.len() {
                break;
            }
        }
        assert!(found == whole, "{} bytes instead of {}, stdout: {to_stdout}", found.len(), whole.len());
        std::fs::remove_file(&out).unwrap();
    }
}

#[test]
fn an_interrupted_run_does_not_wait_for_a_reader_that_takes_nothing() {
    use std::os::unix::process::ExitStatusExt;
    // The clip's poses are more than a pipe holds, and nothing reads it.
    let options = ["--smooth", "clip"];
    let status = interrupted_to(&options, Stdio::piped(), "-TERM", Duration::from_secs(1));
    assert_eq!(status.signal(), Some(15), "{status}");
}

#[test]
fn an_input_that_does_not_fit_its_output_does_not_stop_the_others() {
    let bench = Bench::new();
    let folder = bench.path("clips");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("a.jsonl"), line(0, &[(17, 1.0), (17, 1.0)])).unwrap();
    std::fs::write(folder.join("b.jsonl"), line(0, &[(17, 1.0)])).unwrap();
    let out = bench.path("poses");
    let output = bench.run().arg(&folder).args(["--to", "npz", "-o"]).arg(&out).output().unwrap();
    assert_code(&output, 1);
    let message = stderr(&output);
    assert!(message.contains("a.npz: frame 0 has 2 people, an array holds one"), "{message}");
    assert!(message.contains("--person largest"), "{message}");
    assert!(out.join("b.npz").is_file(), "{message}");
    let lifted = bench.path("lifted");
    let output = bench.run().arg(&folder).args(["--to", "jsonl", "-o"]).arg(&lifted).output().unwrap();
    assert_code(&output, 0);
    let converted = bench.path("converted");
    let output = poselift().arg("convert").arg(&lifted).args(["--to", "npy", "-o"]).arg(&converted).output().unwrap();
    assert_code(&output, 1);
    assert!(converted.join("b.npy").is_file(), "{}", stderr(&output));
    // One that is not there, between two that are.
    let three = [lifted.join("a.jsonl"), bench.path("nowhere.jsonl"), lifted.join("b.jsonl")];
    let tables = bench.path("tables");
    let output = poselift().arg("convert").args(&three).args(["--to", "csv", "-o"]).arg(&tables).output().unwrap();
    assert_code(&output, 1);
    assert!(tables.join("a.csv").is_file() && tables.join("b.csv").is_file(), "{}", stderr(&output));
}

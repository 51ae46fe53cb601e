//! `poselift run` as its users see it: live pipes, files, folders, exit codes.

#![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::Stdio;

use crate::program::{Bench, CLIP, assert_code, feed, frames, line, poselift, stderr, stdout};

#[test]
fn a_pipe_is_answered_frame_by_frame() {
    answered_frame_by_frame(&[]);
}

#[test]
fn a_pipe_is_answered_frame_by_frame_while_it_is_smoothed_live() {
    answered_frame_by_frame(&["--smooth", "live", "--fps", "30"]);
}

fn answered_frame_by_frame(options: &[&str]) {
    let bench = Bench::new();
    let mut child = bench.run();
    let mut child =
        child.args(options).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    for frame in 0..20 {
        input.write_all(line(frame, &[(17, frame as f32 + 1.0)]).as_bytes()).unwrap();
        input.flush().unwrap();
        if frame == 0 {
            assert!(answers.next().unwrap().unwrap().contains("\"kind\":\"poses\""));
        }
        // Blocks forever if the program waits for more than this frame.
        let answer: serde_json::Value = serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap();
        assert_eq!(answer["frame"], frame);
    }
    drop(input);
    assert!(answers.next().is_none());
    assert!(child.wait().unwrap().success());
}

#[test]
fn nothing_is_left_in_the_users_folders() {
    let bench = Bench::new();
    let home = bench.path("home");
    std::fs::create_dir(&home).unwrap();
    let named = |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = named("POSELIFT_CACHE")
        .or_else(|| named("XDG_CACHE_HOME").map(|folder| folder.join("poselift")))
        .unwrap_or_else(|| std::env::home_dir().unwrap().join(".cache/poselift"));
    let mut command = bench.run();
    command.env("POSELIFT_CACHE", cache).env("HOME", &home).env("XDG_CACHE_HOME", &home);
    let output = feed(command.env_remove("ORT_DISABLE_TELEMETRY"), &line(0, &[(17, 1.0)]));
    assert_code(&output, 0);
    // ONNX Runtime's telemetry would keep a database here.
    assert_eq!(std::fs::read_dir(&home).unwrap().count(), 0);
}

#[test]
fn many_people_keep_their_order_and_values() {
    let bench = Bench::new();
    let people = |frame: usize| (0..frame % 7).map(|person| (17, (frame * 10 + person + 1) as f32)).collect::<Vec<_>>();
    let input: String = (0..3000).map(|frame| line(frame, &people(frame))).collect();
    let output = feed(bench.run().args(["--batch", "64"]), &input);
    assert_code(&output, 0);
    let answers = frames(&stdout(&output));
    assert_eq!(answers.len(), 3000);
    for (frame, answer) in answers.iter().enumerate() {
        assert_eq!(answer["frame"], frame);
        let found: Vec<_> = answer["people"].as_array().unwrap().iter().collect();
        assert_eq!(found.len(), frame % 7);
        for (person, (_, x)) in found.iter().zip(people(frame)) {
            let lifted = person["joints"][0][0].as_f64().unwrap();
            assert!((lifted - f64::from(x) * 0.001).abs() < 1e-3, "frame {frame}: {lifted} for {x}");
            assert!((person["score"].as_f64().unwrap() - 0.8).abs() < 1e-3);
        }
    }
}

#[test]
fn a_reader_that_goes_away_is_success() {
    let bench = Bench::new();
    let input: String = (0..20_000).map(|frame| line(frame, &[(17, 1.0)])).collect();
    let file = bench.file("clip.jsonl", input);
    let mut child = bench.run().arg(file).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 100];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_code(&output, 0);
    assert!(!stderr(&output).contains("error"), "{}", stderr(&output));
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_named() {
    let bench = Bench::new();
    let output = feed(bench.run().args(["-o", "/dev/full", "--to", "jsonl"]), &line(0, &[(17, 1.0)]));
    assert_code(&output, 2);
    assert!(stderr(&output).contains("/dev/full: cannot write"), "{}", stderr(&output));
}

#[test]
fn who_cannot_be_lifted_is_named_and_the_rest_is_lifted() {
    let bench = Bench::new();
    let few = r#"{"frame":1,"people":[{"id":5,"keypoints":[[1,1,1],[2,2,1],[3,3,1],[4,4,0],[5,5,0],[6,6,0],[7,7,0],
        [8,8,0],[9,9,0],[1,1,0],[2,2,0],[3,3,0],[4,4,0],[5,5,0],[6,6,0],[7,7,0],[8,8,0]]}]}"#;
    let few = few.replace('\n', "") + "\n";
    let input = [line(0, &[(17, 1.0)]), few, line(2, &[(12, 1.0), (17, 2.0)]), line(3, &[])].concat();
    let output = feed(&mut bench.run(), &input);
    assert_code(&output, 1);
    let printed = stderr(&output);
    assert!(printed.contains("frame 1: person 0 (id 5): 3 of 17 joints visible, at least 4 needed"), "{printed}");
    assert!(printed.contains("frame 2: person 0 (id 0): 12 key points, expected 17"), "{printed}");
    let people: Vec<_> = frames(&stdout(&output)).iter().map(|f| f["people"].as_array().unwrap().len()).collect();
    assert_eq!(people, [1, 0, 1, 0]);
}

#[test]
fn a_frame_without_people_is_no_failure() {
    let bench = Bench::new();
    let output = feed(&mut bench.run(), &[line(0, &[]), line(1, &[])].concat());
    assert_code(&output, 0);
    assert_eq!(frames(&stdout(&output)).len(), 2);
}

#[test]
fn unreadable_lines_are_named_and_answered_without_people() {
    let bench = Bench::new();
    let whole = line(2, &[(17, 1.0)]);
    let cut = &whole[..whole.len() / 2];
    let output = feed(&mut bench.run(), &[&line(0, &[(17, 1.0)]), "{not json\n", cut].concat());
    assert_code(&output, 1);
    let printed = stderr(&output);
    assert!(printed.contains("<stdin>:2: ") && printed.contains("<stdin>:3: "), "{printed}");
    let answers = frames(&stdout(&output));
    let numbers: Vec<_> = answers.iter().map(|f| f["frame"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [0, 1, 2]);
}

#[test]
fn lines_of_a_log_in_a_pipe_are_passed_over_named_and_counted() {
    let bench = Bench::new();
    let log =
        ["INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n", "[ WARN:0@1.2] global cap.cpp\n", "frame 3/60\n"];
    let lines = [&line(0, &[(17, 1.0)]), log[0], &line(1, &[(17, 1.0)]), log[1], log[2], &line(2, &[(17, 1.0)])];
    let output = feed(&mut bench.run(), &lines.concat());
    assert_code(&output, 0);
    let printed = stderr(&output);
    assert!(printed.contains("line 2 is other text") && printed.contains("3 lines of other text"), "{printed}");
    assert!(printed.contains("3 frames, 3 of 3 people lifted"), "{printed}");
    assert_eq!(frames(&stdout(&output)).len(), 3);
    // Nothing but text behind a header is no stream.
    let header = "{\"poselift\":1,\"kind\":\"keypoints\",\"layout\":\"coco17\"}\n";
    assert_code(&feed(&mut bench.run(), &[header, log[0], log[1]].concat()), 2);
}

#[test]
fn the_first_ten_failures_are_reported_in_full_and_the_rest_counted() {
    let bench = Bench::new();
    let output = feed(&mut bench.run(), &[line(0, &[(17, 1.0)]), "{x\n".repeat(25)].concat());
    assert_code(&output, 1);
    let printed = stderr(&output);
    assert!(printed.contains("<stdin>:11: ") && !printed.contains("<stdin>:12: "), "{printed}");
    assert!(printed.contains("15 more could not be lifted"), "{printed}");
}

#[test]
fn what_is_no_number_is_missing_and_spreads_nowhere() {
    let bench = Bench::new();
    let null_joint = line(0, &[(17, 1.0)]).replacen("[1,1,0.8]", "[null,null,0.8]", 1);
    assert!(null_joint.contains("null"));
    let output = feed(&mut bench.run(), &null_joint);
    assert_code(&output, 0);
    // The network sees a missing joint as zeros, and so the small model puts it at zero.
    assert_eq!(frames(&stdout(&output))[0]["people"][0]["joints"][0].to_string(), "[0.0,0.0,0.0]");
    let not_json = line(0, &[(17, 1.0)]).replacen("[1,1,0.8]", "[NaN,1,0.8]", 1);
    let output = feed(&mut bench.run(), &[line(0, &[(17, 1.0)]), not_json].concat());
    assert!(!stdout(&output).contains("NaN"), "{}", stdout(&output));
    assert_eq!(frames(&stdout(&output)).len(), 2);
}

#[test]
fn nothing_at_all_is_an_error() {
    let bench = Bench::new();
    let empty = bench.file("empty.jsonl", "");
    let output = bench.run().arg(&empty).output().unwrap();
    assert_code(&output, 2);
    assert!(stderr(&output).contains("empty.jsonl: "), "{}", stderr(&output));
    let missing = bench.run().arg(bench.path("missing.jsonl")).output().unwrap();
    assert_code(&missing, 2);
    assert!(stderr(&missing).contains("missing.jsonl"), "{}", stderr(&missing));
}

#[test]
fn layouts_that_lack_the_models_joints_are_refused_with_a_hint() {
    let bench = Bench::new();
    let out = bench.path("poses.jsonl");
    let output = feed(bench.run().args(["--layout", "h36m17", "-o"]).arg(&out), &line(0, &[(17, 1.0)]));
    assert_code(&output, 2);
    let printed = stderr(&output);
    assert!(printed.contains("h36m17") && printed.contains("left_eye") && printed.contains("hint: "), "{printed}");
    assert!(!out.exists(), "a refused input leaves no output");
}

#[test]
fn layouts_are_recognised_by_their_number_of_joints() {
    let bench = Bench::new();
    let output = feed(&mut bench.run(), &line(0, &[(25, 1.0)]));
    assert_code(&output, 0);
    assert!(stderr(&output).contains("25 key points taken to be body25"), "{}", stderr(&output));
    // COCO's left eye is BODY_25's joint 16, which is at 17 px.
    let eye = frames(&stdout(&output))[0]["people"][0]["joints"][1][0].as_f64().unwrap();
    assert!((eye - 0.017).abs() < 1e-3, "{eye}");
    let quiet = feed(bench.run().arg("--quiet"), &line(0, &[(25, 1.0)]));
    assert_eq!(stderr(&quiet), "");
}

#[test]
fn the_summary_goes_where_the_poses_do_not() {
    let bench = Bench::new();
    let input = [line(0, &[(17, 1.0), (17, 2.0)]), "{x\n".to_owned()].concat();
    let piped = feed(bench.run().args(["--json", "--quiet"]), &input);
    let last_line = stderr(&piped).lines().last().unwrap().to_owned();
    let out = bench.path("poses.jsonl");
    let filed = feed(bench.run().args(["--json", "--quiet", "-o"]).arg(&out), &input);
    for text in [last_line, stdout(&filed)] {
        let summary: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&summary["frames"], &summary["people"]), (&2.into(), &2.into()), "{summary}");
        assert_eq!((&summary["lifted"], &summary["failed"]), (&2.into(), &1.into()));
        assert_eq!(summary["provider"], "CPUExecutionProvider");
        assert_eq!((&summary["device"], &summary["layout"]), (&"cpu".into(), &"coco17".into()));
        assert!(summary["seconds"].as_f64().unwrap() > 0.0 && summary["poses_per_second"].as_f64().unwrap() > 0.0);
    }
    assert_eq!(frames(&std::fs::read_to_string(out).unwrap()).len(), 2);
}

#[test]
fn several_inputs_go_to_a_folder_and_one_that_fails_stops_no_other() {
    let bench = Bench::new();
    let clips = bench.path("clips");
    std::fs::create_dir(&clips).unwrap();
    std::fs::write(clips.join("a.jsonl"), line(0, &[(17, 1.0)])).unwrap();
    std::fs::write(clips.join("b.jsonl"), "").unwrap();
    std::fs::write(clips.join("c.jsonl"), line(0, &[(17, 3.0)])).unwrap();
    let out = bench.path("out");
    let output = bench.run().arg(&clips).arg("-o").arg(&out).output().unwrap();
    assert_code(&output, 1);
    assert!(stderr(&output).contains("b.jsonl"), "{}", stderr(&output));
    for name in ["a.jsonl", "c.jsonl"] {
        assert_eq!(frames(&std::fs::read_to_string(out.join(name)).unwrap()).len(), 1);
    }
}

#[test]
fn an_input_is_never_overwritten() {
    let bench = Bench::new();
    let clip = bench.file("clip.jsonl", line(0, &[(17, 1.0)]));
    let output = bench.run().arg(&clip).arg("-o").arg(&clip).output().unwrap();
    assert_code(&output, 2);
    assert_eq!(std::fs::read_to_string(&clip).unwrap(), line(0, &[(17, 1.0)]));
}

/// By hard link, symlink, another path, stdin, the model, a folder's file: each is refused before anything is opened.
#[test]
#[cfg(unix)]
fn an_input_or_the_model_is_never_overwritten_by_another_name() {
    let bench = Bench::new();
    let text = line(0, &[(17, 1.0)]);
    let clip = bench.file("clip.jsonl", &text);
    let (hard, soft) = (bench.path("hard.jsonl"), bench.path("soft.jsonl"));
    std::fs::hard_link(&clip, &hard).unwrap();
    std::os::unix::fs::symlink(&clip, &soft).unwrap();
    for out in [&hard, &soft, &bench.path("./clip.jsonl")] {
        let output = bench.run().arg(&clip).arg("-o").arg(out).output().unwrap();
        assert_code(&output, 2);
        assert!(stderr(&output).contains("is an INPUT and would be overwritten"), "{}", stderr(&output));
        let piped = bench.run().stdin(std::fs::File::open(&clip).unwrap()).arg("-o").arg(out).output().unwrap();
        assert_code(&piped, 2);
        assert_eq!(std::fs::read_to_string(&clip).unwrap(), text);
    }
    let appended = std::fs::File::options().append(true).open(&clip).unwrap();
    assert_code(&bench.run().arg(&clip).stdout(appended).output().unwrap(), 2);
    assert_eq!(std::fs::read_to_string(&clip).unwrap(), text);
    let model = std::fs::read(bench.path("small.onnx")).unwrap();
    let link = bench.path("model.jsonl");
    std::fs::hard_link(bench.path("small.onnx"), &link).unwrap();
    let output = bench.run().arg(&clip).args(["--to", "jsonl", "-o"]).arg(&link).output().unwrap();
    assert_code(&output, 2);
    assert!(stderr(&output).contains("is the model and would be overwritten"), "{}", stderr(&output));
    assert_eq!(std::fs::read(link).unwrap(), model);
}

#[test]
fn an_output_is_touched_only_where_there_is_a_pose_to_write() {
    let bench = Bench::new();
    for extension in ["jsonl", "npy", "npz", "html"] {
        let out = bench.path(&format!("poses.{extension}"));
        let run = |input: &str, code| {
            let output = feed(bench.run().arg("-o").arg(&out), input);
            assert_code(&output, code);
            stderr(&output)
        };
        let printed = run(&line(0, &[]), 0);
        assert!(printed.contains("not written, there is no pose to write") && !out.exists(), "{printed}");
        run(&line(0, &[(12, 1.0)]), 2);
        assert!(!out.exists());
        std::fs::write(&out, "from before").unwrap();
        run("not json\n", 2);
        run(&line(0, &[(12, 1.0)]), 2);
        assert_eq!(std::fs::read_to_string(&out).unwrap(), "from before");
        run(&[line(0, &[]), line(1, &[(17, 1.0)])].concat(), 0);
        assert_ne!(std::fs::read(&out).unwrap(), b"from before");
    }
    let frames = frames(&std::fs::read_to_string(bench.path("poses.jsonl")).unwrap());
    assert_eq!(frames.len(), 2, "frames that came before the first pose are written too");
}

#[test]
#[cfg(target_os = "linux")]
fn devices_are_written_to_where_they_stand() {
    let bench = Bench::new();
    let log = bench.file("log.jsonl", "kept\n");
    let appended = std::fs::File::options().append(true).open(&log).unwrap();
    let input = bench.file("clip.jsonl", line(0, &[(17, 1.0)]));
    let output = bench.run().arg(input).args(["-o", "/dev/stdout"]).stdout(appended).output().unwrap();
    assert_code(&output, 0);
    let text = std::fs::read_to_string(log).unwrap();
    assert!(text.starts_with("kept\n{") && text.lines().count() == 3, "{text}");
}

#[test]
fn exit_codes_tell_none_there_from_none_lifted() {
    let bench = Bench::new();
    let header = "{\"poselift\":1,\"kind\":\"keypoints\",\"layout\":\"coco17\"}\n";
    let no_frames = feed(&mut bench.run(), header);
    assert_code(&no_frames, 0);
    assert!(stderr(&no_frames).contains("<stdin>: no frames in it"), "{}", stderr(&no_frames));
    let too_few = line(0, &[(12, 1.0)]);
    for (input, code) in [
        (line(0, &[]), 0),
        (too_few.clone(), 2),
        ([too_few.clone(), line(1, &[])].concat(), 2),
        ([too_few, line(1, &[(17, 1.0)])].concat(), 1),
        ([line(0, &[]), "{not json\n".into()].concat(), 1),
        ("not json\n".into(), 2),
    ] {
        assert_code(&feed(&mut bench.run(), &input), code);
    }
}

#[test]
fn a_folder_of_one_clip_is_written_as_one_of_two() {
    let bench = Bench::new();
    let clips = bench.path("clips");
    std::fs::create_dir(&clips).unwrap();
    for name in ["a", "b"] {
        std::fs::write(clips.join(name).with_extension("jsonl"), line(0, &[(17, 1.0)])).unwrap();
        let out = bench.path(&format!("to {name}"));
        assert_code(&bench.run().arg(&clips).arg("-o").arg(&out).output().unwrap(), 0);
        assert!(out.join("a.jsonl").is_file());
    }
}

#[test]
fn times_come_from_the_frame_rate() {
    let bench = Bench::new();
    let output = feed(bench.run().args(["--fps", "50"]), &line(25, &[(17, 1.0)]));
    assert_code(&output, 0);
    assert_eq!(frames(&stdout(&output))[0]["time"], 0.5);
    let header: serde_json::Value = serde_json::from_str(stdout(&output).lines().next().unwrap()).unwrap();
    assert_eq!(header["fps"].as_f64(), Some(50.0));
}

#[test]
fn words_that_mean_nothing_are_usage_errors() {
    let bench = Bench::new();
    for wrong in [
        &["--device", "gpu"][..],
        &["--layout", "coco18"],
        &["--size", "1920"],
        &["--fps", "0"],
        &["--batch", "0"],
        &["--batch", "1000000000"],
        &["--threads", "100000"],
        &["--to", "docx"],
        &["--no-such-option"],
    ] {
        let output = bench.run().args(wrong).output().unwrap();
        assert_code(&output, 2);
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn the_bundled_model_lifts_real_frames_of_another_layout() {
    let bench = Bench::new();
    let (out, page) = (bench.path("poses.jsonl"), bench.path("poses.html"));
    for target in [&out, &page] {
        let output = poselift().args(["run", "--quiet"]).arg(CLIP).arg("-o").arg(target).output().unwrap();
        assert_code(&output, 0);
    }
    let lines = std::fs::read_to_string(CLIP).unwrap().lines().filter(|line| line.contains("\"people\"")).count();
    let poses = std::fs::read_to_string(out).unwrap();
    assert_eq!(frames(&poses).len(), lines);
    assert!(poses.starts_with("{\"poselift\":1,\"kind\":\"poses\",\"skeleton\":\"h36m17\""), "{}", &poses[..100]);
    assert!(std::fs::read_to_string(page).unwrap().contains("</html>"));
}

/// The output of `eval --stream` for the demonstration clip, MediaPipe's detections of a man who jumps onto a wall,
/// lifted with these options; and the header of the poses before it.
fn demonstration(bench: &Bench, options: &[&str]) -> [serde_json::Value; 2] {
    let poses = bench.path("poses.jsonl");
    let mut run = poselift();
    assert_code(&run.args(["run", "--quiet", CLIP, "-o"]).arg(&poses).args(options).output().unwrap(), 0);
    let text = std::fs::read_to_string(&poses).unwrap();
    assert_eq!(frames(&text).len(), 230);
    let output = poselift().args(["eval", "--json", "--stream"]).arg(&poses).output().unwrap();
    assert_code(&output, 0);
    [text.lines().next().unwrap(), &stdout(&output)].map(|json| serde_json::from_str(json).unwrap())
}

#[test]
fn smoothing_steadies_real_poses_and_bones() {
    let bench = Bench::new();
    let judged = |options: &[&str]| {
        let [_, figures] = demonstration(&bench, options);
        ["jitter", "bone_deviation"].map(|figure| figures[figure].as_f64().unwrap())
    };
    let [jitter, varies] = judged(&[]);
    for (way, share) in [("clip", 0.33), ("live", 0.5)] {
        let [steadier, steadier_bones] = judged(&["--smooth", way]);
        assert!(steadier < share * jitter, "{way}: jitter of {steadier} instead of {jitter} m/s²");
        assert!(steadier_bones < 0.6 * varies, "{way}: bones vary by {steadier_bones} instead of {varies}");
    }
}

#[test]
fn poses_come_in_level_axes_where_it_is_said_how_the_camera_is_held() {
    let bench = Bench::new();
    let held = |figures: &serde_json::Value| ["pitch", "roll"].map(|angle| figures["camera"][angle].as_f64().unwrap());
    let [header, figures] = demonstration(&bench, &[]);
    assert_eq!(header["axes"], "camera");
    let [pitch, roll] = held(&figures);
    assert!((3.0..9.0).contains(&pitch) && roll.abs() < 4.0, "{pitch} down, {roll}");
    // With the attitude that the man on the wall shows, he is upright.
    let options = [format!("--pitch={pitch}"), format!("--roll={roll}")];
    let [header, figures] = demonstration(&bench, &[&options[0], &options[1]]);
    assert_eq!(header["axes"], "level");
    let left = held(&figures);
    assert!(left.iter().all(|angle| angle.abs() < 0.5), "{left:?} degrees are left");
    // With the opposite roll, he leans.
    let [_, figures] = demonstration(&bench, &["--roll", "-20"]);
    assert!((held(&figures)[1] - roll - 20.0).abs() < 1.0, "{figures}");
    for wrong in [["--pitch", "91"], ["--roll", "north"]] {
        let output = bench.run().args(wrong).output().unwrap();
        assert_code(&output, 2);
        assert!(stderr(&output).contains("expected degrees, -"), "{}", stderr(&output));
    }
}

#[test]
fn smoothing_needs_time_and_says_what_it_did() {
    let bench = Bench::new();
    let input: String = (0..10).map(|frame| line(frame, &[(17, frame as f32 + 1.0)])).collect();
    let output = feed(bench.run().args(["--smooth", "clip"]), &input);
    assert_code(&output, 2);
    assert!(stderr(&output).contains("frame 0 has no time, which smoothing needs"), "{}", stderr(&output));
    assert!(stderr(&output).contains("--fps 30"), "{}", stderr(&output));
    let output = feed(bench.run().args(["--smooth", "clip", "--fps", "30", "--json"]), &input);
    assert_code(&output, 0);
    assert_eq!(frames(&stdout(&output)).len(), 10);
    assert!(stderr(&output).contains("\"smooth\":\"clip:0.1\""), "{}", stderr(&output));
    // A line that cannot be read does not stop the stream.
    let timed: String = (0..10)
        .map(|frame| input.lines().nth(frame).unwrap().replacen('{', &format!("{{\"time\":{frame},"), 1) + "\n")
        .collect();
    let broken = timed.replace("\"frame\":4,", "\"frame\":?,");
    for way in ["clip", "live"] {
        let output = feed(bench.run().args(["--smooth", way]), &broken);
        assert_code(&output, 1);
        assert_eq!(frames(&stdout(&output)).len(), 10, "{way}");
    }
    let pairs: String = (0..10).map(|frame| line(frame, &[(17, 1.0), (17, 9.0)])).collect();
    let nameless = pairs.replace("\"id\":0,", "").replace("\"id\":1,", "");
    let output = feed(bench.run().args(["--smooth", "live", "--fps", "30"]), &nameless);
    assert_code(&output, 0);
    assert!(stderr(&output).contains("a person among several has no id"), "{}", stderr(&output));
}

/// Peak memory must not grow with the stream: ten times the frames, about the same memory.
#[test]
#[cfg(target_os = "linux")]
fn memory_stays_flat_over_a_long_stream() {
    let bench = Bench::new();
    let peak = |count: usize| {
        let mut child = bench.run().arg("--quiet").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut answers = child.stdout.take().unwrap();
        let reading = std::thread::spawn(move || std::io::copy(&mut answers, &mut std::io::sink()).unwrap());
        let mut input = child.stdin.take().unwrap();
        let text = line(0, &[(17, 1.0)]).repeat(100);
        (0..count / 100).for_each(|_| input.write_all(text.as_bytes()).unwrap());
        // Everything except the contents of the pipe and the queue has been lifted by now, and the program is still
        // running.
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        drop(input);
        assert!(child.wait().unwrap().success());
        reading.join().unwrap();
        let high = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells the peak");
        high.trim().trim_end_matches(" kB").parse::<usize>().unwrap()
    };
    let (short, long) = (peak(20_000), peak(200_000));
    assert!(long < short + 20_000, "peak of 20,000 frames {short} kB, of 200,000 {long} kB");
    assert!(long < 400_000, "{long} kB");
}

/// A named pipe; data written to it are read at the other end at once.
#[cfg(unix)]
fn named_pipe(bench: &Bench, name: &str) -> std::path::PathBuf {
    let path = bench.path(name);
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

/// Opens a pipe to write to it: for reading too, so that this does not wait for ever for a program that has ended.
#[cfg(unix)]
fn open_pipe(path: &std::path::Path) -> std::fs::File {
    std::fs::File::options().read(true).write(true).open(path).unwrap()
}

#[test]
#[cfg(unix)]
fn live_inputs_are_answered_at_the_same_time_each_as_it_comes() {
    let bench = Bench::new();
    let pipes: Vec<_> = (0..3).map(|camera| named_pipe(&bench, &format!("camera{camera}.jsonl"))).collect();
    let answers: Vec<_> = (0..3).map(|camera| bench.path(&format!("poses/camera{camera}.jsonl"))).collect();
    let mut command = bench.run();
    let mut child = command.args(&pipes).arg("-o").arg(bench.path("poses")).stderr(Stdio::null()).spawn().unwrap();
    let mut inputs: Vec<_> = pipes.iter().map(|pipe| open_pipe(pipe)).collect();
    for frame in 0..10 {
        for (camera, input) in inputs.iter_mut().enumerate() {
            input.write_all(line(frame, &[(17, (100 * camera + frame + 1) as f32)]).as_bytes()).unwrap();
        }
        for answer in &answers {
            let started = std::time::Instant::now();
            // A header, and a line for each frame so far.
            while std::fs::read_to_string(answer).unwrap_or_default().lines().count() < frame + 2 {
                assert!(started.elapsed().as_secs() < 20, "{}: no answer to frame {frame}", answer.display());
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        }
    }
    drop(inputs);
    assert!(child.wait().unwrap().success());
    for (camera, answer) in answers.iter().enumerate() {
        for (frame, found) in frames(&std::fs::read_to_string(answer).unwrap()).iter().enumerate() {
            let x = found["people"][0]["joints"][0][0].as_f64().unwrap();
            assert!(
                (x - (100 * camera + frame + 1) as f64 * 0.001).abs() < 1e-3,
                "camera {camera}, frame {frame}: {x}"
            );
        }
    }
}

#[test]
fn live_inputs_need_a_folder_for_their_poses() {
    let bench = Bench::new();
    let file = bench.file("clip.jsonl", line(0, &[(17, 1.0)]));
    let output = feed(bench.run().arg("-").arg(file), &line(0, &[(17, 1.0)]));
    assert_code(&output, 2);
    let printed = stderr(&output);
    assert!(
        printed.contains("2 live inputs at the same time, expected a folder") && printed.contains("-o poses/"),
        "{printed}"
    );
}

#[test]
fn feet_that_stand_are_said_in_json_lines_and_csv_and_refused_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let run = |name: &str| poselift().args(["run", CLIP, "--contacts", "-o"]).arg(at(name)).output().unwrap();
    assert_code(&run("poses.jsonl"), 0);
    assert_code(&run("poses.csv"), 0);
    let csv = std::fs::read_to_string(at("poses.csv")).unwrap();
    let contacts: Vec<&str> = csv.lines().skip(1).map(|line| &line[line.len() - 3..]).collect();
    assert!(csv.lines().next().unwrap().ends_with(",left_foot_contact,right_foot_contact"));
    assert!(contacts.iter().all(|feet| ["0,0", "0,1", "1,0", "1,1"].contains(feet)), "{contacts:?}");
    // The man runs up and jumps against a wall.
    for feet in ["0,0", "1,0", "0,1"] {
        assert!(contacts.contains(&feet), "never {feet}");
    }
    let mut convert = poselift();
    convert.args(["convert", "--contacts"]).arg(at("poses.jsonl")).arg("-o").arg(at("again.csv"));
    assert_code(&convert.output().unwrap(), 0);
    assert_eq!(std::fs::read_to_string(at("again.csv")).unwrap(), csv);
    let refused = run("poses.npz");
    assert_code(&refused, 2);
    assert!(stderr(&refused).contains("npz has no room for contacts"), "{}", stderr(&refused));
    let noted = run("poses.trc");
    assert_code(&noted, 0);
    assert!(stderr(&noted).contains("--contacts adds nothing"), "{}", stderr(&noted));
}

#[test]
fn several_inputs_share_one_header_on_stdout_or_are_refused() {
    let bench = Bench::new();
    let header = |fps: u32| format!("{{\"poselift\":1,\"kind\":\"keypoints\",\"layout\":\"coco17\",\"fps\":{fps}}}\n");
    let text: String = (0..3).map(|frame| line(frame, &[(17, 1.0)])).collect();
    let clip = |name: &str, fps: u32| bench.file(name, header(fps) + &text);
    let (one, same, other) = (clip("one.jsonl", 30), clip("same.jsonl", 30), clip("other.jsonl", 25));
    for to in ["jsonl", "csv"] {
        let output = bench.run().args(["--to", to]).args([&one, &same]).output().unwrap();
        assert_code(&output, 0);
        let lines = stdout(&output);
        assert_eq!(lines.lines().count(), 1 + 6, "{lines}");
        assert!(!lines.lines().skip(1).any(|line| line.contains("poselift") || line.contains("person")), "{lines}");
        assert!(stderr(&output).contains("same: behind the stream before it, in one"), "{}", stderr(&output));
        let output = bench.run().args(["--to", to]).args([&one, &other]).output().unwrap();
        assert_code(&output, 1);
        let said = stderr(&output);
        assert!(said.contains("other: poses at 25 frames a second behind those at 30 frames a second"), "{said}");
        assert!(said.contains("-o FOLDER") && stdout(&output).lines().count() == 1 + 3, "{said}");
    }
    let poses = bench.path("poses.jsonl");
    assert_code(&bench.run().arg(&one).arg("-o").arg(&poses).output().unwrap(), 0);
    let output = poselift().arg("convert").args([&poses, &poses]).output().unwrap();
    assert_code(&output, 0);
    assert_eq!(stdout(&output).matches("\"poselift\"").count(), 1);
}

//! Exports of `poselift convert` and `run`, read by the software that users have: opensim, ezc3d, c3d, bvhio,
//! pygltflib, Khronos's validator of glTF, pandas and NumPy. `make test` installs them; a missing one is a failure
//! unless POSELIFT_ALLOW_SKIPS=1.

#![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use poselift::format::{PoseInfo, Source, open_pose_reader};
use poselift::place::{ANGLE_NAMES, AngleReader};
use poselift::pose::{Axes, LiftedFrame};
use poselift::skeleton::H36M17;
use serde_json::Value;

use crate::judges::Judges;
use crate::program::CLIP;

pub(crate) const FRAMES: usize = 40;
const FPS: f64 = 30.0;

/// A person who walks on the spot, turns and swings the arms, y up, metres, relative to the hip.
fn pose(frame: usize) -> Vec<[f64; 3]> {
    let swing = (frame as f64 * 0.3).sin();
    let heading = frame as f64 * 0.02;
    let leg = |side: f64| {
        let (hip, knee) = (0.5 * swing * side, 0.4 + 0.3 * swing * side);
        let thigh = [0.0, -0.43 * hip.cos(), 0.43 * hip.sin()];
        let shank = [0.0, -0.42 * (hip - knee).cos(), 0.42 * (hip - knee).sin()];
        (thigh, shank)
    };
    let arm = |side: f64| {
        let (shoulder, elbow) = (-0.4 * swing * side, 0.6 + 0.2 * swing);
        let upper = [0.05 * side, -0.28 * shoulder.cos(), 0.28 * shoulder.sin()];
        let fore = [0.0, -0.25 * (shoulder + elbow).cos(), 0.25 * (shoulder + elbow).sin()];
        (upper, fore)
    };
    let add = |a: [f64; 3], b: [f64; 3]| [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
    let mut joints = vec![[0.0; 3]; 17];
    for (side, hip, shoulder) in [(-1.0, 1, 14), (1.0, 4, 11)] {
        let (thigh, shank) = leg(side);
        joints[hip] = [0.13 * side, 0.0, 0.0];
        joints[hip + 1] = add(joints[hip], thigh);
        joints[hip + 2] = add(joints[hip + 1], shank);
        let (upper, fore) = arm(side);
        joints[shoulder] = [0.15 * side, 0.48, 0.03];
        joints[shoulder + 1] = add(joints[shoulder], upper);
        joints[shoulder + 2] = add(joints[shoulder + 1], fore);
    }
    (joints[7], joints[8]) = ([0.0, 0.24, 0.01], [0.0, 0.48, 0.03]);
    (joints[9], joints[10]) = ([0.0, 0.57, 0.08], [0.0, 0.66, 0.05]);
    let (sin, cos) = heading.sin_cos();
    joints.iter().map(|[x, y, z]| [x * cos + z * sin, *y, z * cos - x * sin]).collect()
}

/// Poses as `run` writes them, in camera axes; `people` are ids with their frames.
pub(crate) fn poses(folder: &Path, people: &[(i64, std::ops::Range<usize>)]) -> PathBuf {
    let header = serde_json::json!({
        "poselift": 1, "kind": "poses", "skeleton": "h36m17", "joints": H36M17.joints, "parents": H36M17.parents,
        "unit": "m", "axes": "camera", "fps": FPS, "model": "test",
    });
    let mut text = format!("{header}\n");
    for frame in 0..FRAMES {
        let joints: Vec<_> = pose(frame).iter().map(|[x, y, z]| [*x as f32, -*y as f32, -*z as f32]).collect();
        let here = people.iter().filter(|(_, frames)| frames.contains(&frame));
        let people: Vec<_> = here
            .map(|(id, _)| {
                let root = [*id as f32 * 0.5, 0.1, 4.0 + frame as f32 * 0.01];
                serde_json::json!({"id": id, "joints": joints, "score": 0.9, "root": root})
            })
            .collect();
        let line = serde_json::json!({"frame": frame, "time": frame as f64 / FPS, "people": people});
        text.push_str(&format!("{line}\n"));
    }
    let path = folder.join("poses.jsonl");
    std::fs::write(&path, text).unwrap();
    path
}

fn poselift(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_poselift"));
    command.args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// Converts `poses` to a file in the same folder and returns its path.
pub(crate) fn convert(poses: &Path, name: &str, options: &[&str]) -> PathBuf {
    let out = poses.with_file_name(name);
    let mut arguments = vec!["convert", poses.to_str().unwrap(), "-o", out.to_str().unwrap()];
    arguments.extend_from_slice(options);
    let output = poselift(&arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    out
}

/// The frames of a poses file.
pub(crate) fn read(path: &Path) -> (PoseInfo, Vec<LiftedFrame>) {
    let mut reader = open_pose_reader(&Source::File(path.to_path_buf())).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = reader.read().unwrap() {
        frames.push(frame);
    }
    (reader.info().clone(), frames)
}

/// `[T, J]` positions of the only person, metres, y up.
fn places(path: &Path) -> Vec<Vec<[f64; 3]>> {
    let (_, frames) = read(path);
    let place = |frame: &LiftedFrame| {
        let person = &frame.people[0];
        let root = person.root.unwrap();
        let y_up = |joint: &[f32; 3]| {
            let [x, y, z] = [0, 1, 2].map(|axis| f64::from(joint[axis]) + f64::from(root[axis]));
            [x, -y, -z]
        };
        person.joints.iter().map(y_up).collect()
    };
    frames.iter().map(place).collect()
}

fn triple(value: &Value) -> [f64; 3] {
    [0, 1, 2].map(|axis| value[axis].as_f64().unwrap())
}

fn assert_near(found: [f64; 3], expected: [f64; 3], tolerance: f64, what: &str) {
    let is_near = found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() <= tolerance);
    assert!(is_near, "{what}: found {found:?}, expected {expected:?}");
}

#[test]
fn opensim_reads_trc() {
    let Some(judges) = Judges::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let poses = poses(folder.path(), &[(0, 0..FRAMES)]);
    let table = judges.read("trc", &[&convert(&poses, "walk.trc", &[])]);
    assert_eq!(table["labels"][2], "RKnee");
    assert_eq!((&table["meta"]["Units"], &table["meta"]["DataRate"]), (&"m".into(), &"30".into()));
    let expected = places(&poses);
    assert_eq!(table["rows"].as_array().unwrap().len(), FRAMES);
    for (row, pose) in expected.iter().enumerate() {
        assert!((table["times"][row].as_f64().unwrap() - row as f64 / FPS).abs() < 1e-6);
        for (joint, place) in pose.iter().enumerate() {
            assert_near(triple(&table["rows"][row][joint]), *place, 2e-6, &format!("row {row}, joint {joint}"));
        }
    }
}

#[test]
fn opensim_reads_trc_of_people_who_were_away() {
    let Some(judges) = Judges::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let poses = poses(folder.path(), &[(3, 0..10), (3, 25..FRAMES)]);
    let rows = judges.read("trc", &[&convert(&poses, "walk.trc", &[])])["rows"].clone();
    assert_eq!(rows.as_array().unwrap().len(), FRAMES);
    let is_seen = |row: usize| rows[row][5][0].as_f64().is_some_and(f64::is_finite);
    assert!(is_seen(9) && !is_seen(10) && !is_seen(24) && is_seen(25), "{rows}");
}

#[test]
fn opensim_reads_mot_and_its_inverse_kinematics_runs_to_the_end() {
    let Some(judges) = Judges::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let poses = poses(folder.path(), &[(0, 0..FRAMES)]);
    let table = judges.read("mot", &[&convert(&poses, "walk.mot", &[])]);
    assert_eq!(table["inDegrees"], "yes");
    let (info, frames) = read(&poses);
    let reader = AngleReader::new(&info.joints, Axes::Camera).unwrap();
    for (row, frame) in frames.iter().enumerate() {
        let angles = reader.read(&frame.people[0].joints, &[]);
        for name in ["knee_angle_r", "hip_flexion_l", "elbow_flex_r", "lumbar_extension"] {
            let place = ANGLE_NAMES.iter().position(|known| *known == name).unwrap();
            let found = table["columns"][name][row].as_f64().unwrap();
            assert!((found - f64::from(angles.degrees[place])).abs() < 0.01, "{name} in row {row}: {found}");
        }
    }
    let hip = places(&poses)[FRAMES - 1][0];
    assert!(!folder.path().join("walk_sigma.sto").exists(), "error bars are written only with --sigma");
    let moved =
        ["pelvis_tx", "pelvis_ty", "pelvis_tz"].map(|name| table["columns"][name][FRAMES - 1].as_f64().unwrap());
    assert_near(moved, hip, 1e-5, "the pelvis");

    let trc = convert(&poses, "walk.trc", &[]);
    let solved = judges.read("ik", &[trc.as_path(), folder.path()]);
    assert_eq!(solved["rows"], solved["expected"]);
    assert_eq!(solved["rows"], FRAMES);
    // The model is not scaled to our person, so its angles differ, but they rise and fall with ours: the signs are
    // the same.
    for name in ["hip_flexion_r", "hip_flexion_l", "knee_angle_l", "arm_flex_r", "arm_flex_l", "elbow_flex_l"] {
        let column = |file: &Value| -> Vec<f64> {
            file["columns"][name].as_array().unwrap().iter().map(|degrees| degrees.as_f64().unwrap()).collect()
        };
        let together = correlation(&column(&solved), &column(&table));
        assert!(together > 0.9, "{name} goes with ours by {together}");
    }
}

#[test]
fn opensim_reads_the_error_bars_of_angles_beside_a_mot() {
    let Some(judges) = Judges::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("clip.mot");
    let output = poselift(&["run", "--device", "cpu", CLIP, "-o", out.to_str().unwrap(), "--sigma"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let sigma = judges.read("mot", &[&folder.path().join("clip_sigma.sto")]);
    let angles = judges.read("mot", &[&out]);
    assert_eq!((&sigma["inDegrees"], &sigma["times"]), (&"yes".into(), &angles["times"]));
    let columns = sigma["columns"].as_object().unwrap();
    assert!(columns.keys().eq(angles["columns"].as_object().unwrap().keys()), "{:?}", columns.keys());
    // As JSON Lines have them, frame by frame.
    let lines = lifted_lines(folder.path());
    let knee = ANGLE_NAMES.iter().position(|known| *known == "knee_angle_r").unwrap();
    for (row, found) in columns["knee_angle_r"].as_array().unwrap().iter().enumerate() {
        let time = angles["times"][row].as_f64().unwrap();
        let at = |line: &&Value| (line["time"].as_f64().unwrap() - time).abs() < 1e-3 && line["people"][0].is_object();
        if let Some(line) = lines.iter().find(at) {
            let expected = line["people"][0]["angle_sigma"][knee].as_f64().unwrap();
            assert!((found.as_f64().unwrap() - expected).abs() < 0.02, "row {row}: {found}, expected {expected}");
        }
    }
}

/// The frames of the demonstration clip in JSON Lines, with angles and their error bars.
fn lifted_lines(folder: &Path) -> Vec<Value> {
    let out = folder.join("clip.jsonl");
    let output = poselift(&["run", "--device", "cpu", CLIP, "-o", out.to_str().unwrap(), "--sigma", "--angles"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(out).unwrap();
    text.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Poses of 20 frames at 30 a second, then 40 at 60, as a phone records them whose header says 30.
fn poses_of_changing_rate(folder: &Path) -> PathBuf {
    let poses = poses(folder, &[(0, 0..FRAMES)]);
    let text = std::fs::read_to_string(&poses).unwrap();
    let mut lines = text.lines();
    let mut changed = format!("{}\n", lines.next().unwrap());
    let people: Vec<Value> = lines.map(|line| serde_json::from_str::<Value>(line).unwrap()["people"].clone()).collect();
    for frame in 0..60 {
        let time = if frame < 20 { frame as f64 / 30.0 } else { (20.0 + (frame - 20) as f64 / 2.0) / 30.0 };
        let line = serde_json::json!({"frame": frame, "time": time, "people": people[frame % FRAMES]});
        changed.push_str(&format!("{line}\n"));
    }
    std::fs::write(&poses, changed).unwrap();
    poses
}

#[test]
fn a_clip_whose_rate_changes_has_rows_for_all_frames_unless_a_rate_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let poses = poses_of_changing_rate(folder.path());
    let out = folder.path().join("walk.trc");
    for (options, rate, said) in [
        (&[][..], "60", "walk.trc: frames come at 30 a second and for a while at 60: written at 60 a second"),
        (&["--fps", "30"], "30", "walk.trc: 19 of 60 frames are left out: they come between two rows"),
    ] {
        let mut arguments = vec!["convert", poses.to_str().unwrap(), "-o", out.to_str().unwrap()];
        arguments.extend_from_slice(options);
        let output = poselift(&arguments);
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && told.contains(said), "{told}");
        let text = std::fs::read_to_string(&out).unwrap();
        let counts = text.lines().nth(2).unwrap();
        assert!(counts.starts_with(&format!("{rate}\t{rate}\t")), "{counts}");
    }
}

#[test]
fn what_a_format_has_no_room_for_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let poses = poses(folder.path(), &[(0, 0..FRAMES)]);
    for (name, to, option) in [
        ("a.trc", "trc", "sigma"),
        ("a.bvh", "bvh", "angles"),
        ("a.csv", "csv-long", "angles"),
        ("a.glb", "glb", "sigma"),
    ] {
        let out = folder.path().join(name);
        let option_word = format!("--{option}");
        let arguments = ["convert", poses.to_str().unwrap(), "-o", out.to_str().unwrap(), "--to", to, &option_word];
        let said = String::from_utf8(poselift(&arguments).stderr).unwrap();
        assert!(said.contains(&format!("{to} files have no room for {option}")), "{said}");
    }
}

/// The correlation of two series, −1 to 1.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |series: &[f64]| series.iter().sum::<f64>() / series.len() as f64;
    let centred = |series: &[f64]| -> Vec<f64> { series.iter().map(|value| value - mean(series)).collect() };
    let product = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let [a, b] = [centred(a), centred(b)];
    product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt()
}

#[test]
fn ezc3d_and_c3d_read_c3d_and_see_who_is_missing() {
    let Some(judges) = Judges::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let poses = poses(folder.path(), &[(0, 0..FRAMES), (3, 10..25)]);
    let path = convert(&poses, "walk.c3d", &[]);
    let file = judges.read("c3d", &[&path]);
    assert_eq!(file["units"], serde_json::json!(["mm"]));
    assert_eq!((&file["analog"], &file["plates"], &file["rate"]), (&0.into(), &0.into(), &30.0.into()));
    let again = judges.read("py-c3d", &[&path]);
    assert_eq!(again["frames"], serde_json::json!([1, FRAMES]));
    let expected = places(&poses);
    for (judge, file) in [("ezc3d", &file), ("c3d", &again)] {
        assert_eq!(
            (&file["labels"][2], &file["labels"][17]),
            (&"Person0:RKnee".into(), &"Person3:Hip".into()),
            "{judge}"
        );
        assert_eq!(file["rows"].as_array().unwrap().len(), FRAMES, "{judge}");
        for (row, pose) in expected.iter().enumerate() {
            let [x, y, z] = pose[2].map(|axis| axis * 1000.0);
            assert_near(triple(&file["rows"][row][2]), [x, -z, y], 1e-2, judge);
            let residual = file["residuals"][row][17].as_f64().unwrap();
            assert_eq!(residual < 0.0, !(10..25).contains(&row), "{judge}, row {row}: {residual}");
            assert!(file["residuals"][row][2].as_f64().unwrap() >= 0.0);
        }
    }
}

/// Each bone with its median length in its lifted direction: the best that a skeleton of fixed bones can show.
fn with_median_bones(poses: &[Vec<[f64; 3]>]) -> Vec<Vec<[f64; 3]>> {
    let bone = |pose: &[[f64; 3]], joint: usize| {
        let parent = H36M17.parents[joint] as usize;
        [0, 1, 2].map(|axis| pose[joint][axis] - pose[parent][axis])
    };
    let length = |bone: [f64; 3]| bone.iter().map(|axis| axis * axis).sum::<f64>().sqrt();
    let medians: Vec<_> = (0..17)
        .map(|joint| {
            let mut lengths: Vec<_> =
                poses.iter().filter(|_| joint > 0).map(|pose| length(bone(pose, joint))).collect();
            lengths.sort_by(f64::total_cmp);
            lengths.get(lengths.len() / 2).copied().unwrap_or(0.0)
        })
        .collect();
    poses
        .iter()
        .map(|pose| {
            let mut fixed = pose.clone();
            for joint in 1..17 {
                let way = bone(pose, joint);
                let base = fixed[H36M17.parents[joint] as usize];
                fixed[joint] = [0, 1, 2].map(|axis| base[axis] + way[axis] * medians[joint] / length(way));
            }
            fixed
        })
        .collect()
}

/// Nodes of BVH and GLB and their joints.
const NODES: [(&str, usize); 12] = [
    ("Hips", 0),
    ("RightUpLeg", 1),
    ("RightLeg", 2),
    ("RightFoot", 3),
    ("LeftFoot", 6),
    ("Spine", 7),
    ("Spine1", 8),
    ("Head", 10),
    ("LeftArm", 11),
    ("LeftHand", 13),
    ("RightForeArm", 15),
    ("RightHand", 16),
];

#[test]
fn bvhio_finds_every_joint_in_its_place() {
    let Some(judges) = Judges::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let poses = poses(folder.path(), &[(0, 0..FRAMES)]);
    let file = judges.read("bvh", &[&convert(&poses, "walk.bvh", &[])]);
    assert_eq!(file["frames"], FRAMES);
    assert!((file["frameTime"].as_f64().unwrap() - 1.0 / FPS).abs() < 1e-6);
    for (row, pose) in with_median_bones(&places(&poses)).iter().enumerate() {
        for (node, joint) in NODES {
            let centimetres = pose[joint].map(|axis| axis * 100.0);
            assert_near(triple(&file["places"][node][row]), centimetres, 0.1, &format!("{node}, row {row}"));
        }
    }
}

#[test]
fn pygltflib_and_khronoss_validator_read_glb() {
    let Some(judges) = Judges::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let alone = poses(folder.path(), &[(0, 0..FRAMES)]);
    let path = convert(&alone, "walk.glb", &[]);
    let file = judges.read("glb", &[&path]);
    assert_eq!((&file["meshes"], &file["skins"]), (&1.into(), &1.into()));
    for (row, pose) in with_median_bones(&places(&alone)).iter().enumerate() {
        for (node, joint) in NODES {
            assert_near(triple(&file["places"][node][row]), pose[joint], 1e-3, &format!("{node}, row {row}"));
        }
    }
    let both = poses(folder.path(), &[(0, 0..FRAMES), (3, 10..25)]);
    let together = convert(&both, "two.glb", &[]);
    assert_eq!(judges.read("glb", &[&together])["skins"], 2);
    for path in [path, together] {
        judges.validate_gltf(&path);
    }
}

#[test]
fn pandas_reads_csv_and_numpy_npz() {
    let Some(judges) = Judges::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let poses = poses(folder.path(), &[(0, 0..FRAMES)]);
    let expected = places(&poses);
    let table = judges.read("csv", &[&convert(&poses, "walk.csv", &["--axes", "y-up", "--angles"])]);
    assert_eq!((&table["columns"][4], &table["columns"][10]), (&"hip_x".into(), &"right_knee_x".into()));
    assert_eq!(table["columns"].as_array().unwrap().len(), 4 + 3 * 17 + ANGLE_NAMES.len());
    let long = judges.read("csv", &[&convert(&poses, "long.csv", &["--to", "csv-long", "--units", "mm"])]);
    assert_eq!(long["columns"], serde_json::json!(["frame", "time", "person", "joint", "x", "y", "z"]));
    assert_eq!(long["rows"].as_array().unwrap().len(), FRAMES * 17);
    for (row, pose) in expected.iter().enumerate() {
        let found = [10, 11, 12].map(|column| table["rows"][row][column].as_f64().unwrap());
        assert_near(found, pose[2], 2e-6, &format!("row {row}"));
        let [x, y, z] = [3, 4, 5].map(|column| long["rows"][row * 17 + 2][column].as_f64().unwrap() / 1000.0);
        assert_near([x, -y, -z], pose[2], 2e-6, &format!("long row {row}"));
    }

    let npz = convert(&poses, "walk.npz", &[]);
    let (_, frames) = read(&poses);
    let numbers: Vec<_> = frames.iter().flat_map(|frame| frame.people[0].joints.concat()).collect();
    let found = judges.read("npz", &[&npz]);
    let roots: Vec<_> = frames.iter().flat_map(|frame| frame.people[0].root.unwrap()).collect();
    for (found, expected) in found["roots"].as_array().unwrap().iter().zip(&roots) {
        assert_eq!(found.as_f64().unwrap() as f32, *expected);
    }
    for (found, expected) in found["poses"].as_array().unwrap().iter().zip(&numbers) {
        assert_eq!(found.as_f64().unwrap() as f32, *expected);
    }
    // And back again, as far as an array can hold it.
    let back = convert(&npz, "back.jsonl", &["--fps", "30"]);
    let (info, again) = read(&back);
    assert_eq!((info.joints.len(), info.fps, again.len()), (17, Some(30.0), FRAMES));
    assert!(again.iter().zip(&frames).all(|(a, b)| a.people[0].joints == b.people[0].joints && a.time.is_some()));
    assert!(again.iter().zip(&frames).all(|(a, b)| a.people[0].root == b.people[0].root));
}

#[cfg(unix)]
#[test]
fn a_persons_file_replaces_a_link_and_not_the_input_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let input = poses(folder.path(), &[(0, 0..20), (1, 0..20)]);
    let before = std::fs::read(&input).unwrap();
    for person in ["walk_person0.trc", "walk_person1.trc"] {
        std::os::unix::fs::symlink(&input, folder.path().join(person)).unwrap();
    }
    convert(&input, "walk.trc", &[]);
    assert_eq!(std::fs::read(&input).unwrap(), before);
    assert!(
        !folder.path().join("walk_person0.trc").is_symlink() && !folder.path().join("walk_person1.trc").is_symlink()
    );
}

#[test]
fn several_people_get_a_file_each_and_none_outside_their_frames() {
    let folder = tempfile::tempdir().unwrap();
    let poses = poses(folder.path(), &[(0, 0..FRAMES), (3, 10..25), (0, 0..0)]);
    let trc = convert(&poses, "walk.trc", &[]);
    assert!(!trc.exists());
    let text = std::fs::read_to_string(folder.path().join("walk_person3.trc")).unwrap();
    assert_eq!(text.lines().count(), 6 + 15);
    assert!(text.lines().nth(6).unwrap().starts_with("1\t0.333333\t"), "{text}");
    assert!(folder.path().join("walk_person0.trc").exists());
}

#[test]
fn what_a_format_cannot_be_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let poses = poses(folder.path(), &[(0, 0..FRAMES)]);
    let refused = |name: &str, options: &[&str]| {
        let out = folder.path().join(name);
        let mut arguments = vec!["convert", poses.to_str().unwrap(), "-o", out.to_str().unwrap()];
        arguments.extend_from_slice(options);
        let output = poselift(&arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(!out.exists(), "{name} was left behind");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refused("a.bvh", &["--axes", "z-up"]).contains("bvh files are y-up, so they cannot be z-up"));
    assert!(refused("a.glb", &["--units", "mm"]).contains("glb files are in m, so they cannot be in mm"));
    assert!(refused("a.xyz", &[]).contains("its extension names no format"));
    let piped = poselift(&["convert", poses.to_str().unwrap(), "--to", "trc"]);
    assert!(String::from_utf8(piped.stderr).unwrap().contains("trc cannot be written to a pipe"));
}

#[test]
fn a_height_scales_a_person() {
    let folder = tempfile::tempdir().unwrap();
    let poses = poses(folder.path(), &[(0, 0..FRAMES)]);
    let (info, frames) = read(&convert(&poses, "tall.jsonl", &["--height", "1.87", "--units", "cm", "--axes", "z-up"]));
    assert_eq!((info.unit.name(), info.axes), ("cm", Axes::ZUp));
    let (_, before) = read(&poses);
    for (frame, before) in frames.iter().zip(&before) {
        let [x, y, z] = before.people[0].joints[6];
        let expected = [x, z, -y].map(|axis| f64::from(axis) * 110.0);
        assert_near(frame.people[0].joints[6].map(f64::from), expected, 1e-3, "the left ankle");
    }
}

/// Holds our angles against those of OpenSim's inverse kinematics, frame by frame: the median difference in degrees.
/// Of hips and shoulders it is around a constant offset: two points do not tell how pelvis and trunk are tilted, and
/// OpenSim tilts them as it suits its other joints.
fn angles_are_of_opensims_size(solved: &Value, ours: &Value) {
    let column = |file: &Value, name: &str| -> Vec<f64> {
        file[name]
            .as_array()
            .unwrap_or_else(|| panic!("no {name}"))
            .iter()
            .map(|value| value.as_f64().unwrap())
            .collect()
    };
    let median = |mut numbers: Vec<f64>| {
        numbers.sort_by(f64::total_cmp);
        numbers[numbers.len() / 2]
    };
    for (name, has_offset, most) in [
        ("knee_angle_r", false, 3.0),
        ("knee_angle_l", false, 3.0),
        ("hip_adduction_r", false, 3.0),
        ("hip_adduction_l", false, 3.0),
        ("elbow_flex_r", false, 9.0),
        ("elbow_flex_l", false, 12.0),
        ("hip_flexion_r", true, 9.0),
        ("hip_flexion_l", true, 9.0),
    ] {
        let pairs = column(solved, name).into_iter().zip(column(ours, name));
        let differences: Vec<f64> = pairs.map(|(solved, ours)| solved - ours).collect();
        let offset = if has_offset { median(differences.clone()) } else { 0.0 };
        let off = median(differences.iter().map(|difference| (difference - offset).abs()).collect());
        assert!(off < most, "{name} is off by {off} degrees, with an offset of {offset}");
        println!("{name}: off by {off:.1} degrees, offset {offset:.1}");
    }
}

#[test]
fn a_lifted_clip_goes_from_key_points_to_opensims_angles() {
    let Some(judges) = Judges::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, options: &[&str]| {
        let out = folder.path().join(name);
        let mut arguments = vec!["run", "--device", "cpu", CLIP, "-o", out.to_str().unwrap()];
        arguments.extend_from_slice(options);
        let output = poselift(&arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(matches!(output.status.code(), Some(0 | 1)), "{said}");
        (out, said)
    };
    let (trc, said) = run("clip.trc", &["--smooth", "clip", "--root", "--pitch", "5", "--height", "1.78"]);
    assert!(said.contains("focal length unknown"), "{said}");
    let solved = judges.read("scaled-ik", &[trc.as_path(), folder.path()]);
    assert_eq!(solved["rows"], solved["expected"]);
    // A person of 1.78 m is about as tall as the model.
    for body in ["femur_r", "tibia_l", "humerus_r", "ulna_l", "torso"] {
        let factor = solved["factors"][body].as_f64().unwrap();
        assert!((0.9..1.15).contains(&factor), "{body} is {factor} times the model's");
    }
    let (mot, _) = run("clip.mot", &["--smooth", "clip", "--root", "--pitch", "5", "--height", "1.78"]);
    angles_are_of_opensims_size(&solved["columns"], &judges.read("mot", &[&mot])["columns"]);
    let table = judges.read("trc", &[&trc]);
    let ankles = table["rows"].as_array().unwrap().iter().flat_map(|row| [&row[3], &row[6]]);
    let lowest = ankles.filter_map(|ankle| ankle[1].as_f64()).fold(f64::INFINITY, f64::min);
    assert!((-0.1..0.1).contains(&lowest), "the lowest ankle is at {lowest} m");

    // Roots and angles in JSON Lines, with their error bars.
    let (lines, _) = run("clip.jsonl", &["--root", "--angles", "--sigma"]);
    let text = std::fs::read_to_string(lines).unwrap();
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let header = lines.next().unwrap();
    assert_eq!(header["angles"].as_array().unwrap().len(), ANGLE_NAMES.len());
    let people: Vec<_> = lines.flat_map(|line| line["people"].as_array().unwrap().clone()).collect();
    assert!(!people.is_empty());
    for person in &people {
        assert!(person["root"][2].as_f64().unwrap() > 1.0, "{person}");
        let lists = ["angles", "angle_sigma"].map(|list| person[list].as_array().unwrap());
        assert!(lists.iter().all(|list| list.len() == ANGLE_NAMES.len()), "{person}");
        assert!(lists[1].iter().flat_map(Value::as_f64).all(|sigma| sigma > 0.0), "{person}");
    }
}

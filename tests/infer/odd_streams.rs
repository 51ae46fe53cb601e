//! A clip of a walking person in the spellings of people's own scripts and of tables, through the real program: each is lifted
//! as the same clip in our own stream is, or refused with what was found.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use poselift::skeleton::COCO17;
use serde_json::{Value, json};

use crate::cases::{Run, off, run};

const FRAMES: usize = 12;
const SIZE: [&str; 2] = ["--size", "1280x720"];

type Points = Vec<[f64; 3]>;

/// A person who walks before a camera of 1280x720, in COCO's order.
fn walker(frame: usize) -> Points {
    let swing = 40.0 * (frame as f64 / 3.0).sin();
    let at = |x: f64, y: f64| [x, y, 0.875];
    vec![
        at(640.0, 110.0),
        at(648.5, 100.0),
        at(632.0, 100.25),
        at(660.0, 108.0),
        at(620.0, 108.0),
        at(690.0, 180.0),
        at(590.0, 182.0),
        at(705.0, 250.0 + swing / 4.0),
        at(575.0, 250.0 - swing / 4.0),
        at(700.0 + swing, 310.0),
        at(580.0 - swing, 310.0),
        at(665.0, 310.0),
        at(615.0, 312.0),
        at(665.0 + swing / 2.0, 400.0),
        at(615.0 - swing / 2.0, 400.0),
        at(665.0 + swing, 490.0),
        at(615.0 - swing, 490.0),
    ]
}

/// The clip in our own stream, each frame as `change` makes it of its number and its person's points.
fn stream(change: impl Fn(usize, Points) -> Value) -> String {
    let mut text = json!({"poselift": 1, "kind": "keypoints", "layout": "coco17", "fps": 30}).to_string();
    for frame in 0..FRAMES {
        write!(text, "\n{}", change(frame, walker(frame))).unwrap();
    }
    text
}

fn usual(frame: usize, points: Points) -> Value {
    json!({"frame": frame, "size": [1280, 720], "people": [{"id": 0, "keypoints": points}]})
}

/// The same with a person in another spelling.
fn with_person(person: impl Fn(Points) -> Value) -> String {
    stream(|frame, points| json!({"frame": frame, "size": [1280, 720], "people": [person(points)]}))
}

struct Bench {
    folder: tempfile::TempDir,
    base: Run,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("base.jsonl");
        std::fs::write(&path, stream(usual)).unwrap();
        let base = run(&path, &[]);
        assert_eq!((base.code, base.frames.len()), (0, FRAMES), "{}", base.told);
        Self { folder, base }
    }

    fn run(&self, name: &str, content: impl AsRef<[u8]>, options: &[&str]) -> Run {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        run(&path, options)
    }

    /// Asserts that an input lifts as the clip does, frame by frame.
    fn assert_same(&self, name: &str, content: impl AsRef<[u8]>, options: &[&str]) -> Run {
        let found = self.run(name, content, options);
        assert_eq!((found.code, found.frames.len()), (0, FRAMES), "{name}: {}", found.told);
        let first = *found.frames.keys().next().unwrap();
        let distance = off(&found, &self.base, first);
        assert!(distance < 0.05, "{name}: off {distance} mm\n{}", found.told);
        found
    }
}

#[test]
fn json_of_peoples_own_scripts() {
    let bench = Bench::new();
    let xy = |points: &Points| points.iter().map(|point| [point[0], point[1]]).collect::<Vec<_>>();
    let scores = |points: &Points| points.iter().map(|point| point[2]).collect::<Vec<_>>();
    let by_name = |points: &Points| {
        let named = COCO17.joints.iter().zip(points).map(|(name, point)| ((*name).to_owned(), json!(point)));
        Value::Object(named.collect())
    };
    let text = |points: &Points| points.iter().map(|point| point.map(|number| number.to_string())).collect::<Vec<_>>();
    for (name, content) in [
        ("scores_beside.jsonl", with_person(|p| json!({"id": 0, "keypoints": xy(&p), "scores": scores(&p)}))),
        ("by_name.jsonl", with_person(|p| json!({"id": 0, "keypoints": by_name(&p)}))),
        ("texts.jsonl", with_person(|p| json!({"id": 0, "keypoints": text(&p)}))),
        ("nested.jsonl", with_person(|p| json!({"id": 0, "keypoints": [p]}))),
        ("alone.jsonl", stream(|frame, p| json!({"frame": frame, "size": [1280, 720], "keypoints": p}))),
        ("by_id.jsonl", stream(|frame, p| json!({"frame": frame, "size": [1280, 720], "people": {"0": {"keypoints": p}}}))),
        ("null_person.jsonl", stream(|frame, p| json!({"frame": frame, "size": ["1280", "720"], "people": [null, {"keypoints": []}, {"keypoints": p}]}))),
        ("width.jsonl", stream(|frame, p| json!({"frame_id": frame + 5, "timestamp": frame, "width": 1280, "height": 720, "people": [{"track_id": 3, "keypoints": p}]}))),
        ("clock.jsonl", stream(|frame, p| json!({"frame": null, "time": format!("00:00:{frame:02}.5"), "size": [1280, 720], "people": [{"keypoints": p}]}))),
        ("header_size.jsonl", stream(|frame, p| json!({"frame": frame, "size": null, "people": [{"keypoints": p}]})).replacen("\"fps\"", "\"size\":[1280,720],\"fps\"", 1)),
        ("wrapped.json", json!({"fps": 30, "size": [1280, 720], "frames": (0..FRAMES).map(|frame| usual(frame, walker(frame))).collect::<Vec<_>>()}).to_string()),
    ] {
        let found = bench.assert_same(name, content, &[]);
        let id = found.frames.values().next().unwrap()[0].id;
        assert!(name != "width.jsonl" || (id == Some(3) && found.frames.contains_key(&5)), "{id:?}");
    }
    let utf16: Vec<u8> = stream(usual).encode_utf16().flat_map(u16::to_le_bytes).collect();
    bench.assert_same("utf16_without_a_mark.jsonl", utf16, &[]);
}

#[test]
fn what_pages_and_easy_vitpose_write() {
    let bench = Bench::new();
    let pose = |points: Points| {
        let named = COCO17.joints.iter().zip(points);
        let named: Vec<_> =
            named.map(|(name, [x, y, score])| json!({"x": x, "y": y, "score": score, "name": name})).collect();
        json!({"keypoints": named, "score": 0.9})
    };
    let poses: Vec<Value> = (0..FRAMES).map(|frame| json!([pose(walker(frame))])).collect();
    let timed = |frame: usize| json!({"timestamp": frame as f64 / 30.0, "poses": poses[frame]});
    let lines: Vec<String> = (0..FRAMES).map(|frame| timed(frame).to_string()).collect();
    let frames: Vec<Value> = (0..FRAMES).map(timed).collect();
    bench.assert_same("lines_of_poses.jsonl", lines.join("\n"), &SIZE);
    bench.assert_same("poses.json", json!({"poses": poses}).to_string(), &SIZE);
    let clip = json!({"fps": 30, "width": 1280, "height": 720, "frames": frames});
    bench.assert_same("frames_of_poses.json", clip.to_string(), &[]);

    let skeleton: Vec<_> = COCO17.joints.iter().enumerate().map(|(at, name)| (at.to_string(), json!(name))).collect();
    let rows =
        |frame: usize| json!({"4": walker(frame).into_iter().map(|[x, y, score]| [y, x, score]).collect::<Vec<_>>()});
    let rows: Vec<Value> = (0..FRAMES).map(rows).collect();
    let skeleton = Value::Object(skeleton.into_iter().collect());
    let vitpose = json!({"keypoints": rows, "skeleton": skeleton});
    let found = bench.assert_same("vitpose.json", vitpose.to_string(), &SIZE);
    assert_eq!(found.frames[&0][0].id, Some(4));
}

#[test]
fn a_null_point_is_missing_and_other_lists_are_refused_by_their_place() {
    let bench = Bench::new();
    let without = |missing: Value| {
        with_person(move |points| {
            let mut points: Vec<Value> = points.into_iter().map(|point| json!(point)).collect();
            points[9] = missing.clone();
            json!({"id": 0, "keypoints": points})
        })
    };
    let expected = bench.run("zero.jsonl", without(json!([0, 0, 0])), &[]);
    for (name, missing) in [
        ("null.jsonl", Value::Null),
        ("empty.jsonl", json!([])),
        ("far.jsonl", json!([1e300, 2, 0.5])),
        ("-1.jsonl", json!([700, 310, -1])),
    ] {
        let found = bench.run(name, without(missing), &[]);
        assert_eq!(found.frames.len(), FRAMES, "{name}: {}", found.told);
        assert!(off(&found, &expected, 0) < 0.001, "{name}: {}", found.told);
    }
    let four = bench.run("four.jsonl", without(json!([1, 2, 3, 4])), &[]);
    assert!(four.code == 2 && four.told.contains("keypoint 9 has 4 numbers"), "{}", four.told);
}

/// Rows `frame, joint, x, y, score`, with the joints' names or their numbers.
fn long_rows(first_number: Option<usize>) -> Vec<String> {
    let mut rows = Vec::new();
    for frame in 0..FRAMES {
        for (place, [x, y, score]) in walker(frame).into_iter().enumerate() {
            let joint = first_number.map_or(COCO17.joints[place].to_owned(), |first| (place + first).to_string());
            rows.push(format!("{frame},{joint},{x},{y},{score}"));
        }
    }
    rows
}

fn table(header: &str, rows: &[String]) -> String {
    format!("{header}\n{}\n", rows.join("\n"))
}

#[test]
fn long_tables_in_any_order() {
    let bench = Bench::new();
    let header = "frame,joint,x,y,score";
    let mut by_joint = long_rows(None);
    by_joint.sort_by_key(|row| row.split(',').nth(1).map(str::to_owned));
    bench.assert_same("by_joint.csv", table(header, &by_joint), &SIZE);
    bench.assert_same("from_one.csv", table("frame,keypoint_id,x,y,score", &long_rows(Some(1))), &SIZE);
    bench.assert_same("comment.csv", format!("# of a script\n{}", table(header, &long_rows(None))), &SIZE);
    let mut by_person = Vec::new();
    for person in ["anna", "ben"] {
        by_person.extend(long_rows(None).iter().map(|row| format!("{person},{row}")));
    }
    let found = bench.assert_same("by_person.csv", table(&format!("person,{header}"), &by_person), &SIZE);
    assert!(found.frames.values().all(|people| people.len() == 2));

    let no_frame: Vec<String> = long_rows(None).iter().map(|row| row.split_once(',').unwrap().1.to_owned()).collect();
    let found = bench.run("no_frame.csv", table("joint,x,y,score", &no_frame), &SIZE);
    assert!(found.code == 2 && found.told.contains("no column says which frame"), "{}", found.told);
    // Rows of a pipe cannot be put in order.
    let mut command = Command::new(env!("CARGO_BIN_EXE_poselift"));
    let by_person = table(&format!("person,{header}"), &by_person);
    let output = crate::program::feed(command.args(["run"]).args(SIZE).stdout(Stdio::piped()), &by_person);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("rows of frame 0 behind those of frame 11"), "{told}");
}

#[test]
fn wide_tables_by_other_names() {
    let bench = Bench::new();
    let camel = |name: &str| {
        let mut capital = false;
        let letters = name.chars().filter_map(|letter| {
            let is_capital = std::mem::replace(&mut capital, letter == '_');
            (letter != '_').then(|| if is_capital { letter.to_ascii_uppercase() } else { letter })
        });
        letters.collect::<String>()
    };
    let rows: Vec<String> = (0..FRAMES)
        .map(|frame| {
            let cells = walker(frame).into_iter().flat_map(|[x, y, score]| [x, y, score].map(|cell| cell.to_string()));
            std::iter::once(frame.to_string()).chain(cells).collect::<Vec<_>>().join(",")
        })
        .collect();
    let header = |column: &dyn Fn(usize, &str) -> String| {
        let columns = (0..17).flat_map(|joint| ["x", "y", "score"].map(|axis| column(joint, axis)));
        std::iter::once("frame".to_owned()).chain(columns).collect::<Vec<_>>().join(",")
    };
    let capital = |axis: &str| axis[..1].to_uppercase() + &axis[1..];
    for (name, header) in [
        ("camel.csv", header(&|joint, axis| camel(COCO17.joints[joint]) + &capital(axis))),
        ("kp.csv", header(&|joint, axis| format!("kp{joint}_{axis}"))),
        ("keypoint.csv", header(&|joint, axis| format!("keypoint_{}_{axis}", joint + 1))),
    ] {
        bench.assert_same(name, table(&header, &rows), &SIZE);
    }
    let missing: Vec<String> =
        rows.iter().map(|row| format!("{},NA,None,n/a", &row[..row.match_indices(',').nth(48).unwrap().0])).collect();
    let found =
        bench.run("na.csv", table(&header(&|joint, axis| format!("{}_{axis}", COCO17.joints[joint])), &missing), &SIZE);
    assert_eq!((found.code, found.frames.len()), (0, FRAMES), "{}", found.told);
    // Third numbers that no score can be are looked at in a table, too.
    let metres: Vec<String> = (0..FRAMES)
        .map(|frame| {
            walker(frame).iter().enumerate().fold(frame.to_string(), |row, (joint, [x, y, _])| {
                format!("{row},{},{},{}", (x - 640.0) / 300.0, (y - 310.0) / 300.0, joint as f64 / 40.0 - 0.2)
            })
        })
        .collect();
    let found = bench.run(
        "metres.csv",
        table(&header(&|joint, axis| format!("{}_{}", COCO17.joints[joint], axis.replace("score", "z"))), &metres),
        &SIZE,
    );
    assert!(found.code == 2 && found.told.contains("3D points"), "{}", found.told);
}

#[test]
fn three_d_points_in_json_lines_are_refused_live_too() {
    let metres = stream(|frame, points| {
        let points: Vec<[f64; 3]> = points
            .iter()
            .enumerate()
            .map(|(place, [x, y, _])| [(x - 640.0) / 300.0, (y - 310.0) / 300.0, place as f64 / 40.0 - 0.2])
            .collect();
        // No person in the first frame: what comes later is judged as it comes.
        let people = if frame == 0 { json!([]) } else { json!([{"keypoints": points}]) };
        json!({"frame": frame, "size": [1280, 720], "people": people})
    });
    let mut command = Command::new(env!("CARGO_BIN_EXE_poselift"));
    let output = crate::program::feed(command.arg("run"), &metres);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && told.contains("3D points"), "{told}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("joints\":[["), "no pose was written");
}

#[test]
fn packed_otherwise_is_said() {
    let bench = Bench::new();
    for (start, told) in [
        (&b"BZh91AY&SY"[..], "bzip2"),
        (b"\xfd7zXZ\0\0", "xz"),
        (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
        (b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "without arrays"),
    ] {
        let found = bench.run("packed", start, &[]);
        assert!(found.code == 2 && found.told.contains(told), "{told}: {}", found.told);
    }
    assert!(Path::new(&bench.folder.path().join("packed")).exists());
}

/// MediaPipe's points of a person: COCO's where they are, missing ones for the rest.
fn landmarks(points: &Points) -> Vec<[f64; 3]> {
    const COCO_OF: [usize; 17] = [0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28];
    let mut landmarks = vec![[0.0, 0.0, 0.0]; 33];
    for (place, [x, y, score]) in COCO_OF.into_iter().zip(points) {
        landmarks[place] = [x / 1280.0, y / 720.0, *score];
    }
    landmarks
}

#[test]
fn text_protocol_buffers_of_several_images_in_a_file_or_a_folder() {
    let bench = Bench::new();
    let message = |frame: usize| {
        let points = landmarks(&walker(frame)).into_iter();
        points
            .map(|[x, y, score]| format!("landmark {{\n  x: {x}\n  y: {y}\n  visibility: {score}\n}}\n"))
            .collect::<String>()
    };
    let all = |between: &str| (0..FRAMES).map(message).collect::<Vec<_>>().join(between);
    for (name, between) in [("printed.pbtxt", "\n"), ("parted.pbtxt", "---\n")] {
        bench.assert_same(name, all(between), &SIZE);
    }
    let folder = bench.folder.path().join("clip");
    std::fs::create_dir(&folder).unwrap();
    for frame in 0..FRAMES {
        std::fs::write(folder.join(format!("image_{frame:04}.pbtxt")), message(frame)).unwrap();
    }
    let found = run(&folder, &SIZE);
    assert_eq!((found.code, found.frames.len()), (0, FRAMES), "{}", found.told);
    assert!(off(&found, &bench.base, 0) < 0.05, "{}", found.told);
}

#[test]
fn files_of_single_images_as_mmposes_demo_writes_them() {
    let bench = Bench::new();
    let folder = bench.folder.path().join("images");
    std::fs::create_dir(&folder).unwrap();
    for frame in 0..FRAMES {
        let points = walker(frame);
        let (keypoints, scores): (Vec<_>, Vec<_>) = points.iter().map(|[x, y, score]| ([*x, *y], *score)).unzip();
        let image = json!({"meta_info": {}, "instance_info": [{"keypoints": keypoints, "keypoint_scores": scores}]});
        std::fs::write(folder.join(format!("{frame:06}.json")), image.to_string()).unwrap();
    }
    let found = run(&folder, &SIZE);
    assert_eq!((found.code, found.frames.len()), (0, FRAMES), "{}", found.told);
    assert!(off(&found, &bench.base, 0) < 0.05, "{}", found.told);
}

#[test]
fn a_clip_of_landmarks_with_anything_beside_its_frames() {
    let bench = Bench::new();
    let frame = |frame: usize| {
        let point = |[x, y, visibility]: [f64; 3]| json!({"x": x, "y": y, "z": 0.0, "visibility": visibility});
        let landmarks: Vec<_> = landmarks(&walker(frame)).into_iter().map(point).collect();
        json!({"frame": frame, "frame_index": frame, "pose_landmarks": landmarks})
    };
    let frames: Vec<_> = (0..FRAMES).map(frame).collect();
    let clip = json!({"video": "walk.mp4", "fps": "30", "width": 1280.0, "height": "720", "frames": frames});
    bench.assert_same("clip.json", clip.to_string(), &[]);
}

#[test]
fn a_table_of_a_body_without_a_face_is_lifted_and_said_to_lack_it() {
    let bench = Bench::new();
    let body = 5..17;
    let columns = |names: &mut dyn Iterator<Item = String>| names.collect::<Vec<_>>().join(",");
    let mut table = columns(
        &mut body.clone().flat_map(|joint| ["x", "y", "score"].map(|axis| format!("{}_{axis}", COCO17.joints[joint]))),
    );
    for frame in 0..FRAMES {
        table += "\n";
        table += &columns(&mut walker(frame)[body.clone()].iter().flatten().map(f64::to_string));
    }
    let found = bench.run("body.csv", table, &SIZE);
    assert_eq!((found.code, found.frames.len()), (0, FRAMES), "{}", found.told);
    assert!(found.told.contains("nose, left_eye, right_eye, left_ear, right_ear are not in it"), "{}", found.told);
    let distance = off(&found, &bench.base, 0);
    assert!(distance > 0.01 && distance < 60.0, "off {distance} mm");
}

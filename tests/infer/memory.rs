//! Models with a memory: kernels beside ONNX Runtime, and that a clip lifted at once, frame by frame, and by the program gives the
//! same poses.

use std::path::{Path, PathBuf};

use ndarray::{Array2, Array3};
use poselift::format::{Source, open_reader};
use poselift::model::{Batch, Engine, MemoryCard, ModelFile, PoseNetwork, Session, SessionOptions, TrainingCard};
use poselift::pose::{Frame, LiftedFrame, Person};
use poselift::skeleton::{H36M17, MEDIAPIPE33};
use poselift::{Lifter, LifterOptions};
use poselift_onnx::{Dense, Memory, Model, Network, Weights, write};

use crate::program::{CLIP, poselift};

const UNITS: usize = 24;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Layers of pseudo-random numbers, small enough that poses stay poses.
struct Scatter(u32);

impl Scatter {
    fn layer(&mut self, inputs: usize, outputs: usize, size: f32) -> Dense<f32> {
        let mut numbers = |count: usize| -> Vec<f32> {
            let mut next = || {
                self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                ((self.0 >> 8) as f32 / (1u32 << 23) as f32 - 1.0) * size
            };
            (0..count).map(|_| next()).collect()
        };
        let weights = vec![Weights::new(&[inputs, outputs], numbers(inputs * outputs))];
        Dense { weights, bias: Weights::new(&[outputs], numbers(outputs)) }
    }
}

/// A file in `folder`: a model of `models/` with a memory that was not learned.
fn remembering(folder: &Path, model: &str) -> PathBuf {
    let file = ModelFile::read(root().join("models").join(model)).unwrap();
    let network = Model::decode(file.bytes().to_vec().into()).unwrap().network().unwrap();
    let (features, joints) = (network.joints_in * network.channels, network.joints_out);
    let mut scatter = Scatter(5);
    let memory = Memory {
        encoder: scatter.layer(features + 4 * joints + 1, UNITS, 0.2),
        input_gates: scatter.layer(UNITS, 3 * UNITS, 0.5),
        state_gates: scatter.layer(UNITS, 3 * UNITS, 0.5),
        decoder: scatter.layer(2 * UNITS, UNITS, 0.3),
        correction: scatter.layer(UNITS, 4 * joints, 0.05),
    };
    let card = MemoryCard {
        units: UNITS,
        longest_gap: 0.5,
        frames: file.card().name.clone(),
        training: TrainingCard::untrained(),
    };
    let card = poselift::model::Card { memory: Some(card), ..file.card().clone() };
    let path = folder.join(model);
    std::fs::write(&path, write(&Network { memory: Some(memory), ..network }, card).unwrap().bytes).unwrap();
    path
}

fn clip() -> Vec<Frame> {
    let mut reader = open_reader(&Source::File(CLIP.into()), None, Some(&MEDIAPIPE33)).unwrap();
    std::iter::from_fn(|| reader.read().unwrap()).collect()
}

fn lifter(path: &Path, engine: Engine) -> Lifter {
    Lifter::from_file_with(path, &LifterOptions { engine, threads: Some(2), ..LifterOptions::default() }).unwrap()
}

fn lift(lifter: &mut Lifter, frames: &[Frame]) -> Vec<LiftedFrame> {
    let conversion = lifter.conversion(&MEDIAPIPE33).unwrap();
    lifter.lift_frames(frames, &conversion, &mut Vec::new()).unwrap()
}

/// The largest distance of joints, and share of sigma, of the same people in `one` and `other`.
fn apart(one: &[LiftedFrame], other: &[LiftedFrame]) -> f32 {
    let mut worst = 0f32;
    for (one, other) in one.iter().zip(other) {
        assert_eq!(one.people.len(), other.people.len());
        for (one, other) in one.people.iter().zip(&other.people) {
            let joints = one.joints.as_flattened().iter().zip(other.joints.as_flattened());
            worst = joints.fold(worst, |worst, (a, b)| worst.max((a - b).abs()));
            worst = one.sigma.iter().zip(&other.sigma).fold(worst, |worst, (a, b)| worst.max((a / b - 1.0).abs()));
        }
    }
    worst
}

#[test]
fn kernels_remember_as_onnx_runtime_does() {
    let folder = tempfile::tempdir().unwrap();
    let frames = clip();
    // In int8 a code may tip where floats round differently: joints then move by millimetres.
    for (model, tolerance) in [("coco17.onnx", 1e-4), ("coco17-int8.onnx", 0.05)] {
        let path = remembering(folder.path(), model);
        let own = lift(&mut lifter(&path, Engine::Own), &frames);
        let judge = lift(&mut lifter(&path, Engine::OnnxRuntime), &frames);
        let worst = apart(&own, &judge);
        assert!(worst < tolerance, "{model}: {worst}");
        let alone = Lifter::from_file(root().join("models").join(model)).unwrap();
        let without = lift(&mut { alone }, &frames);
        assert!(apart(&own, &without) > 0.01, "{model}: the memory changes nothing");
    }
}

#[test]
fn a_clip_is_remembered_alike_at_once_frame_by_frame_and_by_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let path = remembering(folder.path(), "coco17-int8.onnx");
    let frames = clip();
    let at_once = lift(&mut lifter(&path, Engine::Auto), &frames);
    let mut one_by_one = lifter(&path, Engine::Auto);
    let singly: Vec<_> = frames.iter().flat_map(|frame| lift(&mut one_by_one, std::slice::from_ref(frame))).collect();
    assert_eq!(singly, at_once);
    // The same lifter remembers the clip's end, until it is told to forget.
    let last = frames.iter().rfind(|frame| !frame.people.is_empty()).unwrap();
    let later = Frame { time: last.time.map(|time| time + 0.03), ..last.clone() };
    assert_ne!(lift(&mut one_by_one, std::slice::from_ref(&later)), lift(&mut lifter(&path, Engine::Auto), &[later]));
    one_by_one.forget();
    assert_eq!(lift(&mut one_by_one, &frames), at_once);

    let run = |arguments: &[&str]| {
        let mut command = poselift();
        command.args(["run", CLIP, "--layout", "mediapipe33", "--sigma", "--quiet", "--model"]).arg(&path);
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let poses = run(&["--threads", "4"]);
    assert_eq!(poses, run(&["--threads", "1", "--batch", "1"]), "threads or batches change what is remembered");
    let place = at_once.iter().rposition(|frame| !frame.people.is_empty()).unwrap();
    // Behind the header.
    let line = poses.split(|&byte| byte == b'\n').nth(place + 1).unwrap();
    let line: serde_json::Value = serde_json::from_slice(line).unwrap();
    let joints = &line["people"][0]["joints"];
    let last = &at_once[place].people[0];
    for (joint, expected) in last.joints.iter().enumerate() {
        for (axis, &expected) in expected.iter().enumerate() {
            let found = joints[joint][axis].as_f64().unwrap() as f32;
            assert!((found - expected).abs() < 1e-4, "{joint}: {found}, {expected}");
        }
    }
}

#[test]
fn people_who_come_and_go_are_remembered_alike_at_once_and_frame_by_frame() {
    let path = root().join("models/coco17-memory.onnx");
    let mut frames = clip();
    let alone: Vec<_> = frames.iter().map(|frame| frame.people.clone()).collect();
    for (place, frame) in frames.iter_mut().enumerate() {
        // Three people at other moments of the clip, in an order that changes; one is away for a while, one has come twice.
        let other = |id: i64, late: usize| {
            let person = alone[(place + late) % alone.len()].first().cloned();
            person.map(|person| Person { id: Some(id), ..person })
        };
        let away = place % 50 < 20;
        let twice = place % 7 == 0;
        let people = [other(1, 0), other(2, 30).filter(|_| !away), other(3, 90), other(3, 60).filter(|_| twice)];
        frame.people = people.into_iter().flatten().collect();
        let count = frame.people.len().max(1);
        frame.people.rotate_left(place % count);
        // As a camera at 60 frames a second: every frame remembers the one before the last.
        frame.time = Some(place as f64 / 60.0);
    }
    let at_once = lift(&mut lifter(&path, Engine::Auto), &frames);
    assert!(at_once.iter().map(|frame| frame.people.len()).sum::<usize>() > 500);
    let mut one_by_one = lifter(&path, Engine::Auto);
    let singly: Vec<_> = frames.iter().flat_map(|frame| lift(&mut one_by_one, std::slice::from_ref(frame))).collect();
    assert_eq!(singly, at_once);
    let judge = lift(&mut lifter(&path, Engine::OnnxRuntime), &frames);
    assert!(apart(&judge, &at_once) < 0.05, "{}", apart(&judge, &at_once));
}

#[test]
fn looking_ahead_is_the_mean_of_both_directions_however_frames_come() {
    let folder = tempfile::tempdir().unwrap();
    let path = remembering(folder.path(), "coco17-int8.onnx");
    let frames = clip();
    let mut lifter = lifter(&path, Engine::Auto);
    let conversion = lifter.conversion(&MEDIAPIPE33).unwrap();
    let forward = lift(&mut lifter, &frames);
    // The clip takes five seconds: all of it is ahead of its first frame.
    let ahead = lifter.lift_clip(&frames, &conversion, 60.0, &mut Vec::new()).unwrap();
    let last = frames.last().and_then(|frame| frame.time).unwrap();
    let backwards: Vec<Frame> =
        frames.iter().rev().map(|f| Frame { time: f.time.map(|time| last - time), ..f.clone() }).collect();
    lifter.forget();
    let backwards = lift(&mut lifter, &backwards);
    assert!(apart(&forward, &ahead) > 0.005, "nothing was seen ahead");
    let mut mean = forward.clone();
    for (people, back) in mean.iter_mut().zip(backwards.iter().rev()) {
        for (person, back) in people.people.iter_mut().zip(&back.people) {
            let joints = person.joints.as_flattened_mut().iter_mut().zip(back.joints.as_flattened());
            for (number, back) in joints.chain(person.sigma.iter_mut().zip(&back.sigma)) {
                *number = (*number + back) / 2.0;
            }
        }
    }
    // Bones have the mean of both lengths.
    let bone = |joints: &[[f32; 3]], joint: usize, parent: usize| -> [f32; 3] {
        std::array::from_fn(|axis| joints[joint][axis] - joints[parent][axis])
    };
    let length = |bone: [f32; 3]| bone.iter().map(|axis| axis * axis).sum::<f32>().sqrt();
    for (place, people) in mean.iter_mut().enumerate() {
        let both = [&forward[place], &backwards[frames.len() - 1 - place]];
        for (row, person) in people.people.iter_mut().enumerate() {
            let found = person.joints.clone();
            for joint in 1..17 {
                let parent = H36M17.parents[joint] as usize;
                let wanted = both.map(|lifted| length(bone(&lifted.people[row].joints, joint, parent)));
                let towards = bone(&found, joint, parent);
                let stretch = (wanted[0] + wanted[1]) / 2.0 / length(towards);
                person.joints[joint] =
                    std::array::from_fn(|axis| person.joints[parent][axis] + towards[axis] * stretch);
            }
        }
    }
    // Times that are told otherwise are rounded otherwise.
    let worst = apart(&mean, &ahead);
    assert!(worst < 1e-3, "{worst}");

    let run = |arguments: &[&str], stdin: bool| {
        let mut command = poselift();
        command
            .args(["run", "--layout", "mediapipe33", "--sigma", "--quiet", "--look-ahead", "0.4", "--model"])
            .arg(&path);
        match stdin {
            true => command.stdin(std::fs::File::open(CLIP).unwrap()),
            false => command.arg(CLIP),
        };
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let poses = run(&["--threads", "2"], false);
    assert_eq!(poses.iter().filter(|byte| **byte == b'\n').count(), frames.len() + 1, "every frame has its line");
    assert!(poses == run(&["--threads", "1", "--batch", "1"], false), "threads or batches change the poses");
    assert!(poses == run(&[], true), "a pipe changes the poses");
}

#[test]
fn an_unreadable_frame_does_not_cut_what_is_looked_into() {
    let folder = tempfile::tempdir().unwrap();
    let path = remembering(folder.path(), "coco17-int8.onnx");
    let text = std::fs::read_to_string(CLIP).unwrap();
    let run = |line: &str| {
        let input = folder.path().join("clip.jsonl");
        // Times that an unreadable frame's number says nothing of.
        let late = |text: &str| {
            let mut frame: serde_json::Value = serde_json::from_str(text).unwrap();
            frame["time"] = (frame["time"].as_f64().unwrap() + 100.0).into();
            frame.to_string()
        };
        let lines =
            text.lines().enumerate().map(|(place, text)| if place == 60 { line.to_owned() } else { late(text) });
        std::fs::write(&input, lines.collect::<Vec<_>>().join("\n")).unwrap();
        let mut command = poselift();
        command.args(["run", "--layout", "mediapipe33", "--quiet", "--look-ahead", "1", "--contacts", "--model"]);
        let output = command.arg(&path).arg(&input).output().unwrap();
        let lines = String::from_utf8(output.stdout).unwrap();
        lines.lines().enumerate().filter(|(place, _)| *place != 61).map(|(_, line)| line.to_owned()).collect::<Vec<_>>()
    };
    // It is taken to come at once after the last.
    let before: serde_json::Value = serde_json::from_str(text.lines().nth(59).unwrap()).unwrap();
    let empty = serde_json::json!({"frame": 60, "time": before["time"].as_f64().unwrap() + 100.0, "people": []});
    let (unreadable, empty) = (run("{bad"), run(&empty.to_string()));
    assert_eq!(unreadable.len(), text.lines().count());
    assert_eq!(unreadable, empty);
}

#[test]
fn only_a_model_with_a_memory_looks_ahead() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("poses.jsonl");
    let output = poselift().args(["run", CLIP, "--look-ahead", "1", "-o"]).arg(&out).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("coco17 remembers nothing") && said.contains("coco17-memory"), "{said}");
    assert!(!out.exists(), "an output is made for what cannot be");
    let live = ["run", CLIP, "--model", "coco17-memory", "--look-ahead", "1", "--send", "udp://127.0.0.1:9"];
    let output = poselift().args(live).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("live frames cannot wait"));
}

#[test]
fn a_batch_of_people_of_whom_nothing_is_known_is_lifted_as_new() {
    let folder = tempfile::tempdir().unwrap();
    let path = remembering(folder.path(), "coco17.onnx");
    let file = ModelFile::read(&path).unwrap();
    for engine in [Engine::Own, Engine::OnnxRuntime] {
        let mut session = Session::new(&file, &SessionOptions { engine, ..SessionOptions::default() }).unwrap();
        let keypoints =
            Array3::from_shape_fn(
                (300, 17, 3),
                |(n, j, c)| if c == 2 { 0.9 } else { (n + 31 * j * (c + 1) % 97) as f32 },
            );
        let (mut poses, mut remembered) = (Array3::zeros((300, 17, 3)), Array3::zeros((300, 17, 3)));
        session.run(Batch::new(file.card(), keypoints.view(), poses.view_mut(), None).unwrap()).unwrap();
        let (since, mut memory) = (ndarray::Array1::zeros(300), Array2::zeros((300, UNITS)));
        let recall = poselift::model::Recall { since: since.view(), memory: memory.view_mut(), follows: &[] };
        let batch = Batch::new(file.card(), keypoints.view(), remembered.view_mut(), None).unwrap();
        session.run(batch.remembering(file.card(), recall).unwrap()).unwrap();
        let worst = (&poses - &remembered).iter().fold(0f32, |worst, apart| worst.max(apart.abs()));
        assert!(worst < 1e-5, "{engine:?}: {worst}");
        assert!(memory.iter().all(|number| *number != 0.0), "{engine:?} remembers nothing");
    }
}

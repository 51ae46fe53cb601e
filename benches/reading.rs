//! Reading what detectors write, beside `serde_json` into typed structs on the same bytes, and tracking people.

#![allow(clippy::unwrap_used, reason = "a bench may panic")]

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use poselift::format::{Source, open_reader};
use poselift::pose::{Frame, Keypoint, Person};
use poselift::track::Tracker;
use serde::Deserialize;

const FRAMES: usize = 1000;

/// What a reader of OpenPose's files would declare by hand.
#[derive(Deserialize)]
struct OpenPoseFrame {
    people: Vec<OpenPosePerson>,
}

#[derive(Deserialize)]
struct OpenPosePerson {
    pose_keypoints_2d: Vec<f64>,
}

fn openpose_text(frame: usize) -> String {
    let numbers: Vec<String> = (0..75).map(|at| format!("{:.3}", (at * 7 + frame) as f64 * 1.37)).collect();
    format!(
        r#"{{"version":1.3,"people":[{{"person_id":[-1],"pose_keypoints_2d":[{}],"face_keypoints_2d":[]}}]}}"#,
        numbers.join(",")
    )
}

fn openpose_folder(bench: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    for frame in 0..FRAMES {
        let name = format!("clip_{frame:012}_keypoints.json");
        std::fs::write(folder.path().join(name), openpose_text(frame)).unwrap();
    }
    let files =
        |folder: &Path| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let mut group = bench.benchmark_group("1000 OpenPose files");
    group.throughput(Throughput::Elements(FRAMES as u64)).sample_size(20);
    group.bench_function("poselift", |bench| {
        bench.iter(|| {
            let source = Source::clips_of_frames(folder.path()).unwrap().remove(0);
            let mut reader = open_reader(&source, None, None).unwrap();
            while let Some(frame) = reader.read().unwrap() {
                black_box(frame);
            }
        });
    });
    group.bench_function("their bytes, twice", |bench| {
        bench.iter(|| {
            for path in files(folder.path()) {
                black_box(std::fs::read(&path).unwrap());
                black_box(std::fs::read(&path).unwrap());
            }
        });
    });
    group.bench_function("serde_json into structs", |bench| {
        bench.iter(|| {
            for path in files(folder.path()) {
                let frame: OpenPoseFrame = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
                black_box(frame.people.iter().map(|person| person.pose_keypoints_2d.len()).sum::<usize>());
            }
        });
    });
    group.finish();
}

fn tracker(bench: &mut Criterion) {
    const PEOPLE: usize = 10;
    let person = |place: usize, index: usize| {
        let point = |joint: usize| Keypoint {
            x: 120.0 * place as f64 + (joint % 4) as f64 * 15.0 + (index % 50) as f64,
            y: 100.0 + 10.0 * joint as f64,
            score: 0.9,
        };
        Person { id: None, keypoints: (0..17).map(point).collect() }
    };
    let frame = |index: usize| Frame {
        index: index as u64,
        people: (0..PEOPLE).map(|place| person((place + index) % PEOPLE, index)).collect(),
        ..Frame::default()
    };
    let frames: Vec<Frame> = (0..FRAMES).map(frame).collect();
    let mut group = bench.benchmark_group("tracker, 10 people");
    group.throughput(Throughput::Elements((FRAMES * PEOPLE) as u64)).sample_size(20);
    group.bench_function("a person and frame", |bench| {
        bench.iter_batched(
            || frames.clone(),
            |mut frames| {
                let mut tracker = Tracker::new(30);
                for frame in &mut frames {
                    black_box(tracker.follow(frame));
                }
                frames
            },
            criterion::BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, openpose_folder, tracker);
criterion_main!(benches);

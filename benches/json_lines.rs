//! Lines a second of the stream format: reading 2D and writing 3D, compared with serde_json with typed structs on the
//! same lines.
//!
//! `cargo bench -p poselift --bench json_lines`, or `make bench`. Both sides work on one thread, reading from a file in
//! the system's cache and writing to /dev/null in pieces of the same size.
#![allow(clippy::unwrap_used, reason = "a bench that cannot run should say so loudly")]

mod clip;

use std::fs::File;
use std::hint::black_box;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use poselift::format::{Extras, Format, PoseInfo, Source, Target, create_writer, open_reader};
use poselift::pose::{Frame, LiftedFrame, LiftedPerson};
use poselift::skeleton::H36M17;
use serde::{Deserialize, Serialize};

const LINES: usize = 20_000;

/// Bytes read at once, and written at once, as in the library.
const READ_AHEAD: usize = 128 << 10;
const CAPACITY: usize = 64 << 10;

/// A 2D line in the usual form for serde.
#[derive(Deserialize)]
#[expect(dead_code, reason = "read, as a program would, to be used")]
struct TypedFrame {
    frame: u64,
    time: Option<f64>,
    size: Option<[u32; 2]>,
    people: Vec<TypedPerson>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "read, as a program would, to be used")]
struct TypedPerson {
    id: Option<i64>,
    keypoints: Vec<[f32; 3]>,
}

/// A 3D line in the usual form for serde.
#[derive(Serialize)]
struct TypedLifted {
    frame: u64,
    time: Option<f64>,
    people: Vec<TypedPose>,
}

#[derive(Serialize)]
struct TypedPose {
    id: Option<i64>,
    joints: Vec<[f32; 3]>,
    score: f32,
}

fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(LINES as u64)).sample_size(30);
    group
}

fn read(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.jsonl");
    clip::write_lines(&mut BufWriter::new(File::create(&path).unwrap()), LINES).unwrap();
    let mut group = group(criterion, "json_lines/read_2d");
    group.bench_function("poselift", |bencher| bencher.iter(|| assert_eq!(read_ours(&path), LINES)));
    group.bench_function("serde_json", |bencher| bencher.iter(|| assert_eq!(read_typed(&path), LINES)));
}

fn read_ours(path: &Path) -> usize {
    let mut reader = open_reader(&Source::File(path.to_path_buf()), None, None).unwrap();
    std::iter::from_fn(|| reader.read().unwrap()).map(black_box).count()
}

fn read_typed(path: &Path) -> usize {
    let mut reader = BufReader::with_capacity(READ_AHEAD, File::open(path).unwrap());
    let (mut line, mut count) = (Vec::new(), 0);
    while reader.read_until(b'\n', &mut line).unwrap() > 0 {
        black_box(serde_json::from_slice::<TypedFrame>(&line).unwrap());
        line.clear();
        count += 1;
    }
    count
}

fn write(criterion: &mut Criterion) {
    let lifted: Vec<_> = (0..LINES as u64).map(lifted_frame).collect();
    let typed: Vec<_> = lifted.iter().map(typed_frame).collect();
    let mut group = group(criterion, "json_lines/write_3d");
    group.bench_function("poselift", |bencher| bencher.iter(|| write_ours(&lifted)));
    group.bench_function("serde_json", |bencher| bencher.iter(|| write_typed(&typed)));
}

/// A pose whose coordinates have as many digits as a network's.
fn lifted_frame(index: u64) -> LiftedFrame {
    let axis = |joint: usize, k: usize| ((index as usize * 51 + joint * 3 + k) as f32 * 0.618).sin() * 0.9;
    let joints = (0..H36M17.len()).map(|joint| [axis(joint, 0), axis(joint, 1), axis(joint, 2)]).collect();
    let person = LiftedPerson { id: Some(0), joints, score: 0.93, ..LiftedPerson::default() };
    LiftedFrame { index, time: Some(index as f64 / 30.0), people: vec![person] }
}

fn typed_frame(lifted: &LiftedFrame) -> TypedLifted {
    let pose = |person: &LiftedPerson| TypedPose { id: person.id, joints: person.joints.clone(), score: person.score };
    TypedLifted { frame: lifted.index, time: lifted.time, people: lifted.people.iter().map(pose).collect() }
}

fn write_ours(lifted: &[LiftedFrame]) {
    let info = PoseInfo {
        skeleton: H36M17.name.to_owned(),
        joints: H36M17.joints.iter().map(|&joint| joint.to_owned()).collect(),
        parents: H36M17.parents.to_vec(),
        unit: poselift::pose::Unit::Metres,
        axes: poselift::pose::Axes::Camera,
        fps: Some(30.0),
        stature: None,
        is_level: None,
        model: "bench".to_owned(),
    };
    let nowhere = Target::File("/dev/null".into());
    let mut writer = create_writer(&nowhere, Some(Format::JsonLines), &info, Extras::default()).unwrap();
    let frame = Frame::default();
    lifted.iter().for_each(|lifted| writer.write(&frame, lifted).unwrap());
    writer.finish().unwrap();
}

fn write_typed(typed: &[TypedLifted]) {
    let mut output = BufWriter::with_capacity(CAPACITY, File::create("/dev/null").unwrap());
    for lifted in typed {
        serde_json::to_writer(&mut output, lifted).unwrap();
        output.write_all(b"\n").unwrap();
    }
    output.flush().unwrap();
}

criterion_group!(benches, read, write);
criterion_main!(benches);

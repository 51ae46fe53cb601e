//! Poses a second of the exports on one core, from poses in memory to a file: ten minutes of one person at 60 Hz.

#![allow(clippy::unwrap_used, reason = "a bench that cannot write cannot measure")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use poselift::export::{Export, ExportOptions, create_export};
use poselift::format::{Extras, PoseInfo, Target};
use poselift::pose::{Frame, LiftedFrame, LiftedPerson, Unit};
use poselift::skeleton::H36M17;

const FRAMES: u64 = 36_000;
const FPS: f64 = 60.0;

fn frame(index: u64) -> LiftedFrame {
    let axis = |joint: usize, k: usize| ((index as f32 * 0.1 + (joint * 3 + k) as f32) * 0.618).sin() * 0.9;
    let joints = (0..H36M17.len()).map(|joint| [axis(joint, 0), axis(joint, 1), axis(joint, 2)]).collect();
    let person = LiftedPerson { id: Some(0), joints, score: 0.93, ..LiftedPerson::default() };
    LiftedFrame { index, time: Some(index as f64 / FPS), people: vec![person] }
}

fn info(export: Export) -> PoseInfo {
    PoseInfo {
        skeleton: H36M17.name.to_owned(),
        joints: H36M17.joints.iter().map(|joint| (*joint).to_owned()).collect(),
        parents: H36M17.parents.to_vec(),
        unit: if export == Export::C3d { Unit::Millimetres } else { Unit::Metres },
        axes: export.usual_axes(),
        fps: Some(FPS),
        stature: None,
        is_level: None,
        model: "bench".to_owned(),
    }
}

fn exports(criterion: &mut Criterion) {
    let frames: Vec<_> = (0..FRAMES).map(frame).collect();
    let folder = tempfile::tempdir().unwrap();
    let mut group = criterion.benchmark_group("exports");
    group.throughput(Throughput::Elements(FRAMES)).sample_size(10);
    for export in Export::ALL {
        let target = Target::File(folder.path().join(format!("poses.{}", export.extension())));
        let info = info(export);
        group.bench_function(export.name(), |bencher| {
            bencher.iter(|| {
                let mut writer =
                    create_export(&target, export, &info, Extras::default(), ExportOptions::default()).unwrap();
                for frame in &frames {
                    writer.write(&Frame::default(), black_box(frame)).unwrap();
                }
                writer.finish().unwrap();
            });
        });
    }
    group.finish();
}

criterion_group!(benches, exports);
criterion_main!(benches);

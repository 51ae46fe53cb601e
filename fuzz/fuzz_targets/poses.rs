//! Any bytes as a 3D stream: read frame by frame, written, and read again.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use poselift::format::{Extras, Format, PoseInfo, Source, Target, create_writer, open_pose_reader};
use poselift::pose::{Axes, Frame, LiftedFrame, LiftedPerson, Unit};
use poselift::skeleton::H36M17;
use poselift_fuzz::{bounded, is_about_input, reopened, seeds_folder, with_file};

/// Frames and errors that a byte can stand for at most: a packed byte unpacks to a thousand.
const MAX_PER_BYTE: usize = 1100;

fuzz_target!(init: write_seeds(), |bytes: &[u8]| {
    with_file(bytes, |path| {
        bounded(bytes.len(), || {
            let Some((info, frames)) = read(path, bytes.len()) else { return };
            write_and_read(&info, &frames);
        });
    });
});

/// Writes a stream of two frames in each format into the folder for seeds.
fn write_seeds() {
    let Some(folder) = seeds_folder() else { return };
    let info = PoseInfo {
        skeleton: H36M17.name.to_owned(),
        joints: H36M17.joints.iter().map(|&joint| joint.to_owned()).collect(),
        parents: H36M17.parents.to_vec(),
        unit: Unit::Metres,
        axes: Axes::Camera,
        fps: Some(30.0),
        stature: None,
        is_level: None,
        model: "tiny".to_owned(),
    };
    let person = LiftedPerson {
        id: Some(0),
        joints: (0..H36M17.len()).map(|joint| [joint as f32 * 0.1, -0.5, 1.25]).collect(),
        score: 0.9,
        sigma: vec![0.02; H36M17.len()],
        missing_joints: vec![4],
        root: Some([0.1, 0.2, 3.0]),
        ..LiftedPerson::default()
    };
    let lifted = [
        LiftedFrame { index: 0, time: Some(0.0), people: vec![person] },
        LiftedFrame { index: 1, time: Some(0.04), people: Vec::new() },
    ];
    for (format, extras) in [
        (Format::JsonLines, Extras { sigma: true, root: true, ..Extras::default() }),
        (Format::Npy, Extras::default()),
        (Format::Npz, Extras { sigma: true, ..Extras::default() }),
    ] {
        let target = Target::File(folder.join(format.name()));
        let mut writer = create_writer(&target, Some(format), &info, extras).expect("the folder can be written to");
        for lifted in &lifted {
            writer.write(&Frame::default(), lifted).expect("the folder can be written to");
        }
        writer.finish().expect("the folder can be written to");
    }
}

/// What the stream says, and its frames; none if it cannot be opened.
fn read(path: &Path, length: usize) -> Option<(PoseInfo, Vec<LiftedFrame>)> {
    let opened = open_pose_reader(&Source::File(path.to_path_buf()));
    let mut reader = opened.map_err(|error| is_about_input(&error)).ok()?;
    let info = reader.info().clone();
    assert_eq!(info.joints.len(), info.parents.len());
    let mut frames = Vec::new();
    let most = MAX_PER_BYTE * (length + 64);
    for _ in 0..most {
        match reader.read() {
            Ok(None) => return Some((info, frames)),
            Ok(Some(frame)) => frames.push(check(&info, frame)),
            Err(error) if is_about_input(&error) => {}
            Err(_) => return Some((info, frames)),
        }
    }
    panic!("{most} frames and errors from {length} bytes");
}

fn check(info: &PoseInfo, frame: LiftedFrame) -> LiftedFrame {
    assert!(frame.time.is_none_or(f64::is_finite), "time {:?}", frame.time);
    for person in &frame.people {
        assert_eq!(person.joints.len(), info.joints.len());
        assert!(person.joints.as_flattened().iter().all(|number| number.is_finite()), "{person:?}");
        assert!(person.sigma.is_empty() || person.sigma.len() == info.joints.len(), "{person:?}");
        assert!(person.missing_joints.iter().all(|&joint| joint < info.joints.len()), "{person:?}");
    }
    frame
}

/// What was read can be written as JSON Lines, and gives the same people back.
fn write_and_read(info: &PoseInfo, frames: &[LiftedFrame]) {
    let (_file, path) = reopened();
    let target = Target::File(path.clone());
    let mut writer =
        create_writer(&target, Some(Format::JsonLines), info, Extras::default()).expect("JSON Lines hold any poses");
    for lifted in frames {
        let frame = Frame { index: lifted.index, time: lifted.time, ..Frame::default() };
        writer.write(&frame, lifted).expect("JSON Lines hold any poses");
    }
    writer.finish().expect("memory has room");
    let mut reader = open_pose_reader(&Source::File(path)).expect("our own stream is one of ours");
    assert_eq!((&reader.info().joints, &reader.info().parents), (&info.joints, &info.parents));
    for lifted in frames {
        let found = reader.read().expect("our own frames are readable").expect("no frame is lost");
        assert_eq!((found.index, found.time), (lifted.index, lifted.time));
        assert_eq!(found.people.len(), lifted.people.len());
        for (found, written) in found.people.iter().zip(&lifted.people) {
            assert_eq!(found.id, written.id);
            for (found, written) in found.joints.as_flattened().iter().zip(written.joints.as_flattened()) {
                assert_eq!(found.to_bits(), written.to_bits(), "{found}, expected {written}");
            }
        }
    }
    assert!(matches!(reader.read(), Ok(None)), "nothing is behind the last frame");
}

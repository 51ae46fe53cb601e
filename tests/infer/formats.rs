//! Streams and arrays through real files, as other programs write and read them.
//!
//! NumPy is the reference: a Python with NumPy (`POSELIFT_TEST_PYTHON`, else `python3`) writes what we read and reads what
//! we write. Where there is none those tests fail, unless POSELIFT_ALLOW_SKIPS=1.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::process::Command;

use poselift::format::{
    Extras, Format, NamedArray, PairedArrays, PoseInfo, SeenPairs, Source, Target, create_writer, open_pose_reader,
    open_reader,
};
use poselift::pose::{Frame, Keypoint, LiftedFrame, LiftedPerson};
use poselift::skeleton::{COCO17, MEDIAPIPE33};

use crate::judges::Judges;
use crate::program::{CLIP, shared, skip};

fn info(joints: usize) -> PoseInfo {
    PoseInfo {
        skeleton: "test".into(),
        joints: (0..joints).map(|joint| format!("joint {joint}")).collect(),
        parents: (0..joints as i32).map(|joint| joint - 1).collect(),
        unit: poselift::pose::Unit::Metres,
        axes: poselift::pose::Axes::Camera,
        fps: Some(30.0),
        stature: None,
        is_level: None,
        model: "none".into(),
    }
}

/// A frame with as many people as `starts`; all of their numbers differ.
fn lifted(index: u64, starts: &[f32], joints: usize) -> LiftedFrame {
    let person = |(id, start): (usize, &f32)| LiftedPerson {
        id: Some(id as i64),
        joints: (0..joints).map(|joint| [0, 1, 2].map(|axis| start + (3 * joint + axis) as f32 / 7.0)).collect(),
        score: 0.5,
        ..LiftedPerson::default()
    };
    LiftedFrame { index, time: None, people: starts.iter().enumerate().map(person).collect() }
}

fn read_all(path: &Path) -> Vec<Frame> {
    let mut reader = open_reader(&Source::File(path.to_path_buf()), None, None).unwrap();
    std::iter::from_fn(|| reader.read().unwrap()).collect()
}

fn write_all(path: &Path, joints: usize, frames: &[LiftedFrame]) {
    let mut writer = create_writer(&Target::File(path.to_path_buf()), None, &info(joints), Extras::default()).unwrap();
    for frame in frames {
        writer.write(&Frame::default(), frame).unwrap();
    }
    writer.finish().unwrap();
}

/// Runs a script with NumPy in `folder`; `None` if there is no NumPy and the test may skip.
fn python(folder: &Path, script: &str) -> Option<String> {
    let program = std::env::var("POSELIFT_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    let has_numpy = Command::new(&program).args(["-c", "import numpy"]).output().is_ok_and(|run| run.status.success());
    if !has_numpy {
        skip("no Python with NumPy: run `make test`, or set POSELIFT_TEST_PYTHON");
        return None;
    }
    let run = Command::new(&program).args(["-c", script]).current_dir(folder).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    Some(String::from_utf8(run.stdout).unwrap())
}

#[test]
fn each_format_keeps_the_poses() {
    let folder = tempfile::tempdir().unwrap();
    let frames = [lifted(0, &[1.0], 17), lifted(1, &[], 17), lifted(2, &[-3.0], 17)];
    let path = folder.path().join("poses.npy");
    write_all(&path, 17, &frames);
    // Read as key points, [x, y, z] comes back as x, y and score.
    let read = read_all(&path);
    assert_eq!(read.len(), 3);
    for (frame, lifted) in read.iter().zip(&frames) {
        assert_eq!(frame.people.len(), lifted.people.len());
        for (person, lifted) in frame.people.iter().zip(&lifted.people) {
            let narrow = |point: &Keypoint| [point.x as f32, point.y as f32, point.score];
            let joints: Vec<_> = person.keypoints.iter().map(narrow).collect();
            assert_eq!(joints, lifted.joints);
        }
    }
    let path = folder.path().join("poses.jsonl");
    write_all(&path, 17, &frames);
    let mut reader = open_pose_reader(&Source::File(path)).unwrap();
    assert_eq!(reader.info(), &info(17));
    for frame in frames {
        assert_eq!(reader.read().unwrap(), Some(frame));
    }
    assert_eq!(reader.read().unwrap(), None);
}

#[test]
fn an_archive_says_what_its_poses_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("poses.npz");
    let info = PoseInfo {
        unit: poselift::pose::Unit::Millimetres,
        axes: poselift::pose::Axes::ZUp,
        fps: Some(59.94),
        stature: Some(1.82),
        ..info(5)
    };
    // Frames may be left out, and times may be those of a clock.
    let timed = |index, time, starts: &[f32]| LiftedFrame { time, ..lifted(index, starts, 5) };
    let frames = [
        timed(3, Some(1_700_000_000.25), &[1.0]),
        timed(9, None, &[]),
        timed(40_000_000_001, Some(1_700_000_001.5), &[2.0]),
    ];
    let mut writer = create_writer(&Target::File(path.clone()), None, &info, Extras::default()).unwrap();
    frames.iter().for_each(|frame| writer.write(&Frame::default(), frame).unwrap());
    writer.finish().unwrap();
    let mut reader = open_pose_reader(&Source::File(path.clone())).unwrap();
    assert_eq!(reader.info(), &info);
    for mut frame in frames {
        let mut read = reader.read().unwrap().unwrap();
        // What arrays do not hold.
        frame.people.iter_mut().chain(&mut read.people).for_each(|person| (person.id, person.score) = (None, 0.0));
        assert_eq!(read, frame);
    }
    let refused = open_reader(&Source::File(path), None, None).map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("expected 'keypoints'"), "{refused}");
}

#[test]
fn arrays_stay_whole_while_they_grow() {
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::Npy, Format::Npz] {
        let path = folder.path().join(format!("growing.{format}"));
        let mut writer = create_writer(&Target::File(path.clone()), None, &info(2), Extras::default()).unwrap();
        assert_eq!(read_all(&path).len(), 0, "{format}");
        for index in 0..3 {
            writer.write(&Frame::default(), &lifted(index, &[index as f32], 2)).unwrap();
            writer.flush().unwrap();
            assert_eq!(read_all(&path).len() as u64, index + 1, "{format}");
        }
        // A killed run never finishes its output.
        std::mem::forget(writer);
        assert_eq!(read_all(&path)[2].people[0].keypoints[0].x, 2.0);
    }
}

#[test]
fn an_array_holds_one_person() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("poses.npy");
    let mut writer = create_writer(&Target::File(path.clone()), None, &info(2), Extras::default()).unwrap();
    writer.write(&Frame::default(), &lifted(0, &[1.0], 2)).unwrap();
    let error = writer.write(&Frame::default(), &lifted(7, &[1.0, 2.0], 2)).unwrap_err();
    assert!(error.to_string().ends_with("frame 7 has 2 people, an array holds one"), "{error}");
    assert_eq!(error.hint_text(), Some("lift one of them (--person largest), or write JSON Lines (.jsonl)"));
    writer.finish().unwrap();
    assert_eq!(read_all(&path).len(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_named() {
    for format in Format::ALL {
        let full = Target::File("/dev/full".into());
        let error =
            create_writer(&full, Some(format), &info(2), Extras::default()).map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with("/dev/full: cannot write: No space left"), "{format}: {error}");
    }
}

#[test]
fn numpy_reads_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let frames = [lifted(0, &[1.0], 17), lifted(1, &[], 17), lifted(2, &[-3.0], 17)];
    for format in [Format::Npy, Format::Npz] {
        write_all(&folder.path().join(format!("poses.{format}")), 17, &frames);
    }
    let script = "
import numpy as np
a, z = np.load('poses.npy'), np.load('poses.npz')
b = z['poses']
import json
header = json.loads(z['header'].tobytes())
assert (header['kind'], header['axes'], header['fps']) == ('poses', 'camera', 30.0), header
assert z['frames'].tolist() == [0, 1, 2] and z['frames'].dtype == 'i8'
assert z.files == ['poses', 'header', 'fps', 'frames'] and z['fps'].tolist() == [30.0] and a.dtype == b.dtype == 'f4' and a.shape == b.shape == (3, 17, 3), (z.files, a.shape)
assert np.isnan(a[1]).all() and np.array_equal(a, b, equal_nan=True)
ramp = np.arange(51, dtype='f4').reshape(17, 3) / np.float32(7)
assert np.array_equal(a[0], np.float32(1) + ramp) and np.array_equal(b[2], np.float32(-3) + ramp)
";
    python(folder.path(), script);
}

#[test]
fn numpy_reads_sigma_and_roots_beside_the_poses() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sure.npz");
    let mut writer = create_writer(
        &Target::File(path.clone()),
        None,
        &info(2),
        Extras { sigma: true, root: true, ..Extras::default() },
    )
    .unwrap();
    for (index, starts) in [(0, vec![1.0]), (1, vec![]), (2, vec![-3.0])] {
        let mut frame = lifted(index, &starts, 2);
        for person in &mut frame.people {
            person.sigma = vec![0.25, starts[0]];
            person.root = (index == 0).then_some([0.5, 0.25, 4.0]);
        }
        writer.write(&Frame::default(), &frame).unwrap();
        writer.flush().unwrap();
        // A run that is killed here leaves the poses unchanged.
        assert_eq!(read_all(&path).len() as u64, index + 1);
    }
    let error = writer.write(&Frame::default(), &lifted(3, &[0.0], 2)).unwrap_err().to_string();
    assert!(error.ends_with("frame 3: sigma of 0 joints, expected 2"), "{error}");
    writer.finish().unwrap();
    let script = "
import numpy as np
z = np.load('sure.npz')
assert z.files == ['poses', 'sigma', 'roots', 'header', 'fps', 'frames'], z.files
n = np.nan
assert z['roots'].dtype == 'f4'
assert np.array_equal(z['roots'], np.float32([[.5, .25, 4], [n, n, n], [n, n, n]]), equal_nan=True), z['roots']
assert z['poses'].shape == (3, 2, 3) and z['sigma'].shape == (3, 2) and z['sigma'].dtype == 'f4'
assert np.array_equal(z['sigma'], np.float32([[.25, 1], [np.nan, np.nan], [.25, -3]]), equal_nan=True), z['sigma']
assert np.array_equal(z['poses'][2].ravel(), np.float32(-3) + np.arange(6, dtype='f4') / np.float32(7))
import zipfile
assert zipfile.ZipFile('sure.npz').testzip() is None
";
    python(folder.path(), script);
}

#[test]
fn cameras_stand_beside_the_pairs() {
    let folder = tempfile::tempdir().unwrap();
    let script = "
import numpy as np
pairs = {'joint_3d': np.zeros((3, 17, 3)), 'joint_2d_1': np.ones((3, 17, 2))}
np.savez('none.npz', **pairs)
np.savez('one.npz', size=np.array([640, 480]), focal=np.float32(800), **pairs)
np.savez('each.npz', size=np.array([[640, 480]] * 2 + [[1, 2]]), focal=[800.0, 900, 1000], **pairs)
np.savez('few.npz', size=np.array([[640, 480]] * 2), **pairs)
";
    if python(folder.path(), script).is_none() {
        return;
    }
    let read = |name: &str| SeenPairs::from_file(&folder.path().join(name));
    let none = read("none.npz").unwrap();
    assert!(none.sizes.is_empty() && none.focals.is_empty());
    let one = read("one.npz").unwrap();
    assert_eq!((one.sizes, one.focals), (vec![[640, 480]], vec![800.0]));
    let each = read("each.npz").unwrap();
    assert_eq!((&each.sizes[2], each.focals), (&[1, 2], vec![800.0, 900.0, 1000.0]));
    let error = read("few.npz").unwrap_err().to_string();
    assert!(error.ends_with("few.npz: 'size' has the shape [2, 2], expected [2] or [3, 2]"), "{error}");
}

#[test]
fn what_numpy_writes_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let script = "
import numpy as np
a = np.arange(5 * 17 * 3, dtype='f4').reshape(5, 17, 3)
a[3] = np.nan
np.save('c.npy', a)
np.save('f.npy', np.asfortranarray(a))
np.save('big.npy', a.astype('>f8'))
np.savez('one.npz', a)
np.savez_compressed('named.npz', other=np.zeros(3), keypoints=a)
np.save('two.npy', a[..., :2].astype('f8'))
";
    if python(folder.path(), script).is_none() {
        return;
    }
    for name in ["c.npy", "f.npy", "big.npy", "one.npz", "named.npz", "two.npy"] {
        let frames = read_all(&folder.path().join(name));
        let people: Vec<_> = frames.iter().map(|frame| frame.people.len()).collect();
        assert_eq!(people, [1, 1, 1, 0, 1], "{name}");
        let point = frames[4].people[0].keypoints[2];
        let score = if name == "two.npy" { 1.0 } else { 212.0 };
        assert_eq!((point.x, point.y, point.score), (210.0, 211.0, score), "{name}");
    }
}

#[test]
fn pairs_that_python_writes_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let script = "
import numpy as np, pickle, collections
poses = np.arange(4 * 15 * 3).reshape(4, 15, 3) / 8
keypoints = np.arange(4 * 15 * 2).reshape(4, 15, 2) / 8
n = 0
def save(d, **arrays):
    global n
    for protocol in range(6):
        with open(f'{n}_{protocol}.pkl', 'wb') as f:
            pickle.dump(d, f, protocol)
    n += 1
extra = {'rot': np.eye(3), 'focal_len_2': 1.5, 'names': ['a', 'b'], 'big': 10 ** 30, 'none': None, 'empty': np.zeros((0, 3)),
         'text': np.array(['x']), 'raw': b'\\x00\\xff', 'yes': True, 'nested': {'a': (1, [2.5])}, 'scalar': np.float32(3)}
save({'joint_3d': poses, 'joint_2d_1': keypoints, **extra})
save({'joint_3d': poses.astype('f4'), 'joint_2d_1': keypoints.astype('>f4')})
save({'joint_3d': np.asfortranarray(poses), 'joint_2d_1': np.asfortranarray(keypoints.astype('>f8'))})
save(collections.OrderedDict(joint_3d=np.ascontiguousarray(poses.transpose(1, 0, 2)).transpose(1, 0, 2), joint_2d_1=keypoints[::1]))
save({'joint_3d': poses[:, :, ::-1][:, :, ::-1], 'joint_2d_1': np.concatenate([keypoints, keypoints], 1)[:, :15]})
np.savez('0.npz', joint_3d=poses, joint_2d_1=keypoints, rot=np.eye(3))
np.savez_compressed('1.npz', joint_3d=np.asfortranarray(poses), joint_2d_1=keypoints.astype('f4'))
print(n)
";
    let Some(count) = python(folder.path(), script) else { return };
    let count: usize = count.trim().parse().unwrap();
    let mut files: Vec<PathBuf> = vec!["0.npz".into(), "1.npz".into()];
    files.extend((0..count).flat_map(|n| (0..6).map(move |protocol| format!("{n}_{protocol}.pkl").into())));
    for file in files {
        let pairs = PairedArrays::from_file(&folder.path().join(&file)).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((pairs.poses.dim(), pairs.keypoints.dim()), ((4, 15, 3), (4, 15, 2)), "{file:?}");
        let ramp = |count: usize| (0..count).map(|n| n as f32 / 8.0);
        assert!(pairs.poses.iter().copied().eq(ramp(180)), "{file:?}");
        assert!(pairs.keypoints.iter().copied().eq(ramp(120)), "{file:?}");
    }
}

#[test]
fn the_nested_bomb_is_refused() {
    let Some(bomb) = shared("data/faults/nested_bomb.npz") else { return };
    let message = NamedArray::all(&bomb).unwrap_err().to_string();
    assert!(message.contains("array 'positions_3d': unpacks to more than"), "{message}");
}

#[test]
fn a_real_stream_is_read() {
    let source = Source::File(CLIP.into());
    let mut reader = open_reader(&source, None, Some(&MEDIAPIPE33)).unwrap();
    let frames: Vec<_> = std::iter::from_fn(|| reader.read().unwrap()).collect();
    assert_eq!(frames.len(), 230);
    assert_eq!(frames.iter().filter(|frame| frame.people.is_empty()).count(), 6);
    assert!(frames.iter().all(|frame| frame.size == Some([1768, 994])));
    let mut reader = open_reader(&source, None, Some(&COCO17)).unwrap();
    let message = reader.read().unwrap_err().to_string();
    assert_eq!(message, format!("{CLIP}:1: person 0 has 33 key points, expected 17 (coco17)"));
}

#[test]
fn one_of_several_clips_in_an_archive_is_lifted_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let script = "
import numpy as np
def clip(start): return (np.arange(3 * 17 * 2).reshape(3, 17, 2) * 1.5 + start).astype('f4')
positions = {'S1': {'Walking': [clip(0), clip(100)], 'Eating': [clip(200)]}}
np.savez('data_2d.npz', positions_2d=np.array(positions, dtype=object), metadata=np.array({'layout_name': 'coco'}, dtype=object))
np.save('cameras.npy', np.stack([np.tile(clip(start)[:1], (80, 1, 1)) for start in (0, 100)]))
";
    if python(folder.path(), script).is_none() {
        return;
    }
    let first_x = |file: &str, part: &str| {
        let source = Source::Part { path: folder.path().join(file), part: part.to_owned() };
        let mut reader = open_reader(&source, None, None).map_err(|error| error.to_string())?;
        Ok::<f64, String>(reader.read().unwrap().unwrap().people[0].keypoints[0].x)
    };
    assert_eq!(first_x("data_2d.npz", "S1/Walking/1"), Ok(100.0));
    assert_eq!(first_x("data_2d.npz", "Eating"), Ok(200.0));
    let message = first_x("data_2d.npz", "Walking").unwrap_err();
    assert!(message.contains("2 clips called 'Walking' (S1/Walking/0, S1/Walking/1), expected one"), "{message}");
    let message = first_x("data_2d.npz", "Jumping").unwrap_err();
    assert!(message.contains("0 clips called 'Jumping' (S1/Walking/0, S1/Walking/1, S1/Eating/0)"), "{message}");
    assert_eq!(first_x("cameras.npy", "1"), Ok(100.0));
    assert!(first_x("cameras.npy", "2").unwrap_err().contains("no clip '2' in it"));
}

/// A file as SLEAP's `sleap-convert --format analysis` writes it, by its own library for HDF5: arrays transposed as MATLAB has
/// them, lost points NaN, tracks that come and go, compressed.
#[test]
fn sleap_analysis_files_are_read() {
    let Some(judges) = Judges::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = "
import h5py, numpy as np
names = ['nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear', 'left_shoulder', 'right_shoulder', 'left_elbow', 'right_elbow',
         'left_wrist', 'right_wrist', 'left_hip', 'right_hip', 'left_knee', 'right_knee', 'left_ankle', 'right_ankle']
tracks = np.full((2, 2, 17, 4), np.nan)
for track, frames in ((0, (0, 1, 2, 3)), (1, (2, 3))):
    for frame in frames:
        tracks[track, 0, :, frame] = 500 * track + 10 * frame + np.arange(17)
        tracks[track, 1, :, frame] = 100 + np.arange(17)
tracks[0, :, 9, 1] = np.nan
scores = np.where(np.isnan(tracks[:, 0]), np.nan, 0.8)
with h5py.File('walk.analysis.h5', 'w') as file:
    file.create_dataset('tracks', data=tracks, compression='gzip', compression_opts=9)
    file.create_dataset('point_scores', data=scores, compression='gzip')
    file['track_occupancy'] = (~np.isnan(tracks[:, 0]).all(axis=1)).T.astype('u1')
    file['node_names'] = np.array([name.encode() for name in names])
    file['track_names'] = np.array([b'track_0', b'track_1'])
";
    let run = judges.command().args(["-c", script]).current_dir(folder.path()).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let frames = read_all(&folder.path().join("walk.analysis.h5"));
    let ids: Vec<Vec<Option<i64>>> =
        frames.iter().map(|frame| frame.people.iter().map(|person| person.id).collect()).collect();
    assert_eq!(ids, [vec![Some(0)], vec![Some(0)], vec![Some(0), Some(1)], vec![Some(0), Some(1)]]);
    let wrist = frames[3].people[1].keypoints[9];
    assert_eq!((wrist.x, wrist.y, wrist.score), (539.0, 109.0, 0.8));
    assert!(frames[1].people[0].keypoints[9].is_missing() && !frames[1].people[0].keypoints[10].is_missing());
}

#[test]
fn arrays_of_other_shapes_and_with_more_beside_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let script = "
import pickle
import numpy as np
body = np.random.default_rng(0).uniform(100, 600, (17, 2))
a = body + np.arange(9)[:, None, None] * 2.0
s = np.full((9, 17), 0.5)
np.save('one_first.npy', a[None])
np.save('people_first.npy', np.stack([a, a + 400]))
np.save('no_scores.npy', np.concatenate([a, np.zeros((9, 17, 1))], -1).astype('u2'))
np.savez('beside.npz', keypoints=a, confidence=s, image_size=[1280, 720], fps=25)
np.savez('sides.npz', xy=a, conf=s, width=1280, height=720)
pickle.dump({'keypoints': a}, open('clip.pkl', 'wb'))
boxes, points = np.empty((9, 2), object), np.empty((9, 2), object)
for t in range(9):
    found = np.zeros((0 if t == 4 else 1, 4, 17), 'f4')
    found[:, :2], found[:, 2], found[:, 3] = a[t].T, 5, 0.5
    boxes[t, 0], boxes[t, 1], points[t, 0], points[t, 1] = [], [], [], found
np.savez('detectron2.npz', boxes=boxes, segments=np.array([None] * 9), keypoints=points,
         metadata=np.array({'w': 1280, 'h': 720}, object))
print(a[8, 3, 0])
";
    let Some(printed) = python(folder.path(), script) else { return };
    let expected: f64 = printed.trim().parse().unwrap();
    for (name, score, size) in [
        ("one_first.npy", 1.0, None),
        ("no_scores.npy", 0.0, None),
        ("beside.npz", 0.5, Some([1280, 720])),
        ("sides.npz", 0.5, Some([1280, 720])),
        ("clip.pkl", 1.0, None),
        ("detectron2.npz", 0.5, Some([1280, 720])),
    ] {
        let frames = read_all(&folder.path().join(name));
        let people: Vec<_> = frames.iter().map(|frame| frame.people.len()).collect();
        let has_gap = name == "detectron2.npz";
        assert_eq!(people, [1, 1, 1, 1, if has_gap { 0 } else { 1 }, 1, 1, 1, 1], "{name}");
        let point = frames[8].people[0].keypoints[3];
        assert!((point.x - expected).abs() < 1.0, "{name}: {point:?}, expected {expected}");
        assert_eq!((point.score, frames[8].size), (score, size), "{name}");
    }
    let source = Source::File(folder.path().join("people_first.npy"));
    let refused = open_reader(&source, None, None).map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("go on along the second side"), "{refused}");
    let beside = open_reader(&Source::File(folder.path().join("beside.npz")), None, None).unwrap();
    assert_eq!(beside.info().fps, Some(25.0));
}

/// Tables as `DataFrame.to_hdf` writes them: rows of numbers of 32 bits under another key than DeepLabCut's, and its fixed format,
/// in which labelled images are kept.
#[test]
fn tables_of_pandas_are_read_in_either_format() {
    let Some(judges) = Judges::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = "
import h5py, numpy as np, pickle
parts = ['left_hip', 'nose', 'right_hip']
values = 100.0 * np.arange(4)[:, None] + np.arange(9)
names = [('scorer', part, axis) for part in parts for axis in ('x', 'y', 'likelihood')]
row = np.dtype([('index', '<i8'), ('values_block_0', '<f4', (9,))])
with h5py.File('rows.h5', 'w') as file:
    table = file.create_dataset('tracks/table', data=np.array([(7 + at, line) for at, line in enumerate(values)], row))
    table.attrs['values_block_0_kind'] = np.bytes_(pickle.dumps(names, 0))
named = np.dtype([('index', 'S24'), ('values_block_0', '<f8', (9,))])
lines = [(f'images/img{7 + at:02}.jp2'.encode(), line) for at, line in enumerate(values)]
whole = np.dtype([('index', '<i8'), ('values_block_0', '<i8', (9,))])
for name, row, lines in [
    ('named.h5', named, lines), ('whole.h5', whole, [(at, line.astype(int)) for at, line in enumerate(values)]),
]:
    with h5py.File(name, 'w') as file:
        table = file.create_dataset('tracks/table', data=np.array(lines, row))
        table.attrs['values_block_0_kind'] = np.bytes_(pickle.dumps(names, 0))
with h5py.File('fixed.h5', 'w') as file:
    group = file.create_group('keypoints')
    group['block0_values'] = values
    for level, (words, labels) in enumerate([
        ([b'scorer'], [0] * 9), ([b'left_hip', b'nose', b'right_hip'], [0, 0, 0, 1, 1, 1, 2, 2, 2]),
        ([b'likelihood', b'x', b'y'], [1, 2, 0] * 3),
    ]):
        group[f'block0_items_level{level}'] = np.array(words)
        group[f'block0_items_label{level}'] = np.array(labels, 'i1')
    group['axis1_level0'] = np.array([b'labeled-data'])
    group['axis1_label0'] = np.zeros(4, 'i1')
    group['axis1_level1'] = np.array([b'img07.png', b'img08.png', b'img09.png', b'img10.png'])
    group['axis1_label1'] = np.arange(4).astype('i2')
";
    let run = judges.command().args(["-c", script]).current_dir(folder.path()).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let whole = Source::File(folder.path().join("whole.h5"));
    let refused = open_reader(&whole, None, None).map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("columns of other types"), "{refused}");
    for name in ["rows.h5", "named.h5", "fixed.h5"] {
        let frames = read_all(&folder.path().join(name));
        assert_eq!(frames.iter().map(|frame| frame.index).collect::<Vec<_>>(), [7, 8, 9, 10], "{name}");
        let nose = frames[2].people[0].keypoints[1];
        assert_eq!((nose.x, nose.y, nose.score), (203.0, 204.0, 205.0), "{name}");
    }
}

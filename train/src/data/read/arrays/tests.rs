//! Files of plain arrays, written from synthetic people whose joints are known.

use std::fs::File;

use ndarray::{Array, Array3, Axis, arr0, s};
use ndarray_npy::{NpzWriter, write_npy};

use super::*;
use crate::data::{Motion, synthetic};

/// `[240, 22, 3]`: two clips of 120 frames, metres, y up.
fn people() -> Motion {
    let mut builder = MotionBuilder::new(25.0).unwrap();
    synthetic::add(synthetic::Repertoire::Everyday, 240, 3, &mut builder);
    builder.finish().unwrap().0
}

fn positions(clip: usize) -> Array3<f32> {
    people().positions.slice(s![120 * clip..120 * (clip + 1), .., ..]).to_owned()
}

fn read(path: &Path) -> Result<(Motion, Vec<String>)> {
    let mut builder = MotionBuilder::new(25.0)?;
    add_file(path, None, &mut builder)?;
    builder.finish()
}

/// The greatest distance along an axis of two clips' first 17 joints.
fn off(found: &Array3<f32>, expected: &Array3<f32>) -> f32 {
    let difference = &found.slice(s![.., ..17, ..]) - &expected.slice(s![.., ..17, ..]);
    difference.iter().fold(0.0, |most, value| most.max(value.abs()))
}

#[test]
fn an_npy_is_one_clip_in_any_unit_with_any_axis_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s01_walk_02.npy");
    let given = positions(0);
    let z_up = {
        let mut array = given.select(Axis(2), &[0, 2, 1]);
        array.slice_mut(s![.., .., 1]).mapv_inplace(|value| -value);
        array
    };
    for (array, unit) in [
        (given.clone(), "unit m, by the thigh; y up"),
        (&given * 1000.0, "unit mm, by the thigh; y up"),
        (&z_up * 100.0, "unit cm, by the thigh; z up"),
    ] {
        write_npy(&path, &array).unwrap();
        let (motion, notes) = read(&path).unwrap();
        assert!(off(&motion.positions, &given) < 1e-3 && motion.clips.len() == 1);
        assert_eq!((motion.clips[0].name.as_str(), motion.clips[0].subject.as_str()), ("s01_walk_02", "s01"));
        assert_eq!(motion.sources[0].name, "s01_walk_02");
        assert!(notes[0].contains(unit) && notes[0].contains("the file says none"), "{notes:?}");
    }
}

#[test]
fn an_npz_has_a_clip_an_array_and_may_say_its_rate() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lab.npz");
    let mut archive = NpzWriter::new(File::create(&path).unwrap());
    // 17 joints and 22, and frames of a camera that is twice as fast.
    let slow = positions(0);
    let fast = |joints: usize| Array::from_shape_fn((240, joints, 3), |(t, joint, axis)| slow[[t / 2, joint, axis]]);
    archive.add_array("anna_walk", &fast(17)).unwrap();
    archive.add_array("ben_walk", &fast(22)).unwrap();
    archive.add_array("fps", &arr0(50.0)).unwrap();
    archive.finish().unwrap();
    assert!(!is_paired(&path));
    let (motion, notes) = read(&path).unwrap();
    let clips: Vec<_> =
        motion.clips.iter().map(|clip| (clip.name.as_str(), clip.subject.as_str(), clip.frames)).collect();
    assert_eq!(clips, [("anna_walk", "anna", 120), ("ben_walk", "ben", 120)]);
    assert!(motion.positions.iter().all(|value| value.is_finite()), "faces were set");
    assert!(notes[0].contains("2 clips, 480 frames at 50 Hz; unit m") && notes[0].ends_with("faces set on the skull"));
}

/// What `numpy.savez(path, positions_3d={'S1': {'Walking 1': array}})` writes of a `[T, 32, 3]` array of metres.
fn positions_3d(path: &Path, array: &Array3<f32>) {
    let short = |text: &str| [&[0x8c, text.len() as u8], text.as_bytes(), b"\x94"].concat();
    let data: Vec<u8> = array.iter().flat_map(|value| value.to_le_bytes()).collect();
    let reconstruct =
        [&b"cnumpy.core.multiarray\n_reconstruct\n"[..], b"cnumpy\nndarray\nK\x00\x85C\x01b\x87R"].concat();
    let dtype = |name: &str, order: &[u8]| {
        let head = [b"cnumpy\ndtype\n", &short(name)[..], b"\x89\x88\x87R(K\x03C\x01"].concat();
        [&head[..], order, b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"].concat()
    };
    let shape = [&b"M"[..], &(array.dim().0 as u16).to_le_bytes(), b"K\x20K\x03\x87"].concat();
    let bytes = [&b"B"[..], &(data.len() as u32).to_le_bytes(), &data].concat();
    let inner = [&reconstruct[..], b"(K\x01", &shape, &dtype("f4", b"<"), b"\x89", &bytes, b"tb"].concat();
    let actions = [&b"}"[..], &short("Walking 1"), &inner, b"s"].concat();
    let subjects = [&b"}"[..], &short("S1"), &actions, b"s"].concat();
    let object = [&reconstruct[..], b"(K\x01)", &dtype("O8", b"|"), b"\x89](", &subjects, b"etb"].concat();
    let header = b"{'descr': '|O', 'fortran_order': False, 'shape': (), }\n";
    let npy =
        [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header, b"\x80\x03", &object, b"."].concat();
    let mut zip = zip::ZipWriter::new(File::create(path).unwrap());
    zip.start_file("positions_3d.npy", zip::write::SimpleFileOptions::default()).unwrap();
    std::io::Write::write_all(&mut zip, &npy).unwrap();
    zip.finish().unwrap();
}

#[test]
fn video_pose_3d_has_people_actions_and_32_joints() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data_3d_h36m.npz");
    let given = positions(0);
    let mut wide = Array3::zeros((240, 32, 3));
    for (slot, joint) in [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27].into_iter().enumerate() {
        for frame in 0..240 {
            let [x, y, z] = [0, 1, 2].map(|axis| given[[frame / 2, slot, axis]]);
            wide.slice_mut(s![frame, joint, ..]).assign(&ndarray::arr1(&[x, -z, y]));
        }
    }
    positions_3d(&path, &wide);
    let (motion, notes) = read(&path).unwrap();
    assert_eq!((motion.clips[0].name.as_str(), motion.clips[0].subject.as_str()), ("S1_Walking 1", "S1"));
    assert_eq!((motion.sources[0].name.as_str(), motion.clips[0].frames), ("Human3.6M", 120));
    assert!(notes[0].contains("240 frames at 50 Hz; unit m, by the thigh; z up"), "{notes:?}");
    assert!(off(&motion.positions, &given) < 1e-6);
    // Faces match those of synthetic people, whose heads nod and turn.
    let faces = &motion.positions.slice(s![.., 17.., ..]) - &given.slice(s![.., 17.., ..]);
    assert!(faces.iter().all(|value| value.abs() < 0.035));
}

#[test]
fn what_is_no_motion_is_refused_and_bad_clips_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let message = |array: &Array3<f32>| {
        write_npy(&path, array).unwrap();
        let error = read(&path).unwrap_err();
        format!("{error} {}", error.hint_text().unwrap_or_default())
    };
    assert!(message(&Array3::zeros((5, 17, 2))).contains("a.npy: a shape of [5, 17, 2], expected [frames, 17"));
    assert!(message(&positions(0).select(Axis(2), &[1, 0, 2])).contains("expected people who stand along y or z"));
    assert!(message(&(positions(0) * 5e-6)).contains("no human size"));
    // A mirror image.
    let mut mirrored = positions(0);
    mirrored.slice_mut(s![.., .., 0]).mapv_inplace(|value| -value);
    assert!(message(&mirrored).contains("120 of 120 frames left out: left and right are exchanged"));
    std::fs::write(&path, "hello, world").unwrap();
    assert!(read(&path).unwrap_err().to_string().contains("no npy file"));
}

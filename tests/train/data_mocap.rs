//! The motion capture that the project learns from, where it is at hand: do all collections mean the same body?
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use std::path::{Path, PathBuf};

use poselift::skeleton::BODY22;
use poselift_train::data::{Motion, TrainingData, open};

/// The folder of shared data: beside the workspace, or where `POSELIFT_SHARED` says.
fn shared() -> Option<PathBuf> {
    let beside = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")).to_path_buf();
    let named = std::env::var_os("POSELIFT_SHARED").map(PathBuf::from);
    let found = std::iter::once(beside).chain(named).find(|path| path.join("data/mocap").is_dir());
    if found.is_none() {
        eprintln!("skipped: no shared data beside the workspace, and POSELIFT_SHARED is not set");
    }
    found
}

/// A few takes of each of CMU's naming schemes, out of the archive, as (folder, motion).
fn cmu(takes: &[&str]) -> Option<Motion> {
    let archive = shared()?.join("data/mocap/cmu.tar.xz");
    let folder = tempfile::tempdir().unwrap();
    let unpacked =
        std::process::Command::new("tar").arg("-xJf").arg(&archive).arg("-C").arg(folder.path()).args(takes).status();
    if !unpacked.is_ok_and(|status| status.success()) {
        eprintln!("skipped: tar cannot unpack {}", archive.display());
        return None;
    }
    Some(motion(folder.path()))
}

fn motion(path: &Path) -> Motion {
    match open(&[path.to_str().unwrap().to_owned()], 25.0, 0).unwrap() {
        TrainingData::Motion(motion) => motion,
        TrainingData::Pairs(_) => panic!("motion expected"),
    }
}

/// A joint of one frame.
fn joint(motion: &Motion, frame: usize, name: &str) -> [f64; 3] {
    let slot = BODY22.position(name).unwrap();
    [0, 1, 2].map(|axis| f64::from(motion.positions[[frame, slot, axis]]))
}

fn minus(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [0, 1, 2].map(|axis| a[axis] - b[axis])
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|axis| a[axis] * b[axis]).sum()
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// (name, value) of a body's shape: medians over upright frames, in legs (thigh and shank).
fn shape(motion: &Motion) -> Vec<(&'static str, f64)> {
    let mut rows: Vec<[f64; 8]> = Vec::new();
    for frame in (0..motion.positions.dim().0).step_by(3) {
        let at = |name| joint(motion, frame, name);
        let length = |a, b| dot(minus(at(a), at(b)), minus(at(a), at(b))).sqrt();
        let leg = length("left_hip", "left_knee") + length("left_knee", "left_ankle");
        let up = minus(at("thorax"), at("hip"));
        let size = dot(up, up).sqrt();
        let up = up.map(|value| value / size);
        if up[1] < 0.97 || at("left_hip")[1] - at("left_ankle")[1] < 0.95 * leg {
            continue;
        }
        let along = |a, b| dot(minus(at(a), at(b)), up) / leg;
        rows.push([
            length("left_hip", "right_hip") / leg,
            size / leg,
            along("spine", "hip"),
            along("left_shoulder", "thorax"),
            length("left_shoulder", "left_elbow") / leg,
            length("left_elbow", "left_wrist") / leg,
            along("neck_nose", "thorax"),
            along("head", "thorax"),
        ]);
    }
    assert!(rows.len() > 50, "{} upright frames", rows.len());
    let names = ["hip width", "back", "spine", "shoulder", "upper arm", "forearm", "neck", "head"];
    names
        .into_iter()
        .enumerate()
        .map(|(column, name)| (name, median(rows.iter().map(|row| row[column]).collect())))
        .collect()
}

/// Share of the frames in which left is left: left hip − right hip, crossed with up, points where the nose does.
fn left_is_left(motion: &Motion) -> f64 {
    let frames = motion.positions.dim().0;
    let right_way = (0..frames).filter(|&frame| {
        let at = |name| joint(motion, frame, name);
        let ears = [0, 1, 2].map(|axis| (at("left_ear")[axis] + at("right_ear")[axis]) / 2.0);
        let forward = cross(minus(at("left_hip"), at("right_hip")), minus(at("thorax"), at("hip")));
        dot(forward, minus(at("nose"), ears)) > 0.0
    });
    right_way.count() as f64 / frames as f64
}

#[test]
fn cmus_schemes_and_ui_prmd_mean_the_same_body() {
    let Some(shared) = shared() else { return };
    let Some(cmu) =
        cmu(&["bvh31/02_01.bvh", "bvh31/07_01.bvh", "bvh31/35_01.bvh", "bvh31/01_01.bvh", "bvh31/14_14.bvh"])
    else {
        return;
    };
    assert!(cmu.sources.len() == 1 && cmu.sources[0].name == "cmu" && cmu.clips.iter().all(|clip| clip.human_lengths));
    assert!(cmu.clips.iter().any(|clip| clip.subject == "cmu35"));
    let mut reference = motion(&shared.join("data/mocap/ui_prmd.npy"));
    assert_eq!(reference.rate, 25.0);
    assert!(reference.clips.len() > 1950 && reference.sources[0].licence.starts_with("ODC-PDDL"));
    assert!(left_is_left(&cmu) > 0.95 && left_is_left(&reference) > 0.95);

    // One person a tenth: enough for medians.
    reference.positions.slice_collapse(ndarray::s![..;10, .., ..]);
    for ((name, ours), (_, theirs)) in shape(&cmu).into_iter().zip(shape(&reference)) {
        println!("{name:10} cmu {ours:+.3}  ui-prmd {theirs:+.3}");
        // 0.05 of a leg is 4 cm: the spread among people. A lost thorax bone (0.14) or wrist would show.
        assert!((ours - theirs).abs() < 0.05, "{name}: {ours} and {theirs}");
    }
}

#[test]
fn the_figure_without_human_proportions_is_marked() {
    let Some(motion) = cmu(&["bvh43/salsa_01.bvh", "bvh43/cmu_10_01.bvh"]) else { return };
    assert!(motion.clips.iter().all(|clip| !clip.human_lengths));
    let subjects: Vec<_> = motion.clips.iter().map(|clip| clip.subject.as_str()).collect();
    assert!(subjects.contains(&"salsa") && subjects.contains(&"cmu10"), "{subjects:?}");
    assert!(left_is_left(&motion) > 0.95);
    assert!(motion.positions.iter().all(|value| value.is_finite()));
}

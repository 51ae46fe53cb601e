//! The motion capture that the project learns from, if it is available: do all collections mean the same body?
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use std::path::Path;

use poselift::skeleton::BODY28;
use poselift_train::data::body::Body;
use poselift_train::data::body::kinematics::{Placement, place};
use poselift_train::data::body::take::Take;
use poselift_train::data::check::{Fault, Figure, sift};
use poselift_train::data::read::{acclaim, bvh};
use poselift_train::data::{Motion, TrainingData, open};

use crate::skips::shared;

/// A few of CMU's files, from the archive.
fn unpacked(files: &[&str]) -> Option<tempfile::TempDir> {
    let archive = shared("data/mocap/cmu.tar.xz")?;
    let folder = tempfile::tempdir().unwrap();
    let unpacked =
        std::process::Command::new("tar").arg("-xJf").arg(&archive).arg("-C").arg(folder.path()).args(files).status();
    if !unpacked.is_ok_and(|status| status.success()) {
        eprintln!("skipped: tar cannot unpack {}", archive.display());
        return None;
    }
    Some(folder)
}

/// A few takes of each of CMU's naming schemes.
fn cmu(takes: &[&str]) -> Option<Motion> {
    Some(motion(unpacked(takes)?.path()))
}

fn motion(path: &Path) -> Motion {
    match open(&[path.to_str().unwrap().to_owned()], 25.0, 0).unwrap() {
        TrainingData::Motion(motion) => motion,
        TrainingData::Pairs(_) => panic!("motion expected"),
    }
}

/// A joint of one frame.
fn joint(motion: &Motion, frame: usize, name: &str) -> [f64; 3] {
    let slot = BODY28.position(name).unwrap();
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
    let Some(ui_prmd) = shared("data/mocap/ui_prmd.npy") else { return };
    let Some(cmu) =
        cmu(&["bvh31/02_01.bvh", "bvh31/07_01.bvh", "bvh31/35_01.bvh", "bvh31/01_01.bvh", "bvh31/14_14.bvh"])
    else {
        return;
    };
    assert!(cmu.sources.len() == 1 && cmu.sources[0].name == "cmu" && cmu.clips.iter().all(|clip| clip.human_lengths));
    assert!(cmu.clips.iter().any(|clip| clip.subject == "cmu35"));
    let mut reference = motion(&ui_prmd);
    assert_eq!(reference.rate, 25.0);
    assert!(reference.clips.len() > 1950 && reference.sources[0].licence.starts_with("ODC-PDDL"));
    assert!(left_is_left(&cmu) > 0.95 && left_is_left(&reference) > 0.95);

    // One person in ten: enough for medians.
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

/// Bones, by the joints that they begin and end at: in Acclaim's names, and in those of `bvh31`.
const SAME_BONES: [[&str; 4]; 16] = [
    ["root", "lfemur", "Hips", "LeftUpLeg"],
    ["lfemur", "ltibia", "LeftUpLeg", "LeftLeg"],
    ["ltibia", "lfoot", "LeftLeg", "LeftFoot"],
    ["root", "rfemur", "Hips", "RightUpLeg"],
    ["rfemur", "rtibia", "RightUpLeg", "RightLeg"],
    ["rtibia", "rfoot", "RightLeg", "RightFoot"],
    ["lowerback", "upperback", "LowerBack", "Spine"],
    ["upperback", "thorax", "Spine", "Spine1"],
    ["lowerneck", "upperneck", "Neck", "Neck1"],
    ["upperneck", "head", "Neck1", "Head"],
    ["lclavicle", "lhumerus", "LeftShoulder", "LeftArm"],
    ["lhumerus", "lradius", "LeftArm", "LeftForeArm"],
    ["lradius", "lwrist", "LeftForeArm", "LeftHand"],
    ["rclavicle", "rhumerus", "RightShoulder", "RightArm"],
    ["rhumerus", "rradius", "RightArm", "RightForeArm"],
    ["rradius", "rwrist", "RightForeArm", "RightHand"],
];

/// The length unit of CMU's files.
const UNIT_MILLIMETRES: f64 = 25.4 / 0.45;

fn placed(take: &Take, frame: usize) -> Vec<Placement> {
    let mut placements = Vec::new();
    place(take, take.frames.row(frame), &mut placements);
    placements
}

#[test]
fn a_take_is_the_same_from_acclaim_and_bvh() {
    let Some(folder) = unpacked(&["asfamc/02.asf", "asfamc/02_01.amc", "bvh31/02_01.bvh"]) else { return };
    bones_are_the_same(folder.path());
    bodies_are_the_same(folder.path());
}

/// Positions and directions of all bones that both files have, frame by frame.
fn bones_are_the_same(folder: &Path) {
    let at = |name: &str| folder.join(name);
    let original = acclaim::from_files(&at("asfamc/02.asf"), &at("asfamc/02_01.amc")).unwrap();
    let copy = bvh::from_file(&at("bvh31/02_01.bvh")).unwrap();
    let frames = original.frames.nrows();
    // The copy has a T-pose in front, and is a frame behind from there on.
    assert_eq!((frames, copy.frames.nrows()), (343, 344));
    let mut roots = 0_f64;
    let mut worst = [0_f64; SAME_BONES.len()];
    for frame in 0..frames {
        let (ours, theirs) = (placed(&original, frame), placed(&copy, frame + 1));
        roots = roots.max((ours[0].position - theirs[0].position).norm() * UNIT_MILLIMETRES);
        let position = |take: &Take, placements: &[Placement], name| placements[take.position(name).unwrap()].position;
        for (worst, [begin, end, their_begin, their_end]) in worst.iter_mut().zip(SAME_BONES) {
            let ours = position(&original, &ours, end) - position(&original, &ours, begin);
            let theirs = position(&copy, &theirs, their_end) - position(&copy, &theirs, their_begin);
            *worst = worst.max((ours - theirs).norm() * UNIT_MILLIMETRES);
        }
    }
    println!("root: {roots:.4} mm at most");
    assert!(roots < 0.05, "root: {roots} mm");
    for (worst, [begin, end, ..]) in worst.into_iter().zip(SAME_BONES) {
        println!("{begin} to {end}: {worst:.4} mm at most");
        assert!(worst < 0.05, "{begin} to {end}: {worst} mm");
    }
}

/// The bodies that training sees.
fn bodies_are_the_same(folder: &Path) {
    let [original, copy] = ["asfamc", "bvh31"].map(|name| motion(&folder.join(name)));
    assert_eq!((original.clips.as_slice(), &original.sources), (copy.clips.as_slice(), &copy.sources));
    assert_eq!((original.clips[0].subject.as_str(), original.clips[0].human_lengths), ("cmu02", true));
    for (slot, name) in BODY28.joints.iter().enumerate() {
        let distance = |frame: usize| {
            let between =
                |axis| f64::from(original.positions[[frame, slot, axis]] - copy.positions[[frame, slot, axis]]);
            dot([0, 1, 2].map(between), [0, 1, 2].map(between)).sqrt() * 1000.0
        };
        let worst = (0..original.positions.dim().0).map(distance).fold(0.0, f64::max);
        println!("{name}: {worst:.2} mm at most");
        // The copy's lost thorax bone is replaced by one along the chest's y axis.
        let bound = if slot < 7 { 0.1 } else { 1.0 };
        assert!(worst < bound, "{name}: {worst} mm");
    }
}

#[test]
fn people_of_acclaim_files_stand_upright_and_are_of_human_size() {
    let people = ["01", "02", "03", "charleston", "lambada", "zombie"];
    let files = people.map(|person| format!("asfamc/{person}.asf")).into_iter();
    let takes = ["01_01", "02_01", "03_01", "charleston1", "charleston2", "lambada", "zombie"];
    let files: Vec<_> = files.chain(takes.map(|take| format!("asfamc/{take}.amc"))).collect();
    let Some(motion) = cmu(&files.iter().map(String::as_str).collect::<Vec<_>>()) else { return };
    let found: std::collections::BTreeSet<_> = motion.clips.iter().map(|clip| clip.subject.as_str()).collect();
    assert!(found.into_iter().eq(["charleston", "cmu01", "cmu02", "cmu03", "lambada", "zombie"]));
    assert!(left_is_left(&motion) > 0.95);
    for clip in &motion.clips {
        let frames = || clip.start..clip.start + clip.frames;
        let height = |frame| {
            let at = |name| joint(&motion, frame, name)[1];
            at("head") - at("left_ankle").min(at("right_ankle"))
        };
        // The ankle is 0.039 of the stature above the sole (Drillis and Contini, 1966).
        let stature = median(frames().map(height).collect()) / (1.0 - 0.039);
        println!("{} of {}: {} frames, {stature:.3} m", clip.name, clip.subject, clip.frames);
        assert!((1.5..2.0).contains(&stature), "{}: {stature} m", clip.name);
        for [begin, end] in [["left_hip", "left_knee"], ["right_knee", "right_ankle"], ["left_shoulder", "left_elbow"]]
        {
            let bone = |frame| minus(joint(&motion, frame, end), joint(&motion, frame, begin));
            let length = |frame| dot(bone(frame), bone(frame)).sqrt();
            let (shortest, longest) =
                frames().map(length).fold((f64::MAX, 0_f64), |(low, high), l| (low.min(l), high.max(l)));
            // Straight lines between frames shorten a bone that turns, by 0.1 mm at 10 rad/s (resample.rs).
            assert!(longest - shortest < 1e-3, "{}: {begin} to {end} {shortest} to {longest} m", clip.name);
        }
    }
}

/// The bodies of each clip.
fn clips(motion: &Motion) -> Vec<(String, Vec<Body>)> {
    let mut clips = Vec::new();
    for clip in &motion.clips {
        let frames = motion.positions.slice(ndarray::s![clip.start..clip.start + clip.frames, .., ..]);
        let body = |body: ndarray::ArrayView2<'_, f32>| -> Body {
            std::array::from_fn(|joint| std::array::from_fn(|axis| body[[joint, axis]]))
        };
        clips.push((clip.name.clone(), frames.outer_iter().map(body).collect()));
    }
    clips
}

fn is_back_to_front(bodies: &[Body], rate: f64) -> bool {
    let figure = Figure { human_lengths: false, own_face: true };
    sift(bodies, rate, figure).findings.iter().any(|finding| finding.fault == Fault::SidesSwapped)
}

/// The limbs of both sides exchanged, with the face unchanged: the effect of a wrong table of joints.
fn with_sides_exchanged(bodies: &[Body]) -> Vec<Body> {
    let mut exchanged = bodies.to_vec();
    for body in &mut exchanged {
        for (left, right) in [(4, 1), (5, 2), (6, 3), (11, 14), (12, 15), (13, 16)] {
            body.swap(left, right);
        }
    }
    exchanged
}

/// The neck's joint moved forward by `metres`, as another marker set may have it.
fn with_necks_shifted(bodies: &[Body], metres: f64) -> Vec<Body> {
    let neck = BODY28.joint("neck_nose");
    let mut shifted = bodies.to_vec();
    for body in &mut shifted {
        let at = |joint: &str| body[BODY28.joint(joint)].map(f64::from);
        let ahead = cross(minus(at("left_hip"), at("right_hip")), minus(at("thorax"), at("hip")));
        let length = dot(ahead, ahead).sqrt();
        for axis in 0..3 {
            body[neck][axis] += (metres * ahead[axis] / length) as f32;
        }
    }
    shifted
}

#[test]
fn sides_exchanged_are_found_and_necks_that_lie_elsewhere_are_not() {
    let Some(ui_prmd) = shared("data/mocap/ui_prmd.npy") else { return };
    let Some(folder) = unpacked(&["bvh31", "asfamc"]) else { return };
    for (collection, motion) in [("cmu", motion(folder.path())), ("ui-prmd", motion(&ui_prmd))] {
        let clips = clips(&motion);
        let mut found = 0;
        for (name, bodies) in &clips {
            assert!(!is_back_to_front(bodies, motion.rate), "{collection}: {name} as it is");
            for metres in [-0.03, 0.03] {
                let shifted = with_necks_shifted(bodies, metres);
                assert!(!is_back_to_front(&shifted, motion.rate), "{collection}: {name}, neck shifted by {metres} m");
            }
            found += usize::from(is_back_to_front(&with_sides_exchanged(bodies), motion.rate));
        }
        println!("{collection}: found in {found} of {} clips", clips.len());
        assert!(found as f64 > 0.9 * clips.len() as f64, "{collection}: found in {found} of {} clips", clips.len());
    }
}

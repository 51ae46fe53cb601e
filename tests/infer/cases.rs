//! The situations of public bug reports in ../shared/data/cases, each through the real program; and the real detector files
//! beside them. Where the folder is absent, a line says so and nothing is tested.
//!
//! "Off" is the mean distance of joints to those of the clean clip, `00_base.jsonl`, in millimetres.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use poselift::format::Source;
use poselift::guard::{self, ReadOptions};
use serde_json::Value;

use crate::program::shared;

/// The shared data, if it is here.
pub(crate) fn data() -> Option<PathBuf> {
    shared("data/cases")?.parent().map(Path::to_path_buf)
}

/// What the program did with an input.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) told: String,
    /// Joints by frame, then by person.
    pub(crate) frames: BTreeMap<u64, Vec<Person>>,
}

pub(crate) struct Person {
    pub(crate) id: Option<i64>,
    pub(crate) joints: Vec<[f64; 3]>,
}

pub(crate) fn run(input: &Path, options: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.jsonl");
    let mut command = Command::new(env!("CARGO_BIN_EXE_poselift"));
    let output = command.arg("run").arg(input).args(options).arg("-o").arg(&out).output().unwrap();
    let mut frames = BTreeMap::new();
    for line in std::fs::read_to_string(&out).unwrap_or_default().lines().skip(1) {
        let frame: Value = serde_json::from_str(line).unwrap();
        let person = |person: &Value| Person {
            id: person["id"].as_i64(),
            joints: serde_json::from_value(person["joints"].clone()).unwrap(),
        };
        let people: Vec<Person> = frame["people"].as_array().unwrap().iter().map(person).collect();
        frames.insert(frame["frame"].as_u64().unwrap(), people);
    }
    Run { code: output.status.code().unwrap(), told: String::from_utf8_lossy(&output.stderr).into_owned(), frames }
}

/// Mean distance of joints of the first person in frames of the same place in their clips, over the frames that both have; a
/// run's frames are counted from `first`.
pub(crate) fn off(run: &Run, base: &Run, first: u64) -> f64 {
    let (mut total, mut count) = (0.0, 0);
    for (index, people) in &run.frames {
        let expected = index.checked_sub(first).and_then(|index| base.frames.get(&index));
        let (Some(person), Some(expected)) = (people.first(), expected.and_then(|people| people.first())) else {
            continue;
        };
        for (joint, expected) in person.joints.iter().zip(&expected.joints) {
            total += (0..3).map(|axis| (joint[axis] - expected[axis]).powi(2)).sum::<f64>().sqrt() * 1000.0;
            count += 1;
        }
    }
    assert!(count > 0, "no person was lifted: {}", run.told);
    total / f64::from(count)
}

/// What should come of a case.
enum Expected {
    /// Lifted to within so many millimetres, and told a part of a line; nothing odd is told where that is empty.
    Off(f64, &'static str),
    /// Lifted, however well, and this is told.
    Told(&'static str),
    /// Refused with this.
    Refused(&'static str),
}

use Expected::{Off, Refused, Told};

/// Words of notices that good data must not lead to.
const ALARMS: [&str; 10] = [
    "lie as those",
    "turned",
    "upside",
    "outside",
    "far from all",
    "scores ",
    "times ",
    "normalised",
    "give a sigma",
    "may be exchanged",
];

const CASES: [(&str, &[&str], Expected); 68] = [
    ("00_base.jsonl", &[], Off(0.001, "")),
    ("01_mp_normalised_size.jsonl", &[], Off(1.0, "normalised")),
    ("01_mp_pixels.jsonl", &[], Off(0.1, "")),
    ("03_ref_zero_score0.jsonl", &[], Off(60.0, "")),
    ("03_yolo_zero_conf.jsonl", &[], Off(60.0, "")),
    ("04_xy_zero_missing.npy", &SIZE, Off(70.0, "")),
    ("04_xy_nan_missing.npy", &SIZE, Off(70.0, "")),
    ("05_score_simcc.jsonl", &[], Off(20.0, "")),
    ("05_score_logit.jsonl", &[], Off(20.0, "logits")),
    ("06_h36m_order.npy", &SIZE, Refused("taken to be h36m17")),
    ("07_lr_swapped.jsonl", &[], Told("left and right may be exchanged")),
    ("08_portrait_ok.jsonl", &[], Off(30.0, "")),
    ("08_rotated90.jsonl", &[], Told("--rotate")),
    ("10_size_ok.jsonl", &[], Off(5.0, "")),
    ("10_size_mismatch.jsonl", &[], Told("outside the image")),
    ("11_body25_ok.jsonl", &[], Off(0.1, "")),
    ("11_halpe26_ok.jsonl", &[], Off(0.1, "")),
    ("11_body25b_as_body25.jsonl", &[], Told("--layout body25b")),
    ("11_body25b_as_body25.jsonl", &["--layout", "body25b"], Off(0.1, "")),
    ("12_unnamed_25.jsonl", &[], Off(0.1, "")),
    ("12_unnamed_26.jsonl", &[], Off(0.1, "")),
    ("13_dicts.jsonl", &[], Off(0.1, "")),
    ("13_flat.jsonl", &[], Off(0.1, "")),
    ("14_id_float.jsonl", &[], Off(0.1, "")),
    ("14_id_huge.jsonl", &[], Off(0.1, "")),
    ("14_id_minus1.jsonl", &[], Off(0.1, "")),
    ("14_id_null.jsonl", &[], Off(0.1, "")),
    ("16_nan_null_inf.jsonl", &[], Off(60.0, "")),
    ("17_frame_down.jsonl", &[], Told("")),
    ("17_frame_dup.jsonl", &[], Told("")),
    ("17_frame_float.jsonl", &[], Off(0.1, "")),
    ("17_frame_neg.jsonl", &[], Off(0.1, "")),
    ("17_frame_one_based.jsonl", &[], Off(0.1, "")),
    ("17_frame_str.jsonl", &[], Off(0.1, "")),
    ("17_no_frame.jsonl", &[], Off(0.1, "")),
    ("18_notime_nofps.jsonl", &[], Off(0.1, "")),
    ("18_time_down.jsonl", &[], Off(0.1, "do not rise")),
    ("18_time_epoch.jsonl", &[], Off(0.1, "since 1970")),
    ("18_time_ms.jsonl", &[], Off(0.1, "milliseconds")),
    ("18_time_null.jsonl", &[], Off(0.1, "")),
    ("18_time_same.jsonl", &[], Off(0.1, "do not rise")),
    ("18_time_str.jsonl", &[], Off(0.1, "")),
    ("19_bom.jsonl", &[], Off(0.1, "")),
    ("19_blank_lines.jsonl", &[], Off(0.1, "")),
    ("19_cr_only.jsonl", &[], Off(0.1, "")),
    ("19_crlf.jsonl", &[], Off(0.1, "")),
    ("19_ctrl_z.jsonl", &[], Off(0.1, "")),
    ("19_nul_padding.jsonl", &[], Off(0.1, "")),
    ("19_gzip.jsonl.gz", &[], Off(0.1, "")),
    ("19_json_array.json", &[], Off(0.1, "")),
    ("19_no_final_newline.jsonl", &[], Off(0.1, "")),
    ("19_trailing_commas.jsonl", &[], Off(0.1, "")),
    ("22_no_scores_2d.jsonl", &[], Off(25.0, "")),
    ("22_scores_all_zero.jsonl", &[], Off(25.0, "every score is 0")),
    ("23_T_34.npy", &SIZE, Off(25.0, "")),
    ("23_bigendian.npy", &SIZE, Off(0.1, "")),
    ("23_fortran.npy", &SIZE, Off(0.1, "")),
    ("23_int.npy", &SIZE, Off(25.0, "")),
    ("23_object.npy", &SIZE, Off(25.0, "")),
    ("23_single_frame_2d.npy", &SIZE, Off(0.1, "")),
    ("23_freemocap_3d_mm.npy", &SIZE, Refused("3D points")),
    ("24_two_arrays.npz", &SIZE, Off(0.1, "")),
    ("24_vp3d_custom.npz", &[], Off(25.0, "")),
    ("25_off_centre.jsonl", &[], Off(25.0, "")),
    ("26_size_changes.jsonl", &[], Off(2.0, "")),
    ("27_exponent.jsonl", &[], Told("1 of 1 people lifted")),
    ("40_movenet_raw_yx.npy", &SIZE, Refused("--from movenet")),
    ("40_movenet_raw_yx.npy", &["--size", "1280x720", "--from", "movenet"], Off(1.0, "normalised")),
];

const SIZE: [&str; 2] = ["--size", "1280x720"];

/// Each detector's own file lifts as the same data do as JSON Lines.
const DETECTORS: [(&str, &[&str], u64); 11] = [
    ("33_openpose_folder", &SIZE, 0),
    ("34_alphapose.json", &SIZE, 0),
    ("34_coco_results.json", &SIZE, 1),
    ("34_dlc.csv", &SIZE, 0),
    ("34_mediapipe_tasks.json", &[], 0),
    ("34_mmpose_inferencer.json", &SIZE, 0),
    ("34_tfjs.jsonl", &SIZE, 0),
    ("34_yolo_labels", &SIZE, 1),
    ("34_yolo_tojson.json", &SIZE, 0),
    ("24_two_arrays.npz", &SIZE, 0),
    ("19_json_array.json", &[], 0),
];

#[test]
fn each_case_does_what_its_row_says() {
    let Some(data) = data() else { return };
    let cases = data.join("cases");
    let base = run(&cases.join("00_base.jsonl"), &[]);
    let mut wrong = Vec::new();
    for (name, options, expected) in &CASES {
        let found = run(&cases.join(name), options);
        let alarms: Vec<_> = ALARMS.into_iter().filter(|alarm| found.told.contains(alarm)).collect();
        let complaint = match expected {
            Off(most, told) => {
                let first = found.frames.keys().next().copied().unwrap_or(0);
                let distance = off(&found, &base, first);
                let is_close = distance <= *most;
                let is_told = if told.is_empty() { alarms.is_empty() } else { found.told.contains(told) };
                (!is_close || !is_told).then(|| format!("off {distance:.2} mm, expected {most} and '{told}'"))
            }
            Told(told) => (!found.told.contains(told)).then(|| format!("expected '{told}'")),
            Refused(told) => {
                let is_refused = found.code == 2 && found.told.contains(told);
                (!is_refused).then(|| format!("code {}, expected 2 and '{told}'", found.code))
            }
        };
        wrong.extend(complaint.map(|complaint| format!("{name}: {complaint}\n{}", found.told)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_detectors_file_lifts_as_json_lines_do() {
    let Some(data) = data() else { return };
    let cases = data.join("cases");
    let base = run(&cases.join("00_base.jsonl"), &[]);
    for (name, options, first) in DETECTORS {
        let found = run(&cases.join(name), options);
        assert_eq!(found.code, 0, "{name}: {}", found.told);
        let distance = off(&found, &base, first);
        assert!(distance < 5.0, "{name}: off {distance:.2} mm\n{}", found.told);
    }
    // Three body parts alone are read, and refused by their names.
    let few = run(&cases.join("37_dlc_single.h5"), &SIZE);
    assert!(few.code == 2 && few.told.contains("left_ear, right_ear, left_shoulder"), "{}", few.told);
    for name in ["30_mmpose_demo_style.json", "38_wholebody133.jsonl"] {
        let found = run(&cases.join(name), &[]);
        assert!(found.code == 0 && !found.frames.is_empty(), "{name}: {}", found.told);
    }
}

#[test]
fn gaps_stay_gaps_and_frames_without_people_are_frames() {
    let Some(data) = data() else { return };
    let cases = data.join("cases");
    let gaps = run(&cases.join("17_gaps.jsonl"), &[]);
    assert!(gaps.frames.contains_key(&19) && !gaps.frames.contains_key(&20) && gaps.frames.contains_key(&37));
    assert_eq!(run(&cases.join("20_nobody.jsonl"), &[]).code, 0);
    assert_eq!(run(&cases.join("20_first_frames_empty.jsonl"), &[]).code, 0);
    assert_eq!(run(&cases.join("20_empty.jsonl"), &[]).code, 2);
}

#[test]
fn half_bodies_and_low_scores() {
    let Some(data) = data() else { return };
    let cases = data.join("cases");
    for name in ["21_face_only.jsonl", "21_half_clipped.jsonl", "21_half_legs_missing.jsonl", "21_no_hips.jsonl"] {
        let found = run(&cases.join(name), &[]);
        let alarms: Vec<_> = ALARMS.into_iter().filter(|alarm| found.told.contains(alarm)).collect();
        assert!(found.code == 0 && alarms.is_empty(), "{name}: {}", found.told);
    }
    let low = run(&cases.join("36_hallucinated_legs_lowvis.jsonl"), &["--min-score", "0.5"]);
    assert_eq!(low.code, 0, "{}", low.told);
}

/// A run's sigma: its mean over the knees and ankles, and over all joints but these; and joints marked as missing.
struct Doubt {
    legs: f64,
    others: f64,
    missing: usize,
}

fn doubt(path: &Path, options: &[&str]) -> Doubt {
    const LEGS: [usize; 4] = [2, 3, 5, 6];
    let output =
        Command::new(env!("CARGO_BIN_EXE_poselift")).args(["run", "--sigma"]).args(options).arg(path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut doubt = Doubt { legs: 0.0, others: 0.0, missing: 0 };
    let mut people = 0.0;
    for line in String::from_utf8(output.stdout).unwrap().lines().skip(1) {
        let frame: Value = serde_json::from_str(line).unwrap();
        for person in frame["people"].as_array().unwrap() {
            let sigma: Vec<f64> = serde_json::from_value(person["sigma"].clone()).unwrap();
            let legs: f64 = LEGS.iter().map(|&joint| sigma[joint]).sum();
            doubt.legs += legs / 4.0;
            doubt.others += (sigma.iter().sum::<f64>() - legs) / 13.0;
            doubt.missing += person["unseen"].as_array().map_or(0, Vec::len);
            people += 1.0;
        }
    }
    assert!(people > 0.0);
    doubt.legs /= people;
    doubt.others /= people;
    doubt
}

#[test]
fn what_is_not_seen_has_larger_sigma_and_is_marked() {
    let Some(data) = data() else { return };
    let cases = data.join("cases");
    let clean = doubt(&cases.join("00_base.jsonl"), &[]);
    assert_eq!(clean.missing, 0);
    for name in ["21_half_legs_missing.jsonl", "21_half_clipped.jsonl", "21_no_hips.jsonl"] {
        let half = doubt(&cases.join(name), &[]);
        assert!(half.legs > 1.3 * clean.legs, "{name}: {} m, {} m where all is seen", half.legs, clean.legs);
    }
    let face = doubt(&cases.join("21_face_only.jsonl"), &[]);
    assert!(face.others > 1.5 * clean.others, "{} m, {} m where all is seen", face.others, clean.others);
    for name in ["21_face_only.jsonl", "21_no_hips.jsonl", "21_half_legs_missing.jsonl"] {
        assert!(doubt(&cases.join(name), &[]).missing > 0, "{name}: no joint is marked as missing");
    }
    let legs = cases.join("36_hallucinated_legs_lowvis.jsonl");
    let invented = doubt(&legs, &[]);
    assert!(invented.legs > 1.2 * clean.legs, "{} m, {} m where all is seen", invented.legs, clean.legs);
    let left_out = doubt(&legs, &["--min-score", "0.5"]);
    assert!(left_out.missing > invented.missing, "no leg was left out");
}

#[test]
fn broken_lines_are_named_and_what_is_no_model_is_refused() {
    let Some(data) = data() else { return };
    let cases = data.join("cases");
    for (name, code, told) in [
        ("19_cut_short.jsonl", 1, "19_cut_short.jsonl:11: the stream is cut off"),
        ("19_decimal_comma.jsonl", 2, "19_decimal_comma.jsonl:2: keypoint 0 has 5 numbers"),
        ("20_people_missing.jsonl", 2, "20_people_missing.jsonl:2: the frame has no 'people'"),
        ("20_header_only.jsonl", 0, "no frames in it"),
    ] {
        let found = run(&cases.join(name), &[]);
        assert!(found.code == code && found.told.contains(told), "{name}: {}, {}", found.code, found.told);
    }
    for (name, told) in [("31_foreign_lifter.onnx", "without a card"), ("31_not_onnx.onnx", "is no ONNX model")] {
        let model = cases.join(name);
        let found = run(&cases.join("00_base.jsonl"), &["--model", model.to_str().unwrap()]);
        assert!(found.code == 2 && found.told.contains(told), "{name}: {}", found.told);
        assert!(found.frames.is_empty(), "{name}");
    }
}

#[test]
fn frame_numbers_that_fall_or_repeat_keep_every_frame() {
    let Some(data) = data() else { return };
    let cases = data.join("cases");
    for name in ["17_frame_down.jsonl", "17_frame_dup.jsonl"] {
        let path = cases.join(name);
        let output = Command::new(env!("CARGO_BIN_EXE_poselift")).arg("run").arg(&path).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        let lines =
            |text: &str| text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>();
        let read = lines(&std::fs::read_to_string(&path).unwrap());
        let written = lines(&String::from_utf8(output.stdout).unwrap());
        assert_eq!(read.len(), written.len(), "{name}");
        for (read, written) in read.iter().zip(&written).skip(1) {
            assert_eq!(read["frame"], written["frame"], "{name}");
            assert_eq!(written["people"].as_array().unwrap().len(), 1, "{name}");
        }
    }
}

#[test]
fn a_camera_that_looks_down_leaves_people_upright_with_its_pitch() {
    let Some(data) = data() else { return };
    let found = run(&data.join("cases/35_pitch15.jsonl"), &["--pitch", "15"]);
    // From the hip to the thorax; a walking person's trunk is upright on the whole.
    let (mut up, mut across, mut ahead) = (0.0, 0.0, 0.0);
    for person in found.frames.values().flatten() {
        let [x, y, z] = person.joints[8];
        up -= y;
        across += x;
        ahead += z;
    }
    let lean = (across.hypot(ahead) / up).atan().to_degrees();
    assert!(lean < 2.0, "{lean} degrees");
}

/// Unpacks the archives of real files; `None` where they or `tar` are absent.
pub(crate) fn unpacked(data: &Path) -> Option<tempfile::TempDir> {
    let folder = tempfile::tempdir().unwrap();
    for archive in ["formats.tar.xz", "samples.tar.xz"] {
        let path = data.join(archive);
        let done = Command::new("tar").arg("xf").arg(&path).arg("-C").arg(folder.path()).status();
        if !path.exists() || !done.is_ok_and(|status| status.success()) {
            println!("skipped: {archive} cannot be unpacked");
            return None;
        }
    }
    Some(folder)
}

#[test]
fn real_files_of_every_detector_are_read_without_a_false_alarm() {
    let Some(data) = data() else { return };
    let Some(folder) = unpacked(&data) else { return };
    for (name, options, frames) in [
        ("alphapose_halpe26/alphapose-results.json", &["--size", "1920x1080"][..], 2),
        ("coco_results/person_keypoints_val2014_fakekeypoints100_results.json", &["--size", "640x480"], 2),
        ("hrnet_coco17/baseball.json", &["--size", "1280x720"], 277),
        ("openpose_body25/clip1", &["--size", "1920x1080"], 50),
        ("openpose_body25/clip2", &["--size", "1920x1080"], 50),
        ("openpose_body25/clip3", &["--size", "1920x1080"], 50),
        ("openpose_halpe26", &["--size", "1080x1920"], 5),
        ("openpose_body25b", &["--size", "1088x1920"], 5),
        ("samples/openpose_body25b", &["--size", "1088x1920"], 100),
        ("samples/openpose_body25_sign", &["--size", "1280x720"], 9),
        ("samples/mmpose_wholebody/FOOTBALL.json", &["--size", "720x1280"], 41),
        ("mediapipe/pose_landmarks.pbtxt", &["--size", "1000x667"], 1),
    ] {
        let found = run(&folder.path().join(name), options);
        let alarms: Vec<_> = ALARMS.into_iter().filter(|alarm| found.told.contains(alarm)).collect();
        assert!(
            found.code <= 1 && found.frames.len() >= frames,
            "{name}: {} frames, {}",
            found.frames.len(),
            found.told
        );
        let is_25b = name.ends_with("openpose_body25b");
        assert_eq!(found.told.contains("taken to be body25b"), is_25b, "{name}: {}", found.told);
        // No false alarms: fake results of COCO's have 0, 1 and 2 for scores, MediaPipe's text is normalised.
        let is_true = |alarm: &str| match alarm {
            "scores " => name.starts_with("coco_results"),
            "normalised" => name.ends_with(".pbtxt"),
            _ => false,
        };
        assert!(alarms.iter().all(|alarm| is_true(alarm)), "{name}: {}", found.told);
    }
}

#[test]
fn good_streams_lead_to_no_alarm() {
    let Some(data) = data() else { return };
    for folder in ["streams", "truth"] {
        for entry in std::fs::read_dir(data.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "jsonl") {
                let found = run(&path, &[]);
                let alarms: Vec<_> = ALARMS.into_iter().filter(|alarm| found.told.contains(alarm)).collect();
                assert!(found.code == 0 && alarms.is_empty(), "{}: {}", path.display(), found.told);
            }
        }
    }
}

/// How far the middle of the people of one id moves between frames that follow each other, in pixels, and how many ids there are.
fn longest_step(path: &Path) -> (f64, usize) {
    let report = Box::new(|_: &poselift::guard::Notice| ());
    let mut reader = guard::open(&Source::File(path.to_path_buf()), &ReadOptions::default(), report).unwrap();
    let mut last: BTreeMap<i64, (u64, f64)> = BTreeMap::new();
    let mut longest = 0.0_f64;
    while let Some(frame) = reader.read().unwrap() {
        for person in &frame.people {
            let seen: Vec<f64> =
                person.keypoints.iter().filter(|point| !point.is_missing()).map(|point| point.x).collect();
            let middle = seen.iter().sum::<f64>() / seen.len() as f64;
            let id = person.id.expect("each person has an id");
            if let Some((index, before)) = last.insert(id, (frame.index, middle))
                && index + 1 == frame.index
            {
                longest = longest.max((middle - before).abs());
            }
        }
    }
    (longest, last.len())
}

#[test]
fn people_are_never_mixed() {
    let Some(data) = data() else { return };
    for name in [
        "14_dup_ids.jsonl",
        "15_ids_ok.jsonl",
        "15_no_ids_swapping.jsonl",
        "29_dup_ids_two.jsonl",
        "29_id_swap_at_45.jsonl",
    ] {
        let (step, ids) = longest_step(&data.join("cases").join(name));
        assert!(step < 60.0 && ids == 2, "{name}: {step} px, {ids} ids");
    }
}

#[test]
fn noisy_clips_are_smoothed_whatever_the_unit_of_time() {
    let Some(data) = data() else { return };
    for name in ["28_noisy_s.jsonl", "28_noisy_ms.jsonl", "28_noisy_jittered_clock.jsonl"] {
        let found = run(&data.join("cases").join(name), &["--smooth", "clip"]);
        let poses: Vec<&Person> = found.frames.values().filter_map(|people| people.first()).collect();
        let (mut total, mut count) = (0.0, 0);
        for three in poses.windows(3) {
            for joint in 0..three[0].joints.len() {
                let [before, now, after] = [0, 1, 2].map(|at| three[at].joints[joint]);
                let second = |axis: usize| before[axis] - 2.0 * now[axis] + after[axis];
                total += (0..3).map(|axis| second(axis).powi(2)).sum::<f64>().sqrt() * 1000.0;
                count += 1;
            }
        }
        let second = total / f64::from(count);
        assert!(second < 12.0, "{name}: second difference {second:.1} mm\n{}", found.told);
    }
}

#[test]
fn tracks_are_kept_as_they_are_named() {
    let Some(data) = data() else { return };
    let found = run(&data.join("cases/15_ids_ok.jsonl"), &[]);
    assert!(found.frames.values().all(|people| people.iter().all(|person| person.id.is_some())));
}

use std::path::Path;

use super::*;
use crate::format::{Source, open_reader};
use crate::skeleton::{BODY25, COCO17, COCO23, Layout, MEDIAPIPE33};

/// Legs that swing against each other, seen from the side at 30 Hz: hips, knees and ankles, left before right.
fn walking(frame: u64) -> Frame {
    let phase = frame as f64 / 30.0 * std::f64::consts::TAU;
    let swing = |side: f64, length: f64| side * 0.45 * length * phase.cos();
    let x = 300.0 + 4.0 * frame as f64;
    let mut keypoints = vec![Keypoint { x, y: 100.0, score: 0.9 }; COCO17.len()];
    for (joint, side) in [("left", 1.0), ("right", -1.0)] {
        for (part, length) in [("hip", 0.0), ("knee", 100.0), ("ankle", 200.0)] {
            let at = COCO17.position(&format!("{joint}_{part}")).unwrap();
            keypoints[at] = Keypoint { x: x + 8.0 * side + swing(side, length), y: 300.0 + length, score: 0.9 };
        }
    }
    let person = Person { id: None, keypoints };
    Frame { index: frame, time: Some(frame as f64 / 30.0), people: vec![person], ..Frame::default() }
}

fn exchange(frame: &mut Frame, layout: &Layout, part: Part) {
    let joints = LegJoints::of(layout).unwrap();
    for person in &mut frame.people {
        joints.exchange(part, &mut person.keypoints);
    }
}

/// What comes of a stream whose legs are exchanged in `frames`.
fn undone(frames: std::ops::Range<u64>, part: Part) -> Vec<(Frame, usize)> {
    let mut sides = LegSides::default();
    let set_right = |index: u64| {
        let mut frame = walking(index);
        if frames.contains(&index) {
            exchange(&mut frame, &COCO17, part);
        }
        let count = sides.undo(&mut frame, &COCO17);
        (frame, count)
    };
    (0..60).map(set_right).collect()
}

#[test]
fn legs_that_change_places_for_a_moment_are_exchanged_back() {
    for part in [Part::Whole, Part::BelowHips] {
        for (index, (frame, count)) in undone(28..38, part).into_iter().enumerate() {
            assert_eq!(frame, walking(index as u64), "{part:?}, frame {index}");
            assert_eq!(count, usize::from((28..38).contains(&index)), "{part:?}, frame {index}");
        }
    }
}

#[test]
fn a_detector_that_keeps_to_its_sides_is_believed_after_half_a_second() {
    let frames = undone(28..60, Part::Whole);
    assert!(frames[28..42].iter().all(|(_, count)| *count == 1));
    assert!(frames[44..].iter().all(|(_, count)| *count == 0));
}

#[test]
fn feet_go_with_the_ankles_and_other_joints_stay() {
    for layout in [&BODY25, &COCO23, &MEDIAPIPE33] {
        let joints = LegJoints::of(layout).unwrap();
        let mut keypoints: Vec<Keypoint> =
            (0..layout.len()).map(|at| Keypoint { x: at as f64, y: 0.0, score: 1.0 }).collect();
        joints.exchange(Part::BelowHips, &mut keypoints);
        for (at, name) in layout.joints.iter().enumerate() {
            let is_below = ["knee", "ankle", "toe", "heel", "foot_index"].iter().any(|part| name.ends_with(part));
            let from = if is_below { layout.mirrored()[at] } else { at };
            assert_eq!(keypoints[at].x, from as f64, "{name} of {}", layout.name);
        }
    }
}

#[test]
fn a_long_step_and_time_that_starts_anew_say_nothing() {
    let mut sides = LegSides::default();
    sides.undo(&mut walking(28), &COCO17);
    for (index, time) in [(29, 3.0), (30, 0.0), (31, 0.0)] {
        let mut frame = walking(index);
        frame.time = Some(time);
        exchange(&mut frame, &COCO17, Part::Whole);
        assert_eq!(sides.undo(&mut frame, &COCO17), 0, "at {time} s");
    }
}

/// Poses that follow each other by chance, as in a data set: legs that fit the other side's past are no exchange.
#[test]
fn a_person_who_is_another_one_keeps_the_legs() {
    let mut sides = LegSides::default();
    sides.undo(&mut walking(28), &COCO17);
    let mut frame = walking(29);
    exchange(&mut frame, &COCO17, Part::Whole);
    for joint in 0..11 {
        frame.people[0].keypoints[joint].x += 80.0;
    }
    assert_eq!(sides.undo(&mut frame, &COCO17), 0);
}

/// Whether left and right are farther apart than detectors err: 6 % of the person's height in the mean of hips, knees and ankles.
fn are_apart(frame: &Frame, joints: &LegJoints) -> bool {
    let Some(person) = frame.people.first() else { return false };
    let apart: f64 =
        joints.judged.iter().map(|[left, right]| (seen(person, *left) - seen(person, *right)).norm()).sum();
    apart / 3.0 > 0.06 * PointBox::around(person).larger_side()
}

/// The demonstration clip, a man who jumps on a wall, his legs often side by side: no frame is taken for an exchange. Spells of
/// up to 0.4 s that are put into it are undone where left and right can be told apart at all.
#[test]
fn real_people_keep_their_legs_and_get_them_back() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demos/sports2d/sports2d_demo.mediapipe33.jsonl");
    let mut reader = open_reader(&Source::File(path), None, Some(&MEDIAPIPE33)).unwrap();
    let frames: Vec<Frame> = std::iter::from_fn(|| reader.read().unwrap()).collect();
    let mut sides = LegSides::default();
    let false_alarms: usize = frames.iter().map(|frame| sides.undo(&mut frame.clone(), &MEDIAPIPE33)).sum();
    assert_eq!(false_alarms, 0);

    let joints = LegJoints::of(&MEDIAPIPE33).unwrap();
    let (mut exchanged, mut undone, mut wrong) = (0, 0, 0);
    for start in (20..frames.len() - 30).step_by(7) {
        let spell = start..start + 1 + start % 12;
        let mut sides = LegSides::default();
        for (index, frame) in frames.iter().enumerate().skip(start - 20).take(60) {
            let mut frame = frame.clone();
            let is_exchanged = spell.contains(&index);
            if is_exchanged {
                exchange(&mut frame, &MEDIAPIPE33, Part::Whole);
            }
            let is_counted = are_apart(&frame, &joints);
            let count = sides.undo(&mut frame, &MEDIAPIPE33);
            match (is_counted, is_exchanged) {
                (true, true) => {
                    exchanged += 1;
                    undone += count;
                }
                (true, false) => wrong += count,
                (false, _) => {}
            }
        }
    }
    println!("{undone} of {exchanged} undone, {wrong} wrong");
    assert!(exchanged > 100 && undone * 10 >= exchanged * 9, "{undone} of {exchanged} undone");
    assert!(wrong * 6 <= exchanged, "{wrong} wrong beside {exchanged}");
}

//! Tests of the changes to key points, and of the figures.

use ndarray::Array3;
use poselift::camera::Camera;
use poselift::skeleton::{COCO17, COCO23, Layout};

use super::*;
use crate::data::Subject;

fn views_of(layout: &Layout) -> Views {
    let keypoints = Array3::from_shape_fn((400, layout.len(), 3), |(_, joint, channel)| match channel {
        2 => 0.9,
        _ => (joint * 13 % 17) as f32 * 25.0 + 100.0,
    });
    let cameras = vec![Camera::with_focal(Some(900.0), [1000, 500]); 400];
    Views { poses: Array3::zeros(keypoints.dim()), keypoints, cameras }
}

fn views() -> Views {
    views_of(&COCO17)
}

fn damaged_of(layout: &Layout, damage: Damage) -> Views {
    let mut views = views_of(layout);
    let joints: Vec<String> = layout.joints.iter().map(|&joint| joint.to_owned()).collect();
    damage.apply(&mut views, &joints);
    views
}

fn damaged(damage: Damage) -> Views {
    damaged_of(&COCO17, damage)
}

/// Names of the joints that all people lack.
fn lacking(layout: &Layout, views: &Views) -> Vec<&'static str> {
    let lacks = |&joint: &usize| views.keypoints.slice(s![.., joint, ..]).iter().all(|&value| value == 0.0);
    (0..layout.len()).filter(lacks).map(|joint| layout.joints[joint]).collect()
}

#[test]
fn noise_is_a_share_of_the_person() {
    // The key points' box is 400 px on both sides.
    let moved = &damaged(Damage::Noise { share: 0.05 }).keypoints - &views().keypoints;
    let squares: f32 = moved.slice(s![.., .., ..2]).iter().map(|by| by * by).sum();
    let deviation = (squares / (400.0 * 17.0 * 2.0)).sqrt();
    assert!((deviation - 20.0).abs() < 0.5, "{deviation}");
    assert_eq!(moved.slice(s![.., .., 2]).sum(), 0.0);
    assert_eq!(damaged(Damage::Noise { share: 0.0 }).keypoints, views().keypoints);
}

#[test]
fn as_many_joints_are_missing_as_was_asked_for() {
    for joints in [0, 4, 8] {
        let views = damaged(Damage::Missing { joints });
        for person in views.keypoints.outer_iter() {
            assert_eq!(person.outer_iter().filter(|point| point[2] == 0.0).count(), joints);
        }
    }
    let views = damaged(Damage::NoLegs { hidden: Legs::HipsAndBelow });
    assert!(views.keypoints.slice(s![.., 11.., ..]).iter().all(|&value| value == 0.0));
    assert!(views.keypoints.slice(s![.., ..11, 2]).iter().all(|&score| score == 0.9));
}

/// In every layout, and with feet where it has them.
#[test]
fn legs_are_legs_by_name() {
    for layout in [&COCO17, &COCO23, &H36M17] {
        let knees = damaged_of(layout, Damage::NoLegs { hidden: Legs::KneesAndBelow });
        let is_below = |joint: &&&str| ["knee", "ankle", "toe", "heel"].iter().any(|part| joint.contains(part));
        let expected: Vec<&str> = layout.joints.iter().filter(is_below).copied().collect();
        assert_eq!(lacking(layout, &knees), expected, "{}", layout.name);
        let hips = damaged_of(layout, Damage::NoLegs { hidden: Legs::HipsAndBelow });
        let is_below = |joint: &&&str| joint.contains("hip") || expected.contains(*joint);
        let expected: Vec<&str> = layout.joints.iter().filter(is_below).copied().collect();
        assert_eq!(lacking(layout, &hips), expected, "{}", layout.name);
    }
}

#[test]
fn missing_joints_are_none_of_the_feet() {
    let (with_feet, without) =
        (damaged_of(&COCO23, Damage::Missing { joints: 8 }), damaged(Damage::Missing { joints: 8 }));
    assert_eq!(with_feet.keypoints.slice(s![.., ..17, 2]), without.keypoints.slice(s![.., .., 2]));
    assert!(with_feet.keypoints.slice(s![.., 17.., 2]).iter().all(|&score| score == 0.9));
}

#[test]
fn people_of_one_name_are_told_apart_by_their_sources() {
    let person = |source, name: &str| (Subject { source, name: name.into() }, 5);
    let people = people(&[person(0, "s01"), person(1, "s01"), person(1, "s02")], &["A".into(), "B".into()]);
    let labels: Vec<&str> = people.conditions.iter().map(|condition| &*condition.label).collect();
    assert_eq!(labels, ["A/s01 (5 poses)", "B/s01 (5 poses)", "s02 (5 poses)"]);
    assert_eq!(people.of_source(0).len(), 1);
    assert_eq!(people.of_source(1), people.conditions[1..].iter().collect::<Vec<_>>());
}

#[test]
fn an_unknown_focal_length_is_guessed() {
    assert_eq!(damaged(Damage::FocalUnknown).cameras[0].focal, [900.0; 2]);
}

#[test]
fn the_upper_body_has_its_root_and_no_legs() {
    let poses = Array3::from_shape_fn((1, 17, 3), |(_, joint, _)| joint as f32);
    let upper = chosen(&poses, Joints::Upper);
    let joints: Vec<usize> = upper.slice(s![0, .., 0]).iter().map(|&joint| joint as usize).collect();
    assert_eq!(joints, [0, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
    assert_eq!(H36M17.joints[chosen(&poses, Joints::AboveHips)[(0, 0, 0)] as usize], "thorax");
}

/// A root and sixteen joints, four of which are two sigmas off, the others one; 12 of 16 are 75 %.
fn calibration() -> Calibration {
    let truth = Array3::zeros((1, 17, 3));
    let mut predicted = truth.clone();
    for joint in 1..17 {
        predicted[[0, joint, 0]] = if joint > 12 { 0.2 } else { 0.1 };
    }
    let mut calibration = Calibration::new(Some(0));
    calibration.add(predicted.view(), truth.view(), ndarray::Array2::from_elem((1, 17), 0.1).view()).unwrap();
    calibration
}

#[test]
fn a_model_without_sigma_has_no_chart_of_it() {
    assert!(sigma_chart(&[], "coco17").unwrap().is_none());
}

#[test]
fn a_study_becomes_tables_and_panels() {
    let accuracy = |mpjpe: f64| Accuracy {
        samples: 10,
        mpjpe,
        p_mpjpe: mpjpe * 0.7,
        n_mpjpe: mpjpe * 0.9,
        pck_150: Some(0.985),
        auc: Some(0.6),
        per_joint: vec![mpjpe; 17],
    };
    let point = |at: f64| Point {
        label: format!("{at}°"),
        at,
        accuracy: accuracy(50.0 + at),
        joints: vec![JointAccuracy { mpjpe: 12.5, p_mpjpe: 7.5, pck_150: Some(1.0), auc: Some(0.9) }; 17],
        calibration: Some(calibration()),
        not_lifted: 0,
    };
    let curve = |title: &str, is_axis| Measured {
        title: title.into(),
        unit: "degrees".into(),
        points: vec![point(0.0), point(30.0)],
        is_axis,
    };
    let study = [curve("people", false), curve("camera roll", true)];
    let text = markdown(&study, "coco17", "views", 100);
    assert!(text.contains("## Camera roll"), "{text}");
    assert!(text.contains("| 30° | 80.0 | 56.0 | 72.0 | 98.5 % | 60.0 % | 75.0 % | 0 |"), "{text}");
    assert!(
        text.contains("## Joints: 0°") && text.contains("| left_knee | 12.5 | 7.5 | 100.0 % | 90.0 % | 100.0 % |"),
        "{text}"
    );
    assert!(text.contains("| hip | 12.5 | 7.5 | 100.0 % | 90.0 % | – |"), "{text}");
    assert!(text.contains("| 1 | 68.0 % | 75.0 % | 75.0 % |") && text.contains("| 0.25 | 24.8 % | 0.0 % |"), "{text}");
    let sigma = sigma_chart(&study, "coco17").unwrap().unwrap().to_svg();
    assert!(sigma.contains("How sure coco17 is") && sigma.contains("aim: 68 %"), "{sigma}");
    let svg = chart(&study, "coco17").unwrap().to_svg();
    assert!(svg.contains("camera roll") && !svg.contains("people"), "{svg}");
    assert!(chart(&study[..1], "coco17").is_err());
}

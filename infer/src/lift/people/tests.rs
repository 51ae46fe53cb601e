use ndarray::Array2;

use super::*;
use crate::model::MockNetwork;
use crate::skeleton::{BODY25, COCO17, COCO23, H36M17};

fn person(id: i64, joints: usize, first_x: f32) -> Person {
    let point = |joint: usize| Keypoint { x: f64::from(first_x) + joint as f64, y: 10.0, score: 0.5 };
    Person { id: Some(id), keypoints: (0..joints).map(point).collect() }
}

fn frame(index: u64, people: Vec<Person>) -> Frame {
    Frame { index, people, ..Frame::default() }
}

#[test]
fn people_keep_their_frame_and_id_and_refusals_are_reported() {
    let mut lifter = Lifter::with_network(MockNetwork::new(), 2);
    let mut unseen = person(8, 17, 0.0);
    unseen.keypoints[3..].fill(Keypoint::MISSING);
    let frames = [
        frame(5, vec![person(7, 17, 100.0), unseen, person(9, 17, 200.0)]),
        frame(6, vec![]),
        frame(7, vec![person(1, 12, 0.0), person(2, 17, 300.0)]),
    ];
    let mut refusals = Vec::new();
    let lifted = lifter.lift_frames(&frames, &Conversion::identity(17), &mut refusals).unwrap();
    let found: Vec<Vec<_>> =
        lifted.iter().map(|f| f.people.iter().map(|p| (p.id, p.joints[0][0] * 1000.0)).collect()).collect();
    assert_eq!(found, [vec![(Some(7), 100.0), (Some(9), 200.0)], vec![], vec![(Some(2), 300.0)]]);
    assert_eq!(lifted.iter().map(|frame| frame.index).collect::<Vec<_>>(), [5, 6, 7]);
    assert_eq!(lifted[0].people[0].score, 0.5);
    let reported: Vec<_> = refusals.iter().map(ToString::to_string).collect();
    assert_eq!(
        reported,
        [
            "frame 5: person 1 (id 8): 3 of 17 joints visible, at least 4 needed",
            "frame 7: person 0 (id 1): 12 key points, expected 17",
        ]
    );
}

#[test]
fn nothing_remains_of_the_frames_whose_memory_is_used_again() {
    let mut lifter = Lifter::with_network(MockNetwork::of_subject_with_sigma(), 8);
    let mut holed = person(3, 17, 900.0);
    holed.keypoints[15] = Keypoint::MISSING;
    let sets = [
        vec![frame(0, vec![holed.clone(), person(1, 17, 5.0), person(2, 17, 7.0)]), frame(1, vec![holed.clone()])],
        vec![frame(2, vec![person(9, 17, 3.0), person(8, 12, 3.0), holed]), frame(3, vec![]), frame(4, vec![])],
        vec![frame(5, vec![])],
    ];
    let (mut lifted, own) = (Vec::new(), Conversion::identity(17));
    for frames in sets {
        lifter.lift_frames_into(&frames, &own, &mut Vec::new(), &mut lifted).unwrap();
        assert_eq!(lifted, lifter.lift_frames(&frames, &own, &mut Vec::new()).unwrap());
        lifted.iter_mut().flat_map(|frame| &mut frame.people).for_each(|person| person.unsure = true);
    }
}

#[test]
fn sigma_is_left_out_where_it_is_not_wanted() {
    let mut lifter = Lifter::with_network(MockNetwork::of_subject_with_sigma(), 8);
    let frames = [frame(0, vec![person(1, 17, 900.0)])];
    let lift = |lifter: &mut Lifter<_>| {
        lifter.lift_frames(&frames, &Conversion::identity(17), &mut Vec::new()).unwrap().remove(0).people.remove(0)
    };
    let with = lift(&mut lifter);
    lifter.leave_out_sigma();
    let without = lift(&mut lifter);
    assert_eq!((with.sigma.len(), without.sigma.len()), (17, 0));
    assert_eq!(with.joints, without.joints);
}

#[test]
fn scores_beyond_all_bounds_have_a_finite_mean() {
    let mut lifter = Lifter::with_network(MockNetwork::new(), 8);
    let mut absurd = person(1, 17, 100.0);
    for point in &mut absurd.keypoints {
        point.score = f32::MAX;
    }
    let frames = [frame(0, vec![absurd])];
    let lifted = lifter.lift_frames(&frames, &Conversion::identity(17), &mut Vec::new()).unwrap();
    assert_eq!(lifted[0].people[0].score, f32::MAX);
}

#[test]
fn a_person_beside_the_axis_is_turned_where_the_size_is_known() {
    let mut lifter = Lifter::with_network(MockNetwork::of_subject_with_sigma(), 8);
    let mut holed = person(1, 17, 900.0);
    // The wrists' scores shift the mean; an ankle is missing, and the mock returns its joint as zeros.
    holed.keypoints[9].score = 1.0;
    holed.keypoints[15] = Keypoint::MISSING;
    let known = Frame { size: Some([1000, 800]), ..frame(0, vec![holed.clone()]) };
    let focal = Frame { focal: Some(500.0), ..known.clone() };
    let frames = [known, focal, frame(2, vec![holed.clone()])];
    let lifted = lifter.lift_frames(&frames, &Conversion::identity(17), &mut Vec::new()).unwrap();
    let seen = holed.keypoints.iter().filter(|point| !point.is_missing());
    let (total, x) = seen.fold((0.0, 0.0), |(total, x), p| (total + f64::from(p.score), x + f64::from(p.score) * p.x));
    for (index, focal) in [(0, 900.0), (1, 500.0)] {
        let view = LookAt::towards(&Camera::with_focal(Some(focal), [1000, 800]), [x / total, 10.0]);
        let person = &lifted[index].people[0];
        for (joint, point) in holed.keypoints.iter().enumerate().filter(|(_, point)| !point.is_missing()) {
            let [x, y] = view.ray([point.x, point.y]).unwrap().map(|across| across as f32);
            let expected = view.undo([x * 0.001, y * 0.001, point.score * 0.001]);
            let found = person.joints[joint];
            assert!((0..3).all(|axis| (found[axis] - expected[axis]).abs() < 1e-6), "{found:?} {expected:?}");
            assert!((person.sigma[joint] - y * 1e-4).abs() < 1e-6);
        }
        assert_eq!(lifter.count_looked_at(&frames[index], &lifted[index]), 1);
    }
    let unturned = &lifted[2].people[0];
    assert!((unturned.joints[0][0] - 0.9).abs() < 1e-6 && (unturned.sigma[0] - 1e-3).abs() < 1e-6);
    assert_eq!(lifter.count_looked_at(&frames[2], &lifted[2]), 0);
    // The left ankle, the mock's 15th key point, is the 6th joint of its pose.
    assert!(lifted.iter().all(|frame| frame.people[0].missing_joints == [6]));
}

#[test]
fn other_layouts_are_taken_by_joint_name_or_refused() {
    let mut lifter = Lifter::with_network(MockNetwork::new(), 8);
    let conversion = lifter.conversion(&BODY25).unwrap();
    let frames = [frame(0, vec![person(0, 25, 0.0)])];
    let lifted = lifter.lift_frames(&frames, &conversion, &mut Vec::new()).unwrap();
    // COCO's left eye is BODY_25's joint 16.
    assert_eq!(lifted[0].people[0].joints[1][0], 0.016);
    assert!(lifter.conversion(&H36M17).is_err());
}

#[test]
fn models_without_scores_see_missing_points_as_nan_and_a_pose_of_nan_is_refused() {
    let mut lifter = Lifter::with_network(MockNetwork::with_channels(2), 8);
    let mut one_missing = person(0, 17, 1.0);
    one_missing.keypoints[2] = Keypoint::MISSING;
    let frames = [frame(0, vec![person(1, 17, 1.0), one_missing])];
    let mut refusals = Vec::new();
    let lifted = lifter.lift_frames(&frames, &Conversion::identity(17), &mut refusals).unwrap();
    assert_eq!(lifted[0].people.len(), 1);
    assert_eq!(refusals[0].cause, "the model gave no finite pose");
}

fn enough(joints: &[&str]) -> Enough {
    Enough::of(&joints.iter().map(|&joint| joint.to_owned()).collect::<Vec<_>>())
}

/// A point for each joint, seen where `is_seen` says so.
fn points(joints: &[&str], is_seen: impl Fn(usize) -> bool) -> Vec<Keypoint> {
    let point = |joint: usize| Keypoint { x: joint as f64, y: 1.0, score: f32::from(u8::from(is_seen(joint))) };
    (0..joints.len()).map(point).collect()
}

#[test]
fn feet_do_not_make_a_person() {
    let with_feet = enough(COCO23.joints);
    for (body, is_enough) in [(3, false), (4, true)] {
        let points = points(COCO23.joints, |joint| joint < body || joint >= 17);
        assert_eq!(with_feet.check(&points).is_ok(), is_enough, "{body} joints and both feet");
        let rows = points.iter().flat_map(|point| [point.x as f32, point.y as f32, point.score]).collect();
        let rows = Array2::from_shape_vec((23, 3), rows).expect("a row for each joint");
        assert_eq!(with_feet.is_seen(rows.view()), is_enough);
    }
    let refusal = with_feet.check(&points(COCO23.joints, |joint| joint >= 17)).unwrap_err();
    assert_eq!(refusal, "0 of 17 joints visible, at least 4 needed (feet do not count)");
}

#[test]
fn small_models_need_fewer() {
    let body = enough(COCO17.joints);
    let refusal = body.check(&points(COCO17.joints, |joint| joint < 3)).unwrap_err();
    assert_eq!(refusal, "3 of 17 joints visible, at least 4 needed");
    let leg = ["left_knee", "left_ankle", "left_heel"];
    assert!(enough(&leg).check(&points(&leg, |joint| joint < 2)).is_ok());
    assert!(enough(&leg).check(&points(&leg, |joint| joint > 0)).is_err());
    let foot = ["left_big_toe", "left_heel"];
    assert!(enough(&foot).check(&points(&foot, |_| true)).is_ok());
    assert!(enough(&foot).check(&points(&foot, |joint| joint > 0)).is_err());
}

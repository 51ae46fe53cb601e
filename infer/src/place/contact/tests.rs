use std::sync::{Arc, Mutex};

use super::*;
use crate::pose::{Axes, Person, Unit};
use crate::skeleton::{COCO17, H36M17};

/// Keeps what was written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<LiftedFrame>>>);

impl PoseWriter for Kept {
    fn write(&mut self, frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        assert_eq!(frame.index, lifted.index);
        self.0.lock().expect("no test holds it").push(lifted.clone());
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

fn info() -> PoseInfo {
    PoseInfo {
        skeleton: "h36m17".into(),
        joints: H36M17.joints.iter().map(|joint| (*joint).to_owned()).collect(),
        parents: vec![-1; 17],
        unit: Unit::Metres,
        axes: Axes::Camera,
        fps: Some(30.0),
        stature: None,
        is_level: None,
        model: "test".into(),
    }
}

/// Each joint, by its name, metres from the hip, y down: a person who stands with the right foot held up by `up`.
fn place(name: &str, up: f64) -> [f64; 2] {
    let side = if name.starts_with("left") { 1.0 } else { -1.0 };
    match name.split('_').next_back().unwrap_or_default() {
        "shoulder" => [0.2 * side, -0.5],
        "hip" if name == "hip" => [0.0, 0.0],
        "hip" => [0.1 * side, 0.0],
        "knee" => [0.1 * side, 0.45],
        "ankle" if side < 0.0 => [-0.1, 0.9 - up],
        "ankle" => [0.1, 0.9],
        _ => [0.15 * side, -0.3],
    }
}

/// A person of 200 pixels a metre, the right ankle `up` metres up and moved by `x` metres.
fn frame(index: u64, up: f64, x: f64) -> (Frame, LiftedFrame) {
    let moved = |name: &str| if name == "right_ankle" { x } else { 0.0 };
    let keypoints = COCO17.joints.iter().map(|name| {
        let [across, down] = place(name, up);
        Keypoint { x: 300.0 + 200.0 * (across + moved(name)), y: 300.0 + 200.0 * down, score: 1.0 }
    });
    let joints = H36M17.joints.iter().map(|name| place(name, up).map(|axis| axis as f32)).map(|[x, y]| [x, y, 0.0]);
    let time = Some(index as f64 / 30.0);
    let seen = Person { id: None, keypoints: keypoints.collect() };
    let lifted = LiftedPerson { joints: joints.collect(), ..LiftedPerson::default() };
    (Frame { index, time, people: vec![seen], ..Frame::default() }, LiftedFrame { index, time, people: vec![lifted] })
}

fn judged(frames: &[(Frame, LiftedFrame)], waits: bool) -> Vec<[Option<bool>; 2]> {
    let kept = Kept::default();
    let writer = ContactWriter::new(Box::new(kept.clone()), &info(), &COCO17, Attitude::default(), waits);
    let is_reported = Arc::new(Mutex::new(false));
    let reported = Arc::clone(&is_reported);
    let report = move || *reported.lock().expect("no test holds it") = true;
    let mut writer = Box::new(writer.expect("there are ankles").reporting(report));
    for (frame, lifted) in frames {
        writer.write(frame, lifted).expect("the test's writer takes all");
        let written = kept.0.lock().expect("no test holds it").len() as u64;
        assert_eq!(written == frame.index + 1, !waits, "frame {} is written with {written}", frame.index);
    }
    writer.finish().expect("the test's writer takes all");
    let kept = kept.0.lock().expect("no test holds it");
    let contacts: Vec<_> = kept.iter().map(|frame| frame.people[0].contacts).collect();
    let are_unknown = contacts.as_flattened().iter().all(Option::is_none);
    assert_eq!(*is_reported.lock().expect("no test holds it"), are_unknown);
    contacts
}

/// The right foot stands for half a second, swings forward at 2 m/s for half, and stands.
fn step() -> Vec<(Frame, LiftedFrame)> {
    (0..45u32).map(|index| frame(u64::from(index), 0.05, f64::from(index.clamp(15, 30) - 15) * 2.0 / 30.0)).collect()
}

#[test]
fn a_foot_that_swings_does_not_stand() {
    for (waits, late) in [(true, 0), (false, 3)] {
        let found = judged(&step(), waits);
        // Live, the first frame has nothing before it.
        let first = usize::from(!waits);
        assert!(found[first..].iter().all(|[left, _]| *left == Some(true)), "{found:?}");
        let swings: Vec<usize> = (0..45).filter(|&index| found[index][1] == Some(false)).collect();
        let (first, last) = (swings[0], swings[swings.len() - 1]);
        assert_eq!(swings.len(), last - first + 1, "{swings:?}");
        assert!((14..=16 + late).contains(&first) && (28..=31 + late).contains(&last), "{swings:?}");
    }
}

#[test]
fn a_foot_that_is_held_up_does_not_stand() {
    let held: Vec<_> = (0..10).map(|index| frame(index, 0.3, 0.0)).collect();
    assert!(judged(&held, true).iter().all(|contacts| *contacts == [Some(true), Some(false)]));
}

#[test]
fn an_ankle_that_is_not_seen_tells_nothing() {
    let mut frames = step();
    let ankle = COCO17.position("left_ankle").expect("COCO has it");
    frames[5].0.people[0].keypoints[ankle] = Keypoint::MISSING;
    let found = judged(&frames, true);
    assert_eq!(found[5][0], None);
    assert_eq!((found[4][0], found[5][1]), (Some(true), Some(true)));
    assert_eq!(judged(&frames[..1], true), [[None, None]]);
}

#[test]
fn people_of_one_id_cannot_be_told_apart() {
    let mut frames = step();
    for (frame, lifted) in &mut frames {
        frame.people[0].id = Some(1);
        lifted.people[0].id = Some(1);
    }
    assert_eq!(judged(&frames, true)[5], [Some(true), Some(true)]);
    for (frame, _) in &mut frames {
        frame.people.push(frame.people[0].clone());
    }
    assert_eq!(judged(&frames, true)[5], [None, None]);
}

#[test]
fn frames_without_time_are_not_judged_and_one_without_people_ends_nothing() {
    let mut frames = step();
    let judged_before = judged(&frames, true);
    frames.insert(12, (Frame::default(), LiftedFrame::default()));
    let kept = Kept::default();
    let writer = ContactWriter::new(Box::new(kept.clone()), &info(), &COCO17, Attitude::default(), true);
    let mut writer = writer.expect("there are ankles");
    for (frame, lifted) in &frames {
        writer.write(frame, lifted).expect("the test's writer takes all");
    }
    Box::new(writer).finish().expect("the test's writer takes all");
    let written = kept.0.lock().expect("no test holds it");
    let contacts: Vec<_> = written.iter().filter_map(|frame| Some(frame.people.first()?.contacts)).collect();
    assert_eq!(contacts, judged_before);
    for (frame, lifted) in &mut frames {
        (frame.time, lifted.time) = (None, None);
    }
    frames.remove(12);
    assert!(judged(&frames[..1], false).as_flattened().iter().all(Option::is_none));
}

#[test]
fn poses_without_ankles_or_metres_are_refused() {
    let refused = |info: &PoseInfo| {
        let made = ContactWriter::new(Box::new(Kept::default()), info, &COCO17, Attitude::default(), true);
        made.err().expect("it cannot tell").to_string()
    };
    let mut headless = info();
    headless.joints[3] = "right_foot".into();
    assert!(refused(&headless).contains("no right_ankle in coco17 or in the poses"), "{}", refused(&headless));
    let units = PoseInfo { unit: Unit::from("px"), ..info() };
    assert!(refused(&units).contains("speeds need metres"), "{}", refused(&units));
}

/// A person who walks towards the camera at 1.2 m/s, half a second on each foot; the steps are lifted at half their length.
fn walk_to_the_camera(size: Option<[u32; 2]>) -> Vec<(Frame, LiftedFrame)> {
    let frame = |index: u64| {
        let (mut frame, mut lifted) = frame(index, 0.0, 0.0);
        let time = index as f64 / 30.0;
        let depth = 6.0 - 1.2 * time;
        frame.size = size;
        for (point, name) in frame.people[0].keypoints.iter_mut().zip(COCO17.joints) {
            let [across, down] = place(name, 0.0);
            (point.x, point.y) = (640.0 + 1152.0 * across / depth, 360.0 + 1152.0 * down / depth);
        }
        for (side, ankle) in ["left_ankle", "right_ankle"].into_iter().enumerate() {
            let joint = H36M17.position(ankle).expect("it has ankles");
            let phase = (time + 0.5 * side as f64).rem_euclid(1.0);
            // Behind the hip after half a second, then in front of it.
            let in_front = if phase < 0.5 { 0.3 - 1.2 * phase } else { 1.2 * phase - 0.9 };
            lifted.people[0].joints[joint][2] = -0.5 * in_front as f32;
        }
        (frame, lifted)
    };
    (0..90).map(frame).collect()
}

#[test]
fn in_front_of_the_camera_the_pose_tells_which_foot_swings() {
    for waits in [true, false] {
        let found = judged(&walk_to_the_camera(Some([1280, 720])), waits);
        // The middle halves of steps; live, the hip's speed is known a little later.
        for index in (20..90).filter(|index| (4..12).contains(&(index % 15))) {
            let left = index / 15 % 2 == 0;
            assert_eq!(found[index], [Some(left), Some(!left)], "{index} {waits}");
        }
        // Without the image's size there is no depth, and the image shows no foot move.
        let unknown = judged(&walk_to_the_camera(None), waits);
        assert!(unknown[20..40].iter().all(|contacts| *contacts == [Some(true); 2]));
    }
}

use std::sync::{Arc, Mutex};

use super::*;
use crate::pose::{Axes, LiftedPerson, Unit};
use crate::skeleton::H36M17;

/// Keeps the people that were written, each alone in a frame.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<LiftedPerson>>>);

impl PoseWriter for Kept {
    fn write(&mut self, frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        assert_eq!(frame.index, lifted.index);
        self.0.lock().expect("no test holds it").push(lifted.people[0].clone());
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

fn info(unit: Unit) -> PoseInfo {
    PoseInfo {
        skeleton: "h36m17".into(),
        joints: H36M17.joints.iter().map(|joint| (*joint).to_owned()).collect(),
        parents: vec![-1; 17],
        unit,
        axes: Axes::Camera,
        fps: Some(30.0),
        stature: None,
        is_level: None,
        model: "test".into(),
    }
}

/// A person whose hip swings back by 0.3 m and forth every three seconds, with both feet where they are. The image shows the
/// hip's depth as 4 m and twice the swing.
fn squats(seconds: f64, contacts: [Option<bool>; 2], unit: f32) -> Vec<LiftedFrame> {
    squats_at(30.0, seconds, contacts, unit)
}

fn squats_at(fps: f64, seconds: f64, contacts: [Option<bool>; 2], unit: f32) -> Vec<LiftedFrame> {
    let frame = |index: u64| {
        let time = index as f64 / fps;
        let back = swing(time) as f32;
        let mut joints = vec![[0.0; 3]; 17];
        for ankle in [3, 6] {
            joints[ankle] = [0.0, 0.8, 0.1 - back].map(|axis: f32| axis * unit);
        }
        let root = Some([0.4, 0.0, 4.0 + 2.0 * back].map(|axis: f32| axis * unit));
        let person = LiftedPerson { joints, root, contacts, ..LiftedPerson::default() };
        LiftedFrame { index, time: Some(time), people: vec![person] }
    };
    (0..(seconds * fps) as u64).map(frame).collect()
}

fn swing(time: f64) -> f64 {
    0.15 * (1.0 - (time * std::f64::consts::TAU / 3.0).cos())
}

fn written(frames: &[LiftedFrame], unit: Unit) -> Vec<[f32; 3]> {
    written_by(|writer, info| Ok(Box::new(StandingWriter::new(writer, info, false)?)), frames, unit)
}

fn written_live(frames: &[LiftedFrame], unit: Unit) -> Vec<[f32; 3]> {
    written_by(|writer, info| Ok(Box::new(LiveStandingWriter::new(writer, info, false)?)), frames, unit)
}

type MadeOf = fn(Box<dyn PoseWriter>, &PoseInfo) -> Result<Box<dyn PoseWriter>>;

fn written_by(made_of: MadeOf, frames: &[LiftedFrame], unit: Unit) -> Vec<[f32; 3]> {
    let kept = Kept::default();
    let mut writer = made_of(Box::new(kept.clone()), &info(unit)).expect("there are ankles");
    for lifted in frames {
        writer.write(&Frame { index: lifted.index, ..Frame::default() }, lifted).expect("the test's writer takes all");
    }
    writer.finish().expect("the test's writer takes all");
    let kept = kept.0.lock().expect("no test holds it");
    assert!(kept.iter().all(|person| person.contacts == [None; 2]), "they were not asked for");
    kept.iter().map(|person| person.root.expect("each has a root")).collect()
}

/// The greatest distance of the depth from `swing`, but for a constant.
fn error(roots: &[[f32; 3]], unit: f32) -> f64 {
    let off = |(index, root): (usize, &[f32; 3])| f64::from(root[2] / unit) - swing(index as f64 / 30.0);
    let off: Vec<f64> = roots.iter().enumerate().map(off).collect();
    let mean = off.iter().sum::<f64>() / off.len() as f64;
    off.iter().map(|off| (off - mean).abs()).fold(0.0, f64::max)
}

const STAND: [Option<bool>; 2] = [Some(true); 2];

#[test]
fn a_hip_moves_as_it_does_over_feet_that_stand() {
    for contacts in [STAND, [Some(true), Some(false)], [None, Some(true)]] {
        let roots = written(&squats(12.0, contacts, 1.0), Unit::Metres);
        assert!(error(&roots, 1.0) < 0.025, "{contacts:?}: {}", error(&roots, 1.0));
        // Its direction stays.
        assert!(roots.iter().all(|root| (root[0] / root[2] * 4.0 - 0.4).abs() < 0.07), "{contacts:?}");
    }
    let millimetres = written(&squats(12.0, STAND, 1000.0), Unit::Millimetres);
    assert!(error(&millimetres, 1000.0) < 0.025, "{}", error(&millimetres, 1000.0));
}

#[test]
fn live_a_hip_moves_so_once_the_feet_have_stood_for_a_second() {
    for (contacts, unit, name) in [(STAND, 1.0, Unit::Metres), ([None, Some(true)], 1000.0, Unit::Millimetres)] {
        let frames = squats(15.0, contacts, unit);
        let roots = written_live(&frames, name);
        let image: Vec<[f32; 3]> = frames.iter().filter_map(|frame| frame.people[0].root).collect();
        assert_eq!(roots[..29], image[..29]);
        // Swings of 0.3 m; the image's error is as large.
        let begin = 3 * 30;
        assert!(
            error(&image[begin..], unit) > 0.14 && error(&roots[begin..], unit) < 0.06,
            "{}",
            error(&roots[begin..], unit)
        );
    }
}

#[test]
fn without_a_foot_that_stands_nothing_changes() {
    let expected = |frames: &[LiftedFrame]| -> Vec<[f32; 3]> {
        frames.iter().map(|frame| frame.people[0].root.expect("each has a root")).collect()
    };
    for contacts in [[None; 2], [Some(false); 2]] {
        let frames = squats(6.0, contacts, 1.0);
        assert_eq!(written(&frames, Unit::Metres), expected(&frames));
        assert_eq!(written_live(&frames, Unit::Metres), expected(&frames));
    }
    // Steps of 0.6 s, one foot after the other.
    let mut steps = squats(6.0, STAND, 1.0);
    for frame in &mut steps {
        let is_left = frame.index / 18 % 2 == 0;
        frame.people[0].contacts = [Some(is_left), Some(!is_left)];
    }
    assert_eq!(written(&steps, Unit::Metres), expected(&steps));
    assert_eq!(written_live(&steps, Unit::Metres), expected(&steps));
    // A camera in front of a person who walks towards it at 1.3 m/s: the image shows no ankle move.
    let mut walk = squats(6.0, STAND, 1.0);
    for (frame, time) in walk.iter_mut().zip((0..).map(|index| index as f32 / 30.0)) {
        let person = &mut frame.people[0];
        person.root = Some([0.0, 0.0, 9.0 - 1.3 * time]);
        for (side, ankle) in [6, 3].into_iter().enumerate() {
            // For half a second a foot stands, which moves it back about the hip; then it swings forward.
            let phase = (time + 0.5 * side as f32).rem_euclid(1.0);
            let forward = if phase < 0.5 { 0.325 - 1.3 * phase } else { 1.3 * phase - 0.975 };
            person.joints[ankle] = [0.0, 0.8, -forward];
        }
    }
    assert_eq!(written(&walk, Unit::Metres), expected(&walk));
    assert_eq!(written_live(&walk, Unit::Metres), expected(&walk));
}

#[test]
fn a_long_clip_is_written_on_the_way_and_has_no_seams() {
    // At 500 frames a second fewer seconds wait: the memory is bounded.
    for (fps, seconds, most_kept, late) in [(30.0, 100.0, 46 * 30, 30.0), (500.0, 50.0, 17_000, 17.0)] {
        let frames = squats_at(fps, seconds, STAND, 1.0);
        let kept = Kept::default();
        let mut writer =
            StandingWriter::new(Box::new(kept.clone()), &info(Unit::Metres), true).expect("there are ankles");
        let mut most = 0;
        for lifted in &frames {
            let frame = Frame { index: lifted.index, ..Frame::default() };
            writer.write(&frame, lifted).expect("the test's writer takes all");
            most = most.max(writer.frames.iter().count());
        }
        assert!(most <= most_kept, "{most} frames are kept");
        let on_the_way = kept.0.lock().expect("no test holds it").len() as f64;
        assert!(on_the_way >= (seconds - late) * fps, "{on_the_way} frames of {}", frames.len());
        Box::new(writer).finish().expect("the test's writer takes all");
        let people = kept.0.lock().expect("no test holds it").clone();
        assert_eq!(people.len(), frames.len());
        assert!(people.iter().all(|person| person.contacts == STAND));
        let roots: Vec<[f32; 3]> = people.iter().filter_map(|person| person.root).collect();
        let off: Vec<f64> =
            roots.iter().enumerate().map(|(at, root)| f64::from(root[2]) - swing(at as f64 / fps)).collect();
        let jump = off.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f64::max);
        let range =
            off.iter().copied().fold(f64::NEG_INFINITY, f64::max) - off.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(jump < 0.004 && range < 0.06, "at {fps}: a jump of {jump}, {range} in all");
    }
}

#[test]
fn frames_without_time_and_poses_without_ankles_pass() {
    let mut frames = squats(3.0, STAND, 1.0);
    frames[40].time = None;
    assert_eq!(written(&frames, Unit::Metres).len(), frames.len());
    assert_eq!(written_live(&frames, Unit::Metres).len(), frames.len());
    let mut headless = info(Unit::Metres);
    headless.joints[3] = "right_foot".into();
    let refused = |info: &PoseInfo| {
        StandingWriter::new(Box::new(Kept::default()), info, true).err().map(|error| error.to_string())
    };
    assert!(refused(&headless).is_some_and(|why| why.contains("no right_ankle in the poses")));
    assert!(refused(&info(Unit::from("px"))).is_some_and(|why| why.contains("whose size is not known")));
}

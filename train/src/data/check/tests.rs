//! Tests the checks on made-up motion, and which frames of a take remain.

use super::*;
use crate::data::body::joints::{
    ANKLES, ARMS, EARS, ELBOWS, EYES, HEAD, HIP, HIPS, KNEES, LEGS, NECK, NOSE, SHOULDERS, SPINE, THORAX, WRISTS,
};

/// A person whose face comes from the file.
pub(super) const PERSON: Figure = Figure { human_lengths: true, own_face: true };

/// The thigh's and the shank's length of the made-up body.
const BONE: f32 = 0.42;

/// `frames` frames of a standing person, looking along z: 1.75 m tall, left is +x.
pub(super) fn standing(frames: usize) -> Vec<Body> {
    vec![body(0.0, 0.92, [[0.0, 0.08]; 2]); frames]
}

/// `frames` frames of a walk along z, 1.2 m/s, a step every half second: one foot stands, the other swings forward.
pub(super) fn walking(frames: usize, rate: f64) -> Vec<Body> {
    let foot = |seconds: f32, shift: f32| {
        let phase = seconds + shift;
        let (cycle, part) = (phase.floor(), phase.fract());
        // Planted in the first half of each second, 1.2 m farther after each.
        let swing = ((part - 0.5) * 2.0).max(0.0);
        [1.2 * (cycle + swing - shift) + 0.3, 0.08 + 0.1 * (swing * std::f32::consts::PI).sin()]
    };
    let at = |frame: usize| {
        let seconds = (frame as f64 / rate) as f32;
        body(1.2 * seconds, 0.86, [foot(seconds, 0.0), foot(seconds, 0.5)])
    };
    (0..frames).map(at).collect()
}

/// A body with its hips at `z`, `height`, and its ankles, left and right, at `[z, y]`.
fn body(z: f32, height: f32, ankles: [[f32; 2]; 2]) -> Body {
    let mut body = [[0.0; 3]; 28];
    for ((leg, x), place) in LEGS.into_iter().zip([0.1, -0.1]).zip(ankles) {
        let [hip, knee, ankle] = leg;
        body[hip] = [x, height, z];
        let [knee_z, knee_y] = knee_between([z, height], place);
        body[knee] = [x, knee_y, knee_z];
        body[ankle] = [x, place[1], place[0]];
    }
    let above = [(HIP, 0.0, 0.0), (SPINE, 0.26, 0.01), (THORAX, 0.52, 0.0), (NECK, 0.62, 0.06), (HEAD, 0.82, 0.0)];
    above.into_iter().for_each(|(joint, up, ahead)| body[joint] = [0.0, height + up, z + ahead]);
    for (arm, side) in ARMS.into_iter().zip([1.0, -1.0]) {
        for (joint, up) in arm.into_iter().zip([0.50, 0.21, -0.04]) {
            body[joint] = [0.18 * side, height + up, z];
        }
    }
    let [left_eye, right_eye] = EYES;
    let [left_ear, right_ear] = EARS;
    for (joint, side, forward) in [
        (NOSE, 0.0, 0.13),
        (left_eye, 0.03, 0.1),
        (right_eye, -0.03, 0.1),
        (left_ear, 0.07, 0.01),
        (right_ear, -0.07, 0.01),
    ] {
        body[joint] = [side, height + 0.70, z + forward];
    }
    body
}

/// Where the knee is between hip and ankle, `[z, y]`, bent forward.
fn knee_between(hip: [f32; 2], ankle: [f32; 2]) -> [f32; 2] {
    let [z, y] = [ankle[0] - hip[0], ankle[1] - hip[1]];
    let half = z.hypot(y) / 2.0;
    let off = (BONE * BONE - half * half).max(0.0).sqrt() / (2.0 * half);
    // A quarter turn from down points forward.
    [hip[0] + z / 2.0 - y * off, hip[1] + y / 2.0 + z * off]
}

#[test]
fn the_made_up_body_is_sound() {
    for (bodies, rate) in [(walking(300, 25.0), 25.0), (walking(300, 120.0), 120.0)] {
        let sifted = sift(&bodies, rate, PERSON);
        assert_eq!(sifted, Sifted { sound: std::iter::once(0..300).collect(), ..Sifted::default() });
        assert_eq!(sifted.complaint("walk", 300), None);
    }
}

#[test]
fn a_rest_pose_before_the_motion_and_broken_frames_are_cut() {
    let mut bodies = walking(301, 120.0);
    bodies[0].iter_mut().for_each(|joint| joint[1] += 0.6); // 60 cm in a frame at 120 Hz: 72 m/s
    bodies[150][HIPS[0]][2] = f32::NAN;
    let sifted = sift(&bodies, 120.0, PERSON);
    assert_eq!((sifted.sound.clone(), sifted.cut), (vec![1..150, 151..301], 2));
    let complaint = sifted.complaint("16_15", 301).unwrap_or_default();
    assert_eq!(
        complaint,
        "16_15: 2 of 301 frames left out: a joint jumps (over 20 m/s) at frame 1; \
         coordinates that are no numbers at frame 150"
    );
    // A rest pose alone is not worth reporting.
    let sifted = sift(&bodies[..150], 120.0, PERSON);
    assert_eq!((sifted.cut, sifted.complaint("16_15", 150)), (1, None));
}

#[test]
fn a_stretch_in_the_middle_is_cut_and_named() {
    let mut bodies = walking(200, 50.0);
    let last = bodies[99];
    bodies[100..150].fill(last);
    let sifted = sift(&bodies, 50.0, PERSON);
    // The walk continues 1.2 m farther, which is a jump too.
    assert_eq!((sifted.sound.clone(), sifted.cut), (vec![0..100, 150..200], 50));
    let complaint = sifted.complaint("walk", 200).unwrap_or_default();
    assert!(
        complaint.ends_with("nothing moves at frame 100 to 149; a joint jumps (over 20 m/s) at frame 150"),
        "{complaint}"
    );
}

#[test]
fn sides_exchanged_within_a_take_are_cut_between_the_flips() {
    let mut bodies = walking(250, 25.0);
    for body in &mut bodies[80..120] {
        for [left, right] in [HIPS, KNEES, ANKLES, SHOULDERS, ELBOWS, WRISTS] {
            body.swap(left, right);
        }
    }
    let sifted = sift(&bodies, 25.0, PERSON);
    assert_eq!((sifted.sound.clone(), sifted.cut), (vec![0..80, 120..250], 40));
    let faults: Vec<_> = sifted.findings.iter().map(|found| (found.frames.clone(), found.fault)).collect();
    assert_eq!(faults, [(80..81, Fault::SidesFlip), (80..120, Fault::SidesSwapped), (120..121, Fault::SidesFlip)]);
}

#[test]
fn a_body_of_no_human_size_is_left_out_whole() {
    let bodies: Vec<_> = walking(60, 25.0).iter().map(|body| body.map(|joint| joint.map(|c| c * 2.54))).collect();
    let sifted = sift(&bodies, 25.0, PERSON);
    assert_eq!((sifted.sound.len(), sifted.cut), (0, 60));
    let complaint = sifted.complaint("walk", 60).unwrap_or_default();
    assert!(
        complaint.contains("no human size: a thigh of 1.07 m") && complaint.ends_with("at frame 0 to 59"),
        "{complaint}"
    );
}

#[test]
fn nothing_left_is_no_piece() {
    assert_eq!(sift(&[], 120.0, PERSON), Sifted::default());
    let short = sift(&walking(5, 120.0), 120.0, PERSON);
    assert!(short.sound.is_empty() && short.cut == 5);
    assert_eq!(short.complaint("a", 5).as_deref(), Some("a: 5 of 5 frames left out: too short"));
}

#[test]
fn many_places_are_counted() {
    let places: Vec<Range<usize>> = (0..6).map(|k| 10 * k..10 * k + 1).collect();
    assert_eq!(named(&places.iter().collect::<Vec<_>>()), "frame 0, 10, 20, 30 and 2 more places");
}

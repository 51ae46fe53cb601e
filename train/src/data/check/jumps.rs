//! Frames that are not numbers, and places where a frame does not follow from the one before it.

use super::{Body, FIRST_OF_FEET, Fault, Finding, is_finite, joint_place};
use crate::data::body::joints::{HIPS, SHOULDERS};

/// No joint of a person moves faster than this, metres a second (a pitcher's hand reaches about 20).
const TELEPORT_SPEED: f64 = 20.0;

/// Hips and shoulders turn by less than this in one frame, as a cosine: 100 degrees. A figure skater's spin of 2,200
/// degrees a second makes 90 at 25 Hz; the recordings reach 56 at 60 Hz, in a broken frame.
const FLIP_COSINE: f64 = -0.17;

/// Frames a second below which a person may turn that far.
const FLIP_RATE: f64 = 20.0;

/// Broken frames, and the first frame after each jump or flip.
pub(super) fn find(bodies: &[Body], rate: f64) -> Vec<Finding> {
    let mut found = Vec::new();
    if bodies.first().is_some_and(|body| !is_finite(body)) {
        found.push(Finding { frames: 0..1, fault: Fault::NotFinite });
    }
    for (index, pair) in bodies.windows(2).enumerate() {
        if let Some(fault) = fault_between(&pair[0], &pair[1], rate) {
            found.push(Finding { frames: index + 1..index + 2, fault });
        }
    }
    found
}

/// What is wrong with `after`, or with the step to it.
fn fault_between(before: &Body, after: &Body, rate: f64) -> Option<Fault> {
    if !is_finite(after) {
        Some(Fault::NotFinite)
    } else if !is_finite(before) {
        None
    } else if fastest(before, after, rate) > TELEPORT_SPEED {
        Some(Fault::Jump)
    } else {
        (rate >= FLIP_RATE && flips(before, after)).then_some(Fault::SidesFlip)
    }
}

/// Speed of the fastest joint from `before` to `after`, metres a second.
fn fastest(before: &Body, after: &Body, rate: f64) -> f64 {
    (0..FIRST_OF_FEET).map(|joint| (joint_place(after, joint) - joint_place(before, joint)).norm()).fold(0.0, f64::max)
        * rate
}

/// Whether the line from right to left of the hips or of the shoulders reverses.
fn flips(before: &Body, after: &Body) -> bool {
    [HIPS, SHOULDERS].into_iter().any(|[left, right]| {
        let first = joint_place(before, left) - joint_place(before, right);
        let second = joint_place(after, left) - joint_place(after, right);
        first.dot(&second) < FLIP_COSINE * first.norm() * second.norm()
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{standing, walking};
    use super::*;
    use crate::data::body::joints::{ANKLES, KNEES, WRISTS};

    fn faults(bodies: &[Body], rate: f64) -> Vec<(usize, Fault)> {
        find(bodies, rate).into_iter().map(|found| (found.frames.start, found.fault)).collect()
    }

    #[test]
    fn a_wrist_that_is_elsewhere_for_one_frame_jumps_twice() {
        let mut bodies = standing(100);
        bodies[40][WRISTS[0]][1] += 0.6; // 60 cm in a frame at 120 Hz: 72 m/s
        bodies[70][HIPS[0]][2] = f32::NAN;
        assert_eq!(faults(&bodies, 120.0), [(40, Fault::Jump), (41, Fault::Jump), (70, Fault::NotFinite)]);
        bodies[0][0][0] = f32::INFINITY;
        assert_eq!(faults(&bodies, 120.0)[0], (0, Fault::NotFinite));
    }

    #[test]
    fn a_sprinter_is_no_jump() {
        let mut bodies = standing(100);
        for (frame, body) in bodies.iter_mut().enumerate() {
            body.iter_mut().for_each(|joint| joint[2] += frame as f32 * 11.0 / 120.0);
        }
        assert_eq!(faults(&bodies, 120.0), []);
        assert_eq!(faults(&walking(100, 25.0), 25.0), []);
    }

    #[test]
    fn sides_that_change_places_are_a_flip() {
        let mut bodies = walking(100, 25.0);
        for body in &mut bodies[50..60] {
            for [left, right] in [HIPS, KNEES, ANKLES] {
                body.swap(left, right);
            }
        }
        // 0.2 m in a 25th of a second is not a jump.
        assert_eq!(faults(&bodies, 25.0), [(50, Fault::SidesFlip), (60, Fault::SidesFlip)]);
        assert_eq!(faults(&bodies, 10.0), [], "at 10 Hz a person may turn round");
    }
}

//! Stretches in which nothing moves: a recording that stopped, or a pose repeated to fill a gap.

use super::{Body, FIRST_OF_FEET, Fault, Finding, joint_place, runs};

/// A person who stands still moves faster than this, metres a second; the noise of markers alone is faster.
const STILL: f64 = 0.001;

/// The shortest stretch that is reported, seconds.
const MIN_SECONDS: f64 = 0.5;

/// Stretches of at least 0.5 s in which no joint moves by 1 mm/s, except for their first frames.
pub(super) fn find(bodies: &[Body], rate: f64) -> Vec<Finding> {
    let least = ((MIN_SECONDS * rate).ceil() as usize).max(2);
    let still = runs(bodies.windows(2).map(|pair| is_still(&pair[0], &pair[1], rate)), least);
    still.into_iter().map(|run| Finding { frames: run.start + 1..run.end + 1, fault: Fault::Frozen }).collect()
}

fn is_still(before: &Body, after: &Body, rate: f64) -> bool {
    (0..FIRST_OF_FEET).all(|joint| (joint_place(after, joint) - joint_place(before, joint)).norm() * rate < STILL)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{standing, walking};
    use super::*;
    use crate::data::body::joints::THORAX;

    #[test]
    fn a_recording_that_stopped_is_frozen() {
        let mut bodies = walking(200, 50.0);
        let last = bodies[99];
        bodies[100..150].fill(last);
        assert_eq!(find(&bodies, 50.0), [Finding { frames: 100..150, fault: Fault::Frozen }]);
    }

    #[test]
    fn a_standing_person_breathes() {
        assert_eq!(find(&walking(200, 50.0), 50.0), []);
        // 0.05 mm up and down: 1.3 mm/s at 25 Hz.
        let mut bodies = standing(100);
        for (frame, body) in bodies.iter_mut().enumerate() {
            body[THORAX][1] += [5e-5, 0.0][frame % 2];
        }
        assert_eq!(find(&bodies, 25.0), []);
    }
}

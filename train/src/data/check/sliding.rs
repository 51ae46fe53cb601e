//! Bodies that move without moving limbs: feet that slide in parallel, figures that glide.
//!
//! In a walk, a dance or a jump one foot stands, or the feet move relative to each other, or up and down. Neither
//! check finds anything in the recordings, even at half its thresholds.

use super::{Body, Fault, Finding, joint_place, runs};
use crate::data::body::joints::{ANKLES, FIRST_OF_FACE, HIP};

/// The time over which speeds are measured, seconds: a millimetre of noise is then 0.01 m/s.
const WINDOW: f64 = 0.1;

/// The shortest slide that is reported, seconds.
const MIN_SECONDS: f64 = 0.2;

/// Slower motion is not a slide, metres a second.
const MIN_SPEED: f64 = 0.3;

/// Faster vertical motion means that the body rises or falls, metres a second.
const LEVEL: f64 = 0.15;

/// The height above the take's lowest ankle up to which a foot stands on the floor, metres.
const FLOOR: f64 = 0.1;

/// The largest relative speed of parts that move as one, as a share of their speed.
const TOGETHER: f64 = 0.3;

/// Stretches of at least 0.2 s in which both feet slide over the floor in parallel, or the whole body glides.
pub(super) fn find(bodies: &[Body], rate: f64) -> Vec<Finding> {
    let step = ((WINDOW * rate).round() as usize).max(1);
    let steps: Vec<_> = bodies.iter().zip(bodies.iter().skip(step)).map(|(a, b)| Step::new(a, b, step, rate)).collect();
    let floor = bodies.iter().flat_map(|body| ANKLES.map(|ankle| body[ankle][1])).fold(f32::MAX, f32::min);
    let least = ((MIN_SECONDS * rate).ceil() as usize).max(2);
    let glides = runs(steps.iter().map(Step::glides), least).into_iter().map(|run| (run, Fault::Glide));
    let slides = runs(steps.iter().map(|step| step.feet_slide(f64::from(floor))), least);
    let slides = slides.into_iter().map(|run| (run, Fault::FeetSlide));
    let mut found: Vec<Finding> = Vec::new();
    for (run, fault) in glides.chain(slides) {
        let frames = run.start..run.end + step;
        // A glide on the floor is a slide too, and is reported once.
        if found.iter().all(|known| known.frames.end <= frames.start || frames.end <= known.frames.start) {
            found.push(Finding { frames, fault });
        }
    }
    found
}

/// Motion within [`WINDOW`].
struct Step<'a> {
    from: &'a Body,
    to: &'a Body,
    per_second: f64,
}

impl<'a> Step<'a> {
    fn new(from: &'a Body, to: &'a Body, frames: usize, rate: f64) -> Self {
        Self { from, to, per_second: rate / frames as f64 }
    }

    /// Speed, metres a second.
    fn velocity(&self, joint: usize) -> nalgebra::Vector3<f64> {
        (joint_place(self.to, joint) - joint_place(self.from, joint)) * self.per_second
    }

    fn glides(&self) -> bool {
        let root = self.velocity(HIP);
        let speed = root.xz().norm();
        speed > MIN_SPEED
            && root.y.abs() < 2.0 * LEVEL
            && (HIP + 1..FIRST_OF_FACE).all(|joint| (self.velocity(joint) - root).norm() < TOGETHER * speed)
    }

    fn feet_slide(&self, floor: f64) -> bool {
        let feet = ANKLES.map(|ankle| self.velocity(ankle));
        let slowest = feet.iter().map(|foot| foot.xz().norm()).fold(f64::MAX, f64::min);
        let on_floor = ANKLES
            .iter()
            .all(|&ankle| joint_place(self.from, ankle).y.max(joint_place(self.to, ankle).y) < floor + FLOOR);
        let is_level = feet.iter().all(|foot| foot.y.abs() < LEVEL);
        slowest > MIN_SPEED && on_floor && is_level && (feet[0] - feet[1]).norm() < TOGETHER * slowest
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{standing, walking};
    use super::*;
    use crate::data::body::joints::WRISTS;

    /// `bodies` with 0.6 m/s to the side from frame 40 to 80.
    fn moved(mut bodies: Vec<Body>, rate: f64) -> Vec<Body> {
        for (frame, body) in bodies.iter_mut().enumerate() {
            let way = frame.clamp(40, 80) - 40;
            body.iter_mut().for_each(|joint| joint[0] += (0.6 * way as f64 / rate) as f32);
        }
        bodies
    }

    #[test]
    fn a_figure_that_is_pushed_glides() {
        for rate in [25.0, 120.0] {
            let found = find(&moved(standing(120), rate), rate);
            assert_eq!(found.len(), 1, "{found:?}");
            let Finding { frames, fault } = &found[0];
            assert_eq!(*fault, Fault::Glide);
            assert!(frames.start.abs_diff(40) <= 7 && frames.end.abs_diff(80) <= 9, "{frames:?} at {rate}");
        }
    }

    #[test]
    fn feet_that_slide_under_moving_arms_slide() {
        let mut bodies = moved(standing(120), 25.0);
        for (frame, body) in bodies.iter_mut().enumerate() {
            for wrist in WRISTS {
                body[wrist][1] += 0.2 * (frame as f32).sin();
            }
        }
        let found = find(&bodies, 25.0);
        assert!(matches!(&found[..], [Finding { fault: Fault::FeetSlide, .. }]), "{found:?}");
    }

    #[test]
    fn walks_jumps_and_stillness_are_sound() {
        for rate in [25.0, 50.0, 120.0] {
            assert_eq!(find(&walking(300, rate), rate), [], "{rate}");
        }
        let mut bodies = standing(100);
        for (frame, body) in bodies.iter_mut().enumerate() {
            // Off the floor for 0.6 s, and 1.2 m forward.
            let seconds = (frame as f32 / 50.0 - 0.5).clamp(0.0, 0.6);
            body.iter_mut().for_each(|joint| {
                joint[1] += 2.943 * seconds - 4.905 * seconds * seconds;
                joint[2] += 2.0 * seconds;
            });
        }
        assert_eq!(find(&bodies, 50.0), []);
        assert_eq!(find(&[], 50.0), []);
    }
}

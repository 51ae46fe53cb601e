//! Sliding of standing feet, as far as poses relative to their root can show it.
//!
//! In such a pose a standing foot shows the root's motion reversed, so one foot alone shows nothing; but while both
//! stand, their distance is constant, and any relative motion is sliding. Feet count as standing if, for at least 0.2
//! s with speeds over 0.1 s, their heights along the camera's y differ little and stay constant, and they do not pass
//! each other as in a step. So steps are never measured, a slide of both feet together is not seen, and a camera that
//! looks steeply down turns depths into heights: compare figures of the same clip only.

use nalgebra::Vector3;

use super::{Point, distance};
use crate::pose::vector;
use crate::skeleton::find_joint;

/// The time over which speeds are taken, and the shortest stance, seconds.
const STEP: f64 = 0.1;
const STANCE: f64 = 0.2;

/// The greatest difference of the feet's heights, in leg lengths: 0.06 m for a leg of 0.8 m.
const HEIGHT: f64 = 0.075;

/// The greatest relative vertical speed of the feet, and the greatest relative speed over the floor, leg lengths a
/// second: 0.16 and 0.48 m/s.
const RISE: f64 = 0.2;
const PASSING: f64 = 0.6;

/// The joints that are used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Legs {
    pub(super) left: Leg,
    pub(super) right: Leg,
}

/// The joints of one leg.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Leg {
    pub(super) hip: usize,
    pub(super) knee: usize,
    pub(super) ankle: usize,
}

impl Legs {
    /// `None` if a joint is missing.
    pub(super) fn of(joints: &[String]) -> Option<Self> {
        Some(Self { left: Leg::of(joints, "left")?, right: Leg::of(joints, "right")? })
    }

    /// The mean length of both, in the pose's unit.
    fn length(&self, pose: &[Point]) -> f64 {
        (self.left.length(pose) + self.right.length(pose)) / 2.0
    }

    /// The vector from the right ankle to the left one.
    fn way(&self, pose: &[Point]) -> Vector3<f64> {
        vector(pose[self.left.ankle]) - vector(pose[self.right.ankle])
    }
}

impl Leg {
    fn of(joints: &[String], side: &str) -> Option<Self> {
        Some(Self {
            hip: find_joint(joints, &format!("{side}_hip"))?,
            knee: find_joint(joints, &format!("{side}_knee"))?,
            ankle: find_joint(joints, &format!("{side}_ankle"))?,
        })
    }

    fn length(&self, pose: &[Point]) -> f64 {
        distance(pose[self.hip], pose[self.knee]) + distance(pose[self.knee], pose[self.ankle])
    }
}

/// One track's feet.
#[derive(Debug, Clone, Default)]
pub(super) struct Feet {
    poses: Vec<Apart>,
    leg_lengths: f64,
}

#[derive(Debug, Clone, Copy)]
struct Apart {
    frame: u64,
    seconds: f64,
    /// From the right ankle to the left one.
    way: Vector3<f64>,
}

/// The sliding of both feet while they stood.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Slide {
    /// Their relative distance moved over the floor, in the poses' unit.
    pub(super) way: f64,
    /// The duration, seconds.
    pub(super) seconds: f64,
}

impl Feet {
    pub(super) fn add(&mut self, frame: u64, seconds: f64, legs: Legs, pose: &[Point]) {
        self.leg_lengths += legs.length(pose);
        self.poses.push(Apart { frame, seconds, way: legs.way(pose) });
    }

    /// Sliding in all stances together.
    pub(super) fn slide(&self) -> Slide {
        let leg = self.leg_lengths / self.poses.len().max(1) as f64;
        let mut total = Slide::default();
        let mut stance = Stance::default();
        for start in 0..self.poses.len() {
            match self.step(start).filter(|step| step.stands(leg)) {
                Some(step) => stance.update(step),
                None => std::mem::take(&mut stance).end(&mut total),
            }
        }
        stance.end(&mut total);
        total
    }

    /// The motion within [`STEP`] after a pose; `None` if the track ends or has a gap.
    fn step(&self, start: usize) -> Option<Step> {
        let first = self.poses[start];
        // A small tolerance for rounded times.
        let later = self.poses[start..].iter().find(|pose| pose.seconds - first.seconds > 0.95 * STEP)?;
        let count = later.frame.checked_sub(first.frame)?;
        let is_whole = self.poses.get(start + count as usize).is_some_and(|pose| pose.frame == later.frame);
        let seconds = later.seconds - first.seconds;
        (is_whole && seconds < 5.0 * STEP).then_some(Step { from: first, to: *later, seconds })
    }
}

#[derive(Debug, Clone, Copy)]
struct Step {
    from: Apart,
    to: Apart,
    seconds: f64,
}

impl Step {
    /// The relative speed of the feet over the floor, the camera's x and z.
    fn speed(&self) -> f64 {
        (self.to.way.x - self.from.way.x).hypot(self.to.way.z - self.from.way.z) / self.seconds
    }

    fn stands(&self, leg: f64) -> bool {
        let rise = (self.to.way.y - self.from.way.y).abs() / self.seconds;
        let height = self.from.way.y.abs().max(self.to.way.y.abs());
        height < HEIGHT * leg && rise < RISE * leg && self.speed() < PASSING * leg
    }
}

/// Consecutive steps during which both feet stand.
#[derive(Debug, Default)]
struct Stance {
    first: Option<f64>,
    last: f64,
    speeds: f64,
    steps: f64,
}

impl Stance {
    fn update(&mut self, step: Step) {
        self.first.get_or_insert(step.from.seconds);
        self.last = step.to.seconds;
        self.speeds += step.speed();
        self.steps += 1.0;
    }

    fn end(self, total: &mut Slide) {
        let seconds = self.last - self.first.unwrap_or(self.last);
        if seconds >= STANCE {
            total.seconds += seconds;
            total.way += seconds * self.speeds / self.steps;
        }
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;

    /// Hips and knees above ankles at the given places, y down; legs of 0.8.
    fn pose(left: Point, right: Point) -> Vec<Point> {
        let above = |[x, y, z]: Point, up: f32| [x, y - up, z];
        vec![above(left, 0.8), above(left, 0.4), left, above(right, 0.8), above(right, 0.4), right]
    }

    const LEGS: Legs = Legs { left: Leg { hip: 0, knee: 1, ankle: 2 }, right: Leg { hip: 3, knee: 4, ankle: 5 } };

    /// The result for 60 frames, half a minute, of a motion of both ankles.
    fn slide(frames: usize, ankles: impl Fn(f32) -> [Point; 2]) -> Slide {
        let mut feet = Feet::default();
        for frame in 0..frames {
            let seconds = frame as f64 / 30.0;
            let [left, right] = ankles(seconds as f32);
            feet.add(frame as u64, seconds, LEGS, &pose(left, right));
        }
        feet.slide()
    }

    #[test]
    fn one_foot_that_creeps_slides() {
        // The body sways over both feet, which then move together; the left one also creeps by 5 cm/s.
        let sway = |t: f32| 0.1 * (3.0 * t).sin();
        let found = slide(61, |t| [[0.1 - sway(t) + 0.05 * t, 0.8, 0.0], [-0.1 - sway(t), 0.8, 0.0]]);
        assert_relative_eq!(found.seconds, 2.0, epsilon = 1e-6);
        assert_relative_eq!(found.way / found.seconds, 0.05, epsilon = 1e-4);
        let still = slide(61, |t| [[0.1 - sway(t), 0.8, 0.0], [-0.1 - sway(t), 0.8, 0.3]]);
        assert!(still.seconds > 1.9 && still.way < 1e-4, "{still:?}");
    }

    #[test]
    fn steps_and_lifted_feet_are_not_measured() {
        let walk = slide(90, |t| [[0.1, 0.8, 0.4 * (6.0 * t).sin()], [-0.1, 0.8, -0.4 * (6.0 * t).sin()]]);
        assert_eq!(walk, Slide::default(), "feet that pass each other at 0.5 to 4.8 m/s");
        let lifted = slide(90, |_| [[0.1, 0.6, 0.0], [-0.1, 0.8, 0.0]]);
        assert_eq!(lifted, Slide::default());
        assert_eq!(slide(0, |_| [[0.0; 3]; 2]), Slide::default());
    }

    #[test]
    fn a_gap_ends_a_stance() {
        let mut feet = Feet::default();
        for frame in (0..5).chain(40..45) {
            feet.add(frame, frame as f64 / 30.0, LEGS, &pose([0.1, 0.8, 0.0], [-0.1, 0.8, 0.0]));
        }
        assert_eq!(feet.slide(), Slide::default(), "twice 0.13 s");
    }

    #[test]
    fn legs_are_found_by_name() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let whole = ["left_hip", "left_knee", "left_ankle", "right_hip", "right_knee", "right_ankle"];
        assert_eq!(Legs::of(&names(&whole)), Some(LEGS));
        assert!(Legs::of(&names(&whole[..5])).is_none());
    }
}

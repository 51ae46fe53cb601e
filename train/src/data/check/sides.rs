//! Left and right exchanged: in a skeleton, in a stretch of a take, or by axes that are a mirror image.
//!
//! If left is truly left, a person faces the direction `left − right × up`. Five parts of the body show independently
//! whether that holds ([`Witness`]). A rig's or a marker set's choice of joints affects one of them, so a body is
//! back to front only if two agree and are not outvoted.

use nalgebra::Vector3;

use super::{Body, Fault, Figure, Finding, joint_place, runs};
use crate::data::body::joints::{ARMS, EARS, HEAD, HIP, HIPS, LEGS, NECK, NOSE, SHOULDERS, THORAX};

/// Hips and shoulders are turned against each other by more than a body can twist, as a cosine: 100 degrees. The
/// recordings reach 71.
const OPPOSED_COSINE: f64 = -0.17;

/// Number of witnesses that must agree.
const MIN_WITNESSES: usize = 2;

/// Shares of its observations that point backwards: from the upper one a witness says "back to front", up to the
/// lower one "sound", and in between nothing. In sound recordings at most 17 % of the knees bend the other way.
const MOSTLY_BEHIND: f64 = 0.8;
const SELDOM_BEHIND: f64 = 0.4;

/// How far a knee or an elbow must be off the line between its neighbours to count as an observation, metres.
const BENT: f64 = 0.08;
/// The same for the neck's joint and the line from thorax to head: more than marker sets differ, 2 to 3 cm.
const NECK_OFF: f64 = 0.04;
/// The same for the nose in front of or behind the ears; it is 12 cm in front of them.
const NOSE_OFF: f64 = 0.05;
/// Speed of the hips, metres a second, from which people walk rather than sway, and the time it is measured over.
const WALKING: f64 = 0.5;
const STEP_SECONDS: f64 = 0.2;
/// The least cosine between a witness's direction and forward or backward: 60 degrees.
const ALONG: f64 = 0.5;

/// A part of the body that shows which way it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Witness {
    /// Knees bend forward.
    Knees,
    /// Elbows of hanging arms bend backward.
    Elbows,
    /// The neck's joint is in front of the line from thorax to head.
    Neck,
    /// The nose is in front of the ears.
    Nose,
    /// People walk forward.
    Walk,
}

/// How often a witness pointed each way.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    ahead: usize,
    behind: usize,
}

impl Witness {
    const ALL: [Self; 5] = [Self::Knees, Self::Elbows, Self::Neck, Self::Nose, Self::Walk];

    /// Seconds of observations that are needed for a judgement.
    fn enough_seconds(self) -> f64 {
        match self {
            Self::Knees | Self::Elbows => 0.2,
            Self::Neck | Self::Nose | Self::Walk => 0.4,
        }
    }

    fn tally(self, bodies: &[Body], rate: f64) -> Tally {
        let mut tally = Tally::default();
        for (frame, body) in bodies.iter().enumerate() {
            let ahead = ahead(body);
            match self {
                Self::Knees => {
                    for leg in LEGS {
                        tally.observe(off_line(body, leg), BENT, ahead);
                    }
                }
                Self::Elbows => {
                    for arm in ARMS.into_iter().filter(|&arm| hangs(body, arm)) {
                        tally.observe(-off_line(body, arm), BENT, ahead);
                    }
                }
                Self::Neck => tally.observe(off_line(body, [THORAX, NECK, HEAD]), NECK_OFF, ahead),
                Self::Nose => {
                    let ears = (joint_place(body, EARS[0]) + joint_place(body, EARS[1])) / 2.0;
                    tally.observe(joint_place(body, NOSE) - ears, NOSE_OFF, ahead);
                }
                Self::Walk => {
                    let frames = (STEP_SECONDS * rate).round().max(1.0) as usize;
                    if let Some(later) = bodies.get(frame + frames) {
                        let step = level(joint_place(later, HIP) - joint_place(body, HIP));
                        tally.observe(step, WALKING * frames as f64 / rate, level(ahead));
                    }
                }
            }
        }
        tally
    }
}

impl Tally {
    /// Counts `shown` if it is at least `least` metres long and points along `ahead` or against it.
    fn observe(&mut self, shown: Vector3<f64>, least: f64, ahead: Vector3<f64>) {
        let cosine = shown.dot(&ahead) / (shown.norm() * ahead.norm());
        if shown.norm() < least || cosine.is_nan() || cosine.abs() < ALONG {
            return;
        }
        if cosine > 0.0 {
            self.ahead += 1;
        } else {
            self.behind += 1;
        }
    }

    /// Whether the body is back to front, if at least `enough` observations agree.
    fn is_behind(self, enough: f64) -> Option<bool> {
        let all = self.ahead + self.behind;
        let share = self.behind as f64 / all.max(1) as f64;
        match share {
            _ if (all as f64) < enough.max(1.0) => None,
            share if share > MOSTLY_BEHIND => Some(true),
            share if share < SELDOM_BEHIND => Some(false),
            _ => None,
        }
    }
}

/// Stretches in which hips and shoulders are opposed; otherwise the whole sequence if the body is back to front.
pub(super) fn find(bodies: &[Body], rate: f64, figure: Figure) -> Vec<Finding> {
    let opposed = runs(bodies.iter().map(is_opposed), 1);
    if opposed.is_empty() {
        let all = Finding { frames: 0..bodies.len(), fault: Fault::SidesSwapped };
        return if is_swapped(bodies, rate, figure) { vec![all] } else { Vec::new() };
    }
    opposed.into_iter().map(|frames| Finding { frames, fault: Fault::SidesOpposed }).collect()
}

fn is_opposed(body: &Body) -> bool {
    let hips = joint_place(body, HIPS[0]) - joint_place(body, HIPS[1]);
    let shoulders = joint_place(body, SHOULDERS[0]) - joint_place(body, SHOULDERS[1]);
    hips.dot(&shoulders) < OPPOSED_COSINE * hips.norm() * shoulders.norm()
}

fn is_swapped(bodies: &[Body], rate: f64, figure: Figure) -> bool {
    let mut behind = 0;
    let mut ahead = 0;
    for witness in Witness::ALL {
        // A face that was placed from the neck adds nothing to the neck's own observation.
        if witness == Witness::Nose && !figure.own_face {
            continue;
        }
        match witness.tally(bodies, rate).is_behind(witness.enough_seconds() * rate) {
            Some(true) => behind += 1,
            Some(false) => ahead += 1,
            None => {}
        }
    }
    behind >= MIN_WITNESSES && behind > ahead
}

/// The direction that the body faces if left is left; its length has no meaning.
fn ahead(body: &Body) -> Vector3<f64> {
    (joint_place(body, HIPS[0]) - joint_place(body, HIPS[1]))
        .cross(&(joint_place(body, THORAX) - joint_place(body, HIP)))
}

/// The vector from the line between the first and the last of three joints to the middle one, perpendicular to the
/// line.
fn off_line(body: &Body, joints: [usize; 3]) -> Vector3<f64> {
    let [first, between, last] = joints.map(|joint| joint_place(body, joint));
    let line = (last - first).normalize();
    let bend = between - first;
    bend - line * line.dot(&bend)
}

/// Whether the upper arm points down along the trunk, within 60 degrees.
fn hangs(body: &Body, arm: [usize; 3]) -> bool {
    let [shoulder, elbow, _] = arm.map(|joint| joint_place(body, joint));
    let upper_arm = elbow - shoulder;
    let down = joint_place(body, HIP) - joint_place(body, THORAX);
    upper_arm.dot(&down) > 0.5 * upper_arm.norm() * down.norm()
}

/// The horizontal part of a vector; y is up.
fn level(vector: Vector3<f64>) -> Vector3<f64> {
    Vector3::new(vector.x, 0.0, vector.z)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{PERSON, standing, walking};
    use super::*;
    use crate::data::body::joints::{ANKLES, ELBOWS, KNEES, WRISTS};

    const LEG_PAIRS: [[usize; 2]; 3] = [HIPS, KNEES, ANKLES];
    const ARM_PAIRS: [[usize; 2]; 3] = [SHOULDERS, ELBOWS, WRISTS];

    fn exchanged(mut bodies: Vec<Body>, pairs: &[[usize; 2]]) -> Vec<Body> {
        for body in &mut bodies {
            pairs.iter().for_each(|&[left, right]| body.swap(left, right));
        }
        bodies
    }

    #[test]
    fn a_skeleton_with_its_sides_exchanged_is_back_to_front() {
        let swapped = |bodies| vec![Finding { frames: 0..bodies, fault: Fault::SidesSwapped }];
        let both = [LEG_PAIRS, ARM_PAIRS].concat();
        assert_eq!(find(&exchanged(walking(200, 50.0), &both), 50.0, PERSON), swapped(200));
        // Straight knees give no observation, neck and face do.
        assert_eq!(find(&exchanged(standing(50), &both), 50.0, PERSON), swapped(50));
    }

    #[test]
    fn a_mirror_image_is_back_to_front() {
        let mirrored = walking(200, 50.0).into_iter().map(|body| body.map(|[x, y, z]| [-x, y, z])).collect::<Vec<_>>();
        assert_eq!(find(&mirrored, 50.0, PERSON)[0].fault, Fault::SidesSwapped);
    }

    #[test]
    fn hips_alone_are_opposed_to_the_shoulders() {
        let mut bodies = walking(200, 50.0);
        let turned = exchanged(bodies[50..90].to_vec(), &LEG_PAIRS);
        bodies[50..90].copy_from_slice(&turned);
        assert_eq!(find(&bodies, 50.0, PERSON), [Finding { frames: 50..90, fault: Fault::SidesOpposed }]);
    }

    #[test]
    fn walking_and_bending_backwards_are_sound() {
        assert_eq!(find(&walking(200, 50.0), 50.0, PERSON), []);
        let mut bodies = walking(200, 50.0);
        bodies.iter_mut().for_each(|body| body[NECK][2] -= 0.3);
        assert_eq!(find(&bodies, 50.0, PERSON), [], "a neck behind is not enough beside knees");
        assert_eq!(find(&[], 50.0, PERSON), []);
    }

    #[test]
    fn one_witness_alone_is_not_enough() {
        let moved = |joint: usize, by: f32| {
            let mut bodies = standing(200);
            for body in &mut bodies {
                body[joint][2] += by;
            }
            bodies
        };
        for bodies in [moved(NECK, -0.03), moved(NECK, 0.03), moved(NECK, -0.2), moved(NOSE, -0.3)] {
            assert_eq!(find(&bodies, 50.0, PERSON), []);
        }
        // A face that was placed from the neck is not a second witness.
        let both = [LEG_PAIRS, ARM_PAIRS].concat();
        let no_face = Figure { own_face: false, ..PERSON };
        assert_eq!(find(&exchanged(standing(50), &both), 50.0, no_face), []);
        assert_eq!(find(&exchanged(walking(200, 50.0), &both), 50.0, no_face)[0].fault, Fault::SidesSwapped);
    }

    #[test]
    fn a_few_frames_are_not_enough() {
        let both = [LEG_PAIRS, ARM_PAIRS].concat();
        assert_eq!(find(&exchanged(walking(9, 50.0), &both), 50.0, PERSON), []);
    }
}

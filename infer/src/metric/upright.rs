//! The camera's attitude, estimated from people who stand upright: their bodies point up.
//!
//! On 2,700 views of people who stand straight, by cameras pitched −35 to 60 degrees, with `coco17` and a detector's
//! errors, the direction up is 0.2 degrees off on average and 4.5 in a single view (`models/README.md`).

use nalgebra::Vector3;

use super::Point;
use super::feet::{Leg, Legs};
use crate::camera::Attitude;
use crate::pose::vector;
use crate::skeleton::find_joint;

/// Greatest bend of knees and hips of a person who stands straight, degrees.
const STRAIGHT: f64 = 20.0;
/// A person who lies is straight too: only bodies that point up in the image within this angle count, degrees.
const UP: f64 = 60.0;
/// Fewer poses are not enough: a person may lean.
const MIN_POSES: u64 = 25;

/// A camera's attitude as people who stand upright show it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EstimatedAttitude {
    /// The camera's pitch and roll; people do not show a heading.
    pub attitude: Attitude,
    /// Number of poses that stand straight, from which it is estimated.
    pub poses: u64,
}

/// The direction that standing people point to.
#[derive(Debug, Clone)]
pub(super) struct Upright {
    legs: Legs,
    thorax: usize,
    /// Sum of the directions.
    sum: Vector3<f64>,
    poses: u64,
}

impl Upright {
    /// `None` if a joint is missing.
    pub(super) fn of(joints: &[String]) -> Option<Self> {
        Some(Self { thorax: find_joint(joints, "thorax")?, legs: Legs::of(joints)?, sum: Vector3::zeros(), poses: 0 })
    }

    /// Adds a pose, in the camera's axes.
    pub(super) fn add(&mut self, pose: &[Point]) {
        let Legs { left, right } = self.legs;
        let thorax = vector(pose[self.thorax]);
        let trunk = thorax - middle(pose, left.hip, right.hip);
        let body = thorax - middle(pose, left.ankle, right.ankle);
        let is_straight = [left, right].iter().all(|leg| is_straight(leg, trunk, pose));
        if is_straight && angle(body, -Vector3::y()) < UP {
            self.sum += body.normalize();
            self.poses += 1;
        }
    }

    /// The camera's attitude; `None` if there are too few poses.
    pub(super) fn estimate(&self) -> Option<EstimatedAttitude> {
        (self.poses >= MIN_POSES)
            .then(|| EstimatedAttitude { attitude: Attitude::from_up(self.sum), poses: self.poses })
    }
}

/// Whether a leg and the trunk make one line.
fn is_straight(leg: &Leg, trunk: Vector3<f64>, pose: &[Point]) -> bool {
    let knee = vector(pose[leg.knee]);
    let thigh = vector(pose[leg.hip]) - knee;
    let shank = knee - vector(pose[leg.ankle]);
    angle(thigh, shank) < STRAIGHT && angle(trunk, thigh) < STRAIGHT
}

/// The middle between two joints of a pose.
fn middle(pose: &[Point], left: usize, right: usize) -> Vector3<f64> {
    (vector(pose[left]) + vector(pose[right])) / 2.0
}

/// Degrees between two directions; NaN if one has no length.
fn angle(a: Vector3<f64>, b: Vector3<f64>) -> f64 {
    // nalgebra's own `angle` takes directions without a length for parallel ones.
    (a.dot(&b) / (a.norm() * b.norm())).clamp(-1.0, 1.0).acos().to_degrees()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::rotate;
    use crate::skeleton::H36M17;

    /// A person who faces the camera, bent at hips and knees by `bend` degrees, as seen by a camera of this attitude.
    fn seen(attitude: Attitude, bend: f32) -> Vec<Point> {
        let (sin, cos) = bend.to_radians().sin_cos();
        let world = |joint: &str| {
            let side = if joint.starts_with("left") { 0.1 } else { -0.1 };
            match joint.rsplit('_').next() {
                Some("knee") => [side, -0.4 * cos, 0.4 * sin],
                Some("ankle") => [side, -0.4 * cos - 0.4, 0.4 * sin],
                Some("hip") if joint != "hip" => [side, 0.0, 0.0],
                Some("thorax") => [0.0, 0.5, 0.0],
                _ => [0.0; 3],
            }
        };
        H36M17.joints.iter().map(|joint| rotate(&attitude.camera_from_world(), world(joint))).collect()
    }

    fn upright() -> Upright {
        Upright::of(&H36M17.joints.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_camera_is_held_as_people_show() {
        for (pitch, roll) in [(0.0, 0.0), (0.3, -0.1), (-0.2, 0.4)] {
            let held = Attitude { heading: 0.9, pitch, roll };
            let mut upright = upright();
            (0..MIN_POSES).for_each(|_| upright.add(&seen(held, 3.0)));
            let found = upright.estimate().unwrap();
            // Slightly bent knees put the ankles 2 cm, or one degree, in front of the thorax.
            assert!((found.attitude.pitch - pitch).abs() < 0.03, "{found:?}");
            assert!((found.attitude.roll - roll).abs() < 0.03, "{found:?}");
            assert_eq!(found.poses, MIN_POSES);
        }
    }

    #[test]
    fn those_who_squat_or_lie_say_nothing() {
        let mut upright = upright();
        let lying = Attitude { roll: 1.5, ..Attitude::default() };
        for _ in 0..100 {
            upright.add(&seen(Attitude::default(), 60.0));
            upright.add(&seen(lying, 0.0));
            upright.add(&[[0.0; 3]; 17]);
        }
        assert_eq!(upright.estimate(), None);
    }
}

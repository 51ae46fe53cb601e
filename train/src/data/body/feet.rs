//! Both feet as rigid bodies at the ankles: a big toe, a small toe and a heel each.
//!
//! Motion capture that has a joint of the foot gives its axes. Where nothing was recorded below the ankle, a plausible foot is put there
//! ([`complete`]): flat on the floor where the ankle is low and the shank upright, else hanging from the shank. Its points
//! are made up, but image and pose agree about them, which is what a lifter learns.

use nalgebra::{Matrix3, Vector3};
use poselift::place::MODEL_STATURE;
use poselift::skeleton::BODY28;

use super::map::{Body, joint_place};

/// The points of a foot in the order of [`BODY28`], from the ankle's joint centre of a person of [`MODEL_STATURE`]: metres outward, up and
/// forward. The sole is 66 mm below the ankle (0.039 of the stature: Drillis and Contini, 1966), the foot 250 mm long
/// (0.152 of it, less the flesh behind the heel's and before the toe's point).
const POINTS: [[f64; 3]; 3] = [[-0.025, -0.050, 0.195], [0.045, -0.055, 0.135], [0.0, -0.045, -0.055]];
/// Leg (thigh and shank) of that person, metres.
const LEG: f64 = super::LEG_PER_STATURE * MODEL_STATURE;

/// Ankles this far above their lowest place, metres: the foot is flat below the first and hangs above the second.
const LIFTED: (f64, f64) = (0.03, 0.12);
/// Cosine of the shank's tilt: below the first the foot hangs, above the second it may be flat.
const UPRIGHT: (f64, f64) = (0.35, 0.75);
/// Sine of the knee's bend from which the leg's plane begins to say where the foot points, and from which it alone does.
const BENT: (f64, f64) = (0.15, 0.5);
/// How far a foot points outward, and how far a hanging one points down, degrees.
const TOE_OUT: f64 = 7.0;
const HANGS: f64 = 25.0;

/// A foot of [`BODY28`] and its leg.
pub(super) struct Foot {
    hip: usize,
    knee: usize,
    ankle: usize,
    /// Big toe, small toe, heel.
    pub(super) slots: [usize; 3],
    /// +1 where outward is to the left.
    outward: f64,
}

/// The left foot and the right one.
pub(super) const FEET: [Foot; 2] = [
    Foot {
        hip: BODY28.joint("left_hip"),
        knee: BODY28.joint("left_knee"),
        ankle: BODY28.joint("left_ankle"),
        slots: [BODY28.joint("left_big_toe"), BODY28.joint("left_small_toe"), BODY28.joint("left_heel")],
        outward: 1.0,
    },
    Foot {
        hip: BODY28.joint("right_hip"),
        knee: BODY28.joint("right_knee"),
        ankle: BODY28.joint("right_ankle"),
        slots: [BODY28.joint("right_big_toe"), BODY28.joint("right_small_toe"), BODY28.joint("right_heel")],
        outward: -1.0,
    },
];

/// The first joint of the feet: those before it are what most collections of motion record, and what is checked.
pub const FIRST_OF_FEET: usize = BODY28.joint("left_big_toe");

impl Foot {
    /// Big toe, small toe and heel from the ankle; `axes` are the foot's directions to the left, up and forward as columns, `scale`
    /// is the person's stature over [`MODEL_STATURE`].
    pub(super) fn points(&self, axes: &Matrix3<f64>, scale: f64) -> [Vector3<f64>; 3] {
        POINTS.map(|[out, up, forward]| axes * Vector3::new(out * self.outward, up, forward) * scale)
    }

    /// Whether all its points are finite numbers.
    fn is_in(&self, body: &Body) -> bool {
        self.slots.iter().all(|&slot| body[slot].iter().all(|value| value.is_finite()))
    }
}

/// Gives the `bodies` of a clip, in metres with y up, the feet that they lack: a point of such a foot is no finite number. The lowest
/// ankle of the clip is taken to stand.
pub fn complete(bodies: &mut [Body]) {
    let heights = bodies.iter().flat_map(|body| FEET.map(|foot| f64::from(body[foot.ankle][1])));
    let lowest = heights.fold(f64::INFINITY, f64::min);
    complete_above(bodies, lowest);
}

/// As [`complete`], with the height `standing`, metres, that ankles have when they stand.
pub fn complete_above(bodies: &mut [Body], standing: f64) {
    for body in bodies {
        for foot in &FEET {
            if foot.is_in(body) {
                continue;
            }
            let axes = axes_of(body, foot, standing);
            let [hip, knee, ankle] = [foot.hip, foot.knee, foot.ankle].map(|joint| joint_place(body, joint));
            let length = (hip - knee).norm() + (knee - ankle).norm();
            for (slot, point) in foot.slots.into_iter().zip(foot.points(&axes, length / LEG)) {
                body[slot] = (ankle + point).cast::<f32>().into();
            }
        }
    }
}

/// Where the foot of a leg points: its directions to the left, up and forward, as columns.
fn axes_of(body: &Body, foot: &Foot, standing: f64) -> Matrix3<f64> {
    let [knee, ankle] = [foot.knee, foot.ankle].map(|joint| joint_place(body, joint));
    let shank = unit(knee - ankle);
    let forward = forward(body, foot);
    let toe_out = TOE_OUT.to_radians() * foot.outward;

    let flat = turned(unit(without(forward, Vector3::y())), Vector3::y(), toe_out);
    let (sine, cosine) = HANGS.to_radians().sin_cos();
    let ahead = turned(unit(without(forward, shank)), shank, toe_out);
    let hanging = ahead * cosine - shank * sine;
    let hanging_up = shank * cosine + ahead * sine;

    let lifted = smooth((ankle.y - standing - LIFTED.0) / (LIFTED.1 - LIFTED.0));
    let share = (1.0 - lifted) * smooth((shank.y - UPRIGHT.0) / (UPRIGHT.1 - UPRIGHT.0));
    let up = unit(Vector3::y() * share + hanging_up * (1.0 - share));
    let forward = unit(without(flat * share + hanging * (1.0 - share), up));
    Matrix3::from_columns(&[up.cross(&forward), up, forward])
}

/// `forward` turned about `up`, which is perpendicular to it, by `angle` radians to the left.
fn turned(forward: Vector3<f64>, up: Vector3<f64>, angle: f64) -> Vector3<f64> {
    forward * angle.cos() + up.cross(&forward) * angle.sin()
}

/// Where a leg faces: as the pelvis, and more and more as the knee the further it is bent.
fn forward(body: &Body, foot: &Foot) -> Vector3<f64> {
    let [left, right, spine, root] =
        ["left_hip", "right_hip", "spine", "hip"].map(|name| joint_place(body, BODY28.joint(name)));
    let pelvis = unit((left - right).cross(&(spine - root)));
    let [hip, knee, ankle] = [foot.hip, foot.knee, foot.ankle].map(|joint| joint_place(body, joint));
    let thigh = unit(knee - hip);
    let shank = unit(ankle - knee);
    let ahead = without(thigh, unit(ankle - hip));
    let bend = thigh.cross(&shank).norm();
    let share = smooth((bend - BENT.0) / (BENT.1 - BENT.0));
    pelvis * (1.0 - share) + unit(ahead) * share
}

/// `vector` without its part along the unit vector `direction`.
fn without(vector: Vector3<f64>, direction: Vector3<f64>) -> Vector3<f64> {
    vector - direction * direction.dot(&vector)
}

/// A vector of length 1; any, if `vector` has no length.
fn unit(vector: Vector3<f64>) -> Vector3<f64> {
    vector.try_normalize(1e-9).unwrap_or_else(Vector3::z)
}

/// From 0 at 0 and below to 1 at 1 and above, without a corner.
fn smooth(x: f64) -> f64 {
    let x = x.clamp(0.0, 1.0);
    x * x * (3.0 - 2.0 * x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Someone who stands with the left leg stretched and the right knee raised, facing +z.
    fn standing() -> Body {
        let mut body = [[f32::NAN; 3]; BODY28.joints.len()];
        for (name, point) in [
            ("hip", [0.0, 0.9, 0.0]),
            ("spine", [0.0, 1.15, 0.0]),
            ("left_hip", [0.1, 0.9, 0.0]),
            ("left_knee", [0.1, 0.49, 0.01]),
            ("left_ankle", [0.1, 0.08, 0.0]),
            ("right_hip", [-0.1, 0.9, 0.0]),
            ("right_knee", [-0.1, 0.85, 0.4]),
            ("right_ankle", [-0.1, 0.45, 0.38]),
        ] {
            body[BODY28.joint(name)] = point;
        }
        body
    }

    fn point(body: &Body, name: &str) -> Vector3<f64> {
        joint_place(body, BODY28.joint(name))
    }

    #[test]
    fn a_foot_on_the_floor_is_flat_and_points_forward_and_outward() {
        let mut bodies = [standing()];
        complete(&mut bodies);
        let [toe, small, heel] = ["left_big_toe", "left_small_toe", "left_heel"].map(|name| point(&bodies[0], name));
        assert!((toe.y - heel.y).abs() < 0.01 && toe.y > 0.0 && toe.y < 0.05, "{toe} {heel}");
        assert!(toe.z > 0.17 && heel.z < -0.04 && small.x > toe.x + 0.05, "{toe} {small} {heel}");
        let middle = (toe + small) / 2.0 - heel;
        assert!((4.0..12.0).contains(&(middle.x / middle.z).atan().to_degrees()), "{middle}");
    }

    #[test]
    fn a_raised_foot_hangs_from_its_shank() {
        let mut bodies = [standing()];
        complete(&mut bodies);
        let body = &bodies[0];
        let foot = point(body, "right_big_toe") - point(body, "right_heel");
        let shank = point(body, "right_knee") - point(body, "right_ankle");
        let angle = foot.angle(&shank).to_degrees();
        assert!((110.0..122.0).contains(&angle), "{angle} degrees between foot and shank");
        assert!(point(body, "right_small_toe").x < point(body, "right_big_toe").x - 0.05);
    }

    #[test]
    fn a_foot_of_which_a_point_is_no_number_is_made_up_and_the_other_stays() {
        for fault in [f32::NAN, f32::INFINITY] {
            let mut bodies = [standing()];
            bodies[0][FIRST_OF_FEET..].fill([0.5; 3]);
            bodies[0][BODY28.joint("left_small_toe")][2] = fault;
            complete(&mut bodies);
            assert!(bodies[0][FIRST_OF_FEET..].iter().flatten().all(|value| value.is_finite()));
            assert_ne!(bodies[0][BODY28.joint("left_heel")], [0.5; 3]);
            assert_eq!(bodies[0][BODY28.joint("right_heel")], [0.5; 3]);
        }
    }

    #[test]
    fn recorded_feet_stay() {
        let mut bodies = [standing()];
        bodies[0][FIRST_OF_FEET..].fill([0.5; 3]);
        let recorded = bodies[0];
        complete(&mut bodies);
        assert_eq!(bodies[0][FIRST_OF_FEET..], recorded[FIRST_OF_FEET..]);
    }
}

//! A figure's bones, and forward kinematics from its angles.
//!
//! Lengths are shares of the stature: Drillis and Contini 1966, as in Winter, Biomechanics and Motor Control of Human
//! Movement, 2009, figure 4.1. Where those measure the body's outside (hips, shoulders), the distance of the joints
//! as measured in UI-PRMD is used.

use nalgebra::{Matrix3, Vector3};
use rand::Rng;

use super::angles::{Angles, LEFT, Side};
use crate::data::body::joints::{ANKLES, ARMS, HIP, LEGS, SPINE, THORAX};
use crate::data::body::kinematics::turn;
use crate::data::body::take::Axis;
use crate::data::body::{Body, REFERENCE_STATURE, SKULL};

/// Bone lengths of one person, metres.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figure {
    stature: f64,
    hip_half_width: f64,
    thigh: f64,
    shank: f64,
    ankle_height: f64,
    trunk: f64,
    /// From the thorax to the left shoulder, in the trunk's frame.
    shoulder: Vector3<f64>,
    upper_arm: f64,
    forearm: f64,
}

/// Flesh around a joint: a joint keeps at least this distance from the floor, as a share of the stature; ankles have
/// their height.
const FLESH: f64 = 0.03;

/// From the thorax to the middle of the skull, head level, at [`REFERENCE_STATURE`]; split where the head nods.
const THORAX_TO_NOD: [f64; 3] = [0.0, 0.146, 0.020];
const NOD_TO_SKULL: [f64; 3] = [0.0, 0.080, 0.015];

impl Figure {
    /// The height of ankles on the floor, metres.
    pub(super) fn ankle_height(&self) -> f64 {
        self.ankle_height
    }

    /// A person of random stature and proportions.
    pub(super) fn random(rng: &mut impl Rng) -> Self {
        let stature: f64 = rng.random_range(1.50..1.95);
        Self {
            stature,
            hip_half_width: around(rng, stature * 0.062, 0.15),
            thigh: around(rng, stature * 0.245, 0.05),
            shank: around(rng, stature * 0.240, 0.05),
            ankle_height: around(rng, stature * 0.039, 0.10),
            trunk: around(rng, stature * 0.310, 0.05),
            shoulder: Vector3::new(
                around(rng, stature * 0.105, 0.12),
                around(rng, stature * -0.020, 0.4),
                around(rng, stature * -0.010, 0.5),
            ),
            upper_arm: around(rng, stature * 0.172, 0.06),
            forearm: around(rng, stature * 0.142, 0.06),
        }
    }

    /// Our joints for `angles`, with the ankles (or the lowest part) at their height above the floor or `lift` above that; feet are NaN.
    pub(super) fn body(&self, angles: &Angles) -> Body {
        let mut points = [Vector3::zeros(); 22];
        let mut pelvis = Matrix3::identity();
        turn(&mut pelvis, Axis::Y, angles.heading);
        turn(&mut pelvis, Axis::Z, -angles.pelvis[1]);
        turn(&mut pelvis, Axis::X, angles.pelvis[0]);
        for (side, slots) in [(LEFT, LEGS[0]), (1, LEGS[1])] {
            self.leg(&pelvis, side, &angles.sides[side], slots, &mut points);
        }
        let chest = self.trunk(&pelvis, angles, &mut points);
        for (side, slots) in [(LEFT, ARMS[0]), (1, ARMS[1])] {
            self.arm(&chest, side, &angles.sides[side], slots, &mut points);
        }
        self.head(&chest, angles, &mut points);
        self.place(angles, &mut points);
        let mut body = [[f32::NAN; 3]; 28];
        for (joint, point) in body.iter_mut().zip(points) {
            *joint = point.cast::<f32>().into();
        }
        body
    }

    fn leg(
        &self,
        pelvis: &Matrix3<f64>,
        side: usize,
        angles: &Side,
        slots: [usize; 3],
        points: &mut [Vector3<f64>; 22],
    ) {
        let sign = sign(side);
        let mut thigh = *pelvis;
        swing(&mut thigh, sign, &angles.hip);
        points[slots[0]] = pelvis * Vector3::new(sign * self.hip_half_width, 0.0, 0.0);
        points[slots[1]] = points[slots[0]] - thigh.column(1) * self.thigh;
        let mut shank = thigh;
        turn(&mut shank, Axis::X, angles.knee);
        points[slots[2]] = points[slots[1]] - shank.column(1) * self.shank;
    }

    /// Returns the rib cage's frame; each half of the trunk takes half of its turns.
    fn trunk(&self, pelvis: &Matrix3<f64>, angles: &Angles, points: &mut [Vector3<f64>; 22]) -> Matrix3<f64> {
        let mut frame = *pelvis;
        for (below, above) in [(HIP, SPINE), (SPINE, THORAX)] {
            bend(&mut frame, angles.trunk.map(|angle| angle / 2.0));
            points[above] = points[below] + frame.column(1) * (self.trunk / 2.0);
        }
        frame
    }

    fn arm(
        &self,
        chest: &Matrix3<f64>,
        side: usize,
        angles: &Side,
        slots: [usize; 3],
        points: &mut [Vector3<f64>; 22],
    ) {
        let sign = sign(side);
        let mut girdle = *chest;
        turn(&mut girdle, Axis::Z, sign * angles.shrug);
        let shoulder = Vector3::new(sign * self.shoulder.x, self.shoulder.y, self.shoulder.z);
        points[slots[0]] = points[THORAX] + girdle * shoulder;
        let mut upper_arm = *chest;
        swing(&mut upper_arm, sign, &angles.shoulder);
        points[slots[1]] = points[slots[0]] - upper_arm.column(1) * self.upper_arm;
        turn(&mut upper_arm, Axis::X, -angles.elbow);
        points[slots[2]] = points[slots[1]] - upper_arm.column(1) * self.forearm;
    }

    /// Neck and skull each take half of the head's turns.
    fn head(&self, chest: &Matrix3<f64>, angles: &Angles, points: &mut [Vector3<f64>; 22]) {
        let ratio = self.stature / REFERENCE_STATURE;
        let half = angles.head.map(|angle| angle / 2.0);
        let mut frame = *chest;
        bend(&mut frame, half);
        let nod = points[THORAX] + frame * Vector3::from(THORAX_TO_NOD) * ratio;
        bend(&mut frame, half);
        for (slot, local) in SKULL {
            points[slot] = nod + frame * (Vector3::from(NOD_TO_SKULL) + Vector3::from(local)) * ratio;
        }
    }

    /// Puts the lowest part on the floor and moves the whole to the figure's position.
    fn place(&self, angles: &Angles, points: &mut [Vector3<f64>; 22]) {
        let heights: Vec<f64> = points.iter().enumerate().map(|(slot, point)| point.y - self.clearance(slot)).collect();
        let up = angles.lift - smooth_minimum(&heights);
        for point in points {
            *point += Vector3::new(angles.travel[1], up, angles.travel[0]);
        }
    }

    /// The least height of a joint above the floor, metres.
    fn clearance(&self, slot: usize) -> f64 {
        if ANKLES.contains(&slot) { self.ankle_height } else { FLESH * self.stature }
    }
}

/// A random length that differs from `mean` by this share of it at most.
fn around(rng: &mut impl Rng, mean: f64, spread: f64) -> f64 {
    mean * rng.random_range(1.0 - spread..1.0 + spread)
}

/// +1 for the left side, whose joints are at +x when the figure faces +z.
fn sign(side: usize) -> f64 {
    if side == LEFT { 1.0 } else { -1.0 }
}

/// Swings a limb that hangs along −y: outward, forward, then about its own axis.
fn swing(frame: &mut Matrix3<f64>, sign: f64, angles: &[f64; 3]) {
    let [forward, outward, inward_turn] = *angles;
    turn(frame, Axis::Z, sign * outward);
    turn(frame, Axis::X, -forward);
    turn(frame, Axis::Y, -sign * inward_turn);
}

/// Bends a chain that stands along +y: turned to the left, bent to the left, bent forward.
fn bend(frame: &mut Matrix3<f64>, angles: [f64; 3]) {
    let [forward, left, turn_left] = angles;
    turn(frame, Axis::Y, turn_left);
    turn(frame, Axis::Z, -left);
    turn(frame, Axis::X, forward);
}

/// The smooth minimum of `values`, rounded within about a centimetre, so that the weight moves smoothly from one foot
/// to the other.
fn smooth_minimum(values: &[f64]) -> f64 {
    const SHARPNESS: f64 = 150.0;
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let sum: f64 = values.iter().map(|value| (-SHARPNESS * (value - least)).exp()).sum();
    least - sum.ln() / SHARPNESS
}

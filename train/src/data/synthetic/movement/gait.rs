//! Gaits: walking, running, marching, stepping aside, turning on the spot.

use std::f64::consts::TAU;

use rand::Rng;
use rand::rngs::StdRng;

use super::super::angles::{Angles, LEFT};
use super::{Motion, Stance, Wander, any_side, pulse};

/// One gait: how far and how fast the limbs swing.
struct Gait {
    /// Double steps a second.
    cadence: f64,
    /// Thigh's swing to either side of `lean`, degrees.
    stride: f64,
    lean: f64,
    /// The knee's bend in mid swing and on the ground.
    knee_swing: f64,
    knee_stance: f64,
    arm_swing: f64,
    elbow: f64,
    /// Height of flight between steps, metres.
    flight: f64,
    /// Speed, metres a second.
    speed: f64,
    /// Turning speed, degrees a second to the left.
    turning: f64,
}

impl Gait {
    fn apply(&self, time: f64, phase: f64, angles: &mut Angles) {
        let cycle = TAU * self.cadence * time + phase;
        for (side, limbs) in angles.sides.iter_mut().enumerate() {
            let cycle = if side == LEFT { cycle } else { cycle + TAU / 2.0 };
            // The thigh swings forward while its cosine is positive, which is when the knee bends.
            let swinging = cycle.cos().max(0.0).powi(2);
            limbs.hip[0] = self.lean + self.stride * cycle.sin() + 0.3 * self.knee_swing * swinging;
            limbs.knee = self.knee_stance + self.knee_swing * swinging;
            limbs.shoulder[0] += -self.arm_swing * cycle.sin();
            limbs.elbow += self.elbow - 0.3 * self.arm_swing * cycle.sin();
        }
        angles.trunk[0] += 0.4 * self.lean;
        angles.trunk[2] -= 0.2 * self.stride * cycle.sin();
        angles.pelvis[1] += 0.1 * self.stride * cycle.cos();
        angles.lift += self.flight * (2.0 * cycle).sin().max(0.0);
        // A circle of radius speed / turning, or a straight line.
        let rate = self.turning.to_radians();
        angles.heading += self.turning * time;
        angles.travel = if rate.abs() < 1e-6 {
            [self.speed * time, 0.0]
        } else {
            [self.speed / rate * (rate * time).sin(), self.speed / rate * (1.0 - (rate * time).cos())]
        };
    }

    fn motion(self, rng: &mut StdRng) -> Motion {
        let stance = Stance::new(rng);
        let phase = rng.random_range(0.0..TAU);
        Box::new(move |time| {
            let mut angles = stance.at(time);
            self.apply(time, phase, &mut angles);
            angles
        })
    }
}

pub(super) fn walk(rng: &mut StdRng) -> Motion {
    let stride = rng.random_range(14.0..32.0);
    let cadence = rng.random_range(0.6..1.1);
    Gait {
        cadence,
        stride,
        lean: rng.random_range(2.0..10.0),
        knee_swing: rng.random_range(35.0..65.0),
        knee_stance: rng.random_range(3.0..15.0),
        arm_swing: rng.random_range(5.0..40.0),
        elbow: rng.random_range(0.0..50.0),
        flight: 0.0,
        speed: 0.06 * stride * cadence,
        turning: rng.random_range(-30.0..30.0),
    }
    .motion(rng)
}

pub(super) fn run(rng: &mut StdRng) -> Motion {
    let stride = rng.random_range(25.0..50.0);
    let cadence = rng.random_range(1.1..1.6);
    Gait {
        cadence,
        stride,
        lean: rng.random_range(8.0..22.0),
        knee_swing: rng.random_range(60.0..100.0),
        knee_stance: rng.random_range(12.0..28.0),
        arm_swing: rng.random_range(25.0..55.0),
        elbow: rng.random_range(50.0..85.0),
        flight: rng.random_range(0.02..0.12),
        speed: 0.07 * stride * cadence,
        turning: rng.random_range(-45.0..45.0),
    }
    .motion(rng)
}

pub(super) fn march(rng: &mut StdRng) -> Motion {
    let stride = rng.random_range(20.0..40.0);
    Gait {
        cadence: rng.random_range(0.5..1.0),
        stride,
        lean: rng.random_range(20.0..45.0),
        knee_swing: rng.random_range(50.0..95.0),
        knee_stance: rng.random_range(2.0..12.0),
        arm_swing: rng.random_range(10.0..60.0),
        elbow: rng.random_range(5.0..60.0),
        flight: 0.0,
        speed: rng.random_range(0.0..0.6),
        turning: rng.random_range(-20.0..20.0),
    }
    .motion(rng)
}

pub(super) fn side_step(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let leader = any_side(rng);
    let period = rng.random_range(0.9..1.8);
    let width = rng.random_range(15.0..38.0);
    let crouch = rng.random_range(5.0..45.0);
    let arms = rng.random_range(0.0..70.0);
    Box::new(move |time| {
        let mut angles = stance.at(time);
        let open = pulse(time, period, 0.0);
        for limbs in &mut angles.sides {
            limbs.hip = [crouch * 0.6 + limbs.hip[0], width * open, limbs.hip[2]];
            limbs.knee = crouch * 1.1 + 10.0 * (1.0 - open);
            limbs.shoulder[1] += arms * open;
            limbs.elbow += 0.5 * crouch;
        }
        angles.trunk[0] += 0.5 * crouch;
        let direction = if leader == LEFT { 1.0 } else { -1.0 };
        angles.trunk[1] += 4.0 * direction * open;
        // A step covers the opened width: legs of about 0.8 m.
        angles.travel[1] = direction * (time / period) * 0.8 * width.to_radians();
        angles
    })
}

pub(super) fn turn(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let range = rng.random_range(60.0..200.0);
    let heading = Wander::new(rng, -range, range, 0.15);
    let look = Wander::new(rng, -60.0, 60.0, 0.3);
    let lean = Wander::new(rng, -12.0, 12.0, 0.3);
    let steps = rng.random_range(1.0..1.6);
    Box::new(move |time| {
        let mut angles = stance.at(time);
        for (side, limbs) in angles.sides.iter_mut().enumerate() {
            let lifted = pulse(time, 1.0 / steps, if side == LEFT { 0.0 } else { 0.5 }).powi(2);
            limbs.hip[0] += 18.0 * lifted;
            limbs.knee += 34.0 * lifted;
        }
        angles.heading += heading.at(time);
        angles.trunk[2] += 0.5 * look.at(time);
        angles.trunk[1] += lean.at(time);
        angles.head[2] += 0.6 * look.at(time);
        angles
    })
}

//! Movements led by the arms: reaching, waving, stretching, punching; and those with free arms: kicking and dancing.

use std::f64::consts::TAU;

use rand::Rng;
use rand::rngs::StdRng;

use super::super::angles::{Angles, LEFT, RIGHT, limits};
use super::{Motion, Stance, Wander, any_side, crouch, pulse, wanders};

/// Arms that go to random places.
pub(super) struct FreeArms([[Wander; 5]; 2]);

impl FreeArms {
    /// In front of and above the body.
    fn new(rng: &mut StdRng, pace: f64) -> Self {
        Self::within(rng, [(-30.0, 150.0), (-5.0, 110.0), (-50.0, 65.0), (5.0, 135.0), (0.0, 22.0)], pace)
    }

    /// Any direction that shoulders and elbows allow.
    pub(super) fn anywhere(rng: &mut StdRng, pace: f64) -> Self {
        let [forward, outward, inward_turn] = limits::SHOULDER;
        Self::within(rng, [forward, outward, inward_turn, limits::ELBOW, limits::SHRUG], pace)
    }

    /// Shoulder forward, outward, turned inward; elbow; shrug: between these angles, degrees.
    pub(super) fn within(rng: &mut StdRng, ranges: [(f64, f64); 5], pace: f64) -> Self {
        Self(std::array::from_fn(|_| wanders(rng, ranges, pace)))
    }

    /// Arms that do the same on both sides.
    pub(super) fn alike(self) -> Self {
        let [left, _] = self.0;
        Self([left.clone(), left])
    }

    pub(super) fn apply_to_both(&self, time: f64, angles: &mut Angles) {
        for side in [LEFT, RIGHT] {
            self.apply(time, side, 1.0, angles);
        }
    }

    pub(super) fn apply(&self, time: f64, side: usize, share: f64, angles: &mut Angles) {
        let [forward, outward, inward_turn, elbow, shrug] = self.0[side].each_ref().map(|wander| wander.at(time));
        let limbs = &mut angles.sides[side];
        for (angle, free) in limbs.shoulder.iter_mut().zip([forward, outward, inward_turn]) {
            *angle = mixed(*angle, free, share);
        }
        limbs.elbow = mixed(limbs.elbow, elbow, share);
        limbs.shrug = mixed(limbs.shrug, shrug, share);
    }
}

/// `old` moved by a share of the way to `new`.
fn mixed(old: f64, new: f64, share: f64) -> f64 {
    old + (new - old) * share
}

pub(super) fn reach(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let arms = FreeArms::new(rng, 0.35);
    let both = rng.random_bool(0.6);
    let first = any_side(rng);
    let trunk = wanders(rng, [(-5.0, 40.0), (-18.0, 18.0), (-30.0, 30.0)], 0.3);
    let knees = Wander::new(rng, 0.0, 50.0, 0.2);
    Box::new(move |time| {
        let mut angles = stance.at(time);
        arms.apply(time, first, 1.0, &mut angles);
        arms.apply(time, 1 - first, if both { 1.0 } else { 0.15 }, &mut angles);
        for (value, wander) in angles.trunk.iter_mut().zip(&trunk) {
            *value += wander.at(time);
        }
        crouch(&mut angles, knees.at(time), 0.0);
        angles
    })
}

pub(super) fn wave(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let side = any_side(rng);
    let pace = rng.random_range(0.8..2.2);
    let outward = rng.random_range(50.0..140.0);
    let forward = rng.random_range(-10.0..60.0);
    let elbow = rng.random_range(20.0..100.0);
    let swing = rng.random_range(10.0..35.0);
    let both = rng.random_bool(0.25);
    Box::new(move |time| {
        let mut angles = stance.at(time);
        let beat = (TAU * pace * time).sin();
        for (index, limbs) in angles.sides.iter_mut().enumerate() {
            if index == side || both {
                limbs.shoulder = [forward, outward + 0.4 * swing * beat, -30.0 + swing * beat];
                limbs.elbow = elbow + swing * beat;
                limbs.shrug = 8.0;
            }
        }
        angles.trunk[1] += if side == LEFT { -3.0 } else { 3.0 };
        angles
    })
}

pub(super) fn stretch(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let period = rng.random_range(3.0..6.0);
    let height = rng.random_range(100.0..165.0);
    let forward = rng.random_bool(0.5);
    let lean = rng.random_range(-28.0..28.0);
    let back = rng.random_range(-20.0..5.0);
    let elbow = rng.random_range(0.0..60.0);
    Box::new(move |time| {
        let mut angles = stance.at(time);
        let up = pulse(time, period, 0.0);
        for limbs in &mut angles.sides {
            limbs.shoulder[usize::from(!forward)] += (height - limbs.shoulder[usize::from(!forward)]) * up;
            limbs.elbow += (elbow - limbs.elbow) * up;
            limbs.shrug += 22.0 * up;
        }
        angles.trunk[0] += back * up;
        angles.trunk[1] += lean * up;
        angles.head[0] += back * up;
        angles
    })
}

pub(super) fn punch(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let period = rng.random_range(0.7..1.6);
    let height = rng.random_range(55.0..110.0);
    let front = any_side(rng);
    let crouched = rng.random_range(10.0..45.0);
    let heading = Wander::new(rng, -40.0, 40.0, 0.2);
    Box::new(move |time| {
        let mut angles = stance.at(time);
        crouch(&mut angles, crouched, 5.0);
        angles.sides[front].hip[0] += 14.0;
        angles.sides[1 - front].hip[0] -= 12.0;
        for (side, limbs) in angles.sides.iter_mut().enumerate() {
            let out = pulse(time, period, if side == LEFT { 0.0 } else { 0.5 }).powi(3);
            limbs.shoulder = [35.0 + (height - 35.0) * out, 12.0, 20.0 - 10.0 * out];
            limbs.elbow = 125.0 - 115.0 * out;
            let turn = if side == LEFT { -25.0 } else { 25.0 };
            angles.trunk[2] += turn * out;
        }
        angles.heading += heading.at(time);
        angles
    })
}

pub(super) fn kick(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let arms = FreeArms::new(rng, 0.3);
    let period = rng.random_range(1.4..2.8);
    let height = rng.random_range(40.0..110.0);
    let side = any_side(rng);
    let outward = rng.random_range(-5.0..42.0);
    Box::new(move |time| {
        let mut angles = stance.at(time);
        let out = pulse(time, period, 0.0).powi(2);
        let back = pulse(time, period, 0.25).powi(2);
        for index in [LEFT, RIGHT] {
            arms.apply(time, index, 0.5, &mut angles);
        }
        angles.sides[side].hip[0] += height * out - 15.0 * back;
        angles.sides[side].hip[1] += outward * out;
        angles.sides[side].knee += 70.0 * back * (1.0 - out);
        angles.sides[1 - side].knee += 12.0;
        angles.sides[1 - side].hip[0] += 6.0;
        angles.trunk[0] -= 12.0 * out;
        angles
    })
}

pub(super) fn dance(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let arms = FreeArms::new(rng, 0.5);
    let trunk = wanders(rng, [(-15.0, 40.0), (-22.0, 22.0), (-30.0, 30.0)], 0.4);
    let head = wanders(rng, [(-25.0, 25.0), (-15.0, 15.0), (-40.0, 40.0)], 0.4);
    let legs: [[Wander; 4]; 2] =
        std::array::from_fn(|_| wanders(rng, [(-15.0, 70.0), (-5.0, 35.0), (-30.0, 20.0), (0.0, 95.0)], 0.4));
    let heading = Wander::new(rng, -120.0, 120.0, 0.2);
    let pitch = Wander::new(rng, -10.0, 25.0, 0.3);
    let travel = [0, 1].map(|_| Wander::new(rng, -0.8, 0.8, 0.15));
    Box::new(move |time| {
        let mut angles = stance.at(time);
        for side in [LEFT, RIGHT] {
            arms.apply(time, side, 1.0, &mut angles);
            let [forward, outward, inward_turn, knee] = &legs[side];
            angles.sides[side].hip = [forward.at(time) + pitch.at(time), outward.at(time), inward_turn.at(time)];
            angles.sides[side].knee = knee.at(time);
        }
        for index in 0..3 {
            angles.trunk[index] += trunk[index].at(time);
            angles.head[index] += head[index].at(time);
        }
        angles.pelvis[0] += pitch.at(time);
        angles.heading += heading.at(time);
        angles.travel = [travel[0].at(time), travel[1].at(time)];
        angles
    })
}

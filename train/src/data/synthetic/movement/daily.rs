//! Everyday postures between movements: hands on hips, at the face, clasped; at desks; carrying something.

use rand::Rng;
use rand::rngs::StdRng;

use super::super::angles::{Angles, LEFT, RIGHT};
use super::{Motion, Stance, Wander, any_side, crouch, pulse, wanders};

/// Where arms rest: shoulder forward, outward, turned inward, elbow.
const HELD: [[f64; 4]; 12] = [
    // On the hips, on the back, in the pockets.
    [-18.0, 42.0, 55.0, 85.0],
    [-38.0, 18.0, 65.0, 70.0],
    [-12.0, 14.0, 20.0, 45.0],
    // Crossed in front of the chest, folded in front of the belly, praying.
    [32.0, -4.0, 58.0, 105.0],
    [14.0, 4.0, 50.0, 80.0],
    [38.0, 8.0, 40.0, 120.0],
    // At the ear, at the chin, over the eyes, behind the head.
    [42.0, 24.0, 10.0, 142.0],
    [40.0, 2.0, 25.0, 140.0],
    [70.0, 40.0, 20.0, 130.0],
    [120.0, 75.0, -35.0, 140.0],
    // Pointing, and over the head.
    [88.0, 10.0, 5.0, 8.0],
    [165.0, 15.0, 0.0, 20.0],
];

/// Arms that move from one of [`HELD`] to another and back.
struct HeldArms {
    places: [[[f64; 4]; 2]; 2],
    restless: [[Wander; 4]; 2],
    period: f64,
    phase: f64,
}

impl HeldArms {
    fn new(rng: &mut StdRng) -> Self {
        let together = rng.random_bool(0.5);
        let places = [held_arms(rng, together), held_arms(rng, together)];
        let restless = std::array::from_fn(|_| wanders(rng, [(-8.0, 8.0); 4], 0.4));
        Self { places, restless, period: rng.random_range(3.0..7.0), phase: rng.random_range(0.0..1.0) }
    }

    fn apply(&self, time: f64, angles: &mut Angles) {
        // Mostly at one of the two places.
        let share = (pulse(time, self.period, self.phase) * 2.0 - 0.5).clamp(0.0, 1.0);
        let share = share * share * (3.0 - 2.0 * share);
        for side in [LEFT, RIGHT] {
            let [forward, outward, inward_turn, elbow] = std::array::from_fn(|index| {
                let from = self.places[0][side][index];
                let to = self.places[1][side][index];
                from + (to - from) * share + self.restless[side][index].at(time)
            });
            angles.sides[side].shoulder = [forward, outward, inward_turn];
            angles.sides[side].elbow = elbow;
        }
    }
}

/// One of [`HELD`] for each arm, the same for both if they are `together`.
fn held_arms(rng: &mut StdRng, together: bool) -> [[f64; 4]; 2] {
    let left = held_arm(rng);
    let right = if together { left } else { held_arm(rng) };
    [left, right]
}

/// One of [`HELD`], a little off.
fn held_arm(rng: &mut StdRng) -> [f64; 4] {
    let place = HELD[rng.random_range(0..HELD.len())];
    place.map(|angle| angle + rng.random_range(-12.0..12.0))
}

/// Weight on one leg or the other, and a look around.
fn stands_around(rng: &mut StdRng) -> impl Fn(f64) -> Angles + use<> {
    let stance = Stance::new(rng);
    let ranges = [(-10.0, 10.0), (-8.0, 20.0), (-6.0, 6.0), (-22.0, 22.0), (-45.0, 45.0), (-30.0, 25.0)];
    let wander = wanders(rng, ranges, 0.2);
    let apart = rng.random_range(0.0..14.0);
    move |time| {
        let mut angles = stance.at(time);
        let [weight, stoop, side, twist, look, nod] = wander.each_ref().map(|wander| wander.at(time));
        angles.pelvis[1] += weight;
        for (limbs, sign) in angles.sides.iter_mut().zip([1.0, -1.0]) {
            let free = (sign * weight).max(0.0);
            limbs.hip[1] += apart - sign * weight;
            limbs.hip[0] += free;
            limbs.knee += 2.5 * free;
        }
        angles.trunk[0] += stoop;
        angles.trunk[1] += side - weight;
        angles.trunk[2] += twist;
        angles.head[2] += look;
        angles.head[0] += nod;
        angles
    }
}

pub(super) fn gesture(rng: &mut StdRng) -> Motion {
    let stands = stands_around(rng);
    let arms = HeldArms::new(rng);
    Box::new(move |time| {
        let mut angles = stands(time);
        arms.apply(time, &mut angles);
        angles
    })
}

/// The same while going down and up.
pub(super) fn low_gesture(rng: &mut StdRng) -> Motion {
    let stands = stands_around(rng);
    let arms = HeldArms::new(rng);
    let period = rng.random_range(2.0..5.0);
    let depth = rng.random_range(20.0..120.0);
    let lean = rng.random_range(0.1..0.4);
    Box::new(move |time| {
        let mut angles = stands(time);
        arms.apply(time, &mut angles);
        let down = depth * pulse(time, period, 0.0);
        crouch(&mut angles, down, lean * down);
        angles
    })
}

/// Seated with the forearms on a table, or a hand at the face.
pub(super) fn desk(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let ranges = [(-15.0, 30.0), (-8.0, 35.0), (-12.0, 12.0), (-25.0, 25.0), (-30.0, 30.0), (-40.0, 40.0)];
    let sitting = wanders(rng, ranges, 0.15);
    let legs: [[Wander; 4]; 2] =
        std::array::from_fn(|_| wanders(rng, [(70.0, 100.0), (0.0, 25.0), (-15.0, 15.0), (55.0, 115.0)], 0.15));
    let on_table = [(15.0, 60.0), (0.0, 30.0), (5.0, 50.0), (50.0, 110.0)];
    let arms: [[Wander; 4]; 2] = std::array::from_fn(|_| wanders(rng, on_table, 0.3));
    let held = HeldArms::new(rng);
    let rests = rng.random_bool(0.35);
    Box::new(move |time| {
        let mut angles = stance.at(time);
        let [tip, stoop, side, twist, nod, look] = sitting.each_ref().map(|wander| wander.at(time));
        angles.pelvis[0] += tip;
        angles.trunk = [stoop, side, twist];
        angles.head = [nod, 0.5 * side, look];
        for index in [LEFT, RIGHT] {
            let limbs = &mut angles.sides[index];
            let [forward, outward, inward_turn, knee] = legs[index].each_ref().map(|wander| wander.at(time));
            limbs.hip = [forward + tip, outward, inward_turn];
            limbs.knee = knee;
            let [forward, outward, inward_turn, elbow] = arms[index].each_ref().map(|wander| wander.at(time));
            limbs.shoulder = [forward, outward, inward_turn];
            limbs.elbow = elbow;
        }
        if rests {
            held.apply(time, &mut angles);
        }
        angles
    })
}

/// Lifting something from the floor with one hand or two, from the knees or from the back, and putting it up
/// somewhere.
pub(super) fn lift(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let period = rng.random_range(2.5..5.5);
    let knees = rng.random_range(10.0..125.0);
    let back = rng.random_range(20.0..70.0);
    let twist = rng.random_range(-40.0..40.0);
    let up = rng.random_range(20.0..165.0);
    let elbow = rng.random_range(10.0..90.0);
    let both = rng.random_bool(0.6);
    let first = any_side(rng);
    Box::new(move |time| {
        let mut angles = stance.at(time);
        let down = pulse(time, period, 0.5).powi(2);
        let high = pulse(time, period, 0.0).powi(2);
        crouch(&mut angles, knees * down, 0.6 * back * down);
        angles.trunk[0] += 0.7 * back * down - 8.0 * high;
        angles.trunk[2] += twist * high;
        for (side, limbs) in angles.sides.iter_mut().enumerate() {
            if both || side == first {
                limbs.shoulder[0] += (85.0 - 0.4 * knees) * down + up * high;
                limbs.shoulder[1] += 6.0;
                limbs.elbow += 10.0 * down + elbow * 4.0 * high * (1.0 - high);
            }
        }
        angles.head[0] -= 15.0 * down;
        angles
    })
}

/// Walking on the spot while carrying something.
pub(super) fn carry(rng: &mut StdRng) -> Motion {
    let stands = stands_around(rng);
    let arms = HeldArms::new(rng);
    let pace = rng.random_range(0.6..1.1);
    let stride = rng.random_range(8.0..32.0);
    Box::new(move |time| {
        let mut angles = stands(time);
        arms.apply(time, &mut angles);
        for (limbs, phase) in angles.sides.iter_mut().zip([0.0, 0.5]) {
            let swing = (std::f64::consts::TAU * (pace * time + phase)).sin();
            limbs.hip[0] += stride * swing;
            limbs.knee += 1.6 * stride * pulse(time * pace, 1.0, phase + 0.2).powi(2);
        }
        angles
    })
}

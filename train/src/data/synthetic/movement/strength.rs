//! Movements of the whole body up and down: squats, lunges, sitting, jumping, bending.

use std::f64::consts::TAU;

use rand::Rng;
use rand::rngs::StdRng;

use super::{Motion, Stance, any_side, crouch, pulse};

pub(super) fn squat(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let period = rng.random_range(1.8..4.0);
    let depth = rng.random_range(50.0..125.0);
    let lean = rng.random_range(0.1..0.35);
    let wide = rng.random_range(0.0..25.0);
    let arms = rng.random_range(0.0..95.0);
    Box::new(move |time| {
        let mut angles = stance.at(time);
        let down = pulse(time, period, 0.0);
        crouch(&mut angles, depth * down, lean * depth * down);
        angles.trunk[0] += 0.5 * lean * depth * down;
        for limbs in &mut angles.sides {
            limbs.hip[1] += wide;
            limbs.shoulder[0] += arms * down;
        }
        angles.head[0] -= 0.5 * lean * depth * down;
        angles
    })
}

pub(super) fn lunge(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let period = rng.random_range(1.8..3.5);
    let depth = rng.random_range(45.0..95.0);
    let alternates = rng.random_bool(0.6);
    let first = any_side(rng);
    let twist = rng.random_range(-25.0..25.0);
    let arms = rng.random_range(0.0..80.0);
    Box::new(move |time| {
        let mut angles = stance.at(time);
        let down = pulse(time, period, 0.0);
        let swap = alternates && (time / period) as u64 % 2 == 1;
        let front = if swap { 1 - first } else { first };
        angles.sides[front].hip[0] += depth * down;
        angles.sides[front].knee += depth * down;
        angles.sides[1 - front].hip[0] -= 22.0 * down;
        angles.sides[1 - front].knee += 0.75 * depth * down;
        angles.trunk[2] += twist * down;
        for limbs in &mut angles.sides {
            limbs.shoulder[0] += 0.5 * arms * down;
            limbs.shoulder[1] += 0.5 * arms * down;
        }
        angles
    })
}

pub(super) fn sit(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let period = rng.random_range(4.0..9.0);
    let knee = rng.random_range(70.0..105.0);
    let lean = rng.random_range(15.0..40.0);
    let phase = rng.random_range(0.0..1.0);
    let hands = rng.random_range(10.0..60.0);
    Box::new(move |time| {
        let mut angles = stance.at(time);
        // Mostly up or mostly down: a person stays seated for a while.
        let down = (pulse(time, period, phase) * 2.0 - 0.5).clamp(0.0, 1.0);
        let down = down * down * (3.0 - 2.0 * down);
        let rising = 4.0 * down * (1.0 - down);
        for limbs in &mut angles.sides {
            limbs.hip[0] = limbs.hip[0] * (1.0 - down) + 85.0 * down + lean * rising;
            limbs.knee = limbs.knee * (1.0 - down) + knee * down;
            limbs.shoulder[0] += hands * down;
            limbs.elbow += hands * down;
        }
        angles.pelvis[0] += lean * rising;
        angles.trunk[0] += 0.5 * lean * rising;
        angles
    })
}

pub(super) fn jump(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let period = rng.random_range(1.0..2.0);
    let depth = rng.random_range(35.0..85.0);
    let height = rng.random_range(0.08..0.40);
    let arms = rng.random_range(20.0..150.0);
    let star = rng.random_range(0.0..35.0);
    let tuck = rng.random_range(0.0..70.0);
    Box::new(move |time| {
        let mut angles = stance.at(time);
        let wave = (TAU * time / period).sin();
        let down = (-wave).max(0.0).powi(2);
        let up = wave.max(0.0).powi(2);
        crouch(&mut angles, depth * down + tuck * up, 0.2 * depth * down);
        for limbs in &mut angles.sides {
            limbs.hip[1] += star * up;
            limbs.shoulder[0] += arms * (0.6 * up - 0.2 * down);
            limbs.shoulder[1] += star * 2.5 * up;
        }
        angles.trunk[0] += 0.2 * depth * down;
        angles.lift += height * up;
        angles
    })
}

pub(super) fn bend(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let period = rng.random_range(2.5..5.0);
    let forward = rng.random_range(25.0..95.0);
    let side = rng.random_range(-28.0..28.0);
    let twist = rng.random_range(-35.0..35.0);
    let knees = rng.random_range(0.0..60.0);
    let reach = rng.random_range(0.0..90.0);
    Box::new(move |time| {
        let mut angles = stance.at(time);
        let down = pulse(time, period, 0.0);
        crouch(&mut angles, knees * down, 0.5 * forward * down);
        angles.trunk[0] += 0.5 * forward * down;
        angles.trunk[1] += side * down;
        angles.trunk[2] += twist * down;
        for limbs in &mut angles.sides {
            limbs.shoulder[0] += reach * down;
        }
        angles
    })
}

//! On the floor: kneeling, sitting, lying, on all fours.

use rand::Rng;
use rand::rngs::StdRng;

use super::super::angles::{Angles, LEFT, RIGHT};
use super::arms::FreeArms;
use super::{Motion, Stance, Wander, any_side, pulse, wanders};

/// Legs that move slowly, each within the same ranges: hip forward, outward, turned inward; knee.
struct Legs([[Wander; 4]; 2]);

impl Legs {
    fn new(rng: &mut StdRng, ranges: [(f64, f64); 4]) -> Self {
        let both = wanders(rng, ranges, 0.2);
        // Half the people do the same with both.
        if rng.random_bool(0.5) { Self([both.clone(), both]) } else { Self([both, wanders(rng, ranges, 0.2)]) }
    }

    fn apply(&self, time: f64, angles: &mut Angles) {
        for (limbs, legs) in angles.sides.iter_mut().zip(&self.0) {
            let [forward, outward, inward_turn, knee] = legs.each_ref().map(|wander| wander.at(time));
            limbs.hip = [forward, outward, inward_turn];
            limbs.knee = knee;
        }
    }
}

/// A person who lies or sits: pelvis pitch and roll, trunk, legs and arms within ranges.
fn resting(
    rng: &mut StdRng,
    pelvis: [(f64, f64); 2],
    trunk: [(f64, f64); 3],
    legs: [(f64, f64); 4],
    arms: FreeArms,
) -> Motion {
    let stance = Stance::new(rng);
    let pelvis = wanders(rng, pelvis, 0.12);
    let trunk = wanders(rng, trunk, 0.2);
    let head = wanders(rng, [(-30.0, 40.0), (-20.0, 20.0), (-55.0, 55.0)], 0.2);
    let legs = Legs::new(rng, legs);
    Box::new(move |time| {
        let mut angles = stance.at(time);
        angles.pelvis = pelvis.each_ref().map(|wander| wander.at(time));
        angles.trunk = trunk.each_ref().map(|wander| wander.at(time));
        angles.head = head.each_ref().map(|wander| wander.at(time));
        legs.apply(time, &mut angles);
        arms.apply_to_both(time, &mut angles);
        angles
    })
}

pub(super) fn kneel(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let arms = FreeArms::anywhere(rng, 0.3);
    let one = rng.random_bool(0.5);
    let front = any_side(rng);
    let still = rng.random_range(0.2..1.0);
    let ranges = [(-8.0, 25.0), (0.0, 30.0), (60.0, 105.0), (0.0, 45.0), (-25.0, 25.0)];
    let wander = wanders(rng, ranges, 0.2);
    Box::new(move |time| {
        let mut angles = stance.at(time);
        let [tip, outward, front_hip, down, twist] = wander.each_ref().map(|wander| wander.at(time));
        angles.pelvis[0] = tip;
        angles.trunk[0] += 0.6 * tip;
        angles.trunk[2] += twist;
        for (side, limbs) in angles.sides.iter_mut().enumerate() {
            // The buttocks sink towards the heels.
            limbs.hip = [tip + down, outward, 0.0];
            limbs.knee = 92.0 + down;
            if one && side == front {
                limbs.hip = [front_hip + tip, outward, 0.0];
                limbs.knee = front_hip - 5.0;
            }
        }
        for side in [LEFT, RIGHT] {
            arms.apply(time, side, still, &mut angles);
        }
        angles
    })
}

/// Legs forward, stretched or drawn in.
pub(super) fn sit(rng: &mut StdRng) -> Motion {
    let arms = FreeArms::within(rng, [(-45.0, 120.0), (0.0, 50.0), (-40.0, 40.0), (0.0, 120.0), (0.0, 15.0)], 0.25);
    let trunk = [(0.0, 60.0), (-15.0, 15.0), (-30.0, 30.0)];
    resting(rng, [(-35.0, 5.0), (-6.0, 6.0)], trunk, [(70.0, 112.0), (-5.0, 40.0), (-20.0, 20.0), (0.0, 125.0)], arms)
}

pub(super) fn cross_legged(rng: &mut StdRng) -> Motion {
    let arms = FreeArms::within(rng, [(-20.0, 130.0), (0.0, 60.0), (-40.0, 50.0), (5.0, 130.0), (0.0, 15.0)], 0.25);
    let legs = [(75.0, 105.0), (25.0, 45.0), (-35.0, -20.0), (100.0, 138.0)];
    resting(rng, [(-25.0, 10.0), (-5.0, 5.0)], [(0.0, 45.0), (-15.0, 15.0), (-30.0, 30.0)], legs, arms)
}

/// Lying still, doing sit-ups, or with the legs up.
pub(super) fn on_back(rng: &mut StdRng) -> Motion {
    let arms = FreeArms::anywhere(rng, 0.2);
    let trunk = [(-15.0, 60.0), (-15.0, 15.0), (-20.0, 20.0)];
    let legs = [(-20.0, 110.0), (-5.0, 35.0), (-25.0, 15.0), (0.0, 120.0)];
    resting(rng, [(-115.0, -50.0), (-12.0, 12.0)], trunk, legs, arms)
}

pub(super) fn on_front(rng: &mut StdRng) -> Motion {
    let arms = FreeArms::within(rng, [(-40.0, 170.0), (0.0, 110.0), (-60.0, 60.0), (0.0, 130.0), (0.0, 20.0)], 0.2);
    let trunk = [(-25.0, 15.0), (-15.0, 15.0), (-20.0, 20.0)];
    let legs = [(-22.0, 35.0), (-5.0, 40.0), (-30.0, 20.0), (0.0, 110.0)];
    resting(rng, [(75.0, 100.0), (-10.0, 10.0)], trunk, legs, arms)
}

pub(super) fn on_side(rng: &mut StdRng) -> Motion {
    let arms = FreeArms::anywhere(rng, 0.2);
    let roll = if any_side(rng) == LEFT { (70.0, 105.0) } else { (-105.0, -70.0) };
    let trunk = [(-10.0, 40.0), (-25.0, 25.0), (-25.0, 25.0)];
    resting(rng, [(-25.0, 25.0), roll], trunk, [(-15.0, 100.0), (-10.0, 35.0), (-20.0, 20.0), (0.0, 120.0)], arms)
}

/// On hands and knees, or on hands and feet.
pub(super) fn crawl(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let pace = rng.random_range(0.2..1.0);
    let stride = rng.random_range(0.0..25.0);
    let pitch = rng.random_range(70.0..100.0);
    let knee = rng.random_range(75.0..100.0);
    let on_feet = rng.random_range(0.0..35.0) * f64::from(u8::from(rng.random_bool(0.3)));
    let first = any_side(rng);
    let ranges = [(-20.0, 25.0), (-12.0, 12.0), (-15.0, 15.0), (-45.0, 10.0), (-40.0, 40.0), (0.0, 30.0)];
    let wander = wanders(rng, ranges, 0.2);
    Box::new(move |time| {
        let mut angles = stance.at(time);
        let [arch, side, twist, nod, look, elbow] = wander.each_ref().map(|wander| wander.at(time));
        angles.pelvis = [pitch, 0.0];
        angles.trunk = [arch, side, twist];
        angles.head = [nod, 0.0, look];
        for (index, limbs) in angles.sides.iter_mut().enumerate() {
            let step = stride * (std::f64::consts::TAU * (pace * time + if index == first { 0.0 } else { 0.5 })).sin();
            limbs.hip = [pitch + step, 8.0, 0.0];
            limbs.knee = knee - on_feet + 0.5 * step.max(0.0);
            limbs.shoulder = [pitch + arch - step, 5.0, 0.0];
            limbs.elbow = elbow;
        }
        angles
    })
}

/// A plank on hands or elbows, up and down.
pub(super) fn push_up(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let period = rng.random_range(1.2..4.0);
    let depth = rng.random_range(0.0..105.0);
    let wide = rng.random_range(0.0..60.0);
    let turned = rng.random_range(-40.0..30.0);
    let wander = wanders(rng, [(-15.0, 35.0), (0.0, 25.0), (-8.0, 8.0), (-40.0, 10.0)], 0.2);
    Box::new(move |time| {
        let mut angles = stance.at(time);
        let down = pulse(time, period, 0.0);
        let [sag, knee, roll, nod] = wander.each_ref().map(|wander| wander.at(time));
        angles.pelvis = [72.0 + 12.0 * down, roll];
        angles.trunk = [0.4 * sag, 0.0, 0.0];
        angles.head = [nod, 0.0, 0.0];
        for limbs in &mut angles.sides {
            limbs.hip = [sag, 4.0, 0.0];
            limbs.knee = knee;
            limbs.shoulder = [82.0 - 0.55 * depth * down, wide * down + 5.0, turned];
            limbs.elbow = 5.0 + depth * down;
        }
        angles
    })
}

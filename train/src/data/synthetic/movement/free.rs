//! Postures within the joints' limits, without a purpose: exercise, therapy and dance come close to all of them.

use rand::Rng;
use rand::rngs::StdRng;

use super::super::angles::{Angles, LEFT, RIGHT};
use super::arms::FreeArms;
use super::{Motion, Stance, Wander, any_side, crouch, wanders};

/// A trunk that bends and turns, and a head that looks around.
struct FreeTrunk {
    trunk: [Wander; 3],
    head: [Wander; 3],
}

impl FreeTrunk {
    fn new(rng: &mut StdRng, share: f64) -> Self {
        Self {
            trunk: wanders(rng, scaled([(-25.0, 60.0), (-28.0, 28.0), (-40.0, 40.0)], share), 0.3),
            head: wanders(rng, scaled([(-35.0, 35.0), (-25.0, 25.0), (-60.0, 60.0)], share), 0.3),
        }
    }

    fn apply(&self, time: f64, angles: &mut Angles) {
        for index in 0..3 {
            angles.trunk[index] += self.trunk[index].at(time);
            angles.head[index] += self.head[index].at(time);
        }
    }
}

fn scaled(ranges: [(f64, f64); 3], share: f64) -> [(f64, f64); 3] {
    ranges.map(|(low, high)| (low * share, high * share))
}

/// Each arm in a pose of its own, the rest almost still.
pub(super) fn arms(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let arms = FreeArms::anywhere(rng, 0.35);
    let trunk = FreeTrunk::new(rng, 0.3);
    let knees = Wander::new(rng, 0.0, 40.0, 0.2);
    Box::new(move |time| {
        let mut angles = stance.at(time);
        arms.apply_to_both(time, &mut angles);
        trunk.apply(time, &mut angles);
        crouch(&mut angles, knees.at(time), 0.0);
        angles
    })
}

/// Both arms the same, and both legs: most exercises are symmetric.
pub(super) fn pairs(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let arms = FreeArms::anywhere(rng, 0.3).alike();
    let trunk = FreeTrunk::new(rng, 0.25);
    let [knees, wide, lean] = wanders(rng, [(0.0, 110.0), (0.0, 35.0), (0.0, 40.0)], 0.25);
    Box::new(move |time| {
        let mut angles = stance.at(time);
        arms.apply_to_both(time, &mut angles);
        trunk.apply(time, &mut angles);
        crouch(&mut angles, knees.at(time), 0.4 * lean.at(time));
        angles.trunk[0] += 0.6 * lean.at(time);
        for limbs in &mut angles.sides {
            limbs.hip[1] += wide.at(time);
        }
        angles
    })
}

/// Everything at once.
pub(super) fn body(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let arms = FreeArms::anywhere(rng, 0.35);
    let trunk = FreeTrunk::new(rng, 0.8);
    let ranges = [(-20.0, 100.0), (-10.0, 42.0), (-32.0, 32.0), (0.0, 125.0)];
    let legs: [[Wander; 4]; 2] = std::array::from_fn(|_| wanders(rng, ranges, 0.3));
    let pelvis = wanders(rng, [(-20.0, 50.0), (-18.0, 18.0)], 0.25);
    Box::new(move |time| {
        let mut angles = stance.at(time);
        arms.apply_to_both(time, &mut angles);
        trunk.apply(time, &mut angles);
        for side in [LEFT, RIGHT] {
            let [forward, outward, inward_turn, knee] = &legs[side];
            angles.sides[side].hip = [forward.at(time), outward.at(time), inward_turn.at(time)];
            angles.sides[side].knee = knee.at(time);
        }
        angles.pelvis = [pelvis[0].at(time), pelvis[1].at(time)];
        angles
    })
}

/// On one leg, the other in any pose.
pub(super) fn balance(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let arms = FreeArms::anywhere(rng, 0.25);
    let stands = any_side(rng);
    let still = rng.random_range(0.2..1.0);
    let ranges = [(-25.0, 110.0), (-12.0, 45.0), (-30.0, 30.0), (0.0, 130.0), (0.0, 45.0), (-10.0, 60.0)];
    let wander = wanders(rng, ranges, 0.25);
    Box::new(move |time| {
        let mut angles = stance.at(time);
        let [forward, outward, inward_turn, knee, support, lean] = wander.each_ref().map(|wander| wander.at(time));
        for side in [LEFT, RIGHT] {
            arms.apply(time, side, still, &mut angles);
        }
        // The standing leg stays upright when the trunk leans forward.
        angles.pelvis[0] += lean;
        let limbs = &mut angles.sides;
        limbs[stands].hip[0] += 0.55 * support + lean;
        limbs[stands].knee += support;
        limbs[1 - stands].hip = [forward, outward, inward_turn];
        limbs[1 - stands].knee = knee;
        angles
    })
}

//! Sports: throwing, swinging something with both hands, riding, climbing, and standing on the hands.

use std::f64::consts::TAU;

use rand::Rng;
use rand::rngs::StdRng;

use super::super::angles::LEFT;
use super::arms::FreeArms;
use super::{Motion, Stance, any_side, crouch, pulse, wanders};

/// One arm back, then forward: balls, rackets, over the head or from below.
pub(super) fn throw(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let arms = FreeArms::anywhere(rng, 0.3);
    let hand = any_side(rng);
    let period = rng.random_range(1.3..2.8);
    let raised = rng.random_range(15.0..155.0);
    let stride = rng.random_range(0.0..45.0);
    let twist = rng.random_range(15.0..40.0);
    let elbow = rng.random_range(30.0..125.0);
    let lean = rng.random_range(0.0..45.0);
    let sign = if hand == LEFT { 1.0 } else { -1.0 };
    Box::new(move |time| {
        let mut angles = stance.at(time);
        // −1 drawn back, +1 followed through.
        let stroke = (TAU * time / period + 0.8 * (TAU * time / period).cos()).sin();
        let back = (-stroke).max(0.0);
        let through = stroke.max(0.0);
        crouch(&mut angles, 15.0 + 0.4 * stride, 0.3 * lean * through);
        angles.trunk[2] += sign * twist * -stroke;
        angles.trunk[0] += lean * through - 10.0 * back;
        angles.trunk[1] -= sign * 12.0 * back;
        arms.apply(time, 1 - hand, 0.7, &mut angles);
        let other = 1 - hand;
        let arm = &mut angles.sides[hand];
        arm.shoulder =
            [20.0 + 70.0 * through - 25.0 * back, raised * (1.0 - 0.5 * through), -65.0 * back + 45.0 * through];
        arm.elbow = elbow * (1.0 - through) + 8.0;
        angles.sides[other].hip[0] += stride;
        angles.sides[other].knee += 0.8 * stride;
        angles.sides[hand].hip[0] -= 0.4 * stride;
        angles
    })
}

/// Both hands on one object: bats, clubs, axes, paddles.
pub(super) fn swing(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let front = any_side(rng);
    let period = rng.random_range(1.4..3.2);
    let height = rng.random_range(25.0..120.0);
    let arc = rng.random_range(20.0..70.0);
    let twist = rng.random_range(15.0..40.0);
    let tip = rng.random_range(0.0..45.0);
    let knees = rng.random_range(5.0..60.0);
    let elbow = rng.random_range(5.0..60.0);
    let apart = rng.random_range(5.0..28.0);
    let rise = rng.random_range(0.0..90.0);
    let sign = if front == LEFT { 1.0 } else { -1.0 };
    Box::new(move |time| {
        let mut angles = stance.at(time);
        let stroke = (TAU * time / period).sin();
        crouch(&mut angles, knees, tip);
        angles.trunk[2] += sign * twist * stroke;
        angles.trunk[0] += 0.3 * tip;
        for (side, limbs) in angles.sides.iter_mut().enumerate() {
            let across = if side == front { -stroke } else { stroke };
            limbs.hip[1] += apart;
            limbs.shoulder = [height + rise * stroke.powi(2), 8.0 - 0.4 * arc * across, 25.0 + 0.5 * arc * across];
            limbs.elbow = elbow + 55.0 * across.max(0.0) * stroke.abs();
        }
        angles
    })
}

/// On a bicycle, a horse or a rowing bench.
pub(super) fn ride(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let pace = rng.random_range(0.4..1.6);
    let together = rng.random_bool(0.25);
    let tip = rng.random_range(-5.0..60.0);
    let seat = rng.random_range(40.0..75.0);
    let apart = rng.random_range(0.0..30.0);
    let stroke = rng.random_range(0.0..32.0);
    let reach = rng.random_range(25.0..95.0);
    let wander = wanders(rng, [(0.0, 70.0), (-45.0, 5.0), (0.0, 30.0), (-8.0, 8.0)], 0.2);
    Box::new(move |time| {
        let mut angles = stance.at(time);
        let [elbow, nod, outward, side] = wander.each_ref().map(|wander| wander.at(time));
        angles.pelvis[0] += tip;
        angles.trunk[0] += 0.4 * tip;
        angles.trunk[1] += side;
        angles.head[0] += nod;
        for (limbs, phase) in angles.sides.iter_mut().zip([0.0, if together { 0.0 } else { 0.5 }]) {
            let turn = (TAU * (pace * time + phase)).sin();
            limbs.hip = [seat + tip + stroke * turn, apart, 0.0];
            limbs.knee = seat + 15.0 + stroke * 1.3 * turn;
            limbs.shoulder = [reach, outward, 10.0];
            limbs.elbow = elbow;
        }
        angles
    })
}

pub(super) fn climb(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let period = rng.random_range(1.5..3.5);
    let lean = rng.random_range(-10.0..25.0);
    let apart = rng.random_range(0.0..40.0);
    let high = rng.random_range(110.0..168.0);
    let knee = rng.random_range(50.0..130.0);
    let crossed = rng.random_bool(0.5);
    let wander = wanders(rng, [(-35.0, 20.0), (-30.0, 30.0), (-20.0, 20.0)], 0.2);
    Box::new(move |time| {
        let mut angles = stance.at(time);
        let [nod, look, side] = wander.each_ref().map(|wander| wander.at(time));
        angles.pelvis[0] += lean;
        angles.trunk[1] += side;
        angles.head[0] += nod;
        angles.head[2] += look;
        for (side, limbs) in angles.sides.iter_mut().enumerate() {
            let phase = if side == LEFT { 0.0 } else { 0.5 };
            let up = pulse(time, period, phase);
            let step = pulse(time, period, phase + if crossed { 0.5 } else { 0.0 });
            limbs.shoulder = [60.0 + (high - 60.0) * up, 10.0 + 0.5 * apart * up, -10.0];
            limbs.elbow = 105.0 - 95.0 * up;
            limbs.hip = [0.8 * knee * step + lean, apart * step, -0.5 * apart * step];
            limbs.knee = knee * step;
        }
        angles
    })
}

/// On the hands, legs together, split or bent.
pub(super) fn handstand(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let turned = any_side(rng);
    let ranges = [(-25.0, 90.0), (0.0, 40.0), (-10.0, 10.0), (0.0, 110.0)];
    let legs: [_; 2] = std::array::from_fn(|_| wanders(rng, ranges, 0.25));
    let wander = wanders(rng, [(145.0, 180.0), (-15.0, 15.0), (-20.0, 20.0), (0.0, 40.0), (-45.0, 10.0)], 0.2);
    let sign = if turned == LEFT { 1.0 } else { -1.0 };
    Box::new(move |time| {
        let mut angles = stance.at(time);
        let [pitch, roll, arch, elbow, nod] = wander.each_ref().map(|wander| wander.at(time));
        angles.pelvis = [sign * pitch, roll];
        angles.trunk[0] = arch;
        angles.head[0] = nod;
        for (limbs, leg) in angles.sides.iter_mut().zip(&legs) {
            let [forward, outward, inward_turn, knee] = leg.each_ref().map(|wander| wander.at(time));
            limbs.hip = [forward, outward, inward_turn];
            limbs.knee = knee;
            limbs.shoulder = [168.0, 10.0, 0.0];
            limbs.elbow = elbow;
            limbs.shrug = 25.0;
        }
        angles
    })
}

/// A cartwheel there and back: over the side, arms and legs spread.
pub(super) fn wheel(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let side = any_side(rng);
    let period = rng.random_range(1.6..3.0);
    let spread = rng.random_range(20.0..44.0);
    let arms = rng.random_range(120.0..165.0);
    let bent = rng.random_range(0.0..50.0);
    let sign = if side == LEFT { 1.0 } else { -1.0 };
    Box::new(move |time| {
        let mut angles = stance.at(time);
        let over = pulse(time, period, 0.0);
        angles.pelvis[1] = sign * 180.0 * over;
        angles.trunk[1] += sign * 25.0 * over * (1.0 - over) * 4.0;
        for (index, limbs) in angles.sides.iter_mut().enumerate() {
            let leads = f64::from(u8::from(index == side));
            limbs.shoulder = [20.0 * over, arms * (0.3 + 0.7 * over), 0.0];
            limbs.elbow = bent * (1.0 - over);
            limbs.hip = [bent * leads * (1.0 - over), spread * (0.2 + 0.8 * over), 0.0];
            limbs.knee = bent * leads;
        }
        angles
    })
}

/// Somersaults in the air, forward or backward, tucked, piked or straight.
pub(super) fn somersault(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let period = rng.random_range(1.4..2.6);
    let forward = rng.random_bool(0.5);
    let tuck = rng.random_range(0.0..112.0);
    let knees = rng.random_range(0.0..1.0);
    let round = rng.random_range(0.0..70.0);
    let height = rng.random_range(0.1..0.8);
    let elbow = rng.random_range(0.0..110.0);
    let raised = rng.random_range(0.0..160.0);
    let sign = if forward { 1.0 } else { -1.0 };
    Box::new(move |time| {
        let mut angles = stance.at(time);
        let over = pulse(time, period, 0.0);
        angles.pelvis[0] = sign * 180.0 * over;
        angles.trunk[0] += round * over;
        angles.head[0] += 30.0 * over;
        for limbs in &mut angles.sides {
            limbs.hip = [tuck * over, 5.0, 0.0];
            limbs.knee = knees * 1.2 * tuck * over;
            limbs.shoulder = [raised + (60.0 - raised) * over, 10.0, 0.0];
            limbs.elbow = elbow * over;
        }
        angles.lift = height * over;
        angles
    })
}

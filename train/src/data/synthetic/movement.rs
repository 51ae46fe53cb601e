//! What the figures do: each movement draws its numbers once and is then a function of time.

use std::f64::consts::TAU;

use rand::Rng;
use rand::rngs::StdRng;

use super::angles::{Angles, LEFT, RIGHT, Side};

/// Angles at a time in seconds.
pub(super) type Motion = Box<dyn Fn(f64) -> Angles>;

/// A kind of movement.
pub(super) struct Movement {
    /// Its name, the first part of its clips' names.
    pub(super) name: &'static str,
    /// Draws one performance of it.
    pub(super) compose: fn(&mut StdRng) -> Motion,
}

/// Every movement.
pub(super) const MOVEMENTS: [Movement; 16] = [
    Movement { name: "walk", compose: walk },
    Movement { name: "run", compose: run },
    Movement { name: "march", compose: march },
    Movement { name: "side_step", compose: side_step },
    Movement { name: "turn", compose: turn },
    Movement { name: "squat", compose: squat },
    Movement { name: "lunge", compose: lunge },
    Movement { name: "sit", compose: sit },
    Movement { name: "jump", compose: jump },
    Movement { name: "bend", compose: bend },
    Movement { name: "reach", compose: reach },
    Movement { name: "wave", compose: wave },
    Movement { name: "stretch", compose: stretch },
    Movement { name: "punch", compose: punch },
    Movement { name: "kick", compose: kick },
    Movement { name: "dance", compose: dance },
];

/// A number that glides from one random value in a range to the next, resting at none.
struct Wander {
    low: f64,
    high: f64,
    waves: [(f64, f64, f64); 3],
}

impl Wander {
    /// `pace`: about how many times a second it turns.
    fn new(rng: &mut StdRng, low: f64, high: f64, pace: f64) -> Self {
        let waves =
            [1.0, 0.6, 0.5].map(|weight| (weight, pace * rng.random_range(0.5..1.5), rng.random_range(0.0..TAU)));
        Self { low, high, waves }
    }

    fn at(&self, time: f64) -> f64 {
        let sum: f64 = self.waves.iter().map(|(weight, pace, phase)| weight * (TAU * pace * time + phase).sin()).sum();
        let total: f64 = self.waves.iter().map(|(weight, ..)| weight).sum();
        let middle = f64::midpoint(self.low, self.high);
        // Sums of sines keep to the middle: widened, and bent back where they would leave the range.
        middle + (self.high - self.low) / 2.0 * (1.6 * sum / total).tanh()
    }
}

/// How a person holds itself while doing something: small movement of everything that the movement itself leaves alone.
struct Stance {
    trunk: [Wander; 3],
    head: [Wander; 3],
    arms: [[Wander; 4]; 2],
    hips: [Wander; 3],
}

impl Stance {
    fn new(rng: &mut StdRng) -> Self {
        let stoop = rng.random_range(-2.0..10.0);
        let gaze = rng.random_range(-8.0..18.0);
        let wide = rng.random_range(0.0..9.0);
        let pace = 0.25;
        Self {
            trunk: [(stoop - 3.0, stoop + 3.0), (-3.0, 3.0), (-5.0, 5.0)].map(|(a, b)| Wander::new(rng, a, b, pace)),
            head: [(gaze - 8.0, gaze + 8.0), (-6.0, 6.0), (-30.0, 30.0)].map(|(a, b)| Wander::new(rng, a, b, pace)),
            arms: std::array::from_fn(|_| {
                [(-8.0, 12.0), (2.0, 16.0), (-5.0, 40.0), (5.0, 40.0)].map(|(a, b)| Wander::new(rng, a, b, pace))
            }),
            hips: [(0.0, 5.0), (wide, wide + 2.0), (-15.0, 3.0)].map(|(a, b)| Wander::new(rng, a, b, pace)),
        }
    }

    fn at(&self, time: f64) -> Angles {
        let all = |wanders: &[Wander; 3]| std::array::from_fn(|index| wanders[index].at(time));
        let side = |arm: &[Wander; 4]| {
            let hip: [f64; 3] = all(&self.hips);
            Side {
                hip,
                knee: 2.0 * hip[0],
                shoulder: [arm[0].at(time), arm[1].at(time), arm[2].at(time)],
                elbow: arm[3].at(time),
                shrug: 0.0,
            }
        };
        Angles {
            trunk: all(&self.trunk),
            head: all(&self.head),
            sides: [side(&self.arms[LEFT]), side(&self.arms[RIGHT])],
            ..Angles::default()
        }
    }
}

/// 0 at the start of each period, 1 in its middle, smooth.
fn pulse(time: f64, period: f64, phase: f64) -> f64 {
    (1.0 - (TAU * (time / period + phase)).cos()) / 2.0
}

/// Either side, by chance.
fn any_side(rng: &mut StdRng) -> usize {
    if rng.random_bool(0.5) { LEFT } else { RIGHT }
}

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
    /// Metres a second.
    speed: f64,
    /// Degrees a second to the left.
    turning: f64,
}

impl Gait {
    fn apply(&self, time: f64, phase: f64, angles: &mut Angles) {
        let cycle = TAU * self.cadence * time + phase;
        for (side, limbs) in angles.sides.iter_mut().enumerate() {
            let cycle = if side == LEFT { cycle } else { cycle + TAU / 2.0 };
            // The thigh swings forward while its cosine is positive: that is when the knee bends.
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
        let (stance, phase) = (Stance::new(rng), rng.random_range(0.0..TAU));
        Box::new(move |time| {
            let mut angles = stance.at(time);
            self.apply(time, phase, &mut angles);
            angles
        })
    }
}

fn walk(rng: &mut StdRng) -> Motion {
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

fn run(rng: &mut StdRng) -> Motion {
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

fn march(rng: &mut StdRng) -> Motion {
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

fn side_step(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let (leader, period) = (any_side(rng), rng.random_range(0.9..1.8));
    let (width, crouch) = (rng.random_range(15.0..38.0), rng.random_range(5.0..45.0));
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

fn turn(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let range = rng.random_range(60.0..200.0);
    let heading = Wander::new(rng, -range, range, 0.15);
    let (look, lean) = (Wander::new(rng, -60.0, 60.0, 0.3), Wander::new(rng, -12.0, 12.0, 0.3));
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

/// Hips, knees and ankles of both legs bent so that the feet stay under the body.
fn crouch(angles: &mut Angles, knee: f64, pitch: f64) {
    for limbs in &mut angles.sides {
        limbs.knee = limbs.knee.max(knee);
        limbs.hip[0] += 0.55 * knee + pitch;
    }
    angles.pelvis[0] += pitch;
}

fn squat(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let (period, depth) = (rng.random_range(1.8..4.0), rng.random_range(50.0..125.0));
    let (lean, wide) = (rng.random_range(0.1..0.35), rng.random_range(0.0..25.0));
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

fn lunge(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let (period, depth) = (rng.random_range(1.8..3.5), rng.random_range(45.0..95.0));
    let (alternates, first) = (rng.random_bool(0.6), any_side(rng));
    let (twist, arms) = (rng.random_range(-25.0..25.0), rng.random_range(0.0..80.0));
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

fn sit(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let (period, knee) = (rng.random_range(4.0..9.0), rng.random_range(70.0..105.0));
    let (lean, phase) = (rng.random_range(15.0..40.0), rng.random_range(0.0..1.0));
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

fn jump(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let (period, depth) = (rng.random_range(1.0..2.0), rng.random_range(35.0..85.0));
    let (height, arms) = (rng.random_range(0.08..0.40), rng.random_range(20.0..150.0));
    let (star, tuck) = (rng.random_range(0.0..35.0), rng.random_range(0.0..70.0));
    Box::new(move |time| {
        let mut angles = stance.at(time);
        let wave = (TAU * time / period).sin();
        let (down, up) = ((-wave).max(0.0).powi(2), wave.max(0.0).powi(2));
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

fn bend(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let (period, forward) = (rng.random_range(2.5..5.0), rng.random_range(25.0..95.0));
    let (side, twist) = (rng.random_range(-28.0..28.0), rng.random_range(-35.0..35.0));
    let (knees, reach) = (rng.random_range(0.0..60.0), rng.random_range(0.0..90.0));
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

/// Arms that go to random places in front of and above the body.
struct FreeArms([[Wander; 5]; 2]);

impl FreeArms {
    fn new(rng: &mut StdRng, pace: f64) -> Self {
        let ranges = [(-30.0, 150.0), (-5.0, 110.0), (-50.0, 65.0), (5.0, 135.0), (0.0, 22.0)];
        Self(std::array::from_fn(|_| ranges.map(|(low, high)| Wander::new(rng, low, high, pace))))
    }

    fn apply(&self, time: f64, side: usize, share: f64, angles: &mut Angles) {
        let [forward, outward, inward_turn, elbow, shrug] = &self.0[side];
        let limbs = &mut angles.sides[side];
        let mix = |old: f64, new: &Wander| old + (new.at(time) - old) * share;
        limbs.shoulder =
            [mix(limbs.shoulder[0], forward), mix(limbs.shoulder[1], outward), mix(limbs.shoulder[2], inward_turn)];
        limbs.elbow = mix(limbs.elbow, elbow);
        limbs.shrug = mix(limbs.shrug, shrug);
    }
}

fn reach(rng: &mut StdRng) -> Motion {
    let (stance, arms) = (Stance::new(rng), FreeArms::new(rng, 0.35));
    let both = rng.random_bool(0.6);
    let first = any_side(rng);
    let trunk = [(-5.0, 40.0), (-18.0, 18.0), (-30.0, 30.0)].map(|(low, high)| Wander::new(rng, low, high, 0.3));
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

fn wave(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let (side, pace) = (any_side(rng), rng.random_range(0.8..2.2));
    let (outward, forward) = (rng.random_range(50.0..140.0), rng.random_range(-10.0..60.0));
    let (elbow, swing) = (rng.random_range(20.0..100.0), rng.random_range(10.0..35.0));
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

fn stretch(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let (period, height) = (rng.random_range(3.0..6.0), rng.random_range(100.0..165.0));
    let (forward, lean) = (rng.random_bool(0.5), rng.random_range(-28.0..28.0));
    let (back, elbow) = (rng.random_range(-20.0..5.0), rng.random_range(0.0..60.0));
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

fn punch(rng: &mut StdRng) -> Motion {
    let stance = Stance::new(rng);
    let (period, height) = (rng.random_range(0.7..1.6), rng.random_range(55.0..110.0));
    let (front, crouched) = (any_side(rng), rng.random_range(10.0..45.0));
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
            angles.trunk[2] += if side == LEFT { -25.0 } else { 25.0 } * out;
        }
        angles.heading += heading.at(time);
        angles
    })
}

fn kick(rng: &mut StdRng) -> Motion {
    let (stance, arms) = (Stance::new(rng), FreeArms::new(rng, 0.3));
    let (period, height) = (rng.random_range(1.4..2.8), rng.random_range(40.0..110.0));
    let (side, outward) = (any_side(rng), rng.random_range(-5.0..42.0));
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

fn dance(rng: &mut StdRng) -> Motion {
    let (stance, arms) = (Stance::new(rng), FreeArms::new(rng, 0.5));
    let trunk = [(-15.0, 40.0), (-22.0, 22.0), (-30.0, 30.0)].map(|(low, high)| Wander::new(rng, low, high, 0.4));
    let head = [(-25.0, 25.0), (-15.0, 15.0), (-40.0, 40.0)].map(|(low, high)| Wander::new(rng, low, high, 0.4));
    let legs: [[Wander; 4]; 2] = std::array::from_fn(|_| {
        [(-15.0, 70.0), (-5.0, 35.0), (-30.0, 20.0), (0.0, 95.0)].map(|(low, high)| Wander::new(rng, low, high, 0.4))
    });
    let (heading, pitch) = (Wander::new(rng, -120.0, 120.0, 0.2), Wander::new(rng, -10.0, 25.0, 0.3));
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

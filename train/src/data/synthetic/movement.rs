//! The figures' movements: each draws its numbers once and is then a function of time.

mod arms;
mod daily;
mod floor;
mod free;
mod gait;
mod sport;
mod strength;

use std::f64::consts::TAU;

use rand::Rng;
use rand::rngs::StdRng;

use super::angles::{Angles, LEFT, RIGHT, Side};

/// Angles as a function of time in seconds.
pub(super) type Motion = Box<dyn Fn(f64) -> Angles>;

/// A kind of movement.
pub(super) struct Movement {
    /// Its name, the first part of its clips' names.
    pub(super) name: &'static str,
    /// Draws one performance of it.
    pub(super) compose: fn(&mut StdRng) -> Motion,
}

/// Everyday movements.
pub(super) const EVERYDAY: [Movement; 16] = [
    Movement { name: "walk", compose: gait::walk },
    Movement { name: "run", compose: gait::run },
    Movement { name: "march", compose: gait::march },
    Movement { name: "side_step", compose: gait::side_step },
    Movement { name: "turn", compose: gait::turn },
    Movement { name: "squat", compose: strength::squat },
    Movement { name: "lunge", compose: strength::lunge },
    Movement { name: "sit", compose: strength::sit },
    Movement { name: "jump", compose: strength::jump },
    Movement { name: "bend", compose: strength::bend },
    Movement { name: "reach", compose: arms::reach },
    Movement { name: "wave", compose: arms::wave },
    Movement { name: "stretch", compose: arms::stretch },
    Movement { name: "punch", compose: arms::punch },
    Movement { name: "kick", compose: arms::kick },
    Movement { name: "dance", compose: arms::dance },
];

/// Rarer movements and postures that joints allow: the floor, tools and sports.
pub(super) const POSTURES: [Movement; 24] = [
    Movement { name: "free_arms", compose: free::arms },
    Movement { name: "free_pairs", compose: free::pairs },
    Movement { name: "free_body", compose: free::body },
    Movement { name: "balance", compose: free::balance },
    Movement { name: "gesture", compose: daily::gesture },
    Movement { name: "desk", compose: daily::desk },
    Movement { name: "lift", compose: daily::lift },
    Movement { name: "carry", compose: daily::carry },
    Movement { name: "squat_gesture", compose: daily::low_gesture },
    Movement { name: "kneel", compose: floor::kneel },
    Movement { name: "sit_on_floor", compose: floor::sit },
    Movement { name: "cross_legged", compose: floor::cross_legged },
    Movement { name: "lie_on_back", compose: floor::on_back },
    Movement { name: "lie_on_front", compose: floor::on_front },
    Movement { name: "lie_on_side", compose: floor::on_side },
    Movement { name: "crawl", compose: floor::crawl },
    Movement { name: "push_up", compose: floor::push_up },
    Movement { name: "throw", compose: sport::throw },
    Movement { name: "swing", compose: sport::swing },
    Movement { name: "ride", compose: sport::ride },
    Movement { name: "climb", compose: sport::climb },
    Movement { name: "handstand", compose: sport::handstand },
    Movement { name: "wheel", compose: sport::wheel },
    Movement { name: "somersault", compose: sport::somersault },
];

/// A number that moves smoothly from one random value in a range to the next, without stopping at any.
#[derive(Debug, Clone)]
struct Wander {
    low: f64,
    high: f64,
    waves: [(f64, f64, f64); 3],
}

impl Wander {
    /// `pace`: roughly how many times a second it changes direction.
    fn new(rng: &mut StdRng, low: f64, high: f64, pace: f64) -> Self {
        let waves =
            [1.0, 0.6, 0.5].map(|weight| (weight, pace * rng.random_range(0.5..1.5), rng.random_range(0.0..TAU)));
        Self { low, high, waves }
    }

    fn at(&self, time: f64) -> f64 {
        let sum: f64 = self.waves.iter().map(|(weight, pace, phase)| weight * (TAU * pace * time + phase).sin()).sum();
        let total: f64 = self.waves.iter().map(|(weight, ..)| weight).sum();
        let middle = f64::midpoint(self.low, self.high);
        // Sums of sines stay near the middle: they are widened, and folded back where they would leave the range.
        middle + (self.high - self.low) / 2.0 * (1.6 * sum / total).tanh()
    }
}

/// A person's posture during a movement: small motion of all angles that the movement itself does not set.
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
            trunk: wanders(rng, [(stoop - 3.0, stoop + 3.0), (-3.0, 3.0), (-5.0, 5.0)], pace),
            head: wanders(rng, [(gaze - 8.0, gaze + 8.0), (-6.0, 6.0), (-30.0, 30.0)], pace),
            arms: std::array::from_fn(|_| wanders(rng, [(-8.0, 12.0), (2.0, 16.0), (-5.0, 40.0), (5.0, 40.0)], pace)),
            hips: wanders(rng, [(0.0, 5.0), (wide, wide + 2.0), (-15.0, 3.0)], pace),
        }
    }

    fn at(&self, time: f64) -> Angles {
        Angles {
            trunk: self.trunk.each_ref().map(|wander| wander.at(time)),
            head: self.head.each_ref().map(|wander| wander.at(time)),
            sides: [self.side_at(LEFT, time), self.side_at(RIGHT, time)],
            ..Angles::default()
        }
    }

    fn side_at(&self, side: usize, time: f64) -> Side {
        let hip = self.hips.each_ref().map(|wander| wander.at(time));
        let [forward, outward, inward_turn, elbow] = self.arms[side].each_ref().map(|wander| wander.at(time));
        Side { hip, knee: 2.0 * hip[0], shoulder: [forward, outward, inward_turn], elbow, shrug: 0.0 }
    }
}

/// Numbers that move smoothly, each within its own range.
fn wanders<const N: usize>(rng: &mut StdRng, ranges: [(f64, f64); N], pace: f64) -> [Wander; N] {
    ranges.map(|(low, high)| Wander::new(rng, low, high, pace))
}

/// 0 at the start of each period, 1 in its middle, smooth.
fn pulse(time: f64, period: f64, phase: f64) -> f64 {
    (1.0 - (TAU * (time / period + phase)).cos()) / 2.0
}

/// A random side.
fn any_side(rng: &mut StdRng) -> usize {
    if rng.random_bool(0.5) { LEFT } else { RIGHT }
}

/// Hips, knees and ankles of both legs bent so that the feet stay under the body.
fn crouch(angles: &mut Angles, knee: f64, pitch: f64) {
    for limbs in &mut angles.sides {
        limbs.knee = limbs.knee.max(knee);
        limbs.hip[0] += 0.55 * knee + pitch;
    }
    angles.pelvis[0] += pitch;
}

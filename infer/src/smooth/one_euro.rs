//! The One Euro filter (Casiez, Roussel and Vogel 2012), a joint at a time.
//!
//! A low-pass of first order whose cut-off frequency grows with the joint's speed: what stands still does not shake, what
//! moves does not lag.

/// How much the cut-off frequency grows, Hz for each time its person's size that a joint goes a second: for a person who
/// stands, about 2 Hz for each m/s.
const HZ_PER_SPEED: f64 = 1.0;
/// The cut-off frequency of the speed itself, Hz; the paper's.
const SPEED_CUTOFF: f64 = 1.0;

/// One person's filter.
#[derive(Debug, Clone)]
pub(super) struct OneEuro {
    /// Seconds.
    time: f64,
    /// The person's, in the unit of the poses: how far joints are from the root.
    size: f64,
    joints: Vec<Filtered>,
}

/// A joint's filtered place, in any unit, and its velocity, so many a second.
#[derive(Debug, Clone, Copy)]
struct Filtered {
    place: [f64; 3],
    velocity: [f64; 3],
}

impl OneEuro {
    /// Begins at `time`, seconds, with a pose that stays as it is.
    pub(super) fn new(time: f64, joints: &[[f32; 3]]) -> Self {
        let at_rest = |joint: &[f32; 3]| Filtered { place: joint.map(f64::from), velocity: [0.0; 3] };
        let squares = joints.iter().flatten().map(|&axis| f64::from(axis).powi(2)).sum::<f64>();
        let size = (squares / joints.len().max(1) as f64).sqrt().max(f64::MIN_POSITIVE);
        Self { time, size, joints: joints.iter().map(at_rest).collect() }
    }

    /// How many seconds `time` lies behind the last pose.
    pub(super) fn away(&self, time: f64) -> f64 {
        time - self.time
    }

    /// Filters the pose of `time`, which follows, with a cut-off frequency of `cutoff` Hz for what stands still.
    pub(super) fn go_on(&mut self, time: f64, cutoff: f64, joints: &mut [[f32; 3]]) {
        let (step, quickening) = (time - self.time, HZ_PER_SPEED / self.size);
        self.time = time;
        for (filtered, joint) in self.joints.iter_mut().zip(joints) {
            *joint = filtered.go_on(step, [cutoff, quickening], joint.map(f64::from)).map(|axis| axis as f32);
        }
    }
}

impl Filtered {
    fn go_on(&mut self, step: f64, [cutoff, quickening]: [f64; 2], found: [f64; 3]) -> [f64; 3] {
        let towards = |from: [f64; 3], to: [f64; 3], share: f64| {
            std::array::from_fn(|axis| from[axis] + share * (to[axis] - from[axis]))
        };
        let velocity = std::array::from_fn(|axis| (found[axis] - self.place[axis]) / step);
        self.velocity = towards(self.velocity, velocity, share(step, SPEED_CUTOFF));
        // The paper filters numbers; here a joint's three go together, so that it does not matter which way axes point.
        let speed = self.velocity.iter().map(|axis| axis * axis).sum::<f64>().sqrt();
        self.place = towards(self.place, found, share(step, cutoff + quickening * speed));
        self.place
    }
}

/// How far a low-pass of `cutoff` Hz goes towards a new number that comes `step` seconds after the last.
fn share(step: f64, cutoff: f64) -> f64 {
    let constant = 1.0 / (std::f64::consts::TAU * cutoff);
    1.0 / (1.0 + constant / step)
}

//! The One Euro filter (Casiez, Roussel and Vogel 2012), joint by joint.
//!
//! A first-order low-pass filter whose cut-off frequency grows with the joint's speed: still joints do not jitter,
//! moving joints do not lag.

use nalgebra::Vector3;

use crate::pose::vector;

/// Growth of the cut-off frequency, Hz for each body size that a joint moves in a second: for a standing person,
/// about 2 Hz for each m/s.
const HZ_PER_SPEED: f64 = 1.0;
/// The cut-off frequency of the speed itself, Hz; the paper's.
const SPEED_CUTOFF: f64 = 1.0;

/// One person's filter.
#[derive(Debug, Clone)]
pub(super) struct OneEuro {
    /// Time of the last pose, seconds.
    time: f64,
    /// The person's size, in the unit of the poses: how far joints are from the root.
    size: f64,
    joints: Vec<Filtered>,
}

/// A joint's filtered position, in any unit, and its velocity per second.
#[derive(Debug, Clone, Copy)]
struct Filtered {
    place: Vector3<f64>,
    velocity: Vector3<f64>,
}

impl OneEuro {
    /// Starts at `time`, seconds, with a pose that stays unchanged. Joints flagged in `is_of_foot` `[J]`, which may be
    /// empty, do not count towards the person's size.
    pub(super) fn new(time: f64, joints: &[[f32; 3]], is_of_foot: &[bool]) -> Self {
        let joints_at_rest = joints.iter().map(|joint| Filtered::at_rest(*joint)).collect();
        Self { time, size: size(joints, is_of_foot), joints: joints_at_rest }
    }

    /// Seconds from the last pose to `time`.
    pub(super) fn away(&self, time: f64) -> f64 {
        time - self.time
    }

    /// Filters the next pose, at `time`, with a cut-off frequency of `cutoff` Hz for still joints.
    pub(super) fn update(&mut self, time: f64, cutoff: f64, joints: &mut [[f32; 3]]) {
        let step = time - self.time;
        let quickening = HZ_PER_SPEED / self.size;
        self.time = time;
        for (filtered, joint) in self.joints.iter_mut().zip(joints) {
            *joint = filtered.update(step, cutoff, quickening, vector(*joint)).map(|axis| axis as f32).into();
        }
    }
}

/// A person's size: how far joints are from the root, without those of feet.
fn size(joints: &[[f32; 3]], is_of_foot: &[bool]) -> f64 {
    let mut body = Vec::with_capacity(joints.len());
    for (joint, place) in joints.iter().enumerate() {
        if is_of_foot.get(joint) != Some(&true) {
            body.push(*place);
        }
    }
    let squares = body.iter().flatten().map(|&axis| f64::from(axis).powi(2)).sum::<f64>();
    (squares / body.len().max(1) as f64).sqrt().max(f64::MIN_POSITIVE)
}

impl Filtered {
    fn at_rest(joint: [f32; 3]) -> Self {
        Self { place: vector(joint), velocity: Vector3::zeros() }
    }

    /// The next place of the joint, found `step` seconds after the last, with a cut-off frequency of `cutoff` Hz that grows by
    /// `quickening` with the speed.
    fn update(&mut self, step: f64, cutoff: f64, quickening: f64, found: Vector3<f64>) -> Vector3<f64> {
        let velocity = (found - self.place) / step;
        self.velocity += (velocity - self.velocity) * share(step, SPEED_CUTOFF);
        // The paper filters single numbers; here a joint's three are filtered together, so that the axes' directions
        // have no effect.
        self.place += (found - self.place) * share(step, cutoff + quickening * self.velocity.norm());
        self.place
    }
}

/// The share by which a low-pass of `cutoff` Hz moves towards a new number that comes `step` seconds after the last.
fn share(step: f64, cutoff: f64) -> f64 {
    let constant = 1.0 / (std::f64::consts::TAU * cutoff);
    1.0 / (1.0 + constant / step)
}

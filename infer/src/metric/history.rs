//! One person's track through a stream: the lengths of their bones, and the previous poses.

use super::Point;
use super::feet::Feet;
use crate::pose::vector;

/// The state of one track of a stream.
#[derive(Debug, Clone)]
pub(super) struct History {
    /// Statistics of each bone.
    pub(super) lengths: Vec<Spread>,
    pub(super) feet: Feet,
    /// The last two poses, the older first, with their frame's number and time.
    last: [Option<Moment>; 2],
}

/// A pose with its time.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    pub(super) frame: u64,
    pub(super) seconds: f64,
    pub(super) joints: Vec<Point>,
}

/// A running mean and variance, by Welford's algorithm.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spread {
    pub(super) count: f64,
    pub(super) mean: f64,
    squares: f64,
}

impl Spread {
    pub(super) fn add(&mut self, value: f64) {
        self.count += 1.0;
        let before = value - self.mean;
        self.mean += before / self.count;
        self.squares += before * (value - self.mean);
    }

    /// Standard deviation over mean; 0 for a length that is always 0.
    pub(super) fn deviation(&self) -> f64 {
        if self.mean > 0.0 { (self.squares / self.count).sqrt() / self.mean } else { 0.0 }
    }
}

impl History {
    pub(super) fn new(bones: usize) -> Self {
        Self { lengths: vec![Spread::default(); bones], feet: Feet::default(), last: [None, None] }
    }

    /// Adds `now`; returns the lengths of the accelerations of the `moving` joints at the previous pose.
    pub(super) fn update(&mut self, now: Moment, moving: &[usize]) -> Vec<f32> {
        let accelerations = self.accelerations(&now, moving);
        self.last = [self.last[1].take(), Some(now)];
        accelerations
    }

    /// `None` unless the last two poses and `now` are consecutive.
    fn accelerations(&self, now: &Moment, moving: &[usize]) -> Vec<f32> {
        let [Some(first), Some(second)] = &self.last else { return Vec::new() };
        let in_a_row =
            first.frame.checked_add(1) == Some(second.frame) && second.frame.checked_add(1) == Some(now.frame);
        let steps = [second.seconds - first.seconds, now.seconds - second.seconds];
        if !in_a_row || !steps.iter().all(|step| *step > 0.0) {
            return Vec::new();
        }
        let mut accelerations = Vec::with_capacity(moving.len());
        for &joint in moving {
            let [a, b, c] = [first, second, now].map(|moment| vector(moment.joints[joint]));
            let change = (c - b) / steps[1] - (b - a) / steps[0];
            accelerations.push((change * 2.0 / (steps[0] + steps[1])).norm() as f32);
        }
        accelerations
    }
}

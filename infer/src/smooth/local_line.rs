//! Lines through values around a time: local regression (Cleveland 1979, "Robust locally weighted regression"), linear, with
//! tricube weights.

use nalgebra::Vector3;

use crate::pose::vector;

/// Sums over times of −1 to 1 about the one that is asked for: of their weights, and of the weights' products with times and
/// squares of times.
#[derive(Debug, Clone, Copy, Default)]
struct Times {
    weight: f64,
    time: f64,
    square: f64,
}

impl Times {
    /// Adds a time, and gives its weight, (1 − |time|³)³.
    fn push(&mut self, time: f64) -> f64 {
        let weight = (1.0 - time.abs().powi(3)).powi(3);
        self.weight += weight;
        self.time += weight * time;
        self.square += weight * time.powi(2);
        weight
    }

    /// How far apart the times are; `None` where they are one.
    fn spread(&self) -> Option<f64> {
        let spread = self.weight * self.square - self.time * self.time;
        (spread > 1e-9 * self.weight * self.weight).then_some(spread)
    }
}

/// A line through values at times of −1 to 1, by weighted least squares.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LocalLine {
    times: Times,
    /// Sums of weighted values, and of their products with times.
    value: f64,
    product: f64,
}

impl LocalLine {
    /// Adds a value at a time of −1 to 1; values outside do not count.
    pub(crate) fn push(&mut self, time: f64, value: f64) {
        if time.abs() < 1.0 {
            let weight = self.times.push(time);
            self.value += weight * value;
            self.product += weight * time * value;
        }
    }

    /// The line's value at time 0; `None` if all values have one time.
    pub(crate) fn middle(&self) -> Option<f64> {
        let Times { time, square, .. } = self.times;
        self.times.spread().map(|spread| (square * self.value - time * self.product) / spread)
    }

    /// How much the value grows from time 0 to 1; `None` if all values have one time.
    pub(crate) fn slope(&self) -> Option<f64> {
        let Times { weight, time, .. } = self.times;
        self.times.spread().map(|spread| (weight * self.product - time * self.value) / spread)
    }
}

/// A pose near the one that is smoothed.
struct Near<'a> {
    weight: f64,
    time: f64,
    joints: &'a [[f32; 3]],
}

/// Moves each of `joints` to the value, at time 0, of a line fitted through the same joint's positions `around` it. Times are from
/// −1 to 1, 0 being the time of `joints`, which are among those around.
///
/// A line instead of a mean: at a clip's ends, where all other positions are on one side, a mean would lag behind.
pub(super) fn smooth<'a>(around: impl Iterator<Item = (f64, &'a [[f32; 3]])>, joints: &mut [[f32; 3]]) {
    let mut times = Times::default();
    let mut poses = Vec::new();
    for (time, joints) in around {
        poses.push(Near { weight: times.push(time), time, joints });
    }
    // A point without neighbours stays.
    let Some(spread) = times.spread() else { return };
    // What each position counts in the line's middle: one sum for all joints and axes.
    let shares: Vec<f64> =
        poses.iter().map(|near| near.weight * (times.square - times.time * near.time) / spread).collect();
    for (joint, place) in joints.iter_mut().enumerate() {
        let each = poses.iter().zip(&shares);
        let sum: Vector3<f64> = each.map(|(near, share)| vector(near.joints[joint]) * *share).sum();
        *place = sum.map(|axis| axis as f32).into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_again() {
        let mut line = LocalLine::default();
        assert_eq!((line.middle(), line.slope()), (None, None));
        for time in [-1.5, -0.9, -0.4, 0.1, 0.3, 2.0] {
            // What lies outside of −1 to 1 has another value, and does not count.
            line.push(time, if time.abs() < 1.0 { 3.0 - 2.0 * time } else { 99.0 });
        }
        assert!(line.middle().is_some_and(|middle| (middle - 3.0).abs() < 1e-9));
        assert!(line.slope().is_some_and(|slope| (slope + 2.0).abs() < 1e-9));
    }

    #[test]
    fn smoothing_gives_the_middle_of_each_joints_line() {
        let places =
            [-0.8, -0.3, 0.0, 0.4].map(|time: f64| (time, [[time as f32 * 2.0 + 1.0, (time * 9.0).sin() as f32, 0.5]]));
        let mut smoothed = places[2].1;
        smooth(places.iter().map(|(time, joints)| (*time, &joints[..])), &mut smoothed);
        for axis in 0..3 {
            let mut line = LocalLine::default();
            places.iter().for_each(|(time, joints)| line.push(*time, f64::from(joints[0][axis])));
            assert!(line.middle().is_some_and(|middle| (middle - f64::from(smoothed[0][axis])).abs() < 1e-6));
        }
    }
}

//! A line through values around a time.

/// A line through values at times of −1 to 1 about the one that is asked for, by least squares with tricube weights (Cleveland 1979,
/// "Robust locally weighted regression").
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Line {
    /// Sums of the weights, and of their products with times, squares of times, values, and both.
    weight: f64,
    time: f64,
    square: f64,
    value: f64,
    product: f64,
}

impl Line {
    /// Adds a value at a time of −1 to 1; values outside do not count.
    pub(super) fn push(&mut self, time: f64, value: f64) {
        if time.abs() < 1.0 {
            let weight = (1.0 - time.abs().powi(3)).powi(3);
            self.weight += weight;
            self.time += weight * time;
            self.square += weight * time * time;
            self.value += weight * value;
            self.product += weight * time * value;
        }
    }

    /// The line's value at time 0; `None` if all values have one time.
    pub(super) fn middle(&self) -> Option<f64> {
        self.spread().map(|spread| (self.square * self.value - self.time * self.product) / spread)
    }

    /// How much the value grows from time 0 to 1; `None` if all values have one time.
    pub(super) fn slope(&self) -> Option<f64> {
        self.spread().map(|spread| (self.weight * self.product - self.time * self.value) / spread)
    }

    fn spread(&self) -> Option<f64> {
        let spread = self.weight * self.square - self.time * self.time;
        (spread > 1e-9 * self.weight * self.weight).then_some(spread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_again() {
        let mut line = Line::default();
        assert_eq!((line.middle(), line.slope()), (None, None));
        for time in [-1.5, -0.9, -0.4, 0.1, 0.3, 2.0] {
            // What lies outside of −1 to 1 has another value, and does not count.
            line.push(time, if time.abs() < 1.0 { 3.0 - 2.0 * time } else { 99.0 });
        }
        assert!(line.middle().is_some_and(|middle| (middle - 3.0).abs() < 1e-9));
        assert!(line.slope().is_some_and(|slope| (slope + 2.0).abs() < 1e-9));
    }
}

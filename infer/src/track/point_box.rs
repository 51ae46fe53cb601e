//! The box around a person's points.

use nalgebra::Vector2;

use crate::pose::Person;

/// The smallest upright box around points, pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct PointBox {
    low: Vector2<f64>,
    high: Vector2<f64>,
}

impl PointBox {
    /// Around no point.
    pub(super) fn empty() -> Self {
        Self { low: Vector2::repeat(f64::INFINITY), high: Vector2::repeat(f64::NEG_INFINITY) }
    }

    /// Around all points of a person that are seen.
    pub(super) fn around(person: &Person) -> Self {
        let mut found = Self::empty();
        for point in person.keypoints.iter().filter(|point| !point.is_missing()) {
            found.add(Vector2::new(point.x, point.y));
        }
        found
    }

    /// Makes it reach a point.
    pub(super) fn add(&mut self, point: Vector2<f64>) {
        self.low = self.low.inf(&point);
        self.high = self.high.sup(&point);
    }

    /// −∞ around no point.
    pub(super) fn larger_side(&self) -> f64 {
        (self.high - self.low).max()
    }

    /// 0 around no point.
    pub(super) fn diagonal(&self) -> f64 {
        let sides = self.high - self.low;
        if self.low.x > self.high.x { 0.0 } else { sides.x.hypot(sides.y) }
    }
}

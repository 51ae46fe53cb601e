//! Where a person's points are, and where they will be.

use nalgebra::Vector2;

use super::point_box::PointBox;
use crate::pose::Person;

/// Points that are compared; of layouts with more, each so many-th.
const MAX_POINTS: usize = 26;

/// A person's points that are seen, their size, and how they move.
#[derive(Debug, Clone)]
pub(super) struct Body {
    /// Points in pixels; NaN where one is not seen.
    points: Vec<Vector2<f64>>,
    /// The larger side of the box around them.
    size: f64,
    centre: Vector2<f64>,
    /// Pixels a frame.
    velocity: Vector2<f64>,
}

impl Body {
    /// The body of a person; `None` where nothing of them is seen.
    pub(super) fn of(person: &Person) -> Option<Self> {
        let stride = person.keypoints.len().div_ceil(MAX_POINTS).max(1);
        let mut reach = PointBox::empty();
        let mut sum = Vector2::zeros();
        let mut count = 0.0;
        let mut points = Vec::with_capacity(MAX_POINTS);
        for point in person.keypoints.iter().step_by(stride) {
            if point.is_missing() {
                points.push(Vector2::repeat(f64::NAN));
                continue;
            }
            let at = Vector2::new(point.x, point.y);
            reach.add(at);
            sum += at;
            count += 1.0;
            points.push(at);
        }
        let size = reach.larger_side();
        (size > 0.0).then(|| Self { points, size, centre: sum / count, velocity: Vector2::zeros() })
    }

    /// The mean distance of points from where those of `track` are predicted after so many frames, in body sizes; `None` where
    /// they have no point in common.
    pub(super) fn distance(&self, track: &Self, frames: u64) -> Option<f64> {
        // A movement is not believed to go on for long.
        let frames = frames.min(5) as f64;
        let ahead = track.velocity * frames;
        let mut sum = 0.0;
        let mut count = 0u32;
        for (point, before) in self.points.iter().zip(&track.points) {
            let distance = (point - before - ahead).norm();
            if distance.is_finite() {
                sum += distance;
                count += 1;
            }
        }
        let size = self.size.max(track.size);
        (count > 0).then(|| sum / f64::from(count) / size)
    }

    /// Takes the place of the body that was seen so many frames ago.
    pub(super) fn move_to(&mut self, mut now: Self, frames: u64) {
        let frames = frames.max(1) as f64;
        let step = (now.centre - self.centre) / frames;
        // Half of the movement is believed at once, so that a jumping point does not throw the prediction off.
        now.velocity = (self.velocity + step) / 2.0;
        *self = now;
    }
}

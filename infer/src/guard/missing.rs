//! Points and people that are not there, however that is written; and points that cannot be where they are said to be.

use super::Notice;
use crate::median::median;
use crate::pose::{Keypoint, Person};
use crate::skeleton::Layout;

/// No image is so large.
pub(super) const NOWHERE: f64 = 1e7;

/// Points of a body; those behind are a face's and hands', which are many and near each other.
pub(super) const BODY_POINTS: usize = 33;

/// What a look at a person's points showed.
#[derive(Debug, Clone, Copy)]
pub(super) struct PointExtent {
    low: [f64; 2],
    high: [f64; 2],
    pub(super) least_score: f32,
    pub(super) largest_score: f32,
    /// Whether a point lies beyond any image.
    is_nowhere: bool,
}

impl PointExtent {
    /// Whether any point has a place.
    pub(super) fn is_there(&self) -> bool {
        self.low[0].is_finite()
    }

    /// Whether there are points, all of them beyond any image.
    pub(super) fn is_nowhere(&self) -> bool {
        self.is_nowhere && !self.is_there()
    }
}

/// Whether coordinates are those that detectors write for a missing point: (0, 0) or (−1, −1).
#[inline]
pub fn is_mark(coordinates: [f64; 2]) -> bool {
    let [x, y] = coordinates;
    (x == 0.0 && y == 0.0) || (x == -1.0 && y == -1.0)
}

/// Marks points as missing that are written so ([`is_mark`]).
#[inline]
pub(super) fn mark(person: &mut Person) -> PointExtent {
    let mut extent = PointExtent {
        low: [f64::INFINITY; 2],
        high: [f64::NEG_INFINITY; 2],
        least_score: f32::INFINITY,
        largest_score: f32::NEG_INFINITY,
        is_nowhere: false,
    };
    for point in &mut person.keypoints {
        let is_nowhere = point.x.abs() > NOWHERE || point.y.abs() > NOWHERE;
        if is_nowhere || is_mark([point.x, point.y]) {
            extent.is_nowhere |= is_nowhere;
            *point = Keypoint::MISSING;
            continue;
        }
        extent.low = [extent.low[0].min(point.x), extent.low[1].min(point.y)];
        extent.high = [extent.high[0].max(point.x), extent.high[1].max(point.y)];
        extent.least_score = extent.least_score.min(point.score);
        extent.largest_score = extent.largest_score.max(point.score);
    }
    extent
}

/// Marks points of a lower score than `least` as missing.
pub(super) fn mark_unsure(person: &mut Person, least: f32) {
    for point in &mut person.keypoints {
        if point.score < least {
            *point = Keypoint::MISSING;
        }
    }
}

/// Whether a row of points is no person: none of them has a place.
pub(super) fn is_no_person(person: &Person) -> bool {
    !person.keypoints.is_empty() && person.keypoints.iter().all(|point| point.x.is_nan() || point.y.is_nan())
}

/// Where a person's points are, whatever a few of them say.
#[derive(Clone, Copy)]
pub(super) struct Reach {
    middle: [f64; 2],
    /// How far from the middle a point of this body can be; none where too little of it is seen.
    limit: Option<f64>,
    /// The median of the points' distances from the middle.
    spread: f64,
}

impl Reach {
    /// Of points that are there, in their layout's order; `None` without any.
    pub(super) fn of(points: &[&Keypoint]) -> Option<Self> {
        /// Points that make a body's size known.
        const ENOUGH: usize = 10;
        /// On real clips the farthest point lies up to 2.5 times as far as four fifths of them do, on made-up results 4.8.
        const MAX_RATIO: f64 = 5.5;
        let points = &points[..points.len().min(BODY_POINTS)];
        let middle = weighted_middle(points)?;
        let mut distances: Vec<f64> = points.iter().map(|point| distance(point, middle)).collect();
        let spread = median(&mut distances)?;
        let most_lie_within = distances[(distances.len() - 1) * 4 / 5];
        let limit = (points.len() >= ENOUGH && most_lie_within > 0.0).then_some(MAX_RATIO * most_lie_within);
        Some(Self { middle, limit, spread })
    }

    /// Whether a point can be one of this body.
    pub(super) fn holds(&self, point: &Keypoint) -> bool {
        self.limit.is_none_or(|limit| distance(point, self.middle) <= limit)
    }
}

fn distance(point: &Keypoint, middle: [f64; 2]) -> f64 {
    (point.x - middle[0]).abs().max((point.y - middle[1]).abs())
}

/// Leaves out single points that lie far from all others of the person.
#[derive(Default)]
pub(super) struct WildJoints {
    /// The largest extent of a person that was looked at, pixels.
    usual: f64,
    is_told: bool,
}

impl WildJoints {
    /// Marks as missing the points of a person that lie beyond all that a body or an image reaches; `whose` gives frame,
    /// place and layout for the notice, of which there is one a stream.
    #[inline]
    pub(super) fn leave_out(
        &mut self,
        person: &mut Person,
        extent: &PointExtent,
        size: Option<[u32; 2]>,
        whose: impl FnOnce() -> (u64, usize, Option<&'static Layout>),
    ) -> Option<Notice> {
        let span = (extent.high[0] - extent.low[0]).max(extent.high[1] - extent.low[1]);
        // Without a point there is no span. People seldom grow to twice their size.
        if span <= 2.0 * self.usual || span.is_nan() || span < 0.0 {
            return None;
        }
        self.look_at(person, span, size, whose)
    }

    #[cold]
    fn look_at(
        &mut self,
        person: &mut Person,
        span: f64,
        size: Option<[u32; 2]>,
        whose: impl FnOnce() -> (u64, usize, Option<&'static Layout>),
    ) -> Option<Notice> {
        let left_out = leave_out(person, size);
        let [joint, ..] = left_out[..] else {
            self.usual = self.usual.max(span);
            return None;
        };
        if std::mem::replace(&mut self.is_told, true) {
            return None;
        }
        let (frame, place, layout) = whose();
        let name = layout
            .and_then(|layout| layout.joints.get(joint))
            .map_or_else(|| format!("point {joint}"), |name| (*name).to_owned());
        let text =
            format!("frame {frame}: {name} of person {place} lies far from all other points: such points are left out");
        Some(Notice::new(text, ""))
    }
}

/// Marks the points that lie far from a person's middle as missing, if they are few; which.
fn leave_out(person: &mut Person, size: Option<[u32; 2]>) -> Vec<usize> {
    /// Pixels that no body reaches over, where the size of the image is not known.
    const FAR: f64 = 3000.0;
    let seen: Vec<&Keypoint> = person.keypoints.iter().filter(|point| !point.is_missing()).collect();
    let Some(reach) = Reach::of(&seen) else { return Vec::new() };
    // In an image of unknown size a person may be larger than is usual.
    let far = match size {
        Some([width, height]) => 2.0 * f64::from(width.max(height)),
        None => FAR.max(20.0 * reach.spread),
    };
    let mut found = Vec::new();
    for (at, point) in person.keypoints.iter().enumerate() {
        if !point.is_missing() && (distance(point, reach.middle) > far || !reach.holds(point)) {
            found.push(at);
        }
    }
    if found.len() * 2 >= seen.len() {
        return Vec::new();
    }
    for &at in &found {
        person.keypoints[at] = Keypoint::MISSING;
    }
    found
}

/// The median of x and of y, each point weighing its score.
fn weighted_middle(points: &[&Keypoint]) -> Option<[f64; 2]> {
    let half = points.iter().map(|point| f64::from(point.score)).sum::<f64>() / 2.0;
    let x = weighted_quantile(points.iter().map(|point| (point.x, point.score)).collect(), half)?;
    let y = weighted_quantile(points.iter().map(|point| (point.y, point.score)).collect(), half)?;
    Some([x, y])
}

/// The first number that, with all below it, weighs `least`; `numbers` stand before their weights.
fn weighted_quantile(mut numbers: Vec<(f64, f32)>, least: f64) -> Option<f64> {
    numbers.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
    let mut total = 0.0;
    for (number, weight) in numbers {
        total += f64::from(weight);
        if total >= least {
            return Some(number);
        }
    }
    None
}

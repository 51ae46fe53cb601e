//! What the way that people's points lie in tells of their layout and of the numbers themselves.
//!
//! The distances that tell layouts apart were measured on real clips; each is a share of the person's larger extent.

use super::Coordinates;
use super::missing::is_mark;
use crate::pose::{Keypoint, Person};
use crate::skeleton::{BODY25, BODY25B, COCO17, H36M17, Layout};

/// Coordinates that stay within this are no pixels.
pub const LARGEST_SHARE: f64 = 1.5;
/// Points that there must be to tell.
const FEWEST_POINTS: usize = 4;

/// How far the numbers of people's points reach.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    points: usize,
    least: f64,
    largest: f64,
    pub(super) least_score: f32,
    pub(super) largest_score: f32,
    /// Scores above what a score may be.
    beyond: usize,
}

impl Extent {
    pub(super) fn of<'a>(people: impl Iterator<Item = &'a Person>) -> Self {
        let mut extent = Self {
            points: 0,
            least: f64::INFINITY,
            largest: f64::NEG_INFINITY,
            least_score: f32::INFINITY,
            largest_score: f32::NEG_INFINITY,
            beyond: 0,
        };
        for point in people.flat_map(|person| &person.keypoints).filter(|point| is_there(point)) {
            extent.points += 1;
            extent.least = extent.least.min(point.x).min(point.y);
            extent.largest = extent.largest.max(point.x).max(point.y);
            extent.least_score = extent.least_score.min(point.score);
            extent.largest_score = extent.largest_score.max(point.score);
            extent.beyond += usize::from(point.score > 1.2 || point.score < 0.0);
        }
        extent
    }

    /// What the coordinates are measured in, if there are enough of them to tell.
    pub(super) fn coordinates(&self) -> Option<Coordinates> {
        match () {
            () if self.points < FEWEST_POINTS => None,
            () if self.largest > LARGEST_SHARE || self.least < -LARGEST_SHARE => Some(Coordinates::Pixels),
            // A landmark of MediaPipe's may lie beyond the image, but not as far as this on good data.
            () if self.least < -0.4 => Some(Coordinates::CentredShares),
            () if self.largest - self.least < 1e-3 => None,
            () => Some(Coordinates::Shares),
        }
    }

    /// Whether the third number of points is no score: often beyond what one may be.
    pub(super) fn is_third_coordinate(&self) -> bool {
        self.points >= FEWEST_POINTS && self.beyond * 10 > self.points
    }
}

/// Whether a point has coordinates, and not those of a missing one.
pub(super) fn is_there(point: &Keypoint) -> bool {
    point.x.is_finite() && point.y.is_finite() && !is_mark(point)
}

/// A person's points as far as they are there, and the extent of all but the outermost.
struct Body<'a> {
    keypoints: &'a [Keypoint],
    size: f64,
}

impl<'a> Body<'a> {
    fn of(person: &'a Person) -> Option<Self> {
        let there = |point: &&Keypoint| is_there(point) && !point.is_missing();
        let along = |of: fn(&Keypoint) -> f64| {
            let mut at: Vec<f64> = person.keypoints.iter().filter(there).map(of).collect();
            at.sort_unstable_by(f64::total_cmp);
            // The outermost points are left out: one of them may lie anywhere.
            let ends = (at.len() > FEWEST_POINTS).then(|| [at[1], at[at.len() - 2]]);
            ends.map_or(0.0, |[low, high]| high - low)
        };
        let size = along(|point| point.x).max(along(|point| point.y));
        (size > 0.0).then_some(Self { keypoints: &person.keypoints, size })
    }

    /// How far a point lies from the middle of two others.
    fn distance_to_middle(&self, point: usize, one: usize, other: usize) -> Option<f64> {
        let [point, one, other] = [point, one, other].map(|at| self.keypoints[at]);
        if [point, one, other].iter().any(|point| !is_there(point) || point.is_missing()) {
            return None;
        }
        let (x, y) = ((one.x + other.x) / 2.0, (one.y + other.y) / 2.0);
        Some((point.x - x).hypot(point.y - y) / self.size)
    }
}

/// The median of how far a point lies from the middle of two others.
fn median_distance(bodies: &[Body<'_>], point: usize, one: usize, other: usize) -> Option<f64> {
    let mut distances: Vec<f64> = bodies.iter().filter_map(|body| body.distance_to_middle(point, one, other)).collect();
    median(&mut distances)
}

pub(super) fn median(numbers: &mut [f64]) -> Option<f64> {
    if numbers.is_empty() {
        return None;
    }
    let middle = numbers.len() / 2;
    numbers.sort_unstable_by(f64::total_cmp);
    Some(numbers[middle])
}

/// The layout, among those of so many points, that people's points lie as: BODY_25 or BODY_25B, COCO-17 or Human3.6M-17.
/// `None` where nothing speaks clearly for one.
pub(crate) fn layout_shown<'a>(people: impl Iterator<Item = &'a Person>, points: usize) -> Option<&'static Layout> {
    let bodies: Vec<Body<'_>> = people.filter(|person| person.keypoints.len() == points).filter_map(Body::of).collect();
    match points {
        25 => body25_or_25b(&bodies),
        17 => coco_or_h36m(&bodies),
        _ => None,
    }
}

/// BODY_25 has the neck at 1 and the middle of the hips at 8; BODY_25B has the neck at 17, between the shoulders 5 and 6.
fn body25_or_25b(bodies: &[Body<'_>]) -> Option<&'static Layout> {
    /// Real BODY_25B has 0.11 here, BODY_25 0.29 and more.
    const NECK: f64 = 0.17;
    let neck = median_distance(bodies, 1, 2, 5);
    let hip = median_distance(bodies, 8, 9, 12);
    let other_neck = median_distance(bodies, 17, 5, 6);
    let near = |distance: Option<f64>, most: f64| distance.is_some_and(|distance| distance < most);
    let far = |distance: Option<f64>, least: f64| distance.is_some_and(|distance| distance > least);
    if near(other_neck, NECK) && (far(neck, 0.03) || far(hip, 0.05)) {
        return Some(&BODY25B);
    }
    let is_body25 = (near(neck, 0.03) || near(hip, 0.03)) && !near(other_neck, NECK);
    is_body25.then_some(&BODY25)
}

/// Human3.6M has the hip at 0, between 1 and 4, the spine at 7, the thorax at 8, between the shoulders 11 and 14.
fn coco_or_h36m(bodies: &[Body<'_>]) -> Option<&'static Layout> {
    let hip = median_distance(bodies, 0, 1, 4)?;
    let thorax = median_distance(bodies, 8, 11, 14)?;
    let spine = median_distance(bodies, 7, 0, 8)?;
    if hip < 0.06 && thorax < 0.1 && spine < 0.1 {
        return Some(&H36M17);
    }
    (thorax > 0.15).then_some(&COCO17)
}

/// Whether points are metres around the middle of the hips, as MediaPipe's world landmarks are.
pub(super) fn are_world_landmarks<'a>(people: impl Iterator<Item = &'a Person>) -> bool {
    let (mut centred, mut others) = (0, 0);
    for person in people.filter(|person| person.keypoints.len() == 33) {
        let [left, right] = [23, 24].map(|hip| person.keypoints[hip]);
        let is_centred = (left.x + right.x).abs() < 0.02 && (left.y + right.y).abs() < 0.02;
        let has_both_signs = person.keypoints.iter().any(|point| point.y < -0.1);
        if is_centred && has_both_signs { centred += 1 } else { others += 1 }
    }
    centred > others
}

/// The unit vector from the middle of the hips to the middle of the shoulders, in the image.
pub(super) fn trunk(person: &Person, layout: Option<&Layout>) -> Option<[f64; 2]> {
    let layout = layout.or((person.keypoints.len() == COCO17.len()).then_some(&COCO17))?;
    let middle = |one: &str, other: &str| {
        let point = |name: &str| {
            let point = *person.keypoints.get(layout.position(name)?)?;
            (is_there(&point) && !point.is_missing()).then_some(point)
        };
        let (one, other) = (point(one)?, point(other)?);
        Some([(one.x + other.x) / 2.0, (one.y + other.y) / 2.0])
    };
    let [hip_x, hip_y] = middle("left_hip", "right_hip")?;
    let [x, y] = middle("left_shoulder", "right_shoulder")?;
    let (x, y) = (x - hip_x, y - hip_y);
    let length = x.hypot(y);
    (length > 1e-9).then_some([x / length, y / length])
}

/// Whether nearly all people's trunks lie flat.
pub(super) fn lie_on_their_side<'a>(people: impl Iterator<Item = &'a Person>, layout: Option<&Layout>) -> bool {
    let (mut flat, mut all) = (0, 0);
    for [x, y] in people.filter_map(|person| trunk(person, layout)) {
        all += 1;
        flat += usize::from(x.abs() > 2.0 * y.abs());
    }
    all > 0 && flat * 10 >= all * 9
}

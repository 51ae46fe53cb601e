//! What the way that people's points lie in tells of their layout and of the numbers themselves.
//!
//! The distances that tell layouts apart were measured on real clips; each is a share of the person's larger extent.

use super::Coordinates;
use super::missing::{NOWHERE, Reach, is_mark};
use super::scores::{SILENTLY_CLAMPED, ScoreScale};
use crate::median::median;
use crate::pose::{Keypoint, Person};
use crate::skeleton::{BODY25, BODY25B, COCO17, COCO23, H36M17, H36M23, Layout};

/// Coordinates that stay within this are no pixels.
pub const MAX_NORMALISED: f64 = 1.5;
/// If all coordinates of a person lie within this, they are metres: no person is so small in pixels.
const MIN_PIXELS: f64 = 10.0;
/// Points that there must be to tell.
const MIN_POINTS: usize = 4;

/// How far the numbers of people's points reach.
///
/// Points are counted: a few may lie anywhere, as those of a hand beyond the image or of a detector's slip.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    points: usize,
    /// Points within [`MAX_NORMALISED`] and [`MIN_PIXELS`] of the origin.
    as_normalised: usize,
    as_metres: usize,
    /// Points left of or above the origin, and those of them farther than any that a whole image shows.
    before_origin: usize,
    far_before_origin: usize,
    above_origin: usize,
    least: f64,
    largest: f64,
    pub(super) least_score: f32,
    pub(super) largest_score: f32,
    /// Points with a score, and those of them whose score is above what one may be or below 0; above 100; below 0, by more
    /// than noise; below −25, which no logit is.
    scored: usize,
    negative: usize,
    beyond: usize,
    above_100: usize,
    below: usize,
    far_below: usize,
    /// Whether scores are 0, 1 and 2 alone.
    are_visibilities: bool,
}

impl Extent {
    pub(super) fn of<'a>(people: impl Iterator<Item = &'a Person>) -> Self {
        let mut extent = Self {
            points: 0,
            as_normalised: 0,
            as_metres: 0,
            before_origin: 0,
            far_before_origin: 0,
            above_origin: 0,
            least: f64::INFINITY,
            largest: f64::NEG_INFINITY,
            least_score: f32::INFINITY,
            largest_score: f32::NEG_INFINITY,
            scored: 0,
            negative: 0,
            beyond: 0,
            above_100: 0,
            below: 0,
            far_below: 0,
            are_visibilities: true,
        };
        for point in people.flat_map(|person| &person.keypoints).filter(|point| is_there(point)) {
            extent.add(point);
        }
        extent
    }

    fn add(&mut self, point: &Keypoint) {
        let reach = point.x.abs().max(point.y.abs());
        let least = point.x.min(point.y);
        self.points += 1;
        self.as_normalised += usize::from(reach <= MAX_NORMALISED);
        self.as_metres += usize::from(reach <= MIN_PIXELS);
        self.before_origin += usize::from(least < -0.02);
        self.far_before_origin += usize::from(least < -0.4);
        self.above_origin += usize::from(point.y < 0.0);
        self.least = self.least.min(least);
        self.largest = self.largest.max(point.x.max(point.y));
        let score = point.score;
        // A score of −1 marks a point of which there is none.
        if score == -1.0 {
            return;
        }
        self.scored += 1;
        self.least_score = self.least_score.min(score);
        self.largest_score = self.largest_score.max(score);
        self.beyond += usize::from(!(0.0..=1.2).contains(&score));
        self.above_100 += usize::from(score > 100.0);
        self.negative += usize::from(score < 0.0);
        self.below += usize::from(score < -0.05);
        self.far_below += usize::from(score < -25.0);
        self.are_visibilities &= score == 0.0 || score == 1.0 || score == 2.0;
    }

    /// What the coordinates are measured in, if there are enough of them to tell.
    pub(super) fn coordinates(&self) -> Option<Coordinates> {
        match () {
            () if self.points < MIN_POINTS => None,
            () if self.as_normalised * 4 < self.points * 3 => {
                let are_metres = self.as_metres * 10 >= self.points * 9;
                Some(if are_metres { Coordinates::Metres } else { Coordinates::Pixels })
            }
            // Around the image's centre most points of a person lie left of it or above it. Of a landmark of MediaPipe's some
            // may lie beyond the image, but neither as many nor as far.
            () if self.before_origin * 5 >= self.points * 2 || self.far_before_origin * 10 >= self.points => {
                Some(Coordinates::CentredNormalised)
            }
            () if self.largest - self.least < 1e-3 => None,
            () => Some(Coordinates::Normalised),
        }
    }

    /// Whether nearly all points lie above the image's top.
    pub(super) fn is_above_origin(&self) -> bool {
        self.above_origin * 20 >= self.points * 19
    }

    /// Whether the third number of points is no score: often beyond what one may be.
    pub(super) fn is_third_coordinate(&self) -> bool {
        self.points >= MIN_POINTS && self.beyond * 10 > self.points && !self.are_visibilities
    }

    /// Whether the third number is a coordinate, beside others that are measured from the middle of a body or of a room, as
    /// 3D poses are: no image has so many points before its origin.
    pub(super) fn are_3d_points(&self, coordinates: Coordinates) -> bool {
        let is_depth = self.is_third_coordinate();
        let is_around_origin = match coordinates {
            Coordinates::CentredNormalised | Coordinates::Metres => true,
            Coordinates::Pixels => self.before_origin * 4 >= self.points,
            Coordinates::Normalised | Coordinates::Unknown => false,
        };
        is_depth && is_around_origin
    }

    /// Whether third numbers run to both sides of 0 as depths do: they stay within what normalised coordinates do, or go farther
    /// below 0 than logits.
    pub(super) fn are_depths(&self) -> bool {
        // What a detector gives points that it does not see may lie a little below 0; what it gives others does not.
        let are_flat = self.are_small() && self.largest_score < 0.5 && self.negative * 4 > self.scored;
        are_flat || self.are_clear_depths()
    }

    /// Whether they are depths even if they are those of a single person, whom the detector may hardly see.
    pub(super) fn are_clear_depths(&self) -> bool {
        (self.are_small() && self.below * 10 > self.scored) || self.far_below * 10 > self.scored
    }

    fn are_small(&self) -> bool {
        self.least_score >= -1.5 && self.largest_score <= 1.5
    }

    /// What the scores mean.
    pub(super) fn score_scale(&self) -> ScoreScale {
        let least = self.least_score;
        let largest = self.largest_score;
        match () {
            () if self.points < MIN_POINTS => ScoreScale::Plain,
            () if self.scored == 0 || (least == 0.0 && largest == 0.0) => {
                let do_vary = self.largest > self.least;
                if do_vary { ScoreScale::AllZero } else { ScoreScale::Plain }
            }
            () if self.are_visibilities && largest == 2.0 => ScoreScale::Visibility,
            () if self.are_depths() => ScoreScale::Depth,
            () if self.above_100 * 10 > self.scored => ScoreScale::NoScore,
            () if largest > 20.0 && largest <= 100.0 && least >= -1.0 => ScoreScale::Percent,
            () if largest > 20.0 => ScoreScale::Plain,
            // Logits of points that are seen are above 1, those of others below 0.
            () if least < -1.5 || (least < -0.5 && largest > 1.5) || (largest > 2.0 && least >= 1.0) => {
                ScoreScale::Logit
            }
            () if largest > SILENTLY_CLAMPED => ScoreScale::Clamped,
            () => ScoreScale::Plain,
        }
    }
}

/// Whether a point has coordinates, and not those of a missing one.
pub(super) fn is_there(point: &Keypoint) -> bool {
    point.x.abs() <= NOWHERE && point.y.abs() <= NOWHERE && !is_mark([point.x, point.y])
}

/// A person's points as far as they are there, and the extent of all but the outermost.
struct Body<'a> {
    keypoints: &'a [Keypoint],
    size: f64,
}

impl<'a> Body<'a> {
    fn of(person: &'a Person) -> Option<Self> {
        let mut near: Vec<&Keypoint> =
            person.keypoints.iter().filter(|point| is_there(point) && !point.is_missing()).collect();
        if let Some(reach) = Reach::of(&near) {
            near.retain(|point| reach.holds(point));
        }
        let wide = inner_extent(near.iter().map(|point| point.x).collect());
        let high = inner_extent(near.iter().map(|point| point.y).collect());
        let size = wide.max(high);
        (size > 0.0).then_some(Self { keypoints: &person.keypoints, size })
    }

    /// How far a point lies from the middle of two others.
    fn distance_to_middle(&self, point: usize, one: usize, other: usize) -> Option<f64> {
        let [point, one, other] = [point, one, other].map(|at| self.keypoints[at]);
        if [point, one, other].iter().any(|point| !is_there(point) || point.is_missing()) {
            return None;
        }
        let [x, y] = middle(one, other);
        Some((point.x - x).hypot(point.y - y) / self.size)
    }
}

/// How far apart coordinates are without the outermost two, of which one may lie anywhere; 0 for too few.
fn inner_extent(mut coordinates: Vec<f64>) -> f64 {
    coordinates.sort_unstable_by(f64::total_cmp);
    match coordinates[..] {
        [_, low, .., high, _] if coordinates.len() > MIN_POINTS => high - low,
        _ => 0.0,
    }
}

fn middle(one: Keypoint, other: Keypoint) -> [f64; 2] {
    [(one.x + other.x) / 2.0, (one.y + other.y) / 2.0]
}

/// The median of how far a point lies from the middle of two others.
fn median_distance(bodies: &[Body<'_>], point: usize, one: usize, other: usize) -> Option<f64> {
    let mut distances: Vec<f64> = bodies.iter().filter_map(|body| body.distance_to_middle(point, one, other)).collect();
    median(&mut distances)
}

/// The layout, among those of so many points, that people's points lie as: BODY_25 or BODY_25B, COCO-17 or Human3.6M-17, with or without
/// feet.
/// `None` where nothing speaks clearly for one.
pub(crate) fn layout_shown<'a>(people: impl Iterator<Item = &'a Person>, points: usize) -> Option<&'static Layout> {
    let bodies: Vec<Body<'_>> = people.filter(|person| person.keypoints.len() == points).filter_map(Body::of).collect();
    match points {
        25 => body25_or_25b(&bodies),
        17 => coco_or_h36m(&bodies, &COCO17, &H36M17),
        23 => coco_or_h36m(&bodies, &COCO23, &H36M23),
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
    if is_below(other_neck, NECK) && (is_above(neck, 0.03) || is_above(hip, 0.05)) {
        return Some(&BODY25B);
    }
    let is_body25 = (is_below(neck, 0.03) || is_below(hip, 0.03)) && !is_below(other_neck, NECK);
    is_body25.then_some(&BODY25)
}

/// Whether a distance is known and below `limit`.
fn is_below(distance: Option<f64>, limit: f64) -> bool {
    distance.is_some_and(|distance| distance < limit)
}

/// Whether a distance is known and above `limit`.
fn is_above(distance: Option<f64>, limit: f64) -> bool {
    distance.is_some_and(|distance| distance > limit)
}

/// Human3.6M has the hip at 0, between 1 and 4, the spine at 7, the thorax at 8, between the shoulders 11 and 14. Feet come last in both.
fn coco_or_h36m(bodies: &[Body<'_>], coco: &'static Layout, h36m: &'static Layout) -> Option<&'static Layout> {
    let hip = median_distance(bodies, 0, 1, 4)?;
    let thorax = median_distance(bodies, 8, 11, 14)?;
    let spine = median_distance(bodies, 7, 0, 8)?;
    if hip < 0.06 && thorax < 0.1 && spine < 0.1 {
        return Some(h36m);
    }
    (thorax > 0.15).then_some(coco)
}

/// Whether points are metres around the middle of the hips, as MediaPipe's world landmarks are.
pub(super) fn are_world_landmarks<'a>(people: impl Iterator<Item = &'a Person>) -> bool {
    let mut centred = 0;
    let mut others = 0;
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
    let points = person.keypoints.len();
    let layout = layout.or_else(|| [&COCO17, &COCO23].into_iter().find(|usual| usual.len() == points))?;
    let hips = middle(point(person, layout, "left_hip")?, point(person, layout, "right_hip")?);
    let shoulders = middle(point(person, layout, "left_shoulder")?, point(person, layout, "right_shoulder")?);
    let x = shoulders[0] - hips[0];
    let y = shoulders[1] - hips[1];
    let length = x.hypot(y);
    (length > 1e-9).then_some([x / length, y / length])
}

/// The point of that name, if it is there.
fn point(person: &Person, layout: &Layout, name: &str) -> Option<Keypoint> {
    let point = *person.keypoints.get(layout.position(name)?)?;
    (is_there(&point) && !point.is_missing()).then_some(point)
}

/// Whether nearly all people's trunks lie flat.
pub(super) fn lie_on_their_side<'a>(people: impl Iterator<Item = &'a Person>, layout: Option<&Layout>) -> bool {
    let mut flat = 0;
    let mut all = 0;
    for [x, y] in people.filter_map(|person| trunk(person, layout)) {
        all += 1;
        flat += usize::from(x.abs() > 2.0 * y.abs());
    }
    all > 0 && flat * 10 >= all * 9
}

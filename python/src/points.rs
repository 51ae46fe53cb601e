//! Arrays of key points as they come, made what a network takes.
//!
//! Good arrays pass as they are, without a copy. Those in which a detector's marks of missing points, or scores somewhat above 1,
//! stand, are copied and set right. What can only be judged by more than a point (normalised coordinates, logits, percent) is
//! for the guards of streams ([`crate::guarded`]).

use ndarray::{Array3, ArrayView1, ArrayView3, CowArray, Ix3};
use poselift::camera::Undistorter;
use poselift::guard::{MAX_NORMALISED, SILENTLY_CLAMPED, is_mark};
use poselift::lift;
use poselift::model::Card;
use poselift::pose::Keypoint;
use poselift::skeleton::{Conversion, Layout};

/// What a look at all points of an array showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Pixels, and scores of 0 to 1.
    Plain,
    /// The same, with marks of missing points or scores a little above 1.
    Marked,
    /// Normalised coordinates of an image, or scores on another scale.
    Odd,
}

/// Looks at all points of `[N, J, 2 or 3]`.
pub(crate) fn kind(points: ArrayView3<'_, f32>) -> Kind {
    let mut seen = Seen::default();
    let channels = points.dim().2;
    match points.as_slice() {
        Some(numbers) => {
            for point in numbers.chunks_exact(channels) {
                seen.see(point[0], point[1], point.get(2));
            }
        }
        None => {
            for point in points.rows() {
                seen.see(point[0], point[1], point.get(2));
            }
        }
    }
    seen.kind()
}

/// What was seen so far; points whose coordinates are no numbers are passed over.
#[derive(Default)]
struct Seen {
    largest: f32,
    is_marked: bool,
    is_scored_oddly: bool,
    has_points: bool,
}

impl Seen {
    fn see(&mut self, x: f32, y: f32, score: Option<&f32>) {
        if x.is_nan() || y.is_nan() {
            return;
        }
        if is_mark([x, y].map(f64::from)) {
            self.is_marked = true;
            return;
        }
        self.has_points = true;
        self.largest = self.largest.max(x.abs()).max(y.abs());
        if let Some(&score) = score {
            self.is_marked |= score > 1.0;
            self.is_scored_oddly |= !(0.0..=SILENTLY_CLAMPED).contains(&score) && !score.is_nan();
        }
    }

    fn kind(&self) -> Kind {
        match () {
            () if self.is_scored_oddly || self.has_points && f64::from(self.largest) <= MAX_NORMALISED => Kind::Odd,
            () if self.is_marked => Kind::Marked,
            () => Kind::Plain,
        }
    }
}

/// `points` `[N, J, 2 or 3]` as a network of `card` takes them: its joints, by a conversion of another layout, its channels, and marks
/// of missing points as it knows them. As they are where nothing is to be done.
pub(crate) fn fitted<'a>(
    points: ArrayView3<'a, f32>,
    conversion: Option<&Conversion>,
    kind: Kind,
    card: &Card,
) -> CowArray<'a, f32, Ix3> {
    let (count, _, channels) = points.dim();
    let wanted = card.input.channels;
    let places = conversion.map(Conversion::source_of);
    if places.is_none() && kind == Kind::Plain && channels == wanted {
        return CowArray::from(points);
    }
    let joints = card.input.joints.len();
    let mut fitted = Array3::zeros((count, joints, wanted));
    for (row, mut person) in fitted.outer_iter_mut().enumerate() {
        for (joint, mut cell) in person.outer_iter_mut().enumerate() {
            let place = places.map_or(Some(joint), |places| places[joint]);
            let point = place.map_or([0.0; 3], |place| cleaned(points.slice(ndarray::s![row, place, ..])));
            let is_missing = point[2] == 0.0;
            if wanted == 2 && is_missing {
                cell.fill(f32::NAN);
                continue;
            }
            for (number, wanted) in point.into_iter().zip(&mut cell) {
                *wanted = number;
            }
        }
    }
    CowArray::from(fitted)
}

/// A point with its score, 1 where it has none; zeros for a missing one.
fn cleaned(point: ArrayView1<'_, f32>) -> [f32; 3] {
    let x = point[0];
    let y = point[1];
    let score = point.get(2).copied().unwrap_or(1.0);
    let is_there = x.is_finite() && y.is_finite() && !is_mark([x, y].map(f64::from)) && score > 0.0;
    if is_there { [x, y, score.min(1.0)] } else { [0.0; 3] }
}

/// The conversion from a layout to the joints that the network reads; `None` where they are the same.
///
/// # Errors
/// The layout lacks joints that the network reads, and that it may not lack ([`Conversion::new`]).
pub(crate) fn conversion(layout: &Layout, card: &Card) -> poselift::Result<Option<Conversion>> {
    let conversion = lift::conversion(card, layout)?;
    let found = conversion.source_of();
    let is_same =
        layout.len() == card.input.joints.len() && found.iter().enumerate().all(|(joint, place)| *place == Some(joint));
    Ok((!is_same).then_some(conversion))
}

/// Moves points to where a pinhole camera would show them; where the lens shows nothing they become missing.
pub(crate) fn undistort(points: &mut Array3<f32>, undistorter: &Undistorter) {
    for mut point in points.rows_mut() {
        let moved = undistorter.keypoint(Keypoint::from_row(point.view()));
        if moved.is_missing() {
            let mark = if point.len() == 3 { 0.0 } else { f32::NAN };
            point.fill(mark);
        } else {
            point[0] = moved.x as f32;
            point[1] = moved.y as f32;
        }
    }
}

/// What is known of people beside their poses.
#[derive(Debug, Default)]
pub(crate) struct Sight {
    /// `[N * J_out]` whether the key point of a joint was missing.
    pub(crate) missing: Vec<bool>,
    /// `[N]` the mean score of the key points that the network read; 0 where there was none.
    pub(crate) scores: Vec<f32>,
}

impl Sight {
    /// Of `points` `[N, J_in, 2 or 3]` as the network takes them; `keypoint_of` `[J_out]` has the point of each joint's name.
    pub(crate) fn of(points: ArrayView3<'_, f32>, keypoint_of: &[Option<usize>]) -> Self {
        let count = points.dim().0;
        let mut sight =
            Self { missing: Vec::with_capacity(count * keypoint_of.len()), scores: Vec::with_capacity(count) };
        let mut scores = vec![0.0; points.dim().1];
        for person in points.outer_iter() {
            for (score, point) in scores.iter_mut().zip(person.outer_iter()) {
                *score = visible_score(point);
            }
            let seen = scores.iter().filter(|score| **score > 0.0).count();
            sight.scores.push(scores.iter().sum::<f32>() / seen.max(1) as f32);
            sight.missing.extend(keypoint_of.iter().map(|point| point.is_some_and(|point| scores[point] <= 0.0)));
        }
        sight
    }
}

/// A point's score, 0 for a missing one.
fn visible_score(point: ArrayView1<'_, f32>) -> f32 {
    let score = point.get(2).copied().unwrap_or(1.0);
    if point[0].is_finite() && point[1].is_finite() && score > 0.0 { score } else { 0.0 }
}

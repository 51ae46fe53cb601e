//! Key points, poses and frames; axes and units are defined only here.
//!
//! - 2D: pixels, origin at the top left corner, x to the right, y down.
//! - 3D: camera axes, x to the right, y down, z forward (OpenCV's and
//!   Human3.6M's convention), metres unless a model's card names another unit,
//!   relative to the root joint.
//! - Time in seconds. Scores in 0..1.
//!
//! Shapes are written with N poses, T frames, J joints everywhere.

use nalgebra::Vector3;
use ndarray::ArrayView1;
pub use poselift_onnx::{Axes, Unit};

/// One 2D key point of a detector.
///
/// Coordinates are f64: an f32 rounds a pixel coordinate of a thousand by 0.00003, which moves joints by a thousandth
/// of a millimetre from one resolution of an image to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Keypoint {
    /// Pixels from the left edge of the image.
    pub x: f64,
    /// Pixels from the top edge of the image.
    pub y: f64,
    /// The detector's confidence, 0..1; 0 means missing.
    pub score: f32,
}

impl Keypoint {
    /// A joint that was not detected.
    pub const MISSING: Self = Self { x: f64::NAN, y: f64::NAN, score: 0.0 };

    /// The point in a row (x, y) or (x, y, score); without a score it is seen.
    ///
    /// # Panics
    /// A row of fewer than two numbers.
    pub fn from_row(row: ArrayView1<'_, f32>) -> Self {
        Self { x: f64::from(row[0]), y: f64::from(row[1]), score: row.get(2).copied().unwrap_or(1.0) }
    }

    /// Whether a model must not read this point: no score, an infinite one, or a coordinate that is no number.
    pub fn is_missing(self) -> bool {
        !(self.score > 0.0 && self.score.is_finite() && self.x.is_finite() && self.y.is_finite())
    }
}

/// One person's key points in one frame, in some layout's order.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// The person's track, if the source names one.
    pub id: Option<i64>,
    /// `[J]` key points.
    pub keypoints: Vec<Keypoint>,
}

/// One frame of a 2D stream.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Frame {
    /// The frame's number in its source.
    pub index: u64,
    /// Seconds since the start of its source, if known.
    pub time: Option<f64>,
    /// Width and height of the image in pixels, if known.
    pub size: Option<[u32; 2]>,
    /// The camera's focal length in pixels, if known.
    pub focal: Option<f32>,
    /// The people in the frame; there may be none.
    pub people: Vec<Person>,
}

impl Frame {
    /// Seconds between frames that do not say their time.
    pub(crate) const USUAL_STEP: f64 = 1.0 / 30.0;

    /// The frame's time, seconds; of one that does not say, that of its number at `fps` frames a second, if that is known.
    pub fn time_at(&self, fps: Option<f64>) -> Option<f64> {
        self.time.or_else(|| time_of_number(self.index, fps))
    }

    /// The frame's time, seconds; of one that does not say, that of its number at 30 frames a second.
    pub(crate) fn time_or_usual(&self) -> f64 {
        self.time.unwrap_or(self.index as f64 * Self::USUAL_STEP)
    }
}

/// When frame `index` is where there are `fps` frames a second, if that is known: seconds since frame 0.
pub(crate) fn time_of_number(index: u64, fps: Option<f64>) -> Option<f64> {
    fps.map(|fps| index as f64 / fps)
}

/// One person lifted to 3D.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LiftedPerson {
    /// The track, copied from the 2D person.
    pub id: Option<i64>,
    /// `[J]` joints: camera axes, root-relative, in the unit of the model's card.
    pub joints: Vec<[f32; 3]>,
    /// Mean score of the 2D key points that the model read, 0..1.
    pub score: f32,
    /// `[J]` the distance that 68 % of each joint's errors stay within, as estimated by the model, in the unit of its
    /// card; empty if the model has no sigma.
    pub sigma: Vec<f32>,
    /// Indices of the joints whose 2D key point was missing, so that the model placed them by the others. Joints
    /// without a key point in the model's layout, such as the spine, are never among them.
    pub missing_joints: Vec<usize>,
    /// Whether the mean of `sigma`, without the points of feet, exceeds the requested limit.
    pub unsure: bool,
    /// The root joint's position, in the axes and the unit of `joints`, from the camera; `None` if it is unknown.
    pub root: Option<[f32; 3]>,
    /// The angles that the stream names, degrees, NaN if the joints do not determine them; empty if there are none.
    pub angles: Vec<f32>,
    /// One standard deviation of each angle, degrees, NaN if it is unknown; empty if there are none.
    pub angle_sigma: Vec<f32>,
    /// Whether the left and the right foot stand on the ground; `None` where it is unknown or was not asked for.
    pub contacts: [Option<bool>; 2],
}

/// One frame of a 3D stream; every 2D frame gives one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LiftedFrame {
    /// The frame's number, copied from the 2D frame.
    pub index: u64,
    /// Seconds, copied from the 2D frame.
    pub time: Option<f64>,
    /// The people who could be lifted.
    pub people: Vec<LiftedPerson>,
}

impl LiftedFrame {
    /// The frame's time, as [`Frame::time_at`] has it.
    pub fn time_at(&self, fps: Option<f64>) -> Option<f64> {
        self.time.or_else(|| time_of_number(self.index, fps))
    }
}

/// The identity of a person from frame to frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum PersonKey {
    /// The track that the stream names.
    Id(i64),
    /// The index in the frame, of a person without an id.
    Place(usize),
}

impl PersonKey {
    /// The key of the person with this `id`, if any, at index `place` of a frame.
    pub(crate) fn of(id: Option<i64>, place: usize) -> Self {
        id.map_or(Self::Place(place), Self::Id)
    }
}

/// A point of a pose as a vector to reckon with.
pub(crate) fn vector(point: [f32; 3]) -> Vector3<f64> {
    Vector3::from(point.map(f64::from))
}

/// The side of an image that `number` is, in pixels; `None` unless it is a whole number above 0.
pub(crate) fn image_side(number: f64) -> Option<u32> {
    let is_side = (1.0..=1e9).contains(&number) && number.fract() == 0.0;
    is_side.then_some(number as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_without_a_time_has_that_of_its_number() {
        let told = Frame { index: 50, time: Some(7.0), ..Frame::default() };
        let untold = LiftedFrame { index: 50, ..LiftedFrame::default() };
        assert_eq!([told.time_at(Some(25.0)), told.time_at(None)], [Some(7.0); 2]);
        assert_eq!([untold.time_at(Some(25.0)), untold.time_at(None)], [Some(2.0), None]);
    }

    #[test]
    fn missing_is_no_score_or_no_number() {
        let seen = Keypoint { x: 0.0, y: 0.0, score: 0.1 };
        assert!(!seen.is_missing());
        for point in [
            Keypoint::MISSING,
            Keypoint { score: 0.0, ..seen },
            Keypoint { score: f32::NAN, ..seen },
            Keypoint { score: f32::INFINITY, ..seen },
            Keypoint { x: f64::NAN, ..seen },
            Keypoint { y: f64::INFINITY, ..seen },
        ] {
            assert!(point.is_missing(), "{point:?}");
        }
    }
}

//! Robustness: a model's error as one condition at a time gets harder.
//!
//! A study is a list of curves; a curve varies one quantity, from usual to unusual values, over the same people of
//! the validation split. Models are run as users run them, by [`poselift::Lifter`], cameras known.

mod conditions;
mod joints;
mod words;
mod write;

use ndarray::{Array3, ArrayView2, Axis, s};
use poselift::lift::Lifter;
use poselift::metric::{Accuracy, Calibration, JointAccuracy, Score};
use poselift::model::PoseNetwork;
use poselift::skeleton::{H36M17, is_of_foot};
use poselift::{Error, Result};

use crate::dataset::{Dataset, Protocol, Views};

pub use conditions::{Condition, Curve, Damage, Joints, Legs, curves, people};
pub use joints::sigma_chart;
pub use write::{chart, markdown};

/// The rows of the first curve that are reported joint by joint.
const TOLD_BY_JOINT: usize = 2;

/// A model's figures under one condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The condition in words or as a number with its unit: `15°`.
    pub label: String,
    /// Its position on the curve's axis.
    pub at: f64,
    /// The errors; only of the upper body if the condition says so.
    pub accuracy: Accuracy,
    /// `[J]` the same, joint by joint.
    pub joints: Vec<JointAccuracy>,
    /// Distribution of errors relative to sigma, if the model has it.
    pub calibration: Option<Calibration>,
    /// Number of people with too few visible joints to be lifted.
    pub not_lifted: u64,
}

/// One curve, measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The quantity that is varied: `camera pitch`.
    pub title: String,
    /// Its unit, for the axis: `degrees`.
    pub unit: String,
    /// In the order of the axis.
    pub points: Vec<Point>,
    /// Whether the points are on an axis; otherwise they are a list.
    pub is_axis: bool,
}

impl Point {
    /// The share of joints within one sigma, if the model has it.
    pub fn within_sigma(&self) -> Option<f64> {
        self.calibration.as_ref().and_then(Calibration::within_one_sigma)
    }
}

/// Measures `lifter` on the validation split of `dataset`, `views` people per point; `sources` are the names of the
/// sources of its motion.
///
/// # Errors
/// Data without cameras (paired arrays), a model of other joints, a runtime that fails.
pub fn study<N: PoseNetwork>(
    lifter: &mut Lifter<N>,
    dataset: &Dataset,
    sources: &[String],
    views: usize,
) -> Result<Vec<Measured>> {
    let mut measured = Vec::new();
    let held_out = people(&dataset.held_out_people(), sources);
    for curve in curves().iter().chain([&held_out]) {
        let points = curve.conditions.iter().map(|condition| measure(lifter, dataset, &[condition], views));
        measured.push(curve.measured(points.collect::<Result<_>>()?));
    }
    let mut points = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        let conditions = held_out.of_source(index);
        if !conditions.is_empty() {
            let point = measure(lifter, dataset, &conditions, views)?;
            let label = format!("{source} ({} people)", conditions.len());
            points.push(Point { label, ..point });
        }
    }
    if !points.is_empty() {
        measured.push(Measured { title: "sources".into(), unit: String::new(), points, is_axis: false });
    }
    Ok(measured)
}

/// The figures over all views of `conditions` together; the first one selects the joints.
fn measure<N: PoseNetwork>(
    lifter: &mut Lifter<N>,
    dataset: &Dataset,
    conditions: &[&Condition],
    views: usize,
) -> Result<Point> {
    let [first, ..] = conditions else {
        return Err(Error::usage("no condition to measure under, expected at least one"));
    };
    let mut score: Option<Score> = None;
    let mut calibration = None;
    for condition in conditions {
        let protocol = Protocol { views, ..condition.protocol.clone() };
        let Some(mut seen) = dataset.held_out(&protocol) else {
            return Err(Error::usage("paired arrays have no cameras to vary, expected a run on motion"));
        };
        condition.damage.apply(&mut seen, &dataset.card.input.joints);
        let lifted = lifter.lift_with_cameras(seen.keypoints.view(), &seen.cameras)?;
        let found = chosen(&lifted.poses, condition.joints);
        let truth = chosen(&seen.poses, condition.joints);
        score
            .get_or_insert_with(|| Score::new(found.dim().1, Some(0), &poselift::pose::Unit::Metres))
            .add(found.view(), truth.view())?;
        if let Some(sigma) = &lifted.sigma {
            let counted = calibration.get_or_insert_with(|| Calibration::new(Some(0)));
            counted.add(lifted.poses.view(), seen.poses.view(), sigma.view())?;
        }
    }
    let score = score.ok_or_else(|| none_lifted(first))?;
    let (accuracy, joints) = score.accuracy().zip(score.joints()).ok_or_else(|| none_lifted(first))?;
    let not_lifted = score.not_lifted();
    Ok(Point { label: first.label.clone(), at: first.at, accuracy, joints, calibration, not_lifted })
}

fn none_lifted(condition: &Condition) -> Error {
    Error::runtime(format!("no person could be lifted ({})", condition.label))
}

impl Curve {
    /// The conditions that are about one person of this source each.
    fn of_source(&self, source: usize) -> Vec<&Condition> {
        self.conditions
            .iter()
            .filter(|condition| condition.protocol.subject.as_ref().is_some_and(|person| person.source == source))
            .collect()
    }

    fn measured(&self, points: Vec<Point>) -> Measured {
        Measured { title: self.title.clone(), unit: self.unit.clone(), points, is_axis: self.is_axis }
    }
}

/// Human3.6M-17's thorax, and the other joints above the hips.
const ABOVE_HIPS: [usize; 10] = [8, 7, 9, 10, 11, 12, 13, 14, 15, 16];

/// The measured joints of `poses` `[N, J_out, 3]`, the root first.
fn chosen(poses: &Array3<f32>, joints: Joints) -> Array3<f32> {
    match joints {
        Joints::All => poses.to_owned(),
        Joints::Upper => {
            let upper: Vec<usize> = (0..H36M17.len()).filter(|&joint| !is_of_leg(H36M17.joints[joint])).collect();
            poses.select(Axis(1), &upper)
        }
        Joints::AboveHips => poses.select(Axis(1), &ABOVE_HIPS),
    }
}

/// Whether Human3.6M-17's joint of this name is part of a leg.
fn is_of_leg(joint: &str) -> bool {
    ["knee", "ankle", "left_hip", "right_hip"].iter().any(|part| joint.contains(part))
}

/// A person's size in the image, pixels: the root of the area of the box around the visible key points.
fn person_size(person: ArrayView2<'_, f32>) -> f32 {
    let mut ends = [[f32::MAX, f32::MIN]; 2];
    for point in person.outer_iter().filter(|point| point[2] > 0.0) {
        for axis in 0..2 {
            ends[axis] = [ends[axis][0].min(point[axis]), ends[axis][1].max(point[axis])];
        }
    }
    let [width, height] = ends.map(|[least, greatest]| (greatest - least).max(0.0));
    (width * height).sqrt()
}

impl Damage {
    /// Applies the condition's change to `views` of these input joints, the same at every call.
    fn apply(self, views: &mut Views, joints: &[String]) {
        match self {
            Self::None => {}
            Self::Noise { share } => add_noise(views, share),
            Self::Missing { joints: missing } => leave_out(views, joints, missing),
            Self::NoLegs { hidden } => {
                for (index, joint) in joints.iter().enumerate() {
                    if hidden.hide(joint) {
                        views.keypoints.slice_mut(s![.., index, ..]).fill(0.0);
                    }
                }
            }
            Self::FocalUnknown => {
                for camera in &mut views.cameras {
                    *camera = poselift::camera::Camera::with_focal(None, camera.size);
                }
            }
        }
    }
}

/// Normal noise on every coordinate, of a deviation that is this share of a person's size.
fn add_noise(views: &mut Views, share: f64) {
    let mut random = conditions::random();
    for mut person in views.keypoints.outer_iter_mut() {
        let deviation = share as f32 * person_size(person.view());
        person.slice_mut(s![.., ..2]).mapv_inplace(|pixel| pixel + deviation * random.normal());
    }
}

/// Makes `missing` random ones of `joints` invisible; points of feet stay.
fn leave_out(views: &mut Views, joints: &[String], missing: usize) {
    let mut random = conditions::random();
    let without_feet: Vec<usize> = (0..joints.len()).filter(|&joint| !is_of_foot(&joints[joint])).collect();
    for mut person in views.keypoints.outer_iter_mut() {
        for chosen in random.choose(without_feet.len(), missing) {
            person.row_mut(without_feet[chosen]).fill(0.0);
        }
    }
}

#[cfg(test)]
mod tests;

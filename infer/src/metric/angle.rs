//! How far the angles of knees, hips, elbows and ankles of predicted poses are from the true ones.
//!
//! An angle is between two lines through named joints, so it needs no axes and no alignment: thigh and shank, thigh and trunk,
//! upper arm and forearm, shank and sole (heel to big toe).

use nalgebra::Vector3;
use ndarray::{ArrayView2, ArrayView3};

use crate::skeleton::find_joint;

/// An angle on both sides of the body: two lines, each from joint to joint. `{}` stands for `left` or `right`.
struct Definition {
    name: &'static str,
    lines: [[&'static str; 2]; 2],
}

const DEFINITIONS: [Definition; 4] = [
    Definition { name: "knee", lines: [["{}_knee", "{}_hip"], ["{}_knee", "{}_ankle"]] },
    Definition { name: "hip", lines: [["hip", "thorax"], ["{}_hip", "{}_knee"]] },
    Definition { name: "elbow", lines: [["{}_elbow", "{}_shoulder"], ["{}_elbow", "{}_wrist"]] },
    Definition { name: "ankle", lines: [["{}_ankle", "{}_knee"], ["{}_heel", "{}_big_toe"]] },
];

impl Definition {
    /// The two lines of each side that `joints` have, as their indices.
    fn sides(&self, joints: &[String]) -> Vec<AngleLines> {
        ["left", "right"].into_iter().filter_map(|side| self.lines_of(side, joints)).collect()
    }

    /// The two lines of a side, `left` or `right`; `None` if a joint is missing.
    fn lines_of(&self, side: &str, joints: &[String]) -> Option<AngleLines> {
        let [first, second] = self.lines;
        Some([line(first, side, joints)?, line(second, side, joints)?])
    }
}

/// A line of a side, as the indices of its ends.
fn line(ends: [&str; 2], side: &str, joints: &[String]) -> Option<[usize; 2]> {
    let from = find_joint(joints, &ends[0].replace("{}", side))?;
    let to = find_joint(joints, &ends[1].replace("{}", side))?;
    Some([from, to])
}

/// The two lines that an angle is between, each from joint to joint by index.
pub type AngleLines = [[usize; 2]; 2];

/// The lines of all angles that poses of these `joints` have: knees, hips, elbows and, with feet, ankles.
pub fn angle_lines(joints: &[String]) -> Vec<AngleLines> {
    DEFINITIONS.iter().flat_map(|definition| definition.sides(joints)).collect()
}

/// Accumulates the errors of the angles that a skeleton has.
#[derive(Debug, Clone, PartialEq)]
pub struct AngleErrors {
    angles: Vec<Angle>,
}

#[derive(Debug, Clone, PartialEq)]
struct Angle {
    name: &'static str,
    /// One for each side.
    sides: Vec<AngleLines>,
    /// Of the absolute differences, degrees.
    sum: f64,
    count: u64,
}

impl AngleErrors {
    /// For poses of these `joints`; angles whose joints are not among them are left out.
    pub fn new(joints: &[String]) -> Self {
        let mut angles = Vec::new();
        for definition in &DEFINITIONS {
            let sides = definition.sides(joints);
            if !sides.is_empty() {
                angles.push(Angle { name: definition.name, sides, sum: 0.0, count: 0 });
            }
        }
        Self { angles }
    }

    /// Adds poses `[N, J, 3]`; what is NaN does not count.
    ///
    /// # Panics
    /// Poses of other shapes, or with fewer joints than [`Self::new`] was told.
    pub fn add(&mut self, predicted: ArrayView3<'_, f32>, truth: ArrayView3<'_, f32>) {
        assert_eq!(predicted.dim(), truth.dim(), "poses to compare have the same shape");
        for (predicted, truth) in predicted.outer_iter().zip(truth.outer_iter()) {
            for angle in &mut self.angles {
                for lines in &angle.sides {
                    let error = (degrees(predicted, lines) - degrees(truth, lines)).abs();
                    if error.is_finite() {
                        angle.sum += error;
                        angle.count += 1;
                    }
                }
            }
        }
    }

    /// Each angle's name and the mean of its absolute error over both sides and all poses, degrees.
    pub fn means(&self) -> Vec<(&'static str, f64)> {
        let seen = self.angles.iter().filter(|angle| angle.count > 0);
        seen.map(|angle| (angle.name, angle.sum / angle.count as f64)).collect()
    }
}

/// Degrees between two lines of a pose `[J, 3]`.
fn degrees(pose: ArrayView2<'_, f32>, lines: &AngleLines) -> f64 {
    let [first, second] = lines.map(|line| point(pose, line[1]) - point(pose, line[0]));
    degrees_between(first, second)
}

/// Where a joint is in a pose `[J, 3]`.
fn point(pose: ArrayView2<'_, f32>, joint: usize) -> Vector3<f64> {
    Vector3::from_fn(|axis, _| f64::from(pose[[joint, axis]]))
}

/// The angle between two vectors, 0 to 180 degrees.
pub(super) fn degrees_between(first: Vector3<f64>, second: Vector3<f64>) -> f64 {
    // Not by the cosine, which is flat where a limb is straight.
    first.cross(&second).norm().atan2(first.dot(&second)).to_degrees()
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;
    use crate::skeleton::{H36M17, H36M23, Layout};

    fn errors(layout: &Layout) -> AngleErrors {
        AngleErrors::new(&layout.joints.iter().map(|&joint| joint.to_owned()).collect::<Vec<_>>())
    }

    /// The right leg straight down, its foot straight ahead; all other joints are NaN.
    fn leg(layout: &Layout) -> Array3<f32> {
        let mut pose = Array3::from_elem((1, layout.len(), 3), f32::NAN);
        let mut put = |name: &str, point: [f32; 3]| {
            if let Some(joint) = layout.position(name) {
                (0..3).for_each(|axis| pose[[0, joint, axis]] = point[axis]);
            }
        };
        put("right_hip", [0.0, 0.0, 0.0]);
        put("right_knee", [0.0, 0.4, 0.0]);
        put("right_ankle", [0.0, 0.8, 0.0]);
        put("right_heel", [0.0, 0.85, 0.05]);
        put("right_big_toe", [0.0, 0.85, -0.2]);
        pose
    }

    #[test]
    fn a_shank_that_is_turned_changes_knee_and_ankle() {
        let truth = leg(&H36M23);
        let mut predicted = truth.clone();
        // By 45 degrees, forward.
        let ankle = H36M23.joint("right_ankle");
        predicted[[0, ankle, 2]] = -0.4;
        let mut errors = errors(&H36M23);
        errors.add(predicted.view(), truth.view());
        let found = errors.means();
        assert_eq!(found.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["knee", "ankle"]);
        assert!(found.iter().all(|(_, error)| (error - 45.0).abs() < 1e-4), "{found:?}");
    }

    #[test]
    fn a_skeleton_without_feet_has_no_ankle_angle() {
        let mut errors = errors(&H36M17);
        errors.add(leg(&H36M17).view(), leg(&H36M17).view());
        assert_eq!(errors.means(), [("knee", 0.0)]);
        assert!(AngleErrors::new(&["joint_0".to_owned()]).means().is_empty());
    }
}

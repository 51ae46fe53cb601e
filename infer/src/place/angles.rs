//! Joint angles, as clinicians and OpenSim's gait models name them, from the positions of joints.
//!
//! Segments' axes are those of the International Society of Biomechanics (Wu and Cavanagh, 1995): x forward, y up, z
//! to the right, turned about z (flexion), then x (adduction, bending), then y (rotation), as in OpenSim's models.
//! The pelvis is given by the line of the hips and the direction to the spine, the trunk by the line of the shoulders
//! and the direction from the spine to the thorax. Degrees; positive are flexion, adduction (towards the middle) and
//! internal rotation, and for the trunk extension, bending to the right and turning to the left. Standing upright,
//! all are 0.
//!
//! Where the skeleton has feet, there are the ankles' angles. A foot's long axis leads from the heel to the middle of big and small
//! toe. Seen along its shank it points anywhere; then it is raised by `ankle_angle`, dorsiflexion, about the medio-lateral axis, at
//! right angles to both, and at last turned about itself by `subtalar_angle`, inversion, the sole towards the middle.
//!
//! Not every angle can be determined. The rotation of a limb about itself is visible only if its knee or elbow is
//! bent, flexion and rotation of an arm not if it points straight to the side, inversion not if the foot points along the shank or
//! its toes lie behind each other, and there is nothing for hands. Such angles are NaN.

mod names;

use std::collections::BTreeMap;

use nalgebra::{Matrix3, Vector3};

use super::axes::y_up_from;
use super::foot::Foot;
use crate::error::{Error, Result};
use crate::format::{PoseInfo, PoseWriter};
use crate::pose::{Axes, Frame, LiftedFrame, PersonKey};
use crate::skeleton::find_joint;
use crate::smooth::is_crowded;
use names::has_feet;
pub use names::{ANGLE_NAMES, ANGLE_NAMES_WITH_FEET, angle_names};

type Vector = Vector3<f32>;

/// Least bend of a knee or an elbow, degrees, that determines the rotation of its limb.
const MIN_BEND: f32 = 20.0;
/// Least angle, degrees, between a limb and the direction straight to the side for its flexion.
const MIN_FROM_SIDE: f32 = 10.0;
/// Least angle, degrees, that the toes must be apart as seen from the heel for inversion. A foot's are about 20.
const MIN_SPREAD: f32 = 5.0;
/// Standard deviations, along each of three axes, in the distance that 68 % of errors stay within: the root of the 68
/// % point of the chi-squared distribution of three degrees of freedom, 3.51.
const DEVIATIONS: f32 = 1.87;

/// The angles of one pose.
#[derive(Debug, Clone, PartialEq)]
pub struct Angles {
    /// Degrees in the order of [`AngleReader::names`]; NaN if the joints do not determine the angle.
    pub degrees: Vec<f32>,
    /// One standard deviation, degrees, from the joints' sigma; NaN if there is none.
    pub sigma: Vec<f32>,
}

/// Finds angles in poses of one skeleton.
#[derive(Debug, Clone)]
pub struct AngleReader {
    y_up: Matrix3<f32>,
    joints: Joints,
    names: &'static [&'static str],
}

/// Indices of the joints that angles need.
#[derive(Debug, Clone, Copy)]
struct Joints {
    hip: usize,
    spine: usize,
    thorax: usize,
    head: usize,
    right: Side,
    left: Side,
}

#[derive(Debug, Clone, Copy)]
struct Side {
    hip: usize,
    knee: usize,
    ankle: usize,
    shoulder: usize,
    elbow: usize,
    wrist: usize,
    /// Of both sides or of none.
    foot: Option<Foot>,
}

impl Side {
    fn of(joints: &[String], side: &str, has_feet: bool) -> Result<Self> {
        Ok(Self {
            hip: joint(joints, &format!("{side}_hip"))?,
            knee: joint(joints, &format!("{side}_knee"))?,
            ankle: joint(joints, &format!("{side}_ankle"))?,
            shoulder: joint(joints, &format!("{side}_shoulder"))?,
            elbow: joint(joints, &format!("{side}_elbow"))?,
            wrist: joint(joints, &format!("{side}_wrist"))?,
            foot: Foot::of(joints, side).filter(|_| has_feet),
        })
    }
}

/// The index of a joint that angles need.
fn joint(joints: &[String], name: &str) -> Result<usize> {
    find_joint(joints, name)
        .ok_or_else(|| Error::usage(format!("joint angles need the joint '{name}', which the skeleton does not have")))
}

impl AngleReader {
    /// A reader of poses of these `joints` in these `axes`.
    ///
    /// # Errors
    /// A joint that angles need is not among them.
    pub fn new(joints: &[String], axes: Axes) -> Result<Self> {
        let has_feet = has_feet(joints);
        let indices = Joints {
            hip: joint(joints, "hip")?,
            spine: joint(joints, "spine")?,
            thorax: joint(joints, "thorax")?,
            head: joint(joints, "head")?,
            right: Side::of(joints, "right", has_feet)?,
            left: Side::of(joints, "left", has_feet)?,
        };
        Ok(Self { y_up: y_up_from(axes), joints: indices, names: angle_names(joints) })
    }

    /// The names of the angles, in their order.
    pub fn names(&self) -> &'static [&'static str] {
        self.names
    }

    /// The angles of a pose, `[J]`; `sigma` is of its joints, `[J]`, or empty.
    pub fn read(&self, pose: &[[f32; 3]], sigma: &[f32]) -> Angles {
        let body = Measured { y_up: &self.y_up, pose, sigma };
        let joints = &self.joints;
        let pelvis_across = body.segment(joints.left.hip, joints.right.hip);
        let pelvis_up = body.segment(joints.hip, joints.spine);
        let trunk_across = body.segment(joints.left.shoulder, joints.right.shoulder);
        let trunk_up = body.segment(joints.spine, joints.thorax);
        let pelvis = segment_axes(pelvis_across.vector, pelvis_up.vector);
        let trunk = segment_axes(trunk_across.vector, trunk_up.vector);
        let pelvis_deviation = pelvis_across.deviation.hypot(pelvis_up.deviation);
        let trunk_deviation = trunk_across.deviation.hypot(trunk_up.deviation);

        let mut list = List::default();
        list.push_all(turns(&pelvis), pelvis_deviation);
        for (side, sign) in [(&joints.right, 1.0), (&joints.left, -1.0)] {
            let limb = [body.segment(side.hip, side.knee), body.segment(side.knee, side.ankle)];
            list.push_limb(&pelvis, pelvis_deviation, &limb, sign, -1.0);
            if let Some(foot) = &side.foot {
                list.push_foot(&body, &limb[1], foot, sign);
            }
        }
        list.push_all(turns(&(pelvis.transpose() * trunk)), pelvis_deviation.hypot(trunk_deviation));
        let neck = body.segment(joints.thorax, joints.head);
        let head = trunk.tr_mul(&neck.vector.normalize());
        let deviation = trunk_deviation.hypot(neck.deviation);
        list.push(head.x.atan2(head.y).to_degrees(), deviation);
        list.push(head.z.clamp(-1.0, 1.0).asin().to_degrees(), deviation);
        for (side, sign) in [(&joints.right, 1.0), (&joints.left, -1.0)] {
            let limb = [body.segment(side.shoulder, side.elbow), body.segment(side.elbow, side.wrist)];
            list.push_limb(&trunk, trunk_deviation, &limb, sign, 1.0);
        }
        Angles { degrees: list.degrees, sigma: list.sigma }
    }
}

/// The pose of a person, for its segments.
struct Measured<'a> {
    y_up: &'a Matrix3<f32>,
    pose: &'a [[f32; 3]],
    sigma: &'a [f32],
}

/// The vector from one joint to another.
#[derive(Debug, Clone, Copy)]
struct Segment {
    /// In y-up axes.
    vector: Vector,
    /// Standard deviation of its direction, radians.
    deviation: f32,
}

impl Measured<'_> {
    fn segment(&self, from: usize, to: usize) -> Segment {
        let vector = self.y_up * (Vector::from(self.pose[to]) - Vector::from(self.pose[from]));
        Segment { vector, deviation: self.sigma(from).hypot(self.sigma(to)) / DEVIATIONS / vector.norm() }
    }

    /// Where a joint is, in y-up axes.
    fn place(&self, joint: usize) -> Vector {
        self.y_up * Vector::from(self.pose[joint])
    }

    fn sigma(&self, joint: usize) -> f32 {
        self.sigma.get(joint).copied().unwrap_or(f32::NAN)
    }

    /// Sigma of the point in front that a foot's long axis leads to.
    fn toes_sigma(&self, foot: &Foot) -> f32 {
        let big_toe = self.sigma(foot.big_toe);
        foot.small_toe.map_or(big_toe, |small_toe| big_toe.hypot(self.sigma(small_toe)) / 2.0)
    }
}

/// The axes of the pelvis or the trunk, as columns: forward, up, right; `across` leads from left to right.
fn segment_axes(across: Vector, up: Vector) -> Matrix3<f32> {
    let right = across.normalize();
    let up = (up - right * right.dot(&up)).normalize();
    Matrix3::from_columns(&[up.cross(&right), up, right])
}

/// Degrees about z, x and y, in this order, that make up a rotation.
fn turns(rotation: &Matrix3<f32>) -> [f32; 3] {
    let about_z = (-rotation[(0, 1)]).atan2(rotation[(1, 1)]);
    let about_x = rotation[(2, 1)].clamp(-1.0, 1.0).asin();
    let about_y = (-rotation[(2, 0)]).atan2(rotation[(2, 2)]);
    [about_z, about_x, about_y].map(f32::to_degrees)
}

/// Angles as they come.
#[derive(Default)]
struct List {
    degrees: Vec<f32>,
    sigma: Vec<f32>,
}

impl List {
    /// An angle and its standard deviation, from radians.
    fn push(&mut self, degrees: f32, deviation: f32) {
        self.degrees.push(degrees);
        self.sigma.push(if degrees.is_nan() { f32::NAN } else { deviation.to_degrees() });
    }

    fn push_all(&mut self, degrees: [f32; 3], deviation: f32) {
        for degrees in degrees {
            self.push(degrees, deviation);
        }
    }

    /// Flexion, adduction and rotation of a limb of two segments from the trunk's axes, and the bend in its middle.
    /// `sign` is −1 on the left; `forward` is 1 if it bends to the front, as elbows do, and −1 if it bends to the
    /// back.
    fn push_limb(&mut self, trunk: &Matrix3<f32>, deviation: f32, limb: &[Segment; 2], sign: f32, forward: f32) {
        let [upper, lower] = limb.map(|segment| trunk.tr_mul(&segment.vector.normalize()));
        let flexion = upper.x.atan2(-upper.y);
        let adduction = (-sign * upper.z).clamp(-1.0, 1.0).asin();
        let bend = upper.cross(&lower).norm().atan2(upper.dot(&lower));

        // The lower segment as if the upper one hung down.
        let (sin_f, cos_f) = flexion.sin_cos();
        let (sin_a, cos_a) = (sign * adduction).sin_cos();
        let about_z = Matrix3::new(cos_f, -sin_f, 0.0, sin_f, cos_f, 0.0, 0.0, 0.0, 1.0);
        let about_x = Matrix3::new(1.0, 0.0, 0.0, 0.0, cos_a, -sin_a, 0.0, sin_a, cos_a);
        let hanging = (about_z * about_x).tr_mul(&lower);
        let rotation = sign * (-forward * hanging.z).atan2(forward * hanging.x);

        let has_flexion = adduction.abs() < (90.0 - MIN_FROM_SIDE).to_radians();
        let has_rotation = has_flexion && bend >= MIN_BEND.to_radians();
        let upper_deviation = deviation.hypot(limb[0].deviation);
        let bend_deviation = limb[0].deviation.hypot(limb[1].deviation);
        self.push(degrees_if(has_flexion, flexion), upper_deviation / adduction.cos());
        self.push(adduction.to_degrees(), upper_deviation);
        self.push(degrees_if(has_rotation, rotation), upper_deviation.hypot(bend_deviation) / bend.sin().abs());
        self.push(bend.to_degrees(), bend_deviation);
    }

    /// Dorsiflexion and inversion of the foot at the end of `shank`, which leads from the knee to the ankle. `sign` is −1 on the
    /// left.
    fn push_foot(&mut self, body: &Measured<'_>, shank: &Segment, foot: &Foot, sign: f32) {
        let long = foot.forward(|joint| body.place(joint));
        let up = -shank.vector.normalize();
        let long_deviation = body.toes_sigma(foot).hypot(body.sigma(foot.heel)) / DEVIATIONS / long.norm();
        let forward = long.normalize();
        let dorsiflexion = up.dot(&forward).clamp(-1.0, 1.0).asin();
        self.push(dorsiflexion.to_degrees(), shank.deviation.hypot(long_deviation));

        let from_sole = foot.up(sign > 0.0, |joint| body.place(joint));
        let Some((small_toe, from_sole)) = foot.small_toe.zip(from_sole) else {
            return self.push(f32::NAN, f32::NAN);
        };
        // The sole's upward direction without inversion.
        let level = up - forward * up.dot(&forward);
        let across = body.segment(foot.big_toe, small_toe);
        let spread = [foot.big_toe, small_toe].map(|toe| body.place(toe) - body.place(foot.heel));
        let is_known = dorsiflexion.abs() < (90.0 - MIN_FROM_SIDE).to_radians()
            && spread[0].angle(&spread[1]) >= MIN_SPREAD.to_radians();
        let inversion = sign * forward.dot(&level.cross(&from_sole)).atan2(level.dot(&from_sole));
        self.push(degrees_if(is_known, inversion), across.deviation.hypot(shank.deviation / dorsiflexion.cos()));
    }
}

/// An angle in degrees; NaN where it is not known.
fn degrees_if(is_known: bool, angle: f32) -> f32 {
    if is_known { angle.to_degrees() } else { f32::NAN }
}

/// Keeps angles from jumping by whole turns from frame to frame.
#[derive(Debug, Clone, Default)]
pub struct Unwrapper {
    /// Of each angle, once there were any.
    last: Vec<f32>,
}

impl Unwrapper {
    /// Adds whole turns to each angle to bring it closest to the last one.
    pub fn unwrap(&mut self, angles: &mut Angles) {
        self.last.resize(angles.degrees.len(), 0.0);
        for (last, angle) in self.last.iter_mut().zip(&mut angles.degrees) {
            if angle.is_finite() {
                *angle += 360.0 * ((*last - *angle) / 360.0).round();
                *last = *angle;
            }
        }
    }
}

/// A writer that adds angles to people and passes them on to another writer.
pub struct AngleWriter {
    writer: Box<dyn PoseWriter>,
    reader: AngleReader,
    people: BTreeMap<PersonKey, Unwrapper>,
}

impl AngleWriter {
    /// Adds angles to the poses for `writer`, a stream of `info`.
    ///
    /// # Errors
    /// The skeleton lacks a joint that angles need.
    pub fn new(writer: Box<dyn PoseWriter>, info: &PoseInfo) -> Result<Self> {
        Ok(Self { writer, reader: AngleReader::new(&info.joints, info.axes)?, people: BTreeMap::new() })
    }
}

impl PoseWriter for AngleWriter {
    fn write(&mut self, frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        let mut with_angles = lifted.clone();
        for (place, person) in with_angles.people.iter_mut().enumerate() {
            let mut angles = self.reader.read(&person.joints, &person.sigma);
            self.people.entry(PersonKey::of(person.id, place)).or_default().unwrap(&mut angles);
            person.angles = angles.degrees;
            person.angle_sigma = angles.sigma;
        }
        // People who left are forgotten once there are many of them: their angles then start anew.
        if is_crowded(self.people.len(), lifted.people.len()) {
            self.people.retain(|key, _| match key {
                PersonKey::Id(id) => lifted.people.iter().any(|person| person.id == Some(*id)),
                PersonKey::Place(_) => true,
            });
        }
        self.writer.write(frame, &with_angles)
    }

    fn flush(&mut self) -> Result<()> {
        self.writer.flush()
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.writer.finish()
    }
}

#[cfg(test)]
mod tests;

//! Angles of knees, hips and elbows beside those of the recording.

use super::super::angle::degrees_between;
use super::super::mean;
use super::{AngleAgreement, Pair, TruthPose, middle_of_hips, truth_joint};

/// The angles that are compared: each between two bones that meet, or between thigh and trunk.
pub(super) const ANGLES: [Angle; 6] = [
    Angle::at("right_knee", [End::joint("right_hip"), End::joint("right_ankle")], "right_knee"),
    Angle::at("left_knee", [End::joint("left_hip"), End::joint("left_ankle")], "left_knee"),
    Angle::at("right_hip", [End::Trunk, End::joint("right_knee")], "right_hip"),
    Angle::at("left_hip", [End::Trunk, End::joint("left_knee")], "left_hip"),
    Angle::at("right_elbow", [End::joint("right_shoulder"), End::joint("right_wrist")], "right_elbow"),
    Angle::at("left_elbow", [End::joint("left_shoulder"), End::joint("left_wrist")], "left_elbow"),
];
const SHOULDERS: [usize; 2] = [truth_joint("left_shoulder"), truth_joint("right_shoulder")];

pub(super) struct Angle {
    name: &'static str,
    ends: [End; 2],
    at: usize,
}

#[derive(Clone, Copy)]
enum End {
    Joint(usize),
    /// From the middle of the hips to the middle of the shoulders.
    Trunk,
}

impl End {
    const fn joint(name: &str) -> Self {
        Self::Joint(truth_joint(name))
    }
}

impl Angle {
    const fn at(name: &'static str, ends: [End; 2], joint: &str) -> Self {
        Self { name, ends, at: truth_joint(joint) }
    }

    /// Degrees between the two bones; NaN where one is not known.
    fn degrees(&self, pose: &TruthPose) -> f64 {
        let [first, second] = self.ends.map(|end| match end {
            End::Joint(joint) => pose[joint] - pose[self.at],
            End::Trunk => (pose[SHOULDERS[0]] + pose[SHOULDERS[1]]) / 2.0 - middle_of_hips(pose),
        });
        degrees_between(first, second)
    }

    pub(super) fn agreement(&self, pairs: &[Pair]) -> Option<AngleAgreement> {
        let differences = pairs.iter().map(|pair| self.degrees(&pair.pose) - self.degrees(&pair.truth));
        let differences: Vec<f64> = differences.filter(|difference| difference.is_finite()).collect();
        let offset = mean(differences.iter().copied())?;
        Some(AngleAgreement {
            name: self.name,
            error: mean(differences.iter().map(|difference| difference.abs()))?,
            offset,
            without_offset: mean(differences.iter().map(|difference| (difference - offset).abs()))?,
        })
    }
}

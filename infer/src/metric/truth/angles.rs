//! Angles of knees, hips and elbows beside those of the recording.

use super::super::angle::degrees_between;
use super::super::mean;
use super::{AngleAgreement, Pair, TruthPose, middle_of_hips};

/// The angles that are compared: each between two bones that meet, or between thigh and trunk.
pub(super) const ANGLES: [Angle; 6] = [
    Angle { name: "right_knee", ends: [End::Joint(0), End::Joint(2)], at: 1 },
    Angle { name: "left_knee", ends: [End::Joint(3), End::Joint(5)], at: 4 },
    Angle { name: "right_hip", ends: [End::Trunk, End::Joint(1)], at: 0 },
    Angle { name: "left_hip", ends: [End::Trunk, End::Joint(4)], at: 3 },
    Angle { name: "right_elbow", ends: [End::Joint(9), End::Joint(11)], at: 10 },
    Angle { name: "left_elbow", ends: [End::Joint(6), End::Joint(8)], at: 7 },
];

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

impl Angle {
    /// Degrees between the two bones; NaN where one is not known.
    fn degrees(&self, pose: &TruthPose) -> f64 {
        let [first, second] = self.ends.map(|end| match end {
            End::Joint(joint) => pose[joint] - pose[self.at],
            End::Trunk => (pose[6] + pose[9]) / 2.0 - middle_of_hips(pose),
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

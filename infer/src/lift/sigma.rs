//! How sure the network is of people, by its sigma.

use super::Lifter;
use crate::error::Result;
use crate::model::PoseNetwork;
use crate::pose::{Frame, LiftedPerson};
use crate::skeleton::Conversion;

/// The sigma of one person's joints but for the points of feet, in the unit of the model's card: where a detector has no feet theirs
/// is large, and says nothing of the person.
#[derive(Debug, Clone)]
pub(crate) struct PersonSigma {
    /// The mean over the joints whose key point was seen.
    pub(crate) seen: f32,
    /// Of each joint, in the model's order.
    pub(crate) joints: Vec<f32>,
}

impl<N: PoseNetwork> Lifter<N> {
    /// The sigma of the first person of each frame, as `conversion` reads the key points; `None` for one who cannot be
    /// lifted. Also where sigma is left out of results; the model must have it. Nothing is remembered, and nothing forgotten.
    ///
    /// # Errors
    /// A runtime that fails.
    pub(crate) fn sigma_of(&mut self, frames: &[Frame], conversion: &Conversion) -> Result<Vec<Option<PersonSigma>>> {
        let wants_sigma = std::mem::replace(&mut self.wants_sigma, true);
        let tracks = self.tracks.take();
        let mut lifted = Vec::new();
        let done = self.lift_pass(frames, conversion, conversion.stand_ins(), &mut Vec::new(), &mut lifted);
        self.wants_sigma = wants_sigma;
        self.tracks = tracks;
        done?;
        Ok(lifted.iter().map(|frame| self.person_sigma(frame.people.first()?)).collect())
    }

    /// The mean of a person's sigma over all joints but the points of feet; `None` if the model has no sigma.
    pub(crate) fn mean_sigma(&self, person: &LiftedPerson) -> Option<f32> {
        let mut sum = 0.0;
        let mut count = 0u32;
        for (_, sigma) in self.sigma_of_body(person) {
            sum += sigma;
            count += 1;
        }
        (count > 0).then(|| sum / count as f32)
    }

    fn person_sigma(&self, person: &LiftedPerson) -> Option<PersonSigma> {
        let mut total = 0.0;
        let mut seen = 0usize;
        for (joint, sigma) in self.sigma_of_body(person) {
            if self.keypoint_of[joint].is_some() && !person.missing_joints.contains(&joint) {
                total += sigma;
                seen += 1;
            }
        }
        if seen == 0 {
            return None;
        }
        let joints = self.sigma_of_body(person).map(|(_, sigma)| sigma).collect();
        Some(PersonSigma { seen: total / seen as f32, joints })
    }

    /// Each joint that is no point of a foot, and its sigma.
    fn sigma_of_body(&self, person: &LiftedPerson) -> impl Iterator<Item = (usize, f32)> {
        let sigma = person.sigma.iter().zip(&self.is_of_foot).enumerate();
        sigma.filter(|(_, (_, is_of_foot))| !**is_of_foot).map(|(joint, (sigma, _))| (joint, *sigma))
    }
}

//! How sure the network is of people, by its sigma.

use super::Lifter;
use crate::error::Result;
use crate::model::PoseNetwork;
use crate::pose::{Frame, LiftedPerson};
use crate::skeleton::Conversion;

/// The sigma of one person's joints, in the unit of the model's card.
#[derive(Debug, Clone)]
pub(crate) struct PersonSigma {
    /// The mean over the joints whose key point was seen.
    pub(crate) seen: f32,
    /// `[J_out]`.
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
        let lifted = self.lift_frames(frames, conversion, &mut Vec::new());
        self.wants_sigma = wants_sigma;
        self.tracks = tracks;
        let first = |people: &[LiftedPerson]| self.person_sigma(people.first()?);
        Ok(lifted?.iter().map(|frame| first(&frame.people)).collect())
    }

    fn person_sigma(&self, person: &LiftedPerson) -> Option<PersonSigma> {
        let mut total = 0.0;
        let mut seen = 0usize;
        for (joint, (sigma, keypoint)) in person.sigma.iter().zip(&self.keypoint_of).enumerate() {
            if keypoint.is_some() && !person.missing_joints.contains(&joint) {
                total += sigma;
                seen += 1;
            }
        }
        (seen > 0).then(|| PersonSigma { seen: total / seen as f32, joints: person.sigma.clone() })
    }
}

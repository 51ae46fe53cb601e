//! The edge to whatever runs a model: one trait, and a mock of it for tests.

use ndarray::{ArrayView3, ArrayViewMut3};

use super::Card;
use crate::error::{Error, Result};

/// Something that runs a lifting model on a whole batch.
pub trait PoseNetwork: Send {
    /// What the model says about itself.
    fn card(&self) -> &Card;

    /// Lifts `keypoints` `[N, J_in, channels]` (pixels, scores 0..1) into `poses` `[N, J_out, 3]`
    /// (the card's axes and unit), all N in one go.
    ///
    /// # Errors
    /// Shapes that are not the card's, or a runtime that fails.
    fn run(&mut self, keypoints: ArrayView3<'_, f32>, poses: ArrayViewMut3<'_, f32>) -> Result<()>;
}

/// Checks the shapes of a call to [`PoseNetwork::run`] against the card.
///
/// # Errors
/// Says which shape was found and which was expected.
pub(crate) fn check_shapes(card: &Card, keypoints: (usize, usize, usize), poses: (usize, usize, usize)) -> Result<()> {
    let expected_in = (keypoints.0, card.input.joints.len(), card.input.channels);
    let expected_out = (keypoints.0, card.output.joints.len(), 3);
    for (what, found, expected) in [("key points", keypoints, expected_in), ("poses", poses, expected_out)] {
        if found != expected {
            return Err(Error::input(format!("{what} of shape {found:?}, expected {expected:?} for this model")));
        }
    }
    Ok(())
}

/// A model that needs no runtime: pose joint j is key point j times 0.001, and the batches it was given are kept.
#[cfg(test)]
pub(crate) struct MockNetwork {
    pub(crate) card: Card,
    pub(crate) batches: Vec<usize>,
}

#[cfg(test)]
impl MockNetwork {
    pub(crate) fn new() -> Self {
        Self { card: super::card::tests::example(), batches: Vec::new() }
    }

    pub(crate) fn with_channels(channels: usize) -> Self {
        let mut mock = Self::new();
        mock.card.input.channels = channels;
        mock
    }
}

#[cfg(test)]
impl PoseNetwork for MockNetwork {
    fn card(&self) -> &Card {
        &self.card
    }

    fn run(&mut self, keypoints: ArrayView3<'_, f32>, mut poses: ArrayViewMut3<'_, f32>) -> Result<()> {
        check_shapes(&self.card, keypoints.dim(), poses.dim())?;
        self.batches.push(keypoints.dim().0);
        poses.fill(0.0);
        for ((n, joint, channel), value) in keypoints.indexed_iter() {
            poses[(n, joint, channel)] = value * 0.001;
        }
        Ok(())
    }
}

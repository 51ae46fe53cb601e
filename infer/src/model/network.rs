//! The edge to whatever runs a model: one trait, and a mock of it for tests.

use ndarray::{ArrayView3, ArrayViewMut2, ArrayViewMut3};

use super::Card;
use crate::error::{Error, Result};

/// Something that runs a lifting model on a whole batch.
pub trait PoseNetwork: Send {
    /// What the model says about itself.
    fn card(&self) -> &Card;

    /// Lifts `keypoints` `[N, J_in, channels]` (pixels, scores 0..1) into `poses` `[N, J_out, 3]`
    /// (the card's axes and unit), all N in one go, and puts the model's own uncertainty into `sigma` `[N, J_out]`
    /// (the card's unit) where it is asked for.
    ///
    /// # Errors
    /// Shapes that are not the card's, sigma of a model that does not give it, or a runtime that fails.
    fn run_with_sigma(
        &mut self,
        keypoints: ArrayView3<'_, f32>,
        poses: ArrayViewMut3<'_, f32>,
        sigma: Option<ArrayViewMut2<'_, f32>>,
    ) -> Result<()>;

    /// As [`Self::run_with_sigma`], the poses alone.
    ///
    /// # Errors
    /// As [`Self::run_with_sigma`].
    fn run(&mut self, keypoints: ArrayView3<'_, f32>, poses: ArrayViewMut3<'_, f32>) -> Result<()> {
        self.run_with_sigma(keypoints, poses, None)
    }

    /// Handles to the same network that run on the thread that calls them, as many as there are threads, so that batches
    /// may be run beside each other; none where a batch is best run by itself, or by one thread.
    ///
    /// # Errors
    /// A runtime that fails.
    fn lanes(&mut self) -> Result<Vec<Box<dyn PoseNetwork>>> {
        Ok(Vec::new())
    }
}

impl PoseNetwork for Box<dyn PoseNetwork> {
    fn card(&self) -> &Card {
        self.as_ref().card()
    }

    fn run_with_sigma(
        &mut self,
        keypoints: ArrayView3<'_, f32>,
        poses: ArrayViewMut3<'_, f32>,
        sigma: Option<ArrayViewMut2<'_, f32>>,
    ) -> Result<()> {
        self.as_mut().run_with_sigma(keypoints, poses, sigma)
    }

    fn lanes(&mut self) -> Result<Vec<Box<dyn PoseNetwork>>> {
        self.as_mut().lanes()
    }
}

/// Checks the shapes of a call to [`PoseNetwork::run_with_sigma`] against the card.
///
/// # Errors
/// Says which shape was found and which was expected.
pub(crate) fn check_shapes(
    card: &Card,
    keypoints: (usize, usize, usize),
    poses: (usize, usize, usize),
    sigma: Option<(usize, usize)>,
) -> Result<()> {
    let (people, joints) = (keypoints.0, card.output.joints.len());
    let expected_in = (people, card.input.joints.len(), card.input.channels);
    for (what, found, expected) in [("key points", keypoints, expected_in), ("poses", poses, (people, joints, 3))] {
        if found != expected {
            return Err(Error::input(format!("{what} of shape {found:?}, expected {expected:?} for this model")));
        }
    }
    match sigma {
        Some(_) if !card.output.sigma => Err(no_sigma(card)),
        Some(found) if found != (people, joints) => {
            let expected = (people, joints);
            Err(Error::input(format!("sigma of shape {found:?}, expected {expected:?} for this model")))
        }
        _ => Ok(()),
    }
}

/// What there is to say when the uncertainty of a model is asked for that does not give it.
pub(crate) fn no_sigma(card: &Card) -> Error {
    Error::usage(format!("the model {} gives poses alone, expected a model with the output sigma", card.name))
        .hint("`poselift info MODEL` lists a model's outputs")
}

/// A model that needs no runtime: pose joint j is key point j times 0.001, its sigma the key point's y times 0.0001, and
/// the batches it was given are kept.
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

    /// One that looks at the subject and says how sure it is.
    pub(crate) fn of_subject_with_sigma() -> Self {
        let mut mock = Self::new();
        mock.card.input.view = super::View::Subject;
        mock.card.output.sigma = true;
        mock
    }
}

#[cfg(test)]
impl PoseNetwork for MockNetwork {
    fn card(&self) -> &Card {
        &self.card
    }

    fn run_with_sigma(
        &mut self,
        keypoints: ArrayView3<'_, f32>,
        mut poses: ArrayViewMut3<'_, f32>,
        sigma: Option<ArrayViewMut2<'_, f32>>,
    ) -> Result<()> {
        check_shapes(&self.card, keypoints.dim(), poses.dim(), sigma.as_ref().map(|sigma| sigma.dim()))?;
        self.batches.push(keypoints.dim().0);
        poses.fill(0.0);
        for ((n, joint, channel), value) in keypoints.indexed_iter() {
            poses[(n, joint, channel)] = value * 0.001;
        }
        if let Some(mut sigma) = sigma {
            sigma.assign(&keypoints.slice(ndarray::s![.., .., 1]).mapv(|y| y * 1e-4));
        }
        Ok(())
    }
}

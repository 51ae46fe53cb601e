//! The trait of everything that runs a model, and a mock of it for tests.

#[cfg(test)]
use super::BatchArrays;
use super::{Batch, Card};
use crate::error::{Error, Result};

/// Runs a lifting model on a whole batch.
pub trait PoseNetwork: Send {
    /// The model's card.
    fn card(&self) -> &Card;

    /// Lifts all of `batch` in one call: key points in pixels to poses in the card's axes and unit, and sigma if it
    /// is wanted. The batch must be one of this network's card ([`Batch::new`]).
    ///
    /// # Errors
    /// A runtime that fails.
    fn run(&mut self, batch: Batch<'_>) -> Result<()>;

    /// Whether frames of a person may follow each other in one batch ([`super::Recall::follows`]), which is faster than a call for
    /// each frame. Such a network leaves no memory that is not finite: it would spoil all rows that follow.
    fn runs_sequences(&self) -> bool {
        false
    }

    /// Handles to the same network that run on the calling thread, as many as there are threads, so that batches can
    /// run in parallel; none if a batch is best run by itself, or by one thread.
    ///
    /// # Errors
    /// A runtime that fails.
    fn thread_handles(&mut self) -> Result<Vec<Box<dyn PoseNetwork>>> {
        Ok(Vec::new())
    }
}

impl PoseNetwork for Box<dyn PoseNetwork> {
    fn card(&self) -> &Card {
        self.as_ref().card()
    }

    fn run(&mut self, batch: Batch<'_>) -> Result<()> {
        self.as_mut().run(batch)
    }

    fn runs_sequences(&self) -> bool {
        self.as_ref().runs_sequences()
    }

    fn thread_handles(&mut self) -> Result<Vec<Box<dyn PoseNetwork>>> {
        self.as_mut().thread_handles()
    }
}

/// The error for asking sigma of a model that has none.
pub(crate) fn no_sigma(card: &Card) -> Error {
    Error::usage(format!("the model {} gives poses alone, expected a model with the output sigma", card.name))
        .hint("`poselift info MODEL` lists a model's outputs")
}

/// A model that needs no runtime: pose joint j is key point j times 0.001, its sigma the key point's y times 0.0001;
/// it records its batches.
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

    /// A mock that reads and lifts feet, with sigma.
    pub(crate) fn of_feet() -> Self {
        use crate::skeleton::{COCO23, H36M23};

        let names = |joints: &[&str]| joints.iter().map(|&joint| joint.to_owned()).collect();
        let mut mock = Self::new();
        (mock.card.input.layout, mock.card.input.joints) = (COCO23.name.to_owned(), names(COCO23.joints));
        let output = &mut mock.card.output;
        (output.skeleton, output.joints) = (H36M23.name.to_owned(), names(H36M23.joints));
        (output.parents, output.sigma) = (H36M23.parents.to_vec(), true);
        mock
    }

    /// A mock that looks at the subject and has sigma.
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

    fn run(&mut self, batch: Batch<'_>) -> Result<()> {
        let BatchArrays { keypoints, mut poses, sigma, .. } = batch.into_arrays();
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

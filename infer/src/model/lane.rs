//! A loaded network on the thread that calls it.

use ndarray::{Array2, Array3, ArrayView3, ArrayViewMut2, ArrayViewMut3};

use super::Card;
use super::call::Numbers;
use super::network::{PoseNetwork, check_shapes};
use super::runner::Runner;
use crate::error::Result;

/// One of several handles to a network, each for a thread of its own.
pub(super) struct Lane {
    card: Card,
    runner: Runner,
}

impl Lane {
    pub(super) fn new(card: Card, runner: Runner) -> Self {
        Self { card, runner }
    }
}

impl PoseNetwork for Lane {
    fn card(&self) -> &Card {
        &self.card
    }

    fn run_with_sigma(
        &mut self,
        keypoints: ArrayView3<'_, f32>,
        poses: ArrayViewMut3<'_, f32>,
        sigma: Option<ArrayViewMut2<'_, f32>>,
    ) -> Result<()> {
        check_shapes(&self.card, keypoints.dim(), poses.dim(), sigma.as_ref().map(|sigma| sigma.dim()))?;
        if keypoints.dim().0 == 0 { Ok(()) } else { run_whole(&self.runner, keypoints, poses, sigma) }
    }
}

/// Runs a batch as it is, in place where all of it lies in one piece of memory.
pub(super) fn run_whole(
    runner: &Runner,
    keypoints: ArrayView3<'_, f32>,
    mut poses: ArrayViewMut3<'_, f32>,
    mut sigma: Option<ArrayViewMut2<'_, f32>>,
) -> Result<()> {
    let packed = keypoints.as_standard_layout();
    let (Some(keypoints), true) = (packed.as_slice(), poses.is_standard_layout()) else {
        return run_copied(runner, packed.view(), poses, sigma);
    };
    let people = poses.dim().0;
    let sigma = match sigma.as_mut().map(|sigma| sigma.as_slice_mut()) {
        Some(None) => return run_copied(runner, packed.view(), poses, sigma),
        Some(sigma) => sigma,
        None => None,
    };
    let Some(poses) = poses.as_slice_mut() else { return Ok(()) };
    runner.run(people, Numbers { keypoints, poses, sigma })
}

/// As [`run_whole`], into arrays of our own that are then copied to where they belong.
fn run_copied(
    runner: &Runner,
    keypoints: ArrayView3<'_, f32>,
    mut poses: ArrayViewMut3<'_, f32>,
    sigma: Option<ArrayViewMut2<'_, f32>>,
) -> Result<()> {
    let mut packed_poses = Array3::zeros(poses.dim());
    let mut packed_sigma = sigma.as_ref().map(|sigma| Array2::zeros(sigma.dim()));
    let packed = packed_sigma.as_mut().map(|sigma| sigma.view_mut());
    run_whole(runner, keypoints, packed_poses.view_mut(), packed)?;
    poses.assign(&packed_poses);
    if let (Some(mut sigma), Some(packed)) = (sigma, packed_sigma) {
        sigma.assign(&packed);
    }
    Ok(())
}

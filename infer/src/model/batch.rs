//! One call of a network: key points in, poses and sigma out; their shapes are checked once, here.

use std::ops::Range;

use ndarray::{Array2, Array3, ArrayView1, ArrayView3, ArrayViewMut2, ArrayViewMut3, s};

use super::Card;
use super::network::no_sigma;
use crate::error::{Error, Result};

/// Key points to be lifted and memory for the results, with the shapes of a model's card.
#[derive(Debug)]
pub struct Batch<'a> {
    keypoints: ArrayView3<'a, f32>,
    poses: ArrayViewMut3<'a, f32>,
    sigma: Option<ArrayViewMut2<'a, f32>>,
    recall: Option<Recall<'a>>,
    part: Part,
}

/// The part of a network that a batch asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Part {
    #[default]
    Whole,
    /// The network of single frames, without its memory: its rows can be shared by threads.
    Frames,
    /// The memory alone: poses and sigma are those of single frames, to be corrected in place.
    Memory,
}

/// The memory of the people of a batch, for a model that has one ([`super::MemoryCard`]). Without it all of them are new, and
/// nothing is kept.
#[derive(Debug)]
pub struct Recall<'a> {
    /// `[N]` seconds since each person's last frame, 0 for a new person; contiguous.
    pub since: ArrayView1<'a, f32>,
    /// `[N, units]` what is remembered of each, zeros for a new person; replaced by what is to be remembered for their next
    /// frames. Contiguous.
    pub memory: ArrayViewMut2<'a, f32>,
    /// `[N]` for each row the index of the earlier row that holds the same person's previous frame, if that is in the batch.
    /// Empty where none is; otherwise for networks that [`super::PoseNetwork::runs_sequences`].
    pub follows: &'a [Option<usize>],
}

impl Recall<'_> {
    /// The same memory, borrowed once more.
    fn again(&mut self) -> Recall<'_> {
        Recall { since: self.since, memory: self.memory.view_mut(), follows: self.follows }
    }
}

/// The arrays of a [`Batch`].
#[derive(Debug)]
pub struct BatchArrays<'a> {
    /// `[N, J_in, channels]`: pixels, scores 0..1.
    pub keypoints: ArrayView3<'a, f32>,
    /// `[N, J_out, 3]` in the card's axes and unit.
    pub poses: ArrayViewMut3<'a, f32>,
    /// `[N, J_out]` in the card's unit, if it is wanted.
    pub sigma: Option<ArrayViewMut2<'a, f32>>,
    /// Their memory, if the model has one and they are not all new.
    pub recall: Option<Recall<'a>>,
}

impl<'a> Batch<'a> {
    /// Key points `[N, J_in, channels]` for a model of `card`, memory for their poses `[N, J_out, 3]`, and for sigma
    /// `[N, J_out]` if it is wanted.
    ///
    /// # Errors
    /// Shapes that do not match the card, or sigma for a model that has none: found and expected.
    pub fn new(
        card: &Card,
        keypoints: ArrayView3<'a, f32>,
        poses: ArrayViewMut3<'a, f32>,
        sigma: Option<ArrayViewMut2<'a, f32>>,
    ) -> Result<Self> {
        check_keypoints(card, keypoints)?;
        let count = keypoints.dim().0;
        let joints = card.output.joints.len();
        check("poses", poses.dim(), (count, joints, 3))?;
        if let Some(sigma) = &sigma {
            if !card.output.sigma {
                return Err(no_sigma(card));
            }
            check("sigma", sigma.dim(), (count, joints))?;
        }
        Ok(Self { keypoints, poses, sigma, recall: None, part: Part::Whole })
    }

    /// The same batch with the memory of its people, for a model of `card`.
    ///
    /// # Errors
    /// A model that remembers nothing; arrays of other shapes, or that are not contiguous.
    pub fn remembering(self, card: &Card, recall: Recall<'a>) -> Result<Self> {
        let Some(memory) = &card.memory else {
            return Err(Error::usage(format!("the model {} remembers nothing, expected one with a memory", card.name)));
        };
        check("seconds", recall.since.dim(), self.len())?;
        check("memory", recall.memory.dim(), (self.len(), memory.units))?;
        if !recall.follows.is_empty() {
            check("followed rows", recall.follows.len(), self.len())?;
            let later =
                recall.follows.iter().enumerate().find(|(row, followed)| followed.is_some_and(|other| other >= *row));
            if let Some((row, _)) = later {
                return Err(Error::input(format!("row {row} follows a row that is not before it")));
            }
        }
        if !recall.since.is_standard_layout() || !recall.memory.is_standard_layout() {
            return Err(Error::input("what is remembered is not contiguous"));
        }
        Ok(Self { recall: Some(recall), ..self })
    }

    /// N.
    pub fn len(&self) -> usize {
        self.keypoints.dim().0
    }

    /// Whether N is 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `[N, J_in, channels]`.
    pub fn keypoints(&self) -> ArrayView3<'_, f32> {
        self.keypoints
    }

    /// Whether sigma is wanted.
    pub fn wants_sigma(&self) -> bool {
        self.sigma.is_some()
    }

    /// The part of the network that it is for.
    pub(super) fn part(&self) -> Part {
        self.part
    }

    /// Whether something is remembered of its people.
    pub fn remembers(&self) -> bool {
        self.recall.is_some()
    }

    /// The same batch for one part of the network, [`Part::Frames`] and then [`Part::Memory`]; `sigma` `[N, J_out]` is what goes from
    /// one to the other where the batch wants none.
    pub(super) fn for_part<'b>(&'b mut self, part: Part, sigma: &'b mut Array2<f32>) -> Batch<'b> {
        Batch {
            keypoints: self.keypoints,
            poses: self.poses.view_mut(),
            sigma: Some(self.sigma.as_mut().map_or_else(|| sigma.view_mut(), |own| own.view_mut())),
            recall: self.recall.as_mut().filter(|_| part == Part::Memory).map(Recall::again),
            part,
        }
    }

    /// The poses of `rows` only.
    ///
    /// # Panics
    /// If `rows` end after N, or rows follow each other ([`Recall::follows`]).
    pub fn rows(&mut self, rows: Range<usize>) -> Batch<'_> {
        let follows = self.recall.as_ref().is_some_and(|recall| !recall.follows.is_empty());
        assert!(!follows, "rows that follow each other are run as a whole");
        Batch {
            keypoints: self.keypoints.slice(s![rows.clone(), .., ..]),
            poses: self.poses.slice_mut(s![rows.clone(), .., ..]),
            sigma: self.sigma.as_mut().map(|sigma| sigma.slice_mut(s![rows.clone(), ..])),
            part: self.part,
            recall: self.recall.as_mut().map(|recall| Recall {
                since: recall.since.slice(s![rows.clone()]),
                memory: recall.memory.slice_mut(s![rows, ..]),
                follows: &[],
            }),
        }
    }

    /// The arrays.
    pub fn into_arrays(self) -> BatchArrays<'a> {
        let Self { keypoints, poses, sigma, recall, .. } = self;
        BatchArrays { keypoints, poses, sigma, recall }
    }

    /// Passes the batch to `run` with each array contiguous: in place if it is, otherwise as a copy.
    pub(super) fn run_flat(mut self, run: impl FnOnce(FlatBatch<'_>) -> Result<()>) -> Result<()> {
        let len = self.len();
        let sigma_is_flat = self.sigma.as_ref().is_none_or(|sigma| sigma.is_standard_layout());
        if !self.poses.is_standard_layout() || !sigma_is_flat {
            return self.run_copied(run);
        }
        let keypoints = self.keypoints.as_standard_layout();
        run(FlatBatch {
            len,
            part: self.part,
            keypoints: keypoints.as_slice().expect("an array in standard layout is a slice"),
            poses: self.poses.as_slice_mut().expect("an array in standard layout is a slice"),
            sigma: self
                .sigma
                .as_mut()
                .map(|sigma| sigma.as_slice_mut().expect("an array in standard layout is a slice")),
            recall: self.recall.as_mut().map(|recall| FlatRecall {
                since: recall.since.to_slice().expect("`remembering` takes contiguous arrays"),
                memory: recall.memory.as_slice_mut().expect("`remembering` takes contiguous arrays"),
                follows: recall.follows,
            }),
        })
    }

    /// As [`Self::run_flat`], into arrays that are copied back afterwards.
    fn run_copied(mut self, run: impl FnOnce(FlatBatch<'_>) -> Result<()>) -> Result<()> {
        // The memory alone corrects what is there.
        let mut poses: Array3<f32> = self.poses.as_standard_layout().into_owned();
        let mut sigma = self.sigma.as_ref().map(|sigma| sigma.as_standard_layout().into_owned());
        let copy = Batch {
            keypoints: self.keypoints,
            poses: poses.view_mut(),
            sigma: sigma.as_mut().map(|sigma| sigma.view_mut()),
            recall: self.recall.as_mut().map(Recall::again),
            part: self.part,
        };
        copy.run_flat(run)?;
        self.poses.assign(&poses);
        if let (Some(to), Some(from)) = (&mut self.sigma, sigma) {
            to.assign(&from);
        }
        Ok(())
    }
}

/// A batch whose arrays are contiguous, row by row.
pub(super) struct FlatBatch<'a> {
    /// N.
    pub(super) len: usize,
    pub(super) part: Part,
    /// `[N, J_in, channels]`.
    pub(super) keypoints: &'a [f32],
    /// `[N, J_out, 3]`.
    pub(super) poses: &'a mut [f32],
    /// `[N, J_out]`, if it is wanted.
    pub(super) sigma: Option<&'a mut [f32]>,
    /// Their memory; `None` where all are new and nothing is kept.
    pub(super) recall: Option<FlatRecall<'a>>,
}

impl FlatBatch<'_> {
    /// Whether rows follow each other.
    pub(super) fn follows(&self) -> bool {
        self.recall.as_ref().is_some_and(|recall| !recall.follows.is_empty())
    }
}

/// A [`Recall`] as slices.
pub(super) struct FlatRecall<'a> {
    /// `[N]`.
    pub(super) since: &'a [f32],
    /// `[N, units]`.
    pub(super) memory: &'a mut [f32],
    /// `[N]`, or empty.
    pub(super) follows: &'a [Option<usize>],
}

/// Checks that `keypoints` are `[N, J_in, channels]` for a model of `card`.
///
/// # Errors
/// Which shape was found and which was expected.
pub(crate) fn check_keypoints(card: &Card, keypoints: ArrayView3<'_, f32>) -> Result<()> {
    check("key points", keypoints.dim(), (keypoints.dim().0, card.input.joints.len(), card.input.channels))
}

fn check<D: PartialEq + std::fmt::Debug>(what: &str, found: D, expected: D) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::input(format!("{what} of shape {found:?}, expected {expected:?} for this model")))
}

#[cfg(test)]
mod tests {
    use super::super::MockNetwork;
    use super::*;

    #[test]
    fn shapes_that_are_not_the_cards_are_refused() {
        let plain = MockNetwork::new().card;
        let card = MockNetwork::of_subject_with_sigma().card;
        let refusal = |card, keypoints, poses, sigma: Option<(usize, usize)>| {
            let mut sigma = sigma.map(Array2::<f32>::zeros);
            let sigma = sigma.as_mut().map(|sigma| sigma.view_mut());
            let (keypoints, mut poses) = (Array3::zeros(keypoints), Array3::zeros(poses));
            Batch::new(card, keypoints.view(), poses.view_mut(), sigma).unwrap_err().to_string()
        };
        for (message, expected) in [
            (
                refusal(&card, (2, 25, 3), (2, 17, 3), None),
                "key points of shape (2, 25, 3), expected (2, 17, 3) for this model",
            ),
            (
                refusal(&card, (2, 17, 3), (3, 17, 3), None),
                "poses of shape (3, 17, 3), expected (2, 17, 3) for this model",
            ),
            (
                refusal(&card, (2, 17, 3), (2, 17, 3), Some((2, 16))),
                "sigma of shape (2, 16), expected (2, 17) for this model",
            ),
        ] {
            assert_eq!(message, expected);
        }
        let message = refusal(&plain, (2, 17, 3), (2, 17, 3), Some((2, 17)));
        assert!(message.contains("gives poses alone"), "{message}");
    }

    #[test]
    fn any_memory_layout_is_run_flat() {
        let card = MockNetwork::of_subject_with_sigma().card;
        let keypoints = Array3::from_shape_fn((5, 17, 3), |(n, joint, k)| (n * 51 + joint * 3 + k) as f32);
        let mut poses = Array3::zeros((17, 5, 3));
        let mut sigma = Array2::zeros((17, 5));
        let batch = Batch::new(
            &card,
            keypoints.slice(s![..;-1, .., ..]),
            poses.view_mut().permuted_axes([1, 0, 2]),
            Some(sigma.view_mut().reversed_axes()),
        );
        let copy = |flat: FlatBatch<'_>| {
            assert_eq!(flat.len, 5);
            flat.poses.copy_from_slice(flat.keypoints);
            let scores = flat.keypoints.iter().skip(2).step_by(3);
            flat.sigma.unwrap().iter_mut().zip(scores).for_each(|(sigma, score)| *sigma = *score);
            Ok(())
        };
        batch.unwrap().run_flat(copy).unwrap();
        for ((n, joint, k), found) in poses.view().permuted_axes([1, 0, 2]).indexed_iter() {
            assert_eq!(*found, keypoints[(4 - n, joint, k)]);
            assert_eq!(sigma[(joint, n)], keypoints[(4 - n, joint, 2)]);
        }
    }
}

//! What of a model file is computed.

use super::features::{Centring, Features, Merged};
use super::matrix::{Floats, Layer, Reads, Shape};
use super::weights::{Output, Weights};
use crate::model::onnx;
use crate::model::{Graph, ModelFile, Precision};

/// A network ready for the kernels.
#[derive(Debug)]
pub(super) struct Plan {
    /// Numbers of a key point, and of a person that go in, and joints that come out.
    pub(super) channels: usize,
    pub(super) keypoints: usize,
    pub(super) joints: usize,
    /// Planes of a hidden layer, 1 or 2, and the width of one.
    pub(super) planes: usize,
    pub(super) hidden: usize,
    centring: Centring,
    /// For each plane the features that the first layer reads, and the layer.
    merged: Vec<Merged>,
    pub(super) input: Vec<Floats>,
    /// Whether a ReLU follows it.
    pub(super) input_relu: bool,
    pub(super) blocks: Vec<Vec<Layer>>,
    pub(super) output: Vec<Floats>,
    /// For each plane, the last layer's column of each number that comes out and its sign; and the numbers' bias.
    numbers: Vec<Vec<(usize, f32)>>,
    bias: Vec<f32>,
}

impl Plan {
    /// Reads `file` for kernels of `shape`; none where it holds no network in 8 bits or f32 as `poselift-train export` writes
    /// it, or widths that they do not take.
    pub(super) fn read(file: &ModelFile, shape: Shape) -> Option<Self> {
        let card = file.card();
        let (precision, channels) = (card.network.precision, card.input.channels);
        let initialisers = onnx::initialisers(file.bytes())?;
        let weights = Weights::new(&initialisers, shape);
        let centring = weights.centring(channels)?;
        let hidden = weights.hidden()?;
        let is_taken = hidden > 0 && hidden.is_multiple_of(shape.panel()) && precision != Precision::F16;
        is_taken.then_some(())?;
        let keypoints = card.input.joints.len() * channels;
        let (merged, input) = weights.input(hidden, keypoints)?;
        let layers = weights.layers();
        let input_relu = relus(file.graph()) > relus_of(&layers, weights.planes(), precision);
        // A sum of ReLUs is no less than what they are added to.
        let stream = if input_relu { Reads::Positive } else { Reads::Signed };
        let block = |block| weights.block(block, hidden, precision, stream);
        let blocks = layers.into_iter().enumerate().map(block).collect::<Option<Vec<_>>>()?;
        let Output { planes: output, numbers, bias } = weights.output(hidden, card)?;
        weights.are_used(&centring, channels, &blocks).then_some(Self {
            channels,
            keypoints,
            joints: card.output.joints.len(),
            planes: weights.planes(),
            hidden,
            centring,
            merged,
            input,
            input_relu,
            blocks,
            output,
            numbers,
            bias,
        })
    }

    /// Numbers of a person between layers.
    pub(super) fn wide(&self) -> usize {
        self.planes * self.hidden
    }

    /// Whether hidden layers are in 8 bits.
    pub(super) fn is_in_bytes(&self) -> bool {
        self.blocks.iter().flatten().all(|layer| matches!(layer, Layer::Bytes(_)))
    }

    /// Features of at most `people` people.
    pub(super) fn features(&self, people: usize) -> Features {
        Features::new(
            self.centring.clone(),
            self.merged.clone(),
            [self.keypoints / self.channels, self.channels],
            people,
        )
    }

    /// Numbers that come out for a person.
    pub(super) fn numbers(&self) -> usize {
        self.bias.len()
    }

    /// Poses `[people, J, 3]` and sigma `[people, J]` from the last layer's own columns in each plane; `row` is room for
    /// [`Self::numbers`].
    pub(super) fn write_poses(
        &self,
        ends: &[Vec<f32>],
        row: &mut [f32],
        people: usize,
        poses: &mut [f32],
        mut sigma: Option<&mut [f32]>,
    ) {
        let coordinates = self.joints * 3;
        for person in 0..people {
            row.copy_from_slice(&self.bias);
            for ((end, layer), numbers) in ends.iter().zip(&self.output).zip(&self.numbers) {
                let end = &end[person * layer.padded()..][..layer.padded()];
                row.iter_mut().zip(numbers).for_each(|(number, &(column, sign))| *number += end[column] * sign);
            }
            poses[person * coordinates..][..coordinates].copy_from_slice(&row[..coordinates]);
            if let Some(sigma) = &mut sigma {
                let own = sigma[person * self.joints..][..self.joints].iter_mut();
                own.zip(&row[coordinates..]).for_each(|(to, number)| *to = number.exp());
            }
        }
    }
}

/// ReLUs of the whole graph.
fn relus(graph: &Graph) -> usize {
    graph.operators.get("Relu").copied().unwrap_or(0)
}

/// ReLUs of blocks of so many `layers` each, as they are exported: one of each twin, and none of its own where rounding one
/// plane to 8 bits cuts off what is below 0.
fn relus_of(layers: &[usize], planes: usize, precision: Precision) -> usize {
    match (planes, precision) {
        (1, Precision::Int8) => layers.len(),
        _ => planes * layers.iter().sum::<usize>(),
    }
}

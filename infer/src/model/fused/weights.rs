//! The numbers of a model file, by the names that `poselift-train export` gives them.

use std::collections::BTreeMap;

use super::features::{Centring, Merged};
use super::matrix::{Bytes, BytesLayer, Floats, Layer, Reads, Shape};
use crate::model::onnx::{FLOAT32, Initialiser};
use crate::model::{Card, Precision};

/// ONNX's number of int8.
const INT8: u64 = 3;
/// The middle of 256 levels, which stands for 0 where either sign occurs.
const SIGNED_ZERO: i32 = 128;

/// The file's numbers, for kernels of a shape.
pub(super) struct Weights<'a> {
    named: &'a BTreeMap<String, Initialiser<'a>>,
    shape: Shape,
    /// What a plane's names end in.
    planes: &'static [&'static str],
}

/// The last layer: each plane's own columns, once each; for each plane, the column of each number that comes out and its
/// sign; and the numbers' bias.
pub(super) struct Output {
    pub(super) planes: Vec<Floats>,
    pub(super) numbers: Vec<Vec<(usize, f32)>>,
    pub(super) bias: Vec<f32>,
}

impl<'a> Weights<'a> {
    pub(super) fn new(named: &'a BTreeMap<String, Initialiser<'a>>, shape: Shape) -> Self {
        let planes: &[&str] = if named.contains_key("input.even.weight") { &[".even", ".odd"] } else { &[""] };
        Self { named, shape, planes }
    }

    /// Planes of a hidden layer: one, or an even and an odd one.
    pub(super) fn planes(&self) -> usize {
        self.planes.len()
    }

    /// Width of a plane.
    pub(super) fn hidden(&self) -> Option<usize> {
        Some(self.floats(&self.bias_of("input"))?.len())
    }

    fn bias_of(&self, layer: &str) -> String {
        format!("{layer}{}.bias", self.planes[0])
    }

    fn floats(&self, name: &str) -> Option<Vec<f32>> {
        let found = self.named.get(name).filter(|found| found.element_type == FLOAT32)?;
        let number = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        found.bytes.len().is_multiple_of(4).then(|| found.bytes.chunks_exact(4).map(number).collect())
    }

    fn bytes(&self, name: &str) -> Option<Vec<i8>> {
        let found = self.named.get(name).filter(|found| found.element_type == INT8)?;
        Some(found.bytes.iter().map(|byte| byte.cast_signed()).collect())
    }

    /// How key points become features; none where it is in no way that `features` knows.
    pub(super) fn centring(&self, channels: usize) -> Option<Centring> {
        let has_all = |names: &[&str]| names.iter().all(|name| self.named.contains_key(*name));
        match channels {
            2 | 3 if has_all(centred(channels)) && has_all(seen(channels)) => Some(Centring::Centred),
            2 | 3 if has_all(seen(channels)) => self.floats("feature_mean").map(Centring::Absolute),
            _ => None,
        }
    }

    /// The first layer, and which features each plane of it multiplies.
    pub(super) fn input(&self, hidden: usize, features: usize) -> Option<(Vec<Merged>, Vec<Floats>)> {
        let bias = self.floats(&self.bias_of("input"))?;
        let plane = |(index, plane): (usize, &&str)| {
            let weight = self.floats(&format!("input{plane}.weight")).filter(|w| w.len() == features * hidden)?;
            let (merged, rows) = merged_rows(&weight, hidden);
            Some((merged, self.layer(&rows, hidden, (index == 0).then_some(&bias))))
        };
        self.planes.iter().enumerate().map(plane).collect()
    }

    /// How many layers each block has.
    pub(super) fn layers(&self) -> Vec<usize> {
        let is_there = |block, layer| self.named.contains_key(&self.bias_of(&layer_name(block, layer)));
        let layers = |block| (0..).take_while(|&layer| is_there(block, layer)).count();
        (0..).map(layers).take_while(|&layers| layers > 0).collect()
    }

    /// The first `layers` layers of a block whose first one reads `first`.
    pub(super) fn block(
        &self,
        (block, layers): (usize, usize),
        hidden: usize,
        precision: Precision,
        first: Reads,
    ) -> Option<Vec<Layer>> {
        let layer = |layer| {
            let name = layer_name(block, layer);
            match precision {
                Precision::Int8 => {
                    let reads = if layer == 0 { first } else { Reads::Positive };
                    self.bytes_layer(&name, hidden, reads).map(Layer::Bytes)
                }
                _ => self.floats_layer(&name, hidden).map(Layer::Floats),
            }
        };
        (0..layers).map(layer).collect()
    }

    fn floats_layer(&self, name: &str, hidden: usize) -> Option<Vec<Floats>> {
        let bias = self.floats(&self.bias_of(name)).filter(|bias| bias.len() == hidden)?;
        let plane = |(index, plane): (usize, &&str)| {
            let weight = self.floats(&format!("{name}{plane}.weight")).filter(|w| w.len() == hidden * hidden)?;
            Some(self.layer(&weight, hidden, (index == 0).then_some(&bias)))
        };
        self.planes.iter().enumerate().map(plane).collect()
    }

    fn bytes_layer(&self, name: &str, hidden: usize, reads: Reads) -> Option<BytesLayer> {
        let bias = self.floats(&self.bias_of(name)).filter(|bias| bias.len() == hidden)?;
        let plane = |(index, plane): (usize, &&str)| {
            let zero = if index == 0 && reads == Reads::Positive { 0 } else { SIGNED_ZERO };
            let weight = self.bytes(&format!("{name}{plane}.weight")).filter(|w| w.len() == hidden * hidden)?;
            let scale = self.floats(&format!("{name}{plane}.scale")).filter(|scale| scale.len() == hidden)?;
            Some(Bytes::new(&weight, scale, zero, self.shape))
        };
        let planes = self.planes.iter().enumerate().map(plane).collect::<Option<_>>()?;
        Some(BytesLayer { reads, planes, bias })
    }

    /// The last layer, of the numbers that `card` promises.
    pub(super) fn output(&self, hidden: usize, card: &Card) -> Option<Output> {
        let columns = card.output.joints.len() * if card.output.sigma { 4 } else { 3 };
        let bias = self.floats(&self.bias_of("output")).filter(|bias| bias.len() == columns)?;
        let plane = |plane: &&str| {
            let weight = self.floats(&format!("output{plane}.weight")).filter(|w| w.len() == hidden * columns)?;
            let (merged, rows) = merged_rows(&transposed(&weight, columns), hidden);
            // Columns of zeros are in no term: any column times 0.
            let mut numbers = vec![(0, 0.0); columns];
            for (column, terms) in merged.terms().enumerate() {
                terms.iter().for_each(|&(number, sign)| numbers[number] = (column, sign));
            }
            Some((self.layer(&transposed(&rows, hidden), merged.len(), None), numbers))
        };
        let (planes, numbers) = self.planes.iter().map(plane).collect::<Option<_>>()?;
        Some(Output { planes, numbers, bias })
    }

    fn layer(&self, weight: &[f32], columns: usize, bias: Option<&Vec<f32>>) -> Floats {
        Floats::new(weight, columns, bias.map(Vec::as_slice), self.shape)
    }

    /// Whether a network of `blocks` that begins by `centring` uses all numbers of the file; one with others computes
    /// something else.
    pub(super) fn are_used(&self, centring: &Centring, channels: usize, blocks: &[Vec<Layer>]) -> bool {
        let planes = self.planes.len();
        let ends = ["input", "output"].len() * (planes + 1);
        let of_layer = |layer: &Layer| if matches!(layer, Layer::Bytes(_)) { 2 * planes + 1 } else { planes + 1 };
        let layers: usize = blocks.iter().flatten().map(of_layer).sum();
        let centring = match centring {
            Centring::Centred => centred(channels).len(),
            Centring::Absolute(_) => 1,
        };
        let levels = LEVELS.iter().filter(|name| self.named.contains_key(**name)).count();
        self.named.len() == seen(channels).len() + centring + levels + ends + layers
    }
}

/// What telling who is seen needs.
fn seen(channels: usize) -> &'static [&'static str] {
    if channels == 3 { &["three", "pick_score"] } else { &["three", "pick_score", "number"] }
}

/// What centring key points needs.
fn centred(channels: usize) -> &'static [&'static str] {
    let with_scores: &[&str] = &[
        "own_score",
        "zero",
        "all_weights",
        "weight_floor",
        "sum_axis",
        "sum_both_axes",
        "score_scale",
        "least_scale",
    ];
    if channels == 3 { with_scores } else { &with_scores[1..] }
}

fn layer_name(block: usize, layer: usize) -> String {
    format!("block{block}.layer{layer}")
}

/// What rounding to 8 bits needs.
const LEVELS: [&str; 6] = ["least_range", "whole", "signed.level", "signed.zero", "positive.level", "positive.zero"];

/// `[columns, rows]` of `[rows, columns]`.
fn transposed(weight: &[f32], columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|column| weight.iter().skip(column).step_by(columns).copied()).collect()
}

/// Rows of `weight` `[rows, columns]` that are the same but for their sign, once each, and none of zeros; and which rows
/// they stand for.
fn merged_rows(weight: &[f32], columns: usize) -> (Merged, Vec<f32>) {
    let mut kept: Vec<f32> = Vec::new();
    let mut terms: Vec<Vec<(usize, f32)>> = Vec::new();
    for (index, row) in weight.chunks_exact(columns).enumerate() {
        let same = |sign: f32| {
            let equal = |other: &[f32]| other.iter().zip(row).all(|(other, own)| *other == own * sign);
            kept.chunks_exact(columns).position(equal).map(|at| (at, sign))
        };
        match same(1.0).or_else(|| same(-1.0)) {
            Some((at, sign)) => terms[at].push((index, sign)),
            None if row.iter().all(|&weight| weight == 0.0) => {}
            None => {
                kept.extend_from_slice(row);
                terms.push(vec![(index, 1.0)]);
            }
        }
    }
    (Merged::new(&terms), kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_alike_are_merged_and_zeros_left_out() {
        let weight = [1.0, 2.0, 0.0, 0.0, -1.0, -2.0, 3.0, 1.0, 1.0, 2.0];
        let (merged, kept) = merged_rows(&weight, 2);
        assert_eq!(kept, [1.0, 2.0, 3.0, 1.0]);
        assert_eq!(merged.terms().collect::<Vec<_>>(), [&[(0, 1.0), (2, -1.0), (4, 1.0)][..], &[(3, 1.0)]]);
    }
}

//! What of a model file is computed, by the names that `poselift-train export` gives its numbers.

use std::collections::BTreeMap;

use super::features::{Features, Merged};
use super::matrix::{Bytes, Floats, Shape};
use crate::model::onnx::{self, FLOAT32, Initialiser};
use crate::model::{Card, ModelFile, Precision};

/// ONNX's number of int8.
const INT8: u64 = 3;
/// The middle of 256 levels, which stands for 0 where either sign occurs.
const SIGNED_ZERO: i32 = 128;

/// A network ready for the kernels.
#[derive(Debug)]
pub(super) struct Plan {
    /// Numbers of a person that go in, and joints that come out.
    pub(super) keypoints: usize,
    pub(super) joints: usize,
    /// Width of a plane.
    pub(super) hidden: usize,
    merged: [Merged; 2],
    pub(super) input: [Floats; 2],
    pub(super) blocks: Vec<Vec<Twin>>,
    pub(super) output: [Floats; 2],
    /// For each number that comes out, the last layer's column of each plane and its sign; and the bias.
    numbers: Vec<[(usize, f32); 2]>,
    bias: Vec<f32>,
}

/// A layer of both planes with the ReLUs of the twins that they are made of.
#[derive(Debug)]
pub(super) enum Twin {
    /// In 8 bits.
    Bytes(TwinBytes),
    /// In f32: the even plane with its bias, and the odd one.
    Floats([Floats; 2]),
}

#[derive(Debug)]
pub(super) struct TwinBytes {
    pub(super) reads: Reads,
    pub(super) even: Bytes,
    pub(super) odd: Bytes,
    /// `[H]` of the even plane.
    pub(super) bias: Vec<f32>,
}

/// What is known of the even plane that a layer reads; the odd one has either sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    /// Either sign: 127 levels on both sides of 0.
    Signed,
    /// Sums of ReLUs, none below 0 and none below the odd plane's magnitude: 255 levels.
    Positive,
}

impl Plan {
    /// Reads `file` for kernels of `shape`; none where it holds no network of planes in 8 bits or f32 with centred key points,
    /// or widths that they do not take.
    pub(super) fn read(file: &ModelFile, shape: Shape) -> Option<Self> {
        let card = file.card();
        let initialisers = onnx::initialisers(file.bytes())?;
        let numbers = Weights { named: &initialisers, shape };
        let precision = card.network.precision;
        if precision == Precision::F16 || card.input.channels != 3 || !numbers.centres() {
            return None;
        }
        let hidden = numbers.floats("input.even.bias")?.len();
        (hidden > 0 && hidden.is_multiple_of(shape.panel())).then_some(())?;
        let keypoints = card.input.joints.len() * card.input.channels;
        let (merged, input) = numbers.input(hidden, keypoints)?;
        let blocks = (0..).map_while(|block| numbers.block(block, hidden, precision)).collect::<Vec<_>>();
        let (output, columns, bias) = numbers.output(hidden, card)?;
        let all_there = numbers.used(&blocks) == initialisers.len();
        all_there.then_some(Self {
            keypoints,
            joints: card.output.joints.len(),
            hidden,
            merged,
            input,
            blocks,
            output,
            numbers: columns,
            bias,
        })
    }

    /// Whether hidden layers are in 8 bits.
    pub(super) fn is_in_bytes(&self) -> bool {
        self.blocks.iter().flatten().all(|layer| matches!(layer, Twin::Bytes(_)))
    }

    /// Features of at most `people` people.
    pub(super) fn features(&self, people: usize) -> Features {
        Features::new(self.merged.clone(), self.keypoints / 3, people)
    }

    /// Poses `[people, J, 3]` and sigma `[people, J]` from the last layer's own columns in both planes.
    pub(super) fn write_poses(
        &self,
        ends: &[Vec<f32>; 2],
        people: usize,
        poses: &mut [f32],
        mut sigma: Option<&mut [f32]>,
    ) {
        let [even, odd] = self.output.each_ref().map(Floats::padded);
        let coordinates = self.joints * 3;
        for person in 0..people {
            let [even, odd] = [&ends[0][person * even..], &ends[1][person * odd..]];
            let number = |at: usize| {
                let [(e, e_sign), (o, o_sign)] = self.numbers[at];
                even[e] * e_sign + self.bias[at] + odd[o] * o_sign
            };
            let own = &mut poses[person * coordinates..][..coordinates];
            own.iter_mut().enumerate().for_each(|(at, to)| *to = number(at));
            if let Some(sigma) = &mut sigma {
                let own = &mut sigma[person * self.joints..][..self.joints];
                own.iter_mut().enumerate().for_each(|(at, to)| *to = number(coordinates + at).exp());
            }
        }
    }
}

/// The file's numbers by name, for kernels of a shape.
struct Weights<'a> {
    named: &'a BTreeMap<String, Initialiser<'a>>,
    shape: Shape,
}

impl Weights<'_> {
    fn floats(&self, name: &str) -> Option<Vec<f32>> {
        let found = self.named.get(name).filter(|found| found.element_type == FLOAT32)?;
        let number = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        found.bytes.len().is_multiple_of(4).then(|| found.bytes.chunks_exact(4).map(number).collect())
    }

    fn bytes(&self, name: &str) -> Option<Vec<i8>> {
        let found = self.named.get(name).filter(|found| found.element_type == INT8)?;
        Some(found.bytes.iter().map(|byte| byte.cast_signed()).collect())
    }

    fn layer(&self, weight: &[f32], columns: usize, bias: Option<&[f32]>) -> Floats {
        Floats::new(weight, columns, bias, self.shape)
    }

    /// Whether key points are centred and scaled, as `features` does it.
    fn centres(&self) -> bool {
        CENTRING.iter().all(|name| self.named.contains_key(*name))
    }

    fn input(&self, hidden: usize, features: usize) -> Option<([Merged; 2], [Floats; 2])> {
        let bias = self.floats("input.even.bias")?;
        let plane = |plane: &str| {
            let weight = self.floats(&format!("input.{plane}.weight"))?;
            (weight.len() == features * hidden).then(|| merged_rows(&weight, hidden))
        };
        let [(even, even_weight), (odd, odd_weight)] = [plane("even")?, plane("odd")?];
        let input = [self.layer(&even_weight, hidden, Some(&bias)), self.layer(&odd_weight, hidden, None)];
        Some(([even, odd], input))
    }

    fn block(&self, block: usize, hidden: usize, precision: Precision) -> Option<Vec<Twin>> {
        let twin = |layer| match precision {
            Precision::Int8 => self.bytes_twin(block, layer, hidden).map(Twin::Bytes),
            _ => self.floats_twin(block, layer, hidden).map(Twin::Floats),
        };
        let layers: Vec<_> = (0..).map_while(twin).collect();
        (!layers.is_empty()).then_some(layers)
    }

    fn floats_twin(&self, block: usize, layer: usize, hidden: usize) -> Option<[Floats; 2]> {
        let named = |part: &str| format!("block{block}.layer{layer}.{part}");
        let bias = self.floats(&named("even.bias")).filter(|bias| bias.len() == hidden)?;
        let [even, odd] = ["even.weight", "odd.weight"].map(|part| self.floats(&named(part)));
        let (even, odd) = even.zip(odd).filter(|(even, odd)| [even.len(), odd.len()] == [hidden * hidden; 2])?;
        Some([self.layer(&even, hidden, Some(&bias)), self.layer(&odd, hidden, None)])
    }

    fn bytes_twin(&self, block: usize, layer: usize, hidden: usize) -> Option<TwinBytes> {
        let named = |plane: &str, part: &str| format!("block{block}.layer{layer}.{plane}.{part}");
        let bytes = |plane: &str, zero: i32| {
            let (weight, scale) = (self.bytes(&named(plane, "weight"))?, self.floats(&named(plane, "scale"))?);
            (weight.len() == hidden * hidden && scale.len() == hidden)
                .then(|| Bytes::new(&weight, scale, zero, self.shape))
        };
        let bias = self.floats(&named("even", "bias")).filter(|bias| bias.len() == hidden)?;
        let (reads, zero) = if layer == 0 { (Reads::Signed, SIGNED_ZERO) } else { (Reads::Positive, 0) };
        Some(TwinBytes { reads, even: bytes("even", zero)?, odd: bytes("odd", SIGNED_ZERO)?, bias })
    }

    /// The last layer with columns that are alike, or opposite, once; which of them each number is; and the bias.
    #[allow(clippy::type_complexity, reason = "three parts of one layer")]
    fn output(&self, hidden: usize, card: &Card) -> Option<([Floats; 2], Vec<[(usize, f32); 2]>, Vec<f32>)> {
        let columns = card.output.joints.len() * if card.output.sigma { 4 } else { 3 };
        let bias = self.floats("output.even.bias").filter(|bias| bias.len() == columns)?;
        let plane = |plane: &str| {
            let weight = self.floats(&format!("output.{plane}.weight")).filter(|w| w.len() == hidden * columns)?;
            let transposed: Vec<f32> =
                (0..columns).flat_map(|column| weight.iter().skip(column).step_by(columns).copied()).collect();
            let (merged, rows) = merged_rows(&transposed, hidden);
            let kept = merged.terms.len();
            let weight: Vec<f32> = (0..hidden).flat_map(|row| rows.iter().skip(row).step_by(hidden).copied()).collect();
            // Columns of zeros are in no term: any column times 0.
            let mut places = vec![(0, 0.0); columns];
            for (column, terms) in merged.terms.iter().enumerate() {
                terms.iter().for_each(|&(number, sign)| places[number] = (column, sign));
            }
            Some((self.layer(&weight, kept, None), places))
        };
        let [(even, of_even), (odd, of_odd)] = [plane("even")?, plane("odd")?];
        Some(([even, odd], of_even.into_iter().zip(of_odd).map(|(even, odd)| [even, odd]).collect(), bias))
    }

    /// How many numbers of the file a network of `blocks` uses; a file with others computes something else.
    fn used(&self, blocks: &[Vec<Twin>]) -> usize {
        let ends = ["input", "output"].len() * 3;
        let of_layer = |layer: &Twin| if matches!(layer, Twin::Bytes(_)) { 5 } else { 3 };
        let layers: usize = blocks.iter().flatten().map(of_layer).sum();
        let constants = CENTRING.len() + LEVELS.iter().filter(|name| self.named.contains_key(**name)).count();
        constants + ends + layers
    }
}

/// What centring key points with scores needs.
const CENTRING: [&str; 10] = [
    "three",
    "pick_score",
    "zero",
    "own_score",
    "all_weights",
    "weight_floor",
    "sum_axis",
    "sum_both_axes",
    "score_scale",
    "least_scale",
];
/// What rounding to 8 bits needs.
const LEVELS: [&str; 6] = ["least_range", "whole", "signed.level", "signed.zero", "positive.level", "positive.zero"];

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
    (Merged { terms }, kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_alike_are_merged_and_zeros_left_out() {
        let weight = [1.0, 2.0, 0.0, 0.0, -1.0, -2.0, 3.0, 1.0, 1.0, 2.0];
        let (merged, kept) = merged_rows(&weight, 2);
        assert_eq!(kept, [1.0, 2.0, 3.0, 1.0]);
        assert_eq!(merged.terms, [vec![(0, 1.0), (2, -1.0), (4, 1.0)], vec![(3, 1.0)]]);
    }
}

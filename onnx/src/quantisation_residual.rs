//! Stores float32 weights losslessly as the difference from their int8 codes, in about two fifths of the bytes (`coco17`: 4.0
//! of 10.2 MB).
//!
//! A weight of code q and step s lies between (q − r)·s and (q + r)·s, where r is a half or little more. Only floats that keep
//! as many bits of fraction as the weights do are candidates. They are numbered in their order, and the weight's number is
//! stored in truncated binary: of n numbers the first take ⌊log₂ n⌋ bits, the others one more.

use std::borrow::Cow;

use crate::{Blocks, Dense, InputSign, Network, QuantisedDense, Weights};

/// The residual of `exact` beside `int8`, the same network with int8 hidden layers, for [`decode_residual`]. `None` where
/// `int8` is another network, or where hidden layers are in other precisions.
pub fn encode_residual(exact: &Network, int8: &Network) -> Option<Vec<u8>> {
    let Blocks::F32(blocks) = &exact.blocks else { return None };
    let planes = planes_of(int8)?;
    let weights: Vec<Cow<'_, [f32]>> =
        blocks.iter().flatten().flat_map(|layer| &layer.weights).map(Weights::values).collect();
    let fit = planes.len() == weights.len() && planes.iter().zip(&weights).all(|(plane, own)| plane.len() == own.len());
    if !fit {
        return None;
    }
    let rounding = Rounding::of(&planes, &weights);
    let mut bits = BitWriter::default();
    for (plane, weights) in planes.iter().zip(&weights) {
        for (index, &weight) in weights.iter().enumerate() {
            let candidates = plane.candidates(index, &rounding);
            let number = (order(weight) >> rounding.dropped_bits) - candidates.least;
            bits.push_truncated(u64::try_from(number).ok()?, candidates.count)?;
        }
    }
    let bytes = [&rounding.to_bytes()[..], &bits.into_bytes()].concat();
    // A −0, or another bias, would be lost.
    (decode_residual(int8, &bytes)? == *exact).then_some(bytes)
}

/// The float32 network of which `int8` was made, by its residual ([`encode_residual`]); `None` where that is of another network.
pub fn decode_residual(int8: &Network, residual: &[u8]) -> Option<Network> {
    let Blocks::Int8(blocks) = &int8.blocks else { return None };
    let (head, rest) = residual.split_first_chunk()?;
    let rounding = Rounding::from_bytes(*head)?;
    let mut bits = BitReader { bytes: rest, held: 0, count: 0 };
    let mut planes = planes_of(int8)?.into_iter();
    let mut exact = Vec::with_capacity(blocks.len());
    for block in blocks {
        let mut layers = Vec::with_capacity(block.len());
        for layer in block {
            let mut weights = Vec::with_capacity(layer.planes.len());
            for plane in planes.by_ref().take(layer.planes.len()) {
                weights.push(Weights::new(plane.dims, plane.decoded(&rounding, &mut bits)?));
            }
            layers.push(Dense { weights, bias: layer.bias.clone() });
        }
        exact.push(layers);
    }
    Some(Network { blocks: Blocks::F32(exact), ..int8.clone() })
}

/// How far from its code a weight may be.
struct Rounding {
    /// Steps.
    reach: f32,
    /// Bits of fraction that are 0 in all weights.
    dropped_bits: u32,
}

impl Rounding {
    const BYTES: usize = 5;

    fn of(planes: &[CodedPlane<'_>], weights: &[Cow<'_, [f32]>]) -> Self {
        let mut reach = 0.5f32;
        let mut dropped_bits = f32::MANTISSA_DIGITS - 1;
        for (plane, weights) in planes.iter().zip(weights) {
            for (index, weight) in weights.iter().enumerate() {
                let off = (weight / plane.step(index) - f32::from(plane.codes[index])).abs();
                // A step of 0 has no weights but 0.
                if off.is_finite() {
                    reach = reach.max(off);
                }
                dropped_bits = dropped_bits.min(weight.to_bits().trailing_zeros());
            }
        }
        Self { reach: reach * 1.001, dropped_bits }
    }

    fn to_bytes(&self) -> [u8; Self::BYTES] {
        let [a, b, c, d] = self.reach.to_le_bytes();
        [a, b, c, d, self.dropped_bits as u8]
    }

    fn from_bytes(bytes: [u8; Self::BYTES]) -> Option<Self> {
        let [a, b, c, d, dropped_bits] = bytes;
        let reach = f32::from_le_bytes([a, b, c, d]);
        let is_known = reach.is_finite() && u32::from(dropped_bits) < f32::MANTISSA_DIGITS;
        is_known.then_some(Self { reach, dropped_bits: u32::from(dropped_bits) })
    }
}

/// A plane of a layer in int8.
struct CodedPlane<'a> {
    dims: &'a [usize],
    /// `[in, out]`.
    codes: Cow<'a, [i8]>,
    /// `[out]` the weight of a code of 1.
    steps: Vec<f32>,
}

/// The floats that a weight may be, in their order.
struct Candidates {
    least: i64,
    count: u64,
}

impl CodedPlane<'_> {
    fn len(&self) -> usize {
        self.codes.len()
    }

    fn step(&self, index: usize) -> f32 {
        self.steps[index % self.steps.len()]
    }

    fn candidates(&self, index: usize, rounding: &Rounding) -> Candidates {
        let code = f32::from(self.codes[index]);
        let step = self.step(index);
        let least = order((code - rounding.reach) * step) >> rounding.dropped_bits;
        let greatest = (order((code + rounding.reach) * step) >> rounding.dropped_bits) + 1;
        Candidates { least, count: (greatest - least + 1).unsigned_abs() }
    }

    fn decoded(&self, rounding: &Rounding, bits: &mut BitReader<'_>) -> Option<Vec<f32>> {
        let mut weights = Vec::with_capacity(self.len());
        for index in 0..self.len() {
            let candidates = self.candidates(index, rounding);
            let number = bits.truncated(candidates.count)?;
            weights.push(float((candidates.least + number as i64) << rounding.dropped_bits));
        }
        Some(weights)
    }
}

/// The planes of all hidden layers, in the order of the computation; `None` where they are not in int8.
fn planes_of(network: &Network) -> Option<Vec<CodedPlane<'_>>> {
    let Blocks::Int8(blocks) = &network.blocks else { return None };
    let mut planes = Vec::new();
    for block in blocks {
        for (number, layer) in block.iter().enumerate() {
            push_planes(layer, network.input_sign(number), &mut planes);
        }
    }
    Some(planes)
}

/// Adds the planes of `layer`, the first of which reads numbers of the sign `first`.
fn push_planes<'a>(layer: &'a QuantisedDense, first: InputSign, planes: &mut Vec<CodedPlane<'a>>) {
    for (plane, sign) in layer.planes.iter().zip([first, InputSign::Signed]) {
        let steps = plane.scales.values().iter().map(|scale| scale / sign.step()).collect();
        planes.push(CodedPlane { dims: plane.codes.dims(), codes: plane.codes.values(), steps });
    }
}

/// The number of a float in the order of all floats; 0 has number 0.
fn order(number: f32) -> i64 {
    let magnitude = i64::from(number.to_bits() & !SIGN);
    if number.is_sign_negative() { -magnitude } else { magnitude }
}

/// The float of this number.
fn float(place: i64) -> f32 {
    let magnitude = f32::from_bits(place.unsigned_abs() as u32 & !SIGN);
    if place < 0 { -magnitude } else { magnitude }
}

/// The bit of a float's sign.
const SIGN: u32 = 1 << 31;

/// Bits, the highest of each byte first.
#[derive(Default)]
struct BitWriter {
    bytes: Vec<u8>,
    held: u64,
    count: u32,
}

impl BitWriter {
    /// Appends `number`, one of `count`; `None` where it is not below that.
    fn push_truncated(&mut self, number: u64, count: u64) -> Option<()> {
        let short = count.checked_ilog2().filter(|_| number < count)?;
        let first_long = (2 << short) - count;
        if number < first_long {
            self.push(number, short);
        } else {
            self.push(number + first_long, short + 1);
        }
        Some(())
    }

    fn push(&mut self, number: u64, bits: u32) {
        self.held = (self.held << bits) | number;
        self.count += bits;
        while self.count >= 8 {
            self.count -= 8;
            self.bytes.push((self.held >> self.count) as u8);
        }
    }

    fn into_bytes(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.push(0, 8 - self.count);
        }
        self.bytes
    }
}

struct BitReader<'a> {
    bytes: &'a [u8],
    held: u64,
    count: u32,
}

impl BitReader<'_> {
    /// A number below `count`; `None` at the end.
    fn truncated(&mut self, count: u64) -> Option<u64> {
        let short = count.checked_ilog2()?;
        let first_long = (2 << short) - count;
        let number = self.take(short)?;
        if number < first_long {
            return Some(number);
        }
        Some((number * 2 + self.take(1)?) - first_long)
    }

    /// At most 33 bits.
    fn take(&mut self, bits: u32) -> Option<u64> {
        while self.count < bits {
            let (byte, rest) = self.bytes.split_first()?;
            self.held = (self.held << 8) | u64::from(*byte);
            self.count += 8;
            self.bytes = rest;
        }
        self.count -= bits;
        Some((self.held >> self.count) & ((1 << bits) - 1))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_come_back(numbers in prop::collection::vec((1u64..1 << 33, any::<u64>()), 0..50)) {
            let mut writer = BitWriter::default();
            for (count, number) in &numbers {
                writer.push_truncated(number % count, *count).unwrap();
            }
            let bytes = writer.into_bytes();
            let mut reader = BitReader { bytes: &bytes, held: 0, count: 0 };
            for (count, number) in numbers {
                prop_assert_eq!(reader.truncated(count), Some(number % count));
            }
            prop_assert_eq!(reader.take(8), None);
        }
    }

    #[test]
    fn floats_have_an_order() {
        let floats = [-3.5, -f32::MIN_POSITIVE, 0.0, 1e-40, 1.0, 1.0 + f32::EPSILON];
        for pair in floats.windows(2) {
            assert!(order(pair[0]) < order(pair[1]), "{pair:?}");
            assert_eq!(float(order(pair[0])), pair[0]);
        }
        assert_eq!(order(1.0 + f32::EPSILON) - order(1.0), 1);
    }
}

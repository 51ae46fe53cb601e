//! How large the activations of a network become on views of its training data, for files with fixed scales.
//!
//! The graph of the float32 file is computed node by node. Of each tensor the range is taken with which its codes lie nearest to
//! its numbers, each person's error as a share of the person's own numbers. People of whom a detector saw next to nothing reach
//! six times as far as others in the last blocks; they are cut off, where that makes the steps of all others finer.

use std::collections::BTreeMap;

use poselift::{Error, Result};
use poselift_onnx::names::FEATURES;
use poselift_onnx::proto::{GraphProto, NodeProto, TensorProto};
use poselift_onnx::{Features, Model, Quantisation, Range, Weights, tensors_to_observe};
use tch::{Kind, Tensor};

use crate::dataset::Dataset;
use crate::features::features;
use crate::net::numbers;
use crate::trained::InputTransform;

/// Views of the training split that ranges are taken from.
pub const CALIBRATION_VIEWS: i64 = 4096;

/// Numbers of a tensor that are looked at, evenly spread.
const NUMBERS_LOOKED_AT: usize = 200_000;

/// Shares of the largest magnitude that are tried as the range.
const SHARES: std::ops::RangeInclusive<u8> = 5..=100;

/// The ranges that `quantisation` of the float32 file `model` needs, on [`CALIBRATION_VIEWS`] of the training split of `dataset`.
///
/// # Errors
/// The file is not ours or not in float32, or it centres key points without scores, which training never does.
pub fn ranges(model: &Model, quantisation: Quantisation, dataset: &Dataset) -> Result<BTreeMap<String, Range>> {
    let network = model.network()?;
    let mut wanted = tensors_to_observe(&network, quantisation)?;
    let (transform, mean) = match &network.features {
        Features::Centred if network.channels == 3 => {
            (InputTransform::Centred, Tensor::zeros([1], tch::kind::FLOAT_CPU))
        }
        Features::Centred => {
            return Err(Error::model("centres key points without scores").hint("export it with --precision int8"));
        }
        Features::Absolute(mean) => (InputTransform::Absolute, Tensor::from_slice(&mean.values())),
    };
    let keypoints = dataset.calibration(CALIBRATION_VIEWS);
    let mut found = BTreeMap::new();
    let graph = model.proto().graph.as_ref().expect("a network was read from it");
    compute(graph, features(&keypoints, &transform, &mean), |name, values| {
        if let Some(at) = wanted.iter().position(|wanted| wanted == name) {
            wanted.swap_remove(at);
            let width = values.size().last().map_or(1, |&width| width as usize);
            found.insert(name.to_owned(), range(&numbers(values), width, quantisation));
        }
    })?;
    match wanted.first() {
        Some(name) => Err(Error::model(format!("its graph does not compute {name}"))),
        None => Ok(found),
    }
}

/// Computes the layers of `graph` behind `features`, and shows each tensor.
fn compute(graph: &GraphProto, features: Tensor, mut show: impl FnMut(&str, &Tensor)) -> Result<()> {
    let constants: BTreeMap<&str, &TensorProto> =
        graph.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
    let mut readers: BTreeMap<&str, usize> = BTreeMap::new();
    for input in graph.node.iter().flat_map(|node| &node.input) {
        *readers.entry(input).or_default() += 1;
    }
    let mut values = BTreeMap::from([(FEATURES, features)]);
    let layers = graph.node.iter().skip_while(|node| !node.input.iter().any(|input| input == FEATURES));
    for node in layers {
        let mut inputs = Vec::new();
        for name in &node.input {
            match (values.get(name.as_str()), constants.get(name.as_str())) {
                (Some(value), _) => inputs.push(value.shallow_clone()),
                (None, Some(constant)) => inputs.push(constant_values(constant)?),
                (None, None) => return Err(Error::model(format!("its graph reads {name} before it is computed"))),
            }
        }
        let Some(output) = apply(node, &inputs) else { break };
        show(&node.output[0], &output);
        values.insert(&node.output[0], output);
        for name in &node.input {
            let left = readers.get_mut(name.as_str()).expect("each input was counted");
            *left -= 1;
            if *left == 0 {
                values.remove(name.as_str());
            }
        }
    }
    Ok(())
}

/// The output of a node of the layers; `None` for the nodes behind them.
fn apply(node: &NodeProto, inputs: &[Tensor]) -> Option<Tensor> {
    Some(match (node.op_type.as_str(), inputs) {
        ("Gemm", [x, weight, bias]) => x.matmul(weight) + bias,
        ("MatMul", [x, weight]) => x.matmul(weight),
        ("Add", [a, b]) => a + b,
        ("Sub", [a, b]) => a - b,
        ("Relu", [x]) => x.relu(),
        _ => return None,
    })
}

fn constant_values(tensor: &TensorProto) -> Result<Tensor> {
    let Some(weights) = Weights::<f32>::of(tensor) else {
        return Ok(Tensor::zeros([0], (Kind::Float, tch::Device::Cpu)));
    };
    let size: Vec<i64> = tensor.dims.clone();
    Ok(Tensor::from_slice(&weights.values()).view(size.as_slice()))
}

/// The range of the activations `values`, `width` of them a person.
fn range(values: &[f32], width: usize, quantisation: Quantisation) -> Range {
    let largest = values.iter().fold(0f32, |most, value| most.max(value.abs()));
    let whole = Range { largest: largest.max(f32::MIN_POSITIVE), is_signed: values.iter().any(|&value| value < 0.0) };
    let codes = f32::from(whole.codes(quantisation));
    let people: Vec<&[f32]> = values.chunks_exact(width).step_by(values.len().div_ceil(NUMBERS_LOOKED_AT)).collect();
    let mut best = whole;
    let mut least_error = f64::INFINITY;
    for share in SHARES {
        let range = Range { largest: whole.largest * f32::from(share) / 100.0, ..whole };
        let error = people.iter().map(|person| relative_error(person, range.largest / codes, codes)).sum();
        if error < least_error {
            least_error = error;
            best = range;
        }
    }
    best
}

/// The squares of what rounding to `codes` codes of `step` changes, as a share of those of the numbers themselves.
fn relative_error(numbers: &[f32], step: f32, codes: f32) -> f64 {
    let mut changed = 0.0;
    let mut whole = f64::MIN_POSITIVE;
    for &number in numbers {
        let rounded = (number / step).round_ties_even().clamp(-codes, codes) * step;
        changed += f64::from(rounded - number).powi(2);
        whole += f64::from(number).powi(2);
    }
    changed / whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_large_person_is_cut_off_and_an_even_spread_is_not() {
        let even: Vec<f32> = (0..=9_999u16).map(|at| f32::from(at) / 1e4).rev().collect();
        let found = range(&even, 10_000, Quantisation::Qdq);
        assert!(found.largest > 0.97 && !found.is_signed, "{found:?}");
        let people: Vec<f32> = even.iter().map(|value| value / 10.0).chain([-6.0; 100]).collect();
        let found = range(&people, 100, Quantisation::Qdq);
        assert!(found.largest < 1.0 && found.is_signed, "{found:?}");
        assert!(range(&[0.0; 3], 3, Quantisation::QdqFull).largest > 0.0);
    }
}

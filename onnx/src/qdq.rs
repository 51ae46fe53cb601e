//! A network in integers of 8 bits as other engines read them: QuantizeLinear and DequantizeLinear around what is multiplied.
//!
//! The graph is that of the network in float32. A runtime that knows the pattern multiplies integers; one that does not
//! computes the same in floats. Scales of activations are fixed, so that they must have been seen on real views before; each
//! output of a weight has its own scale. Features, the first and the last layer stay float32: they read and write
//! coordinates.

use std::collections::{BTreeMap, BTreeSet};

use crate::builder::Form;
use crate::card::Card;
#[cfg(doc)]
use crate::names::FEATURES;
use crate::names::{self, MAX_POSITIVE_CODE, MAX_SIGNED_CODE, MAX_WEIGHT_CODE, SIGNED_ZERO_POINT};
use crate::network::{Blocks, Network};
use crate::precision::Quantisation;
use crate::proto::{AttributeProto, GraphProto, NodeProto, TensorProto};
use crate::weights::Weights;
use crate::write::{self, WrittenModel};
use crate::{Error, Result};

/// The range of the numbers in a tensor of activations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The magnitude that the largest code stands for; larger ones are cut off.
    pub largest: f32,
    /// Whether there are negative numbers.
    pub is_signed: bool,
}

impl Range {
    /// The code of [`Self::largest`], above that of 0: of signed codes 127, as TensorRT asks for; of unsigned ones, as NPUs do, 255, or
    /// 127 where there are negative numbers.
    pub fn codes(self, quantisation: Quantisation) -> u8 {
        match (quantisation, self.is_signed) {
            (Quantisation::QdqFull, false) => MAX_POSITIVE_CODE,
            _ => MAX_SIGNED_CODE,
        }
    }
}

/// The tensors between [`FEATURES`] and the last layer whose ranges [`write_qdq`] needs, in the order of the graph.
///
/// # Errors
/// The hidden layers are not in float32, or there are none.
pub fn tensors_to_observe(network: &Network, quantisation: Quantisation) -> Result<Vec<String>> {
    network.check()?;
    match &network.blocks {
        Blocks::F32(blocks) if blocks.is_empty() => {
            Err(Error::new("the network", "has no hidden layers", "some to quantise"))
        }
        Blocks::F32(_) => Ok(quantised(&write::graph(network, Form::Current), quantisation)),
        other => Err(Error::new("the network", format!("is in {}", other.precision()), "f32")),
    }
}

/// Writes `network`, whose hidden layers are in float32, with the `ranges` of [`tensors_to_observe`] by name.
///
/// # Errors
/// Those of [`tensors_to_observe`], a range that is missing or no positive number, and errors of [`crate::write()`].
pub fn write_qdq(
    network: &Network,
    quantisation: Quantisation,
    ranges: &BTreeMap<String, Range>,
    card: Card,
) -> Result<WrittenModel> {
    for name in tensors_to_observe(network, quantisation)? {
        let range = ranges.get(&name).ok_or_else(|| Error::at(&name, "has no range"))?;
        if !(range.largest.is_finite() && range.largest > 0.0) {
            return Err(Error::new(&name, format!("has the range {}", range.largest), "a positive number"));
        }
    }
    let graph = write::graph(network, Form::Current);
    let names = quantised(&graph, quantisation).into_iter().collect();
    let rewriting = Rewriting { quantisation, ranges, names, nodes: Vec::new(), constants: Vec::new() };
    write::file(rewriting.rewrite(graph), card)
}

/// Whether a node is the product of a hidden layer.
fn is_hidden_product(node: &NodeProto) -> bool {
    node.name.starts_with("block") && matches!(node.op_type.as_str(), "Gemm" | "MatMul")
}

/// The names of all quantised tensors of `graph`.
fn quantised(graph: &GraphProto, quantisation: Quantisation) -> Vec<String> {
    let mut names = Vec::new();
    for node in &graph.node {
        if is_hidden_product(node) {
            add_once(&mut names, &node.input[0]);
        }
        if quantisation == Quantisation::QdqFull && (node.name.starts_with("block") || node.name.starts_with("input")) {
            for output in &node.output {
                add_once(&mut names, output);
            }
        }
    }
    names
}

fn add_once(names: &mut Vec<String>, name: &String) {
    if !names.contains(name) {
        names.push(name.clone());
    }
}

/// A graph that becomes another.
struct Rewriting<'a> {
    quantisation: Quantisation,
    ranges: &'a BTreeMap<String, Range>,
    /// The tensors to quantise.
    names: BTreeSet<String>,
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
}

impl Rewriting<'_> {
    fn rewrite(mut self, graph: GraphProto) -> GraphProto {
        let GraphProto { node: nodes, name, initializer, input, output } = graph;
        let mut weights: BTreeMap<String, TensorProto> =
            initializer.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect();
        for node in nodes {
            self.node(node, &mut weights);
        }
        GraphProto { node: self.nodes, initializer: self.constants, name, input, output }
    }

    fn node(&mut self, mut node: NodeProto, weights: &mut BTreeMap<String, TensorProto>) {
        let step = self.ranges.get(&node.input[0]).map(|range| self.step(*range));
        let is_product = is_hidden_product(&node);
        for input in &mut node.input {
            // The residual is added as it is, not rounded from block to block.
            if self.names.contains(input) && (is_product || self.quantisation == Quantisation::QdqFull) {
                *input = rounded(input);
            }
        }
        if let (true, Some(step)) = (is_product, step) {
            let scales = self.weight(&mut node.input[1], weights);
            if let (Some(bias), Quantisation::QdqFull) = (node.input.get_mut(2), self.quantisation) {
                self.bias(bias, &scales, step, weights);
            }
        }
        for input in &node.input {
            self.constants.extend(weights.remove(input));
        }
        let outputs = node.output.clone();
        self.nodes.push(node);
        for output in outputs.iter().filter(|output| self.names.contains(*output)).cloned().collect::<Vec<_>>() {
            self.activation(&output);
        }
    }

    /// The difference between two neighbouring codes' values.
    fn step(&self, range: Range) -> f32 {
        // The smallest numbers divided by a code could become 0.
        (range.largest / f32::from(range.codes(self.quantisation))).max(f32::MIN_POSITIVE)
    }

    /// Rounds the activations `name` to codes and takes them back.
    fn activation(&mut self, name: &str) {
        let range = self.ranges[name];
        let scale_name = names::scale(name);
        let zero_name = names::zero(name);
        let codes = names::codes(name);
        self.constants.push(TensorProto::new(&scale_name, &[], [self.step(range)]));
        self.constants.push(match (self.quantisation, range.is_signed) {
            (Quantisation::QdqFull, true) => TensorProto::new(&zero_name, &[], [SIGNED_ZERO_POINT]),
            (Quantisation::QdqFull, false) => TensorProto::new(&zero_name, &[], [0u8]),
            _ => TensorProto::new(&zero_name, &[], [0i8]),
        });
        self.push("QuantizeLinear", [name, &scale_name, &zero_name], &codes, Vec::new());
        self.push("DequantizeLinear", [&codes, &scale_name, &zero_name], &rounded(name), Vec::new());
    }

    /// Puts codes in the place of the weights `name` and gives back the scale of each output. Codes have 7 bits, since ONNX Runtime
    /// adds two products in 16 bits on processors without VNNI.
    fn weight(&mut self, name: &mut String, weights: &mut BTreeMap<String, TensorProto>) -> Vec<f32> {
        let tensor = weights.remove(name).expect("a layer's weights are an initialiser that one node reads");
        let weight: Weights<f32> = Weights::of(&tensor).expect("a network in float32");
        let values = weight.values();
        let outputs = weight.dims()[1];
        let most = f32::from(MAX_WEIGHT_CODE);
        let mut scales = Vec::with_capacity(outputs);
        for output in 0..outputs {
            let of_output = values.iter().skip(output).step_by(outputs);
            let largest = of_output.fold(0f32, |largest, value| largest.max(value.abs()));
            let scale = largest / most;
            scales.push(if scale > 0.0 { scale } else { 1.0 });
        }
        let codes = values.iter().enumerate().map(|(at, value)| {
            let code = (value / scales[at % outputs]).round_ties_even();
            code.clamp(-most, most) as i8
        });
        let codes = TensorProto::new(&names::codes(name), weight.dims(), codes);
        self.constant(codes, &scales, 0i8, name);
        scales
    }

    /// Puts integers of 32 bits in the place of the bias `name`, in steps of the product's own sums.
    fn bias(&mut self, name: &mut String, scales: &[f32], step: f32, weights: &mut BTreeMap<String, TensorProto>) {
        let tensor = weights.remove(name).expect("a layer's bias is an initialiser that one node reads");
        let bias: Weights<f32> = Weights::of(&tensor).expect("a network in float32");
        let scales: Vec<f32> = scales.iter().map(|scale| (scale * step).max(f32::MIN_POSITIVE)).collect();
        let codes = bias
            .values()
            .iter()
            .zip(&scales)
            .map(|(value, scale)| (value / scale).round_ties_even() as i32)
            .collect::<Vec<_>>();
        self.constant(TensorProto::new(&names::codes(name), bias.dims(), codes), &scales, 0i32, name);
    }

    /// Adds the constant `codes`, a scale an entry of its last dimension, and the node that makes `name` of them.
    fn constant<T: crate::Element>(&mut self, codes: TensorProto, scales: &[f32], zero: T, name: &mut String) {
        let scale_name = names::scale(name);
        let zero_name = names::zero(name);
        let axis = codes.dims.len() as i64 - 1;
        let codes_name = codes.name.clone();
        self.constants.push(codes);
        self.constants.push(TensorProto::new(&scale_name, &[scales.len()], scales.iter().copied()));
        self.constants.push(TensorProto::new(&zero_name, &[scales.len()], vec![zero; scales.len()]));
        *name = rounded(name);
        self.push(
            "DequantizeLinear",
            [&codes_name, &scale_name, &zero_name],
            name,
            vec![AttributeProto::integer("axis", axis)],
        );
    }

    fn push(&mut self, op: &str, inputs: [&str; 3], output: &str, attribute: Vec<AttributeProto>) {
        self.nodes.push(NodeProto {
            input: inputs.map(str::to_owned).into(),
            output: vec![output.to_owned()],
            name: output.to_owned(),
            op_type: op.to_owned(),
            attribute,
        });
    }
}

/// The name of `name` once it was quantised to codes and converted back.
fn rounded(name: &str) -> String {
    format!("{name}.rounded")
}

//! Layers to nodes: the ONNX graph of a folded network, from raw key points to
//! poses.
//!
//! A layer is one Gemm, or one for each plane of it (`planes`); what depends on the pose itself (masks, centring,
//! scaling) is written by `transform`. Constants are initialisers in the order
//! that the nodes read them. The first and the last layer are float32 whatever
//! the precision: they read and write coordinates.

use poselift::Result;
use poselift::model::Precision;

use super::fold::FoldedLayer;
use super::onnx::{AttributeProto, GraphProto, NodeProto, TensorProto, ValueInfoProto};
use super::planes::{Layer, Planes};
use super::{half, int8, transform};
use crate::trained::TrainedLifter;

/// The graph's input, `[batch, J_in, C]`.
pub const INPUT: &str = "keypoints";

/// The graph's output, `[batch, J_out, 3]`.
pub const OUTPUT: &str = "pose";

/// The second output of a lifter that has it, `[batch, J_out]`.
pub const SIGMA: &str = "sigma";

/// What the last layer gives, `[batch, J_out·3]` or `[batch, J_out·4]`.
const NUMBERS: &str = "numbers";

/// The graph of a lifter whose linear parts are `layers`, its residual blocks in `precision`.
///
/// # Errors
/// A weight beyond the range of the precision; it names its layer.
pub(super) fn build(lifter: &TrainedLifter, layers: &Planes, precision: Precision) -> Result<GraphProto> {
    let (joints_in, channels) = (lifter.input_card.joints.len(), lifter.input_card.channels);
    let joints_out = lifter.output_card.joints.len();
    let mut graph = GraphBuilder::default();
    let features = transform::write(&mut graph, lifter);
    let numbers = network(&mut graph, layers, precision, features)?;
    let coordinates = if lifter.output_card.sigma {
        let coordinates = graph.split(numbers, [joints_out * 3, joints_out], ["coordinates", "sigma.log"]);
        graph.node("Exp", &["sigma.log"], SIGMA);
        coordinates
    } else {
        numbers
    };
    graph.reshape(coordinates, &[0, joints_out as i64, 3], OUTPUT);
    let mut outputs = vec![ValueInfoProto::batch_of_floats(OUTPUT, &[joints_out, 3])];
    if lifter.output_card.sigma {
        outputs.push(ValueInfoProto::batch_of_floats(SIGMA, &[joints_out]));
    }
    Ok(graph.finish(ValueInfoProto::batch_of_floats(INPUT, &[joints_in, channels]), outputs))
}

/// Gives back the name of the last layer's output, `[batch, J_out·3]` or `[batch, J_out·4]`.
fn network(
    graph: &mut GraphBuilder,
    layers: &Planes,
    precision: Precision,
    features: &'static str,
) -> Result<&'static str> {
    let mut stream = graph.gemms(&layers.input, &vec![features.to_owned(); layers.input.len()]);
    if layers.input_relu {
        stream = graph.relu(&stream, "input");
    }
    let stream = match precision {
        Precision::F32 => {
            residual(graph, &layers.blocks, stream, Inner::Written, |graph, _, layer, x| Ok(graph.gemms(layer, x)))?
        }
        Precision::F16 => half::write(graph, &layers.blocks, stream)?,
        Precision::Int8 => int8::write(graph, &layers.blocks, stream, layers.input_relu)?,
    };
    match &graph.gemms(&layers.output, &stream)[..] {
        [even, odd] => graph.node("Add", &[even, odd], NUMBERS),
        _ => NUMBERS.to_owned(),
    };
    Ok(NUMBERS)
}

/// What becomes of the ReLU between two layers of one plane.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Inner {
    /// It is a node.
    Written,
    /// The next layer takes what is below 0 as 0.
    LeftToTheNext,
}

/// Where a layer stands among the residual blocks.
pub(super) struct Place<'a> {
    /// `block0.layer1`, whatever planes it has.
    pub name: &'a str,
    /// Whether it is the first of its block, and so reads the stream.
    pub is_first: bool,
}

/// Writes residual blocks whose layers are `written` by their place and the names of what they read, in planes; gives back
/// the names of the last sum.
pub(super) fn residual(
    graph: &mut GraphBuilder,
    blocks: &[Vec<Layer>],
    mut stream: Vec<String>,
    inner: Inner,
    mut written: impl FnMut(&mut GraphBuilder, Place<'_>, &Layer, &[String]) -> Result<Vec<String>>,
) -> Result<Vec<String>> {
    for (index, block) in blocks.iter().enumerate() {
        let mut x = stream.clone();
        for (place, layer) in block.iter().enumerate() {
            let name = format!("block{index}.layer{place}");
            let z = written(graph, Place { name: &name, is_first: place == 0 }, layer, &x)?;
            let left = inner == Inner::LeftToTheNext && z.len() == 1 && place + 1 < block.len();
            x = if left { z } else { graph.relu(&z, &name) };
        }
        let named = names(stream.len(), &format!("block{index}"));
        let sums = stream.iter().zip(&x).zip(&named);
        stream = sums.map(|((stream, branch), name)| graph.node("Add", &[stream, branch], name)).collect();
    }
    Ok(stream)
}

/// What the planes of `name` are called.
fn names(planes: usize, name: &str) -> Vec<String> {
    match planes {
        2 => vec![format!("{name}.even"), format!("{name}.odd")],
        _ => vec![name.to_owned()],
    }
}

/// A graph as it grows; nodes are named after what they make.
#[derive(Debug, Default)]
pub(super) struct GraphBuilder {
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
}

impl GraphBuilder {
    /// Adds a node and gives back the name of its output.
    pub(super) fn node(&mut self, op: &str, inputs: &[&str], output: &str) -> String {
        self.node_with(op, inputs, output, Vec::new())
    }

    /// [`Self::node`] with settings.
    pub(super) fn node_with(
        &mut self,
        op: &str,
        inputs: &[&str],
        output: &str,
        attribute: Vec<AttributeProto>,
    ) -> String {
        self.push(op, inputs, &[output], attribute);
        output.to_owned()
    }

    fn push(&mut self, op: &str, inputs: &[&str], outputs: &[&str], attribute: Vec<AttributeProto>) {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        self.nodes.push(NodeProto {
            input: owned(inputs),
            output: owned(outputs),
            name: outputs[0].to_owned(),
            op_type: op.to_owned(),
            attribute,
        });
    }

    /// Adds a float32 constant and gives back its name.
    pub(super) fn constant(&mut self, name: &str, dims: &[usize], values: impl IntoIterator<Item = f32>) -> String {
        self.constant_tensor(TensorProto::floats(name, dims, values))
    }

    /// Adds a constant, unless it is there already, and gives back its name.
    pub(super) fn constant_tensor(&mut self, tensor: TensorProto) -> String {
        let name = tensor.name.clone();
        match self.constants.iter().find(|constant| constant.name == name) {
            Some(same) => debug_assert_eq!(*same, tensor, "two constants of one name"),
            None => self.constants.push(tensor),
        }
        name
    }

    /// Adds a Reshape.
    fn reshape(&mut self, input: &str, shape: &[i64], output: &str) {
        let shape = self.integers(&format!("{output}.shape"), shape);
        self.node("Reshape", &[input, &shape], output);
    }

    /// Cuts rows in two and gives back the name of the first part.
    fn split<'a>(&mut self, input: &str, lengths: [usize; 2], outputs: [&'a str; 2]) -> &'a str {
        let lengths = self.integers(&format!("{input}.lengths"), &lengths.map(|length| length as i64));
        self.push("Split", &[input, &lengths], &outputs, vec![AttributeProto::integer("axis", 1)]);
        outputs[0]
    }

    /// Adds integers as a Constant node, so that every initialiser is a float.
    fn integers(&mut self, name: &str, values: &[i64]) -> String {
        let value = AttributeProto::tensor("value", TensorProto::integers(name, values));
        self.node_with("Constant", &[], name, vec![value])
    }

    /// Adds one layer a plane of `x`.
    fn gemms(&mut self, layer: &Layer, x: &[String]) -> Vec<String> {
        layer.iter().zip(x).map(|(plane, x)| self.gemm(plane, x)).collect()
    }

    /// Adds one layer, its weights transposed to `[in, out]` as the plain Gemm reads them.
    fn gemm(&mut self, layer: &FoldedLayer, input: &str) -> String {
        let (outputs, inputs) = layer.weight.dim();
        let weight = layer.weight.t();
        let weight = self.constant(&format!("{}.weight", layer.name), &[inputs, outputs], weight.iter().copied());
        // The only layer of its plane that nothing follows.
        let output = if layer.name == "output" { NUMBERS } else { &layer.name };
        if layer.bias.is_empty() {
            return self.node("MatMul", &[input, &weight], output);
        }
        let bias = self.constant(&format!("{}.bias", layer.name), &[outputs], layer.bias.iter().copied());
        self.node("Gemm", &[input, &weight, &bias], output)
    }

    /// Adds the ReLUs of a layer that gave `z`: of twins, for planes, which give what twins add up to again.
    pub(super) fn relu(&mut self, z: &[String], name: &str) -> Vec<String> {
        let [even, odd] = z else { return vec![self.node("Relu", &[&z[0]], &format!("{name}.relu"))] };
        let [a, b] = [("Add", "a"), ("Sub", "b")].map(|(op, twin)| {
            let twin = self.node(op, &[even, odd], &format!("{name}.{twin}"));
            self.node("Relu", &[&twin], &format!("{twin}.relu"))
        });
        let [even, odd] = [("Add", "even"), ("Sub", "odd")].map(|(op, plane)| (op, format!("{name}.relu.{plane}")));
        vec![self.node(even.0, &[&a, &b], &even.1), self.node(odd.0, &[&a, &b], &odd.1)]
    }

    fn finish(self, input: ValueInfoProto, output: Vec<ValueInfoProto>) -> GraphProto {
        GraphProto {
            node: self.nodes,
            name: "lifter".to_owned(),
            initializer: self.constants,
            input: vec![input],
            output,
        }
    }
}

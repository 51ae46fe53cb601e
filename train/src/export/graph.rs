//! Layers to nodes: the ONNX graph of a folded network, from raw key points to
//! poses.
//!
//! A layer is one Gemm; what depends on the pose itself (masks, centring,
//! scaling) is written by `transform`. Constants are initialisers in the order
//! that the nodes read them. The first and the last layer are float32 whatever
//! the precision: they read and write coordinates.

use poselift::Result;
use poselift::model::Precision;

use super::fold::{Folded, FoldedLayer};
use super::onnx::{AttributeProto, GraphProto, NodeProto, TensorProto, ValueInfoProto};
use super::{half, int8, transform};
use crate::trained::TrainedLifter;

/// The graph's input, `[batch, J_in, C]`.
pub const INPUT: &str = "keypoints";

/// The graph's output, `[batch, J_out, 3]`.
pub const OUTPUT: &str = "pose";

/// The second output of a lifter that has it, `[batch, J_out]`.
pub const SIGMA: &str = "sigma";

/// The graph of a lifter whose linear parts are `folded`, its residual blocks in `precision`.
///
/// # Errors
/// A weight beyond the range of the precision; it names its layer.
pub fn build(lifter: &TrainedLifter, folded: &Folded, precision: Precision) -> Result<GraphProto> {
    let (joints_in, channels) = (lifter.input_card.joints.len(), lifter.input_card.channels);
    let joints_out = lifter.output_card.joints.len();
    let mut graph = GraphBuilder::default();
    let features = transform::write(&mut graph, lifter);
    let numbers = network(&mut graph, folded, precision, features)?;
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
    folded: &Folded,
    precision: Precision,
    features: &'static str,
) -> Result<&'static str> {
    let mut stream = graph.gemm(&folded.input, features, "input");
    if folded.input_relu {
        stream = graph.node("Relu", &[&stream], "input.relu");
    }
    let stream = match precision {
        Precision::F32 => plain(graph, &folded.blocks, stream),
        Precision::F16 => half::write(graph, &folded.blocks, stream)?,
        Precision::Int8 => int8::write(graph, &folded.blocks, stream, folded.input_relu),
    };
    graph.gemm(&folded.output, &stream, "numbers");
    Ok("numbers")
}

/// Writes residual blocks in float32; gives back the name of the last sum.
fn plain(graph: &mut GraphBuilder, blocks: &[Vec<FoldedLayer>], mut stream: String) -> String {
    for (index, block) in blocks.iter().enumerate() {
        let branch = block.iter().fold(stream.clone(), |x, layer| {
            let y = graph.gemm(layer, &x, &layer.name);
            graph.node("Relu", &[&y], &format!("{}.relu", layer.name))
        });
        stream = graph.node("Add", &[&stream, &branch], &format!("block{index}"));
    }
    stream
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

    /// Adds one layer, its weights transposed to `[in, out]` as the plain Gemm reads them.
    fn gemm(&mut self, layer: &FoldedLayer, input: &str, output: &str) -> String {
        let (outputs, inputs) = layer.weight.dim();
        let weight = layer.weight.t();
        let weight = self.constant(&format!("{}.weight", layer.name), &[inputs, outputs], weight.iter().copied());
        let bias = self.constant(&format!("{}.bias", layer.name), &[outputs], layer.bias.iter().copied());
        self.node("Gemm", &[input, &weight, &bias], output)
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

//! A graph as it grows: nodes and constants, one after the other.

use super::fold::FoldedLayer;
use super::onnx::{AttributeProto, GraphProto, NodeProto, TensorProto, ValueInfoProto};
use super::planes::Layer;

/// The graph's input, `[batch, J_in, C]`.
pub(super) const INPUT: &str = "keypoints";

/// What the last layer gives, `[batch, J_out·3]` or `[batch, J_out·4]`.
pub(super) const NUMBERS: &str = "numbers";

/// Nodes are named after what they make.
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
    pub(super) fn reshape(&mut self, input: &str, shape: &[i64], output: &str) {
        let shape = self.integers(&format!("{output}.shape"), shape);
        self.node("Reshape", &[input, &shape], output);
    }

    /// Cuts rows in two and gives back the name of the first part.
    pub(super) fn split<'a>(&mut self, input: &str, lengths: [usize; 2], outputs: [&'a str; 2]) -> &'a str {
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
    pub(super) fn gemms(&mut self, layer: &Layer, x: &[String]) -> Vec<String> {
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

    pub(super) fn finish(self, input: ValueInfoProto, output: Vec<ValueInfoProto>) -> GraphProto {
        GraphProto {
            node: self.nodes,
            name: "lifter".to_owned(),
            initializer: self.constants,
            input: vec![input],
            output,
        }
    }
}

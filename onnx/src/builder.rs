//! A graph as it grows: nodes and constants, one after the other.

use crate::names::{self, GRAPH, NUMBERS, OUTPUT_LAYER, Plane};
use crate::network::Dense;
use crate::proto::{AttributeProto, GraphProto, NodeProto, TensorProto, ValueInfoProto};
use crate::weights::{Element, Weights};

/// How the same network is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As this crate wrote it first: integers that nodes read (a shape, lengths) are Constant nodes, and 0 has two names. Such
    /// files are still read.
    First,
    /// Every constant is an initialiser, and each stands once: programs that tidy graphs find nothing to do.
    Current,
}

impl Form {
    /// The form of a file of ours with these nodes.
    pub(crate) fn of(nodes: &[NodeProto]) -> Self {
        if nodes.iter().any(|node| node.op_type == "Constant") { Self::First } else { Self::Current }
    }
}

/// Builds a graph, node by node. Nodes are named after their outputs.
#[derive(Debug)]
pub(crate) struct GraphBuilder {
    form: Form,
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
}

impl GraphBuilder {
    pub(crate) fn new(form: Form) -> Self {
        Self { form, nodes: Vec::new(), constants: Vec::new() }
    }

    /// Adds a node and gives back the name of its output.
    pub(crate) fn node(&mut self, op: &str, inputs: &[&str], output: &str) -> String {
        self.node_with(op, inputs, output, Vec::new())
    }

    /// [`Self::node`] with settings.
    pub(crate) fn node_with(
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
        self.nodes.push(NodeProto {
            input: owned(inputs),
            output: owned(outputs),
            name: outputs[0].to_owned(),
            op_type: op.to_owned(),
            attribute,
        });
    }

    /// Adds a constant of these values and gives back its name.
    pub(crate) fn constant<T: Element>(
        &mut self,
        name: &str,
        dims: &[usize],
        values: impl IntoIterator<Item = T>,
    ) -> String {
        self.tensor(name, &Weights::new(dims, values))
    }

    /// Adds a constant, unless it is there already, and gives back its name.
    pub(crate) fn tensor<T: Element>(&mut self, name: &str, weights: &Weights<T>) -> String {
        self.initialiser(weights.to_tensor(name))
    }

    fn initialiser(&mut self, tensor: TensorProto) -> String {
        let name = tensor.name.clone();
        match self.constants.iter().find(|constant| constant.name == name) {
            Some(same) => debug_assert_eq!(*same, tensor, "two constants of one name"),
            None => self.constants.push(tensor),
        }
        name
    }

    /// The constant that a number must equal to be one.
    pub(crate) fn zero_of_numbers(&mut self) -> String {
        let name = match self.form {
            Form::Current => "zero",
            Form::First => "number",
        };
        self.constant(name, &[], [0.0f32])
    }

    /// Adds a Reshape.
    pub(crate) fn reshape(&mut self, input: &str, shape: &[i64], output: &str) {
        let shape = self.integers(&format!("{output}.shape"), shape);
        self.node("Reshape", &[input, &shape], output);
    }

    /// Adds a Flatten, which makes rows.
    pub(crate) fn flatten(&mut self, input: &str, output: &str) {
        self.node_with("Flatten", &[input], output, vec![AttributeProto::integer("axis", 1)]);
    }

    /// Joins rows.
    pub(crate) fn concat(&mut self, inputs: &[&str], output: &str) {
        self.node_with("Concat", inputs, output, vec![AttributeProto::integer("axis", 1)]);
    }

    /// Cuts rows in two.
    pub(crate) fn split(&mut self, input: &str, lengths: [usize; 2], outputs: [&str; 2]) {
        let lengths = self.integers(&format!("{input}.lengths"), &lengths.map(|length| length as i64));
        self.push("Split", &[input, &lengths], &outputs, vec![AttributeProto::integer("axis", 1)]);
    }

    fn integers(&mut self, name: &str, values: &[i64]) -> String {
        let tensor = TensorProto::integers(name, values);
        match self.form {
            Form::Current => self.initialiser(tensor),
            Form::First => self.node_with("Constant", &[], name, vec![AttributeProto::tensor("value", tensor)]),
        }
    }

    /// Adds the layer `name` as one product a plane of `x`, the first with the bias.
    pub(crate) fn dense<T: Element>(&mut self, layer: &Dense<T>, name: &str, x: &[String]) -> Vec<String> {
        let planes = Plane::of(layer.weights.len());
        let mut outputs = Vec::new();
        for ((plane, weights), x) in planes.iter().zip(&layer.weights).zip(x) {
            let own = plane.named(name);
            let weight = self.tensor(&names::weight(&own), weights);
            // The only layer of its plane that nothing follows.
            let output = if own == OUTPUT_LAYER { NUMBERS } else { &own };
            outputs.push(if *plane == planes[0] {
                let bias = self.tensor(&names::bias(&own), &layer.bias);
                self.node("Gemm", &[x, &weight, &bias], output)
            } else {
                self.node("MatMul", &[x, &weight], output)
            });
        }
        outputs
    }

    /// Adds the ReLUs of a layer that gave `z`: of twins, for two planes, which give what twins add up to again.
    pub(crate) fn relu(&mut self, z: &[String], name: &str) -> Vec<String> {
        let [even, odd] = z else { return vec![self.node("Relu", &[&z[0]], &names::relu(name))] };
        let mut twins = Vec::new();
        for (op, twin) in [("Add", "a"), ("Sub", "b")] {
            let twin = self.node(op, &[even, odd], &format!("{name}.{twin}"));
            twins.push(self.node("Relu", &[&twin], &names::relu(&twin)));
        }
        let mut planes = Vec::new();
        for (op, plane) in [("Add", Plane::Even), ("Sub", Plane::Odd)] {
            planes.push(self.node(op, &[&twins[0], &twins[1]], &plane.named(&names::relu(name))));
        }
        planes
    }

    pub(crate) fn finish(self, input: Vec<ValueInfoProto>, output: Vec<ValueInfoProto>) -> GraphProto {
        GraphProto { node: self.nodes, name: GRAPH.to_owned(), initializer: self.constants, input, output }
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

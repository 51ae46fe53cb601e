//! From a model file to its network: reads exactly the output of [`crate::write`], and of its first form ([`Form::First`]).
//!
//! The initialisers determine the network. Its graph is then built anew and compared with the file's, node by node: a
//! file with another node, input, output or initialiser computes something else, and is refused.

use std::collections::BTreeMap;

use crate::builder::Form;
use crate::names::{self, ALL_WEIGHTS, FEATURE_MEAN, INPUT_LAYER, INPUT_NAME, OUTPUT_LAYER, OUTPUT_NAME, Plane};
use crate::network::{Blocks, Dense, Features, Network, QuantisedDense, QuantisedPlane};
use crate::proto::{
    Dimension, DimensionValue, GraphProto, IR_VERSION, ModelProto, NodeProto, OPSET_VERSION, OperatorSetId,
    TensorProto, ValueInfoProto,
};
use crate::weights::{Element, Weights};
use crate::{Error, Memory, Result, memory, write};

/// The network of `model`, its weights views of the file.
///
/// # Errors
/// The first part of the file that is not as [`crate::write`] writes it.
pub(crate) fn network(model: &ModelProto) -> Result<Network> {
    let network = initialisers(model)?;
    network.check()?;
    check_versions(model)?;
    let found = graph(model)?;
    check_graph(found, &write::graph(&network, Form::of(&found.node)))?;
    Ok(network)
}

/// The network that the initialisers of `model` describe; whether its graph computes it is not looked at.
///
/// # Errors
/// An initialiser that is missing or of another shape.
pub(crate) fn initialisers(model: &ModelProto) -> Result<Network> {
    let graph = graph(model)?;
    let named = graph.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
    Initialisers(named).network(graph)
}

fn graph(model: &ModelProto) -> Result<&GraphProto> {
    model.graph.as_ref().ok_or_else(|| Error::at("the file", "holds no graph"))
}

/// The file's initialisers by name.
struct Initialisers<'a>(BTreeMap<&'a str, &'a TensorProto>);

impl Initialisers<'_> {
    /// The network of these initialisers; whether `graph` computes it is not known yet.
    fn network(&self, graph: &GraphProto) -> Result<Network> {
        let planes = if self.has(&names::weight(&Plane::Even.named(INPUT_LAYER))) { 2 } else { 1 };
        let [joints_in, channels] = lengths(&graph.input, INPUT_NAME)?;
        let [joints_out, _axes] = lengths(&graph.output, OUTPUT_NAME)?;
        let relus = Plane::of(planes).iter().map(|plane| plane.named(&names::relu(INPUT_LAYER)));
        let input_relu = relus.into_iter().any(|relu| graph.node.iter().any(|node| node.output.contains(&relu)));
        Ok(Network {
            joints_in,
            channels,
            joints_out,
            sigma: graph.output.len() > 1,
            features: self.features(joints_in * channels)?,
            input: self.dense(INPUT_LAYER, planes)?,
            input_relu,
            blocks: self.blocks(planes)?,
            output: self.dense(OUTPUT_LAYER, planes)?,
            memory: match self.has(&memory::encoder_weight()) {
                true => Some(Memory::read(|layer| self.dense(layer, 1))?),
                false => None,
            },
        })
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn weights<T: Element>(&self, name: &str) -> Result<Weights<T>> {
        let tensor = self.0.get(name).ok_or_else(|| Error::at(format!("the initialiser {name}"), "is not there"))?;
        Weights::of(tensor).ok_or_else(|| {
            let found = format!(
                "is of type {} and has {} bytes for {:?}",
                tensor.data_type,
                tensor.raw_data.len(),
                tensor.dims
            );
            Error::new(name, found, T::NAME)
        })
    }

    /// How key points become features, `numbers` of them a person.
    fn features(&self, numbers: usize) -> Result<Features> {
        if !self.has(ALL_WEIGHTS) {
            return self.weights(FEATURE_MEAN).map(Features::Absolute);
        }
        // Matrices as large as this one are built to be held against the file's: a small file must not ask for large ones.
        let sums: Weights<f32> = self.weights(ALL_WEIGHTS)?;
        if sums.dims() != [numbers, numbers] {
            let found = format!("has the shape {:?}", sums.dims());
            return Err(Error::new(ALL_WEIGHTS, found, format!("{:?}", [numbers, numbers])));
        }
        Ok(Features::Centred)
    }

    fn bias<T: Element>(&self, layer: &str, planes: usize) -> Result<Weights<T>> {
        self.weights(&names::layer_bias(layer, planes))
    }

    fn dense<T: Element>(&self, layer: &str, planes: usize) -> Result<Dense<T>> {
        let weights = Plane::of(planes).iter().map(|plane| self.weights(&names::weight(&plane.named(layer))));
        let bias = self.bias(layer, planes)?;
        Ok(Dense { weights: weights.collect::<Result<_>>()?, bias })
    }

    fn quantised(&self, layer: &str, planes: usize) -> Result<QuantisedDense> {
        let planes_read = Plane::of(planes).iter().map(|plane| self.quantised_plane(&plane.named(layer)));
        Ok(QuantisedDense { planes: planes_read.collect::<Result<_>>()?, bias: self.bias(layer, planes)? })
    }

    fn quantised_plane(&self, name: &str) -> Result<QuantisedPlane> {
        let codes = self.weights(&names::weight(name))?;
        Ok(QuantisedPlane { codes, scales: self.weights(&names::scale(name))? })
    }

    fn blocks(&self, planes: usize) -> Result<Blocks> {
        let first = names::weight(&Plane::of(planes)[0].named(&names::block_layer(0, 0)));
        let data_type = self.0.get(first.as_str()).map(|tensor| tensor.data_type);
        Ok(match data_type {
            Some(i8::DATA_TYPE) => Blocks::Int8(self.all_blocks(planes, |name| self.quantised(name, planes))?),
            Some(half::f16::DATA_TYPE) => Blocks::F16(self.all_blocks(planes, |name| self.dense(name, planes))?),
            _ => Blocks::F32(self.all_blocks(planes, |name| self.dense(name, planes))?),
        })
    }

    /// All layers that are there, block by block, each `read` by its name.
    fn all_blocks<L>(&self, planes: usize, read: impl Fn(&str) -> Result<L>) -> Result<Vec<Vec<L>>> {
        let mut blocks = Vec::new();
        loop {
            let mut block = Vec::new();
            loop {
                let name = names::block_layer(blocks.len(), block.len());
                if !self.has(&names::weight(&Plane::of(planes)[0].named(&name))) {
                    break;
                }
                block.push(read(&name)?);
            }
            if block.is_empty() {
                return Ok(blocks);
            }
            blocks.push(block);
        }
    }
}

/// The most joints, or numbers of a joint, that a file may have.
const MAX_LENGTH: usize = 1 << 16;

/// The fixed lengths of the tensor `name` among `infos`, all but the first.
fn lengths(infos: &[ValueInfoProto], name: &str) -> Result<[usize; 2]> {
    let info = infos.iter().find(|info| info.name == name);
    let tensor = info.and_then(|info| info.r#type.as_ref()?.tensor_type.as_ref()?.shape.as_ref());
    let lengths: Option<Vec<usize>> = tensor.and_then(|shape| shape.dim.iter().skip(1).map(fixed_length).collect());
    let lengths = lengths.and_then(|lengths| <[usize; 2]>::try_from(lengths).ok());
    lengths.ok_or_else(|| Error::new(format!("the tensor {name}"), "is not as expected", "[batch, joints, numbers]"))
}

fn fixed_length(dimension: &Dimension) -> Option<usize> {
    match dimension.value {
        Some(DimensionValue::Fixed(length)) => usize::try_from(length).ok().filter(|length| *length <= MAX_LENGTH),
        _ => None,
    }
}

fn check_versions(model: &ModelProto) -> Result<()> {
    if model.ir_version != IR_VERSION {
        return Err(Error::new("the file", format!("has IR version {}", model.ir_version), IR_VERSION.to_string()));
    }
    let expected = [OperatorSetId { domain: String::new(), version: OPSET_VERSION }];
    if model.opset_import != expected {
        let sets = model.opset_import.iter().map(|set| format!("{} {}", set.domain, set.version));
        let found = format!("uses the operator sets {:?}", sets.collect::<Vec<_>>());
        return Err(Error::new("the file", found, format!("ONNX's own of version {OPSET_VERSION}")));
    }
    Ok(())
}

/// Compares a file's graph with that of its network.
fn check_graph(found: &GraphProto, expected: &GraphProto) -> Result<()> {
    if found.name != expected.name {
        return Err(Error::new("the graph", format!("is called {:?}", found.name), format!("{:?}", expected.name)));
    }
    for index in 0..found.node.len().max(expected.node.len()) {
        let found = found.node.get(index);
        let expected = expected.node.get(index);
        if found != expected {
            let found = format!("is {}", describe_node(found));
            return Err(Error::new(format!("node {index} of the graph"), found, describe_node(expected)));
        }
    }
    for (side, found, expected) in
        [("inputs", &found.input, &expected.input), ("outputs", &found.output, &expected.output)]
    {
        if found != expected {
            let place = format!("the graph's {side}");
            return Err(Error::new(place, format!("are {}", describe_infos(found)), describe_infos(expected)));
        }
    }
    for index in 0..found.initializer.len().max(expected.initializer.len()) {
        let found = found.initializer.get(index);
        let expected = expected.initializer.get(index);
        if !is_same_tensor(found, expected) {
            let place = format!("initialiser {index}");
            let mut expected_words = describe_tensor(expected);
            if found.zip(expected).is_some_and(|(found, expected)| found.name == expected.name) {
                expected_words += " with other contents";
            }
            return Err(Error::new(place, format!("is {}", describe_tensor(found)), expected_words));
        }
    }
    Ok(())
}

/// Whether the two are the same to the bit; views of the same bytes are not compared.
fn is_same_tensor(found: Option<&TensorProto>, expected: Option<&TensorProto>) -> bool {
    let Some(found) = found else { return false };
    let Some(expected) = expected else { return false };
    let is_alike = (&found.name, found.data_type, &found.dims) == (&expected.name, expected.data_type, &expected.dims);
    let own = &found.raw_data;
    let other = &expected.raw_data;
    let is_same_view = own.as_ptr() == other.as_ptr() && own.len() == other.len();
    is_alike && found.float_data.is_empty() && (is_same_view || own == other)
}

fn describe_infos(infos: &[ValueInfoProto]) -> String {
    infos.iter().map(|info| info.name.escape_debug().to_string()).collect::<Vec<_>>().join(", ")
}

fn describe_tensor(tensor: Option<&TensorProto>) -> String {
    tensor.map_or_else(|| "none".to_owned(), |tensor| format!("{} {:?}", tensor.name.escape_debug(), tensor.dims))
}

/// A node in one line, without control characters, whatever the file holds.
fn describe_node(node: Option<&NodeProto>) -> String {
    let Some(node) = node else { return "none".to_owned() };
    let mut words = format!("{}({}) -> {}", node.op_type, node.input.join(", "), node.output.join(", "));
    for attribute in &node.attribute {
        words += &match &attribute.t {
            Some(tensor) => format!(", {} {:?}", attribute.name, &tensor.raw_data[..tensor.raw_data.len().min(24)]),
            None if attribute.ints.is_empty() => format!(", {} {}", attribute.name, attribute.i),
            None => format!(", {} {:?}", attribute.name, attribute.ints),
        };
    }
    words.escape_debug().to_string()
}

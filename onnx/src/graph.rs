//! Inputs, outputs, operators and metadata of an ONNX file, ours or not: for `poselift info` and every refusal of a file.

use std::collections::BTreeMap;

use crate::proto::{self, DimensionValue, FLOAT, GraphProto, ModelProto, ValueInfoProto};

/// Inputs, outputs, operators and metadata of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Graph {
    /// The version of ONNX's own file form.
    pub ir_version: u64,
    /// The version of the standard operators.
    pub opset: u64,
    /// The program that wrote the file.
    pub producer: String,
    /// The tensors that go in, weights left out.
    pub inputs: Vec<Tensor>,
    /// The tensors that come out.
    pub outputs: Vec<Tensor>,
    /// How often each operator occurs.
    pub operators: BTreeMap<String, usize>,
    /// `metadata_props`.
    pub metadata: BTreeMap<String, String>,
}

/// The name and type of a tensor at the graph's edge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// ONNX's number of its element type; [`FLOAT32`] in our models.
    pub element_type: u64,
    /// Its dimensions.
    pub shape: Vec<Dimension>,
}

/// ONNX's number of float32.
pub const FLOAT32: u64 = FLOAT as u64;

/// One dimension of a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dimension {
    /// Always this long.
    Fixed(u64),
    /// Of any length, with its name.
    Dynamic(String),
}

impl std::fmt::Display for Dimension {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fixed(length) => write!(f, "{length}"),
            Self::Dynamic(name) if name.is_empty() => f.write_str("?"),
            Self::Dynamic(name) => f.write_str(name),
        }
    }
}

impl std::fmt::Display for Tensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let element = match self.element_type {
            FLOAT32 => "float32".to_owned(),
            other => format!("type {other}"),
        };
        let shape: Vec<_> = self.shape.iter().map(ToString::to_string).collect();
        write!(f, "{} {element} [{}]", self.name, shape.join(", "))
    }
}

impl Graph {
    pub(crate) fn of(model: &ModelProto, graph: &GraphProto) -> Self {
        let mut operators = BTreeMap::new();
        for node in &graph.node {
            *operators.entry(node.op_type.clone()).or_default() += 1;
        }
        let opset = model.opset_import.iter().rfind(|set| matches!(set.domain.as_str(), "" | "ai.onnx"));
        let metadata = model.metadata_props.iter().map(|entry| (entry.key.clone(), entry.value.clone()));
        Self {
            ir_version: model.ir_version.cast_unsigned(),
            opset: opset.map_or(0, |set| set.version.cast_unsigned()),
            producer: model.producer_name.clone(),
            inputs: graph.input.iter().filter(|info| !is_weight(info, graph)).map(Tensor::of).collect(),
            outputs: graph.output.iter().map(Tensor::of).collect(),
            operators,
            metadata: metadata.collect(),
        }
    }
}

fn is_weight(info: &ValueInfoProto, graph: &GraphProto) -> bool {
    graph.initializer.iter().any(|weight| weight.name == info.name)
}

impl Tensor {
    fn of(info: &ValueInfoProto) -> Self {
        let tensor = info.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref());
        let dims = tensor.and_then(|tensor| tensor.shape.as_ref()).map_or(&[][..], |shape| &shape.dim);
        Self {
            name: info.name.clone(),
            element_type: tensor.map_or(0, |tensor| i64::from(tensor.elem_type).cast_unsigned()),
            shape: dims.iter().map(Dimension::of).collect(),
        }
    }
}

impl Dimension {
    fn of(dimension: &proto::Dimension) -> Self {
        match &dimension.value {
            Some(DimensionValue::Fixed(length)) => Self::Fixed(length.cast_unsigned()),
            Some(DimensionValue::Named(name)) => Self::Dynamic(name.clone()),
            None => Self::Dynamic(String::new()),
        }
    }
}

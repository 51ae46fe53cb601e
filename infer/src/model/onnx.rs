//! Reading what an ONNX file says about itself, without a runtime.
//!
//! A walk over the few protobuf fields that matter (numbers from
//! `onnx.proto3`), so that `poselift info` and every refusal of a file work
//! on machines that have no ONNX Runtime.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// What a file's graph looks like from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Graph {
    /// The version of ONNX's own file form.
    pub ir_version: u64,
    /// The version of the standard operators.
    pub opset: u64,
    /// Who wrote the file.
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
pub const FLOAT32: u64 = 1;

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

/// Reads the outside of an ONNX model; `None` if the bytes are none.
pub(super) fn read_graph(model: &[u8]) -> Option<Graph> {
    let mut graph = Graph::default();
    let mut weights = Vec::new();
    let mut has_graph = false;
    for field in fields(model) {
        match field? {
            (1, Value::Number(version)) => graph.ir_version = version,
            (2, Value::Bytes(name)) => graph.producer = text(name)?,
            (7, Value::Bytes(body)) => {
                has_graph = true;
                read_body(body, &mut graph, &mut weights)?;
            }
            (8, Value::Bytes(opset)) => read_opset(opset, &mut graph)?,
            (14, Value::Bytes(pair)) => {
                graph.metadata.insert(string(pair, 1)?, string(pair, 2)?);
            }
            _ => {}
        }
    }
    graph.inputs.retain(|input| !weights.contains(&input.name));
    (has_graph && graph.ir_version > 0).then_some(graph)
}

/// A tensor of numbers in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Initialiser<'a> {
    /// ONNX's number of its element type.
    pub(super) element_type: u64,
    /// Its elements, little-endian.
    pub(super) bytes: &'a [u8],
}

/// All initialisers by name; `None` if the bytes are no model, or one has its elements in another field than `raw_data`.
pub(super) fn initialisers(model: &[u8]) -> Option<BTreeMap<String, Initialiser<'_>>> {
    let mut found = BTreeMap::new();
    for body in submessages(model, 7) {
        for tensor in submessages(body?, 5) {
            let tensor = tensor?;
            let bytes = submessages(tensor, 9).last()??;
            found.insert(string(tensor, 8)?, Initialiser { element_type: number(tensor, 2)?, bytes });
        }
    }
    Some(found)
}

/// SHA-256 in hex of all initialisers' bytes in the order of the graph; `None` if the bytes are no model.
pub(super) fn weights_sha256(model: &[u8]) -> Option<String> {
    let mut hash = Sha256::new();
    for body in submessages(model, 7) {
        for weights in submessages(body?, 5) {
            for field in fields(weights?) {
                // `raw_data`, or else `float_data` in its packed form: both are little-endian.
                if let (4 | 9, Value::Bytes(bytes)) = field? {
                    hash.update(bytes);
                }
            }
        }
    }
    Some(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn read_body(body: &[u8], graph: &mut Graph, weights: &mut Vec<String>) -> Option<()> {
    for field in fields(body) {
        match field? {
            (1, Value::Bytes(node)) => *graph.operators.entry(string(node, 4)?).or_default() += 1,
            (5, Value::Bytes(tensor)) => weights.push(string(tensor, 8)?),
            (11, Value::Bytes(info)) => graph.inputs.push(read_tensor(info)?),
            (12, Value::Bytes(info)) => graph.outputs.push(read_tensor(info)?),
            _ => {}
        }
    }
    Some(())
}

fn read_opset(opset: &[u8], graph: &mut Graph) -> Option<()> {
    if matches!(string(opset, 1)?.as_str(), "" | "ai.onnx") {
        graph.opset = number(opset, 2)?;
    }
    Some(())
}

fn read_tensor(info: &[u8]) -> Option<Tensor> {
    let mut tensor = Tensor { name: string(info, 1)?, ..Tensor::default() };
    for kind in submessages(info, 2) {
        for tensor_type in submessages(kind?, 1) {
            let tensor_type = tensor_type?;
            tensor.element_type = number(tensor_type, 1)?;
            for shape in submessages(tensor_type, 2) {
                for dimension in submessages(shape?, 1) {
                    tensor.shape.push(read_dimension(dimension?)?);
                }
            }
        }
    }
    Some(tensor)
}

fn read_dimension(dimension: &[u8]) -> Option<Dimension> {
    let mut found = Dimension::Dynamic(String::new());
    for field in fields(dimension) {
        match field? {
            (1, Value::Number(length)) => found = Dimension::Fixed(length),
            (2, Value::Bytes(name)) => found = Dimension::Dynamic(text(name)?),
            _ => {}
        }
    }
    Some(found)
}

/// The value of a protobuf field.
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Fixed,
}

/// The fields of a protobuf message in order; a `None` item where the bytes are none.
fn fields(mut rest: &[u8]) -> impl Iterator<Item = Option<(u64, Value<'_>)>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let field = next_field(&mut rest);
        if field.is_none() {
            rest = &[];
        }
        Some(field)
    })
}

fn next_field<'a>(rest: &mut &'a [u8]) -> Option<(u64, Value<'a>)> {
    let tag = varint(rest)?;
    let value = match tag & 7 {
        0 => Value::Number(varint(rest)?),
        1 => rest.split_off(..8).map(|_| Value::Fixed)?,
        2 => {
            let length = usize::try_from(varint(rest)?).ok()?;
            Value::Bytes(rest.split_off(..length)?)
        }
        5 => rest.split_off(..4).map(|_| Value::Fixed)?,
        _ => return None,
    };
    (tag >> 3 != 0).then_some((tag >> 3, value))
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *rest.split_off_first()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn submessages(message: &[u8], wanted: u64) -> impl Iterator<Item = Option<&[u8]>> {
    fields(message).filter_map(move |field| match field {
        Some((found, Value::Bytes(bytes))) if found == wanted => Some(Some(bytes)),
        Some(_) => None,
        None => Some(None),
    })
}

/// The last string in field `wanted`, empty if there is none.
fn string(message: &[u8], wanted: u64) -> Option<String> {
    submessages(message, wanted).last().map_or(Some(String::new()), |bytes| text(bytes?))
}

/// The last number in field `wanted`, 0 if there is none.
fn number(message: &[u8], wanted: u64) -> Option<u64> {
    let mut found = 0;
    for field in fields(message) {
        if let (field, Value::Number(value)) = field?
            && field == wanted
        {
            found = value;
        }
    }
    Some(found)
}

fn text(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

    use super::super::small_model::SmallModel;
    use super::*;

    #[test]
    fn reads_the_outside_of_a_model() {
        let graph = read_graph(&SmallModel::default().to_bytes()).unwrap();
        assert_eq!((graph.ir_version, graph.opset), (8, 17));
        assert_eq!(graph.inputs.len(), 1);
        assert_eq!(graph.inputs[0].to_string(), "keypoints float32 [batch, 17, 3]");
        assert_eq!(graph.outputs[0].to_string(), "pose float32 [batch, 17, 3]");
        assert_eq!(graph.operators["Gemm"], 1);
        assert!(graph.metadata.contains_key("poselift.card"));
    }

    #[test]
    fn a_cut_off_model_is_none_and_no_panic() {
        let bytes = SmallModel::default().to_bytes();
        for length in 0..bytes.len().min(400) {
            let _ = (read_graph(&bytes[..length]), weights_sha256(&bytes[..length]));
        }
        assert_eq!(read_graph(&bytes[..bytes.len() / 2]), None);
        assert_eq!(read_graph(b"hello, world"), None);
        assert_eq!(read_graph(b""), None);
    }

    #[test]
    fn weights_are_hashed_in_order() {
        let one = SmallModel::default();
        let other = SmallModel { scale: 0.002, ..SmallModel::default() };
        let hash = |model: &SmallModel| weights_sha256(&model.to_bytes()).unwrap();
        assert_eq!(hash(&one).len(), 64);
        assert_eq!(hash(&one), hash(&SmallModel { with_card: false, ..SmallModel::default() }));
        assert_ne!(hash(&one), hash(&other));
    }
}

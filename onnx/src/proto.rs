//! The few protobuf messages of ONNX that a model file consists of.
//!
//! Field numbers are those of `onnx.proto` (ONNX 1.12, IR version 8, Apache-2.0);
//! messages and fields that we never write are left out, which protobuf allows
//! in both directions. Tensors are views of the file: reading copies no weights.
//! Nothing here knows about poses.

use bytes::Bytes;
use prost::Message;

use crate::weights::{Element, Weights};

/// The IR version that goes with opset 17 and that every common runtime reads.
pub const IR_VERSION: i64 = 8;

/// The version of the operator set.
pub const OPSET_VERSION: i64 = 17;

/// `TensorProto.DataType.FLOAT`.
pub(crate) const FLOAT: i32 = 1;

/// `TensorProto.DataType.UINT8`.
pub(crate) const UINT8: i32 = 2;

/// `TensorProto.DataType.INT8`.
pub(crate) const INT8: i32 = 3;

/// `TensorProto.DataType.INT32`.
pub(crate) const INT32: i32 = 6;

/// `TensorProto.DataType.INT64`.
const INT64: i32 = 7;

/// `TensorProto.DataType.FLOAT16`.
pub(crate) const FLOAT16: i32 = 10;

/// `AttributeProto.AttributeType.INT`.
const ATTRIBUTE_INT: i32 = 2;

/// `AttributeProto.AttributeType.TENSOR`.
const ATTRIBUTE_TENSOR: i32 = 4;

/// `AttributeProto.AttributeType.INTS`.
const ATTRIBUTE_INTS: i32 = 7;

/// A whole file.
#[derive(Clone, PartialEq, Message)]
pub struct ModelProto {
    /// [`IR_VERSION`].
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    /// The program that wrote the file.
    #[prost(string, tag = "2")]
    pub producer_name: String,
    /// Its version.
    #[prost(string, tag = "3")]
    pub producer_version: String,
    /// The nodes and constants.
    #[prost(message, optional, tag = "7")]
    pub graph: Option<GraphProto>,
    /// The sets of operators that the nodes are from.
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSetId>,
    /// Free key-value pairs; the card lives here.
    #[prost(message, repeated, tag = "14")]
    pub metadata_props: Vec<StringStringEntry>,
}

/// An operator set; the empty domain is ONNX's own.
#[derive(Clone, PartialEq, Message)]
pub struct OperatorSetId {
    /// Empty for ONNX's own operators.
    #[prost(string, tag = "1")]
    pub domain: String,
    /// [`OPSET_VERSION`].
    #[prost(int64, tag = "2")]
    pub version: i64,
}

/// One key with its value.
#[derive(Clone, PartialEq, Message)]
pub struct StringStringEntry {
    /// The key.
    #[prost(string, tag = "1")]
    pub key: String,
    /// The value.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// Nodes in the order that they are computed in, with the constants they read.
#[derive(Clone, PartialEq, Message)]
pub struct GraphProto {
    /// The computation; a node reads only what stands before it.
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<NodeProto>,
    /// The graph's name.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Constants, named.
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<TensorProto>,
    /// The tensors that the caller gives.
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfoProto>,
    /// The tensors that the caller gets.
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfoProto>,
}

/// One operator applied to named tensors.
#[derive(Clone, PartialEq, Message)]
pub struct NodeProto {
    /// Names of the tensors that it reads.
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    /// Names of the tensors that it makes.
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    /// Its own name.
    #[prost(string, tag = "3")]
    pub name: String,
    /// `Gemm`, `Relu`, ….
    #[prost(string, tag = "4")]
    pub op_type: String,
    /// Its settings.
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<AttributeProto>,
}

/// One setting of a node: an integer, some integers or a tensor.
#[derive(Clone, PartialEq, Message)]
pub struct AttributeProto {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The integer, if it is one.
    #[prost(int64, tag = "3")]
    pub i: i64,
    /// The tensor, if it is one.
    #[prost(message, optional, tag = "5")]
    pub t: Option<TensorProto>,
    /// The integers, if it is some; not packed, as proto2 has it by default.
    #[prost(int64, repeated, packed = "false", tag = "8")]
    pub ints: Vec<i64>,
    /// Which of the three it is.
    #[prost(int32, tag = "20")]
    pub r#type: i32,
}

/// A constant tensor.
#[derive(Clone, PartialEq, Message)]
pub struct TensorProto {
    /// Its shape; not packed, as proto2 has it by default: rten reads nothing else.
    #[prost(int64, repeated, packed = "false", tag = "1")]
    pub dims: Vec<i64>,
    /// The type of its elements.
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    /// Its name.
    #[prost(string, tag = "8")]
    pub name: String,
    /// Its elements where other programs write float32 so; we never do.
    #[prost(float, repeated, tag = "4")]
    pub float_data: Vec<f32>,
    /// Its elements, little-endian, the last dimension fastest.
    #[prost(bytes = "bytes", tag = "9")]
    pub raw_data: Bytes,
}

/// The name and type of an input or output.
#[derive(Clone, PartialEq, Message)]
pub struct ValueInfoProto {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its type.
    #[prost(message, optional, tag = "2")]
    pub r#type: Option<TypeProto>,
}

/// A type; of ONNX's kinds we only use tensors.
#[derive(Clone, PartialEq, Message)]
pub struct TypeProto {
    /// The tensor's type.
    #[prost(message, optional, tag = "1")]
    pub tensor_type: Option<TensorType>,
}

/// `TypeProto.Tensor`.
#[derive(Clone, PartialEq, Message)]
pub struct TensorType {
    /// The type of its elements.
    #[prost(int32, tag = "1")]
    pub elem_type: i32,
    /// Its shape.
    #[prost(message, optional, tag = "2")]
    pub shape: Option<TensorShapeProto>,
}

/// A shape.
#[derive(Clone, PartialEq, Message)]
pub struct TensorShapeProto {
    /// Its dimensions.
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<Dimension>,
}

/// One dimension: a number, or a name for what the caller decides.
#[derive(Clone, PartialEq, Message)]
pub struct Dimension {
    /// Number or name.
    #[prost(oneof = "DimensionValue", tags = "1, 2")]
    pub value: Option<DimensionValue>,
}

/// The two kinds of [`Dimension`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum DimensionValue {
    /// A fixed length.
    #[prost(int64, tag = "1")]
    Fixed(i64),
    /// A length by name, `batch`.
    #[prost(string, tag = "2")]
    Named(String),
}

impl TensorProto {
    /// A tensor of shape `dims`.
    pub fn new<T: Element>(name: &str, dims: &[usize], values: impl IntoIterator<Item = T>) -> Self {
        Weights::new(dims, values).to_tensor(name)
    }

    /// An int64 vector.
    pub fn integers(name: &str, values: &[i64]) -> Self {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { dims: vec![values.len() as i64], data_type: INT64, name: name.to_owned(), raw_data, ..Self::default() }
    }
}

impl AttributeProto {
    /// An integer setting.
    pub fn integer(name: &str, value: i64) -> Self {
        Self { name: name.to_owned(), i: value, r#type: ATTRIBUTE_INT, ..Self::default() }
    }

    /// A setting of several integers.
    pub fn integers(name: &str, values: &[i64]) -> Self {
        Self { name: name.to_owned(), ints: values.to_vec(), r#type: ATTRIBUTE_INTS, ..Self::default() }
    }

    /// A `to` setting of a Cast to float32.
    pub fn to_float() -> Self {
        Self::integer("to", i64::from(FLOAT))
    }

    /// A `to` setting of a Cast to float16.
    pub fn to_float16() -> Self {
        Self::integer("to", i64::from(FLOAT16))
    }

    /// A tensor setting.
    pub fn tensor(name: &str, value: TensorProto) -> Self {
        Self { name: name.to_owned(), t: Some(value), r#type: ATTRIBUTE_TENSOR, ..Self::default() }
    }
}

impl ValueInfoProto {
    /// A float32 tensor `[batch, dims…]`, its first dimension open.
    pub fn batch_of_floats(name: &str, dims: &[usize]) -> Self {
        let open = DimensionValue::Named("batch".to_owned());
        let fixed = signed(dims).into_iter().map(DimensionValue::Fixed);
        let dim = std::iter::once(open).chain(fixed).map(|value| Dimension { value: Some(value) }).collect();
        let tensor_type = TensorType { elem_type: FLOAT, shape: Some(TensorShapeProto { dim }) };
        Self { name: name.to_owned(), r#type: Some(TypeProto { tensor_type: Some(tensor_type) }) }
    }
}

impl ModelProto {
    /// The bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.encode_to_vec()
    }

    /// A file around `graph` by `producer`, with one entry of metadata, `key` and `value`.
    pub fn new(graph: GraphProto, producer: &str, key: &str, value: String) -> Self {
        Self {
            ir_version: IR_VERSION,
            producer_name: producer.to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(graph),
            opset_import: vec![OperatorSetId { domain: String::new(), version: OPSET_VERSION }],
            metadata_props: vec![StringStringEntry { key: key.to_owned(), value }],
        }
    }
}

fn signed(dims: &[usize]) -> Vec<i64> {
    dims.iter().map(|&dim| dim as i64).collect()
}

#[cfg(test)]
mod tests {
    use half::f16;

    use super::*;

    #[test]
    fn field_numbers_are_those_of_the_standard() {
        // Written out by hand: key = field << 3 | wire type (0 number, 2 length-delimited).
        let tensor = TensorProto::new("w", &[1, 1], [1.0f32]);
        let expected = [
            &[0x08, 1, 0x08, 1][..], // dims (1), one by one
            &[0x10, 1],              // data_type (2) FLOAT
            &[0x42, 1, b'w'],        // name (8)
            &[0x4a, 4, 0, 0, 0x80, 0x3f],
        ]
        .concat();
        assert_eq!(tensor.encode_to_vec(), expected);

        let attribute = AttributeProto::to_float();
        assert_eq!(attribute.encode_to_vec(), [&[0x0a, 2][..], b"to", &[0x18, 1, 0xa0, 0x01, 2]].concat());

        let axes = AttributeProto::integers("axes", &[1, 2]).encode_to_vec();
        assert_eq!(axes, [&[0x0a, 4][..], b"axes", &[0x40, 1, 0x40, 2, 0xa0, 0x01, 7]].concat());

        let float16 = TensorProto::new("h", &[1], [f16::ONE]);
        assert_eq!((float16.data_type, &float16.raw_data[..]), (10, &[0, 0x3c][..]));
        let codes = TensorProto::new("s", &[2], [-1i8, 63]);
        assert_eq!((codes.data_type, &codes.raw_data[..]), (3, &[0xff, 63][..]));
        assert_eq!(TensorProto::new("z", &[], [128u8]).data_type, 2);

        let graph = GraphProto { name: "g".into(), ..Default::default() };
        let model = ModelProto::new(graph, "p", "k", "v".into()).encode_to_vec();
        assert!(model.starts_with(&[0x08, 8, 0x12]), "ir_version (1) = 8, then producer_name (2)");
        let tail = [&[0x3a, 3, 0x12, 1, b'g'][..], &[0x42, 2, 0x10, 17], &[0x72, 6, 0x0a, 1, b'k', 0x12, 1, b'v']];
        assert!(model.ends_with(&tail.concat()), "graph (7), opset_import (8), metadata_props (14)");
    }

    #[test]
    fn the_first_dimension_is_open() {
        let bytes = ValueInfoProto::batch_of_floats("pose", &[17, 3]).encode_to_vec();
        let dims = [&[0x0a, 7, 0x12, 5][..], b"batch", &[0x0a, 2, 0x08, 17], &[0x0a, 2, 0x08, 3]].concat();
        assert!(bytes.ends_with(&dims), "{bytes:02x?}");
    }
}

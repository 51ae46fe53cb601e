//! What the few functions that a pickle may call would do: arrays, their element types, bytes.

use std::borrow::Cow;

use super::{Id, Value};
use crate::error::{Error, Result};
use crate::format::array::{Array, Dtype};

/// The longest name of an element type.
const MAX_DTYPE: usize = 64;

/// A function that a pickle of arrays names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    /// `numpy.core.multiarray._reconstruct`: an array, to be filled by BUILD.
    Reconstruct,
    /// `numpy.core.numeric._frombuffer`: an array from its bytes (protocol 5).
    FromBuffer,
    /// `numpy.core.multiarray.scalar`.
    Scalar,
    /// `numpy.ndarray`, only ever handed to `_reconstruct`.
    NdArray,
    /// `numpy.dtype`.
    Dtype,
    /// `_codecs.encode`: bytes as Python 3 writes them for Python 2.
    Encode,
    /// `bytes()`: as it writes empty ones.
    EmptyBytes,
    /// `collections.OrderedDict()`.
    OrderedDict,
}

/// What an array is made of; each but the order is a value of the pickle.
#[derive(Debug, Clone)]
pub(super) struct ArrayParts {
    shape: Id,
    dtype: Id,
    data: Id,
    order: Order,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// The last axis runs fastest.
    C,
    /// The first axis runs fastest.
    Fortran,
    /// The axes of an array in C's order stand in the order of this tuple.
    Axes(Id),
}

impl Function {
    /// The function `module.name`, if it is one of ours.
    ///
    /// # Errors
    /// Any other; running it is what the pickle wants.
    pub(super) fn by_name(module: &str, name: &str) -> Result<Self> {
        Ok(match (module, name) {
            ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => Self::Reconstruct,
            ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") => Self::Scalar,
            ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer") => Self::FromBuffer,
            ("numpy", "ndarray") => Self::NdArray,
            ("numpy", "dtype") => Self::Dtype,
            ("_codecs", "encode") => Self::Encode,
            ("__builtin__" | "builtins", "bytes") => Self::EmptyBytes,
            ("collections", "OrderedDict") => Self::OrderedDict,
            _ => {
                let name: String = format!("{module}.{name}").escape_default().take(200).collect();
                return Err(Error::input(format!("a pickle that wants to run `{name}`; refused"))
                    .hint("save a dictionary of NumPy arrays, nothing else"));
            }
        })
    }

    /// Its result for these arguments.
    ///
    /// # Errors
    /// Arguments that NumPy does not write.
    pub(super) fn call<'a>(self, values: &[Value<'a>], arguments: &[Id]) -> Result<Value<'a>> {
        match (self, arguments) {
            (Self::Reconstruct, [class, _, _]) if matches!(values[*class], Value::Function(Self::NdArray)) => {
                Ok(Value::Array(None))
            }
            (Self::FromBuffer, [data, dtype, shape, order, axes @ ..]) if axes.len() <= 1 => {
                let order = match (&values[*order], axes) {
                    (Value::Text(order), _) if order == "C" => Order::C,
                    (Value::Text(order), _) if order == "F" => Order::Fortran,
                    (Value::Text(order), [axes]) if order == "K" => Order::Axes(*axes),
                    _ => return Err(Error::input("an array of unknown order in the pickle")),
                };
                Ok(Value::Array(Some(ArrayParts { shape: *shape, dtype: *dtype, data: *data, order })))
            }
            (Self::Scalar, [_, _]) => Ok(Value::Scalar),
            (Self::Dtype, [name, ..]) => match values[*name].text() {
                Some(name) => dtype(&name),
                None => Err(Error::input(format!("an element type named by {}", values[*name].describe()))),
            },
            (Self::Encode, [text, encoding]) => match (&values[*text], &values[*encoding]) {
                (Value::Text(_), Value::Text(encoding)) if encoding == "latin1" => Ok(Value::Latin1(*text)),
                _ => Err(Error::input("text in the pickle is encoded otherwise than in latin1")),
            },
            (Self::EmptyBytes, []) => Ok(Value::Bytes(&[])),
            (Self::OrderedDict, []) => Ok(Value::Dict(Vec::new())),
            _ => Err(Error::input(format!("a pickle that calls {self:?} as NumPy does not; refused"))),
        }
    }
}

/// The element type called `name`; each keeps a name of its own, so that long ones would fill the memory.
fn dtype<'a>(name: &str) -> Result<Value<'a>> {
    if name.len() > MAX_DTYPE {
        return Err(Error::input(format!("an element type with a name of {} bytes in the pickle", name.len())));
    }
    Ok(Value::Dtype { name: name.to_owned(), big_endian: false })
}

/// BUILD: `target` with the `state` that was kept for it.
///
/// # Errors
/// Anything but an array or an element type, or a state that NumPy does not write.
pub(super) fn build<'a>(values: &[Value<'a>], target: Id, state: Id) -> Result<Value<'a>> {
    let Value::Tuple(state) = &values[state] else { return Err(unknown_state()) };
    match (&values[target], &state[..]) {
        // Version 1; version 0 leaves its number out.
        (Value::Array(None), [_, shape, dtype, fortran, data] | [shape, dtype, fortran, data]) => {
            let order = match values[*fortran] {
                Value::Bool(true) | Value::Int(1) => Order::Fortran,
                Value::Bool(false) | Value::Int(0) => Order::C,
                _ => return Err(unknown_state()),
            };
            Ok(Value::Array(Some(ArrayParts { shape: *shape, dtype: *dtype, data: *data, order })))
        }
        (Value::Dtype { name, .. }, [_version, order, ..]) => {
            let big_endian = values[*order].text().ok_or_else(unknown_state)? == ">";
            Ok(Value::Dtype { name: name.clone(), big_endian })
        }
        (other, _) => {
            Err(Error::input(format!("a pickle that wants to set the state of {}; refused", other.describe())))
        }
    }
}

fn unknown_state() -> Error {
    Error::input("a state in the pickle that NumPy does not write")
}

/// The array that value `id` is; the message of an error goes on behind the array's name.
///
/// # Errors
/// Another value, elements that are no numbers, bytes that do not fit the shape.
pub(super) fn resolve(values: &[Value<'_>], id: Id) -> Result<Array> {
    let Value::Array(Some(parts)) = &values[id] else {
        return Err(Error::input(format!("is {}, expected a NumPy array", values[id].describe())));
    };
    let Value::Dtype { name, big_endian } = &values[parts.dtype] else {
        return Err(Error::input("has no element type"));
    };
    let dtype = Dtype::parse(name)?.in_byte_order(*big_endian);
    let shape = sizes(values, parts.shape)?;
    let bytes = bytes(values, parts.data)?;
    match parts.order {
        Order::C => Array::from_bytes(shape, dtype, false, &bytes),
        Order::Fortran => Array::from_bytes(shape, dtype, true, &bytes),
        Order::Axes(axes) => {
            let axes = sizes(values, axes)?;
            Array::from_bytes(shape, dtype, false, &bytes)?.transposed(&axes)
        }
    }
}

/// The values in the array of Python objects that value `id` is; `None` for any other value.
pub(super) fn objects<'v>(values: &'v [Value<'_>], id: Id) -> Option<&'v [Id]> {
    let Value::Array(Some(parts)) = &values[id] else { return None };
    match (&values[parts.dtype], &values[parts.data]) {
        (Value::Dtype { name, .. }, Value::List(elements)) if name.starts_with('O') => Some(elements),
        _ => None,
    }
}

/// A tuple of lengths.
fn sizes(values: &[Value<'_>], id: Id) -> Result<Vec<usize>> {
    match &values[id] {
        Value::Tuple(sides) if sides.len() <= 32 => sides.iter().map(|side| length(&values[*side])).collect(),
        _ => Err(no_shape()),
    }
}

fn length(side: &Value<'_>) -> Result<usize> {
    match side {
        Value::Int(side) => usize::try_from(*side).map_err(|_| no_shape()),
        _ => Err(no_shape()),
    }
}

fn no_shape() -> Error {
    Error::input("has a shape that is no tuple of numbers")
}

fn bytes<'v>(values: &'v [Value<'_>], id: Id) -> Result<Cow<'v, [u8]>> {
    match &values[id] {
        Value::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
        Value::Latin1(text) => match &values[*text] {
            Value::Text(text) => latin1(text).map(Cow::Owned),
            other => Err(no_bytes(other)),
        },
        other => Err(no_bytes(other)),
    }
}

/// The bytes that a text stands for.
fn latin1(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for letter in text.chars() {
        let byte = u8::try_from(u32::from(letter)).map_err(|_| Error::input("holds text that is not Latin-1"))?;
        bytes.push(byte);
    }
    Ok(bytes)
}

fn no_bytes(found: &Value<'_>) -> Error {
    Error::input(format!("holds {}, expected the bytes of numbers", found.describe()))
}

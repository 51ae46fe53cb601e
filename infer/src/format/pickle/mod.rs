//! Python pickles, parsed as data.
//!
//! A pickle is a program for a small machine, one of whose instructions calls
//! any function of any module. This one knows the handful of functions that
//! rebuild NumPy arrays, does itself what they would do, and refuses a file
//! that names another. Values live in one flat list and refer to each other by
//! number, so that no nesting can exhaust the stack, and bytes are left in the
//! file until an array is asked for, so that a small file cannot fill memory.

mod input;
mod machine;
mod nested;
mod numpy;
mod plain;

use std::borrow::Cow;

pub(super) use nested::nested_arrays;
pub(super) use plain::{Plain, plain};

use machine::Machine;
use numpy::{ArrayParts, Function};

use super::array::Array;
use crate::error::{Error, Result};

/// A value's number in [`Pickle::values`].
type Id = usize;

/// One value.
#[derive(Debug)]
enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    /// A number that no array is made of: floats, long integers.
    OtherNumber,
    Text(Cow<'a, str>),
    Bytes(&'a [u8]),
    /// The bytes that a text stands for in Latin-1; how Python 3 writes bytes for Python 2.
    Latin1(Id),
    List(Vec<Id>),
    Tuple(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Set,
    Function(Function),
    /// NumPy's name of an element type, and its byte order once that is told.
    Dtype {
        name: String,
        big_endian: bool,
    },
    /// An array, and what it is made of once that is told.
    Array(Option<ArrayParts>),
    /// A single NumPy number.
    Scalar,
}

impl Value<'_> {
    /// What it is, for messages.
    fn describe(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "a truth value",
            Self::Int(_) | Self::OtherNumber | Self::Scalar => "a number",
            Self::Text(_) => "a text",
            Self::Bytes(_) | Self::Latin1(_) => "bytes",
            Self::List(_) => "a list",
            Self::Tuple(_) => "a tuple",
            Self::Dict(_) => "a dictionary",
            Self::Set => "a set",
            Self::Function(_) => "a function",
            Self::Dtype { .. } => "an element type",
            Self::Array(_) => "an array",
        }
    }

    /// The text that it is, if it is one.
    fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text)),
            // Python 2's texts are bytes.
            Self::Bytes(bytes) => Some(String::from_utf8_lossy(bytes)),
            _ => None,
        }
    }
}

/// A pickled dictionary.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    values: Vec<Value<'a>>,
    /// Keys that are texts, in the file's order.
    entries: Vec<(String, Id)>,
}

impl<'a> Pickle<'a> {
    /// Parses a pickle of protocol 0 to 5 that holds a dictionary.
    ///
    /// # Errors
    /// Bytes that are no pickle, are cut off, or want to run anything; something else than a dictionary.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self> {
        let (values, root) = Machine::run(bytes)?;
        let Value::Dict(pairs) = &values[root] else {
            let found = values[root].describe();
            return Err(Error::input(format!("the pickle holds {found}, expected a dictionary of arrays")));
        };
        let entries =
            pairs.iter().filter_map(|(key, value)| Some((values[*key].text()?.into_owned(), *value))).collect();
        Ok(Self { values, entries })
    }

    /// The dictionary's keys, in its order.
    pub(super) fn keys(&self) -> Vec<String> {
        self.entries.iter().map(|(key, _)| key.clone()).collect()
    }

    /// The array under `key`, if there is that key.
    ///
    /// # Errors
    /// Something else than an array of numbers under that key.
    pub(super) fn array(&self, key: &str) -> Result<Option<Array>> {
        // Of equal keys Python keeps the last one's value.
        let Some((_, id)) = self.entries.iter().rev().find(|(name, _)| name == key) else { return Ok(None) };
        let array = numpy::resolve(&self.values, *id).map_err(|e| Error::input(format!("'{key}' {e}")))?;
        Ok(Some(array))
    }
}

#[cfg(test)]
mod tests;

//! An inference as REST clients ask for it: JSON, with binary tensors behind it where the JSON says so.

use std::borrow::Cow;
use std::fmt;

use axum::body::Bytes;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};

use crate::failure::Failure;
use crate::inference::InferenceRequest;
use crate::model::{Parameter, Parameters};
use crate::tensor::Tensor;

/// A request, and how its answer shall look.
#[derive(Debug)]
pub(super) struct RestRequest {
    pub(super) inference: InferenceRequest,
    pub(super) form: Form,
}

/// How an answer is written.
#[derive(Debug, Default)]
pub(super) struct Form {
    /// The request's name, which the answer bears too.
    pub(super) id: Option<String>,
    /// Whether outputs are binary that the request does not name.
    pub(super) is_binary: bool,
    /// The outputs that the request names, and whether each is binary.
    pub(super) named: Vec<(String, bool)>,
}

impl Form {
    /// Whether the output `name` is binary.
    pub(super) fn is_binary_output(&self, name: &str) -> bool {
        let named = self.named.iter().find(|(named, _)| named == name);
        named.map_or(self.is_binary, |(_, is_binary)| *is_binary)
    }
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(default)]
    parameters: Parameters,
    #[serde(borrow)]
    inputs: Vec<Input<'a>>,
    #[serde(borrow, default)]
    outputs: Vec<Output<'a>>,
}

#[derive(Deserialize)]
struct Input<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    shape: Vec<i64>,
    #[serde(borrow)]
    datatype: Cow<'a, str>,
    #[serde(default)]
    parameters: Parameters,
    data: Option<Values>,
}

#[derive(Deserialize)]
struct Output<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(default)]
    parameters: Parameters,
}

/// Reads a body whose first `json_length` bytes are JSON, or all of it.
pub(super) fn read(body: &Bytes, json_length: Option<usize>) -> Result<RestRequest, Failure> {
    let length = json_length.unwrap_or(body.len());
    let Some((json, mut binary)) = body.split_at_checked(length) else {
        let found = body.len();
        return Err(Failure::request(format!("the body has {found} bytes, expected {length} of JSON alone")));
    };
    let Body { id, mut parameters, inputs, outputs } = serde_json::from_slice(json)
        .map_err(|error| Failure::request(format!("the body is no request of the protocol: {error}")))?;
    let inputs = inputs.into_iter().map(|input| tensor(input, &mut binary)).collect::<Result<Vec<_>, _>>()?;
    if !binary.is_empty() {
        let found = binary.len();
        return Err(Failure::request(format!("{found} bytes behind the last tensor, expected none")));
    }
    let is_binary = is_true(parameters.remove("binary_data_output").as_ref());
    let named = outputs.into_iter().map(|Output { name, parameters }| {
        let own = parameters.get("binary_data");
        (name.into_owned(), own.map_or(is_binary, |own| is_true(Some(own))))
    });
    let form = Form { id: id.map(Cow::into_owned), is_binary, named: named.collect() };
    let outputs = form.named.iter().map(|(name, _)| name.clone()).collect();
    Ok(RestRequest { inference: InferenceRequest { inputs, outputs, parameters, ..InferenceRequest::default() }, form })
}

fn is_true(parameter: Option<&Parameter>) -> bool {
    parameter == Some(&Parameter::Bool(true))
}

/// The tensor of `input`, whose bytes are the next of `binary` where it has no values.
fn tensor(input: Input<'_>, binary: &mut &[u8]) -> Result<Tensor, Failure> {
    let Input { name, shape, datatype, parameters, data } = input;
    let values = match (data, parameters.get("binary_data_size")) {
        (Some(Values(values)), None) => values,
        (None, Some(&Parameter::Int(size))) => {
            let size = usize::try_from(size).ok();
            let split = size.and_then(|size| binary.split_at_checked(size));
            let Some((own, rest)) = split else {
                let found = binary.len();
                return Err(Failure::request(format!(
                    "input '{name}': {found} bytes are left of what it says to have"
                )));
            };
            *binary = rest;
            // Another datatype has other sizes, and is refused by its name.
            if datatype == crate::tensor::DATATYPE { Tensor::values_of(&name, own)? } else { Vec::new() }
        }
        _ => return Err(Failure::request(format!("input '{name}': expected either data or binary_data_size"))),
    };
    Tensor::of_client(name.into_owned(), &datatype, &shape, values)
}

/// Numbers in any nesting of lists; null is NaN, as answers have it.
struct Values(Vec<f32>);

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut values = Vec::new();
        Flat(&mut values).deserialize(deserializer)?;
        Ok(Self(values))
    }
}

/// Appends what it meets.
struct Flat<'a>(&'a mut Vec<f32>);

impl<'de> DeserializeSeed<'de> for Flat<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Flat<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("numbers, in lists")
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        self.0.push(value as f32);
        Ok(())
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.visit_f64(value as f64)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.visit_f64(value as f64)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.visit_f64(f64::NAN)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        Err(E::custom(format!("found the text {value:?}, expected a number")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Flat(self.0))?.is_some() {}
        if self.0.len() > u32::MAX as usize {
            return Err(A::Error::custom("more elements than any model takes"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<RestRequest, Failure> {
        read(&Bytes::from(text.to_owned()), None)
    }

    #[test]
    fn flat_and_nested_values_are_the_same() {
        let body =
            |data: &str| format!(r#"{{"inputs":[{{"name":"x","shape":[2,2],"datatype":"FP32","data":{data}}}]}}"#);
        for data in ["[1, 2.5, -3, 4e1]", "[[1, 2.5], [-3, 40]]", "[[[1], [2.5]], [[-3, 40.0]]]"] {
            let read = read_text(&body(data)).unwrap();
            assert_eq!(read.inference.inputs[0].values, [1.0, 2.5, -3.0, 40.0], "{data}");
        }
        let read = read_text(&body("[1, null, 3, 4]")).unwrap();
        assert!(read.inference.inputs[0].values[1].is_nan());
        for data in ["[1, 2, 3]", "[1, 2, 3, \"4\"]", "[1, 2, 3, {}]", "[1, 2, 3, 4", "[true, 1, 2, 3]"] {
            assert!(read_text(&body(data)).is_err(), "{data}");
        }
    }

    #[test]
    fn binary_tensors_follow_the_json_in_their_order() {
        let json = r#"{"id":"7","parameters":{"binary_data_output":true},"inputs":[
            {"name":"a","shape":[1],"datatype":"FP32","parameters":{"binary_data_size":4}},
            {"name":"b","shape":[2],"datatype":"FP32","data":[8,9]},
            {"name":"c","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}}],
            "outputs":[{"name":"p"},{"name":"q","parameters":{"binary_data":false}}]}"#;
        let mut body = json.as_bytes().to_vec();
        for value in [1f32, 2.0, 3.0] {
            body.extend(value.to_le_bytes());
        }
        let read_all = |body: &[u8]| read(&Bytes::copy_from_slice(body), Some(json.len()));
        let RestRequest { inference, form } = read_all(&body).unwrap();
        let values: Vec<&[f32]> = inference.inputs.iter().map(|input| &input.values[..]).collect();
        assert_eq!(values, [&[1.0][..], &[8.0, 9.0], &[2.0, 3.0]]);
        assert_eq!(form.named, [("p".to_owned(), true), ("q".to_owned(), false)]);
        assert_eq!(form.id.as_deref(), Some("7"));
        assert!(!inference.parameters.contains_key("binary_data_output"));
        assert!(read_all(&body[..body.len() - 1]).unwrap_err().message.contains("'c': 7 bytes are left"));
        body.push(0);
        assert_eq!(read_all(&body).unwrap_err().message, "1 bytes behind the last tensor, expected none");
        assert!(read_all(b"{").unwrap_err().message.contains("the body has 1 bytes"));
    }
}

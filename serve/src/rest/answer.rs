//! An answer as REST clients get it: JSON, with binary tensors behind it where they asked for such.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response};
use serde::Serialize;

use super::HEADER_LENGTH;
use super::request::Form;
use crate::model::Answer;
use crate::models::ModelKey;
use crate::tensor::DATATYPE;

/// Room for what is not numbers, and for each number: most take less.
const HEAD: usize = 512;
const NUMBER: usize = 14;

#[derive(Serialize)]
struct Written<'a> {
    model_name: &'a str,
    model_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    outputs: Vec<Output<'a>>,
}

#[derive(Serialize)]
struct Output<'a> {
    name: &'a str,
    datatype: &'static str,
    shape: &'a [usize],
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<BinarySize>,
    /// A value that is no number is null.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a [f32]>,
}

#[derive(Serialize)]
struct BinarySize {
    binary_data_size: usize,
}

/// `answer` of the model `key` in the form that the client wants.
pub(super) fn write(key: &ModelKey, answer: &Answer, form: &Form) -> Response<Body> {
    let mut binary = Vec::new();
    let mut outputs = Vec::with_capacity(answer.outputs.len());
    for tensor in &answer.outputs {
        let start = binary.len();
        let is_binary = form.is_binary_output(&tensor.name);
        if is_binary {
            tensor.write_bytes(&mut binary);
        }
        outputs.push(Output {
            name: &tensor.name,
            datatype: DATATYPE,
            shape: &tensor.shape,
            parameters: is_binary.then(|| BinarySize { binary_data_size: binary.len() - start }),
            data: (!is_binary).then_some(&tensor.values),
        });
    }
    let numbers: usize = outputs.iter().filter_map(|output| output.data).map(<[f32]>::len).sum();
    let has_binary = outputs.iter().any(|output| output.parameters.is_some());
    let id = form.id.as_deref();
    let written = Written { model_name: &key.name, model_version: key.version.to_string(), id, outputs };
    let mut body = Vec::with_capacity(HEAD + NUMBER * numbers);
    serde_json::to_writer(&mut body, &written).expect("an answer holds nothing that JSON cannot");
    let json_length = body.len();
    body.append(&mut binary);
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    if has_binary {
        headers.insert(HEADER_LENGTH, HeaderValue::from(json_length));
    }
    let kind = if has_binary { "application/octet-stream" } else { "application/json" };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

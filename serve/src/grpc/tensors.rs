//! Tensors and parameters between gRPC's messages and our own types.

use std::collections::HashMap;

use bytes::Bytes;

use super::protocol::inference::infer_parameter::ParameterChoice;
use super::protocol::inference::model_infer_request::InferInputTensor;
use super::protocol::inference::model_infer_response::InferOutputTensor;
use super::protocol::inference::{InferParameter, InferTensorContents, ModelInferRequest, ModelInferResponse};
use crate::failure::Failure;
use crate::inference::InferenceRequest;
use crate::model::{Answer, Parameter, Parameters};
use crate::models::ModelKey;
use crate::tensor::{DATATYPE, Tensor};

/// What a call asks for, and whether its tensors were raw bytes: its answer's are then, too.
pub(super) struct Call {
    pub(super) request: InferenceRequest,
    pub(super) is_raw: bool,
}

/// Reads a call.
///
/// # Errors
/// Tensors that are not whole.
pub(super) fn read(request: ModelInferRequest) -> Result<Call, Failure> {
    let ModelInferRequest { inputs, outputs, raw_input_contents: raw, parameters, .. } = request;
    let is_raw = !raw.is_empty();
    if is_raw && raw.len() != inputs.len() {
        let found = raw.len();
        let expected = inputs.len();
        return Err(Failure::request(format!("{found} raw contents, expected {expected}, one for each input")));
    }
    let raw = raw.iter().map(Some).chain(std::iter::repeat(None));
    let inputs = inputs.into_iter().zip(raw).map(|(input, raw)| tensor(input, raw)).collect::<Result<_, _>>()?;
    let outputs = outputs.into_iter().map(|output| output.name).collect();
    let request =
        InferenceRequest { inputs, outputs, parameters: read_parameters(parameters), ..InferenceRequest::default() };
    Ok(Call { request, is_raw })
}

fn tensor(input: InferInputTensor, raw: Option<&Bytes>) -> Result<Tensor, Failure> {
    let InferInputTensor { name, datatype, shape, contents, .. } = input;
    let values = match (raw, contents) {
        // Another datatype has other sizes, and is refused by its name.
        (Some(_), None) if datatype != DATATYPE => Vec::new(),
        (Some(raw), None) => Tensor::values_of(&name, raw)?,
        (None, Some(contents)) => contents.fp32_contents,
        // A tensor without elements needs no contents.
        (None, None) => Vec::new(),
        (Some(_), Some(_)) => {
            return Err(Failure::request(format!(
                "input '{name}' has contents and raw contents, expected one of them"
            )));
        }
    };
    Tensor::of_client(name, &datatype, &shape, values)
}

fn read_parameters(parameters: HashMap<String, InferParameter>) -> Parameters {
    parameters.into_iter().filter_map(|(name, parameter)| Some((name, read_parameter(parameter)?))).collect()
}

/// A parameter's value, if it has one.
fn read_parameter(parameter: InferParameter) -> Option<Parameter> {
    Some(match parameter.parameter_choice? {
        ParameterChoice::BoolParam(value) => Parameter::Bool(value),
        ParameterChoice::Int64Param(value) => Parameter::Int(value),
        ParameterChoice::StringParam(value) => Parameter::Text(value),
        ParameterChoice::DoubleParam(value) => Parameter::Float(value),
        ParameterChoice::Uint64Param(value) => match i64::try_from(value) {
            Ok(value) => Parameter::Int(value),
            Err(_) => Parameter::Float(value as f64),
        },
    })
}

/// Writes an answer of the model `key` to the request `id`.
pub(super) fn write(key: ModelKey, id: String, answer: Answer, is_raw: bool) -> ModelInferResponse {
    let mut response =
        ModelInferResponse { model_name: key.name, model_version: key.version.to_string(), id, ..Default::default() };
    for tensor in answer.outputs {
        let shape = tensor.shape_of_protocol();
        if is_raw {
            let mut bytes = Vec::new();
            tensor.write_bytes(&mut bytes);
            response.raw_output_contents.push(bytes.into());
        }
        let contents = InferTensorContents { fp32_contents: tensor.values, ..Default::default() };
        response.outputs.push(InferOutputTensor {
            name: tensor.name,
            datatype: DATATYPE.to_owned(),
            shape,
            parameters: HashMap::new(),
            contents: (!is_raw).then_some(contents),
        });
    }
    response
}

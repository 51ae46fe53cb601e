//! The protocol's REST form: paths, and answers in JSON or with binary tensors behind it.

mod answer;
mod request;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;
use serde_json::{Value, json};
use tower_http::compression::CompressionLayer;
use tower_http::decompression::RequestDecompressionLayer;

use crate::failure::{Failure, FailureKind};
use crate::inference::Service;
use crate::model::TensorInfo;
use crate::models::Served;
use crate::statistics::Statistics;
use crate::tensor::DATATYPE;
use crate::traces::Traces;

/// The length of the JSON in front of binary tensors, in requests and answers.
const HEADER_LENGTH: &str = "inference-header-content-length";

/// What both protocols say the server can do beyond the protocol itself.
pub(crate) const EXTENSIONS: [&str; 3] = ["binary_tensor_data", "model_repository", "statistics"];

/// All paths.
pub(crate) fn router(service: Arc<Service>) -> Router {
    let mut router = Router::new()
        .route("/v2", get(server))
        .route("/v2/", get(server))
        .route("/v2/health/live", get(|| async { Json(json!({"live": true})) }))
        .route("/v2/health/ready", get(ready))
        .route("/v2/repository/index", post(index))
        .route("/v2/models/stats", get(all_statistics))
        .route("/metrics", get(metrics));
    for path in of_model("") {
        router = router.route(&path, get(metadata));
    }
    for path in of_model("/ready") {
        router = router.route(&path, get(model_ready));
    }
    for path in of_model("/stats") {
        router = router.route(&path, get(statistics));
    }
    for path in of_model("/infer") {
        router = router.route(&path, post(infer));
    }
    router.with_state(service).layer(CompressionLayer::new()).layer(RequestDecompressionLayer::new())
}

/// The paths that end in `path` of a model's highest version, and of one that is named.
fn of_model(path: &str) -> [String; 2] {
    [format!("/v2/models/{{model}}{path}"), format!("/v2/models/{{model}}/versions/{{version}}{path}")]
}

/// What no path leads to.
pub(crate) async fn not_found(request: axum::extract::Request) -> Response {
    let path = request.uri().path();
    refusal(&Failure::new(FailureKind::NotFound, format!("no {} {path}", request.method())))
}

/// A failure in the protocol's form.
pub(crate) fn refusal(failure: &Failure) -> Response {
    let status = match failure.kind {
        FailureKind::BadRequest => StatusCode::BAD_REQUEST,
        FailureKind::NotFound => StatusCode::NOT_FOUND,
        FailureKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        FailureKind::Unauthorised => StatusCode::UNAUTHORIZED,
        FailureKind::Forbidden => StatusCode::FORBIDDEN,
        FailureKind::Full(_) => StatusCode::TOO_MANY_REQUESTS,
        FailureKind::Late => StatusCode::GATEWAY_TIMEOUT,
        FailureKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        FailureKind::Broken => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let mut response = (status, Json(json!({"error": failure.message}))).into_response();
    if let FailureKind::Full(retry) = failure.kind {
        // The header knows whole seconds alone.
        let seconds = retry.as_secs_f64().ceil().max(1.0) as u64;
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        refusal(&self)
    }
}

/// The model that a path names.
#[derive(Debug, Deserialize)]
pub(crate) struct Which {
    model: String,
    version: Option<String>,
}

impl Which {
    pub(crate) fn find(&self, service: &Service) -> Result<Served, Failure> {
        service.models.find(&self.model, self.version.as_deref())
    }
}

async fn server(State(service): State<Arc<Service>>) -> Json<Value> {
    Json(json!({"name": service.name, "version": service.version, "extensions": EXTENSIONS}))
}

async fn ready(State(service): State<Arc<Service>>) -> Response {
    let is_ready = service.is_ready();
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({"ready": is_ready}))).into_response()
}

async fn metadata(State(service): State<Arc<Service>>, Path(which): Path<Which>) -> Result<Json<Value>, Failure> {
    let Served { key, model } = which.find(&service)?;
    let versions = match which.version {
        Some(version) => vec![version],
        None => service.models.versions(&key.name).iter().map(u64::to_string).collect(),
    };
    let info = model.info();
    let inputs: Vec<Value> = info.inputs.iter().map(tensor_metadata).collect();
    let outputs: Vec<Value> = info.outputs.iter().map(tensor_metadata).collect();
    Ok(Json(json!({
        "name": key.name,
        "versions": versions,
        "platform": info.platform,
        "inputs": inputs,
        "outputs": outputs,
        "properties": info.properties,
    })))
}

fn tensor_metadata(tensor: &TensorInfo) -> Value {
    json!({"name": tensor.name, "datatype": DATATYPE, "shape": tensor.shape})
}

async fn model_ready(State(service): State<Arc<Service>>, Path(which): Path<Which>) -> Result<Json<Value>, Failure> {
    let Served { key, .. } = which.find(&service)?;
    Ok(Json(json!({"name": key.name, "ready": true})))
}

async fn index(State(service): State<Arc<Service>>) -> Json<Value> {
    Json(service.models.all().iter().map(index_entry).collect())
}

fn index_entry(served: &Served) -> Value {
    let version = served.key.version.to_string();
    json!({"name": served.key.name, "version": version, "state": "READY", "reason": ""})
}

async fn statistics(State(service): State<Arc<Service>>, Path(which): Path<Which>) -> Result<Json<Value>, Failure> {
    let served = match which.version {
        Some(_) => vec![which.find(&service)?],
        None => service.models.named(&which.model)?,
    };
    Ok(to_statistics(&service, &served))
}

async fn all_statistics(State(service): State<Arc<Service>>) -> Json<Value> {
    to_statistics(&service, &service.models.all())
}

fn to_statistics(service: &Service, served: &[Served]) -> Json<Value> {
    let all: Vec<Statistics> = served.iter().map(|served| Statistics::of(served, &service.metrics)).collect();
    Json(json!({"model_stats": all}))
}

async fn metrics(State(service): State<Arc<Service>>) -> Response {
    let text = service.metrics.to_text(&service.models);
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

async fn infer(
    State(service): State<Arc<Service>>,
    Path(which): Path<Which>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let started = Instant::now();
    let served = which.find(&service)?;
    let body = read(body, service.max_body_bytes, service.timeout).await?;
    let json = json_length(&headers)?;
    let mut request = service.count_unread(&served, started, request::read(&body, json))?;
    if service.traces.get().is_some() {
        request.inference.parent = Traces::parent(&headers);
    }
    let answer = service.infer(&served, request.inference).await?;
    Ok(answer::write(&served.key, &answer, &request.form))
}

/// The length of the JSON where binary tensors follow it.
fn json_length(headers: &HeaderMap) -> Result<Option<usize>, Failure> {
    let Some(value) = headers.get(HEADER_LENGTH) else { return Ok(None) };
    match value.to_str().ok().and_then(|text| text.parse().ok()) {
        Some(length) => Ok(Some(length)),
        None => Err(Failure::request(format!("header {HEADER_LENGTH} is {value:?}, expected a number of bytes"))),
    }
}

/// The whole body, unless it is longer than `most` or slower than `patience`.
async fn read(body: Body, most: usize, patience: Duration) -> Result<Bytes, Failure> {
    let read = tokio::time::timeout(patience, Limited::new(body, most).collect()).await;
    match read {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Failure::new(FailureKind::TooLarge, format!("a body of more than {most} bytes")))
        }
        Ok(Err(error)) => Err(Failure::request(format!("the body cannot be read: {error}"))),
        Err(_) => {
            let seconds = patience.as_secs_f32();
            Err(Failure::new(FailureKind::Late, format!("the body did not come within {seconds} s")))
        }
    }
}

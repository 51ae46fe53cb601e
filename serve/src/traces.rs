//! Traces by OpenTelemetry: a span for each inference, sent to a collector over gRPC.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::HeaderMap;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{Span as _, SpanKind, Status, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span, SpanData, SpanExporter};

use crate::failure::Failure;
use crate::model::Answer;
use crate::models::ModelKey;

/// Who hears that spans could not be sent, and why.
pub(crate) type Complain = Arc<dyn Fn(String) + Send + Sync>;

/// Whether traces can be sent to `endpoint`: an OTLP collector at `http://HOST:PORT`. Anything else would be taken for https.
pub fn is_collector(endpoint: &str) -> bool {
    endpoint.starts_with("http://")
}

/// Where spans go. Those beyond what the collector takes are dropped, so that no request waits for it.
pub(crate) struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// The trace that a client's request is part of, if it says so.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parent(Context);

impl Traces {
    /// Spans of the service `name` for the collector at `endpoint`, as `http://127.0.0.1:4317`. What there is to set otherwise
    /// comes from OpenTelemetry's own variables, the service's name too (`OTEL_SERVICE_NAME`).
    ///
    /// Must be called in a runtime, which then sends them.
    ///
    /// # Errors
    /// No address of a collector.
    pub(crate) fn start(endpoint: &str, name: &str, version: &str, complain: Complain) -> io::Result<Self> {
        if !is_collector(endpoint) {
            return Err(refusal(endpoint, "expected http://HOST:PORT, where a collector takes OTLP over gRPC"));
        }
        let exporter = opentelemetry_otlp::SpanExporter::builder().with_tonic().with_endpoint(endpoint).build();
        let exporter = exporter.map_err(|error| refusal(endpoint, &error.to_string()))?;
        let mut resource = Resource::builder().with_attribute(KeyValue::new("service.version", version.to_owned()));
        if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name(name.to_owned());
        }
        let endpoint = endpoint.to_owned();
        let watched = Watched { exporter, endpoint, complain, has_failed: AtomicBool::new(false) };
        let provider =
            SdkTracerProvider::builder().with_resource(resource.build()).with_batch_exporter(watched).build();
        let tracer = provider.tracer("poselift-serve");
        Ok(Self { provider, tracer })
    }

    /// What a request's headers say (W3C's `traceparent` and `tracestate`).
    pub(crate) fn parent(headers: &HeaderMap) -> Parent {
        Parent(TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(headers)))
    }

    /// A span of the model `key` from now on.
    pub(crate) fn open(&self, key: &ModelKey, rows: usize, parent: &Parent) -> InferenceSpan {
        let attributes = vec![
            KeyValue::new("model.name", key.name.clone()),
            KeyValue::new("model.version", key.version.to_string()),
            KeyValue::new("rows", whole(rows)),
        ];
        let span = self.tracer.span_builder("infer").with_kind(SpanKind::Server).with_attributes(attributes);
        InferenceSpan(span.start_with_context(&self.tracer, &parent.0))
    }

    /// Sends what is left, for so long at most; blocks.
    pub(crate) fn close(&self, patience: Duration) {
        // What went wrong was said by the exporter.
        let _ = self.provider.shutdown_with_timeout(patience);
    }
}

/// The span of an inference; one that is dropped ends without an answer.
pub(crate) struct InferenceSpan(Span);

impl InferenceSpan {
    /// Ends it.
    pub(crate) fn end(mut self, answer: &Result<Answer, Failure>) {
        match answer {
            Ok(answer) => {
                self.0.set_attribute(KeyValue::new("batch.rows", whole(answer.batch)));
                self.0.set_attribute(KeyValue::new("queue.ms", millis(answer.queued)));
                self.0.set_attribute(KeyValue::new("compute.ms", millis(answer.computed)));
                self.0.set_status(Status::Ok);
            }
            Err(failure) => {
                self.0.set_attribute(KeyValue::new("error.type", format!("{:?}", failure.kind)));
                self.0.set_status(Status::Error { description: Cow::Owned(failure.message.clone()) });
            }
        }
        self.0.end();
    }
}

/// Why no traces go to `endpoint`.
fn refusal(endpoint: &str, why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("cannot send traces to {endpoint}: {why}"))
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Headers as OpenTelemetry reads them.
struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|name| name.as_str()).collect()
    }
}

/// An exporter whose failures are told: once for as long as they last.
struct Watched {
    exporter: opentelemetry_otlp::SpanExporter,
    endpoint: String,
    complain: Complain,
    has_failed: AtomicBool,
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("exporter", &self.exporter).finish_non_exhaustive()
    }
}

impl SpanExporter for Watched {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let result = self.exporter.export(batch).await;
        let had_failed = self.has_failed.swap(result.is_err(), Ordering::Relaxed);
        if let Err(error) = &result
            && !had_failed
        {
            (self.complain)(format!("{spans} traces could not be sent to {}: {error}", self.endpoint));
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

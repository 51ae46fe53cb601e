//! Counters for Prometheus, under the names that Triton uses where it has such.

use std::time::Duration;

use prometheus::{Encoder, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

use crate::failure::FailureKind;
use crate::model::Answer;
use crate::models::{ModelKey, Models};

const MODEL: [&str; 2] = ["model", "version"];

/// All that is counted.
pub(crate) struct Metrics {
    registry: Registry,
    success: IntCounterVec,
    failure: IntCounterVec,
    inferences: IntCounterVec,
    batches: IntGaugeVec,
    pending: IntGaugeVec,
    request_micros: IntCounterVec,
    queue_micros: IntCounterVec,
    compute_micros: IntCounterVec,
    pub(crate) connections: IntGauge,
    pub(crate) streams: IntGauge,
    stream_answers: IntCounterVec,
    load_failures: IntCounterVec,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter = IntCounterVec::new(Opts::new(name, help), labels).expect("the names are valid");
            registry.register(Box::new(counter.clone())).expect("each name is registered once");
            counter
        };
        let gauges = |name: &str, help: &str| {
            let gauge = IntGaugeVec::new(Opts::new(name, help), &MODEL).expect("the names are valid");
            registry.register(Box::new(gauge.clone())).expect("each name is registered once");
            gauge
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help).expect("the names are valid");
            registry.register(Box::new(gauge.clone())).expect("each name is registered once");
            gauge
        };
        Self {
            success: counter("nv_inference_request_success", "Requests that were answered", &MODEL),
            failure: counter(
                "nv_inference_request_failure",
                "Requests that were not answered, by reason",
                &["model", "version", "reason"],
            ),
            inferences: counter("nv_inference_count", "Rows that were answered", &MODEL),
            batches: gauges("nv_inference_exec_count", "Batches that were computed since the model was loaded"),
            pending: gauges("nv_inference_pending_request_count", "Requests that wait for their answer"),
            request_micros: counter(
                "nv_inference_request_duration_us",
                "Time of requests in all, microseconds",
                &MODEL,
            ),
            queue_micros: counter("nv_inference_queue_duration_us", "Time in the queue in all, microseconds", &MODEL),
            compute_micros: counter(
                "nv_inference_compute_infer_duration_us",
                "Time of the batches that requests were in, in all, microseconds",
                &MODEL,
            ),
            connections: gauge("poselift_connections", "Open connections"),
            streams: gauge("poselift_streams", "Open streams"),
            stream_answers: counter("poselift_stream_answers", "Answers of streams", &MODEL),
            load_failures: counter("poselift_model_load_failures", "Model files that could not be loaded", &MODEL),
            registry,
        }
    }

    /// Counts a request as waiting until the guard is dropped.
    pub(crate) fn wait(&self, key: &ModelKey) -> Waiting {
        let gauge = self.pending.with_label_values(&[&key.name, &key.version.to_string()]);
        gauge.inc();
        Waiting(gauge)
    }

    /// Counts a request of `rows` rows that took `lasted`.
    pub(crate) fn answered(&self, key: &ModelKey, rows: usize, lasted: Duration, answer: &Answer) {
        let version = key.version.to_string();
        let labels = [key.name.as_str(), version.as_str()];
        self.success.with_label_values(&labels).inc();
        self.inferences.with_label_values(&labels).inc_by(rows as u64);
        self.request_micros.with_label_values(&labels).inc_by(micros(lasted));
        self.queue_micros.with_label_values(&labels).inc_by(micros(answer.queued));
        self.compute_micros.with_label_values(&labels).inc_by(micros(answer.computed));
    }

    /// Counts a request that has no answer.
    pub(crate) fn failed(&self, key: &ModelKey, kind: FailureKind) {
        let reason = match kind {
            FailureKind::Full(_) => "REJECTED",
            FailureKind::Late => "CANCELED",
            FailureKind::Broken => "BACKEND",
            _ => "OTHER",
        };
        self.failure.with_label_values(&[&key.name, &key.version.to_string(), reason]).inc();
    }

    /// The counter of a stream's answers.
    pub(crate) fn stream_answers(&self, key: &ModelKey) -> IntCounter {
        self.stream_answers.with_label_values(&[&key.name, &key.version.to_string()])
    }

    /// Counts a model file that could not be loaded.
    pub(crate) fn not_loaded(&self, key: &ModelKey) {
        self.load_failures.with_label_values(&[&key.name, &key.version.to_string()]).inc();
    }

    /// Everything as text.
    pub(crate) fn to_text(&self, models: &Models) -> Vec<u8> {
        self.batches.reset();
        for served in models.all() {
            let labels = [served.key.name.as_str(), &served.key.version.to_string()];
            self.batches.with_label_values(&labels).set(served.model.batches() as i64);
        }
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text).expect("memory takes all that is written");
        text
    }
}

fn micros(time: Duration) -> u64 {
    time.as_micros().try_into().unwrap_or(u64::MAX)
}

/// A request that waits.
pub(crate) struct Waiting(IntGauge);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.dec();
    }
}

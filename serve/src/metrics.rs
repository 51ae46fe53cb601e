//! Counters for Prometheus, under the names that Triton uses where it has such.

use std::time::{Duration, SystemTime};

use prometheus::core::Collector;
use prometheus::{Encoder, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

use crate::failure::FailureKind;
use crate::model::Answer;
use crate::models::{ModelKey, Models};

const MODEL: [&str; 2] = ["model", "version"];

/// Reasons of requests that were not answered.
const REASONS: [&str; 4] = ["REJECTED", "CANCELED", "BACKEND", "OTHER"];

/// What was counted of a model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts {
    /// Requests.
    pub(crate) answered: u64,
    pub(crate) failed: u64,
    pub(crate) rows: u64,
    pub(crate) request_micros: u64,
    pub(crate) queue_micros: u64,
    pub(crate) compute_micros: u64,
    pub(crate) failure_micros: u64,
    /// Since 1970; 0 for never.
    pub(crate) last_answer_millis: u64,
}

/// All that is counted.
pub(crate) struct Metrics {
    registry: Registration,
    success: IntCounterVec,
    failure: IntCounterVec,
    inferences: IntCounterVec,
    batches: IntGaugeVec,
    pending: IntGaugeVec,
    request_micros: IntCounterVec,
    queue_micros: IntCounterVec,
    compute_micros: IntCounterVec,
    failure_micros: IntCounterVec,
    last_answer_millis: IntGaugeVec,
    pub(crate) connections: IntGauge,
    pub(crate) streams: IntGauge,
    stream_answers: IntCounterVec,
    load_failures: IntCounterVec,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let registry = Registration(Registry::new());
        Self {
            success: registry.counter("nv_inference_request_success", "Requests that were answered", &MODEL),
            failure: registry.counter(
                "nv_inference_request_failure",
                "Requests that were not answered, by reason",
                &["model", "version", "reason"],
            ),
            inferences: registry.counter("nv_inference_count", "Rows that were answered", &MODEL),
            batches: registry
                .gauges("nv_inference_exec_count", "Batches that were computed since the model was loaded"),
            pending: registry.gauges("nv_inference_pending_request_count", "Requests that wait for their answer"),
            request_micros: registry.counter(
                "nv_inference_request_duration_us",
                "Time of requests in all, microseconds",
                &MODEL,
            ),
            queue_micros: registry.counter(
                "nv_inference_queue_duration_us",
                "Time in the queue in all, microseconds",
                &MODEL,
            ),
            compute_micros: registry.counter(
                "nv_inference_compute_infer_duration_us",
                "Time of the batches that requests were in, in all, microseconds",
                &MODEL,
            ),
            failure_micros: registry.counter(
                "poselift_failure_duration_us",
                "Time of requests that were not answered in all, microseconds",
                &MODEL,
            ),
            last_answer_millis: registry
                .gauges("poselift_last_answer_ms", "Time of the last answer, milliseconds since 1970"),
            connections: registry.gauge("poselift_connections", "Open connections"),
            streams: registry.gauge("poselift_streams", "Open streams"),
            stream_answers: registry.counter("poselift_stream_answers", "Answers of streams", &MODEL),
            load_failures: registry.counter(
                "poselift_model_load_failures",
                "Model files that could not be loaded",
                &MODEL,
            ),
            registry,
        }
    }

    /// Counts a request as waiting until the guard is dropped.
    pub(crate) fn wait(&self, key: &ModelKey) -> Counted {
        Counted::in_gauge(&self.pending.with_label_values(&[&key.name, &key.version.to_string()]))
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
        self.last_answer_millis.with_label_values(&labels).set(millis_since_1970());
    }

    /// What was counted of the model `key`.
    pub(crate) fn counts(&self, key: &ModelKey) -> Counts {
        let version = key.version.to_string();
        let labels = [key.name.as_str(), version.as_str()];
        let failed = REASONS.iter().map(|reason| self.failure.with_label_values(&[labels[0], labels[1], reason]).get());
        Counts {
            answered: count(&self.success, &labels),
            failed: failed.sum(),
            rows: count(&self.inferences, &labels),
            request_micros: count(&self.request_micros, &labels),
            queue_micros: count(&self.queue_micros, &labels),
            compute_micros: count(&self.compute_micros, &labels),
            failure_micros: count(&self.failure_micros, &labels),
            last_answer_millis: self.last_answer_millis.with_label_values(&labels).get().try_into().unwrap_or_default(),
        }
    }

    /// Counts a request that has no answer after `lasted`.
    pub(crate) fn failed(&self, key: &ModelKey, kind: FailureKind, lasted: Duration) {
        let reason = match kind {
            FailureKind::Full(_) => "REJECTED",
            FailureKind::Late => "CANCELED",
            FailureKind::Broken => "BACKEND",
            _ => "OTHER",
        };
        let version = key.version.to_string();
        self.failure.with_label_values(&[key.name.as_str(), version.as_str(), reason]).inc();
        self.failure_micros.with_label_values(&[key.name.as_str(), version.as_str()]).inc_by(micros(lasted));
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
        TextEncoder::new().encode(&self.registry.0.gather(), &mut text).expect("memory takes all that is written");
        text
    }
}

/// All metrics that are written.
struct Registration(Registry);

impl Registration {
    fn counter(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.add(IntCounterVec::new(Opts::new(name, help), labels))
    }

    /// A gauge of each model.
    fn gauges(&self, name: &str, help: &str) -> IntGaugeVec {
        self.add(IntGaugeVec::new(Opts::new(name, help), &MODEL))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.add(IntGauge::new(name, help))
    }

    fn add<C: Collector + Clone + 'static>(&self, metric: prometheus::Result<C>) -> C {
        let metric = metric.expect("the names are valid");
        self.0.register(Box::new(metric.clone())).expect("each name is registered once");
        metric
    }
}

fn count(counter: &IntCounterVec, labels: &[&str]) -> u64 {
    counter.with_label_values(labels).get()
}

fn micros(time: Duration) -> u64 {
    time.as_micros().try_into().unwrap_or(u64::MAX)
}

fn millis_since_1970() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis().try_into().unwrap_or(i64::MAX))
}

/// What a gauge counts for as long as this lives, also where a thread or task panics.
pub(crate) struct Counted(IntGauge);

impl Counted {
    /// Counts one more in `gauge`.
    pub(crate) fn in_gauge(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

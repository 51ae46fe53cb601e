//! A model's counters as Triton's clients ask for them (the extension `statistics`).

use serde::Serialize;

use crate::metrics::Metrics;
use crate::models::Served;

/// What was counted of a model.
#[derive(Debug, Serialize)]
pub(crate) struct Statistics {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Milliseconds since 1970; 0 for never.
    pub(crate) last_inference: u64,
    /// Rows.
    pub(crate) inference_count: u64,
    /// Batches.
    pub(crate) execution_count: u64,
    pub(crate) inference_stats: Stages,
}

/// Requests by what was done for them. What is not counted here is 0: reading and writing of tensors, caches.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Stages {
    pub(crate) success: Spent,
    pub(crate) fail: Spent,
    pub(crate) queue: Spent,
    pub(crate) compute_input: Spent,
    pub(crate) compute_infer: Spent,
    pub(crate) compute_output: Spent,
    pub(crate) cache_hit: Spent,
    pub(crate) cache_miss: Spent,
}

/// How many requests, and nanoseconds of all.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Spent {
    pub(crate) count: u64,
    pub(crate) ns: u64,
}

impl Spent {
    fn of(count: u64, micros: u64) -> Self {
        Self { count, ns: micros.saturating_mul(1000) }
    }
}

impl Statistics {
    /// What was counted of `served`.
    pub(crate) fn of(served: &Served, metrics: &Metrics) -> Self {
        let counts = metrics.counts(&served.key);
        let answered = counts.answered;
        Self {
            name: served.key.name.clone(),
            version: served.key.version.to_string(),
            last_inference: counts.last_answer_millis,
            inference_count: counts.rows,
            execution_count: served.model.batches(),
            inference_stats: Stages {
                success: Spent::of(answered, counts.request_micros),
                fail: Spent::of(counts.failed, counts.failure_micros),
                queue: Spent::of(answered, counts.queue_micros),
                compute_infer: Spent::of(answered, counts.compute_micros),
                ..Stages::default()
            },
        }
    }
}

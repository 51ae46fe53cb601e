//! A model's counters in gRPC's messages.

use super::protocol::inference::{InferStatistics, ModelStatistics, StatisticDuration};
use crate::statistics::{Spent, Stages, Statistics};

/// `statistics` as Triton's clients read it.
pub(super) fn write(statistics: Statistics) -> ModelStatistics {
    let Statistics { name, version, last_inference, inference_count, execution_count, inference_stats } = statistics;
    let Stages { success, fail, queue, compute_input, compute_infer, compute_output, cache_hit, cache_miss } =
        inference_stats;
    ModelStatistics {
        name,
        version,
        last_inference,
        inference_count,
        execution_count,
        inference_stats: Some(InferStatistics {
            success: Some(duration(success)),
            fail: Some(duration(fail)),
            queue: Some(duration(queue)),
            compute_input: Some(duration(compute_input)),
            compute_infer: Some(duration(compute_infer)),
            compute_output: Some(duration(compute_output)),
            cache_hit: Some(duration(cache_hit)),
            cache_miss: Some(duration(cache_miss)),
        }),
        ..ModelStatistics::default()
    }
}

fn duration(spent: Spent) -> StatisticDuration {
    StatisticDuration { count: spent.count, ns: spent.ns }
}

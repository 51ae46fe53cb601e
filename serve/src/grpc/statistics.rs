//! A model's counters in gRPC's messages.

use super::protocol::inference::{InferStatistics, ModelStatistics, StatisticDuration};
use crate::statistics::{Spent, Stages, Statistics};

/// `statistics` as Triton's clients read it.
pub(super) fn write(statistics: Statistics) -> ModelStatistics {
    let Statistics { name, version, last_inference, inference_count, execution_count, inference_stats } = statistics;
    let Stages { success, fail, queue, compute_input, compute_infer, compute_output, cache_hit, cache_miss } =
        inference_stats;
    let spent = |spent: Spent| Some(StatisticDuration { count: spent.count, ns: spent.ns });
    ModelStatistics {
        name,
        version,
        last_inference,
        inference_count,
        execution_count,
        inference_stats: Some(InferStatistics {
            success: spent(success),
            fail: spent(fail),
            queue: spent(queue),
            compute_input: spent(compute_input),
            compute_infer: spent(compute_infer),
            compute_output: spent(compute_output),
            cache_hit: spent(cache_hit),
            cache_miss: spent(cache_miss),
        }),
        ..ModelStatistics::default()
    }
}

//! The nodes of residual blocks in float16, between two Casts: for GPUs, which multiply it several times as fast.

use half::f16;

use crate::blocks::{self, InnerRelu};
use crate::builder::GraphBuilder;
use crate::network::Dense;
use crate::proto::AttributeProto;

/// Writes `blocks` behind `residual`, both float32 outside, in planes; gives back the names of the last sum.
pub(crate) fn write(graph: &mut GraphBuilder, blocks: &[Vec<Dense<f16>>], residual: Vec<String>) -> Vec<String> {
    if blocks.is_empty() {
        return residual;
    }
    let residual = cast(graph, &residual, "half", &AttributeProto::to_float16());
    let sums = blocks::write(graph, blocks, residual, InnerRelu::Node, |graph, place, layer, x| {
        graph.dense(layer, place.name, x)
    });
    cast(graph, &sums, "float", &AttributeProto::to_float())
}

fn cast(graph: &mut GraphBuilder, planes: &[String], ending: &str, to: &AttributeProto) -> Vec<String> {
    let mut casts = Vec::with_capacity(planes.len());
    for plane in planes {
        casts.push(graph.node_with("Cast", &[plane], &format!("{plane}.{ending}"), vec![to.clone()]));
    }
    casts
}

//! The nodes that turn raw key points into features, whatever is missing.
//!
//! Written for a runtime that pays about a microsecond for each node at batch
//! 1 and dearly for broadcasting over short rows at a large one: but for the
//! mask, everything works on flat rows `[batch, J·C]`, and what sums over
//! joints is a product with a constant matrix that leaves each sum in every
//! slot that needs it. On one core with ONNX Runtime 1.31 at batch 256 this is
//! three to six times as fast as ReduceSum over `[batch, J, C]`.
//!
//! The points are centred twice. The first centre carries the rounding of a
//! sum of large pixel numbers, but subtracting it is almost exact; the second
//! is of small numbers. A body of 0.1 px at 500 px comes out right to 5e-7 of
//! its size, where once would leave 1e-3.

use super::graph::{GraphBuilder, INPUT};
use super::onnx::AttributeProto;
use crate::trained::{InputTransform, MIN_SCALE, TrainedLifter};

/// Stands for zero visible joints in a division of 0 by their number.
const NOBODY: f32 = 1e-30;

/// Writes the nodes and gives back the name of the features, `[batch, J·C]`.
pub(super) fn write(graph: &mut GraphBuilder, lifter: &TrainedLifter) -> &'static str {
    let slots = Slots { joints: lifter.input_card.joints.len(), channels: lifter.input_card.channels };
    visible(graph, slots.channels);
    match lifter.transform {
        InputTransform::Absolute => {
            let mean = lifter.input_zscore.mean.iter().copied();
            let mean = graph.constant("feature_mean", &[slots.joints, slots.channels], mean);
            graph.node("Where", &["visible", INPUT, &mean], "filled");
            graph.node_with("Flatten", &["filled"], "features", vec![AttributeProto::integer("axis", 1)]);
        }
        InputTransform::Centred => centred(graph, slots),
    }
    "features"
}

/// Writes `visible`, `[batch, J, C]`: whether the joint that a number belongs to is there.
///
/// Times 0, a NaN or an infinity becomes NaN, so that the score plus nothing of the coordinates is a
/// number only where all three are. Cubes, which keep the sign, make infinities of absurd
/// coordinates (from 7e12 px) too, whose squares would overflow later.
fn visible(graph: &mut GraphBuilder, channels: usize) {
    let three = graph.constant("three", &[], [3.0]);
    graph.node("Pow", &[INPUT, &three], "cubes");
    let picks_score = |row: usize| if row == 2 { 1.0 } else { 0.0 };
    let pick = (0..channels * channels).map(|slot| picks_score(slot / channels));
    let pick = graph.constant("pick_score", &[channels, channels], pick);
    graph.node("MatMul", &["cubes", &pick], "witness");
    if channels == 3 {
        // Less than its own double is every positive number, but neither infinity nor NaN.
        graph.node("Add", &["witness", "witness"], "witness.double");
        graph.node("Less", &["witness", "witness.double"], "visible");
    } else {
        let zero = graph.constant("number", &[], [0.0]);
        graph.node("Equal", &["witness", &zero], "visible");
    }
}

fn centred(graph: &mut GraphBuilder, slots: Slots) {
    let flat = || vec![AttributeProto::integer("axis", 1)];
    let zero = graph.constant("zero", &[], [0.0]);
    graph.node("Where", &["visible", INPUT, &zero], "seen");
    graph.node_with("Flatten", &["seen"], "points", flat());
    graph.node_with("Cast", &["visible"], "visible.float", vec![AttributeProto::to_float()]);
    graph.node_with("Flatten", &["visible.float"], "mask", flat());

    // share = 1/n in each visible coordinate, 1 in each visible score, 0 elsewhere.
    let count = slots.matrix(graph, "count_joints", |from, to| from == 0 && to < 2);
    let floor = slots.row(graph, "count_floor", |channel| if channel < 2 { NOBODY } else { 1.0 });
    graph.node("Gemm", &["mask", &count, &floor], "count");
    graph.node("Div", &["mask", "count"], "share");

    let sum = slots.matrix(graph, "sum_axis", |from, to| from == to && to < 2);
    centre(graph, "points", &sum, "near");
    centre(graph, "near", &sum, "centred");

    // The scale in each visible coordinate, 1 in each visible score, the least scale elsewhere.
    let sum = slots.matrix(graph, "sum_both_axes", |from, to| from < 2 && to < 2);
    let score = slots.row(graph, "score_scale", |channel| if channel < 2 { 0.0 } else { 1.0 });
    graph.node("Mul", &["centred", "centred"], "squares");
    graph.node("Gemm", &["squares", &sum, &score], "square_sum");
    graph.node("Mul", &["square_sum", "share"], "variance");
    graph.node("Sqrt", &["variance"], "deviation");
    let least = graph.constant("least_scale", &[], [MIN_SCALE]);
    graph.node("Max", &["deviation", &least], "scale");
    graph.node("Div", &["centred", "scale"], "features");
}

/// Subtracts the mean of the visible joints from the visible joints; scores stay.
fn centre(graph: &mut GraphBuilder, points: &str, sum: &str, output: &str) {
    let sums = graph.node("MatMul", &[points, sum], &format!("{output}.sum"));
    let centre = graph.node("Mul", &[&sums, "share"], &format!("{output}.centre"));
    graph.node("Sub", &[points, &centre], output);
}

/// A flat row: joint by joint, and in it channel by channel (0 x, 1 y, 2 score).
#[derive(Clone, Copy)]
struct Slots {
    joints: usize,
    channels: usize,
}

impl Slots {
    fn len(self) -> usize {
        self.joints * self.channels
    }

    /// A constant that sums the channels `from` of all joints into each channel `to` where `joined`.
    fn matrix(self, graph: &mut GraphBuilder, name: &str, joined: impl Fn(usize, usize) -> bool) -> String {
        let (len, channels) = (self.len(), self.channels);
        let value = |slot: usize| f32::from(u8::from(joined(slot / len % channels, slot % len % channels)));
        graph.constant(name, &[len, len], (0..len * len).map(value))
    }

    /// A constant row of one number a channel.
    fn row(self, graph: &mut GraphBuilder, name: &str, value: impl Fn(usize) -> f32) -> String {
        graph.constant(name, &[self.len()], (0..self.len()).map(|slot| value(slot % self.channels)))
    }
}

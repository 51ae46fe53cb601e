//! The nodes that turn raw key points into features, for any missing points.
//!
//! Written for a runtime that takes about a microsecond per node at batch 1 and is slow at broadcasting over short
//! rows at a large one: except for the masks, everything works on flat rows `[batch, J·C]`, and sums over joints are
//! products with a constant matrix that puts each sum into every slot that needs it. On one core with ONNX Runtime
//! 1.31 at batch 256 this is three to six times as fast as ReduceSum over `[batch, J, C]`.
//!
//! The points are centred twice. The first centre carries the rounding of a
//! sum of large pixel numbers, but subtracting it is almost exact; the second
//! is of small numbers. A body of 0.1 px at 500 px comes out right to 5e-7 of
//! its size, where once would leave 1e-3.

use crate::builder::GraphBuilder;
use crate::names::{ALL_WEIGHTS, FEATURE_MEAN, FEATURES, INPUT_NAME, MIN_SCALE, MIN_SCORE_SUM};
use crate::proto::AttributeProto;
use crate::{Features, Network};

/// Writes the nodes that give [`FEATURES`], `[batch, J·C]`.
pub(crate) fn write(graph: &mut GraphBuilder, network: &Network) {
    let slots = Slots { joints: network.joints_in, channels: network.channels };
    visible(graph, slots.channels);
    match &network.features {
        Features::Absolute(mean) => {
            let mean = graph.tensor(FEATURE_MEAN, mean);
            graph.node("Where", &["visible", INPUT_NAME, &mean], "filled");
            graph.flatten("filled", FEATURES);
        }
        Features::Centred => centred(graph, slots),
    }
}

/// Writes `visible`, `[batch, J, C]`: whether the joint of each number is visible.
///
/// Times 0, a NaN or an infinity becomes NaN, so that the score plus nothing of the coordinates is a
/// number only where all three are. Cubes, which keep the sign, make infinities of absurd
/// coordinates (from 7e12 px) too, whose squares would overflow later.
fn visible(graph: &mut GraphBuilder, channels: usize) {
    let three = graph.constant("three", &[], [3.0]);
    graph.node("Pow", &[INPUT_NAME, &three], "cubes");
    // The row of the score is picked.
    let pick = (0..channels * channels).map(|slot| if slot / channels == 2 { 1.0 } else { 0.0 });
    let pick = graph.constant("pick_score", &[channels, channels], pick);
    graph.node("MatMul", &["cubes", &pick], "witness");
    if channels == 3 {
        // Every positive number is less than its own double, but neither infinity nor NaN is.
        graph.node("Add", &["witness", "witness"], "witness.double");
        graph.node("Less", &["witness", "witness.double"], "visible");
    } else {
        let zero = graph.zero_of_numbers();
        graph.node("Equal", &["witness", &zero], "visible");
    }
}

fn centred(graph: &mut GraphBuilder, slots: Slots) {
    let zero = graph.constant("zero", &[], [0.0]);
    graph.node("Where", &["visible", INPUT_NAME, &zero], "seen");
    graph.flatten("seen", "points");
    graph.node_with("Cast", &["visible"], "visible.float", vec![AttributeProto::to_float()]);
    graph.flatten("visible.float", "mask");

    // share = score/Σscore in each visible coordinate (1/n where there are no scores), 0 elsewhere.
    let (weighs, weights, own) = if slots.channels == 3 {
        let own = slots
            .matrix(graph, "own_score", |from, to| from.joint == to.joint && from.channel == 2 && to.is_coordinate());
        graph.node("MatMul", &["points", &own], "weight");
        (2, "points", "weight")
    } else {
        (0, "mask", "mask")
    };
    let all = slots.matrix(graph, ALL_WEIGHTS, |from, to| from.channel == weighs && to.is_coordinate());
    let floor = slots.row(graph, "weight_floor", |slot| if slot.is_coordinate() { MIN_SCORE_SUM } else { 1.0 });
    graph.node("Gemm", &[weights, &all, &floor], "weight.sum");
    graph.node("Div", &[own, "weight.sum"], "share");

    let sum = slots.matrix(graph, "sum_axis", |from, to| from.channel == to.channel && to.is_coordinate());
    centre(graph, "points", &sum, "near");
    centre(graph, "near", &sum, "centred");

    // The scale in each coordinate, 1 in each score.
    let sum = slots.matrix(graph, "sum_both_axes", |from, to| from.is_coordinate() && to.is_coordinate());
    let score = slots.row(graph, "score_scale", |slot| if slot.is_coordinate() { 0.0 } else { 1.0 });
    graph.node("Mul", &["centred", "centred"], "squares");
    graph.node("Mul", &["squares", "share"], "weighted_squares");
    graph.node("Gemm", &["weighted_squares", &sum, &score], "variance");
    graph.node("Sqrt", &["variance"], "deviation");
    let least = graph.constant("least_scale", &[], [MIN_SCALE]);
    graph.node("Max", &["deviation", &least], "scale");
    graph.node("Div", &["centred", "scale"], "scaled");
    // Missing points were centred with the rest; their weight was 0, and now they are 0 again.
    graph.node("Mul", &["scaled", "mask"], FEATURES);
}

/// Subtracts the weighted mean of the joints from all of them; scores are unchanged.
fn centre(graph: &mut GraphBuilder, points: &str, sum: &str, output: &str) {
    let weighted = graph.node("Mul", &[points, "share"], &format!("{output}.weighted"));
    let centre = graph.node("MatMul", &[&weighted, sum], &format!("{output}.centre"));
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

    fn slot(self, index: usize) -> Slot {
        Slot { joint: index / self.channels, channel: index % self.channels }
    }

    /// A constant that sums the slots `from` into each slot `to` where `joined`.
    fn matrix(self, graph: &mut GraphBuilder, name: &str, joined: impl Fn(Slot, Slot) -> bool) -> String {
        let len = self.len();
        let values = (0..len * len).map(|at| {
            let is_joined = joined(self.slot(at / len), self.slot(at % len));
            f32::from(u8::from(is_joined))
        });
        graph.constant(name, &[len, len], values)
    }

    /// A constant row.
    fn row(self, graph: &mut GraphBuilder, name: &str, value: impl Fn(Slot) -> f32) -> String {
        graph.constant(name, &[self.len()], (0..self.len()).map(|at| value(self.slot(at))))
    }
}

/// One number of a flat row.
#[derive(Clone, Copy)]
struct Slot {
    joint: usize,
    channel: usize,
}

impl Slot {
    fn is_coordinate(self) -> bool {
        self.channel < 2
    }
}

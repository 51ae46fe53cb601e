//! The nodes of residual blocks in integers of 8 bits ([`super::quantise`] says which).
//!
//! Of a layer's input each person's largest value gives the person's range;
//! its shares, rounded to 8 bits, are multiplied in integers. A ReLU between
//! two layers of one plane is no node of its own: rounding to unsigned numbers
//! cuts off what is below 0. Two planes have one range: what ReLUs differ by
//! is never more than what they add up to. Their sum is unsigned, their
//! difference is not.

use poselift::Result;

use super::blocks::{Inner, residual};
use super::builder::GraphBuilder;
use super::onnx::{AttributeProto, TensorProto};
use super::planes::Layer;
use super::quantise::{POSITIVE_LEVELS, QuantisedLayer, SIGNED_LEVELS, SIGNED_ZERO, quantise};

/// Stands for the largest value of somebody who has none but 0, so that nothing is divided by 0.
const LEAST_RANGE: f32 = 1e-30;

/// What is known of the values that a layer reads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Values {
    /// Either sign.
    Signed,
    /// What is below 0 is to be taken as 0.
    Positive,
}

impl Values {
    fn name(self) -> &'static str {
        match self {
            Self::Signed => "signed",
            Self::Positive => "positive",
        }
    }

    fn levels(self) -> u8 {
        match self {
            Self::Signed => SIGNED_LEVELS,
            Self::Positive => POSITIVE_LEVELS,
        }
    }

    fn zero(self) -> u8 {
        match self {
            Self::Signed => SIGNED_ZERO,
            Self::Positive => 0,
        }
    }
}

/// Writes `blocks` behind `stream` in planes, which holds nothing below 0 where it `is_positive`; gives back the names of
/// the last sum.
pub(super) fn write(
    graph: &mut GraphBuilder,
    blocks: &[Vec<Layer>],
    stream: Vec<String>,
    is_positive: bool,
) -> Result<Vec<String>> {
    // A sum of ReLUs is no less than what they are added to.
    let of_stream = if is_positive { Values::Positive } else { Values::Signed };
    residual(graph, blocks, stream, Inner::LeftToTheNext, |graph, place, layer, x| {
        let values = [if place.is_first { of_stream } else { Values::Positive }, Values::Signed];
        let range = write_range(graph, place.name, x, values[0]);
        let shares = graph.constant("whole", &[], [1.0]);
        let shares = graph.node("Div", &[&shares, &range], &format!("{}.shares", place.name));
        let planes = layer.iter().zip(x).zip(values);
        let write = |((plane, x), values): ((_, &String), _)| {
            write_layer(graph, &quantise(plane), (x, values), (&range, &shares))
        };
        Ok(planes.map(write).collect())
    })
}

/// Writes each person's largest value among the planes `x` of what layer `place` reads, `[batch, 1]`; `first` is known of
/// the first plane.
fn write_range(graph: &mut GraphBuilder, place: &str, x: &[String], first: Values) -> String {
    let largest = |graph: &mut GraphBuilder, of: &str, name: String| {
        graph.node_with("ReduceMax", &[of], &name, vec![AttributeProto::integers("axes", &[1])])
    };
    let mut ends = match first {
        Values::Positive => vec![largest(graph, &x[0], format!("{place}.largest"))],
        Values::Signed => {
            let one = |x: &String| {
                let magnitude = graph.node("Abs", &[x], &format!("{place}.magnitude.{x}"));
                largest(graph, &magnitude, format!("{place}.largest.{x}"))
            };
            x.iter().map(one).collect()
        }
    };
    ends.push(graph.constant("least_range", &[], [LEAST_RANGE]));
    let ends: Vec<&str> = ends.iter().map(String::as_str).collect();
    graph.node("Max", &ends, &format!("{place}.range"))
}

/// Gives back the name of y = (Q·x)∘s + b, without a ReLU, of what is known of x; `range` is each person's, and `shares`
/// its reciprocal.
fn write_layer(
    graph: &mut GraphBuilder,
    layer: &QuantisedLayer,
    (x, values): (&str, Values),
    (range, shares): (&str, &str),
) -> String {
    let named = |part: &str| format!("{}.{part}", layer.name);
    // Divided once a person and then multiplied, which is half the work of dividing each value.
    let share = graph.node("Mul", &[x, shares], &named("share"));
    let level = 1.0 / f32::from(values.levels());
    let per_level = graph.constant(&format!("{}.level", values.name()), &[], [level]);
    let zero = graph.constant_tensor(TensorProto::bytes(&format!("{}.zero", values.name()), &[], [values.zero()]));
    let quantised = graph.node("QuantizeLinear", &[&share, &per_level, &zero], &named("quantised"));
    let (outputs, inputs) = layer.weight.dim();
    let weight = layer.weight.t();
    let weight = TensorProto::signed_bytes(&named("weight"), &[inputs, outputs], weight.iter().copied());
    let weight = graph.constant_tensor(weight);
    let sums = graph.node("MatMulInteger", &[&quantised, &weight, &zero], &named("sums"));
    let sums = graph.node_with("Cast", &[&sums], &named("sums.float"), vec![AttributeProto::to_float()]);
    let scale = graph.constant(&named("scale"), &[outputs], layer.scale.iter().map(|scale| scale * level));
    let scaled = graph.node("Mul", &[&sums, &scale], &named("scaled"));
    let product = graph.node("Mul", &[&scaled, range], &named("product"));
    if layer.bias.is_empty() {
        return product;
    }
    let bias = graph.constant(&named("bias"), &[outputs], layer.bias.iter().copied());
    graph.node("Add", &[&product, &bias], &layer.name)
}

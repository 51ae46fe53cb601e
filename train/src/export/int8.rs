//! The nodes of residual blocks in integers of 8 bits ([`super::quantise`] says which).
//!
//! Of a layer's input each person's largest value gives the person's step;
//! what is then rounded to 8 bits is multiplied in integers. A ReLU between
//! two layers of one plane is no node of its own: rounding to unsigned numbers
//! cuts off what is below 0. Of two planes each has steps of its own; the sum
//! of two ReLUs is unsigned, their difference is not.

use poselift::Result;

use super::graph::{GraphBuilder, Inner, residual};
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
    residual(graph, blocks, stream, Inner::LeftToTheNext, |graph, layer, x, first| {
        let values = [if first { of_stream } else { Values::Positive }, Values::Signed];
        let planes = layer.iter().zip(x).zip(values);
        Ok(planes.map(|((plane, x), values)| write_layer(graph, &quantise(plane), x, values)).collect())
    })
}

/// Gives back the name of y = (Q·x)∘s + b, without a ReLU.
fn write_layer(graph: &mut GraphBuilder, layer: &QuantisedLayer, x: &str, values: Values) -> String {
    let named = |part: &str| format!("{}.{part}", layer.name);
    let step = write_step(graph, layer, x, values);
    let quantised = write_quantised(graph, layer, x, values);
    let (outputs, inputs) = layer.weight.dim();
    let weight = layer.weight.t();
    let weight = TensorProto::signed_bytes(&named("weight"), &[inputs, outputs], weight.iter().copied());
    let weight = graph.constant_tensor(weight);
    let zero = zero_point(graph, values);
    let sums = graph.node("MatMulInteger", &[&quantised, &weight, &zero], &named("sums"));
    let sums = graph.node_with("Cast", &[&sums], &named("sums.float"), vec![AttributeProto::to_float()]);
    let scale = graph.constant(&named("scale"), &[outputs], layer.scale.iter().copied());
    let scaled = graph.node("Mul", &[&sums, &scale], &named("scaled"));
    let product = graph.node("Mul", &[&scaled, &step], &named("product"));
    if layer.bias.is_empty() {
        return product;
    }
    let bias = graph.constant(&named("bias"), &[outputs], layer.bias.iter().copied());
    graph.node("Add", &[&product, &bias], &layer.name)
}

/// Writes `range`, each person's largest value `[batch, 1]`; gives back the name of what one step is then worth.
fn write_step(graph: &mut GraphBuilder, layer: &QuantisedLayer, x: &str, values: Values) -> String {
    let named = |part: &str| format!("{}.{part}", layer.name);
    let of = match values {
        Values::Positive => x.to_owned(),
        Values::Signed => graph.node("Abs", &[x], &named("magnitude")),
    };
    let largest = graph.node_with("ReduceMax", &[&of], &named("largest"), vec![AttributeProto::integers("axes", &[1])]);
    let least = graph.constant("least_range", &[], [LEAST_RANGE]);
    let range = graph.node("Max", &[&largest, &least], &named("range"));
    let per_level = 1.0 / f32::from(values.levels());
    let per_level = graph.constant(&format!("{}.per_level", values.name()), &[], [per_level]);
    graph.node("Mul", &[&range, &per_level], &named("step"))
}

/// Gives back the name of `x` in steps of its person, 8 bits each.
fn write_quantised(graph: &mut GraphBuilder, layer: &QuantisedLayer, x: &str, values: Values) -> String {
    let named = |part: &str| format!("{}.{part}", layer.name);
    let levels = graph.constant(&format!("{}.levels", values.name()), &[], [f32::from(values.levels())]);
    // Divided once a person and then multiplied, which is half the work of dividing each value.
    let steps = graph.node("Div", &[&levels, &named("range")], &named("steps"));
    let counted = graph.node("Mul", &[x, &steps], &named("counted"));
    let one = graph.constant("one_step", &[], [1.0]);
    let zero = zero_point(graph, values);
    graph.node("QuantizeLinear", &[&counted, &one, &zero], &named("quantised"))
}

fn zero_point(graph: &mut GraphBuilder, values: Values) -> String {
    graph.constant_tensor(TensorProto::bytes(&format!("{}.zero", values.name()), &[], [values.zero()]))
}

//! The nodes of residual blocks in integers of 8 bits.
//!
//! The largest magnitude of a layer's input in a pose is the pose's range; its shares, rounded to 8-bit codes, are
//! multiplied in integers. A ReLU between two layers of one plane needs no node: rounding to unsigned codes cuts off
//! negative numbers. Two planes share one range: the difference of two ReLUs is never larger than their sum. The sum
//! is unsigned, the difference is signed.
//!
//! A range for each pose needs no calibration data and makes poses independent of the rest of the batch, unlike one
//! for the whole tensor (DynamicQuantizeLinear).

use crate::blocks::{self, InnerRelu};
use crate::builder::GraphBuilder;
use crate::names::{self, InputSign, MIN_RANGE, Plane};
use crate::network::{QuantisedDense, QuantisedPlane};
use crate::proto::AttributeProto;
use crate::weights::Weights;

/// Writes `blocks` behind `residual` in planes, of a network whose first layer has a ReLU or not; gives back the names of
/// the last sum.
pub(crate) fn write(
    graph: &mut GraphBuilder,
    blocks: &[Vec<QuantisedDense>],
    residual: Vec<String>,
    input_relu: bool,
) -> Vec<String> {
    blocks::write(graph, blocks, residual, InnerRelu::InNextLayer, |graph, place, layer, x| {
        let signs = [InputSign::of(place.layer, input_relu), InputSign::Signed];
        let range = write_range(graph, place.name, x, signs[0]);
        let whole = graph.constant("whole", &[], [1.0f32]);
        let shares = graph.node("Div", &[&whole, &range], &format!("{}.shares", place.name));
        let mut outputs = Vec::new();
        for (index, plane) in layer.planes.iter().enumerate() {
            let input = Input { x: &x[index], sign: signs[index], range: &range, shares: &shares };
            let name = Plane::of(layer.planes.len())[index].named(place.name);
            let bias = (index == 0).then_some(&layer.bias);
            outputs.push(write_plane(graph, &name, plane, bias, &input));
        }
        outputs
    })
}

/// The input of a plane.
struct Input<'a> {
    x: &'a str,
    sign: InputSign,
    /// `[batch, 1]`, and its reciprocal.
    range: &'a str,
    shares: &'a str,
}

/// Writes the largest magnitude of each pose among the planes `x` that the layer `name` reads, `[batch, 1]`; `first` is known
/// of the first plane.
fn write_range(graph: &mut GraphBuilder, name: &str, x: &[String], first: InputSign) -> String {
    let mut ends = Vec::new();
    match first {
        InputSign::Positive => ends.push(write_maximum(graph, &x[0], &format!("{name}.largest"))),
        InputSign::Signed => {
            for x in x {
                let magnitude = graph.node("Abs", &[x], &format!("{name}.magnitude.{x}"));
                ends.push(write_maximum(graph, &magnitude, &format!("{name}.largest.{x}")));
            }
        }
    }
    ends.push(graph.constant("least_range", &[], [MIN_RANGE]));
    let ends: Vec<&str> = ends.iter().map(String::as_str).collect();
    graph.node("Max", &ends, &format!("{name}.range"))
}

/// Writes the largest number of each pose, `[batch, 1]`.
fn write_maximum(graph: &mut GraphBuilder, input: &str, output: &str) -> String {
    graph.node_with("ReduceMax", &[input], output, vec![AttributeProto::integers("axes", &[1])])
}

/// Writes the plane `name` of a layer, without a ReLU, and gives back the name of its output.
fn write_plane(
    graph: &mut GraphBuilder,
    name: &str,
    plane: &QuantisedPlane,
    bias: Option<&Weights<f32>>,
    input: &Input<'_>,
) -> String {
    let Input { x, sign, range, shares } = *input;
    // Divided once per pose and then multiplied, which is half the work of dividing each value.
    let share = graph.node("Mul", &[x, shares], &format!("{name}.share"));
    let step = graph.constant(&format!("{}.level", sign.name()), &[], [sign.step()]);
    let zero_point = graph.constant(&format!("{}.zero", sign.name()), &[], [sign.zero_point()]);
    let codes = graph.node("QuantizeLinear", &[&share, &step, &zero_point], &format!("{name}.quantised"));
    let weight = graph.tensor(&names::weight(name), &plane.codes);
    let sums = graph.node("MatMulInteger", &[&codes, &weight, &zero_point], &format!("{name}.sums"));
    let sums = graph.node_with("Cast", &[&sums], &format!("{name}.sums.float"), vec![AttributeProto::to_float()]);
    let scale = graph.tensor(&names::scale(name), &plane.scales);
    let scaled = graph.node("Mul", &[&sums, &scale], &format!("{name}.scaled"));
    let product = graph.node("Mul", &[&scaled, range], &format!("{name}.product"));
    match bias {
        Some(bias) => {
            let bias = graph.tensor(&names::bias(name), bias);
            graph.node("Add", &[&product, &bias], name)
        }
        None => product,
    }
}

//! Layers to nodes: the ONNX graph of a folded network, from raw key points to
//! poses.
//!
//! A layer is one Gemm, or one for each plane of it (`planes`); what depends on the pose itself (masks, centring,
//! scaling) is written by `transform`. Constants are initialisers in the order
//! that the nodes read them. The first and the last layer are float32 whatever
//! the precision: they read and write coordinates.

use poselift::Result;
use poselift::model::Precision;

use super::blocks::{Inner, residual};
use super::builder::{GraphBuilder, INPUT, NUMBERS};
use super::onnx::{GraphProto, ValueInfoProto};
use super::planes::Planes;
use super::{half, int8, transform};
use crate::trained::TrainedLifter;

/// The graph's output, `[batch, J_out, 3]`.
pub const OUTPUT: &str = "pose";

/// The second output of a lifter that has it, `[batch, J_out]`.
pub const SIGMA: &str = "sigma";

/// The graph of a lifter whose linear parts are `layers`, its residual blocks in `precision`.
///
/// # Errors
/// A weight beyond the range of the precision; it names its layer.
pub(super) fn build(lifter: &TrainedLifter, layers: &Planes, precision: Precision) -> Result<GraphProto> {
    let (joints_in, channels) = (lifter.input_card.joints.len(), lifter.input_card.channels);
    let joints_out = lifter.output_card.joints.len();
    let mut graph = GraphBuilder::default();
    let features = transform::write(&mut graph, lifter);
    let numbers = network(&mut graph, layers, precision, features)?;
    let coordinates = if lifter.output_card.sigma {
        let coordinates = graph.split(numbers, [joints_out * 3, joints_out], ["coordinates", "sigma.log"]);
        graph.node("Exp", &["sigma.log"], SIGMA);
        coordinates
    } else {
        numbers
    };
    graph.reshape(coordinates, &[0, joints_out as i64, 3], OUTPUT);
    let mut outputs = vec![ValueInfoProto::batch_of_floats(OUTPUT, &[joints_out, 3])];
    if lifter.output_card.sigma {
        outputs.push(ValueInfoProto::batch_of_floats(SIGMA, &[joints_out]));
    }
    Ok(graph.finish(ValueInfoProto::batch_of_floats(INPUT, &[joints_in, channels]), outputs))
}

/// Gives back the name of the last layer's output, `[batch, J_out·3]` or `[batch, J_out·4]`.
fn network(
    graph: &mut GraphBuilder,
    layers: &Planes,
    precision: Precision,
    features: &'static str,
) -> Result<&'static str> {
    let mut stream = graph.gemms(&layers.input, &vec![features.to_owned(); layers.input.len()]);
    if layers.input_relu {
        stream = graph.relu(&stream, "input");
    }
    let stream = match precision {
        Precision::F32 => {
            residual(graph, &layers.blocks, stream, Inner::Written, |graph, _, layer, x| Ok(graph.gemms(layer, x)))?
        }
        Precision::F16 => half::write(graph, &layers.blocks, stream)?,
        Precision::Int8 => int8::write(graph, &layers.blocks, stream, layers.input_relu)?,
    };
    match &graph.gemms(&layers.output, &stream)[..] {
        [even, odd] => graph.node("Add", &[even, odd], NUMBERS),
        _ => NUMBERS.to_owned(),
    };
    Ok(NUMBERS)
}

//! From a network to the bytes of one self-contained `.onnx`. The same network and card give the same bytes.
//!
//! A layer is one Gemm, or one product for each plane of it; the parts that depend on the pose itself (masks,
//! centring, scaling) are written by `features`. Constants are initialisers in the order that the nodes read them.
//! The first and the last layer are float32 in every precision: they read and write coordinates.

use crate::blocks::{self, InnerRelu};
use crate::builder::{Form, GraphBuilder};
use crate::card::{CARD_KEY, Card};
use crate::hash::weights_sha256;
use crate::memory::{self, Frames};
use crate::names::{
    FEATURES, INPUT_LAYER, INPUT_NAME, MEMORY_NAME, NEXT_MEMORY_NAME, NUMBERS, OUTPUT_LAYER, OUTPUT_NAME, PRODUCER,
    SIGMA_NAME, SINCE_NAME,
};
use crate::network::{Blocks, Network};
use crate::proto::{GraphProto, ModelProto, ValueInfoProto};
use crate::{Result, features, float16, int8};

/// A model file in memory, with the card that it carries.
#[derive(Debug, Clone)]
pub struct WrittenModel {
    /// The card in its metadata.
    pub card: Card,
    /// The file's bytes.
    pub bytes: Vec<u8>,
}

/// Writes `network` with `card`, whose `weights_sha256` is filled in.
///
/// # Errors
/// Parts of the network that do not fit each other, numbers that a file may not hold, a card that contradicts itself.
pub fn write(network: &Network, card: Card) -> Result<WrittenModel> {
    network.check()?;
    file(graph(network, Form::Current), card)
}

/// The file of `graph` with `card`, whose `weights_sha256` is filled in.
///
/// # Errors
/// A card that contradicts itself.
pub(crate) fn file(graph: GraphProto, card: Card) -> Result<WrittenModel> {
    let card = Card { weights_sha256: weights_sha256(&graph), ..card };
    let text = card.to_json();
    Card::from_json(&text)?;
    let model = ModelProto::new(graph, PRODUCER, CARD_KEY, text);
    Ok(WrittenModel { card, bytes: model.to_bytes() })
}

/// The graph of a network whose parts fit each other.
pub(crate) fn graph(network: &Network, form: Form) -> GraphProto {
    let joints_out = network.joints_out;
    let mut graph = GraphBuilder::new(form);
    features::write(&mut graph, network);
    write_layers(&mut graph, network);
    let mut coordinates = NUMBERS;
    let mut inputs = vec![ValueInfoProto::batch_of_floats(INPUT_NAME, &[network.joints_in, network.channels])];
    let mut outputs = vec![ValueInfoProto::batch_of_floats(OUTPUT_NAME, &[joints_out, 3])];
    if network.sigma {
        coordinates = "coordinates";
        let sigma = if network.memory.is_some() { "sigma.frame" } else { SIGMA_NAME };
        graph.split(NUMBERS, [joints_out * 3, joints_out], [coordinates, "sigma.log"]);
        graph.node("Exp", &["sigma.log"], sigma);
        outputs.push(ValueInfoProto::batch_of_floats(SIGMA_NAME, &[joints_out]));
    }
    if let Some(memory) = &network.memory {
        let frames = Frames { coordinates, sigma: "sigma.frame" };
        coordinates = "coordinates.corrected";
        memory::write(&mut graph, memory, joints_out, &frames, &Frames { coordinates, sigma: SIGMA_NAME });
        inputs.push(ValueInfoProto::batch_of_floats(MEMORY_NAME, &[memory.units()]));
        inputs.push(ValueInfoProto::batch_of_floats(SINCE_NAME, &[1]));
        outputs.push(ValueInfoProto::batch_of_floats(NEXT_MEMORY_NAME, &[memory.units()]));
    }
    graph.reshape(coordinates, &[0, joints_out as i64, 3], OUTPUT_NAME);
    graph.finish(inputs, outputs)
}

/// Writes the nodes that give [`NUMBERS`].
fn write_layers(graph: &mut GraphBuilder, network: &Network) {
    let features = vec![FEATURES.to_owned(); network.planes()];
    let mut residual = graph.dense(&network.input, INPUT_LAYER, &features);
    if network.input_relu {
        residual = graph.relu(&residual, INPUT_LAYER);
    }
    let residual = match &network.blocks {
        Blocks::F32(blocks) => blocks::write(graph, blocks, residual, InnerRelu::Node, |graph, place, layer, x| {
            graph.dense(layer, place.name, x)
        }),
        Blocks::F16(blocks) => float16::write(graph, blocks, residual),
        Blocks::Int8(blocks) => int8::write(graph, blocks, residual, network.input_relu),
    };
    if let [even, odd] = &graph.dense(&network.output, OUTPUT_LAYER, &residual)[..] {
        graph.node("Add", &[even, odd], NUMBERS);
    }
}

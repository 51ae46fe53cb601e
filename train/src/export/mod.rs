//! From a trained lifter to the bytes of one self-contained `.onnx`: fold
//! and quantise (algebra on plain arrays), graph (layers to nodes), onnx (the few
//! protobuf messages). The same lifter and card give the same bytes.
//!
//! Nothing here runs a network; [`crate::verify`] does before a file appears.

mod blocks;
mod builder;
pub mod fold;
pub mod graph;
mod half;
mod int8;
pub mod onnx;
mod planes;
pub mod quantise;
mod transform;

use std::collections::BTreeMap;

use poselift::Result;
use poselift::model::{CARD_KEY, CARD_SCHEMA, Card, Metric, NetworkCard, Precision, TrainingCard};
use prost::Message;
use sha2::{Digest, Sha256};

use crate::trained::{Network, TrainedLifter};
use onnx::{GraphProto, ModelProto};
use planes::Planes;

/// What the card says that the trained network itself does not know.
#[derive(Debug, Clone)]
pub struct CardSeed {
    /// The model's name, `coco17`.
    pub name: String,
    /// Dropout probability in training.
    pub dropout: f64,
    /// How it was fitted.
    pub training: TrainingCard,
    /// Named figures.
    pub metrics: BTreeMap<String, Metric>,
}

/// A model file in memory, with the card that it carries.
#[derive(Debug, Clone)]
pub struct Exported {
    /// The card in its metadata.
    pub card: Card,
    /// The file's bytes.
    pub bytes: Vec<u8>,
}

/// Folds a trained lifter and writes it as ONNX, its residual blocks in `precision`.
///
/// # Errors
/// What [`fold::fold`] refuses, a weight beyond the range of the precision, and a card that contradicts itself.
pub fn encode(lifter: &TrainedLifter, seed: &CardSeed, precision: Precision) -> Result<Exported> {
    let layers = Planes::of(&fold::fold(lifter)?);
    let graph = graph::build(lifter, &layers, precision)?;
    let card = card(lifter, seed, network_card(lifter, seed, &layers, precision), &graph);
    let text = card.to_json();
    Card::from_json(&text)?;
    Ok(Exported { card, bytes: ModelProto::new(graph, (CARD_KEY, text)).encode_to_vec() })
}

fn network_card(lifter: &TrainedLifter, seed: &CardSeed, layers: &Planes, precision: Precision) -> NetworkCard {
    NetworkCard {
        blocks: layers.blocks.len(),
        hidden: lifter.network.input.bias.len(),
        dropout: seed.dropout,
        batch_norm: has_batch_norm(&lifter.network),
        parameters: layers.parameters(),
        mirror: lifter.network.twins,
        precision,
    }
}

fn card(lifter: &TrainedLifter, seed: &CardSeed, network: NetworkCard, graph: &GraphProto) -> Card {
    Card {
        schema: CARD_SCHEMA,
        name: seed.name.clone(),
        input: lifter.input_card.clone(),
        output: lifter.output_card.clone(),
        network,
        training: seed.training.clone(),
        metrics: seed.metrics.clone(),
        weights_sha256: weights_sha256(graph),
    }
}

fn has_batch_norm(network: &Network) -> bool {
    std::iter::once(&network.input).chain(network.blocks.iter().flatten()).any(|dense| dense.norm.is_some())
}

/// SHA-256, in hex, of the initialisers' bytes in the order of the graph.
fn weights_sha256(graph: &GraphProto) -> String {
    let mut hash = Sha256::new();
    graph.initializer.iter().for_each(|tensor| hash.update(&tensor.raw_data));
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

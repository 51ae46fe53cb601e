//! From a trained lifter to the bytes of one self-contained `.onnx`: fold, planes and quantise (algebra on plain
//! arrays) give the network that `poselift_onnx` writes. The same lifter and card give the same bytes.
//!
//! Nothing here runs a network; [`crate::verify`] runs it before a file appears.

mod float16;
pub mod fold;
mod folder;
pub mod hub;
pub mod mantissa;
mod network;
mod planes;
pub mod quantise;
pub mod triton;

use std::collections::BTreeMap;

use poselift::Result;
use poselift::model::{CARD_SCHEMA, Card, Metric, NetworkCard, Precision, Quantisation, TrainingCard};
use poselift_onnx::WrittenModel;

use crate::trained::{Network, TrainedLifter};

pub use folder::FolderFile;

/// Facts for the card that the trained network itself does not hold.
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

/// Folds a trained lifter and writes it as ONNX, its residual blocks in `precision`.
///
/// # Errors
/// Errors of [`fold::fold`], a weight beyond the range of the precision, and a card that contradicts itself.
pub fn encode(lifter: &TrainedLifter, seed: &CardSeed, precision: Precision) -> Result<WrittenModel> {
    let layers = planes::Planes::of(&fold::fold(lifter)?);
    let network = network::network(lifter, &layers, precision)?;
    let network_card = NetworkCard {
        blocks: layers.blocks.len(),
        hidden: lifter.network.input.bias.len(),
        dropout: seed.dropout,
        batch_norm: has_batch_norm(&lifter.network),
        parameters: network.parameters(),
        mirror: lifter.network.twins,
        precision,
        quantisation: Quantisation::Dynamic,
    };
    let card = Card {
        schema: CARD_SCHEMA,
        name: seed.name.clone(),
        input: lifter.input_card.clone(),
        output: lifter.output_card.clone(),
        memory: None,
        network: network_card,
        training: seed.training.clone(),
        metrics: seed.metrics.clone(),
        weights_sha256: String::new(),
    };
    Ok(poselift_onnx::write(&network, card)?)
}

fn has_batch_norm(network: &Network) -> bool {
    std::iter::once(&network.input).chain(network.blocks.iter().flatten()).any(|dense| dense.norm.is_some())
}

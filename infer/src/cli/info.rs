//! `poselift info`: what a model file says about itself. Needs no ONNX Runtime.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::report::{Terminal, printable};
use super::{ExitStatus, read_model};
use crate::error::Result;
use crate::model::{
    Card, MEMORY_NAME, MemoryCard, Metric, ModelFile, NEXT_MEMORY_NAME, Precision, Quantisation, SIGMA_NAME,
    SINCE_NAME, Tensor, View,
};

/// Show what a model says about itself: its card, tensors, operators and size
///
/// Every model gives `pose`, [batch, J_out, 3]; some also give `sigma`, [batch, J_out], the distance that 68 % of each
/// joint's errors stay within, as the model itself expects it (`poselift run --sigma`). Its view is `subject` if
/// people must first be turned to the optical axis, and `camera` if not.
#[derive(Debug, Args)]
pub(super) struct InfoArgs {
    /// A model file, or the name of a built-in model [default: coco17]
    #[arg(value_name = "MODEL")]
    model: Option<PathBuf>,
    /// As one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &InfoArgs) -> Result<ExitStatus> {
    let file = read_model(args.model.as_ref())?;
    let intact = file.weights_sha256() == file.card().weights_sha256;
    let text = if args.json { format!("{:#}\n", as_json(&file, intact)) } else { as_text(&file, intact) };
    std::io::stdout().write_all(text.as_bytes())?;
    if !intact {
        Terminal::new(false).warning(&format!(
            "{}: the weights are not those that the card was written for (SHA-256 differs)",
            file.name().display()
        ));
    }
    Ok(ExitStatus::partly_if(!intact))
}

fn as_json(file: &ModelFile, intact: bool) -> Value {
    let graph = file.graph();
    json!({
        "file": file.name().display().to_string(),
        "bytes": file.bytes().len(),
        "ir_version": graph.ir_version,
        "opset": graph.opset,
        "producer": graph.producer,
        "inputs": in_words(&graph.inputs),
        "outputs": in_words(&graph.outputs),
        "operators": graph.operators,
        "weights_sha256": file.weights_sha256(),
        "weights_match_card": intact,
        "card": file.card(),
    })
}

fn in_words(tensors: &[Tensor]) -> Vec<String> {
    tensors.iter().map(ToString::to_string).collect()
}

fn as_text(file: &ModelFile, intact: bool) -> String {
    let card = file.card();
    let graph = file.graph();
    let mut rows: Vec<(&str, String)> = vec![
        ("model", card.name.clone()),
        ("file", format!("{}, {:.1} MB", file.name().display(), file.bytes().len() as f64 / 1e6)),
        ("format", format!("ONNX IR {}, opset {}, by {}", graph.ir_version, graph.opset, graph.producer)),
    ];
    rows.extend(graph.inputs.iter().map(|tensor| ("input", format!("{tensor}, {}", describe_input(tensor, card)))));
    rows.push(("view", describe_view(card.input.view).to_owned()));
    rows.extend(graph.outputs.iter().map(|tensor| ("output", format!("{tensor}, {}", describe_output(tensor, card)))));
    rows.push(("joints in", card.input.joints.join(" ")));
    rows.push(("joints out", card.output.joints.join(" ")));
    rows.push(("network", describe_network(file)));
    rows.extend(card.memory.iter().map(|memory| ("memory", describe_memory(memory))));
    rows.push(("training", describe_training(file)));
    rows.extend(card.training.data.iter().map(|data| ("data", format!("{} ({})", data.name, data.licence))));
    rows.extend(card.metrics.iter().map(|(name, metric)| ("metric", describe_metric(name, metric))));
    let operators: Vec<_> = graph.operators.iter().map(|(name, count)| format!("{name} {count}")).collect();
    rows.push(("operators", operators.join(", ")));
    rows.push(("weights", if intact { "as the card says (SHA-256)" } else { "NOT those of the card" }.to_owned()));
    let mut text = String::new();
    for (name, value) in rows {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<11} {}", printable(&value));
    }
    text
}

fn describe_view(view: View) -> &'static str {
    match view {
        View::Camera => "camera: people as the camera shows them",
        View::Subject => "subject: people turned to the optical axis first, where the image size is known",
    }
}

fn describe_input<'a>(tensor: &Tensor, card: &'a Card) -> &'a str {
    match tensor.name.as_str() {
        MEMORY_NAME => "what the output next_memory gave for the person's last frame; 0 for a new person",
        SINCE_NAME => "seconds since the person's last frame; 0 for a new person",
        _ => &card.input.layout,
    }
}

fn describe_output(tensor: &Tensor, card: &Card) -> String {
    let output = &card.output;
    match tensor.name.as_str() {
        SIGMA_NAME => return format!("{}, what 68 % of a joint's errors stay within", output.unit),
        NEXT_MEMORY_NAME => return "what is remembered of the person".to_owned(),
        _ => {}
    }
    format!("{}, {}, {} axes", output.skeleton, output.unit, output.axes)
}

fn describe_metric(name: &str, Metric { value, unit, on }: &Metric) -> String {
    let digits = if value.abs() < 1.0 { 3 } else { 1 };
    format!("{name} {value:.digits$} {unit} on {on}")
}

fn describe_network(file: &ModelFile) -> String {
    let network = &file.card().network;
    let norm = if network.batch_norm { "BatchNorm folded" } else { "no BatchNorm" };
    let blocks = network.blocks;
    let hidden = network.hidden;
    let parameters = network.parameters;
    let dropout = network.dropout;
    let precision = match (network.precision, network.quantisation) {
        (Precision::Int8, Quantisation::Qdq) => "int8 with fixed scales (QDQ around products)".to_owned(),
        (Precision::Int8, Quantisation::QdqFull) => "int8 with fixed scales (QDQ around every hidden node)".to_owned(),
        (precision, _) => precision.to_string(),
    };
    let mirror = if network.mirror { ", mirror-equivariant" } else { "" };
    format!("{blocks} blocks of {hidden}, dropout {dropout}, {norm}, {parameters} parameters, {precision}{mirror}")
}

fn describe_memory(memory: &MemoryCard) -> String {
    let MemoryCard { units, longest_gap, frames, training } = memory;
    let data: Vec<_> = training.data.iter().map(|data| format!("{} ({})", data.name, data.licence)).collect();
    format!(
        "{units} numbers a person, forgotten after {longest_gap} s; behind {frames}; {} frames of {}",
        training.samples,
        data.join(", ")
    )
}

fn describe_training(file: &ModelFile) -> String {
    let training = &file.card().training;
    let commit = training.commit.as_deref().map(|commit| format!(", commit {commit}")).unwrap_or_default();
    let teacher = training.teacher.as_deref().map(|teacher| format!(", distilled from {teacher}")).unwrap_or_default();
    let init = training.init.as_deref().map(|init| format!(", initialised from {init}")).unwrap_or_default();
    let average = training.ema.map(|decay| format!(", EMA {decay}")).unwrap_or_default();
    format!(
        "{} epochs, {} samples, batch {}, {} at {}{average}, seed {}{commit}{init}{teacher}",
        training.epochs, training.samples, training.batch, training.optimiser, training.learning_rate, training.seed,
    )
}

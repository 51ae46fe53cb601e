//! What was written and how it compares, on stderr and with `--json` on stdout.

use std::io::Write;

use poselift::Result;
use poselift::model::{Card, Isa, Precision, Quantisation};
use serde_json::{Value, json};

use super::{ExportArgs, Exported};
use crate::verify::{self, MAX_LOSS_MM, PrecisionCost, Verification};

pub(super) fn report(args: &ExportArgs, exported: &Exported) -> Result<()> {
    let Exported { card, bytes, verification, loss } = exported;
    let target = args.target();
    eprintln!(
        "{}: '{}', {}, {} parameters, {:.1} MB",
        target.path().display(),
        card.name,
        described(card),
        card.network.parameters,
        bytes.len() as f64 / 1e6,
    );
    if let Some(verification) = verification {
        report_verification(card, verification);
    }
    loss.iter().for_each(report_cost);
    if args.json {
        let loss = loss.as_ref().map(|loss| json!({"mpjpe": loss.found, "f32": loss.exact, "moved": loss.moved, "unit": loss.unit, "on": loss.on}));
        let summary = json!({
            "model": target.path(), "name": card.name, "bytes": bytes.len(), "parameters": card.network.parameters,
            "precision": card.network.precision, "quantisation": card.network.quantisation, "loss": loss,
            "weights_sha256": card.weights_sha256,
            "verification": verification.as_ref().map(|verification| summary_of(card, verification)),
        });
        writeln!(std::io::stdout(), "{summary}")?;
    }
    Ok(())
}

fn described(card: &Card) -> String {
    match card.network.quantisation {
        Quantisation::Dynamic => card.network.precision.to_string(),
        fixed => format!("{} ({fixed})", card.network.precision),
    }
}

/// The precision of the file that was compared with the trained network: float32 for a file with fixed scales.
fn compared_precision(card: &Card) -> Precision {
    if card.network.quantisation == Quantisation::Dynamic { card.network.precision } else { Precision::F32 }
}

/// The kernels' names, as `--json` has them.
pub(in crate::cli) fn names(kernels: &[Isa]) -> Vec<&'static str> {
    kernels.iter().map(|isa| isa.name()).collect()
}

fn summary_of(card: &Card, verification: &Verification) -> Value {
    let tolerance = verify::tolerance(compared_precision(card));
    json!({
        "worst": verification.worst(), "judged": verification.judged(tolerance), "tolerance": tolerance.most(),
        "classes": verification.classes, "kernels": names(&verification.kernels),
    })
}

fn report_verification(card: &Card, verification: &Verification) {
    let tolerance = verify::tolerance(compared_precision(card));
    let judged = verification.judged(tolerance);
    eprint!("{verification}");
    let which = if card.network.quantisation == Quantisation::Dynamic { "agrees" } else { "its float32 form agrees" };
    eprintln!(
        "  {which} with the trained network in ONNX Runtime on {} poses to {judged:.1e} of the pose's size (at most {tolerance})",
        verification.poses()
    );
    let has_kernels = card.network.quantisation == Quantisation::Dynamic;
    report_kernels(if has_kernels { &verification.kernels } else { &[] });
}

/// Says on stderr which of our own kernels run the file, and which of this processor do not.
pub(in crate::cli) fn report_kernels(kernels: &[Isa]) {
    match kernels {
        [] => eprintln!("  no kernels of our own for it on this processor: ONNX Runtime runs it"),
        some => {
            eprintln!("  our own kernels agree with ONNX Runtime: {}", names(some).join(", "));
            let others: Vec<Isa> = Isa::available().filter(|isa| !some.contains(isa)).collect();
            if !others.is_empty() {
                eprintln!("  no kernels of {} for this width", names(&others).join(", "));
            }
        }
    }
}

fn report_cost(loss: &PrecisionCost) {
    let PrecisionCost { exact, found, moved, unit, on } = loss;
    eprintln!(
        "  MPJPE {found:.2} {unit}, {exact:.2} in f32: {:+.3} {unit}; joints move by {moved:.2} {unit} on the mean ({on})",
        loss.lost()
    );
    if loss.is_too_much() {
        eprintln!("  this loses more than {MAX_LOSS_MM} mm: prefer --precision f32");
    }
}

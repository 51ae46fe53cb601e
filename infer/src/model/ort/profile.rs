//! Finds out by a profile where a network really runs.
//!
//! ONNX Runtime chooses a device for each operator and does not report it. Its profile does: one pose is run under
//! it, and the matrix products, which are nearly all of the work, must be on the requested device.

use std::path::Path;

use ndarray::Array3;
use ort::session::builder::SessionBuilder;
use ort::value::TensorRef;
use serde::Deserialize;

use crate::model::{INPUT_NAME, ModelFile};

/// Builds a session and runs one pose; returns the session and the provider's name of its matrix products.
pub(super) fn build_and_watch(
    builder: SessionBuilder,
    file: &ModelFile,
) -> Result<(ort::session::Session, String), String> {
    let prefix = std::env::temp_dir().join(format!("poselift-{}-profile", std::process::id()));
    let mut builder = builder.with_profiling(prefix).map_err(words)?;
    let mut session = builder.commit_from_memory(file.bytes()).map_err(words)?;
    let input = &file.card().input;
    let keypoints = Array3::<f32>::zeros((1, input.joints.len(), input.channels));
    let tensor = TensorRef::from_array_view(&keypoints).map_err(words)?;
    session.run(ort::inputs![INPUT_NAME => tensor]).map_err(words)?;
    let path = session.end_profiling().map_err(words)?;
    let text = std::fs::read_to_string(&path).map_err(|error| format!("cannot read {path}: {error}"));
    // The profile is no longer needed; a file that cannot be removed from the temporary folder does no harm.
    let _ = std::fs::remove_file(Path::new(&path));
    Ok((session, provider_of_products(&text?)?))
}

fn words<R>(error: ort::Error<R>) -> String {
    error.message().to_owned()
}

#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    args: Arguments,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Arguments {
    op_name: String,
    provider: String,
}

/// The provider that ran every matrix product of a profile.
fn provider_of_products(profile: &str) -> Result<String, String> {
    let events: Vec<Event> = serde_json::from_str(profile).map_err(|error| format!("unreadable profile: {error}"))?;
    let mut providers: Vec<_> = events
        .into_iter()
        .filter(|event| is_product(&event.args.op_name) && !event.args.provider.is_empty())
        .map(|event| event.args.provider)
        .collect();
    providers.sort();
    providers.dedup();
    match providers.len() {
        0 => Err("ONNX Runtime does not say where the network ran".to_owned()),
        _ => Ok(providers.join(" and ")),
    }
}

/// Whether an operator of this name is a matrix product. OpenVINO replaces all supported nodes by one, named after itself.
fn is_product(name: &str) -> bool {
    ["Gemm", "MatMul", "OpenVINO"].iter().any(|product| name.contains(product))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ort::library;
    use crate::model::small_model::SmallModel;

    #[test]
    fn a_session_on_the_cpu_is_seen_there() {
        let file = ModelFile::from_bytes("small.onnx", SmallModel::default().to_bytes()).unwrap();
        let runtime = library::runtime(false).unwrap();
        let builder = ort::session::Session::builder(&runtime.environment).unwrap();
        let (_session, provider) = build_and_watch(builder, &file).unwrap();
        assert_eq!(provider, "CPUExecutionProvider");
    }

    #[test]
    fn only_matrix_products_count() {
        let event = |op: &str, on: &str| format!(r#"{{"name":"x","args":{{"op_name":"{op}","provider":"{on}"}}}}"#);
        let both = [event("Gemm", "CUDA"), event("Reshape", "CPU"), r#"{"name":"load"}"#.to_owned()];
        assert_eq!(provider_of_products(&format!("[{}]", both.join(","))).unwrap(), "CUDA");
        assert!(provider_of_products("[]").is_err());
        let split = [event("Gemm", "CUDA"), event("FusedGemm", "CPU")];
        assert_eq!(provider_of_products(&format!("[{}]", split.join(","))).unwrap(), "CPU and CUDA");
    }
}

//! A model repository for NVIDIA Triton: the model's folder with `config.pbtxt` and one version.
//!
//! The configuration is protobuf text, message `inference.ModelConfig`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use poselift::Result;
use poselift::model::{INPUT_NAME, ModelFile, OUTPUT_NAME, SIGMA_NAME};

use super::folder::FolderFile;

/// Poses of the largest batch that requests are gathered into.
pub const MAX_BATCH: usize = 256;

/// How long a request waits for others at most, while the model is idle otherwise.
const MAX_DELAY_MICROSECONDS: u32 = 500;

/// Where the files of the model `name` lie in the repository.
pub fn paths(name: &str) -> [PathBuf; 2] {
    let folder = Path::new(name);
    [folder.join("config.pbtxt"), folder.join("1/model.onnx")]
}

/// The files of the repository that hold `model` as `name`.
///
/// # Errors
/// The weights are not those of the card.
pub fn files(model: &ModelFile, name: &str) -> Result<Vec<FolderFile>> {
    model.check_weights()?;
    let [configuration_path, model_path] = paths(name);
    Ok(vec![
        FolderFile::new(configuration_path, configuration(model, name)),
        FolderFile::new(model_path, model.bytes()),
    ])
}

fn configuration(model: &ModelFile, name: &str) -> String {
    let card = model.card();
    let keypoints = [card.input.joints.len(), card.input.channels];
    let joints = card.output.joints.len();
    let mut outputs = vec![tensor(OUTPUT_NAME, &[joints, 3])];
    if card.output.sigma {
        outputs.push(tensor(SIGMA_NAME, &[joints]));
    }
    let mut text = format!(
        "# Key points {keypoints:?} a person ({}: pixels, and scores where there are three numbers) to poses [{joints}, 3] in {}.\n\
         name: {}\nbackend: \"onnxruntime\"\nmax_batch_size: {MAX_BATCH}\n\
         input [ {} ]\noutput [ {} ]\n",
        card.input.layout.escape_debug(),
        card.output.unit.name().escape_debug(),
        quoted(name),
        tensor(INPUT_NAME, &keypoints),
        outputs.join(", "),
    );
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "# People of several requests are lifted as one batch.\n\
         dynamic_batching {{ max_queue_delay_microseconds: {MAX_DELAY_MICROSECONDS} }}\n\
         # One on each GPU, or one on the CPU where there is none.\n\
         instance_group [ {{ count: 1 kind: KIND_AUTO }} ]\n\
         # The first request waits for no memory to be allocated.\n\
         model_warmup [ {}, {} ]\n",
        warm_up("one person", 1, &keypoints),
        warm_up("a full batch", MAX_BATCH, &keypoints),
    );
    text
}

fn tensor(name: &str, dims: &[usize]) -> String {
    format!("{{ name: {} data_type: TYPE_FP32 dims: {dims:?} }}", quoted(name))
}

fn warm_up(name: &str, batch: usize, dims: &[usize]) -> String {
    let value = format!("{{ data_type: TYPE_FP32 dims: {dims:?} random_data: true }}");
    let inputs = format!("inputs {{ key: {} value {value} }}", quoted(INPUT_NAME));
    format!("{{ name: {} batch_size: {batch} {inputs} }}", quoted(name))
}

/// A string of protobuf text.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_default())
}

//! A model as a folder that a model hub takes in: the ONNX file, its weights as safetensors, a configuration, and a model card in
//! Markdown whose metadata are YAML, as Hugging Face reads them.

use std::collections::HashMap;
use std::fmt::Write as _;

use poselift::model::{
    CARD_KEY, Card, MEMORY_NAME, MemoryCard, Metric, ModelFile, NEXT_MEMORY_NAME, Precision, SINCE_NAME,
};
use poselift::{Error, Result};
use poselift_onnx::proto::TensorProto;
use poselift_onnx::{Element, Model};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};

use super::folder::FolderFile;

/// The hubs' name of a task on key points; they have none for lifting them.
const PIPELINE: &str = "keypoint-detection";

/// The names of the files.
pub const FILES: [&str; 4] = ["model.onnx", "model.safetensors", "config.json", "README.md"];

/// The files for `model` under the licence `licence`, an identifier as hubs have it.
///
/// # Errors
/// The weights are not those of the card, or a tensor is of a type that safetensors lacks.
pub fn files(model: &ModelFile, licence: &str) -> Result<Vec<FolderFile>> {
    model.check_weights()?;
    let tensors = Tensors::of(model)?;
    let configuration = format!("{:#}\n", configuration(model.card()));
    let contents: [Vec<u8>; 4] = [
        model.bytes().to_vec(),
        tensors.to_bytes(model.card())?,
        configuration.into_bytes(),
        card(model, licence).into_bytes(),
    ];
    Ok(FILES.into_iter().zip(contents).map(|(name, bytes)| FolderFile::new(name, bytes)).collect())
}

/// The numbers of a model's layers.
struct Tensors(Vec<TensorProto>);

impl Tensors {
    /// Those of layers, the memory's too; constants of the way from key points to features are the same in each file and left out.
    fn of(model: &ModelFile) -> Result<Self> {
        let decoded = Model::decode(model.bytes().to_vec().into());
        let decoded = decoded.ok_or_else(|| Error::model("is no ONNX model").at(model.name()))?;
        let graph = decoded.proto().graph.as_ref().into_iter();
        let tensors = graph.flat_map(|graph| &graph.initializer);
        Ok(Self(tensors.filter(|tensor| is_learned(tensor)).cloned().collect()))
    }

    fn to_bytes(&self, card: &Card) -> Result<Vec<u8>> {
        let mut views = Vec::new();
        for tensor in &self.0 {
            views.push((tensor.name.as_str(), view(tensor)?));
        }
        // One entry, as the crate writes several in any order.
        let metadata = HashMap::from([(CARD_KEY.to_owned(), card.to_json())]);
        safetensors::serialize(views, &Some(metadata))
            .map_err(|error| Error::model(format!("cannot be written as safetensors: {error}")))
    }
}

fn is_learned(tensor: &TensorProto) -> bool {
    let starts = ["input", "block", "output", "feature_mean", "memory."];
    starts.iter().any(|start| tensor.name.starts_with(start)) && tensor.data_type != INT64
}

/// The tensor as safetensors has it.
fn view(tensor: &TensorProto) -> Result<TensorView<'_>> {
    let Some(dtype) = dtype(tensor.data_type) else {
        return Err(Error::model(format!("{}: type {}", tensor.name, tensor.data_type)));
    };
    let dims = tensor.dims.iter().map(|&dim| dim as usize).collect();
    TensorView::new(dtype, dims, &tensor.raw_data).map_err(|error| Error::model(format!("{}: {error}", tensor.name)))
}

/// ONNX's number of int64, which only shapes have.
const INT64: i32 = 7;

fn dtype(onnx: i32) -> Option<Dtype> {
    Some(match onnx {
        f32::DATA_TYPE => Dtype::F32,
        half::f16::DATA_TYPE => Dtype::F16,
        i8::DATA_TYPE => Dtype::I8,
        u8::DATA_TYPE => Dtype::U8,
        i32::DATA_TYPE => Dtype::I32,
        _ => return None,
    })
}

/// The model's own card under the keys that tools look for.
fn configuration(card: &Card) -> Value {
    json!({ "model_type": "poselift", "library_name": "poselift", "card": card })
}

/// The model card in Markdown.
fn card(model: &ModelFile, licence: &str) -> String {
    let card = model.card();
    let mut text = metadata(card, licence);
    let input = &card.input;
    let output = &card.output;
    let numbers =
        if input.channels == 3 { "x, y in pixels and a score, 0 where a joint is missing" } else { "x, y in pixels" };
    let sigma = if output.sigma {
        ", and `sigma` `[N, J_out]`, the distance that 68 % of a joint's errors stay within"
    } else {
        ""
    };
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "\n# {name}\n\nLifts 2D key points of a person to a 3D pose. Made with poselift.\n\n\
         | | |\n|---|---|\n\
         | input | `keypoints` `[N, {joints_in}, {channels}]`: {layout}; {numbers} |\n\
         | output | `pose` `[N, {joints_out}, 3]`: {skeleton} in {unit}, {axes} axes (x right, y down, z forward){sigma} |\n\
         {memory}| network | {blocks} blocks of {hidden}, {parameters} parameters, {precision} |\n\
         | data | {data} |\n",
        name = markdown(&card.name),
        joints_in = input.joints.len(),
        channels = input.channels,
        layout = markdown(&input.layout),
        joints_out = output.joints.len(),
        skeleton = markdown(&output.skeleton),
        unit = markdown(output.unit.name()),
        axes = output.axes,
        memory = card.memory.as_ref().map(memory).unwrap_or_default(),
        blocks = card.network.blocks,
        hidden = card.network.hidden,
        parameters = card.network.parameters,
        precision = card.network.precision,
        data = data(card),
    );
    text += &use_of(card);
    text += &tensors(card);
    if !card.metrics.is_empty() {
        text += "\n## Figures\n\n| figure | value | measured on |\n|---|---|---|\n";
        for (name, Metric { value, unit, on }) in &card.metrics {
            let _ = writeln!(text, "| {} | {value:.3} {} | {} |", markdown(name), markdown(unit), markdown(on));
        }
    }
    text
}

/// Quoted and escaped.
fn json_string(text: &str) -> String {
    Value::from(text).to_string()
}

/// The header of the description, in YAML between lines of dashes. Strings are written as in JSON, which is YAML too.
fn metadata(card: &Card, licence: &str) -> String {
    let name = json_string(&card.name);
    let mut text = format!(
        "---\nlibrary_name: poselift\npipeline_tag: {PIPELINE}\nlicense: {}\ntags:\n\
         - pose-estimation\n- human-pose\n- 3d\n- onnx\n- safetensors\n- poselift\n",
        json_string(licence)
    );
    let metrics: Vec<_> = card.metrics.iter().collect();
    if metrics.is_empty() {
        return text + "---\n";
    }
    text += "metrics:\n";
    for (metric, _) in &metrics {
        let _ = writeln!(text, "- {}", json_string(metric));
    }
    let _ = write!(text, "model-index:\n- name: {name}\n  results:\n");
    for (metric, Metric { value, unit, on }) in &metrics {
        let _ = write!(
            text,
            "  - task:\n      type: {PIPELINE}\n      name: 2D to 3D pose lifting\n\
             \x20   dataset:\n      type: {on}\n      name: {on}\n\
             \x20   metrics:\n    - type: {kind}\n      name: {title}\n      value: {value}\n",
            on = json_string(on),
            kind = json_string(metric),
            title = json_string(&format!("{metric}, {unit}")),
        );
    }
    text + "---\n"
}

fn data(card: &Card) -> String {
    let sources =
        card.training.data.iter().map(|data| format!("{} ({})", markdown(&data.name), markdown(&data.licence)));
    let sources: Vec<_> = sources.collect();
    if sources.is_empty() { "none".to_owned() } else { sources.join("; ") }
}

/// The row of what a model remembers.
fn memory(MemoryCard { units, .. }: &MemoryCard) -> String {
    format!(
        "| memory | `{MEMORY_NAME}` `[N, {units}]`, what is remembered of each person, and `{SINCE_NAME}` `[N, 1]`, seconds since the \
         person's last frame, go in; `{NEXT_MEMORY_NAME}` `[N, {units}]` comes out |\n"
    )
}

fn use_of(card: &Card) -> String {
    format!(
        "\n## Use\n\n```sh\nposelift run --model model.onnx keypoints.jsonl -o poses.jsonl\n```\n\n\
         ```python\nimport numpy as np\nimport onnxruntime\n\n\
         session = onnxruntime.InferenceSession(\"model.onnx\")\n\
         keypoints = np.zeros((1, {}, {}), np.float32)  # a person's key points in pixels\n{}```\n\n\
         The bare file knows no image: `poselift` also turns people to the optical axis first, where the model expects it \
         (`input.view` in `config.json`).\n",
        card.input.joints.len(),
        card.input.channels,
        call(card),
    )
}

/// The lines of Python that run a session: of a model with a memory, for one frame after another.
fn call(card: &Card) -> String {
    match &card.memory {
        None => {
            let outputs = if card.output.sigma { "pose, sigma" } else { "[pose]" };
            format!("{outputs} = session.run(None, {{\"keypoints\": keypoints}})\n")
        }
        Some(MemoryCard { units, .. }) => format!(
            "memory = np.zeros((1, {units}), np.float32)  # what is remembered: nothing of a new person\n\
             since = np.zeros((1, 1), np.float32)  # seconds since the person's last frame, 0 for a new person\n\
             for _ in range(2):  # frame by frame\n    \
             inputs = {{\"keypoints\": keypoints, \"{MEMORY_NAME}\": memory, \"{SINCE_NAME}\": since}}\n    \
             pose, sigma, memory = session.run([\"pose\", \"sigma\", \"{NEXT_MEMORY_NAME}\"], inputs)\n    \
             since[:] = 1 / 30\n"
        ),
    }
}

fn tensors(card: &Card) -> String {
    let layer = match card.network.precision {
        Precision::Int8 => "Hidden layers hold codes of 8 bits, and the scale of each output.",
        Precision::F16 => "Hidden layers are in float16.",
        Precision::F32 => "All are in float32.",
    };
    let memory = if card.memory.is_some() {
        " Those of `memory` read the features, `pose` and `sigma` of a single frame, and what is remembered; they are in float32."
    } else {
        ""
    };
    let planes = if card.network.mirror {
        " Of each layer there are two matrices: `even` multiplies the sum of two units that a mirror exchanges, `odd` their difference."
    } else {
        ""
    };
    format!(
        "\n## Files\n\n- `model.onnx`: key points to poses, normalisation included.\n\
         - `model.safetensors`: the numbers of its layers under the same names; y = x·weight + bias, weights `[in, out]`, BatchNorm and \
         normalisation folded in. {layer}{planes}{memory}\n\
         - `config.json`: the card of the model: joints, their parents, units, training, figures.\n"
    )
}

/// Text that is no Markdown of its own and stays in its cell.
fn markdown(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars().map(|character| if character.is_control() { ' ' } else { character }) {
        if matches!(character, '|' | '<' | '>' | '`' | '*' | '_' | '[' | ']' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

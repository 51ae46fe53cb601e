//! A model file before it runs: its bytes, its card, and whether the two fit.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::onnx::{self, Dimension, FLOAT32, Graph, Tensor};
use super::{CARD_KEY, Card};
use crate::error::{Error, Result};

/// The name of the tensor that goes in.
pub const INPUT_NAME: &str = "keypoints";

/// The name of the tensor that comes out.
pub const OUTPUT_NAME: &str = "pose";

/// The name of the tensor that comes out beside it, of models that say how sure they are.
pub const SIGMA_NAME: &str = "sigma";

/// A model file whose card fits its tensors.
#[derive(Debug, Clone)]
pub struct ModelFile {
    name: PathBuf,
    bytes: Cow<'static, [u8]>,
    graph: Graph,
    card: Card,
    /// The same network as a CPU runs it faster.
    twin: Option<Box<ModelFile>>,
    /// Whether it is a part of the program.
    is_bundled: bool,
}

impl ModelFile {
    /// Reads the model at `path`.
    ///
    /// # Errors
    /// A file that cannot be read, or that is no model of ours: see [`Self::from_bytes`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        if path.is_dir() {
            return Err(Error::model("is a directory, expected a model file (.onnx)").at(path));
        }
        let bytes = std::fs::read(path).map_err(|source| Error::io("cannot read the model", path, source))?;
        Self::from_bytes(path, bytes)
    }

    /// Takes the model in `bytes`; errors call it `name`.
    ///
    /// # Errors
    /// Bytes that are no ONNX model, hold no card, or whose card does not fit the tensors.
    pub fn from_bytes(name: impl AsRef<Path>, bytes: impl Into<Cow<'static, [u8]>>) -> Result<Self> {
        let (name, bytes) = (name.as_ref(), bytes.into());
        let graph = onnx::read_graph(&bytes).ok_or_else(|| not_onnx(&bytes).at(name))?;
        let card = read_card(&graph).map_err(|error| error.at(name))?;
        Ok(Self { name: name.to_path_buf(), bytes, graph, card, twin: None, is_bundled: false })
    }

    /// The same model, which a CPU takes `twin` for: the same joints from the same network, in a precision that a CPU
    /// multiplies faster.
    pub(super) fn with_twin_for_cpus(self, twin: Self) -> Self {
        Self { twin: Some(Box::new(twin)), ..self }
    }

    /// The same model, known to be a part of the program.
    pub(super) fn of_the_program(self) -> Self {
        Self { is_bundled: true, ..self }
    }

    /// Whether it is a part of the program: another program, another model.
    pub(super) fn is_bundled(&self) -> bool {
        self.is_bundled
    }

    /// What a CPU runs in place of this file: a faster twin, or the file itself.
    pub fn for_cpus(&self) -> &Self {
        self.twin.as_deref().unwrap_or(self)
    }

    /// The model in each precision that it comes in, each a file of its own.
    pub(crate) fn forms(&self) -> Vec<Self> {
        let alone = Self { twin: None, ..self.clone() };
        std::iter::once(alone).chain(self.twin.as_deref().cloned()).collect()
    }

    /// The path that the model was read from, or the name it was given.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// The file's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The file's graph from outside.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// What the model says about itself.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// SHA-256, in hex, of the weights that are really in the file; the card's `weights_sha256` promises it.
    pub fn weights_sha256(&self) -> String {
        onnx::weights_sha256(&self.bytes).unwrap_or_default()
    }
}

fn not_onnx(bytes: &[u8]) -> Error {
    if bytes.is_empty() {
        return Error::model("is empty, expected an ONNX model");
    }
    let start = &bytes[..bytes.len().min(24)];
    let message = match std::str::from_utf8(start) {
        Ok(text) if text.chars().all(|c| !c.is_control() || c.is_whitespace()) => {
            format!("is no ONNX model: it is text that begins with {text:?}")
        }
        _ => "is no ONNX model, or it is cut off".to_owned(),
    };
    Error::model(message)
}

fn read_card(graph: &Graph) -> Result<Card> {
    let text = graph.metadata.get(CARD_KEY).ok_or_else(|| {
        Error::model(format!("is an ONNX model without a card (metadata key {CARD_KEY})")).hint(
            "poselift runs models that poselift-train export wrote: the card says which joints go in and come out",
        )
    })?;
    let card = Card::from_json(text)?;
    let joints = card.output.joints.len();
    let input = expected_tensor(INPUT_NAME, &[card.input.joints.len(), card.input.channels]);
    let pose = expected_tensor(OUTPUT_NAME, &[joints, 3]);
    let outputs = match card.output.sigma {
        false => vec![pose],
        true => vec![pose, expected_tensor(SIGMA_NAME, &[joints])],
    };
    check_tensors("input", &graph.inputs, &[input])?;
    check_tensors("output", &graph.outputs, &outputs)?;
    Ok(card)
}

/// The tensor `name`, float32 `[batch, sizes…]`.
fn expected_tensor(name: &str, sizes: &[usize]) -> Tensor {
    let sizes = sizes.iter().map(|&size| Dimension::Fixed(size as u64));
    let shape = std::iter::once(Dimension::Dynamic("batch".to_owned())).chain(sizes).collect();
    Tensor { name: name.to_owned(), element_type: FLOAT32, shape }
}

/// Checks that the tensors on one side are those `expected`, in any order; their first dimension may have any name.
fn check_tensors(side: &str, found: &[Tensor], expected: &[Tensor]) -> Result<()> {
    let fits = |found: &Tensor, expected: &Tensor| {
        let same_type = (&found.name, found.element_type) == (&expected.name, expected.element_type);
        let sizes = &expected.shape[1..];
        same_type && matches!(found.shape.as_slice(), [Dimension::Dynamic(_), rest @ ..] if rest == sizes)
    };
    let all_there = expected.iter().all(|expected| found.iter().any(|found| fits(found, expected)));
    if all_there && found.len() == expected.len() {
        return Ok(());
    }
    let words = |tensors: &[Tensor]| match tensors {
        [] => "none".to_owned(),
        some => some.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and "),
    };
    let (found, expected) = (words(found), words(expected));
    Err(Error::model(format!("the model does not fit its card: found {side} {found}, expected {expected}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

    use super::super::small_model::SmallModel;
    use super::*;

    fn refusal(bytes: Vec<u8>) -> String {
        ModelFile::from_bytes("m.onnx", bytes).unwrap_err().to_string()
    }

    #[test]
    fn a_model_with_its_card_is_taken() {
        let file = ModelFile::from_bytes("m.onnx", SmallModel::default().to_bytes()).unwrap();
        assert_eq!(file.card().input.layout, "coco17");
        assert_eq!(file.weights_sha256().len(), 64);
        let with_sigma = SmallModel { sigma: true, ..SmallModel::default() };
        let file = ModelFile::from_bytes("m.onnx", with_sigma.to_bytes()).unwrap();
        assert!(file.card().output.sigma && file.graph().outputs.len() == 2);
    }

    #[test]
    fn what_is_no_model_of_ours_is_refused_and_said_why() {
        let small = SmallModel::default();
        let other_channels = SmallModel { card_channels: 2, ..SmallModel::default() };
        let other_name = SmallModel { input_name: "input_1", ..SmallModel::default() };
        let promised = SmallModel { card_sigma: Some(true), ..SmallModel::default() };
        let concealed = SmallModel { sigma: true, card_sigma: Some(false), ..SmallModel::default() };
        let cut = small.to_bytes()[..500].to_vec();
        for (bytes, expected) in [
            (Vec::new(), "is empty"),
            (b"# A model\n".to_vec(), "it is text that begins with \"# A model\\n\""),
            (cut, "cut off"),
            (SmallModel { with_card: false, ..SmallModel::default() }.to_bytes(), "without a card"),
            (
                other_channels.to_bytes(),
                "found input keypoints float32 [batch, 17, 3], expected keypoints float32 [batch, 17, 2]",
            ),
            (other_name.to_bytes(), "found input input_1 float32 [batch, 17, 3], expected keypoints"),
            (
                promised.to_bytes(),
                "found output pose float32 [batch, 17, 3], expected pose float32 [batch, 17, 3] and sigma float32 \
                 [batch, 17]",
            ),
            (
                concealed.to_bytes(),
                "found output pose float32 [batch, 17, 3] and sigma float32 [batch, 17], expected pose float32 \
                 [batch, 17, 3]",
            ),
        ] {
            let message = refusal(bytes);
            assert!(message.starts_with("m.onnx: ") && message.contains(expected), "{message}");
        }
    }

    #[test]
    fn a_directory_is_named_as_one() {
        let folder = tempfile::tempdir().unwrap();
        let message = ModelFile::read(folder.path()).unwrap_err().to_string();
        assert!(message.contains("is a directory"), "{message}");
    }
}

//! A model file before it runs: its bytes, its card, and whether the two match.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use poselift_onnx::names::{INPUT_NAME, MEMORY_NAME, NEXT_MEMORY_NAME, OUTPUT_NAME, SIGMA_NAME, SINCE_NAME};
use poselift_onnx::{Dimension, FLOAT32, Graph, Model, Network, Tensor, WeightsDigest};

use super::{CARD_KEY, Card};
use crate::error::{Error, Result};

/// A model file whose card matches its tensors.
#[derive(Debug, Clone)]
pub struct ModelFile {
    name: PathBuf,
    /// Of a part of the program made by `make_bytes` when they are first asked for.
    bytes: Arc<OnceLock<Bytes>>,
    make_bytes: fn() -> Bytes,
    /// The card of a part of the program that has it apart, so that it can be asked for without the bytes.
    card_text: Option<&'static str>,
    card: Arc<OnceLock<Card>>,
    /// Decoded when it is read; a part of the program when it is first asked for, since a CPU never asks for the form
    /// in float32.
    decoded: Arc<OnceLock<Decoded>>,
    /// The same network in the precision that is fastest on a CPU.
    cpu_variant: Option<Box<ModelFile>>,
    /// Whether it is a part of the program.
    is_bundled: bool,
    /// Hash of the weights in the file, computed when first needed.
    weights_digest: Arc<OnceLock<WeightsDigest>>,
}

/// A decoded file: its messages, its graph in short, and a card that matches it.
#[derive(Debug)]
struct Decoded {
    model: Model,
    graph: Graph,
    card: Card,
}

impl Decoded {
    fn new(bytes: &Bytes) -> Result<Self> {
        let model = Model::decode(bytes.clone()).ok_or_else(|| not_onnx(bytes))?;
        let graph = model.to_graph();
        let card = read_card(&graph)?;
        Ok(Self { model, graph, card })
    }
}

impl ModelFile {
    /// Reads the model at `path`. Where there is no such file, it may be the name of a model that the library contains: `coco17`,
    /// `coco17-int8`, `coco17-memory` or `coco23-memory`.
    ///
    /// # Errors
    /// The file cannot be read, or is not a model of ours: see [`Self::from_bytes`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        #[cfg(feature = "bundled")]
        if let Some(file) = Self::bundled_as(path).filter(|_| !path.is_file()) {
            return file;
        }
        if path.is_dir() {
            return Err(Error::model("is a directory, expected a model file (.onnx)").at(path));
        }
        let bytes = std::fs::read(path).map_err(|source| {
            let is_missing = source.kind() == std::io::ErrorKind::NotFound;
            let error = Error::io("cannot read the model", path, source);
            match bundled_names().filter(|_| is_missing) {
                Some(names) => error.hint(format!("expected a file, or a model that is built in: {names}")),
                None => error,
            }
        })?;
        Self::from_bytes(path, bytes)
    }

    /// Parses the model in `bytes`; errors call it `name`.
    ///
    /// # Errors
    /// The bytes are not an ONNX model, hold no card, or the card does not match the tensors.
    pub fn from_bytes(name: impl AsRef<Path>, bytes: impl Into<Cow<'static, [u8]>>) -> Result<Self> {
        let bytes = match bytes.into() {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => Bytes::from(bytes),
        };
        let decoded = Decoded::new(&bytes).map_err(|error| error.at(name.as_ref()))?;
        Ok(Self {
            name: name.as_ref().to_path_buf(),
            bytes: Arc::new(OnceLock::from(bytes)),
            make_bytes: Bytes::new,
            card_text: None,
            card: Arc::default(),
            decoded: Arc::new(OnceLock::from(decoded)),
            cpu_variant: None,
            is_bundled: false,
            weights_digest: Arc::default(),
        })
    }

    /// A part of the program.
    #[cfg(feature = "bundled")]
    pub(super) fn of_the_program(name: &str, make_bytes: fn() -> Bytes) -> Self {
        Self {
            name: PathBuf::from(name),
            bytes: Arc::default(),
            make_bytes,
            card_text: None,
            card: Arc::default(),
            decoded: Arc::default(),
            cpu_variant: None,
            is_bundled: true,
            weights_digest: Arc::default(),
        }
    }

    /// The same part of the program, whose card is `text`: it is read without making the bytes.
    #[cfg(feature = "bundled")]
    pub(super) fn with_card(self, text: &'static str) -> Self {
        Self { card_text: Some(text), ..self }
    }

    fn held_bytes(&self) -> &Bytes {
        self.bytes.get_or_init(self.make_bytes)
    }

    fn decoded(&self) -> &Decoded {
        self.decoded.get_or_init(|| Decoded::new(self.held_bytes()).expect("a test decodes the models in the program"))
    }

    /// The same model, for which a CPU uses `cpu_variant`: the same joints from the same network, in a precision that a CPU
    /// multiplies faster.
    #[cfg(feature = "bundled")]
    pub(super) fn with_cpu_variant(self, cpu_variant: Self) -> Self {
        Self { cpu_variant: Some(Box::new(cpu_variant)), ..self }
    }

    /// Whether it is part of the program: then another program has another model.
    pub(super) fn is_bundled(&self) -> bool {
        self.is_bundled
    }

    /// The file that a CPU runs: its variant for CPUs, or the file itself.
    pub fn for_cpus(&self) -> &Self {
        self.cpu_variant.as_deref().unwrap_or(self)
    }

    /// The model in each available precision, each as its own file.
    #[cfg(feature = "cli")]
    pub(crate) fn forms(&self) -> Vec<Self> {
        let alone = Self { cpu_variant: None, ..self.clone() };
        std::iter::once(alone).chain(self.cpu_variant.as_deref().cloned()).collect()
    }

    /// The path that the model was read from, or its given name.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// The file's bytes.
    pub fn bytes(&self) -> &[u8] {
        self.held_bytes()
    }

    /// The file's inputs, outputs and operators.
    pub fn graph(&self) -> &Graph {
        &self.decoded().graph
    }

    /// The model's card.
    pub fn card(&self) -> &Card {
        match self.card_text {
            Some(text) => {
                self.card.get_or_init(|| Card::from_json(text).expect("a test reads the cards in the program"))
            }
            None => &self.decoded().card,
        }
    }

    /// Whether the bytes were made, if they are made when they are asked for.
    #[cfg(all(test, feature = "bundled"))]
    pub(super) fn has_bytes(&self) -> bool {
        self.bytes.get().is_some()
    }

    /// SHA-256, in hex, of the weights in the file; the card's `weights_sha256` must equal it.
    pub fn weights_sha256(&self) -> String {
        self.weights_digest().to_hex()
    }

    fn weights_digest(&self) -> &WeightsDigest {
        self.weights_digest.get_or_init(|| self.decoded().model.weights_digest())
    }

    /// SHA-256 of the whole file's contents.
    pub(super) fn content_digest(&self) -> [u8; 32] {
        self.decoded().model.content_digest(self.weights_digest())
    }

    /// Whether the weights are those that the card was written for. For a model that is part of the program a test
    /// checks this: hashing 14 MB would double the time that the program takes to start.
    ///
    /// # Errors
    /// The hashes differ; the message has both.
    pub fn check_weights(&self) -> Result<()> {
        if self.is_bundled {
            return Ok(());
        }
        let found = self.weights_sha256();
        let expected = &self.card().weights_sha256;
        if found == *expected {
            return Ok(());
        }
        let message = format!("the weights have SHA-256 {found}, expected {expected} as the model's card says");
        Err(Error::model(message)
            .at(&self.name)
            .hint("the file was changed or damaged after its export; export or copy it again"))
    }

    /// The network, if the file is exactly as `poselift-train export` writes it. For a model that is part of the program
    /// a test checks this, as with its weights.
    ///
    /// # Errors
    /// The first part of the file that differs.
    pub(super) fn network(&self) -> Result<Network> {
        let model = &self.decoded().model;
        let network = if self.is_bundled { model.network_as_tested()? } else { model.network()? };
        let found = network.blocks.precision();
        let expected = self.card().network.precision;
        if found != expected && !network.blocks.layers().is_empty() {
            return Err(Error::model(format!("hidden layers are in {found}, expected {expected} as the card says")));
        }
        Ok(network)
    }
}

/// The names of the models that the library contains, if it does.
fn bundled_names() -> Option<String> {
    #[cfg(feature = "bundled")]
    return Some(super::bundled::NAMES.join(", "));
    #[cfg(not(feature = "bundled"))]
    None
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
    let mut inputs = vec![input];
    let mut outputs = vec![pose];
    if card.output.sigma {
        outputs.push(expected_tensor(SIGMA_NAME, &[joints]));
    }
    if let Some(memory) = &card.memory {
        inputs.push(expected_tensor(MEMORY_NAME, &[memory.units]));
        inputs.push(expected_tensor(SINCE_NAME, &[1]));
        outputs.push(expected_tensor(NEXT_MEMORY_NAME, &[memory.units]));
    }
    check_tensors("input", &graph.inputs, &inputs)?;
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
    let all_there = expected.iter().all(|expected| found.iter().any(|found| fits(found, expected)));
    if all_there && found.len() == expected.len() {
        return Ok(());
    }
    let found = in_words(found);
    let expected = in_words(expected);
    Err(Error::model(format!("the model does not fit its card: found {side} {found}, expected {expected}")))
}

/// Whether `found` is the tensor `expected`, whose first dimension may have any name.
fn fits(found: &Tensor, expected: &Tensor) -> bool {
    let is_same_type = found.name == expected.name && found.element_type == expected.element_type;
    let sizes = &expected.shape[1..];
    is_same_type && matches!(found.shape.as_slice(), [Dimension::Dynamic(_), rest @ ..] if rest == sizes)
}

fn in_words(tensors: &[Tensor]) -> String {
    match tensors {
        [] => "none".to_owned(),
        some => some.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and "),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use poselift_onnx::proto::GraphProto;

    use super::super::small_model::SmallModel;
    use super::*;

    /// The bytes of `file` with another graph, whose weights match the card.
    pub(crate) fn altered(file: &ModelFile, alter: impl FnOnce(&mut GraphProto)) -> Vec<u8> {
        let mut proto = file.decoded().model.proto().clone();
        alter(proto.graph.as_mut().unwrap());
        let weights = Model::decode(proto.to_bytes().into()).unwrap().weights_digest().to_hex();
        let card = Card { weights_sha256: weights, ..file.card().clone() };
        proto.metadata_props.iter_mut().find(|entry| entry.key == CARD_KEY).unwrap().value = card.to_json();
        proto.to_bytes()
    }

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

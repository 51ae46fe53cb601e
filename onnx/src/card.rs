//! The card: what a model file says about itself, and the one contract
//! between the trainer that writes it and the runtime that reads it.
//!
//! It travels as one JSON object in the ONNX file's `metadata_props`, under
//! [`CARD_KEY`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Axes, Error, Precision, Quantisation, Result, Unit};

/// The key in `metadata_props` that holds the card.
pub const CARD_KEY: &str = "poselift.card";

/// The version of the card's own form that this crate writes and reads.
pub const CARD_SCHEMA: u32 = 1;

/// The name of the card in errors.
const PLACE: &str = "the model's card";

/// Everything a model file says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// [`CARD_SCHEMA`].
    pub schema: u32,
    /// The model's name, `coco17`.
    pub name: String,
    /// The key points that it reads.
    pub input: InputCard,
    /// The poses that it gives.
    pub output: OutputCard,
    /// The network between them.
    pub network: NetworkCard,
    /// Its memory of each person from frame to frame, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryCard>,
    /// How it was fitted.
    pub training: TrainingCard,
    /// Named figures, each with the data it was measured on.
    pub metrics: BTreeMap<String, Metric>,
    /// SHA-256, in hex, of all initialisers' bytes (little-endian) in the order of the graph.
    pub weights_sha256: String,
}

/// The tensor `keypoints`, `[batch, J_in, channels]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InputCard {
    /// The name of a layout of joints, `coco17`, or `custom`.
    pub layout: String,
    /// `[J_in]` joint names in order.
    pub joints: Vec<String>,
    /// 3 (x, y, score) or 2 (x, y).
    pub channels: usize,
    /// From where the model was taught to see people.
    #[serde(default)]
    pub view: View,
}

/// From where a model sees people, and so the axes that its poses come out in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum View {
    /// From the camera as it stands: key points as they are, poses in the camera's axes.
    #[default]
    Camera,
    /// From the camera turned to look at the person: where image size and focal length are
    /// known, key points are turned before the model sees them, and its poses back into the camera's axes. Where in the
    /// image the points lie must mean nothing to the model: turned ones come in pixels from the principal point.
    Subject,
}

/// The tensor `pose`, `[batch, J_out, 3]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputCard {
    /// The name of a layout of joints, `h36m17`, or `custom`.
    pub skeleton: String,
    /// `[J_out]` joint names in order.
    pub joints: Vec<String>,
    /// `[J_out]` index of each joint's parent, −1 for the root (all −1 where no tree is known).
    pub parents: Vec<i32>,
    /// Index of the root joint, to which the others are relative; absent where the data leave the root out.
    pub root: Option<usize>,
    /// Where the root lies in the training data's own axes, if it was left out of the arrays at a
    /// fixed place; add it to get the data's own coordinates back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_position: Option<[f32; 3]>,
    /// Metres, or the data's own unit (`unknown`).
    pub unit: Unit,
    /// The axes: the camera's.
    pub axes: Axes,
    /// Whether there is a second output, `sigma` `[batch, J_out]`: the distance in `unit` that 68 % of a joint's errors
    /// stay within, as the network itself expects it.
    #[serde(default)]
    pub sigma: bool,
}

/// The shape of the lifting network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NetworkCard {
    /// Residual blocks.
    pub blocks: usize,
    /// Width of every hidden layer.
    pub hidden: usize,
    /// Dropout probability in training.
    pub dropout: f64,
    /// Whether it was trained with BatchNorm (folded into the weights here).
    pub batch_norm: bool,
    /// Weights and biases in the exported file.
    pub parameters: u64,
    /// The precision of the hidden layers; a card that says nothing means f32.
    #[serde(default, skip_serializing_if = "Precision::is_default")]
    pub precision: Precision,
    /// How activations become integers, in int8; a card that says nothing means for each person.
    #[serde(default, skip_serializing_if = "Quantisation::is_default")]
    pub quantisation: Quantisation,
    /// Whether the mirror image of the key points gives exactly the mirror image of the pose; left joints then are right ones.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mirror: bool,
}

/// The memory of a model that sees frames of one person after each other. The tensor `memory` `[batch, units]` goes in beside the
/// key points, and `since` `[batch, 1]`, the seconds since the person's last frame; `next_memory` comes out, for that
/// person's next frame. Who is new has 0 in both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryCard {
    /// Numbers that are remembered of a person.
    pub units: usize,
    /// The most seconds between two frames; who was not seen for longer is new.
    pub longest_gap: f64,
    /// The model that lifts single frames, by its name and its `weights_sha256`.
    pub frames: String,
    /// How the memory was fitted; the card's own `training` is of that model.
    pub training: TrainingCard,
}

/// How the network was fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingCard {
    /// The data sets, each with its licence.
    pub data: Vec<DataCard>,
    /// Samples seen, counting each as often as it was used.
    pub samples: u64,
    /// Passes over the training split.
    pub epochs: f64,
    /// Samples a step.
    pub batch: usize,
    /// `adam`.
    pub optimiser: String,
    /// The (peak) learning rate.
    pub learning_rate: f64,
    /// The decay a step of the running average of the weights that this model is, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ema: Option<f64>,
    /// The seed of everything random.
    pub seed: u64,
    /// The commit of the trainer, if known.
    pub commit: Option<String>,
    /// The model whose poses were learned beside the true ones, by its name and its `weights_sha256`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teacher: Option<String>,
    /// The model whose weights the network began with, by its name and its `weights_sha256`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<String>,
}

impl TrainingCard {
    /// Of a network whose weights were not learned, as in tests.
    pub fn untrained() -> Self {
        Self {
            data: Vec::new(),
            samples: 0,
            epochs: 0.0,
            batch: 1,
            optimiser: "none".into(),
            learning_rate: 0.0,
            ema: None,
            seed: 0,
            commit: None,
            teacher: None,
            init: None,
        }
    }
}

/// A data set that a model learned from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataCard {
    /// Its name, with its origin.
    pub name: String,
    /// Its licence, or `unknown`.
    pub licence: String,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// The figure.
    pub value: f64,
    /// Its unit, `mm`.
    pub unit: String,
    /// The data and the way it was measured.
    pub on: String,
}

impl Card {
    /// Reads a card from the JSON text of a file's metadata and checks it against itself.
    ///
    /// # Errors
    /// Text that is no card, another schema, or lists that contradict each other.
    pub fn from_json(text: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Schema {
            schema: u32,
        }
        let Schema { schema } = serde_json::from_str(text).map_err(unreadable)?;
        if schema != CARD_SCHEMA {
            let error = Error::new(PLACE, format!("has schema {schema}"), CARD_SCHEMA.to_string());
            return Err(error.hint("a newer poselift may read it"));
        }
        let card: Self = serde_json::from_str(text).map_err(unreadable)?;
        card.check()?;
        Ok(card)
    }

    /// The card as one line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a card holds nothing that JSON cannot")
    }

    /// The model's name and its weights, `NAME, weights SHA`: how cards and runs name another model.
    pub fn named(&self) -> String {
        format!("{}, weights {}", self.name, self.weights_sha256)
    }

    fn check(&self) -> Result<()> {
        let output = &self.output;
        let complaint = if !matches!(self.input.channels, 2 | 3) {
            format!("{} input channels, expected 2 or 3", self.input.channels)
        } else if self.input.joints.is_empty() || output.joints.is_empty() {
            "no joints".to_owned()
        } else if output.parents.len() != output.joints.len() {
            format!("{} parents for {} output joints", output.parents.len(), output.joints.len())
        } else if output.parents.iter().any(|&p| p < -1 || p >= output.joints.len() as i32) {
            "a parent that is no joint".to_owned()
        } else if !are_trees(&output.parents) {
            "a joint that is its own ancestor".to_owned()
        } else if output.root.is_some_and(|root| root >= output.joints.len()) {
            "a root that is no joint".to_owned()
        } else {
            return Ok(());
        };
        Err(Error::at(PLACE, format!("contradicts itself: {complaint}")))
    }
}

fn unreadable(error: serde_json::Error) -> Error {
    Error::at(PLACE, format!("is not readable: {error}"))
}

/// Whether joints with these parents, −1 for none, are trees: no joint is its own ancestor, and each parent is a joint.
pub fn are_trees(parents: &[i32]) -> bool {
    let mut ways = vec![Way::Unknown; parents.len()];
    for joint in 0..parents.len() {
        if !walk_up(joint, parents, &mut ways) {
            return false;
        }
    }
    true
}

/// The state of a joint in the search for cycles.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Unknown,
    /// It is on the way up from the joint in question.
    Walked,
    /// The way up from it ends at a joint without a parent.
    Ends,
}

/// Walks up from the joint `start`; false where the way has no end. Each joint is walked through twice at the most.
fn walk_up(start: usize, parents: &[i32], ways: &mut [Way]) -> bool {
    let mut walked = Vec::new();
    let mut joint = start as i32;
    while joint != -1 {
        match usize::try_from(joint).ok().and_then(|at| ways.get_mut(at)) {
            Some(Way::Ends) => break,
            Some(way @ Way::Unknown) => *way = Way::Walked,
            Some(Way::Walked) | None => return false,
        }
        walked.push(joint as usize);
        joint = parents[joint as usize];
    }
    for joint in walked {
        ways[joint] = Way::Ends;
    }
    true
}

//! A real ONNX model of a few kilobytes, written here so that no fixture file is needed; not one of the graphs that
//! `poselift-train export` writes, so that ONNX Runtime runs it.
//!
//! COCO-17 in, 17 joints out, or other layouts of one length: the coordinates of joint j are those of key point j (x, y, score)
//! times `scale`, so a test knows which person an answer belongs to. Its sigma, where it has one, is a tenth of each joint's score.

#![allow(dead_code)] // Each test program uses a part.

use poselift_onnx::proto::{
    GraphProto, ModelProto, NodeProto, OperatorSetId, StringStringEntry, TensorProto, ValueInfoProto,
};
use poselift_onnx::{
    Axes, CARD_KEY, CARD_SCHEMA, Card, InputCard, Model, NetworkCard, OutputCard, Precision, Quantisation,
    TrainingCard, Unit, View,
};

/// The model's properties; the default is one that poselift accepts.
pub(crate) struct SmallModel {
    /// Pose = key points × scale.
    pub(crate) scale: f32,
    /// Whether the file has a card.
    pub(crate) with_card: bool,
    /// Channels that the card claims (the tensor has 3).
    pub(crate) card_channels: usize,
    /// The input's name (the card states `keypoints`).
    pub(crate) input_name: &'static str,
    /// The operator of the product that gives the pose, `Gemm`.
    pub(crate) operator: &'static str,
    /// The view in the card.
    pub(crate) view: View,
    /// Whether there is a second output, sigma.
    pub(crate) sigma: bool,
    /// The card's statement about sigma, if it is to be false.
    pub(crate) card_sigma: Option<bool>,
    /// Whether the weights match the card's hash.
    pub(crate) has_own_weights: bool,
    /// What it reads.
    pub(crate) layout: &'static str,
    pub(crate) joints: &'static [&'static str],
    /// What it gives: name, joints and parents; without it the joints that it reads.
    pub(crate) skeleton: Option<(&'static str, &'static [&'static str], &'static [i32])>,
}

impl Default for SmallModel {
    fn default() -> Self {
        Self {
            scale: 0.001,
            with_card: true,
            card_channels: 3,
            input_name: "keypoints",
            operator: "Gemm",
            view: View::Camera,
            sigma: false,
            card_sigma: None,
            has_own_weights: true,
            layout: "coco17",
            joints: &COCO17,
            skeleton: None,
        }
    }
}

impl SmallModel {
    /// The file's bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut model = ModelProto {
            ir_version: 8,
            producer_name: "poselift tests".into(),
            graph: Some(self.graph()),
            opset_import: vec![OperatorSetId { domain: String::new(), version: 17 }],
            ..ModelProto::default()
        };
        if self.with_card {
            let value = self.card(&model.to_bytes()).to_json();
            model.metadata_props.push(StringStringEntry { key: CARD_KEY.into(), value });
        }
        model.to_bytes()
    }

    fn graph(&self) -> GraphProto {
        let (joints, features) = (self.joints.len(), self.features());
        let scaled = |from, to| if from == to { self.scale } else { 0.0 };
        let mut graph = GraphProto {
            node: vec![
                node("Flatten", &[self.input_name], "flat"),
                node(self.operator, &["flat", "weight", "bias"], "lifted"),
                node("Reshape", &["lifted", "shape"], "pose"),
            ],
            name: "small".into(),
            initializer: vec![
                matrix("weight", [features, features], scaled),
                TensorProto::new("bias", &[features], vec![0.0f32; features]),
                TensorProto::integers("shape", &[-1, joints as i64, 3]),
            ],
            input: vec![ValueInfoProto::batch_of_floats(self.input_name, &[joints, 3])],
            output: vec![ValueInfoProto::batch_of_floats("pose", &[joints, 3])],
        };
        if self.sigma {
            let tenth_of_score = |from, to| if from == 3 * to + 2 { 0.1 } else { 0.0 };
            graph.node.push(node("Gemm", &["flat", "sigma_weight", "sigma_bias"], "sigma"));
            graph.initializer.push(matrix("sigma_weight", [features, joints], tenth_of_score));
            graph.initializer.push(TensorProto::new("sigma_bias", &[joints], vec![0.0f32; joints]));
            graph.output.push(ValueInfoProto::batch_of_floats("sigma", &[joints]));
        }
        graph
    }

    fn features(&self) -> usize {
        3 * self.joints.len()
    }

    /// The card of the model in `bytes`.
    fn card(&self, bytes: &[u8]) -> Card {
        let weights = Model::decode(bytes.to_vec().into()).expect("a model").weights_digest().to_hex();
        let names = |joints: &[&str]| joints.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let no_parents = vec![-1; self.joints.len()];
        let (skeleton, given, parents) = self.skeleton.unwrap_or(("custom", self.joints, &no_parents));
        Card {
            schema: CARD_SCHEMA,
            name: "small".into(),
            input: InputCard {
                layout: self.layout.into(),
                joints: names(self.joints),
                channels: self.card_channels,
                view: self.view,
            },
            output: OutputCard {
                skeleton: skeleton.into(),
                joints: names(given),
                parents: parents.to_vec(),
                root: None,
                root_position: None,
                unit: Unit::Metres,
                axes: Axes::Camera,
                sigma: self.card_sigma.unwrap_or(self.sigma),
            },
            memory: None,
            network: NetworkCard {
                blocks: 0,
                hidden: self.features(),
                dropout: 0.0,
                batch_norm: false,
                parameters: 2652,
                precision: Precision::F32,
                quantisation: Quantisation::Dynamic,
                mirror: false,
            },
            training: TrainingCard::untrained(),
            metrics: std::collections::BTreeMap::new(),
            weights_sha256: if self.has_own_weights { weights } else { "0".repeat(64) },
        }
    }
}

const COCO17: [&str; 17] = [
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
];

fn node(operator: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        input: inputs.iter().map(|&input| input.to_owned()).collect(),
        output: vec![output.to_owned()],
        name: output.to_owned(),
        op_type: operator.to_owned(),
        attribute: Vec::new(),
    }
}

/// A constant `[rows, columns]` with the numbers `at` each row and column.
fn matrix(name: &str, [rows, columns]: [usize; 2], at: impl Fn(usize, usize) -> f32) -> TensorProto {
    let values = (0..rows * columns).map(|index| at(index / columns, index % columns));
    TensorProto::new(name, &[rows, columns], values)
}

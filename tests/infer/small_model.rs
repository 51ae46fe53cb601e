//! A real ONNX model of a few kilobytes, written byte by byte so that no fixture file is needed.
//!
//! COCO-17 in, 17 joints out: the coordinates of joint j are those of key point j (x, y, score) times `scale`,
//! so a test knows which person an answer belongs to. Its sigma, where it has one, is a tenth of each joint's score.

#![allow(dead_code)] // Each test program uses a part.

/// What the model looks like; the default is one that poselift takes.
pub(crate) struct SmallModel {
    /// Pose = key points × scale.
    pub(crate) scale: f32,
    /// Whether the file has a card.
    pub(crate) with_card: bool,
    /// Channels that the card claims (the tensor has 3).
    pub(crate) card_channels: usize,
    /// The input's name (the card promises `keypoints`).
    pub(crate) input_name: &'static str,
    /// The operator of the product that gives the pose, `Gemm`.
    pub(crate) operator: &'static str,
    /// From where the card says that people are seen.
    pub(crate) view: &'static str,
    /// Whether there is a second output, sigma.
    pub(crate) sigma: bool,
    /// What the card says of that, if not the truth.
    pub(crate) card_sigma: Option<bool>,
}

impl Default for SmallModel {
    fn default() -> Self {
        Self {
            scale: 0.001,
            with_card: true,
            card_channels: 3,
            input_name: "keypoints",
            operator: "Gemm",
            view: "camera",
            sigma: false,
            card_sigma: None,
        }
    }
}

const JOINTS: usize = 17;
const FEATURES: usize = 3 * JOINTS;

impl SmallModel {
    /// The file's bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let weight: Vec<f32> =
            (0..FEATURES * FEATURES).map(|i| if i / FEATURES == i % FEATURES { self.scale } else { 0.0 }).collect();
        let floats = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>();
        let ints = |values: &[i64]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>();
        let side = FEATURES as u64;
        let mut graph = [
            node("Flatten", &[self.input_name], "flat"),
            node(self.operator, &["flat", "weight", "bias"], "lifted"),
            node("Reshape", &["lifted", "shape"], "pose"),
            bytes(2, b"small"),
            bytes(5, &tensor("weight", 1, &[side, side], &floats(&weight))),
            bytes(5, &tensor("bias", 1, &[side], &floats(&[0.0; FEATURES]))),
            bytes(5, &tensor("shape", 7, &[3], &ints(&[-1, 17, 3]))),
            bytes(11, &value_info(self.input_name, &[17, 3])),
            bytes(12, &value_info("pose", &[17, 3])),
        ]
        .concat();
        if self.sigma {
            let is_score_of = |i: usize| i / JOINTS == 3 * (i % JOINTS) + 2;
            let weight: Vec<f32> = (0..FEATURES * JOINTS).map(|i| if is_score_of(i) { 0.1 } else { 0.0 }).collect();
            graph.extend(node("Gemm", &["flat", "sigma_weight", "sigma_bias"], "sigma"));
            graph.extend(bytes(5, &tensor("sigma_weight", 1, &[side, JOINTS as u64], &floats(&weight))));
            graph.extend(bytes(5, &tensor("sigma_bias", 1, &[JOINTS as u64], &floats(&[0.0; JOINTS]))));
            graph.extend(bytes(12, &value_info("sigma", &[17])));
        }
        let mut model = [
            number(1, 8),
            bytes(2, b"poselift tests"),
            bytes(8, &[bytes(1, b""), number(2, 17)].concat()),
            bytes(7, &graph),
        ]
        .concat();
        if self.with_card {
            let card = self.card();
            model.extend(bytes(14, &[bytes(1, b"poselift.card"), bytes(2, card.as_bytes())].concat()));
        }
        model
    }

    fn card(&self) -> String {
        let joints = [
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
        let names = format!("[\"{}\"]", joints.join("\",\""));
        let channels = self.card_channels;
        let (view, sigma) = (self.view, self.card_sigma.unwrap_or(self.sigma));
        let parents = [-1; 17].map(|parent: i32| parent.to_string()).join(",");
        format!(
            r#"{{"schema":1,"name":"small","input":{{"layout":"coco17","joints":{names},"channels":{channels},
            "view":"{view}"}},
            "output":{{"skeleton":"custom","joints":{names},"parents":[{parents}],"root":null,"unit":"m","axes":"camera",
            "sigma":{sigma}}},
            "network":{{"blocks":0,"hidden":51,"dropout":0,"batch_norm":false,"parameters":2652}},
            "training":{{"data":[],"samples":0,"epochs":0,"batch":1,"optimiser":"none","learning_rate":0,"seed":0,
            "commit":null}},"metrics":{{}},"weights_sha256":"not written"}}"#
        )
    }
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn bytes(field: u64, body: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(body.len() as u64), body.to_vec()].concat()
}

fn node(operator: &str, inputs: &[&str], output: &str) -> Vec<u8> {
    let mut node: Vec<u8> = inputs.iter().flat_map(|input| bytes(1, input.as_bytes())).collect();
    node.extend([bytes(2, output.as_bytes()), bytes(3, output.as_bytes()), bytes(4, operator.as_bytes())].concat());
    bytes(1, &node)
}

fn tensor(name: &str, element_type: u64, dims: &[u64], raw: &[u8]) -> Vec<u8> {
    let mut tensor: Vec<u8> = dims.iter().flat_map(|&dim| number(1, dim)).collect();
    tensor.extend([number(2, element_type), bytes(8, name.as_bytes()), bytes(9, raw)].concat());
    tensor
}

fn value_info(name: &str, sizes: &[u64]) -> Vec<u8> {
    let dimension = |body: Vec<u8>| bytes(1, &body);
    let mut shape = dimension(bytes(2, b"batch"));
    shape.extend(sizes.iter().flat_map(|&size| dimension(number(1, size))));
    let tensor_type = [number(1, 1), bytes(2, &shape)].concat();
    [bytes(1, name.as_bytes()), bytes(2, &bytes(1, &tensor_type))].concat()
}

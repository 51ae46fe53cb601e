//! Networks as `poselift-train export` writes them, as narrow as the kernels take them.

use std::collections::BTreeMap;

use poselift_onnx::{
    Axes, Blocks, CARD_SCHEMA, Card, Dense, Element, Features, InputCard, Network, NetworkCard, OutputCard,
    Quantisation, QuantisedDense, QuantisedPlane, TrainingCard, Unit, View, Weights, write,
};

/// The width of a plane: the least that all kernels take.
const HIDDEN: usize = 64;

/// What a network looks like.
#[derive(Debug, Clone, Copy)]
pub struct TinyModel<'a> {
    /// The layout that its key points are in, and their names.
    pub layout: &'a str,
    /// `[J_in]`.
    pub joints: &'a [&'a str],
    /// 2 or 3.
    pub channels: usize,
    /// The first joints of the input come out, so many.
    pub joints_out: usize,
    /// 1, or 2 in a mirror-equivariant network.
    pub planes: usize,
    /// Whether hidden layers are in int8, else float32.
    pub int8: bool,
    /// Whether key points are centred.
    pub centred: bool,
    /// Whether a ReLU follows the first layer.
    pub input_relu: bool,
    /// Whether sigma comes out.
    pub sigma: bool,
    /// From where it sees people.
    pub view: View,
}

impl TinyModel<'_> {
    /// The file's bytes.
    ///
    /// # Panics
    /// If the network is none that a file may hold.
    pub fn to_bytes(&self) -> Vec<u8> {
        let network = self.network();
        write(&network, self.card(&network)).expect("the network is one that a file may hold").bytes
    }

    fn network(&self) -> Network {
        let features = self.joints.len() * self.channels;
        let numbers = self.joints_out * if self.sigma { 4 } else { 3 };
        let mut weights = Scatter(1);
        Network {
            joints_in: self.joints.len(),
            channels: self.channels,
            joints_out: self.joints_out,
            sigma: self.sigma,
            features: match self.centred {
                true => Features::Centred,
                false => Features::Absolute(weights.scattered(&[self.joints.len(), self.channels], |number| number)),
            },
            input: weights.dense(self.planes, [features, HIDDEN]),
            input_relu: self.input_relu,
            blocks: match self.int8 {
                true => Blocks::Int8(vec![vec![weights.quantised(self.planes)]]),
                false => Blocks::F32(vec![vec![weights.dense(self.planes, [HIDDEN; 2])]]),
            },
            output: weights.dense(self.planes, [HIDDEN, numbers]),
            memory: None,
        }
    }

    fn card(&self, network: &Network) -> Card {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Card {
            schema: CARD_SCHEMA,
            name: "tiny".into(),
            input: InputCard {
                layout: self.layout.into(),
                joints: names(self.joints),
                channels: self.channels,
                view: self.view,
            },
            output: OutputCard {
                skeleton: "custom".into(),
                joints: names(&self.joints[..self.joints_out]),
                parents: vec![-1; self.joints_out],
                root: None,
                root_position: None,
                unit: Unit::Metres,
                axes: Axes::Camera,
                sigma: self.sigma,
            },
            memory: None,
            network: NetworkCard {
                blocks: 1,
                hidden: HIDDEN,
                dropout: 0.0,
                batch_norm: false,
                parameters: network.parameters(),
                precision: network.blocks.precision(),
                quantisation: Quantisation::Dynamic,
                mirror: self.planes == 2,
            },
            training: TrainingCard::untrained(),
            metrics: BTreeMap::new(),
            weights_sha256: String::new(),
        }
    }
}

/// Numbers scattered over −1 to 1, the same ones at every start (a linear congruential generator).
struct Scatter(u32);

impl Scatter {
    fn scattered<T: Element>(&mut self, dims: &[usize], number: impl Fn(f32) -> T) -> Weights<T> {
        let mut next = || {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            number(f32::from((self.0 >> 16) as u16) / 32768.0 - 1.0)
        };
        let values: Vec<_> = (0..dims.iter().product()).map(|_| next()).collect();
        Weights::new(dims, values)
    }

    fn dense(&mut self, planes: usize, dims: [usize; 2]) -> Dense<f32> {
        let weights = (0..planes).map(|_| self.scattered(&dims, |number| number * 0.1)).collect();
        Dense { weights, bias: self.scattered(&dims[1..], |number| number * 0.1) }
    }

    fn quantised(&mut self, planes: usize) -> QuantisedDense {
        let mut plane = || QuantisedPlane {
            codes: self.scattered(&[HIDDEN; 2], |number| (number * 63.0) as i8),
            scales: self.scattered(&[HIDDEN], |number| number.abs() * 1e-4),
        };
        let planes = (0..planes).map(|_| plane()).collect();
        QuantisedDense { planes, bias: self.scattered(&[HIDDEN], |number| number * 0.1) }
    }
}

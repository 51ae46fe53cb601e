//! The parts of a model file that are computed.

use poselift_kernels::{DenseF32, PanelShape};
use poselift_onnx::{Blocks, Features as FileFeatures, Network};

use super::Layer;
use super::features::{Centring, Features, Merged};
use super::memory::Memory;
use super::weights::{self, Output};
use crate::error::{Error, Result};

/// A network ready for the kernels.
#[derive(Debug)]
pub(super) struct Plan {
    /// Numbers of a key point, input numbers of a person, and output joints.
    pub(super) channels: usize,
    pub(super) keypoints: usize,
    pub(super) joints: usize,
    /// Planes of a hidden layer, 1 or 2, and the width of one.
    pub(super) planes: usize,
    pub(super) hidden: usize,
    centring: Centring,
    /// For each plane the features that the first layer reads, and the layer.
    merged: Vec<Merged>,
    pub(super) input: Vec<DenseF32>,
    /// Whether a ReLU follows it.
    pub(super) input_relu: bool,
    pub(super) blocks: Vec<Vec<Layer>>,
    pub(super) output: Vec<DenseF32>,
    /// For each plane, the last layer's column and sign of each output number; and the numbers' bias.
    pub(super) numbers: Vec<Vec<(usize, f32)>>,
    pub(super) bias: Vec<f32>,
    pub(super) memory: Option<Memory>,
}

impl Plan {
    /// Packs `network` for kernels of `shape`.
    ///
    /// # Errors
    /// The kernels do not support its precision or width.
    pub(super) fn new(network: &Network, shape: PanelShape) -> Result<Self> {
        check_support(network, shape)?;
        let hidden = network.hidden();
        let blocks = weights::blocks(network, shape);
        let (merged, input) = weights::input(&network.input, shape);
        let Output { planes: output, numbers, bias } = weights::output(&network.output, shape);
        Ok(Self {
            channels: network.channels,
            keypoints: network.joints_in * network.channels,
            joints: network.joints_out,
            planes: network.planes(),
            hidden,
            centring: match &network.features {
                FileFeatures::Centred => Centring::Centred,
                FileFeatures::Absolute(mean) => Centring::Absolute(mean.values().into_owned()),
            },
            merged,
            input,
            input_relu: network.input_relu,
            blocks,
            output,
            numbers,
            bias,
            memory: Memory::new(network, shape),
        })
    }

    /// Whether hidden layers are in 8 bits.
    pub(super) fn is_int8(&self) -> bool {
        self.blocks.iter().flatten().all(|layer| matches!(layer, Layer::Int8(_)))
    }

    /// Features of at most `people` people.
    pub(super) fn features(&self, people: usize) -> Features {
        let shape = [self.keypoints / self.channels, self.channels];
        let mut features = Features::new(self.centring.clone(), self.merged.clone(), shape, people);
        if self.memory.is_some() {
            features.keep_whole(people);
        }
        features
    }
}

/// Whether kernels of `shape` compute networks of this precision and width.
///
/// # Errors
/// They do not.
pub(super) fn check_support(network: &Network, shape: PanelShape) -> Result<()> {
    let hidden = network.hidden();
    let panel = shape.panel();
    if hidden == 0 || !hidden.is_multiple_of(panel) {
        return Err(Error::model(format!("planes are {hidden} wide, expected a multiple of {panel}")));
    }
    if matches!(network.blocks, Blocks::F16(_)) {
        return Err(Error::model("hidden layers are in f16, expected f32 or int8"));
    }
    Ok(())
}

//! A lifting network: the one description that `poselift-train export` fills and that kernels read.
//!
//! z-scores are folded into the first and the last layer, BatchNorm into the others. In a mirror-equivariant network hidden
//! units come in twins a and b that a mirror exchanges; each layer then has two planes of half the width, over a + b (even)
//! and a − b (odd). Other networks have one plane.

use half::f16;

use crate::names::{self, FEATURE_MEAN, INPUT_LAYER, INPUT_NAME, InputSign, OUTPUT_LAYER, Plane};
use crate::weights::Element;
use crate::{Error, Memory, Precision, Result, Weights};

/// A network from key points `[N, J_in, C]` to poses `[N, J_out, 3]` and, where it has it, sigma `[N, J_out]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// J_in.
    pub joints_in: usize,
    /// C: x, y and, with 3, the score.
    pub channels: usize,
    /// J_out.
    pub joints_out: usize,
    /// Whether the network has the output sigma.
    pub sigma: bool,
    /// How key points become the first layer's input.
    pub features: Features,
    /// From features to the hidden width H.
    pub input: Dense<f32>,
    /// Whether a ReLU follows it.
    pub input_relu: bool,
    /// Residual blocks: x + (ReLU∘layer)ⁿ(x).
    pub blocks: Blocks,
    /// From the hidden width to coordinates and, with sigma, its logarithms; what the planes give is added up.
    pub output: Dense<f32>,
    /// The memory, which corrects pose and sigma by the frames before, if the network has one.
    pub memory: Option<Memory>,
}

/// How key points become the first layer's input, `[N, J_in·C]`.
#[derive(Debug, Clone, PartialEq)]
pub enum Features {
    /// Centred on their weighted mean and divided by their weighted spread; 0 where a joint is missing.
    Centred,
    /// As they are, with these numbers `[J_in, C]` where a joint is missing.
    Absolute(Weights<f32>),
}

/// A layer y = x·W + b, one W a plane.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense<T> {
    /// W of each plane, `[in, out]`.
    pub weights: Vec<Weights<T>>,
    /// b `[out]`, which belongs to the first plane alone.
    pub bias: Weights<T>,
}

/// A layer in integers of 8 bits.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantisedDense {
    /// One or two.
    pub planes: Vec<QuantisedPlane>,
    /// b `[out]`, which belongs to the first plane alone.
    pub bias: Weights<f32>,
}

/// One plane of a layer in 8 bits: y = (codes of x · codes of W) ∘ scales · range, where the range of x is its largest
/// magnitude in a pose.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantisedPlane {
    /// Of W, `[in, out]`, each −[`names::MAX_WEIGHT_CODE`] to [`names::MAX_WEIGHT_CODE`].
    pub codes: Weights<i8>,
    /// `[out]`: the step of W's codes times the step of x's codes ([`InputSign::step`]).
    pub scales: Weights<f32>,
}

/// Residual blocks of layers, all in one precision.
#[derive(Debug, Clone, PartialEq)]
pub enum Blocks {
    /// float32.
    F32(Vec<Vec<Dense<f32>>>),
    /// float16.
    F16(Vec<Vec<Dense<f16>>>),
    /// Integers of 8 bits.
    Int8(Vec<Vec<QuantisedDense>>),
}

impl Blocks {
    /// How many layers each block has.
    pub fn layers(&self) -> Vec<usize> {
        match self {
            Self::F32(blocks) => blocks.iter().map(Vec::len).collect(),
            Self::F16(blocks) => blocks.iter().map(Vec::len).collect(),
            Self::Int8(blocks) => blocks.iter().map(Vec::len).collect(),
        }
    }

    /// The precision of the layers' weights.
    pub fn precision(&self) -> Precision {
        match self {
            Self::F32(_) => Precision::F32,
            Self::F16(_) => Precision::F16,
            Self::Int8(_) => Precision::Int8,
        }
    }
}

impl Network {
    /// Planes of a layer: 1, or 2 in a mirror-equivariant network.
    pub fn planes(&self) -> usize {
        self.input.weights.len()
    }

    /// H, the width of one plane.
    pub fn hidden(&self) -> usize {
        self.input.bias.len()
    }

    /// Numbers that the last layer gives: J_out·3, and J_out more with sigma.
    pub fn numbers(&self) -> usize {
        self.joints_out * if self.sigma { 4 } else { 3 }
    }

    /// The sign of what the first plane of layer `layer` of a block reads.
    pub fn input_sign(&self, layer: usize) -> InputSign {
        InputSign::of(layer, self.input_relu)
    }

    /// Weights and biases in all.
    pub fn parameters(&self) -> u64 {
        let blocks: u64 = match &self.blocks {
            Blocks::F32(blocks) => blocks.iter().flatten().map(Dense::parameters).sum(),
            Blocks::F16(blocks) => blocks.iter().flatten().map(Dense::parameters).sum(),
            Blocks::Int8(blocks) => blocks.iter().flatten().map(QuantisedDense::parameters).sum(),
        };
        let memory = self.memory.as_ref().map_or(0, Memory::parameters);
        self.input.parameters() + blocks + self.output.parameters() + memory
    }

    /// Checks that its parts fit each other and that a file may hold all its numbers.
    ///
    /// # Errors
    /// The first part that fails, what it is and what was expected.
    pub fn check(&self) -> Result<()> {
        if !matches!(self.channels, 2 | 3) {
            return Err(Error::new(INPUT_NAME, format!("has {} channels", self.channels), "2 or 3"));
        }
        let planes = self.planes();
        if !matches!(planes, 1 | 2) {
            return Err(Error::new(INPUT_LAYER, format!("has {planes} planes"), "1 or 2"));
        }
        if let Features::Absolute(mean) = &self.features {
            check_tensor(FEATURE_MEAN, mean, &[self.joints_in, self.channels])?;
        }
        let features = self.joints_in * self.channels;
        let hidden = self.hidden();
        if hidden == 0 {
            return Err(Error::new(INPUT_LAYER, "has no units", "one at least"));
        }
        self.input.check(INPUT_LAYER, [features, hidden], planes)?;
        match &self.blocks {
            Blocks::F32(blocks) => check_blocks(blocks, |name, layer| layer.check(name, [hidden, hidden], planes))?,
            Blocks::F16(blocks) => check_blocks(blocks, |name, layer| layer.check(name, [hidden, hidden], planes))?,
            Blocks::Int8(blocks) => check_blocks(blocks, |name, layer| layer.check(name, hidden, planes))?,
        }
        self.output.check(OUTPUT_LAYER, [hidden, self.numbers()], planes)?;
        match &self.memory {
            Some(_) if !self.sigma => {
                Err(Error::new("the memory", "stands behind a network without sigma", "one with it"))
            }
            Some(memory) => memory.check(features, self.joints_out),
            None => Ok(()),
        }
    }
}

impl<T: Element> Dense<T> {
    pub(crate) fn parameters(&self) -> u64 {
        (self.weights.iter().map(Weights::len).sum::<usize>() + self.bias.len()) as u64
    }

    /// Whether it has `planes` with weights of the `shape` `[in, out]`.
    pub(crate) fn check(&self, layer: &str, shape: [usize; 2], planes: usize) -> Result<()> {
        check_planes(layer, self.weights.len(), planes)?;
        for (plane, weights) in Plane::of(planes).iter().zip(&self.weights) {
            check_tensor(&names::weight(&plane.named(layer)), weights, &shape)?;
        }
        let outputs = shape[1];
        check_tensor(&names::layer_bias(layer, planes), &self.bias, &[outputs])
    }
}

impl QuantisedDense {
    fn parameters(&self) -> u64 {
        (self.planes.iter().map(|plane| plane.codes.len()).sum::<usize>() + self.bias.len()) as u64
    }

    fn check(&self, layer: &str, hidden: usize, planes: usize) -> Result<()> {
        check_planes(layer, self.planes.len(), planes)?;
        for (name, plane) in Plane::of(planes).iter().zip(&self.planes) {
            let name = name.named(layer);
            check_tensor(&names::weight(&name), &plane.codes, &[hidden, hidden])?;
            check_tensor(&names::scale(&name), &plane.scales, &[hidden])?;
        }
        check_tensor(&names::layer_bias(layer, planes), &self.bias, &[hidden])
    }
}

fn check_blocks<L>(blocks: &[Vec<L>], check: impl Fn(&str, &L) -> Result<()>) -> Result<()> {
    for (index, block) in blocks.iter().enumerate() {
        if block.is_empty() {
            return Err(Error::new(names::block(index), "has no layers", "one at least"));
        }
        for (place, layer) in block.iter().enumerate() {
            check(&names::block_layer(index, place), layer)?;
        }
    }
    Ok(())
}

fn check_planes(layer: &str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::new(layer, format!("has {found} planes"), expected.to_string()))
}

fn check_tensor<T: Element>(name: &str, tensor: &Weights<T>, dims: &[usize]) -> Result<()> {
    if tensor.dims() != dims {
        return Err(Error::new(name, format!("has the shape {:?}", tensor.dims()), format!("{dims:?}")));
    }
    // All numbers are looked at, which takes registers full of them at a time.
    if tensor.values().iter().fold(true, |all, number| all & number.is_allowed()) {
        return Ok(());
    }
    let found = tensor.values().iter().find(|number| !number.is_allowed()).map(|number| format!("holds {number:?}"));
    Err(Error::new(name, found.expect("one number is not allowed"), T::ALLOWED))
}

//! Layers: views of the network's flat buffers, one buffer for each kind of number.
//!
//! One buffer each for parameters, gradients, the optimiser's two moments and the running statistics: Adam is one
//! pass, a checkpoint is five tensors. If hidden layers multiply in bf16, the parameters have a copy in it.

use tch::{Device, Kind, Tensor};

use super::planes::PlaneShape;
use crate::config::{InputBlock, NetworkConfig, TrainPrecision};

/// BatchNorm's ε in √(σ² + ε).
pub(super) const EPSILON: f32 = 1e-5;
/// BatchNorm's momentum: how far the running statistics move towards a batch's.
pub(super) const MOMENTUM: f32 = 0.1;

/// One Linear layer with its BatchNorm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LayerShape {
    /// Outputs and inputs of each plane's matrix: one, or the even and the odd one of a mirror-equivariant network.
    pub planes: Vec<(i64, i64)>,
    pub batch_norm: bool,
}

impl LayerShape {
    /// Between layers of these widths.
    fn between(from: Widths, to: Widths, batch_norm: bool) -> Self {
        let mut planes = vec![(to.first, from.first)];
        planes.extend(to.odd.zip(from.odd));
        Self { planes, batch_norm }
    }

    /// Elements of all matrices.
    fn weights(&self) -> i64 {
        self.planes.iter().map(|(outputs, inputs)| outputs * inputs).sum()
    }

    /// Biases, and BatchNorm's numbers of each kind: a shift belongs to the even plane, a factor to both.
    fn shared(&self) -> i64 {
        self.planes[0].0
    }
}

/// Widths on either side of a layer, in each plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Widths {
    /// In the first plane.
    pub first: i64,
    /// In the odd plane of a mirror-equivariant network.
    pub odd: Option<i64>,
}

impl Widths {
    /// All in one plane.
    pub(super) fn one_plane(width: i64) -> Self {
        Self { first: width, odd: None }
    }
}

/// The layers of a network in order: input, the blocks' layers, output (with one more number a joint for σ).
pub(super) fn layer_shapes(config: &NetworkConfig, features: Widths, outputs: Widths) -> Vec<LayerShape> {
    let PlaneShape { columns, planes } =
        PlaneShape::of_hidden(config.hidden, if features.odd.is_some() { 2 } else { 1 });
    let hidden = Widths { first: columns, odd: (planes == 2).then_some(columns) };
    let full_input = config.input_block == InputBlock::Full;
    let count = config.blocks * config.layers_per_block;
    let mut shapes = vec![LayerShape::between(features, hidden, full_input && config.batch_norm)];
    shapes.extend(std::iter::repeat_n(LayerShape::between(hidden, hidden, config.batch_norm), count));
    shapes.push(LayerShape::between(hidden, outputs, false));
    shapes
}

/// Views of a weight `[out, in]`, of its gradient, and of the operand of its products: itself, or its copy in bf16.
#[derive(Debug)]
pub(super) struct Weight {
    pub value: Tensor,
    pub operand: Tensor,
    pub gradient: Tensor,
}

/// Views of one layer's part of the buffers.
#[derive(Debug)]
pub(super) struct Layer {
    /// One per plane.
    pub weights: Vec<Weight>,
    /// `[out]`, of the first plane.
    pub bias: Tensor,
    /// The operand of products, as for a weight.
    pub bias_operand: Tensor,
    pub bias_gradient: Tensor,
    pub norm: Option<NormViews>,
}

/// Views of a BatchNorm's numbers, `[out]` of the first plane each.
#[derive(Debug)]
pub(super) struct NormViews {
    pub gamma: Tensor,
    pub beta: Tensor,
    pub gamma_gradient: Tensor,
    pub beta_gradient: Tensor,
    pub running_mean: Tensor,
    pub running_variance: Tensor,
}

/// The layers of a network.
#[derive(Debug)]
pub(super) struct Layers {
    pub input: Layer,
    /// The layers of all residual blocks, in order.
    pub hidden: Vec<Layer>,
    pub output: Layer,
}

impl Layers {
    /// All layers in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Layer> {
        std::iter::once(&self.input).chain(&self.hidden).chain([&self.output])
    }
}

/// All numbers of a network in training.
#[derive(Debug)]
pub(super) struct Buffers {
    /// `[P]` weights, biases, γ, β.
    pub parameters: Tensor,
    /// `[P]` their gradients.
    pub gradients: Tensor,
    /// `[P]` Adam's running mean of the gradient.
    pub first_moment: Tensor,
    /// `[P]` Adam's running mean of its square.
    pub second_moment: Tensor,
    /// `[S]` BatchNorm's running means and variances.
    pub statistics: Tensor,
    /// `[P]` the parameters in bf16, if hidden layers multiply in it.
    pub copy: Option<Tensor>,
    pub layers: Layers,
    shapes: Vec<LayerShape>,
}

impl Buffers {
    /// Zeros for `shapes` on `device`.
    pub(super) fn new(shapes: &[LayerShape], precision: TrainPrecision, device: Device) -> Self {
        let norm_outputs: i64 = shapes.iter().filter(|s| s.batch_norm).map(LayerShape::shared).sum();
        let dense: i64 = shapes.iter().map(|s| s.weights() + s.shared()).sum();
        let options = (Kind::Float, device);
        let [parameters, gradients, first_moment, second_moment] =
            [(); 4].map(|()| Tensor::zeros([dense + 2 * norm_outputs], options));
        let statistics = Tensor::zeros([2 * norm_outputs], options);
        let copy =
            (precision == TrainPrecision::Bf16).then(|| Tensor::zeros(parameters.size(), (Kind::BFloat16, device)));
        let operands = copy.as_ref().unwrap_or(&parameters);
        let layers = Cutter::new(&parameters, &gradients, &statistics, operands).layers(shapes);
        let shapes = shapes.to_vec();
        Self { parameters, gradients, first_moment, second_moment, statistics, copy, layers, shapes }
    }

    /// Views of other `parameters` and `statistics` of the same shape; the gradients are this network's.
    pub(super) fn layers_over(&self, parameters: &Tensor, statistics: &Tensor) -> Layers {
        Cutter::new(parameters, &self.gradients, statistics, parameters).layers(&self.shapes)
    }

    /// Rounds the changed parameters into their bf16 copy, if there is one.
    pub(super) fn refresh_copy(&self) {
        if let Some(copy) = &self.copy {
            copy.shallow_clone().copy_(&self.parameters);
        }
    }

    /// The buffers that make up the state of training, by name.
    pub(super) fn named(&self) -> [(&'static str, &Tensor); 4] {
        [
            ("parameters", &self.parameters),
            ("first_moment", &self.first_moment),
            ("second_moment", &self.second_moment),
            ("statistics", &self.statistics),
        ]
    }
}

/// Cuts the buffers into layers, from the front.
struct Cutter<'a> {
    parameters: &'a Tensor,
    gradients: &'a Tensor,
    statistics: &'a Tensor,
    /// The operand of products: the parameters or their copy in bf16.
    operands: &'a Tensor,
    next_parameter: i64,
    next_statistic: i64,
}

/// A part of the parameters, of their gradients and of the operand of products.
struct Part {
    value: Tensor,
    gradient: Tensor,
    operand: Tensor,
}

impl<'a> Cutter<'a> {
    fn new(parameters: &'a Tensor, gradients: &'a Tensor, statistics: &'a Tensor, operands: &'a Tensor) -> Self {
        Self { parameters, gradients, statistics, operands, next_parameter: 0, next_statistic: 0 }
    }

    fn layers(mut self, shapes: &[LayerShape]) -> Layers {
        let mut layers = shapes.iter().map(|shape| self.layer(shape));
        let input = layers.next().expect("a network has an input layer");
        let mut hidden: Vec<Layer> = layers.collect();
        let output = hidden.pop().expect("a network has an output layer");
        Layers { input, hidden, output }
    }

    fn part(&mut self, shape: &[i64]) -> Part {
        let start = self.next_parameter;
        self.next_parameter += shape.iter().product::<i64>();
        Part {
            value: view(self.parameters, start, shape),
            gradient: view(self.gradients, start, shape),
            operand: view(self.operands, start, shape),
        }
    }

    fn statistic(&mut self, len: i64) -> Tensor {
        let view = self.statistics.narrow(0, self.next_statistic, len);
        self.next_statistic += len;
        view
    }

    fn layer(&mut self, shape: &LayerShape) -> Layer {
        let mut weights = Vec::new();
        for &(outputs, inputs) in &shape.planes {
            let Part { value, gradient, operand } = self.part(&[outputs, inputs]);
            weights.push(Weight { value, operand, gradient });
        }
        let shared = shape.shared();
        let bias = self.part(&[shared]);
        let norm = if shape.batch_norm { Some(self.norm(shared)) } else { None };
        Layer { weights, bias: bias.value, bias_operand: bias.operand, bias_gradient: bias.gradient, norm }
    }

    fn norm(&mut self, len: i64) -> NormViews {
        let gamma = self.part(&[len]);
        let beta = self.part(&[len]);
        let running_mean = self.statistic(len);
        let running_variance = self.statistic(len);
        NormViews {
            gamma: gamma.value,
            beta: beta.value,
            gamma_gradient: gamma.gradient,
            beta_gradient: beta.gradient,
            running_mean,
            running_variance,
        }
    }
}

/// The part of `buffer` from number `start` that fills `shape`.
fn view(buffer: &Tensor, start: i64, shape: &[i64]) -> Tensor {
    buffer.narrow(0, start, shape.iter().product()).view(shape)
}

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
    let layer = |from: Widths, to: Widths, batch_norm| {
        let odd = from.odd.zip(to.odd).map(|(from, to)| (to, from));
        LayerShape { planes: std::iter::once((to.first, from.first)).chain(odd).collect(), batch_norm }
    };
    let PlaneShape { columns, planes } =
        PlaneShape::of_hidden(config.hidden, if features.odd.is_some() { 2 } else { 1 });
    let hidden = Widths { first: columns, odd: (planes == 2).then_some(columns) };
    let full_input = config.input_block == InputBlock::Full;
    let count = config.blocks * config.layers_per_block;
    std::iter::once(layer(features, hidden, full_input && config.batch_norm))
        .chain(std::iter::repeat_n(layer(hidden, hidden, config.batch_norm), count))
        .chain([layer(hidden, outputs, false)])
        .collect()
}

/// Views of a weight `[out, in]`, of its gradient, and of the operand of its products: itself, or its copy in bf16.
#[derive(Debug)]
pub(super) struct Weight {
    pub value: Tensor,
    pub factor: Tensor,
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
    pub bias_factor: Tensor,
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
        let weights = |s: &LayerShape| s.planes.iter().map(|(outputs, inputs)| outputs * inputs).sum::<i64>();
        let dense: i64 = shapes.iter().map(|s| weights(s) + s.shared()).sum();
        let zeros = |len: i64| Tensor::zeros([len], (Kind::Float, device));
        let [parameters, gradients, first_moment, second_moment] = [(); 4].map(|()| zeros(dense + 2 * norm_outputs));
        let statistics = zeros(2 * norm_outputs);
        let copy =
            (precision == TrainPrecision::Bf16).then(|| Tensor::zeros(parameters.size(), (Kind::BFloat16, device)));
        let factors = copy.as_ref().unwrap_or(&parameters);
        let layers = Cutter::new(&parameters, &gradients, &statistics, factors).layers(shapes);
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
    factors: &'a Tensor,
    next_parameter: i64,
    next_statistic: i64,
}

/// A part of the parameters, of their gradients and of the operand of products.
struct Part {
    value: Tensor,
    gradient: Tensor,
    factor: Tensor,
}

impl<'a> Cutter<'a> {
    fn new(parameters: &'a Tensor, gradients: &'a Tensor, statistics: &'a Tensor, factors: &'a Tensor) -> Self {
        Self { parameters, gradients, statistics, factors, next_parameter: 0, next_statistic: 0 }
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
        let len: i64 = shape.iter().product();
        self.next_parameter += len;
        let view = |buffer: &Tensor| buffer.narrow(0, start, len).view(shape);
        Part { value: view(self.parameters), gradient: view(self.gradients), factor: view(self.factors) }
    }

    fn statistic(&mut self, len: i64) -> Tensor {
        let view = self.statistics.narrow(0, self.next_statistic, len);
        self.next_statistic += len;
        view
    }

    fn layer(&mut self, shape: &LayerShape) -> Layer {
        let mut weights = Vec::new();
        for &(outputs, inputs) in &shape.planes {
            let Part { value, gradient, factor } = self.part(&[outputs, inputs]);
            weights.push(Weight { value, factor, gradient });
        }
        let shared = shape.shared();
        let bias = self.part(&[shared]);
        let norm = shape.batch_norm.then(|| {
            let gamma = self.part(&[shared]);
            let beta = self.part(&[shared]);
            let running_mean = self.statistic(shared);
            let running_variance = self.statistic(shared);
            NormViews {
                gamma: gamma.value,
                beta: beta.value,
                gamma_gradient: gamma.gradient,
                beta_gradient: beta.gradient,
                running_mean,
                running_variance,
            }
        });
        Layer { weights, bias: bias.value, bias_factor: bias.factor, bias_gradient: bias.gradient, norm }
    }
}

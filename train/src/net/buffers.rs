//! The network's numbers, each kind in one flat buffer, with a view a layer.
//!
//! One buffer each for parameters, gradients, the optimiser's two moments and
//! the running statistics: Adam is one pass, a checkpoint is five tensors.

use tch::{Device, Kind, Tensor};

use crate::config::{InputBlock, NetworkConfig};

/// One Linear layer with what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LayerShape {
    pub inputs: i64,
    pub outputs: i64,
    pub batch_norm: bool,
}

/// The layers of a network in order: input, the blocks' layers, output (with one more number a joint for σ).
pub(super) fn layer_shapes(config: &NetworkConfig, features: i64, coordinates: i64) -> Vec<LayerShape> {
    let hidden = config.hidden as i64;
    let full_input = config.input_block == InputBlock::Full;
    let input = LayerShape { inputs: features, outputs: hidden, batch_norm: full_input && config.batch_norm };
    let inner = LayerShape { inputs: hidden, outputs: hidden, batch_norm: config.batch_norm };
    let outputs = coordinates + if config.sigma { coordinates / 3 } else { 0 };
    let output = LayerShape { inputs: hidden, outputs, batch_norm: false };
    let count = config.blocks * config.layers_per_block;
    std::iter::once(input).chain(std::iter::repeat_n(inner, count)).chain([output]).collect()
}

/// Views of one layer's part of the buffers.
#[derive(Debug)]
pub(super) struct Layer {
    pub shape: LayerShape,
    /// `[out, in]`.
    pub weight: Tensor,
    /// `[out]`.
    pub bias: Tensor,
    pub weight_gradient: Tensor,
    pub bias_gradient: Tensor,
    pub norm: Option<NormViews>,
}

/// Views of a BatchNorm's numbers, `[out]` each.
#[derive(Debug)]
pub(super) struct NormViews {
    pub gamma: Tensor,
    pub beta: Tensor,
    pub gamma_gradient: Tensor,
    pub beta_gradient: Tensor,
    pub running_mean: Tensor,
    pub running_variance: Tensor,
}

/// All the numbers of a network in training.
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
    pub layers: Vec<Layer>,
}

impl Buffers {
    /// Zeros for `shapes` on `device`.
    pub(super) fn new(shapes: &[LayerShape], device: Device) -> Self {
        let norm_outputs: i64 = shapes.iter().filter(|s| s.batch_norm).map(|s| s.outputs).sum();
        let dense: i64 = shapes.iter().map(|s| s.outputs * (s.inputs + 1)).sum();
        let zeros = |len: i64| Tensor::zeros([len], (Kind::Float, device));
        let [parameters, gradients, first_moment, second_moment] = [(); 4].map(|()| zeros(dense + 2 * norm_outputs));
        let statistics = zeros(2 * norm_outputs);
        let mut cut =
            Cutter { parameters: &parameters, gradients: &gradients, statistics: &statistics, at: 0, statistic: 0 };
        let layers = shapes.iter().map(|&shape| cut.layer(shape)).collect();
        Self { parameters, gradients, first_moment, second_moment, statistics, layers }
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

struct Cutter<'a> {
    parameters: &'a Tensor,
    gradients: &'a Tensor,
    statistics: &'a Tensor,
    at: i64,
    statistic: i64,
}

impl Cutter<'_> {
    fn pair(&mut self, shape: &[i64]) -> (Tensor, Tensor) {
        let len: i64 = shape.iter().product();
        let views =
            (self.parameters.narrow(0, self.at, len).view(shape), self.gradients.narrow(0, self.at, len).view(shape));
        self.at += len;
        views
    }

    fn statistic(&mut self, len: i64) -> Tensor {
        let view = self.statistics.narrow(0, self.statistic, len);
        self.statistic += len;
        view
    }

    fn layer(&mut self, shape: LayerShape) -> Layer {
        let (weight, weight_gradient) = self.pair(&[shape.outputs, shape.inputs]);
        let (bias, bias_gradient) = self.pair(&[shape.outputs]);
        let norm = shape.batch_norm.then(|| {
            let (gamma, gamma_gradient) = self.pair(&[shape.outputs]);
            let (beta, beta_gradient) = self.pair(&[shape.outputs]);
            let (running_mean, running_variance) = (self.statistic(shape.outputs), self.statistic(shape.outputs));
            NormViews { gamma, beta, gamma_gradient, beta_gradient, running_mean, running_variance }
        });
        Layer { shape, weight, bias, weight_gradient, bias_gradient, norm }
    }
}

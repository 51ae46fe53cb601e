//! The network's numbers, each kind in one flat buffer, with a view a layer.
//!
//! One buffer each for parameters, gradients, the optimiser's two moments and
//! the running statistics: Adam is one pass, a checkpoint is five tensors.
//! Where hidden layers multiply in bf16, the parameters have a copy in it.

use tch::{Device, Kind, Tensor};

use crate::config::{InputBlock, NetworkConfig, Precision};

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
    /// The two as activations and gradients are multiplied with them: themselves, or their copies in bf16.
    pub factors: (Tensor, Tensor),
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
    /// `[P]` the parameters in bf16, where hidden layers multiply in it.
    pub copy: Option<Tensor>,
    pub layers: Vec<Layer>,
}

impl Buffers {
    /// Zeros for `shapes` on `device`.
    pub(super) fn new(shapes: &[LayerShape], precision: Precision, device: Device) -> Self {
        let norm_outputs: i64 = shapes.iter().filter(|s| s.batch_norm).map(|s| s.outputs).sum();
        let dense: i64 = shapes.iter().map(|s| s.outputs * (s.inputs + 1)).sum();
        let zeros = |len: i64| Tensor::zeros([len], (Kind::Float, device));
        let [parameters, gradients, first_moment, second_moment] = [(); 4].map(|()| zeros(dense + 2 * norm_outputs));
        let statistics = zeros(2 * norm_outputs);
        let copy = (precision == Precision::Bf16).then(|| Tensor::zeros(parameters.size(), (Kind::BFloat16, device)));
        let mut cut = Cutter {
            parameters: &parameters,
            gradients: &gradients,
            statistics: &statistics,
            copy: copy.as_ref(),
            at: 0,
            statistic: 0,
        };
        let layers = shapes.iter().map(|&shape| cut.layer(shape)).collect();
        Self { parameters, gradients, first_moment, second_moment, statistics, copy, layers }
    }

    /// Rounds the parameters into their copy, where there is one, after they changed.
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

struct Cutter<'a> {
    parameters: &'a Tensor,
    gradients: &'a Tensor,
    statistics: &'a Tensor,
    copy: Option<&'a Tensor>,
    at: i64,
    statistic: i64,
}

impl Cutter<'_> {
    /// Views of the parameters, their gradients and what stands for them in a product.
    fn views(&mut self, shape: &[i64]) -> [Tensor; 3] {
        let len: i64 = shape.iter().product();
        let factors = self.copy.unwrap_or(self.parameters);
        let views = [self.parameters, self.gradients, factors].map(|buffer| buffer.narrow(0, self.at, len).view(shape));
        self.at += len;
        views
    }

    fn statistic(&mut self, len: i64) -> Tensor {
        let view = self.statistics.narrow(0, self.statistic, len);
        self.statistic += len;
        view
    }

    fn layer(&mut self, shape: LayerShape) -> Layer {
        let [weight, weight_gradient, weight_factor] = self.views(&[shape.outputs, shape.inputs]);
        let [bias, bias_gradient, bias_factor] = self.views(&[shape.outputs]);
        let norm = shape.batch_norm.then(|| {
            let [gamma, gamma_gradient, _] = self.views(&[shape.outputs]);
            let [beta, beta_gradient, _] = self.views(&[shape.outputs]);
            let (running_mean, running_variance) = (self.statistic(shape.outputs), self.statistic(shape.outputs));
            NormViews { gamma, beta, gamma_gradient, beta_gradient, running_mean, running_variance }
        });
        let factors = (weight_factor, bias_factor);
        Layer { shape, weight, bias, factors, weight_gradient, bias_gradient, norm }
    }
}

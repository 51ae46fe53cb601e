//! The network's numbers, each kind in one flat buffer, with a view a layer.
//!
//! One buffer each for parameters, gradients, the optimiser's two moments and
//! the running statistics: Adam is one pass, a checkpoint is five tensors.
//! Where hidden layers multiply in bf16, the parameters have a copy in it.

use tch::{Device, Kind, Tensor};

use crate::config::{InputBlock, NetworkConfig, Precision};

/// One Linear layer with what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LayerShape {
    /// Outputs and inputs of each plane's matrix: one, or the even and the odd one of a network that keeps to a mirror.
    pub planes: Vec<(i64, i64)>,
    pub batch_norm: bool,
}

impl LayerShape {
    /// Biases, and BatchNorm's numbers of each kind: a shift belongs to the even plane, a factor to both.
    fn shared(&self) -> i64 {
        self.planes[0].0
    }
}

/// Numbers on either side of a network: so many in the first plane, so many in the second, if there is one.
pub(super) type Widths = (i64, Option<i64>);

/// The layers of a network in order: input, the blocks' layers, output (with one more number a joint for σ).
pub(super) fn layer_shapes(config: &NetworkConfig, features: Widths, outputs: Widths) -> Vec<LayerShape> {
    let hidden = config.hidden as i64;
    let layer = |from: Widths, to: Widths, batch_norm| {
        let odd = from.1.zip(to.1).map(|(from, to)| (to, from));
        LayerShape { planes: std::iter::once((to.0, from.0)).chain(odd).collect(), batch_norm }
    };
    let inner = if features.1.is_some() { (hidden / 2, Some(hidden / 2)) } else { (hidden, None) };
    let full_input = config.input_block == InputBlock::Full;
    let count = config.blocks * config.layers_per_block;
    std::iter::once(layer(features, inner, full_input && config.batch_norm))
        .chain(std::iter::repeat_n(layer(inner, inner, config.batch_norm), count))
        .chain([layer(inner, outputs, false)])
        .collect()
}

/// Views of a weight `[out, in]`, of its gradient, and of what products are made with: itself, or its copy in bf16.
#[derive(Debug)]
pub(super) struct Weight {
    pub value: Tensor,
    pub factor: Tensor,
    pub gradient: Tensor,
}

/// Views of one layer's part of the buffers.
#[derive(Debug)]
pub(super) struct Layer {
    /// One a plane.
    pub weights: Vec<Weight>,
    /// `[out]`, of the first plane.
    pub bias: Tensor,
    /// What products are made with, as for a weight.
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
    shapes: Vec<LayerShape>,
}

impl Buffers {
    /// Zeros for `shapes` on `device`.
    pub(super) fn new(shapes: &[LayerShape], precision: Precision, device: Device) -> Self {
        let norm_outputs: i64 = shapes.iter().filter(|s| s.batch_norm).map(LayerShape::shared).sum();
        let weights = |s: &LayerShape| s.planes.iter().map(|(outputs, inputs)| outputs * inputs).sum::<i64>();
        let dense: i64 = shapes.iter().map(|s| weights(s) + s.shared()).sum();
        let zeros = |len: i64| Tensor::zeros([len], (Kind::Float, device));
        let [parameters, gradients, first_moment, second_moment] = [(); 4].map(|()| zeros(dense + 2 * norm_outputs));
        let statistics = zeros(2 * norm_outputs);
        let copy = (precision == Precision::Bf16).then(|| Tensor::zeros(parameters.size(), (Kind::BFloat16, device)));
        let layers = Cutter::new([&parameters, &gradients, &statistics], copy.as_ref()).layers(shapes);
        let shapes = shapes.to_vec();
        Self { parameters, gradients, first_moment, second_moment, statistics, copy, layers, shapes }
    }

    /// Views of other `parameters` and `statistics` of the same shape; gradients are these.
    pub(super) fn layers_over(&self, parameters: &Tensor, statistics: &Tensor) -> Vec<Layer> {
        Cutter::new([parameters, &self.gradients, statistics], None).layers(&self.shapes)
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

impl<'a> Cutter<'a> {
    fn new([parameters, gradients, statistics]: [&'a Tensor; 3], copy: Option<&'a Tensor>) -> Self {
        Self { parameters, gradients, statistics, copy, at: 0, statistic: 0 }
    }

    fn layers(mut self, shapes: &[LayerShape]) -> Vec<Layer> {
        shapes.iter().map(|shape| self.layer(shape)).collect()
    }

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

    fn layer(&mut self, shape: &LayerShape) -> Layer {
        let mut weight = |&(outputs, inputs): &(i64, i64)| {
            let [value, gradient, factor] = self.views(&[outputs, inputs]);
            Weight { value, factor, gradient }
        };
        let weights = shape.planes.iter().map(&mut weight).collect();
        let shared = shape.shared();
        let [bias, bias_gradient, bias_factor] = self.views(&[shared]);
        let norm = shape.batch_norm.then(|| {
            let [gamma, gamma_gradient, _] = self.views(&[shared]);
            let [beta, beta_gradient, _] = self.views(&[shared]);
            let (running_mean, running_variance) = (self.statistic(shared), self.statistic(shared));
            NormViews { gamma, beta, gamma_gradient, beta_gradient, running_mean, running_variance }
        });
        Layer { weights, bias, bias_factor, bias_gradient, norm }
    }
}

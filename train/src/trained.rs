//! A trained lifter as plain arrays: the trainer's output and the exporter's input.
//!
//! This file names neither libtorch nor ONNX, so folding can be tested on random networks without either.

use ndarray::{Array1, Array2};
use poselift::model::{InputCard, OutputCard};
#[cfg(doc)]
use poselift_onnx::names::MIN_SCALE;

/// BatchNorm1d with its running statistics, `[hidden]` each.
#[derive(Debug, Clone)]
pub struct BatchNorm {
    /// Scale γ; may be negative or zero.
    pub gamma: Array1<f32>,
    /// Shift β.
    pub beta: Array1<f32>,
    /// Running mean μ.
    pub mean: Array1<f32>,
    /// Running variance σ².
    pub variance: Array1<f32>,
    /// ε in √(σ² + ε).
    pub epsilon: f64,
}

/// A Linear layer y = W·x + b, with the BatchNorm after it if there is one.
#[derive(Debug, Clone)]
pub struct Dense {
    /// W, `[out, in]`.
    pub weight: Array2<f32>,
    /// b, `[out]`.
    pub bias: Array1<f32>,
    /// The BatchNorm that follows.
    pub norm: Option<BatchNorm>,
}

/// The lifting network in evaluation mode (dropout is the identity).
#[derive(Debug, Clone)]
pub struct Network {
    /// From features to the hidden width.
    pub input: Dense,
    /// Whether a ReLU follows the input layer (`--input-block full`).
    pub input_relu: bool,
    /// Residual blocks: x + (ReLU∘Dense)ⁿ(x), one or two Dense per block.
    pub blocks: Vec<Vec<Dense>>,
    /// From the hidden width to J_out·3 coordinates and, if the output has σ, J_out logarithms of it.
    pub output: Dense,
    /// Whether hidden units come in twins, unit k and unit k + hidden/2, that a mirror exchanges
    /// ([`crate::net::Mirror`]): a matrix between them is [[P, Q], [Q, P]], and both have the same biases and
    /// BatchNorms.
    pub twins: bool,
}

/// The transform from key points to the features that the network was trained on.
#[derive(Debug, Clone)]
pub enum InputTransform {
    /// Key points unchanged (paired arrays). A joint is missing if a coordinate is NaN or infinite or, with three
    /// channels, its score is not above 0; all its features, the score too, are then their means.
    Absolute,
    /// Centred and scaled by the visible key points (motion data). With m = 1 for a joint whose score
    /// is > 0 and whose coordinates are numbers, else 0, w = m·score (m where there are no scores) and n = Σw:
    /// c = Σ w·p / n, s = max(√(Σ w·|p − c|² / n), [`MIN_SCALE`]), and the features of a joint are
    /// (m·(x − c_x)/s, m·(y − c_y)/s, m·score), interleaved joint by joint as the input is; all 0 where nothing
    /// is visible.
    ///
    /// In f32 the points are centred twice (`features.rs` of the crate `poselift-onnx` says why). The exported graph
    /// also treats as missing what no detector writes: a coordinate beyond 7e12 and a score below 1e-12 or infinite.
    Centred,
}

/// A z-score, `[features]` each; a standard deviation of 0 stands for a constant (z = 0; as an output, the mean).
#[derive(Debug, Clone)]
pub struct ZScore {
    /// Mean of each coordinate.
    pub mean: Array1<f32>,
    /// Standard deviation of each coordinate.
    pub std: Array1<f32>,
}

/// A trained lifter: key points in, poses out.
///
/// features = transform(key points); z = (features − mean)/std; o = network(z); y = o·std + mean; pose = the first
/// J_out·3 of y, reshaped to `[J_out, 3]`; σ = exp of the J_out after them, if the output has it.
#[derive(Debug, Clone)]
pub struct TrainedLifter {
    /// Layout and channels of the input.
    pub input_card: InputCard,
    /// Skeleton and unit of the output.
    pub output_card: OutputCard,
    /// From key points to features.
    pub transform: InputTransform,
    /// z-scores of the J_in·channels features.
    pub input_zscore: ZScore,
    /// The network.
    pub network: Network,
    /// z-scores of the network's outputs.
    pub output_zscore: ZScore,
}

impl TrainedLifter {
    /// Number of the network's outputs for a pose: J_out·3, and J_out more if the output has σ.
    pub fn outputs(&self) -> usize {
        self.output_card.joints.len() * if self.output_card.sigma { 4 } else { 3 }
    }
}

//! Folds a trained network into plain affine layers: BatchNorm into the Linear before it, the input's z-score into
//! the first layer, the output's into the last. Algebra on plain arrays, in f64 and rounded to f32 once at the end.
//!
//! Residual sums and ReLUs stay where they are: no linear map can be moved across them.

use ndarray::{Array1, Array2, Axis};
use poselift::{Error, Result};
use poselift_onnx::names::{INPUT_LAYER, OUTPUT_LAYER, block_layer};

use crate::trained::{BatchNorm, Dense, Network, TrainedLifter, ZScore};

/// One affine layer y = W·x + b, as the file holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct FoldedLayer {
    /// Its place in the network: `input`, `block0.layer1`, `output`.
    pub name: String,
    /// W, `[out, in]`.
    pub weight: Array2<f32>,
    /// b, `[out]`.
    pub bias: Array1<f32>,
}

/// A network of affine layers, ReLUs and residual sums only: features in, coordinates out.
#[derive(Debug, Clone, PartialEq)]
pub struct Folded {
    /// From (unstandardised) features to the hidden width.
    pub input: FoldedLayer,
    /// Whether a ReLU follows it.
    pub input_relu: bool,
    /// Residual blocks: x + (ReLU∘layer)ⁿ(x).
    pub blocks: Vec<Vec<FoldedLayer>>,
    /// From the hidden width to coordinates in the unit of the data and, where there is σ, its logarithms.
    pub output: FoldedLayer,
    /// Whether hidden units come in twins ([`Network::twins`]).
    pub twins: bool,
}

impl Folded {
    /// Every layer, in the order of the computation.
    pub fn layers(&self) -> impl Iterator<Item = &FoldedLayer> {
        std::iter::once(&self.input).chain(self.blocks.iter().flatten()).chain(std::iter::once(&self.output))
    }
}

/// Folds everything linear of a trained lifter.
///
/// # Errors
/// Layers whose shapes do not match, invalid statistics (a negative variance or deviation, a number that is not
/// finite), and a folded weight beyond the range of f32; each error names its layer.
pub fn fold(lifter: &TrainedLifter) -> Result<Folded> {
    let Network { input, input_relu, blocks, output, twins } = &lifter.network;
    let features = lifter.input_card.joints.len() * lifter.input_card.channels;
    let outputs = lifter.outputs();
    let hidden = input.weight.nrows();

    let input = Affine::of(input, INPUT_LAYER, features, hidden)?.after(&lifter.input_zscore)?.round()?;
    let mut folded_blocks = Vec::new();
    for (block, layers) in blocks.iter().enumerate() {
        let mut folded = Vec::new();
        for (index, dense) in layers.iter().enumerate() {
            folded.push(Affine::of(dense, &block_layer(block, index), hidden, hidden)?.round()?);
        }
        folded_blocks.push(folded);
    }
    let output = Affine::of(output, OUTPUT_LAYER, hidden, outputs)?.before(&lifter.output_zscore)?.round()?;
    Ok(Folded { input, input_relu: *input_relu, blocks: folded_blocks, output, twins: *twins })
}

/// A layer being folded, in f64.
struct Affine {
    name: String,
    weight: Array2<f64>,
    bias: Array1<f64>,
}

impl Affine {
    /// A Linear of the given widths with the BatchNorm after it.
    fn of(dense: &Dense, name: &str, inputs: usize, outputs: usize) -> Result<Self> {
        expect_len(name, "weight columns", dense.weight.ncols(), inputs)?;
        expect_len(name, "weight rows", dense.weight.nrows(), outputs)?;
        expect_len(name, "biases", dense.bias.len(), outputs)?;
        let linear =
            Self { name: name.to_owned(), weight: dense.weight.mapv(f64::from), bias: dense.bias.mapv(f64::from) };
        dense.norm.as_ref().map_or(Ok(()), |norm| check_norm(name, norm, outputs))?;
        Ok(match &dense.norm {
            Some(norm) => linear.followed_by(norm),
            None => linear,
        })
    }

    /// W' = diag(γ/√(σ²+ε))·W, b' = (b − μ)·γ/√(σ²+ε) + β (Ioffe & Szegedy 2015, in evaluation mode).
    fn followed_by(mut self, norm: &BatchNorm) -> Self {
        for (row, mut weights) in self.weight.rows_mut().into_iter().enumerate() {
            let scale = f64::from(norm.gamma[row]) / (f64::from(norm.variance[row]) + norm.epsilon).sqrt();
            weights *= scale;
            self.bias[row] = (self.bias[row] - f64::from(norm.mean[row])) * scale + f64::from(norm.beta[row]);
        }
        self
    }

    /// The layer applied to z = (x − mean)/std as a layer applied to x; a constant feature (std 0) has z = 0.
    fn after(mut self, zscore: &ZScore) -> Result<Self> {
        check_zscore("input z-score", zscore, self.weight.ncols())?;
        for (column, mut weights) in self.weight.columns_mut().into_iter().enumerate() {
            let std = f64::from(zscore.std[column]);
            weights *= if std > 0.0 { std.recip() } else { 0.0 };
        }
        self.bias -= &self.weight.dot(&zscore.mean.mapv(f64::from));
        Ok(self)
    }

    /// The layer followed by o·std + mean.
    fn before(mut self, zscore: &ZScore) -> Result<Self> {
        check_zscore("output z-score", zscore, self.weight.nrows())?;
        let std = zscore.std.mapv(f64::from);
        self.weight *= &std.view().insert_axis(Axis(1));
        self.bias = self.bias * std + zscore.mean.mapv(f64::from);
        Ok(self)
    }

    fn round(self) -> Result<FoldedLayer> {
        let numbers = self.weight.iter().chain(&self.bias);
        if let Some(number) = numbers.into_iter().find(|&&number| !(number as f32).is_finite()) {
            let message =
                format!("layer '{}' folds to {number:.1e}, expected numbers within the range of f32", self.name);
            return Err(Error::input(message).hint("a running variance or a deviation may be next to nothing"));
        }
        Ok(FoldedLayer { name: self.name, weight: self.weight.mapv(|w| w as f32), bias: self.bias.mapv(|b| b as f32) })
    }
}

fn check_norm(layer: &str, norm: &BatchNorm, width: usize) -> Result<()> {
    for (what, values) in
        [("gammas", &norm.gamma), ("betas", &norm.beta), ("means", &norm.mean), ("variances", &norm.variance)]
    {
        expect_len(layer, what, values.len(), width)?;
    }
    match norm.variance.iter().find(|&&variance| !(variance >= 0.0 && f64::from(variance) + norm.epsilon > 0.0)) {
        Some(variance) => {
            let message = format!("layer '{layer}' has a running variance of {variance}, expected a positive number");
            Err(Error::input(message))
        }
        None => Ok(()),
    }
}

fn check_zscore(name: &str, zscore: &ZScore, width: usize) -> Result<()> {
    expect_len(name, "means", zscore.mean.len(), width)?;
    expect_len(name, "deviations", zscore.std.len(), width)?;
    match zscore.std.iter().position(|&std| !(std >= 0.0 && std.is_finite())) {
        Some(at) => {
            let found = zscore.std[at];
            Err(Error::input(format!("{name}: deviation {at} is {found}, expected a number of 0 or more")))
        }
        None => Ok(()),
    }
}

fn expect_len(place: &str, what: &str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::input(format!("layer '{place}' has {found} {what}, expected {expected}")))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn norm() -> BatchNorm {
        BatchNorm { gamma: array![-2.0], beta: array![0.5], mean: array![3.0], variance: array![15.0], epsilon: 1.0 }
    }

    fn dense() -> Dense {
        Dense { weight: array![[1.0, 2.0]], bias: array![1.0], norm: Some(norm()) }
    }

    #[test]
    fn batch_norm_goes_into_the_linear_before_it() {
        // Scale −2/√(15 + 1) = −0.5; bias (1 − 3)·(−0.5) + 0.5 = 1.5.
        let folded = Affine::of(&dense(), "x", 2, 1).unwrap().round().unwrap();
        assert_eq!(folded.weight, array![[-0.5, -1.0]]);
        assert_eq!(folded.bias, array![1.5]);
    }

    #[test]
    fn z_scores_go_into_the_ends_and_constants_stay_constant() {
        let linear = || Affine::of(&Dense { norm: None, ..dense() }, "x", 2, 1).unwrap();
        // Second feature is constant: 1·(x₀ − 4)/2 + 0 + 1 = 0.5·x₀ − 1.
        let input = ZScore { mean: array![4.0, 9.0], std: array![2.0, 0.0] };
        let folded = linear().after(&input).unwrap().round().unwrap();
        assert_eq!((folded.weight, folded.bias), (array![[0.5, 0.0]], array![-1.0]));
        let constant = ZScore { mean: array![7.0], std: array![0.0] };
        let folded = linear().before(&constant).unwrap().round().unwrap();
        assert_eq!((folded.weight, folded.bias), (array![[0.0, 0.0]], array![7.0]));
    }

    #[test]
    fn what_cannot_be_folded_is_named() {
        let with = |change: fn(&mut BatchNorm)| {
            let mut norm = norm();
            change(&mut norm);
            Affine::of(&Dense { norm: Some(norm), ..dense() }, "block1.layer0", 2, 1)?.round()
        };
        type Change = fn(&mut BatchNorm);
        let cases: [(Change, &str); 4] = [
            (|norm| norm.variance[0] = -1.0, "layer 'block1.layer0' has a running variance of -1"),
            (|norm| norm.variance[0] = f32::NAN, "layer 'block1.layer0' has a running variance of NaN"),
            (|norm| norm.beta = array![], "layer 'block1.layer0' has 0 betas, expected 1"),
            (
                |norm| (norm.gamma[0], norm.variance[0], norm.epsilon) = (1e30, 1e-30, 0.0),
                "layer 'block1.layer0' folds to 1.0e45, expected",
            ),
        ];
        for (change, expected) in cases {
            let message = with(change).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}

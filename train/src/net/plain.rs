//! Handing the network over as plain arrays, for the exporter.

use ndarray::{Array1, Array2};
use tch::{Device, Kind, Tensor};

use super::LiftNet;
use super::buffers::Layer;
use super::kernel::EPSILON;
use crate::config::InputBlock;
use crate::trained::{BatchNorm, Dense, Network, ZScore};

impl LiftNet {
    /// The network's weights and running statistics, copied off the device.
    pub fn to_plain(&self) -> Network {
        let hidden: Vec<Dense> = self.hidden_layers().iter().map(dense).collect();
        Network {
            input: dense(&self.buffers.layers[0]),
            input_relu: self.config.input_block == InputBlock::Full,
            blocks: hidden.chunks(self.config.layers_per_block.max(1)).map(<[Dense]>::to_vec).collect(),
            output: dense(self.output_layer()),
        }
    }

    /// How the last layer's output is standardised: the coordinates and, where there is σ, its logarithms.
    pub fn output_zscore(&self) -> ZScore {
        let coordinates = &self.zscores.1;
        match &self.sigma {
            None => coordinates.clone(),
            Some(sigma) => {
                let sigma = sigma.zscore();
                let joined = |a: &Array1<f32>, b: &Array1<f32>| a.iter().chain(b).copied().collect();
                ZScore { mean: joined(&coordinates.mean, &sigma.mean), std: joined(&coordinates.std, &sigma.std) }
            }
        }
    }

    /// How the features and the coordinates are standardised.
    pub fn zscores(&self) -> (&ZScore, &ZScore) {
        (&self.zscores.0, &self.zscores.1)
    }
}

fn dense(layer: &Layer) -> Dense {
    let shape = (layer.shape.outputs as usize, layer.shape.inputs as usize);
    Dense {
        weight: Array2::from_shape_vec(shape, numbers(&layer.weight)).expect("a weight is [out, in]"),
        bias: vector(&layer.bias),
        norm: layer.norm.as_ref().map(|norm| BatchNorm {
            gamma: vector(&norm.gamma),
            beta: vector(&norm.beta),
            mean: vector(&norm.running_mean),
            variance: vector(&norm.running_variance),
            epsilon: f64::from(EPSILON),
        }),
    }
}

fn vector(tensor: &Tensor) -> Array1<f32> {
    numbers(tensor).into()
}

/// The numbers of a float tensor, row by row.
pub(crate) fn numbers(tensor: &Tensor) -> Vec<f32> {
    let host = tensor.to_device(Device::Cpu).to_kind(Kind::Float).contiguous();
    let mut values = vec![0.0; host.numel()];
    host.copy_data(&mut values, host.numel());
    values
}

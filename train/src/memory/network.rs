//! The memory behind a network that lifts single frames: a recurrent layer (GRU; Cho et al. 2014) between two dense ones. It
//! reads what that network read and gave, and corrects its poses and sigma.
//!
//! Training goes through libtorch's autograd: a gradient through time would be long to write out. All parameters are views of
//! one flat tensor, which Adam walks at once.

use poselift::model::Card;
use poselift_onnx::{Dense, Memory, Weights};
use tch::{Device, IndexOp, Kind, Tensor};

use crate::net::{adam_step, numbers};

/// What the inputs are multiplied by, so that all are of a size of about 1: metres of the pose, of sigma, seconds.
const POSE_SCALE: f64 = 2.0;
const SIGMA_SCALE: f64 = 5.0;
const USUAL_RATE: f64 = 30.0;
/// Metres, and e-folds of sigma, that an output of 1 is worth.
const CORRECTION: f64 = 0.2;
const SIGMA_CORRECTION: f64 = 0.5;
/// The largest norm of a gradient.
const MOST_GRADIENT: f64 = 1.0;
/// Share that the average of the parameters keeps at each step.
pub(super) const AVERAGE: f64 = 0.995;

/// Sizes of a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Numbers of a person's features.
    pub features: i64,
    /// J_out.
    pub joints: i64,
    /// H.
    pub units: i64,
}

/// One of a memory's weights or biases.
struct Part {
    size: Vec<i64>,
    /// How many numbers each output is the sum of, by which its first values are drawn; `None` for zeros.
    inputs: Option<i64>,
}

impl Shape {
    /// Of a memory of `units` behind the model of `card`.
    pub fn of(card: &Card, units: usize) -> Self {
        Self {
            features: (card.input.joints.len() * card.input.channels) as i64,
            joints: card.output.joints.len() as i64,
            units: units as i64,
        }
    }

    /// Numbers that the encoder reads of a frame: features, pose, sigma, seconds since the frame before.
    fn inputs(self) -> i64 {
        self.features + self.joints * 4 + 1
    }

    /// Numbers that come out: corrections of coordinates and of sigma.
    fn outputs(self) -> i64 {
        self.joints * 4
    }

    /// All weights, `[out, in]`, and biases, in the order of the flat tensor: of the encoder, the gates for what is encoded and for
    /// what is remembered and then both biases, the decoder, the correction, which is none at first.
    fn parts(self) -> [Part; 10] {
        let (read, h, outputs) = (self.inputs(), self.units, self.outputs());
        let part = |size: &[i64], inputs: i64| Part { size: size.to_vec(), inputs: Some(inputs) };
        let zeros = |size: &[i64]| Part { size: size.to_vec(), inputs: None };
        [
            part(&[h, read], read),
            part(&[h], read),
            part(&[3 * h, h], h),
            part(&[3 * h, h], h),
            part(&[3 * h], h),
            part(&[3 * h], h),
            part(&[h, 2 * h], 2 * h),
            part(&[h], 2 * h),
            zeros(&[outputs, h]),
            zeros(&[outputs]),
        ]
    }

    /// Numbers of all parameters.
    pub fn parameters(self) -> i64 {
        self.parts().iter().map(Part::len).sum()
    }
}

impl Part {
    fn len(&self) -> i64 {
        self.size.iter().product()
    }

    /// First values, flat, from libtorch's generator: uniform in ±1/√inputs as PyTorch has them.
    fn draw(&self) -> Tensor {
        let Some(inputs) = self.inputs else { return Tensor::zeros([self.len()], tch::kind::FLOAT_CPU) };
        let bound = 1.0 / (inputs as f64).sqrt();
        ((Tensor::rand(&self.size, tch::kind::FLOAT_CPU) * 2.0 - 1.0) * bound).flatten(0, -1)
    }
}

/// What a network that lifts single frames read and gave, B windows of T frames.
#[derive(Debug)]
pub struct FramesLifted {
    /// `[B·T, F]`.
    pub features: Tensor,
    /// `[B·T, J, 3]` metres.
    pub poses: Tensor,
    /// `[B·T, J]` metres.
    pub sigma: Tensor,
    /// `[B, T]` seconds since the frame before, 0 at a window's first.
    pub dt: Tensor,
}

/// What comes of it.
#[derive(Debug)]
pub struct Remembered {
    /// `[B, T, J, 3]` metres.
    pub poses: Tensor,
    /// `[B, T, J]` logarithms of metres.
    pub log_sigma: Tensor,
}

/// A memory with its state of training.
#[derive(Debug)]
pub struct MemoryNet {
    shape: Shape,
    /// All parameters, flat; and their running average, which is what lifts.
    parameters: Tensor,
    average: Tensor,
    moments: [Tensor; 2],
    /// `[J]` what sigma is multiplied by, so that 68 % of the validation's errors are within it.
    sigma_factor: Tensor,
}

impl MemoryNet {
    /// A memory that corrects nothing yet.
    pub fn new(shape: Shape, device: Device, seed: u64) -> Self {
        tch::manual_seed(seed as i64);
        let parts = shape.parts().map(|part| part.draw());
        let parameters = Tensor::cat(&parts, 0).to_device(device);
        Self {
            average: parameters.copy(),
            moments: [parameters.zeros_like(), parameters.zeros_like()],
            parameters: parameters.set_requires_grad(true),
            sigma_factor: Tensor::ones([shape.joints], (Kind::Float, device)),
            shape,
        }
    }

    /// Its sizes.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Corrects poses with the averaged parameters.
    pub fn lift(&self, frames: &FramesLifted) -> Remembered {
        tch::no_grad(|| {
            let remembered = self.forward(&self.average, frames);
            let log_sigma = remembered.log_sigma + self.sigma_factor.log();
            Remembered { log_sigma, ..remembered }
        })
    }

    fn forward(&self, parameters: &Tensor, frames: &FramesLifted) -> Remembered {
        let (windows, steps) = (frames.dt.size()[0], frames.dt.size()[1]);
        let joints = self.shape.joints;
        let [encoder, encoder_bias, input, state, input_bias, state_bias, decoder, decoder_bias, last, last_bias] =
            self.parts(parameters);
        let rows = |tensor: &Tensor| tensor.reshape([windows, steps, -1]);
        let since = (frames.dt.unsqueeze(2) * USUAL_RATE) - 1.0;
        let scaled = [&frames.poses * POSE_SCALE, &frames.sigma * SIGMA_SCALE].map(|tensor| rows(&tensor));
        let [poses, sigma] = &scaled;
        let read = Tensor::cat(&[&rows(&frames.features), poses, sigma, &since], 2);
        let encoded = read.linear(&encoder, Some(&encoder_bias)).relu();
        let start = Tensor::zeros([1, windows, self.shape.units], (Kind::Float, parameters.device()));
        let gates = [input, state, input_bias, state_bias];
        let (remembered, _) = encoded.gru(&start, &gates, true, 1, 0.0, true, false, true);
        let decoded = Tensor::cat(&[&encoded, &remembered], 2).linear(&decoder, Some(&decoder_bias)).relu();
        let numbers = decoded.linear(&last, Some(&last_bias));
        let correction = numbers.narrow(2, 0, joints * 3).view([windows, steps, joints, 3]) * CORRECTION;
        // The root stays where it is.
        let correction = &correction - correction.narrow(2, 0, 1);
        let log_correction = numbers.narrow(2, joints * 3, joints) * SIGMA_CORRECTION;
        Remembered {
            poses: frames.poses.view([windows, steps, joints, 3]) + correction,
            log_sigma: frames.sigma.view([windows, steps, joints]).log() + log_correction,
        }
    }

    fn parts(&self, parameters: &Tensor) -> [Tensor; 10] {
        let mut start = 0;
        self.shape.parts().map(|part| {
            let weights = parameters.narrow(0, start, part.len()).view(part.size.as_slice());
            start += part.len();
            weights
        })
    }

    /// One step of Adam, number `step` from 1, on the loss that `loss` makes of what the memory gives.
    pub fn step(
        &mut self,
        frames: &FramesLifted,
        (step, learning_rate): (u64, f64),
        loss: impl FnOnce(&Remembered) -> Tensor,
    ) {
        loss(&self.forward(&self.parameters, frames)).backward();
        let gradient = self.parameters.grad();
        let norm = gradient.norm();
        let gradient = &gradient * (MOST_GRADIENT / norm).clamp_max(1.0);
        let [first, second] = &self.moments;
        adam_step(&self.parameters.detach(), &gradient, [first, second], step, learning_rate);
        self.parameters.zero_grad();
        let _ = tch::no_grad(|| self.average.lerp_(&self.parameters, 1.0 - AVERAGE));
    }

    /// Makes `within` of the errors `distance` `[N, J]` lie within sigma; `log_sigma` `[N, J]` is what [`Self::lift`] gave.
    pub fn calibrate(&mut self, log_sigma: &Tensor, distance: &Tensor, within: f64, twins: &Tensor) {
        let factor = (distance / log_sigma.exp()).quantile_scalar(within, 0, false, "linear").clamp_min(1e-3);
        let factor = (&factor * factor.index_select(0, twins)).sqrt();
        // The root never moves, so that its errors say nothing.
        let _ = factor.i(0).fill_(1.0);
        self.sigma_factor = &self.sigma_factor * factor;
    }

    /// Everything that a checkpoint keeps.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        let [first, second] = &self.moments;
        [
            ("parameters", &self.parameters),
            ("average", &self.average),
            ("first_moment", first),
            ("second_moment", second),
            ("sigma_factor", &self.sigma_factor),
        ]
        .map(|(name, tensor)| (name.to_owned(), tensor.detach().copy()))
        .into()
    }

    /// A memory of this shape with the state that `tensor` gives by name.
    ///
    /// # Errors
    /// A tensor that is missing or of another size.
    pub fn from_state(
        shape: Shape,
        device: Device,
        tensor: impl Fn(&str) -> poselift::Result<Tensor>,
    ) -> poselift::Result<Self> {
        let flat = |name: &str, length: i64| -> poselift::Result<Tensor> {
            let found = tensor(name)?;
            if found.size() == [length] {
                return Ok(found.to_device(device).to_kind(Kind::Float));
            }
            Err(poselift::Error::input(format!(
                "'{name}' of the checkpoint has the size {:?}, expected {length}",
                found.size()
            )))
        };
        let all = shape.parameters();
        Ok(Self {
            parameters: flat("parameters", all)?.set_requires_grad(true),
            average: flat("average", all)?,
            moments: [flat("first_moment", all)?, flat("second_moment", all)?],
            sigma_factor: flat("sigma_factor", shape.joints)?,
            shape,
        })
    }

    /// The averaged parameters as a model file has them: scales, the root's rest and sigma's factor are in the weights.
    pub fn to_arrays(&self) -> Memory {
        tch::no_grad(|| self.folded())
    }

    fn folded(&self) -> Memory {
        let Shape { features, joints, .. } = self.shape;
        let [encoder, encoder_bias, input, state, input_bias, state_bias, decoder, decoder_bias, last, last_bias] =
            self.parts(&self.average.to_kind(Kind::Double));
        let scales = [(features, 1.0), (joints * 3, POSE_SCALE), (joints, SIGMA_SCALE), (1, USUAL_RATE)];
        let scale: Vec<f64> = scales.iter().flat_map(|&(count, scale)| vec![scale; count as usize]).collect();
        // dt·30 − 1: the 1 goes into the bias.
        let encoder_bias = encoder_bias - encoder.narrow(1, encoder.size()[1] - 1, 1).squeeze_dim(1);
        let encoder = encoder * Tensor::from_slice(&scale).to_device(self.average.device());
        let relative = |numbers: Tensor| {
            let coordinates = numbers.narrow(0, 0, joints * 3) * CORRECTION;
            let root = coordinates.narrow(0, 0, 3);
            let repeats: Vec<i64> = std::iter::once(joints).chain(std::iter::repeat_n(1, root.dim() - 1)).collect();
            let relative = &coordinates - root.repeat(repeats.as_slice());
            Tensor::cat(&[relative, numbers.narrow(0, joints * 3, joints) * SIGMA_CORRECTION], 0)
        };
        let (last, last_bias) = (relative(last), relative(last_bias));
        let _ = last_bias.narrow(0, joints * 3, joints).g_add_(&self.sigma_factor.to_kind(Kind::Double).log());
        let matrix = |weight: &Tensor| {
            // A file has weights as [in, out].
            let turned = weight.tr().contiguous();
            let dims: Vec<usize> = turned.size().iter().map(|&length| length as usize).collect();
            Weights::new(&dims, numbers(&turned))
        };
        let row = |bias: &Tensor| Weights::new(&[bias.size()[0] as usize], numbers(bias));
        let layer = |weight: &Tensor, bias: &Tensor| Dense { weights: vec![matrix(weight)], bias: row(bias) };
        Memory {
            encoder: layer(&encoder, &encoder_bias),
            input_gates: layer(&input, &input_bias),
            state_gates: layer(&state, &state_bias),
            decoder: layer(&decoder, &decoder_bias),
            correction: layer(&last, &last_bias),
        }
    }
}

//! The memory behind a network that lifts single frames: a recurrent layer (GRU; Cho et al. 2014) between two dense ones. It
//! reads what that network read and gave, and corrects its poses and sigma.
//!
//! Training goes through libtorch's autograd: a gradient through time would be long to write out. All parameters are views of
//! one flat tensor, which Adam walks at once.

mod arrays;

use poselift::model::Card;
use poselift_onnx::Memory;
use tch::{Device, IndexOp, Kind, Tensor};

use crate::net::adam_step;

/// Factors of the inputs, so that all are of a size of about 1: of the pose in metres, of sigma in metres, of seconds.
const POSE_SCALE: f64 = 2.0;
const SIGMA_SCALE: f64 = 5.0;
const USUAL_RATE: f64 = 30.0;
/// Metres, and e-folds of sigma, that an output of 1 is worth.
const CORRECTION: f64 = 0.2;
const SIGMA_CORRECTION: f64 = 0.5;
/// Gradient clipping: a gradient of a larger norm is scaled down to this one.
const MAX_GRADIENT_NORM: f64 = 1.0;
/// Decay of the exponential moving average (EMA) of the parameters: the share that it keeps at each step.
pub(super) const EMA_DECAY: f64 = 0.995;

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
        let read = self.inputs();
        let h = self.units;
        let outputs = self.outputs();
        [
            Part::drawn(&[h, read], read),
            Part::drawn(&[h], read),
            Part::drawn(&[3 * h, h], h),
            Part::drawn(&[3 * h, h], h),
            Part::drawn(&[3 * h], h),
            Part::drawn(&[3 * h], h),
            Part::drawn(&[h, 2 * h], 2 * h),
            Part::drawn(&[h], 2 * h),
            Part::zeros(&[outputs, h]),
            Part::zeros(&[outputs]),
        ]
    }

    /// Numbers of all parameters.
    pub fn parameters(self) -> i64 {
        self.parts().iter().map(Part::len).sum()
    }

    /// `[read]` what each number that the encoder reads is multiplied by.
    fn input_scales(self) -> Tensor {
        repeated(&[(self.features, 1.0), (self.joints * 3, POSE_SCALE), (self.joints, SIGMA_SCALE), (1, USUAL_RATE)])
    }

    /// `[outputs]` what an output of 1 is worth: metres, and e-folds of sigma.
    fn output_scales(self) -> Tensor {
        repeated(&[(self.joints * 3, CORRECTION), (self.joints, SIGMA_CORRECTION)])
    }
}

impl Part {
    /// Of a layer that sums over so many `inputs`.
    fn drawn(size: &[i64], inputs: i64) -> Self {
        Self { size: size.to_vec(), inputs: Some(inputs) }
    }

    fn zeros(size: &[i64]) -> Self {
        Self { size: size.to_vec(), inputs: None }
    }

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

/// The input and the output of a network that lifts single frames, for B windows of T frames.
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

impl FramesLifted {
    /// The first `lead` frames of each window, and the others.
    pub(super) fn split_at(&self, lead: i64) -> [Self; 2] {
        [self.part(0, lead), self.part(lead, self.steps() - lead)]
    }

    /// `count` frames of each window from its frame `first`.
    fn part(&self, first: i64, count: i64) -> Self {
        Self {
            features: self.rows_of(&self.features, first, count),
            poses: self.rows_of(&self.poses, first, count),
            sigma: self.rows_of(&self.sigma, first, count),
            dt: self.dt.narrow(1, first, count),
        }
    }

    /// `rows` `[B·T, …]` of those frames.
    fn rows_of(&self, rows: &Tensor, first: i64, count: i64) -> Tensor {
        rows.unflatten(0, [self.windows(), self.steps()]).narrow(1, first, count).flatten(0, 1)
    }

    /// B.
    fn windows(&self) -> i64 {
        self.dt.size()[0]
    }

    /// T.
    fn steps(&self) -> i64 {
        self.dt.size()[1]
    }
}

/// The output of a memory for B windows of T frames.
#[derive(Debug)]
pub struct Remembered {
    /// `[B, T, J, 3]` metres.
    pub poses: Tensor,
    /// `[B, T, J]` logarithms of metres.
    pub log_sigma: Tensor,
}

/// The recurrent layer's input and states over windows.
struct States {
    /// `[B, T, H]` its input.
    encoded: Tensor,
    /// `[B, T, H]` its state at each frame, and `[1, B, H]` at the last.
    all: Tensor,
    last: Tensor,
}

/// A memory with its state of training.
#[derive(Debug)]
pub struct MemoryNet {
    shape: Shape,
    /// All parameters, flat; and their exponential moving average, which is what lifts.
    parameters: Tensor,
    ema: Tensor,
    moments: [Tensor; 2],
    /// `[J]` the factor of sigma, so that 68 % of the validation's errors are within it.
    sigma_factor: Tensor,
}

impl MemoryNet {
    /// A memory that corrects nothing yet.
    pub fn new(shape: Shape, device: Device, seed: u64) -> Self {
        tch::manual_seed(seed as i64);
        let parts = shape.parts().map(|part| part.draw());
        let parameters = Tensor::cat(&parts, 0).to_device(device);
        Self {
            ema: parameters.copy(),
            moments: [parameters.zeros_like(), parameters.zeros_like()],
            parameters: parameters.set_requires_grad(true),
            sigma_factor: Tensor::ones([shape.joints], (Kind::Float, device)),
            shape,
        }
    }

    /// The memory of an exported model, to learn on from.
    ///
    /// # Errors
    /// A memory of another shape.
    pub fn from_arrays(shape: Shape, device: Device, memory: &Memory) -> poselift::Result<Self> {
        let parameters = tch::no_grad(|| shape.unfolded(memory));
        if parameters.size() != [shape.parameters()] {
            return Err(poselift::Error::usage("--init with a memory of another shape"));
        }
        let mut net = Self::new(shape, device, 0);
        net.parameters = parameters.to_device(device).set_requires_grad(true);
        net.ema = net.parameters.detach().copy();
        Ok(net)
    }

    /// Its sizes.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Corrects poses with the averaged parameters.
    pub fn lift(&self, frames: &FramesLifted) -> Remembered {
        self.lift_after(&frames.split_at(0))
    }

    /// Corrects the poses of the second of `parts` of windows with the averaged parameters, where it has seen the first before.
    pub(super) fn lift_after(&self, parts: &[FramesLifted; 2]) -> Remembered {
        let [lead, frames] = parts;
        tch::no_grad(|| {
            let remembered = self.forward(&self.ema, frames, &self.remembered_after(&self.ema, lead));
            let log_sigma = remembered.log_sigma + self.sigma_factor.log();
            Remembered { log_sigma, ..remembered }
        })
    }

    /// `[1, B, H]` what is remembered after `frames`, which may be none; without gradients.
    fn remembered_after(&self, parameters: &Tensor, frames: &FramesLifted) -> Tensor {
        let nothing = Tensor::zeros([1, frames.windows(), self.shape.units], (Kind::Float, parameters.device()));
        if frames.steps() == 0 {
            return nothing;
        }
        tch::no_grad(|| self.remember(parameters, frames, &nothing).last)
    }

    /// Encodes `frames` and takes what is remembered, `[1, B, H]`, through them.
    fn remember(&self, parameters: &Tensor, frames: &FramesLifted, start: &Tensor) -> States {
        let [encoder, encoder_bias, input, state, input_bias, state_bias, ..] = self.parts(parameters);
        let size = [frames.windows(), frames.steps(), -1];
        let features = frames.features.reshape(size);
        let poses = (&frames.poses * POSE_SCALE).reshape(size);
        let sigma = (&frames.sigma * SIGMA_SCALE).reshape(size);
        let since = (frames.dt.unsqueeze(2) * USUAL_RATE) - 1.0;
        let read = Tensor::cat(&[features, poses, sigma, since], 2);
        let encoded = read.linear(&encoder, Some(&encoder_bias)).relu();
        let gates = [input, state, input_bias, state_bias];
        let (all, last) = encoded.gru(start, &gates, true, 1, 0.0, true, false, true);
        States { encoded, all, last }
    }

    /// Corrects `frames`, before which `start` `[1, B, H]` is remembered.
    fn forward(&self, parameters: &Tensor, frames: &FramesLifted, start: &Tensor) -> Remembered {
        let windows = frames.windows();
        let steps = frames.steps();
        let joints = self.shape.joints;
        let [.., decoder, decoder_bias, last, last_bias] = self.parts(parameters);
        let States { encoded, all: remembered, .. } = self.remember(parameters, frames, start);
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

    /// One step of Adam, number `step` from 1, on the loss that `loss` makes of what the memory gives for the second of `parts` of
    /// windows where it has seen the first before.
    pub fn step(
        &mut self,
        parts: &[FramesLifted; 2],
        step: u64,
        learning_rate: f64,
        loss: impl FnOnce(&Remembered) -> Tensor,
    ) {
        let [lead, frames] = parts;
        let start = self.remembered_after(&self.parameters, lead);
        loss(&self.forward(&self.parameters, frames, &start)).backward();
        let gradient = self.parameters.grad();
        let norm = gradient.norm();
        let gradient = &gradient * (MAX_GRADIENT_NORM / norm).clamp_max(1.0);
        let [first, second] = &self.moments;
        adam_step(&self.parameters.detach(), &gradient, [first, second], step, learning_rate);
        self.parameters.zero_grad();
        let _ = tch::no_grad(|| self.ema.lerp_(&self.parameters, 1.0 - EMA_DECAY));
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
            ("average", &self.ema),
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
        let all = shape.parameters();
        Ok(Self {
            parameters: flat(&tensor, "parameters", all, device)?.set_requires_grad(true),
            ema: flat(&tensor, "average", all, device)?,
            moments: [flat(&tensor, "first_moment", all, device)?, flat(&tensor, "second_moment", all, device)?],
            sigma_factor: flat(&tensor, "sigma_factor", shape.joints, device)?,
            shape,
        })
    }

    /// The averaged parameters as a model file has them: scales, the root's rest and sigma's factor are in the weights.
    pub fn to_arrays(&self) -> Memory {
        tch::no_grad(|| self.folded())
    }
}

/// The second of each of `scales`, as often as the first says.
fn repeated(scales: &[(i64, f64)]) -> Tensor {
    let mut all = Vec::new();
    for &(count, scale) in scales {
        all.resize(all.len() + count as usize, scale);
    }
    Tensor::from_slice(&all)
}

/// The tensor called `name`, of this `length`, on `device`.
fn flat(
    tensor: &impl Fn(&str) -> poselift::Result<Tensor>,
    name: &str,
    length: i64,
    device: Device,
) -> poselift::Result<Tensor> {
    let found = tensor(name)?;
    if found.size() == [length] {
        return Ok(found.to_device(device).to_kind(Kind::Float));
    }
    Err(poselift::Error::input(format!(
        "'{name}' of the checkpoint has the size {:?}, expected {length}",
        found.size()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::generator;

    const SHAPE: Shape = Shape { features: 6, joints: 3, units: 8 };

    fn frames(steps: i64) -> FramesLifted {
        let random = |size: &[i64]| Tensor::rand(size, tch::kind::FLOAT_CPU);
        let rows = 2 * steps;
        FramesLifted {
            features: random(&[rows, 6]),
            poses: random(&[rows, 3, 3]),
            sigma: random(&[rows, 3]) + 0.1,
            dt: random(&[2, steps]),
        }
    }

    /// A memory with weights in all its parts.
    fn drawn() -> MemoryNet {
        let mut net = MemoryNet::new(SHAPE, Device::Cpu, 5);
        net.ema = Tensor::rand([SHAPE.parameters()], tch::kind::FLOAT_CPU) * 0.4 - 0.2;
        net.sigma_factor = Tensor::from_slice(&[1.0f32, 1.5, 0.7]);
        net
    }

    fn apart(a: &Tensor, b: &Tensor) -> f64 {
        (a - b).abs().max().double_value(&[])
    }

    #[test]
    fn what_an_exported_file_holds_lifts_as_the_memory_that_it_came_from() {
        let _held = generator();
        let net = drawn();
        let again = MemoryNet::from_arrays(SHAPE, Device::Cpu, &net.to_arrays()).expect("the shape is the same");
        let frames = frames(7);
        let (expected, found) = (net.lift(&frames), again.lift(&frames));
        assert!(apart(&found.poses, &expected.poses) < 1e-5);
        assert!(apart(&found.log_sigma, &expected.log_sigma) < 1e-5);
        let other = Shape { units: 16, ..SHAPE };
        assert!(MemoryNet::from_arrays(other, Device::Cpu, &net.to_arrays()).is_err());
    }

    #[test]
    fn frames_after_a_lead_are_lifted_as_those_of_one_window() {
        let _held = generator();
        let (net, frames) = (drawn(), frames(9));
        let whole = net.lift(&frames).poses.narrow(1, 4, 5);
        assert!(apart(&net.lift_after(&frames.split_at(4)).poses, &whole) < 1e-6);
        assert!(apart(&net.lift(&frames.part(4, 5)).poses, &whole) > 1e-3, "the lead changes nothing");
    }
}

//! The memory of a person behind a network that lifts single frames: a gated recurrent unit (GRU; Cho et al. 2014) between
//! two dense layers, which corrects pose and sigma by what was seen before.
//!
//! ```text
//! e  = ReLU(W·[features, pose, sigma, dt] + b)
//! r, z = σ(of e) with σ(of h): reset and update gates;  n = tanh(of e + r ∘ of h)
//! h' = n + z ∘ (h − n)
//! pose' = pose + c,  sigma' = sigma ∘ exp(s)  with  [c, s] = W·ReLU(W·[e, h'] + b) + b
//! ```
//!
//! One call is one frame of each of N people. What is remembered goes in and comes out as a tensor, so that a file holds no state
//! and any program can keep a memory for each person.

use crate::builder::GraphBuilder;
use crate::names::{FEATURES, MEMORY_NAME, NEXT_MEMORY_NAME, SINCE_NAME};
use crate::network::Dense;
use crate::{Error, Result};

/// The weights of a memory of H numbers a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Memory {
    /// From features, pose, sigma and the seconds since the frame before, `[J_in·C + J_out·4 + 1, H]`; a ReLU follows.
    pub encoder: Dense<f32>,
    /// From what is encoded to the reset gate, the update gate and the candidate, `[H, 3·H]`.
    pub input_gates: Dense<f32>,
    /// From what is remembered to the same, `[H, 3·H]`.
    pub state_gates: Dense<f32>,
    /// From what is encoded and what is remembered then, `[2·H, H]`; a ReLU follows.
    pub decoder: Dense<f32>,
    /// To what is added to coordinates and to logarithms of sigma, `[H, J_out·4]`.
    pub correction: Dense<f32>,
}

/// The layers' names in a file.
const ENCODER: &str = "memory.encoder";
const INPUT_GATES: &str = "memory.input_gates";
const STATE_GATES: &str = "memory.state_gates";
const DECODER: &str = "memory.decoder";
const CORRECTION: &str = "memory.correction";

impl Memory {
    /// H, the numbers that are remembered of a person.
    pub fn units(&self) -> usize {
        self.encoder.bias.len()
    }

    /// Weights and biases in all.
    pub(crate) fn parameters(&self) -> u64 {
        self.layers().iter().map(|(_, layer)| layer.parameters()).sum()
    }

    fn layers(&self) -> [(&'static str, &Dense<f32>); 5] {
        [
            (ENCODER, &self.encoder),
            (INPUT_GATES, &self.input_gates),
            (STATE_GATES, &self.state_gates),
            (DECODER, &self.decoder),
            (CORRECTION, &self.correction),
        ]
    }

    /// Whether its layers fit each other and a network of these numbers of features and output joints.
    pub(crate) fn check(&self, features: usize, joints_out: usize) -> Result<()> {
        let units = self.units();
        if units == 0 {
            return Err(Error::new(ENCODER, "has no units", "one at least"));
        }
        let numbers = joints_out * 4;
        let shapes = [
            [features + numbers + 1, units],
            [units, 3 * units],
            [units, 3 * units],
            [2 * units, units],
            [units, numbers],
        ];
        for ((name, layer), shape) in self.layers().into_iter().zip(shapes) {
            layer.check(name, shape, 1)?;
        }
        Ok(())
    }

    /// The memory that `layer` reads by name from a file.
    pub(crate) fn read(layer: impl Fn(&str) -> Result<Dense<f32>>) -> Result<Self> {
        Ok(Self {
            encoder: layer(ENCODER)?,
            input_gates: layer(INPUT_GATES)?,
            state_gates: layer(STATE_GATES)?,
            decoder: layer(DECODER)?,
            correction: layer(CORRECTION)?,
        })
    }
}

/// The name of the encoder's weights. A file has an initialiser of this name if it has a memory.
pub(crate) fn encoder_weight() -> String {
    crate::names::weight(ENCODER)
}

/// The names of the tensors with pose and sigma of single frames, `[batch, J_out·3]` and `[batch, J_out]`.
pub(crate) struct Frames<'a> {
    pub(crate) coordinates: &'a str,
    pub(crate) sigma: &'a str,
}

/// Writes the nodes that correct `frames` into tensors of the names `corrected`, and give what is remembered next.
pub(crate) fn write(
    graph: &mut GraphBuilder,
    memory: &Memory,
    joints_out: usize,
    frames: &Frames<'_>,
    corrected: &Frames<'_>,
) {
    graph.concat(&[FEATURES, frames.coordinates, frames.sigma, SINCE_NAME], "memory.read");
    let encoded = relu(graph, &memory.encoder, ENCODER, "memory.read");
    gates(graph, memory, &encoded);
    graph.concat(&[&encoded, NEXT_MEMORY_NAME], "memory.known");
    let decoded = relu(graph, &memory.decoder, DECODER, "memory.known");
    graph.dense(&memory.correction, CORRECTION, &[decoded]);
    graph.split(CORRECTION, [joints_out * 3, joints_out], ["memory.shift", "memory.spread.log"]);
    graph.node("Add", &[frames.coordinates, "memory.shift"], corrected.coordinates);
    graph.node("Exp", &["memory.spread.log"], "memory.spread");
    graph.node("Mul", &[frames.sigma, "memory.spread"], corrected.sigma);
}

fn relu(graph: &mut GraphBuilder, layer: &Dense<f32>, name: &str, x: &str) -> String {
    let z = graph.dense(layer, name, &[x.to_owned()]);
    graph.relu(&z, name).remove(0)
}

/// Writes [`NEXT_MEMORY_NAME`].
fn gates(graph: &mut GraphBuilder, memory: &Memory, encoded: &str) {
    let units = memory.units();
    graph.dense(&memory.input_gates, INPUT_GATES, &[encoded.to_owned()]);
    graph.dense(&memory.state_gates, STATE_GATES, &[MEMORY_NAME.to_owned()]);
    // The reset and the update gate, then the candidate.
    graph.split(INPUT_GATES, [2 * units, units], ["memory.gates.input", "memory.candidate.input"]);
    graph.split(STATE_GATES, [2 * units, units], ["memory.gates.state", "memory.candidate.state"]);
    graph.node("Add", &["memory.gates.input", "memory.gates.state"], "memory.gates.sum");
    graph.node("Sigmoid", &["memory.gates.sum"], "memory.gates");
    graph.split("memory.gates", [units, units], ["memory.reset", "memory.update"]);
    graph.node("Mul", &["memory.reset", "memory.candidate.state"], "memory.candidate.kept");
    graph.node("Add", &["memory.candidate.input", "memory.candidate.kept"], "memory.candidate.sum");
    graph.node("Tanh", &["memory.candidate.sum"], "memory.candidate");
    graph.node("Sub", &[MEMORY_NAME, "memory.candidate"], "memory.difference");
    graph.node("Mul", &["memory.update", "memory.difference"], "memory.held");
    graph.node("Add", &["memory.candidate", "memory.held"], NEXT_MEMORY_NAME);
}

//! The names of tensors, layers and initialisers in a model file, and the constants in it: each once.
//!
//! [`crate::write`] and `read` take every name from here, so that they cannot differ.

use std::ffi::CStr;

/// The input, `[batch, J_in, C]`.
pub const INPUT_NAME: &str = text(INPUT_C_NAME);

/// [`INPUT_NAME`] as ONNX Runtime takes it.
pub const INPUT_C_NAME: &CStr = c"keypoints";

/// The output, `[batch, J_out, 3]`.
pub const OUTPUT_NAME: &str = text(OUTPUT_C_NAME);

/// [`OUTPUT_NAME`] as ONNX Runtime takes it.
pub const OUTPUT_C_NAME: &CStr = c"pose";

/// The second output of a model that has it, `[batch, J_out]`: the distance that 68 % of a joint's errors stay within.
pub const SIGMA_NAME: &str = text(SIGMA_C_NAME);

/// [`SIGMA_NAME`] as ONNX Runtime takes it.
pub const SIGMA_C_NAME: &CStr = c"sigma";

/// The second input of a model with a memory, `[batch, H]`: what the third output gave for each person's last frame, 0 for who is
/// new.
pub const MEMORY_NAME: &str = text(MEMORY_C_NAME);

/// [`MEMORY_NAME`] as ONNX Runtime takes it.
pub const MEMORY_C_NAME: &CStr = c"memory";

/// The third input of a model with a memory, `[batch, 1]`: seconds since each person's last frame, 0 for a new person.
pub const SINCE_NAME: &str = text(SINCE_C_NAME);

/// [`SINCE_NAME`] as ONNX Runtime takes it.
pub const SINCE_C_NAME: &CStr = c"since";

/// The third output of a model with a memory, `[batch, H]`.
pub const NEXT_MEMORY_NAME: &str = text(NEXT_MEMORY_C_NAME);

/// [`NEXT_MEMORY_NAME`] as ONNX Runtime takes it.
pub const NEXT_MEMORY_C_NAME: &CStr = c"next_memory";

const fn text(name: &'static CStr) -> &'static str {
    match name.to_str() {
        Ok(text) => text,
        Err(_) => panic!("names are in ASCII"),
    }
}

/// The graph.
pub(crate) const GRAPH: &str = "lifter";

/// The program that writes model files.
pub(crate) const PRODUCER: &str = "poselift-train";

/// The first layer.
pub const INPUT_LAYER: &str = "input";

/// The last layer.
pub const OUTPUT_LAYER: &str = "output";

/// The last layer's output, `[batch, J_out·3]` or `[batch, J_out·4]`.
pub(crate) const NUMBERS: &str = "numbers";

/// The first layer's input, `[batch, J_in·C]`.
pub const FEATURES: &str = "features";

/// The mean of each feature `[J_in, C]`, which stands for missing joints where key points are not centred.
pub(crate) const FEATURE_MEAN: &str = "feature_mean";

/// The matrix that sums the joints' weights, which only a file that centres key points has.
pub(crate) const ALL_WEIGHTS: &str = "all_weights";

/// The least sum of scores: where no joint is visible, 0 is divided by it.
pub const MIN_SCORE_SUM: f32 = 1e-30;

/// The least spread of key points that they are divided by, pixels.
pub const MIN_SCALE: f32 = 1e-3;

/// The least range of activations, so that nothing is divided by 0 where all of them are 0.
pub const MIN_RANGE: f32 = 1e-30;

/// The largest magnitude of a weight's code. With 7 bits two products of 255 · 63 fit in 16 bits, as processors without
/// VNNI add them up: every processor comes to the same sums.
pub const MAX_WEIGHT_CODE: i8 = 63;

/// The code of the largest activation behind a ReLU.
pub const MAX_POSITIVE_CODE: u8 = 255;

/// The code of the largest activation of either sign, above [`SIGNED_ZERO_POINT`].
pub const MAX_SIGNED_CODE: u8 = 127;

/// The zero point of activations of either sign: the code that stands for 0.
pub const SIGNED_ZERO_POINT: u8 = 128;

// Sums of two products in 16 bits, which is what the instruction `vpmaddubsw` has room for.
const _: () = assert!(2 * MAX_POSITIVE_CODE as i32 * MAX_WEIGHT_CODE as i32 <= i16::MAX as i32);

/// The sign of the activations that a layer in 8 bits reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputSign {
    /// Either sign: [`MAX_SIGNED_CODE`] codes on both sides of the zero point.
    Signed,
    /// ReLUs or their sums; what is below 0 is taken as 0: [`MAX_POSITIVE_CODE`] codes.
    Positive,
}

impl InputSign {
    /// The sign of what the first plane of layer `layer` of a block reads, in a network whose first layer has a ReLU or not. The odd
    /// plane is always [`Self::Signed`].
    pub fn of(layer: usize, input_relu: bool) -> Self {
        // A sum of ReLUs is no less than what they are added to.
        if layer > 0 || input_relu { Self::Positive } else { Self::Signed }
    }

    /// The code of the largest activation, above the zero point.
    pub fn max_code(self) -> u8 {
        match self {
            Self::Signed => MAX_SIGNED_CODE,
            Self::Positive => MAX_POSITIVE_CODE,
        }
    }

    /// The code that stands for 0.
    pub fn zero_point(self) -> u8 {
        match self {
            Self::Signed => SIGNED_ZERO_POINT,
            Self::Positive => 0,
        }
    }

    /// The value of one code, as a share of the largest activation.
    pub fn step(self) -> f32 {
        1.0 / f32::from(self.max_code())
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Signed => "signed",
            Self::Positive => "positive",
        }
    }
}

/// One of the matrices that a layer consists of: one, or an even and an odd one in a mirror-equivariant network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plane {
    Whole,
    Even,
    Odd,
}

impl Plane {
    /// The planes of a network with so many, one or two.
    pub(crate) fn of(planes: usize) -> &'static [Self] {
        match planes {
            2 => &[Self::Even, Self::Odd],
            _ => &[Self::Whole],
        }
    }

    /// The name of `name` in this plane.
    pub(crate) fn named(self, name: &str) -> String {
        match self {
            Self::Whole => name.to_owned(),
            Self::Even => format!("{name}.even"),
            Self::Odd => format!("{name}.odd"),
        }
    }
}

/// A residual block.
pub(crate) fn block(block: usize) -> String {
    format!("block{block}")
}

/// A layer of a residual block.
pub fn block_layer(block: usize, layer: usize) -> String {
    format!("block{block}.layer{layer}")
}

/// The weights `[in, out]` of a layer in a plane, by the name of both ([`Plane::named`]).
pub(crate) fn weight(layer: &str) -> String {
    format!("{layer}.weight")
}

/// The biases `[out]` of a layer.
pub(crate) fn bias(layer: &str) -> String {
    format!("{layer}.bias")
}

/// The biases `[out]` of a layer with so many planes, to the first of which they belong.
pub(crate) fn layer_bias(layer: &str, planes: usize) -> String {
    bias(&Plane::of(planes)[0].named(layer))
}

/// The scales of codes: `[out]` of a layer in 8 bits.
pub(crate) fn scale(coded: &str) -> String {
    format!("{coded}.scale")
}

/// The zero points of codes.
pub(crate) fn zero(coded: &str) -> String {
    format!("{coded}.zero")
}

/// The codes of a tensor.
pub(crate) fn codes(coded: &str) -> String {
    format!("{coded}.codes")
}

/// The output of the ReLU of `name`.
pub(crate) fn relu(name: &str) -> String {
    format!("{name}.relu")
}

//! The numbers that a model's hidden layers are held in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What the hidden layers of a model are held and multiplied in. Key points, the first and the last layer and so the
/// poses are float32 in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// float32 throughout.
    #[default]
    F32,
    /// float16, for GPUs.
    F16,
    /// Integers of 8 bits: weights with a scale for each output, activations as [`Quantisation`] says.
    Int8,
}

impl Precision {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::F32, Self::F16, Self::Int8];

    /// `f32`, `f16` or `int8`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Int8 => "int8",
        }
    }

    /// Whether a card may leave it out.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Precision {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|precision| precision.name() == text);
        found.ok_or_else(|| Error::new("unknown precision", format!("'{text}'"), "f32, f16 or int8"))
    }
}

/// What integers of 8 bits a file with [`Precision::Int8`] multiplies, and where their scales come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantisation {
    /// A scale for each person, found as the person is lifted: for CPUs, and what kernels run.
    #[default]
    Dynamic,
    /// Fixed scales, by QuantizeLinear and DequantizeLinear around the products; signed codes.
    Qdq,
    /// The same around every node of the hidden layers; unsigned codes, and biases of 32 bits.
    QdqFull,
}

impl Quantisation {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Dynamic, Self::Qdq, Self::QdqFull];

    /// `dynamic`, `qdq` or `qdq-full`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dynamic => "dynamic",
            Self::Qdq => "qdq",
            Self::QdqFull => "qdq-full",
        }
    }

    /// Whether a card may leave it out.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Quantisation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Quantisation {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|quantisation| quantisation.name() == text);
        found.ok_or_else(|| Error::new("unknown quantisation", format!("'{text}'"), "dynamic, qdq or qdq-full"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_in_words_and_on_cards() {
        for precision in Precision::ALL {
            assert_eq!(precision.name().parse::<Precision>().unwrap(), precision);
            assert_eq!(serde_json::to_value(precision).unwrap(), precision.name());
        }
        for quantisation in Quantisation::ALL {
            assert_eq!(quantisation.name().parse::<Quantisation>().unwrap(), quantisation);
            assert_eq!(serde_json::to_value(quantisation).unwrap(), quantisation.name());
        }
        let message = "bf16".parse::<Precision>().unwrap_err().to_string();
        assert_eq!(message, "unknown precision 'bf16', expected f32, f16 or int8");
    }
}

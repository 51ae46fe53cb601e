//! What computes a network on a CPU: what was asked for, and what was really got.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The engine that a user asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Engine {
    /// Our own kernels where there are some for the model and the processor, else ONNX Runtime.
    #[default]
    Auto,
    /// Our own kernels, or an error.
    Own,
    /// ONNX Runtime.
    OnnxRuntime,
    /// OpenVINO through a build of ONNX Runtime that has it (PyPI `onnxruntime-openvino`), or an error; in f32.
    OpenVino,
}

impl Engine {
    /// All of them.
    const ALL: [Self; 4] = [Self::Auto, Self::Own, Self::OnnxRuntime, Self::OpenVino];

    fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Own => "own",
            Self::OnnxRuntime => "onnxruntime",
            Self::OpenVino => "openvino",
        }
    }
}

impl FromStr for Engine {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let unknown = || Error::usage(format!("unknown engine '{text}', expected auto, own, onnxruntime or openvino"));
        Self::ALL.into_iter().find(|engine| engine.name() == text).ok_or_else(unknown)
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

    use super::*;

    #[test]
    fn engines_have_names() {
        for engine in Engine::ALL {
            assert_eq!(engine.to_string().parse::<Engine>().unwrap(), engine);
        }
        let message = "tract".parse::<Engine>().unwrap_err().to_string();
        assert_eq!(message, "unknown engine 'tract', expected auto, own, onnxruntime or openvino");
    }
}

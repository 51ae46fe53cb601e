//! The engine that computes a network on a CPU: the requested one, and the one that is really used.

use std::fmt;
use std::str::FromStr;

use super::Isa;
use crate::error::{Error, Result};

/// The engine that a user requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Engine {
    /// Our own kernels if there are any for the model and the processor, otherwise ONNX Runtime.
    #[default]
    Auto,
    /// Our own kernels, the fastest that the processor runs, or an error.
    Own,
    /// Our own kernels of one instruction set, or an error: for comparisons.
    Only(Isa),
    /// ONNX Runtime.
    OnnxRuntime,
    /// OpenVINO through a build of ONNX Runtime that has it (PyPI `onnxruntime-openvino`), or an error; in f32.
    OpenVino,
}

impl Engine {
    /// All of them.
    fn all() -> impl Iterator<Item = Self> {
        [Self::Auto, Self::Own, Self::OnnxRuntime, Self::OpenVino].into_iter().chain(Isa::ALL.map(Self::Only))
    }

    /// Whether it computes on CPUs alone. ONNX Runtime computes on GPUs, too.
    pub(super) fn is_for_cpus(self) -> bool {
        !matches!(self, Self::Auto | Self::OnnxRuntime)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Own => "own",
            Self::Only(isa) => isa.name(),
            Self::OnnxRuntime => "onnxruntime",
            Self::OpenVino => "openvino",
        }
    }
}

impl FromStr for Engine {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::all().find(|engine| engine.name() == text).ok_or_else(|| {
            let known: Vec<_> = Self::all().map(Self::name).collect();
            Error::usage(format!("unknown engine '{text}', expected one of {}", known.join(", ")))
        })
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_have_names() {
        for engine in Engine::all() {
            assert_eq!(engine.to_string().parse::<Engine>().unwrap(), engine);
        }
        let message = "tract".parse::<Engine>().unwrap_err().to_string();
        let expected = "unknown engine 'tract', expected one of auto, own, onnxruntime, openvino, avx512-vnni, avx512, avx-vnni, \
                        avx2, neon-dot, neon";
        assert_eq!(message, expected);
    }
}

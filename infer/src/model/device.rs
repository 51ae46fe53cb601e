//! The device of a model: the requested one, and the one that is really used.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The device that a user requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// A usable CUDA GPU, or else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The CUDA GPU of this number, or an error.
    Cuda(u32),
}

impl FromStr for Device {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => match text.strip_prefix("cuda:").and_then(|number| number.parse().ok()) {
                Some(number) => Ok(Self::Cuda(number)),
                None => Err(Error::usage(format!("unknown device '{text}', expected auto, cpu, cuda or cuda:N"))),
            },
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

/// The execution provider that a session really uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// The CPU.
    Cpu,
    /// The CPU, by OpenVINO; a profile has shown that the network's products run there.
    OpenVino,
    /// The CUDA GPU of this number; a profile has shown that the network's products run there.
    Cuda(u32),
}

impl Provider {
    /// ONNX Runtime's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "CPUExecutionProvider",
            Self::OpenVino => "OpenVINOExecutionProvider",
            Self::Cuda(_) => "CUDAExecutionProvider",
        }
    }

    /// The device's name, `cpu` or `cuda:N`.
    pub fn device(self) -> Device {
        match self {
            Self::Cpu | Self::OpenVino => Device::Cpu,
            Self::Cuda(number) => Device::Cuda(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_have_names() {
        for (text, device) in
            [("auto", Device::Auto), ("cpu", Device::Cpu), ("cuda:0", Device::Cuda(0)), ("cuda:3", Device::Cuda(3))]
        {
            assert_eq!(text.parse::<Device>().unwrap(), device);
            assert_eq!(device.to_string(), text);
        }
        assert_eq!("cuda".parse::<Device>().unwrap(), Device::Cuda(0));
    }

    #[test]
    fn other_names_are_refused() {
        for text in ["gpu", "CPU", "cuda:", "cuda:x", "cuda:-1", ""] {
            let message = text.parse::<Device>().unwrap_err().to_string();
            assert!(message.contains("expected auto, cpu, cuda or cuda:N"), "{message}");
        }
    }
}

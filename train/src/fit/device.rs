//! Chooses the device for training, and describes it.

use poselift::{Error, Result};
use tch::{Cuda, Device};

use crate::config::TrainPrecision;

/// The device called `auto`, `cpu`, `cuda` or `cuda:N`.
///
/// # Errors
/// Another name, or a CUDA device that libtorch cannot use: the message says whether the build, the driver or the
/// device is missing.
pub fn choose(name: &str) -> Result<Device> {
    match name {
        "cpu" => Ok(Device::Cpu),
        "auto" => Ok(Device::cuda_if_available()),
        "cuda" => cuda(0),
        _ => match name.strip_prefix("cuda:").and_then(|index| index.parse().ok()) {
            Some(index) => cuda(index),
            None => Err(Error::usage(format!("unknown device '{name}', expected auto, cpu, cuda or cuda:N"))),
        },
    }
}

fn cuda(index: usize) -> Result<Device> {
    let count = usize::try_from(Cuda::device_count()).unwrap_or(0);
    if count == 0 {
        return Err(Error::runtime(
            "no CUDA device: this libtorch is a CPU build, or finds no NVIDIA driver or device",
        )
        .hint("build with the CUDA libraries (`make build DEVICE=cuda`) and check `nvidia-smi`, or use --device cpu"));
    }
    if index >= count {
        return Err(Error::runtime(format!("no CUDA device {index}: {count} found, counted from 0")));
    }
    Ok(Device::Cuda(index))
}

/// The precision that `wanted` means on `device`: `Auto` is bf16 on a GPU and on processors that multiply it.
pub fn precision(wanted: TrainPrecision, device: Device) -> TrainPrecision {
    match wanted {
        TrainPrecision::Auto if device.is_cuda() || multiplies_bf16() => TrainPrecision::Bf16,
        TrainPrecision::Auto => TrainPrecision::F32,
        known => known,
    }
}

#[cfg(target_arch = "x86_64")]
fn multiplies_bf16() -> bool {
    is_x86_feature_detected!("avx512bf16")
}

#[cfg(not(target_arch = "x86_64"))]
fn multiplies_bf16() -> bool {
    false
}

/// `cpu` or `cuda:N`.
pub fn name(device: Device) -> String {
    match device {
        Device::Cuda(index) => format!("cuda:{index}"),
        _ => "cpu".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        assert_eq!(choose("cpu").unwrap(), Device::Cpu);
        assert!(choose("gpu").unwrap_err().to_string().contains("'gpu', expected auto"));
        assert!(choose("cuda:x").is_err());
    }
}

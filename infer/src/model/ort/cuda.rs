//! Whether a CUDA GPU can be used at all, and the first reason why not.
//!
//! ONNX Runtime's own message for a machine without a GPU is a page of C++; these few calls to the driver name the
//! cause in one line.

use std::ffi::c_int;
use std::path::Path;

use libloading::{Library, Symbol};

/// Checks all that GPU `number` needs next to the runtime at `runtime_path`; the error is the cause, in words.
pub(super) fn probe(number: u32, runtime_path: &Path) -> Result<(), String> {
    let provider =
        format!("{}onnxruntime_providers_cuda{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let folder = runtime_path.parent().unwrap_or(Path::new("."));
    if !folder.join(&provider).is_file() {
        return Err(format!(
            "the ONNX Runtime at {} is a build for the CPU: no {provider} beside it",
            runtime_path.display()
        ));
    }
    let devices = count_devices()?;
    if number >= devices {
        return Err(match devices {
            0 => "the NVIDIA driver reports no device".to_owned(),
            1 => format!("there is no device {number}: the NVIDIA driver reports only device 0"),
            _ => format!("there is no device {number}: the NVIDIA driver reports devices 0 to {}", devices - 1),
        });
    }
    Ok(())
}

/// How many GPUs the NVIDIA driver reports.
fn count_devices() -> Result<u32, String> {
    let name = if cfg!(windows) { "nvcuda.dll" } else { "libcuda.so.1" };
    // SAFETY: loading the driver's library runs its initialisers, which NVIDIA documents as safe in any process.
    let driver = unsafe { Library::new(name) }
        .map_err(|error| format!("no NVIDIA driver: {name} cannot be loaded ({error})"))?;
    // SAFETY: these are the signatures of the CUDA driver's API; `count` outlives the call that writes to it.
    unsafe {
        let init: Symbol<'_, unsafe extern "C" fn(u32) -> c_int> = driver.get(b"cuInit\0").map_err(missing)?;
        let get_count: Symbol<'_, unsafe extern "C" fn(*mut c_int) -> c_int> =
            driver.get(b"cuDeviceGetCount\0").map_err(missing)?;
        let initialised = check("cuInit", init(0));
        // The driver has started threads by now: it must never be unloaded.
        let get_count = *get_count;
        std::mem::forget(driver);
        initialised?;
        let mut count: c_int = 0;
        check("cuDeviceGetCount", get_count(&raw mut count))?;
        Ok(u32::try_from(count).unwrap_or(0))
    }
}

/// The error of a driver that lacks a function.
fn missing(error: libloading::Error) -> String {
    format!("the NVIDIA driver is too old: {error}")
}

/// Whether the call of `what` succeeded, by the code that it returned.
fn check(what: &str, code: c_int) -> Result<(), String> {
    match code {
        0 => Ok(()),
        100 => Err("the NVIDIA driver reports no device".to_owned()),
        code => Err(format!("the NVIDIA driver does not work: {what} gives error {code}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cpu_build_is_named_as_the_cause() {
        let folder = tempfile::tempdir().unwrap();
        let cause = probe(0, &folder.path().join("libonnxruntime.so")).unwrap_err();
        assert!(cause.contains("build for the CPU") && cause.contains("providers_cuda"), "{cause}");
    }

    #[test]
    fn a_number_beyond_the_devices_is_refused_with_a_cause() {
        let folder = tempfile::tempdir().unwrap();
        let provider =
            format!("{}onnxruntime_providers_cuda{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        std::fs::write(folder.path().join(provider), "").unwrap();
        let cause = probe(9999, &folder.path().join("libonnxruntime.so")).unwrap_err();
        assert!(cause.contains("NVIDIA driver"), "{cause}");
    }
}

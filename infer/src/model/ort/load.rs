//! Loads models into ONNX Runtime.

use std::path::Path;

use ort::ep;
use ort::session::Session;
use ort::session::builder::SessionBuilder;

use super::library::{self, Runtime};
use super::{OrtModel, cuda, profile};
use crate::error::{Error, Result};
use crate::model::{ModelFile, Provider};

impl OrtModel {
    /// `file` on the CPU, by the runtime at `library`, which shares each product among `threads`.
    ///
    /// # Errors
    /// The library is not a usable ONNX Runtime, or lacks the file's operators.
    pub(in crate::model) fn on_cpu(library: &Path, file: &ModelFile, threads: usize) -> Result<Self> {
        let runtime = library::runtime_at(library)?;
        let session = session_on_cpu(&runtime, file, threads).map_err(|error| {
            Error::model(format!("ONNX Runtime refuses the model: {}", error.message())).at(file.name())
        })?;
        Self::new(session, file.card())
    }

    /// `file` on GPU `number`, checked by a profile of its products.
    ///
    /// # Errors
    /// The cause, in words.
    pub(in crate::model) fn on_cuda(
        library: &Path,
        file: &ModelFile,
        threads: usize,
        number: u32,
    ) -> Result<Self, String> {
        cuda::probe(number, library)?;
        let runtime = library::runtime_at(library).map_err(|error| error.to_string())?;
        watched(&runtime, file, threads, Provider::Cuda(number))
    }

    /// `file` on the CPU by OpenVINO, checked by a profile of its products.
    ///
    /// # Errors
    /// The library is not a usable ONNX Runtime, or has no OpenVINO: the cause, in words.
    pub(in crate::model) fn on_openvino(library: &Path, file: &ModelFile, threads: usize) -> Result<Self> {
        let loaded = watched(&library::runtime_at(library)?, file, threads, Provider::OpenVino);
        loaded.map_err(|cause| {
            Error::runtime(format!("cannot run by OpenVINO: {cause}")).hint(
                "`pip install onnxruntime-openvino` and set ORT_DYLIB_PATH to its onnxruntime/capi/libonnxruntime.so.* file",
            )
        })
    }
}

fn session_on_cpu(runtime: &Runtime, file: &ModelFile, threads: usize) -> ort::Result<Session> {
    configure(runtime, threads, Provider::Cpu)?.commit_from_memory(file.bytes())
}

/// A model whose products run by `provider`, as its profile shows; the error is the cause, in words.
fn watched(runtime: &Runtime, file: &ModelFile, threads: usize, provider: Provider) -> Result<OrtModel, String> {
    let builder = configure(runtime, threads, provider).map_err(first_line)?;
    let (session, used) = profile::build_and_watch(builder, file)?;
    if used != provider.name() {
        return Err(format!("ONNX Runtime ran the network on its {used}"));
    }
    OrtModel::new(session, file.card()).map_err(|error| error.to_string())
}

fn first_line(error: ort::Error) -> String {
    error.message().lines().next().unwrap_or_default().to_owned()
}

fn configure(runtime: &Runtime, threads: usize, provider: Provider) -> ort::Result<SessionBuilder> {
    let builder = Session::builder(&runtime.environment)?
        .with_intra_threads(threads)?
        .with_inter_threads(1)?
        .with_memory_pattern(false)?;
    match provider {
        Provider::Cpu => Ok(builder),
        // Without a precision hint it multiplies in bf16 if the processor can, which costs a millimetre.
        Provider::OpenVino => {
            let openvino = ep::OpenVINO::default().with_device_type("CPU").with_precision("FP32");
            let openvino = openvino.with_num_threads(threads).with_dynamic_shapes(true);
            Ok(builder.with_execution_providers([openvino.build().error_on_failure()])?)
        }
        // `error_on_failure`: without it a provider that fails to load is skipped silently.
        Provider::Cuda(number) => {
            // TF32 would round every product to 10 bits: poses would differ from the CPU's by millimetres.
            let cuda = ep::CUDA::default().with_device_id(number as i32).with_tf32(false);
            let cuda = cuda.build().error_on_failure();
            Ok(builder.with_execution_providers([cuda])?)
        }
    }
}

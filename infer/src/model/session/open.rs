//! Opening a session: which device and engine run a model, and whether own kernels agree with ONNX Runtime.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::native::NativeNetwork;
use super::super::ort::{OrtModel, library};
use super::super::pool::ThreadPool;
use super::super::{Device, Engine, ModelFile, Precision, Provider, verify};
use super::{Backend, PoolState, Session};
use crate::error::{Error, Result};

/// The most threads by default: a batch of 256 poses does not keep more busy.
const MAX_DEFAULT_THREADS: usize = 16;

/// Options of a session: where it runs, and by how many threads.
#[derive(Debug, Clone, Copy, Default)]
pub struct SessionOptions {
    /// The device.
    pub device: Device,
    /// Threads of the CPU; `None` for all cores, 16 at most.
    pub threads: Option<usize>,
    /// The engine on a CPU.
    pub engine: Engine,
}

impl SessionOptions {
    /// The number of threads that a session with these options uses.
    pub fn thread_count(&self) -> usize {
        self.threads.unwrap_or_else(usual_threads).max(1)
    }
}

/// A thread for each core, [`MAX_DEFAULT_THREADS`] at most.
fn usual_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(MAX_DEFAULT_THREADS)
}

/// Opens the model at `path` and makes it ready to run.
///
/// # Errors
/// The file is not a model of ours ([`ModelFile::read`]), no usable ONNX Runtime, or a device that cannot be used.
pub fn open(path: impl AsRef<Path>, options: &SessionOptions) -> Result<Session> {
    Session::new(&ModelFile::read(path)?, options)
}

impl Session {
    /// Makes `file` ready to run. On a CPU our own kernels run it if they can ([`Engine`]). If their agreement with
    /// ONNX Runtime on this machine is not known yet, the runtime is loaded too and both are compared; if it is not
    /// installed, nothing is compared ([`Self::unverified_cause`]).
    ///
    /// # Errors
    /// Weights that do not match the card, an engine for CPUs beside a GPU, no usable ONNX Runtime for a model or device that
    /// needs it, a device that cannot be used, or operators that the runtime does not know.
    pub fn new(file: &ModelFile, options: &SessionOptions) -> Result<Self> {
        file.check_weights()?;
        let threads = options.thread_count();
        match options.device {
            Device::Cuda(_) if options.engine.is_for_cpus() => {
                Err(Error::usage(format!("the engine '{}' computes on CPUs, and the device is a GPU", options.engine))
                    .hint("leave out --engine, or take --device cpu"))
            }
            Device::Cpu | Device::Auto if options.engine == Engine::OpenVino => {
                let runtime = library::path(options.device == Device::Auto)?;
                Ok(Self::whole(OrtModel::on_openvino(&runtime, file, threads)?, file, threads, Provider::OpenVino))
            }
            Device::Cpu => Self::on_cpu(file, options, library::find(false)?, None),
            Device::Cuda(number) => {
                let runtime = library::path(true)?;
                let model = OrtModel::on_cuda(&runtime, file, threads, number);
                let model = model.map_err(|cause| cuda_error(number, &cause))?;
                Ok(Self::whole(model, file, threads, Provider::Cuda(number)))
            }
            Device::Auto if options.engine.is_for_cpus() => Self::on_cpu(file, options, library::find(false)?, None),
            Device::Auto => match library::find(true)? {
                None => Self::on_cpu(file, options, None, None),
                Some(runtime) => match OrtModel::on_cuda(&runtime, file, threads, 0) {
                    Ok(model) => Ok(Self::whole(model, file, threads, Provider::Cuda(0))),
                    Err(cause) => Self::on_cpu(file, options, Some(runtime), Some(cause)),
                },
            },
        }
    }

    /// A provider that takes whole batches: a GPU, or OpenVINO, which has its own threads.
    fn whole(model: OrtModel, file: &ModelFile, threads: usize, provider: Provider) -> Self {
        let backend = Backend::Ort(model);
        let card = file.card().clone();
        let pool = PoolState::Absent;
        Self { card, backend, pool, shared_from: usize::MAX, provider, threads, fallback: None, unverified: None }
    }

    /// On the CPU, with the runtime at that path if there is one. Small batches of ONNX Runtime's float32 are faster
    /// if all threads share each product; other small batches are finished before another thread has woken up.
    fn on_cpu(
        file: &ModelFile,
        options: &SessionOptions,
        runtime: Option<PathBuf>,
        fallback: Option<String>,
    ) -> Result<Self> {
        let threads = options.thread_count();
        let file = file.for_cpus();
        let card = file.card().clone();
        let precision = card.network.precision;
        let network = Backend::native_network(file, options.engine, threads)?;
        let shares_products = network.is_none() && threads > 1 && precision != Precision::Int8;
        let mut unverified = None;
        let backend = match (network, runtime) {
            (None, None) => return Err(not_installed(options)),
            (None, Some(runtime)) => {
                Backend::Ort(OrtModel::on_cpu(&runtime, file, if shares_products { threads } else { 1 })?)
            }
            (Some(network), None) => {
                unverified = Some("ONNX Runtime is not installed");
                Backend::Native(Arc::new(network))
            }
            (Some(network), Some(runtime)) => verify::verified(network, &runtime, options.engine, file)?,
        };
        let size = backend.chunk_size(precision);
        let pool = match shares_products {
            true => PoolState::Later(Box::new(file.clone())),
            false => PoolState::Ready(ThreadPool::new(backend.clone(), size, threads)?),
        };
        let shared_from = size.fewest_shared();
        Ok(Self { card, backend, pool, shared_from, provider: Provider::Cpu, threads, fallback, unverified })
    }
}

impl Backend {
    /// The network of `file` by the kernels that `engine` allows, for `threads` concurrent calls, before it is
    /// verified.
    ///
    /// # Errors
    /// The kernels were asked for by name and are not available.
    fn native_network(file: &ModelFile, engine: Engine, threads: usize) -> Result<Option<NativeNetwork>> {
        let only = match engine {
            Engine::OnnxRuntime | Engine::OpenVino => return Ok(None),
            Engine::Auto => return Ok(NativeNetwork::new(file, None, threads).ok()),
            Engine::Own => None,
            Engine::Only(isa) => Some(isa),
        };
        let network = NativeNetwork::new(file, only, threads).map_err(|cause| no_kernels(&cause).at(file.name()))?;
        Ok(Some(network))
    }
}

/// The error of a model that needs ONNX Runtime if it is not installed.
fn not_installed(options: &SessionOptions) -> Error {
    library::path(options.device != Device::Cpu).expect_err("there is no ONNX Runtime, or it would have been found")
}

fn cuda_error(number: u32, cause: &str) -> Error {
    Error::runtime(format!("cannot run on cuda:{number}: {cause}"))
        .hint("`--device cpu` runs on the CPU; `--device auto` takes the GPU only where it works")
}

fn no_kernels(cause: &Error) -> Error {
    Error::model("there are no kernels of our own for this model on this processor").hint(format!(
        "{cause}; they are for models exactly as `poselift-train export` writes them in f32 or int8, with a width that is a \
         multiple of 64 (128 with --mirror on), on x86 with AVX-512 or AVX2 or on ARM; `--engine onnxruntime` runs others"
    ))
}

#[cfg(test)]
mod tests;

//! Running a model, by ONNX Runtime or by kernels of our own that agree with it: one session, its threads and its device.

use std::path::Path;

use ort::ep;
use ort::session::builder::SessionBuilder;

use super::agreed::Agreement;
use super::backend::Backend;
use super::file::ModelFile;
use super::fused::Fused;
use super::library::{self, Runtime};
use super::ort_model::OrtModel;
use super::pool::ThreadPool;
use super::thread_handle::ThreadHandle;
use super::{Batch, Card, Device, Engine, PoseNetwork, Precision, Provider, cuda, profile};
use crate::error::{Error, Result};

/// The most threads taken without being asked: a batch of 256 poses does not fill more.
const MOST_THREADS: usize = 16;

/// Where and how wide a model runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct SessionOptions {
    /// The device.
    pub device: Device,
    /// Threads of the CPU; `None` for all cores, 16 at most.
    pub threads: Option<usize>,
    /// What computes on a CPU.
    pub engine: Engine,
}

impl SessionOptions {
    /// The number of threads that a session with these options uses.
    pub fn thread_count(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
        self.threads.unwrap_or_else(cores).max(1)
    }
}

/// A model that is ready to run: loaded into ONNX Runtime, or laid out for our own kernels.
pub struct Session {
    card: Card,
    /// Runs a batch as it is.
    backend: Backend,
    pool: PoolState,
    provider: Provider,
    threads: usize,
    fallback: Option<String>,
}

/// The threads that share the chunks of a large batch.
enum PoolState {
    /// None: a GPU takes batches whole.
    Absent,
    /// To be started for the first large batch, with a session of one thread made from this file.
    Later(Box<ModelFile>),
    Ready(ThreadPool),
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("model", &self.card.name).field("provider", &self.provider).finish()
    }
}

/// Opens the model at `path` and makes it ready to run.
///
/// # Errors
/// A file that is no model of ours ([`ModelFile::read`]), no usable ONNX Runtime, or a device that cannot be used.
pub fn open(path: impl AsRef<Path>, options: &SessionOptions) -> Result<Session> {
    Session::new(&ModelFile::read(path)?, options)
}

impl Session {
    /// Makes `file` ready to run. On a CPU our own kernels take what they can ([`Engine`]): where they are not known to agree with
    /// ONNX Runtime on this machine yet, it is loaded too, and asked.
    ///
    /// # Errors
    /// Weights that are not those of the card, no usable ONNX Runtime, a device that cannot be used, or operators that the
    /// runtime does not know.
    pub fn new(file: &ModelFile, options: &SessionOptions) -> Result<Self> {
        file.check_weights()?;
        let path = library::path(options.device != Device::Cpu)?;
        let threads = options.thread_count();
        match options.device {
            Device::Cpu if options.engine == Engine::OpenVino => Self::on_openvino(&path, file, threads),
            Device::Cpu => Self::on_cpu(&path, file, options, None),
            Device::Cuda(number) => {
                let session = build_cuda(&path, file, threads, number).map_err(|cause| cuda_error(number, &cause))?;
                Self::on_cuda(session, file, threads, number)
            }
            Device::Auto if options.engine == Engine::OpenVino => Self::on_openvino(&path, file, threads),
            Device::Auto => match build_cuda(&path, file, threads, 0) {
                Ok(session) => Self::on_cuda(session, file, threads, 0),
                Err(cause) => Self::on_cpu(&path, file, options, Some(cause)),
            },
        }
    }

    fn on_cuda(session: ort::session::Session, file: &ModelFile, threads: usize, number: u32) -> Result<Self> {
        let (card, provider) = (file.card().clone(), Provider::Cuda(number));
        let backend = Backend::Runtime(OrtModel::new(session, &card)?);
        Ok(Self { card, backend, pool: PoolState::Absent, provider, threads, fallback: None })
    }

    /// OpenVINO has threads of its own, and takes batches whole.
    fn on_openvino(path: &Path, file: &ModelFile, threads: usize) -> Result<Self> {
        let session = build_openvino(&library::runtime_at(path)?, file, threads).map_err(|cause| {
            Error::runtime(format!("cannot run by OpenVINO: {cause}")).hint(
                "`pip install onnxruntime-openvino` and set ORT_DYLIB_PATH to its onnxruntime/capi/libonnxruntime.so.* file",
            )
        })?;
        let (card, provider) = (file.card().clone(), Provider::OpenVino);
        let backend = Backend::Runtime(OrtModel::new(session, &card)?);
        Ok(Self { card, backend, pool: PoolState::Absent, provider, threads, fallback: None })
    }

    /// Small batches of ONNX Runtime's float32 are quicker with all threads at each product; all others never are, they are
    /// over before another thread has woken up.
    fn on_cpu(path: &Path, file: &ModelFile, options: &SessionOptions, fallback: Option<String>) -> Result<Self> {
        let threads = options.thread_count();
        let file = file.for_cpus();
        let card = file.card().clone();
        let kernels = Backend::kernels(file, options.engine, threads)?;
        let precision = card.network.precision;
        let shares_products = kernels.is_none() && threads > 1 && precision != Precision::Int8;
        let session = || {
            let session = build(&library::runtime_at(path)?, file, if shares_products { threads } else { 1 })?;
            OrtModel::new(session, &card)
        };
        let backend = match kernels {
            None => Backend::Runtime(session()?),
            Some(kernels) => held_against(kernels, session, options.engine, path, file)?,
        };
        let pool = match shares_products {
            true => PoolState::Later(Box::new(file.clone())),
            false => PoolState::Ready(ThreadPool::new(backend.clone(), backend.chunk_size(precision), threads)?),
        };
        Ok(Self { card, backend, pool, provider: Provider::Cpu, threads, fallback })
    }

    /// The execution provider that is really in use.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// What computes the network, in words; a model's own kernels agreed with ONNX Runtime when it was loaded.
    pub fn engine(&self) -> &'static str {
        match self.provider {
            Provider::OpenVino => "OpenVINO",
            Provider::Cpu | Provider::Cuda(_) => self.backend.name(),
        }
    }

    /// Threads of the CPU.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Why [`Device::Auto`] took the CPU and no GPU; `None` if a device was asked for by name or the GPU was taken.
    pub fn fallback_cause(&self) -> Option<&str> {
        self.fallback.as_deref()
    }

    /// The pool for a batch of `total` poses; `None` where it is best run as it is.
    fn pool_for(&mut self, total: usize) -> Result<Option<&mut ThreadPool>> {
        let size = self.backend.chunk_size(self.card.network.precision);
        if !size.is_worth_it(total) {
            return Ok(None);
        }
        self.pool()
    }

    /// The pool, started if it has not been; `None` where there is none.
    fn pool(&mut self) -> Result<Option<&mut ThreadPool>> {
        if let PoolState::Later(file) = &self.pool {
            let size = self.backend.chunk_size(self.card.network.precision);
            let session = build(&library::runtime(false)?, file, 1)?;
            self.pool = PoolState::Ready(ThreadPool::new(
                Backend::Runtime(OrtModel::new(session, &self.card)?),
                size,
                self.threads,
            )?);
        }
        Ok(match &mut self.pool {
            PoolState::Ready(pool) => Some(pool),
            PoolState::Absent | PoolState::Later(_) => None,
        })
    }
}

impl PoseNetwork for Session {
    fn card(&self) -> &Card {
        &self.card
    }

    fn run(&mut self, batch: Batch<'_>) -> Result<()> {
        match self.pool_for(batch.len())? {
            Some(pool) => pool.run(batch),
            None => self.backend.run_batch(batch),
        }
    }

    fn thread_handles(&mut self) -> Result<Vec<Box<dyn PoseNetwork>>> {
        let (card, threads) = (self.card.clone(), self.threads);
        let backend = self.pool()?.map(|pool| pool.backend().clone());
        let handle =
            |backend: &Backend| -> Box<dyn PoseNetwork> { Box::new(ThreadHandle::new(card.clone(), backend.clone())) };
        Ok(backend
            .iter()
            .filter(|_| threads > 1)
            .flat_map(|backend| (0..threads).map(move |_| handle(backend)))
            .collect())
    }
}

/// The kernels if they agree with the runtime at `path`, which is loaded and asked for that, by `session`, only if the answer
/// is not remembered; else that session.
///
/// # Errors
/// As for [`Backend::new`]; a runtime that cannot be used.
fn held_against(
    kernels: Fused,
    session: impl FnOnce() -> Result<OrtModel>,
    engine: Engine,
    path: &Path,
    file: &ModelFile,
) -> Result<Backend> {
    let agreement = library::cache_folder().and_then(|cache| Agreement::of(file, kernels.kernels(), path, &cache));
    if agreement.as_ref().is_some_and(Agreement::is_remembered) {
        return Ok(Backend::agreed(kernels));
    }
    let backend = Backend::new(session()?, kernels, engine).map_err(|error| error.at(file.name()))?;
    if let (Backend::Fused(_), Some(agreement)) = (&backend, agreement) {
        agreement.remember();
    }
    Ok(backend)
}

fn build(runtime: &Runtime, file: &ModelFile, threads: usize) -> Result<ort::session::Session> {
    let refused = |error: ort::Error| {
        Error::model(format!("ONNX Runtime refuses the model: {}", error.message())).at(file.name())
    };
    let mut builder = configure(runtime, threads, Provider::Cpu).map_err(refused)?;
    builder.commit_from_memory(file.bytes()).map_err(refused)
}

fn configure(runtime: &Runtime, threads: usize, provider: Provider) -> ort::Result<SessionBuilder> {
    let builder = ort::session::Session::builder(&runtime.environment)?
        .with_intra_threads(threads)?
        .with_inter_threads(1)?
        .with_memory_pattern(false)?;
    match provider {
        Provider::Cpu => Ok(builder),
        // Without a precision it multiplies in bf16 where the processor can, which costs a millimetre.
        Provider::OpenVino => {
            let openvino = ep::OpenVINO::default().with_device_type("CPU").with_precision("FP32");
            let openvino = openvino.with_num_threads(threads).with_dynamic_shapes(true);
            Ok(builder.with_execution_providers([openvino.build().error_on_failure()])?)
        }
        // `error_on_failure`: without it a provider that fails to load is passed over in silence.
        Provider::Cuda(number) => {
            // TF32 would round every product to 10 bits: poses would differ from the CPU's by millimetres.
            let cuda = ep::CUDA::default().with_device_id(number as i32).with_tf32(false);
            let cuda = cuda.build().error_on_failure();
            Ok(builder.with_execution_providers([cuda])?)
        }
    }
}

/// A session on GPU `number` whose network was seen to run there; the error is the cause, in words.
fn build_cuda(path: &Path, file: &ModelFile, threads: usize, number: u32) -> Result<ort::session::Session, String> {
    cuda::probe(number, path)?;
    let runtime = &library::runtime_at(path).map_err(|error| error.to_string())?;
    let first_line = |error: ort::Error| error.message().lines().next().unwrap_or_default().to_owned();
    let builder = configure(runtime, threads, Provider::Cuda(number)).map_err(first_line)?;
    let (session, used) = profile::build_and_watch(builder, file)?;
    if used != Provider::Cuda(number).name() {
        return Err(format!("ONNX Runtime ran the network on its {used}"));
    }
    Ok(session)
}

/// A session on the CPU whose network OpenVINO was seen to run; the error is the cause, in words.
fn build_openvino(runtime: &Runtime, file: &ModelFile, threads: usize) -> Result<ort::session::Session, String> {
    let first_line = |error: ort::Error| error.message().lines().next().unwrap_or_default().to_owned();
    let builder = configure(runtime, threads, Provider::OpenVino).map_err(first_line)?;
    let (session, used) = profile::build_and_watch(builder, file)?;
    if used != Provider::OpenVino.name() {
        return Err(format!("ONNX Runtime ran the network on its {used}"));
    }
    Ok(session)
}

fn cuda_error(number: u32, cause: &str) -> Error {
    Error::runtime(format!("cannot run on cuda:{number}: {cause}"))
        .hint("`--device cpu` runs on the CPU; `--device auto` takes the GPU only where it works")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

    use ndarray::{Array2, Array3, ArrayView3, ArrayViewMut3, s};

    use super::super::small_model::SmallModel;
    use super::*;

    fn small(options: &SessionOptions) -> Session {
        let file = ModelFile::from_bytes("small.onnx", SmallModel::default().to_bytes()).unwrap();
        Session::new(&file, options).unwrap()
    }

    fn run(session: &mut Session, keypoints: ArrayView3<'_, f32>, poses: ArrayViewMut3<'_, f32>) -> Result<()> {
        let batch = Batch::new(session.card(), keypoints, poses, None)?;
        session.run(batch)
    }

    #[test]
    fn runs_any_batch_and_any_memory_layout() {
        for (threads, count) in [(1, 0), (1, 1), (2, 7), (1, 300), (2, 256), (3, 1000)] {
            let mut session =
                small(&SessionOptions { device: Device::Cpu, threads: Some(threads), ..SessionOptions::default() });
            let keypoints = Array3::from_shape_fn((count, 17, 3), |(n, j, c)| (n * 100 + j * 3 + c) as f32);
            let mut poses = Array3::zeros((count, 17, 3));
            run(&mut session, keypoints.view(), poses.view_mut()).unwrap();
            assert!((&keypoints * 0.001 - &poses).iter().all(|difference| difference.abs() < 1e-4));
            let reversed = keypoints.slice(s![..;-1, .., ..]);
            run(&mut session, reversed, poses.view_mut()).unwrap();
            assert!((&reversed * 0.001 - &poses).iter().all(|difference| difference.abs() < 1e-4));
            run(&mut session, keypoints.view(), poses.slice_mut(s![..;-1, .., ..])).unwrap();
            assert!((&reversed * 0.001 - &poses).iter().all(|difference| difference.abs() < 1e-4));
        }
    }

    #[test]
    fn sigma_comes_out_where_the_model_gives_it() {
        let with_sigma = SmallModel { sigma: true, ..SmallModel::default() };
        let file = ModelFile::from_bytes("small.onnx", with_sigma.to_bytes()).unwrap();
        let mut session =
            Session::new(&file, &SessionOptions { device: Device::Cpu, threads: Some(2), ..SessionOptions::default() })
                .unwrap();
        let all = Array3::from_shape_fn((300, 17, 3), |(n, j, c)| (n * 10 + j * 3 + c) as f32);
        // Alone, then shared among two threads.
        for count in [3, 300] {
            let keypoints = all.slice(s![..count, .., ..]);
            let (mut poses, mut sigma) = (Array3::zeros((count, 17, 3)), Array2::zeros((17, count)));
            let sigma_view = sigma.view_mut().reversed_axes();
            let batch = Batch::new(session.card(), keypoints, poses.view_mut(), Some(sigma_view)).unwrap();
            session.run(batch).unwrap();
            // The small model's sigma is a tenth of the score.
            let expected = &keypoints.slice(s![.., .., 2]) * 0.1;
            assert!((expected - sigma.t()).iter().all(|difference| difference.abs() < 1e-4));
            assert!((&keypoints * 0.001 - &poses).iter().all(|difference| difference.abs() < 1e-4));
        }
    }

    #[test]
    fn openvino_is_seen_to_run_or_the_cause_is_named() {
        let file = ModelFile::from_bytes("small.onnx", SmallModel::default().to_bytes()).unwrap();
        let options = SessionOptions { engine: Engine::OpenVino, device: Device::Cpu, threads: Some(1) };
        match Session::new(&file, &options) {
            Ok(session) => {
                assert_eq!((session.provider(), session.engine()), (Provider::OpenVino, "OpenVINO"));
            }
            Err(error) => assert!(error.to_string().starts_with("cannot run by OpenVINO: "), "{error}"),
        }
    }

    #[test]
    fn cuda_without_a_gpu_names_the_cause_and_auto_falls_back() {
        let file = ModelFile::from_bytes("small.onnx", SmallModel::default().to_bytes()).unwrap();
        let auto = small(&SessionOptions::default());
        match Session::new(&file, &SessionOptions { device: Device::Cuda(0), ..SessionOptions::default() }) {
            Ok(session) => assert_eq!(session.provider(), Provider::Cuda(0)),
            Err(error) => {
                assert!(error.to_string().starts_with("cannot run on cuda:0: "), "{error}");
                assert_eq!(auto.provider(), Provider::Cpu);
                assert!(auto.fallback_cause().is_some());
            }
        }
    }
}

//! A session: a model that runs by ONNX Runtime or by our own kernels that agree with it, with its threads and
//! device.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ndarray::Array2;

use super::backend::Backend;
use super::batch::Part;
use super::file::ModelFile;
use super::ort::{OrtModel, library};
use super::pool::ThreadPool;
use super::thread_handle::ThreadHandle;
use super::{Batch, Card, Device, Engine, PoseNetwork, Precision, Provider, verify};
use crate::error::{Error, Result};

/// The most threads by default: a batch of 256 poses does not keep more busy.
const MOST_THREADS: usize = 16;

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
        let cores = || std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
        self.threads.unwrap_or_else(cores).max(1)
    }
}

/// A model that is ready to run: loaded into ONNX Runtime, or packed for our own kernels.
pub struct Session {
    card: Card,
    /// Runs a batch as it is.
    backend: Backend,
    pool: PoolState,
    /// The fewest poses that the pool's threads share.
    shared_from: usize,
    provider: Provider,
    threads: usize,
    fallback: Option<String>,
    unverified: Option<&'static str>,
}

/// The threads that share the chunks of a large batch.
enum PoolState {
    /// None: a GPU takes whole batches.
    Absent,
    /// Started for the first large batch, with a session of one thread made from this file.
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
        let (shared_from, provider) = (size.fewest_shared(), Provider::Cpu);
        Ok(Self { card, backend, pool, shared_from, provider, threads, fallback, unverified })
    }

    /// The execution provider that is really in use.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// The engine's name. Own kernels agreed with ONNX Runtime, unless [`Self::unverified_cause`] says that they were not compared.
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

    /// Why [`Device::Auto`] chose the CPU and no GPU; `None` if a device was requested by name or the GPU is used.
    pub fn fallback_cause(&self) -> Option<&str> {
        self.fallback.as_deref()
    }

    /// Why our own kernels' poses were not compared with ONNX Runtime's; `None` if they were, or if the runtime runs
    /// the model.
    pub fn unverified_cause(&self) -> Option<&str> {
        self.unverified
    }

    /// Another handle to the same loaded network, which runs on the thread that calls it: handles on several threads do not
    /// wait for each other. Large batches are best given to the session itself, whose threads share them.
    pub fn handle(&self) -> Box<dyn PoseNetwork> {
        Box::new(ThreadHandle::new(self.card.clone(), self.backend.clone()))
    }

    /// Runs a batch of people who are remembered: the network of single frames by all threads where that pays, its memory by one, since
    /// frames of a person follow each other.
    fn run_remembering(&mut self, mut batch: Batch<'_>) -> Result<()> {
        let joints = self.card.output.joints.len();
        let is_shared = self.backend.runs_sequences() && self.threads > 1;
        let Some(pool) = (if is_shared { self.pool_for(batch.len())? } else { None }) else {
            return self.backend.run_batch(batch);
        };
        // A batch that wants sigma has room for it.
        let rows = if batch.wants_sigma() { 0 } else { batch.len() };
        let mut sigma = Array2::zeros((rows, joints));
        pool.run(batch.for_part(Part::Frames, &mut sigma))?;
        self.backend.run_batch(batch.for_part(Part::Memory, &mut sigma))
    }

    /// The pool that shares a batch of `count` poses; `None` if it is best run as it is.
    fn pool_for(&mut self, count: usize) -> Result<Option<&mut ThreadPool>> {
        if count < self.shared_from { Ok(None) } else { self.pool() }
    }

    /// The pool, started on the first call; `None` for sessions without one.
    fn pool(&mut self) -> Result<Option<&mut ThreadPool>> {
        if let PoolState::Later(file) = &self.pool {
            let size = self.backend.chunk_size(self.card.network.precision);
            let model = OrtModel::on_cpu(&library::path(false)?, file, 1)?;
            self.pool = PoolState::Ready(ThreadPool::new(Backend::Ort(model), size, self.threads)?);
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
        if batch.remembers() {
            return self.run_remembering(batch);
        }
        match self.pool_for(batch.len())? {
            Some(pool) => pool.run(batch),
            None => self.backend.run_batch(batch),
        }
    }

    fn runs_sequences(&self) -> bool {
        self.backend.runs_sequences()
    }

    fn thread_handles(&mut self) -> Result<Vec<Box<dyn PoseNetwork>>> {
        let (card, threads) = (self.card.clone(), self.threads);
        if card.memory.is_some() {
            return Ok(Vec::new());
        }
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

/// The error of a model that needs ONNX Runtime if it is not installed.
fn not_installed(options: &SessionOptions) -> Error {
    library::path(options.device != Device::Cpu).expect_err("there is no ONNX Runtime, or it would have been found")
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

    /// Whether the tests' ONNX Runtime has a provider's library in its folder.
    fn has_provider(name: &str) -> bool {
        let prefix = std::env::consts::DLL_PREFIX;
        let file = format!("{prefix}onnxruntime_providers_{name}{}", std::env::consts::DLL_SUFFIX);
        library::path(true).unwrap().with_file_name(file).is_file()
    }

    #[test]
    fn openvino_runs_where_the_runtime_has_it_and_else_the_cause_is_named() {
        let file = ModelFile::from_bytes("small.onnx", SmallModel::default().to_bytes()).unwrap();
        let options = SessionOptions { engine: Engine::OpenVino, device: Device::Cpu, threads: Some(1) };
        let opened = Session::new(&file, &options);
        if has_provider("openvino") {
            let session = opened.unwrap();
            assert_eq!((session.provider(), session.engine()), (Provider::OpenVino, "OpenVINO"));
        } else {
            let message = opened.unwrap_err().to_string();
            assert!(message.starts_with("cannot run by OpenVINO: "), "{message}");
        }
    }

    #[test]
    fn cuda_runs_where_there_is_a_gpu_and_else_the_cause_is_named_and_auto_falls_back() {
        let file = ModelFile::from_bytes("small.onnx", SmallModel::default().to_bytes()).unwrap();
        let auto = small(&SessionOptions::default());
        let opened = Session::new(&file, &SessionOptions { device: Device::Cuda(0), ..SessionOptions::default() });
        if has_provider("cuda") && Path::new("/dev/nvidia0").exists() {
            assert_eq!((opened.unwrap().provider(), auto.provider()), (Provider::Cuda(0), Provider::Cuda(0)));
        } else {
            let message = opened.unwrap_err().to_string();
            assert!(message.starts_with("cannot run on cuda:0: "), "{message}");
            assert_eq!(auto.provider(), Provider::Cpu);
            assert!(auto.fallback_cause().is_some());
        }
    }
}

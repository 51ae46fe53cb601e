//! A session: a model that runs by ONNX Runtime or by our own kernels that agree with it, with its threads and
//! device. `open` decides which of both it is.

mod open;

use std::sync::Arc;

use ndarray::Array2;

use super::batch::{FlatBatch, Part};
use super::file::ModelFile;
use super::native::NativeNetwork;
use super::ort::{OrtModel, library};
use super::pool::{ChunkSize, ThreadPool};
use super::thread_handle::ThreadHandle;
use super::{Batch, Card, Isa, PoseNetwork, Precision, Provider};
use crate::error::{Error, Result};
pub use open::{SessionOptions, open};

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

impl Session {
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

    /// Why [`Device::Auto`](super::Device::Auto) chose the CPU and no GPU; `None` if a device was requested by name or the GPU is used.
    pub fn fallback_cause(&self) -> Option<&str> {
        self.fallback.as_deref()
    }

    /// Why our own kernels' poses were not compared with ONNX Runtime's; `None` if they were, or if the runtime runs
    /// the model.
    pub fn unverified_cause(&self) -> Option<&str> {
        self.unverified
    }

    /// What users are told of where and how the network runs: that it is no GPU, then that kernels are unverified.
    pub fn notes(&self) -> impl Iterator<Item = String> {
        let fallback = self.fallback_cause().map(|cause| format!("running on the CPU: {cause}"));
        let unverified = self
            .unverified_cause()
            .map(|cause| format!("{cause}: poselift's own kernels lift, and their poses are not compared with its"));
        fallback.into_iter().chain(unverified)
    }

    /// Another handle to the same loaded network, which runs on the thread that calls it: handles on several threads do not
    /// wait for each other. Large batches are best given to the session itself, whose threads share them.
    pub fn handle(&self) -> Box<dyn PoseNetwork> {
        Box::new(self.thread_handle())
    }

    /// As [`Self::handle`], a handle that others can be cloned from, without this session.
    pub fn thread_handle(&self) -> ThreadHandle {
        ThreadHandle::new(self.card.clone(), self.backend.clone())
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
        let mut handles: Vec<Box<dyn PoseNetwork>> = Vec::new();
        if self.card.memory.is_some() {
            return Ok(handles);
        }
        let Some(pool) = self.pool()? else { return Ok(handles) };
        let backend = pool.backend().clone();
        if self.threads > 1 {
            for _ in 0..self.threads {
                handles.push(Box::new(ThreadHandle::new(self.card.clone(), backend.clone())));
            }
        }
        Ok(handles)
    }
}

/// A loaded network that any number of threads may call at once.
#[derive(Clone)]
pub(super) enum Backend {
    /// ONNX Runtime.
    Ort(OrtModel),
    /// Our own kernels.
    Native(Arc<NativeNetwork>),
}

impl Backend {
    /// The best chunk size for networks in `precision`.
    pub(super) fn chunk_size(&self, precision: Precision) -> ChunkSize {
        match (self, precision) {
            // A pose is finished in less time than waking a parked thread takes.
            (Self::Native(..), _) => ChunkSize { fewest: 4, most: 96 },
            // The same for integers: chunks of 64 take no longer per pose than larger ones.
            (Self::Ort(_), Precision::Int8) => ChunkSize { fewest: 4, most: 64 },
            // Products in float32 take long enough to be shared up to some sixty poses.
            (Self::Ort(_), _) => ChunkSize { fewest: 32, most: 128 },
        }
    }

    /// The backend's name, in words.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Ort(_) => "ONNX Runtime",
            Self::Native(network) => kernels_in_words(network.isa(), network.is_int8()),
        }
    }

    /// How many numbers a person's key points, pose and sigma have.
    pub(super) fn widths(&self) -> [usize; 3] {
        match self {
            Self::Ort(model) => model.widths(),
            Self::Native(network) => network.widths(),
        }
    }

    /// Whether rows of a batch may follow each other.
    pub(super) fn runs_sequences(&self) -> bool {
        matches!(self, Self::Native(_))
    }

    /// Lifts a batch on this thread, in place if each array is contiguous.
    ///
    /// # Errors
    /// The runtime fails.
    pub(super) fn run_batch(&self, batch: Batch<'_>) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        batch.run_flat(|batch| self.run(batch))
    }

    /// As [`Self::run_batch`].
    ///
    /// # Errors
    /// The runtime fails.
    pub(super) fn run(&self, batch: FlatBatch<'_>) -> Result<()> {
        match self {
            Self::Ort(_) if batch.part != Part::Whole || batch.follows() => {
                Err(Error::usage("ONNX Runtime runs the whole of a network, one frame of a person a call"))
            }
            Self::Ort(model) => model.run(batch),
            Self::Native(network) => {
                network.run(batch);
                Ok(())
            }
        }
    }
}

/// The instructions that hidden layers in int8, or in f32, use.
fn kernels_in_words(isa: Isa, is_int8: bool) -> &'static str {
    match isa {
        Isa::Avx512Vnni if is_int8 => "own kernels, AVX-512 VNNI",
        Isa::Avx512Vnni | Isa::Avx512 => "own kernels, AVX-512",
        Isa::AvxVnni if is_int8 => "own kernels, AVX-VNNI",
        Isa::AvxVnni | Isa::Avx2 => "own kernels, AVX2",
        Isa::NeonDot if is_int8 => "own kernels, NEON dot product",
        Isa::NeonDot | Isa::Neon => "own kernels, NEON",
    }
}

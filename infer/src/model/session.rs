//! Running a model with ONNX Runtime: one session, its threads and its device.

use std::path::Path;

use ndarray::{ArrayView3, ArrayViewMut, ArrayViewMut2, ArrayViewMut3, Dimension};
use ort::ep;
use ort::session::SessionOutputs;
use ort::session::builder::SessionBuilder;
use ort::value::TensorRef;

use super::file::{INPUT_NAME, ModelFile, OUTPUT_NAME, SIGMA_NAME};
use super::library::{self, Runtime};
use super::network::{PoseNetwork, check_shapes};
use super::{Card, Device, Provider, cuda, profile};
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
}

impl SessionOptions {
    /// The number of threads that a session with these options uses.
    pub fn thread_count(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
        self.threads.unwrap_or_else(cores).max(1)
    }
}

/// A model loaded into ONNX Runtime.
pub struct Session {
    card: Card,
    session: ort::session::Session,
    provider: Provider,
    threads: usize,
    fallback: Option<String>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("model", &self.card.name).field("provider", &self.provider).finish()
    }
}

/// Opens the model at `path` and loads it into ONNX Runtime.
///
/// # Errors
/// A file that is no model of ours ([`ModelFile::read`]), no usable ONNX Runtime, or a device that cannot be used.
pub fn open(path: impl AsRef<Path>, options: &SessionOptions) -> Result<Session> {
    Session::new(&ModelFile::read(path)?, options)
}

impl Session {
    /// Loads `file` into ONNX Runtime.
    ///
    /// # Errors
    /// No usable ONNX Runtime, a device that cannot be used, or operators that the runtime does not know.
    pub fn new(file: &ModelFile, options: &SessionOptions) -> Result<Self> {
        let runtime = library::runtime(options.device != Device::Cpu)?;
        let threads = options.thread_count();
        let (session, provider, fallback) = match options.device {
            Device::Cpu => (build(&runtime, file, threads, Provider::Cpu)?, Provider::Cpu, None),
            Device::Cuda(number) => {
                let session =
                    build_cuda(&runtime, file, threads, number).map_err(|cause| cuda_error(number, &cause))?;
                (session, Provider::Cuda(number), None)
            }
            Device::Auto => match build_cuda(&runtime, file, threads, 0) {
                Ok(session) => (session, Provider::Cuda(0), None),
                Err(cause) => (build(&runtime, file, threads, Provider::Cpu)?, Provider::Cpu, Some(cause)),
            },
        };
        Ok(Self { card: file.card().clone(), session, provider, threads, fallback })
    }

    /// The execution provider that is really in use.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// Threads of the CPU.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Why [`Device::Auto`] took the CPU and no GPU; `None` if a device was asked for by name or the GPU was taken.
    pub fn fallback_cause(&self) -> Option<&str> {
        self.fallback.as_deref()
    }
}

impl PoseNetwork for Session {
    fn card(&self) -> &Card {
        &self.card
    }

    fn run_with_sigma(
        &mut self,
        keypoints: ArrayView3<'_, f32>,
        poses: ArrayViewMut3<'_, f32>,
        sigma: Option<ArrayViewMut2<'_, f32>>,
    ) -> Result<()> {
        check_shapes(&self.card, keypoints.dim(), poses.dim(), sigma.as_ref().map(|sigma| sigma.dim()))?;
        let shape = keypoints.shape().to_vec();
        if shape[0] == 0 {
            return Ok(());
        }
        // Read in place: a copy is made only of key points that do not lie in one piece.
        let packed = keypoints.as_standard_layout();
        let failed =
            |error: ort::Error| Error::runtime(format!("ONNX Runtime failed on {shape:?}: {}", error.message()));
        let input = TensorRef::from_array_view(packed.view()).map_err(failed)?;
        let outputs = self.session.run(ort::inputs![INPUT_NAME => input]).map_err(failed)?;
        copy_output(&outputs, OUTPUT_NAME, poses)?;
        sigma.map_or(Ok(()), |sigma| copy_output(&outputs, SIGMA_NAME, sigma))
    }
}

/// Copies the tensor `name` to where it is wanted.
fn copy_output<D: Dimension>(
    outputs: &SessionOutputs<'_>,
    name: &str,
    mut wanted: ArrayViewMut<'_, f32, D>,
) -> Result<()> {
    let unreadable = |error: ort::Error| Error::runtime(format!("ONNX Runtime gave no {name}: {}", error.message()));
    let found = outputs[name].try_extract_array::<f32>().map_err(unreadable)?;
    if found.shape() != wanted.shape() {
        let (found, expected) = (found.shape(), wanted.shape());
        return Err(Error::model(format!("the model gave {name} {found:?}, expected {expected:?}")));
    }
    wanted.assign(&found);
    Ok(())
}

fn build(runtime: &Runtime, file: &ModelFile, threads: usize, provider: Provider) -> Result<ort::session::Session> {
    let refused = |error: ort::Error| {
        Error::model(format!("ONNX Runtime refuses the model: {}", error.message())).at(file.name())
    };
    let mut builder = configure(runtime, threads, provider).map_err(refused)?;
    builder.commit_from_memory(file.bytes()).map_err(refused)
}

fn configure(runtime: &Runtime, threads: usize, provider: Provider) -> ort::Result<SessionBuilder> {
    let builder = ort::session::Session::builder(&runtime.environment)?
        .with_intra_threads(threads)?
        .with_inter_threads(1)?
        .with_memory_pattern(false)?;
    match provider {
        Provider::Cpu => Ok(builder),
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
fn build_cuda(
    runtime: &Runtime,
    file: &ModelFile,
    threads: usize,
    number: u32,
) -> Result<ort::session::Session, String> {
    cuda::probe(number, &runtime.path)?;
    let first_line = |error: ort::Error| error.message().lines().next().unwrap_or_default().to_owned();
    let builder = configure(runtime, threads, Provider::Cuda(number)).map_err(first_line)?;
    let (session, used) = profile::build_and_watch(builder, file)?;
    if used != Provider::Cuda(number).name() {
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

    use ndarray::{Array2, Array3, s};

    use super::super::small_model::SmallModel;
    use super::*;

    fn small(options: &SessionOptions) -> Session {
        let file = ModelFile::from_bytes("small.onnx", SmallModel::default().to_bytes()).unwrap();
        Session::new(&file, options).unwrap()
    }

    #[test]
    fn runs_any_batch_and_any_memory_layout() {
        let mut session = small(&SessionOptions { device: Device::Cpu, threads: Some(1) });
        for count in [0, 1, 7, 300] {
            let keypoints = Array3::from_shape_fn((count, 17, 3), |(n, j, c)| (n * 100 + j * 3 + c) as f32);
            let mut poses = Array3::zeros((count, 17, 3));
            session.run(keypoints.view(), poses.view_mut()).unwrap();
            assert!((&keypoints * 0.001 - &poses).iter().all(|difference| difference.abs() < 1e-4));
            let reversed = keypoints.slice(s![..;-1, .., ..]);
            session.run(reversed, poses.view_mut()).unwrap();
            assert!((&reversed * 0.001 - &poses).iter().all(|difference| difference.abs() < 1e-4));
        }
    }

    #[test]
    fn wrong_shapes_are_refused() {
        let mut session = small(&SessionOptions::default());
        let message = session.run(Array3::zeros((2, 25, 3)).view(), Array3::zeros((2, 17, 3)).view_mut()).unwrap_err();
        assert!(message.to_string().contains("(2, 25, 3), expected (2, 17, 3)"), "{message}");
    }

    #[test]
    fn sigma_comes_out_where_the_model_gives_it() {
        let with_sigma = SmallModel { sigma: true, ..SmallModel::default() };
        let file = ModelFile::from_bytes("small.onnx", with_sigma.to_bytes()).unwrap();
        let mut session = Session::new(&file, &SessionOptions { device: Device::Cpu, threads: Some(1) }).unwrap();
        let keypoints = Array3::from_shape_fn((3, 17, 3), |(n, j, c)| (n * 100 + j * 3 + c) as f32);
        let (mut poses, mut sigma) = (Array3::zeros((3, 17, 3)), Array2::zeros((3, 17)));
        session.run_with_sigma(keypoints.view(), poses.view_mut(), Some(sigma.view_mut())).unwrap();
        // The small model's sigma is a tenth of the score.
        assert!((&keypoints.slice(s![.., .., 2]) * 0.1 - &sigma).iter().all(|difference| difference.abs() < 1e-4));
        assert!((&keypoints * 0.001 - &poses).iter().all(|difference| difference.abs() < 1e-4));
        let message = small(&SessionOptions { device: Device::Cpu, threads: Some(1) })
            .run_with_sigma(keypoints.view(), poses.view_mut(), Some(sigma.view_mut()))
            .unwrap_err();
        assert!(message.to_string().contains("small gives poses alone"), "{message}");
    }

    #[test]
    fn cuda_without_a_gpu_names_the_cause_and_auto_falls_back() {
        let file = ModelFile::from_bytes("small.onnx", SmallModel::default().to_bytes()).unwrap();
        let auto = small(&SessionOptions::default());
        match Session::new(&file, &SessionOptions { device: Device::Cuda(0), threads: None }) {
            Ok(session) => assert_eq!(session.provider(), Provider::Cuda(0)),
            Err(error) => {
                assert!(error.to_string().starts_with("cannot run on cuda:0: "), "{error}");
                assert_eq!(auto.provider(), Provider::Cpu);
                assert!(auto.fallback_cause().is_some());
            }
        }
    }
}

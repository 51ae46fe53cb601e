//! The two backends that compute a network: ONNX Runtime, or our own kernels.

use std::sync::Arc;

use super::batch::{Batch, FlatBatch, Part};
use super::native::NativeNetwork;
use super::ort::OrtModel;
use super::pool::ChunkSize;
use super::{Engine, Isa, ModelFile, Precision};
use crate::error::{Error, Result};

/// A loaded network that any number of threads may call at once.
#[derive(Clone)]
pub(super) enum Backend {
    /// ONNX Runtime.
    Ort(OrtModel),
    /// Our own kernels.
    Native(Arc<NativeNetwork>),
}

impl Backend {
    /// The network of `file` by the kernels that `engine` allows, for `threads` concurrent calls, before it is
    /// verified.
    ///
    /// # Errors
    /// The kernels were asked for by name and are not available.
    pub(super) fn native_network(file: &ModelFile, engine: Engine, threads: usize) -> Result<Option<NativeNetwork>> {
        let asked_for =
            |found: Result<NativeNetwork>| found.map(Some).map_err(|cause| no_kernels(&cause).at(file.name()));
        match engine {
            Engine::OnnxRuntime | Engine::OpenVino => Ok(None),
            Engine::Auto => Ok(NativeNetwork::new(file, None, threads).ok()),
            Engine::Own => asked_for(NativeNetwork::new(file, None, threads)),
            Engine::Only(isa) => asked_for(NativeNetwork::new(file, Some(isa), threads)),
        }
    }

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

fn no_kernels(cause: &Error) -> Error {
    Error::model("there are no kernels of our own for this model on this processor").hint(format!(
        "{cause}; they are for models exactly as `poselift-train export` writes them in f32 or int8, with a width that is a \
         multiple of 64 (128 with --mirror on), on x86 with AVX-512 or AVX2 or on ARM; `--engine onnxruntime` runs others"
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

    use super::super::file::tests;
    use super::super::small_model::SmallModel;
    use super::super::{Device, Session, SessionOptions};
    use super::*;

    fn open(file: &ModelFile, engine: Engine) -> Result<Session> {
        Session::new(file, &SessionOptions { device: Device::Cpu, threads: Some(1), engine })
    }

    #[test]
    fn kernels_asked_for_by_name_are_there_or_refused() {
        let small = ModelFile::from_bytes("small.onnx", SmallModel::default().to_bytes()).unwrap();
        let message = open(&small, Engine::Own).unwrap_err().to_string();
        assert_eq!(message, "small.onnx: there are no kernels of our own for this model on this processor");
        assert_eq!(open(&small, Engine::Auto).unwrap().engine(), "ONNX Runtime");
    }

    #[test]
    fn a_file_with_another_constant_is_not_what_kernels_compute() {
        let bundled = ModelFile::bundled().unwrap();
        // The graph centres key points on another mean than the kernels: the constant that sums scores is doubled.
        let doubled = tests::altered(bundled.for_cpus(), |graph| {
            let constant = graph.initializer.iter_mut().find(|tensor| tensor.name == "all_weights").unwrap();
            let values = constant.raw_data.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
            constant.raw_data = values.flat_map(|value| (value * 2.0).to_le_bytes()).collect();
        });
        let other = ModelFile::from_bytes("other.onnx", doubled).unwrap();
        let error = open(&other, Engine::Own).unwrap_err();
        assert!(error.to_string().contains("there are no kernels of our own"), "{error}");
        let cause = error.hint_text().unwrap();
        assert!(cause.contains("all_weights [51, 51] with other contents"), "{cause}");
        assert_eq!(open(&other, Engine::Auto).unwrap().engine(), "ONNX Runtime");
    }
}

//! What the fuzz targets share: input as a file that is nowhere on disk, a bound on the memory that one input may take, and
//! networks so small that a fuzzer can turn every byte of their file.

mod in_memory;
mod memory;
mod seeds;
mod tiny_model;

pub use in_memory::{reopened, with_file};
pub use memory::bounded;
pub use seeds::seeds_folder;
pub use tiny_model::TinyModel;

use poselift::model::{Device, Engine, ModelFile};
use poselift::{Error, ErrorKind, Lifter, LifterOptions, Result};

/// The options of a lifter that runs by our own kernels, on the thread that asks.
const OWN_KERNELS: LifterOptions =
    LifterOptions { device: Device::Cpu, threads: Some(1), batch: None, engine: Engine::Own };

/// A lifter of `model` by our own kernels.
///
/// # Errors
/// A model that they do not run.
///
/// # Panics
/// If ONNX Runtime is found: it would be fuzzed too, at its own speed. `run.sh` hides it.
pub fn own_lifter(model: &ModelFile) -> Result<Lifter> {
    let lifter = Lifter::from_model(model, &OWN_KERNELS)?;
    let alone = lifter.session().unverified_cause().is_some();
    assert!(alone, "ONNX Runtime is in reach of the fuzzer: run.sh hides it");
    Ok(lifter)
}

/// Whether reading may go on behind `error`, which is one of the kinds that input can cause.
///
/// # Panics
/// If it is of another kind, or says nothing.
pub fn is_about_input(error: &Error) -> bool {
    assert!(!error.to_string().is_empty(), "an error says what was found");
    match error.kind() {
        ErrorKind::BadInput => true,
        // A file in memory has no disk that fails: this is what a reader of an archive or of a cut-off stream met.
        ErrorKind::Io | ErrorKind::BadModel | ErrorKind::BadUsage => false,
        other => panic!("{other:?}: {error}"),
    }
}

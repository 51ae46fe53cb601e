//! The program under Python: the console script `poselift`.

use std::ffi::OsString;
use std::path::PathBuf;

use poselift::model::{Host, set_host as set};
use pyo3::prelude::*;

/// Runs a command line, its first word being the program's name; gives the exit code.
#[pyfunction]
pub(crate) fn run_program(py: Python<'_>, words: Vec<OsString>) -> u8 {
    py.detach(|| poselift::cli::run_from(words).code())
}

/// Tells the library which file it is in, and where ONNX Runtime may be.
#[pyfunction]
pub(crate) fn set_host(module: PathBuf, runtimes: Vec<PathBuf>) {
    set(Host { module: Some(module), runtimes });
}

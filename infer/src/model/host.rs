//! The program that the library is part of, where the library cannot find that out by itself.
//!
//! In a Rust program the running executable is the program. In a module of another language's interpreter it is the
//! interpreter, which stays the same when the module changes.

use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};

/// The facts about a module that holds this library, which its interpreter knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// The module's file, by which an agreement of kernels and ONNX Runtime is remembered.
    pub module: Option<PathBuf>,
    /// Where ONNX Runtime's library is looked for before other places, but after `ORT_DYLIB_PATH`.
    pub runtimes: Vec<PathBuf>,
}

static HOST: RwLock<Host> = RwLock::new(Host { module: None, runtimes: Vec::new() });

/// Tells the library about its host; to be called before a model is opened.
pub fn set_host(host: Host) {
    *HOST.write().unwrap_or_else(PoisonError::into_inner) = host;
}

/// The file that changes when the program's code does; `None` if it cannot be found.
pub(super) fn program() -> Option<PathBuf> {
    let module = HOST.read().unwrap_or_else(PoisonError::into_inner).module.clone();
    module.or_else(|| std::env::current_exe().ok())
}

/// As [`Host::runtimes`].
pub(super) fn runtimes() -> Vec<PathBuf> {
    HOST.read().unwrap_or_else(PoisonError::into_inner).runtimes.clone()
}

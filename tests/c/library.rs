//! The library laid out as users get it, and the tools that build programs with it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use crate::skips::skip_kind;

/// The demonstration clip: MediaPipe's 33 points.
pub(crate) const CLIP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../demos/sports2d/sports2d_demo.mediapipe33.jsonl");

/// A folder of the crate.
pub(crate) fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The folder with include/, lib/ and unity/, as `make c-library` fills it.
pub(crate) fn installed() -> &'static Path {
    static INSTALLED: OnceLock<tempfile::TempDir> = OnceLock::new();
    INSTALLED
        .get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            // cargo puts the libraries of a package beside its tests.
            let built = std::env::current_exe().unwrap().parent().unwrap().to_owned();
            run(Command::new(source("install.sh")).arg(built).arg(folder.path()));
            folder
        })
        .path()
}

/// Runs a command that has to succeed.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{}\n{said}", output.status, stdout(&output));
    output
}

/// What it printed.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A command that finds the shared library, and no ONNX Runtime: what computes is the same everywhere.
pub(crate) fn program(path: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(path);
    let cache = installed().join("cache");
    command.env("LD_LIBRARY_PATH", installed().join("lib")).env_remove("ORT_DYLIB_PATH");
    command.env("POSELIFT_CACHE", &cache).env("XDG_CACHE_HOME", &cache).env("HOME", &cache);
    command
}

/// Whether a tool is installed. Where it is not, the test fails, unless `POSELIFT_ALLOW_SKIPS` lets it skip.
pub(crate) fn has(tool: &str, package: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|folder| folder.join(tool).is_file()) {
        return true;
    }
    skip_kind("c", &format!("no {tool}: Debian's package {package} has it"));
    false
}

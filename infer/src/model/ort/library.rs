//! Finds ONNX Runtime and loads it, once for the whole process.
//!
//! The file is searched before `ort` is called: `ort` panics, and once hung, on a missing library, and cannot say
//! where it looked.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use ort::environment::Environment;

use crate::error::{Error, Result};
use crate::model::host;
use crate::thread::lock;

/// The release that the set-up fetches into the cache folder.
const VERSION: &str = "1.31.1";

const HOW_TO_GET_IT: &str = "run `make demo` once, or `pip install onnxruntime` and set ORT_DYLIB_PATH to its \
                             onnxruntime/capi/libonnxruntime.so.* file";

/// The loaded runtime, and its path.
#[derive(Clone)]
pub(super) struct Runtime {
    pub(super) environment: Environment,
    pub(super) path: PathBuf,
}

static RUNTIME: Mutex<Option<Runtime>> = Mutex::new(None);

/// ONNX Runtime's environment, which is loaded on the first call.
///
/// A process can have only one: a program that also uses `ort` itself takes it from here.
///
/// # Errors
/// No usable ONNX Runtime.
pub fn environment() -> Result<Environment> {
    runtime(false).map(|runtime| runtime.environment)
}

/// The process's runtime, which is loaded on the first call; `prefer_cuda` chooses between builds in the cache
/// folder.
///
/// # Errors
/// No usable ONNX Runtime.
pub(super) fn runtime(prefer_cuda: bool) -> Result<Runtime> {
    runtime_at(&path(prefer_cuda)?)
}

/// The process's runtime: the loaded one, or the one at `path`.
///
/// # Errors
/// The file is not a usable ONNX Runtime.
pub(super) fn runtime_at(path: &Path) -> Result<Runtime> {
    let mut runtime = loaded();
    if let Some(loaded) = runtime.as_ref() {
        return Ok(loaded.clone());
    }
    let loaded = load(path.to_path_buf())?;
    Ok(runtime.insert(loaded).clone())
}

/// The path of the library that [`runtime`] loads, without loading it.
///
/// # Errors
/// The file does not exist.
pub(in crate::model) fn path(prefer_cuda: bool) -> Result<PathBuf> {
    find(prefer_cuda)?.ok_or_else(|| {
        let tried: Vec<_> = places(prefer_cuda).iter().map(|path| format!("\n  {}", path.display())).collect();
        Error::runtime(format!("ONNX Runtime is not installed; looked for{}", tried.concat())).hint(HOW_TO_GET_IT)
    })
}

/// As [`path()`]; `None` if ONNX Runtime is not installed.
///
/// # Errors
/// A variable names no file.
pub(in crate::model) fn find(prefer_cuda: bool) -> Result<Option<PathBuf>> {
    if let Some(runtime) = loaded().as_ref() {
        return Ok(Some(runtime.path.clone()));
    }
    if let Some(path) = path_in("ORT_DYLIB_PATH") {
        return overridden(&path).map(Some);
    }
    Ok(places(prefer_cuda).into_iter().find(|path| path.is_file()))
}

fn loaded() -> MutexGuard<'static, Option<Runtime>> {
    lock(&RUNTIME)
}

/// Keeps ONNX Runtime from gathering telemetry: its builds for Linux open a database in the user's cache folder and
/// look for a network as soon as they are loaded, before a program can disable it.
///
/// Must be the first line of a program; `poselift` itself calls it. It sets the variable `ORT_DISABLE_TELEMETRY`.
///
/// # Safety
/// No other thread may run yet, since this writes to the environment.
pub unsafe fn forbid_telemetry() {
    // SAFETY: guaranteed by the caller.
    unsafe { env::set_var("ORT_DISABLE_TELEMETRY", "1") };
}

fn load(path: PathBuf) -> Result<Runtime> {
    let builder = ort::init_from(&path).map_err(|error| unusable(&path, &explain(&error)))?;
    let environment = builder
        .with_name("poselift")
        .with_telemetry(false)
        .build()
        .map_err(|error| unusable(&path, error.message()))?;
    // The runtime's own warnings are for its developers; failures are returned as errors.
    environment.set_log_level(ort::logging::LogLevel::Error);
    Ok(Runtime { environment, path })
}

fn unusable(path: &Path, cause: &str) -> Error {
    Error::runtime(format!("cannot use this ONNX Runtime: {cause}")).at(path).hint(HOW_TO_GET_IT)
}

fn explain(error: &ort::LoadDynamicError) -> String {
    match error {
        ort::LoadDynamicError::Dlopen { error, .. } => format!("it is no loadable library ({error})"),
        ort::LoadDynamicError::MissingApi { .. } => "it is a library, but not ONNX Runtime".to_owned(),
        ort::LoadDynamicError::InvalidVersionString => "it does not say its version".to_owned(),
        ort::LoadDynamicError::BadVersion { version_str, .. } => {
            format!("it is version {version_str}, expected 1.{} or newer", ort::MINOR_VERSION)
        }
    }
}

/// The user's own choice: made absolute, since `ort` resolves a relative path from the executable's folder.
fn overridden(path: &Path) -> Result<PathBuf> {
    match path.metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(refused(path, "no file")),
        Err(error) => Err(refused(path, &format!("a file that cannot be read ({error})"))),
        Ok(found) if found.is_dir() => Err(refused(path, "a directory")),
        Ok(_) => std::path::absolute(path).map_err(|error| Error::io("cannot find", path, error)),
    }
}

/// The error where `ORT_DYLIB_PATH` names `what`, which is not the library.
fn refused(path: &Path, what: &str) -> Error {
    Error::runtime(format!("ORT_DYLIB_PATH names {what}, expected ONNX Runtime's library file"))
        .at(path)
        .hint(HOW_TO_GET_IT)
}

/// The paths where the library is searched, best first.
fn places(prefer_cuda: bool) -> Vec<PathBuf> {
    let file = format!("{}onnxruntime{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
    let mut folders = Vec::new();
    if let Some(folder) = env::current_exe().ok().as_deref().and_then(Path::parent) {
        folders.push(folder.to_path_buf());
        folders.extend(folder.parent().map(|above| above.join("lib")));
    }
    if let Some(cache) = cache_folder() {
        let builds: &[&str] = if prefer_cuda { &["cuda", "cpu"] } else { &["cpu", "cuda"] };
        folders.extend(builds.iter().map(|build| cache.join(format!("onnxruntime-{VERSION}-{build}"))));
    }
    host::runtimes().into_iter().chain(folders.into_iter().map(|folder| folder.join(&file))).collect()
}

/// The user's cache folder that all checkouts share.
pub(in crate::model) fn cache_folder() -> Option<PathBuf> {
    path_in("POSELIFT_CACHE")
        .or_else(|| path_in("XDG_CACHE_HOME").map(|folder| folder.join("poselift")))
        .or_else(|| env::home_dir().map(|home| home.join(".cache").join("poselift")))
}

/// The path in an environment variable; `None` if the variable is not set, or empty.
fn path_in(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cuda_build_comes_first_only_when_preferred() {
        let first_build = |prefer_cuda| {
            let places = places(prefer_cuda);
            let names = places.iter().map(|path| path.to_string_lossy().into_owned());
            names.filter(|name| name.contains(VERSION)).map(|name| name.contains("-cuda")).next()
        };
        if cache_folder().is_some() {
            assert_eq!(first_build(true), Some(true));
            assert_eq!(first_build(false), Some(false));
        }
    }

    #[test]
    fn an_override_is_made_absolute_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let message = overridden(folder.path()).unwrap_err().to_string();
        assert!(message.contains("names a directory"), "{message}");
        let missing = overridden(&folder.path().join("nothing.so")).unwrap_err();
        assert!(missing.to_string().contains("names no file"), "{missing}");
        assert!(missing.hint_text().is_some());
        // Tests run in the package's folder.
        assert_eq!(overridden(Path::new("Cargo.toml")).unwrap(), env::current_dir().unwrap().join("Cargo.toml"));
    }
}

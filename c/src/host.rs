//! Which file this library is in: the program around it stays the same when the library changes.

use std::path::PathBuf;
use std::sync::Once;

use poselift::model::{Host, set_host};

/// Tells the library underneath, once. ONNX Runtime may lie beside the library, as plug-ins of an engine do.
pub(crate) fn tell_once() {
    static TOLD: Once = Once::new();
    TOLD.call_once(|| {
        let Some(module) = own_file() else { return };
        let name = format!("{}onnxruntime{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        let runtimes = module.parent().map(|folder| folder.join(name)).into_iter().collect();
        set_host(Host { module: Some(module), runtimes });
    });
}

/// The shared library, or the program that the static one is part of.
#[cfg(unix)]
fn own_file() -> Option<PathBuf> {
    use std::ffi::{CStr, OsStr, c_void};
    use std::mem::MaybeUninit;
    use std::os::unix::ffi::OsStrExt;

    let mut found = MaybeUninit::<libc::Dl_info>::zeroed();
    let address = tell_once as fn() as *const c_void;
    // SAFETY: any address may be asked for; the place for the answer is large enough and zero.
    if unsafe { libc::dladdr(address, found.as_mut_ptr()) } == 0 {
        return None;
    }
    // SAFETY: zero is a value of each of its fields, and the call has succeeded.
    let name = unsafe { found.assume_init() }.dli_fname;
    if name.is_null() {
        return None;
    }
    // SAFETY: the loader's own text, which stays as long as this code is loaded.
    let name = unsafe { CStr::from_ptr(name) };
    PathBuf::from(OsStr::from_bytes(name.to_bytes())).canonicalize().ok()
}

#[cfg(not(unix))]
fn own_file() -> Option<PathBuf> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    #[test]
    fn the_file_of_this_code_is_found() {
        let program = std::env::current_exe().expect("a test is a program").canonicalize().expect("its file");
        assert_eq!(super::own_file(), Some(program));
    }
}

//! Text on its way across the border, and the versions.

use std::ffi::{CStr, CString, c_char};

use poselift::{Error, Result};

/// The version of this interface. It grows when a program that was compiled with an older header could go wrong, and
/// not when something is added.
pub const ABI: u32 = 1;

/// The ABI of the library that was loaded: compare it with POSELIFT_ABI of the header.
#[unsafe(no_mangle)]
pub extern "C" fn poselift_abi() -> u32 {
    ABI
}

/// The version of the library, "0.1.0".
#[unsafe(no_mangle)]
pub extern "C" fn poselift_version() -> *const c_char {
    const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("a version holds no NUL"),
    };
    VERSION.as_ptr()
}

/// `text` for C, up to its first NUL.
pub(crate) fn c_string(text: &str) -> CString {
    let end = text.find('\0').unwrap_or(text.len());
    CString::new(&text[..end]).unwrap_or_default()
}

/// The text that `pointer` leads to; `None` for NULL and for the empty text.
///
/// # Errors
/// Not UTF-8; the message calls it `name`.
///
/// # Safety
/// `pointer` is NULL, or leads to text that ends with a NUL and that no thread changes while `'a` lasts.
pub(crate) unsafe fn text<'a>(pointer: *const c_char, name: &str) -> Result<Option<&'a str>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    let text = unsafe { CStr::from_ptr(pointer) };
    let text = text.to_str().map_err(|_| Error::usage(format!("{name} is not UTF-8")))?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

//! The boundary between Rust and its callers in C: no panic crosses it, and an error leaves its text behind.

use std::any::Any;
use std::cell::RefCell;
#[cfg(test)]
use std::ffi::CStr;
use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use poselift::{Error, ErrorKind, Result};

use crate::text::{c_string, in_fields};

/// The result of a call. `poselift_error` says more.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// Key points that are not what they were said to be, or not what the model takes.
    BadInput = 1,
    /// A NULL pointer where none is allowed, or an invalid length or option.
    BadUsage = 2,
    /// A file that is no model of poselift, or not a whole one.
    BadModel = 3,
    /// ONNX Runtime or a device is needed, and missing or not usable.
    Runtime = 4,
    /// The operating system refused: no such file, no permission.
    Io = 5,
    /// A bug in poselift. The object that the call was about can only be closed.
    Internal = 6,
}

impl From<ErrorKind> for Status {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::BadInput => Self::BadInput,
            ErrorKind::BadUsage => Self::BadUsage,
            ErrorKind::BadModel => Self::BadModel,
            ErrorKind::Io | ErrorKind::BrokenPipe => Self::Io,
            // Kinds that are younger than this interface are about what runs it.
            _ => Self::Runtime,
        }
    }
}

thread_local! {
    static LAST_ERROR: RefCell<CString> = RefCell::default();
}

/// What went wrong in the last call on this thread that did not return POSELIFT_STATUS_OK: what was found and what was
/// expected, and after a line break `hint: ` with what to do, where there is something to do. Empty before the first error.
///
/// The text is valid until the next error on this thread.
#[unsafe(no_mangle)]
pub extern "C" fn poselift_error() -> *const c_char {
    let text = LAST_ERROR.try_with(|last| last.try_borrow().map_or(c"".as_ptr(), |text| text.as_ptr()));
    // A thread that is ending may have no text any more.
    text.unwrap_or(c"".as_ptr())
}

/// Runs a function's body; an error or a panic becomes a status with a text.
pub(crate) fn catch(body: impl FnOnce() -> Result<()>) -> Status {
    // What a panic leaves half done is behind a lock, which is poisoned by it (`BROKEN`).
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => Status::Ok,
        Ok(Err(error)) => {
            // Hints alone name options.
            let hint = error.hint_text().map(|hint| format!("\nhint: {}", in_fields(hint))).unwrap_or_default();
            keep_error(&format!("{error}{hint}"));
            // A poisoned lock is the only error of this text.
            if error.to_string() == BROKEN { Status::Internal } else { error.kind().into() }
        }
        Err(panic) => {
            keep_error(&format!("poselift has a bug: {}", panic_message(panic.as_ref())));
            Status::Internal
        }
    }
}

/// As [`catch`] for functions that give a pointer, which is NULL where there is nothing to give.
pub(crate) fn catch_pointer<T>(body: impl FnOnce() -> Result<Option<*const T>>) -> *const T {
    let mut found = ptr::null();
    catch(|| {
        found = body()?.unwrap_or(ptr::null());
        Ok(())
    });
    found
}

const BROKEN: &str = "this object broke down in an earlier call, it can only be closed";

/// The error of an object in which an earlier call panicked.
pub(crate) fn broken() -> Error {
    Error::runtime(BROKEN)
}

fn keep_error(text: &str) {
    let text = c_string(text);
    // A thread that is ending may have no place for it any more: the status alone tells then.
    let _ = LAST_ERROR.try_with(|last| {
        if let Ok(mut last) = last.try_borrow_mut() {
            *last = text;
        }
    });
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words")
}

/// The last error of this thread, for tests.
#[cfg(test)]
pub(crate) fn last_error() -> String {
    // SAFETY: the pointer is to a string that only an error on this thread replaces.
    unsafe { CStr::from_ptr(poselift_error()) }.to_string_lossy().into_owned()
}

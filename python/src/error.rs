//! The library's errors as Python's exceptions, which `poselift/_errors.py` defines.

use poselift::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::types::PyType;

/// The library's error on its way to Python.
pub(crate) struct Failure(Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<Failure> for PyErr {
    fn from(Failure(error): Failure) -> Self {
        Python::attach(|py| to_exception(py, &error).unwrap_or_else(|failure| failure))
    }
}

/// The exception for an error: its class by kind, its text the place, what was found and what was expected, and the hint.
fn to_exception(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let class = match error.kind() {
        ErrorKind::BadUsage => "UsageError",
        ErrorKind::BadModel => "ModelError",
        ErrorKind::Runtime => "DeviceError",
        ErrorKind::Io | ErrorKind::BrokenPipe => "FileError",
        // `ErrorKind` may grow; what is not one of the others is the input's fault.
        _ => "InputError",
    };
    let errors = py.import("poselift._errors")?;
    let class = errors.getattr(class)?.cast_into::<PyType>()?;
    let exception = errors.call_method1("made", (class, error.to_string(), error.hint_text()))?;
    Ok(PyErr::from_value(exception))
}

/// The result of what the library does, for Python.
pub(crate) type Answer<T> = Result<T, Failure>;

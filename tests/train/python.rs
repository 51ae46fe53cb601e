//! Runs the scripts of these tests in the Python that `setup/fetch.py python-test` puts together.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output};

use crate::skips::skip;

/// What `tests/train/SCRIPT` gives with `arguments`; `None` where a package that it needs is not installed, none was promised by
/// POSELIFT_TEST_PYTHON, and the test may skip.
pub(crate) fn run(script: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Option<Output> {
    let python = std::env::var("POSELIFT_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/train").join(script);
    let output = Command::new(&python).arg(path).args(arguments).output().expect("Python starts");
    if output.status.code() == Some(77) {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(std::env::var_os("POSELIFT_TEST_PYTHON").is_none(), "POSELIFT_TEST_PYTHON: {said}");
        skip(&format!("{python} lacks what {script} needs (run `make test`, or set POSELIFT_TEST_PYTHON): {said}"));
        return None;
    }
    Some(output)
}

/// All that a program said.
pub(crate) fn said(output: &Output) -> String {
    (String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr)).into_owned()
}

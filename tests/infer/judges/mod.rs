//! The software that reads exports, called as programs.

#![allow(clippy::unwrap_used, reason = "a judge that cannot be asked fails the test")]

use std::ffi::OsStr;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::program::skip_kind;

/// Counts and messages of Khronos's validator as JSON.
const VALIDATE: &str = "\
const validator = require(process.argv[1] + '/index.js');
const bytes = new Uint8Array(require('fs').readFileSync(process.argv[2]));
validator.validateBytes(bytes).then(report => console.log(JSON.stringify(report.issues)));";

/// A Python that has them installed.
pub(crate) struct Judges {
    python: PathBuf,
}

impl Judges {
    /// The Python that `make test` names; `None` if there is none and `POSELIFT_ALLOW_SKIPS` lets tests skip.
    pub(crate) fn find() -> Option<Self> {
        if let Some(python) = std::env::var_os("POSELIFT_JUDGES_PYTHON").filter(|python| !python.is_empty()) {
            return Some(Self { python: python.into() });
        }
        skip_kind("judges", "no POSELIFT_JUDGES_PYTHON: run `make test`");
        None
    }

    /// The Python itself, for scripts that talk to the program.
    pub(crate) fn command(&self) -> Command {
        Command::new(&self.python)
    }

    /// The contents of `files` as read by the judge `name` of judge.py.
    pub(crate) fn read<P: AsRef<OsStr> + Debug>(&self, name: &str, files: &[P]) -> Value {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/infer/judge.py");
        // opensim writes a log into the folder that it is imported in.
        let folder = Path::new(&files[0]).parent().unwrap();
        let output = Command::new(&self.python).current_dir(folder).arg(script).arg(name).args(files).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name} refuses {files:?}:\n{said}");
        // Libraries may print before the last line.
        let text = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(text.trim_end().lines().last().unwrap()).unwrap()
    }

    /// Asserts that Khronos's validator reports nothing for a file; without Node.js to run it, says so.
    pub(crate) fn validate_gltf(&self, path: &Path) {
        let validator = self.python.parent().and_then(Path::parent).unwrap().join("gltf-validator");
        if Command::new("node").arg("--version").output().is_err() {
            return println!("skipped: no Node.js to run Khronos's validator with");
        }
        let output = Command::new("node").args(["-e", VALIDATE]).arg(validator).arg(path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let issues: Value = serde_json::from_slice(&output.stdout).unwrap();
        let counts = ["numErrors", "numWarnings"].map(|count| issues[count].as_u64().unwrap());
        assert_eq!(counts, [0, 0], "{}: {issues:#}", path.display());
    }
}

//! What own kernels agreed on with ONNX Runtime, remembered, so that the same program on the same machine need not load it.
//!
//! A line of the file `agreed` in the user's cache folder is the SHA-256 of all that had a part: this program's file, the
//! kernels, the model's bytes and the runtime's file. Whatever changes asks for a new look, and only agreement is written.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};

use super::{Kernels, ModelFile};

/// Agreements that are kept, the latest.
const KEPT: usize = 64;
const FILE: &str = "agreed";

/// An agreement that may be remembered or not yet.
#[derive(Debug)]
pub(super) struct Agreement {
    /// The folder that it is remembered in.
    cache: PathBuf,
    key: String,
}

impl Agreement {
    /// Of `kernels` on `model` with the runtime at `runtime`, remembered in the folder `cache`; none where a file that has a
    /// part in it cannot be told from others.
    pub(super) fn of(model: &ModelFile, kernels: Kernels, runtime: &Path, cache: &Path) -> Option<Self> {
        let mut hash = Sha256::new();
        for file in [std::env::current_exe().ok()?.as_path(), runtime] {
            hash.update(state(file)?);
        }
        hash.update(format!("{kernels}\n"));
        // What is part of the program is told by the program's file.
        match model.is_bundled() {
            true => hash.update(model.name().as_os_str().as_encoded_bytes()),
            false => hash.update(model.content_digest()),
        }
        let key = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Self { cache: cache.to_path_buf(), key })
    }

    /// Whether it was found before.
    pub(super) fn is_remembered(&self) -> bool {
        self.known().lines().any(|line| line == self.key)
    }

    /// Writes it down. Where that fails the next start looks again, as this one did.
    pub(super) fn remember(&self) {
        let _ = self.write();
    }

    /// What is remembered, a key a line; nothing where nothing can be read.
    fn known(&self) -> String {
        std::fs::read_to_string(self.cache.join(FILE)).unwrap_or_default()
    }

    fn write(&self) -> std::io::Result<()> {
        let known = self.known();
        let known: Vec<_> = known.lines().filter(|line| *line != self.key).collect();
        let latest = known.len().saturating_sub(KEPT - 1);
        std::fs::create_dir_all(&self.cache)?;
        // Readers see the old file or the new one, whole.
        let new = self.cache.join(format!(".{FILE}.{}", std::process::id()));
        let mut text = std::fs::File::create(&new)?;
        for line in known[latest..].iter().chain([&self.key.as_str()]) {
            writeln!(text, "{line}")?;
        }
        drop(text);
        std::fs::rename(&new, self.cache.join(FILE))
    }
}

/// A file's path, length and time of the last change, in words.
fn state(file: &Path) -> Option<String> {
    let metadata = file.metadata().ok()?;
    let changed = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{} {} {}\n", file.display(), metadata.len(), changed.as_nanos()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

    use super::super::small_model::SmallModel;
    use super::*;

    #[test]
    fn only_the_very_same_is_remembered_and_the_latest_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache");
        let runtime = folder.path().join("runtime.so");
        std::fs::write(&runtime, "one").unwrap();
        let small = ModelFile::from_bytes("small.onnx", SmallModel::default().to_bytes()).unwrap();
        let agreement = |model: &ModelFile, kernels| Agreement::of(model, kernels, &runtime, &cache).unwrap();
        let first = agreement(&small, Kernels::Avx2);
        assert!(!first.is_remembered());
        first.remember();
        assert!(first.is_remembered() && agreement(&small, Kernels::Avx2).is_remembered());
        assert!(!agreement(&small, Kernels::Neon).is_remembered());
        let other = SmallModel { sigma: true, ..SmallModel::default() };
        let other = ModelFile::from_bytes("small.onnx", other.to_bytes()).unwrap();
        assert!(!agreement(&other, Kernels::Avx2).is_remembered());
        std::fs::write(&runtime, "another").unwrap();
        assert!(!agreement(&small, Kernels::Avx2).is_remembered());
        let filled = |at: usize| Agreement { cache: cache.clone(), key: at.to_string() };
        (1..KEPT).for_each(|at| filled(at).remember());
        assert!(first.is_remembered());
        // What is remembered again is the latest; the one before it goes.
        first.remember();
        filled(KEPT).remember();
        assert!(first.is_remembered() && filled(KEPT).is_remembered() && !filled(1).is_remembered());
        assert!(Agreement::of(&small, Kernels::Avx2, &folder.path().join("nowhere.so"), &cache).is_none());
    }
}

//! The verification cache: agreements of our own kernels with ONNX Runtime, so that the same program on the same
//! machine need not load it again.
//!
//! A line of the file `verified` in the user's cache folder is the SHA-256 of everything involved: this program's
//! file, the instruction set, the model's bytes and the runtime's file. Any change causes a new comparison, and only
//! agreement is written. A cache that cannot be used (a pipe, a folder that is full or read-only) is skipped.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use crate::model::host::program;
use crate::model::{Isa, ModelFile};

/// Number of agreements that are kept, the latest ones.
const KEPT: usize = 64;
const FILE: &str = "verified";
/// More bytes than the file ever has: 64 lines of 64 digits.
const MAX_BYTES: u64 = 16 * 1024;
/// A temporary file that is older than this was left behind by a killed program.
const STALE: Duration = Duration::from_secs(60);
/// Most names in the cache folder that are checked for such files.
const MAX_NAMES: usize = 4096;

/// An agreement, remembered or not yet.
#[derive(Debug)]
pub(super) struct VerificationCache {
    /// The folder of the cache.
    folder: PathBuf,
    key: String,
}

impl VerificationCache {
    /// The agreement of the kernels of `isa` on `model` with the runtime at `library`, cached in `folder`; `None` if
    /// one of the files involved cannot be identified.
    pub(super) fn of(model: &ModelFile, isa: Isa, library: &Path, folder: &Path) -> Option<Self> {
        let mut hash = Sha256::new();
        for file in [program()?.as_path(), library] {
            hash.update(state(file)?);
        }
        hash.update(format!("{isa}\n"));
        // A bundled model is identified by the program's file.
        match model.is_bundled() {
            true => hash.update(model.name().as_os_str().as_encoded_bytes()),
            false => hash.update(model.content_digest()),
        }
        let key = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Self { folder: folder.to_path_buf(), key })
    }

    /// Whether the cache has it.
    pub(super) fn is_remembered(&self) -> bool {
        self.known().lines().any(|line| line == self.key)
    }

    /// Writes it to the cache. If that fails, the next start compares again, as this one did.
    pub(super) fn remember(&self) {
        let _ = self.write();
    }

    /// The cached keys, one per line; empty if the file cannot be read.
    fn known(&self) -> String {
        read_small(&self.folder.join(FILE)).unwrap_or_default()
    }

    fn write(&self) -> io::Result<()> {
        let known = self.known();
        let known: Vec<_> = known.lines().filter(|line| *line != self.key).collect();
        let latest = known.len().saturating_sub(KEPT - 1);
        let lines: Vec<_> = known[latest..].iter().copied().chain([self.key.as_str()]).collect();
        fs::create_dir_all(&self.folder)?;
        self.remove_stale();
        // Readers see the old file or the new one, whole.
        let new = self.folder.join(format!(".{FILE}.{}", std::process::id()));
        // A folder or pipe of that name is not ours: it is left alone, and nothing is written.
        let file = OpenOptions::new().write(true).create_new(true).open(&new)?;
        let written = write_lines(file, &lines).and_then(|()| fs::rename(&new, self.folder.join(FILE)));
        if written.is_err() {
            let _ = fs::remove_file(&new);
        }
        written
    }

    /// Removes temporary files that killed programs left behind.
    fn remove_stale(&self) {
        let Ok(names) = fs::read_dir(&self.folder) else { return };
        for entry in names.take(MAX_NAMES).flatten() {
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix('.')?.strip_prefix(FILE)?.strip_prefix('.'));
            let is_ours = number.is_some_and(|number| number.parse::<u32>().is_ok());
            if is_ours && entry.metadata().is_ok_and(|metadata| is_stale(&metadata)) {
                // A file that cannot be removed does no harm.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn is_stale(metadata: &fs::Metadata) -> bool {
    let age = metadata.modified().ok().and_then(|changed| SystemTime::now().duration_since(changed).ok());
    metadata.is_file() && age.is_some_and(|age| age > STALE)
}

/// The text of a small regular file; other kinds are not opened, since reading them could block forever.
fn read_small(path: &Path) -> Option<String> {
    let metadata = path.metadata().ok()?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return None;
    }
    let mut text = String::new();
    File::open(path).ok()?.take(MAX_BYTES).read_to_string(&mut text).ok()?;
    Some(text)
}

fn write_lines(mut file: File, lines: &[&str]) -> io::Result<()> {
    let mut text = lines.join("\n");
    text.push('\n');
    file.write_all(text.as_bytes())
}

/// A file's path, length and time of the last change, in words.
fn state(file: &Path) -> Option<String> {
    let metadata = file.metadata().ok()?;
    let changed = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{} {} {}\n", file.display(), metadata.len(), changed.as_nanos()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::small_model::SmallModel;

    #[test]
    fn only_the_very_same_is_remembered_and_the_latest_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache");
        let runtime = folder.path().join("runtime.so");
        std::fs::write(&runtime, "one").unwrap();
        let small = ModelFile::from_bytes("small.onnx", SmallModel::default().to_bytes()).unwrap();
        let agreement = |model: &ModelFile, isa| VerificationCache::of(model, isa, &runtime, &cache).unwrap();
        let first = agreement(&small, Isa::Avx2);
        assert!(!first.is_remembered());
        first.remember();
        assert!(first.is_remembered() && agreement(&small, Isa::Avx2).is_remembered());
        assert!(!agreement(&small, Isa::Neon).is_remembered());
        let other = SmallModel { sigma: true, ..SmallModel::default() };
        let other = ModelFile::from_bytes("small.onnx", other.to_bytes()).unwrap();
        assert!(!agreement(&other, Isa::Avx2).is_remembered());
        std::fs::write(&runtime, "another").unwrap();
        assert!(!agreement(&small, Isa::Avx2).is_remembered());
        let filled = |at: usize| VerificationCache { folder: cache.clone(), key: at.to_string() };
        (1..KEPT).for_each(|at| filled(at).remember());
        assert!(first.is_remembered());
        // A key that is cached again becomes the latest; its older entry is removed.
        first.remember();
        filled(KEPT).remember();
        assert!(first.is_remembered() && filled(KEPT).is_remembered() && !filled(1).is_remembered());
        assert!(VerificationCache::of(&small, Isa::Avx2, &folder.path().join("nowhere.so"), &cache).is_none());
    }

    #[test]
    fn a_hostile_cache_is_done_without_and_gets_no_litter() {
        let folder = tempfile::tempdir().unwrap();
        let cache = VerificationCache { folder: folder.path().to_path_buf(), key: "key".to_owned() };
        let names = || {
            let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
            names.map(|name| name.into_string().unwrap()).collect::<Vec<_>>()
        };
        // A folder in the file's place: read as empty, and not replaced.
        fs::create_dir(folder.path().join(FILE)).unwrap();
        cache.remember();
        assert!(!cache.is_remembered() && names() == [FILE]);
        fs::remove_dir(folder.path().join(FILE)).unwrap();
        // A file that is much too long is not read, and then replaced.
        File::create(folder.path().join(FILE)).unwrap().set_len(1 << 40).unwrap();
        assert!(!cache.is_remembered());
        cache.remember();
        assert!(cache.is_remembered() && names() == [FILE]);
        // Files of a killed program are removed; files that another is writing stay, and so do foreign files.
        let file = |name: &str, age: u64| {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
        };
        file(".verified.1", 3600);
        file(".verified.2", 0);
        file(".verified.old", 3600);
        cache.remember();
        let mut names = names();
        names.sort();
        assert_eq!(names, [".verified.2", ".verified.old", FILE]);
    }

    #[test]
    #[cfg(unix)]
    fn a_pipe_in_the_cache_is_never_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let cache = VerificationCache { folder: folder.path().to_path_buf(), key: "key".to_owned() };
        let temporary = format!(".{FILE}.{}", std::process::id());
        for name in [FILE, &temporary] {
            assert!(std::process::Command::new("mkfifo").arg(folder.path().join(name)).status().unwrap().success());
        }
        assert!(!cache.is_remembered());
        cache.remember();
        assert!(!cache.is_remembered());
    }
}

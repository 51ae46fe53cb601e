//! One run at a time in a folder: a lock that the operating system releases when the process ends, for any reason.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;

use poselift::{Error, Result};

/// Names in the folder of one kind of run.
#[derive(Debug)]
pub(crate) struct RunFiles<'a> {
    /// The configuration: what is resumed has one.
    pub config: &'a str,
    /// Any of them shows that the folder holds a run already.
    pub of_a_run: &'a [&'a str],
    /// Files that a new run writes; it does not overwrite those of something else.
    pub written: &'a [&'a str],
}

impl RunFiles<'_> {
    /// Whether the folder `out` holds a run.
    fn are_in(&self, out: &Path) -> bool {
        self.of_a_run.iter().any(|name| out.join(name).exists())
    }
}

/// Creates the folder `out` of a run with these files, and locks it.
///
/// # Errors
/// The folder holds a run already (without `resume`), none (with it) or files of something else; another process fits in it; it
/// cannot be made.
pub(crate) fn enter(out: &Path, resume: bool, files: &RunFiles) -> Result<RunLock> {
    if resume && !out.join(files.config).is_file() {
        return Err(Error::usage("holds no run to resume").at(out));
    }
    std::fs::create_dir_all(out).map_err(|e| Error::io("cannot create", out, e))?;
    if !resume && !files.are_in(out) {
        refuse_others_files(out, files.written)?;
    }
    let lock = RunLock::take(out)?;
    if !resume && files.are_in(out) {
        let error = Error::usage("holds a run already").at(out);
        return Err(error.hint("continue it with --resume, or give another --out"));
    }
    Ok(lock)
}

/// The file in a run's folder that is locked; it stays there, empty.
const LOCK: &str = ".lock";

/// The lock on a run's folder, held as long as this value lives.
#[derive(Debug)]
pub(crate) struct RunLock {
    /// Closing it releases the lock.
    _file: File,
}

impl RunLock {
    /// Locks the existing folder `out`.
    ///
    /// # Errors
    /// Another process fits in the folder, or the file cannot be opened.
    fn take(out: &Path) -> Result<Self> {
        let path = out.join(LOCK);
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|e| Error::io("cannot lock", &path, e))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::usage("another poselift-train is fitting in this folder")
                .at(out)
                .hint("wait until it has ended, or give another --out")),
            // Some network file systems have no locks: runs there are not protected from each other.
            Err(TryLockError::Error(e)) if e.kind() == ErrorKind::Unsupported => Ok(Self { _file: file }),
            Err(TryLockError::Error(e)) => Err(Error::io("cannot lock", &path, e)),
        }
    }
}

/// Refuses a folder where files of something else have names that a run writes to, `written`. What a run left, it may write to.
///
/// # Errors
/// There is such a file.
fn refuse_others_files(out: &Path, written: &[&str]) -> Result<()> {
    if out.join(LOCK).exists() {
        return Ok(());
    }
    match written.iter().find(|name| out.join(name).exists()) {
        None => Ok(()),
        Some(name) => Err(Error::usage(format!("holds a file {name} that is no run's, and would be overwritten"))
            .at(out)
            .hint("give another --out")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_others_are_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let written = ["config.json", "history.csv"];
        refuse_others_files(folder.path(), &written).unwrap();
        std::fs::write(folder.path().join("history.csv"), "of a year").unwrap();
        let refused = refuse_others_files(folder.path(), &written).unwrap_err().to_string();
        assert!(refused.contains("history.csv that is no run's"), "{refused}");
        RunLock::take(folder.path()).unwrap();
        refuse_others_files(folder.path(), &written).unwrap();
    }

    #[test]
    fn a_run_begins_once_and_goes_on_where_there_is_one() {
        let files = RunFiles { config: "config.json", of_a_run: &["last"], written: &["config.json"] };
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("new/run");
        let refused = |resume| enter(&out, resume, &files).unwrap_err().to_string();
        assert!(refused(true).contains("holds no run to resume"), "{}", refused(true));
        drop(enter(&out, false, &files).unwrap());
        for name in ["config.json", "last"] {
            std::fs::write(out.join(name), "").unwrap();
        }
        assert!(refused(false).contains("holds a run already"), "{}", refused(false));
        enter(&out, true, &files).unwrap();
    }

    #[test]
    fn a_folder_is_locked_once_and_again_after() {
        let folder = tempfile::tempdir().unwrap();
        let held = RunLock::take(folder.path()).unwrap();
        let refused = RunLock::take(folder.path()).unwrap_err();
        assert!(refused.to_string().contains("another poselift-train is fitting"), "{refused}");
        drop(held);
        RunLock::take(folder.path()).unwrap();
    }
}

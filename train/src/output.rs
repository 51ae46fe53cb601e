//! Files that appear whole or not at all, and a guard against outputs that would overwrite a command's inputs.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use poselift::{Error, Result};

/// The extension of a file that is being written.
const UNFINISHED: &str = "part";

/// Writes `bytes` to `path`: first to a temporary file next to it, then renamed, so that a killed program leaves the
/// old file. A device or a pipe is written to directly, and a symbolic link stays one.
///
/// # Errors
/// The file cannot be written; no part of it is left then.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |e| Error::io("cannot write", path, e);
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return fs::write(path, bytes).map_err(failed);
    }
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let unfinished = unfinished(&target)?;
    fs::write(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, &target)).map_err(|e| {
        // The original error is on its way to the user; a temporary file that stays is not a second error.
        let _ = fs::remove_file(&unfinished);
        failed(e)
    })
}

/// The temporary name of `path`: always the same, so that the next run replaces the file of a killed one.
///
/// # Errors
/// The path has no file name.
pub fn unfinished(path: &Path) -> Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| Error::usage("expected the name of a file to write").at(path))?;
    Ok(path.with_file_name(format!(".{}.{UNFINISHED}", name.to_string_lossy())))
}

/// Refuses an output that is one of the files, or is in one of the folders, of `read`, by any name or link; `what`
/// describes them.
///
/// # Errors
/// The output is such a file.
pub fn refuse_overwriting<'a>(output: &Path, read: impl IntoIterator<Item = &'a Path>, what: &str) -> Result<()> {
    let Ok(existing) = fs::metadata(output) else { return Ok(()) };
    for path in read {
        if let Some(found) = same_file_below(&existing, path) {
            return Err(Error::usage(format!("the output is {}, {what}", found.display()))
                .at(output)
                .hint("name another file with -o"));
        }
    }
    Ok(())
}

/// The path of the file `existing`, if it is `path` or in the folder `path`, at any depth.
fn same_file_below(existing: &Metadata, path: &Path) -> Option<PathBuf> {
    let found = fs::metadata(path).ok()?;
    if found.is_dir() {
        let entries = fs::read_dir(path).ok()?;
        return entries.filter_map(|entry| same_file_below(existing, &entry.ok()?.path())).next();
    }
    is_same(existing, &found).then(|| path.to_path_buf())
}

/// Whether two paths are the same file, by device and inode; devices and pipes hold nothing that could be lost.
#[cfg(unix)]
fn is_same(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    a.is_file() && (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// Not known on this system.
#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.md");
        fs::write(unfinished(&path).unwrap(), "left by a killed run").unwrap();
        for text in ["first", "second"] {
            write_whole(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(write_whole(&folder.path().join("absent/report.md"), b"").is_err());
    }

    #[test]
    fn a_link_stays_one_and_a_device_is_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&file, "old").unwrap();
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&file, &link).unwrap();
            write_whole(&link, b"new").unwrap();
            assert!(link.is_symlink() && fs::read_to_string(&file).unwrap() == "new");
            write_whole(Path::new("/dev/null"), b"new").unwrap();
            assert!(!fs::metadata("/dev/null").unwrap().is_file());
        }
    }

    #[test]
    fn what_is_read_is_not_overwritten_by_any_name() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        fs::create_dir(&run).unwrap();
        let (config, hard) = (run.join("config.json"), folder.path().join("model.onnx"));
        fs::write(&config, "{}").unwrap();
        fs::hard_link(&config, &hard).unwrap();
        for output in [&config, &hard] {
            let error = refuse_overwriting(output, [run.as_path()], "a file of the run").unwrap_err();
            assert!(error.to_string().contains("config.json, a file of the run"), "{error}");
        }
        refuse_overwriting(&folder.path().join("new.onnx"), [run.as_path()], "a file of the run").unwrap();
    }
}

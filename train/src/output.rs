//! Files that appear whole or not at all, and a guard against outputs that would overwrite a command's inputs.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

pub use poselift::format::{unfinished, write_whole};
use poselift::{Error, Result};

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
    use super::*;

    #[test]
    fn what_is_read_is_not_overwritten_by_any_name() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        fs::create_dir(&run).unwrap();
        let config = run.join("config.json");
        let hard = folder.path().join("model.onnx");
        fs::write(&config, "{}").unwrap();
        fs::hard_link(&config, &hard).unwrap();
        for output in [&config, &hard] {
            let error = refuse_overwriting(output, [run.as_path()], "a file of the run").unwrap_err();
            assert!(error.to_string().contains("config.json, a file of the run"), "{error}");
        }
        refuse_overwriting(&folder.path().join("new.onnx"), [run.as_path()], "a file of the run").unwrap();
    }
}

//! Files that appear whole or not at all.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The extension of a file that is being written.
const UNFINISHED: &str = "part";

/// Writes `bytes` to `path`: first to a temporary file next to it, then renamed, so that a killed program leaves the
/// old file. A device or a pipe is written to directly, and so is a file in a folder where no other may be made; a
/// symbolic link stays one.
///
/// # Errors
/// The file cannot be written; no part of it is left then.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return fs::write(path, bytes).map_err(|e| Error::io("cannot write", path, e));
    }
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let unfinished = unfinished(&target)?;
    replace(&target, &unfinished, bytes).map_err(|e| Error::io("cannot write", path, e))
}

/// Writes the file `unfinished` and makes it `target`, with the permissions of the old one.
fn replace(target: &Path, unfinished: &Path, bytes: &[u8]) -> io::Result<()> {
    let before = fs::metadata(target).ok();
    let written = fs::write(unfinished, bytes);
    if before.is_some() && written.as_ref().is_err_and(|e| e.kind() == ErrorKind::PermissionDenied) {
        return fs::write(target, bytes);
    }
    let replaced = written
        .and_then(|()| before.map_or(Ok(()), |before| fs::set_permissions(unfinished, before.permissions())))
        .and_then(|()| fs::rename(unfinished, target));
    if replaced.is_err() {
        // The original error is on its way to the user; a temporary file that stays is not a second error.
        let _ = fs::remove_file(unfinished);
    }
    replaced
}

/// The temporary name of `path`: always the same, so that the next run replaces the file of a killed one.
///
/// # Errors
/// The path has no file name.
pub fn unfinished(path: &Path) -> Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| Error::usage("expected the name of a file to write").at(path))?;
    Ok(path.with_file_name(format!(".{}.{UNFINISHED}", name.to_string_lossy())))
}

#[cfg(test)]
mod tests {
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

    #[cfg(unix)]
    #[test]
    fn the_file_before_keeps_its_permissions() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.html");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        write_whole(&path, b"new").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }
}

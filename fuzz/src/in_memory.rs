//! Input as a path that readers can open, in memory: a file that has no name any more, by way of its descriptor.

use std::fs::{File, OpenOptions};
use std::io::{Seek, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

static INPUT: Mutex<Option<File>> = Mutex::new(None);

/// Calls `use_file` with the path of a file that holds `bytes`.
///
/// # Panics
/// If there is no room for it in memory.
pub fn with_file<R>(bytes: &[u8], use_file: impl FnOnce(&Path) -> R) -> R {
    let mut input = INPUT.lock().unwrap_or_else(PoisonError::into_inner);
    let file = input.get_or_insert_with(|| unnamed().expect("a file in memory can be made"));
    fill(file, bytes).expect("a file in memory can be written");
    use_file(&path(file))
}

/// A second file in memory, empty, and its path: for what a target writes and reads again.
///
/// # Panics
/// If there is no room for it in memory.
pub fn reopened() -> (File, PathBuf) {
    let file = unnamed().expect("a file in memory can be made");
    let path = path(&file);
    (file, path)
}

fn fill(file: &mut File, bytes: &[u8]) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(bytes)
}

/// Opening it again gives a reader of its own, at the file's beginning.
fn path(file: &File) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

fn unnamed() -> std::io::Result<File> {
    let path = PathBuf::from(format!("/dev/shm/poselift-fuzz-{}", std::process::id()));
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

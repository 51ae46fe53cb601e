//! Whether two names are one file: by device and inode, so that hard links, symlinks and redirections are recognised.

#[cfg(unix)]
use std::fs::File;
use std::fs::Metadata;
use std::path::Path;

use crate::format::{Source, Target};

/// A file's identity in the operating system, regardless of its names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum FileIdentity {
    /// Device and inode.
    #[cfg(unix)]
    Inode { device: u64, inode: u64 },
    /// The path without links, if inodes are not available.
    #[cfg(not(unix))]
    Path(std::path::PathBuf),
}

impl FileIdentity {
    /// The file or pipe at `path`; `None` if it does not exist, and for devices, which may be read and written at
    /// once.
    pub(super) fn of_path(path: &Path) -> Option<Self> {
        let found = path.metadata().ok()?;
        Self::new(&found, path)
    }

    /// The files of `source`: one, or the frames of a folder.
    pub(super) fn of_source(source: &Source) -> Vec<Self> {
        match source {
            Source::Stdin => of_stream(std::io::stdin()).into_iter().collect(),
            Source::File(path) | Source::Part { path, .. } => Self::of_path(path).into_iter().collect(),
            Source::Folder { files, .. } => files.iter().filter_map(|(_, path)| Self::of_path(path)).collect(),
            // A file or a folder that grows; nothing has the name of a socket.
            Source::Live(_) if source.name().is_dir() => Self::of_files_in(source.name()),
            Source::Live(_) => Self::of_path(source.name()).filter(|_| source.name().is_file()).into_iter().collect(),
        }
    }

    /// The files that are in `folder` now. One that cannot be listed cannot be read either, and its reader says so.
    fn of_files_in(folder: &Path) -> Vec<Self> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.filter_map(|entry| Self::of_path(&entry.path())).collect()
    }

    /// The identity of an existing `target`.
    pub(super) fn of_target(target: &Target) -> Option<Self> {
        match target {
            Target::Stdout => of_stream(std::io::stdout()).filter(|_| is_file(std::io::stdout())),
            Target::File(path) => Self::of_path(path),
        }
    }

    #[cfg(unix)]
    fn new(found: &Metadata, _: &Path) -> Option<Self> {
        use std::os::unix::fs::{FileTypeExt, MetadataExt};
        let kind = found.file_type();
        let holds_data = kind.is_file() || kind.is_fifo();
        holds_data.then(|| Self::Inode { device: found.dev(), inode: found.ino() })
    }

    #[cfg(not(unix))]
    fn new(found: &Metadata, path: &Path) -> Option<Self> {
        path.canonicalize().ok().filter(|_| found.is_file()).map(Self::Path)
    }
}

#[cfg(unix)]
fn metadata_of(stream: impl std::os::fd::AsFd) -> Option<Metadata> {
    File::from(stream.as_fd().try_clone_to_owned().ok()?).metadata().ok()
}

#[cfg(unix)]
fn of_stream(stream: impl std::os::fd::AsFd) -> Option<FileIdentity> {
    FileIdentity::new(&metadata_of(stream)?, Path::new(""))
}

/// Whether a stream was redirected to or from a file.
#[cfg(unix)]
fn is_file(stream: impl std::os::fd::AsFd) -> bool {
    metadata_of(stream).is_some_and(|found| found.is_file())
}

#[cfg(not(unix))]
fn of_stream<S>(_: S) -> Option<FileIdentity> {
    None
}

#[cfg(not(unix))]
fn is_file<S>(_: S) -> bool {
    false
}

//! A model as a folder of files that others' programs take in.

use std::path::PathBuf;

/// A file of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderFile {
    /// Its path in the folder.
    pub name: PathBuf,
    /// Its contents.
    pub bytes: Vec<u8>,
}

impl FolderFile {
    pub(super) fn new(name: impl Into<PathBuf>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), bytes: bytes.into() }
    }
}

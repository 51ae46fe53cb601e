//! From a path, or none, to a reader or a writer of the right format.

use std::path::{Path, PathBuf};

use super::{Format, FrameReader, PoseInfo, PoseReader, PoseWriter};
use crate::error::{Error, Result};
use crate::skeleton::Layout;

/// Where a stream comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Standard input.
    Stdin,
    /// One file.
    File(PathBuf),
}

impl Source {
    /// The name that errors give the source: the path, or `<stdin>`.
    pub fn name(&self) -> &Path {
        match self {
            Self::Stdin => Path::new("<stdin>"),
            Self::File(path) => path,
        }
    }
}

/// Where a stream goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// One file, made new.
    File(PathBuf),
}

impl Target {
    /// The name that errors give the target: the path, or `<stdout>`.
    pub fn name(&self) -> &Path {
        match self {
            Self::Stdout => Path::new("<stdout>"),
            Self::File(path) => path,
        }
    }
}

/// Opens a 2D stream, in the format `from` or in the one that its content shows.
///
/// With a `layout`, it is the stream's layout whatever its header says, and every person is checked against it.
///
/// # Errors
/// A source that cannot be opened, holds nothing, or is in no known format.
pub fn open_reader(
    source: &Source,
    from: Option<Format>,
    layout: Option<&'static Layout>,
) -> Result<Box<dyn FrameReader>> {
    let _ = (from, layout);
    Err(Error::usage("not here yet").at(source.name()))
}

/// Opens a 3D stream in JSON Lines, as [`create_writer`]'s writers leave it.
///
/// # Errors
/// A source that cannot be opened, or is no 3D stream.
pub fn open_pose_reader(source: &Source) -> Result<Box<dyn PoseReader>> {
    Err(Error::usage("not here yet").at(source.name()))
}

/// Creates a 3D stream, in the format `to`, else in the one that the extension names, else (to stdout) JSON Lines.
///
/// # Errors
/// A target that cannot be made, an extension that names no format, arrays to stdout.
pub fn create_writer(target: &Target, to: Option<Format>, info: &PoseInfo) -> Result<Box<dyn PoseWriter>> {
    let _ = (to, info);
    Err(Error::usage("not here yet").at(target.name()))
}

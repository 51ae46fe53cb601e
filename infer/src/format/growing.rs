//! Inputs that another program is still writing: a stream in one file, or a file a frame.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use super::detector::{SequenceReader, is_frame_file, is_whole_frame, numbered_files};
use super::{FrameFiles, FrameReader, InputFormat, Source, StreamInfo, content};
use crate::error::{Error, Result};
use crate::pose::Frame;
use crate::skeleton::Layout;

/// Opens a 2D stream that comes from `input`, as [`super::open_reader`] opens one from a pipe; of one that ends before
/// anything came, there are no frames.
///
/// # Errors
/// As [`super::open_reader`].
pub fn open_stream(
    mut input: Box<dyn BufRead + Send>,
    name: &Path,
    from: Option<InputFormat>,
    layout: Option<&'static Layout>,
) -> Result<Box<dyn FrameReader>> {
    if input.fill_buf().map_err(|error| Error::io("cannot read", name, error))?.is_empty() {
        return Ok(Box::new(NoFrames(StreamInfo { layout, ..StreamInfo::default() })));
    }
    content::open(input, &Source::File(name.to_path_buf()), from, layout)
}

/// Opens a clip whose frames are files in `folder`, each read as soon as it is there.
///
/// # Errors
/// No file at all, or one in no known format of one frame a file.
pub fn open_frame_files(
    folder: &Path,
    mut files: Box<dyn FrameFiles>,
    from: Option<InputFormat>,
    layout: Option<&'static Layout>,
) -> Result<Box<dyn FrameReader>> {
    let Some(first) = files.next()? else {
        return Ok(Box::new(NoFrames(StreamInfo { layout, ..StreamInfo::default() })));
    };
    let files = Box::new(WithFirst { first: Some(first), rest: files });
    Ok(Box::new(SequenceReader::following(folder, files, from, layout)?))
}

/// The numbered files in a folder, those of one clip in a list of their own.
///
/// # Errors
/// A folder that cannot be listed.
pub fn frame_files_in(folder: &Path) -> Result<Vec<Vec<(u64, PathBuf)>>> {
    numbered_files(folder)
}

/// Whether `path`, a file of a frame, is written to its end.
pub fn is_frame_written(path: &Path) -> bool {
    is_whole_frame(path)
}

/// Whether `path` holds a frame of a clip whose other frames are files beside it.
pub fn holds_frame(path: &Path) -> bool {
    is_frame_file(path)
}

/// Files behind one that was taken from them.
struct WithFirst {
    first: Option<(u64, PathBuf)>,
    rest: Box<dyn FrameFiles>,
}

impl FrameFiles for WithFirst {
    fn next(&mut self) -> Result<Option<(u64, PathBuf)>> {
        match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => self.rest.next(),
        }
    }

    fn has_more(&mut self) -> bool {
        self.first.is_some() || self.rest.has_more()
    }
}

/// A stream that ended before its first frame.
struct NoFrames(StreamInfo);

impl FrameReader for NoFrames {
    fn info(&self) -> &StreamInfo {
        &self.0
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        Ok(None)
    }

    fn has_more(&mut self) -> bool {
        false
    }
}

//! How large an input may be that is read into memory whole, where its format can only be read so.
//!
//! A file that is packed may unpack to a thousand times its size, or without end. Key points as text are packed three to
//! twenty times, so that a file which unpacks to far more is no clip.

use std::io::{self, Read};
use std::path::Path;

use crate::error::{Error, Result};

/// Bytes that any input may have.
const ALWAYS: u64 = 64 << 20;
/// How many times its size a file may have beside that.
const MAX_RATIO: u64 = 40;
/// Bytes of an input whose size is not known, as of a pipe.
const MAX_PIPE_BYTES: u64 = 1 << 30;

/// The most bytes that the input called `name` may have.
pub(super) fn size_limit(name: &Path) -> u64 {
    match name.metadata() {
        Ok(found) if found.is_file() => ALWAYS.saturating_add(found.len().saturating_mul(MAX_RATIO)),
        _ => MAX_PIPE_BYTES,
    }
}

/// Returns an error if more bytes have come than the input called `name` may have.
///
/// # Errors
/// There are more than [`size_limit`].
pub(super) fn check_size_limit(bytes: usize, name: &Path) -> Result<()> {
    // The file is only asked where it matters.
    let is_too_much = bytes as u64 > ALWAYS && bytes as u64 > size_limit(name);
    if is_too_much { Err(too_much(name)) } else { Ok(()) }
}

/// All that is left of an input.
///
/// # Errors
/// It cannot be read, or there is more than [`size_limit`].
pub(super) fn read_whole(input: impl Read, name: &Path) -> Result<Vec<u8>> {
    let limit = size_limit(name);
    let mut bytes = Vec::new();
    input.take(limit + 1).read_to_end(&mut bytes).map_err(|e| Error::io("cannot read", name, e))?;
    if bytes.len() as u64 > limit { Err(too_much(name)) } else { Ok(bytes) }
}

/// All that is left of an input that holds one frame, or a few.
///
/// # Errors
/// It cannot be read, or is far longer than any frame.
pub(super) fn read_small(input: impl Read, name: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(ALWAYS + 1).read_to_end(&mut bytes).map_err(|e| Error::io("cannot read", name, e))?;
    if bytes.len() as u64 <= ALWAYS {
        return Ok(bytes);
    }
    Err(Error::input(format!("a file of a frame that is longer than {} MB", ALWAYS >> 20)).at(name))
}

fn too_much(name: &Path) -> Error {
    let limit = size_limit(name) >> 20;
    let error = Error::input(format!("more than {limit} MB that must be read at once")).at(name);
    match name.is_file() {
        true => error.hint(format!(
            "a packed file may unpack to {} MB and {MAX_RATIO} times its size: unpack it first",
            ALWAYS >> 20
        )),
        false => error.hint("give it as a file, or as JSON Lines, which are read line by line"),
    }
}

/// A reader that fails where there is more than [`size_limit`].
pub(super) struct LimitedReader<R> {
    input: R,
    limit: u64,
    left: u64,
}

impl<R: Read> LimitedReader<R> {
    /// Of the input called `name`.
    pub(super) fn new(input: R, name: &Path) -> Self {
        let limit = size_limit(name);
        Self { input, limit, left: limit }
    }
}

impl<R: Read> Read for LimitedReader<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let length = self.input.read(bytes)?;
        let left = self.left.checked_sub(length as u64);
        self.left = left.ok_or_else(|| {
            let complaint = format!("more than {} MB that must be read at once", self.limit >> 20);
            io::Error::new(io::ErrorKind::InvalidData, complaint)
        })?;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_grows_with_a_file_and_is_fixed_for_a_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json.gz");
        std::fs::write(&path, [0; 1000]).unwrap();
        let limit = (64 << 20) + 40_000;
        assert_eq!(size_limit(&path), limit);
        assert_eq!(size_limit(Path::new("<stdin>")), 1 << 30);
        let zeros = || std::io::repeat(0).take(limit + 1);
        assert_eq!(read_whole(zeros().take(limit), &path).unwrap().len() as u64, limit);
        let refused = read_whole(zeros(), &path).unwrap_err().to_string();
        assert!(refused.contains("a.json.gz: more than 64 MB that must be read at once"), "{refused}");
        assert!(
            check_size_limit(limit as usize + 1, &path).is_err() && check_size_limit(limit as usize, &path).is_ok()
        );
        assert!(io::copy(&mut LimitedReader::new(zeros(), &path), &mut io::sink()).is_err());
    }
}

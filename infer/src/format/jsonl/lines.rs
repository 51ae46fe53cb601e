//! Lines of a stream as they arrive, bounded in length.

use std::io::{BufRead, ErrorKind};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The longest line that is read, in bytes; a frame of a thousand people takes about one million.
const MAX_LINE: usize = 16 << 20;

/// One line without its end.
pub(super) struct Line<'a> {
    pub(super) text: &'a [u8],
    /// One-based.
    pub(super) number: u64,
    /// Whether a line end follows, so that the line is whole.
    pub(super) ended: bool,
}

/// The lines of a stream; blank ones are passed over.
pub(super) struct Lines {
    input: Box<dyn BufRead + Send>,
    name: PathBuf,
    buffer: Vec<u8>,
    number: u64,
    /// Whether `input` holds bytes that have not been looked at.
    has_rest: bool,
}

impl Lines {
    pub(super) fn new(input: Box<dyn BufRead + Send>, name: &Path) -> Self {
        Self { input, name: name.to_path_buf(), buffer: Vec::new(), number: 0, has_rest: false }
    }

    pub(super) fn name(&self) -> &Path {
        &self.name
    }

    /// The next line; returns as soon as its end has arrived.
    ///
    /// # Errors
    /// `BadInput` for a line that is too long: the next call goes on behind it. Otherwise the stream cannot be read.
    pub(super) fn next(&mut self) -> Result<Option<Line<'_>>> {
        loop {
            self.buffer.clear();
            self.number += 1;
            self.fill()?;
            if self.buffer.is_empty() {
                return Ok(None);
            }
            // Old editors end a text with control-Z, and logs that were cut are filled up with NUL.
            if self.buffer.iter().any(|byte| !byte.is_ascii_whitespace() && !matches!(byte, 0 | 0x1a)) {
                break;
            }
        }
        let ended = self.buffer.ends_with(b"\n");
        Ok(Some(Line { text: without_padding(self.buffer.trim_ascii_end()), number: self.number, ended }))
    }

    /// Whether a whole line is there already.
    pub(super) fn has_more(&mut self) -> bool {
        // With bytes left this is a look at them, and no reading.
        self.has_rest && self.input.fill_buf().is_ok_and(|rest| rest.contains(&b'\n'))
    }

    /// Appends to the buffer up to the end of the line, or of the stream.
    fn fill(&mut self) -> Result<()> {
        while !self.buffer.ends_with(b"\n") {
            if self.buffer.len() >= MAX_LINE {
                return self.pass_over_line();
            }
            let there = match self.input.fill_buf() {
                Ok(there) => there,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.unreadable(error)),
            };
            let mut rest = &there[..there.len().min(MAX_LINE - self.buffer.len())];
            let taken = rest.read_until(b'\n', &mut self.buffer).unwrap_or_default();
            self.has_rest = taken < there.len();
            self.input.consume(taken);
            if taken == 0 {
                break;
            }
        }
        Ok(())
    }

    #[cold]
    fn pass_over_line(&mut self) -> Result<()> {
        self.input.skip_until(b'\n').map_err(|e| self.unreadable(e))?;
        (self.buffer, self.has_rest) = (Vec::new(), false);
        let message = format!("the line is longer than {} MB, expected one frame a line", MAX_LINE >> 20);
        Err(Error::input(message).at(&self.name).line(self.number))
    }

    fn unreadable(&self, error: std::io::Error) -> Error {
        Error::io("cannot read", &self.name, error)
    }
}

/// A line without the marks of byte order that files begin with, which stand within one that several were joined to, and without the
/// NULs and control-Z that logs are filled up with.
fn without_padding(mut text: &[u8]) -> &[u8] {
    while let Some(rest) = text.strip_prefix(b"\xef\xbb\xbf").or_else(|| text.strip_prefix(b"\0")) {
        text = rest;
    }
    while let [rest @ .., 0 | 0x1a] = text {
        text = rest.trim_ascii_end();
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use std::io::{BufReader, Cursor, Read};

    fn lines(text: impl Into<Vec<u8>>) -> Lines {
        Lines::new(Box::new(Cursor::new(text.into())), Path::new("a.jsonl"))
    }

    #[test]
    fn tolerates_mark_carriage_returns_and_blanks() {
        let mut lines = lines("\u{feff}one\r\n\n  \r\ntwo \nthree\n\u{1a}\0\0");
        let mut seen = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            seen.push((String::from_utf8(line.text.to_vec()).unwrap(), line.number, line.ended));
        }
        assert_eq!(seen, [("one".into(), 1, true), ("two".into(), 4, true), ("three".into(), 5, true)]);
    }

    #[test]
    fn joined_and_padded_files_lose_no_line() {
        let mut lines = lines("\u{feff}\u{feff}one\0\0\r\n\u{feff}two\n\0\0\0three\x1a\n");
        let mut seen = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            seen.push(String::from_utf8(line.text.to_vec()).unwrap());
        }
        assert_eq!(seen, ["one", "two", "three"]);
    }

    #[test]
    fn goes_on_behind_a_line_that_is_too_long() {
        let endless = std::io::repeat(b'x').take(MAX_LINE as u64 * 2).chain(&b"\nnext\n"[..]);
        let mut lines = Lines::new(Box::new(BufReader::new(endless)), Path::new("a.jsonl"));
        let message = lines.next().map(|_| ()).unwrap_err().to_string();
        assert_eq!(message, "a.jsonl:1: the line is longer than 16 MB, expected one frame a line");
        let line = lines.next().unwrap().unwrap();
        assert_eq!((line.text, line.number), (&b"next"[..], 2));
    }
}

//! Text whose lines end in carriage returns alone, as Excel for the Macintosh and old programs write it.

use std::io::{self, BufRead, Read};
use std::path::Path;

use crate::error::{Error, Result};

/// `input` with line feeds for its carriage returns, where its beginning has no line feed.
///
/// # Errors
/// An input that cannot be read.
pub(super) fn with_line_feeds(mut input: Box<dyn BufRead + Send>, name: &Path) -> Result<Box<dyn BufRead + Send>> {
    let there = input.fill_buf().map_err(|e| Error::io("cannot read", name, e))?;
    // The line feed of a last carriage return may be still to come.
    let has_returns = there.iter().rev().skip(1).any(|byte| *byte == b'\r');
    if !has_returns || there.contains(&b'\n') {
        return Ok(input);
    }
    Ok(Box::new(LineFeeds { input, translated: Vec::new(), at: 0 }))
}

/// Hands on what `input` holds, with line feeds for carriage returns.
struct LineFeeds {
    input: Box<dyn BufRead + Send>,
    translated: Vec<u8>,
    /// How many of the translated bytes were taken.
    at: usize,
}

impl BufRead for LineFeeds {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.translated.len() {
            let there = self.input.fill_buf()?;
            let length = there.len();
            self.translated.clear();
            self.translated.extend(there.iter().map(|byte| if *byte == b'\r' { b'\n' } else { *byte }));
            self.input.consume(length);
            self.at = 0;
        }
        Ok(&self.translated[self.at..])
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount;
    }
}

impl Read for LineFeeds {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let there = self.fill_buf()?;
        let length = there.len().min(buffer.len());
        buffer[..length].copy_from_slice(&there[..length]);
        self.consume(length);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufReader, Cursor};

    fn read(text: &str, at_once: usize) -> String {
        let input = BufReader::with_capacity(at_once, Cursor::new(text.to_owned()));
        let mut all = String::new();
        with_line_feeds(Box::new(input), Path::new("a.csv")).unwrap().read_to_string(&mut all).unwrap();
        all
    }

    #[test]
    fn carriage_returns_alone_end_lines() {
        assert_eq!(read("a,b\r1,2\r3,4\r", 8), "a,b\n1,2\n3,4\n");
        for same in ["a\r\nb\r\n", "a\nb", "a", "", "a\r"] {
            assert_eq!(read(same, 100), same);
        }
        assert_eq!(read("ab\r\nc", 3), "ab\r\nc");
    }
}

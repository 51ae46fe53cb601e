//! The lines of a stream as they arrive, bounded in length, and a scanner over one line of JSON that stops where the line
//! stops being what was expected.
//!
//! Reading straight into our types is several times as fast as a general
//! parser, and knows what it wanted when it says what it found. The tests
//! hold it to `serde_json`.

use std::io::{BufRead, ErrorKind};
use std::path::{Path, PathBuf};

use super::number::read_f64;
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
        self.buffer = Vec::new();
        self.has_rest = false;
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

/// A complaint without its place; boxed, as results of numbers must stay small to be fast.
pub(super) type Fault = Box<Error>;
/// What scanning yields.
pub(super) type Scan<T> = std::result::Result<T, Fault>;

/// How deeply values that are skipped may be nested.
const MAX_DEPTH: usize = 64;

/// A complaint about the input.
#[cold]
pub(super) fn fault<T>(message: impl Into<String>) -> Scan<T> {
    Err(Box::new(Error::input(message)))
}

/// A place in one line.
pub(super) struct Scanner<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(line: &'a [u8]) -> Self {
        Self { line, at: 0 }
    }

    /// Whether the line has been read to its very end.
    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.line.len()
    }

    /// What has not been read yet.
    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.line[self.at..]
    }

    /// Passes over `length` bytes that were read elsewhere.
    #[inline]
    pub(super) fn pass_over(&mut self, length: usize) {
        self.at += length;
    }

    /// The next byte that is no white space.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        match self.line.get(self.at) {
            Some(byte) if *byte > b' ' => Some(*byte),
            _ => self.peek_behind_space(),
        }
    }

    #[cold]
    fn peek_behind_space(&mut self) -> Option<u8> {
        let rest = &self.line[self.at..];
        let space = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count();
        self.at += space;
        rest.get(space).copied()
    }

    /// The first byte in the list that begins here; `None` where none does.
    pub(super) fn peek_in_list(&mut self) -> Option<u8> {
        if self.peek() != Some(b'[') {
            return None;
        }
        self.rest()[1..].iter().find(|byte| !byte.is_ascii_whitespace()).copied()
    }

    #[inline]
    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    #[inline]
    fn expect(&mut self, byte: u8, expected: &str) -> Scan<()> {
        if self.take(byte) { Ok(()) } else { self.unexpected(expected) }
    }

    /// Says what stands here instead of `expected`.
    #[cold]
    pub(super) fn unexpected<T>(&mut self, expected: &str) -> Scan<T> {
        let found = match self.peek() {
            None => return fault(format!("the line ends where {expected} should stand")),
            Some(b'"') => "a string".to_owned(),
            Some(b'{') => "an object".to_owned(),
            Some(b'[') => "a list".to_owned(),
            Some(b'0'..=b'9' | b'-') => "a number".to_owned(),
            Some(b't' | b'f') => "a truth value".to_owned(),
            Some(b'n') => "null".to_owned(),
            Some(byte) if byte.is_ascii_graphic() => format!("'{}'", byte as char),
            Some(byte) => format!("byte {byte:#04x}"),
        };
        fault(format!("column {}: found {found}, expected {expected}", self.at + 1))
    }

    /// Nothing but white space may be left.
    pub(super) fn end(&mut self) -> Scan<()> {
        if self.peek().is_none() { Ok(()) } else { self.unexpected("the end of the line") }
    }

    /// Calls `field` with each key (as written, escapes and all), standing at its value, which it must consume.
    #[inline]
    pub(super) fn object(&mut self, mut field: impl FnMut(&mut Self, &'a [u8]) -> Scan<()>) -> Scan<()> {
        self.expect(b'{', "an object")?;
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            let key = self.string()?;
            self.expect(b':', "':'")?;
            field(self, key)?;
            if !self.take(b',') {
                return self.expect(b'}', "',' or '}'");
            }
        }
    }

    /// Calls `element` with each position, standing at its value, which it must consume.
    #[inline]
    pub(super) fn list(&mut self, mut element: impl FnMut(&mut Self, usize) -> Scan<()>) -> Scan<()> {
        self.expect(b'[', "a list")?;
        if self.take(b']') {
            return Ok(());
        }
        for position in 0.. {
            element(self, position)?;
            if !self.take(b',') {
                return self.expect(b']', "',' or ']'");
            }
        }
        Ok(())
    }

    /// Up to three numbers in a list, and how many there were.
    #[inline]
    pub(super) fn triple(&mut self) -> Scan<([f64; 3], usize)> {
        let mut numbers = [0.0; 3];
        let mut count = 0;
        self.expect(b'[', "a list")?;
        if self.take(b']') {
            return Ok((numbers, count));
        }
        loop {
            let number = self.coordinate()?;
            if let Some(slot) = numbers.get_mut(count) {
                *slot = number;
            }
            count += 1;
            if !self.take(b',') {
                self.expect(b']', "',' or ']'")?;
                return Ok((numbers, count));
            }
        }
    }

    /// A number, or what stands for none: `null`, and the `NaN`, `Infinity` and `-Infinity` that Python writes.
    #[inline]
    pub(super) fn coordinate(&mut self) -> Scan<f64> {
        self.peek();
        match read_f64(&self.line[self.at..]) {
            Some((number, length)) => {
                self.at += length;
                Ok(number)
            }
            None if self.no_number() => Ok(f64::NAN),
            None => self.unexpected("a number"),
        }
    }

    /// A number that is there, or `null`; one that is beyond all that f64 holds is not there either.
    pub(super) fn optional_f64(&mut self) -> Scan<Option<f64>> {
        self.peek();
        match read_f64(&self.line[self.at..]) {
            Some((number, length)) => {
                self.at += length;
                Ok(Some(number).filter(|number| number.is_finite()))
            }
            None if self.no_number() => Ok(None),
            None => self.unexpected("a number"),
        }
    }

    /// An integer.
    pub(super) fn integer(&mut self, what: &str) -> Scan<i64> {
        self.peek();
        let rest = &self.line[self.at..];
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'-').count();
        let goes_on = matches!(rest.get(length), Some(b'.' | b'e' | b'E'));
        match std::str::from_utf8(&rest[..length]).unwrap_or_default().parse() {
            Ok(integer) if !goes_on => {
                self.at += length;
                Ok(integer)
            }
            _ if length > 0 => {
                let number = rest.iter().take_while(|byte| !b" ,]}".contains(byte)).take(32).copied().collect();
                let number = String::from_utf8(number).unwrap_or_default();
                fault(format!("column {}: found {number}, expected {what}", self.at + 1))
            }
            _ => self.unexpected(what),
        }
    }

    /// A truth value.
    pub(super) fn boolean(&mut self) -> Scan<bool> {
        self.peek();
        if self.word(b"true") {
            return Ok(true);
        }
        if self.word(b"false") { Ok(false) } else { self.unexpected("true or false") }
    }

    /// Takes a `null`, if one stands here.
    pub(super) fn null(&mut self) -> bool {
        self.peek();
        self.word(b"null")
    }

    /// The bytes between two quotes, escapes left as they are.
    #[inline]
    pub(super) fn string(&mut self) -> Scan<&'a [u8]> {
        self.expect(b'"', "a string")?;
        let start = self.at;
        while let Some(byte) = self.line.get(self.at) {
            match byte {
                b'"' => {
                    self.at += 1;
                    return Ok(&self.line[start..self.at - 1]);
                }
                b'\\' => self.at += 2,
                0..=0x1f => return fault(format!("column {}: a control character in a string", self.at + 1)),
                _ => self.at += 1,
            }
        }
        self.at = self.line.len();
        fault("the line ends inside a string")
    }

    /// Passes over a value of any kind.
    pub(super) fn skip(&mut self) -> Scan<()> {
        self.skip_nested(MAX_DEPTH)
    }

    fn skip_nested(&mut self, depth: usize) -> Scan<()> {
        if depth == 0 {
            return fault(format!("column {}: values nested more than {MAX_DEPTH} deep", self.at + 1));
        }
        match self.peek() {
            Some(b'{') => self.object(|scanner, _| scanner.skip_nested(depth - 1)),
            Some(b'[') => self.list(|scanner, _| scanner.skip_nested(depth - 1)),
            Some(b'"') => self.string().map(drop),
            _ if self.word(b"true") || self.word(b"false") => Ok(()),
            _ => self.optional_f64().map(drop),
        }
    }

    /// Takes a word that stands in the place of a number, if one stands here.
    fn no_number(&mut self) -> bool {
        for word in [&b"null"[..], b"NaN", b"Infinity", b"-Infinity"] {
            if self.word(word) {
                return true;
            }
        }
        false
    }

    fn word(&mut self, word: &[u8]) -> bool {
        let found = self.line[self.at..].starts_with(word);
        self.at += if found { word.len() } else { 0 };
        found
    }
}

#[cfg(test)]
mod tests;

//! A scanner over one line of JSON that stops where the line stops being what was expected.
//!
//! Reading straight into our types is several times as fast as a general
//! parser, and knows what it wanted when it says what it found. The tests
//! hold it to `serde_json`.

use super::number::read_f64;
use crate::error::Error;

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
        let (mut numbers, mut count) = ([0.0; 3], 0);
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

    fn no_number(&mut self) -> bool {
        [&b"null"[..], b"NaN", b"Infinity", b"-Infinity"].into_iter().any(|word| self.word(word))
    }

    fn word(&mut self, word: &[u8]) -> bool {
        let found = self.line[self.at..].starts_with(word);
        self.at += if found { word.len() } else { 0 };
        found
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn skips(text: &[u8]) -> bool {
        let mut scanner = Scanner::new(text);
        scanner.skip().and_then(|()| scanner.end()).is_ok()
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e300..1e300).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn skips_whatever_is_json(value in any_value()) {
            prop_assert!(skips(value.to_string().as_bytes()));
            prop_assert!(skips(serde_json::to_string_pretty(&value).unwrap().as_bytes()));
        }

        /// What is skipped is JSON, but for escapes and Unicode, which are not looked into.
        #[test]
        fn skips_nothing_else(text in "[\\[\\]{}:,\" a0-9.eE+-]{0,12}|(\\[|\\]|\\{|\\}|:|,|\"a\"|1|null|true|nul){0,9}") {
            prop_assert_eq!(skips(text.as_bytes()), serde_json::from_str::<Value>(&text).is_ok(), "{}", text);
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            skips(&bytes);
        }
    }

    #[test]
    fn a_nesting_bomb_is_refused() {
        assert!(!skips("[".repeat(100_000).as_bytes()));
    }

    #[test]
    fn a_number_beyond_f64_is_none() {
        for (text, expected) in [("1e400", None), ("-1e999,", None), ("null", None), ("-0.25}", Some(-0.25))] {
            assert_eq!(Scanner::new(text.as_bytes()).optional_f64().map_err(|e| e.to_string()), Ok(expected), "{text}");
        }
    }

    #[test]
    fn integers_are_whole() {
        let read = |text: &str| Scanner::new(text.as_bytes()).integer("an integer").map_err(|e| e.to_string());
        assert_eq!(read(" -12,"), Ok(-12));
        for text in ["1.5", "1e3", "99999999999999999999", "--1", "\"7\"", ""] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}

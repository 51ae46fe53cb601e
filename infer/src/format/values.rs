//! JSON value by value, whatever the lines: a value is handed over as soon as its end has arrived.

use std::io::{BufRead, ErrorKind};
use std::path::{Path, PathBuf};

use super::size_limit::check_size_limit;
use crate::error::{Error, Result};

/// The longest value that is read: detectors put a whole clip into one.
const MAX_VALUE: usize = 1 << 30;

/// One value as text that every JSON parser takes, and where it begins.
#[derive(Debug)]
pub(super) struct Value {
    /// `NaN`, `None` and infinities, which Python and C++ write, are `null` here.
    pub(super) text: Vec<u8>,
    /// One-based.
    pub(super) line: u64,
    /// Whether the input ends within it; then `text` is what of its frames is whole, if any is.
    pub(super) is_cut_off: bool,
}

/// The values of a stream; white space, commas, NUL and control-Z between them are passed over.
pub(super) struct Values {
    input: Box<dyn BufRead + Send>,
    name: PathBuf,
    line: u64,
    /// Whether `input` holds bytes that have not been looked at.
    has_rest: bool,
}

/// Where in a value the reader stands.
#[derive(Default)]
struct Progress {
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// A number or a word in the making, outside of any list or object.
    bare: bool,
}

impl Values {
    pub(super) fn new(input: Box<dyn BufRead + Send>, name: &Path) -> Self {
        Self { input, name: name.to_path_buf(), line: 1, has_rest: false }
    }

    pub(super) fn name(&self) -> &Path {
        &self.name
    }

    /// Whether a line of more is there already, so that reading it will not wait.
    pub(super) fn has_more(&mut self) -> bool {
        // With bytes left this is a look at them, and no reading.
        self.has_rest && self.input.fill_buf().is_ok_and(|rest| rest.trim_ascii_start().contains(&b'\n'))
    }

    /// Whether the line ends right behind the value that was read.
    pub(super) fn has_line_end(&mut self) -> bool {
        self.has_rest && self.input.fill_buf().is_ok_and(|rest| rest.starts_with(b"\n") || rest.starts_with(b"\r\n"))
    }

    /// All that is left, as it is.
    pub(super) fn into_rest(self) -> Box<dyn BufRead + Send> {
        self.input
    }

    /// The next value; of one that the input ends within the elements that are whole, else all of it.
    ///
    /// # Errors
    /// An input that cannot be read, or a value longer than 1 GiB.
    pub(super) fn next(&mut self) -> Result<Option<Value>> {
        self.pass_over_space()?;
        let mut value = Value { text: Vec::new(), line: self.line, is_cut_off: false };
        let mut progress = Progress::default();
        loop {
            let there = match self.input.fill_buf() {
                Ok(there) => there,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(Error::io("cannot read", &self.name, error)),
            };
            if there.is_empty() {
                break;
            }
            let (taken, ended) = take(there, &mut value.text, &mut progress);
            self.line += there[..taken].iter().filter(|byte| **byte == b'\n').count() as u64;
            self.has_rest = taken < there.len();
            self.input.consume(taken);
            if ended {
                return Ok(Some(value));
            }
            check_size_limit(value.text.len(), &self.name)?;
            if value.text.len() > MAX_VALUE {
                return Err(Error::input(format!("a JSON value of more than {} GiB", MAX_VALUE >> 30)).at(&self.name));
            }
        }
        if value.text.is_empty() {
            return Ok(None);
        }
        value.is_cut_off = progress.depth > 0 && keep_whole_elements(&mut value.text);
        Ok(Some(value))
    }

    fn pass_over_space(&mut self) -> Result<()> {
        loop {
            let there = match self.input.fill_buf() {
                Ok(there) => there,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(Error::io("cannot read", &self.name, error)),
            };
            let space = there.iter().take_while(|byte| is_between_values(**byte)).count();
            let is_all = space == there.len() && space > 0;
            self.line += there[..space].iter().filter(|byte| **byte == b'\n').count() as u64;
            self.input.consume(space);
            if !is_all {
                return Ok(());
            }
        }
    }
}

/// Whether a byte may stand between two values; those of a byte order mark may.
fn is_between_values(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b',' | 0 | 0x1a | 0xef | 0xbb | 0xbf)
}

/// The keys of lists of frames, or of people who say theirs.
const LISTS: [&str; 5] = ["frames", "annotations", "instance_info", "predictions", "data"];

/// Closes a value that is cut off behind the last whole element of its list, or of a list of frames in it; false where no element is whole.
fn keep_whole_elements(text: &mut Vec<u8>) -> bool {
    let mut open = Vec::new();
    let mut in_string = false;
    let mut escaped = false;
    // Where the last string begins.
    let mut string = 0;
    // Whether the list at the second level is one of frames.
    let mut is_of_frames = false;
    // Whether the byte before, spaces aside, closes a list or an object.
    let mut is_closed = false;
    // Behind which byte the last whole elements of a list at the first and the second level end, and what closes them there.
    let mut ends: [Option<(usize, Vec<u8>)>; 2] = [None, None];
    for (at, byte) in text.iter().enumerate() {
        if in_string {
            in_string = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
            continue;
        }
        match byte {
            b'"' => {
                in_string = true;
                string = at + 1;
            }
            b'[' => {
                if open.len() == 1 {
                    is_of_frames = open[0] == b'}' && begins_with_key_of_list(&text[string..at]);
                }
                open.push(b']');
            }
            b'{' => open.push(b'}'),
            b']' | b'}' => drop(open.pop()),
            b',' if is_closed && open.last() == Some(&b']') => {
                if let Some(end) = ends.get_mut(open.len() - 1).filter(|_| open.len() == 1 || is_of_frames) {
                    *end = Some((at, open.iter().rev().copied().collect()));
                }
            }
            _ => {}
        }
        is_closed = matches!(byte, b']' | b'}') || is_closed && byte.is_ascii_whitespace();
    }
    let Some((end, closers)) = ends.into_iter().flatten().next() else { return false };
    text.truncate(end);
    text.extend(closers);
    true
}

/// Whether the key of a list of frames stands at the beginning, and the quote that ends it.
fn begins_with_key_of_list(text: &[u8]) -> bool {
    LISTS.iter().any(|list| text.starts_with(format!("{list}\"").as_bytes()))
}

/// A JSON value with `null` for the `NaN`, `None` and infinities that Python and C++ write.
pub(super) fn without_nan(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len());
    let (taken, _) = take(bytes, &mut text, &mut Progress::default());
    text.extend_from_slice(&bytes[taken..]);
    text
}

/// Takes what belongs to the value out of `there`: how many bytes, and whether it has ended.
fn take(there: &[u8], text: &mut Vec<u8>, progress: &mut Progress) -> (usize, bool) {
    let mut copied = 0;
    for (at, byte) in there.iter().enumerate() {
        if progress.in_string {
            match byte {
                _ if progress.escaped => progress.escaped = false,
                b'\\' => progress.escaped = true,
                b'"' => {
                    progress.in_string = false;
                    if progress.depth == 0 {
                        text.extend_from_slice(&there[copied..=at]);
                        return (at + 1, true);
                    }
                }
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => progress.in_string = true,
            b'{' | b'[' => progress.depth += 1,
            b'}' | b']' => {
                progress.depth = progress.depth.saturating_sub(1);
                if progress.depth == 0 {
                    text.extend_from_slice(&there[copied..=at]);
                    return (at + 1, true);
                }
            }
            _ if progress.depth > 0 => {}
            b' ' | b'\t' | b'\r' | b'\n' | b',' if progress.bare => {
                text.extend_from_slice(&there[copied..at]);
                return (at, true);
            }
            _ => progress.bare = true,
        }
        // The words that JSON does not have, by their last letters; of JSON's own, true and false end in one of these.
        if matches!(byte, b'N' | b'y' | b'n' | b'f' | b'e') {
            text.extend_from_slice(&there[copied..=at]);
            copied = at + 1;
            for word in [&b"NaN"[..], b"-Infinity", b"Infinity", b"-nan", b"nan", b"None", b"-inf", b"inf"] {
                if text.ends_with(word) {
                    text.truncate(text.len() - word.len());
                    text.extend_from_slice(b"null");
                    break;
                }
            }
        }
    }
    text.extend_from_slice(&there[copied..]);
    (there.len(), false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::{BufReader, Cursor};

    fn values(text: &[u8], at_once: usize) -> Vec<(String, u64)> {
        let input = BufReader::with_capacity(at_once, Cursor::new(text.to_vec()));
        let mut values = Values::new(Box::new(input), Path::new("x.json"));
        let next = || values.next().unwrap().map(|value| (String::from_utf8(value.text).unwrap(), value.line));
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn values_end_where_they_end() {
        let text =
            b"\xef\xbb\xbf{\"a\": [1, \"}\\\"]\"],\n \"b\": NaN}\n\n[\n-Infinity,Infinity]{} \"NaN\" 12,\n3\0\x1a\n";
        let expected = [
            ("{\"a\": [1, \"}\\\"]\"],\n \"b\": null}", 1),
            ("[\nnull,null]", 4),
            ("{}", 5),
            ("\"NaN\"", 5),
            ("12", 5),
            ("3\0\x1a", 6),
        ];
        for at_once in [1, 2, 3, 7, 1000] {
            let found = values(text, at_once);
            assert_eq!(found.iter().map(|(text, line)| (text.as_str(), *line)).collect::<Vec<_>>(), expected);
        }
        assert_eq!(values(b"[1, 2", 3), [("[1, 2".into(), 1)]);
        let words = b"[nan,-nan,None,inf,-inf,true,false,null]";
        for at_once in [1, 2, 100] {
            let found = values(words, at_once);
            assert_eq!(found, [("[null,null,null,null,null,true,false,null]".to_owned(), 1)]);
        }
    }

    #[test]
    fn of_a_value_that_is_cut_off_whole_elements_are_kept() {
        for (text, kept) in [
            ("[{\"a\":[1,2]}, {\"a\":[3,4]} ,\n{\"a\":[5,", Some("[{\"a\":[1,2]}, {\"a\":[3,4]} ]")),
            ("{\"v\":1,\"frames\":[{\"a\":\"],\"},{\"a\":", Some("{\"v\":1,\"frames\":[{\"a\":\"],\"}]}")),
            ("[[{\"a\":1}],[{\"a\":2},{", Some("[[{\"a\":1}]]")),
            ("[{\"a\":[[1,2],[3,", None),
            ("{\"people\":[{\"a\":1},{\"a\":", None),
            ("[[{\"a\":1},{\"a\":", None),
            ("{\"a\":[1,2,3", None),
            ("[1,2,3", None),
        ] {
            let mut values = Values::new(Box::new(Cursor::new(text.to_owned())), Path::new("x.json"));
            let value = values.next().unwrap().unwrap();
            let found = String::from_utf8(value.text).unwrap();
            assert_eq!((found.as_str(), value.is_cut_off), (kept.unwrap_or(text), kept.is_some()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..60), at_once in 1usize..9) {
            let input = BufReader::with_capacity(at_once, Cursor::new(bytes));
            let mut values = Values::new(Box::new(input), Path::new("x.json"));
            while values.next().unwrap().is_some() {}
        }
    }
}

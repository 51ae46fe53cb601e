//! Text files of motion capture by line and word, and the errors for words that do not fit.

use std::path::Path;

use poselift::error::{Error, Result};

/// The text of the file at `path`.
///
/// Names in encodings other than UTF-8 occur; the numbers are ASCII in all of them.
///
/// # Errors
/// The file does not exist or may not be read.
pub(super) fn text_of(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(|e| Error::io("cannot read", path, e))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The lines of a file with their one-based numbers, without blank ones.
pub(super) struct Lines<'a> {
    rest: std::iter::Enumerate<std::str::Lines<'a>>,
}

impl<'a> Lines<'a> {
    /// All of `text`.
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text.lines().enumerate() }
    }

    /// The next line that is not blank, trimmed, after its number.
    pub(super) fn next_filled(&mut self) -> Option<(u64, &'a str)> {
        self.rest.by_ref().map(|(index, line)| (index as u64 + 1, line.trim())).find(|(_, line)| !line.is_empty())
    }

    /// As [`Self::next_filled`].
    ///
    /// # Errors
    /// The file ends where `what` should stand.
    pub(super) fn expect(&mut self, what: &str) -> Result<(u64, &'a str)> {
        self.next_filled().ok_or_else(|| {
            Error::input(format!("the file ends here, expected {what}")).hint("the file seems to be cut off")
        })
    }
}

/// The number that `word` spells.
///
/// # Errors
/// It is not a number.
pub(super) fn number(word: &str) -> Result<f64> {
    word.parse().map_err(|_| Error::input(format!("found '{}', expected a number", shorten(word))))
}

/// At most 40 characters of what was found, so that a binary file gives a readable message.
pub(super) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

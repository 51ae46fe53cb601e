//! What is wrong with a model file: the place, what was found there and what was expected.

use std::fmt;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of a model file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The part of the file: `the model's card`, `node 3`, `input.weight`.
    pub place: String,
    /// What was found there, with its verb: `has schema 2`.
    pub found: String,
    /// What was expected instead, where one thing was.
    pub expected: Option<String>,
    /// What the user can do about it, where there is something.
    pub hint: Option<String>,
}

impl Error {
    /// `place` `found`, expected `expected`.
    pub fn new(place: impl Into<String>, found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { place: place.into(), found: found.into(), expected: Some(expected.into()), hint: None }
    }

    /// `place` `found`.
    pub(crate) fn at(place: impl Into<String>, found: impl Into<String>) -> Self {
        Self { place: place.into(), found: found.into(), expected: None, hint: None }
    }

    /// The same with what the user can do about it.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.place, self.found)?;
        match &self.expected {
            Some(expected) => write!(f, ", expected {expected}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

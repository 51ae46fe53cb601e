//! Errors: the place, what was found and expected, and a hint.
//!
//! One type serves both programs: a message with what was found and what was expected, the place, and a hint if the
//! user can do something. `main.rs` prints it and turns it into an exit code; nothing below prints.

use std::fmt;
use std::path::{Path, PathBuf};

use ndarray::ShapeError;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A place in a user's input: a file or stream, and within it a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The file, or `<stdin>`.
    pub path: Option<PathBuf>,
    /// One-based line number of a text file.
    pub line: Option<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{}", path.display())?;
        }
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        Ok(())
    }
}

/// The coarse class of an [`Error`], for callers that react to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Input that does not match its format or the model.
    BadInput,
    /// An option or a combination of options that is not possible.
    BadUsage,
    /// A model file that is not one of ours, or that does not fit its card.
    BadModel,
    /// A native library or a device that is missing or unusable.
    Runtime,
    /// The operating system refused: no such file, disk full, no permission.
    Io,
    /// The reader of our output is closed; by convention this is success.
    BrokenPipe,
}

/// An error with its place and, where there is something to do, a hint.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    place: Place,
    hint: Option<String>,
}

impl Error {
    /// A new error of `kind`; the message says what was found and what was expected.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), place: Place::default(), hint: None }
    }

    /// Shorthand for [`ErrorKind::BadInput`].
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadInput, message)
    }

    /// Shorthand for [`ErrorKind::BadUsage`].
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadUsage, message)
    }

    /// Shorthand for [`ErrorKind::BadModel`].
    pub fn model(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadModel, message)
    }

    /// Shorthand for [`ErrorKind::Runtime`].
    pub fn runtime(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Runtime, message)
    }

    /// An operating-system error met while doing `action` ("cannot read", "cannot write") on `path`.
    pub fn io(action: &str, path: &Path, source: std::io::Error) -> Self {
        let kind = Self::from(source.kind()).kind;
        let folder = path.parent().filter(|_| source.kind() == std::io::ErrorKind::NotFound);
        let cause = match folder.filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
            Some(folder) => format!("there is no folder {}", folder.display()),
            None => source.to_string(),
        };
        Self::new(kind, format!("{action}: {cause}")).at(path)
    }

    /// Names the file (or `<stdin>`); an inner place that is already known wins.
    #[must_use]
    pub fn at(mut self, path: impl AsRef<Path>) -> Self {
        self.place.path.get_or_insert_with(|| path.as_ref().to_path_buf());
        self
    }

    /// Names the one-based line; an inner place that is already known wins.
    #[must_use]
    pub fn line(mut self, line: u64) -> Self {
        self.place.line.get_or_insert(line);
        self
    }

    /// Adds a hint for the user; printed on a separate line.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The class of this error.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The place, as far as it is known.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The hint for the user, if there is one.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The message to a client: `{"error":"…"}`, with a `hint` if there is one.
    #[cfg(feature = "live")]
    pub(crate) fn to_json(&self) -> String {
        let mut answer = serde_json::json!({ "error": self.to_string() });
        if let Some(hint) = self.hint_text() {
            answer["hint"] = hint.into();
        }
        answer.to_string()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place != Place::default() {
            write!(f, "{}: ", self.place)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<poselift_onnx::Error> for Error {
    fn from(source: poselift_onnx::Error) -> Self {
        let error = Self::model(source.to_string());
        match source.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

impl From<ShapeError> for Error {
    fn from(source: ShapeError) -> Self {
        Self::input(source.to_string())
    }
}

impl From<std::io::ErrorKind> for Error {
    fn from(kind: std::io::ErrorKind) -> Self {
        Self::from(std::io::Error::from(kind))
    }
}

impl From<std::io::Error> for Error {
    fn from(source: std::io::Error) -> Self {
        let kind = match source.kind() {
            std::io::ErrorKind::BrokenPipe => ErrorKind::BrokenPipe,
            _ => ErrorKind::Io,
        };
        Self::new(kind, source.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_place_then_message() {
        let error = Error::input("keypoint 5 has 2 numbers, expected 3 (x, y, score)").line(17).at("clip.jsonl");
        assert_eq!(error.to_string(), "clip.jsonl:17: keypoint 5 has 2 numbers, expected 3 (x, y, score)");
    }

    #[test]
    fn the_innermost_place_wins() {
        let error = Error::input("x").at("inner").at("outer").line(1).line(2);
        assert_eq!(error.place(), &Place { path: Some("inner".into()), line: Some(1) });
    }

    #[test]
    fn a_broken_pipe_keeps_its_kind() {
        let error = Error::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }
}

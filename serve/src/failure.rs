//! Why a request has no answer, in the words of both protocols.

use std::fmt;
use std::time::Duration;

/// The class of a [`Failure`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The request is not one that the model, or the protocol, takes.
    BadRequest,
    /// No such model, version or path.
    NotFound,
    /// The body, or a message, is longer than allowed.
    TooLarge,
    /// No token, or one that is not known.
    Unauthorised,
    /// A web page of a site that is not allowed.
    Forbidden,
    /// As many requests wait as may wait; worth another try after that time.
    Full(Duration),
    /// The request's time was over before it was answered.
    Late,
    /// The server ends, or is not ready yet.
    Unavailable,
    /// The model failed.
    Broken,
}

/// Why a request has no answer: what was found, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its class.
    pub kind: FailureKind,
    /// What the client is told.
    pub message: String,
}

impl Failure {
    /// A failure of `kind`.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Shorthand for [`FailureKind::BadRequest`].
    pub fn request(message: impl Into<String>) -> Self {
        Self::new(FailureKind::BadRequest, message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

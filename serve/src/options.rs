//! How a server is set up.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::tls::TlsFiles;

/// How a server is set up.
#[derive(Clone)]
pub struct Options {
    /// What clients are told that it is.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Addresses, `HOST:PORT`; each takes HTTP/1 and HTTP/2.
    pub listen: Vec<String>,
    /// Bearer tokens, of which clients must have one; none: all may ask.
    pub tokens: Vec<String>,
    /// Whether pages of a site may open a stream. Programs always may.
    pub allows_origin: OriginCheck,
    /// Encrypts connections.
    pub tls: Option<TlsFiles>,
    /// A folder of models, and how often it is looked at.
    pub folder: Option<(PathBuf, Duration)>,
    /// The collector that traces are sent to, `http://HOST:PORT`.
    pub otlp: Option<String>,
    /// What is too much.
    pub limits: Limits,
}

/// Tells whether pages of a site, as a browser names it (`http://localhost:5173`, `null`), are welcome.
pub type OriginCheck = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// What is too much.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most bytes that a body, or a message, may have.
    pub max_body_bytes: usize,
    /// Time of a request.
    pub timeout: Duration,
    /// Time that requests have to end after the server was told to.
    pub drain: Duration,
    /// Connections at the same time.
    pub connections: usize,
    /// Streams at the same time; each has a thread.
    pub streams: usize,
}

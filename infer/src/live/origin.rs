//! Web pages that may connect, by their origin.
//!
//! A browser lets a page of any site open a WebSocket to any address, 127.0.0.1 too; it only says where the page is
//! from, in the header `Origin`. So that no site that the user happens to visit feeds or reads a live program, pages
//! are refused unless their origin is allowed. Programs send no such header.

use std::str::FromStr;

use tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response};
use tungstenite::http::StatusCode;

use crate::error::{Error, Result};

/// The origin of web pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Any site.
    Any,
    /// One site as its browser names it: `https://example.org`, `http://localhost:5173`, or `null` for a file.
    Site(String),
}

impl FromStr for Origin {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let site = text.trim_end_matches('/').to_ascii_lowercase();
        let host = site.split_once("://").filter(|(scheme, _)| !scheme.is_empty()).map(|(_, host)| host);
        let is_site = host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@']));
        if site == "null" || site == "file:" || is_site {
            // A browser names a file `file://` or `null`, and both mean any file.
            return Ok(Self::Site(if site == "file:" { "null".to_owned() } else { site }));
        }
        Err(Error::usage(format!("'{text}' is no origin, expected like http://localhost:5173, null for files, or *")))
    }
}

impl Origin {
    /// Whether a page that comes from `origin`, as its browser names it, is of this one.
    pub fn holds(&self, origin: &str) -> bool {
        let origin = if origin == "file://" { "null" } else { origin };
        match self {
            Self::Any => true,
            Self::Site(site) => site.eq_ignore_ascii_case(origin),
        }
    }

    /// Whether a page that comes from `origin` is of one of the `allowed` ones.
    pub(crate) fn is_among(origin: &str, allowed: &[Self]) -> bool {
        allowed.iter().any(|allowed| allowed.holds(origin))
    }
}

/// Answers a request to open a connection: a page of none of these origins is refused.
pub(super) struct Gate<'a>(pub(super) &'a [Origin]);

impl Callback for Gate<'_> {
    fn on_request(self, request: &Request, response: Response) -> Result<Response, ErrorResponse> {
        let Some(origin) = request.headers().get("Origin") else { return Ok(response) };
        if origin.to_str().is_ok_and(|origin| Origin::is_among(origin, self.0)) {
            return Ok(response);
        }
        let name = String::from_utf8_lossy(origin.as_bytes()).escape_debug().to_string();
        let mut refusal = ErrorResponse::new(Some(format!("a web page of {name}: give --allow-origin {name}")));
        *refusal.status_mut() = StatusCode::FORBIDDEN;
        Err(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_let_in(allowed: &[&str], origin: Option<&str>) -> bool {
        let allowed: Vec<Origin> = allowed.iter().map(|text| text.parse().unwrap()).collect();
        let mut request = Request::new(());
        if let Some(origin) = origin {
            request.headers_mut().insert("Origin", origin.parse().unwrap());
        }
        Gate(&allowed).on_request(&request, Response::new(())).is_ok()
    }

    #[test]
    fn pages_are_let_in_by_their_origin_and_programs_always() {
        let local = "http://localhost:5173";
        assert!(is_let_in(&[], None));
        assert!(!is_let_in(&[], Some(local)) && !is_let_in(&[], Some("null")));
        assert!(is_let_in(&[local], Some(local)) && is_let_in(&["HTTP://LOCALHOST:5173/"], Some(local)));
        for other in ["http://localhost", "http://localhost:51730", "https://localhost:5173", "null", ""] {
            assert!(!is_let_in(&[local], Some(other)), "{other}");
        }
        assert!(is_let_in(&["https://a.org", "*"], Some("https://b.org")));
        assert!(is_let_in(&["null"], Some("file://")) && is_let_in(&["file://"], Some("null")));
    }

    #[test]
    fn what_no_browser_says_is_no_origin() {
        for odd in ["", "localhost", "http://", "://a", "http://a/page", "http://user@a", "https://a?b"] {
            assert!(odd.parse::<Origin>().is_err(), "{odd}");
        }
    }
}

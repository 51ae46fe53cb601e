//! Who may ask: bearer tokens, in front of everything but the health of the server.

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use crate::failure::{Failure, FailureKind};
use crate::rest::refusal;

/// The tokens that open the server; none: it is open.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tokens(Vec<String>);

impl Tokens {
    pub(crate) fn new(tokens: Vec<String>) -> Self {
        Self(tokens)
    }

    /// Whether a request with these headers may pass.
    fn open_for(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = given.and_then(|value| value.split_once(' ')).filter(|(way, _)| way.eq_ignore_ascii_case("bearer"));
        // All are compared, so that the time tells nothing.
        given.is_some_and(|(_, token)| self.0.iter().fold(false, |any, known| any | is_same(known, token.trim())))
    }
}

/// Whether both are the same; takes as long for any `given` of a length.
fn is_same(known: &str, given: &str) -> bool {
    let differences = known.bytes().zip(given.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    known.len() == given.len() && std::hint::black_box(differences) == 0
}

/// Passes a request on, or refuses it.
pub(crate) async fn pass(State(tokens): State<Tokens>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_health = path.starts_with("/v2/health/") || path.starts_with("/grpc.health.v1.Health/");
    if tokens.0.is_empty() || is_health || tokens.open_for(request.headers()) {
        return next.run(request).await;
    }
    let failure = Failure::new(FailureKind::Unauthorised, "no known bearer token in the header Authorization");
    let mut response = refusal(&failure);
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_token_opens() {
        let tokens = Tokens::new(vec!["first".to_owned(), "second".to_owned()]);
        for (given, opens) in [
            ("Bearer first", true),
            ("bearer second", true),
            ("Bearer firs", false),
            ("Bearer firsts", false),
            ("Bearer ", false),
            ("Basic first", false),
            ("first", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_str(given).unwrap());
            assert_eq!(tokens.open_for(&headers), opens, "{given}");
        }
        assert!(!tokens.open_for(&HeaderMap::new()));
    }
}

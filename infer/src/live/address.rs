//! Addresses of receivers and senders: `osc://HOST:PORT`, `udp://HOST:PORT`, `ws://HOST:PORT/PATH`.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use crate::error::{Error, Result};

/// How frames travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Open Sound Control over UDP.
    Osc,
    /// JSON in datagrams.
    Udp,
    /// JSON in WebSocket messages.
    WebSocket,
}

impl Protocol {
    const ALL: [Self; 3] = [Self::Osc, Self::Udp, Self::WebSocket];

    fn scheme(self) -> &'static str {
        match self {
            Self::Osc => "osc",
            Self::Udp => "udp",
            Self::WebSocket => "ws",
        }
    }
}

/// The address that frames are sent to, or waited for at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// How they travel.
    pub protocol: Protocol,
    /// The host's name or number and the port, `127.0.0.1:9000`.
    pub host: String,
    /// The path behind the port, from the slash on; empty for none.
    pub path: String,
}

impl Address {
    /// The socket addresses of the host, at least one, IPv4 first: most receivers of datagrams listen there alone.
    ///
    /// # Errors
    /// A name that cannot be found.
    pub fn resolve(&self) -> Result<Vec<SocketAddr>> {
        let found = self.host.to_socket_addrs().map_err(|error| self.not_found(&error.to_string()))?;
        let mut found: Vec<SocketAddr> = found.collect();
        found.sort_by_key(SocketAddr::is_ipv6);
        if found.is_empty() { Err(self.not_found("it has no address")) } else { Ok(found) }
    }

    fn not_found(&self, cause: &str) -> Error {
        Error::usage(format!("{self}: the host cannot be found: {cause}"))
    }
}

/// The result of `bind` for the first of `addresses` that this machine has. One that is in use, or not allowed, is not passed over:
/// senders would not find the next.
///
/// # Errors
/// Those of `bind`.
pub(super) fn bind_first<T>(addresses: &[SocketAddr], bind: impl Fn(SocketAddr) -> io::Result<T>) -> io::Result<T> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match bind(*address) {
            Err(error) if matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied) => {
                return Err(error);
            }
            Err(error) => last = error,
            bound => return bound,
        }
    }
    Err(last)
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let Some((scheme, rest)) = text.split_once("://") else { return Err(odd(text, "names no protocol")) };
        let Some(protocol) = Protocol::ALL.into_iter().find(|protocol| protocol.scheme() == scheme) else {
            let known = Protocol::ALL.map(|protocol| format!("{}://", protocol.scheme())).join(", ");
            return Err(odd(text, &format!("begins with {scheme}://, known are {known}")));
        };
        let path_start = rest.find('/').unwrap_or(rest.len());
        let (host, path) = rest.split_at(path_start);
        let port = host.rsplit_once(':').filter(|(name, _)| !name.is_empty()).and_then(|(_, port)| port.parse().ok());
        if protocol == Protocol::Udp && !path.trim_end_matches('/').is_empty() {
            return Err(odd(text, &format!("has '{path}' behind the port")));
        }
        match port {
            Some(0u16) | None => Err(odd(text, "names no host and port")),
            Some(_) => Ok(Self { protocol, host: host.to_owned(), path: path.trim_end_matches('/').to_owned() }),
        }
    }
}

/// Why `text` is no address.
fn odd(text: &str, what: &str) -> Error {
    Error::usage(format!("'{text}' {what}, expected like udp://127.0.0.1:9000"))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.protocol.scheme(), self.host, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_in_use_is_not_passed_over() {
        let [first, second] = [1, 2].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let bound = |kind| {
            bind_first(
                &[first, second],
                |address| if address == first { Err(io::Error::from(kind)) } else { Ok(address) },
            )
        };
        assert_eq!(bound(io::ErrorKind::AddrNotAvailable).unwrap(), second);
        assert_eq!(bound(io::ErrorKind::AddrInUse).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn addresses_by_protocol_host_and_port() {
        let address: Address = "ws://localhost:8080/poses/".parse().unwrap();
        assert_eq!((address.protocol, address.host.as_str()), (Protocol::WebSocket, "localhost:8080"));
        assert_eq!(address.to_string(), "ws://localhost:8080/poses");
        let numeric: Address = "udp://[::1]:9000".parse().unwrap();
        assert_eq!(numeric.resolve().unwrap(), [SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 9000))]);
        for odd in ["9000", "tcp://a:1", "udp://a", "udp://:9000", "udp://a:x", "osc://a:0", "ws://", "udp://a:1/b"] {
            let message = odd.parse::<Address>().unwrap_err().to_string();
            assert!(message.contains("expected like udp://"), "{message}");
        }
    }
}

//! Frames over sockets and from growing files, in and out, as they come.
//!
//! In: datagrams ([`listen_udp`]), the clients of a WebSocket server ([`WebSocketServer`]), and files that another
//! program is still writing ([`follow`](fn@follow)). Out: [`send`](fn@send) gives each pose to a receiver at once, as
//! OSC bundles that move avatars, datagrams or WebSocket messages. A receiver that is slow or gone never holds the
//! lifting up: frames that it does not take are dropped and counted.

mod address;
mod fan_out;
mod follow;
mod follow_folder;
mod origin;
mod osc;
mod send;
mod stop;
mod udp;
mod websocket;
mod websocket_sender;
mod websocket_server;

pub use address::{Address, Protocol};
pub use fan_out::{FanOut, PacedWriter};
pub use follow::follow;
pub use origin::Origin;
pub use osc::{OscForm, OscWriter};
pub use send::{EachFrame, Report, send};
pub use stop::StopFlag;
#[cfg(unix)]
pub(crate) use stop::is_ignored;
pub use udp::{Skipped, listen_udp};
pub use websocket_server::{AnswerWriter, Client, OpenClient, WebSocketServer};

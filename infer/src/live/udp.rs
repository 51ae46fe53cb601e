//! Frames in datagrams.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::address::bind_first;
use super::stop::STOP_POLL;
use super::{Address, StopFlag};
use crate::error::{Error, Result};
use crate::format::{LiveSource, MessageSource, open_messages};

/// No datagram is longer.
const MAX_DATAGRAM: usize = 1 << 16;

/// Counts messages that could not be read, and reports the first.
#[derive(Clone)]
pub struct Skipped {
    count: Arc<AtomicU64>,
    report: Arc<dyn Fn(&Error) + Send + Sync>,
}

impl Skipped {
    /// With the first one, `report` is called.
    pub fn new(report: impl Fn(&Error) + Send + Sync + 'static) -> Self {
        Self { count: Arc::default(), report: Arc::new(report) }
    }

    /// How many there were so far.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, error: &Error) {
        if self.count.fetch_add(1, Ordering::Relaxed) == 0 {
            (self.report)(error);
        }
    }
}

/// A source of the frames in the datagrams that come to `address`, from all senders in the order in which they come,
/// until `stop`.
///
/// # Errors
/// The address is not this machine's, or in use.
pub fn listen_udp(address: &Address, stop: &StopFlag, skipped: &Skipped) -> Result<LiveSource> {
    let name = PathBuf::from(address.to_string());
    let socket = bind(&address.resolve()?).map_err(|error| Error::io("cannot listen", &name, error))?;
    let stop = stop.clone();
    let skipped = skipped.clone();
    let named = name.clone();
    Ok(LiveSource::new(name, move |from, layout| {
        let socket = socket.try_clone().map_err(|error| Error::io("cannot listen", &named, error))?;
        let datagrams = Datagrams {
            socket,
            buffer: vec![0; MAX_DATAGRAM],
            waiting: None,
            name: named.clone(),
            stop: stop.clone(),
            skipped: skipped.clone(),
        };
        open_messages(Box::new(datagrams), &named, from, layout)
    }))
}

/// A socket that waits for a datagram no longer than until it is time to look at the stop flag.
fn bind(addresses: &[SocketAddr]) -> io::Result<UdpSocket> {
    let socket = bind_first(addresses, UdpSocket::bind)?;
    socket.set_read_timeout(Some(STOP_POLL))?;
    Ok(socket)
}

/// The datagrams of a socket.
struct Datagrams {
    socket: UdpSocket,
    buffer: Vec<u8>,
    /// Bytes of a datagram that has come and lies in the buffer.
    waiting: Option<usize>,
    name: PathBuf,
    stop: StopFlag,
    skipped: Skipped,
}

impl Datagrams {
    /// Whether a datagram lies in the buffer, after waiting for one as long as the socket does.
    fn receive(&mut self) -> Result<bool> {
        if self.waiting.is_some() {
            return Ok(true);
        }
        match self.socket.recv(&mut self.buffer) {
            Ok(length) => self.waiting = Some(length),
            Err(error) if is_no_message(error.kind()) => {}
            Err(error) => return Err(Error::io("cannot receive", &self.name, error)),
        }
        Ok(self.waiting.is_some())
    }
}

/// Whether nothing has come in time, or only word that some receiver of ours is gone.
fn is_no_message(kind: ErrorKind) -> bool {
    use ErrorKind::{ConnectionRefused, ConnectionReset, Interrupted, TimedOut, WouldBlock};
    matches!(kind, WouldBlock | TimedOut | Interrupted | ConnectionRefused | ConnectionReset)
}

impl MessageSource for Datagrams {
    fn next(&mut self, text: &mut Vec<u8>) -> Result<bool> {
        loop {
            if self.stop.is_raised() {
                return Ok(false);
            }
            if self.receive()? {
                break;
            }
        }
        let length = self.waiting.take().expect("a datagram was received above");
        text.clear();
        text.extend_from_slice(&self.buffer[..length]);
        Ok(true)
    }

    fn has_more(&mut self) -> bool {
        if self.stop.is_raised() {
            return false;
        }
        if self.waiting.is_some() {
            return true;
        }
        // What fails here fails again in `next`, which reports it.
        let looked = self.socket.set_nonblocking(true).and_then(|()| {
            let found = matches!(self.receive(), Ok(true));
            self.socket.set_nonblocking(false).map(|()| found)
        });
        looked.unwrap_or(false)
    }

    fn skipped(&mut self, error: &Error) {
        self.skipped.add(error);
    }
}

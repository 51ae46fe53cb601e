//! Poses to receivers on the network, each frame as soon as it is lifted.

use std::io::{self, ErrorKind, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::Path;

use super::websocket::lines;
use super::websocket_sender::WebSocketSender;
use super::{Address, OscForm, OscWriter, Protocol};
use crate::error::{Error, Result};
use crate::format::{Extras, PoseInfo, PoseWriter, is_header, line_writer};
use crate::pose::{Frame, LiftedFrame};

/// Reports once that a receiver does not take frames and why, and at the end how many it did not get.
pub type Report = Box<dyn FnMut(&str) + Send>;

/// A writer that sends poses of a stream of `info` to `address`. Poses for OSC must be in the axes and the unit that
/// `info` names; JSON frames have what `extras` names beside the joints.
///
/// # Errors
/// A host that cannot be found, or poses that the receiver cannot be given.
pub fn send(address: &Address, info: &PoseInfo, extras: Extras, report: Report) -> Result<Box<dyn PoseWriter>> {
    let name = address.to_string();
    match address.protocol {
        Protocol::Osc => {
            let form = OscForm::of_path(&address.path).map_err(|error| error.at(&name))?;
            Ok(Box::new(OscWriter::new(connected(address)?, name, form, info, report)?))
        }
        Protocol::Udp => {
            let datagrams = LinesAsDatagrams { sender: DatagramSender::new(connected(address)?, name, report) };
            Ok(Box::new(EachFrame::new(datagrams, info, &address.to_string(), extras)?))
        }
        Protocol::WebSocket => {
            let sender = WebSocketSender::start(address, report)?;
            Ok(Box::new(EachFrame::new(sender, info, &name, extras)?))
        }
    }
}

/// A socket that sends to `address` and never waits.
fn connected(address: &Address) -> Result<UdpSocket> {
    let peer = address.resolve()?[0];
    connect(peer).map_err(|error| Error::io("cannot send", Path::new(&address.to_string()), error))
}

fn connect(peer: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match peer {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    socket.set_broadcast(true)?;
    socket.connect(peer)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Sends datagrams to one receiver; counts those that cannot be sent.
pub(super) struct DatagramSender {
    socket: UdpSocket,
    name: String,
    report: Report,
    is_told: bool,
    dropped: u64,
}

impl DatagramSender {
    pub(super) fn new(socket: UdpSocket, name: String, report: Report) -> Self {
        Self { socket, name, report, is_told: false, dropped: 0 }
    }

    pub(super) fn send(&mut self, bytes: &[u8]) {
        let Err(error) = self.socket.send(bytes) else { return };
        let cause = match error.kind() {
            // The answer to an earlier one: this one may have a receiver again.
            ErrorKind::ConnectionRefused if self.socket.send(bytes).is_ok() => {
                self.tell("nothing listens there; frames are sent all the same");
                return;
            }
            ErrorKind::WouldBlock => "the network takes frames more slowly than they come".to_owned(),
            _ => format!("a frame of {} bytes cannot be sent: {error}", bytes.len()),
        };
        self.dropped += 1;
        self.tell(&cause);
    }

    fn tell(&mut self, cause: &str) {
        if !self.is_told {
            self.is_told = true;
            (self.report)(&format!("{}: {cause}", self.name));
        }
    }

    /// Says how many were not sent.
    pub(super) fn close(&mut self) {
        if self.dropped > 0 {
            (self.report)(&format!("{}: {} frames were not sent", self.name, self.dropped));
        }
    }
}

/// Takes a stream of JSON Lines, and sends each line but the header.
struct LinesAsDatagrams {
    sender: DatagramSender,
}

impl Write for LinesAsDatagrams {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        // A datagram may be the first that its receiver sees, so there is no header to rely on.
        for line in lines(text).filter(|line| !is_header(line)) {
            self.sender.send(line);
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LinesAsDatagrams {
    fn drop(&mut self) {
        self.sender.close();
    }
}

/// JSON Lines of which each frame is handed on at once.
pub struct EachFrame {
    writer: Box<dyn PoseWriter>,
}

impl EachFrame {
    /// To `output`, which is called `name`: poses of a stream of `info`, with what `extras` names beside the joints.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn new(output: impl Write + Send + 'static, info: &PoseInfo, name: &str, extras: Extras) -> Result<Self> {
        Ok(Self { writer: line_writer(output, info, Path::new(name), extras)? })
    }
}

impl PoseWriter for EachFrame {
    fn write(&mut self, frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        self.writer.write(frame, lifted)?;
        self.writer.flush()
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.writer.finish()
    }
}

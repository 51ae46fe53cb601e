//! The parts that both ends of a WebSocket connection share.
//!
//! A connection is two halves, each on a thread of its own: one reads, and one writes, so that poses go out while the
//! next frame is waited for. Whole messages are written under a lock, because the reading half answers pings.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode};
use tungstenite::{Message, WebSocket};

use crate::thread::lock;

/// The longest message that is read, in bytes; a frame of a thousand people takes about one million.
pub(super) const MAX_MESSAGE: usize = 4 << 20;

/// How long the other end may take for its part of an opening, and to take a message.
pub(super) const TIMEOUT: Duration = Duration::from_secs(2);

/// One direction of a connection; all that it writes at once is written together.
#[derive(Debug)]
pub(super) struct Half {
    stream: TcpStream,
    write_lock: Arc<Mutex<()>>,
}

impl Half {
    /// A connection of which nothing has been read or written yet.
    ///
    /// # Errors
    /// The operating system refuses.
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(false)?;
        // Each message is waited for.
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        Ok(Self { stream, write_lock: Arc::default() })
    }

    /// The other half.
    pub(super) fn other(&self) -> io::Result<Self> {
        Ok(Self { stream: self.stream.try_clone()?, write_lock: Arc::clone(&self.write_lock) })
    }

    /// Ends both directions at once, so that a thread that waits for the other end goes on.
    fn shut_down(&self) {
        // One that is gone is shut down already.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// How long reading waits; `None` for ever.
    pub(super) fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.stream.set_read_timeout(timeout)
    }
}

impl Read for Half {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.stream.read(bytes)
    }
}

impl Write for Half {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _locked = lock(&self.write_lock);
        match self.stream.write_all(bytes) {
            Ok(()) => Ok(bytes.len()),
            // A part may be written: nothing can follow it.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Err(io::Error::new(ErrorKind::ConnectionAborted, "the other end takes nothing"))
            }
            Err(error) => Err(error),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Limits for messages that are read.
pub(super) fn config() -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE))
}

/// The writing half of an open connection.
pub(super) struct MessageWriter(WebSocket<Half>);

impl MessageWriter {
    /// Beside the reading half `of` it.
    pub(super) fn beside(of: &WebSocket<Half>, role: Role) -> io::Result<Self> {
        Ok(Self(WebSocket::from_raw_socket(of.get_ref().other()?, role, Some(config()))))
    }

    /// Sends a line, without its end, as a text message.
    pub(super) fn send(&mut self, line: &[u8]) -> Result<(), tungstenite::Error> {
        let text = std::str::from_utf8(line).expect("JSON lines are text");
        self.0.send(Message::text(text))
    }

    /// Gives up an end that does not answer.
    pub(super) fn abandon(&self) {
        self.0.get_ref().shut_down();
    }

    /// Says that nothing more comes.
    pub(super) fn close(&mut self) {
        let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        // There is nothing to be done for an end that is gone.
        let _ = self.0.close(Some(frame)).and_then(|()| self.0.flush());
    }
}

/// Whether nothing has come in time.
pub(super) fn is_timeout(error: &tungstenite::Error) -> bool {
    let tungstenite::Error::Io(error) = error else { return false };
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// The lines of `text`, without their ends.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

//! Poses to a WebSocket server, which may come and go.
//!
//! A thread of its own connects and sends. A frame that it is not ready for is dropped, so that no server, slow or
//! gone, holds the lifting up.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tungstenite::WebSocket;
use tungstenite::protocol::Role;

use super::send::Report;
use super::websocket::{Half, MessageWriter, TIMEOUT, config, is_timeout, lines};
use super::{Address, StopFlag};
use crate::error::Result;
use crate::format::is_header;
use crate::thread::spawn;

/// Frames that may wait for the server.
const WAITING_FRAMES: usize = 256;

/// Time between two attempts to connect.
const RETRY_EVERY: Duration = Duration::from_millis(250);

/// How long the server may take to answer the last message, which says that nothing more comes.
const GOODBYE: Duration = Duration::from_secs(1);

/// Takes a stream of JSON Lines, and sends each line as a message; the header comes first on every connection.
pub(super) struct WebSocketSender {
    /// `None` once it is finished.
    queue: Option<SyncSender<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
    dropped: Arc<AtomicU64>,
    /// Raised when no more frames come: then a server that is away is not waited for.
    finished: StopFlag,
}

impl WebSocketSender {
    /// To the server at `address`, which need not be there yet.
    ///
    /// # Errors
    /// A host that cannot be found, or no thread.
    pub(super) fn start(address: &Address, report: Report) -> Result<Self> {
        let peers = address.resolve()?;
        let (queue, waiting) = sync_channel(WAITING_FRAMES);
        let dropped = Arc::<AtomicU64>::default();
        let finished = StopFlag::default();
        let mut connector = Connector {
            name: address.to_string(),
            peers,
            waiting,
            header: None,
            report,
            is_absence_told: false,
            is_loss_told: false,
            dropped: Arc::clone(&dropped),
            finished: finished.clone(),
        };
        let thread = spawn("send", move || connector.run())?;
        Ok(Self { queue: Some(queue), thread: Some(thread), dropped, finished })
    }
}

impl Write for WebSocketSender {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        for line in lines(text) {
            let queue = self.queue.as_ref().expect("nothing is written behind the end");
            if queue.try_send(line.to_vec()).is_err() {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for WebSocketSender {
    /// Waits until all lines that were taken are sent, or until the server is seen to be away.
    fn drop(&mut self) {
        self.finished.raise();
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// The state of the sending thread.
struct Connector {
    name: String,
    /// At least one.
    peers: Vec<SocketAddr>,
    waiting: Receiver<Vec<u8>>,
    header: Option<Vec<u8>>,
    report: Report,
    is_absence_told: bool,
    is_loss_told: bool,
    dropped: Arc<AtomicU64>,
    finished: StopFlag,
}

/// Why a connection is no longer used.
enum End {
    /// All was sent.
    Finished,
    Lost(String),
}

impl Connector {
    fn run(&mut self) {
        let mut is_first = true;
        while let Some(connection) = self.connect() {
            if !is_first {
                // What waited meanwhile is old.
                self.drop_waiting();
            }
            is_first = false;
            match self.serve(connection) {
                End::Finished => break,
                End::Lost(cause) if !self.is_loss_told => {
                    self.is_loss_told = true;
                    (self.report)(&format!(
                        "{}: the connection is lost ({cause}); connecting again, frames meanwhile are dropped",
                        self.name
                    ));
                }
                End::Lost(_) => {}
            }
        }
        self.drop_waiting();
        let dropped = self.dropped.load(Ordering::Relaxed);
        if dropped > 0 {
            (self.report)(&format!("{}: {dropped} frames were not sent", self.name));
        }
    }

    /// Tries until the server is there; `None` if no more frames come before.
    fn connect(&mut self) -> Option<WebSocket<Half>> {
        loop {
            match self.try_to_connect() {
                Ok(connection) => return Some(connection),
                Err(cause) if !self.is_absence_told => {
                    self.is_absence_told = true;
                    (self.report)(&format!(
                        "{}: no server yet ({cause}); trying again, frames meanwhile are dropped",
                        self.name
                    ));
                }
                Err(_) => {}
            }
            if self.finished.is_raised() {
                return None;
            }
            std::thread::sleep(RETRY_EVERY);
        }
    }

    fn try_to_connect(&self) -> Result<WebSocket<Half>, String> {
        let half = Half::new(self.reach()?).map_err(|error| error.to_string())?;
        let opened = tungstenite::client::client_with_config(self.name.as_str(), half, Some(config()));
        opened.map(|(connection, _)| connection).map_err(|error| error.to_string())
    }

    /// A connection to the first of the host's addresses that takes one; else why the last one does not.
    fn reach(&self) -> Result<TcpStream, String> {
        let mut refused = String::new();
        for peer in &self.peers {
            if self.finished.is_raised() && !refused.is_empty() {
                break;
            }
            match TcpStream::connect_timeout(peer, TIMEOUT) {
                Ok(stream) => return Ok(stream),
                Err(error) => refused = error.to_string(),
            }
        }
        Err(refused)
    }

    /// Sends lines until there are no more, or the server is gone.
    fn serve(&mut self, mut connection: WebSocket<Half>) -> End {
        let mut writer = match MessageWriter::beside(&connection, Role::Client) {
            Ok(writer) => writer,
            Err(error) => return End::Lost(error.to_string()),
        };
        let is_open = Arc::new(AtomicBool::new(true));
        let still_open = Arc::clone(&is_open);
        let finished = self.finished.clone();
        let goodbye = Arc::new(AtomicBool::new(false));
        let is_goodbye_said = Arc::clone(&goodbye);
        let reading = std::thread::Builder::new().name("hear".to_owned()).spawn(move || {
            let _ = connection.get_ref().set_read_timeout(Some(GOODBYE));
            // What it says is not asked for; pings are answered on the way. A server that never says goodbye is waited for so long.
            let mut goodbye_at = None;
            loop {
                if is_goodbye_said.load(Ordering::Relaxed)
                    && goodbye_at.get_or_insert_with(Instant::now).elapsed() > GOODBYE
                {
                    break;
                }
                match connection.read() {
                    Ok(_) => {}
                    Err(error) if is_timeout(&error) && !finished.is_raised() => {}
                    Err(_) => break,
                }
            }
            still_open.store(false, Ordering::Relaxed);
        });
        let end = self.send_all(&mut writer, &is_open);
        match (&end, reading) {
            (End::Finished, Ok(reading)) => {
                writer.close();
                goodbye.store(true, Ordering::Relaxed);
                // Ending before the server has read all would take back what is on its way.
                let _ = reading.join();
            }
            (End::Finished, Err(_)) => writer.close(),
            (End::Lost(_), _) => writer.abandon(),
        }
        end
    }

    fn send_all(&mut self, writer: &mut MessageWriter, is_open: &AtomicBool) -> End {
        if let Some(header) = &self.header
            && let Err(error) = writer.send(header)
        {
            return End::Lost(error.to_string());
        }
        loop {
            let Ok(line) = self.waiting.recv() else { return End::Finished };
            let sent = match is_open.load(Ordering::Relaxed) {
                true => writer.send(&line).map_err(|error| error.to_string()),
                false => Err("closed by the server".to_owned()),
            };
            let is_frame = !is_header(&line);
            if !is_frame {
                self.header = Some(line);
            }
            if let Err(cause) = sent {
                self.dropped.fetch_add(u64::from(is_frame), Ordering::Relaxed);
                return End::Lost(cause);
            }
        }
    }

    fn drop_waiting(&mut self) {
        while let Ok(line) = self.waiting.try_recv() {
            if is_header(&line) {
                self.header = Some(line);
            } else {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

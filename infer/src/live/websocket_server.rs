//! A WebSocket server whose clients send frames and get poses back.

use std::io::{self, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tungstenite::protocol::Role;
use tungstenite::{HandshakeError, Message, WebSocket};

use super::address::bind_first;
use super::origin::Gate;
use super::stop::STOP_POLL;
use super::websocket::{Half, MessageWriter, config, is_timeout, lines};
use super::{Address, Origin, Skipped, StopFlag};
use crate::error::{Error, Result};
use crate::format::{LiveSource, MessageSource, open_messages};
use crate::thread::{lock, spawn};

/// Messages of one client that may wait to be lifted; a client that sends more waits.
const WAITING_MESSAGES: usize = 8;

/// Time between two looks for new clients.
const ACCEPT_EVERY: Duration = Duration::from_millis(5);
/// How long the server waits where the system gives it no socket.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// A server that clients connect to.
pub struct WebSocketServer {
    listener: TcpListener,
    name: PathBuf,
    allowed: Arc<[Origin]>,
    stop: StopFlag,
    skipped: Skipped,
    clients: AtomicU64,
    /// Whether it was told that the system gives no more sockets.
    is_refusal_told: AtomicBool,
}

/// A client that has connected; its opening handshake has not been read yet.
pub struct Client {
    stream: TcpStream,
    name: PathBuf,
    allowed: Arc<[Origin]>,
    stop: StopFlag,
    skipped: Skipped,
    /// The client's number in the order of their coming, from 1.
    pub number: u64,
}

impl WebSocketServer {
    /// Listens at `address` until `stop`. Programs may connect, and web pages that are of an `allowed` origin.
    ///
    /// # Errors
    /// The address is not this machine's, or in use.
    pub fn bind(address: &Address, allowed: &[Origin], stop: &StopFlag, skipped: &Skipped) -> Result<Self> {
        let name = PathBuf::from(address.to_string());
        let listener = listen(&address.resolve()?).map_err(|error| Error::io("cannot listen", &name, error))?;
        Ok(Self {
            listener,
            name,
            allowed: allowed.into(),
            stop: stop.clone(),
            skipped: skipped.clone(),
            clients: AtomicU64::new(0),
            is_refusal_told: AtomicBool::new(false),
        })
    }

    /// The server by its name, as a source that gives no frames of its own.
    pub fn source(&self) -> LiveSource {
        let name = self.name.clone();
        LiveSource::new(self.name.clone(), move |_, _| Err(Error::runtime("its clients give frames").at(&name)))
    }

    /// The next client; waits for one. `None` when the server shall stop.
    pub fn accept(&self) -> Option<Client> {
        while !self.stop.is_raised() {
            match self.listener.accept() {
                Ok((stream, peer)) => {
                    let number = self.clients.fetch_add(1, Ordering::Relaxed) + 1;
                    let name = PathBuf::from(format!("ws://{peer}"));
                    let allowed = Arc::clone(&self.allowed);
                    let stop = self.stop.clone();
                    let skipped = self.skipped.clone();
                    return Some(Client { stream, name, allowed, stop, skipped, number });
                }
                // A client that is gone before it is accepted is nothing to the others.
                Err(error) if is_passing(error.kind()) => std::thread::sleep(ACCEPT_EVERY),
                // As where no more files may be open: those who are here are served on, and others later.
                Err(error) => {
                    if !self.is_refusal_told.swap(true, Ordering::Relaxed) {
                        self.skipped.add(&Error::io("cannot accept a client", &self.name, error));
                    }
                    std::thread::sleep(ACCEPT_AGAIN);
                }
            }
        }
        None
    }
}

impl WebSocketServer {
    /// Counts a connection that became no client.
    pub fn skip(&self, error: &Error) {
        self.skipped.add(error);
    }
}

/// A listener that never waits for a client.
fn listen(addresses: &[SocketAddr]) -> io::Result<TcpListener> {
    let listener = bind_first(addresses, TcpListener::bind)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn is_passing(kind: ErrorKind) -> bool {
    use ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, WouldBlock};
    matches!(kind, WouldBlock | Interrupted | ConnectionAborted | ConnectionReset)
}

/// A client's frames, and the writer of answers to it.
pub struct OpenClient {
    /// Its frames.
    pub source: LiveSource,
    /// Takes a stream of JSON Lines, each line a message to the client.
    pub answers: AnswerWriter,
}

impl Client {
    /// The client's address, `ws://127.0.0.1:50122`.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Opens the connection.
    ///
    /// # Errors
    /// A client that speaks no WebSocket, or is gone; a web page of an origin that is not allowed.
    pub fn open(self) -> Result<OpenClient> {
        let Self { stream, name, allowed, stop, skipped, .. } = self;
        let half = Half::new(stream).map_err(|error| cannot_open(&name, error))?;
        let reading = tungstenite::accept_hdr_with_config(half, Gate(&allowed), Some(config())).map_err(|error| {
            let complaint = match error {
                HandshakeError::Interrupted(_) => "a client that speaks no WebSocket: it says nothing".to_owned(),
                HandshakeError::Failure(tungstenite::Error::Http(refusal)) => {
                    let cause = refusal.into_body().unwrap_or_default();
                    format!("refused {}", String::from_utf8_lossy(&cause))
                }
                HandshakeError::Failure(error) => format!("a client that speaks no WebSocket: {error}"),
            };
            Error::input(complaint).at(&name)
        })?;
        reading.get_ref().set_read_timeout(Some(STOP_POLL)).map_err(|error| cannot_open(&name, error))?;
        let writer = MessageWriter::beside(&reading, Role::Server).map_err(|error| cannot_open(&name, error))?;
        let answers = AnswerWriter { writer: Arc::new(Mutex::new(writer)), is_gone: Arc::default() };
        let (messages, waiting) = sync_channel(WAITING_MESSAGES);
        let reader =
            ClientReader { socket: reading, messages, stop, is_gone: Arc::clone(&answers.is_gone), name: name.clone() };
        spawn("client", move || reader.run())?;
        let messages = ClientMessages { waiting, next: None, skipped, answers: answers.clone() };
        let once = Mutex::new(Some(messages));
        let named = name.clone();
        let source = LiveSource::new(name, move |from, layout| {
            let messages = lock(&once).take();
            let messages = messages.ok_or_else(|| Error::runtime("a client is read once").at(&named))?;
            open_messages(Box::new(messages), &named, from, layout)
        });
        Ok(OpenClient { source, answers })
    }
}

fn cannot_open(name: &Path, error: io::Error) -> Error {
    Error::io("cannot open the connection", name, error)
}

/// Sends lines to a client; to one that is gone, nothing.
#[derive(Clone)]
pub struct AnswerWriter {
    writer: Arc<Mutex<MessageWriter>>,
    is_gone: Arc<AtomicBool>,
}

impl AnswerWriter {
    fn send(&self, line: &[u8]) {
        if self.is_gone.load(Ordering::Relaxed) {
            return;
        }
        let sent = lock(&self.writer).send(line);
        if sent.is_err() {
            self.is_gone.store(true, Ordering::Relaxed);
        }
    }

    /// Tells the client of an error in its message: `{"error":"…"}`, perhaps with a `hint`.
    pub fn refuse(&self, error: &Error) {
        self.send(error.to_json().as_bytes());
    }

    /// Says that no more answers come.
    pub fn close(&self) {
        if !self.is_gone.swap(true, Ordering::Relaxed) {
            lock(&self.writer).close();
        }
    }
}

impl Write for AnswerWriter {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        for line in lines(text) {
            self.send(line);
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads a client's messages on a thread of its own.
struct ClientReader {
    socket: WebSocket<Half>,
    messages: SyncSender<Result<Vec<u8>>>,
    stop: StopFlag,
    is_gone: Arc<AtomicBool>,
    name: PathBuf,
}

impl ClientReader {
    fn run(mut self) {
        while !self.stop.is_raised() && !self.is_gone.load(Ordering::Relaxed) {
            let message = match self.socket.read() {
                Ok(Message::Text(text)) => text.as_bytes().to_vec(),
                Ok(Message::Binary(bytes)) => bytes.to_vec(),
                // Pings are answered on the way; a goodbye is followed by the end.
                Ok(_) => continue,
                Err(error) if is_timeout(&error) => continue,
                Err(tungstenite::Error::Capacity(error)) => {
                    let error = Error::input(format!("a message that is too long, and ends the stream: {error}"));
                    let _ = self.messages.send(Err(error.at(&self.name)));
                    return;
                }
                // The client's end is the end of its frames, however it came.
                Err(_) => return,
            };
            if self.messages.send(Ok(message)).is_err() {
                return;
            }
        }
    }
}

/// A client's messages.
struct ClientMessages {
    waiting: Receiver<Result<Vec<u8>>>,
    next: Option<Vec<u8>>,
    skipped: Skipped,
    answers: AnswerWriter,
}

impl MessageSource for ClientMessages {
    fn next(&mut self, text: &mut Vec<u8>) -> Result<bool> {
        let next = self.next.take().map(Ok).or_else(|| self.waiting.recv().ok());
        match next {
            None => Ok(false),
            Some(Ok(next)) => {
                *text = next;
                Ok(true)
            }
            Some(Err(error)) => {
                self.skipped(&error);
                Ok(false)
            }
        }
    }

    fn has_more(&mut self) -> bool {
        if self.next.is_none() {
            match self.waiting.try_recv() {
                Ok(Ok(next)) => self.next = Some(next),
                Ok(Err(error)) => self.skipped(&error),
                Err(_) => {}
            }
        }
        self.next.is_some()
    }

    /// Tells the client too: it may wait for an answer.
    fn skipped(&mut self, error: &Error) {
        self.skipped.add(error);
        self.answers.refuse(error);
    }
}

//! Streams: each has a thread of its own, on which the model keeps what it knows of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

use crate::failure::{Failure, FailureKind};
use crate::metrics::{Counted, Metrics};
use crate::model::{StreamAnswers, StreamClient};
use crate::models::Served;

/// Messages, and answers, that may wait between a client and its thread.
const WAITING: usize = 32;

/// The streams that are open, and those that may be.
pub(crate) struct Streams {
    permits: Arc<Semaphore>,
    most: u32,
    closing: watch::Sender<bool>,
    metrics: Arc<Metrics>,
}

/// A stream as its connection sees it.
pub(crate) struct OpenStream {
    /// Takes the client's messages; dropped when there are no more.
    pub(crate) messages: mpsc::Sender<Bytes>,
    /// The answers, in order.
    pub(crate) answers: mpsc::Receiver<Bytes>,
    /// How it ended, when there are no more answers.
    pub(crate) end: oneshot::Receiver<Result<(), Failure>>,
    /// Tells that the server ends: no more messages are taken.
    pub(crate) closing: watch::Receiver<bool>,
    /// Given back when the thread has ended and this is dropped: a task with something left to send keeps it until then.
    pub(crate) permit: Arc<OwnedSemaphorePermit>,
}

impl Streams {
    /// At most `most` streams.
    pub(crate) fn new(most: usize, metrics: Arc<Metrics>) -> Self {
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        Self { permits: Arc::new(Semaphore::new(most as usize)), most, closing: watch::Sender::new(false), metrics }
    }

    /// Opens a stream of the model of `served`.
    ///
    /// # Errors
    /// As many are open as may be, the server ends, or a thread cannot be started.
    pub(crate) fn open(&self, served: Served, options: BTreeMap<String, String>) -> Result<OpenStream, Failure> {
        if *self.closing.borrow() {
            return Err(Failure::new(FailureKind::Unavailable, "the server ends"));
        }
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            let most = self.most;
            return Err(Failure::new(FailureKind::Full(RETRY), format!("{most} streams are open, and no more may be")));
        };
        let (messages, incoming) = mpsc::channel(WAITING);
        let (outgoing, answers) = mpsc::channel(WAITING);
        let (ended, end) = oneshot::channel();
        let count = self.metrics.stream_answers(&served.key);
        let client = StreamClient { messages: incoming, answers: StreamAnswers { sender: outgoing, count } };
        let permit = Arc::new(permit);
        let thread = StreamThread { metrics: Arc::clone(&self.metrics), served, options, permit: Arc::clone(&permit) };
        std::thread::Builder::new()
            .name("stream".to_owned())
            .spawn(move || thread.run(client, ended))
            .map_err(|error| Failure::new(FailureKind::Broken, format!("cannot start a thread: {error}")))?;
        Ok(OpenStream { messages, answers, end, closing: self.closing.subscribe(), permit })
    }

    /// Ends all streams when what was sent is answered; waits for it.
    pub(crate) async fn close(&self) {
        self.closing.send_replace(true);
        // Each stream gives its permit back at its end.
        let _all = self.permits.acquire_many(self.most).await;
    }
}

/// Waits until the server ends.
pub(crate) async fn until_closing(closing: &mut watch::Receiver<bool>) {
    // Without a server there is nothing to wait for.
    let _ = closing.wait_for(|is_closing| *is_closing).await;
}

/// When a client may try again that found no permit.
const RETRY: std::time::Duration = std::time::Duration::from_secs(1);

struct StreamThread {
    metrics: Arc<Metrics>,
    served: Served,
    options: BTreeMap<String, String>,
    /// See [`OpenStream::permit`].
    permit: Arc<OwnedSemaphorePermit>,
}

impl StreamThread {
    fn run(self, client: StreamClient, ended: oneshot::Sender<Result<(), Failure>>) {
        let Self { metrics, served, options, permit } = self;
        let counted = Counted::in_gauge(&metrics.streams);
        let result = served.model.stream(&options, client);
        // A connection that is gone need not know.
        let _ = ended.send(result);
        drop(counted);
        drop(permit);
    }
}

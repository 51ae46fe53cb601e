//! What a server asks of a model, and what it tells clients about it.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use prometheus::IntCounter;
use serde::Deserialize;
use tokio::sync::{mpsc, oneshot};

use crate::failure::Failure;
use crate::tensor::Tensor;

/// What clients are told of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelInfo {
    /// What runs it, `onnxruntime_onnx` or a name of one's own.
    pub platform: String,
    /// What it takes.
    pub inputs: Vec<TensorInfo>,
    /// What it gives.
    pub outputs: Vec<TensorInfo>,
    /// What else there is to know, as the SHA-256 of its file.
    pub properties: BTreeMap<String, String>,
}

/// A tensor of float32 that a model takes or gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its name.
    pub name: String,
    /// Its sizes; −1 for the number of rows, which a client chooses.
    pub shape: Vec<i64>,
}

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Parameter {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A text.
    Text(String),
}

/// Parameters of a request, by name.
pub type Parameters = BTreeMap<String, Parameter>;

/// What a client asks of a model; its inputs are as the model's [`ModelInfo`] says.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The tensors, in the order of [`ModelInfo::inputs`].
    pub inputs: Vec<Tensor>,
    /// The names of the outputs that are wanted, at least one, each of them the model's.
    pub outputs: Vec<String>,
    /// The client's own parameters.
    pub parameters: Parameters,
}

/// What a model answers.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The outputs that were wanted, in the order in which they were.
    pub outputs: Vec<Tensor>,
    /// How long the request waited for its batch.
    pub queued: Duration,
    /// How long the batch was computed.
    pub computed: Duration,
    /// Rows of the batch, those of other requests too.
    pub batch: usize,
}

/// Where a model's answer goes; a model that drops it has failed.
#[derive(Debug)]
pub struct Reply(oneshot::Sender<Result<Answer, Failure>>);

impl Reply {
    /// A reply, and the end that waits for it.
    pub(crate) fn new() -> (Self, oneshot::Receiver<Result<Answer, Failure>>) {
        let (sender, receiver) = oneshot::channel();
        (Self(sender), receiver)
    }

    /// Whether the client is still there and its time is not over.
    pub fn is_awaited(&self) -> bool {
        !self.0.is_closed()
    }

    /// Sends the answer.
    pub fn send(self, answer: Result<Answer, Failure>) {
        // A client that is gone needs none.
        let _ = self.0.send(answer);
    }
}

/// A model that is loaded and warmed up.
pub trait Model: Send + Sync {
    /// What clients are told of it.
    fn info(&self) -> &ModelInfo;

    /// Takes a request and returns at once; `reply` gets the answer, from any thread.
    ///
    /// # Errors
    /// The request is refused; `reply` is dropped.
    fn submit(&self, request: Request, reply: Reply) -> Result<(), Failure>;

    /// How many batches were computed.
    fn batches(&self) -> u64;

    /// The names of the options that a stream may be given.
    fn stream_options(&self) -> &'static [&'static str];

    /// Answers the messages of `client` on the calling thread, until there are no more; `options` are some of
    /// [`Self::stream_options`].
    ///
    /// # Errors
    /// An option that cannot be read, or a model that fails; messages that cannot be read have answers that say so.
    fn stream(&self, options: &BTreeMap<String, String>, client: StreamClient) -> Result<(), Failure>;
}

/// The other end of a stream, as the thread that answers it sees it.
#[derive(Debug)]
pub struct StreamClient {
    pub(crate) messages: mpsc::Receiver<Bytes>,
    pub(crate) answers: StreamAnswers,
}

impl StreamClient {
    /// The next message; waits for it. `None` at the end.
    pub fn receive(&mut self) -> Option<Bytes> {
        self.messages.blocking_recv()
    }

    /// Whether a message is there already.
    pub fn has_more(&self) -> bool {
        !self.messages.is_empty()
    }

    /// Where answers go.
    pub fn answers(&self) -> StreamAnswers {
        self.answers.clone()
    }
}

/// Where the answers of a stream go.
#[derive(Debug, Clone)]
pub struct StreamAnswers {
    pub(crate) sender: mpsc::Sender<Bytes>,
    pub(crate) count: IntCounter,
}

impl StreamAnswers {
    /// Sends an answer, one JSON value; waits where the client is slower. False if it is gone.
    pub fn send(&self, json: Bytes) -> bool {
        self.count.inc();
        self.sender.blocking_send(json).is_ok()
    }
}

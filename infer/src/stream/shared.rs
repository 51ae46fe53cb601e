//! One network for many lifters on many threads: concurrent requests are run as one batch.
//!
//! Each lifter keeps everything else of a stream (its layout, its people, its order, its writer), so a stream with a
//! slow reader or writer delays no other; only rows of numbers are shared. The program's live inputs are lifted this
//! way, and the bench `streams` measures it.

mod batched;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ndarray::{Array1, Array2, Array3, ArrayView2, ArrayView3};

use super::queue::{BatchQueue, NotPushed, Queued};
use crate::error::{Error, Result};
use crate::model::{Batch, BatchArrays, Card, PoseNetwork, Recall, check_keypoints};
use crate::thread::{lock, spawn};
use batched::BatchedNetwork;

/// Batches that may wait to be run before callers have to wait for room.
const REQUESTED_BATCHES: usize = 4;

/// A handle to a shared network; a clone is one more handle.
///
/// ```
/// # #[cfg(feature = "bundled")]
/// # fn main() -> poselift::Result<()> {
/// use std::time::Duration;
///
/// use poselift::stream::SharedNetwork;
/// use poselift::{Lifter, LifterOptions};
///
/// let lifter = Lifter::bundled(&LifterOptions::default())?;
/// let batch = lifter.batch();
/// let network = SharedNetwork::start(lifter.into_network(), batch, Duration::ZERO)?;
/// for camera in 0..8 {
///     let mut lifter = Lifter::with_network(network.clone(), batch);
///     std::thread::spawn(move || {
///         // Lifts the frames of this camera: `lifter.lift_frames`, or a whole stream by `lift_stream`.
///         # let _ = (camera, &mut lifter);
///     });
/// }
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "bundled"))]
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct SharedNetwork {
    card: Arc<Card>,
    queue: Arc<BatchQueue<Request>>,
    reply: Arc<Reply>,
    /// The last request, to be reused.
    recycled: Option<Request>,
    /// Batches that were run.
    batches: Arc<AtomicU64>,
    thread: Arc<JoinOnDrop>,
}

/// Takes the answer to [`SharedNetwork::submit`].
pub trait Receiver: Send + Sync {
    /// Whether the answer is still wanted; one that is not, when its turn comes, is not computed.
    fn is_waiting(&self) -> bool;

    /// Takes the answer, on the network's thread: what takes long here delays all others.
    fn receive(self: Box<Self>, answer: Result<TimedPoses>);
}

/// The poses of key points that were submitted, and how long they took.
#[derive(Debug, Clone)]
pub struct TimedPoses {
    /// `[N, J_out, 3]` as the network gives them.
    pub poses: Array3<f32>,
    /// `[N, J_out]`, if it was wanted.
    pub sigma: Option<Array2<f32>>,
    /// From submission to the start of the batch.
    pub queued: Duration,
    /// How long the network ran for the batch.
    pub computed: Duration,
    /// Poses of the batch, those of others too.
    pub batch: usize,
}

/// Why key points were not taken.
#[derive(Debug)]
pub enum NotSubmitted {
    /// As many poses wait as may wait.
    Full,
    /// The key points are not the model's, or the network broke down.
    Refused(Error),
}

impl SharedNetwork {
    /// Moves `network` to its own thread. A batch is run when it holds `batch` poses, or when its oldest request has
    /// waited for `max_delay`; with zero, available requests are run at once. A `batch` of 0 is one of 1.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn start<N: PoseNetwork + 'static>(network: N, batch: usize, max_delay: Duration) -> Result<Self> {
        Self::start_with_room(network, batch, max_delay, batch.max(1) * REQUESTED_BATCHES)
    }

    /// As [`Self::start`]; `room` poses may wait to be run.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn start_with_room<N: PoseNetwork + 'static>(
        network: N,
        batch: usize,
        max_delay: Duration,
        room: usize,
    ) -> Result<Self> {
        let batch = batch.max(1);
        let card = Arc::new(network.card().clone());
        let queue = Arc::new(BatchQueue::new(room.max(1), max_delay));
        let batches = Arc::new(AtomicU64::new(0));
        let own_queue = Arc::clone(&queue);
        let own_batches = Arc::clone(&batches);
        let thread = spawn("batch", move || {
            let _answer_all = FailOnDrop(&own_queue);
            let mut network = BatchedNetwork::new(network, own_batches);
            loop {
                let requests = own_queue.take(batch);
                if requests.is_empty() || !network.serve(requests) {
                    return;
                }
            }
        })?;
        let thread = Arc::new(JoinOnDrop { queue: Arc::clone(&queue), thread: Some(thread) });
        Ok(Self { card, queue, reply: Arc::default(), recycled: None, batches, thread })
    }

    /// Lets `keypoints` `[N, J_in, channels]` be run with what others ask for, and returns at once; `receiver` gets the
    /// poses, and sigma if it is wanted. For callers that must not wait, as servers.
    ///
    /// # Errors
    /// There is no room, the shapes are not the model's, or the network broke down; `receiver` is dropped.
    pub fn submit(
        &self,
        keypoints: Array3<f32>,
        wants_sigma: bool,
        receiver: Box<dyn Receiver>,
    ) -> Result<(), NotSubmitted> {
        check_keypoints(&self.card, keypoints.view()).map_err(NotSubmitted::Refused)?;
        let mut request = Request::new(ReplyTo::Receiver { receiver, sent: Instant::now() });
        request.keypoints = keypoints;
        request.wants_sigma = wants_sigma && self.card.output.sigma;
        self.queue.try_push(request).map_err(|cause| match cause {
            NotPushed::Full => NotSubmitted::Full,
            NotPushed::Closed => NotSubmitted::Refused(broken_down()),
        })
    }

    /// How many batches were run.
    pub fn batches(&self) -> u64 {
        self.batches.load(Ordering::Relaxed)
    }
}

fn broken_down() -> Error {
    Error::runtime("the shared network broke down")
}

impl Clone for SharedNetwork {
    fn clone(&self) -> Self {
        Self {
            card: Arc::clone(&self.card),
            queue: Arc::clone(&self.queue),
            reply: Arc::default(),
            recycled: None,
            batches: Arc::clone(&self.batches),
            thread: Arc::clone(&self.thread),
        }
    }
}

/// Stops the network's thread with the last handle.
#[derive(Debug)]
struct JoinOnDrop {
    queue: Arc<BatchQueue<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for JoinOnDrop {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has no result.
            let _ = thread.join();
        }
    }
}

/// Fails the requests that still wait when the network's thread ends: one may be pushed after the last batch was taken.
struct FailOnDrop<'a>(&'a BatchQueue<Request>);

impl Drop for FailOnDrop<'_> {
    fn drop(&mut self) {
        let error = broken_down();
        for request in self.0.abandon() {
            request.fail(&error);
        }
    }
}

impl PoseNetwork for SharedNetwork {
    fn card(&self) -> &Card {
        &self.card
    }

    fn run(&mut self, batch: Batch<'_>) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let BatchArrays { keypoints, mut poses, sigma, recall } = batch.into_arrays();
        let mut request =
            self.recycled.take().unwrap_or_else(|| Request::new(ReplyTo::Handle(Arc::clone(&self.reply))));
        request.fill(keypoints, sigma.is_some(), recall.as_ref());
        if !self.queue.push(request) {
            return Err(broken_down());
        }
        let mut request = self.reply.wait();
        let failure = request.failure.take();
        if failure.is_none() {
            poses.assign(&request.poses);
            if let Some(mut sigma) = sigma {
                sigma.assign(&request.sigma);
            }
            if let Some(mut recall) = recall {
                recall.memory.assign(&request.memory);
            }
        }
        self.recycled = Some(request);
        failure.map_or(Ok(()), Err)
    }
}

/// The slot in which one handle's request returns with its answer.
#[derive(Debug, Default)]
struct Reply {
    answered: Mutex<Option<Request>>,
    came: Condvar,
}

impl Reply {
    fn put(&self, request: Request) {
        *lock(&self.answered) = Some(request);
        self.came.notify_one();
    }

    fn wait(&self) -> Request {
        let mut answered = lock(&self.answered);
        loop {
            match answered.take() {
                Some(request) => return request,
                None => answered = self.came.wait(answered).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

/// The destination of a request that was answered.
enum ReplyTo {
    /// Back to the handle that waits for it.
    Handle(Arc<Reply>),
    Receiver {
        receiver: Box<dyn Receiver>,
        sent: Instant,
    },
}

impl std::fmt::Debug for ReplyTo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Handle(_) => "Handle",
            Self::Receiver { .. } => "Receiver",
        })
    }
}

/// One lifter's request, in its own memory, and the answer.
#[derive(Debug)]
struct Request {
    /// `[N, J_in, channels]`.
    keypoints: Array3<f32>,
    /// `[N, J_out, 3]`.
    poses: Array3<f32>,
    /// `[N, J_out]`, empty if sigma is not wanted.
    sigma: Array2<f32>,
    wants_sigma: bool,
    /// `[N]` and `[N, units]`, empty where all are new.
    since: Array1<f32>,
    memory: Array2<f32>,
    failure: Option<Error>,
    reply: ReplyTo,
}

/// A request's rows of the output of a batch.
struct OutputRows<'a> {
    poses: ArrayView3<'a, f32>,
    sigma: Option<ArrayView2<'a, f32>>,
    memory: ArrayView2<'a, f32>,
}

impl Queued for Request {
    /// Number of poses, at least 1.
    fn weight(&self) -> usize {
        self.poses().max(1)
    }
}

impl Request {
    fn new(reply: ReplyTo) -> Self {
        Self {
            keypoints: Array3::zeros((0, 0, 0)),
            poses: Array3::zeros((0, 0, 0)),
            sigma: Array2::zeros((0, 0)),
            wants_sigma: false,
            since: Array1::zeros(0),
            memory: Array2::zeros((0, 0)),
            failure: None,
            reply,
        }
    }

    /// Number of poses.
    fn poses(&self) -> usize {
        self.keypoints.dim().0
    }

    fn is_wanted(&self) -> bool {
        match &self.reply {
            ReplyTo::Handle(_) => true,
            ReplyTo::Receiver { receiver, .. } => receiver.is_waiting(),
        }
    }

    fn fill(&mut self, keypoints: ArrayView3<'_, f32>, wants_sigma: bool, recall: Option<&Recall<'_>>) {
        if self.keypoints.dim() == keypoints.dim() {
            self.keypoints.assign(&keypoints);
        } else {
            self.keypoints = keypoints.to_owned();
        }
        self.wants_sigma = wants_sigma;
        match recall {
            Some(recall) => {
                self.since = recall.since.to_owned();
                self.memory = recall.memory.to_owned();
            }
            None => self.memory = Array2::zeros((0, 0)),
        }
    }

    fn answer(mut self, answer: OutputRows<'_>, run: Run) {
        let OutputRows { poses, sigma, memory } = answer;
        if self.poses.dim() == poses.dim() {
            self.poses.assign(&poses);
        } else {
            self.poses = poses.to_owned();
        }
        if let Some(sigma) = sigma {
            self.sigma = sigma.to_owned();
        }
        if !self.memory.is_empty() {
            self.memory.assign(&memory);
        }
        self.send_back(run);
    }

    fn fail(mut self, cause: &Error) {
        self.failure = Some(Error::new(cause.kind(), cause.to_string()));
        self.send_back(Run::default());
    }

    fn send_back(self, run: Run) {
        match self.reply {
            ReplyTo::Handle(ref reply) => Arc::clone(reply).put(self),
            ReplyTo::Receiver { receiver, sent } => receiver.receive(match self.failure {
                Some(failure) => Err(failure),
                None => Ok(TimedPoses {
                    poses: self.poses,
                    sigma: self.wants_sigma.then_some(self.sigma),
                    queued: run.start.map_or(Duration::ZERO, |start| start.saturating_duration_since(sent)),
                    computed: run.lasted,
                    batch: run.poses,
                }),
            }),
        }
    }
}

/// When a batch ran, and for how long; of one that failed nothing is known.
#[derive(Debug, Clone, Copy, Default)]
struct Run {
    start: Option<Instant>,
    lasted: Duration,
    poses: usize,
}

#[cfg(test)]
mod tests;

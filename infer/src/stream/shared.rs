//! One network for many lifters on many threads: concurrent requests are run as one batch.
//!
//! Each lifter keeps everything else of a stream (its layout, its people, its order, its writer), so a stream with a
//! slow reader or writer delays no other; only rows of numbers are shared. The program's live inputs are lifted this
//! way, and the bench `streams` measures it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ndarray::{Array1, Array2, Array3, ArrayView2, ArrayView3, s};

use super::queue::{BatchQueue, NotPushed, Queued};
use crate::error::{Error, Result};
use crate::model::{Batch, BatchArrays, Card, PoseNetwork, Recall, check_keypoints};
use crate::thread::spawn;

/// Batches that may wait to be run before callers have to wait for room.
const WAITING_BATCHES: usize = 4;

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

/// Where the answer to [`SharedNetwork::submit`] goes.
pub trait Receiver: Send + Sync {
    /// Whether the answer is still wanted; one that is not, when its turn comes, is not computed.
    fn is_waiting(&self) -> bool;

    /// Takes the answer, on the network's thread: what takes long here delays all others.
    fn receive(self: Box<Self>, answer: Result<Answer>);
}

/// What came of key points that were submitted.
#[derive(Debug, Clone)]
pub struct Answer {
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
        Self::start_with_room(network, batch, max_delay, batch.max(1) * WAITING_BATCHES)
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
        *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = Some(request);
        self.came.notify_one();
    }

    fn wait(&self) -> Request {
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match answered.take() {
                Some(request) => return request,
                None => answered = self.came.wait(answered).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

/// Where a request goes when it was answered.
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

/// A request's rows of a batch that was run.
struct AnswerRows<'a> {
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

    fn answer(mut self, answer: AnswerRows<'_>, run: Run) {
        let AnswerRows { poses, sigma, memory } = answer;
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
                None => Ok(Answer {
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

/// The network with the arrays of a batch, kept between batches.
struct BatchedNetwork<N> {
    network: N,
    /// `[N, J_in, channels]`, N of the largest batch so far.
    keypoints: Array3<f32>,
    /// `[N, J_out, 3]`, with the same N.
    poses: Array3<f32>,
    /// `[N, J_out]`, with the same N.
    sigma: Array2<f32>,
    /// `[N]` and `[N, units]`, with the same N; no units for a network without a memory.
    since: Array1<f32>,
    memory: Array2<f32>,
    /// How many were run.
    batches: Arc<AtomicU64>,
}

impl<N: PoseNetwork> BatchedNetwork<N> {
    fn new(network: N, batches: Arc<AtomicU64>) -> Self {
        let input = &network.card().input;
        let keypoints = Array3::zeros((0, input.joints.len(), input.channels));
        let joints = network.card().output.joints.len();
        let units = network.card().memory.as_ref().map_or(0, |memory| memory.units);
        Self {
            keypoints,
            poses: Array3::zeros((0, joints, 3)),
            sigma: Array2::zeros((0, joints)),
            since: Array1::zeros(0),
            memory: Array2::zeros((0, units)),
            network,
            batches,
        }
    }

    /// Runs `requests` as one batch and answers them; false if the network panicked and must not be run again.
    fn serve(&mut self, mut requests: Vec<Request>) -> bool {
        requests.retain(Request::is_wanted);
        let total = requests.iter().map(Request::poses).sum();
        self.make_room(total);
        let mut row = 0;
        for request in &requests {
            let rows = row..row + request.poses();
            row = rows.end;
            self.keypoints.slice_mut(s![rows.clone(), .., ..]).assign(&request.keypoints);
            if request.memory.is_empty() {
                self.since.slice_mut(s![rows.clone()]).fill(0.0);
                self.memory.slice_mut(s![rows, ..]).fill(0.0);
            } else {
                self.since.slice_mut(s![rows.clone()]).assign(&request.since);
                self.memory.slice_mut(s![rows, ..]).assign(&request.memory);
            }
        }
        let wants_sigma = requests.iter().any(|request| request.wants_sigma);
        // Callers wait for their answers, so they must be sent in any case.
        let start = Instant::now();
        let done = catch_unwind(AssertUnwindSafe(|| self.run(total, wants_sigma)));
        let is_whole = done.is_ok();
        let run = Run { start: Some(start), lasted: start.elapsed(), poses: total };
        match done.unwrap_or_else(|_| Err(broken_down())) {
            Ok(()) => self.answer(requests, run),
            Err(error) => {
                for request in requests {
                    request.fail(&error);
                }
            }
        }
        is_whole
    }

    fn run(&mut self, total: usize, wants_sigma: bool) -> Result<()> {
        if total == 0 {
            return Ok(());
        }
        self.batches.fetch_add(1, Ordering::Relaxed);
        let keypoints = self.keypoints.slice(s![..total, .., ..]);
        let poses = self.poses.slice_mut(s![..total, .., ..]);
        let sigma = wants_sigma.then(|| self.sigma.slice_mut(s![..total, ..]));
        let card = self.network.card();
        let mut batch = Batch::new(card, keypoints, poses, sigma)?;
        if card.memory.is_some() {
            let memory = self.memory.slice_mut(s![..total, ..]);
            batch = batch.remembering(card, Recall { since: self.since.slice(s![..total]), memory, follows: &[] })?;
        }
        self.network.run(batch)
    }

    fn answer(&self, requests: Vec<Request>, run: Run) {
        let mut row = 0;
        for request in requests {
            let rows = row..row + request.poses();
            row = rows.end;
            let sigma = request.wants_sigma.then(|| self.sigma.slice(s![rows.clone(), ..]));
            let memory = self.memory.slice(s![rows.clone(), ..]);
            request.answer(AnswerRows { poses: self.poses.slice(s![rows, .., ..]), sigma, memory }, run);
        }
    }

    fn make_room(&mut self, total: usize) {
        let (room, joints, channels) = self.keypoints.dim();
        if total > room {
            let outputs = self.poses.dim().1;
            self.keypoints = Array3::zeros((total, joints, channels));
            self.poses = Array3::zeros((total, outputs, 3));
            self.sigma = Array2::zeros((total, outputs));
            self.since = Array1::zeros(total);
            self.memory = Array2::zeros((total, self.memory.dim().1));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

    use super::*;
    use crate::model::MockNetwork;

    fn keypoints(people: usize, first: f32) -> Array3<f32> {
        Array3::from_shape_fn((people, 17, 3), |(n, joint, _)| first + n as f32 + joint as f32)
    }

    /// Poses of COCO-17 key points.
    fn run(network: &mut SharedNetwork, keypoints: &Array3<f32>) -> Result<Array3<f32>> {
        let mut poses = Array3::zeros(keypoints.dim());
        let batch = Batch::new(network.card(), keypoints.view(), poses.view_mut(), None)?;
        network.run(batch)?;
        Ok(poses)
    }

    #[test]
    fn each_caller_gets_its_own_rows() {
        let shared = SharedNetwork::start(MockNetwork::of_subject_with_sigma(), 8, Duration::from_millis(2)).unwrap();
        let threads: Vec<_> = (0..12usize)
            .map(|caller| {
                let mut network = shared.clone();
                std::thread::spawn(move || {
                    for turn in 0..30 {
                        let keypoints = keypoints((caller + turn) % 5, (1000 * caller + 10 * turn) as f32);
                        let people = keypoints.dim().0;
                        let (mut poses, mut sigma) = (Array3::zeros((people, 17, 3)), Array2::zeros((people, 17)));
                        let wanted = caller.is_multiple_of(2).then(|| sigma.view_mut());
                        let batch = Batch::new(network.card(), keypoints.view(), poses.view_mut(), wanted).unwrap();
                        network.run(batch).unwrap();
                        assert_eq!(poses, &keypoints * 0.001);
                        if caller.is_multiple_of(2) {
                            assert_eq!(sigma, keypoints.slice(s![.., .., 1]).mapv(|y| y * 1e-4));
                        }
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }

    #[test]
    fn requests_at_the_same_time_are_one_batch_and_a_full_one_does_not_wait() {
        // Without a delay one pose is answered although no other one arrives.
        let mut alone = SharedNetwork::start(MockNetwork::new(), 8, Duration::ZERO).unwrap();
        run(&mut alone, &keypoints(1, 0.0)).unwrap();

        /// Records the largest batch.
        struct Watched(MockNetwork, Arc<Mutex<usize>>);
        impl PoseNetwork for Watched {
            fn card(&self) -> &Card {
                self.0.card()
            }
            fn run(&mut self, batch: Batch<'_>) -> Result<()> {
                let mut largest = self.1.lock().unwrap();
                *largest = batch.len().max(*largest);
                self.0.run(batch)
            }
        }
        let largest = Arc::new(Mutex::new(0));
        let watched = Watched(MockNetwork::new(), Arc::clone(&largest));
        let shared = SharedNetwork::start(watched, 4, Duration::from_secs(600)).unwrap();
        // Four callers fill the batch: none waits for the delay.
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let mut network = shared.clone();
                scope.spawn(move || run(&mut network, &keypoints(1, 0.0)).unwrap());
            }
        });
        assert_eq!(*largest.lock().unwrap(), 4);
    }

    #[test]
    fn a_failure_is_each_callers_and_the_next_call_may_succeed() {
        struct Failing(MockNetwork, usize);
        impl PoseNetwork for Failing {
            fn card(&self) -> &Card {
                self.0.card()
            }
            fn run(&mut self, batch: Batch<'_>) -> Result<()> {
                self.1 += 1;
                if self.1 == 1 {
                    return Err(Error::runtime("out of memory"));
                }
                self.0.run(batch)
            }
        }
        let mut shared = SharedNetwork::start(Failing(MockNetwork::new(), 0), 8, Duration::ZERO).unwrap();
        let error = run(&mut shared, &keypoints(2, 1.0)).unwrap_err();
        assert_eq!(error.to_string(), "out of memory");
        assert_eq!(run(&mut shared, &keypoints(2, 1.0)).unwrap(), keypoints(2, 1.0) * 0.001);
    }

    /// Hands the answer to the test, which may have gone.
    struct Heard(std::sync::mpsc::Sender<Result<Answer>>, Arc<std::sync::atomic::AtomicBool>);

    impl Receiver for Heard {
        fn is_waiting(&self) -> bool {
            self.1.load(Ordering::Relaxed)
        }

        fn receive(self: Box<Self>, answer: Result<Answer>) {
            self.0.send(answer).unwrap();
        }
    }

    #[test]
    fn what_is_submitted_is_answered_unless_its_caller_left_and_a_full_queue_refuses() {
        let network = MockNetwork::of_subject_with_sigma();
        // Room for two poses, and batches of three that wait for as long as the test takes.
        let shared = SharedNetwork::start_with_room(network, 3, Duration::from_secs(600), 2).unwrap();
        let (answers, heard) = std::sync::mpsc::channel();
        let submit = |first: f32, waits: bool| {
            let waits = Arc::new(std::sync::atomic::AtomicBool::new(waits));
            shared.submit(keypoints(1, first), true, Box::new(Heard(answers.clone(), waits)))
        };
        submit(1.0, true).unwrap();
        submit(2.0, false).unwrap();
        assert!(matches!(submit(3.0, true), Err(NotSubmitted::Full)));
        assert!(matches!(
            shared.submit(Array3::zeros((1, 16, 3)), true, Box::new(Heard(answers.clone(), Arc::default()))),
            Err(NotSubmitted::Refused(_))
        ));
        drop(shared);
        drop(answers);
        let answered: Vec<Answer> = heard.iter().map(|answer| answer.unwrap()).collect();
        assert_eq!(answered.len(), 1, "the other one went away");
        assert_eq!(answered[0].poses, keypoints(1, 1.0) * 0.001);
        assert_eq!(answered[0].sigma.as_ref().unwrap()[[0, 0]], 1e-4);
    }

    #[test]
    fn a_network_that_panics_fails_the_calls_that_wait_and_all_after() {
        struct Panicking(MockNetwork);
        impl PoseNetwork for Panicking {
            fn card(&self) -> &Card {
                self.0.card()
            }
            fn run(&mut self, _: Batch<'_>) -> Result<()> {
                std::panic::resume_unwind(Box::new("a bug"))
            }
        }
        let mut shared = SharedNetwork::start(Panicking(MockNetwork::new()), 8, Duration::ZERO).unwrap();
        let error = run(&mut shared, &keypoints(2, 1.0)).unwrap_err();
        assert_eq!(error.to_string(), "the shared network broke down");
        let error = run(&mut shared, &keypoints(2, 1.0)).unwrap_err();
        assert_eq!(error.to_string(), "the shared network broke down");
    }
}

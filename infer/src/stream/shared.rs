//! One network for many lifters, each on a thread of its own: what they ask for at the same time is run as one batch.
//!
//! Each lifter keeps everything else that makes a stream (its layout, its
//! people, its order); only rows of numbers meet here.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ndarray::{Array2, Array3, ArrayView2, ArrayView3, s};

use super::pool::{Pool, Waits};
use crate::error::{Error, Result};
use crate::model::{Batch, BatchArrays, Card, PoseNetwork};

/// Batches that may wait to be run before callers have to wait for room.
const WAITING_BATCHES: usize = 4;

/// A handle to a network that others hold too; a clone is one more handle.
#[derive(Debug)]
pub struct SharedNetwork {
    card: Arc<Card>,
    pool: Arc<Pool<Call>>,
    answers: Arc<Slot>,
    /// The last call, to be filled again.
    spare: Option<Call>,
    keeper: Arc<Keeper>,
}

impl SharedNetwork {
    /// Takes `network` to a thread of its own. A batch is run when it holds `batch` people, or when the oldest call in it
    /// has waited for `max_delay`: with zero, whatever is there goes.
    ///
    /// # Errors
    /// A thread that cannot be started.
    pub fn start<N: PoseNetwork + 'static>(network: N, batch: usize, max_delay: Duration) -> Result<Self> {
        let card = Arc::new(network.card().clone());
        let pool = Arc::new(Pool::new(batch * WAITING_BATCHES));
        let taken = Arc::clone(&pool);
        let work = move || {
            let mut rows = Rows::of(network);
            loop {
                let calls = taken.take(batch, max_delay);
                if calls.is_empty() {
                    return;
                }
                rows.serve(calls);
            }
        };
        let thread = std::thread::Builder::new().name("batch".to_owned()).spawn(work);
        let thread = thread.map_err(|error| Error::runtime(format!("cannot start a thread: {error}")))?;
        let keeper = Arc::new(Keeper { pool: Arc::clone(&pool), thread: Some(thread) });
        Ok(Self { card, pool, answers: Arc::default(), spare: None, keeper })
    }
}

impl Clone for SharedNetwork {
    fn clone(&self) -> Self {
        Self {
            card: Arc::clone(&self.card),
            pool: Arc::clone(&self.pool),
            answers: Arc::default(),
            spare: None,
            keeper: Arc::clone(&self.keeper),
        }
    }
}

/// Ends the thread with the last handle.
#[derive(Debug)]
struct Keeper {
    pool: Arc<Pool<Call>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.pool.close();
        if let Some(thread) = self.thread.take() {
            // A thread that broke down has nothing more to say.
            let _ = thread.join();
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
        let BatchArrays { keypoints, mut poses, sigma } = batch.into_arrays();
        let mut call = self.spare.take().unwrap_or_else(|| Call::answered_at(&self.answers));
        call.ask(keypoints, sigma.is_some());
        if !self.pool.push(call) {
            return Err(Error::runtime("the shared network runs no more"));
        }
        let mut call = self.answers.wait();
        let failure = call.failure.take();
        if failure.is_none() {
            poses.assign(&call.poses.view());
            if let Some(mut sigma) = sigma {
                sigma.assign(&call.sigma.view());
            }
        }
        self.spare = Some(call);
        failure.map_or(Ok(()), Err)
    }
}

/// Where one handle's answers come in.
#[derive(Debug, Default)]
struct Slot {
    answer: Mutex<Option<Call>>,
    came: Condvar,
}

impl Slot {
    fn put(&self, call: Call) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(call);
        self.came.notify_one();
    }

    fn wait(&self) -> Call {
        let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match answer.take() {
                Some(call) => return call,
                None => answer = self.came.wait(answer).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

/// What one lifter asks for, in memory of its own, and what came of it.
#[derive(Debug)]
struct Call {
    since: Instant,
    /// `[people, J_in, channels]`.
    keypoints: Array3<f32>,
    /// `[people, J_out, 3]`.
    poses: Array3<f32>,
    /// `[people, J_out]`, of no people where it was not asked for.
    sigma: Array2<f32>,
    wants_sigma: bool,
    failure: Option<Error>,
    answers: Arc<Slot>,
}

impl Waits for Call {
    fn weight(&self) -> usize {
        self.keypoints.dim().0
    }

    fn since(&self) -> Instant {
        self.since
    }
}

impl Call {
    fn answered_at(answers: &Arc<Slot>) -> Self {
        Self {
            since: Instant::now(),
            keypoints: Array3::zeros((0, 0, 0)),
            poses: Array3::zeros((0, 0, 0)),
            sigma: Array2::zeros((0, 0)),
            wants_sigma: false,
            failure: None,
            answers: Arc::clone(answers),
        }
    }

    fn ask(&mut self, keypoints: ArrayView3<'_, f32>, wants_sigma: bool) {
        if self.keypoints.dim() == keypoints.dim() {
            self.keypoints.assign(&keypoints);
        } else {
            self.keypoints = keypoints.to_owned();
        }
        (self.since, self.wants_sigma) = (Instant::now(), wants_sigma);
    }

    fn answer(mut self, poses: ArrayView3<'_, f32>, sigma: Option<ArrayView2<'_, f32>>) {
        if self.poses.dim() == poses.dim() {
            self.poses.assign(&poses);
        } else {
            self.poses = poses.to_owned();
        }
        if let Some(sigma) = sigma {
            self.sigma = sigma.to_owned();
        }
        self.hand_back();
    }

    fn fail(mut self, cause: &Error) {
        self.failure = Some(Error::new(cause.kind(), cause.to_string()));
        self.hand_back();
    }

    fn hand_back(self) {
        let answers = Arc::clone(&self.answers);
        answers.put(self);
    }
}

/// The network with the rows of a batch, kept between batches.
struct Rows<N> {
    network: N,
    keypoints: Array3<f32>,
    poses: Array3<f32>,
    sigma: Array2<f32>,
}

impl<N: PoseNetwork> Rows<N> {
    fn of(network: N) -> Self {
        let (input, joints) = (&network.card().input, network.card().output.joints.len());
        let keypoints = Array3::zeros((0, input.joints.len(), input.channels));
        Self { keypoints, poses: Array3::zeros((0, joints, 3)), sigma: Array2::zeros((0, joints)), network }
    }

    fn serve(&mut self, calls: Vec<Call>) {
        let people = calls.iter().map(Call::weight).sum();
        self.make_room(people);
        let mut row = 0;
        for call in &calls {
            self.keypoints.slice_mut(s![row..row + call.weight(), .., ..]).assign(&call.keypoints);
            row += call.weight();
        }
        let wants_sigma = calls.iter().any(|call| call.wants_sigma);
        let sigma = wants_sigma.then(|| self.sigma.slice_mut(s![..people, ..]));
        let (keypoints, poses) =
            (self.keypoints.slice(s![..people, .., ..]), self.poses.slice_mut(s![..people, .., ..]));
        let batch = Batch::new(self.network.card(), keypoints, poses, sigma);
        let done = batch.and_then(|batch| self.network.run(batch));
        let mut row = 0;
        for call in calls {
            let people = row..row + call.weight();
            row = people.end;
            match &done {
                Ok(()) => {
                    let sigma = call.wants_sigma.then(|| self.sigma.slice(s![people.clone(), ..]));
                    call.answer(self.poses.slice(s![people, .., ..]), sigma);
                }
                Err(error) => call.fail(error),
            }
        }
    }

    fn make_room(&mut self, people: usize) {
        let (room, joints, channels) = self.keypoints.dim();
        if people > room {
            let outputs = self.poses.dim().1;
            self.keypoints = Array3::zeros((people, joints, channels));
            self.poses = Array3::zeros((people, outputs, 3));
            self.sigma = Array2::zeros((people, outputs));
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
    fn everybody_gets_their_own_rows() {
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
    fn what_comes_together_is_one_batch_and_nobody_waits_for_others() {
        let started = Instant::now();
        let mut alone = SharedNetwork::start(MockNetwork::new(), 8, Duration::ZERO).unwrap();
        run(&mut alone, &keypoints(1, 0.0)).unwrap();
        assert!(started.elapsed() < Duration::from_millis(500));

        /// Remembers the largest batch.
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
        // Four callers fill the batch: nobody waits for the delay.
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let mut network = shared.clone();
                scope.spawn(move || run(&mut network, &keypoints(1, 0.0)).unwrap());
            }
        });
        assert_eq!(*largest.lock().unwrap(), 4);
    }

    #[test]
    fn a_failure_is_everybodys_and_the_next_call_may_succeed() {
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
}

//! The network of all handles, which runs requests as one batch.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use ndarray::{Array1, Array2, Array3, s};

use super::{OutputRows, Request, Run, broken_down};
use crate::error::Result;
use crate::model::{Batch, PoseNetwork, Recall};

/// The network with the arrays of a batch, kept between batches.
pub(super) struct BatchedNetwork<N> {
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
    pub(super) fn new(network: N, batches: Arc<AtomicU64>) -> Self {
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
    pub(super) fn serve(&mut self, mut requests: Vec<Request>) -> bool {
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
            request.answer(OutputRows { poses: self.poses.slice(s![rows, .., ..]), sigma, memory }, run);
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

//! A handle to a loaded network that runs on the calling thread.

use super::session::Backend;
use super::{Batch, Card, PoseNetwork};
use crate::error::Result;

/// One of several handles to a network, each for its own thread.
#[derive(Clone)]
pub struct ThreadHandle {
    card: Card,
    backend: Backend,
}

impl ThreadHandle {
    pub(super) fn new(card: Card, backend: Backend) -> Self {
        Self { card, backend }
    }

    /// Whether it works in a forked process, in which there are no other threads: own kernels do, ONNX Runtime does not.
    pub fn works_in_fork(&self) -> bool {
        matches!(self.backend, Backend::Native(_))
    }
}

impl std::fmt::Debug for ThreadHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ThreadHandle").field("model", &self.card.name).finish_non_exhaustive()
    }
}

impl PoseNetwork for ThreadHandle {
    fn card(&self) -> &Card {
        &self.card
    }

    fn run(&mut self, batch: Batch<'_>) -> Result<()> {
        self.backend.run_batch(batch)
    }

    fn runs_sequences(&self) -> bool {
        self.backend.runs_sequences()
    }
}

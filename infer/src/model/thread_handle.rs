//! A handle to a loaded network that runs on the calling thread.

use super::session::Backend;
use super::{Batch, Card, PoseNetwork};
use crate::error::Result;

/// One of several handles to a network, each for its own thread.
pub(super) struct ThreadHandle {
    card: Card,
    backend: Backend,
}

impl ThreadHandle {
    pub(super) fn new(card: Card, backend: Backend) -> Self {
        Self { card, backend }
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

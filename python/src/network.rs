//! One network for lifters on several threads.

use std::sync::{Arc, Mutex, PoisonError};

use poselift::Result;
use poselift::model::{Batch, Card, PoseNetwork, Session};

/// A session that one caller after the other runs; clones share it.
///
/// Everything else about a lifter is its caller's own, so only the network itself is waited for. A large batch is shared
/// among the session's threads.
#[derive(Clone)]
pub(crate) struct LockedNetwork {
    card: Arc<Card>,
    runs_sequences: bool,
    session: Arc<Mutex<Session>>,
}

impl LockedNetwork {
    pub(crate) fn new(session: Session) -> Self {
        let (card, runs_sequences) = (Arc::new(session.card().clone()), session.runs_sequences());
        Self { card, runs_sequences, session: Arc::new(Mutex::new(session)) }
    }
}

impl PoseNetwork for LockedNetwork {
    fn card(&self) -> &Card {
        &self.card
    }

    fn run(&mut self, batch: Batch<'_>) -> Result<()> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).run(batch)
    }

    fn runs_sequences(&self) -> bool {
        self.runs_sequences
    }
}

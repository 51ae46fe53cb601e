//! One network for lifters on several threads, and for those of forked processes.

use std::process;
use std::sync::{Arc, Mutex, PoisonError};

use poselift::model::{Batch, Card, PoseNetwork, Session, ThreadHandle};
use poselift::{Error, Result};

use crate::interrupt;

/// A session that one caller after the other runs; clones share it.
///
/// Everything else about a lifter is its caller's own, so only the network itself is waited for. A large batch is shared
/// among the session's threads.
///
/// A forked process has none of these threads, and one of them may have held the session's lock when it was forked. There each
/// clone runs the same kernels on its caller's thread.
#[derive(Clone)]
pub(crate) struct LockedNetwork {
    shared: Arc<Shared>,
    /// What this clone runs in a forked process.
    own: Option<ThreadHandle>,
}

struct Shared {
    card: Card,
    runs_sequences: bool,
    /// The process that opened the session.
    home: u32,
    /// There until it is dropped.
    session: Option<Mutex<Session>>,
    /// Of the same kernels; `None` where ONNX Runtime computes.
    spare: Option<ThreadHandle>,
}

impl Shared {
    fn is_home(&self) -> bool {
        process::id() == self.home
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // In a forked process it would wait for threads that are not there.
        if !self.is_home() {
            std::mem::forget(self.session.take());
        }
    }
}

impl LockedNetwork {
    pub(crate) fn new(session: Session) -> Self {
        let shared = Shared {
            card: session.card().clone(),
            runs_sequences: session.runs_sequences(),
            home: process::id(),
            spare: Some(session.thread_handle()).filter(ThreadHandle::works_in_fork),
            session: Some(Mutex::new(session)),
        };
        Self { shared: Arc::new(shared), own: None }
    }

    /// Whether this is the process that opened the session.
    pub(crate) fn is_home(&self) -> bool {
        self.shared.is_home()
    }

    /// What runs in a forked process.
    fn own(&mut self) -> Result<&mut ThreadHandle> {
        let Some(spare) = &self.shared.spare else {
            return Err(Error::runtime(
                "the Lifter was opened before this process was forked, and ONNX Runtime does not go on in a fork",
            )
            .hint("open a Lifter in each process, or start processes by multiprocessing's \"spawn\""));
        };
        Ok(self.own.get_or_insert_with(|| spare.clone()))
    }
}

impl PoseNetwork for LockedNetwork {
    fn card(&self) -> &Card {
        &self.shared.card
    }

    fn run(&mut self, batch: Batch<'_>) -> Result<()> {
        interrupt::check()?;
        match &self.shared.session {
            Some(session) if self.is_home() => session.lock().unwrap_or_else(PoisonError::into_inner).run(batch),
            _ => self.own()?.run(batch),
        }
    }

    fn runs_sequences(&self) -> bool {
        self.shared.runs_sequences
    }
}

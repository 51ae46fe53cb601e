//! Ctrl-C while the library works.
//!
//! Python only notes a signal; its handler runs where Python code runs, or where a module asks for it. So work without the GIL asks from
//! time to time ([`check`]): between batches, and between the frames of a file. A handler that raises, as that of Ctrl-C does, ends it.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use poselift::format::{PoseInfo, PoseReader};
use poselift::pose::LiftedFrame;
use poselift::{Error, Result};
use pyo3::prelude::*;

use crate::error::Answer;

/// Time between two questions: each waits for the GIL, which other threads may hold for some milliseconds.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// What a call knows of signals.
struct Watch {
    asked: Instant,
    /// What a handler raised.
    raised: Option<PyErr>,
}

impl Watch {
    fn is_due(&self) -> bool {
        self.asked.elapsed() >= ASK_EVERY
    }
}

thread_local! {
    /// Of the call that this thread is in, if it can be interrupted.
    static WATCH: RefCell<Option<Watch>> = const { RefCell::new(None) };
}

/// Works without the GIL. What a signal's handler raises ends the work at the next [`check`], and is raised.
pub(crate) fn interruptible<T: Send>(py: Python<'_>, work: impl FnOnce() -> Answer<T> + Send) -> PyResult<T> {
    let outer = WATCH.replace(Some(Watch { asked: Instant::now(), raised: None }));
    let done = py.detach(work);
    match WATCH.replace(outer).and_then(|watch| watch.raised) {
        Some(raised) => Err(raised),
        None => Ok(done?),
    }
}

/// Lets handlers of signals run, where that is due.
///
/// # Errors
/// One of them raised something, which [`interruptible`] hands on.
pub(crate) fn check() -> Result<()> {
    if !WATCH.with_borrow(|watch| watch.as_ref().is_some_and(Watch::is_due)) {
        return Ok(());
    }
    // A handler may call this package: nothing is borrowed meanwhile.
    let raised = Python::attach(|py| py.check_signals()).err();
    let is_raised = raised.is_some();
    WATCH.set(Some(Watch { asked: Instant::now(), raised }));
    if is_raised { Err(Error::runtime("interrupted by a signal")) } else { Ok(()) }
}

/// A reader between whose frames signals are looked for.
pub(crate) struct Interruptible<'a>(pub(crate) &'a mut dyn PoseReader);

impl PoseReader for Interruptible<'_> {
    fn info(&self) -> &PoseInfo {
        self.0.info()
    }

    fn read(&mut self) -> Result<Option<LiftedFrame>> {
        check()?;
        self.0.read()
    }
}

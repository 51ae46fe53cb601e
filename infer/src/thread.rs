//! Starting threads, and what they share.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use crate::error::{Error, Result};

/// A thread called `name`, which debuggers and `top -H` show.
///
/// # Errors
/// The operating system refuses another thread.
pub(crate) fn spawn<T: Send + 'static>(name: &str, run: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>> {
    let thread = Builder::new().name(name.to_owned()).spawn(run);
    thread.map_err(|error| Error::runtime(format!("cannot start a thread: {error}")))
}

/// Locks `mutex`, also after a thread panicked that held it: what these mutexes hold is whole at any time.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! The end of inputs that have none: Ctrl-C, or the end of the service that runs the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[cfg(target_os = "linux")]
use signal_hook::consts::SIGHUP;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::error::Result;

/// How long a wait for input may take before the flag is looked at again.
pub(super) const STOP_POLL: Duration = Duration::from_millis(50);

/// Whether inputs shall end; clones share it.
#[derive(Debug, Clone, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// A flag that SIGINT, SIGTERM and a closed terminal raise. A second signal ends the program as it does without the flag.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn on_signals() -> Result<Self> {
        let stop = Self::default();
        let mut signals = vec![SIGINT, SIGTERM];
        // Programs under `nohup` outlive their terminal.
        #[cfg(target_os = "linux")]
        signals.extend(Some(SIGHUP).filter(|signal| !is_ignored(*signal)));
        for signal in signals {
            // In this order: the first signal finds the flag down.
            flag::register_conditional_default(signal, Arc::clone(&stop.0))?;
            flag::register(signal, Arc::clone(&stop.0))?;
        }
        Ok(stop)
    }

    /// Raises the flag.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it is raised.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Whether the program was started with `signal` ignored.
#[cfg(unix)]
pub(crate) fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    // Signals are counted from 1.
    ignored.is_some_and(|ignored| ignored >> (signal - 1) & 1 == 1)
}

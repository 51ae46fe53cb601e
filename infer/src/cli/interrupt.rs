//! Ctrl-C in the middle of a file: what was lifted is written, then the program ends as the signal ends it.
//!
//! Some formats are written at the end (TRC, BVH), or completed there (arrays of sigma, pages, poses that wait to be
//! smoothed). A thread of its own waits for the signal, since those that read may be blocked for ever.

use std::sync::atomic::AtomicBool;
#[cfg(unix)]
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use super::output::is_deferred;
use super::report::Terminal;
use crate::error::Result;
use crate::format::{PoseWriter, Target};
use crate::pose::{Frame, LiftedFrame};

/// A writer until it is finished.
type Unfinished = Arc<Mutex<Option<Box<dyn PoseWriter>>>>;

/// The files that a signal completes; clones share them.
#[derive(Clone, Default)]
pub(super) struct Interruption {
    unfinished: Arc<Mutex<Vec<Unfinished>>>,
    /// Whether a signal has come.
    is_ending: Arc<AtomicBool>,
}

impl Interruption {
    /// Waits for signals, on a thread of its own, if they have something to complete among `targets`.
    ///
    /// # Errors
    /// The operating system refuses.
    pub(super) fn on_signals(targets: &[Target], terminal: Terminal) -> Result<Option<Self>> {
        if !targets.iter().any(is_deferred) {
            return Ok(None);
        }
        let interruption = Self::default();
        interruption.wait(terminal)?;
        Ok(Some(interruption))
    }

    /// `writer` to `target`, completed by a signal too if that is a plain file.
    pub(super) fn completes(&self, target: &Target, writer: Box<dyn PoseWriter>) -> Box<dyn PoseWriter> {
        if !is_deferred(target) {
            return writer;
        }
        let unfinished = Arc::new(Mutex::new(Some(writer)));
        let mut all = self.unfinished.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|unfinished| Arc::strong_count(unfinished) > 1);
        all.push(Arc::clone(&unfinished));
        Box::new(InterruptibleWriter(unfinished))
    }

    /// A flag that is true once a signal has come.
    pub(super) fn is_ending(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_ending)
    }

    /// Completes all files. Their writers take nothing more.
    fn complete(&self, terminal: Terminal) {
        for unfinished in self.unfinished.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let mut held = unfinished.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(Err(error)) = held.take().map(|writer| writer.finish()) {
                terminal.error(&error);
            }
        }
    }

    #[cfg(unix)]
    fn wait(&self, terminal: Terminal) -> Result<()> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        use signal_hook::flag::register_conditional_default;
        use signal_hook::iterator::Signals;
        use signal_hook::low_level::emulate_default_handler;

        // `nohup` and background jobs ignore some of them, and so do we.
        let heard: Vec<_> = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| !is_ignored(*signal)).collect();
        let is_ending = self.is_ending();
        for signal in &heard {
            // The first signal finds the flag down; a second one ends the program at once.
            register_conditional_default(*signal, Arc::clone(&is_ending))?;
        }
        let mut signals = Signals::new(&heard)?;
        let interruption = self.clone();
        let wait = move || {
            let Some(signal) = signals.forever().next() else { return };
            is_ending.store(true, Ordering::Relaxed);
            terminal.note("interrupted: what was lifted is written");
            interruption.complete(terminal);
            // It ends the program; an error would leave it running, and the next signal ends it then.
            let _ = emulate_default_handler(signal);
        };
        std::thread::Builder::new().name("signals".to_owned()).spawn(wait)?;
        Ok(())
    }

    #[cfg(not(unix))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "there is nothing to wait for on this system")]
    fn wait(&self, _: Terminal) -> Result<()> {
        Ok(())
    }
}

/// Whether the program was started with `signal` ignored.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    // Signals are counted from 1.
    ignored.is_some_and(|ignored| ignored >> (signal - 1) & 1 == 1)
}

/// A writer that a signal may have completed: then it waits for the end of the program.
struct InterruptibleWriter(Unfinished);

impl InterruptibleWriter {
    fn with(&self, act: impl FnOnce(&mut dyn PoseWriter) -> Result<()>) -> Result<()> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(writer) => act(writer.as_mut()),
            None => wait_for_end(),
        }
    }
}

/// Waits until another thread ends the program.
fn wait_for_end() -> ! {
    loop {
        std::thread::park();
    }
}

impl PoseWriter for InterruptibleWriter {
    fn write(&mut self, frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        self.with(|writer| writer.write(frame, lifted))
    }

    fn flush(&mut self) -> Result<()> {
        self.with(|writer| writer.flush())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        // Held until the file is whole, so that a signal waits for it.
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match held.take() {
            Some(writer) => writer.finish(),
            None => wait_for_end(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that finds nothing shall fail")]

    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Counts frames; finishing adds a hundred.
    struct Counter(Arc<AtomicUsize>);

    impl PoseWriter for Counter {
        fn write(&mut self, _: &Frame, _: &LiftedFrame) -> Result<()> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }

        fn finish(self: Box<Self>) -> Result<()> {
            self.0.fetch_add(100, Ordering::Relaxed);
            Ok(())
        }
    }

    #[test]
    fn files_are_completed_once() {
        let interruption = Interruption::default();
        let counts = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
        let file = Target::File("a/folder/that/is/not/there".into());
        let [first, second] = counts.clone().map(|count| interruption.completes(&file, Box::new(Counter(count))));
        first.finish().unwrap();
        let mut second = second;
        second.write(&Frame::default(), &LiftedFrame::default()).unwrap();
        interruption.complete(Terminal::new(true));
        assert_eq!(counts.map(|count| count.load(Ordering::Relaxed)), [100, 101]);
    }

    #[test]
    fn what_is_no_file_is_left_alone() {
        let terminal = Terminal::new(true);
        assert!(Interruption::on_signals(&[Target::Stdout], terminal).unwrap().is_none());
        let (interruption, count) = (Interruption::default(), Arc::new(AtomicUsize::new(0)));
        let writer = interruption.completes(&Target::Stdout, Box::new(Counter(Arc::clone(&count))));
        interruption.complete(terminal);
        assert_eq!(count.load(Ordering::Relaxed), 0);
        writer.finish().unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 100);
    }
}

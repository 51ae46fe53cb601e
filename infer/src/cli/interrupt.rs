//! Ctrl-C in the middle of a file: what was lifted is written, then the program ends as the signal ends it.
//!
//! Some formats are written at the end (TRC, BVH), or completed there (arrays of sigma, pages, poses that wait to be
//! smoothed). A thread of its own waits for the signal, since those that read may be blocked for ever.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::output::is_deferred;
use super::report::Terminal;
use crate::error::{Error, ErrorKind, Result};
use crate::format::{FrameReader, PoseWriter, StreamInfo, Target};
#[cfg(unix)]
use crate::live::is_ignored;
use crate::pose::{Frame, LiftedFrame};
use crate::thread::{lock, spawn};

/// A writer until it is finished.
type Unfinished = Arc<Mutex<Option<Box<dyn PoseWriter>>>>;

/// How long a pipe may take what is left before the program ends all the same.
#[cfg(unix)]
const MAX_WAIT: Duration = Duration::from_secs(5);
/// How often inputs are looked at, whether they are done or shall end.
const POLL: Duration = Duration::from_millis(10);

/// The files that a signal completes; clones share them.
#[derive(Clone, Default)]
pub(super) struct Interruption {
    unfinished: Arc<Mutex<Vec<Unfinished>>>,
    /// Whether a signal has come.
    is_ending: Arc<AtomicBool>,
    /// Whether inputs end at a signal, and complete their files themselves.
    ends_inputs: Arc<AtomicBool>,
    /// Whether poses wait for later ones, so that pipes are completed too.
    holds_back: bool,
    /// Whether plain files are among the targets.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there is no signal to wait for on this system"))]
    has_files: bool,
}

impl Interruption {
    /// Waits for signals, on a thread of its own, if they have something to complete: files among `targets`, or poses that are held
    /// back (`holds_back`).
    ///
    /// # Errors
    /// The operating system refuses.
    pub(super) fn on_signals(targets: &[Target], holds_back: bool, terminal: Terminal) -> Result<Option<Self>> {
        let has_files = targets.iter().any(is_deferred);
        if !holds_back && !has_files {
            return Ok(None);
        }
        let interruption = Self { holds_back, has_files, ..Self::default() };
        interruption.wait(terminal)?;
        Ok(Some(interruption))
    }

    /// `writer` to `target`, completed by a signal too if that is a plain file, or if poses are held back.
    pub(super) fn completes(&self, target: &Target, writer: Box<dyn PoseWriter>) -> Box<dyn PoseWriter> {
        if !self.holds_back && !is_deferred(target) {
            return writer;
        }
        let unfinished = Arc::new(Mutex::new(Some(writer)));
        let is_ending = self.is_ending();
        let mut all = lock(&self.unfinished);
        all.retain(|unfinished| Arc::strong_count(unfinished) > 1);
        all.push(Arc::clone(&unfinished));
        Box::new(InterruptibleWriter { unfinished, is_ending })
    }

    /// `reader`, which a signal ends as its last frame would: frames that wait for later ones are lifted and written then.
    ///
    /// # Errors
    /// The operating system refuses a thread.
    pub(super) fn ends(&self, reader: Box<dyn FrameReader>) -> Result<Box<dyn FrameReader>> {
        self.ends_inputs.store(true, Ordering::Relaxed);
        Ok(Box::new(EndedReader::new(reader, self.is_ending())?))
    }

    /// A flag that is true once a signal has come.
    pub(super) fn is_ending(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_ending)
    }

    /// Waits for files that their inputs complete. Lifting may be slow: another signal ends it.
    #[cfg(unix)]
    fn wait_for_inputs(&self) {
        while self.has_open_files() {
            std::thread::sleep(POLL);
        }
    }

    /// Whether inputs still have files to complete.
    #[cfg(unix)]
    fn has_open_files(&self) -> bool {
        lock(&self.unfinished).iter().any(is_open)
    }

    /// Completes all files. Their writers take nothing more.
    #[cfg(any(unix, test))]
    fn complete(&self, terminal: Terminal) {
        for unfinished in lock(&self.unfinished).iter() {
            let mut held = lock(unfinished);
            if let Some(writer) = held.take()
                && let Err(error) = writer.finish()
                && error.kind() != ErrorKind::BrokenPipe
            {
                terminal.error(&error);
            }
        }
    }

    #[cfg(unix)]
    fn wait(&self, terminal: Terminal) -> Result<()> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        use signal_hook::flag::register_conditional_default;
        use signal_hook::iterator::Signals;

        // `nohup` and background jobs ignore some of them, and so do we.
        let heard: Vec<_> = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| !is_ignored(*signal)).collect();
        for signal in &heard {
            // The first signal finds the flag down; a second one ends the program at once.
            register_conditional_default(*signal, self.is_ending())?;
        }
        let mut signals = Signals::new(&heard)?;
        let interruption = self.clone();
        spawn("signals", move || {
            if let Some(signal) = signals.forever().next() {
                interruption.end_by(signal, terminal);
            }
        })?;
        Ok(())
    }

    /// Completes the files, and ends the program as `signal` ends it.
    #[cfg(unix)]
    fn end_by(&self, signal: std::ffi::c_int, terminal: Terminal) {
        use signal_hook::low_level::emulate_default_handler;

        self.is_ending.store(true, Ordering::Relaxed);
        let ends_inputs = self.ends_inputs.load(Ordering::Relaxed);
        terminal.note(match ends_inputs {
            true => "interrupted: frames that were read are lifted and written; once more to end at once",
            false => "interrupted: what was lifted is written",
        });
        if !self.has_files {
            // A pipe whose reader takes nothing more must not hold the program up.
            std::thread::spawn(move || {
                std::thread::sleep(MAX_WAIT);
                let _ = emulate_default_handler(signal);
            });
        }
        if ends_inputs {
            self.wait_for_inputs();
        }
        self.complete(terminal);
        // It ends the program; an error would leave it running, and the next signal ends it then.
        let _ = emulate_default_handler(signal);
    }

    #[cfg(not(unix))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "there is nothing to wait for on this system")]
    fn wait(&self, _: Terminal) -> Result<()> {
        Ok(())
    }
}

/// Whether an input still completes the file: a writer that was dropped, as after an error, is completed by none.
#[cfg(unix)]
fn is_open(unfinished: &Unfinished) -> bool {
    Arc::strong_count(unfinished) > 1 && lock(unfinished).is_some()
}

/// A writer that a signal may have completed: then it waits for the end of the program.
struct InterruptibleWriter {
    unfinished: Unfinished,
    /// Whether a signal has come.
    is_ending: Arc<AtomicBool>,
}

impl InterruptibleWriter {
    fn with(&self, act: impl FnOnce(&mut dyn PoseWriter) -> Result<()>) -> Result<()> {
        match lock(&self.unfinished).as_mut() {
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
        let mut held = lock(&self.unfinished);
        match held.take() {
            Some(writer) => writer.finish()?,
            None => wait_for_end(),
        }
        drop(held);
        if self.is_ending.load(Ordering::Relaxed) {
            // The signal ends the program, with a status that says so, before the next input begins.
            wait_for_end();
        }
        Ok(())
    }
}

/// A reader that ends at a signal. Reading may block for ever, so that a thread of its own reads.
struct EndedReader {
    info: StreamInfo,
    frames: Receiver<Result<Frame>>,
    /// A frame that has come and was not asked for yet.
    next: Option<Result<Frame>>,
    is_ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl EndedReader {
    /// Frames that may have been read in advance.
    const AHEAD: usize = 64;

    fn new(mut reader: Box<dyn FrameReader>, is_ending: Arc<AtomicBool>) -> Result<Self> {
        let info = reader.info().clone();
        let (sender, frames) = sync_channel(Self::AHEAD);
        let ended = Arc::clone(&is_ending);
        let thread = spawn("read", move || read_until_end(reader.as_mut(), &sender, &ended))?;
        Ok(Self { info, frames, next: None, is_ending, thread: Some(thread) })
    }
}

/// Sends the frames of `reader` until its end, or until `is_ending`.
fn read_until_end(reader: &mut dyn FrameReader, sender: &SyncSender<Result<Frame>>, is_ending: &AtomicBool) {
    while !is_ending.load(Ordering::Relaxed)
        && let Some(read) = reader.read().transpose()
    {
        let is_over = read.as_ref().is_err_and(|error| error.kind() != ErrorKind::BadInput);
        if sender.send(read).is_err() || is_over {
            break;
        }
    }
}

impl FrameReader for EndedReader {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        if let Some(frame) = self.next.take() {
            return frame.map(Some);
        }
        loop {
            match self.frames.recv_timeout(POLL) {
                Ok(frame) => return frame.map(Some),
                Err(RecvTimeoutError::Disconnected) => {
                    let ended = self.thread.take().map_or(Ok(()), JoinHandle::join);
                    return ended.map(|()| None).map_err(|_| Error::runtime("the reading thread broke down"));
                }
                Err(RecvTimeoutError::Timeout) if self.is_ending.load(Ordering::Relaxed) => return Ok(None),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn has_more(&mut self) -> bool {
        self.next = self.next.take().or_else(|| self.frames.try_recv().ok());
        self.next.is_some()
    }
}

#[cfg(test)]
mod tests {
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
        assert!(Interruption::on_signals(&[Target::Stdout], false, terminal).unwrap().is_none());
        let (interruption, count) = (Interruption::default(), Arc::new(AtomicUsize::new(0)));
        let writer = interruption.completes(&Target::Stdout, Box::new(Counter(Arc::clone(&count))));
        interruption.complete(terminal);
        assert_eq!(count.load(Ordering::Relaxed), 0);
        writer.finish().unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 100);
    }
}

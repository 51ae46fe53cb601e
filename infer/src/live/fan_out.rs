//! One stream of poses to several writers, and to receivers that see them move.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::format::PoseWriter;
use crate::pose::{Frame, LiftedFrame};

/// Gives every frame to each of several writers.
pub struct FanOut {
    /// The first is the fastest to be given a frame.
    writers: Vec<Box<dyn PoseWriter>>,
}

impl FanOut {
    /// To `writers`, in this order.
    pub fn new(writers: Vec<Box<dyn PoseWriter>>) -> Self {
        Self { writers }
    }
}

impl PoseWriter for FanOut {
    fn write(&mut self, frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        for writer in &mut self.writers {
            writer.write(frame, lifted)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        for writer in &mut self.writers {
            writer.flush()?;
        }
        Ok(())
    }

    /// Completes all of them in any case; the first failure is reported.
    fn finish(self: Box<Self>) -> Result<()> {
        let mut finished = Ok(());
        for writer in self.writers {
            finished = finished.and(writer.finish());
        }
        finished
    }
}

/// Gives frames to a writer at the pace of their times, as a clip is played. Frames without a time go at once.
pub struct PacedWriter {
    writer: Box<dyn PoseWriter>,
    /// Hears of the first frame without a time.
    report: Option<Box<dyn FnOnce() + Send>>,
    /// When the first frame went, and its time.
    start: Option<(Instant, f64)>,
    /// Ends all waiting when it is up.
    is_ending: Arc<AtomicBool>,
}

/// How long a wait goes on before the flag is looked at again.
const MAX_SLEEP: Duration = Duration::from_millis(50);

impl PacedWriter {
    /// Plays to `writer`; with the first frame without a time, `report` is called.
    pub fn new(writer: Box<dyn PoseWriter>, report: impl FnOnce() + Send + 'static) -> Self {
        Self { writer, report: Some(Box::new(report)), start: None, is_ending: Arc::default() }
    }

    /// The same, which does not wait any more once `is_ending` is true.
    pub fn until(self, is_ending: Arc<AtomicBool>) -> Self {
        Self { is_ending, ..self }
    }

    fn wait_for(&mut self, time: f64) {
        let (began, first) = *self.start.get_or_insert_with(|| (Instant::now(), time));
        let due = Duration::try_from_secs_f64(time - first).unwrap_or_default();
        while !self.is_ending.load(Ordering::Relaxed) {
            let left = due.saturating_sub(began.elapsed());
            if left.is_zero() {
                break;
            }
            std::thread::sleep(left.min(MAX_SLEEP));
        }
    }
}

impl PoseWriter for PacedWriter {
    fn write(&mut self, frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        match lifted.time {
            Some(time) => self.wait_for(time),
            None => {
                if let Some(report) = self.report.take() {
                    report();
                }
            }
        }
        self.writer.write(frame, lifted)
    }

    fn flush(&mut self) -> Result<()> {
        self.writer.flush()
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::error::Error;

    /// Keeps what is done to it; one that is broken cannot be completed.
    struct Logging {
        log: Arc<Mutex<Vec<String>>>,
        name: &'static str,
        is_broken: bool,
    }

    impl PoseWriter for Logging {
        fn write(&mut self, _: &Frame, lifted: &LiftedFrame) -> Result<()> {
            self.log.lock().unwrap().push(format!("{} {}", self.name, lifted.index));
            Ok(())
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }

        fn finish(self: Box<Self>) -> Result<()> {
            self.log.lock().unwrap().push(format!("{} ends", self.name));
            if self.is_broken { Err(Error::runtime(self.name)) } else { Ok(()) }
        }
    }

    #[test]
    fn all_get_each_frame_in_order_and_are_completed() {
        let log = Arc::<Mutex<Vec<String>>>::default();
        let writer =
            |name, is_broken| -> Box<dyn PoseWriter> { Box::new(Logging { log: Arc::clone(&log), name, is_broken }) };
        let mut both = Box::new(FanOut::new(vec![writer("a", true), writer("b", true)]));
        for index in 0..2 {
            both.write(&Frame::default(), &LiftedFrame { index, ..LiftedFrame::default() }).unwrap();
        }
        assert_eq!(both.finish().unwrap_err().to_string(), "a", "the first failure");
        assert_eq!(*log.lock().unwrap(), ["a 0", "b 0", "a 1", "b 1", "a ends", "b ends"]);
    }

    #[test]
    fn a_missing_time_is_told_once() {
        let log = Arc::<Mutex<Vec<String>>>::default();
        let told = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&told);
        let writer = Box::new(Logging { log: Arc::clone(&log), name: "a", is_broken: false });
        let mut paced = PacedWriter::new(writer, move || {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        // A time that goes back is not waited for.
        for time in [Some(5.0), None, None, Some(1.0), Some(5.01)] {
            paced.write(&Frame::default(), &LiftedFrame { time, ..LiftedFrame::default() }).unwrap();
        }
        assert_eq!((told.load(Ordering::Relaxed), log.lock().unwrap().len()), (1, 5));
    }
}

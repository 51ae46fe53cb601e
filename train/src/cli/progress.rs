//! A run's progress on stderr: one line that is updated on a terminal, occasional plain lines elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::fit::history::Summary;
use crate::fit::{Event, Progress};
use crate::memory;

/// Interval between plain progress lines.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);

/// Reports a run on stderr.
#[derive(Debug)]
pub(super) struct TerminalProgress {
    quiet: bool,
    terminal: bool,
    unit: String,
    steps: u64,
    validation: Option<f64>,
    last_line: Option<Instant>,
}

impl TerminalProgress {
    pub(super) fn new(quiet: bool) -> Self {
        let terminal = stderr().is_terminal();
        Self { quiet, terminal, unit: String::new(), steps: 0, validation: None, last_line: None }
    }

    /// The last lines of a run.
    pub(super) fn finished(&self, summary: &Summary, out: &Path) {
        if self.quiet {
            return;
        }
        self.end_line();
        for score in &summary.epochs {
            let train = score.train_mpjpe;
            let validation = score.val_mpjpe;
            eprintln!(
                "epoch {}: MPJPE {train:.2} {1} on training, {validation:.2} {1} on validation",
                score.epoch, self.unit
            );
        }
        let rate = summary.samples as f64 / summary.seconds.max(1e-9);
        eprintln!(
            "{} samples in {:.0} s ({rate:.0} samples/s) on {}",
            summary.samples, summary.seconds, summary.device
        );
        eprintln!(
            "the run is in {}; export it with `poselift-train export {} -o model.onnx`",
            out.display(),
            out.display()
        );
    }

    /// The last lines of a run that fitted a memory.
    pub(super) fn remembered(&self, summary: &memory::Summary, out: &Path) {
        if self.quiet {
            return;
        }
        self.end_line();
        let memory::Summary { frames, memory, samples, seconds } = summary;
        eprintln!("validation: MPJPE {:.2} mm, {:.2} by single frames", memory.mpjpe * 1000.0, frames.mpjpe * 1000.0);
        eprintln!(
            "  error of a joint's step from frame to frame {:.2} mm, {:.2} by single frames",
            memory.step_error * 1000.0,
            frames.step_error * 1000.0
        );
        eprintln!("{samples} frames in {seconds:.0} s");
        let run = out.display();
        eprintln!("the run is in {run}; export it with `poselift-train export {run} -o model.onnx`");
    }

    fn end_line(&self) {
        if self.terminal && self.last_line.is_some() {
            eprintln!();
        }
    }

    fn progress(&mut self, iteration: u64, train_mpjpe: f64, samples_per_second: f64) {
        let due = self.last_line.is_none_or(|at| at.elapsed() >= PLAIN_INTERVAL) || iteration == self.steps;
        if !self.terminal && !due {
            return;
        }
        self.last_line = Some(Instant::now());
        let validation = self.validation.map_or(String::new(), |error| format!(", validation {error:.1}"));
        let line = format!(
            "{iteration}/{} steps  MPJPE {train_mpjpe:.1} {}{validation}  {samples_per_second:.0} samples/s",
            self.steps, self.unit
        );
        if self.terminal {
            eprint!("\r\x1b[K{line}");
            let _ = stderr().flush();
        } else {
            eprintln!("{line}");
        }
    }
}

impl Progress for TerminalProgress {
    fn event(&mut self, event: Event<'_>) {
        if self.quiet {
            return;
        }
        match event {
            Event::Note(note) => eprintln!("{note}"),
            Event::Started { device, dataset, parameters, steps, resumed_at } => {
                self.unit = dataset.error_unit().name.to_owned();
                self.steps = steps;
                eprintln!(
                    "{} poses to learn from, {} to validate on ({}); {parameters} parameters; on {device}",
                    dataset.train_size, dataset.val_size, dataset.validated_on
                );
                if resumed_at > 0 {
                    eprintln!("resuming behind step {resumed_at} of {steps}");
                }
            }
            Event::Progress { iteration, train_mpjpe, samples_per_second } => {
                self.progress(iteration, train_mpjpe, samples_per_second);
            }
            Event::Validated { val_mpjpe, .. } => self.validation = Some(val_mpjpe),
            Event::Step { .. } => {}
        }
    }
}

//! The sums over all inputs of a run.

use crate::cli::report::Terminal;
use crate::cli::{ExitStatus, is_of_one_input};
use crate::error::{ErrorKind, Result};
use crate::skeleton::{Layout, is_of_foot};
use crate::stream::{Outcome, Stop, Tally};

/// The sums over all inputs.
#[derive(Default)]
pub(super) struct Total {
    pub(super) tally: Tally,
    pub(super) layout: Option<String>,
    /// Inputs that could not be opened, or that ended in an error.
    pub(super) broken: usize,
}

impl Total {
    /// Counts one of `inputs`. What cannot be written of one, such as two people in an array, does not stop the others; a full disk
    /// does.
    pub(super) fn count_one_of(&mut self, inputs: usize, outcome: Result<Outcome>, terminal: Terminal) -> Result<()> {
        match self.count(outcome, terminal) {
            Err(error) if inputs > 1 && is_of_one_input(&error) => {
                terminal.error(&error);
                terminal.note("that output is not complete; the other inputs are lifted");
                self.broken += 1;
                Ok(())
            }
            Err(error) if is_of_one_input(&error) => {
                terminal.note("the output is not complete");
                Err(error)
            }
            counted => counted,
        }
    }

    /// Counts an input that is through; one that could not be lifted is reported.
    pub(super) fn count(&mut self, outcome: Result<Outcome>, terminal: Terminal) -> Result<()> {
        match outcome {
            Ok(outcome) => return self.add(outcome, terminal),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Err(error),
            Err(error) => terminal.error(&error),
        }
        self.broken += 1;
        Ok(())
    }

    pub(super) fn add(&mut self, outcome: Outcome, terminal: Terminal) -> Result<()> {
        self.tally.add(&outcome.tally);
        self.layout = outcome.layout.or(self.layout.take());
        match outcome.stopped {
            None => {}
            // Frames that the output has no room for are told at its end, and all others are in it.
            Some(Stop::Writing(error)) if error.kind() != ErrorKind::BadInput => return Err(error),
            Some(Stop::Reading(error) | Stop::Lifting(error) | Stop::Writing(error)) => {
                terminal.error(&error);
                self.broken += 1;
            }
        }
        Ok(())
    }

    /// Whether people with key points of feet were lifted.
    pub(super) fn has_feet(&self) -> bool {
        let layout = self.layout.as_deref().and_then(|name| Layout::by_name(name).ok());
        self.tally.lifted > 0 && layout.is_some_and(|layout| layout.joints.iter().any(|joint| is_of_foot(joint)))
    }

    pub(super) fn exit_status(&self) -> ExitStatus {
        let Tally { frames, unreadable, people, lifted, .. } = self.tally;
        if self.tally.failed() == 0 && self.broken == 0 {
            return ExitStatus::Done;
        }
        // Frames without people count as answered where no person came who could have been lifted.
        let is_answered = lifted > 0 || people == 0 && frames > unreadable;
        if is_answered { ExitStatus::Partly } else { ExitStatus::Nothing }
    }
}

//! The exit codes of the program.

use std::process::ExitCode;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// All was done.
    Done,
    /// Some of it could not be done, and was named.
    Partly,
    /// Nothing could be done.
    Nothing,
}

impl ExitStatus {
    /// [`Self::Partly`] where something could not be done, else [`Self::Done`].
    pub(super) fn partly_if(has_failures: bool) -> Self {
        if has_failures { Self::Partly } else { Self::Done }
    }

    /// The process's exit code: 0, 1 or 2.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Partly => 1,
            Self::Nothing => 2,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}

//! Reports on stderr: notes, failures, progress, colour only where a terminal shows it.

use std::borrow::Cow;
use std::io::{IsTerminal, Write, stderr};
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::error::Error;
use crate::guard::{Notice, Report};
use crate::stream::{Failure, Observer, Tally};

/// Failures that are reported in full; the rest are counted.
const REPORTED_IN_FULL: u64 = 10;

/// stderr, as its user wants it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    quiet: bool,
    is_terminal: bool,
    colour: bool,
}

impl Terminal {
    /// stderr; `quiet` leaves only errors.
    pub(crate) fn new(quiet: bool) -> Self {
        let is_terminal = stderr().is_terminal();
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { quiet, is_terminal, colour: is_terminal && !is_dumb && !is_plain }
    }

    /// Something worth knowing.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.line("poselift: ", text);
        }
    }

    /// Something that could not be done, while the rest goes on; said even when quiet.
    pub(crate) fn warning(&self, text: &str) {
        self.line(&format!("poselift: {} ", self.paint("33", "warning:")), text);
    }

    /// Prints the error that ended the work, even when quiet.
    pub(crate) fn error(&self, error: &Error) {
        self.line(&format!("poselift: {} ", self.paint("31", "error:")), &error.to_string());
        if let Some(hint) = error.hint_text() {
            self.line(&format!("{} ", self.paint("36", "hint:")), hint);
        }
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colour { format!("\x1b[1;{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Prints one line of text from anywhere: colours are added by its callers, in `start`.
    fn line(&self, start: &str, text: &str) {
        let text = printable(text);
        let clear = if self.is_terminal { "\r\x1b[K" } else { "" };
        // There is no place left to report to if stderr is gone.
        let _ = writeln!(stderr(), "{clear}{start}{text}");
    }

    /// A line that the next one replaces; on a terminal only.
    fn passing(&self, text: &str) {
        if self.is_terminal && !self.quiet {
            let _ = write!(stderr(), "\r\x1b[K{text}");
        }
    }
}

/// `text` with its control characters escaped, so that a name from a file cannot move the cursor, change colours or
/// hide what stands beside it; ends of lines and tabs stay, directions of writing do not.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmful(c) {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// Whether `c` controls the terminal, or the direction of writing.
fn is_harmful(c: char) -> bool {
    let turns_text = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns_text || c.is_control() && !matches!(c, '\n' | '\t')
}

/// Reports how one stream goes.
pub(crate) struct StreamReport {
    terminal: Terminal,
    source: PathBuf,
    /// Hears what is assumed and noticed of the poses.
    notices: Report,
    total: Option<u64>,
    failures: u64,
    started: Instant,
}

impl StreamReport {
    /// A report on `source`, of `total` frames if that is known; what is assumed and noticed of poses goes to `notices`.
    pub(crate) fn new(terminal: Terminal, source: &Path, total: Option<u64>, notices: Report) -> Self {
        let now = Instant::now();
        Self { terminal, source: source.to_path_buf(), notices, total, failures: 0, started: now }
    }

    /// Removes the progress line and says how many failures were not reported in full.
    pub(crate) fn close(&self) {
        self.terminal.passing("");
        if self.failures > REPORTED_IN_FULL {
            let source = self.source.display();
            let more = self.failures - REPORTED_IN_FULL;
            self.terminal.warning(&format!("{source}: {more} more could not be lifted"));
        }
    }
}

impl Observer for StreamReport {
    fn noticed(&mut self, notice: &Notice) {
        (self.notices)(notice);
    }

    fn failed(&mut self, failure: &Failure<'_>) {
        self.failures += 1;
        if self.failures > REPORTED_IN_FULL {
            return;
        }
        match failure {
            Failure::Frame(error) => {
                self.terminal.warning(&error.to_string());
                if let Some(hint) = error.hint_text().filter(|_| self.failures == 1) {
                    self.terminal.line(&format!("{} ", self.terminal.paint("36", "hint:")), hint);
                }
            }
            Failure::Person(refusal) => self.terminal.warning(&format!("{}: {refusal}", self.source.display())),
        }
    }

    fn advanced(&mut self, tally: &Tally) {
        let rate = tally.lifted as f64 / self.started.elapsed().as_secs_f64();
        let of = self.total.map(|total| format!(" of {total}")).unwrap_or_default();
        self.terminal.passing(&format!("{} frames{of}, {rate:.0} poses/s", tally.frames));
    }

    fn wants_progress(&self) -> bool {
        self.terminal.is_terminal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_of_a_file_do_not_reach_a_terminal() {
        assert_eq!(printable("a name,\tin é\n"), "a name,\tin é\n");
        assert_eq!(printable("\x1b[2Jgone\r\u{9b}31m"), "\\u{1b}[2Jgone\\r\\u{9b}31m");
        assert_eq!(printable("\u{202e}cod.exe"), "\\u{202e}cod.exe");
    }
}
